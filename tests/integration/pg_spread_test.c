#include <stdio.h>

#include "common/core/check.h"
#include "tests/harness/test.h"
#include "tests/integration/pg_fixture.h"

/* Somebody has a table to himself, as an ALTER TABLE has: the statements that read it wait, and no other
 * does. By the order in which things end. */

static const struct pg_statement sql_notes_too = {"test_notes_too", "select max(body) from note", true};
static const struct pg_statement sql_notes_three = {"test_notes_three", "select min(id) from note", true};
static const struct pg_statement sql_free_write = {"test_free_write", "delete from free", false};
static const struct pg_statement sql_free_read = {"test_free_read", "select count(*) from free", true};
static const struct pg_statement sql_update = {"test_update_note",
                                               "update note set body = 'ours' where id = $1", false};

#define SQL_WAIT_FOR_NOTE "select count(*) from pg_locks where relation = 'note'::regclass and not granted"
#define NO_LIMIT          "&options=-c%20lock_timeout%3D0"

static PGconn *other;

static void lock_table(void)
{
    harness_postgres_do(other, "begin; lock table note in access exclusive mode");
}

static void unlock_table(void)
{
    harness_postgres_do(other, "commit");
}

static void start_all(struct pg_ask *asks, size_t n, const struct pg_statement *statement)
{
    for (size_t i = 0; i < n; i++)
        pg_ask_start(&asks[i], statement, 60000);
}

static void assert_all(struct pg_ask *asks, size_t n, enum qn_status status)
{
    pg_ask_wait_all(asks, n);
    for (size_t i = 0; i < n; i++)
        if (asks[i].status != status)
            fail_msg("%s instead of %s", qn_status_name(asks[i].status), qn_status_name(status));
}

static void assert_none_done(const struct pg_ask *asks, size_t n)
{
    for (size_t i = 0; i < n; i++)
        assert_false(asks[i].done);
}

/* More calls than three pipelines hold (of 16, and of one where there is a PgBouncer): their statement gets
 * three connections, and the two that are left are for the others' reads and writes, of which one comes after
 * the other for as long as one likes. */
static void test_one_statement_waits(void **state)
{
    (void)state;
    static struct pg_ask locked[60], reads[30];
    struct pg_ask write = {0};
    pg_fixture_begin(NO_LIMIT);
    const size_t n_locked = 12 + 3 * fix.pool->pipeline_max;
    lock_table();
    start_all(locked, n_locked, &sql_count);
    pg_fixture_until(SQL_WAIT_FOR_NOTE, 3);
    for (int round = 0; round < 10; round++) {
        start_all(reads, QN_COUNT(reads), round % 2 ? &sql_free_read : &sql_pid);
        pg_ask_run(&write, &sql_free_write, 60000);
        assert_int_equal(write.status, QN_OK);
        assert_all(reads, QN_COUNT(reads), QN_OK);
    }
    assert_int_equal(harness_postgres_number(fix.admin, SQL_WAIT_FOR_NOTE), 3);
    assert_none_done(locked, n_locked);
    unlock_table();
    assert_all(locked, n_locked, QN_OK);
    for (size_t i = 1; i < n_locked; i++)
        assert_true(locked[i].order > 310); /* after all the others */
    pg_fixture_end();
}

/* In one turn, so that some stand behind the one that waits before anybody knows: they are asked once more on
 * the other connection. */
static void test_who_stands_behind_it_is_moved(void **state)
{
    (void)state;
    struct pg_ask locked = {0};
    static struct pg_ask reads[12], others[4];
    pg_fixture_begin("&connection_limit=2" NO_LIMIT);
    lock_table();
    pg_ask_start(&locked, &sql_count, 60000);
    start_all(reads, QN_COUNT(reads), &sql_free_read); /* on the other: one connection is all that it gets */
    start_all(others, QN_COUNT(others), &sql_pid);     /* where there are fewer */
    assert_all(reads, QN_COUNT(reads), QN_OK);
    assert_all(others, QN_COUNT(others), QN_OK);
    assert_false(locked.done);
    assert_true(pg_fixture_metric("quintet_pg_moved_total") >= 4);
    unlock_table();
    assert_all(&locked, 1, QN_OK);
    pg_fixture_until_true(pg_fixture_is_idle, "the answers that nobody waits for have come");
    pg_fixture_expect_logged("connection opened", 2);
    pg_fixture_end();
}

