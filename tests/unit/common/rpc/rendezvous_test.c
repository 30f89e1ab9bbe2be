#include <stdio.h>

#include "common/rpc/rendezvous.h"
#include "tests/harness/test.h"

enum { KEYS = 20000, PEERS = 5 };

static const char *const URLS[PEERS] = {"tcp://10.0.0.1:7001", "tcp://10.0.0.2:7001", "tcp://10.0.0.3:7001",
                                        "tcp://10.0.0.4:7001", "tcp://10.0.0.5:7001"};

static uint64_t key_of(unsigned number)
{
    char text[64];
    int len = snprintf(text, sizeof text, "198.51.100.%u|/sign-in/email", number);
    return qn_rendezvous_key(qn_str_n(text, (size_t)len));
}

/* The place of the nearest peer, of those whose bit is set in 'there'. */
static unsigned nearest(uint64_t key, unsigned there)
{
    unsigned best = PEERS;
    uint64_t highest = 0;
    for (unsigned i = 0; i < PEERS; i++) {
        uint64_t score = qn_rendezvous_score(key, qn_rendezvous_peer(URLS[i]));
        if ((there & (1u << i)) && (best == PEERS || score > highest)) {
            best = i;
            highest = score;
        }
    }
    return best;
}

/* Every gateway computes these, also one of another release in a rolling deploy: they never change. */
static void test_the_values_are_fixed(void **state)
{
    (void)state;
    uint64_t key = qn_rendezvous_key(QN_STR("198.51.100.50|/sign-in/email"));
    uint64_t peer = qn_rendezvous_peer("tcp://10.0.0.1:7001");
    assert_true(key == UINT64_C(0x53ed5651016bdea1));
    assert_true(peer == UINT64_C(0x9de204f945712c31));
    assert_true(qn_rendezvous_score(key, peer) == UINT64_C(0x70c75a1776df1ac8));
}

static void test_a_peer_is_named_alike_wherever_its_folder_is_mounted(void **state)
{
    (void)state;
    assert_true(qn_rendezvous_peer("ipc:///run/quintet/auth/17.sock") ==
                qn_rendezvous_peer("ipc:///mnt/a/17.sock"));
    assert_true(qn_rendezvous_peer("ipc:///run/quintet/auth/17.sock") !=
                qn_rendezvous_peer("ipc:///run/quintet/auth/17-1.sock"));
    assert_true(qn_rendezvous_peer("tcp://10.0.0.1:7001") != qn_rendezvous_peer("tcp://10.0.0.1:7002"));
}

static void test_no_key_is_zero(void **state)
{
    (void)state;
    assert_true(qn_rendezvous_key(QN_STR("")) != 0);
}

/* A fifth each; with 20,000 keys the standard deviation of a share is 57 keys, and ten of them are allowed.
 */
static void test_keys_spread_evenly(void **state)
{
    (void)state;
    unsigned counts[PEERS] = {0};
    for (unsigned i = 0; i < KEYS; i++)
        counts[nearest(key_of(i), (1u << PEERS) - 1)]++;
    for (unsigned i = 0; i < PEERS; i++)
        assert_in_range(counts[i], KEYS / PEERS - 570, KEYS / PEERS + 570);
}

/* When one goes, its keys go to all of the others, and no other key moves. */
static void test_only_the_keys_of_who_goes_move(void **state)
{
    (void)state;
    unsigned all = (1u << PEERS) - 1, gone = 2, got[PEERS] = {0};
    for (unsigned i = 0; i < KEYS; i++) {
        uint64_t key = key_of(i);
        unsigned before = nearest(key, all), after = nearest(key, all & ~(1u << gone));
        if (before == gone)
            got[after]++;
        else
            assert_int_equal(before, after);
    }
    for (unsigned i = 0; i < PEERS; i++)
        assert_true(i == gone ? got[i] == 0 : got[i] > KEYS / PEERS / PEERS / 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_values_are_fixed),
        cmocka_unit_test(test_a_peer_is_named_alike_wherever_its_folder_is_mounted),
        cmocka_unit_test(test_no_key_is_zero),
        cmocka_unit_test(test_keys_spread_evenly),
        cmocka_unit_test(test_only_the_keys_of_who_goes_move),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
