#ifndef QN_LOAD_AT_H
#define QN_LOAD_AT_H

#include "common/loop/loop.h"
#include "tests/load/options.h"

/* Commands that run in the middle of a run (--at), by /bin/sh: to kill, restart or slow down what is being
 * loaded. Their output goes to our stderr, as it comes: between 'starting' and 'ended' somebody else may
 * write there. */
struct load_at;

/* 'marks' are the result's; commands and times are set in them. 'starting' runs before each
 * command, 'ended' once after it, also for one that could not be started or is left running by
 * load_at_close(); both may be NULL. Nothing runs yet. */
QN_MUST_USE enum qn_status load_at_open(struct qn_loop *loop, struct load_mark *marks, size_t n_marks,
                                        void (*starting)(void *context, const struct load_mark *mark),
                                        void (*ended)(void *context), void *context, struct load_at **ret_at);
/* The counting has begun: times count from now. */
void load_at_begin(struct load_at *at);
/* No further command is started; those that still run go on by themselves, with exit_code -1. */
void load_at_close(struct load_at *at);

/* When the run is whole: the time that each took to recover, from the seconds. */
void load_at_recovery(struct load_result *result);

#endif
