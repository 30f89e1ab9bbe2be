#ifndef QN_LOAD_SLO_H
#define QN_LOAD_SLO_H

#include "tests/load/report/result.h"

/* The conditions of --slo: "p99=20ms,errors=0,rate=5000".
 *
 *   pN, p99.9 …, mean, max   latency at most so long: "20ms", "1.5s", "800us"
 *   errors                   share of the calls that ended with another code than ok, at most: "0", "0.1%"
 *   rate                     calls ended a second, at least */

enum { LOAD_SLO_MAX = 16 };

/* Names are in 'arena'. QN_INVALID_ARGUMENT: 'err' says which condition is wrong, and what would be right. */
QN_MUST_USE enum qn_status load_slo_parse(const char *text, struct qn_arena *arena,
                                          struct load_slo to[LOAD_SLO_MAX], size_t *n, struct qn_error *err);

/* Fills in 'was' and 'met' of each of the result's conditions; whether all are met. */
bool load_slo_check(struct load_result *result);

#endif
