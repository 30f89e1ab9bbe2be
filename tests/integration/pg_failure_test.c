#include <arpa/inet.h>
#include <signal.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/core/check.h"
#include "tests/harness/loop_fixture.h"
#include "tests/harness/test.h"
#include "tests/integration/pg_fixture.h"

/* PostgreSQL away, refusing, ending connections: what is asked meanwhile gets a typed status in time, and the
 * five come back by themselves.
 *
 * Why this file is long: a test for each way of PostgreSQL's to be away, a few lines each on one fixture. */

static const struct pg_statement sql_read_only = {
    "test_read_only", "select set_config('default_transaction_read_only', 'on', false)", false};

static bool none_is_up(void)
{
    return pg_pool_up(fix.pool) == 0;
}

static bool has_failed(void)
{
    return fix.pool->opener.failures > 0;
}

static bool three_are_up(void)
{
    return pg_pool_up(fix.pool) == 3 && fix.pool->opener.failures > 2;
}

static void test_absent_at_start(void **state)
{
    (void)state;
    struct pg_ask in_time = {0}, patient = {0};
    pg_fixture_halt(SIGINT);
    pg_fixture_open("");
    pg_ask_run(&in_time, &sql_pid, 300);
    assert_int_equal(in_time.status, QN_UNAVAILABLE);
    assert_string_equal(in_time.query.reason, "cannot connect");
    assert_false(pg_fixture_is_ready());
    assert_string_equal(pg_fixture_detail(), "cannot connect: unreachable");
    assert_true(pg_fixture_metric("quintet_pg_connects_total{outcome=\"unreachable\"}") > 0);
    pg_fixture_expect_logged("cannot connect outcome=unreachable", 1); /* one line, however many tries */
    pg_ask_start(&patient, &sql_pid, 60000);
    pg_fixture_resume();
    pg_ask_wait(&patient); /* it waited in the queue all the while */
    assert_int_equal(patient.status, QN_OK);
    pg_fixture_until_true(pg_fixture_is_ready, "ready");
    pg_fixture_until_true(pg_fixture_is_idle, "all five up");
    pg_fixture_end();
}

static void lost_or_done(const struct pg_ask *ask)
{
    if (ask->status != QN_UNKNOWN && ask->status != QN_OK)
        fail_msg("%s %s %s", qn_status_name(ask->status), ask->query.sqlstate, ask->query.reason);
}

/* The server goes down in the midst of it, once in an orderly way and once not. What only reads is asked
 * again; of a write that was sent nobody can tell, unless it was through before. (In an orderly shutdown the
 * admin's lock, for which they wait, is let go of, and some get through.) Both connections wait, neither is
 * writing, so each is told 57P01 before it ends, in either way. */
static void server_restarts(int signal)
{
    struct pg_ask read = {0}, write = {0}, waiting = {0};
    pg_fixture_begin("&connection_limit=2");
    harness_postgres_do(fix.admin, "select pg_advisory_lock(1)");
    pg_ask_start(&read, &sql_wait_shared, 60000, "1");
    pg_ask_start(&write, &sql_wait_alone, 60000, "1");
    pg_fixture_until(SQL_WAITING, 2);
    pg_ask_start(&waiting, &sql_insert, 60000, "queued", "");
    pg_fixture_halt(signal);
    pg_ask_wait(&write);
    lost_or_done(&write);
    assert_true(write.status == QN_UNKNOWN || signal == SIGINT);
    pg_fixture_until_true(none_is_up, "all lost");
    assert_false(pg_fixture_is_ready());
    pg_fixture_expect_logged("cause=terminated", 2);
    pg_fixture_resume();
    pg_ask_wait(&read);
    assert_int_equal(read.status, QN_OK);
    pg_ask_wait(&waiting);
    lost_or_done(&waiting);
    pg_fixture_until_true(pg_fixture_is_ready, "ready");
    pg_fixture_until_true(pg_fixture_is_idle, "both up");
    long rows = harness_postgres_number(fix.admin, "select count(*) from note where id = 'queued'");
    assert_true(rows == 1 || waiting.status == QN_UNKNOWN);
    harness_postgres_do(fix.admin, "delete from note");
    pg_fixture_end();
}

static void test_fast_restart(void **state)
{
    (void)state;
    server_restarts(SIGINT);
}

