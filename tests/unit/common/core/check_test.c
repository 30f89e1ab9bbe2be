#include "common/core/check.h"
#include "tests/harness/dies.h"
#include "tests/harness/test.h"

static void break_contract(void *context)
{
    int *number = context;
    QN_CHECK(*number == 2);
}

static void test_a_broken_contract_says_where_and_aborts(void **state)
{
    (void)state;
    int one = 1;
    assert_dies(break_contract, &one, "broken contract: *number == 2, at ");
    assert_dies(break_contract, &one, "check_test.c:");
    assert_dies(break_contract, &one, "in break_contract()");
}

/* The condition is an expression with effects like any other: once, and also where asserts are compiled out.
 */
static void test_the_condition_is_evaluated_once(void **state)
{
    (void)state;
    int times = 0;
    QN_CHECK(++times == 1);
    assert_int_equal(times, 1);
}

struct outer {
    int before;
    struct inner {
        int number;
    } inner;
};

static void test_container_of_finds_the_outer_object(void **state)
{
    (void)state;
    struct outer outer = {.before = 7};
    struct inner *inner = &outer.inner;
    assert_ptr_equal(container_of(inner, struct outer, inner), &outer);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_broken_contract_says_where_and_aborts),
        cmocka_unit_test(test_the_condition_is_evaluated_once),
        cmocka_unit_test(test_container_of_finds_the_outer_object),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
