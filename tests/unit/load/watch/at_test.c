#include "common/loop/timer.h"
#include "tests/harness/loop_fixture.h"
#include "tests/harness/test.h"
#include "tests/load/watch/at.h"

/* Seconds with 100 calls each, but for those between. */
static void recovery(uint64_t at_ms, size_t bad_from, size_t bad_until, uint64_t ended, uint64_t errors,
                     struct load_mark *ret_mark)
{
    static struct load_second seconds[20];
    struct load_mark mark = {.at_ms = at_ms, .command = "true"};
    for (size_t i = 0; i < 20; i++) {
        bool bad = i >= bad_from && i < bad_until;
        seconds[i] = (struct load_second){.ended = bad ? ended : 100, .errors = bad ? errors : 0};
    }
    struct load_result result = {
        .asked = {.duration_ms = 20000}, .seconds = seconds, .n_seconds = 20, .marks = &mark, .n_marks = 1};
    load_at_recovery(&result);
    *ret_mark = mark;
}

static void test_recovery(void **state)
{
    (void)state;
    struct load_mark mark;
    recovery(5000, 5, 9, 0, 0, &mark); /* nothing was answered for four seconds */
    assert_true(mark.recovered);
    assert_int_equal(mark.recovery_ms, 4000);
    recovery(5250, 5, 9, 100, 3, &mark); /* answered, but with errors */
    assert_true(mark.recovered);
    assert_int_equal(mark.recovery_ms, 3750);
    recovery(5000, 5, 7, 89, 0, &mark); /* too few */
    assert_int_equal(mark.recovery_ms, 2000);
    recovery(5000, 5, 7, 90, 0, &mark); /* as before */
    assert_int_equal(mark.recovery_ms, 0);
    recovery(5000, 5, 20, 100, 1, &mark);
    assert_false(mark.recovered);
    recovery(500, 20, 20, 0, 0, &mark); /* no second before to compare with */
    assert_false(mark.recovered);
}

/* Real commands. */

static void on_too_long(struct qn_timer *timer)
{
    (void)timer;
    fail_msg("a command did not end");
}

static void on_starting(void *context, const struct load_mark *mark)
{
    assert_int_equal(mark->exit_code, -1);
    ++*(size_t *)context;
}

static size_t n_ended;

static void on_command_ended(void *context)
{
    assert_true(++n_ended <= *(size_t *)context); /* never before it has started */
}

static void run_commands(struct load_mark *marks, size_t n)
{
    enum { LIMIT_MS = 20000 };
    struct qn_loop *loop = loop_fixture_begin();
    struct qn_timer limit = {0};
    size_t n_started = 0;
    struct load_at *at;
    n_ended = 0;
    assert_int_equal(load_at_open(loop, marks, n, on_starting, on_command_ended, &n_started, &at), QN_OK);
    load_at_begin(at);
    qn_timer_start(loop, &limit, LIMIT_MS, on_too_long);
    for (size_t i = 0; i < n; i++)
        while (marks[i].exit_code == -1)
            qn_loop_wait(loop);
    qn_timer_cancel(loop, &limit);
    load_at_close(at);
    loop_fixture_end();
    assert_int_equal(n_started, n);
    assert_int_equal(n_ended, n);
}

static void test_exit_codes(void **state)
{
    (void)state;
    struct load_mark marks[] = {
        {.at_ms = 0, .command = "exit 7"},
        {.at_ms = 1, .command = "true && true"},
        {.at_ms = 2, .command = "kill -9 $$"},
        {.at_ms = 2, .command = "no-such-command-at-all 2>/dev/null"},
        {.at_ms = 3, .command = "read line || exit 4"}, /* nothing comes in */
    };
    run_commands(marks, 5);
    assert_int_equal(marks[0].exit_code, 7);
    assert_int_equal(marks[1].exit_code, 0);
    assert_int_equal(marks[2].exit_code, 128 + 9);
    assert_int_equal(marks[3].exit_code, 127);
    assert_int_equal(marks[4].exit_code, 4);
}

/* Closed before it was due, it never runs. */
static void test_close_before_due(void **state)
{
    (void)state;
    struct load_mark mark = {.at_ms = 60000, .command = "exit 7"};
    struct qn_loop *loop = loop_fixture_begin();
    struct load_at *at;
    assert_int_equal(load_at_open(loop, &mark, 1, NULL, NULL, NULL, &at), QN_OK);
    load_at_begin(at);
    qn_loop_turn(loop);
    load_at_close(at);
    loop_fixture_end();
    assert_int_equal(mark.exit_code, -1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_recovery),
        cmocka_unit_test(test_exit_codes),
        cmocka_unit_test(test_close_before_due),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
