#include "common/core/check.h"
#include "services/profile/slots/share.h"
#include "tests/harness/dies.h"
#include "tests/harness/test.h"

/* The rules, one at a time; share_simulation_test.c has them all at once. We are process 50 in all of these.
 */

enum { SELF = 50, LIMIT = 5, NOW = 100000 };

static struct slots_share share;
static uint64_t asked;

static void begin(unsigned allowance)
{
    slots_share_init(&share, SELF, LIMIT);
    share.allowance = share.in_use = allowance;
    asked = 0;
}

static void hear_all(uint64_t process, unsigned claimed, unsigned held, unsigned taken, bool draining)
{
    static uint64_t number;
    slots_share_heard(&share,
                      &(struct slots_report){.process = process,
                                             .number = ++number,
                                             .budget = LIMIT,
                                             .claimed = claimed,
                                             .held = held,
                                             .taken = taken,
                                             .draining = draining},
                      NOW);
}

static void hear(uint64_t process, unsigned claimed)
{
    hear_all(process, claimed, claimed, 0, false);
}

static enum slots_step next(void)
{
    return slots_share_next(&share, NOW, &asked);
}

static bool asks_for_one(uint64_t process, unsigned claimed)
{
    struct slots_report asker = {
        .process = process, .number = UINT64_MAX / 2, .budget = LIMIT, .claimed = claimed, .held = claimed};
    return slots_share_give(&share, &asker, NOW);
}

static void test_alone_claims_all(void **state)
{
    (void)state;
    begin(0);
    assert_int_equal(next(), SLOTS_CLAIM);
    assert_int_equal(slots_share_report(&share).claimed, 5);
    assert_int_equal(share.allowance, 0); /* not before the round has ended */
    assert_true(slots_share_claimed(&share, NOW));
    assert_int_equal(share.allowance, 5);
    assert_int_equal(next(), SLOTS_REST);
}

/* One that drains wants nothing, so all that is free is ours; what it still has is not. */
static void test_next_to_one_that_drains(void **state)
{
    (void)state;
    begin(2);
    hear_all(60, 2, 2, 0, true);
    assert_int_equal(next(), SLOTS_CLAIM);
    assert_int_equal(share.pending, 1);
    slots_share_claimed(&share, NOW);
    slots_share_lost(&share, 60); /* it hangs up by itself, and has two still */
    assert_int_equal(next(), SLOTS_REST);
    hear_all(60, 0, 0, 0, true);
    assert_int_equal(next(), SLOTS_CLAIM);
    assert_int_equal(share.pending, 2);
}

static void test_who_has_least_claims(void **state)
{
    (void)state;
    begin(2);
    hear(60, 1);
    assert_int_equal(next(), SLOTS_REST); /* two are free, for 60 */
    begin(1);
    hear(60, 1);
    assert_int_equal(next(), SLOTS_CLAIM); /* as much as 60 has, and a lower number */
    assert_int_equal(share.pending, 1);
    begin(1);
    hear(40, 1);
    assert_int_equal(next(), SLOTS_REST);
}

/* Another claimed at the same time: we hear of it within our round, and neither waits for the other. */
static void test_a_claim_is_given_up(void **state)
{
    (void)state;
    begin(2);
    hear(60, 2);
    assert_int_equal(next(), SLOTS_CLAIM);
    hear(60, 3);
    assert_false(slots_share_claimed(&share, NOW));
    assert_int_equal(share.allowance, 2);
    assert_int_equal(next(), SLOTS_REST);
}

static void test_asks_who_has_two_more(void **state)
{
    (void)state;
    begin(1);
    hear(60, 2);
    hear(70, 2);
    assert_int_equal(next(), SLOTS_REST);
    begin(1);
    hear(60, 1);
    hear(70, 3);
    assert_int_equal(next(), SLOTS_ASK);
    assert_int_equal(asked, 70);
    slots_share_received(&share);
    assert_int_equal(share.allowance, 2);
    assert_int_equal(slots_share_report(&share).taken, 1);
}

/* What is given counts as ours until the asker says that it has it, so nobody takes it for free meanwhile. */
static void test_gives(void **state)
{
    (void)state;
    begin(5);
    assert_true(asks_for_one(60, 0));
    assert_int_equal(share.allowance, 4);
    assert_false(asks_for_one(70, 0)); /* one at a time */
    assert_false(slots_share_given(&share));
    slots_share_uses(&share, 4, false);
    assert_true(slots_share_given(&share));
    assert_int_equal(slots_share_report(&share).claimed, 5);
    assert_false(asks_for_one(60, 0));
    struct slots_report taken = {
        .process = 60, .number = UINT64_MAX, .budget = LIMIT, .claimed = 1, .taken = 1};
    slots_share_heard(&share, &taken, NOW);
    assert_int_equal(slots_share_report(&share).claimed, 4);
    assert_int_equal(next(), SLOTS_REST);
}

