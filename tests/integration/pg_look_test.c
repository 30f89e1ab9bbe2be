#include <signal.h>
#include <stdio.h>

#include "common/core/check.h"
#include "services/profile/pg/look.h"
#include "tests/harness/test.h"
#include "tests/integration/pg_fixture.h"

/* What can be seen of the connections from outside: the copy that /connections shows, and each item of
 * /metrics, at moments at which what they must say is known. */

static struct pg_look look;

static void look_now(void)
{
    pg_look(fix.pool, &look);
}

static size_t n_in_state(const char *state)
{
    size_t n = 0;
    for (size_t i = 0; i < look.n_conns; i++)
        n += strcmp(look.conns[i].state, state) == 0;
    return n;
}

static void assert_states(size_t idle, size_t shared, size_t alone)
{
    look_now();
    assert_int_equal(n_in_state("idle"), idle);
    assert_int_equal(n_in_state("shared"), shared);
    assert_int_equal(n_in_state("alone"), alone);
    assert_int_equal((int)pg_fixture_metric("quintet_pg_connections{state=\"idle\"}"), idle);
    assert_int_equal((int)pg_fixture_metric("quintet_pg_connections{state=\"shared\"}"), shared);
    assert_int_equal((int)pg_fixture_metric("quintet_pg_connections{state=\"alone\"}"), alone);
}

static const struct pg_look_conn *in_state(const char *state)
{
    for (size_t i = 0; i < look.n_conns; i++)
        if (strcmp(look.conns[i].state, state) == 0)
            return &look.conns[i];
    fail_msg("none is %s", state);
    return NULL;
}

/* At rest: five that the server knows by the same pids, and whose statements add up to what was counted. */
static void test_at_rest(void **state)
{
    (void)state;
    struct pg_ask ask = {0};
    char sql[128];
    pg_fixture_begin("");
    for (int i = 0; i < 7; i++)
        pg_ask_run(&ask, &sql_pid, 20000);
    assert_states(5, 0, 0);
    assert_int_equal(look.budget, 5);
    assert_int_equal(look.up, 5);
    assert_int_equal(look.waiting_reads + look.waiting_writes, 0);
    assert_int_equal(look.silent_ms, 0);
    assert_null(look.refusal);
    uint64_t statements = 0;
    for (size_t i = 0; i < 5; i++) {
        const struct pg_look_conn *conn = &look.conns[i];
        assert_int_equal(conn->number, i + 1);
        assert_true(conn->up);
        assert_true(conn->age_ms >= conn->state_ms);
        assert_int_equal(conn->under_way, 0);
        assert_null(conn->statement);
        assert_null(conn->end_cause);
        statements += conn->statements;
        snprintf(sql, sizeof sql, SQL_OF_ROLE " and pid = %d", conn->pid);
        assert_int_equal(harness_postgres_number(fix.admin, sql), 1);
    }
    assert_int_equal(
        (int)pg_fixture_metric("quintet_pg_statements_total{statement=\"test_pid\",code=\"ok\"}"), 7);
    assert_int_equal((int)pg_fixture_metric("quintet_pg_statement_seconds_count{statement=\"test_pid\"}"), 7);
    assert_true(pg_fixture_metric("quintet_pg_statement_seconds_sum{statement=\"test_pid\"}") > 0);
    assert_true(statements >= 7 + 2); /* the check's two */
    assert_int_equal((int)pg_fixture_metric("quintet_pg_wait_seconds_count"), (int)statements);
    pg_fixture_end();
}

/* At work: what each does, how much waits behind it, and who waits for a connection. */
static void test_at_work(void **state)
{
    (void)state;
    struct pg_ask head = {0}, write = {0}, waiting = {0};
    static struct pg_ask behind[3];
    pg_fixture_begin("&connection_limit=2");
    harness_postgres_do(fix.admin, "select pg_advisory_lock(1)");
    pg_ask_start(&write, &sql_wait_alone, 60000, "1");
    pg_fixture_until(SQL_WAITING, 1);
    pg_ask_start(&head, &sql_wait_shared, 60000, "1");
    pg_fixture_until(SQL_WAITING, 2);
    for (size_t i = 0; i < QN_COUNT(behind); i++)
        pg_ask_start(&behind[i], &sql_wait_shared, 60000, "1");
    pg_ask_start(&waiting, &sql_insert, 60000, "x", "");
    qn_loop_turn(fix.loop);
    assert_states(0, 1, 1);
    const struct pg_look_conn *alone = in_state("alone"), *shared = in_state("shared");
    assert_string_equal(alone->statement, "test_wait_alone");
    assert_int_equal(alone->under_way, 1);
    assert_string_equal(shared->statement, "test_wait_shared");
    assert_int_equal(shared->under_way, 4);
    assert_true(alone->statement_ms >= shared->statement_ms);
    assert_int_equal(look.waiting_writes, 1);
    assert_int_equal(look.waiting_reads, 0);
    assert_int_equal((int)pg_fixture_metric("quintet_pg_waiting"), 1);
    harness_postgres_do(fix.admin, "select pg_advisory_unlock(1)");
    pg_ask_wait(&waiting);
    pg_ask_wait_all(behind, QN_COUNT(behind));
    pg_fixture_until_true(pg_fixture_is_idle, "at rest");
    assert_states(2, 0, 0);
    harness_postgres_do(fix.admin, "delete from note");
    pg_fixture_end();
}

