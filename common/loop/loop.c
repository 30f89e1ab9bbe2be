#include "common/loop/loop.h"

#include <stdio.h>
#include <stdlib.h>

#include "common/core/buf.h"
#include "common/core/check.h"
#include "common/loop/private.h"

/* For the text of qn_loop_leftovers(): one that names a hundred handles says no more. */
enum { LEFTOVERS_TEXT_MAX = 4096 };

/* Turns given to handles that are closing already. Each needs one; a close callback may close another. */
enum { CLOSING_TURNS_MAX = 64 };

enum qn_status qn_loop_new(struct qn_loop **ret_loop)
{
    struct qn_loop *loop = calloc(1, sizeof *loop);
    if (!loop)
        return QN_RESOURCE_EXHAUSTED;
    enum qn_status status = qn_loop_status(uv_loop_init(&loop->uv));
    if (status != QN_OK) {
        free(loop);
        return status;
    }
    qn_later_init(loop);
    qn_timer_init(loop);
    *ret_loop = loop;
    return QN_OK;
}

static bool run(struct qn_loop *loop, uv_run_mode mode)
{
    QN_CHECK(!loop->running); /* a callback must not run the loop it runs on */
    loop->running = true;
    bool more = uv_run(&loop->uv, mode) != 0;
    loop->running = false;
    return more;
}

void qn_loop_run(struct qn_loop *loop)
{
    run(loop, UV_RUN_DEFAULT);
}

bool qn_loop_turn(struct qn_loop *loop)
{
    return run(loop, UV_RUN_NOWAIT);
}

bool qn_loop_wait(struct qn_loop *loop)
{
    /* What runs before the wait (timers, laters) runs while an idle handle is active, and then libuv does not
     * wait in this turn. */
    return run(loop, UV_RUN_ONCE);
}

void qn_loop_stop(struct qn_loop *loop)
{
    uv_stop(&loop->uv);
}

static bool is_own(const struct qn_loop *loop, const uv_handle_t *handle)
{
    return handle == (const uv_handle_t *)&loop->before_poll ||
           handle == (const uv_handle_t *)&loop->after_poll ||
           handle == (const uv_handle_t *)&loop->dont_wait || handle == (const uv_handle_t *)&loop->clock ||
           handle == (const uv_handle_t *)&loop->due_now;
}

struct leftovers {
    struct qn_loop *loop;
    struct qn_buf *to; /* may be NULL */
    size_t count;
    size_t closing;
};

static void name_one(struct leftovers *left, const char *kind, const char *detail)
{
    if (left->to)
        qn_buf_printf(left->to, "%s%s%s%s", left->count ? ", " : "", kind, detail ? " " : "",
                      detail ? detail : "");
    left->count++;
}

static void visit(uv_handle_t *handle, void *context)
{
    struct leftovers *left = context;
    if (is_own(left->loop, handle))
        return;
    if (uv_is_closing(handle)) {
        left->closing++;
        return;
    }
    const struct qn_owner *owner = handle->data;
    if (owner->kind == qn_resolve_kind)
        return; /* its look-ups are counted one by one */
    name_one(left, owner->kind, owner->detail);
}

static struct leftovers look(struct qn_loop *loop, struct qn_buf *to)
{
    struct leftovers left = {.loop = loop, .to = to};
    uv_walk(&loop->uv, visit, &left);
    for (size_t i = 0; i < loop->n_timers; i++)
        name_one(&left, "timer", NULL);
    for (size_t i = 0; i < loop->laters.len; i++)
        name_one(&left, "later", NULL);
    for (size_t i = 0; i < loop->n_resolving; i++)
        name_one(&left, "resolve", NULL);
    return left;
}

size_t qn_loop_leftovers(struct qn_loop *loop, struct qn_buf *to)
{
    struct leftovers left = look(loop, NULL);
    /* What was closed frees itself in a turn or two, and may do things in its close callback. */
    for (int turn = 0; turn < CLOSING_TURNS_MAX && left.closing > 0 && left.count == 0; turn++) {
        qn_loop_turn(loop);
        left = look(loop, NULL);
    }
    if (left.count == 0)
        return left.closing;
    return look(loop, to).count;
}

bool qn_loop_free(struct qn_loop *loop)
{
    struct qn_buf names;
    qn_buf_init(&names, LEFTOVERS_TEXT_MAX);
    size_t count = qn_loop_leftovers(loop, &names);
    if (count > 0)
        fprintf(stderr, "quintet: the loop still has %zu open: %s\n", count, qn_buf_view(&names).ptr);
    qn_buf_fini(&names);
    if (count > 0)
        return false;

    uv_close((uv_handle_t *)&loop->before_poll, NULL);
    uv_close((uv_handle_t *)&loop->after_poll, NULL);
    uv_close((uv_handle_t *)&loop->dont_wait, NULL);
    uv_close((uv_handle_t *)&loop->clock, NULL);
    uv_close((uv_handle_t *)&loop->due_now, NULL);
    run(loop, UV_RUN_DEFAULT);
    QN_CHECK(uv_loop_close(&loop->uv) == 0);
    qn_timer_fini(loop);
    free(loop);
    return true;
}
