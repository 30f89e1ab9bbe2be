#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include "common/core/clock.h"
#include "tests/harness/http.h"
#include "tests/integration/handover_fixture.h"

/* Several quintet-profile processes, one role with CONNECTION LIMIT 5: who has how many, whatever comes and
 * goes. In each test the role is watched, and never has a sixth connection. */

#define LISTENING   "listening for other services address=tcp://127.0.0.1:"
#define GIVEN       "quintet_pg_slots_handed_over_total{way=\"given\"}"
#define SQL_WAITING "select count(*) from pg_locks where not granted"

static double metric(struct harness_service *service, const char *series)
{
    double value = harness_service_metric(service, series);
    return value < 0 ? 0 : value;
}

/* PostgreSQL was never asked for a connection that there was not. */
static void expect_none_refused(struct harness_service *service)
{
    assert_int_equal((int)metric(service, "quintet_pg_slots_refused_total{reason=\"role\"}"), 0);
}

/* In GET /connections. */
static void expect_shown(struct harness_service *service, const char *one, const char *other)
{
    struct harness_http_reply reply = harness_http(&(const struct harness_http_request){
        .url = harness_text("http://127.0.0.1:%d/connections", harness_service_admin_port(service))});
    if (reply.status != 200 || !strstr(reply.body, one) || !strstr(reply.body, other))
        fail_msg("%s and %s are not in: %s", one, other, reply.body);
    harness_http_free(&reply);
}

static void test_two(void **state)
{
    (void)state;
    handover_begin();
    struct harness_service *old = handover_start_ready();
    HANDOVER_AWAIT(5);
    struct harness_service *new = handover_start_ready();
    HANDOVER_AWAIT(3, 2);
    assert_int_equal((int)metric(old, GIVEN), 2);
    assert_int_equal((int)metric(new, "quintet_pg_slots_handed_over_total{way=\"taken\"}"), 2);
    assert_int_equal((int)metric(new, "quintet_pg_slots_allowed"), 2);
    assert_int_equal((int)metric(new, "quintet_pg_slots_processes"), 2);
    expect_shown(old, "\"allowed\":3,", "\"sharing\":{\"processes\":2,\"given\":2,\"taken\":0}");
    expect_shown(new, "\"allowed\":2,", "\"sharing\":{\"processes\":2,\"given\":0,\"taken\":2}");
    expect_none_refused(old);
    expect_none_refused(new);
    handover_stop(old);
    HANDOVER_AWAIT(5);
    expect_none_refused(new);
    handover_end();
}

/* A deploy of three, one after the other. */
static void test_rolling(void **state)
{
    (void)state;
    handover_begin();
    struct harness_service *list[6];
    for (size_t i = 0; i < 3; i++)
        list[i] = handover_start_ready();
    HANDOVER_AWAIT(2, 2, 1);
    for (size_t i = 3; i < 6; i++) {
        list[i] = handover_start_ready();
        HANDOVER_AWAIT(2, 1, 1, 1);
        handover_stop(list[i - 3]);
        HANDOVER_AWAIT(2, 2, 1);
    }
    for (size_t i = 3; i < 6; i++)
        expect_none_refused(list[i]);
    handover_end();
}

static void test_five_start_at_once(void **state)
{
    (void)state;
    handover_begin();
    for (size_t i = 0; i < 5; i++)
        handover_start("", NULL);
    for (size_t i = 0; i < 5; i++)
        harness_service_await(fix.list[i], true);
    HANDOVER_AWAIT(1, 1, 1, 1, 1);
    handover_end();
}

static void test_killed(void **state)
{
    (void)state;
    handover_begin();
    for (size_t i = 0; i < 3; i++)
        handover_start_ready();
    HANDOVER_AWAIT(2, 2, 1);
    handover_kill(fix.list[0]);
    HANDOVER_AWAIT(3, 2);
    handover_kill(fix.list[1]);
    HANDOVER_AWAIT(5);
    handover_end();
}

static void test_one_too_many(void **state)
{
    (void)state;
    char *body;
    handover_begin();
    for (size_t i = 0; i < 5; i++)
        handover_start_ready();
    HANDOVER_AWAIT(1, 1, 1, 1, 1);
    struct harness_service *sixth = handover_start("", NULL);
    while (!harness_service_logged(sixth, "too many processes"))
        assert_int_not_equal(harness_service_pid(sixth), 0);
    assert_int_equal(harness_service_get(sixth, "/readyz", &body), 503);
    assert_non_null(strstr(body,
                           "6 processes share the 5 connections of role \"quintet\": at most 5 may run at "
                           "once"));
    free(body);
    expect_none_refused(sixth);
    HANDOVER_AWAIT(1, 1, 1, 1, 1, 0);
    handover_stop(fix.list[2]);
    harness_service_await(sixth, true);
    HANDOVER_AWAIT(1, 1, 1, 1, 1);
    assert_true(harness_service_logged(sixth, "has a place among the processes now"));
    handover_end();
}

/* A deploy that makes the budget smaller, and one that makes it larger: the smaller one holds as long as both
 * are there. */
