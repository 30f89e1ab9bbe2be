#include <signal.h>

#include "tests/harness/stack.h"
#include "tests/harness/test.h"
#include "tests/harness/trial.h"

/* Auth and the gateway replaced while people use the site, as a rolling deploy does it: the new process is
 * started, seen ready, and the old one told to end. Nobody notices. The gateways share one listening socket
 * that the test holds, as a supervisor does. */

enum { ROUNDS = 5, UP_IN_MS = 20000, GOOD_IN_A_ROW = 100, BEFORE_MS = 500, RATE = 400 };

static struct harness_stack stack;

static int set_up(void **state)
{
    (void)state;
    harness_stack_start_with(&stack, &(const struct harness_stack_options){.hold_http = true});
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    harness_stack_stop(&stack);
    return 0;
}

/* 'another' starts the one that takes the place of '*service'. */
static void roll(struct trial_options options,
                 struct harness_service *(*another)(struct harness_stack *stack),
                 struct harness_service **service)
{
    struct trial_verdict verdict;
    options.stack = &stack;
    options.rate = RATE;
    struct trial *trial = trial_start(&options);
    trial_await_good(trial, GOOD_IN_A_ROW, UP_IN_MS);
    for (int i = 0; i < ROUNDS; i++) {
        trial_pass(trial, BEFORE_MS);
        struct harness_service *next = another(&stack);
        harness_service_await(next, true);
        trial_mark(trial, "SIGTERM");
        assert_int_equal(harness_service_stop(*service), 0);
        *service = next;
        trial_await_good(trial, GOOD_IN_A_ROW, UP_IN_MS);
    }
    trial_stop(trial, &verdict);
    trial_judge(&verdict, &(const struct trial_bounds){.failed_max = 0});
    /* No connection ended under a request: libcurl sends it once more then, but not every client does. */
    assert_int_equal(verdict.resent, 0);
}

static void test_auth(void **state)
{
    (void)state;
    roll((struct trial_options){.name = "auth_rolling_restart",
                                .what = "auth replaced (new one ready, old one SIGTERM) five times"},
         harness_stack_another_auth, &stack.auth);
}

static void test_the_gateway(void **state)
{
    (void)state;
    roll((struct trial_options){.name = "gateway_rolling_restart",
                                .what =
                                    "the gateway replaced on the same socket, five times; connections kept"},
         harness_stack_another_gateway, &stack.gateway);
}

static void test_the_gateway_with_new_connections(void **state)
{
    (void)state;
    roll(
        (struct trial_options){
            .name = "gateway_rolling_restart_new",
            .what = "the gateway replaced on the same socket, five times; a new connection for each request",
            .connection_each = true},
        harness_stack_another_gateway, &stack.gateway);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_auth),
        cmocka_unit_test(test_the_gateway),
        cmocka_unit_test(test_the_gateway_with_new_connections),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
