#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/core/check.h"
#include "common/loop/loop.h"
#include "common/loop/poll.h"
#include "common/loop/post.h"
#include "common/loop/timer.h"
#include "tests/harness/loop_fixture.h"
#include "tests/harness/test.h"

/* Callbacks write their letter here; the order is the test. */
static char trace[256];
static struct qn_loop *loop;

static void begin(void)
{
    trace[0] = '\0';
    loop = loop_fixture_begin();
}

static void note(char letter)
{
    size_t len = strlen(trace);
    assert_true(len + 1 < sizeof trace);
    trace[len] = letter;
    trace[len + 1] = '\0';
}

struct step {
    struct qn_later later;
    char letter;
    struct step *starts, *cancels;
};

static void on_step(struct qn_later *later)
{
    struct step *step = container_of(later, struct step, later);
    note(step->letter);
    if (step->starts)
        qn_later_start(loop, &step->starts->later, on_step);
    if (step->cancels)
        qn_later_cancel(loop, &step->cancels->later);
}

static void test_it_runs_once_and_not_inside_start(void **state)
{
    (void)state;
    begin();
    struct step a = {.letter = 'a'}, b = {.letter = 'b'};
    qn_later_start(loop, &a.later, on_step);
    qn_later_start(loop, &b.later, on_step);
    qn_later_start(loop, &a.later, on_step); /* waits already */
    assert_string_equal(trace, "");
    qn_loop_run(loop); /* ends: what is to be done keeps the loop alive only until it is done */
    assert_string_equal(trace, "ab");
    qn_later_start(loop, &a.later, on_step);
    qn_loop_turn(loop);
    assert_string_equal(trace, "aba");
    loop_fixture_end();
}

static void test_a_cancelled_one_does_not_run(void **state)
{
    (void)state;
    begin();
    struct step a = {.letter = 'a'}, b = {.letter = 'b'};
    qn_later_cancel(loop, &a.later); /* idle */
    qn_later_start(loop, &a.later, on_step);
    qn_later_cancel(loop, &a.later);
    qn_loop_run(loop);
    assert_string_equal(trace, "");

    a.cancels = &b; /* by one before it in the same drain */
    qn_later_start(loop, &a.later, on_step);
    qn_later_start(loop, &b.later, on_step);
    qn_loop_run(loop);
    assert_string_equal(trace, "a");
    loop_fixture_end();
}

/* A batch is sent, its answer known at once, the answer starts the next step: one turn, not one turn each. */
static void test_those_started_by_others_run_in_the_same_drain(void **state)
{
    (void)state;
    begin();
    struct step d = {.letter = 'd'}, c = {.letter = 'c', .starts = &d}, b = {.letter = 'b', .starts = &c},
                a = {.letter = 'a', .starts = &b};
    qn_later_start(loop, &a.later, on_step);
    qn_loop_turn(loop);
    assert_string_equal(trace, "abcd");
    loop_fixture_end();
}

struct reader {
    struct qn_poll *poll;
    int fds[2];
    char letter;
    struct step *starts;
};

static void on_readable(void *context, int events)
{
    struct reader *reader = context;
    char byte;
    assert_int_equal(events, QN_READABLE);
    assert_int_equal(read(reader->fds[0], &byte, 1), 1);
    note(reader->letter);
    qn_later_start(loop, &reader->starts->later, on_step);
}

static void reader_open(struct reader *reader)
{
    assert_int_equal(pipe(reader->fds), 0);
    assert_int_equal(qn_poll_open(loop, reader->fds[0], on_readable, reader, &reader->poll), QN_OK);
    qn_poll_want(reader->poll, QN_READABLE);
}

static void reader_close(struct reader *reader)
{
    qn_poll_close(reader->poll);
    close(reader->fds[0]);
    close(reader->fds[1]);
}

/* The gathering that batches rest on: what all events of one turn ask for is done once, after the last of
 * them, and before the loop waits again. */
static void test_it_runs_after_all_events_of_the_turn(void **state)
{
    (void)state;
    begin();
    struct step done = {.letter = '.'};
    struct reader a = {.letter = 'a', .starts = &done}, b = {.letter = 'a', .starts = &done};
    reader_open(&a);
    reader_open(&b);
    qn_loop_turn(loop); /* libuv hands new descriptors to epoll here */
    assert_int_equal(write(a.fds[1], "x", 1), 1);
    assert_int_equal(write(b.fds[1], "x", 1), 1);
    qn_loop_wait(loop);
    assert_string_equal(trace, "aa.");
    reader_close(&a);
    reader_close(&b);
    loop_fixture_end();
}

struct starter {
    struct qn_timer timer;
    struct step *starts;
};