static void test_immediate_restart(void **state)
{
    (void)state;
    server_restarts(SIGQUIT);
}

/* An operator ends one of the five: the other four go on, and it is soon back. */
static void test_one_is_terminated(void **state)
{
    (void)state;
    struct pg_ask write = {0};
    static struct pg_ask reads[40];
    pg_fixture_begin("");
    harness_postgres_do(fix.admin, "select pg_advisory_lock(1)");
    pg_ask_start(&write, &sql_wait_alone, 60000, "1");
    pg_fixture_until(SQL_WAITING, 1);
    harness_postgres_do(fix.admin,
                        "select pg_terminate_backend(pid) from pg_locks where locktype = 'advisory'"
                        " and not granted");
    for (size_t i = 0; i < QN_COUNT(reads); i++)
        pg_ask_start(&reads[i], &sql_pid, 20000);
    pg_ask_wait(&write);
    assert_int_equal(write.status, QN_UNKNOWN);
    assert_string_equal(write.query.sqlstate, "57P01");
    pg_ask_wait_all(reads, QN_COUNT(reads));
    for (size_t i = 0; i < QN_COUNT(reads); i++)
        assert_int_equal(reads[i].status, QN_OK);
    pg_fixture_until_true(pg_fixture_is_idle, "five again");
    pg_fixture_expect_logged("connection opened", 6);
    pg_fixture_expect_logged("cause=terminated", 1);
    assert_int_equal((int)pg_fixture_metric("quintet_pg_closes_total{cause=\"terminated\"}"), 1);
    harness_postgres_do(fix.admin, "select pg_advisory_unlock(1)");
    pg_fixture_end();
}

/* Without a word: the postmaster takes all backends down when one is killed. */
static void test_a_backend_crashes(void **state)
{
    (void)state;
    struct pg_ask write = {0}, after = {0};
    pg_fixture_begin("");
    harness_postgres_do(fix.admin, "select pg_advisory_lock(1)");
    pg_ask_start(&write, &sql_wait_alone, 60000, "1");
    pg_fixture_until(SQL_WAITING, 1);
    pg_fixture_until(SQL_LISTENING, 4);
    pid_t backend = (pid_t)harness_postgres_number(
        fix.admin, "select pid from pg_locks where locktype = 'advisory' and not granted");
    assert_int_equal(kill(backend, SIGKILL), 0);
    pg_ask_wait(&write);
    assert_int_equal(write.status, QN_UNKNOWN);
    assert_string_equal(write.query.reason, "connection lost");
    pg_fixture_until_true(none_is_up, "all lost");
    pg_fixture_expect_logged("cause=\"server crash\"", 4);
    pg_fixture_expect_logged("cause=lost", 1);
    pg_ask_run(&after, &sql_pid, 20000);
    assert_int_equal(after.status, QN_OK);
    PQfinish(fix.admin);
    fix.admin = harness_postgres_admin(fix.server, NULL);
    pg_fixture_until_true(pg_fixture_is_idle, "five again");
    pg_fixture_end();
}

static bool five_have_ended(void)
{
    return pg_fixture_logged("connection closed") >= 5;
}

/* All at once, while nothing is asked: the farewell comes as a notice, and nobody is failed. (The first may
 * be up again before the last has gone.) */
static void test_all_are_terminated_while_idle(void **state)
{
    (void)state;
    struct pg_ask ask = {0};
    pg_fixture_begin("");
    harness_postgres_do(fix.admin,
                        "select count(pg_terminate_backend(pid)) from pg_stat_activity where usename = "
                        "'quintet'");
    pg_fixture_until_true(five_have_ended, "all lost");
    pg_fixture_expect_logged("cause=terminated", 5);
    pg_ask_run(&ask, &sql_pid, 20000);
    assert_int_equal(ask.status, QN_OK);
    pg_fixture_until_true(pg_fixture_is_idle, "five again");
    pg_fixture_end();
}

static struct pg_ask sent_too_late[4];

/* Within one turn of the loop, so that nobody has heard of the end yet. */
static void end_it_and_ask(struct pg_ask *ask)
{
    (void)ask;
    harness_postgres_do(
        fix.admin,
        "select count(pg_terminate_backend(pid, 20000)) from pg_stat_activity where usename = 'quintet'");
    for (size_t i = 0; i < QN_COUNT(sent_too_late); i++)
        pg_ask_start(&sent_too_late[i], &sql_pid, 20000);
}

