#include <signal.h>
#include <stdint.h>
#include <string.h>

#include "common/core/clock.h"
#include "tests/harness/rounds.h"
#include "tests/harness/stack.h"
#include "tests/harness/test.h"
#include "tests/harness/trial.h"

/* Several processes of profile share the five connections, while people use the site: one deploy after the
 * other, replicas, one of them killed. */

enum {
    ROUNDS = 5,
    ROUNDS_SOAK = 50,
    GOOD_IN_A_ROW = 50,
    SHARED_IN_MS = 20000,
    RECOVER_IN_MS = 5000,
    REPLICAS = 3,
};

static struct harness_stack stack;

static int set_up(void **state)
{
    (void)state;
    harness_stack_start(&stack, NULL);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    harness_stack_stop(&stack);
    return 0;
}

/* Waits until each holds as many as it should: all in use, none with two more than another. */
static void await_even(struct harness_service *const *list, size_t n)
{
    uint64_t start_ms = qn_clock_now_ms();
    for (;;) {
        int sum = 0, most = 0, fewest = 5;
        for (size_t i = 0; i < n; i++) {
            int held = 5 - (int)harness_service_metric(list[i], "quintet_pg_connections{state=\"down\"}");
            sum += held;
            most = held > most ? held : most;
            fewest = held < fewest ? held : fewest;
        }
        if (sum == 5 && most - fewest <= 1)
            return;
        if (qn_clock_now_ms() - start_ms > SHARED_IN_MS)
            fail_msg("%zu processes have %d connections, one %d, another %d", n, sum, most, fewest);
    }
}

/* The new one is started, waited for, and then the old one is told to end. */
static void test_rolling_restart(void **state)
{
    (void)state;
    struct trial_verdict verdict;
    struct trial *trial = trial_start(&(const struct trial_options){
        .name = "profile_rolling_restart",
        .what = "profile replaced five times in a row: a new process, ready, then SIGTERM to the old one",
        .stack = &stack});
    trial_await_good(trial, GOOD_IN_A_ROW, RECOVER_IN_MS);
    for (size_t i = harness_rounds(ROUNDS, ROUNDS_SOAK); i > 0; i--) {
        struct harness_service *old = stack.profile;
        trial_mark(trial, "new profile started");
        harness_stack_start_profile(&stack);
        harness_service_await(stack.profile, true);
        trial_mark(trial, "old profile SIGTERM");
        assert_int_equal(harness_service_stop(old), 0);
        trial_await_good(trial, GOOD_IN_A_ROW, RECOVER_IN_MS);
    }
    await_even(&stack.profile, 1);
    trial_stop(trial, &verdict);
    trial_judge(&verdict, &(const struct trial_bounds){.failed_max = 0});
}

/* Two, then three; each serves. One is killed: what it had in hand may fail, with a type, and nothing else.
 */
static void test_replicas(void **state)
{
    (void)state;
    struct trial_verdict verdict;
    struct harness_service *list[REPLICAS];
    size_t n = 0;
    struct trial *trial = trial_start(&(const struct trial_options){
        .name = "profile_replicas_killed",
        .what = "two, then three processes of profile; one killed (SIGKILL) and started again, five times",
        .stack = &stack});
    trial_await_good(trial, GOOD_IN_A_ROW, RECOVER_IN_MS);
    list[n++] = stack.profile;
    while (n < REPLICAS) {
        trial_mark(trial, "one more profile");
        harness_stack_start_profile(&stack);
        harness_service_await(stack.profile, true);
        list[n++] = stack.profile;
        await_even(list, n);
        trial_await_good(trial, GOOD_IN_A_ROW, RECOVER_IN_MS);
    }
    for (size_t i = 0; i < n; i++) {
        double before = harness_service_metric(list[i], "quintet_rpc_server_seconds_count{method="
                                                        "\"quintet.store.v1.SessionStore/"
                                                        "GetSessionWithProfile\"}");
        while (harness_service_metric(list[i], "quintet_rpc_server_seconds_count{method="
                                               "\"quintet.store.v1.SessionStore/"
                                               "GetSessionWithProfile\"}") <= before)
            trial_pass(trial, 100);
    }
    assert_int_equal(trial_failed(trial), 0);
    for (size_t i = harness_rounds(ROUNDS, ROUNDS_SOAK); i > 0; i--) {
        size_t victim = i % REPLICAS;
        trial_mark(trial, "profile SIGKILL");
        harness_service_signal(list[victim], SIGKILL);
        assert_int_equal(harness_service_wait(list[victim]), -SIGKILL);
        struct harness_service *const left[] = {list[(victim + 1) % REPLICAS], list[(victim + 2) % REPLICAS]};
        await_even(left, 2);
        trial_await_good(trial, GOOD_IN_A_ROW, RECOVER_IN_MS);
        harness_stack_start_profile(&stack);
        list[victim] = stack.profile;
        harness_service_await(stack.profile, true);
        await_even(list, REPLICAS);
    }
    trial_stop(trial, &verdict);
    for (size_t i = 0; i < REPLICAS; i++)
        if (list[i] != stack.profile)
            assert_int_equal(harness_service_stop(list[i]), 0);
    trial_judge(&verdict,
                &(const struct trial_bounds){.failed_max = SIZE_MAX, .recover_in_ms = RECOVER_IN_MS});
    /* A process has in hand what it was asked in the last moments, at 100 a second over three. */
    assert_in_range(verdict.failed, 0, harness_rounds(ROUNDS, ROUNDS_SOAK) * 10);
    assert_int_equal(trial_tallied(&verdict, NULL, "NO_SLOT"), 0);
}

