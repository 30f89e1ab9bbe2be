#include <fcntl.h>
#include <pwd.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/core/check.h"
#include "common/core/listen.h"
#include "deploy/run/child.h"
#include "tests/harness/loop_fixture.h"
#include "tests/harness/test.h"

/* Real processes: mostly a shell that writes what it sees into a file. */

static char *const environment[] = {(char[]){"PATH=/usr/bin:/bin"}, (char[]){"COLOUR=blue"}, NULL};

struct subject {
    struct run_child child;
    bool ended;
    int status;
    FILE *output; /* unlinked */
};

static void on_ended(struct run_child *child, int status)
{
    struct subject *subject = container_of(child, struct subject, child);
    subject->ended = true;
    subject->status = status;
}

static int setup(void **state)
{
    *state = loop_fixture_begin();
    return run_child_watch_open(*state) == QN_OK ? 0 : -1;
}

static int teardown(void **state)
{
    (void)state;
    run_child_watch_close();
    loop_fixture_end();
    return 0;
}

static void start_shell(struct subject *subject, const char *script, struct run_child_options options)
{
    const char *const argv[] = {"/bin/sh", "-c", script, NULL};
    struct qn_error err = {0};
    *subject = (struct subject){.child = {.name = "subject", .ended = on_ended}, .output = tmpfile()};
    assert_non_null(subject->output);
    options.argv = argv;
    options.environment = environment;
    options.output = fileno(subject->output);
    options.death_signal = options.death_signal ? options.death_signal : SIGKILL;
    if (run_child_start(&subject->child, &options, &err) != QN_OK)
        fail_msg("%s", err.message);
    assert_true(run_child_running(&subject->child));
}

/* Waits for its end, and gives what it wrote. */
static void finish(struct subject *subject, char *to, size_t room)
{
    loop_fixture_run_until(&subject->ended, 20000);
    assert_false(run_child_running(&subject->child));
    rewind(subject->output);
    to[fread(to, 1, room - 1, subject->output)] = '\0';
    fclose(subject->output);
}

static void test_ends_are_told(void **state)
{
    (void)state;
    struct subject good, bad, killed;
    char text[64], end[RUN_CHILD_END_MAX];
    start_shell(&good, "exit 0", (struct run_child_options){0});
    start_shell(&bad, "exit 3", (struct run_child_options){0});
    start_shell(&killed, "kill -9 $$", (struct run_child_options){0});
    finish(&killed, text, sizeof text);
    finish(&good, text, sizeof text);
    finish(&bad, text, sizeof text);
    assert_string_equal(run_child_end_text(good.status, end), "exit code 0");
    assert_string_equal(run_child_end_text(bad.status, end), "exit code 3");
    assert_string_equal(run_child_end_text(killed.status, end), "signal 9 (Killed)");
}

static void test_it_sees_its_environment_and_nothing_to_read(void **state)
{
    (void)state;
    struct subject subject;
    char text[256];
    setenv("OF_THE_SUPERVISOR", "1", 1);
    start_shell(&subject, "echo $COLOUR; echo ${OF_THE_SUPERVISOR:-none}; cat; echo end >&2",
                (struct run_child_options){0});
    finish(&subject, text, sizeof text);
    assert_string_equal(text, "blue\nnone\nend\n");
}

/* sd_listen_fds(3): from 3 on, in order, for this pid. Our own descriptors lie in the way on purpose. */
static void test_sockets_are_handed_over(void **state)
{
    (void)state;
    int first, second;
    struct subject subject;
    char text[512], a[QN_LISTEN_TEXT_MAX], b[QN_LISTEN_TEXT_MAX], expected[512];
    assert_int_equal(qn_listen_open("127.0.0.1:0", &first, NULL), QN_OK);
    assert_int_equal(qn_listen_open("127.0.0.1:0", &second, NULL), QN_OK);
    assert_true(qn_listen_text(first, a) && qn_listen_text(second, b));
    int in_the_way = open("/dev/null", O_RDONLY); /* as a careless parent leaves it open */
    start_shell(&subject,
                "[ $LISTEN_PID = $$ ] && echo $LISTEN_FDS $LISTEN_FDNAMES; ls /proc/self/fd | sort -n | tr "
                "'\\n' ' '; "
                "for fd in 3 4; do readlink /proc/$$/fd/$fd | cut -d: -f1; done",
                (struct run_child_options){.fds = {second, first}, .n_fds = 2, .fd_names = "admin:http"});
    finish(&subject, text, sizeof text);
    /* 0 to 4, and 5 for what ls itself opens: nothing else of ours has leaked */
    snprintf(expected, sizeof expected, "2 admin:http\n0 1 2 3 4 5 socket\nsocket\n");
    assert_string_equal(text, expected);
    close(in_the_way);
    close(first);
    close(second);
}

