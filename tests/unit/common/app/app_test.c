#include <arpa/inet.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/core/check.h"
#include "tests/harness/service.h"
#include "tests/harness/test.h"

/* The life of a service, from outside: app-subject (subject.c) run as a process. */

static struct harness_service *run(const char *argument, const char *setting, const char *other)
{
    const char *const arguments[] = {argument, NULL};
    const char *const environment[] = {setting ? setting : "UNUSED=1", other ? other : "UNUSED=1", NULL};
    const struct harness_service_options options = {
        .program = "app-subject", .arguments = argument ? arguments : NULL, .environment = environment};
    return harness_service_start(&options);
}

/* Its log must hold these, in this order. */
static void assert_order(struct harness_service *service, const char *const *lines, size_t n)
{
    char *log = harness_service_log(service);
    const char *at = log;
    for (size_t i = 0; i < n; i++) {
        const char *found = strstr(at, lines[i]);
        if (!found)
            fail_msg("\"%s\" is not where it belongs in:\n%s", lines[i], log);
        at = found + 1;
    }
    free(log);
}

static void assert_says(struct harness_service *service, const char *text)
{
    char *log = harness_service_log(service);
    if (!strstr(log, text))
        fail_msg("\"%s\" is not in:\n%s", text, log);
    free(log);
}

static void test_parts_open_in_order_and_end_in_reverse(void **state)
{
    (void)state;
    struct harness_service *service = run(NULL, NULL, NULL);
    harness_service_await(service, true);
    harness_service_signal(service, SIGTERM);
    assert_int_equal(harness_service_wait(service), 0);
    const char *const steps[] = {
        "opened part=first",   "opened part=second",  "opened part=third",    "serving",
        "stopping signal=SIG", "draining part=third", "draining part=second", "draining part=first",
        "closing part=third",  "closing part=second", "closing part=first",   "ended",
    };
    assert_order(service, steps, QN_COUNT(steps));
}

static void test_sigint_is_an_orderly_end_too(void **state)
{
    (void)state;
    struct harness_service *service = run(NULL, NULL, NULL);
    harness_service_await(service, true);
    harness_service_signal(service, SIGINT);
    assert_int_equal(harness_service_wait(service), 0);
    assert_says(service, "stopping signal=SIGINT");
}

static void test_a_part_that_does_not_open_ends_it(void **state)
{
    (void)state;
    struct harness_service *service = run(NULL, "SUBJECT_FAIL=second", NULL);
    assert_int_equal(harness_service_wait(service), 1);
    const char *const steps[] = {"opened part=first", "closing part=first", "did not start",
                                 "why=\"second: told to fail\"\n"};
    assert_order(service, steps, QN_COUNT(steps));
    assert_false(harness_service_logged(service, "part=third"));
    assert_false(harness_service_logged(service, "draining"));
    assert_false(harness_service_logged(service, "closing part=second"));
    char *log = harness_service_log(service); /* and why is the last that is said */
    assert_non_null(strstr(log, "told to fail"));
    assert_null(strchr(strchr(strstr(log, "told to fail"), '\n') + 1, '\n'));
    free(log);
}

/* What draining shows an operator: still alive, no longer ready, and pages still answered. */
static void test_it_answers_while_it_drains(void **state)
{
    (void)state;
    struct harness_service *service = run(NULL, "SUBJECT_DRAIN=in-time", "QUINTET_SHUTDOWN_TIMEOUT=1s");
    harness_service_await(service, true);
    harness_service_signal(service, SIGTERM);
    harness_service_await(service, false);
    char *body = NULL;
    assert_int_equal(harness_service_get(service, "/readyz", &body), 503);
    assert_non_null(strstr(body, "second: ready"));
    assert_non_null(strstr(body, "stopping\n"));
    free(body);
    assert_int_equal(harness_service_get(service, "/healthz", NULL), 200);
    assert_int_equal(harness_service_wait(service), 0);
}

/* Not ready at once, so that load balancers look away; what they still send is served until the delay is
 * over. */
