#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/core/check.h"
#include "common/core/clock.h"
#include "tests/harness/test.h"
#include "tests/integration/pg_fixture.h"

/* What is different with a PgBouncer in front (?pgbouncer=true): it has PostgreSQL's connections and we have
 * its. It may be paused, reloaded, restarted, full, or without a PostgreSQL; what is asked meanwhile gets a
 * typed status in time, and all comes back by itself. That everything else works the same is what the second
 * pass proves (tests/pgbouncer.txt).
 *
 * Why this file is long: a test for each thing that an operator does to a PgBouncer, on one fixture. */

static const struct pg_statement sql_session = {
    "test_session",
    "select concat_ws(' ', current_setting('TimeZone'), current_setting('DateStyle'), "
    "current_setting('search_path'),"
    " current_setting('client_encoding'), current_setting('statement_timeout'), "
    "current_setting('plan_cache_mode'),"
    " current_setting('default_transaction_isolation'))",
    true};
static const struct pg_statement sql_echo = {"test_echo", "select $1::text", true};
static const struct pg_statement sql_divide = {"test_divide", "select 1 / $1::int", true};

static struct harness_bouncer *bouncer;

static void set_flag(void *context)
{
    *(bool *)context = true;
}

static bool none_is_up(void)
{
    return pg_pool_up(fix.pool) == 0;
}

/* Runs the loop until the console's answer has as many rows as that. */
static void until_count(const char *show, const char *column, const char *value, int want)
{
    uint64_t deadline_ms = qn_clock_now_ms() + 20000;
    int is;
    while ((is = harness_bouncer_count(bouncer, show, column, value)) != want) {
        qn_loop_turn(fix.loop);
        if (qn_clock_left_ms(deadline_ms) == 0)
            fail_msg("%s: %s = %s: still %d, not %d", show, column, value, is, want);
    }
}

/* Asks until it works, as a client would that comes again; what came before was typed. */
static void until_answered(const struct pg_statement *statement)
{
    struct pg_ask ask = {0};
    for (int tries = 0; tries < 200; tries++) {
        pg_ask_run(&ask, statement, 20000);
        if (ask.status == QN_OK)
            return;
        assert_true(ask.status == QN_UNAVAILABLE || ask.status == QN_DEADLINE_EXCEEDED);
    }
    fail_msg("asked in vain: %s %s", qn_status_name(ask.status), ask.query.reason);
}

static void test_what_the_role_is_set_to_does(void **state)
{
    (void)state;
    struct pg_ask ask = {0};
    pg_fixture_begin("");
    assert_string_equal(pg_fixture_detail(), "5 of 5 connections");
    pg_ask_run(&ask, &sql_session, 5000);
    assert_string_equal(ask.text, "UTC ISO, MDY public UTF8 15s force_generic_plan read committed");
    pg_fixture_end();

    harness_postgres_do(fix.admin, "alter role quintet reset plan_cache_mode");
    pg_fixture_begin("");
    assert_non_null(strstr(pg_fixture_detail(), "plan_cache_mode"));
    pg_fixture_end();
    harness_postgres_do(fix.admin, "alter role quintet set plan_cache_mode to 'force_generic_plan'");
}

/* Runs the loop until PostgreSQL sees as many of the role's connections as that. */
static void until_held(long want)
{
    uint64_t deadline_ms = qn_clock_now_ms() + 20000;
    long is;
    while ((is = harness_postgres_number(fix.admin, SQL_OF_ROLE)) != want) {
        qn_loop_turn(fix.loop);
        if (qn_clock_left_ms(deadline_ms) == 0)
            fail_msg("PostgreSQL sees %ld connections, not %ld", is, want);
    }
}

/* Two processes with five each: PostgreSQL sees five, though its own limit for the role is off. All five it
 * sees for certain while a lock is held that each seventh asks for. */
