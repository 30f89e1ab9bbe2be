#include "common/core/check.h"
#include "services/profile/profile.h"
#include "services/profile/store/row.h"
#include "tests/harness/test.h"

/* A result as libpq makes them, of one column and one row; NULL is null. */
static PGresult *result_of(const char *value)
{
    PGresult *result = PQmakeEmptyPGresult(NULL, PGRES_TUPLES_OK);
    PGresAttDesc column = {.name = (char *)"c", .typid = 25, .typlen = -1, .atttypmod = -1};
    assert_non_null(result);
    assert_int_not_equal(PQsetResultAttrs(result, 1, &column), 0);
    char *bytes = (char *)value; /* copied */
    assert_int_not_equal(PQsetvalue(result, 0, 0, bytes, value ? (int)strlen(value) : -1), 0);
    return result;
}

/* Both layouts, as PostgreSQL 15 writes them with DateStyle ISO; the milliseconds are JavaScript's
 * Date.parse(). */
static void test_times(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        int64_t ms;
    } cases[] = {
        {"2026-11-23 04:31:53.314", 1795408313314},    /* timestamp(3) */
        {"2026-11-23 04:31:53.314+00", 1795408313314}, /* timestamptz */
        {"2026-11-23 04:31:53", 1795408313000},        /* PostgreSQL leaves zeros out */
        {"2026-11-23 04:31:53.3+00", 1795408313300},
        {"2026-11-23 04:31:53.314999+00", 1795408313314}, /* cut, never rounded */
        {"2026-11-23 04:31:53.999999", 1795408313999},
        {"2026-11-23 17:31:53.314+13", 1795408313314}, /* a session that is not in UTC */
        {"2026-11-23 10:01:53.314+05:30", 1795408313314},
        {"2026-11-22 22:31:53-06", 1795408313000},
        {"1970-01-01 00:00:00+00", 0},
        {"1969-12-31 23:59:59.999+00", -1},
        {"0001-01-01 00:00:00", PROFILE_TIME_MIN_MS},
        {"9999-12-31 23:59:59.999999+00", PROFILE_TIME_MAX_MS},
        /* A hand in the table must not take a batch of 64 sessions along. */
        {"infinity", PROFILE_TIME_MAX_MS},
        {"-infinity", PROFILE_TIME_MIN_MS},
        {"12026-11-23 04:31:53+00", PROFILE_TIME_MAX_MS},
        {"294276-12-31 23:59:59.999999+00", PROFILE_TIME_MAX_MS},
        {"0044-03-15 12:00:00+00 BC", PROFILE_TIME_MIN_MS},
    };
    for (size_t i = 0; i < QN_COUNT(cases); i++) {
        PGresult *result = result_of(cases[i].text);
        struct store_row row = store_row_of(result, 0);
        int64_t ms = store_row_time(&row);
        if (row.bad || ms != cases[i].ms)
            fail_msg("%s reads as %lld", cases[i].text, (long long)ms);
        PQclear(result);
    }
}

/* The same of an answer in binary, of one column of 'type'. */
static PGresult *binary_result_of(Oid type, const void *bytes, int len)
{
    PGresult *result = PQmakeEmptyPGresult(NULL, PGRES_TUPLES_OK);
    PGresAttDesc column = {.name = (char *)"c", .typid = type, .typlen = -1, .atttypmod = -1, .format = 1};
    assert_non_null(result);
    assert_int_not_equal(PQsetResultAttrs(result, 1, &column), 0);
    assert_int_not_equal(PQsetvalue(result, 0, 0, (char *)bytes, len), 0);
    return result;
}

enum {
    BOOL_OID = 16,
    INT8_OID = 20,
    INT4_OID = 23,
    TEXT_OID = 25,
    TIMESTAMP_OID = 1114,
    TIMESTAMPTZ_OID = 1184
};

/* What PostgreSQL itself sends is held against the texts in tests/integration/store_session_test.c; here are
 * the ends of what it could send. */
