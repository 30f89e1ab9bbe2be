#include <arpa/inet.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "tests/harness/crowd.h"
#include "tests/harness/service.h"
#include "tests/harness/test.h"
#include "tests/system/run_fixture.h"

/* Services restarted on purpose, while people use them: nobody notices. */

#define CHECK "/quintet.auth.v1.AuthService/GetSessionWithProfileCheck"

enum {
    ROUNDS = 5,
    CLIENTS = 32,
    IDLE = 50,
    LOOK_EVERY = 25,                 /* answers, between two looks at the log */
    REQUESTS_MAX = 20 * 1000 * 1000, /* the load ends when the restarts are done */
    ANSWER_MS = 20000,
};

static struct run_copy copy;
static const char *cookie, *programs;

static const char *dir(void)
{
    return harness_text("%s/it", run_folder());
}

/* As long as a drain may take, clients that fall idle are waited for. */
static const char *const PATIENT[] = {"QUINTET_SHUTDOWN_TIMEOUT=2m", "QUINTET_HTTP_DRAIN_IDLE=1m", NULL};

static int start(void **state)
{
    (void)state;
    programs = run_programs();
    run_start_ready(&copy,
                    &(const struct run_options){.dir = dir(), .programs = programs, .environment = PATIENT});
    cookie = run_sign_up(&copy, "ada@example.com");
    return 0;
}

/* quintet-run --restart NAMES: the exit code. */
static int ask(const char *names)
{
    int status = system(harness_text("QUINTET_RUN_DIR=%s %s/bin/quintet-run --restart %s >%s/said 2>&1",
                                     dir(), QN_BUILD_DIR, names, run_folder()));
    assert_true(WIFEXITED(status));
    return WEXITSTATUS(status);
}

static size_t restarted(const char *name)
{
    return run_count(&copy, harness_text("run: restarted service=%s ", name));
}

/* Under load. */

struct load {
    const char *name;
    size_t before, asked;
    size_t good, bad;
    char first_bad[512];
};

static bool on_answer(void *context, const struct crowd_answer *answer, size_t so_far)
{
    struct load *load = context;
    if (answer->status == 200 && strstr(answer->body, "\"authenticated\":true"))
        load->good++;
    else if (load->bad++ == 0)
        snprintf(load->first_bad, sizeof load->first_bad, "%d %s %s", answer->status,
                 answer->failure ? answer->failure : "", answer->body);
    if (so_far % LOOK_EVERY != 0 || restarted(load->name) < load->before + load->asked)
        return load->bad == 0;
    if (load->asked == ROUNDS)
        return false;
    load->asked++;
    assert_int_equal(ask(load->name), 0);
    return true;
}

static void restart_under_load(const char *name, const char *extra)
{
    struct load load = {.name = name, .before = restarted(name)};
    pid_t before = run_pid(&copy, strcmp(name, "auth") == 0      ? "AUTH"
                                  : strcmp(name, "media") == 0   ? "MEDIA"
                                  : strcmp(name, "profile") == 0 ? "PROFILE"
                                                                 : "GATEWAY");
    crowd_run(&(const struct crowd_options){.url = harness_text("%s%s", run_endpoint(&copy, "HTTP"), CHECK),
                                            .clients = CLIENTS,
                                            .requests = REQUESTS_MAX,
                                            .cookies = &cookie,
                                            .n_cookies = 1,
                                            .json = "{}",
                                            .extra = extra,
                                            .answered = on_answer,
                                            .context = &load});
    printf("%s restarted %zu times: %zu answers\n", name, restarted(name) - load.before, load.good);
    if (load.bad)
        fail_msg("an answer that is none: %s", load.first_bad);
    assert_int_equal(restarted(name), load.before + ROUNDS);
    assert_int_equal(run_count(&copy, "run: a service died"), 0);
    assert_int_equal(kill(before, 0), -1);
    run_assert_works(&copy, cookie);
}

static void test_auth_is_restarted_under_load(void **state)
{
    (void)state;
    restart_under_load("auth", NULL);
}

/* Old and new share the five connections meanwhile. */
static void test_profile_is_restarted_under_load(void **state)
{
    (void)state;
    restart_under_load("profile", NULL);
}

static void test_media_is_restarted_under_load(void **state)
{
    (void)state;
    restart_under_load("media", NULL);
}

static void test_the_gateway_is_restarted_under_load(void **state)
{
    (void)state;
    const char *http = run_endpoint(&copy, "HTTP");
    restart_under_load("gateway", NULL);
    restart_under_load("gateway", "Connection: close"); /* a new connection for every request */
    assert_string_equal(run_endpoint(&copy, "HTTP"), http);
}

/* Connections that were idle when the gateway began to drain. What libcurl sends again by itself, not every
 * client does, so these have no library. */

static int connect_to(const char *url)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    struct timeval limit = {.tv_sec = ANSWER_MS / 1000};
    address.sin_port = htons((uint16_t)strtoul(strrchr(url, ':') + 1, NULL, 10));
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_true(fd >= 0);
    assert_int_equal(setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit), 0);
    assert_int_equal(connect(fd, (struct sockaddr *)&address, sizeof address), 0);
    return fd;
}