static void test_its_pool_is_the_limit(void **state)
{
    (void)state;
    enum { ASKS = 60, ROUNDS = 20 };
    static struct pg_ask asks[2][ASKS];
    struct pg_url url;
    struct pg_pool *other, *own;
    struct qn_error err = {0};
    harness_postgres_do(fix.admin, "alter role quintet connection limit -1");
    pg_fixture_begin("");
    own = fix.pool;
    assert_int_equal(pg_url_parse(qn_str_c(harness_postgres_app_url(fix.server)), &url, &err), QN_OK);
    const struct pg_pool_options options = {.url = &url};
    assert_int_equal(pg_pool_open(fix.loop, &options, &other, &err), QN_OK);
    fix.pool = other;
    pg_fixture_until_true(pg_fixture_is_idle, "the other's five");
    until_count("SHOW CLIENTS", "user", "quintet", 10);
    long peak = 0;
    harness_postgres_do(fix.admin, "select pg_advisory_lock(7)");
    for (int round = 0; round < ROUNDS; round++) {
        for (size_t i = 0; i < ASKS; i++) {
            for (size_t who = 0; who < 2; who++) {
                fix.pool = who ? other : own;
                pg_ask_start(&asks[who][i], i % 7 ? &sql_echo : &sql_wait_alone, 20000, "7");
            }
        }
        if (round == 0) {
            until_held(5);
            harness_postgres_do(fix.admin, "select pg_advisory_unlock(7)");
        }
        for (size_t i = 0; i < ASKS; i++) {
            if (i % 20 == 0) {
                qn_loop_turn(fix.loop);
                long now = harness_postgres_number(fix.admin, SQL_OF_ROLE);
                peak = now > peak ? now : peak;
            }
            pg_ask_wait(&asks[0][i]);
            pg_ask_wait(&asks[1][i]);
            for (size_t who = 0; who < 2; who++)
                if (asks[who][i].status != QN_OK)
                    fail_msg("%s: %s %s", qn_status_name(asks[who][i].status), asks[who][i].query.reason,
                             asks[who][i].query.sqlstate);
        }
    }
    assert_in_range(peak, 1, 5);
    bool closed = false;
    fix.pool = own;
    pg_pool_close(other, set_flag, &closed);
    while (!closed)
        qn_loop_wait(fix.loop);
    pg_url_free(&url);
    pg_fixture_end();
    harness_postgres_do(fix.admin, "alter role quintet connection limit 5");
}

/* PgBouncer lends PostgreSQL's connection on at a Sync's answer, also when it has read half of what comes
 * behind that Sync; the other half went to another connection, and each had answers too many. With sixteen
 * under way it happened once in some thousand: so there is one. */
static void test_one_at_a_time(void **state)
{
    (void)state;
    static struct pg_ask asks[2000];
    pg_fixture_begin("&connection_limit=1");
    for (size_t i = 0; i < QN_COUNT(asks); i++) {
        /* The first 60 fit the queue; each that ends starts another below. */
        if (i >= 60)
            pg_ask_wait(&asks[i - 60]);
        pg_ask_start(&asks[i], &sql_divide, 60000, i % 3 == 0 ? "1" : i % 3 == 1 ? "0" : "no number");
        assert_in_range(fix.pool->conns[0].n_flights, 0, 1);
    }
    pg_ask_wait_all(asks, QN_COUNT(asks));
    for (size_t i = 0; i < QN_COUNT(asks); i++) {
        assert_int_equal(asks[i].status, i % 3 == 0 ? QN_OK : QN_INVALID_ARGUMENT);
        assert_string_equal(asks[i].query.sqlstate, i % 3 == 0 ? "" : i % 3 == 1 ? "22012" : "22P02");
    }
    pg_fixture_expect_logged("connection opened", 1);
    pg_fixture_end();
}

/* Paused, as for a switch-over: what is asked waits in PgBouncer; some are too late, none is lost. */
static void test_paused(void **state)
{
    (void)state;
    struct pg_ask late = {0}, write = {0}, read = {0};
    pg_fixture_begin("&connection_limit=3");
    harness_bouncer_do(bouncer, "PAUSE");
    pg_ask_start(&late, &sql_pid, 100);
    pg_ask_start(&write, &sql_insert, 60000, "paused", "");
    pg_ask_start(&read, &sql_count, 60000);
    pg_ask_wait(&late);
    assert_int_equal(late.status, QN_DEADLINE_EXCEEDED);
    assert_false(write.done || read.done);
    harness_bouncer_do(bouncer, "RESUME");
    pg_ask_wait(&write);
    pg_ask_wait(&read);
    assert_int_equal(write.status, QN_OK);
    assert_int_equal(read.status, QN_OK);
    pg_fixture_until_true(pg_fixture_is_idle, "three again");
    harness_postgres_do(fix.admin, "delete from note");
    pg_fixture_end();
}

