#include <stdio.h>

#include "common/core/arena.h"
#include "common/core/check.h"
#include "tests/harness/test.h"
#include "tests/integration/pg_fixture.h"

/* The pool on a healthy PostgreSQL: how many connections, what is answered, how the queue ends.
 *
 * Why this file is long: a test for each promise of pg/pool.h and pg/query.h, on one fixture. */

static const struct pg_statement sql_body = {"test_body", "select body from note where id = $1", true};
static const struct pg_statement sql_delete = {"test_delete", "delete from note where true", false};
static const struct pg_statement sql_divide = {"test_divide", "select 1 / $1::int", true};
static const struct pg_statement sql_array = {"test_array",
                                              "select array_to_string($1::text[], '|', '(null)')", true};
static const struct pg_statement sql_no_table = {"test_no_table", "select 1 from nowhere", true};
static const struct pg_statement sql_session = {
    "test_session",
    "select current_setting('TimeZone') || ' ' || current_setting('DateStyle') || ' ' || "
    "current_setting('search_path')"
    " || ' ' || current_setting('client_encoding') || ' ' || current_setting('statement_timeout')",
    true};

static void test_five_come_up(void **state)
{
    (void)state;
    pg_fixture_begin("");
    assert_int_equal(harness_postgres_number(fix.admin, SQL_OF_ROLE), 5);
    assert_string_equal(pg_fixture_detail(), "5 of 5 connections");
    assert_int_equal((int)pg_fixture_metric("quintet_pg_connections{state=\"idle\"}"), 5);
    assert_int_equal((int)pg_fixture_metric("quintet_pg_connects_total{outcome=\"ok\"}"), 5);
    pg_fixture_end();
}

/* Whatever runs in the pool, the server's own count is what matters; without the role's limit, so that it is
 * the pool that holds the five. */
static void test_never_a_sixth(void **state)
{
    (void)state;
    enum { ASKS = 60, ROUNDS = 40 };
    static struct pg_ask asks[ASKS];
    harness_postgres_do(fix.admin, "alter role quintet connection limit -1");
    pg_fixture_begin("");
    assert_non_null(strstr(pg_fixture_detail(), "CONNECTION LIMIT is -1"));
    long peak = 0;
    for (int round = 0; round < ROUNDS; round++) {
        for (size_t i = 0; i < ASKS; i++)
            if (i % 7 == 0)
                pg_ask_start(&asks[i], &sql_delete, 20000);
            else
                pg_ask_start(&asks[i], i % 3 ? &sql_pid : &sql_count, 20000);
        for (size_t i = 0; i < ASKS; i++) {
            if (i % 20 == 0) {
                qn_loop_turn(fix.loop);
                long now = harness_postgres_number(fix.admin, SQL_OF_ROLE);
                peak = now > peak ? now : peak;
            }
            pg_ask_wait(&asks[i]);
            assert_int_equal(asks[i].status, QN_OK);
        }
    }
    assert_int_equal(peak, 5);
    pg_fixture_end();
    harness_postgres_do(fix.admin, "alter role quintet connection limit 5");
}

static void test_fewer_when_told(void **state)
{
    (void)state;
    pg_fixture_begin("&connection_limit=2");
    assert_int_equal(harness_postgres_number(fix.admin, SQL_OF_ROLE), 2);
    assert_string_equal(pg_fixture_detail(), "2 of 2 connections; the role's CONNECTION LIMIT is 5, "
                                             "connection_limit 2: run quintet-profile --provision");
    pg_fixture_end();
}

/* The server's defaults are Pacific/Auckland and whatever; Better Auth's times are read right only in UTC. */
static void test_session_is_set_up(void **state)
{
    (void)state;
    struct pg_ask ask = {0};
    harness_postgres_do(fix.admin,
                        "create schema \"odd \"\"one\"; alter role quintet set timezone to 'Asia/Tokyo';"
                        "alter role quintet set datestyle to 'SQL, DMY'");
    pg_fixture_begin("&schema=odd%20%22one&socket_timeout=9&connection_limit=1");
    pg_ask_run(&ask, &sql_session, 5000);
    assert_string_equal(ask.text, "UTC ISO, MDY \"odd \"\"one\" UTF8 9s");
    pg_fixture_end();
    harness_postgres_do(fix.admin, "drop schema \"odd \"\"one\"; alter role quintet set timezone to 'UTC';"
                                   "alter role quintet set datestyle to 'ISO'");
}

