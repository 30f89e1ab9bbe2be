#include "common/core/buf.h"
#include "common/core/check.h"
#include "services/profile/pg/statement.h"
#include "tests/harness/test.h"

static void test_numbers_stay(void **state)
{
    (void)state;
    static const struct pg_statement a = {"a", "select 1", true}, b = {"b", "select 2", true};
    static struct pg_statements statements;
    struct pg_statement_entry *first = pg_statement_find(&statements, &a);
    struct pg_statement_entry *second = pg_statement_find(&statements, &b);
    assert_int_equal(first->number, 0);
    assert_int_equal(second->number, 1);
    assert_ptr_equal(pg_statement_find(&statements, &a), first);
    assert_ptr_equal(pg_statement_find(&statements, &b), second);
}

/* A full table is no reason to fail: such statements travel unnamed. */
static void test_table_full(void **state)
{
    (void)state;
    static struct pg_statement many[PG_STATEMENTS_MAX + 1];
    static struct pg_statements statements;
    for (size_t i = 0; i < PG_STATEMENTS_MAX; i++) {
        many[i].name = "many";
        assert_non_null(pg_statement_find(&statements, &many[i]));
    }
    many[PG_STATEMENTS_MAX].name = "one_more";
    assert_null(pg_statement_find(&statements, &many[PG_STATEMENTS_MAX]));
    assert_non_null(pg_statement_find(&statements, &many[0]));
    pg_statement_count(NULL, QN_OK, 1); /* and are not measured */
}

static void test_counting(void **state)
{
    (void)state;
    static const struct pg_statement counted = {"counted", "select 1", true};
    static struct pg_statements statements;
    struct pg_statement_entry *entry = pg_statement_find(&statements, &counted);
    pg_statement_count(entry, QN_OK, 1500);
    pg_statement_count(entry, QN_OK, 500);
    pg_statement_count(entry, QN_ALREADY_EXISTS, 100);
    struct qn_buf text;
    qn_buf_init(&text, 1 << 16);
    qn_metric_render(&text);
    assert_non_null(strstr(text.data, "quintet_pg_statements_total{statement=\"counted\",code=\"ok\"} 2\n"));
    assert_non_null(
        strstr(text.data, "quintet_pg_statements_total{statement=\"counted\",code=\"already_exists\"} 1\n"));
    assert_non_null(strstr(text.data, "quintet_pg_statement_seconds_count{statement=\"counted\"} 3\n"));
    qn_buf_fini(&text);
}

static int forget_metrics(void **state)
{
    (void)state;
    qn_metric_reset();
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_numbers_stay),
        cmocka_unit_test(test_table_full),
        cmocka_unit_test(test_counting),
    };
    return cmocka_run_group_tests(tests, NULL, forget_metrics);
}