static void test_it_serves_on_for_a_delay(void **state)
{
    (void)state;
    struct harness_service *service = run(NULL, "QUINTET_SHUTDOWN_DELAY=1s", "QUINTET_SHUTDOWN_TIMEOUT=10m");
    harness_service_await(service, true);
    harness_service_signal(service, SIGTERM);
    harness_service_await(service, false);
    char *body = NULL;
    assert_int_equal(harness_service_get(service, "/readyz", &body), 503);
    assert_non_null(strstr(body, "second: ready"));
    free(body);
    assert_int_equal(harness_service_wait(service), 0);
    const char *const steps[] = {"stopping signal=SIGTERM delay_ms=1000", "draining part=third", "ended"};
    assert_order(service, steps, QN_COUNT(steps));
    char *log = harness_service_log(service);
    int64_t took_ms = 0;
    assert_true(
        qn_str_to_i64(qn_str_c(strtok(strstr(log, "took_ms=") + strlen("took_ms="), "\n")), &took_ms));
    assert_true(took_ms >= 1000);
    free(log);
}

static void test_a_second_signal_exits_at_once(void **state)
{
    (void)state;
    struct harness_service *service = run(NULL, "SUBJECT_DRAIN=in-time", "QUINTET_SHUTDOWN_TIMEOUT=10m");
    harness_service_await(service, true);
    harness_service_signal(service, SIGTERM);
    harness_service_await(service, false);
    harness_service_signal(service, SIGTERM);
    assert_int_equal(harness_service_wait(service), 143);
    assert_false(harness_service_logged(service, "closing"));

    service = run(NULL, "SUBJECT_DRAIN=in-time", "QUINTET_SHUTDOWN_TIMEOUT=10m");
    harness_service_await(service, true);
    harness_service_signal(service, SIGTERM);
    harness_service_await(service, false);
    harness_service_signal(service, SIGINT);
    assert_int_equal(harness_service_wait(service), 130);
}

/* A part that hangs must not keep the process, and with it its database slots, for ever. */
static void test_a_part_that_never_drains_is_left_behind(void **state)
{
    (void)state;
    struct harness_service *service = run(NULL, "SUBJECT_DRAIN=never", "QUINTET_SHUTDOWN_TIMEOUT=0");
    harness_service_await(service, true);
    harness_service_signal(service, SIGTERM);
    assert_int_equal(harness_service_wait(service), 1);
    assert_says(service, "a part does not end: exiting without it part=second");
}

static void test_what_is_left_in_the_loop_is_named(void **state)
{
    (void)state;
    struct harness_service *service = run(NULL, "SUBJECT_LEAK=yes", NULL);
    harness_service_await(service, true);
    harness_service_signal(service, SIGTERM);
#if defined(NDEBUG) && !defined(__SANITIZE_ADDRESS__)
    assert_int_equal(harness_service_wait(service), 0);
#else
    assert_int_equal(harness_service_wait(service), 1);
#endif
    assert_says(service, "1 open: timer");
    assert_says(service, "the loop did not end empty");
}

/* The admin port. */

static void test_readiness_follows_the_parts(void **state)
{
    (void)state;
    struct harness_service *service = run(NULL, NULL, NULL);
    harness_service_await(service, true);
    char *body = NULL;
    assert_int_equal(harness_service_get(service, "/readyz", &body), 200);
    assert_string_equal(body, "first: ready, all is well\nsecond: ready, all is well\nbare: ready\n"
                              "third: ready, all is well\n");
    free(body);
    assert_int_equal(harness_service_get(service, "/switch", &body), 200);
    assert_string_equal(body, "off");
    free(body);
    assert_int_equal(harness_service_get(service, "/readyz", &body), 503);
    assert_non_null(strstr(body, "second: not ready, switched off\n"));
    free(body);
    assert_int_equal(harness_service_get(service, "/readyz?format=json", &body), 503);
    assert_non_null(strstr(body, "{\"service\":\"subject\",\"version\":\""));
    assert_non_null(strstr(body, "{\"name\":\"second\",\"ready\":false,\"detail\":\"switched off\"}"));
    assert_non_null(strstr(body, "\"stopping\":false,\"ready\":false}"));
    free(body);
    assert_int_equal(harness_service_stop(service), 0);
}