static void test_budgets_differ(void **state)
{
    (void)state;
    handover_begin();
    struct harness_service *old = handover_start_ready();
    HANDOVER_AWAIT(5);
    struct harness_service *smaller = handover_start("&connection_limit=3", NULL);
    HANDOVER_AWAIT(2, 1);
    harness_service_await(smaller, true);
    handover_stop(old);
    HANDOVER_AWAIT(3);
    struct harness_service *larger = handover_start_ready();
    HANDOVER_AWAIT(2, 1);
    handover_stop(smaller);
    HANDOVER_AWAIT(5);
    expect_none_refused(larger);
    handover_end();
}

/* One that stands still keeps its connections and answers nothing: the database holds the limit, and who
 * comes is given one by another. When it goes on, all is shared anew. */
static void test_one_hangs(void **state)
{
    (void)state;
    handover_begin();
    struct harness_service *hangs = handover_start_ready();
    handover_start_ready();
    HANDOVER_AWAIT(3, 2);
    harness_service_signal(hangs, SIGSTOP);
    handover_start_ready();
    harness_service_signal(hangs, SIGCONT);
    HANDOVER_AWAIT(2, 2, 1);
    handover_end();
}

/* Alone, whatever it is told of others. */
static void test_alone(void **state)
{
    (void)state;
    static const char *const peers[] = {
        "QUINTET_PROFILE_PEERS=none", "QUINTET_PROFILE_PEERS=tcp://127.0.0.1:1", /* nobody listens */
        "QUINTET_PROFILE_PEERS=tcp://nobody.invalid:7001",                       /* no such name */
        "QUINTET_PROFILE_PEERS=ipc:///tmp/quintet-is-not-there",                 /* no such folder */
    };
    for (size_t i = 0; i < sizeof peers / sizeof *peers; i++) {
        handover_begin();
        struct harness_service *alone = handover_start("", peers[i]);
        harness_service_await(alone, true);
        HANDOVER_AWAIT(5);
        handover_end();
    }
}

/* The database goes and comes: nobody takes that for a chance. */
static void test_database_restarted(void **state)
{
    (void)state;
    handover_begin();
    struct harness_service *first = handover_start_ready(), *second = handover_start_ready();
    HANDOVER_AWAIT(3, 2);
    for (int round = 0; round < 3; round++) {
        handover_restart_database();
        HANDOVER_AWAIT(3, 2);
    }
    assert_int_equal((int)metric(first, GIVEN) + (int)metric(second, GIVEN), 2);
    expect_none_refused(first);
    expect_none_refused(second);
    handover_end();
}

/* By a name that only has those that are ready, as in a cluster, and so by one side alone: the first knows of
 * the second what that tells it. */
static void test_one_sided(void **state)
{
    (void)state;
    handover_begin();
    struct harness_service *first =
        handover_start_at("tcp://127.0.0.1:0", "QUINTET_PROFILE_PEERS=tcp://127.0.0.1:1");
    harness_service_await(first, true);
    HANDOVER_AWAIT(5);
    char *log = harness_service_log(first);
    const char *said = strstr(log, LISTENING);
    assert_non_null(said);
    unsigned port = (unsigned)strtoul(said + strlen(LISTENING), NULL, 10);
    struct harness_service *second = handover_start_at(
        "tcp://127.0.0.1:0", harness_text("QUINTET_PROFILE_PEERS=tcp://127.0.0.1:%u", port));
    harness_service_await(second, true);
    HANDOVER_AWAIT(3, 2);
    handover_stop(second);
    HANDOVER_AWAIT(5);
    second = handover_start_at("tcp://127.0.0.1:0",
                               harness_text("QUINTET_PROFILE_PEERS=tcp://127.0.0.1:%u", port));
    HANDOVER_AWAIT(3, 2);
    handover_stop(first);
    HANDOVER_AWAIT(5);
    free(log);
    handover_end();
}

/* Its statement waits for a lock when the process is killed. PostgreSQL notices by
 * client_connection_check_interval, half a second; without it the slot would be lost until statement_timeout,
 * 15 s. The lock is held all the while. */
static void test_killed_while_it_waits(void **state)
{
    (void)state;
    enum { LIMIT_MS = 10000 };
    handover_begin();
    handover_start_ready();
    HANDOVER_AWAIT(5);
    PGconn *holder = harness_postgres_admin(fix.server, NULL);
    harness_postgres_do(holder, "begin; lock table quintet.schema_version");
    struct harness_service *dies = handover_start("", NULL); /* looks at the schema's version first */
    while (harness_postgres_number(fix.admin, SQL_WAITING) == 0)
        assert_int_not_equal(harness_service_pid(dies), 0);
    uint64_t killed_ms = qn_clock_now_ms();
    handover_kill(dies);
    while (handover_held(dies) > 0 || harness_postgres_number(fix.admin, SQL_WAITING) > 0)
        assert_true(qn_clock_now_ms() - killed_ms < LIMIT_MS);
    HANDOVER_AWAIT(5);
    assert_true(qn_clock_now_ms() - killed_ms < LIMIT_MS);
    PQfinish(holder);
    handover_end();
}

int main(void)
{
    handover_server();
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_two),
        cmocka_unit_test(test_rolling),
        cmocka_unit_test(test_five_start_at_once),
        cmocka_unit_test(test_killed),
        cmocka_unit_test(test_one_too_many),
        cmocka_unit_test(test_budgets_differ),
        cmocka_unit_test(test_one_hangs),
        cmocka_unit_test(test_alone),
        cmocka_unit_test(test_database_restarted),
        cmocka_unit_test(test_one_sided),
        cmocka_unit_test(test_killed_while_it_waits),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
