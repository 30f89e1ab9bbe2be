#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/core/buf.h"
#include "common/core/check.h"
#include "common/core/clock.h"
#include "common/loop/loop.h"
#include "common/loop/poll.h"
#include "common/loop/post.h"
#include "common/loop/signal.h"
#include "common/loop/timer.h"
#include "common/loop/watch.h"
#include "common/loop/work.h"
#include "tests/harness/dies.h"
#include "tests/harness/loop_fixture.h"
#include "tests/harness/test.h"

static void test_a_loop_without_work_ends(void **state)
{
    (void)state;
    struct qn_loop *loop = loop_fixture_begin();
    qn_loop_run(loop);
    assert_false(qn_loop_turn(loop));
    assert_false(qn_loop_wait(loop));
    loop_fixture_end();
}

struct counter {
    struct qn_timer timer;
    struct qn_loop *loop;
    int times;
};

static void on_timer(struct qn_timer *timer)
{
    struct counter *counter = container_of(timer, struct counter, timer);
    counter->times++;
    if (counter->times == 1)
        qn_loop_stop(counter->loop);
    qn_timer_start(counter->loop, timer, 0, on_timer);
}

static void test_stop_ends_the_run_and_the_loop_can_run_again(void **state)
{
    (void)state;
    struct counter counter = {.loop = loop_fixture_begin()};
    qn_timer_start(counter.loop, &counter.timer, 0, on_timer);
    qn_loop_run(counter.loop); /* without the stop it would run for ever */
    assert_int_equal(counter.times, 1);
    assert_true(qn_loop_turn(counter.loop));
    assert_int_equal(counter.times, 2);
    qn_timer_cancel(counter.loop, &counter.timer);
    assert_false(qn_loop_turn(counter.loop));
    loop_fixture_end();
}

static void count_only(struct qn_timer *timer)
{
    container_of(timer, struct counter, timer)->times++;
}

static void never(struct qn_timer *timer);

/* libuv's single turn fires what is due and then waits all the same; a test that waits for what that timer
 * did would wait for its time limit. Here, for an hour. */
static void test_wait_does_not_wait_when_something_was_ready(void **state)
{
    (void)state;
    struct counter due = {.loop = loop_fixture_begin()};
    struct qn_timer in_an_hour = {0};
    qn_timer_start(due.loop, &in_an_hour, 3600 * 1000, never);
    for (int after_ms = 0; after_ms <= 1; after_ms++) {
        qn_timer_start(due.loop, &due.timer, (uint64_t)after_ms, count_only);
        uint64_t ready_ms = due.timer.due_ms;
        while (qn_clock_now_ms() < ready_ms)
            ; /* so that it is due before the turn begins */
        while (qn_timer_active(&due.timer))
            qn_loop_wait(due.loop);
    }
    assert_int_equal(due.times, 2);
    qn_timer_cancel(due.loop, &in_an_hour);
    loop_fixture_end();
}

static void never(struct qn_timer *timer)
{
    (void)timer;
    fail();
}

static void never_later(struct qn_later *later)
{
    (void)later;
    fail();
}

static void never_polled(void *context, int events)
{
    (void)context, (void)events;
    fail();
}

static void never_taken(void *context, struct qn_node *node)
{
    (void)context, (void)node;
    fail();
}

static void never_caught(void *context, int number)
{
    (void)context, (void)number;
    fail();
}

static void never_changed(void *context)
{
    (void)context;
    fail();
}

static char *free_and_read_stderr(struct qn_loop *loop, bool *ret_freed)
{
    int fds[2], saved = dup(STDERR_FILENO);
    static char text[1024];
    assert_int_equal(pipe(fds), 0);
    dup2(fds[1], STDERR_FILENO);
    *ret_freed = qn_loop_free(loop);
    dup2(saved, STDERR_FILENO);
    close(saved);
    close(fds[1]);
    ssize_t len = read(fds[0], text, sizeof text - 1);
    close(fds[0]);
    text[len > 0 ? len : 0] = '\0';
    return text;
}

