#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/core/check.h"
#include "common/core/clock.h"
#include "common/loop/poll.h"
#include "common/loop/timer.h"
#include "tests/harness/loop_fixture.h"
#include "tests/harness/test.h"

struct alarm {
    struct qn_timer timer;
    size_t number;
    uint64_t not_before_us;
    int times;
};

static struct qn_loop *loop;
static size_t fired[1000];
static size_t n_fired;

static void on_alarm(struct qn_timer *timer)
{
    struct alarm *alarm = container_of(timer, struct alarm, timer);
    assert_false(qn_timer_active(timer));
    assert_true(qn_clock_now_us() >= alarm->not_before_us);
    alarm->times++;
    if (n_fired < QN_COUNT(fired))
        fired[n_fired++] = alarm->number;
}

static void begin(void)
{
    n_fired = 0;
    loop = loop_fixture_begin();
}

static void alarm_start(struct alarm *alarm, uint64_t after_ms)
{
    alarm->not_before_us = qn_clock_now_us() + after_ms * 1000;
    qn_timer_start(loop, &alarm->timer, after_ms, on_alarm);
}

static void test_they_fire_once_in_order_of_time_and_never_early(void **state)
{
    (void)state;
    begin();
    static const uint64_t after_ms[] = {7, 0, 3, 12, 1, 3, 0, 5};
    struct alarm alarms[QN_COUNT(after_ms)] = {0};
    for (size_t i = 0; i < QN_COUNT(after_ms); i++) {
        alarms[i].number = i;
        alarm_start(&alarms[i], after_ms[i]);
        assert_true(qn_timer_active(&alarms[i].timer));
    }
    qn_loop_run(loop);
    assert_int_equal(n_fired, QN_COUNT(after_ms));
    size_t place[QN_COUNT(after_ms)];
    for (size_t i = 0; i < n_fired; i++)
        place[fired[i]] = i;
    for (size_t i = 0; i < QN_COUNT(after_ms); i++) {
        assert_int_equal(alarms[i].times, 1);
        for (size_t j = 0; j < QN_COUNT(after_ms); j++) {
            if (alarms[i].timer.due_ms < alarms[j].timer.due_ms)
                assert_true(place[i] < place[j]);
            if (alarms[i].timer.due_ms == alarms[j].timer.due_ms && i < j)
                assert_true(place[i] < place[j]); /* in the order started */
        }
    }
    loop_fixture_end();
}

static void test_a_cancelled_one_does_not_fire(void **state)
{
    (void)state;
    begin();
    struct alarm a = {.number = 0}, b = {.number = 1};
    qn_timer_cancel(loop, &a.timer); /* idle */
    alarm_start(&a, 0);
    alarm_start(&b, 1);
    qn_timer_cancel(loop, &a.timer);
    assert_false(qn_timer_active(&a.timer));
    memset(&a, 0xff, sizeof a); /* may be freed at once */
    qn_loop_run(loop);
    assert_int_equal(n_fired, 1);
    assert_int_equal(b.times, 1);
    loop_fixture_end();
}

static void test_a_running_one_is_moved(void **state)
{
    (void)state;
    begin();
    struct alarm a = {.number = 0}, b = {.number = 1};
    alarm_start(&a, 3600 * 1000);
    alarm_start(&b, 2);
    alarm_start(&a, 0); /* forward */
    alarm_start(&b, 4); /* and back */
    qn_loop_run(loop);  /* not for an hour */
    assert_int_equal(n_fired, 2);
    assert_int_equal(fired[0], 0);
    assert_int_equal(fired[1], 1);

    alarm_start(&a, 3600 * 1000); /* the only one: first before and after */
    qn_loop_turn(loop);
    alarm_start(&a, 1);
    qn_loop_run(loop);
    assert_int_equal(a.times, 2);
    loop_fixture_end();
}

struct again {
    struct qn_timer timer;
    int times;
    bool stop;
};

static void on_again(struct qn_timer *timer)
{
    struct again *again = container_of(timer, struct again, timer);
    again->times++;
    if (!again->stop)
        qn_timer_start(loop, timer, 0, on_again);
}

static void on_byte(void *context, int events)
{
    struct again *again = context;
    assert_int_equal(events, QN_READABLE);
    again->stop = true;
}

