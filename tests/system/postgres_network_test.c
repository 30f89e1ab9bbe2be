#include <poll.h>
#include <stdint.h>
#include <stdio.h>

#include "common/core/clock.h"
#include "tests/harness/rounds.h"
#include "tests/harness/stack.h"
#include "tests/harness/tcp_proxy.h"
#include "tests/harness/test.h"
#include "tests/harness/trial.h"

/* The network between profile and PostgreSQL fails, in each of the ways that a network has, while people use
 * the site. What they are told is typed and in time, and all is well again without a restart of any service.
 */

#define LOST    "quintet_pg_closes_total{cause=\"lost\"}"
#define CANCELS "quintet_pg_cancels_total"
#define OF_ROLE "select count(*) from pg_stat_activity where usename = 'quintet'"
#define WAITING "select count(*) from pg_stat_activity where usename = 'quintet' and wait_event_type = 'Lock'"

enum {
    OUTAGE_MS = 1000,
    HOLE_MS = 5000,
    NOTICED_IN_MS = 100000, /* ten seconds, and tenfold slack */
    DELAY_MS = 200,
    LOOK_EVERY_MS = 10,
    /* Back-off doubles up to 10 s, and an attempt that nobody answers takes connect_timeout, 5 s. */
    RECOVER_IN_MS = 20000,
    GOOD_IN_A_ROW = 50,
};

static struct harness_stack stack;
static struct tcp_proxy *proxy;

static const char *const profile_environment[] = {"QUINTET_SHUTDOWN_TIMEOUT=3s", NULL};

static int set_up(void **state)
{
    (void)state;
    struct harness_postgres *postgres = harness_postgres_start_ready(NULL);
    proxy = tcp_proxy_open((uint16_t)harness_postgres_port(postgres));
    harness_stack_start_with(
        &stack, &(const struct harness_stack_options){
                    .postgres = postgres,
                    .database_url = harness_stack_database_url(postgres, tcp_proxy_port(proxy), ""),
                    .profile_environment = profile_environment,
                });
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    harness_stack_stop(&stack);
    tcp_proxy_close(proxy);
    return 0;
}

static struct trial *start(const char *name, const char *what, unsigned rate)
{
    struct trial *trial =
        trial_start(&(const struct trial_options){.name = name, .what = what, .stack = &stack, .rate = rate});
    trial_await_good(trial, GOOD_IN_A_ROW, RECOVER_IN_MS);
    return trial;
}

static void end(struct trial *trial, struct trial_verdict *verdict)
{
    trial_await_good(trial, GOOD_IN_A_ROW, RECOVER_IN_MS);
    trial_stop(trial, verdict);
    trial_judge(verdict,
                &(const struct trial_bounds){.failed_max = SIZE_MAX, .recover_in_ms = RECOVER_IN_MS});
}

static void test_reset(void **state)
{
    (void)state;
    struct trial_verdict verdict;
    struct trial *trial = start("network_reset", "every connection to PostgreSQL reset (RST)", 0);
    double lost = harness_service_metric(stack.profile, LOST);
    trial_mark(trial, "reset");
    tcp_proxy_reset(proxy);
    end(trial, &verdict);
    assert_true(harness_service_metric(stack.profile, LOST) >= (lost > 0 ? lost : 0) + 5);
}

/* Both at once: what is up goes, and nothing comes. */
static void test_refused(void **state)
{
    (void)state;
    struct trial_verdict verdict;
    struct trial *trial =
        start("network_refused", "connections to PostgreSQL reset, new ones refused for three seconds", 0);
    trial_outage(trial, "reset, refused from now on");
    tcp_proxy_set(proxy, TCP_PROXY_REFUSE);
    tcp_proxy_reset(proxy);
    trial_pass(trial, 3 * OUTAGE_MS);
    tcp_proxy_set(proxy, TCP_PROXY_FORWARD);
    trial_mark(trial, "accepted");
    end(trial, &verdict);
    assert_int_equal(trial_tallied(&verdict, "unavailable", NULL),
                     trial_tallied(&verdict, "unavailable", "CANNOT_CONNECT"));
}

/* No packet passes for a second, then all of them do: nobody needs to be told. */
static void test_held(void **state)
{
    (void)state;
    struct trial_verdict verdict;
    struct trial *trial = start("network_held", "no packet to or from PostgreSQL for a second, then all", 0);
    trial_outage(trial, "held");
    tcp_proxy_set(proxy, TCP_PROXY_HOLD);
    trial_pass(trial, OUTAGE_MS);
    tcp_proxy_set(proxy, TCP_PROXY_FORWARD);
    trial_mark(trial, "passing");
    end(trial, &verdict);
    assert_int_equal(verdict.failed, 0);
    assert_true(verdict.slowest_ms > OUTAGE_MS / 2); /* who was asking then waited */
}

