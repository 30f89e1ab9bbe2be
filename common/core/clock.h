#ifndef QN_CORE_CLOCK_H
#define QN_CORE_CLOCK_H

#include <stdbool.h>
#include <stdint.h>

#include "common/core/str.h"

/* Milliseconds of CLOCK_MONOTONIC: for deadlines and durations. Never 0. Any thread. */
uint64_t qn_clock_now_ms(void);
/* Microseconds of the same clock: for histograms. Any thread. */
uint64_t qn_clock_now_us(void);

/* Milliseconds since 1970-01-01T00:00:00Z: for what is written down. Any thread. */
int64_t qn_clock_wall_ms(void);

/* What is left until 'deadline_ms' (of qn_clock_now_ms), 0 once it has passed. */
uint64_t qn_clock_left_ms(uint64_t deadline_ms);

enum { QN_TIME_TEXT_LEN = 24 }; /* "2026-11-23T04:15:56.937Z" */

/* Writes exactly QN_TIME_TEXT_LEN characters and a NUL. Requires: years 0000 to 9999. */
void qn_time_format(int64_t wall_ms, char to[QN_TIME_TEXT_LEN + 1]);

/* RFC 3339 with 'Z' or an offset, up to nine fraction digits (cut to milliseconds), as proto3's JSON mapping
 * wants it: capital T and Z, no leap second. False on anything else, and on an instant outside the years 0000
 * to 9999 in UTC, so that every result can be formatted. */
bool qn_time_parse(struct qn_str text, int64_t *ret_wall_ms);

struct qn_date {
    int year, month, day; /* proleptic Gregorian; month and day from 1 */
};

/* "YYYY-MM-DD", a day that exists, year 0001 to 9999. */
bool qn_date_parse(struct qn_str text, struct qn_date *ret_date);
struct qn_date qn_date_of(int64_t wall_ms); /* in UTC */
/* Whole years from 'birth' to 'today'; someone born on 29 February comes of age on 1 March. May be negative.
 */
int qn_date_years(struct qn_date birth, struct qn_date today);

#endif
