#include <signal.h>
#include <stdio.h>

#include "common/core/check.h"
#include "common/core/clock.h"
#include "tests/harness/test.h"
#include "tests/integration/pg_fixture.h"

/* A pool that may hold fewer connections than its limit: what it opens, what it gives up, and that a slot
 * that it has let go of is free on the server, too. */

static size_t want;

static bool has_wanted(void)
{
    return pg_pool_slots(fix.pool) == want && pg_pool_up(fix.pool) == want;
}

static void await_slots(size_t n)
{
    want = n;
    pg_fixture_until_true(has_wanted, "as many connections as allowed");
}

static void allow(size_t n)
{
    pg_pool_allow(fix.pool, n, "handed over");
    await_slots(n);
}

static void test_opens_what_is_allowed(void **state)
{
    (void)state;
    struct pg_ask ask = {0};
    pg_fixture_open("");
    pg_pool_allow(fix.pool, 0, "handed over");
    pg_ask_run(&ask, &sql_pid, 5000);
    assert_int_equal(ask.status, QN_UNAVAILABLE);
    assert_string_equal(ask.query.reason, "no slot");
    assert_int_equal(harness_postgres_number(fix.admin, SQL_OF_ROLE), 0);
    static const size_t steps[] = {2, 1, 5, 4, 9};
    for (size_t i = 0; i < QN_COUNT(steps); i++) {
        pg_pool_allow(fix.pool, steps[i], "handed over");
        await_slots(steps[i] < 5 ? steps[i] : 5);
        assert_int_equal(harness_postgres_number(fix.admin, SQL_OF_ROLE), (long)want);
        ask = (struct pg_ask){0};
        pg_ask_run(&ask, &sql_pid, 5000);
        assert_int_equal(ask.status, QN_OK);
    }
    assert_int_equal((int)pg_fixture_metric("quintet_pg_closes_total{cause=\"handed over\"}"), 2);
    pg_fixture_end();
}

static bool is_ready_and_idle(void)
{
    return pg_fixture_is_ready() && pg_fixture_is_idle();
}

/* PostgreSQL takes milliseconds to give a slot back, longer when it is busy: here, as long as the backend is
 * stopped. Until then the connection counts, and whoever were told to take its place would be refused. */
static void test_what_is_let_go_is_free(void **state)
{
    (void)state;
    char url[128];
    snprintf(url, sizeof url, "postgresql://quintet:p%%40ss%%2Fw%%3Ard%%25@127.0.0.1:%d/quintet",
             harness_postgres_port(fix.server));
    harness_postgres_do(fix.admin, "alter role quintet connection limit 1");
    pg_fixture_begin("&connection_limit=1");
    for (int round = 0; round < 20; round++) {
        pid_t backend = fix.pool->conns[0].backend_pid;
        kill(backend, SIGSTOP);
        pg_pool_allow(fix.pool, 0, "handed over");
        qn_loop_turn(fix.loop);
        assert_int_equal(pg_pool_up(fix.pool), 0);
        assert_int_equal(pg_pool_slots(fix.pool), 1);
        kill(backend, SIGCONT);
        await_slots(0);
        PGconn *other = PQconnectdb(url);
        if (PQstatus(other) != CONNECTION_OK)
            fail_msg("round %d: %s", round, PQerrorMessage(other));
        PQfinish(other);
        pg_pool_allow(fix.pool, 1, "handed over"); /* refused, perhaps, until that one has gone */
        pg_fixture_until_true(is_ready_and_idle, "back, and the schema looked at");
    }
    pg_fixture_end();
    harness_postgres_do(fix.admin, "alter role quintet connection limit 5");
}

/* One statement never has both connections, so here are two. */
static const struct pg_statement wait_for_one = {
    .name = "test_wait_for_one",
    .sql = "select pg_advisory_xact_lock_shared($1::bigint), 1",
    .plain_select = true,
};
static const struct pg_statement wait_for_other = {
    .name = "test_wait_for_other",
    .sql = "select pg_advisory_xact_lock_shared($1::bigint), 2",
    .plain_select = true,
};

/* Two are busy, one has to go: the one that is free first, with no statement cut off; and what comes
 * meanwhile goes to the other. */
static void test_busy_ones_run_dry(void **state)
{
    (void)state;
    struct pg_ask slow[2] = {0}, fast[8] = {0};
    pg_fixture_begin("&connection_limit=2");
    harness_postgres_do(fix.admin, "select pg_advisory_lock(1)");
    harness_postgres_do(fix.admin, "select pg_advisory_lock(2)");
    pg_ask_start(&slow[0], &wait_for_one, 20000, "1");
    pg_ask_start(&slow[1], &wait_for_other, 20000, "2");
    pg_fixture_until(SQL_WAITING, 2);
    pg_pool_allow(fix.pool, 1, "handed over");
    for (size_t i = 0; i < QN_COUNT(fast); i++)
        pg_ask_start(&fast[i], &sql_pid, 20000);
    harness_postgres_do(fix.admin, "select pg_advisory_unlock(1)");
    harness_postgres_do(fix.admin, "select pg_advisory_unlock(2)");
    pg_ask_wait_all(slow, QN_COUNT(slow));
    pg_ask_wait_all(fast, QN_COUNT(fast));
    await_slots(1);
    for (size_t i = 0; i < QN_COUNT(slow); i++)
        assert_int_equal(slow[i].status, QN_OK);
    for (size_t i = 0; i < QN_COUNT(fast); i++) {
        assert_int_equal(fast[i].status, QN_OK);
        assert_string_equal(fast[i].text, fast[0].text); /* the same backend */
    }
    pg_fixture_end();
}