/* Sends a request on it; the answer's head and body, up to the end of the body "ok\n". */
static const char *ask_on(int fd)
{
    static const char REQUEST[] = "GET /healthz HTTP/1.1\r\nHost: h\r\n\r\n";
    static char answer[4096];
    size_t len = 0;
    assert_int_equal(send(fd, REQUEST, sizeof REQUEST - 1, MSG_NOSIGNAL), sizeof REQUEST - 1);
    do {
        ssize_t n = recv(fd, answer + len, sizeof answer - 1 - len, 0);
        if (n <= 0)
            fail_msg("no answer on a kept connection");
        len += (size_t)n;
        answer[len] = '\0';
    } while (!strstr(answer, "\r\n\r\nok\n"));
    return answer;
}

static void test_idle_connections_get_one_more_answer(void **state)
{
    (void)state;
    int idle[IDLE];
    char byte;
    size_t before = restarted("gateway"), began = run_count(&copy, "gateway: stopping signal=SIGTERM");
    for (size_t i = 0; i < IDLE; i++) {
        idle[i] = connect_to(run_endpoint(&copy, "HTTP"));
        assert_null(strstr(ask_on(idle[i]), "Connection: close"));
    }
    assert_int_equal(ask("gateway"), 0);
    run_await(&copy, "the old one stops", run_count(&copy, "gateway: stopping signal=SIGTERM") == began + 1);
    assert_int_equal(run_get(run_endpoint(&copy, "HTTP"), "/healthz"), 200); /* by the new one */
    for (size_t i = 0; i < IDLE; i++) {
        assert_int_equal(restarted("gateway"), before);
        assert_non_null(strstr(ask_on(idle[i]), "Connection: close"));
        assert_int_equal(recv(idle[i], &byte, 1, 0), 0); /* and an orderly end */
        close(idle[i]);
    }
    run_await(&copy, "the old one ends", restarted("gateway") == before + 1);
}

/* What goes wrong. */

static void test_names_that_are_none_are_told(void **state)
{
    (void)state;
    assert_int_equal(ask("auth nonsense"), 2);
    assert_int_equal(system(harness_text("grep -q 'nonsense: no such service' %s/said", run_folder())), 0);
    int status = system(harness_text("QUINTET_RUN_DIR=%s/nobody %s/bin/quintet-run --restart 2>%s/said",
                                     run_folder(), QN_BUILD_DIR, run_folder()));
    assert_int_equal(WEXITSTATUS(status), 1);
    assert_int_equal(system(harness_text("grep -q 'nothing runs in' %s/said", run_folder())), 0);
}

/* A release that does not start must not take the running one along; nor be followed by the next. */
static void test_one_that_does_not_start_leaves_the_old_one(void **state)
{
    (void)state;
    pid_t auth = run_pid(&copy, "AUTH"), gateway = run_pid(&copy, "GATEWAY");
    size_t before = restarted("gateway");
    run_replace(programs, "quintet-auth", "exit 7");
    assert_int_equal(ask("auth gateway"), 0);
    run_await_log(&copy, "run: not restarted: it goes on as it was, and so do those that were to follow "
                         "service=auth why=\"the new one ended before it was ready\"");
    assert_int_equal(run_pid(&copy, "AUTH"), auth);
    assert_int_equal(run_pid(&copy, "GATEWAY"), gateway);
    assert_int_equal(restarted("gateway"), before);
    run_restore(programs, "quintet-auth");
    run_assert_works(&copy, cookie);
    assert_int_equal(ask("auth"), 0); /* mended */
    run_await(&copy, "auth is restarted", run_pid(&copy, "AUTH") != auth);
    run_assert_works(&copy, cookie);
}

/* One that does not become ready, and all is ended meanwhile: both processes go. */
static void test_all_is_ended_while_one_is_restarted(void **state)
{
    (void)state;
    run_replace(programs, "quintet-media", "exec sleep 1000");
    size_t before = run_count(&copy, "run: started service=media");
    assert_int_equal(ask("media"), 0);
    run_await(&copy, "the new one", run_count(&copy, "run: started service=media") == before + 1);
    run_stop(&copy);
    run_await_nobody();
    run_restore(programs, "quintet-media");
    assert_true(run_logged(&copy, "run: stopped service=media end=\"signal 15 (Terminated)\""));
    assert_true(run_logged(&copy, "run: stopped service=media end=\"exit code 0\""));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_auth_is_restarted_under_load),
        cmocka_unit_test(test_profile_is_restarted_under_load),
        cmocka_unit_test(test_media_is_restarted_under_load),
        cmocka_unit_test(test_the_gateway_is_restarted_under_load),
        cmocka_unit_test(test_idle_connections_get_one_more_answer),
        cmocka_unit_test(test_names_that_are_none_are_told),
        cmocka_unit_test(test_one_that_does_not_start_leaves_the_old_one),
        cmocka_unit_test(test_all_is_ended_while_one_is_restarted),
    };
    return cmocka_run_group_tests(tests, start, NULL);
}
