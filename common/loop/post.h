#ifndef QN_LOOP_POST_H
#define QN_LOOP_POST_H

#include "common/loop/loop.h"

/* The one way onto the loop from another thread: a queue of nodes that the loop drains in order. */
struct qn_post;

/* 'take' runs on the loop for each node posted, in the order posted. */
QN_MUST_USE enum qn_status qn_post_open(struct qn_loop *loop,
                                        void (*take)(void *context, struct qn_node *node), void *context,
                                        struct qn_post **ret_post);

/* Any thread. The node belongs to the queue until 'take' gets it; it must not be linked. The loop is woken
 * while the queue's lock is held, so qn_post_close() cannot slip between the two. */
void qn_post(struct qn_post *post, struct qn_node *node);

/* Requires: no thread posts any more. What is still queued is taken first; then 'closed' runs, and the queue
 * is gone. */
void qn_post_close(struct qn_post *post, void (*closed)(void *context), void *context);

#endif
