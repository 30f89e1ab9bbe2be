#ifndef QN_JSON_NUMBER_H
#define QN_JSON_NUMBER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/core/status.h"
#include "common/core/str.h"

/* JSON's numbers as text, apart from any locale. Any thread. */

/* Length of the longest number of JSON's grammar (RFC 8259 section 6) at the front; 0 when there is none. */
size_t qn_number_scan(struct qn_str text);

/* The nearest double; ±infinity beyond the largest, ±0 below the smallest. Requires: NUL-terminated text of
 * JSON's grammar. */
double qn_number_to_double(const char *text);

/* The exact value when it is a whole number, however it is written: "1e3", "1.0" and "-0" are.
 * QN_INVALID_ARGUMENT: it is not whole. QN_OUT_OF_RANGE: its magnitude does not fit in 64 bits.
 * Requires: text of JSON's grammar. */
QN_MUST_USE enum qn_status qn_number_to_integer(struct qn_str text, bool *ret_negative,
                                                uint64_t *ret_magnitude);

enum { QN_NUMBER_TEXT_MAX = 32 }; /* "-0.0000012345678901234567" needs 26 with its NUL */

/* The fewest digits that read back as the same number, laid out as JavaScript does (ECMA-262 section
 * 6.1.6.1.20, Number::toString), except that -0 keeps its sign. Writes a NUL; returns the length before it.
 * Requires: a finite number. */
size_t qn_number_from_double(double number, char to[QN_NUMBER_TEXT_MAX]);

/* As above, but the digits need only tell 'number' from other floats: 0.1f is "0.1". Read it back as a double
 * and then make that a float. */
size_t qn_number_from_float(float number, char to[QN_NUMBER_TEXT_MAX]);

#endif
