#ifndef QN_CORE_BACKLOG_H
#define QN_CORE_BACKLOG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Whether a queue may take one more: whoever waits for something that has a speed of its own asks this
 * before, so that a call which cannot be answered in time is refused at once, with a hint when to come again,
 * instead of waiting until it is too late for it and for those behind.
 *
 * Without it a queue in front of something that is asked for more than it can do fills with calls whose time
 * is nearly over, and each that is served in its turn is answered too late: all work is wasted. (Measured on
 * the whole path, asked for twice what the database could do: a tenth of the answers came in time.)
 *
 * The rule: a call may wait for half of what its deadline leaves beside being served itself. How long it
 * would wait follows from how many wait in front and how fast places have come free lately; how long being
 * served takes, from the median of those before. Half, because both are estimates: the speed may halve and
 * what was promised still holds. A queue that is empty takes anybody, so a wrong estimate cannot shut it for
 * good. Waiting longer than that is nobody's gain: a queue that never empties serves no more for being long.
 *
 * Why not CoDel (RFC 8289) or newest-first, which know no deadlines: both let calls wait and drop them
 * afterwards, where this one answers at once; and a bound on the wait that is the same for all either refuses
 * a burst that patient callers would sit out, or is too long for the impatient.
 *
 * Plain arithmetic on clock values that the owner passes in. Zeroed: nothing known, everybody is taken. */
struct qn_backlog {
    double gap_us;     /* between two turns in which some left, and how many left: smoothed, together the   */
    double n_left;     /* time a place costs; stretches in which nobody waited are not in it                */
    double service_us; /* from leaving the queue to the answer: the median, followed in small steps        */
    uint64_t since_us; /* since when those that wait have not moved on */
};

/* One came into an empty queue. */
static inline void qn_backlog_begin(struct qn_backlog *backlog, uint64_t now_us)
{
    backlog->since_us = now_us;
}

/* In this turn 'n' left the queue to be served; those that gave up do not count. Requires: n > 0. */
void qn_backlog_left(struct qn_backlog *backlog, size_t n, uint64_t now_us);

/* One was served, so long after it had left the queue. Also one that was given up after so long. */
void qn_backlog_served(struct qn_backlog *backlog, uint64_t took_us);

/* How long one that came now, behind 'n_waiting', would wait. 0 when nobody waits. */
uint64_t qn_backlog_wait_us(const struct qn_backlog *backlog, size_t n_waiting, uint64_t now_us);

/* The rule. A wait of 0 is always borne. */
bool qn_backlog_bears(uint64_t wait_us, uint64_t service_us, uint64_t left_us);

/* Whether one with so much time left may wait behind 'n_waiting'. False: it is to be refused, and
 * 'ret_retry_after_ms' is a time after which the queue will have moved on: at least a tenth of a second, at
 * most half a minute, spread so that those refused together do not come back together. */
bool qn_backlog_admits(const struct qn_backlog *backlog, size_t n_waiting, uint64_t left_us, uint64_t now_us,
                       uint32_t *ret_retry_after_ms);

/* Whether the answer to one that would leave the queue now can be expected only when its time is over. Such a
 * one is refused rather than served, if others wait that can use its turn. */
bool qn_backlog_too_late(const struct qn_backlog *backlog, uint64_t left_us);

/* The hint for a wait of so long. */
uint32_t qn_backlog_retry_after_ms(uint64_t wait_us, uint64_t now_us);

#endif
