#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "common/core/check.h"
#include "deploy/run/folder.h"
#include "deploy/run/request.h"
#include "tests/harness/test.h"

static char folder[] = "/tmp/quintet-request.XXXXXX";
static volatile sig_atomic_t heard;

enum { ALL = (1U << RUN_SERVICES) - 1 };

static int make_folder(void **state)
{
    (void)state;
    return mkdtemp(folder) ? 0 : -1;
}

static int remove_folder(void **state)
{
    (void)state;
    return run_folder_remove(folder, NULL) == QN_OK ? 0 : -1;
}

static void test_parsing(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        unsigned services; /* 0: refused */
    } cases[] = {
        {"", ALL},
        {"\n \n", ALL},
        {"auth", 1U << RUN_AUTH},
        {"gateway\nauth\n", 1U << RUN_AUTH | 1U << RUN_GATEWAY},
        {" media  profile \nmedia\n\n", 1U << RUN_MEDIA | 1U << RUN_PROFILE},
        {"aut", 0},
        {"authx", 0},
        {"AUTH", 0},
        {"auth\tmedia", 0},
        {"auth nonsense gateway", 0},
    };
    for (size_t i = 0; i < QN_COUNT(cases); i++) {
        unsigned services = 0;
        struct qn_error err = {0};
        enum qn_status status = run_request_parse(qn_str_c(cases[i].text), &services, &err);
        assert_int_equal(status, cases[i].services ? QN_OK : QN_INVALID_ARGUMENT);
        assert_int_equal(services, cases[i].services);
    }
}

static void test_nobody_runs_there(void **state)
{
    (void)state;
    static const char *const names[] = {"auth"};
    struct qn_error err = {0};
    pid_t pid = 0;
    assert_int_equal(run_request_send("/nowhere/at/all", names, 1, &pid, &err), QN_NOT_FOUND);
    assert_int_equal(run_request_send(folder, names, 1, &pid, &err), QN_NOT_FOUND);
    assert_int_equal(run_folder_holder(folder), 0);
}

static void on_heard(int number)
{
    (void)number;
    heard++;
}

static void test_what_is_asked_is_taken_once(void **state)
{
    (void)state;
    static const char *const names[] = {"gateway", "auth"}, *const none[] = {"gateway", "nobody"};
    struct qn_error err = {0};
    pid_t pid = 0;
    unsigned services = 0;
    assert_int_equal(run_folder_lock(folder, &err), QN_OK);
    assert_int_equal(run_folder_holder(folder), getpid());
    signal(SIGUSR1, on_heard);
    assert_int_equal(run_request_send(folder, none, 2, &pid, &err), QN_INVALID_ARGUMENT);
    assert_int_equal(heard, 0);
    assert_int_equal(run_request_send(folder, names, 2, &pid, &err), QN_OK);
    assert_int_equal(heard, 1);
    assert_int_equal(pid, getpid());
    assert_int_equal(run_request_take(folder, &services, &err), QN_OK);
    assert_int_equal(services, 1U << RUN_AUTH | 1U << RUN_GATEWAY);
    /* A bare signal asks for all. */
    assert_int_equal(run_request_take(folder, &services, &err), QN_OK);
    assert_int_equal(services, ALL);
    assert_int_equal(run_request_send(folder, names, 2, &pid, &err), QN_OK);
    run_request_forget(folder);
    assert_int_equal(run_request_take(folder, &services, &err), QN_OK);
    assert_int_equal(services, ALL);
    signal(SIGUSR1, SIG_DFL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_parsing),
        cmocka_unit_test(test_nobody_runs_there),
        cmocka_unit_test(test_what_is_asked_is_taken_once),
    };
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