static void test_gives_not(void **state)
{
    (void)state;
    begin(1);
    assert_false(asks_for_one(60, 0)); /* the last one */
    begin(3);
    assert_false(asks_for_one(60, 2)); /* would only swap places */
    assert_false(asks_for_one(SELF, 0));
    slots_share_drain(&share, 1);
    assert_false(asks_for_one(60, 0)); /* gives all back anyway */
}

/* None fell idle in time; or the answer was lost, and nobody has what was given. */
static void test_what_was_not_taken(void **state)
{
    (void)state;
    begin(5);
    assert_true(asks_for_one(60, 0));
    slots_share_keep(&share);
    assert_int_equal(share.allowance, 5);
    assert_int_equal(slots_share_report(&share).claimed, 5);

    begin(5);
    assert_true(asks_for_one(60, 0));
    slots_share_uses(&share, 4, false);
    assert_true(slots_share_given(&share));
    slots_share_lost(&share, 60);
    assert_int_equal(next(), SLOTS_CLAIM); /* alone again */
    assert_int_equal(share.pending, 1);
}

/* More claimed than there is, for longer than a claim lasts: who has most gives one up, the last one never;
 * who waits in vain goes first. */
static void test_too_much_is_claimed(void **state)
{
    (void)state;
    begin(4);
    hear(60, 3);
    assert_int_equal(next(), SLOTS_REST);
    assert_int_equal(slots_share_next(&share, NOW + SLOTS_OVER_MS, &asked), SLOTS_AGAIN);
    assert_int_equal(share.allowance, 3);

    begin(1);
    hear(10, 1);
    hear(20, 1);
    hear(30, 1);
    hear(40, 2);
    assert_int_equal(next(), SLOTS_REST);
    assert_int_equal(slots_share_next(&share, NOW + SLOTS_OVER_MS, &asked), SLOTS_REST);
    slots_share_uses(&share, 0, false);
    assert_int_equal(slots_share_next(&share, NOW + SLOTS_OVER_MS, &asked), SLOTS_AGAIN);
    assert_int_equal(share.allowance, 0);
}

/* The database gives us nothing, though by what we know it should. */
static void test_starving(void **state)
{
    (void)state;
    begin(2);
    hear_all(60, 3, 2, 0, false);
    assert_int_equal(next(), SLOTS_REST);
    slots_share_uses(&share, 0, false); /* lost with the server, say */
    assert_int_equal(next(), SLOTS_REST);
    slots_share_uses(&share, 0, true);
    assert_int_equal(next(), SLOTS_ASK);
    assert_int_equal(asked, 60);
    assert_true(slots_share_report(&share).refused);

    begin(3);
    struct slots_report asker = {.process = 60, .number = 1, .budget = LIMIT, .claimed = 2};
    assert_false(slots_share_give(&share, &asker, NOW));
    asker.refused = true;
    asker.number = 2;
    assert_true(slots_share_give(&share, &asker, NOW));
}

static void test_who_is_not_heard_does_not_count(void **state)
{
    (void)state;
    begin(3);
    hear(60, 2);
    assert_int_equal(slots_share_next(&share, NOW + SLOTS_HEARD_MS, &asked), SLOTS_REST);
    assert_int_equal(slots_share_next(&share, NOW + SLOTS_HEARD_MS + 1, &asked), SLOTS_CLAIM);
    assert_int_equal(share.pending, 2);
}

/* A report that was late, and one of our own, by way of our own address. */
static void test_old_and_own_reports(void **state)
{
    (void)state;
    begin(1);
    struct slots_report report = {.process = 60, .number = 7, .budget = LIMIT, .claimed = 4};
    slots_share_heard(&share, &report, NOW);
    report.number = 6;
    report.claimed = 0;
    slots_share_heard(&share, &report, NOW);
    report.process = SELF;
    report.claimed = 5;
    slots_share_heard(&share, &report, NOW);
    assert_int_equal(share.n_peers, 1);
    assert_int_equal(share.peers[0].last.claimed, 4);
}

static void test_the_smaller_budget_holds(void **state)
{
    (void)state;
    begin(2);
    slots_share_heard(
        &share, &(struct slots_report){.process = 60, .number = 1, .budget = 3, .claimed = 1, .held = 1},
        NOW);
    assert_int_equal(next(), SLOTS_REST);
    assert_int_equal(slots_share_view(&share, NOW).budget, 3);
}

