#include <stdio.h>
#include <stdlib.h>

#include "tests/harness/http.h"
#include "tests/harness/stack.h"
#include "tests/harness/test.h"
#include "tests/integration/load_fixture.h"

/* quintet-load against the real stack: its counts are the servers' own, over HTTP and over nng. */

#define PROGRAM "bin/quintet-load"
#define CHECK   "quintet.auth.v1.AuthService/GetSessionWithProfileCheck"
#define PROFILE "quintet.profile.v1.ProfileService/GetMyProfile"
#define SERVED  "quintet_rpc_server_calls_total{method=\"%s\",code=\"%s\"}"
#define COOKIE  "better-auth.session_token"

static struct harness_stack stack;
static struct load_fixture run;
static const char *cookies; /* a file with the one cookie of a signed-in user */

static int set_up(void **state)
{
    (void)state;
    harness_stack_start(&stack, NULL);
    struct harness_http_reply reply = harness_http_post(
        stack.url, "/quintet.auth.v1.AuthService/SignUp", NULL,
        "{\"name\":\"Load\",\"email\":\"load@example.com\",\"password\":\"a password of some length\"}");
    const char *cookie = harness_http_cookie(&reply, COOKIE);
    if (!cookie)
        fail_msg("signing up: %d %s", reply.status, reply.body);
    cookies = load_fixture_file("cookies", cookie);
    harness_http_free(&reply);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    harness_stack_stop(&stack);
    return 0;
}

static int free_run(void **state)
{
    (void)state;
    load_fixture_free(&run);
    return 0;
}

static void load(const char *const *arguments)
{
    load_fixture_start(&run, PROGRAM, arguments);
    load_fixture_wait(&run, NULL);
}

static double served(struct harness_service *service, const char *method, const char *code)
{
    double value = harness_service_metric(service, harness_text(SERVED, method, code));
    return value < 0 ? 0 : value;
}

static const char *address(const char *service)
{
    return harness_text("ipc://%s/%s", harness_folder(), service);
}

static const char *metrics(struct harness_service *service)
{
    return harness_text("http://127.0.0.1:%u/metrics", harness_service_admin_port(service));
}

static void test_http_counts(void **state)
{
    (void)state;
    double before = served(stack.auth, CHECK, "ok");
    load(LOAD_ARGUMENTS("--target", stack.url, "--method", CHECK, "--cookie-file", cookies, "--rate", "50",
                        "--duration", "2s", "--warmup", "500ms", "--connections", "16"));
    load_fixture_expect_honest(&run);
    assert_int_equal(run.result.codes[QN_OK], 100);
    assert_int_equal(run.result.ended, 100);
    assert_int_equal(run.result.asked.concurrency, 16); /* one call at a time on each connection */
    assert_float_equal(served(stack.auth, CHECK, "ok") - before, 125, 0);
}

static void test_nng_counts(void **state)
{
    (void)state;
    double before = served(stack.auth, CHECK, "ok");
    load(LOAD_ARGUMENTS("--target", address("auth"), "--method", CHECK, "--cookie-file", cookies, "--closed",
                        "--concurrency", "32", "--duration", "1s", "--warmup", "0"));
    load_fixture_expect_honest(&run);
    assert_true(run.result.ended > 100);
    assert_int_equal(run.result.codes[QN_OK], run.result.ended);
    assert_float_equal(served(stack.auth, CHECK, "ok") - before, (double)run.result.ended, 0);
}

/* The cookie arrives: with it auth asks profile for the session's row, without it does not. */
static void test_cookies_travel(void **state)
{
    (void)state;
    static const char store[] = "quintet.store.v1.SessionStore/GetSessionWithProfile";
    const char *const targets[] = {stack.url, address("auth")};
    for (int i = 0; i < 2; i++) {
        double before = served(stack.profile, store, "ok");
        load(LOAD_ARGUMENTS("--target", targets[i], "--method", CHECK, "--rate", "50", "--duration", "1s",
                            "--warmup", "0"));
        assert_int_equal(run.result.codes[QN_OK], 50);
        assert_float_equal(served(stack.profile, store, "ok") - before, 0, 0);
        load_fixture_free(&run);
        load(LOAD_ARGUMENTS("--target", targets[i], "--method", CHECK, "--cookie-file", cookies, "--rate",
                            "50", "--duration", "1s", "--warmup", "0"));
        assert_int_equal(run.result.codes[QN_OK], 50);
        assert_float_equal(served(stack.profile, store, "ok") - before, 50, 0);
        load_fixture_free(&run);
    }
}