static void test_pages_and_what_is_none(void **state)
{
    (void)state;
    struct harness_service *service = run(NULL, NULL, NULL);
    harness_service_await(service, true);
    char *body = NULL;
    assert_int_equal(harness_service_get(service, "/", &body), 200);
    assert_non_null(strstr(body, "/healthz\n/readyz\n/metrics\n/switch\n"));
    free(body);
    assert_int_equal(harness_service_get(service, "/healthz", &body), 200);
    assert_string_equal(body, "ok\n");
    free(body);
    assert_int_equal(harness_service_get(service, "/nothing", NULL), 404);
    assert_int_equal(harness_service_stop(service), 0);
}

static void test_metrics_tell_of_the_process(void **state)
{
    (void)state;
    struct harness_service *service = run(NULL, NULL, NULL);
    harness_service_await(service, true);
    assert_true(harness_service_metric(service, "process_resident_memory_bytes") > 1e6);
    assert_true(harness_service_metric(service, "process_open_fds") > 5);
    assert_true(harness_service_metric(service, "process_open_fds") <
                harness_service_metric(service, "process_max_fds"));
    assert_true(harness_service_metric(service, "process_cpu_seconds_total") > 0);
    assert_true(harness_service_metric(service, "process_start_time_seconds") > 1.7e9);
    assert_true(harness_service_metric(service, "quintet_build_info{version=\"" QN_VERSION
                                                "\",service=\"subject\"}") == 1);
    assert_true(harness_service_metric(service, "quintet_loop_lag_seconds_count") >= 0);
    assert_true(
        harness_service_metric(service, "quintet_http_requests_total{server=\"admin\",code=\"2xx\"}") > 5);
    assert_int_equal(harness_service_stop(service), 0);
}

/* Arguments and settings. */

static void test_help_shows_everything(void **state)
{
    (void)state;
    struct harness_service *service =
        run("--help", "QUINTET_ADMIN_LISTEN=nonsense", NULL); /* help always helps */
    assert_int_equal(harness_service_wait(service), 0);
    assert_says(service, "quintet-subject " QN_VERSION "\nNothing but a life.\n");
    assert_says(service, "[--help | --version | --check | --health | --hello]");
    assert_says(service, "\n  --hello    says hello\n");
    assert_says(service,
                "\n  QUINTET_SHUTDOWN_TIMEOUT  longest wait for work in hand after SIGTERM (default 20s)\n");
    assert_says(service,
                "\n  SUBJECT_DRAIN             how the second part drains: at-once, in-time or never");
}

static void test_version(void **state)
{
    (void)state;
    struct harness_service *service = run("--version", NULL, NULL);
    assert_int_equal(harness_service_wait(service), 0);
    char *log = harness_service_log(service);
    assert_string_equal(log, "quintet-subject " QN_VERSION "\n");
    free(log);
}

static void test_check_says_ok_or_what_is_wrong(void **state)
{
    (void)state;
    struct harness_service *service = run("--check", NULL, NULL);
    assert_int_equal(harness_service_wait(service), 0);
    char *log = harness_service_log(service);
    assert_string_equal(log, "ok\n");
    free(log);

    service = run("--check", "SUBJECT_LEAK=perhaps", "SUBJECT_ODD=odd");
    assert_int_equal(harness_service_wait(service), 2);
    assert_says(service, "quintet-subject: SUBJECT_LEAK: \"perhaps\" is not allowed; true or false");
    assert_says(service, "quintet-subject: SUBJECT_ODD: \"odd\" is not allowed; anything even\n");
    assert_false(harness_service_logged(service, "ok"));
}

/* The health check of a container: the program asks the one that runs. */
static void test_health_asks_the_running_one(void **state)
{
    (void)state;
    struct harness_service *service = run(NULL, NULL, NULL);
    harness_service_await(service, true);
    const char *at = harness_text("QUINTET_ADMIN_LISTEN=127.0.0.1:%u", harness_service_admin_port(service));
    struct harness_service *asking = run("--health", at, NULL);
    assert_int_equal(harness_service_wait(asking), 0);
    char *log = harness_service_log(asking);
    assert_string_equal(log, "ok\n");
    free(log);

    assert_int_equal(harness_service_get(service, "/switch", NULL), 200); /* not ready is not unwell */
    asking = run("--health", at, NULL);
    assert_int_equal(harness_service_wait(asking), 0);
    assert_int_equal(harness_service_stop(service), 0);

    asking = run("--health", "QUINTET_ADMIN_LISTEN=127.0.0.1:0", NULL);
    assert_int_equal(harness_service_wait(asking), 1);
    assert_says(asking, "must name the port that the service has");
}

