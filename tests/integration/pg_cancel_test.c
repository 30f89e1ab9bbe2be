#include <stdio.h>

#include "common/core/check.h"
#include "common/core/clock.h"
#include "tests/harness/rounds.h"
#include "tests/harness/tcp_proxy.h"
#include "tests/harness/test.h"
#include "tests/integration/pg_fixture.h"

/* What may be cancelled: only what is alone on its connection; and a cancel never hits another. */

static const struct pg_statement sql_sleep = {"test_sleep", "select pg_sleep(600)", false};
static const struct pg_statement sql_work = {
    "test_work", "select count(*) from generate_series(1, $1::int) as n where n % 7 = 0", false};
static const struct pg_statement sql_pid_alone = {"test_pid_alone", "select pg_backend_pid()", false};

static void test_a_late_write_is_cancelled(void **state)
{
    (void)state;
    struct pg_ask before = {0}, late = {0}, after = {0};
    pg_fixture_begin("&connection_limit=1");
    pg_ask_run(&before, &sql_pid, 5000);
    pg_ask_run(&late, &sql_sleep, 50);
    assert_int_equal(late.status, QN_DEADLINE_EXCEEDED);
    assert_string_equal(late.query.reason, "query slow");
    assert_int_equal(fix.pool->conns[0].state, PG_CONN_CANCELLING);
    /* The connection comes back as soon as PostgreSQL has let go: long before the ten minutes. */
    pg_ask_run(&after, &sql_pid, 20000);
    assert_int_equal(after.status, QN_OK);
    assert_string_equal(after.text, before.text);
    assert_int_equal((int)pg_fixture_metric("quintet_pg_cancels_total"), 1);
    assert_int_equal((int)pg_fixture_metric("quintet_pg_failures_total{reason=\"query slow\"}"), 1);
    pg_fixture_expect_logged("connection opened", 1);
    pg_fixture_end();
}

/* What was cancelled did not happen: the steps in front of the one that waited are undone with it. */
static void test_a_cancelled_transaction_leaves_nothing(void **state)
{
    (void)state;
    struct pg_ask late = {0}, after = {0};
    pg_fixture_begin("&connection_limit=1");
    pg_ask_add(&late, &sql_insert, "half", "done");
    pg_ask_add(&late, &sql_sleep);
    pg_ask_go(&late, 50);
    pg_ask_wait(&late);
    assert_int_equal(late.status, QN_DEADLINE_EXCEEDED);
    pg_ask_run(&after, &sql_count, 20000);
    assert_string_equal(after.text, "0");
    pg_fixture_end();
}

static void test_cancelled_by_its_asker(void **state)
{
    (void)state;
    struct pg_ask ask = {0}, after = {0};
    pg_fixture_begin("&connection_limit=1");
    harness_postgres_do(fix.admin, "select pg_advisory_lock(1)");
    pg_ask_start(&ask, &sql_wait_alone, 60000, "1");
    pg_fixture_until(SQL_WAITING, 1);
    pg_query_cancel(&ask.query);
    assert_false(ask.done);
    pg_ask_wait(&ask);
    assert_int_equal(ask.status, QN_CANCELLED);
    pg_ask_run(&after, &sql_pid, 20000); /* the lock is still held: only the cancel can have made room */
    assert_int_equal(after.status, QN_OK);
    harness_postgres_do(fix.admin, "select pg_advisory_unlock(1)");
    pg_fixture_end();
}

/* A late SELECT with neighbours is not cancelled: the cancel might hit one of them. Its answer is dropped
 * when it comes; until then nothing new joins that connection. */
static void test_a_late_read_with_neighbours_is_left_alone(void **state)
{
    (void)state;
    struct pg_ask late = {0}, neighbour = {0}, next = {0};
    pg_fixture_begin("&connection_limit=1");
    harness_postgres_do(fix.admin, "select pg_advisory_lock(1)");
    pg_ask_start(&late, &sql_wait_shared, 100, "1");
    pg_ask_start(&neighbour, &sql_pid, 60000);
    pg_ask_wait(&late);
    assert_int_equal(late.status, QN_DEADLINE_EXCEEDED);
    assert_string_equal(late.query.reason, "query slow");
    assert_int_equal(fix.pool->conns[0].state, PG_CONN_SHARED);
    pg_ask_start(&next, &sql_pid, 60000);
    for (int i = 0; i < 20; i++)
        pg_fixture_until(SQL_WAITING, 1); /* it still waits in the server */
    assert_int_equal(fix.pool->conns[0].n_flights, 2);
    assert_false(neighbour.done);
    harness_postgres_do(fix.admin, "select pg_advisory_unlock(1)");
    pg_ask_wait(&neighbour);
    assert_int_equal(neighbour.status, QN_OK);
    pg_ask_wait(&next);
    assert_int_equal(next.status, QN_OK);
    assert_int_equal((int)pg_fixture_metric("quintet_pg_cancels_total"), 0);
    pg_fixture_end();
}