/* Ended just before several are sent: the second cannot be written any more, the third finds the connection
 * closed. (Then what lay there unread was thrown away, the operator's word with it; a question that an
 * operator's hand has met five times was asked again only once.) */
static void test_terminated_before_it_is_asked(void **state)
{
    (void)state;
    struct pg_ask ask = {.then = end_it_and_ask};
    pg_fixture_begin("&connection_limit=1");
    pg_ask_run(&ask, &sql_pid, 20000);
    assert_int_equal(ask.status, QN_OK);
    pg_ask_wait_all(sent_too_late, QN_COUNT(sent_too_late));
    for (size_t i = 0; i < QN_COUNT(sent_too_late); i++)
        assert_int_equal(sent_too_late[i].status, QN_OK);
    pg_fixture_expect_logged("cause=terminated", 1);
    pg_fixture_expect_logged("cause=lost", 0);
    pg_fixture_end();
}

/* 53300: somebody else has the slots. That is waited for; it is no error of a call while others are up. */
static void test_no_slot_of_the_role(void **state)
{
    (void)state;
    struct pg_ask ask = {0};
    harness_postgres_do(fix.admin, "alter role quintet connection limit 3");
    pg_fixture_open("");
    pg_fixture_until_true(three_are_up, "three of five, and some refused");
    pg_ask_run(&ask, &sql_pid, 5000);
    assert_int_equal(ask.status, QN_OK);
    assert_true(pg_fixture_metric("quintet_pg_slots_refused_total{reason=\"role\"}") >= 2);
    assert_int_equal((int)pg_fixture_metric("quintet_pg_slots_refused_total{reason=\"server\"}"), 0);
    pg_fixture_expect_logged("no slot outcome=no_slot whose_limit=role", 1);
    harness_postgres_do(fix.admin, "alter role quintet connection limit 5");
    pg_fixture_until_true(pg_fixture_is_idle, "all five");
    pg_fixture_end();
}

static void test_no_slot_at_all(void **state)
{
    (void)state;
    struct pg_ask ask = {0};
    harness_postgres_do(fix.admin, "alter role quintet connection limit 0");
    pg_fixture_open("");
    pg_ask_run(&ask, &sql_pid, 300);
    assert_int_equal(ask.status, QN_UNAVAILABLE);
    assert_string_equal(ask.query.reason, "no slot");
    assert_string_equal(pg_fixture_detail(), "no slot: no_slot");
    harness_postgres_do(fix.admin, "alter role quintet connection limit 5");
    pg_fixture_until_true(pg_fixture_is_idle, "all five");
    pg_fixture_end();
}

static bool some_wait_for_the_server(void)
{
    return pg_fixture_metric("quintet_pg_slots_refused_total{reason=\"server\"}") >= 2;
}

/* The server itself is full: told apart from the role's limit, because it is another one's to mend. */
static void test_no_slot_of_the_server(void **state)
{
    (void)state;
    PGconn *others[40];
    size_t n = 0;
    char url[256];
    harness_postgres_do(fix.admin, "create role filler login password 'x'");
    snprintf(url, sizeof url, "postgresql://filler:x@127.0.0.1:%d/postgres",
             harness_postgres_port(fix.server));
    do {
        assert_true(n < QN_COUNT(others));
        others[n] = PQconnectdb(url);
    } while (PQstatus(others[n++]) == CONNECTION_OK);
    pg_fixture_open("");
    pg_fixture_until_true(some_wait_for_the_server, "the server is full");
    assert_int_equal((int)pg_fixture_metric("quintet_pg_slots_refused_total{reason=\"role\"}"), 0);
    while (n > 0)
        PQfinish(others[--n]);
    pg_fixture_until_true(pg_fixture_is_idle, "all five");
    pg_fixture_end();
    harness_postgres_do(fix.admin, "drop role filler");
}

static bool is_denied(void)
{
    return fix.pool->opener.refusal == PG_REFUSAL_DENIED;
}

