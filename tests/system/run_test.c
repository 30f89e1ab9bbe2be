#include <arpa/inet.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/harness/service.h"
#include "tests/harness/test.h"
#include "tests/system/run_fixture.h"

/* `make run` as its user sees it: from nothing to one line, and every way to the end. */

static const char *const SERVICES[] = {"PROFILE", "AUTH", "MEDIA", "GATEWAY"};

static struct run_copy copy;

static const char *dir(void)
{
    return harness_text("%s/it", run_folder());
}

static void start_ready(void)
{
    run_start_ready(&copy, &(const struct run_options){.dir = dir()});
}

static unsigned mode_of(const char *path)
{
    struct stat st;
    if (stat(path, &st) != 0)
        fail_msg("%s is not there", path);
    return st.st_mode & 07777;
}

/* Whoever presses Ctrl-C during the first start, which takes a while, must be able to start again. */
static void test_ended_while_the_cluster_is_made(void **state)
{
    (void)state;
    run_start(&copy, &(const struct run_options){.dir = dir()});
    run_await_log(&copy, "making a database cluster");
    assert_true(run_logged(&copy, "BETTER_AUTH_SECRET is not set: made one and kept it"));
    run_stop(&copy);
    run_await_nobody();
    assert_string_equal(run_out(&copy), "");
    assert_false(run_exists(run_path(&copy, "endpoints")));
}