static void test_one_too_many(void **state)
{
    (void)state;
    begin(0);
    for (uint64_t i = 1; i <= LIMIT; i++)
        hear(i, 1);
    assert_int_equal(next(), SLOTS_REST);
    struct slots_view view = slots_share_view(&share, NOW);
    assert_true(view.too_many);
    assert_int_equal(view.processes, 6);
    slots_share_lost(&share, 3);
    assert_false(slots_share_view(&share, NOW).too_many);
    assert_int_equal(next(), SLOTS_CLAIM);
}

/* A peer cannot make us believe anything that is out of all proportion, nor fill our memory. */
static void test_what_cannot_be_meant(void **state)
{
    (void)state;
    struct slots_report good = {.process = 1, .number = 1, .budget = 5, .claimed = 3, .held = 3};
    assert_true(slots_share_plausible(&good));
    struct slots_report bad[] = {good, good, good, good, good};
    bad[0].process = 0;
    bad[1].budget = 0;
    bad[2].budget = SLOTS_NUMBER_MAX + 1;
    bad[3].claimed = UINT32_MAX;
    bad[4].held = 4;
    for (size_t i = 0; i < QN_COUNT(bad); i++)
        assert_false(slots_share_plausible(&bad[i]));
    begin(0);
    for (uint64_t i = 100; i < 100 + 2 * SLOTS_PEERS_MAX; i++)
        hear(i, 1);
    assert_int_equal(share.n_peers, SLOTS_PEERS_MAX);
}

static void ask_twice(void *context)
{
    (void)context;
    uint64_t process;
    begin(0);
    slots_share_next(&share, NOW, &process);
    slots_share_next(&share, NOW, &process);
}

static void test_a_claim_is_to_be_decided_first(void **state)
{
    (void)state;
    assert_dies(ask_twice, NULL, "share->pending == 0");
}

static void hear_works(uint64_t process, uint64_t number, unsigned up, bool draining, uint64_t now_ms)
{
    slots_share_heard(&share,
                      &(struct slots_report){.process = process,
                                             .number = number,
                                             .budget = LIMIT,
                                             .claimed = 2,
                                             .held = 2,
                                             .up = up,
                                             .draining = draining},
                      now_ms);
}

static void test_who_has_one_that_works(void **state)
{
    (void)state;
    begin(1);
    assert_int_equal(slots_share_elsewhere_ms(&share, NOW), 0);
    hear_works(60, 1, 0, false, NOW); /* also what a release says that does not know the field */
    assert_int_equal(slots_share_elsewhere_ms(&share, NOW), 0);
    hear_works(70, 1, 2, false, NOW + 5);
    hear_works(60, 2, 1, false, NOW + 10);
    hear_works(80, 1, 2, true, NOW + 20); /* ends, and takes no calls */
    assert_int_equal(slots_share_elsewhere_ms(&share, NOW + 20), NOW + 10);
    hear_works(60, 3, 0, false, NOW + 30);
    assert_int_equal(slots_share_elsewhere_ms(&share, NOW + 30), NOW + 5);
    assert_int_equal(slots_share_elsewhere_ms(&share, NOW + 5 + SLOTS_HEARD_MS), NOW + 5);
    assert_int_equal(slots_share_elsewhere_ms(&share, NOW + 6 + SLOTS_HEARD_MS), 0);

    assert_int_equal(slots_share_report(&share).up, 0);
    slots_share_works(&share, 1);
    assert_int_equal(slots_share_report(&share).up, 1);
    slots_share_uses(&share, 0, false); /* lost just now */
    assert_int_equal(slots_share_report(&share).up, 0);
    assert_true(slots_share_plausible(
        &(struct slots_report){.process = 1, .budget = 1, .claimed = 1, .held = 1, .up = 1}));
    assert_false(
        slots_share_plausible(&(struct slots_report){.process = 1, .budget = 1, .claimed = 1, .up = 1}));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_alone_claims_all),
        cmocka_unit_test(test_next_to_one_that_drains),
        cmocka_unit_test(test_who_has_least_claims),
        cmocka_unit_test(test_a_claim_is_given_up),
        cmocka_unit_test(test_asks_who_has_two_more),
        cmocka_unit_test(test_gives),
        cmocka_unit_test(test_gives_not),
        cmocka_unit_test(test_what_was_not_taken),
        cmocka_unit_test(test_too_much_is_claimed),
        cmocka_unit_test(test_starving),
        cmocka_unit_test(test_who_is_not_heard_does_not_count),
        cmocka_unit_test(test_old_and_own_reports),
        cmocka_unit_test(test_the_smaller_budget_holds),
        cmocka_unit_test(test_one_too_many),
        cmocka_unit_test(test_what_cannot_be_meant),
        cmocka_unit_test(test_a_claim_is_to_be_decided_first),
        cmocka_unit_test(test_who_has_one_that_works),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
