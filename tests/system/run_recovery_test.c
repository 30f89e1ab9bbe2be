#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "tests/harness/http.h"
#include "tests/harness/service.h"
#include "tests/harness/test.h"
#include "tests/system/run_fixture.h"

/* What dies under the supervisor comes back where it was; when the supervisor itself dies, nothing is left
 * and nothing is in the way. */

static const char *const SERVICES[] = {"PROFILE", "AUTH", "MEDIA", "GATEWAY"};
static const char *const NAMES[] = {"profile", "auth", "media", "gateway"};

static struct run_copy copy;
static const char *cookie;

static const char *dir(void)
{
    return harness_text("%s/it", run_folder());
}

static int start(void **state)
{
    (void)state;
    run_start_ready(&copy, &(const struct run_options){.dir = dir()});
    cookie = run_sign_up(&copy, "ada@example.com");
    return 0;
}

static void await_all_ready(void)
{
    for (size_t i = 0; i < 4; i++)
        run_await_get(run_endpoint(&copy, harness_text("ADMIN_%s", SERVICES[i])), "/readyz", 200);
}

static void test_each_service_comes_back_where_it_was(void **state)
{
    (void)state;
    for (size_t i = 0; i < 4; i++) {
        const char *admin_key = harness_text("ADMIN_%s", SERVICES[i]);
        const char *admin = run_endpoint(&copy, admin_key), *http = run_endpoint(&copy, "HTTP"),
                   *media = run_endpoint(&copy, "MEDIA");
        pid_t before = run_pid(&copy, SERVICES[i]);
        kill(before, SIGKILL);
        run_await_log(&copy, harness_text("run: a service died; it will be started again service=%s "
                                          "end=\"signal 9 (Killed)\"",
                                          NAMES[i]));
        run_await(&copy, "it runs again",
                  run_pid(&copy, SERVICES[i]) > 0 && run_pid(&copy, SERVICES[i]) != before);
        run_await_log(
            &copy, harness_text("run: ready service=%s pid=%d", NAMES[i], (int)run_pid(&copy, SERVICES[i])));
        await_all_ready();
        assert_string_equal(run_endpoint(&copy, admin_key), admin);
        assert_string_equal(run_endpoint(&copy, "HTTP"), http);
        assert_string_equal(run_endpoint(&copy, "MEDIA"), media);
        run_assert_works(&copy, cookie);
        assert_int_equal(run_count(&copy, "run: a service died"), i + 1);
    }
    assert_string_equal(run_out(&copy), harness_text("quintet: ready on %s\n", run_endpoint(&copy, "HTTP")));
}

/* The gateway's socket outlives it: whoever connects in between waits a little and is answered. */
static void test_nobody_is_refused_while_the_gateway_is_away(void **state)
{
    (void)state;
    const char *http = run_endpoint(&copy, "HTTP");
    kill(run_pid(&copy, "GATEWAY"), SIGKILL);
    for (int i = 0; i < 50; i++) /* each of them fails the test when its connection is refused */
        assert_int_equal(run_get(http, "/healthz"), 200);
}

/* PostgreSQL is killed and cannot come back for a while: its files are elsewhere. */
static void test_postgres_comes_back(void **state)
{
    (void)state;
    const char *data = run_path(&copy, "pg/data"), *away = run_path(&copy, "pg/away");
    const char *profile = run_endpoint(&copy, "ADMIN_PROFILE"), *http = run_endpoint(&copy, "HTTP");
    pid_t before = run_pid(&copy, "POSTGRES");
    size_t died = run_count(&copy, "run: a service died");
    assert_int_equal(rename(data, away), 0);
    kill(before, SIGKILL);
    run_await_log(&copy,
                  "run: PostgreSQL died; it will be started again end=\"signal 9 (Killed)\" in_ms=100");
    run_await_get(profile, "/readyz", 503);
    assert_int_equal(run_get(http, "/healthz"), 200); /* nobody else is dragged along */
    struct harness_http_reply reply = harness_http(&(const struct harness_http_request){
        .url = harness_text("%s/quintet.auth.v1.AuthService/GetSessionWithProfileCheck", http),
        .headers = {"Content-Type: application/json", "Connect-Timeout-Ms: 500",
                    harness_text("Cookie: %s", cookie)},
        .body = QN_STR("{}")});
    /* Typed, and in time: whether profile or the gateway gives up first is a matter of milliseconds. */
    if (reply.status != 503 && reply.status != 504)
        fail_msg("without a database: %d %s", reply.status, reply.body);
    harness_http_free(&reply);
    run_await_log(&copy, "in_ms=400"); /* it is tried again, with more and more patience */
    assert_int_equal(rename(away, data), 0);
    await_all_ready();
    run_assert_works(&copy, cookie);
    run_await(&copy, "its new pid is told", run_pid(&copy, "POSTGRES") != before);
    assert_int_equal(kill(run_pid(&copy, "POSTGRES"), 0), 0);
    assert_int_equal(run_count(&copy, "run: a service died"), died); /* the services sat it out */
}

