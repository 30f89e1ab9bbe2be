#include "common/core/check.h"
#include "services/profile/pg/private.h"
#include "tests/harness/test.h"

static const uint32_t randoms[] = {0, 1, 24, 4999, 5000, 5001, UINT32_MAX / 2, UINT32_MAX};

/* Half the pause to all of it: doubling from 50 ms, never beyond 10 s, never 0. */
static void test_back_off(void **state)
{
    (void)state;
    uint64_t pause = 50;
    for (unsigned failures = 1; failures < 40; failures++) {
        for (size_t i = 0; i < QN_COUNT(randoms); i++) {
            uint64_t delay = pg_opener_delay(failures, PG_REFUSAL_UNREACHABLE, i % 2, randoms[i]);
            assert_in_range(delay, pause / 2, pause);
        }
        pause = pause * 2 < 10000 ? pause * 2 : 10000;
    }
    assert_in_range(pg_opener_delay(UINT32_MAX, PG_REFUSAL_DENIED, 0, 7), 5000, 10000);
}

/* Somebody else holds the slot and will let go: there is no use in waiting long, least of all without any. */
static void test_no_slot_is_asked_for_often(void **state)
{
    (void)state;
    for (size_t i = 0; i < QN_COUNT(randoms); i++) {
        assert_in_range(pg_opener_delay(30, PG_REFUSAL_ROLE_SLOTS, 0, randoms[i]), 500, 1000);
        assert_in_range(pg_opener_delay(30, PG_REFUSAL_SERVER_SLOTS, 0, randoms[i]), 500, 1000);
        assert_in_range(pg_opener_delay(1, PG_REFUSAL_ROLE_SLOTS, 0, randoms[i]), 25, 50);
        assert_in_range(pg_opener_delay(30, PG_REFUSAL_ROLE_SLOTS, 1, randoms[i]), 2500, 5000);
        assert_in_range(pg_opener_delay(1, PG_REFUSAL_ROLE_SLOTS, 4, randoms[i]), 25, 50);
    }
}

static void test_jitter_reaches_both_ends(void **state)
{
    (void)state;
    assert_int_equal(pg_opener_delay(1, PG_REFUSAL_TIMEOUT, 0, 0), 25);
    assert_int_equal(pg_opener_delay(1, PG_REFUSAL_TIMEOUT, 0, 25), 50);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_back_off),
        cmocka_unit_test(test_no_slot_is_asked_for_often),
        cmocka_unit_test(test_jitter_reaches_both_ends),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
