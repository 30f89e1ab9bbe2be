#ifndef RUN_SIGNALS_H
#define RUN_SIGNALS_H

#include "common/loop/signal.h"
#include "common/loop/timer.h"

/* SIGUSR1 asks for a restart of the services (restart.h), until we are ending.
 *
 * Who ends us, and how: SIGINT and SIGTERM; and SIGHUP, by which a terminal that goes away is told.
 *
 * - A SIGHUP that was ignored when we started stays so: that is nohup(1).
 * - The same signal twice in an instant is one: timeout(1), npm and their like pass on to us what our process
 *   group gets as well. No hand is as fast.
 * - A SIGHUP is never the second one: shell and kernel both send it. */
enum { RUN_SIGNALS = 4, RUN_SIGNALS_SAME_MS = 50 };

struct run_signals {
    void (*first)(struct run_signals *signals, const char *name);
    void (*second)(struct run_signals *signals, int number, const char *name); /* at each further one */
    void (*restart)(struct run_signals *signals);

    struct qn_loop *loop;
    struct qn_signal *caught[RUN_SIGNALS];
    int number; /* of the first; 0: none came yet */
    bool same;  /* it may still be on its way a second time */
    struct qn_timer instant;
};

/* Requires: the three callbacks are set, the rest is zero. */
QN_MUST_USE enum qn_status run_signals_open(struct run_signals *signals, struct qn_loop *loop);
/* No callback follows. */
void run_signals_close(struct run_signals *signals);

#endif