static void test_a_late_read_that_happens_to_be_alone_is_cancelled(void **state)
{
    (void)state;
    struct pg_ask late = {0}, next = {0};
    pg_fixture_begin("&connection_limit=1");
    harness_postgres_do(fix.admin, "select pg_advisory_lock(1)");
    pg_ask_run(&late, &sql_wait_shared, 50, "1");
    assert_int_equal(late.status, QN_DEADLINE_EXCEEDED);
    pg_ask_run(&next, &sql_pid, 20000);
    assert_int_equal(next.status, QN_OK);
    assert_int_equal((int)pg_fixture_metric("quintet_pg_cancels_total"), 1);
    harness_postgres_do(fix.admin, "select pg_advisory_unlock(1)");
    pg_fixture_end();
}

/* statement_timeout is the backstop for what is not cancelled. */
static void test_statement_timeout(void **state)
{
    (void)state;
    struct pg_ask slow = {0}, neighbour = {0};
    pg_fixture_begin("&connection_limit=1&socket_timeout=1");
    harness_postgres_do(fix.admin, "select pg_advisory_lock(1)");
    pg_ask_start(&slow, &sql_wait_shared, 60000, "1");
    pg_ask_start(&neighbour, &sql_pid, 60000);
    pg_ask_wait(&neighbour);
    assert_int_equal(slow.status, QN_DEADLINE_EXCEEDED);
    assert_string_equal(slow.query.sqlstate, "57014");
    assert_int_equal(neighbour.status, QN_OK);
    harness_postgres_do(fix.admin, "select pg_advisory_unlock(1)");
    pg_fixture_end();
}

static size_t cancels_under_way(void)
{
    size_t n = fix.pool->canceller.n_orphans;
    for (size_t i = 0; i < fix.pool->n_conns; i++)
        n += fix.pool->conns[i].cancel != NULL;
    return n;
}

/* A network that swallows all keeps PQcancel() for minutes. A connection that is given up meanwhile opens
 * anew at once; when both threads are taken, the next late statement is left to statement_timeout; and the
 * pool ends without those that do not return. */
static void test_cancels_that_do_not_return(void **state)
{
    (void)state;
    static struct pg_ask late[3];
    struct tcp_proxy *proxy = tcp_proxy_open((uint16_t)harness_postgres_port(fix.server));
    char url[256];
    snprintf(url, sizeof url,
             "postgresql://quintet:p%%40ss%%2Fw%%3Ard%%25@127.0.0.1:%u/quintet?sslmode=disable",
             tcp_proxy_port(proxy));
    pg_fixture_open_url(url);
    pg_fixture_until_true(pg_fixture_is_ready, "up, through the proxy");
    pg_fixture_until_true(pg_fixture_is_idle, "all five, or the last is only lent");
    harness_postgres_do(fix.admin, "select pg_advisory_lock(1)");
    for (size_t i = 0; i < QN_COUNT(late); i++)
        pg_ask_start(&late[i], &sql_wait_alone, 60000, "1");
    pg_fixture_until(SQL_WAITING, QN_COUNT(late));
    tcp_proxy_set(proxy, TCP_PROXY_HOLD);
    for (size_t i = 0; i < 2; i++) {
        struct pg_conn *conn = late[i].query.conn;
        size_t accepted = tcp_proxy_accepted(proxy);
        pg_query_cancel(&late[i].query);
        assert_int_equal(conn->state, PG_CONN_CANCELLING);
        while (tcp_proxy_accepted(proxy) == accepted) /* PQcancel() has begun */
            qn_loop_turn(fix.loop);
        pg_conn_close(conn, "given up");
        /* One attempt at a time; and it must not be taken for the next PQcancel(). */
        while (i == 0 && (conn->state != PG_CONN_CONNECTING || tcp_proxy_accepted(proxy) < accepted + 2))
            qn_loop_turn(fix.loop);
        assert_int_equal(fix.pool->canceller.n_orphans, i + 1);
    }
    struct pg_conn *conn = late[2].query.conn;
    pg_query_cancel(&late[2].query);
    pg_ask_wait(&late[2]);
    assert_int_equal(late[2].status, QN_CANCELLED);
    assert_int_equal(conn->state, PG_CONN_ALONE);
    assert_int_equal((int)pg_fixture_metric("quintet_pg_cancels_total"), 2);
    assert_int_equal(cancels_under_way(), 2);
    pg_fixture_close(); /* and both are still held */
    tcp_proxy_set(proxy, TCP_PROXY_FORWARD);
    harness_postgres_do(fix.admin, "select pg_advisory_unlock(1)");
    pg_fixture_end();
    tcp_proxy_close(proxy);
}