static void test_binary_times(void **state)
{
    (void)state;
    static const struct {
        uint64_t us; /* since 2000 */
        int64_t ms;
    } cases[] = {
        {0, 946684800000},
        {999, 946684800000}, /* cut, never rounded */
        {1000, 946684800001},
        {(uint64_t)-1, 946684799999}, /* cut towards the past: .999999 */
        {(uint64_t)-1000, 946684799999},
        {(uint64_t)-1001, 946684799998},
        {848723513314999, 1795408313314},
        {INT64_MAX, PROFILE_TIME_MAX_MS}, /* infinity */
        {INT64_MAX - 1, PROFILE_TIME_MAX_MS},
        {(uint64_t)INT64_MIN, PROFILE_TIME_MIN_MS}, /* -infinity */
        {(uint64_t)INT64_MIN + 1, PROFILE_TIME_MIN_MS},
    };
    for (size_t i = 0; i < 2 * QN_COUNT(cases); i++) {
        unsigned char bytes[8];
        uint64_t us = cases[i / 2].us;
        for (int k = 7; k >= 0; k--, us >>= 8)
            bytes[k] = us & 0xff;
        PGresult *result = binary_result_of(i % 2 ? TIMESTAMP_OID : TIMESTAMPTZ_OID, bytes, sizeof bytes);
        struct store_row row = store_row_of(result, 0);
        int64_t ms = store_row_time(&row);
        if (row.bad || ms != cases[i / 2].ms)
            fail_msg("case %zu reads as %lld", i / 2, (long long)ms);
        assert_int_equal(row.next, 1);
        PQclear(result);
    }
}

/* Texts, bools and integers are read of it besides: what is of another type or length is bad. */
static void test_what_else_is_binary(void **state)
{
    (void)state;
    PGresult *result = binary_result_of(TEXT_OID, "f\xc3\xa9", 3);
    struct store_row row = store_row_of(result, 0);
    assert_str(store_row_str(&row), "f\xc3\xa9");
    assert_false(row.bad);
    PQclear(result);

    static const struct {
        Oid type;
        const char *bytes;
        int len;
        bool yes, bad;
    } bools[] = {
        {BOOL_OID, "\1", 1, true, false},   {BOOL_OID, "\0", 1, false, false},
        {BOOL_OID, "\1\1", 2, false, true}, {BOOL_OID, "", 0, false, true},
        {TEXT_OID, "t", 1, false, true},    {BOOL_OID, NULL, -1, false, false},
    };
    for (size_t i = 0; i < QN_COUNT(bools); i++) {
        result = binary_result_of(bools[i].type, bools[i].bytes, bools[i].len);
        row = store_row_of(result, 0);
        assert_int_equal(store_row_bool(&row), bools[i].yes);
        assert_int_equal(row.bad, bools[i].bad);
        PQclear(result);
    }

    result = binary_result_of(INT4_OID, "\xff\xff\xff\xfe", 4);
    row = store_row_of(result, 0);
    assert_true(store_row_i64(&row) == -2);
    assert_false(row.bad);
    PQclear(result);

    struct qn_arena arena;
    qn_arena_init(&arena, 4096);
    static const struct {
        Oid type;
        int len;
    } none[] = {{TIMESTAMPTZ_OID, 4}, {TIMESTAMPTZ_OID, 0}, {TEXT_OID, 8},
                {INT8_OID, 8},        {INT4_OID, 3},        {TEXT_OID, 4}};
    for (size_t i = 0; i < QN_COUNT(none); i++) {
        result = binary_result_of(none[i].type, "{1234567", none[i].len);
        row = store_row_of(result, 0);
        assert_true(store_row_time(&row) == 0);
        assert_true(row.bad);
        row = store_row_of(result, 0);
        assert_true(store_row_i64(&row) == 0);
        assert_true(row.bad);
        row = store_row_of(result, 0);
        assert_int_equal(store_row_date(&row).year, 0);
        assert_true(row.bad);
        PQclear(result);
    }
    result = binary_result_of(TEXT_OID, "{a}", 3);
    row = store_row_of(result, 0);
    struct qn_str *values;
    size_t n;
    assert_true(store_row_array(&row, &arena, &values, &n));
    assert_int_equal(n, 0);
    assert_true(row.bad);
    PQclear(result);

    result = binary_result_of(TIMESTAMPTZ_OID, NULL, -1); /* null */
    row = store_row_of(result, 0);
    assert_true(store_row_time(&row) == 0);
    assert_false(row.bad);
    PQclear(result);
    qn_arena_fini(&arena);
}

