#include "common/core/arena.h"
#include "common/core/check.h"
#include "services/profile/pg/query.h"
#include "tests/harness/test.h"

/* tests/integration/pg_pool_test.c has PostgreSQL itself read such texts. */
static void test_array_text(void **state)
{
    (void)state;
    struct qn_arena arena;
    qn_arena_init(&arena, 1 << 16);
    assert_string_equal(pg_array_text(&arena, NULL, 0), "{}");
    const struct qn_str one[] = {QN_STR("a")};
    assert_string_equal(pg_array_text(&arena, one, 1), "{\"a\"}");
    const struct qn_str odd[] = {QN_STR(""),    QN_STR("NULL"), QN_STR("a b"),
                                 QN_STR("{,}"), QN_STR("\"\\"), QN_STR("é")};
    assert_string_equal(pg_array_text(&arena, odd, QN_COUNT(odd)),
                        "{\"\",\"NULL\",\"a b\",\"{,}\",\"\\\"\\\\\",\"é\"}");
    qn_arena_fini(&arena);
}

static void test_array_text_at_the_ceiling(void **state)
{
    (void)state;
    struct qn_arena arena;
    qn_arena_init(&arena, 64);
    static char big[100];
    memset(big, '"', sizeof big);
    const struct qn_str values[] = {{big, sizeof big}};
    assert_null(pg_array_text(&arena, values, 1));
    qn_arena_fini(&arena);
}

static PGresult *result_of(const char *value)
{
    PGresult *result = PQmakeEmptyPGresult(NULL, PGRES_TUPLES_OK);
    static char name[] = "x";
    PGresAttDesc column = {.name = name, .typid = 25, .typlen = -1, .atttypmod = -1};
    assert_true(PQsetResultAttrs(result, 1, &column));
    assert_true(PQsetvalue(result, 0, 0, (char *)(uintptr_t)value, value ? (int)strlen(value) : -1));
    return result;
}

static void test_reading(void **state)
{
    (void)state;
    static const struct {
        const char *value;
        int64_t number;
        bool yes;
    } cases[] = {{"42", 42, false},
                 {"-9223372036854775808", INT64_MIN, false},
                 {"9223372036854775808", 0, false},
                 {"4.2", 0, false},
                 {"", 0, false},
                 {"t", 0, true},
                 {"true", 0, false},
                 {NULL, 0, false}};
    for (size_t i = 0; i < QN_COUNT(cases); i++) {
        PGresult *result = result_of(cases[i].value);
        assert_int_equal(pg_result_rows(result), 1);
        assert_true(pg_result_i64(result, 0, 0) == cases[i].number);
        assert_int_equal(pg_result_bool(result, 0, 0), cases[i].yes);
        assert_int_equal(pg_result_null(result, 0, 0), cases[i].value == NULL);
        assert_str(pg_result_str(result, 0, 0), cases[i].value ? cases[i].value : "");
        PQclear(result);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_array_text),
        cmocka_unit_test(test_array_text_at_the_ceiling),
        cmocka_unit_test(test_reading),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
