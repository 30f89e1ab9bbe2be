#include <poll.h>
#include <stdint.h>
#include <stdio.h>

#include "common/core/clock.h"
#include "tests/harness/test.h"
#include "tests/harness/trial.h"
#include "tests/system/network_stack.h"

/* One of two replicas is gone without a word, and comes back: its cable is cut, and mended. And connections
 * between services are reset. People use the site meanwhile. */

enum {
    CUT_MS = 10000,
    /* A greeting has five seconds; a name is looked up every three; a call has two. */
    NOTICED_IN_MS = 60000,
    USED_IN_MS = 60000,
    RESET_MS = 250,
    PATIENCE_MS = 2000,     /* of people while a replica is away */
    REDIALLED_IN_MS = 5000, /* half a second, and tenfold slack */
};

/* What failed was told so in time, with a reason. */
static void end(struct trial *trial, unsigned recover_in_ms)
{
    struct trial_verdict verdict;
    trial_await_good(trial, NETWORK_GOOD_IN_A_ROW, NETWORK_RECOVER_IN_MS);
    trial_stop(trial, &verdict);
    trial_judge(&verdict, &(const struct trial_bounds){.failed_max = SIZE_MAX,
                                                       .slack_ms = 10 * PATIENCE_MS,
                                                       .recover_in_ms = recover_in_ms});
}

/* The other one does all the work, after a moment in which calls were sent to the one that is gone; those end
 * when their time is over. */
static void test_auth_cut_off(void **state)
{
    struct network_stack *site = *state;
    struct network_replica *const both[] = {&site->auth[0], &site->auth[1]};
    struct trial *trial = network_stack_trial_with(
        site, "auth_cut_off", "one of two auth without network for ten seconds", PATIENCE_MS);
    trial_outage(trial, "cut off");
    network_cut(site->auth[1].host);
    uint64_t since_ms = qn_clock_now_ms();
    network_stack_await_peers(&site->gateway, "auth", 1, NOTICED_IN_MS);
    trial_await_good(trial, NETWORK_GOOD_IN_A_ROW, NETWORK_RECOVER_IN_MS); /* while it is away */
    double served = network_stack_served(&site->auth[1]);
    while (qn_clock_now_ms() - since_ms < CUT_MS)
        trial_pass(trial, 100);
    assert_true(network_stack_served(&site->auth[1]) <= served);
    trial_mark(trial, "healed");
    network_heal(site->auth[1].host);
    network_stack_await_peers(&site->gateway, "auth", 2, USED_IN_MS);
    network_stack_await_served(both, 2, USED_IN_MS);
    end(trial, USED_IN_MS);
}

/* It takes its share of the five along. PostgreSQL finds out and has them back, the other takes them; when
 * it is back it is given its share again. */
static void test_profile_cut_off(void **state)
{
    struct network_stack *site = *state;
    struct network_replica *const both[] = {&site->profile[0], &site->profile[1]};
    struct trial *trial = network_stack_trial_with(
        site, "profile_cut_off", "one of two profile without network until the other has its connections",
        PATIENCE_MS);
    trial_outage(trial, "cut off");
    network_cut(site->profile[1].host);
    uint64_t since_ms = qn_clock_now_ms();
    network_stack_await_peers(&site->auth[0], "profile", 1, NOTICED_IN_MS);
    trial_await_good(trial, NETWORK_GOOD_IN_A_ROW, NETWORK_RECOVER_IN_MS);
    network_stack_await_even(both, 1);
    printf("the other has all five after %llu ms\n", (unsigned long long)(qn_clock_now_ms() - since_ms));
    trial_mark(trial, "healed");
    network_heal(site->profile[1].host);
    network_stack_await_even(both, 2);
    network_stack_await_served(both, 2, USED_IN_MS);
    end(trial, USED_IN_MS);
}

/* Those who call it were reset, and it has heard nothing of that; nor do they come back on these connections.
 * It finds out, or it would hold them for hours, and wait for them when it is to end. */
static void await_callers(const struct network_replica *of, size_t n)
{
    uint64_t end_ms = qn_clock_now_ms() + NOTICED_IN_MS;
    size_t is;
    while ((is = network_connections(of->host, NETWORK_RPC_PORT)) != n) {
        if (qn_clock_now_ms() > end_ms)
            fail_msg("%s has %zu connections from callers, not %zu", network_address(of->host), is, n);
        poll(NULL, 0, 100);
    }
}

/* Everything that one of each has open. */
static void test_reset(void **state)
{
    struct network_stack *site = *state;
    struct network_replica *const all[] = {&site->auth[0], &site->auth[1], &site->profile[0],
                                           &site->profile[1]};
    struct trial *trial = network_stack_trial(site, "services_reset",
                                              "every connection of one auth and one profile reset (RST)");
    trial_mark(trial, "reset");
    network_reset(site->auth[0].host);
    network_reset(site->profile[0].host);
    trial_pass(trial, RESET_MS);
    network_heal(site->auth[0].host);
    network_heal(site->profile[0].host);
    network_stack_await_served(all, 4, USED_IN_MS);
    trial_await_good(trial, NETWORK_GOOD_IN_A_ROW, NETWORK_RECOVER_IN_MS);
    network_stack_await_even(all + 2, 2);
    await_callers(&site->auth[0], 1);    /* the gateway */
    await_callers(&site->profile[0], 6); /* the gateway, media, both auth, both profile */
    assert_true(harness_service_logged(site->gateway.service, "peer lost"));
    end(trial, REDIALLED_IN_MS);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_auth_cut_off),
        cmocka_unit_test(test_profile_cut_off),
        cmocka_unit_test(test_reset),
    };
    network_begin();
    return cmocka_run_group_tests(tests, network_stack_set_up, network_stack_tear_down);
}
