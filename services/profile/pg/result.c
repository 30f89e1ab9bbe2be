#include <stdlib.h>
#include <string.h>

#include "services/profile/pg/query.h"

/* Reading results and writing array parameters: the text formats of PostgreSQL documentation, "Arrays: Array
 * Input and Output Syntax" and "Boolean Type"; the binary ones, which it leaves to the types' send functions
 * (boolsend, timestamp_send and timestamptz_send; times are 64-bit integers in every server since 10). */

/* src/include/catalog/pg_type.dat; built-in types keep their numbers for ever. */
enum { TIMESTAMP_OID = 1114, TIMESTAMPTZ_OID = 1184 };

int pg_result_rows(const PGresult *result)
{
    return PQntuples(result);
}

struct qn_str pg_result_str(const PGresult *result, int row, int column)
{
    return qn_str_n(PQgetvalue(result, row, column), (size_t)PQgetlength(result, row, column));
}

bool pg_result_null(const PGresult *result, int row, int column)
{
    return PQgetisnull(result, row, column);
}

int64_t pg_result_i64(const PGresult *result, int row, int column)
{
    int64_t value;
    return qn_str_to_i64(pg_result_str(result, row, column), &value) ? value : 0;
}

bool pg_result_bool(const PGresult *result, int row, int column)
{
    struct qn_str value = pg_result_str(result, row, column);
    char yes = PQfformat(result, column) == 1 ? '\1' : 't';
    return value.len == 1 && value.ptr[0] == yes;
}

bool pg_result_is_binary(const PGresult *result)
{
    return PQbinaryTuples(result) == 1;
}

bool pg_result_time(const PGresult *result, int row, int column, int64_t *ret_us)
{
    Oid type = PQftype(result, column);
    struct qn_str value = pg_result_str(result, row, column);
    uint64_t us = 0;
    if ((type != TIMESTAMP_OID && type != TIMESTAMPTZ_OID) || PQfformat(result, column) != 1 ||
        value.len != sizeof us)
        return false;
    for (size_t i = 0; i < sizeof us; i++) /* in network order */
        us = us << 8 | (unsigned char)value.ptr[i];
    *ret_us = (int64_t)us;
    return true;
}

/* Every value in quotes, so that an empty one, NULL, blanks and braces stand for themselves; within them only
 * the quote and the backslash are special. */
const char *pg_array_text(struct qn_arena *arena, const struct qn_str *values, size_t n)
{
    size_t room = 2 + 1; /* braces and the NUL */
    for (size_t i = 0; i < n; i++)
        room += 2 * values[i].len + 3; /* quotes and comma */
    char *text = qn_arena_alloc(arena, room);
    if (!text)
        return NULL;
    char *at = text;
    *at++ = '{';
    for (size_t i = 0; i < n; i++) {
        if (i > 0)
            *at++ = ',';
        *at++ = '"';
        for (size_t k = 0; k < values[i].len; k++) {
            char c = values[i].ptr[k];
            if (c == '"' || c == '\\')
                *at++ = '\\';
            *at++ = c;
        }
        *at++ = '"';
    }
    *at++ = '}';
    *at = '\0';
    return text;
}