static void test_black_hole(void **state)
{
    (void)state;
    struct trial_verdict verdict;
    if (!tcp_proxy_can_black_hole())
        skip();
    struct trial *trial =
        start("network_black_hole",
              "every connection to PostgreSQL dead without a word, new ones too for five seconds", 0);
    trial_outage(trial, "black hole");
    tcp_proxy_set(proxy, TCP_PROXY_BLACK_HOLE);
    trial_pass(trial, HOLE_MS);
    tcp_proxy_set(proxy, TCP_PROXY_FORWARD);
    trial_mark(trial, "gone");
    end(trial, &verdict);
    assert_true(trial_tallied(&verdict, "deadline_exceeded", "QUERY_SLOW") > 0);
}

/* The hole does not go away. Both ends find out by themselves, in ten seconds, with nothing under way as
 * well: profile by tcp_user_timeout and keep-alives (conninfo.c), and PostgreSQL by the same, which
 * --provision sets on the role, or its sides of the five would hold their slots for two hours. */
static void test_both_ends_notice(void **state)
{
    (void)state;
    struct trial_verdict verdict;
    if (harness_rounds(0, 1) == 0 || !tcp_proxy_can_black_hole())
        skip(); /* as long as the system's timers take: make soak */
    PGconn *admin = harness_postgres_admin(stack.postgres, NULL);
    struct trial *trial = start("network_black_hole_long", "black hole until both ends have noticed", 0);
    uint64_t begin_ms = qn_clock_now_ms(), server_ms = 0, profile_ms = 0;
    trial_outage(trial, "black hole");
    tcp_proxy_set(proxy, TCP_PROXY_BLACK_HOLE);
    while (server_ms == 0 || profile_ms == 0) {
        uint64_t took_ms = qn_clock_now_ms() - begin_ms;
        if (server_ms == 0 && harness_postgres_number(admin, OF_ROLE) == 0)
            server_ms = took_ms;
        if (profile_ms == 0 && !harness_service_ready(stack.profile))
            profile_ms = took_ms;
        if (took_ms > NOTICED_IN_MS)
            fail_msg("after %llu ms: noticed by PostgreSQL %d, by profile %d", (unsigned long long)took_ms,
                     server_ms > 0, profile_ms > 0);
        poll(NULL, 0, LOOK_EVERY_MS);
    }
    PQfinish(admin);
    printf(
        "soak: a network that is gone is noticed by PostgreSQL after %llu ms and by profile after %llu ms\n",
        (unsigned long long)server_ms, (unsigned long long)profile_ms);
    tcp_proxy_set(proxy, TCP_PROXY_FORWARD);
    trial_mark(trial, "gone");
    end(trial, &verdict);
}

/* Told to end while nothing answers, and while requests to cancel are stuck in the hole too (PQcancel()
 * blocks a thread): it is gone when its time is over all the same, and the next one serves when the hole has
 * gone. */
static void test_end_in_a_black_hole(void **state)
{
    (void)state;
    struct trial_verdict verdict;
    if (harness_rounds(0, 1) == 0 || !tcp_proxy_can_black_hole())
        skip(); /* it takes a quarter of a minute: make soak */
    PGconn *holder = harness_postgres_admin(stack.postgres, NULL);
    double cancels = harness_service_metric(stack.profile, CANCELS);
    struct trial *trial =
        start("network_black_hole_end", "profile told to end in the black hole, and started after it", 0);
    trial_outage(trial, "rows locked, then black hole");
    harness_postgres_do(holder, "begin");
    harness_postgres_do(holder, "select 1 from quintet.profile for update");
    while (harness_postgres_number(holder, WAITING) < 1)
        ;
    tcp_proxy_set(proxy, TCP_PROXY_BLACK_HOLE);
    while (harness_service_metric(stack.profile, CANCELS) <= (cancels > 0 ? cancels : 0))
        ;
    trial_outage(trial, "profile SIGTERM");
    assert_int_equal(harness_service_stop(stack.profile), 0);
    tcp_proxy_set(proxy, TCP_PROXY_FORWARD);
    PQfinish(holder);
    harness_stack_start_profile(&stack);
    harness_service_await(stack.profile, true);
    trial_mark(trial, "gone, and profile started");
    end(trial, &verdict);
}

/* Slow, and nothing else: five connections carry it. (A write takes a round trip alone on its connection, so
 * four of them end ten in a second; half the usual rate has five.) */
static void test_delayed(void **state)
{
    (void)state;
    struct trial_verdict verdict;
    struct trial *trial = start("network_delayed", "every packet to and from PostgreSQL 200 ms late", 50);
    trial_mark(trial, "late from now on");
    tcp_proxy_delay(proxy, DELAY_MS);
    trial_pass(trial, OUTAGE_MS);
    tcp_proxy_reset(proxy); /* and connecting takes half a dozen round trips */
    trial_pass(trial, 3 * OUTAGE_MS);
    tcp_proxy_delay(proxy, 0);
    trial_mark(trial, "in time");
    end(trial, &verdict);
    assert_true(verdict.slowest_ms >= 2 * DELAY_MS);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_reset),
        cmocka_unit_test(test_refused),
        cmocka_unit_test(test_held),
        cmocka_unit_test(test_black_hole),
        cmocka_unit_test(test_both_ends_notice),
        cmocka_unit_test(test_end_in_a_black_hole),
        cmocka_unit_test(test_delayed),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
