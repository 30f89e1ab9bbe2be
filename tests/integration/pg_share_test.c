#include <stdio.h>
#include <stdlib.h>

#include "common/core/check.h"
#include "tests/harness/test.h"
#include "tests/integration/pg_fixture.h"

/* Who shares a connection: plain SELECTs with each other, everything else with nobody. Locks stand in for
 * work that takes as long as the test wants; what really happens is read from the server's pg_stat_activity
 * and pg_locks. */

static const struct pg_statement sql_divide = {"test_divide", "select 1 / $1::int", true};
static const struct pg_statement sql_delete = {"test_delete", "delete from note where true", false};

/* The statement that waits now, as the server sees it. */
#define SQL_WAITING_ALONE                                                                                    \
    "select count(*) from pg_stat_activity where usename = 'quintet' and wait_event = 'advisory'"            \
    " and query like '%pg_advisory_xact_lock(%'"

static void lock(int number)
{
    char sql[64];
    snprintf(sql, sizeof sql, "select pg_advisory_lock(%d)", number);
    harness_postgres_do(fix.admin, sql);
}

static void unlock(int number)
{
    char sql[64];
    snprintf(sql, sizeof sql, "select pg_advisory_unlock(%d)", number);
    harness_postgres_do(fix.admin, sql);
}

static size_t under_way(void)
{
    size_t n = 0;
    for (size_t i = 0; i < fix.pool->n_conns; i++)
        n += fix.pool->conns[i].n_flights;
    return n;
}

/* How many reads go down a connection together: 16, and one where there is a PgBouncer. */
static size_t together(void)
{
    return fix.pool->pipeline_max;
}

/* With a single connection, reads go down it together, one behind the other. */
static void test_reads_share(void **state)
{
    (void)state;
    struct pg_ask first = {0};
    static struct pg_ask others[15];
    pg_fixture_begin("&connection_limit=1");
    lock(1);
    pg_ask_start(&first, &sql_wait_shared, 60000, "1");
    for (size_t i = 0; i < QN_COUNT(others); i++)
        pg_ask_start(&others[i], &sql_pid, 60000);
    pg_fixture_until(SQL_WAITING, 1);
    assert_int_equal(under_way(), together());
    assert_int_equal(fix.pool->conns[0].state, PG_CONN_SHARED);
    unlock(1);
    pg_ask_wait(&first);
    pg_ask_wait_all(others, QN_COUNT(others));
    for (size_t i = 0; i < QN_COUNT(others); i++) {
        assert_int_equal(others[i].status, QN_OK);
        assert_int_equal(others[i].order, i + 2); /* in the order in which they were sent */
    }
    assert_int_equal(fix.pool->conns[0].state, PG_CONN_IDLE);
    pg_fixture_end();
}

static void test_no_more_than_the_pipeline(void **state)
{
    (void)state;
    static struct pg_ask asks[40];
    pg_fixture_begin("&connection_limit=1");
    lock(1);
    for (size_t i = 0; i < QN_COUNT(asks); i++)
        pg_ask_start(&asks[i], &sql_wait_shared, 60000, "1");
    pg_fixture_until(SQL_WAITING, 1);
    assert_int_equal(under_way(), together());
    assert_int_equal((int)pg_fixture_metric("quintet_pg_waiting"), QN_COUNT(asks) - together());
    unlock(1);
    pg_ask_wait_all(asks, QN_COUNT(asks));
    pg_fixture_end();
}

/* One that fails has its own Sync: its neighbours in front and behind do not notice. */
static void test_an_error_harms_no_neighbour(void **state)
{
    (void)state;
    struct pg_ask first = {0};
    static struct pg_ask asks[15];
    pg_fixture_begin("&connection_limit=1");
    lock(1);
    pg_ask_start(&first, &sql_wait_shared, 60000, "1");
    for (size_t i = 0; i < QN_COUNT(asks); i++) {
        const char *divisor = i % 3 == 0 ? "1" : i % 3 == 1 ? "0" : "no number";
        pg_ask_start(&asks[i], &sql_divide, 60000, divisor);
    }
    pg_fixture_until(SQL_WAITING, 1);
    assert_int_equal(under_way(), together()); /* all of them behind the one that waits */
    unlock(1);
    pg_ask_wait(&first);
    assert_int_equal(first.status, QN_OK);
    pg_ask_wait_all(asks, QN_COUNT(asks));
    for (size_t i = 0; i < QN_COUNT(asks); i++) {
        assert_int_equal(asks[i].status, i % 3 == 0 ? QN_OK : QN_INVALID_ARGUMENT);
        assert_string_equal(asks[i].text, i % 3 == 0 ? "1" : "");
        assert_string_equal(asks[i].query.sqlstate, i % 3 == 0 ? "" : i % 3 == 1 ? "22012" : "22P02");
    }
    pg_fixture_expect_logged("connection opened", 1);
    pg_fixture_end();
}

