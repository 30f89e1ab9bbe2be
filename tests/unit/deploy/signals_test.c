#include <signal.h>

#include "common/core/check.h"
#include "deploy/run/signals.h"
#include "tests/harness/loop_fixture.h"
#include "tests/harness/test.h"

struct heard {
    struct run_signals signals;
    size_t firsts, seconds, restarts;
    const char *name;
    int number;
};

static void on_first(struct run_signals *signals, const char *name)
{
    struct heard *heard = container_of(signals, struct heard, signals);
    heard->firsts++;
    heard->name = name;
}

static void on_second(struct run_signals *signals, int number, const char *name)
{
    struct heard *heard = container_of(signals, struct heard, signals);
    heard->seconds++;
    heard->number = number;
    heard->name = name;
}

static void on_restart(struct run_signals *signals)
{
    container_of(signals, struct heard, signals)->restarts++;
}

static void open_signals(struct heard *heard, struct qn_loop *loop)
{
    *heard = (struct heard){.signals = {.first = on_first, .second = on_second, .restart = on_restart}};
    assert_int_equal(run_signals_open(&heard->signals, loop), QN_OK);
}

static void test_the_first_and_another(void **state)
{
    (void)state;
    struct qn_loop *loop = loop_fixture_begin();
    struct heard heard;
    open_signals(&heard, loop);
    raise(SIGINT);
    loop_fixture_run_until_count(&heard.firsts, 1, 10000);
    assert_string_equal(heard.name, "SIGINT");
    raise(SIGTERM); /* another one, even in the same instant */
    loop_fixture_run_until_count(&heard.seconds, 1, 10000);
    assert_int_equal(heard.number, SIGTERM);
    assert_string_equal(heard.name, "SIGTERM");
    assert_int_equal(heard.firsts, 1);
    run_signals_close(&heard.signals);
    loop_fixture_end();
}

struct pause {
    struct qn_timer timer;
    bool over;
};

static void on_pause(struct qn_timer *timer)
{
    container_of(timer, struct pause, timer)->over = true;
}

/* `timeout make run` must not kill what it asks to end. Whoever presses Ctrl-C again means it. */
static void test_twice_in_an_instant_is_once(void **state)
{
    (void)state;
    struct qn_loop *loop = loop_fixture_begin();
    struct heard heard;
    struct pause pause = {0};
    open_signals(&heard, loop);
    raise(SIGINT); /* both are delivered in one turn of the loop, so no clock has a say */
    raise(SIGINT);
    loop_fixture_run_until_count(&heard.firsts, 1, 10000);
    qn_timer_start(loop, &pause.timer, RUN_SIGNALS_SAME_MS + 1, on_pause);
    loop_fixture_run_until(&pause.over, 10000);
    assert_int_equal(heard.firsts, 1);
    assert_int_equal(heard.seconds, 0);
    raise(SIGINT);
    loop_fixture_run_until_count(&heard.seconds, 1, 10000);
    assert_int_equal(heard.number, SIGINT);
    run_signals_close(&heard.signals);
    loop_fixture_end();
}

/* A window that is closed sends SIGHUP twice or more; a SIGTERM afterwards is somebody's wish. */
static void test_a_hang_up_is_never_the_second(void **state)
{
    (void)state;
    struct qn_loop *loop = loop_fixture_begin();
    struct heard heard;
    struct pause pause = {0};
    open_signals(&heard, loop);
    raise(SIGHUP);
    loop_fixture_run_until_count(&heard.firsts, 1, 10000);
    assert_string_equal(heard.name, "SIGHUP");
    qn_timer_start(loop, &pause.timer, RUN_SIGNALS_SAME_MS + 1, on_pause);
    loop_fixture_run_until(&pause.over, 10000);
    raise(SIGHUP);
    raise(SIGTERM);
    loop_fixture_run_until_count(&heard.seconds, 1, 10000);
    assert_int_equal(heard.number, SIGTERM);
    run_signals_close(&heard.signals);
    loop_fixture_end();
}

static void test_nohup_is_respected(void **state)
{
    (void)state;
    struct qn_loop *loop = loop_fixture_begin();
    struct heard heard;
    signal(SIGHUP, SIG_IGN);
    open_signals(&heard, loop);
    raise(SIGHUP);
    raise(SIGTERM);
    loop_fixture_run_until_count(&heard.firsts, 1, 10000);
    assert_string_equal(heard.name, "SIGTERM");
    run_signals_close(&heard.signals);
    signal(SIGHUP, SIG_DFL);
    loop_fixture_end();
}

/* Not while all is on its way to the end, of which it is no part either. */
static void test_a_restart_is_asked_for(void **state)
{
    (void)state;
    struct qn_loop *loop = loop_fixture_begin();
    struct heard heard;
    open_signals(&heard, loop);
    raise(SIGUSR1);
    loop_fixture_run_until_count(&heard.restarts, 1, 10000);
    assert_int_equal(heard.firsts, 0);
    raise(SIGTERM);
    loop_fixture_run_until_count(&heard.firsts, 1, 10000);
    raise(SIGUSR1);
    raise(SIGINT);
    loop_fixture_run_until_count(&heard.seconds, 1, 10000);
    assert_int_equal(heard.restarts, 1);
    run_signals_close(&heard.signals);
    loop_fixture_end();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_first_and_another),
        cmocka_unit_test(test_twice_in_an_instant_is_once),
        cmocka_unit_test(test_a_hang_up_is_never_the_second),
        cmocka_unit_test(test_nohup_is_respected),
        cmocka_unit_test(test_a_restart_is_asked_for),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