/* lock_timeout ends a plain SELECT's wait, with a word that says why; a write, which may have to wait for
 * another's row, does without: it began to wait first, and waits still. */
static void test_the_wait_has_an_end(void **state)
{
    (void)state;
    struct pg_ask write = {0}, read = {0};
    harness_postgres_do(fix.admin, "insert into note values ('row', '')");
    pg_fixture_begin("&options=-c%20lock_timeout%3D200");
    harness_postgres_do(other, "begin; update note set body = 'theirs' where id = 'row'");
    pg_ask_start(&write, &sql_update, 60000, "row");
    pg_fixture_until("select count(*) from pg_stat_activity where usename = 'quintet' and wait_event_type ="
                     " 'Lock'",
                     1);
    PGconn *third = harness_postgres_admin(fix.server, NULL);
    assert_int_equal(PQsendQuery(third, "alter table note add column more text"),
                     1); /* waits for the writers */
    pg_fixture_until(SQL_WAIT_FOR_NOTE, 1);
    for (int i = 0; i < 3; i++) {
        pg_ask_run(&read, &sql_count, 60000);
        assert_int_equal(read.status, QN_ABORTED);
        assert_string_equal(read.query.reason, "locked");
        assert_string_equal(read.query.sqlstate, "55P03");
    }
    assert_false(write.done);
    assert_int_equal((int)pg_fixture_metric("quintet_pg_failures_total{reason=\"locked\"}"), 3);
    unlock_table();
    pg_ask_wait(&write);
    assert_int_equal(write.status, QN_OK);
    PQclear(PQgetResult(third));
    PQfinish(third);
    pg_ask_run(&read, &sql_count, 60000);
    assert_int_equal(read.status, QN_OK); /* and it is known to be free again */
    harness_postgres_do(fix.admin, "alter table note drop column more; delete from note");
    pg_fixture_end();
}

static bool all_three_are_locked(void)
{
    size_t n = 0;
    for (unsigned i = 0; i < fix.pool->statements.n; i++)
        n += fix.pool->statements.entries[i].locked;
    return n == 3;
}

/* Several statements read the table. As soon as each has been found out, they wait together on three
 * connections, and not each on three. (Those that stand behind the first are moved back in time: with the
 * reads they must fit the queue.) */
static void test_several_statements_wait(void **state)
{
    (void)state;
    static const struct pg_statement *const statements[] = {&sql_count, &sql_notes_too, &sql_notes_three};
    static struct pg_ask locked[3][8], reads[30];
    struct pg_ask write = {0};
    pg_fixture_begin("&options=-c%20lock_timeout%3D2000");
    lock_table();
    for (size_t i = 0; i < 3; i++)
        start_all(locked[i], 1, statements[i]);
    pg_fixture_until_true(all_three_are_locked, "each has been told");
    for (size_t i = 0; i < 3; i++)
        assert_all(locked[i], 1, QN_ABORTED);
    for (size_t i = 0; i < 3; i++)
        start_all(locked[i], QN_COUNT(locked[i]), statements[i]);
    pg_fixture_until(SQL_WAIT_FOR_NOTE, 3);
    for (int round = 0; round < 5; round++) {
        start_all(reads, QN_COUNT(reads), &sql_free_read);
        pg_ask_run(&write, &sql_free_write, 60000);
        assert_all(reads, QN_COUNT(reads), QN_OK);
        assert_int_equal(write.status, QN_OK);
        assert_true(harness_postgres_number(fix.admin, SQL_WAIT_FOR_NOTE) <= 3);
    }
    unlock_table();
    for (size_t i = 0; i < 3; i++)
        pg_ask_wait_all(locked[i], QN_COUNT(locked[i]));
    assert_false(all_three_are_locked());
    pg_fixture_end();
}

/* Calls of the statement that waits fill three quarters of the queue, and are told so; the rest is for
 * others. (The fixture's queue has 64 places.) */