static void on_timer(struct qn_timer *timer)
{
    note('t');
    qn_later_start(loop, &container_of(timer, struct starter, timer)->starts->later, on_step);
}

/* What timers ask for goes out before the loop turns to events, even to those that wait already. */
static void test_it_runs_between_timers_and_events(void **state)
{
    (void)state;
    begin();
    struct step after_timer = {.letter = '.'}, after_event = {.letter = '!'};
    struct reader reader = {.letter = 'a', .starts = &after_event};
    struct starter starter = {.starts = &after_timer};
    reader_open(&reader);
    qn_loop_turn(loop);
    assert_int_equal(write(reader.fds[1], "x", 1), 1);
    qn_timer_start(loop, &starter.timer, 0, on_timer);
    while (strlen(trace) < 4)
        qn_loop_turn(loop);
    /* In whichever turn the timer's millisecond has come, its later follows at once. */
    assert_true(strcmp(trace, "t.a!") == 0 || strcmp(trace, "a!t.") == 0);
    reader_close(&reader);
    loop_fixture_end();
}

static void never(struct qn_timer *timer)
{
    (void)timer;
    fail();
}

static void on_closed(void *context)
{
    struct step *step = context;
    note('c');
    qn_later_start(loop, &step->later, on_step);
}

static void never_taken(void *context, struct qn_node *node)
{
    (void)context, (void)node;
    fail();
}

/* The loop must not go to sleep on something to be done: with an hour's timer as the only other thing to wait
 * for, this test would otherwise last an hour. */
static void test_the_loop_does_not_wait_while_something_is_to_be_done(void **state)
{
    (void)state;
    begin();
    struct qn_timer in_an_hour = {0};
    qn_timer_start(loop, &in_an_hour, 3600 * 1000, never);
    struct step step = {.letter = '.'};

    qn_later_start(loop, &step.later, on_step); /* before the loop runs */
    qn_loop_wait(loop);
    assert_string_equal(trace, ".");

    struct starter starter = {.starts = &step}; /* by a timer */
    qn_timer_start(loop, &starter.timer, 0, on_timer);
    while (strlen(trace) < 3)
        qn_loop_wait(loop);
    assert_string_equal(trace, ".t.");

    struct qn_post *post; /* by a close callback */
    assert_int_equal(qn_post_open(loop, never_taken, NULL, &post), QN_OK);
    qn_post_close(post, on_closed, &step);
    while (strlen(trace) < 5)
        qn_loop_wait(loop);
    assert_string_equal(trace, ".t.c.");

    qn_timer_cancel(loop, &in_an_hour);
    loop_fixture_end();
}

struct restless {
    struct qn_later later;
    bool stop;
};

static void on_restless(struct qn_later *later)
{
    struct restless *restless = container_of(later, struct restless, later);
    if (!restless->stop)
        qn_later_start(loop, later, on_restless);
}

static void on_byte(void *context, int events)
{
    (void)events;
    struct restless *seen = context;
    seen->stop = true;
}

/* One that starts itself for ever is a bug, but not one that may stop the world. */
static void test_one_that_starts_itself_does_not_keep_events_out(void **state)
{
    (void)state;
    begin();
    struct restless restless = {0};
    int fds[2];
    struct qn_poll *poll;
    assert_int_equal(pipe(fds), 0);
    assert_int_equal(write(fds[1], "x", 1), 1);
    assert_int_equal(qn_poll_open(loop, fds[0], on_byte, &restless, &poll), QN_OK);
    qn_poll_want(poll, QN_READABLE);
    qn_later_start(loop, &restless.later, on_restless);
    while (!restless.stop)
        qn_loop_turn(loop);
    qn_poll_close(poll);
    qn_loop_run(loop);
    close(fds[0]);
    close(fds[1]);
    loop_fixture_end();
}

static void free_itself(struct qn_later *later)
{
    note('f');
    free(container_of(later, struct step, later));
}

static void test_it_may_free_itself(void **state)
{
    (void)state;
    begin();
    struct step *step = calloc(1, sizeof *step);
    qn_later_start(loop, &step->later, free_itself);
    qn_loop_run(loop);
    assert_string_equal(trace, "f");
    loop_fixture_end();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_it_runs_once_and_not_inside_start),
        cmocka_unit_test(test_a_cancelled_one_does_not_run),
        cmocka_unit_test(test_those_started_by_others_run_in_the_same_drain),
        cmocka_unit_test(test_it_runs_after_all_events_of_the_turn),
        cmocka_unit_test(test_it_runs_between_timers_and_events),
        cmocka_unit_test(test_the_loop_does_not_wait_while_something_is_to_be_done),
        cmocka_unit_test(test_one_that_starts_itself_does_not_keep_events_out),
        cmocka_unit_test(test_it_may_free_itself),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