static void test_password_rotated(void **state)
{
    (void)state;
    harness_postgres_do(fix.admin, "alter role quintet password 'another'");
    pg_fixture_open("");
    pg_fixture_until_true(is_denied, "denied");
    assert_string_equal(pg_fixture_detail(), "cannot connect: denied");
    pg_fixture_expect_logged("p@ss", 0);
    harness_postgres_do(fix.admin, "alter role quintet password 'p@ss/w:rd%'");
    pg_fixture_until_true(pg_fixture_is_ready, "ready");
    pg_fixture_end();
}

static bool is_read_only(void)
{
    return fix.pool->opener.refusal == PG_REFUSAL_READ_ONLY;
}

/* A primary that was demoted: the connection that says so is dropped, and one to it is not taken. */
static void test_demoted(void **state)
{
    (void)state;
    struct pg_ask ask = {0};
    pg_fixture_begin("&connection_limit=1");
    pg_ask_run(&ask, &sql_read_only, 5000);
    assert_int_equal(ask.status, QN_OK);
    pg_ask_run(&ask, &sql_insert, 5000, "x", "");
    assert_int_equal(ask.status, QN_UNAVAILABLE);
    assert_string_equal(ask.query.sqlstate, "25006");
    assert_string_equal(ask.query.reason, "read only");
    pg_ask_run(&ask, &sql_insert, 20000, "x", ""); /* on a new connection */
    assert_int_equal(ask.status, QN_OK);
    pg_fixture_expect_logged("cause=\"read only\"", 1);

    harness_postgres_do(fix.admin, "alter role quintet set default_transaction_read_only to on");
    harness_postgres_do(fix.admin,
                        "select count(pg_terminate_backend(pid)) from pg_stat_activity where usename = "
                        "'quintet'");
    pg_fixture_until_true(is_read_only, "not taken");
    assert_string_equal(pg_fixture_detail(), "cannot connect: read_only");
    harness_postgres_do(fix.admin, "alter role quintet reset default_transaction_read_only");
    pg_fixture_until_true(pg_fixture_is_ready, "ready");
    harness_postgres_do(fix.admin, "delete from note");
    pg_fixture_end();
}

/* A server that takes connections and then says nothing, as a network that drops packets does. */
static void test_black_hole(void **state)
{
    (void)state;
    struct pg_ask ask = {0};
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof address;
    int hole = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(bind(hole, (struct sockaddr *)&address, len), 0);
    assert_int_equal(listen(hole, 16), 0);
    assert_int_equal(getsockname(hole, (struct sockaddr *)&address, &len), 0);
    char url[128];
    snprintf(url, sizeof url, "postgresql://quintet:x@127.0.0.1:%d/quintet?connect_timeout=1",
             ntohs(address.sin_port));
    pg_fixture_open_url(url);
    pg_ask_run(&ask, &sql_pid, 200);
    assert_int_equal(ask.status, QN_UNAVAILABLE);
    pg_fixture_until_true(has_failed, "the attempt has ended");
    assert_int_equal(fix.pool->opener.refusal, PG_REFUSAL_TIMEOUT);
    assert_true(pg_fixture_metric("quintet_pg_connects_total{outcome=\"timeout\"}") > 0);
    pg_fixture_end();
    close(hole);
}

static void test_no_such_host_or_database(void **state)
{
    (void)state;
    char url[256];
    pg_fixture_open_url("postgresql://quintet:x@no-such-host.invalid/quintet");
    pg_fixture_until_true(has_failed, "no such host");
    assert_int_equal(fix.pool->opener.refusal, PG_REFUSAL_UNREACHABLE);
    pg_fixture_end();
    snprintf(url, sizeof url, "postgresql://quintet:p%%40ss%%2Fw%%3Ard%%25@127.0.0.1:%d/nowhere",
             harness_postgres_port(fix.server));
    pg_fixture_open_url(url);
    pg_fixture_until_true(has_failed, "no such database");
    assert_int_equal(fix.pool->opener.refusal, PG_REFUSAL_OTHER);
    pg_fixture_expect_logged("3D000: database", 1);
    pg_fixture_end();
}

/* A server that hangs (here: its backend stopped by a signal) ends neither the statement nor the cancel's
 * effect; the connection is given up, and with it the slot comes back once the server moves again. */
