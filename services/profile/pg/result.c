#include <stdlib.h>
#include <string.h>

#include "services/profile/pg/query.h"

/* Reading results and writing array parameters: the text formats of PostgreSQL documentation, "Arrays: Array
 * Input and Output Syntax" and "Boolean Type". */

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
