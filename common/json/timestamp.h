#ifndef QN_JSON_TIMESTAMP_H
#define QN_JSON_TIMESTAMP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/core/str.h"

/* google.protobuf.Timestamp as text: RFC 3339, years 0001 to 9999, up to nanoseconds. Any thread. */

/* Any offset is taken; false for what is not such a text or lies out of range. */
bool qn_timestamp_parse(struct qn_str text, int64_t *ret_seconds, int32_t *ret_nanos);

enum { QN_TIMESTAMP_TEXT_MAX = 31 }; /* "9999-12-31T23:59:59.999999999Z" and a NUL */

/* In UTC with 0, 3, 6 or 9 digits of fraction, as few as do, and a NUL; returns the length before it. 0: out
 * of range, and nothing is written. */
size_t qn_timestamp_format(int64_t seconds, int32_t nanos, char to[QN_TIMESTAMP_TEXT_MAX]);

#endif
