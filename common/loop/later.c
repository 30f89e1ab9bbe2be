#include "common/loop/private.h"

/* Where laters run within a turn of libuv's loop:
 *
 *   timers → before_poll: drain → wait for events → their callbacks → after_poll: drain → close callbacks →
 * again
 *
 * So what timers ask for is done before the loop waits, and what events ask for right after the last of them.
 * What is asked for elsewhere (in a close callback, before the loop runs, past a drain's bound) finds
 * 'dont_wait' active: it keeps the loop alive and its next wait at zero, until a drain leaves nothing behind.
 */

/* A later may start others, and they run in the same drain; one that starts itself for ever must not keep
 * events from being seen. */
enum { DRAIN_ROUNDS_MAX = 16 };

static void drain(struct qn_loop *loop)
{
    for (int round = 0; round < DRAIN_ROUNDS_MAX && !qn_list_empty(&loop->laters); round++) {
        /* Those here now; cancelling some lets as many of the next round in, which does no harm. */
        for (size_t n = loop->laters.len; n > 0 && !qn_list_empty(&loop->laters); n--) {
            struct qn_later *later = container_of(qn_list_pop(&loop->laters), struct qn_later, node);
            later->run(later); /* may free it */
        }
    }
    if (qn_list_empty(&loop->laters))
        uv_idle_stop(&loop->dont_wait);
}

static void on_before_poll(uv_prepare_t *handle)
{
    drain(container_of(handle, struct qn_loop, before_poll));
}

static void on_after_poll(uv_check_t *handle)
{
    drain(container_of(handle, struct qn_loop, after_poll));
}

static void on_dont_wait(uv_idle_t *handle)
{
    (void)handle;
}

void qn_later_init(struct qn_loop *loop)
{
    qn_list_init(&loop->laters);
    /* None of these calls can fail (libuv: uv_prepare_init and its like return 0). */
    uv_prepare_init(&loop->uv, &loop->before_poll);
    uv_check_init(&loop->uv, &loop->after_poll);
    uv_idle_init(&loop->uv, &loop->dont_wait);
    uv_prepare_start(&loop->before_poll, on_before_poll);
    uv_check_start(&loop->after_poll, on_after_poll);
    /* They alone are no reason to go on running. */
    uv_unref((uv_handle_t *)&loop->before_poll);
    uv_unref((uv_handle_t *)&loop->after_poll);
}

void qn_later_start(struct qn_loop *loop, struct qn_later *later, void (*run)(struct qn_later *later))
{
    if (qn_node_linked(&later->node))
        return;
    later->run = run;
    qn_list_push(&loop->laters, &later->node);
    uv_idle_start(&loop->dont_wait, on_dont_wait);
}

void qn_later_cancel(struct qn_loop *loop, struct qn_later *later)
{
    if (!qn_node_linked(&later->node))
        return;
    qn_list_remove(&loop->laters, &later->node);
    if (qn_list_empty(&loop->laters))
        uv_idle_stop(&loop->dont_wait);
}
