#ifndef QN_TESTS_LOAD_SAMPLE_H
#define QN_TESTS_LOAD_SAMPLE_H

#include <stdio.h>

#include "tests/load/report/result.h"

/* Results to report about: a minute of an open loop in which a command stalls the service for three seconds,
 * with everything in it that a result can hold. The same in every run. */

/* Requires: load_result_fini() in the end. */
void sample_result(struct load_result *ret_result);

/* Texts that try to break out of each format, in every place where a text comes from outside. */
extern const char sample_hostile[];
void sample_make_hostile(struct load_result *result);

/* What a report wrote, NUL-terminated; free() it. 'report' is one of report.h. */
char *sample_report(bool (*report)(FILE *to, const struct load_result *result),
                    const struct load_result *result, size_t *ret_len);
bool sample_table(FILE *to, const struct load_result *result);

#endif