/* A caller, as the gateway says it, opens what wants a session. */
static void test_caller(void **state)
{
    (void)state;
    load(LOAD_ARGUMENTS("--target", address("profile"), "--method", PROFILE, "--rate", "20", "--duration",
                        "1s", "--warmup", "0"));
    assert_int_equal(run.result.codes[QN_UNAUTHENTICATED], 20);
    load_fixture_free(&run);
    load(LOAD_ARGUMENTS("--target", address("profile"), "--method", PROFILE, "--caller", "nobody-we-know",
                        "--rate", "20", "--duration", "1s", "--warmup", "0"));
    assert_int_equal(run.result.codes[QN_NOT_FOUND], 20);
}

/* The body's code where there is one, the protocol's table where there is none. */
static void test_http_codes(void **state)
{
    (void)state;
    load(LOAD_ARGUMENTS("--target", stack.url, "--method", PROFILE, "--method", "/nowhere", "--method",
                        "GET /healthz", "--method", "quintet.auth.v1.AuthService/SignIn", "--data",
                        "{\"email\":\"no address\"}", "--rate", "200", "--duration", "1s", "--warmup", "0"));
    load_fixture_expect_honest(&run);
    static const enum qn_status codes[] = {QN_UNAUTHENTICATED, QN_UNIMPLEMENTED, QN_OK, QN_INVALID_ARGUMENT};
    uint64_t all = 0;
    for (int i = 0; i < 4; i++) {
        assert_true(run.result.methods[i].latency.count > 20);
        assert_int_equal(run.result.methods[i].codes[codes[i]], run.result.methods[i].latency.count);
        all += run.result.methods[i].latency.count;
    }
    assert_int_equal(all, 200);
}

static void test_http_headers(void **state)
{
    (void)state;
    load(LOAD_ARGUMENTS("--target", stack.url, "--method", CHECK, "--header", "content-type: text/plain",
                        "--rate", "20", "--duration", "1s", "--warmup", "0"));
    assert_int_equal(run.result.codes[QN_UNKNOWN], 20); /* 415: ours gave way to the one asked for */
}

static void test_nobody_there(void **state)
{
    (void)state;
    load(LOAD_ARGUMENTS("--target", "http://127.0.0.1:9", "--method", CHECK, "--rate", "20", "--duration",
                        "1s", "--warmup", "0"));
    load_fixture_expect_honest(&run);
    assert_int_equal(run.result.codes[QN_UNAVAILABLE], 20);
}

static const struct load_watched_metric *metric(const char *series)
{
    for (size_t i = 0; i < run.result.n_metrics; i++)
        if (strcmp(run.result.metrics[i].series, series) == 0)
            return &run.result.metrics[i];
    fail_msg("%s is not in the report", series);
    return NULL;
}

static void test_watches(void **state)
{
    (void)state;
    const char *admin = harness_postgres_admin_url(stack.postgres);
    load(LOAD_ARGUMENTS("--target", stack.url, "--method", CHECK, "--cookie-file", cookies, "--closed",
                        "--concurrency", "64", "--duration", "3s", "--warmup", "0", "--watch-db", admin,
                        "--watch-metrics", metrics(stack.auth), "--watch-metrics", metrics(stack.profile)));
    load_fixture_expect_honest(&run);
    assert_true(run.result.database.on);
    assert_null(run.result.database.problem);
    assert_string_equal(run.result.database.role, "quintet");
    assert_in_range(run.result.database.peak, 1, 5);
    assert_int_equal(run.result.database.limit, 5);
    assert_true(run.result.database.samples >= 5);
    assert_in_range(run.result.seconds[1].connections, 1, 5);
    assert_null(run.result.metrics_problem);
    const struct load_watched_metric *calls =
        metric(harness_text("127.0.0.1:%u " SERVED, harness_service_admin_port(stack.auth), CHECK, "ok"));
    assert_float_equal(calls->after - calls->before, (double)run.result.ended, 0);
    metric(harness_text(
        "127.0.0.1:%u quintet_pg_statements_total{statement=\"session_with_profile\",code=\"ok\"}",
        harness_service_admin_port(stack.profile)));
    for (size_t i = 0; i < run.result.n_metrics; i++) {
        assert_true(run.result.metrics[i].before != run.result.metrics[i].after);
        assert_null(strstr(run.result.metrics[i].series, "_bucket{"));
    }
}

