#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/core/check.h"
#include "common/core/log.h"
#include "deploy/run/roll.h"
#include "tests/harness/loop_fixture.h"
#include "tests/harness/test.h"

/* SUBJECT: a service that is nothing but its life (tests/unit/common/app/subject.c). */

enum { LONG_MS = 20000 };

struct world {
    struct qn_loop *loop;
    struct qn_arena arena;
    struct run_service pair[2];
    struct run_service *now; /* the one that serves */
    struct run_roll roll;
    size_t changes;
    bool done, stopped, ended;
    char why_not[256];
};

static struct world world;

static void on_changed(struct run_service *service)
{
    assert_ptr_equal(service->owner, &world);
    world.changes++;
}

static void on_taken_over(struct run_roll *roll)
{
    assert_true(roll->successor->ready);
    assert_true(run_child_running(&roll->incumbent->child)); /* clients are never without one */
    world.now = roll->successor;
}

static void on_done(struct run_roll *roll, const char *why_not)
{
    assert_null(roll->incumbent);
    snprintf(world.why_not, sizeof world.why_not, "%s", why_not ? why_not : "");
    world.done = true;
}

static void on_stopped(struct run_roll *roll)
{
    (void)roll;
    world.stopped = true;
}

static void on_ended(struct run_service *service)
{
    (void)service;
    world.ended = true;
}

static void ignore_line(void *context, struct qn_str line)
{
    (void)context;
    (void)line;
}

static int setup(void **state)
{
    world = (struct world){.loop = loop_fixture_begin()};
    *state = &world;
    qn_log_redirect(ignore_line, NULL);
    qn_arena_init(&world.arena, 1024 * 1024);
    assert_int_equal(run_child_watch_open(world.loop), QN_OK);
    world.now = &world.pair[0];
    world.now->name = "subject";
    world.now->program = SUBJECT;
    world.now->loop = world.loop;
    world.now->changed = on_changed;
    world.now->owner = &world;
    run_environment_init(&world.now->environment, &world.arena, environ);
    run_environment_set(&world.now->environment, "QUINTET_LOG_LEVEL", "error");
    assert_int_equal(run_sockets_open(&world.now->admin, "admin", "127.0.0.1:0", 0, NULL), QN_OK);
    world.roll = (struct run_roll){.loop = world.loop,
                                   .patience_ms = LONG_MS,
                                   .stop_limit_ms = LONG_MS,
                                   .taken_over = on_taken_over,
                                   .done = on_done};
    run_service_start(world.now);
    loop_fixture_run_until(&world.now->ready, LONG_MS);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    run_service_stop(world.now, LONG_MS, on_ended);
    loop_fixture_run_until(&world.ended, LONG_MS);
    run_sockets_close(&world.now->admin);
    for (size_t i = 0; i < 2; i++) {
        assert_false(run_child_running(&world.pair[i].child));
        assert_int_equal(world.pair[i].admin.fd, 0);
    }
    run_child_watch_close();
    qn_arena_fini(&world.arena);
    qn_log_redirect(NULL, NULL);
    loop_fixture_end();
    return 0;
}

static void begin(void)
{
    world.done = false;
    run_roll_start(&world.roll, world.now, world.now == &world.pair[0] ? &world.pair[1] : &world.pair[0]);
}

static void test_the_successor_takes_over(void **state)
{
    (void)state;
    for (int i = 0; i < 3; i++) {
        pid_t before = world.now->child.pid;
        struct run_socket admin = world.now->admin;
        begin();
        loop_fixture_run_until(&world.done, LONG_MS);
        assert_string_equal(world.why_not, "");
        assert_true(world.now->ready);
        assert_int_not_equal(world.now->child.pid, before);
        assert_string_not_equal(world.now->admin.address, admin.address);
        assert_int_equal(kill(before, 0), -1);
    }
}

/* It is under supervision like the first one. */
static void test_the_successor_is_started_again_when_it_dies(void **state)
{
    (void)state;
    begin();
    loop_fixture_run_until(&world.done, LONG_MS);
    size_t before = world.changes;
    run_child_signal(&world.now->child, SIGKILL);
    loop_fixture_run_until_count(&world.changes, before + 3, LONG_MS); /* died, started, ready */
    assert_true(world.now->ready);
}

static void assert_the_incumbent_stays(pid_t before)
{
    assert_int_equal(world.now->child.pid, before);
    assert_true(run_child_running(&world.now->child) && world.now->ready);
}

static void test_one_that_ends_leaves_the_incumbent(void **state)
{
    (void)state;
    pid_t before = world.now->child.pid;
    run_environment_set(&world.now->environment, "SUBJECT_FAIL", "second");
    begin();
    loop_fixture_run_until(&world.done, LONG_MS);
    assert_string_equal(world.why_not, "the new one ended before it was ready");
    assert_the_incumbent_stays(before);
}

static void test_one_that_cannot_be_started_leaves_the_incumbent(void **state)
{
    (void)state;
    pid_t before = world.now->child.pid;
    world.now->program = "/nowhere/at/all";
    begin();
    assert_true(world.done);
    assert_string_equal(world.why_not, "the new one could not be started");
    assert_the_incumbent_stays(before);
}

/* Nobody is asked for readiness sooner than that. */
static void test_one_that_is_not_ready_in_time_leaves_the_incumbent(void **state)
{
    (void)state;
    pid_t before = world.now->child.pid;
    world.roll.patience_ms = 1;
    begin();
    loop_fixture_run_until(&world.done, LONG_MS);
    assert_string_equal(world.why_not, "the new one was not ready within 1 ms");
    assert_the_incumbent_stays(before);
}

static void test_it_can_be_stopped_while_the_successor_starts(void **state)
{
    (void)state;
    pid_t before = world.now->child.pid;
    begin();
    run_roll_stop(&world.roll, on_stopped);
    loop_fixture_run_until(&world.stopped, LONG_MS);
    assert_false(world.done);
    assert_the_incumbent_stays(before);
    world.stopped = false;
    run_roll_stop(&world.roll, on_stopped); /* idle */
    assert_true(world.stopped);
}

static void test_it_can_be_stopped_while_the_incumbent_stops(void **state)
{
    (void)state;
    pid_t before = world.now->child.pid;
    struct run_service *first = world.now;
    begin();
    while (world.now == first)
        qn_loop_wait(world.loop);
    run_roll_stop(&world.roll, on_stopped);
    loop_fixture_run_until(&world.stopped, LONG_MS);
    assert_false(world.done);
    assert_int_not_equal(world.now->child.pid, before);
    assert_int_equal(kill(before, 0), -1);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_the_successor_takes_over),
        TEST(test_the_successor_is_started_again_when_it_dies),
        TEST(test_one_that_ends_leaves_the_incumbent),
        TEST(test_one_that_cannot_be_started_leaves_the_incumbent),
        TEST(test_one_that_is_not_ready_in_time_leaves_the_incumbent),
        TEST(test_it_can_be_stopped_while_the_successor_starts),
        TEST(test_it_can_be_stopped_while_the_incumbent_stops),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
