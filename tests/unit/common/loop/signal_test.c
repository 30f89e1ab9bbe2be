#include <signal.h>

#include "common/core/check.h"
#include "common/loop/signal.h"
#include "common/loop/timer.h"
#include "tests/harness/loop_fixture.h"
#include "tests/harness/test.h"

struct seen {
    size_t times;
    int number;
    struct qn_signal *close; /* in the callback */
};

static void on_caught(void *context, int number)
{
    struct seen *seen = context;
    seen->times++;
    seen->number = number;
    if (seen->close)
        qn_signal_close(seen->close);
}

static void test_a_signal_arrives_on_the_loop(void **state)
{
    (void)state;
    struct qn_loop *loop = loop_fixture_begin();
    struct seen usr1 = {0}, usr2 = {0};
    struct qn_signal *first, *second;
    assert_int_equal(qn_signal_open(loop, SIGUSR1, on_caught, &usr1, &first), QN_OK);
    assert_int_equal(qn_signal_open(loop, SIGUSR2, on_caught, &usr2, &second), QN_OK);
    raise(SIGUSR1);
    assert_int_equal(usr1.times, 0); /* not in the signal's handler */
    loop_fixture_run_until_count(&usr1.times, 1, 10000);
    assert_int_equal(usr1.number, SIGUSR1);
    raise(SIGUSR2);
    raise(SIGUSR1);
    loop_fixture_run_until_count(&usr2.times, 1, 10000);
    loop_fixture_run_until_count(&usr1.times, 2, 10000);
    qn_signal_close(first);
    qn_signal_close(second);
    loop_fixture_end();
}

static void test_nothing_comes_after_close(void **state)
{
    (void)state;
    struct qn_loop *loop = loop_fixture_begin();
    struct seen closed = {0}, open = {0};
    struct qn_signal *first, *second;
    assert_int_equal(qn_signal_open(loop, SIGUSR1, on_caught, &closed, &first), QN_OK);
    assert_int_equal(qn_signal_open(loop, SIGUSR1, on_caught, &open, &second), QN_OK);
    raise(SIGUSR1); /* under way to both */
    qn_signal_close(first);
    loop_fixture_run_until_count(&open.times, 1, 10000);
    assert_int_equal(closed.times, 0);
    qn_signal_close(second);
    loop_fixture_end();
}

static void test_it_may_be_closed_in_its_callback(void **state)
{
    (void)state;
    struct qn_loop *loop = loop_fixture_begin();
    struct seen seen = {0};
    assert_int_equal(qn_signal_open(loop, SIGUSR1, on_caught, &seen, &seen.close), QN_OK);
    raise(SIGUSR1);
    qn_loop_run(loop); /* ends: nothing else is open */
    assert_int_equal(seen.times, 1);
    loop_fixture_end();
}

static void test_what_is_no_signal_is_refused(void **state)
{
    (void)state;
    struct qn_loop *loop = loop_fixture_begin();
    struct qn_signal *sig = NULL;
    assert_int_equal(qn_signal_open(loop, 0, on_caught, NULL, &sig), QN_INVALID_ARGUMENT);
    assert_int_equal(qn_signal_open(loop, SIGKILL, on_caught, NULL, &sig), QN_INVALID_ARGUMENT);
    assert_null(sig);
    loop_fixture_end();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_signal_arrives_on_the_loop),
        cmocka_unit_test(test_nothing_comes_after_close),
        cmocka_unit_test(test_it_may_be_closed_in_its_callback),
        cmocka_unit_test(test_what_is_no_signal_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