/* A shutdown that hangs is told by name; every kind must be known. */
static void test_what_is_left_open_is_named(void **state)
{
    (void)state;
    struct qn_loop *loop = loop_fixture_begin();
    struct qn_timer timer = {0};
    struct qn_later later = {0};
    struct qn_poll *poll;
    struct qn_post *post;
    struct qn_signal *sig;
    struct qn_watch *watch;
    struct qn_lane *lane;
    int fds[2];
    assert_int_equal(pipe(fds), 0);
    qn_timer_start(loop, &timer, 3600 * 1000, never);
    qn_later_start(loop, &later, never_later);
    assert_int_equal(qn_poll_open(loop, fds[0], never_polled, NULL, &poll), QN_OK);
    assert_int_equal(qn_post_open(loop, never_taken, NULL, &post), QN_OK);
    assert_int_equal(qn_signal_open(loop, SIGUSR1, never_caught, NULL, &sig), QN_OK);
    assert_int_equal(qn_watch_open(loop, "/", never_changed, NULL, &watch), QN_OK);
    const struct qn_lane_options options = {.name = "hash", .threads = 1, .queue_max = 1};
    assert_int_equal(qn_lane_open(loop, &options, &lane), QN_OK);

    struct qn_buf names;
    qn_buf_init(&names, 1000);
    assert_int_equal(qn_loop_leftovers(loop, &names), 7);
    static const char *const kinds[] = {"timer", "later", "poll", "post", "signal", "watch", "lane hash"};
    for (size_t i = 0; i < QN_COUNT(kinds); i++)
        assert_non_null(strstr(qn_buf_view(&names).ptr, kinds[i]));
    qn_buf_fini(&names);

    bool freed;
    const char *text = free_and_read_stderr(loop, &freed);
    assert_false(freed);
    assert_non_null(strstr(text, "still has 7 open"));
    assert_non_null(strstr(text, "lane hash"));

    qn_timer_cancel(loop, &timer);
    qn_later_cancel(loop, &later);
    qn_poll_close(poll);
    qn_post_close(post, NULL, NULL);
    qn_signal_close(sig);
    qn_watch_close(watch);
    qn_lane_close(lane, NULL, NULL);
    qn_loop_run(loop); /* the lane needs turns to close; then nothing is left and the run ends */
    loop_fixture_end();
    close(fds[0]);
    close(fds[1]);
}

/* Handles that were closed a moment ago free themselves in the next turn; the loop gives them that turn. */
static void test_what_is_being_closed_is_not_left_open(void **state)
{
    (void)state;
    struct qn_loop *loop = loop_fixture_begin();
    struct qn_poll *poll;
    int fds[2];
    assert_int_equal(pipe(fds), 0);
    assert_int_equal(qn_poll_open(loop, fds[0], never_polled, NULL, &poll), QN_OK);
    qn_poll_close(poll);
    loop_fixture_end();
    close(fds[0]);
    close(fds[1]);
}

static void run_inside(struct qn_later *later)
{
    struct qn_loop **loop = (struct qn_loop **)(later + 1);
    qn_loop_run(*loop);
}

static void run_within_a_run(void *context)
{
    struct {
        struct qn_later later;
        struct qn_loop *loop;
    } nested = {.loop = context};
    qn_later_start(nested.loop, &nested.later, run_inside);
    qn_loop_run(nested.loop);
}

static void test_a_run_within_a_run_is_told_on_the_spot(void **state)
{
    (void)state;
    struct qn_loop *loop = loop_fixture_begin();
    assert_dies(run_within_a_run, loop, "!loop->running");
    loop_fixture_end();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_loop_without_work_ends),
        cmocka_unit_test(test_stop_ends_the_run_and_the_loop_can_run_again),
        cmocka_unit_test(test_wait_does_not_wait_when_something_was_ready),
        cmocka_unit_test(test_what_is_left_open_is_named),
        cmocka_unit_test(test_what_is_being_closed_is_not_left_open),
        cmocka_unit_test(test_a_run_within_a_run_is_told_on_the_spot),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