static void test_it_does_not_fill_the_queue(void **state)
{
    (void)state;
    static struct pg_ask locked[130], reads[16];
    size_t refused = 0;
    pg_fixture_begin("&connection_limit=2" NO_LIMIT);
    lock_table();
    for (size_t i = 0; i < QN_COUNT(locked); i++) {
        pg_ask_start(&locked[i], &sql_count, 60000);
        qn_loop_turn(fix.loop);
    }
    for (size_t i = 0; i < QN_COUNT(locked); i++) {
        refused += locked[i].done;
        assert_true(!locked[i].done || locked[i].status == QN_RESOURCE_EXHAUSTED);
    }
    assert_int_equal(refused, QN_COUNT(locked) - fix.pool->pipeline_max - 48);
    start_all(reads, QN_COUNT(reads), &sql_free_read);
    assert_all(reads, QN_COUNT(reads), QN_OK);
    unlock_table();
    pg_ask_wait_all(locked, QN_COUNT(locked));
    pg_fixture_end();
}

/* The calls that wait in their statement's queue end like all others: by their deadline, and when the pool
 * closes. */
static void test_who_is_held_ends(void **state)
{
    (void)state;
    static struct pg_ask locked[40], cancelled;
    pg_fixture_begin("&connection_limit=2" NO_LIMIT);
    lock_table();
    start_all(locked, QN_COUNT(locked) - 1, &sql_count);
    pg_fixture_until(SQL_WAIT_FOR_NOTE, 1);
    assert_int_equal(fix.pool->n_held, QN_COUNT(locked) - 1 - fix.pool->pipeline_max);
    pg_ask_start(&locked[QN_COUNT(locked) - 1], &sql_count, 200);
    pg_ask_start(&cancelled, &sql_count, 60000);
    qn_loop_turn(fix.loop);
    pg_query_cancel(&cancelled.query);
    pg_ask_wait(&cancelled);
    assert_int_equal(cancelled.status, QN_CANCELLED);
    pg_ask_wait(&locked[QN_COUNT(locked) - 1]);
    assert_int_equal(locked[QN_COUNT(locked) - 1].status, QN_DEADLINE_EXCEEDED);
    assert_int_equal(fix.pool->n_held, QN_COUNT(locked) - 1 - fix.pool->pipeline_max);
    unlock_table();
    pg_ask_wait_all(locked, QN_COUNT(locked) - 1);
    assert_int_equal(fix.pool->n_held, 0);

    lock_table();
    start_all(locked, QN_COUNT(locked), &sql_count);
    pg_fixture_until(SQL_WAIT_FOR_NOTE, 1);
    assert_true(fix.pool->n_held > 0);
    pg_fixture_close();
    unlock_table();
    for (size_t i = 0; i < QN_COUNT(locked); i++) {
        assert_true(locked[i].done);
        assert_int_equal(locked[i].status, QN_UNAVAILABLE);
    }
    pg_fixture_end();
}

/* With two connections there is one left, and reads and writes of others take turns on it. */
static void test_writes_with_two(void **state)
{
    (void)state;
    struct pg_ask locked = {0}, write = {0}, read = {0};
    pg_fixture_begin("&connection_limit=2" NO_LIMIT);
    lock_table();
    pg_ask_start(&locked, &sql_count, 60000);
    pg_fixture_until(SQL_WAIT_FOR_NOTE, 1);
    for (int i = 0; i < 20; i++) {
        pg_ask_start(&write, &sql_free_write, 60000);
        pg_ask_run(&read, &sql_free_read, 60000);
        pg_ask_wait(&write);
        assert_int_equal(read.status, QN_OK);
        assert_int_equal(write.status, QN_OK);
    }
    assert_false(locked.done);
    unlock_table();
    pg_ask_wait(&locked);
    pg_fixture_end();
}

static size_t n_alone(void)
{
    size_t n = 0;
    for (size_t i = 0; i < fix.pool->n_conns; i++)
        n += fix.pool->conns[i].state == PG_CONN_ALONE;
    return n;
}

static bool all_up(void)
{
    return pg_pool_up(fix.pool) == fix.pool->n_conns;
}

/* Writes of one kind may have all four at first, but the last only on loan: who waits for a row there gives
 * way to writes of other kinds, loses nothing by it, and nothing is done twice. */