static bool is_sent_away(void)
{
    return pg_fixture_logged("said=query_wait_timeout") > 0 && pg_fixture_logged("cause=pooler") > 0;
}

/* It has waited as long as PgBouncer lets it: none of PostgreSQL's connections has seen it, so it may be sent
 * again, write or not. */
static void test_waited_too_long_there(void **state)
{
    (void)state;
    struct pg_ask write = {0};
    harness_bouncer_set(bouncer, "query_wait_timeout = 1");
    pg_fixture_begin("&connection_limit=2");
    harness_bouncer_do(bouncer, "PAUSE");
    pg_ask_start(&write, &sql_insert, 60000, "once", "");
    pg_fixture_until_true(is_sent_away, "PgBouncer has sent it away");
    assert_false(write.done);
    harness_bouncer_do(bouncer, "RESUME");
    pg_ask_wait(&write);
    assert_int_equal(write.status, QN_OK);
    assert_int_equal(harness_postgres_number(fix.admin, "select count(*) from note where id = 'once'"), 1);
    harness_postgres_do(fix.admin, "delete from note");
    pg_fixture_until_true(pg_fixture_is_idle, "both up");
    pg_fixture_end();
    harness_bouncer_set(bouncer, "query_wait_timeout = 10");
}

/* RELOAD changes nothing for us; RECONNECT gives each of PostgreSQL's connections up when it falls idle. The
 * one opened in its place may be refused, because PostgreSQL still counts the one that was closed (the role's
 * limit is five); then PgBouncer sends its clients away, writes too: nobody who asked notices. */
static void test_reloaded(void **state)
{
    (void)state;
    static struct pg_ask asks[60];
    static const char *const commands[] = {"RELOAD", "RECONNECT", "RELOAD", "RECONNECT"};
    pg_fixture_begin("");
    for (size_t round = 0; round < QN_COUNT(commands); round++) {
        for (size_t i = 0; i < QN_COUNT(asks); i++)
            pg_ask_start(&asks[i], i % 5 ? &sql_echo : &sql_wait_alone, 60000, "7");
        qn_loop_turn(fix.loop);
        harness_bouncer_do(bouncer, commands[round]);
        pg_ask_wait_all(asks, QN_COUNT(asks));
        for (size_t i = 0; i < QN_COUNT(asks); i++)
            assert_int_equal(asks[i].status, QN_OK);
    }
    pg_fixture_until_true(pg_fixture_is_idle, "five up");
    pg_fixture_end();
}

/* Killed and started again, under way: reads are asked again, a write that was sent is unknown, what waits
 * here stays. */
static void test_restarted(void **state)
{
    (void)state;
    struct pg_ask read = {0}, write = {0}, waiting = {0};
    pg_fixture_begin("&connection_limit=2");
    harness_postgres_do(fix.admin, "select pg_advisory_lock(1)");
    pg_ask_start(&read, &sql_wait_shared, 60000, "1");
    pg_ask_start(&write, &sql_wait_alone, 60000, "1");
    pg_fixture_until(SQL_WAITING, 2);
    harness_bouncer_halt(bouncer, SIGKILL);
    pg_fixture_until_true(none_is_up, "both lost");
    pg_ask_wait(&write);
    assert_int_equal(write.status, QN_UNKNOWN);
    pg_ask_start(&waiting, &sql_insert, 60000, "queued", "");
    pg_ask_run(&write, &sql_insert, 200, "late", "");
    assert_int_equal(write.status, QN_UNAVAILABLE);
    assert_string_equal(write.query.reason, "cannot connect");
    /* Nobody listens to the two any more; client_connection_check_interval tells PostgreSQL. */
    pg_fixture_until(SQL_WAITING, 0);
    harness_postgres_do(fix.admin, "select pg_advisory_unlock(1)");
    harness_bouncer_resume(bouncer);
    pg_ask_wait(&read);
    assert_int_equal(read.status, QN_OK);
    pg_ask_wait(&waiting);
    assert_int_equal(waiting.status, QN_OK);
    pg_fixture_until_true(pg_fixture_is_ready, "ready");
    assert_int_equal(harness_postgres_number(fix.admin, "select count(*) from note"), 1);
    harness_postgres_do(fix.admin, "delete from note");
    pg_fixture_end();
}

