#include "common/loop/timer.h"

#include <stdlib.h>

#include "common/core/check.h"
#include "common/core/clock.h"
#include "common/loop/private.h"

/* A binary heap: the children of place n are 2n and 2n+1, and no parent is due after its child. */

static bool is_before(const struct qn_timer *a, const struct qn_timer *b)
{
    return a->due_ms != b->due_ms ? a->due_ms < b->due_ms : a->order < b->order;
}

static void put_at(struct qn_loop *loop, size_t place, struct qn_timer *timer)
{
    loop->timers[place] = timer;
    timer->place = place;
}

static void move_up(struct qn_loop *loop, struct qn_timer *timer)
{
    size_t place = timer->place;
    while (place > 1 && is_before(timer, loop->timers[place / 2])) {
        put_at(loop, place, loop->timers[place / 2]);
        place /= 2;
    }
    put_at(loop, place, timer);
}

static void move_down(struct qn_loop *loop, struct qn_timer *timer)
{
    size_t place = timer->place;
    for (;;) {
        size_t child = place * 2;
        if (child > loop->n_timers)
            break;
        if (child < loop->n_timers && is_before(loop->timers[child + 1], loop->timers[child]))
            child++;
        if (!is_before(loop->timers[child], timer))
            break;
        put_at(loop, place, loop->timers[child]);
        place = child;
    }
    put_at(loop, place, timer);
}

static void insert(struct qn_loop *loop, struct qn_timer *timer)
{
    if (loop->n_timers + 1 >= loop->timers_capacity) {
        size_t capacity = loop->timers_capacity ? loop->timers_capacity * 2 : 64;
        struct qn_timer **timers = realloc(loop->timers, capacity * sizeof(struct qn_timer *));
        QN_CHECK(timers); /* a timer that never fires would be a call that never ends */
        loop->timers = timers;
        loop->timers_capacity = capacity;
    }
    put_at(loop, ++loop->n_timers, timer);
    move_up(loop, timer);
}

static void take_out(struct qn_loop *loop, struct qn_timer *timer)
{
    QN_CHECK(timer->place <= loop->n_timers && loop->timers[timer->place] == timer);
    struct qn_timer *last = loop->timers[loop->n_timers--];
    if (last != timer) {
        put_at(loop, timer->place, last);
        move_up(loop, last);
        move_down(loop, last);
    }
    timer->place = 0;
}

static void on_clock(uv_timer_t *handle);
static void on_due_now(uv_idle_t *handle);

/* Timers fire in the idle phase of libuv's turn, so that each turn has one place for them, and events are
 * seen between: libuv 1.44 fires a timer of zero that starts itself again and again before it looks at
 * anything else. libuv's own timer only ends the wait. Without timers both stand still, and so do not keep
 * the loop alive. */
static void wind_clock(struct qn_loop *loop)
{
    if (loop->firing)
        return; /* done at the end */
    uv_timer_stop(&loop->clock);
    uv_idle_stop(&loop->due_now);
    if (loop->n_timers == 0)
        return;
    /* Relative to libuv's idea of now, which lags behind; both count CLOCK_MONOTONIC in milliseconds. */
    uint64_t due_ms = loop->timers[1]->due_ms, now_ms = uv_now(&loop->uv);
    if (due_ms > now_ms)
        uv_timer_start(&loop->clock, on_clock, due_ms - now_ms, 0);
    else
        uv_idle_start(&loop->due_now, on_due_now);
}

static void on_clock(uv_timer_t *handle)
{
    uv_idle_start(&container_of(handle, struct qn_loop, clock)->due_now, on_due_now);
}

static void on_due_now(uv_idle_t *handle)
{
    struct qn_loop *loop = container_of(handle, struct qn_loop, due_now);
    uint64_t now_ms = qn_clock_now_ms();
    uint64_t newer = loop->next_order; /* started by a callback below: not in this turn */
    loop->firing = true;
    while (loop->n_timers > 0) {
        struct qn_timer *timer = loop->timers[1];
        if (timer->due_ms > now_ms || timer->order >= newer)
            break;
        take_out(loop, timer);
        timer->fire(timer); /* may free it */
    }
    loop->firing = false;
    wind_clock(loop);
}

void qn_timer_init(struct qn_loop *loop)
{
    uv_timer_init(&loop->uv, &loop->clock); /* neither can fail */
    uv_idle_init(&loop->uv, &loop->due_now);
}

void qn_timer_fini(struct qn_loop *loop)
{
    free(loop->timers);
}

void qn_timer_start(struct qn_loop *loop, struct qn_timer *timer, uint64_t after_ms,
                    void (*fire)(struct qn_timer *timer))
{
    struct qn_timer *first = loop->n_timers ? loop->timers[1] : NULL;
    if (qn_timer_active(timer))
        take_out(loop, timer);
    /* Counted from the end of the millisecond that is running, so that none fires early. */
    uint64_t from_ms = after_ms ? (qn_clock_now_us() + 999) / 1000 : qn_clock_now_ms();
    timer->due_ms = after_ms < UINT64_MAX - from_ms ? from_ms + after_ms : UINT64_MAX;
    timer->order = loop->next_order++;
    timer->fire = fire;
    insert(loop, timer);
    if (loop->timers[1] != first || timer == first)
        wind_clock(loop);
}

void qn_timer_cancel(struct qn_loop *loop, struct qn_timer *timer)
{
    if (!qn_timer_active(timer))
        return;
    bool was_first = timer->place == 1;
    take_out(loop, timer);
    if (was_first)
        wind_clock(loop);
}
