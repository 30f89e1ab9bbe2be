#include <stdio.h>

#include "services/auth/limit.h"
#include "tests/harness/test.h"

enum { WINDOW_MS = 10000, MAX = 3 };

static struct auth_limit *limit;
static uint32_t retry_ms;

static void open_limit(size_t counters)
{
    assert_int_equal(auth_limit_open(counters, &limit), QN_OK);
}

static bool take(const char *key, uint64_t now_ms)
{
    return auth_limit_take(limit, qn_str_c(key), WINDOW_MS, MAX, now_ms, &retry_ms);
}

static bool take_number(unsigned number, uint64_t now_ms)
{
    char key[32];
    snprintf(key, sizeof key, "198.51.%u.%u|/ok", number / 256, number % 256);
    return take(key, now_ms);
}

static void test_the_fourth_is_refused_until_the_window_has_passed(void **state)
{
    (void)state;
    open_limit(10);
    for (unsigned i = 0; i < MAX; i++) {
        assert_true(take("a", 1000));
        assert_int_equal(retry_ms, 0);
    }
    assert_false(take("a", 1000));
    assert_int_equal(retry_ms, WINDOW_MS);
    assert_false(take("a", 1000 + WINDOW_MS - 1));
    assert_int_equal(retry_ms, 1);
    assert_true(take("a", 1000 + WINDOW_MS));
    assert_int_equal(auth_limit_n_counters(limit), 1);
    auth_limit_close(limit);
}

/* Better Auth's way: not three in any ten seconds, but three with less than ten seconds between each two. */
static void test_each_allowed_request_moves_the_window(void **state)
{
    (void)state;
    open_limit(10);
    assert_true(take("a", 1000));
    assert_true(take("a", 1000 + 9999));
    assert_true(take("a", 1000 + 2 * 9999));
    assert_false(take("a", 1000 + 3 * 9999));
    assert_int_equal(retry_ms, 1);
    auth_limit_close(limit);
}

static void test_a_refused_request_changes_nothing(void **state)
{
    (void)state;
    open_limit(10);
    for (unsigned i = 0; i < MAX; i++)
        assert_true(take("a", 1000));
    for (uint64_t now_ms = 1000; now_ms < 1000 + WINDOW_MS; now_ms += 100)
        assert_false(take("a", now_ms));
    /* And then the count begins anew. */
    for (unsigned i = 0; i < MAX; i++)
        assert_true(take("a", 1000 + WINDOW_MS));
    assert_false(take("a", 1000 + WINDOW_MS));
    auth_limit_close(limit);
}

static void test_keys_are_counted_apart(void **state)
{
    (void)state;
    open_limit(1000);
    for (unsigned round = 0; round <= MAX; round++)
        for (unsigned i = 0; i < 1000; i++)
            assert_int_equal(take_number(i, 1000), round < MAX);
    assert_int_equal(auth_limit_n_counters(limit), 1000);
    assert_int_equal(auth_limit_n_evicted(limit), 0);
    auth_limit_close(limit);
}

static void test_a_rule_may_be_one_and_large(void **state)
{
    (void)state;
    open_limit(4);
    assert_true(auth_limit_take(limit, QN_STR("a"), 1, 1, 5, &retry_ms));
    assert_false(auth_limit_take(limit, QN_STR("a"), 1, 1, 5, &retry_ms));
    assert_true(auth_limit_take(limit, QN_STR("a"), 1, 1, 6, &retry_ms));
    assert_true(auth_limit_take(limit, QN_STR("b"), AUTH_LIMIT_WINDOW_MAX_MS, UINT32_MAX, 6, &retry_ms));
    auth_limit_close(limit);
}

/* The clock of a machine that has just started. */
static void test_a_first_request_at_the_beginning_of_time(void **state)
{
    (void)state;
    open_limit(4);
    for (unsigned i = 0; i < MAX; i++)
        assert_true(take("a", 1));
    assert_false(take("a", 1));
    auth_limit_close(limit);
}

static void test_memory_is_bounded_and_the_oldest_gives_way(void **state)
{
    (void)state;
    open_limit(100);
    for (unsigned i = 0; i < MAX; i++)
        assert_true(take("refused", 1000));
    /* 99 keys find room beside it, and it is asked for again after each: so it stays. */
    for (unsigned i = 0; i < 5000; i++) {
        assert_true(take_number(i, 1001));
        assert_false(take("refused", 1001));
    }
    assert_int_equal(auth_limit_n_counters(limit), 100);
    assert_int_equal(auth_limit_n_evicted(limit), 5000 - 99);
    /* Not asked for any more, it is forgotten. */
    for (unsigned i = 0; i < 100; i++)
        assert_true(take_number(10000 + i, 1002));
    assert_true(take("refused", 1002));
    auth_limit_close(limit);
}

/* Counters whose window has passed are no loss, and go before one that still counts. */
static void test_what_has_passed_goes_first(void **state)
{
    (void)state;
    open_limit(4);
    assert_true(auth_limit_take(limit, QN_STR("long"), 60000, 1, 1000, &retry_ms));
    for (unsigned i = 0; i < 3; i++)
        assert_true(take_number(i, 1000));
    for (unsigned i = 10; i < 13; i++)
        assert_true(take_number(i, 1000 + WINDOW_MS));
    assert_int_equal(auth_limit_n_evicted(limit), 0);
    assert_false(auth_limit_take(limit, QN_STR("long"), 60000, 1, 1000 + WINDOW_MS, &retry_ms));
    auth_limit_close(limit);
}

static void test_one_counter_will_do(void **state)
{
    (void)state;
    open_limit(1);
    for (unsigned i = 0; i < 50; i++)
        assert_true(take_number(i, 1000));
    assert_int_equal(auth_limit_n_evicted(limit), 49);
    auth_limit_close(limit);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_fourth_is_refused_until_the_window_has_passed),
        cmocka_unit_test(test_each_allowed_request_moves_the_window),
        cmocka_unit_test(test_a_refused_request_changes_nothing),
        cmocka_unit_test(test_keys_are_counted_apart),
        cmocka_unit_test(test_a_rule_may_be_one_and_large),
        cmocka_unit_test(test_a_first_request_at_the_beginning_of_time),
        cmocka_unit_test(test_memory_is_bounded_and_the_oldest_gives_way),
        cmocka_unit_test(test_what_has_passed_goes_first),
        cmocka_unit_test(test_one_counter_will_do),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
