#ifndef QN_LOAD_RUN_H
#define QN_LOAD_RUN_H

#include "tests/load/options.h"

/* A whole run: what the command line asks for, on a loop of its own, from the first connection to the last.
 * Blocks until it is over; SIGINT and SIGTERM end it early, and what was counted until then is the result. */

/* 'ret_result' is initialised in here in any case. QN_OK: there is a result. QN_INVALID_ARGUMENT and others:
 * 'err' says what could not even begin. */
QN_MUST_USE enum qn_status load_run(const struct load_options *options, struct load_calls *calls,
                                    struct load_result *ret_result, struct qn_error *err);

/* What the options leave open, once the methods are known: --connections, and --concurrency where connections
 * are fewer.
 */
void load_run_settle(struct load_options *options, const struct load_calls *calls);

#endif