/* One of the four comes late: until then there is no line, afterwards exactly one. */
static void test_ready_once_all_four_are(void **state)
{
    (void)state;
    const char *programs = run_programs(), *gate = harness_text("%s/gate", run_folder());
    run_replace(programs, "quintet-media",
                harness_text("[ \"$1\" = --check ] && exit 0\n"
                             "while [ ! -e %s ]; do sleep 0.05; done\nexec %s/bin/quintet-media",
                             gate, QN_BUILD_DIR));
    run_start(&copy, &(const struct run_options){.dir = dir(), .programs = programs});
    run_await_log(&copy, "run: ready service=profile");
    run_await_log(&copy, "run: ready service=auth");
    run_await_get(run_endpoint(&copy, "HTTP"), "/healthz", 200);
    assert_string_equal(run_out(&copy), "");
    int fd = open(gate, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    assert_true(fd >= 0);
    close(fd);
    run_await_ready(&copy);
    assert_string_equal(run_out(&copy), harness_text("quintet: ready on %s\n", run_endpoint(&copy, "HTTP")));
    for (size_t i = 0; i < 4; i++)
        assert_int_equal(run_get(run_endpoint(&copy, harness_text("ADMIN_%s", SERVICES[i])), "/readyz"), 200);
}

static void test_endpoints_are_complete_and_private(void **state)
{
    (void)state;
    static const char *const KEYS[] = {
        "HTTP",     "MEDIA",     "DATABASE_URL",  "SECRET_FILE", "ADMIN_DATABASE_URL", "PROFILE_RPC",
        "AUTH_RPC", "MEDIA_RPC", "ADMIN_PROFILE", "ADMIN_AUTH",  "ADMIN_MEDIA",        "ADMIN_GATEWAY"};
    for (size_t i = 0; i < sizeof KEYS / sizeof *KEYS; i++)
        run_endpoint(&copy, KEYS[i]); /* must be there */
    for (size_t i = 0; i < 4; i++)
        assert_int_equal(kill(run_pid(&copy, SERVICES[i]), 0), 0);
    assert_int_equal(kill(run_pid(&copy, "POSTGRES"), 0), 0);
    assert_int_equal(run_pid(&copy, "RUN"), copy.pid);
    assert_int_equal(mode_of(run_path(&copy, "endpoints")), 0600);
    assert_int_equal(mode_of(run_path(&copy, "secret")), 0600);
    assert_int_equal(mode_of(run_path(&copy, "pg")), 0700);
    assert_int_equal(mode_of(run_path(&copy, "rpc")), 0700);
    assert_int_equal(mode_of(run_path(&copy, "objects")), 0700);
}

/* Whether the environment of a process holds NAME=. */
static bool was_told(const char *service, const char *name)
{
    static char environment[256 * 1024];
    FILE *file = fopen(harness_text("/proc/%d/environ", (int)run_pid(&copy, service)), "r");
    assert_non_null(file);
    size_t len = fread(environment, 1, sizeof environment, file);
    fclose(file);
    assert_true(len > 0);
    return memmem(environment, len, name, strlen(name)) != NULL;
}

static void test_secrets_stay_with_whom_they_concern(void **state)
{
    (void)state;
    char secret[256];
    FILE *file = fopen(run_path(&copy, "secret"), "r");
    assert_non_null(file);
    assert_non_null(fgets(secret, sizeof secret, file));
    fclose(file);
    secret[strcspn(secret, "\n")] = '\0';
    assert_true(strlen(secret) >= 32);
    assert_false(run_logged(&copy, secret));
    assert_false(run_logged(&copy, "postgresql://"));
    for (size_t i = 0; i < 4; i++) {
        assert_int_equal(was_told(SERVICES[i], "BETTER_AUTH_SECRET="), strcmp(SERVICES[i], "AUTH") == 0);
        assert_int_equal(was_told(SERVICES[i], "DATABASE_URL="), strcmp(SERVICES[i], "PROFILE") == 0);
    }
}

static void test_the_whole_path_works(void **state)
{
    (void)state;
    run_assert_works(&copy, run_sign_up(&copy, "ada@example.com"));
}

/* The second one must not touch what the first one has. */
static void test_a_second_copy_on_the_same_folder_is_refused(void **state)
{
    (void)state;
    struct run_copy second = {0};
    assert_int_equal(run_to_end(&second, &(const struct run_options){.dir = dir()}), 2);
    assert_string_equal(run_log(&second),
                        harness_text("quintet-run: another copy runs in %s (pid %d); QUINTET_RUN_DIR sets "
                                     "another folder for this one\n",
                                     dir(), (int)copy.pid));
    assert_string_equal(run_out(&second), "");
    run_assert_works(&copy, run_sign_up(&copy, "bob@example.com"));
}

static void test_a_port_in_use_is_told_by_its_setting(void **state)
{
    (void)state;
    static const char *const SETTINGS[][2] = {{"QUINTET_HTTP_LISTEN", "HTTP"},
                                              {"QUINTET_MEDIA_LISTEN", "MEDIA"}};
    for (size_t i = 0; i < 2; i++) {
        struct run_copy second = {0};
        const char *address = run_endpoint(&copy, SETTINGS[i][1]) + strlen("http://");
        const char *environment[] = {harness_text("%s=%s", SETTINGS[i][0], address), NULL};
        const struct run_options options = {.dir = harness_text("%s/other", run_folder()),
                                            .environment = environment};
        assert_int_equal(run_to_end(&second, &options), 2);
        assert_string_equal(
            run_log(&second),
            harness_text("quintet-run: %s: %s is in use by another program; set another address or port\n",
                         SETTINGS[i][0], address));
    }
}

static void test_a_run_folder_that_cannot_be_is_told_by_its_setting(void **state)
{
    (void)state;
    static const char *const DIRS[][2] = {
        {"/proc/quintet", "cannot make /proc/quintet: "},
        {"/etc/passwd", "/etc/passwd is not a folder\n"},
        {"/etc/passwd/run", "cannot make /etc/passwd/run: Not a directory\n"}};
    for (size_t i = 0; i < 3; i++) {
        struct run_copy second = {0};
        assert_int_equal(run_to_end(&second, &(const struct run_options){.dir = DIRS[i][0]}), 2);
        assert_int_equal(run_count(&second, harness_text("quintet-run: QUINTET_RUN_DIR: %s", DIRS[i][1])), 1);
        assert_int_equal(run_count(&second, "\n"), 1);
    }
}

/* A service's setting is found out before anything is started, and all are told at once. */
static void test_bad_settings_are_refused_all_at_once(void **state)
{
    (void)state;
    static const char *const OWN[] = {"QUINTET_HTTP_LISTEN=nonsense", "QUINTET_SHUTDOWN_TIMEOUT=soon", NULL};
    static const char *const SERVICES_OWN[] = {"QUINTET_AUTH_HASH_QUEUE=many", "QUINTET_RPC_CONTEXTS=-1",
                                               "DATABASE_URL=mysql://localhost/quintet", NULL};
    struct run_copy second = {0};
    const char *other = harness_text("%s/other", run_folder());
    assert_int_equal(run_to_end(&second, &(const struct run_options){.dir = other, .environment = OWN}), 2);
    assert_int_equal(run_count(&second, "is not allowed"), 2);
    assert_int_equal(
        run_to_end(&second, &(const struct run_options){.dir = other, .environment = SERVICES_OWN}), 2);
    assert_true(run_logged(&second, "quintet-auth: QUINTET_AUTH_HASH_QUEUE: \"many\" is not allowed"));
    assert_true(run_logged(&second, "quintet-auth: QUINTET_RPC_CONTEXTS: \"-1\" is not allowed"));
    assert_true(run_logged(&second, "quintet-media: QUINTET_RPC_CONTEXTS: \"-1\" is not allowed"));
    assert_true(run_logged(&second, "quintet-profile: DATABASE_URL: "));
    assert_false(run_logged(&second, "run: started"));
    assert_string_equal(run_out(&second), "");
}

/* How every end must look, by whatever signal. */
static void assert_orderly_end(const char *signal)
{
    assert_int_equal(run_wait(&copy), 0);
    run_await_nobody();
    run_assert_order(&copy,
                     (const char *const[]){
                         harness_text("run: stopping signal=%s", signal), "gateway: stopping signal=SIGTERM",
                         "gateway: ended", "run: stopped service=gateway end=\"exit code 0\"",
                         "media: stopping signal=SIGTERM", "media: ended",
                         "run: stopped service=media end=\"exit code 0\"", "auth: stopping signal=SIGTERM",
                         "auth: ended", "run: stopped service=auth end=\"exit code 0\"",
                         "profile: stopping signal=SIGTERM", "pg: connection closed", "profile: ended",
                         "run: stopped service=profile end=\"exit code 0\"",
                         "run: PostgreSQL stopped end=\"exit code 0\"", "run: ended", NULL});
    /* A line for each of the five. */
    assert_int_equal(run_count(&copy, "pg: connection closed"), 5);
    for (int i = 1; i <= 5; i++)
        assert_int_equal(run_count(&copy, harness_text("pg: connection closed connection=%d ", i)), 1);
    /* While it drains it gives up slots as they fall idle, for whoever asks; the last one goes at the end. */
    assert_int_equal(run_count(&copy, "cause=shutdown") + run_count(&copy, "cause=\"handed over\""), 5);
    assert_int_equal(run_count(&copy, "WARN"), 0);
    assert_int_equal(run_count(&copy, "ERROR"), 0);
    assert_false(run_exists(run_path(&copy, "endpoints")));
}

/* Until all five are there: only then there are five to close. */
static void await_five_connections(void)
{
    run_await(&copy, "five connections", run_count(&copy, "pg: connection opened") == 5);
}

static void test_sigterm_stops_all_in_order(void **state)
{
    (void)state;
    await_five_connections();
    kill(copy.pid, SIGTERM);
    assert_orderly_end("SIGTERM");
}

/* In a terminal Ctrl-C goes to everyone in the foreground. The services must not hear of it before their turn
 * has come: a gateway whose auth is gone would answer errors while it drains. */
static void test_ctrl_c_reaches_the_supervisor_alone(void **state)
{
    (void)state;
    start_ready();
    await_five_connections();
    assert_int_equal(run_count(&copy, "making a database cluster"), 0);
    assert_int_equal(run_sign_in(&copy, "ada@example.com"), 200); /* what was there is still there */
    kill(-copy.pid, SIGINT);
    assert_orderly_end("SIGINT");
    assert_int_equal(run_count(&copy, "signal=SIGINT"), 1);
}

/* The terminal's window is closed, with us in it. */
static void test_a_hang_up_stops_all_in_order(void **state)
{
    (void)state;
    start_ready();
    await_five_connections();
    kill(-copy.pid, SIGHUP);
    assert_orderly_end("SIGHUP");
}

static void test_ended_while_services_start(void **state)
{
    (void)state;
    run_start(&copy, &(const struct run_options){.dir = dir()});
    run_await_log(&copy, "run: started service=profile");
    run_stop(&copy);
    run_await_nobody();
    assert_string_equal(run_out(&copy), "");
}

/* One that hangs holds up the first signal, not the second. */
static void test_a_second_signal_ends_it_at_once(void **state)
{
    (void)state;
    start_ready();
    kill(run_pid(&copy, "GATEWAY"), SIGSTOP);
    kill(copy.pid, SIGINT);
    run_await_log(&copy, "run: stopping signal=SIGINT");
    kill(copy.pid, SIGTERM);
    assert_int_equal(run_wait(&copy), 128 + SIGTERM);
    run_await_nobody();
    assert_false(run_exists(run_path(&copy, "endpoints")));
    start_ready(); /* and nothing of it is in the way */
    run_assert_works(&copy, run_sign_up(&copy, "cleo@example.com"));
    run_stop(&copy);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_ended_while_the_cluster_is_made),
        cmocka_unit_test(test_ready_once_all_four_are),
        cmocka_unit_test(test_endpoints_are_complete_and_private),
        cmocka_unit_test(test_secrets_stay_with_whom_they_concern),
        cmocka_unit_test(test_the_whole_path_works),
        cmocka_unit_test(test_a_second_copy_on_the_same_folder_is_refused),
        cmocka_unit_test(test_a_port_in_use_is_told_by_its_setting),
        cmocka_unit_test(test_a_run_folder_that_cannot_be_is_told_by_its_setting),
        cmocka_unit_test(test_bad_settings_are_refused_all_at_once),
        cmocka_unit_test(test_sigterm_stops_all_in_order),
        cmocka_unit_test(test_ctrl_c_reaches_the_supervisor_alone),
        cmocka_unit_test(test_a_hang_up_stops_all_in_order),
        cmocka_unit_test(test_ended_while_services_start),
        cmocka_unit_test(test_a_second_signal_ends_it_at_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