/* Certainly not. When others have waited for long, one that cannot wait as long is told so at once. */
static bool is_not_done(const struct pg_ask *ask)
{
    return ask->status == QN_UNAVAILABLE ||
           (ask->status == QN_RESOURCE_EXHAUSTED && strcmp(ask->query.reason, "overload") == 0);
}

static void typed(const struct pg_ask *ask)
{
    if (ask->status != QN_OK && !is_not_done(ask) && ask->status != QN_UNKNOWN &&
        ask->status != QN_DEADLINE_EXCEEDED)
        fail_msg("%s %s %s", qn_status_name(ask->status), ask->query.sqlstate, ask->query.reason);
}

/* PostgreSQL goes down behind it and comes back: our connections to PgBouncer may live through it or not. */
static void server_restarts(int signal)
{
    enum { AWAY = 20 };
    struct pg_ask write = {0}, read = {0}, away[AWAY] = {0};
    char ids[AWAY][16], sql[96];
    pg_fixture_begin("&connection_limit=3");
    harness_postgres_do(fix.admin, "select pg_advisory_lock(1)");
    pg_ask_start(&read, &sql_wait_shared, 60000, "1");
    pg_ask_start(&write, &sql_wait_alone, 60000, "1");
    pg_fixture_until(SQL_WAITING, 2);
    pg_fixture_halt(signal);
    pg_ask_wait(&write);
    typed(&write); /* an orderly shutdown lets go of the admin's lock, and some get through */
    for (size_t i = 0; i < QN_COUNT(away); i++) {
        snprintf(ids[i], sizeof ids[i], "away %zu", i);
        if (i % 2)
            pg_ask_start(&away[i], &sql_insert, 300, ids[i], "");
        else
            pg_ask_start(&away[i], &sql_pid, 300);
    }
    pg_ask_wait_all(away, QN_COUNT(away));
    for (size_t i = 0; i < QN_COUNT(away); i++) {
        typed(&away[i]);
        assert_int_not_equal(away[i].status, QN_OK);
    }
    pg_fixture_resume();
    pg_ask_wait(&read);
    assert_int_equal(read.status, QN_OK);
    until_answered(&sql_pid);
    until_answered(&sql_count);
    pg_fixture_until_true(pg_fixture_is_ready, "ready");
    /* One that was late may have been passed on when PostgreSQL was back; one that was told "not done" was
     * not. */
    for (size_t i = 1; i < QN_COUNT(away); i += 2) {
        snprintf(sql, sizeof sql, "select count(*) from note where id = '%s'", ids[i]);
        if (is_not_done(&away[i]))
            assert_int_equal(harness_postgres_number(fix.admin, sql), 0);
    }
    pg_fixture_until_true(pg_fixture_is_idle, "three up");
    harness_postgres_do(fix.admin, "delete from note");
    pg_fixture_end();
}

static void test_postgres_restarts_fast(void **state)
{
    (void)state;
    server_restarts(SIGINT);
}

static void test_postgres_restarts_immediately(void **state)
{
    (void)state;
    server_restarts(SIGQUIT);
}

/* All of PostgreSQL's connections end while nothing is asked: PgBouncer opens others, and nobody notices. */
static void test_postgres_ends_idle_connections(void **state)
{
    (void)state;
    struct pg_ask ask = {0};
    pg_fixture_begin("");
    for (int i = 0; i < 5; i++) {
        pg_ask_run(&ask, &sql_pid, 20000);
        assert_int_equal(ask.status, QN_OK);
        harness_postgres_do(fix.admin, "select count(pg_terminate_backend(pid, 5000)) from pg_stat_activity"
                                       " where usename = 'quintet'");
        until_count("SHOW SERVERS", "user", "quintet", 0);
    }
    pg_fixture_expect_logged("connection opened", 5);
    pg_fixture_end();
}

