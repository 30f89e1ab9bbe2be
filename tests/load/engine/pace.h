#ifndef QN_LOAD_PACE_H
#define QN_LOAD_PACE_H

#include "common/loop/loop.h"
#include "tests/load/calls/target.h"

/* The real clock: CLOCK_MONOTONIC, and a timerfd on the loop, because libuv's timers know only milliseconds.
 */
struct load_pace;

QN_MUST_USE enum qn_status load_pace_open(struct qn_loop *loop, struct load_pace **ret_pace);
void load_pace_close(struct load_pace *pace);
struct load_clock *load_pace_clock(struct load_pace *pace);

#endif
