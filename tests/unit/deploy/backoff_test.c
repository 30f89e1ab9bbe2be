#include "deploy/run/backoff.h"
#include "tests/harness/test.h"

static void test_it_doubles_up_to_ten_seconds(void **state)
{
    (void)state;
    static const uint64_t waits_ms[] = {100, 200, 400, 800, 1600, 3200, 6400, 10000, 10000, 10000};
    struct run_backoff backoff = {0};
    for (size_t i = 0; i < sizeof waits_ms / sizeof waits_ms[0]; i++)
        assert_int_equal(run_backoff_next(&backoff, i % 2 ? 0 : 29999), waits_ms[i]);
}

static void test_a_long_life_is_forgiven(void **state)
{
    (void)state;
    struct run_backoff backoff = {0};
    for (int i = 0; i < 100; i++)
        run_backoff_next(&backoff, 0);
    assert_int_equal(run_backoff_next(&backoff, 30000), 100);
    assert_int_equal(run_backoff_next(&backoff, 0), 200);
    assert_int_equal(run_backoff_next(&backoff, UINT64_MAX), 100);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_it_doubles_up_to_ten_seconds),
        cmocka_unit_test(test_a_long_life_is_forgiven),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