/* Alone on its connection it takes as long as it takes; allowed again meanwhile, nothing is closed. */
static void test_changed_ones_mind(void **state)
{
    (void)state;
    struct pg_ask alone = {0};
    pg_fixture_begin("&connection_limit=1");
    harness_postgres_do(fix.admin, "select pg_advisory_lock(1)");
    pg_ask_start(&alone, &sql_wait_alone, 20000, "1");
    pg_fixture_until(SQL_WAITING, 1);
    pg_pool_allow(fix.pool, 0, "handed over");
    for (int i = 0; i < 20; i++)
        qn_loop_turn(fix.loop);
    assert_int_equal(pg_pool_slots(fix.pool), 1);
    pg_pool_allow(fix.pool, 1, "handed over");
    harness_postgres_do(fix.admin, "select pg_advisory_unlock(1)");
    pg_ask_wait(&alone);
    assert_int_equal(alone.status, QN_OK);
    await_slots(1);
    assert_int_equal((int)pg_fixture_metric("quintet_pg_connects_total{outcome=\"ok\"}"), 1);
    pg_fixture_end();
}

static size_t n_told, last_told;

static void on_changed(void *context)
{
    n_told++;
    last_told = pg_pool_slots(context);
}

static bool all_told(void)
{
    return last_told == want;
}

static void test_is_told(void **state)
{
    (void)state;
    n_told = last_told = 0;
    pg_fixture_begin("");
    pg_pool_watch(fix.pool, on_changed, fix.pool);
    pg_pool_allow(fix.pool, 3, "handed over");
    want = 3;
    pg_fixture_until_true(all_told, "told of three");
    assert_in_range(n_told, 1, 2);
    pg_fixture_end();
    assert_int_equal(last_told, 0);
}

/* The server is stopped, so it answers no farewell: the wait has an end, and the pool opens anew. */
static void test_a_server_that_hangs(void **state)
{
    (void)state;
    pg_fixture_begin("&connection_limit=2");
    long backend =
        harness_postgres_number(fix.admin, "select pid from pg_stat_activity where usename = "
                                           "'quintet' order by backend_start desc, pid desc limit 1");
    kill((pid_t)backend, SIGSTOP);
    pg_pool_allow(fix.pool, 0, "handed over");
    want = 0;
    pg_fixture_until_true(has_wanted, "gone without an answer");
    kill((pid_t)backend, SIGCONT);
    allow(2);
    pg_fixture_end();
}

static bool cannot_connect(void)
{
    return fix.pool->opener.failures > 0;
}

/* The server is away, and then another process says that it has a connection: what waits here is sent there.
 * As long as nobody says so, or said so only before, it waits. */
static void test_another_has_one(void **state)
{
    (void)state;
    struct pg_ask read = {0}, write = {0}, late = {0};
    pg_fixture_begin("");
    pg_pool_elsewhere(fix.pool, qn_clock_now_ms()); /* of before */
    pg_ask_run(&read, &sql_pid, 5000);
    assert_int_equal(read.status, QN_OK);
    pg_fixture_halt(SIGQUIT);
    pg_fixture_until_true(cannot_connect, "an attempt that fails");
    read = (struct pg_ask){0};
    pg_ask_start(&read, &sql_pid, 60000);
    pg_ask_start(&write, &sql_insert, 60000, "elsewhere", "body");
    unsigned failures = fix.pool->opener.failures;
    while (fix.pool->opener.failures < failures + 2)
        qn_loop_wait(fix.loop);
    assert_false(read.done);
    assert_false(write.done);

    pg_pool_elsewhere(fix.pool, qn_clock_now_ms() + 1);
    pg_ask_wait(&read);
    pg_ask_wait(&write);
    assert_int_equal(read.status, QN_UNAVAILABLE);
    assert_string_equal(read.query.reason, "cannot connect");
    assert_int_equal(write.status, QN_UNAVAILABLE);
    pg_ask_run(&late, &sql_pid, 60000);
    assert_int_equal(late.status, QN_UNAVAILABLE);

    pg_pool_elsewhere(fix.pool, 0);
    late = (struct pg_ask){0};
    pg_ask_start(&late, &sql_pid, 60000);
    pg_fixture_resume();
    pg_ask_wait(&late);
    assert_int_equal(late.status, QN_OK);
    pg_fixture_end();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_opens_what_is_allowed),
        cmocka_unit_test(test_what_is_let_go_is_free),
        cmocka_unit_test(test_busy_ones_run_dry),
        cmocka_unit_test(test_changed_ones_mind),
        cmocka_unit_test(test_is_told),
        cmocka_unit_test(test_a_server_that_hangs),
        cmocka_unit_test(test_another_has_one),
    };
    return pg_fixture_run(tests, NULL, NULL);
}