static void test_by_name_and_by_socket(void **state)
{
    (void)state;
    char url[256];
    struct pg_ask ask = {0};
    /* The server listens on 127.0.0.1 only; where the name also has ::1, that is refused first. */
    snprintf(url, sizeof url, "postgresql://quintet:p%%40ss%%2Fw%%3Ard%%25@localhost:%d/quintet",
             harness_postgres_port(fix.server));
    pg_fixture_open_url(url);
    pg_fixture_until_true(pg_fixture_is_ready, "ready by name");
    pg_ask_run(&ask, &sql_pid, 5000);
    assert_int_equal(ask.status, QN_OK);
    pg_fixture_end();

    snprintf(url, sizeof url, "postgresql://quintet@x:%d/quintet?host=%s", harness_postgres_port(fix.server),
             harness_postgres_socket_folder(fix.server));
    pg_fixture_open_url(url);
    pg_fixture_until_true(pg_fixture_is_ready, "ready by socket");
    pg_fixture_end();
}

static void test_outcomes(void **state)
{
    (void)state;
    struct pg_ask ask = {0};
    pg_fixture_begin("");
    pg_ask_run(&ask, &sql_insert, 5000, "a", "b");
    assert_int_equal(ask.status, QN_OK);
    pg_ask_run(&ask, &sql_body, 5000, "a");
    assert_string_equal(ask.text, "b");
    pg_ask_run(&ask, &sql_body, 5000, "nobody");
    assert_int_equal(ask.status, QN_OK);
    assert_int_equal(ask.rows, 0);

    pg_ask_run(&ask, &sql_insert, 5000, "a", "again");
    assert_int_equal(ask.status, QN_ALREADY_EXISTS);
    assert_string_equal(ask.query.sqlstate, "23505");
    assert_string_equal(ask.query.constraint, "note_pkey");
    pg_ask_run(&ask, &sql_divide, 5000, "0");
    assert_int_equal(ask.status, QN_INVALID_ARGUMENT);
    pg_ask_run(&ask, &sql_divide, 5000, "x");
    assert_int_equal(ask.status, QN_INVALID_ARGUMENT);
    assert_string_equal(ask.query.sqlstate, "22P02");
    pg_ask_run(&ask, &sql_no_table, 5000);
    assert_int_equal(ask.status, QN_FAILED_PRECONDITION);
    pg_ask_run(&ask, &sql_no_table,
               5000); /* it was not prepared the first time; nothing else thinks it was */
    assert_int_equal(ask.status, QN_FAILED_PRECONDITION);
    assert_string_equal(ask.query.sqlstate, "42P01");
    pg_ask_run(&ask, &sql_delete, 5000);
    assert_int_equal(ask.status, QN_OK);

    assert_int_equal(
        (int)pg_fixture_metric("quintet_pg_statements_total{statement=\"test_insert\",code=\"ok\"}"), 1);
    assert_int_equal((int)pg_fixture_metric(
                         "quintet_pg_statements_total{statement=\"test_insert\",code=\"already_exists\"}"),
                     1);
    assert_int_equal((int)pg_fixture_metric("quintet_pg_statement_seconds_count{statement=\"test_divide\"}"),
                     2);
    pg_fixture_expect_logged("connection opened", 5); /* no connection went with them */
    pg_fixture_end();
}

/* PostgreSQL reads our array texts as what they were. */
static void test_array_parameters(void **state)
{
    (void)state;
    struct qn_arena arena;
    struct pg_ask ask = {0};
    qn_arena_init(&arena, 1 << 16);
    const struct qn_str values[] = {QN_STR(""),     QN_STR("NULL"), QN_STR("a b"), QN_STR("{,}"),
                                    QN_STR("\"\\"), QN_STR("é"),    QN_STR("\n")};
    pg_fixture_begin("&connection_limit=1");
    pg_ask_run(&ask, &sql_array, 5000, pg_array_text(&arena, values, QN_COUNT(values)));
    assert_string_equal(ask.text, "|NULL|a b|{,}|\"\\|é|\n");
    pg_ask_run(&ask, &sql_array, 5000, pg_array_text(&arena, NULL, 0));
    assert_string_equal(ask.text, "");
    pg_fixture_end();
    qn_arena_fini(&arena);
}