static void test_what_cannot_run_is_told_at_once(void **state)
{
    (void)state;
    struct run_child child = {.name = "nothing", .ended = on_ended};
    struct qn_error err = {0};
    const char *const missing[] = {"/nowhere/at/all", NULL};
    const struct run_child_options options = {
        .argv = missing, .environment = environment, .death_signal = SIGKILL};
    assert_int_equal(run_child_start(&child, &options, &err), QN_UNAVAILABLE);
    assert_string_equal(err.message, "cannot start nothing (/nowhere/at/all): No such file or directory");
    assert_false(run_child_running(&child));
    const char *const folder[] = {"/tmp", NULL};
    const struct run_child_options other = {
        .argv = folder, .environment = environment, .death_signal = SIGKILL};
    assert_int_equal(run_child_start(&child, &other, &err), QN_UNAVAILABLE);
    assert_non_null(strstr(err.message, "Permission denied"));
    run_child_signal(&child, SIGKILL); /* of nothing: nothing */
}

static void test_it_becomes_another_user(void **state)
{
    (void)state;
    if (geteuid() != 0)
        skip(); /* only root can */
    struct subject subject;
    char text[256];
    const struct passwd nobody = {.pw_uid = 65534, .pw_gid = 65534};
    start_shell(&subject, "id -u; id -g; id -G; pwd", (struct run_child_options){.user = &nobody});
    finish(&subject, text, sizeof text);
    assert_string_equal(text, "65534\n65534\n65534\n/\n");
}

/* Ctrl-C at the terminal goes to the foreground's process group, which shall be ours alone. */
static void test_it_has_a_session_of_its_own(void **state)
{
    (void)state;
    struct subject subject;
    char text[256];
    start_shell(&subject, "cut -d' ' -f1,5,6 /proc/$$/stat", (struct run_child_options){0});
    pid_t pid = subject.child.pid;
    finish(&subject, text, sizeof text);
    char expected[64];
    snprintf(expected, sizeof expected, "%d %d %d\n", pid, pid, pid);
    assert_string_equal(text, expected);
}

/* The one who started it is killed: so is it. */
static void test_it_dies_with_us(void **state)
{
    (void)state;
    int alive[2];
    assert_int_equal(pipe2(alive, O_CLOEXEC), 0);
    pid_t supervisor = fork();
    if (supervisor == 0) {
        close(alive[0]);
        struct run_child child = {.name = "orphan", .ended = on_ended};
        const char *const argv[] = {"/bin/sh", "-c", "echo here; exec sleep 1000", NULL};
        const struct run_child_options options = {
            .argv = argv, .environment = environment, .death_signal = SIGKILL, .output = alive[1]};
        /* The list of the living is the fork's own copy. */
        if (run_child_start(&child, &options, NULL) != QN_OK)
            _exit(1);
        pause();
    }
    close(alive[1]);
    char text[16] = "";
    assert_int_equal(read(alive[0], text, 5), 5);
    assert_string_equal(text, "here\n");
    assert_int_equal(kill(supervisor, SIGKILL), 0);
    assert_int_equal(waitpid(supervisor, NULL, 0), supervisor);
    assert_int_equal(read(alive[0], text, 1), 0); /* the last who could write is gone */
    close(alive[0]);
}

static void test_many_ends_at_once(void **state)
{
    enum { MANY = 30 };
    (void)state;
    static struct subject subjects[MANY];
    char text[16];
    for (int i = 0; i < MANY; i++)
        start_shell(&subjects[i], "exec sleep 1000", (struct run_child_options){0});
    for (int i = 0; i < MANY; i++)
        run_child_signal(&subjects[i].child, SIGTERM);
    for (int i = 0; i < MANY; i++) {
        finish(&subjects[i], text, sizeof text);
        assert_int_equal(WTERMSIG(subjects[i].status), SIGTERM);
    }
}

/* --check of the services: before there is a loop, with their complaints and without their "ok". */
static void test_to_its_end_without_a_watch(void **state)
{
    (void)state;
    char text[64];
    int status = -1;
    struct qn_error err = {0};
    FILE *output = tmpfile();
    assert_non_null(output);
    const char *const argv[] = {"/bin/sh", "-c", "echo ok; echo complaint >&2; exit 3", NULL};
    struct run_child_options options = {.argv = argv,
                                        .environment = environment,
                                        .death_signal = SIGKILL,
                                        .output = fileno(output),
                                        .mute = true};
    assert_int_equal(run_child_run(&options, &status, &err), QN_OK);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 3);
    rewind(output);
    text[fread(text, 1, sizeof text - 1, output)] = '\0';
    assert_string_equal(text, "complaint\n");
    fclose(output);
    options.argv = (const char *const[]){"/nowhere/at/all", NULL};
    assert_int_equal(run_child_run(&options, &status, &err), QN_UNAVAILABLE);
    assert_string_equal(err.message,
                        "cannot start /nowhere/at/all (/nowhere/at/all): No such file or directory");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_ends_are_told),
        TEST(test_it_sees_its_environment_and_nothing_to_read),
        TEST(test_sockets_are_handed_over),
        TEST(test_what_cannot_run_is_told_at_once),
        TEST(test_it_becomes_another_user),
        TEST(test_it_has_a_session_of_its_own),
        TEST(test_it_dies_with_us),
        TEST(test_many_ends_at_once),
        cmocka_unit_test(test_to_its_end_without_a_watch),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
