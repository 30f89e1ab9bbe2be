#ifndef PROFILE_STORE_ROW_H
#define PROFILE_STORE_ROW_H

#include <stdbool.h>
#include <stdint.h>

#include "common/core/arena.h"
#include "common/core/clock.h"
#include "common/core/str.h"
#include "services/profile/pg/query.h"

/* A row of a result, read column by column in the order in which the statement names them. A value that is
 * not of the form asked for marks the row as bad and reads as nothing: one look at the end suffices. It means
 * that the connection's settings (DateStyle) or the table's types are not what they should be. */
struct store_row {
    const PGresult *result;
    int row;
    int next; /* column */
    bool
        binary; /* the answer's format; then a number is an integer, and there are neither dates nor arrays */
    bool bad;
};

/* Requires: the result has that row. */
struct store_row store_row_of(const PGresult *result, int row);

/* Requires of each: one more column. */
bool store_row_null(const struct store_row *row);   /* whether the next is null; moves nothing */
struct qn_str store_row_str(struct store_row *row); /* NUL-terminated, as long as the result; null: "" */
int64_t store_row_i64(struct store_row *row);       /* null: 0 */
bool store_row_bool(struct store_row *row);         /* null: false */
/* Milliseconds since 1970 of a timestamp in UTC or a timestamp with time zone, as DateStyle ISO writes both:
 * "2026-11-23 04:15:56.937", "2026-11-23 04:15:56.937123+00", or as they come in binary. Cut to whole
 * milliseconds, as JavaScript's Date does, and to PROFILE_TIME_MIN_MS and _MAX_MS ("infinity",
 * "0044-03-15 12:00:00 BC"). Null: 0. PostgreSQL's own arithmetic, extract(epoch …) * 1000, gives the same
 * and costs it a fifth of a session look-up more. */
int64_t store_row_time(struct store_row *row);
struct qn_date store_row_date(struct store_row *row); /* year 0 for null */
/* The elements of a one-dimensional array of text; null and {} give none, a null element an empty text. Views
 * and copies last as long as the arena. False at its ceiling. */
bool store_row_array(struct store_row *row, struct qn_arena *arena, struct qn_str **ret_values,
                     size_t *ret_n);

#endif