/* Several steps: all or none, each sees what the ones before did. */
static void test_steps_are_one_transaction(void **state)
{
    (void)state;
    struct pg_ask ask = {0};
    pg_fixture_begin("");
    pg_ask_add(&ask, &sql_insert, "one", "1");
    pg_ask_add(&ask, &sql_insert, "two", "2");
    pg_ask_add(&ask, &sql_count);
    pg_ask_go(&ask, 5000);
    pg_ask_wait(&ask);
    assert_int_equal(ask.status, QN_OK);
    assert_string_equal(ask.text, "2");

    ask = (struct pg_ask){0};
    pg_ask_add(&ask, &sql_insert, "three", "3");
    pg_ask_add(&ask, &sql_insert, "one", "1 again");
    pg_ask_add(&ask, &sql_insert, "four", "4");
    pg_ask_go(&ask, 5000);
    pg_ask_wait(&ask);
    assert_int_equal(ask.status, QN_ALREADY_EXISTS);
    assert_int_equal(harness_postgres_number(fix.admin, "select count(*) from note"), 2);
    pg_ask_run(&ask, &sql_delete, 5000);
    pg_fixture_end();
}

/* A deferred constraint fails when the transaction commits: after every step's own answer, in front of the
 * Sync's. */
static void test_commit_may_fail(void **state)
{
    (void)state;
    static const struct pg_statement insert = {"test_deferred", "insert into later (id) values ($1)", false};
    struct pg_ask ask = {0};
    harness_postgres_do(fix.admin,
                        "create table later (id text, constraint later_once unique (id) deferrable "
                        "initially deferred); grant all on later to quintet");
    pg_fixture_begin("&connection_limit=1");
    for (int i = 0; i < 3; i++) {
        ask = (struct pg_ask){0};
        pg_ask_add(&ask, &insert, "x");
        pg_ask_add(&ask, &insert, "x");
        pg_ask_go(&ask, 5000);
        pg_ask_wait(&ask);
        assert_int_equal(ask.status, QN_ALREADY_EXISTS);
        assert_string_equal(ask.query.constraint, "later_once");
        pg_ask_run(&ask, &sql_pid, 5000); /* and the connection goes on */
        assert_int_equal(ask.status, QN_OK);
    }
    assert_int_equal(harness_postgres_number(fix.admin, "select count(*) from later"), 0);
    pg_fixture_expect_logged("connection opened", 1);
    pg_fixture_end();
    harness_postgres_do(fix.admin, "drop table later");
}

/* Somebody alters a table: cached plans are refused once (0A000) and made anew, unseen by whoever asks. */
static void test_table_altered(void **state)
{
    (void)state;
    static const struct pg_statement star = {"test_star", "select * from note where id = $1", true};
    static struct pg_ask asks[10];
    harness_postgres_do(fix.admin, "insert into note values ('id', 'body')");
    pg_fixture_begin("&connection_limit=2");
    for (int change = 0; change < 3; change++) {
        for (size_t i = 0; i < QN_COUNT(asks); i++)
            pg_ask_start(&asks[i], &star, 5000, "id");
        pg_ask_wait_all(asks, QN_COUNT(asks));
        for (size_t i = 0; i < QN_COUNT(asks); i++) {
            assert_int_equal(asks[i].status, QN_OK);
            assert_int_equal(asks[i].rows, 1);
        }
        harness_postgres_do(fix.admin, change % 2 ? "alter table note drop column extra"
                                                  : "alter table note add column extra text");
    }
    double refused =
        pg_fixture_metric("quintet_pg_statements_total{statement=\"test_star\",code=\"internal\"}");
    if (harness_postgres_bouncer(fix.server))
        assert_true(refused == 0); /* nothing is prepared there, so nothing is outdated */
    else
        assert_true(refused >= 2);
    pg_fixture_end();
    harness_postgres_do(fix.admin, "alter table note drop column extra; delete from note");
}