/* Bound and never accepting: the kernel takes the connection and nobody answers. */
static void test_health_does_not_wait_for_ever(void **state)
{
    (void)state;
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof address;
    assert_int_equal(bind(fd, (struct sockaddr *)&address, len), 0);
    assert_int_equal(listen(fd, 1), 0);
    assert_int_equal(getsockname(fd, (struct sockaddr *)&address, &len), 0);
    const char *at = harness_text("QUINTET_ADMIN_LISTEN=127.0.0.1:%u", ntohs(address.sin_port));
    struct harness_service *asking = run("--health", at, NULL);
    assert_int_equal(harness_service_wait(asking), 1);
    assert_says(asking, "not well: 127.0.0.1:");
    close(fd);
    asking = run("--health", at, NULL); /* and now nobody listens */
    assert_int_equal(harness_service_wait(asking), 1);
    assert_says(asking, "Connection refused");
}

static void test_bad_settings_keep_it_from_serving(void **state)
{
    (void)state;
    struct harness_service *service =
        run(NULL, "QUINTET_LOG_LEVEL=loud", "QUINTET_ADMIN_LISTEN=example.com:1");
    assert_int_equal(harness_service_wait(service), 2);
    assert_says(service, "QUINTET_LOG_LEVEL: \"loud\" is not allowed; one of debug|info|warn|error\n");
    assert_says(service, "QUINTET_ADMIN_LISTEN: \"example.com:1\" is not allowed; host:port");
    assert_false(harness_service_logged(service, "opened"));
}

static void test_bad_arguments(void **state)
{
    (void)state;
    struct harness_service *service = run("--nonsense", NULL, NULL);
    assert_int_equal(harness_service_wait(service), 2);
    assert_says(service, "quintet-subject: --nonsense: no such option (--help lists what there is)\n");
}

static void test_a_verb_runs_with_the_settings_and_gives_the_exit_code(void **state)
{
    (void)state;
    struct harness_service *service = run("--hello", "QUINTET_ADMIN_LISTEN=127.0.0.1:9", NULL);
    assert_int_equal(harness_service_wait(service), 7);
    assert_says(service, "hello, admin would be 127.0.0.1:9\n");
    assert_false(harness_service_logged(service, "opened"));
}

static void test_logs_as_json(void **state)
{
    (void)state;
    struct harness_service *service = run(NULL, "QUINTET_LOG_FORMAT=json", "QUINTET_LOG_LEVEL=debug");
    harness_service_await(service, true);
    assert_int_equal(harness_service_stop(service), 0);
    assert_says(service, "\"part\":\"third\"");
    assert_says(service, "part drained"); /* a debug line */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_parts_open_in_order_and_end_in_reverse),
        cmocka_unit_test(test_sigint_is_an_orderly_end_too),
        cmocka_unit_test(test_a_part_that_does_not_open_ends_it),
        cmocka_unit_test(test_it_answers_while_it_drains),
        cmocka_unit_test(test_it_serves_on_for_a_delay),
        cmocka_unit_test(test_a_second_signal_exits_at_once),
        cmocka_unit_test(test_a_part_that_never_drains_is_left_behind),
        cmocka_unit_test(test_what_is_left_in_the_loop_is_named),
        cmocka_unit_test(test_readiness_follows_the_parts),
        cmocka_unit_test(test_pages_and_what_is_none),
        cmocka_unit_test(test_metrics_tell_of_the_process),
        cmocka_unit_test(test_help_shows_everything),
        cmocka_unit_test(test_version),
        cmocka_unit_test(test_check_says_ok_or_what_is_wrong),
        cmocka_unit_test(test_health_asks_the_running_one),
        cmocka_unit_test(test_health_does_not_wait_for_ever),
        cmocka_unit_test(test_bad_settings_keep_it_from_serving),
        cmocka_unit_test(test_bad_arguments),
        cmocka_unit_test(test_a_verb_runs_with_the_settings_and_gives_the_exit_code),
        cmocka_unit_test(test_logs_as_json),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