/* Seven for five connections: two are not ready, and whoever asks them is sent on. When two of the others
 * end, they take their places. */
static void test_too_many(void **state)
{
    (void)state;
    enum { ALL = 7, PLACES = 5 };
    struct trial_verdict verdict;
    struct harness_service *list[ALL] = {stack.profile};
    struct trial *trial = trial_start(&(const struct trial_options){
        .name = "profile_too_many",
        .what = "seven processes of profile for five connections; then two of the five that have one end",
        .stack = &stack});
    for (size_t n = 1; n < ALL; n++) {
        trial_mark(trial, "one more profile");
        harness_stack_start_profile(&stack);
        list[n] = stack.profile;
        if (n < PLACES)
            harness_service_await(list[n], true);
    }
    for (size_t i = PLACES; i < ALL; i++)
        while (!harness_service_logged(list[i], "too many processes"))
            assert_int_not_equal(harness_service_pid(list[i]), 0);
    await_even(list, PLACES);
    trial_pass(trial, 2000);
    for (size_t i = 0; i < ALL - PLACES; i++) {
        trial_mark(trial, "profile SIGTERM");
        assert_int_equal(harness_service_stop(list[i]), 0);
    }
    await_even(list + ALL - PLACES, PLACES);
    for (size_t i = PLACES; i < ALL; i++)
        harness_service_await(list[i], true);
    trial_await_good(trial, GOOD_IN_A_ROW, RECOVER_IN_MS);
    trial_stop(trial, &verdict);
    for (size_t i = ALL - PLACES; i + 1 < ALL; i++)
        assert_int_equal(harness_service_stop(list[i]), 0);
    trial_judge(&verdict, &(const struct trial_bounds){.failed_max = 0});
}

/* A release that cannot log in, as a rollout with a wrong DATABASE_URL leaves one beside the processes that
 * can. It was given its share of the connections, and whoever asked it waited there until his time was over.
 */
static void test_bad_release(void **state)
{
    (void)state;
    /* It waited as long as its deadline and pool_timeout (10 s) let it: to the end of the bad one. */
    enum { DEADLINE_MS = 20000, BESIDE_MS = 9000, SLOWEST_MS = 6000 };
    struct trial_verdict verdict;
    struct harness_service *good = stack.profile;
    const char *url = stack.database_url;
    struct trial *trial = trial_start(&(const struct trial_options){
        .name = "profile_bad_release",
        .what = "beside profile a process of it that cannot log in to PostgreSQL, and its end",
        .stack = &stack,
        .deadline_ms = DEADLINE_MS});
    trial_await_good(trial, GOOD_IN_A_ROW, RECOVER_IN_MS);
    stack.database_url = harness_text("postgresql://nobody_here:none%s", strchr(url, '@'));
    trial_mark(trial, "profile that cannot log in");
    struct harness_service *bad = harness_stack_another_profile(&stack);
    stack.database_url = url;
    while (!harness_service_logged(bad, "cannot connect") ||
           harness_service_metric(bad, "quintet_pg_slots_allowed") < 1)
        trial_pass(trial, 100);
    trial_pass(trial, BESIDE_MS);
    harness_service_await(bad, false);
    trial_mark(trial, "its SIGTERM");
    assert_int_equal(harness_service_stop(bad), 0);
    await_even(&good, 1);
    trial_await_good(trial, GOOD_IN_A_ROW, RECOVER_IN_MS);
    trial_stop(trial, &verdict);
    trial_judge(&verdict, &(const struct trial_bounds){.failed_max = 0});
    assert_true(verdict.slowest_ms < SLOWEST_MS);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_rolling_restart),
        cmocka_unit_test(test_replicas),
        cmocka_unit_test(test_bad_release),
        cmocka_unit_test(test_too_many),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