static bool pooler_is_away(void)
{
    return fix.pool->opener.refusal == PG_REFUSAL_POOLER || fix.pool->opener.refusal == PG_REFUSAL_OTHER ||
           fix.pool->opener.refusal == PG_REFUSAL_TIMEOUT;
}

/* PgBouncer is there when we start, and PostgreSQL is not. */
static void test_postgres_absent_at_start(void **state)
{
    (void)state;
    struct pg_ask in_time = {0}, patient = {0};
    pg_fixture_halt(SIGINT);
    harness_bouncer_halt(bouncer, SIGKILL); /* it must not know anything of before */
    harness_bouncer_resume(bouncer);
    pg_fixture_open("&connect_timeout=2");
    pg_ask_run(&in_time, &sql_pid, 300);
    assert_int_equal(in_time.status, QN_UNAVAILABLE);
    assert_string_equal(in_time.query.reason, "cannot connect");
    pg_fixture_until_true(pooler_is_away, "refused");
    assert_false(pg_fixture_is_ready());
    pg_ask_start(&patient, &sql_pid, 60000);
    pg_fixture_resume();
    pg_ask_wait(&patient);
    assert_int_equal(patient.status, QN_OK);
    pg_fixture_until_true(pg_fixture_is_idle, "all five up");
    pg_fixture_end();
}

static bool some_are_refused(void)
{
    return pg_fixture_metric("quintet_pg_slots_refused_total{reason=\"pooler\"}") >= 2 &&
           pg_pool_up(fix.pool) == 2;
}

/* max_client_conn, which counts all of PgBouncer's clients: no slot now, as with PostgreSQL's own limit. */
static void test_no_more_clients_there(void **state)
{
    (void)state;
    struct pg_ask ask = {0};
    harness_bouncer_set(bouncer, "max_client_conn = 2");
    pg_fixture_open("");
    pg_fixture_until_true(some_are_refused, "two of five, and some refused");
    pg_ask_run(&ask, &sql_pid, 5000);
    assert_int_equal(ask.status, QN_OK);
    assert_true(pg_fixture_logged("no slot outcome=no_slot whose_limit=pooler") > 0);
    harness_bouncer_set(bouncer, "max_client_conn = 100");
    pg_fixture_until_true(pg_fixture_is_idle, "all five");
    pg_fixture_end();
}

static bool is_told_so(void)
{
    return pg_fixture_logged("unsupported startup parameter: options") > 0;
}

/* Without pgbouncer=true a session is asked for that PgBouncer cannot give, and the log says so. */
static void test_not_said_in_the_url(void **state)
{
    (void)state;
    char url[256];
    snprintf(url, sizeof url, "postgresql://quintet:p%%40ss%%2Fw%%3Ard%%25@127.0.0.1:%d/quintet",
             harness_bouncer_port(bouncer));
    pg_fixture_open_url(url);
    pg_fixture_until_true(is_told_so, "told so");
    assert_string_equal(pg_fixture_detail(), "cannot connect: settings");
    pg_fixture_end();
}

static bool role_is_full(void)
{
    return pg_fixture_metric("quintet_pg_slots_refused_total{reason=\"role\"}") >= 1;
}

/* PostgreSQL refuses PgBouncer (somebody else has the role's five): told apart all the same. */
static void test_postgres_has_no_slot(void **state)
{
    (void)state;
    struct pg_ask ask = {0};
    harness_postgres_do(fix.admin, "alter role quintet connection limit 0");
    pg_fixture_open("");
    pg_fixture_until_true(role_is_full, "the role is full");
    pg_ask_run(&ask, &sql_pid, 100);
    assert_int_equal(ask.status, QN_UNAVAILABLE);
    assert_string_equal(ask.query.reason, "no slot");
    harness_postgres_do(fix.admin, "alter role quintet connection limit 5");
    pg_fixture_until_true(pg_fixture_is_idle, "all five");
    pg_fixture_end();
}