static void test_a_backend_that_hangs(void **state)
{
    (void)state;
    struct pg_ask ask = {0}, other = {0};
    pg_fixture_begin("&connection_limit=2");
    pg_ask_run(&ask, &sql_pid, 5000);
    harness_postgres_do(fix.admin, "select pg_advisory_lock(1)");
    pg_ask_start(&ask, &sql_wait_alone, 500, "1");
    pg_fixture_until(SQL_WAITING, 1);
    pid_t backend = (pid_t)harness_postgres_number(
        fix.admin, "select pid from pg_locks where locktype = 'advisory' and not granted");
    assert_int_equal(kill(backend, SIGSTOP), 0);
    pg_ask_wait(&ask);
    assert_int_equal(ask.status, QN_DEADLINE_EXCEEDED);
    pg_ask_run(&other, &sql_pid, 5000); /* the other connection goes on */
    assert_int_equal(other.status, QN_OK);
    while (pg_fixture_logged("cause=\"cancel without effect\"") == 0)
        qn_loop_wait(fix.loop);
    kill(backend, SIGCONT);
    harness_postgres_do(fix.admin, "select pg_advisory_unlock(1)");
    pg_fixture_until_true(pg_fixture_is_idle, "both up");
    pg_fixture_end();
}

static bool is_behind(void)
{
    return strstr(pg_fixture_detail(), "the schema has version 0, this program wants 4") != NULL;
}

/* Not ready while the schema is behind, and ready without a restart once it is not. */
static void test_schema_behind(void **state)
{
    (void)state;
    struct pg_ask ask = {0};
    harness_postgres_do(fix.admin, "alter table quintet.schema_version rename to hidden");
    pg_fixture_open("");
    pg_fixture_until_true(is_behind, "behind");
    assert_false(pg_fixture_is_ready());
    pg_ask_run(&ask, &sql_pid, 5000); /* what works all the same is answered */
    assert_int_equal(ask.status, QN_OK);
    harness_postgres_do(fix.admin, "alter table quintet.hidden rename to schema_version");
    pg_fixture_until_true(pg_fixture_is_ready, "ready");
    pg_fixture_end();

    harness_postgres_do(fix.admin,
                        "insert into quintet.schema_version (version, name) values (999, 'of a newer one')");
    pg_fixture_begin(""); /* a newer schema works with this program */
    pg_fixture_end();
    harness_postgres_do(fix.admin, "delete from quintet.schema_version where version = 999");
}

static void test_superuser_is_remarked(void **state)
{
    (void)state;
    harness_postgres_do(fix.admin, "alter role quintet superuser");
    pg_fixture_begin("");
    assert_non_null(strstr(pg_fixture_detail(), "superuser"));
    pg_fixture_expect_logged("the database does not hold the limit", 1);
    pg_fixture_end();
    harness_postgres_do(fix.admin, "alter role quintet nosuperuser");
}

static void set_flag(void *context)
{
    *(bool *)context = true;
}

/* Each of the five says why it goes, with what it did; what waits is served first, what is started later is
 * refused. */
static void test_orderly_end(void **state)
{
    (void)state;
    struct pg_ask held = {0}, queued[6], later = {0};
    bool drained = false;
    memset(queued, 0, sizeof queued);
    pg_fixture_begin("");
    harness_postgres_do(fix.admin, "select pg_advisory_lock(1)");
    pg_ask_start(&held, &sql_wait_alone, 60000, "1");
    pg_fixture_until(SQL_WAITING, 1);
    for (size_t i = 0; i < QN_COUNT(queued); i++)
        pg_ask_start(&queued[i], &sql_pid, 60000);
    pg_pool_drain(fix.pool, 60000, set_flag, &drained);
    pg_ask_run(&later, &sql_pid, 60000);
    assert_int_equal(later.status, QN_UNAVAILABLE);
    assert_string_equal(later.query.reason, "closing");
    pg_ask_wait_all(queued, QN_COUNT(queued));
    for (size_t i = 0; i < QN_COUNT(queued); i++)
        assert_int_equal(queued[i].status, QN_OK);
    pg_fixture_until(SQL_OF_ROLE, 1); /* the idle ones have gone; the busy one is waited for */
    assert_false(drained);
    harness_postgres_do(fix.admin, "select pg_advisory_unlock(1)");
    loop_fixture_run_until(&drained, 20000);
    assert_int_equal(held.status, QN_OK);
    for (int i = 1; i <= 5; i++) {
        char line[64];
        snprintf(line, sizeof line, "connection closed connection=%d ", i);
        pg_fixture_expect_logged(line, 1);
    }
    pg_fixture_expect_logged("cause=shutdown ", 5);
    pg_ask_run(&later, &sql_pid, 60000); /* drained, not yet closed: refused all the same */
    assert_int_equal(later.status, QN_UNAVAILABLE);
    pg_fixture_end();
}

