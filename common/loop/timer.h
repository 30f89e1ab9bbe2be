#ifndef QN_LOOP_TIMER_H
#define QN_LOOP_TIMER_H

#include <stdint.h>

#include "common/loop/loop.h"

/* Timers that cost an insertion into a heap of our own; one libuv timer serves them all, so a timer is plain
 * memory: a zeroed one is idle, and a cancelled one may be freed at once. Resolution: one millisecond; a
 * timer never fires early. */
struct qn_timer {
    uint64_t due_ms; /* qn_clock_now_ms() */
    uint64_t order;  /* equal times fire in the order started */
    size_t place;    /* in the heap, from 1; 0: idle */
    void (*fire)(struct qn_timer *timer);
};

/* Fires once, after 'after_ms'; a running one is moved. */
void qn_timer_start(struct qn_loop *loop, struct qn_timer *timer, uint64_t after_ms,
                    void (*fire)(struct qn_timer *timer));
/* Does nothing if it is idle. */
void qn_timer_cancel(struct qn_loop *loop, struct qn_timer *timer);

static inline bool qn_timer_active(const struct qn_timer *timer)
{
    return timer->place != 0;
}

#endif
