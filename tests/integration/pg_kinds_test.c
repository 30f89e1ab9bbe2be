#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <unistd.h>

#include "common/core/check.h"
#include "services/profile/rpc/ask.h"
#include "tests/harness/test.h"
#include "tests/integration/pg_fixture.h"

/* Four kinds of trouble that an operator must tell apart: each has a status, a detail, a log line and a
 * metric of its own, and none is counted as another. And a database that is there but in recovery. */

enum { ARENA_BYTES = 4096 };

static const char *const kinds[] = {"pool full", "cannot connect", "query slow", "no slot"};

/* The query ended so, and was told so in all places; the other three were not touched. */
static void assert_kind(const struct pg_ask *ask, const char *kind, enum qn_status status, const char *detail)
{
    char text[96];
    struct qn_arena arena;
    qn_arena_init(&arena, ARENA_BYTES);
    if (ask->status != status)
        fail_msg("%s: %s instead of %s", kind, qn_status_name(ask->status), qn_status_name(status));
    assert_string_equal(ask->query.reason, kind);
    assert_string_equal(profile_ask_fault(&ask->query, &arena).reason, detail);
    qn_arena_fini(&arena);
    for (size_t i = 0; i < QN_COUNT(kinds); i++) {
        bool this_one = strcmp(kinds[i], kind) == 0;
        snprintf(text, sizeof text, "quintet_pg_failures_total{reason=\"%s\"}", kinds[i]);
        assert_int_equal(pg_fixture_metric(text) > 0, this_one);
        snprintf(text, sizeof text, "query failed reason=\"%s\"", kinds[i]);
        assert_int_equal(pg_fixture_logged(text) > 0, this_one);
    }
}

static void test_pool_full(void **state)
{
    (void)state;
    struct pg_ask holder = {0}, ask = {0};
    pg_fixture_begin("&connection_limit=1&pool_timeout=1");
    harness_postgres_do(fix.admin, "select pg_advisory_lock(1)");
    pg_ask_start(&holder, &sql_wait_alone, 60000, "1");
    pg_fixture_until(SQL_WAITING, 1);
    pg_ask_run(&ask, &sql_pid, 60000);
    assert_kind(&ask, "pool full", QN_RESOURCE_EXHAUSTED, "POOL_FULL");
    harness_postgres_do(fix.admin, "select pg_advisory_unlock(1)");
    pg_ask_wait(&holder);
    pg_fixture_end();
}

static void test_cannot_connect(void **state)
{
    (void)state;
    struct pg_ask ask = {0};
    pg_fixture_open_url("postgresql://quintet:x@127.0.0.1:1/quintet?pool_timeout=1");
    pg_ask_run(&ask, &sql_pid, 60000);
    assert_kind(&ask, "cannot connect", QN_UNAVAILABLE, "CANNOT_CONNECT");
    pg_fixture_end();
}

static void test_query_slow(void **state)
{
    (void)state;
    struct pg_ask ask = {0};
    pg_fixture_begin("&connection_limit=1");
    harness_postgres_do(fix.admin, "select pg_advisory_lock(1)");
    pg_ask_run(&ask, &sql_wait_alone, 300, "1");
    assert_kind(&ask, "query slow", QN_DEADLINE_EXCEEDED, "QUERY_SLOW");
    harness_postgres_do(fix.admin, "select pg_advisory_unlock(1)");
    pg_fixture_end();
}

static void test_no_slot(void **state)
{
    (void)state;
    struct pg_ask ask = {0};
    harness_postgres_do(fix.admin, "alter role quintet connection limit 0");
    pg_fixture_open("&pool_timeout=1");
    pg_ask_run(&ask, &sql_pid, 60000);
    assert_kind(&ask, "no slot", QN_UNAVAILABLE, "NO_SLOT");
    harness_postgres_do(fix.admin, "alter role quintet connection limit 5");
    pg_fixture_until_true(pg_fixture_is_idle, "all five");
    pg_fixture_end();
}