/* The watcher's connection is lost in the middle, as by a restart of PostgreSQL: it looks on by another, and
 * the report says that it was blind meanwhile. */
static void test_watch_is_lost(void **state)
{
    (void)state;
    const char *admin = harness_postgres_admin_url(stack.postgres);
    const char *kill_it = harness_text("psql -qtA '%s' -c \"SELECT pg_terminate_backend(pid) FROM "
                                       "pg_stat_activity WHERE application_name = 'quintet-load'\"",
                                       admin);
    load(LOAD_ARGUMENTS("--target", stack.url, "--method", "GET /healthz", "--rate", "20", "--duration", "3s",
                        "--warmup", "0", "--watch-db", admin, "--at", "500ms", kill_it));
    load_fixture_expect_honest(&run);
    assert_int_equal(run.result.marks[0].exit_code, 0);
    assert_non_null(run.result.database.problem);
    assert_non_null(strstr(run.result.database.problem, "blind for "));
    assert_non_null(strstr(run.result.database.problem, "terminat"));
    assert_true(run.result.n_seconds >= 3);
    assert_true(run.result.seconds[2].connections >= 0);
}

/* What cannot begin ends at once, with exit code 2 and the reason. */
static void test_bad_use(void **state)
{
    (void)state;
    const char *app = harness_postgres_app_url(stack.postgres),
               *admin = harness_postgres_admin_url(stack.postgres);
    const char *plain = harness_text("%.*s", (int)strcspn(app, "?"), app);
    const char *const cases[][8] = {
        {"2000", NULL, "2000: stands alone"},
        {"--watch-db", app, NULL, "\"connection_limit\" (leave out what is Prisma's own)"},
        {"--watch-db", plain, NULL, "must connect as another role than \"quintet\""},
        {"--watch-db", admin, "--watch-role", "nobody_here", NULL, "there is no role \"nobody_here\""},
        {"--watch-db", "postgresql://127.0.0.1:9/x", NULL,
         "--watch-db: connection to server at \"127.0.0.1\""},
        {"--watch-db", "postgresql://127.0.0.1/x?nonsense=1", NULL,
         "--watch-db: invalid URI query parameter"},
        {"--watch-metrics", "http://127.0.0.1:9/metrics", NULL,
         "--watch-metrics: http://127.0.0.1:9/metrics: "},
        {"--watch-metrics", stack.url, NULL, "/metrics: answered 404"},
        {"--watch-metrics", "http://", NULL, "--watch-metrics: "},
        {"--csv", "/nowhere/r.csv", NULL, "/nowhere/r.csv: No such file or directory"},
        {"--cookie-file", "/nowhere/c", NULL, "/nowhere/c: No such file or directory"},
        {"--method", "Nothing", NULL, "--method Nothing: no such method"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        const char *arguments[20] = {"--target", stack.url, "--method",   CHECK,
                                     "--rate",   "10",      "--duration", "1s"};
        size_t n = 8, k = 0;
        while (cases[i][k])
            arguments[n++] = cases[i][k++];
        load(arguments);
        if (run.exit_code != 2 || !strstr(run.err, cases[i][k + 1]) ||
            strncmp(run.err, "quintet-load: ", 14) != 0)
            fail_msg("case %zu: exit code %d, \"%s\", should have said: %s", i, run.exit_code, run.err,
                     cases[i][k + 1]);
        assert_string_equal(run.out, "");
        load_fixture_free(&run);
    }
    load(LOAD_ARGUMENTS("--target", "http://127.0.0.1:80/path", "--method", CHECK, "--rate", "10"));
    assert_int_equal(run.exit_code, 2);
    assert_non_null(strstr(run.err, "quintet-load: --target: "));
}

#define TEST(name) cmocka_unit_test_teardown(name, free_run)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_http_counts),   TEST(test_nng_counts),   TEST(test_cookies_travel), TEST(test_caller),
        TEST(test_http_codes),    TEST(test_http_headers), TEST(test_nobody_there),   TEST(test_watches),
        TEST(test_watch_is_lost), TEST(test_bad_use),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