/* Once they have returned, all is as before. */
static void test_cancels_that_return_late(void **state)
{
    (void)state;
    struct pg_ask late = {0}, after = {0};
    struct tcp_proxy *proxy = tcp_proxy_open((uint16_t)harness_postgres_port(fix.server));
    char url[256];
    snprintf(
        url, sizeof url,
        "postgresql://quintet:p%%40ss%%2Fw%%3Ard%%25@127.0.0.1:%u/quintet?sslmode=disable&connection_limit=1",
        tcp_proxy_port(proxy));
    pg_fixture_open_url(url);
    pg_fixture_until_true(pg_fixture_is_ready, "up, through the proxy");
    harness_postgres_do(fix.admin, "select pg_advisory_lock(1)");
    for (int round = 0; round < 3; round++) { /* more than there are threads */
        pg_ask_start(&late, &sql_wait_alone, 60000, "1");
        pg_fixture_until(SQL_WAITING, 1);
        tcp_proxy_set(proxy, TCP_PROXY_HOLD);
        pg_query_cancel(&late.query);
        pg_conn_close(&fix.pool->conns[0], "given up");
        pg_ask_wait(&late);
        tcp_proxy_set(proxy, TCP_PROXY_FORWARD);
        pg_ask_run(&after, &sql_pid, 60000);
        assert_int_equal(after.status, QN_OK);
        while (fix.pool->canceller.n_orphans > 0)
            qn_loop_wait(fix.loop);
        pg_fixture_until(SQL_WAITING, 0);
    }
    assert_int_equal((int)pg_fixture_metric("quintet_pg_cancels_total"), 3);
    harness_postgres_do(fix.admin, "select pg_advisory_unlock(1)");
    pg_fixture_end();
    tcp_proxy_close(proxy);
}

/* The race itself. Each round a lone statement is late at a moment around its natural end, with reads on
 * other connections, and with statements that follow on the very connection: some of them alone, some shared.
 * None of those may ever be hit: their deadlines are far away, so that a 57014 can only be a stray cancel.
 * (Aimed at a pipelined statement, a cancel hit the neighbour in 169 of 200 tries: ARCHITECTURE.md.) */
static void test_a_cancel_never_hits_another(void **state)
{
    (void)state;
    static struct pg_ask late[3], alone[4], reads[12];
    size_t n_late = 0, n_in_time = 0, n_rounds = harness_rounds(2000, 100000);
    unsigned long work = 4000;
    char amount[24];
    uint64_t began_ms = qn_clock_now_ms();
    pg_fixture_begin("&connection_limit=3");
    for (size_t round = 0; round < n_rounds; round++) {
        /* As long as the deadline, so that the end and the cancel meet. */
        snprintf(amount, sizeof amount, "%lu", work + round % 64 * 50);
        for (size_t i = 0; i < QN_COUNT(late); i++)
            pg_ask_start(&late[i], &sql_work, 1 + round % 3, amount);
        for (size_t i = 0; i < QN_COUNT(reads); i++)
            pg_ask_start(&reads[i], &sql_pid, 60000);
        for (size_t i = 0; i < QN_COUNT(alone); i++)
            pg_ask_start(&alone[i], &sql_pid_alone, 60000);
        pg_ask_wait_all(late, QN_COUNT(late));
        pg_ask_wait_all(reads, QN_COUNT(reads));
        pg_ask_wait_all(alone, QN_COUNT(alone));
        for (size_t i = 0; i < QN_COUNT(reads); i++)
            assert_int_equal(reads[i].status, QN_OK);
        for (size_t i = 0; i < QN_COUNT(alone); i++)
            assert_int_equal(alone[i].status, QN_OK);
        size_t slow = 0, refused = 0;
        for (size_t i = 0; i < QN_COUNT(late); i++) {
            slow += late[i].status == QN_DEADLINE_EXCEEDED;
            refused += late[i].status == QN_RESOURCE_EXHAUSTED; /* known to be late before it was sent */
        }
        size_t in_time = QN_COUNT(late) - slow - refused;
        n_late += slow;
        n_in_time += in_time;
        /* Towards half of them late. Who was not sent says nothing of how long it takes. */
        work = slow >= 2 ? work - work / 16 : in_time >= 2 ? work + work / 16 : work;
    }
    double cancels = pg_fixture_metric("quintet_pg_cancels_total");
    print_message("soak: %zu rounds in %llu ms: %zu late, %zu in time, %.0f cancels\n", n_rounds,
                  (unsigned long long)(qn_clock_now_ms() - began_ms), n_late, n_in_time, cancels);
    assert_true(cancels > (double)n_rounds / 20 && n_in_time > n_rounds / 20); /* else there was no race */
    pg_fixture_expect_logged("connection opened", 3);
    pg_fixture_end();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_late_write_is_cancelled),
        cmocka_unit_test(test_a_cancelled_transaction_leaves_nothing),
        cmocka_unit_test(test_cancelled_by_its_asker),
        cmocka_unit_test(test_a_late_read_with_neighbours_is_left_alone),
        cmocka_unit_test(test_a_late_read_that_happens_to_be_alone_is_cancelled),
        cmocka_unit_test(test_statement_timeout),
        cmocka_unit_test(test_cancels_that_do_not_return),
        cmocka_unit_test(test_cancels_that_return_late),
        cmocka_unit_test(test_a_cancel_never_hits_another),
    };
    return pg_fixture_run(tests, NULL, NULL);
}
