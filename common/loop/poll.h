#ifndef QN_LOOP_POLL_H
#define QN_LOOP_POLL_H

#include "common/loop/loop.h"

/* Watches a file descriptor that somebody else owns (libpq, libmicrohttpd, libcurl, common/http's client). */
struct qn_poll;

enum { QN_READABLE = 1, QN_WRITABLE = 2 };

/* 'events': what happened, a set of the two; on an error of the descriptor, what was asked for (the owner's
 * next read or write then tells). */
typedef void qn_poll_cb(void *context, int events);

QN_MUST_USE enum qn_status qn_poll_open(struct qn_loop *loop, int fd, qn_poll_cb *ready, void *context,
                                        struct qn_poll **ret_poll);

/* What to wait for from now on; 0: nothing. Level-triggered. */
void qn_poll_want(struct qn_poll *poll, int events);

/* Stops at once: no callback follows, the handle frees itself later, and the descriptor may be closed as soon
 * as this returns. */
void qn_poll_close(struct qn_poll *poll);

#endif