/* A pooler or an operator may have let the prepared statements go (26000). */
static void test_prepared_statements_gone(void **state)
{
    (void)state;
    static const struct pg_statement gone = {"test_gone", "deallocate all", false};
    static struct pg_ask asks[8];
    struct pg_ask ask = {0};
    pg_fixture_begin("&connection_limit=1");
    pg_ask_run(&ask, &sql_pid, 5000);
    for (int round = 0; round < 3; round++) {
        pg_ask_run(&ask, &gone, 5000);
        /* "deallocate all" took itself along, too. */
        for (size_t i = 0; i < QN_COUNT(asks); i++)
            pg_ask_start(&asks[i], &sql_pid, 5000);
        pg_ask_wait_all(asks, QN_COUNT(asks));
        for (size_t i = 0; i < QN_COUNT(asks); i++)
            assert_int_equal(asks[i].status, QN_OK);
    }
    pg_fixture_expect_logged("connection opened", 1);
    pg_fixture_end();
}

static void test_prepared_once_a_connection(void **state)
{
    (void)state;
    static const struct pg_statement prepared = {
        "test_prepared", "select count(*) from pg_prepared_statements where name = 'test_prepared'", true};
    struct pg_ask ask = {0};
    pg_fixture_begin("&connection_limit=1");
    for (int i = 0; i < 3; i++) {
        pg_ask_run(&ask, &prepared, 5000);
        assert_string_equal(ask.text, "1");
    }
    pg_fixture_end();
    pg_fixture_begin("&connection_limit=1&statement_cache_size=0");
    for (int i = 0; i < 3; i++) {
        pg_ask_run(&ask, &prepared, 5000);
        assert_string_equal(ask.text, "0");
    }
    pg_fixture_end();
}

static void look_at_binary(struct pg_ask *ask)
{
    const PGresult *result = ask->steps[0].result;
    int64_t us = 0;
    int32_t number = 0;
    bool yes = false;
    assert_true(pg_result_is_binary(result));
    assert_true(pg_result_binary_time(result, 0, 0, &us) && us == 86400000001);
    assert_true(pg_result_binary_bool(result, 0, 1, &yes) && yes);
    assert_str(pg_result_str(result, 0, 2), "é");
    assert_false(pg_result_binary_time(result, 0, 3, &us));
    assert_true(pg_result_null(result, 0, 3));
    assert_true(pg_result_binary_int(result, 0, 4, &number) && number == -2);
    assert_true(pg_result_binary_bool(result, 0, 5, &yes) && !yes);
    for (int other = 0; other < 6; other++) {
        assert_int_equal(pg_result_binary_time(result, 0, other, &us), other == 0);
        assert_int_equal(pg_result_binary_int(result, 0, other, &number), other == 4);
        assert_int_equal(pg_result_binary_bool(result, 0, other, &yes), other == 1 || other == 5);
    }
}

static void look_at_text(struct pg_ask *ask)
{
    assert_false(pg_result_is_binary(ask->steps[0].result));
    assert_true(pg_result_bool(ask->steps[0].result, 0, 1));
}

/* Each statement in its own format, prepared or not (pgbouncer=true), also as neighbours on one connection.
 */
static void test_binary_answers(void **state)
{
    (void)state;
    static const char sql[] = "select $1::timestamptz, true, 'é', null::timestamptz, -2, false";
    static const struct pg_statement in_binary = {"test_binary", sql, .plain_select = true, .binary = true};
    static const struct pg_statement in_text = {"test_text", sql, .plain_select = true};
    static const char *const modes[] = {"&connection_limit=1", "&connection_limit=1&pgbouncer=true"};
    for (size_t mode = 0; mode < QN_COUNT(modes); mode++) {
        enum { ASKS = 8 };
        struct pg_ask asks[ASKS] = {0};
        pg_fixture_begin(modes[mode]);
        for (size_t i = 0; i < ASKS; i++) {
            asks[i].then = i % 2 ? look_at_text : look_at_binary;
            pg_ask_start(&asks[i], i % 2 ? &in_text : &in_binary, 5000, "2000-01-02T00:00:00.000001Z");
        }
        pg_ask_wait_all(asks, ASKS);
        for (size_t i = 0; i < ASKS; i++)
            assert_int_equal(asks[i].status, QN_OK);
        pg_fixture_end();
    }
}