static void test_one_kind_of_write_waits(void **state)
{
    (void)state;
    static const struct pg_statement append = {"test_append",
                                               "update note set body = body || 'x' where id = $1", false};
    static struct pg_ask locked[12], reads[10];
    struct pg_ask write = {0};
    harness_postgres_do(fix.admin, "insert into note values ('row', '')");
    pg_fixture_begin(NO_LIMIT);
    pg_fixture_until_true(all_up, "all connections are up");
    harness_postgres_do(other, "begin; select 1 from note where id = 'row' for update");
    for (size_t i = 0; i < QN_COUNT(locked); i++)
        pg_ask_start(&locked[i], &append, 60000, "row");
    qn_loop_turn(fix.loop);
    assert_in_range(n_alone(), 3, 4);
    for (int round = 0; round < 20; round++) {
        start_all(reads, QN_COUNT(reads), &sql_free_read);
        pg_ask_run(&write, &sql_free_write, 60000);
        assert_int_equal(write.status, QN_OK);
        assert_all(reads, QN_COUNT(reads), QN_OK);
    }
    assert_none_done(locked, QN_COUNT(locked));
    assert_int_equal(n_alone(), 3);
    assert_int_equal(fix.pool->n_held_writes, QN_COUNT(locked) - 3);
    unlock_table();
    assert_all(locked, QN_COUNT(locked), QN_OK);
    assert_int_equal(fix.pool->n_held_writes, 0);
    assert_int_equal(harness_postgres_number(fix.admin, "select length(body) from note where id = 'row'"),
                     QN_COUNT(locked));
    assert_int_equal((int)pg_fixture_metric("quintet_pg_cancels_total"), 0);
    harness_postgres_do(fix.admin, "delete from note");
    pg_fixture_end();
}

/* Those that wait in their statement's queue end as all others do: by their deadline, by their asker, and
 * when the pool closes. */
static void test_writes_that_are_held_end(void **state)
{
    (void)state;
    static struct pg_ask locked[8];
    struct pg_ask late = {0}, cancelled = {0}, write = {0};
    harness_postgres_do(fix.admin, "insert into note values ('row', '')");
    pg_fixture_begin("");
    pg_fixture_until_true(all_up, "all connections are up");
    harness_postgres_do(other, "begin; select 1 from note where id = 'row' for update");
    for (size_t i = 0; i < QN_COUNT(locked); i++)
        pg_ask_start(&locked[i], &sql_update, 60000, "row");
    pg_ask_start(&cancelled, &sql_update, 60000, "row");
    pg_ask_run(&write, &sql_free_write, 60000);
    assert_int_equal(write.status, QN_OK);
    pg_ask_run(&late, &sql_update, 300, "row");
    assert_int_equal(late.status, QN_DEADLINE_EXCEEDED);
    assert_string_equal(late.query.reason, "pool full");
    pg_query_cancel(&cancelled.query);
    pg_ask_wait(&cancelled);
    assert_int_equal(cancelled.status, QN_CANCELLED);
    assert_int_equal(fix.pool->n_held_writes, QN_COUNT(locked) - 3);
    pg_fixture_close();
    unlock_table();
    for (size_t i = 0; i < QN_COUNT(locked); i++)
        assert_true(locked[i].done && (locked[i].status == QN_UNAVAILABLE || locked[i].status == QN_UNKNOWN));
    harness_postgres_do(fix.admin, "delete from note");
    pg_fixture_end();
}

static void test_how_many(void **state)
{
    (void)state;
    static const size_t most[] = {1, 1, 1, 2, 2, 3}; /* of so many that are up */
    for (size_t up = 0; up < QN_COUNT(most); up++)
        assert_int_equal(pg_spread_most(up), most[up]);
}

static void prepare(void)
{
    harness_postgres_do(fix.admin, "create table free (id text); grant all on free to quintet");
    PQfinish(other); /* of the server before */
    other = harness_postgres_admin(fix.server, NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_how_many),
        cmocka_unit_test(test_one_statement_waits),
        cmocka_unit_test(test_who_stands_behind_it_is_moved),
        cmocka_unit_test(test_the_wait_has_an_end),
        cmocka_unit_test(test_writes_with_two),
        cmocka_unit_test(test_several_statements_wait),
        cmocka_unit_test(test_it_does_not_fill_the_queue),
        cmocka_unit_test(test_who_is_held_ends),
        cmocka_unit_test(test_one_kind_of_write_waits),
        cmocka_unit_test(test_writes_that_are_held_end),
    };
    return pg_fixture_run(tests, NULL, prepare);
}
