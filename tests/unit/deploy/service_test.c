#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/core/check.h"
#include "common/core/log.h"
#include "deploy/run/service.h"
#include "tests/harness/loop_fixture.h"
#include "tests/harness/test.h"

/* SUBJECT: a service that is nothing but its life (tests/unit/common/app/subject.c). */

struct world {
    struct qn_loop *loop;
    struct qn_arena arena;
    struct run_service service;
    size_t readies;
    bool stopped;
    char log[16384];
};

static struct world world;

static void on_changed(struct run_service *service)
{
    world.readies += service->ready;
}

static void on_stopped(struct run_service *service)
{
    (void)service;
    world.stopped = true;
}

static void keep_line(void *context, struct qn_str line)
{
    (void)context;
    size_t len = strlen(world.log);
    snprintf(world.log + len, sizeof world.log - len, "%.*s", QN_STR_ARG(line));
}

static int setup(void **state)
{
    world = (struct world){.loop = loop_fixture_begin()};
    *state = &world;
    qn_log_redirect(keep_line, NULL);
    qn_arena_init(&world.arena, 1024 * 1024);
    assert_int_equal(run_child_watch_open(world.loop), QN_OK);
    struct run_service *service = &world.service;
    service->name = "subject";
    service->program = SUBJECT;
    service->loop = world.loop;
    service->changed = on_changed;
    run_environment_init(&service->environment, &world.arena, environ);
    run_environment_set(&service->environment, "QUINTET_LOG_LEVEL", "error");
    return run_sockets_open(&service->admin, "admin", "127.0.0.1:0", 0, NULL) == QN_OK ? 0 : -1;
}

static int teardown(void **state)
{
    (void)state;
    run_sockets_close(&world.service.admin);
    run_child_watch_close();
    qn_arena_fini(&world.arena);
    qn_log_redirect(NULL, NULL);
    loop_fixture_end();
    return 0;
}

static void stop(uint64_t limit_ms)
{
    run_service_stop(&world.service, limit_ms, on_stopped);
    loop_fixture_run_until(&world.stopped, 20000);
    assert_false(run_child_running(&world.service.child));
}

static void test_it_is_started_becomes_ready_and_stops(void **state)
{
    (void)state;
    run_service_start(&world.service);
    assert_false(world.service.ready);
    loop_fixture_run_until(&world.service.ready, 20000);
    stop(20000);
    assert_non_null(strstr(world.log, "started service=subject"));
    assert_non_null(strstr(world.log, "ready service=subject"));
    assert_non_null(strstr(world.log, "stopped service=subject end=\"exit code 0\""));
}

static void test_one_that_dies_is_started_again_on_the_same_port(void **state)
{
    (void)state;
    run_service_start(&world.service);
    for (size_t life = 1; life <= 3; life++) {
        loop_fixture_run_until_count(&world.readies, life, 20000);
        pid_t before = world.service.child.pid;
        run_child_signal(&world.service.child, SIGKILL);
        loop_fixture_run_until_count(&world.readies, life + 1, 20000);
        assert_int_not_equal(world.service.child.pid, before);
    }
    stop(20000);
    assert_non_null(strstr(world.log,
                           "a service died; it will be started again service=subject end=\"signal 9 "
                           "(Killed)\""));
    assert_non_null(strstr(world.log, "in_ms=100"));
    assert_non_null(strstr(world.log, "in_ms=200"));
    assert_non_null(strstr(world.log, "in_ms=400"));
}

/* One that dies as soon as it runs is tried again, and can be stopped between two lives. */
static void test_one_that_cannot_open_is_tried_again(void **state)
{
    (void)state;
    run_environment_set(&world.service.environment, "SUBJECT_FAIL", "second");
    run_service_start(&world.service);
    while (!strstr(world.log, "in_ms=400"))
        qn_loop_wait(world.loop);
    assert_non_null(strstr(world.log, "end=\"exit code 1\""));
    assert_int_equal(world.readies, 0);
    assert_false(run_child_running(&world.service.child));
    run_service_stop(&world.service, 1000, on_stopped);
    assert_true(world.stopped);
}

static void test_a_program_that_is_missing_is_tried_again(void **state)
{
    (void)state;
    world.service.program = "/nowhere/at/all";
    run_service_start(&world.service);
    while (!strstr(world.log, "in_ms=200"))
        qn_loop_wait(world.loop);
    assert_non_null(strstr(world.log, "No such file or directory"));
    world.service.program = SUBJECT;
    loop_fixture_run_until(&world.service.ready, 20000);
    stop(20000);
}

static void test_one_that_does_not_stop_is_killed(void **state)
{
    (void)state;
    run_environment_set(&world.service.environment, "SUBJECT_DRAIN", "never");
    run_environment_set(&world.service.environment, "QUINTET_SHUTDOWN_TIMEOUT", "10m");
    run_service_start(&world.service);
    loop_fixture_run_until(&world.service.ready, 20000);
    stop(100);
    assert_non_null(strstr(world.log, "does not stop: killing it"));
    assert_non_null(strstr(world.log, "end=\"signal 9 (Killed)\""));
}

static void test_killing_is_no_death_to_start_again_from(void **state)
{
    (void)state;
    run_service_start(&world.service);
    loop_fixture_run_until(&world.service.ready, 20000);
    run_service_kill(&world.service);
    while (run_child_running(&world.service.child))
        qn_loop_wait(world.loop);
    assert_null(strstr(world.log, "started again"));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_it_is_started_becomes_ready_and_stops),
        TEST(test_one_that_dies_is_started_again_on_the_same_port),
        TEST(test_one_that_cannot_open_is_tried_again),
        TEST(test_a_program_that_is_missing_is_tried_again),
        TEST(test_one_that_does_not_stop_is_killed),
        TEST(test_killing_is_no_death_to_start_again_from),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