static bool is_away(void)
{
    look_now();
    return look.up == 0 && look.refusal && look.attempt_planned;
}

/* Lost, and not to be had again: which cause, what was said, and when the next attempt comes. Then back. */
static void test_away(void **state)
{
    (void)state;
    pg_fixture_begin("");
    pg_fixture_halt(SIGINT);
    pg_fixture_until_true(is_away, "away");
    assert_string_equal(look.refusal, "unreachable");
    assert_true(look.attempt_in_ms <= 10000);
    size_t n_refused = 0, n_terminated = 0;
    for (size_t i = 0; i < 5; i++) {
        const struct pg_look_conn *conn = &look.conns[i];
        assert_false(conn->up);
        assert_int_equal(conn->pid, 0);
        assert_int_equal(conn->statements, 0);
        bool refused = strcmp(conn->end_cause, "unreachable") == 0;
        n_refused += refused;
        n_terminated += strcmp(conn->end_cause, "terminated") == 0;
        assert_int_equal(conn->end_said[0] != '\0', refused);
    }
    assert_true(n_refused >= 1);
    assert_int_equal(n_refused + n_terminated, 5);
    assert_int_equal((int)pg_fixture_metric("quintet_pg_closes_total{cause=\"terminated\"}"), 5);
    assert_true(pg_fixture_metric("quintet_pg_connects_total{outcome=\"unreachable\"}") >= 1);
    pg_fixture_resume();
    pg_fixture_until_true(pg_fixture_is_idle, "back");
    look_now();
    assert_null(look.refusal);
    assert_int_equal(look.failures, 0);
    for (size_t i = 0; i < 5; i++)
        assert_non_null(look.conns[i].end_cause); /* what was is still told */
    assert_true(pg_fixture_metric("quintet_pg_connects_total{outcome=\"ok\"}") >= 10);
    pg_fixture_end();
}

/* A rate() needs a series' zero before its one: what is counted by a known few names is there from the start.
 */
static void test_series_are_there_before_their_time(void **state)
{
    (void)state;
    static const char *const series[] = {
        "quintet_pg_connections{state=\"down\"} ",
        "quintet_pg_connections{state=\"resolving\"} ",
        "quintet_pg_connections{state=\"connecting\"} ",
        "quintet_pg_connections{state=\"idle\"} ",
        "quintet_pg_connections{state=\"shared\"} ",
        "quintet_pg_connections{state=\"alone\"} ",
        "quintet_pg_connections{state=\"cancelling\"} ",
        "quintet_pg_slots_refused_total{reason=\"role\"} 0",
        "quintet_pg_slots_refused_total{reason=\"database\"} 0",
        "quintet_pg_slots_refused_total{reason=\"server\"} 0",
        "quintet_pg_connects_total{outcome=\"denied\"} 0",
        "quintet_pg_connects_total{outcome=\"timeout\"} 0",
        "quintet_pg_failures_total{reason=\"pool full\"} 0",
        "quintet_pg_failures_total{reason=\"cannot connect\"} 0",
        "quintet_pg_failures_total{reason=\"query slow\"} 0",
        "quintet_pg_failures_total{reason=\"no slot\"} 0",
        "quintet_pg_failures_total{reason=\"locked\"} 0",
        "quintet_pg_closes_total{cause=\"terminated\"} ",
        "quintet_pg_closes_total{cause=\"lost\"} 0",
        "quintet_pg_cancels_total 0",
        "quintet_pg_waiting 0",
        "quintet_pg_silent_seconds 0",
        "quintet_pg_connections_max 5",
    };
    pg_fixture_begin("");
    struct qn_buf text;
    qn_buf_init(&text, 1 << 20);
    qn_metric_render(&text);
    for (size_t i = 0; i < QN_COUNT(series); i++) {
        char line[160];
        snprintf(line, sizeof line, "\n%s", series[i]);
        if (!strstr(text.data, line))
            fail_msg("%s: not there\n%s", series[i], text.data);
    }
    qn_buf_fini(&text);
    pg_fixture_end();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_at_rest),
        cmocka_unit_test(test_at_work),
        cmocka_unit_test(test_away),
        cmocka_unit_test(test_series_are_there_before_their_time),
    };
    return pg_fixture_run(tests, NULL, NULL);
}