/* A write that waits for a lock has its connection alone, for as long as it takes: reads that come meanwhile
 * are answered by other backends, and none stands behind it. */
static void test_a_write_is_alone(void **state)
{
    (void)state;
    struct pg_ask write = {0};
    static struct pg_ask reads[60];
    char sql[160];
    pg_fixture_begin("&connection_limit=2");
    lock(1);
    pg_ask_start(&write, &sql_wait_alone, 60000, "1");
    pg_fixture_until(SQL_WAITING_ALONE, 1);
    long its_pid = harness_postgres_number(
        fix.admin, "select pid from pg_locks where locktype = 'advisory' and not granted");
    for (size_t i = 0; i < QN_COUNT(reads); i++)
        pg_ask_start(&reads[i], &sql_pid, 60000);
    pg_ask_wait_all(reads, QN_COUNT(reads));
    for (size_t i = 0; i < QN_COUNT(reads); i++) {
        assert_int_equal(reads[i].status, QN_OK);
        assert_int_not_equal(strtol(reads[i].text, NULL, 10), its_pid);
    }
    snprintf(sql, sizeof sql,
             "select count(*) from pg_locks where locktype = 'advisory' and not granted and pid = %ld",
             its_pid);
    assert_int_equal(harness_postgres_number(fix.admin, sql), 1); /* it still waits */
    assert_false(write.done);
    unlock(1);
    pg_ask_wait(&write);
    assert_int_equal(write.status, QN_OK);
    pg_fixture_end();
}

/* And it does not join reads that are under way: it waits until the connection has run dry. */
static void test_a_write_waits_for_reads(void **state)
{
    (void)state;
    struct pg_ask read = {0}, write = {0}, later = {0};
    pg_fixture_begin("&connection_limit=1");
    lock(1);
    pg_ask_start(&read, &sql_wait_shared, 60000, "1");
    pg_fixture_until(SQL_WAITING, 1);
    pg_ask_start(&write, &sql_delete, 60000);
    pg_ask_start(&later, &sql_pid,
                 60000); /* comes after the write: it must not delay it by joining the read */
    for (int i = 0; i < 20; i++)
        pg_fixture_until(SQL_WAITING, 1);
    assert_int_equal(under_way(), 1);
    assert_int_equal((int)pg_fixture_metric("quintet_pg_waiting"), 2);
    unlock(1);
    pg_ask_wait(&later);
    assert_int_equal(read.order, 1);
    assert_int_equal(write.order, 2);
    assert_int_equal(later.order, 3);
    pg_fixture_end();
}

/* Writes that all wait for one lock: four are sent, the fifth connection stays for reads. */
static void test_writes_leave_one_connection_to_reads(void **state)
{
    (void)state;
    static struct pg_ask writes[6], reads[30];
    pg_fixture_begin("");
    lock(1);
    for (size_t i = 0; i < QN_COUNT(writes); i++)
        pg_ask_start(&writes[i], i % 2 ? &sql_wait_alone : &sql_wait_alone_too, 60000, "1");
    pg_fixture_until(SQL_WAITING, 4);
    for (size_t i = 0; i < QN_COUNT(reads); i++)
        pg_ask_start(&reads[i], &sql_pid, 60000);
    pg_ask_wait_all(reads, QN_COUNT(reads));
    for (size_t i = 0; i < QN_COUNT(reads); i++)
        assert_int_equal(reads[i].status, QN_OK);
    assert_int_equal(harness_postgres_number(fix.admin, SQL_WAITING), 4);
    unlock(1);
    pg_ask_wait_all(writes, QN_COUNT(writes));
    pg_fixture_end();
}

/* A transaction waits for a locked row; what other calls ask is not held up, whatever the order. */
static void test_a_locked_row_holds_up_nobody_else(void **state)
{
    (void)state;
    static const struct pg_statement update = {"test_update", "update note set body = $2 where id = $1",
                                               false};
    struct pg_ask waits = {0}, free_row = {0}, read = {0};
    harness_postgres_do(fix.admin, "insert into note values ('locked', ''), ('free', '')");
    PGconn *other = harness_postgres_admin(fix.server, NULL);
    harness_postgres_do(other, "begin; update note set body = 'other' where id = 'locked'");
    pg_fixture_begin("&connection_limit=3");
    pg_ask_start(&waits, &update, 60000, "locked", "mine");
    pg_fixture_until(
        "select count(*) from pg_stat_activity where usename = 'quintet' and wait_event_type = 'Lock'", 1);
    pg_ask_run(&free_row, &update, 60000, "free", "mine");
    pg_ask_run(&read, &sql_count, 60000);
    assert_int_equal(free_row.status, QN_OK);
    assert_int_equal(read.status, QN_OK);
    assert_false(waits.done);
    harness_postgres_do(other, "commit");
    PQfinish(other);
    pg_ask_wait(&waits);
    assert_int_equal(waits.status, QN_OK);
    pg_fixture_end();
    harness_postgres_do(fix.admin, "delete from note");
}

