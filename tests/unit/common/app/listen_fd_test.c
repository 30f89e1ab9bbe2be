#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "common/app/app.h"
#include "tests/harness/test.h"

/* The environment as sd_listen_fds(3) describes it. Descriptors 3 to 5 are made here, whatever they are. */

static void set_environment(const char *pid, const char *n, const char *names)
{
    char own[32];
    snprintf(own, sizeof own, "%d", getpid());
    setenv("LISTEN_PID", pid ? pid : own, 1);
    setenv("LISTEN_FDS", n, 1);
    setenv("LISTEN_FDNAMES", names, 1);
}

static int setup(void **state)
{
    (void)state;
    int fd = open("/dev/null", O_RDONLY);
    for (int at = 3; at <= 5; at++)
        if (fd != at && dup2(fd, at) < 0)
            return -1;
    return 0;
}

static void test_names_find_their_sockets(void **state)
{
    (void)state;
    set_environment(NULL, "3", "admin:http:other");
    assert_int_equal(qn_app_listen_fd("admin"), 3);
    assert_int_equal(qn_app_listen_fd("http"), 4);
    assert_int_equal(qn_app_listen_fd("other"), 5);
    assert_int_equal(qn_app_listen_fd("none"), 0);
    assert_int_equal(qn_app_listen_fd(""), 0);
    assert_int_equal(fcntl(4, F_GETFD) & FD_CLOEXEC, FD_CLOEXEC); /* not for children of ours */
}

/* Inherited by accident: they were meant for another process. */
static void test_those_for_another_process_are_left_alone(void **state)
{
    (void)state;
    set_environment("1", "3", "admin:http:other");
    assert_int_equal(qn_app_listen_fd("admin"), 0);
}

static void test_fewer_sockets_than_names(void **state)
{
    (void)state;
    set_environment(NULL, "1", "admin:http:other");
    assert_int_equal(qn_app_listen_fd("admin"), 3);
    assert_int_equal(qn_app_listen_fd("http"), 0);
}

static void test_nonsense_is_no_socket(void **state)
{
    (void)state;
    set_environment(NULL, "many", "admin");
    assert_int_equal(qn_app_listen_fd("admin"), 0);
    set_environment(NULL, "-1", "admin");
    assert_int_equal(qn_app_listen_fd("admin"), 0);
    set_environment("x", "1", "admin");
    assert_int_equal(qn_app_listen_fd("admin"), 0);
    unsetenv("LISTEN_PID");
    assert_int_equal(qn_app_listen_fd("admin"), 0);
    set_environment(NULL, "1", "admin");
    unsetenv("LISTEN_FDNAMES");
    assert_int_equal(qn_app_listen_fd("admin"), 0);
}

/* A descriptor that is announced and not there must not be listened on. */
static void test_a_descriptor_that_is_not_open(void **state)
{
    (void)state;
    set_environment(NULL, "200", "a:b:c:d:e:f:g:h:i:j:k:l:m:n:o:p:q:r:s:t:u:v:w:x:y:z");
    close(28);
    assert_int_equal(qn_app_listen_fd("z"), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_names_find_their_sockets, setup),
        cmocka_unit_test_setup(test_those_for_another_process_are_left_alone, setup),
        cmocka_unit_test_setup(test_fewer_sockets_than_names, setup),
        cmocka_unit_test_setup(test_nonsense_is_no_socket, setup),
        cmocka_unit_test_setup(test_a_descriptor_that_is_not_open, setup),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