static void test_end_out_of_time(void **state)
{
    (void)state;
    static struct pg_ask held[4], queued;
    struct pg_ask read = {0};
    bool drained = false;
    pg_fixture_begin("");
    harness_postgres_do(fix.admin, "select pg_advisory_lock(1)");
    for (size_t i = 0; i < QN_COUNT(held); i++)
        pg_ask_start(&held[i], i % 2 ? &sql_wait_alone : &sql_wait_alone_too, 60000, "1");
    pg_ask_start(&read, &sql_wait_shared, 60000, "1");
    pg_fixture_until(SQL_WAITING, 5);
    pg_ask_start(&queued, &sql_insert, 60000, "x", "");
    pg_pool_drain(fix.pool, 100, set_flag, &drained);
    loop_fixture_run_until(&drained, 20000);
    for (size_t i = 0; i < QN_COUNT(held); i++)
        assert_int_equal(held[i].status, QN_UNKNOWN);
    assert_int_equal(read.status, QN_UNAVAILABLE);
    assert_int_equal(queued.status, QN_UNAVAILABLE);
    assert_string_equal(queued.query.reason, "closing");
    pg_fixture_expect_logged("cause=\"shutdown, out of time\"", 5);
    /* The backends still wait for the lock; client_connection_check_interval tells them that nobody listens.
     */
    pg_fixture_until(SQL_OF_ROLE, 0);
    harness_postgres_do(fix.admin, "select pg_advisory_unlock(1)");
    pg_fixture_end();
}

/* Closing while nothing has come up yet: in the midst of a look-up, of an attempt, of a pause. */
static void test_end_before_the_beginning(void **state)
{
    (void)state;
    struct pg_ask ask = {0};
    pg_fixture_open("");
    pg_fixture_end();
    for (int turns = 0; turns < 12; turns++) {
        pg_fixture_open("");
        pg_ask_start(&ask, &sql_pid, 60000);
        for (int i = 0; i < turns; i++)
            qn_loop_turn(fix.loop);
        pg_fixture_end();
        assert_true(ask.done);
    }
    pg_fixture_open_url("postgresql://quintet:x@127.0.0.1:1/quintet");
    pg_fixture_until_true(has_failed, "refused");
    pg_fixture_end();
    pg_fixture_open_url("postgresql://quintet:x@no-such-host.invalid/quintet");
    qn_loop_turn(fix.loop);
    pg_fixture_end();
}

int main(void)
{
    static const char *const settings[] = {"max_connections=20", NULL};
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_absent_at_start),
        cmocka_unit_test(test_fast_restart),
        cmocka_unit_test(test_immediate_restart),
        cmocka_unit_test(test_one_is_terminated),
        cmocka_unit_test(test_a_backend_crashes),
        cmocka_unit_test(test_all_are_terminated_while_idle),
        cmocka_unit_test(test_terminated_before_it_is_asked),
        cmocka_unit_test(test_no_slot_of_the_role),
        cmocka_unit_test(test_no_slot_at_all),
        cmocka_unit_test(test_no_slot_of_the_server),
        cmocka_unit_test(test_password_rotated),
        cmocka_unit_test(test_demoted),
        cmocka_unit_test(test_black_hole),
        cmocka_unit_test(test_no_such_host_or_database),
        cmocka_unit_test(test_a_backend_that_hangs),
        cmocka_unit_test(test_schema_behind),
        cmocka_unit_test(test_superuser_is_remarked),
        cmocka_unit_test(test_orderly_end),
        cmocka_unit_test(test_end_out_of_time),
        cmocka_unit_test(test_end_before_the_beginning),
    };
    return pg_fixture_run(tests, settings, NULL);
}