/* How many milliseconds the n-th line that holds 'text' says that it will be waited. */
static long waits_ms(const char *text, size_t n)
{
    const char *at = run_log(&copy);
    for (; (at = strstr(at, text)) && n > 0; n--)
        at++;
    assert_non_null(at);
    const char *in_ms = strstr(at, "in_ms=");
    assert_non_null(in_ms);
    return strtol(in_ms + strlen("in_ms="), NULL, 10);
}

/* One that ends as soon as it is started: each start waits twice as long as the one before. */
static void test_a_service_that_dies_at_once_is_left_alone_longer_and_longer(void **state)
{
    (void)state;
    static const char DIED[] =
        "run: a service died; it will be started again service=media end=\"exit code 7\"";
    const char *programs = run_programs();
    run_stop(&copy);
    run_replace(programs, "quintet-media", "[ \"$1\" = --check ] && exit 0\nexit 7");
    run_start(&copy, &(const struct run_options){.dir = dir(), .programs = programs});
    run_await(&copy, "five deaths", run_count(&copy, DIED) == 5);
    for (size_t i = 0; i < 5; i++)
        assert_int_equal(waits_ms(DIED, i), 100L << i);
    assert_int_equal(run_count(&copy, "run: started service=media"), 5);
    assert_string_equal(run_out(&copy), "");
    run_restore(programs, "quintet-media"); /* the next start finds it mended */
    run_await_ready(&copy);
    assert_int_equal(run_sign_in(&copy, "ada@example.com"), 200);
    /* It may also be ended while it waits for a start. */
    run_replace(programs, "quintet-media", "exit 7");
    kill(run_pid(&copy, "MEDIA"), SIGKILL);
    run_await_log(&copy, "service=media end=\"signal 9 (Killed)\"");
    run_stop(&copy);
    run_await_nobody();
    run_start_ready(&copy, &(const struct run_options){.dir = dir()});
}

/* Nothing of the killed run may be left, nor be in the next one's way: not its processes, nor PostgreSQL's
 * pid file, nor the sockets, nor the lock. */
static void test_the_supervisor_is_killed(void **state)
{
    (void)state;
    const char *pid_file = run_path(&copy, "pg/data/postmaster.pid");
    kill(copy.pid, SIGKILL);
    assert_int_equal(run_wait(&copy), -SIGKILL);
    /* Not waited for the others' end: whoever starts it again does not either. */
    run_start_ready(&copy, &(const struct run_options){.dir = dir()});
    assert_int_equal(run_count(&copy, "making a database cluster"), 0);
    run_assert_works(&copy, cookie); /* signed with a secret that was kept; found in what was kept */

    kill(copy.pid, SIGKILL);
    run_wait(&copy);
    run_await_nobody();
    /* As after a power cut: the file stays, and its number may be anybody's by now. */
    FILE *file = fopen(pid_file, "w");
    assert_non_null(file);
    fprintf(file, "%d\n%s/pg/data\n", (int)getpid(), dir());
    fclose(file);
    run_start_ready(&copy, &(const struct run_options){.dir = dir()});
    run_assert_works(&copy, cookie);
    run_stop(&copy);
    run_await_nobody();
    assert_false(run_exists(pid_file));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_each_service_comes_back_where_it_was),
        cmocka_unit_test(test_nobody_is_refused_while_the_gateway_is_away),
        cmocka_unit_test(test_postgres_comes_back),
        cmocka_unit_test(test_a_service_that_dies_at_once_is_left_alone_longer_and_longer),
        cmocka_unit_test(test_the_supervisor_is_killed),
    };
    return cmocka_run_group_tests(tests, start, NULL);
}
