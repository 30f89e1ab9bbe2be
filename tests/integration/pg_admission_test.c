#include "common/core/check.h"
#include "tests/harness/test.h"
#include "tests/integration/pg_fixture.h"

/* Which queries may wait: those whose turn comes in time. Two connections, so that writes have one. */

/* Something with a speed that is PostgreSQL's own: twenty milliseconds each, one after the other. */
static const struct pg_statement sql_slow = {.name = "slow", .sql = "select pg_sleep(0.02)"};

enum { FAR_MS = 60000, LIMIT_MS = 1000, CROWD = 100 };

static struct pg_ask crowd[CROWD];

/* The pool learns how fast it goes. */
static void warm_up(void)
{
    for (size_t i = 0; i < 10; i++)
        pg_ask_start(&crowd[i], &sql_slow, FAR_MS);
    pg_ask_wait_all(crowd, 10);
    for (size_t i = 0; i < 10; i++)
        assert_int_equal(crowd[i].status, QN_OK);
}

/* A hundred of twenty milliseconds, with a second for each: half a second is what one may wait, so two dozen
 * at most are taken. The others hear it before any of the taken is answered, and never reach PostgreSQL. Who
 * has time is taken behind them, and reads do not stand in that queue. */
static void test_too_late_is_refused_at_once(void **state)
{
    (void)state;
    static struct pg_ask patient[5], reads[5];
    pg_fixture_begin("&connection_limit=2");
    warm_up();
    double sent_before = pg_fixture_metric("quintet_pg_statements_total{statement=\"slow\",code=\"ok\"}");
    for (size_t i = 0; i < CROWD; i++)
        pg_ask_start(&crowd[i], &sql_slow, LIMIT_MS);
    for (size_t i = 0; i < QN_COUNT(patient); i++) {
        pg_ask_start(&patient[i], &sql_slow, FAR_MS);
        pg_ask_start(&reads[i], &sql_pid, FAR_MS);
    }
    pg_ask_wait_all(crowd, CROWD);
    pg_ask_wait_all(patient, QN_COUNT(patient));
    pg_ask_wait_all(reads, QN_COUNT(reads));
    size_t ok = 0, refused = 0, first_ok = SIZE_MAX, heard_before = 0;
    for (size_t i = 0; i < CROWD; i++) {
        ok += crowd[i].status == QN_OK;
        if (crowd[i].status == QN_OK && crowd[i].order < first_ok)
            first_ok = crowd[i].order;
    }
    for (size_t i = 0; i < CROWD; i++) {
        if (crowd[i].status != QN_RESOURCE_EXHAUSTED)
            continue;
        if (strcmp(crowd[i].query.reason, "pool full") == 0)
            continue; /* at the end of its time, on a machine that stood still */
        assert_string_equal(crowd[i].query.reason, "overload");
        assert_true(crowd[i].query.retry_after_ms >= 100);
        refused++;
        heard_before += crowd[i].order < first_ok;
    }
    assert_true(ok >= 1);
    assert_true(heard_before >= 60);
    for (size_t i = 0; i < QN_COUNT(patient); i++) {
        assert_int_equal(patient[i].status, QN_OK);
        assert_int_equal(reads[i].status, QN_OK);
    }
    double sent =
        pg_fixture_metric("quintet_pg_statements_total{statement=\"slow\",code=\"ok\"}") - sent_before;
    assert_true(sent <= (double)(CROWD - refused + QN_COUNT(patient)));
    assert_int_equal((int)pg_fixture_metric("quintet_pg_failures_total{reason=\"overload\"}"), (int)refused);
    pg_fixture_end();
}

/* pool_timeout is a deadline too. */
static void test_pool_timeout_counts(void **state)
{
    (void)state;
    pg_fixture_begin("&connection_limit=2&pool_timeout=1");
    warm_up();
    for (size_t i = 0; i < CROWD; i++)
        pg_ask_start(&crowd[i], &sql_slow, FAR_MS);
    pg_ask_wait_all(crowd, CROWD);
    size_t refused = 0, ok = 0;
    for (size_t i = 0; i < CROWD; i++) {
        refused += crowd[i].status == QN_RESOURCE_EXHAUSTED;
        ok += crowd[i].status == QN_OK;
    }
    assert_int_equal(refused + ok, CROWD);
    assert_true(refused >= 60);
    assert_true(ok >= 1);
    pg_fixture_end();
}

/* However long others took: who stands in no queue is sent, or nothing would ever be learned anew. */
static void test_an_empty_queue_takes_anybody(void **state)
{
    (void)state;
    struct pg_ask hopeless = {0};
    pg_fixture_begin("&connection_limit=2");
    warm_up();
    pg_ask_run(&hopeless, &sql_slow, 5);
    assert_int_equal(hopeless.status, QN_DEADLINE_EXCEEDED);
    assert_string_equal(hopeless.query.reason, "query slow");
    pg_fixture_until_true(pg_fixture_is_idle, "idle");
    pg_fixture_end();
}

/* The queue is gone, and so is the caution. */
static void test_afterwards_all_is_as_before(void **state)
{
    (void)state;
    pg_fixture_begin("&connection_limit=2");
    warm_up();
    for (size_t i = 0; i < CROWD; i++)
        pg_ask_start(&crowd[i], &sql_slow, LIMIT_MS);
    pg_ask_wait_all(crowd, CROWD);
    for (size_t i = 0; i < 20; i++) {
        pg_ask_run(&crowd[0], &sql_pid, FAR_MS);
        assert_int_equal(crowd[0].status, QN_OK);
        pg_ask_run(&crowd[1], &sql_insert, LIMIT_MS * 10, "x", "");
        assert_true(crowd[1].status == QN_OK || crowd[1].status == QN_ALREADY_EXISTS);
    }
    pg_fixture_end();
    harness_postgres_do(fix.admin, "delete from note");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_too_late_is_refused_at_once),
        cmocka_unit_test(test_pool_timeout_counts),
        cmocka_unit_test(test_an_empty_queue_takes_anybody),
        cmocka_unit_test(test_afterwards_all_is_as_before),
    };
    return pg_fixture_run(tests, NULL, NULL);
}
