#ifndef QN_LOAD_REPORT_H
#define QN_LOAD_REPORT_H

#include <stdbool.h>
#include <stdio.h>

#include "common/core/buf.h"
#include "tests/load/report/result.h"

/* What came of a run, written in each form that FORMATS.md describes. All only read the result, and write to
 * 'to' without closing it. Texts from outside (method names, targets, commands, metric series) may hold
 * anything: each form escapes them in its own way.
 *
 * The bools: false when 'to' did not take it all (errno says why; a text that is too long is EFBIG), and what
 * it then holds is worth nothing. */

/* For people. In colours when 'to' is a terminal that wants them. */
void load_report_table(FILE *to, const struct load_result *result);

/* One object, "schema": "quintet-load/1"; load_read_json() reads it back. */
bool load_report_json(FILE *to, const struct load_result *result);
/* A header and a row a second. */
bool load_report_csv(FILE *to, const struct load_result *result);
/* Response times in HdrHistogram's percentile format, in milliseconds, for its plotter. */
bool load_report_hgrm(FILE *to, const struct load_result *result);
/* One page that needs nothing beside itself. */
bool load_report_html(FILE *to, const struct load_result *result);

/* The longest report in bytes; a day's run takes 40 MB. */
enum { LOAD_REPORT_MAX = 128 * 1024 * 1024 };

/* Writes the buffer out, frees it and flushes: what the bools above end with. */
bool load_report_finish(FILE *to, struct qn_buf *buf);

#endif