/* Behind PgBouncer: nothing named, nothing set; what the role is set to must do. */
static void test_pgbouncer_mode(void **state)
{
    (void)state;
    struct pg_ask ask = {0};
    pg_fixture_begin("&pgbouncer=true");
    pg_ask_run(&ask, &sql_session, 5000);
    assert_string_equal(ask.text, "UTC ISO, MDY public UTF8 15s");
    ask = (struct pg_ask){0};
    pg_ask_add(&ask, &sql_insert, "a", "b");
    pg_ask_add(&ask, &sql_insert, "a", "b");
    pg_ask_go(&ask, 5000);
    pg_ask_wait(&ask);
    assert_int_equal(ask.status, QN_ALREADY_EXISTS);
    pg_fixture_end();

    harness_postgres_do(fix.admin, "alter role quintet reset timezone");
    pg_fixture_open("&pgbouncer=true");
    pg_ask_run(&ask, &sql_pid, 300);
    assert_int_equal(ask.status, QN_UNAVAILABLE);
    assert_true(pg_fixture_logged("TimeZone is not UTC") > 0);
    harness_postgres_do(fix.admin, "alter role quintet set timezone to 'UTC'");
    pg_fixture_until_true(pg_fixture_is_ready, "ready again");
    pg_fixture_end();
}

/* One token that the database's encoding has no character for would fail every look-up of its batch. */
static void test_a_database_that_is_not_utf8(void **state)
{
    (void)state;
    char url[512];
    const char *app = harness_postgres_app_url(fix.server);
    const char *path = strrchr(app, '/'), *query = strchr(path, '?');
    snprintf(url, sizeof url, "%.*s/latin%s", (int)(path - app), app, query ? query : "");
    harness_postgres_do(fix.admin, "create database latin encoding 'LATIN1' locale 'C' template template0");
    pg_fixture_open_url(url);
    struct pg_ask ask = {0};
    pg_ask_run(&ask, &sql_pid, 300);
    assert_int_equal(ask.status, QN_UNAVAILABLE);
    assert_true(pg_fixture_logged("encoding is not UTF8") > 0);
    pg_fixture_end();
    harness_postgres_do(fix.admin, "drop database latin");
}

/* More than a socket takes in one go, both ways and at the same time. */
static void test_large_values(void **state)
{
    (void)state;
    static const struct pg_statement echo = {"test_echo", "select length($1::text), repeat('y', 4000000)",
                                             true};
    enum { LARGE = 4000000 };
    static char large[LARGE + 1];
    static struct pg_ask asks[6];
    memset(large, 'x', LARGE);
    pg_fixture_begin("&connection_limit=1");
    for (size_t i = 0; i < QN_COUNT(asks); i++)
        pg_ask_start(&asks[i], &echo, 60000, large);
    pg_ask_wait_all(asks, QN_COUNT(asks));
    for (size_t i = 0; i < QN_COUNT(asks); i++) {
        assert_int_equal(asks[i].status, QN_OK);
        assert_string_equal(asks[i].text, "4000000");
    }
    pg_fixture_end();
}

/* Of two kinds, for the last connection is only lent to one that has all the others. */
static void hold_all(struct pg_ask *held, size_t n)
{
    harness_postgres_do(fix.admin, "select pg_advisory_lock(1)");
    for (size_t i = 0; i < n; i++)
        pg_ask_start(&held[i], i % 2 ? &sql_wait_alone : &sql_wait_alone_too, 60000, "1");
    pg_fixture_until(SQL_WAITING, (long)n);
}

static void release(struct pg_ask *held, size_t n)
{
    harness_postgres_do(fix.admin, "select pg_advisory_unlock(1)");
    pg_ask_wait_all(held, n);
    for (size_t i = 0; i < n; i++)
        assert_int_equal(held[i].status, QN_OK);
}

/* A call whose deadline passes in the queue is told so and never reaches PostgreSQL. */
static void test_deadline_in_the_queue(void **state)
{
    (void)state;
    static struct pg_ask held[4];
    struct pg_ask late = {0}, never = {0}, in_time = {0};
    pg_fixture_begin("");
    hold_all(held, 4);
    pg_ask_start(&late, &sql_insert, 50, "late", "");
    pg_ask_start(&never, &sql_insert, 0, "never", "");
    pg_ask_start(&in_time, &sql_insert, 60000, "in time", "");
    pg_ask_wait(&late);
    pg_ask_wait(&never);
    assert_int_equal(late.status, QN_DEADLINE_EXCEEDED);
    assert_string_equal(late.query.reason, "pool full");
    assert_int_equal(never.status, QN_DEADLINE_EXCEEDED);
    assert_string_equal(never.query.reason, "too late");
    assert_false(in_time.done);
    release(held, 4);
    pg_ask_wait(&in_time);
    assert_int_equal(in_time.status, QN_OK);
    assert_int_equal(harness_postgres_number(fix.admin, "select count(*) from note"), 1);
    assert_int_equal((int)pg_fixture_metric("quintet_pg_failures_total{reason=\"pool full\"}"), 1);
    pg_fixture_end();
    harness_postgres_do(fix.admin, "delete from note");
}