/* A timer of zero that starts itself again runs once a turn, and events are seen between. */
static void test_one_that_starts_itself_does_not_keep_events_out(void **state)
{
    (void)state;
    begin();
    struct again again = {0};
    int fds[2];
    struct qn_poll *poll;
    assert_int_equal(pipe(fds), 0);
    qn_timer_start(loop, &again.timer, 0, on_again);
    qn_loop_turn(loop);
    qn_loop_turn(loop);
    assert_int_equal(again.times, 2);

    assert_int_equal(write(fds[1], "x", 1), 1);
    assert_int_equal(qn_poll_open(loop, fds[0], on_byte, &again, &poll), QN_OK);
    qn_poll_want(poll, QN_READABLE);
    while (!again.stop)
        qn_loop_turn(loop);
    qn_poll_close(poll);
    qn_loop_run(loop);
    close(fds[0]);
    close(fds[1]);
    loop_fixture_end();
}

struct pair {
    struct qn_timer timer;
    struct pair *other;
    int times;
};

static void cancel_other(struct qn_timer *timer)
{
    struct pair *pair = container_of(timer, struct pair, timer);
    pair->times++;
    qn_timer_cancel(loop, &pair->other->timer);
}

/* Both are due; the first one's callback cancels the second, which must then not fire although its time has
 * come. */
static void test_one_that_is_due_can_still_be_cancelled(void **state)
{
    (void)state;
    begin();
    struct pair a = {0}, b = {.other = &a};
    a.other = &b;
    qn_timer_start(loop, &a.timer, 0, cancel_other);
    qn_timer_start(loop, &b.timer, 0, cancel_other);
    qn_loop_run(loop);
    assert_int_equal(a.times, 1);
    assert_int_equal(b.times, 0);
    loop_fixture_end();
}

static void free_itself(struct qn_timer *timer)
{
    free(container_of(timer, struct alarm, timer));
    n_fired++;
}

static void test_it_may_free_itself(void **state)
{
    (void)state;
    begin();
    for (int i = 0; i < 3; i++) {
        struct alarm *alarm = calloc(1, sizeof *alarm);
        qn_timer_start(loop, &alarm->timer, 0, free_itself);
    }
    qn_loop_run(loop);
    assert_int_equal(n_fired, 3);
    loop_fixture_end();
}

/* "No limit" is often written as the largest number there is. */
static void test_a_time_past_the_end_of_time_does_not_wrap(void **state)
{
    (void)state;
    begin();
    struct alarm never = {.number = 0}, soon = {.number = 1};
    qn_timer_start(loop, &never.timer, UINT64_MAX, on_alarm);
    assert_true(never.timer.due_ms == UINT64_MAX);
    qn_loop_turn(loop);
    assert_int_equal(n_fired, 0);
    alarm_start(&soon, 0);
    while (n_fired == 0)
        qn_loop_wait(loop);
    assert_int_equal(fired[0], 1);
    assert_true(qn_timer_active(&never.timer));
    qn_timer_cancel(loop, &never.timer);
    loop_fixture_end();
}

/* Starts, moves and cancels in a fixed random order, against the plain rule: each fires in order of (due,
 * order). */
static void test_a_thousand_at_random(void **state)
{
    (void)state;
    begin();
    enum { ALARMS = 1000, STEPS = 20000 };
    struct alarm *alarms = calloc(ALARMS, sizeof *alarms);
    unsigned seed = 1;
    for (size_t i = 0; i < ALARMS; i++)
        alarms[i].number = i;
    for (int step = 0; step < STEPS; step++) {
        struct alarm *alarm = &alarms[(size_t)rand_r(&seed) % ALARMS];
        if (rand_r(&seed) % 3 == 0)
            qn_timer_cancel(loop, &alarm->timer);
        else
            alarm_start(alarm, (uint64_t)rand_r(&seed) % 20);
    }
    size_t active = 0;
    for (size_t i = 0; i < ALARMS; i++)
        active += qn_timer_active(&alarms[i].timer);
    qn_loop_run(loop);
    assert_int_equal(n_fired, active);
    for (size_t i = 1; i < n_fired; i++) {
        const struct qn_timer *before = &alarms[fired[i - 1]].timer, *after = &alarms[fired[i]].timer;
        assert_true(before->due_ms < after->due_ms ||
                    (before->due_ms == after->due_ms && before->order < after->order));
    }
    free(alarms);
    loop_fixture_end();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_they_fire_once_in_order_of_time_and_never_early),
        cmocka_unit_test(test_a_cancelled_one_does_not_fire),
        cmocka_unit_test(test_a_running_one_is_moved),
        cmocka_unit_test(test_one_that_starts_itself_does_not_keep_events_out),
        cmocka_unit_test(test_one_that_is_due_can_still_be_cancelled),
        cmocka_unit_test(test_it_may_free_itself),
        cmocka_unit_test(test_a_time_past_the_end_of_time_does_not_wrap),
        cmocka_unit_test(test_a_thousand_at_random),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
