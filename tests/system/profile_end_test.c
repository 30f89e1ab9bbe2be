#include <signal.h>
#include <stdint.h>

#include "common/core/clock.h"
#include "tests/harness/rounds.h"
#include "tests/harness/stack.h"
#include "tests/harness/test.h"
#include "tests/harness/trial.h"

/* How profile ends, while people use the site: told to, it closes its connections before it is gone; killed,
 * in the midst of a statement that waits for a lock, it loses them to the next one within seconds. */

#define OF_ROLE "select count(*) from pg_stat_activity where usename = 'quintet'"
#define WAITING OF_ROLE " and wait_event_type = 'Lock'"

enum {
    ROUNDS = 5,
    ROUNDS_SOAK = 50,
    SLOTS_FREE_IN_MS = 2000,
    SLACK = 10,
    UP_IN_MS = 20000,
    GOOD_IN_A_ROW = 20,
};

static struct harness_stack stack;
static PGconn *admin;

static int set_up(void **state)
{
    (void)state;
    harness_stack_start(&stack, NULL);
    admin = harness_postgres_admin(stack.postgres, NULL);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    PQfinish(admin);
    harness_stack_stop(&stack);
    return 0;
}

/* How long it took until 'sql' gave no more than 'most' ('least': no less). */
static uint64_t await(const char *sql, long least, long most)
{
    uint64_t start = qn_clock_now_ms();
    for (;;) {
        long n = harness_postgres_number(admin, sql);
        uint64_t took = qn_clock_now_ms() - start;
        if (n >= least && n <= most)
            return took;
        if (took > UP_IN_MS)
            fail_msg("%s gives %ld, not %ld to %ld", sql, n, least, most);
    }
}

static void test_told_to_end(void **state)
{
    (void)state;
    struct trial_verdict verdict;
    uint64_t slowest_ms = 0;
    size_t rounds = harness_rounds(ROUNDS, ROUNDS_SOAK);
    struct trial *trial = trial_start(&(const struct trial_options){
        .name = "profile_end",
        .what = "the only profile process told to end (SIGTERM), seen gone, started again, five times",
        .stack = &stack});
    trial_await_good(trial, GOOD_IN_A_ROW, UP_IN_MS);
    for (size_t i = 0; i < rounds; i++) {
        trial_outage(trial, "profile SIGTERM");
        assert_int_equal(harness_service_stop(stack.profile), 0);
        uint64_t took_ms = await(OF_ROLE, 0, 0);
        if (took_ms > slowest_ms)
            slowest_ms = took_ms;
        harness_stack_start_profile(&stack);
        harness_service_await(stack.profile, true);
        trial_mark(trial, "profile ready");
        trial_await_good(trial, GOOD_IN_A_ROW, UP_IN_MS);
    }
    trial_stop(trial, &verdict);
    printf("soak: %zu ends by SIGTERM, exit 0 each; connections gone at most %llu ms later\n", rounds,
           (unsigned long long)slowest_ms);
    trial_judge(&verdict, &(const struct trial_bounds){.failed_max = SIZE_MAX, .recover_in_ms = UP_IN_MS});
    assert_true(slowest_ms <= SLOTS_FREE_IN_MS * SLACK);
}

/* The lock is held all the while: what frees the slots is that PostgreSQL asks after its client
 * (client_connection_check_interval, set by --provision), not that the statement comes to its end. */
static void test_killed_while_it_waits_for_a_lock(void **state)
{
    (void)state;
    struct trial_verdict verdict;
    uint64_t slowest_ms = 0;
    PGconn *holder = harness_postgres_admin(stack.postgres, NULL);
    struct trial *trial = trial_start(
        &(const struct trial_options){.name = "profile_killed_waiting",
                                      .what = "the only profile process killed (SIGKILL) while its writes "
                                              "wait for a lock, started at once, three times",
                                      .stack = &stack,
                                      .rate = 50});
    trial_await_good(trial, GOOD_IN_A_ROW, UP_IN_MS);
    for (size_t i = harness_rounds(3, ROUNDS_SOAK); i > 0; i--) {
        char sql[256];
        trial_outage(trial, "rows locked, then profile SIGKILL");
        harness_postgres_do(holder, "begin");
        harness_postgres_do(holder, "select 1 from quintet.profile for update");
        await(WAITING, 1, 5);
        long newest = harness_postgres_number(
            admin, "select extract(epoch from max(backend_start)) * 1e6 from pg_stat_activity"
                   " where usename = 'quintet'");
        harness_service_signal(stack.profile, SIGKILL);
        assert_int_equal(harness_service_wait(stack.profile), -SIGKILL);
        snprintf(sql, sizeof sql, OF_ROLE " and extract(epoch from backend_start) * 1e6 <= %ld", newest);
        harness_stack_start_profile(&stack);
        uint64_t took_ms = await(sql, 0, 0);
        if (took_ms > slowest_ms)
            slowest_ms = took_ms;
        await(OF_ROLE, 5, 5); /* all of them the new one's */
        harness_service_await(stack.profile, true);
        harness_postgres_do(holder, "rollback");
        trial_mark(trial, "unlocked");
        trial_await_good(trial, GOOD_IN_A_ROW, UP_IN_MS);
    }
    PQfinish(holder);
    trial_stop(trial, &verdict);
    printf("soak: slots of a killed process that waits for a lock are free %llu ms later at most\n",
           (unsigned long long)slowest_ms);
    trial_judge(&verdict, &(const struct trial_bounds){.failed_max = SIZE_MAX, .recover_in_ms = UP_IN_MS});
    assert_true(slowest_ms <= SLOTS_FREE_IN_MS * SLACK);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_told_to_end),
        cmocka_unit_test(test_killed_while_it_waits_for_a_lock),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
