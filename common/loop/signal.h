#ifndef QN_LOOP_SIGNAL_H
#define QN_LOOP_SIGNAL_H

#include "common/loop/loop.h"

/* Delivers a signal on the loop. */
struct qn_signal;

QN_MUST_USE enum qn_status qn_signal_open(struct qn_loop *loop, int number,
                                          void (*caught)(void *context, int number), void *context,
                                          struct qn_signal **ret_signal);
/* No callback follows; the handle frees itself. */
void qn_signal_close(struct qn_signal *signal);

#endif