/* Out of time at the end: PgBouncer hears that its clients are gone, and PostgreSQL from it; no statement of
 * ours waits on. */
static void test_end_out_of_time(void **state)
{
    (void)state;
    static struct pg_ask held[4];
    bool drained = false;
    pg_fixture_begin("");
    harness_postgres_do(fix.admin, "select pg_advisory_lock(1)");
    for (size_t i = 0; i < QN_COUNT(held); i++)
        pg_ask_start(&held[i], i % 2 ? &sql_wait_alone : &sql_wait_alone_too, 60000, "1");
    pg_fixture_until(SQL_WAITING, 4);
    pg_pool_drain(fix.pool, 100, set_flag, &drained);
    pg_ask_wait_all(held, QN_COUNT(held));
    for (size_t i = 0; i < QN_COUNT(held); i++)
        assert_int_equal(held[i].status, QN_UNKNOWN);
    pg_fixture_until(SQL_WAITING, 0); /* the lock is still held */
    assert_int_equal(harness_postgres_held(fix.server), 0);
    harness_postgres_do(fix.admin, "select pg_advisory_unlock(1)");
    pg_fixture_end();
    assert_true(drained);
}

/* --migrate and --provision with both URLs going through it. What they need of a session ends with a
 * transaction. */
static void test_verbs(void **state)
{
    (void)state;
    static char *const verbs[] = {(char *)"--migrate", (char *)"--provision", (char *)"--migrate"};
    char app[512], admin[512], program[] = QN_BUILD_DIR "/bin/quintet-profile";
    snprintf(app, sizeof app, "DATABASE_URL=postgresql://second:secret@127.0.0.1:%d/second?pgbouncer=true",
             harness_bouncer_port(bouncer));
    snprintf(admin, sizeof admin,
             "QUINTET_ADMIN_DATABASE_URL=postgresql://quintet_admin:of-the-test-only@127.0.0.1:%d/postgres"
             "?pgbouncer=true",
             harness_bouncer_port(bouncer));
    harness_postgres_do(fix.admin, "create database second");
    for (size_t i = 0; i < QN_COUNT(verbs); i++) {
        int status;
        pid_t pid = fork();
        if (pid == 0) {
            char *const environment[] = {app, admin, (char *)"QUINTET_LOG_LEVEL=warn", NULL};
            execve(program, (char *const[]){program, verbs[i], NULL}, environment);
            _exit(127);
        }
        assert_int_equal(waitpid(pid, &status, 0), pid);
        assert_int_equal(status, 0);
    }
    char url[256];
    struct pg_ask ask = {0};
    snprintf(url, sizeof url, "postgresql://second:secret@127.0.0.1:%d/second?pgbouncer=true",
             harness_bouncer_port(bouncer));
    pg_fixture_open_url(url);
    pg_fixture_until_true(pg_fixture_is_ready, "ready on what they made");
    pg_ask_run(&ask, &sql_session, 5000);
    assert_string_equal(ask.text, "UTC ISO, MDY public UTF8 15s force_generic_plan read committed");
    pg_fixture_end();
}

static void prepare(void)
{
    bouncer = harness_postgres_bouncer(fix.server);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_what_the_role_is_set_to_does),
        cmocka_unit_test(test_its_pool_is_the_limit),
        cmocka_unit_test(test_one_at_a_time),
        cmocka_unit_test(test_paused),
        cmocka_unit_test(test_waited_too_long_there),
        cmocka_unit_test(test_reloaded),
        cmocka_unit_test(test_restarted),
        cmocka_unit_test(test_postgres_restarts_fast),
        cmocka_unit_test(test_postgres_restarts_immediately),
        cmocka_unit_test(test_postgres_ends_idle_connections),
        cmocka_unit_test(test_postgres_absent_at_start),
        cmocka_unit_test(test_no_more_clients_there),
        cmocka_unit_test(test_postgres_has_no_slot),
        cmocka_unit_test(test_not_said_in_the_url),
        cmocka_unit_test(test_end_out_of_time),
        cmocka_unit_test(test_verbs),
    };
    setenv("QUINTET_TEST_PGBOUNCER", "1", 1);
    return pg_fixture_run(tests, NULL, prepare);
}
