#include <poll.h>
#include <signal.h>
#include <stdint.h>

#include "common/core/clock.h"
#include "tests/harness/test.h"
#include "tests/harness/trial.h"
#include "tests/system/network_stack.h"

/* Names of services, as a name server tells them: an address appears, and vanishes; nobody is there; the name
 * server itself is away. People use the site meanwhile, and notice nothing. */

enum {
    SEEN_IN_MS = 50000, /* five seconds, and tenfold slack */
    LOOK_MS = 4000,     /* a look at a name, one every three seconds, falls into it */
};

/* Nobody calls it any more: it is left by those who called it. */
static void await_left(const struct network_replica *replica)
{
    uint64_t end_ms = qn_clock_now_ms() + SEEN_IN_MS;
    while (network_connections(replica->host, NETWORK_RPC_PORT) > 0) {
        if (qn_clock_now_ms() > end_ms)
            fail_msg("%s is still called", network_address(replica->host));
        poll(NULL, 0, 20);
    }
}

/* One that only its name leads to, and away from: it is up before and after. */
static void test_auth_appears_and_vanishes(void **state)
{
    struct network_stack *site = *state;
    struct trial *trial =
        network_stack_trial(site, "auth_appears", "a third auth's address appears in the name, and vanishes");
    struct network_replica third = network_stack_another_auth(site, NULL), *const them[] = {&third};
    struct network_host *const hosts[] = {site->auth[0].host, site->auth[1].host, third.host};
    harness_service_await(third.service, true);
    trial_mark(trial, "its address appears");
    network_name(NETWORK_AUTH, hosts, 3);
    network_stack_await_peers(&site->gateway, "auth", 3, SEEN_IN_MS);
    network_stack_await_served(them, 1, SEEN_IN_MS);
    trial_mark(trial, "it vanishes");
    network_name(NETWORK_AUTH, hosts, 2);
    network_stack_await_peers(&site->gateway, "auth", 2, SEEN_IN_MS);
    await_left(&third);
    assert_int_equal(harness_service_stop(third.service), 0);
    network_stack_unnoticed(trial);
}

/* How often PostgreSQL said that the role has all its connections. */
static double refused(const struct network_replica *profile)
{
    double times =
        harness_service_metric(profile->service, "quintet_pg_slots_refused_total{reason=\"role\"}");
    assert_true(times >= 0);
    return times;
}

/* A deploy: the new one's address appears and it is given its share of the five connections; the old one is
 * told to end, and its address vanishes at the same time. Everything goes from process to process by the
 * name that all three have. */
static void test_profile_appears_and_vanishes(void **state)
{
    struct network_stack *site = *state;
    struct trial *trial = network_stack_trial(site, "profile_appears",
                                              "a third profile appears in the name, the first vanishes");
    struct network_replica third = network_stack_another_profile(site);
    struct network_host *const hosts[] = {third.host, site->profile[1].host, site->profile[0].host};
    struct network_replica *const all[] = {&third, &site->profile[1], &site->profile[0]};
    trial_mark(trial, "the new one's address appears");
    network_name(NETWORK_PROFILE, hosts, 3);
    network_stack_await_even(all, 3);
    harness_service_await(third.service, true);
    network_stack_await_served(all, 1, SEEN_IN_MS);
    trial_mark(trial, "the old one ends, its address vanishes");
    network_name(NETWORK_PROFILE, hosts, 2);
    assert_int_equal(harness_service_stop(site->profile[0].service), 0);
    site->profile[0] = third;
    network_stack_await_even(all, 2);
    network_stack_await_peers(&site->auth[0], "profile", 2, SEEN_IN_MS);
    network_stack_unnoticed(trial);
    /* The slots went from hand to hand, and PostgreSQL had to refuse nobody; but for a machine so crowded
     * that the new one does not hear the others within half a second, and believes itself alone. */
    if (refused(&third) == 0)
        assert_true(
            harness_service_metric(third.service, "quintet_pg_slots_handed_over_total{way=\"taken\"}") > 0);
}

/* An address where nobody listens, and one that is behind a cable without an end. */
static void test_addresses_of_nobody(void **state)
{
    struct network_stack *site = *state;
    struct trial *trial =
        network_stack_trial(site, "names_of_nobody", "auth's name has two more addresses; nobody is there");
    struct network_host *idle = network_host(), *away = network_host();
    struct network_host *const hosts[] = {idle, site->auth[0].host, away, site->auth[1].host};
    struct network_host *const left[] = {site->auth[0].host, site->auth[1].host};
    network_cut(away);
    trial_mark(trial, "they appear");
    network_name(NETWORK_AUTH, hosts, 4);
    trial_pass(trial, LOOK_MS);
    network_stack_await_peers(&site->gateway, "auth", 2, SEEN_IN_MS);
    network_name(NETWORK_AUTH, left, 2);
    network_stack_unnoticed(trial);
}

/* Silent, or without the name: what was known stays in use, also where connections have to be made anew. */
static void test_name_server_away(void **state)
{
    struct network_stack *site = *state;
    struct network_replica *const all[] = {&site->auth[0], &site->auth[1], &site->profile[0],
                                           &site->profile[1]};
    struct network_host *const hosts[] = {site->auth[0].host, site->auth[1].host};
    struct trial *trial = network_stack_trial(site, "name_server_away",
                                              "no answer from the name server, then that it does "
                                              "not know auth's name");
    uint64_t end_ms = qn_clock_now_ms() + SEEN_IN_MS;
    trial_mark(trial, "it is silent");
    network_cut(network_name_server());
    while (!harness_service_logged(site->gateway.service, "cannot resolve the name of a peer")) {
        assert_true(qn_clock_now_ms() < end_ms);
        trial_pass(trial, 100);
    }
    network_stack_await_peers(&site->gateway, "auth", 2, SEEN_IN_MS);
    network_heal(network_name_server());
    trial_mark(trial, "it does not know the name");
    network_name(NETWORK_AUTH, NULL, 0);
    trial_pass(trial, LOOK_MS);
    network_stack_await_peers(&site->gateway, "auth", 2, SEEN_IN_MS);
    network_name(NETWORK_AUTH, hosts, 2);
    network_stack_await_served(all, 4, SEEN_IN_MS);
    network_stack_unnoticed(trial);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_auth_appears_and_vanishes),
        cmocka_unit_test(test_profile_appears_and_vanishes),
        cmocka_unit_test(test_addresses_of_nobody),
        cmocka_unit_test(test_name_server_away),
    };
    network_begin();
    return cmocka_run_group_tests(tests, network_stack_set_up, network_stack_tear_down);
}