/* A hundred fail at once: all are counted, one is logged, and a later line says how many were held back. */
static void test_a_storm_is_logged_once(void **state)
{
    (void)state;
    enum { QUEUE = 64, TOO_MANY = 100 };
    static struct pg_ask asks[QUEUE + TOO_MANY];
    char text[64];
    pg_fixture_open_url("postgresql://quintet:x@127.0.0.1:1/quintet?pool_timeout=2");
    for (size_t i = 0; i < QN_COUNT(asks); i++)
        pg_ask_start(&asks[i], &sql_pid, 60000);
    assert_int_equal((int)pg_fixture_metric("quintet_pg_failures_total{reason=\"pool full\"}"), TOO_MANY);
    pg_fixture_expect_logged("reason=\"pool full\"", 1);
    pg_ask_wait_all(asks,
                    QN_COUNT(asks)); /* two seconds later: the queue's limit is over, and the log's too */
    for (size_t i = 0; i < QN_COUNT(asks); i++)
        pg_ask_start(&asks[i], &sql_pid, 60000);
    pg_fixture_expect_logged("reason=\"pool full\"", 2);
    snprintf(text, sizeof text, "held_back=%d\n", TOO_MANY - 1);
    pg_fixture_expect_logged(text, 1);
    pg_ask_wait_all(asks, QN_COUNT(asks));
    pg_fixture_end();
}

static bool is_read_only(void)
{
    return pg_pool_up(fix.pool) == 0 && fix.pool->opener.refusal == PG_REFUSAL_READ_ONLY;
}

/* The server comes back as a standby, which is in recovery and takes no writes: it is not taken, a call is
 * told in time, and as soon as it is promoted all five are back, with no restart of ours. */
static void test_in_recovery(void **state)
{
    (void)state;
    char path[512];
    struct pg_ask ask = {0}, write = {0};
    PGresult *result = PQexec(fix.admin, "show data_directory");
    snprintf(path, sizeof path, "%s/standby.signal", PQgetvalue(result, 0, 0));
    PQclear(result);
    pg_fixture_begin("&pool_timeout=1");
    pg_fixture_halt(SIGINT);
    int fd = open(path, O_CREAT | O_WRONLY | O_CLOEXEC, 0644);
    assert_true(fd >= 0);
    close(fd);
    pg_fixture_resume();
    assert_int_equal(harness_postgres_number(fix.admin, "select pg_is_in_recovery()::int"), 1);
    pg_fixture_until_true(is_read_only, "not taken");
    assert_false(pg_fixture_is_ready());
    assert_string_equal(pg_fixture_detail(), "cannot connect: read_only");
    pg_ask_run(&ask, &sql_pid, 60000);
    assert_int_equal(ask.status, QN_UNAVAILABLE);
    assert_string_equal(ask.query.reason, "cannot connect");
    assert_true(pg_fixture_metric("quintet_pg_connects_total{outcome=\"read_only\"}") >= 1);
    pg_fixture_expect_logged("cannot connect outcome=read_only", 1);
    assert_int_equal(harness_postgres_number(fix.admin, "select pg_promote()::int"), 1);
    pg_fixture_until_true(pg_fixture_is_idle, "all five");
    pg_fixture_until_true(pg_fixture_is_ready, "ready");
    pg_ask_run(&write, &sql_insert, 20000, "after", "");
    assert_int_equal(write.status, QN_OK);
    harness_postgres_do(fix.admin, "delete from note");
    pg_fixture_end();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_pool_full),
        cmocka_unit_test(test_cannot_connect),
        cmocka_unit_test(test_query_slow),
        cmocka_unit_test(test_no_slot),
        cmocka_unit_test(test_a_storm_is_logged_once),
        cmocka_unit_test(test_in_recovery),
    };
    return pg_fixture_run(tests, NULL, NULL);
}