/* Load that does not end by itself: each ask starts itself anew until the test says so. */
static bool stop;
static size_t n_reads, n_writes;

static void read_again(struct pg_ask *ask)
{
    assert_int_equal(ask->status, QN_OK);
    n_reads++;
    if (!stop)
        pg_ask_start(ask, &sql_pid, 60000);
}

static void write_again(struct pg_ask *ask)
{
    assert_int_equal(ask->status, QN_OK);
    n_writes++;
    if (!stop)
        pg_ask_start(ask, &sql_delete, 60000);
}

static void fairness(const char *params)
{
    static struct pg_ask reads[32], writes[8];
    memset(reads, 0, sizeof reads);
    memset(writes, 0, sizeof writes);
    n_reads = n_writes = 0;
    stop = false;
    pg_fixture_begin(params);
    for (size_t i = 0; i < QN_COUNT(reads); i++) {
        reads[i].then = read_again;
        pg_ask_start(&reads[i], &sql_pid, 60000);
    }
    for (size_t i = 0; i < QN_COUNT(writes); i++) {
        writes[i].then = write_again;
        pg_ask_start(&writes[i], &sql_delete, 60000);
    }
    /* However many of one kind there are, the other gets on. */
    for (size_t step = 1; step <= 20; step++) {
        while (n_reads < step * 10 || n_writes < step * 10) {
            qn_loop_wait(fix.loop);
            assert_true(n_reads < 20000 && n_writes < 20000);
        }
    }
    stop = true;
    pg_ask_wait_all(reads, QN_COUNT(reads));
    pg_ask_wait_all(writes, QN_COUNT(writes));
    pg_fixture_end();
}

static void test_fairness(void **state)
{
    (void)state;
    fairness("&connection_limit=1");
    fairness("&connection_limit=2");
    fairness("");
}

/* A sample of what the server itself sees under a mixed load: at no moment does a backend that works on a
 * write have anything else to answer. What a connection has under way is the pool's own book; the server's is
 * that a write which waits is the backend's current statement, and that its answer comes before any other of
 * that backend. */
static void test_alone_under_mixed_load(void **state)
{
    (void)state;
    static struct pg_ask reads[32], writes[8];
    memset(reads, 0, sizeof reads);
    memset(writes, 0, sizeof writes);
    n_reads = n_writes = 0;
    stop = false;
    pg_fixture_begin("");
    for (size_t i = 0; i < QN_COUNT(reads); i++) {
        reads[i].then = read_again;
        pg_ask_start(&reads[i], &sql_pid, 60000);
    }
    for (size_t i = 0; i < QN_COUNT(writes); i++) {
        writes[i].then = write_again;
        pg_ask_start(&writes[i], &sql_delete, 60000);
    }
    size_t seen_alone = 0, seen_shared = 0;
    while (n_writes < 300 || n_reads < 3000 || !seen_alone || !seen_shared) {
        qn_loop_wait(fix.loop);
        for (size_t i = 0; i < fix.pool->n_conns; i++) {
            const struct pg_conn *conn = &fix.pool->conns[i];
            seen_alone += conn->state == PG_CONN_ALONE;
            seen_shared += conn->state == PG_CONN_SHARED && conn->n_flights > (together() > 1);
            for (size_t k = 0; k < conn->n_flights; k++) {
                const struct pg_flight *flight = &conn->flights[(conn->first_flight + k) % PG_PIPELINE_MAX];
                bool plain = flight->query->steps[0].statement->plain_select;
                assert_true(plain ? conn->state == PG_CONN_SHARED
                                  : conn->state == PG_CONN_ALONE && conn->n_flights == 1);
            }
        }
    }
    stop = true;
    pg_ask_wait_all(reads, QN_COUNT(reads));
    pg_ask_wait_all(writes, QN_COUNT(writes));
    pg_fixture_end();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_reads_share),
        cmocka_unit_test(test_no_more_than_the_pipeline),
        cmocka_unit_test(test_an_error_harms_no_neighbour),
        cmocka_unit_test(test_a_write_is_alone),
        cmocka_unit_test(test_a_write_waits_for_reads),
        cmocka_unit_test(test_writes_leave_one_connection_to_reads),
        cmocka_unit_test(test_a_locked_row_holds_up_nobody_else),
        cmocka_unit_test(test_fairness),
        cmocka_unit_test(test_alone_under_mixed_load),
    };
    return pg_fixture_run(tests, NULL, NULL);
}