/* DateStyle is not ISO, or the column is none of time: told, not guessed. */
static void test_what_is_no_time(void **state)
{
    (void)state;
    static const char *const texts[] = {
        "",
        "11/23/2026 04:31:53.314 UTC",
        "Mon Nov 23 04:31:53.314 2026 UTC",
        "23.11.2026 04:31:53.314 UTC",
        "2026-11-23",
        "2026-13-23 04:31:53",
        "2026-11-23T04:31:53Z",
        "2026-11-23 04:31:53.314 UTC",
        "now",
        "2026-11-23 04:31:53.31400000000000000000000000000000000000+00",
    };
    for (size_t i = 0; i < QN_COUNT(texts); i++) {
        PGresult *result = result_of(texts[i]);
        struct store_row row = store_row_of(result, 0);
        assert_true(store_row_time(&row) == 0);
        if (!row.bad)
            fail_msg("\"%s\" passes for a time", texts[i]);
        PQclear(result);
    }
}

static void test_null_reads_as_nothing(void **state)
{
    (void)state;
    PGresult *result = result_of(NULL);
    struct store_row row = store_row_of(result, 0);
    assert_true(store_row_null(&row));
    struct qn_str text = store_row_str(&row);
    assert_int_equal(text.len, 0);
    assert_int_equal(text.ptr[0], '\0');
    row.next = 0;
    assert_true(store_row_i64(&row) == 0);
    row.next = 0;
    assert_true(store_row_time(&row) == 0);
    row.next = 0;
    assert_int_equal(store_row_date(&row).year, 0);
    row.next = 0;
    assert_false(store_row_bool(&row));
    assert_false(row.bad);
    PQclear(result);
}

static void test_numbers_and_dates(void **state)
{
    (void)state;
    PGresult *result = result_of("-9223372036854775808");
    struct store_row row = store_row_of(result, 0);
    assert_true(store_row_i64(&row) == INT64_MIN);
    PQclear(result);

    result = result_of("1.5");
    row = store_row_of(result, 0);
    store_row_i64(&row);
    assert_true(row.bad);
    PQclear(result);

    result = result_of("2000-02-29");
    row = store_row_of(result, 0);
    struct qn_date date = store_row_date(&row);
    assert_int_equal(date.year * 10000 + date.month * 100 + date.day, 20000229);
    assert_false(row.bad);
    PQclear(result);

    result = result_of("29.02.2000");
    row = store_row_of(result, 0);
    assert_int_equal(store_row_date(&row).year, 0);
    assert_true(row.bad);
    PQclear(result);
}

static void test_arrays(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        size_t n;
        const char *values[4];
        bool bad;
    } cases[] = {
        {"{}", 0},
        {NULL, 0},
        {"{a}", 1, {"a"}},
        {"{a,b,c}", 3, {"a", "b", "c"}},
        {"{\"\",x}", 2, {"", "x"}},
        {"{\"a,b\",\"c}d\",\"e\\\"f\",\"g\\\\h\"}", 4, {"a,b", "c}d", "e\"f", "g\\h"}},
        {"{NULL,\"NULL\"}", 2, {"", "NULL"}},
        {"{\"two words\",\xc3\xa9}", 2, {"two words", "\xc3\xa9"}},
        {"a", .bad = true},
        {"{a", .bad = true},
        {"{\"a", .bad = true},
        {"{\"a\\", .bad = true},
        {"{\"a\"b}", .bad = true},
    };
    for (size_t i = 0; i < QN_COUNT(cases); i++) {
        struct qn_arena arena;
        qn_arena_init(&arena, 4096);
        PGresult *result = result_of(cases[i].text);
        struct store_row row = store_row_of(result, 0);
        struct qn_str *values;
        size_t n;
        assert_true(store_row_array(&row, &arena, &values, &n));
        assert_int_equal(row.bad, cases[i].bad);
        assert_int_equal(n, cases[i].n);
        for (size_t k = 0; k < n; k++)
            assert_str(values[k], cases[i].values[k]);
        PQclear(result);
        qn_arena_fini(&arena);
    }
}

static void test_an_array_beyond_the_arena(void **state)
{
    (void)state;
    struct qn_arena arena;
    qn_arena_init(&arena, 16);
    PGresult *result = result_of("{a,b,c,d,e,f,g,h,i,j,k,l,m,n,o,p}");
    struct store_row row = store_row_of(result, 0);
    struct qn_str *values;
    size_t n;
    assert_false(store_row_array(&row, &arena, &values, &n));
    PQclear(result);
    qn_arena_fini(&arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_times),
        cmocka_unit_test(test_binary_times),
        cmocka_unit_test(test_what_else_is_binary),
        cmocka_unit_test(test_what_is_no_time),
        cmocka_unit_test(test_null_reads_as_nothing),
        cmocka_unit_test(test_numbers_and_dates),
        cmocka_unit_test(test_arrays),
        cmocka_unit_test(test_an_array_beyond_the_arena),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
