#include "services/profile/store/row.h"

#include "common/core/check.h"
#include "services/profile/profile.h"

struct store_row store_row_of(const PGresult *result, int row)
{
    QN_CHECK(row >= 0 && row < pg_result_rows(result));
    return (struct store_row){.result = result, .row = row, .binary = pg_result_is_binary(result)};
}

bool store_row_null(const struct store_row *row)
{
    return pg_result_null(row->result, row->row, row->next);
}

struct qn_str store_row_str(struct store_row *row)
{
    struct qn_str text = pg_result_str(row->result, row->row, row->next++);
    return text.len > 0 ? text : QN_STR("");
}

/* A value that is none of its kind. */
static void mark_bad(struct store_row *row, int column)
{
    if (!pg_result_null(row->result, row->row, column))
        row->bad = true;
}

int64_t store_row_i64(struct store_row *row)
{
    int column = row->next++;
    int64_t value = 0;
    int32_t small = 0;
    if (row->binary ? pg_result_binary_int(row->result, row->row, column, &small)
                    : qn_str_to_i64(pg_result_str(row->result, row->row, column), &value))
        return row->binary ? small : value;
    mark_bad(row, column);
    return 0;
}

bool store_row_bool(struct store_row *row)
{
    int column = row->next++;
    bool value = false;
    if (!row->binary)
        return pg_result_bool(row->result, row->row, column);
    if (!pg_result_binary_bool(row->result, row->row, column, &value))
        mark_bad(row, column);
    return value;
}

enum { TIME_ROOM = 40 };

/* As RFC 3339 wants it: a 'T', and an offset with minutes or 'Z'. What is too short or too long is no time.
 */
static bool to_rfc3339(struct qn_str text, char room[TIME_ROOM], struct qn_str *ret_text)
{
    enum { DATE_LEN = sizeof("2026-11-23") - 1, LEAST = sizeof("2026-11-23 04:15:56") - 1 };
    if (text.len < LEAST || text.len > TIME_ROOM - sizeof(":00") || text.ptr[DATE_LEN] != ' ')
        return false;
    const char *end = text.ptr + text.len;
    bool has_hours = end[-3] == '+' || end[-3] == '-';
    bool has_minutes = end[-6] == '+' || end[-6] == '-';
    struct qn_str tail = has_hours ? QN_STR(":00") : has_minutes ? QN_STR("") : QN_STR("Z");
    memcpy(room, text.ptr, text.len);
    room[DATE_LEN] = 'T';
    memcpy(room + text.len, tail.ptr, tail.len);
    *ret_text = qn_str_n(room, text.len + tail.len);
    return true;
}

/* "2026-11-23 …": a year of four digits, and none before Christ. */
static bool is_usual(struct qn_str text)
{
    return text.len > 4 && text.ptr[4] == '-' && text.ptr[text.len - 1] != 'C';
}

static bool special_time(struct qn_str text, int64_t *ret_ms)
{
    if (qn_str_eq(text, QN_STR("infinity")) || qn_str_find(text, '-') > 4) {
        *ret_ms = PROFILE_TIME_MAX_MS;
        return true;
    }
    if (qn_str_eq(text, QN_STR("-infinity")) || qn_str_ends(text, QN_STR(" BC"))) {
        *ret_ms = PROFILE_TIME_MIN_MS;
        return true;
    }
    return false;
}

static bool time_of(struct qn_str text, int64_t *ret_ms)
{
    if (!is_usual(text) && special_time(text, ret_ms))
        return true;
    char room[TIME_ROOM];
    struct qn_str rfc3339;
    return to_rfc3339(text, room, &rfc3339) && qn_time_parse(rfc3339, ret_ms);
}

/* PostgreSQL counts from 2000. Cut as the text is: towards the past. */
static bool binary_time_of(const struct store_row *row, int column, int64_t *ret_ms)
{
    static const int64_t YEAR_2000_MS = INT64_C(946684800000);
    int64_t us;
    if (!pg_result_binary_time(row->result, row->row, column, &us))
        return false;
    *ret_ms = us / 1000 - (us % 1000 < 0) + YEAR_2000_MS;
    return true;
}

int64_t store_row_time(struct store_row *row)
{
    int column = row->next++;
    int64_t ms;
    if (row->binary ? !binary_time_of(row, column, &ms)
                    : !time_of(pg_result_str(row->result, row->row, column), &ms)) {
        mark_bad(row, column);
        return 0;
    }
    if (ms < PROFILE_TIME_MIN_MS)
        return PROFILE_TIME_MIN_MS;
    return ms > PROFILE_TIME_MAX_MS ? PROFILE_TIME_MAX_MS : ms;
}

struct qn_date store_row_date(struct store_row *row)
{
    bool null = store_row_null(row);
    struct qn_str text = store_row_str(row);
    struct qn_date date = {0};
    if (null)
        return date;
    if (row->binary || !qn_date_parse(text, &date)) {
        row->bad = true;
        return (struct qn_date){0};
    }
    return date;
}

/* PostgreSQL documentation, "Array Input and Output Syntax": elements between commas, in double quotes where
 * they hold anything special, and there a backslash before the next character. The text is the server's, so
 * what does not fit is bad data and not an attack; it must still stop somewhere. */
static bool next_element(struct qn_str *rest, char *to, size_t *ret_len)
{
    size_t i = 0, len = 0;
    bool quoted = rest->len > 0 && rest->ptr[0] == '"';
    if (quoted)
        i++;
    while (i < rest->len) {
        char c = rest->ptr[i];
        if (quoted ? c == '"' : (c == ',' || c == '}'))
            break;
        if (c == '\\' && ++i == rest->len)
            return false;
        to[len++] = rest->ptr[i++];
    }
    if (quoted)
        i++;
    if (i >= rest->len || (rest->ptr[i] != ',' && rest->ptr[i] != '}'))
        return false;
    if (!quoted && qn_str_eq(qn_str_n(to, len), QN_STR("NULL")))
        len = 0;
    *rest = qn_str_n(rest->ptr + i, rest->len - i); /* at the ',' or '}' */
    *ret_len = len;
    return true;
}

bool store_row_array(struct store_row *row, struct qn_arena *arena, struct qn_str **ret_values, size_t *ret_n)
{
    struct qn_str text = store_row_str(row);
    *ret_values = NULL;
    *ret_n = 0;
    if (text.len == 0 || qn_str_eq(text, QN_STR("{}")))
        return true;
    if (row->binary || text.ptr[0] != '{') {
        row->bad = true;
        return true;
    }
    size_t most = 1;
    for (size_t i = 0; i < text.len; i++)
        most += text.ptr[i] == ',';
    struct qn_str *values = qn_arena_array(arena, most, sizeof(*values));
    char *room = qn_arena_alloc(arena, text.len + most); /* each element and a NUL */
    if (values == NULL || room == NULL)
        return false;
    size_t n = 0;
    struct qn_str rest = text;
    while (rest.len > 0 && rest.ptr[0] != '}') {
        size_t len;
        rest = qn_str_n(rest.ptr + 1, rest.len - 1); /* past the '{' or ',' */
        if (n == most || !next_element(&rest, room, &len)) {
            row->bad = true;
            return true;
        }
        room[len] = '\0';
        values[n++] = qn_str_n(room, len);
        room += len + 1;
    }
    *ret_values = values;
    *ret_n = n;
    return true;
}
