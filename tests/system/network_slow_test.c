#include <stdint.h>

#include "tests/harness/test.h"
#include "tests/harness/trial.h"
#include "tests/system/network_stack.h"

/* The services are far from each other, and from PostgreSQL: each packet of auth's and profile's hosts is 50
 * ms under way, in either direction, and one of fifty is lost. A session check then takes half a second. It
 * is slow; nothing else. */

enum {
    DELAY_MS = 50,
    LOSS_PERMILLE = 20,
    SEED = 20,
    SLACK_MS = 10000,
    SLOW_MS = 8000,
    USED_IN_MS = 60000,
};

static void test_late_and_lossy(void **state)
{
    struct network_stack *site = *state;
    struct trial_verdict verdict;
    struct network_replica *const all[] = {&site->auth[0], &site->auth[1], &site->profile[0],
                                           &site->profile[1]};
    struct trial *trial = network_stack_trial(
        site, "services_late_and_lossy", "every packet of auth's and profile's hosts 50 ms late, 2% lost");
    trial_mark(trial, "late and lossy from now on");
    for (size_t i = 0; i < 4; i++)
        network_slow(all[i]->host, DELAY_MS, LOSS_PERMILLE, SEED + i);
    trial_pass(trial, SLOW_MS);
    for (size_t i = 0; i < 4; i++)
        assert_true(network_lost(all[i]->host) > 0);
    network_stack_await_peers(&site->gateway, "auth", 2, USED_IN_MS);
    network_stack_await_served(all, 4, USED_IN_MS);
    trial_mark(trial, "good cables again");
    for (size_t i = 0; i < 4; i++)
        network_fast(all[i]->host);
    trial_await_good(trial, NETWORK_GOOD_IN_A_ROW, NETWORK_RECOVER_IN_MS);
    trial_stop(trial, &verdict);
    trial_judge(&verdict, &(const struct trial_bounds){.failed_max = 0, .slack_ms = SLACK_MS});
    assert_true(verdict.slowest_ms > 8 * DELAY_MS); /* there and back: auth, auth and profile, PostgreSQL */
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_late_and_lossy)};
    network_begin();
    return cmocka_run_group_tests(tests, network_stack_set_up, network_stack_tear_down);
}
