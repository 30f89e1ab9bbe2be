#ifndef QN_LOOP_PRIVATE_H
#define QN_LOOP_PRIVATE_H

#include <signal.h>
#include <uv.h>

#include "common/core/check.h"
#include "common/loop/loop.h"
#include "common/loop/post.h"
#include "common/loop/timer.h"

/* What the files of this room share and nobody else sees. */

struct qn_loop {
    uv_loop_t uv;
    bool running;

    /* later.c */
    uv_prepare_t before_poll;
    uv_check_t after_poll;
    uv_idle_t dont_wait; /* active while something is to be done later: the loop then polls without waiting */
    struct qn_list laters;

    /* timer.c: a binary heap from index 1, the timer due first on top. It grows with the number of timers
     * that run at once, which their owners bound, and never shrinks. */
    uv_timer_t clock;
    uv_idle_t due_now; /* active while one is due */
    bool firing;
    struct qn_timer **timers;
    size_t n_timers;
    size_t timers_capacity;
    uint64_t next_order;

    /* resolve.c */
    size_t n_resolving;           /* look-ups whose 'done' is to come */
    struct qn_post *resolve_post; /* open while there are any */
};

/* Every libuv handle of this room has one of these as its 'data', so that a handle left over can be named. */
struct qn_owner {
    const char *kind;   /* "poll", "lane" … */
    const char *detail; /* a lane's name; or NULL */
};

/* The 'kind' of resolve_post, which is named by the look-ups themselves. */
extern const char qn_resolve_kind[];

/* The one place where libuv's errors become ours. Logs a number that it does not know, and returns
 * QN_INTERNAL. */
enum qn_status qn_loop_status(int uv_error);

/* For a thread that is made next: signals are for the loop's. The mask as it was is to be set again. */
void qn_work_block_signals(sigset_t *ret_before);

void qn_later_init(struct qn_loop *loop);
void qn_timer_init(struct qn_loop *loop);
void qn_timer_fini(struct qn_loop *loop);

/* As qn_post_open(); 'owner' (of longer life) names the handle. */
enum qn_status qn_post_open_for(struct qn_loop *loop, const struct qn_owner *owner,
                                void (*take)(void *context, struct qn_node *node), void *context,
                                struct qn_post **ret_post);

#endif