static void test_pool_timeout(void **state)
{
    (void)state;
    static struct pg_ask held[4];
    struct pg_ask ask = {0};
    pg_fixture_begin("&pool_timeout=1");
    hold_all(held, 4);
    pg_ask_run(&ask, &sql_insert, 60000, "x", "");
    assert_int_equal(ask.status, QN_RESOURCE_EXHAUSTED);
    assert_string_equal(ask.query.reason, "pool full");
    release(held, 4);
    pg_fixture_end();
}

static void test_queue_full(void **state)
{
    (void)state;
    static struct pg_ask held[4], waiting[64];
    struct pg_ask ask = {0};
    pg_fixture_begin("");
    hold_all(held, 4);
    for (size_t i = 0; i < QN_COUNT(waiting); i++)
        pg_ask_start(&waiting[i], &sql_delete, 60000);
    qn_loop_turn(fix.loop);
    assert_int_equal((int)pg_fixture_metric("quintet_pg_waiting"), 64);
    pg_ask_run(&ask, &sql_delete, 60000);
    assert_int_equal(ask.status, QN_RESOURCE_EXHAUSTED);
    assert_string_equal(ask.query.reason, "pool full");
    release(held, 4);
    pg_ask_wait_all(waiting, QN_COUNT(waiting));
    for (size_t i = 0; i < QN_COUNT(waiting); i++)
        assert_int_equal(waiting[i].status, QN_OK);
    assert_int_equal((int)pg_fixture_metric("quintet_pg_waiting"), 0);
    pg_fixture_end();
}

static void test_cancel_in_the_queue(void **state)
{
    (void)state;
    static struct pg_ask held[4];
    struct pg_ask ask = {0};
    pg_fixture_begin("");
    hold_all(held, 4);
    pg_ask_start(&ask, &sql_insert, 60000, "x", "");
    pg_query_cancel(&ask.query);
    assert_false(ask.done);
    pg_ask_wait(&ask);
    assert_int_equal(ask.status, QN_CANCELLED);
    pg_query_cancel(&ask.query); /* of one that has ended: nothing */
    release(held, 4);
    assert_int_equal(harness_postgres_number(fix.admin, "select count(*) from note"), 0);
    pg_fixture_end();
}

static void start_again(struct pg_ask *ask)
{
    if (fix.n_done < 100)
        pg_ask_start(ask, &sql_pid, 5000);
}

/* 'done' may start the query anew, and whatever else. */
static void test_started_again_from_done(void **state)
{
    (void)state;
    struct pg_ask ask = {.then = start_again};
    pg_fixture_begin("&connection_limit=1");
    pg_ask_start(&ask, &sql_pid, 5000);
    while (fix.n_done < 100 || !ask.done)
        qn_loop_wait(fix.loop);
    assert_int_equal(ask.status, QN_OK);
    pg_fixture_end();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_five_come_up),
        cmocka_unit_test(test_never_a_sixth),
        cmocka_unit_test(test_fewer_when_told),
        cmocka_unit_test(test_session_is_set_up),
        cmocka_unit_test(test_by_name_and_by_socket),
        cmocka_unit_test(test_outcomes),
        cmocka_unit_test(test_array_parameters),
        cmocka_unit_test(test_steps_are_one_transaction),
        cmocka_unit_test(test_commit_may_fail),
        cmocka_unit_test(test_table_altered),
        cmocka_unit_test(test_prepared_statements_gone),
        cmocka_unit_test(test_prepared_once_a_connection),
        cmocka_unit_test(test_binary_answers),
        cmocka_unit_test(test_pgbouncer_mode),
        cmocka_unit_test(test_a_database_that_is_not_utf8),
        cmocka_unit_test(test_large_values),
        cmocka_unit_test(test_deadline_in_the_queue),
        cmocka_unit_test(test_pool_timeout),
        cmocka_unit_test(test_queue_full),
        cmocka_unit_test(test_cancel_in_the_queue),
        cmocka_unit_test(test_started_again_from_done),
    };
    return pg_fixture_run(tests, NULL, NULL);
}
