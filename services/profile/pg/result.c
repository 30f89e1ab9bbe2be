#include <stdlib.h>
#include <string.h>

#include "services/profile/pg/query.h"

/* Reading results and writing array parameters: the text formats of PostgreSQL documentation, "Arrays: Array
 * Input and Output Syntax" and "Boolean Type"; the binary ones, which it leaves to the types' send functions
 * (boolsend, int4send, timestamp_send and timestamptz_send; times are 64-bit integers in every server since
 * 10). */

/* src/include/catalog/pg_type.dat; built-in types keep their numbers for ever. */
enum { BOOL_OID = 16, INT4_OID = 23, TIMESTAMP_OID = 1114, TIMESTAMPTZ_OID = 1184 };

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
    return qn_str_eq(pg_result_str(result, row, column), QN_STR("t"));
}

bool pg_result_is_binary(const PGresult *result)
{
    return PQbinaryTuples(result) == 1;
}

/* Integers travel in network order. False when it has not 'n_bytes'; null has none. */
static bool big_endian(const PGresult *result, int row, int column, int n_bytes, uint64_t *ret_value)
{
    if (PQgetlength(result, row, column) != n_bytes)
        return false;
    const char *bytes = PQgetvalue(result, row, column);
    uint64_t value = 0;
    for (int i = 0; i < n_bytes; i++)
        value = value << 8 | (unsigned char)bytes[i];
    *ret_value = value;
    return true;
}

bool pg_result_binary_bool(const PGresult *result, int row, int column, bool *ret_value)
{
    uint64_t value;
    if (PQftype(result, column) != BOOL_OID || !big_endian(result, row, column, 1, &value))
        return false;
    *ret_value = value != 0;
    return true;
}

bool pg_result_binary_int(const PGresult *result, int row, int column, int32_t *ret_value)
{
    uint64_t value;
    if (PQftype(result, column) != INT4_OID || !big_endian(result, row, column, 4, &value))
        return false;
    *ret_value = (int32_t)(uint32_t)value;
    return true;
}

bool pg_result_binary_time(const PGresult *result, int row, int column, int64_t *ret_us)
{
    Oid type = PQftype(result, column);
    uint64_t us;
    if ((type != TIMESTAMP_OID && type != TIMESTAMPTZ_OID) || !big_endian(result, row, column, 8, &us))
        return false;
    *ret_us = (int64_t)us;
    return true;
}

static char *write_element(char *at, struct qn_str value)
{
    if (value.len == 0)
        return at;
    if (!memchr(value.ptr, '"', value.len) && !memchr(value.ptr, '\\', value.len))
        return (char *)memcpy(at, value.ptr, value.len) + value.len;
    for (size_t i = 0; i < value.len; i++) {
        if (value.ptr[i] == '"' || value.ptr[i] == '\\')
            *at++ = '\\';
        *at++ = value.ptr[i];
    }
    return at;
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
        at = write_element(at, values[i]);
        *at++ = '"';
    }
    *at++ = '}';
    *at = '\0';
    return text;
}
