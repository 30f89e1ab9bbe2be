#ifndef QN_LOAD_READ_JSON_H
#define QN_LOAD_READ_JSON_H

#include "tests/load/report/result.h"

/* A result back from the file that load_report_json() wrote, or a later version of it under the same schema:
 * members that are not known are passed over. What this version writes must be there and make sense (kinds,
 * ranges, histograms whose counts add up), so that nothing is compared that is no result.
 *
 * QN_OK: *ret_result is to be ended with load_result_fini(). Otherwise it is already, and 'err' says what is
 * wrong and where ("a.json: seconds[3].ended: …"): QN_INVALID_ARGUMENT it is no such result;
 * QN_RESOURCE_EXHAUSTED it is too large; QN_UNAVAILABLE the file cannot be read. */
QN_MUST_USE enum qn_status load_read_json(const char *path, struct load_result *ret_result,
                                          struct qn_error *err);
/* The same of a text in memory, without the file's name in the message. */
QN_MUST_USE enum qn_status load_read_json_text(struct qn_str text, struct load_result *ret_result,
                                               struct qn_error *err);

/* A day's run takes 15 MB. */
enum { LOAD_READ_FILE_MAX = 64 * 1024 * 1024 };

#endif
