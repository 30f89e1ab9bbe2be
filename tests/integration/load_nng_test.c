#include <fcntl.h>
#include <pty.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "common/core/utf8.h"
#include "tests/harness/rpc.h"
#include "tests/integration/load_fixture.h"

/* quintet-load against the test service, over nng: what it counts is what was served. */

#define PROGRAM   "host/load_rpctest"
#define ECHO_ONE  "quintet.rpctest.v1.TestService/Echo"
#define MANY      "quintet.rpctest.v1.TestService/EchoMany"
#define AGAIN     "quintet.rpctest.v1.TestService/Again"
#define ONCE      "quintet.rpctest.v1.TestService/Once"
#define TLS(file) QN_SOURCE_DIR "/tests/fixtures/tls/" file

static struct qn_loop *loop;
static struct qn_server *server;
static struct load_fixture run;

static const char *listen_folder(void)
{
    return rpc_text("ipc://%s/load", rpc_folder());
}

static int set_up(void **state)
{
    (void)state;
    loop = loop_fixture_begin();
    rpc_service_reset();
    server = rpc_serve(loop, &(struct qn_server_options){.listen = listen_folder()});
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    rpc_service_release(false);
    load_fixture_free(&run);
    if (server)
        rpc_close_server(server);
    rpc_expect_no_messages();
    loop_fixture_end();
    return 0;
}

static void load(const char *const *arguments)
{
    load_fixture_start(&run, PROGRAM, arguments);
    load_fixture_wait(&run, loop);
}

static void test_counts(void **state)
{
    (void)state;
    load(LOAD_ARGUMENTS("--target", listen_folder(), "--method", ECHO_ONE, "--data", "{\"text\":\"hi\"}",
                        "--rate", "400", "--duration", "2s", "--warmup", "500ms"));
    load_fixture_expect_honest(&run);
    assert_int_equal(rpc_service.n_calls, 1000);
    assert_int_equal(run.result.started, 800);
    assert_int_equal(run.result.ended, 800);
    assert_int_equal(run.result.codes[QN_OK], 800);
    assert_int_equal(run.result.latency.count, 800);
    assert_true(run.result.latency.min_ns > 0);
    assert_true(run.result.cpu_us_per_call > 0);
    assert_string_equal(run.result.methods[0].name, ECHO_ONE);
    assert_non_null(strstr(run.out, "800 ended of 800 started"));
    assert_null(strstr(run.err, "p99")); /* no terminal, no progress */
}

/* On a terminal there is a line that is redrawn in place, never wider than the terminal, and gone at the end.
 */
static void test_progress(void **state)
{
    (void)state;
    enum { SEEN_MAX = 64 * 1024, COLUMNS = 40 };
    static char seen[SEEN_MAX + 1];
    size_t n_seen = 0, n_lines = 0;
    struct winsize size = {.ws_row = 20, .ws_col = COLUMNS};
    int terminal, other;
    assert_int_equal(openpty(&terminal, &other, NULL, NULL, &size), 0);
    assert_int_equal(fcntl(terminal, F_SETFL, O_NONBLOCK), 0);
    load_fixture_start_on(&run, PROGRAM, other,
                          LOAD_ARGUMENTS("--target", listen_folder(), "--method", ECHO_ONE, "--rate", "100",
                                         "--duration", "2s"));
    close(other);
    load_fixture_wait(&run, loop);
    for (ssize_t n; n_seen < SEEN_MAX && (n = read(terminal, seen + n_seen, SEEN_MAX - n_seen)) > 0;)
        n_seen += (size_t)n;
    close(terminal);
    load_fixture_expect_honest(&run);
    struct qn_str rest = qn_str_n(seen, n_seen), one;
    assert_true(qn_str_ends(rest, QN_STR("\r\x1b[K")));
    while (qn_str_next(&rest, '\r', &one)) {
        if (one.len == 0 || qn_str_eq(one, QN_STR("\x1b[K")))
            continue;
        assert_true(qn_str_ends(one, QN_STR("\x1b[K")));
        assert_int_equal(qn_str_find(one, '\n'), -1);
        one.len -= 3;
        assert_true(qn_utf8_count(one) < COLUMNS);
        n_lines++;
    }
    assert_true(n_lines > 2);
    assert_non_null(strstr(seen, "warming up"));
    assert_non_null(strstr(seen, "p99"));
}

/* Every connection of several takes part, also when the address is one process' socket and when it is TCP. */
static void test_addresses(void **state)
{
    (void)state;
    const char *address = qn_server_address(server);
    load(LOAD_ARGUMENTS("--target", address, "--method", ECHO_ONE, "--rate", "100", "--duration", "1s",
                        "--warmup", "0", "--connections", "4"));
    load_fixture_expect_honest(&run);
    assert_int_equal(rpc_service.n_calls, 100);
    assert_int_equal(run.result.codes[QN_OK], 100);
    load_fixture_free(&run);
    rpc_close_server(server);
    server = rpc_serve(loop, &(struct qn_server_options){.listen = "tcp://127.0.0.1:0"});
    load(LOAD_ARGUMENTS("--target", qn_server_address(server), "--method", ECHO_ONE, "--rate", "100",
                        "--duration", "1s", "--warmup", "0"));
    assert_int_equal(rpc_service.n_calls, 200);
    assert_int_equal(run.result.codes[QN_OK], 100);
}

static void test_tls(void **state)
{
    (void)state;
    rpc_close_server(server);
    server = rpc_serve(loop, &(struct qn_server_options){.listen = "tls+tcp://127.0.0.1:0",
                                                         .tls_certificate_file = TLS("server.pem"),
                                                         .tls_key_file = TLS("server.key"),
                                                         .tls_ca_file = TLS("ca.pem")});
    const char *target = rpc_text("tls+tcp://localhost:%s", strrchr(qn_server_address(server), ':') + 1);
    load(LOAD_ARGUMENTS("--target", target, "--method", ECHO_ONE, "--rate", "100", "--duration", "1s",
                        "--warmup", "0", "--tls-cert", TLS("client.pem"), "--tls-key", TLS("client.key"),
                        "--tls-ca", TLS("ca.pem")));
    load_fixture_expect_honest(&run);
    assert_int_equal(rpc_service.n_calls, 100);
    assert_int_equal(run.result.codes[QN_OK], 100);
}

/* A mix in a closed loop: the batchable one travels many a message. */
static void test_mix(void **state)
{
    (void)state;
    load(LOAD_ARGUMENTS("--target", listen_folder(), "--method", MANY "=9", "--data", "{\"number\":\"7\"}",
                        "--method", AGAIN, "--closed", "--concurrency", "64", "--connections", "1",
                        "--duration", "1s", "--warmup", "0"));
    load_fixture_expect_honest(&run);
    assert_int_equal(run.result.n_methods, 2);
    uint64_t many = run.result.methods[0].codes[QN_OK], again = run.result.methods[1].codes[QN_OK];
    assert_true(run.result.ended > 500);
    assert_int_equal(many + again, run.result.ended);
    assert_int_equal(rpc_service.n_calls, run.result.started);
    assert_true(many > 7 * again && many < 12 * again);
    assert_true(rpc_service.n_messages < many && rpc_service.largest_batch > 1 &&
                rpc_service.largest_batch <= 64);
}

static void test_failures_have_their_codes(void **state)
{
    (void)state;
    static const struct qn_fault fault = {.status = QN_FAILED_PRECONDITION, .message = "not now"};
    rpc_service.fault = &fault;
    load(LOAD_ARGUMENTS("--target", listen_folder(), "--method", ECHO_ONE, "--closed", "--concurrency", "2",
                        "--duration", "500ms", "--warmup", "0", "--slo", "errors=0"));
    load_fixture_expect_honest(&run);
    assert_int_equal(run.exit_code, 1);
    assert_int_equal(run.result.codes[QN_FAILED_PRECONDITION], run.result.ended);
    assert_int_equal(run.result.ended, rpc_service.n_calls);
    assert_false(run.result.slos[0].met);
}

/* Calls that are never answered end by their deadline, and hold their places until then. Twice as many
 * connections as places, so that none waits behind another: it would be refused. */
static void test_deadlines(void **state)
{
    (void)state;
    rpc_service.hold = true;
    load(LOAD_ARGUMENTS("--target", listen_folder(), "--method", ECHO_ONE, "--rate", "100", "--duration",
                        "1s", "--warmup", "0", "--timeout", "250ms", "--concurrency", "10", "--connections",
                        "20"));
    load_fixture_expect_honest(&run);
    assert_int_equal(run.result.codes[QN_DEADLINE_EXCEEDED], run.result.ended);
    assert_true(run.result.ended >= 20 && run.result.ended <= 50);
    assert_true(run.result.service.min_ns >= 250000000);
    assert_int_equal(run.result.ended + run.result.not_started, 100);
    assert_int_equal(run.result.latency.count, 100);
}

/* As many calls are under way as there are places: all of one method, over one connection. (A client sends no
 * more than half of its messages for one method; those behind waited in it, and were refused when they had
 * waited for long.) */
static void test_every_place_is_under_way(void **state)
{
    (void)state;
    enum { PLACES = 10, HANG_MS = 60000 };
    rpc_service.hold = true;
    load_fixture_start(&run, PROGRAM,
                       LOAD_ARGUMENTS("--target", listen_folder(), "--method", ECHO_ONE, "--closed",
                                      "--concurrency", "10", "--connections", "1", "--duration", "10m",
                                      "--warmup", "0", "--timeout", "10m"));
    loop_fixture_run_until_count(&rpc_service.n_calls, PLACES, HANG_MS);
    kill(run.pid, SIGINT);
    load_fixture_await_words(&run, loop, "ending early");
    kill(run.pid, SIGINT);
    load_fixture_wait(&run, loop);
    assert_int_equal(run.exit_code, 130);
}

static void test_nobody_there(void **state)
{
    (void)state;
    load(LOAD_ARGUMENTS("--target", rpc_text("ipc://%s/nobody", rpc_folder()), "--method", ECHO_ONE, "--rate",
                        "50", "--duration", "1s", "--warmup", "0", "--timeout", "400ms"));
    load_fixture_expect_honest(&run);
    assert_int_equal(run.result.codes[QN_UNAVAILABLE], 50);
    assert_non_null(strstr(run.err, "nobody answers at ipc://"));
}

/* --find-max when nothing can hold: down to one a second, and the exit code says so. */
static void test_find_max_finds_nothing(void **state)
{
    (void)state;
    static const struct qn_fault fault = {.status = QN_INTERNAL};
    rpc_service.fault = &fault;
    load(LOAD_ARGUMENTS("--target", listen_folder(), "--method", ECHO_ONE, "--find-max", "--rate", "4",
                        "--slo", "errors=0", "--duration", "1s", "--warmup", "0"));
    load_fixture_expect_honest(&run);
    assert_int_equal(run.exit_code, 1);
    assert_int_equal(run.result.n_steps, 3);
    assert_float_equal(run.result.steps[2].asked, 1, 0);
    assert_false(run.result.steps[0].held || run.result.steps[1].held || run.result.steps[2].held);
    assert_non_null(strstr(run.err, "failed"));
}

static void test_all_reports_are_written(void **state)
{
    (void)state;
    const char *csv = load_fixture_file("r.csv", NULL), *hgrm = load_fixture_file("r.hgrm", NULL),
               *html = load_fixture_file("r.html", NULL);
    load(LOAD_ARGUMENTS("--target", listen_folder(), "--method", ECHO_ONE, "--rate", "100", "--duration",
                        "1s", "--warmup", "0", "--csv", csv, "--hgrm", hgrm, "--html", html, "--quiet"));
    load_fixture_expect_honest(&run);
    assert_string_equal(run.out, "");
    assert_null(strstr(run.err, "quintet-load"));
    static const char *const begins[] = {"second,", "#[", "<!"};
    const char *const paths[] = {csv, hgrm, html};
    for (int i = 0; i < 3; i++) {
        char *text = load_fixture_read(paths[i]);
        assert_non_null(text);
        assert_true(strlen(text) > 100);
        if (i != 1)
            assert_memory_equal(text, begins[i], strlen(begins[i]));
        free(text);
    }
}

/* A run that is compared with itself differs in nothing. */
static void test_compare(void **state)
{
    (void)state;
    load(LOAD_ARGUMENTS("--target", listen_folder(), "--method", ECHO_ONE, "--rate", "100", "--duration",
                        "1s", "--warmup", "0"));
    load_fixture_expect_honest(&run);
    const char *json = load_fixture_file("result.json", NULL), *copy = load_fixture_file("copy.json", "");
    load_fixture_free(&run);
    assert_int_equal(rename(json, copy), 0);
    load(LOAD_ARGUMENTS("compare", copy, copy));
    assert_int_equal(run.exit_code, 0);
    assert_true(strlen(run.out) > 100);
    load_fixture_free(&run);
    load(LOAD_ARGUMENTS("compare", copy, "/nowhere/b.json"));
    assert_int_equal(run.exit_code, 2);
    assert_non_null(strstr(run.err, "/nowhere/b.json"));
}

/* Commands in the middle of a run: one kills the service, the next is another, which dies with the run. */
static void test_at(void **state)
{
    (void)state;
    const char *folder = rpc_text("ipc://%s/at", rpc_folder());
    const char *start = rpc_text("exec '%s' '%s' /dev/null", QN_BUILD_DIR "/host/rpc_peer", folder);
    struct rpc_peer peer = rpc_peer_start(folder, "/dev/null", false);
    load(LOAD_ARGUMENTS("--target", folder, "--method", AGAIN, "--rate", "100", "--duration", "8s",
                        "--warmup", "0", "--timeout", "400ms", "--at", "2s",
                        rpc_text("kill -9 %d", (int)peer.pid), "--at", "3s", start, "--at", "4s", "exit 3"));
    rpc_peer_end(&peer, 0);
    load_fixture_expect_honest(&run);
    /* 256 places, and 32 messages of one method a client: it is not batchable. */
    assert_int_equal(run.result.asked.connections, 8);
    assert_int_equal(run.result.n_marks, 3);
    assert_int_equal(run.result.marks[0].at_ms, 2000);
    assert_int_equal(run.result.marks[0].exit_code, 0);
    assert_int_equal(run.result.marks[1].exit_code, -1);
    assert_int_equal(run.result.marks[2].exit_code, 3);
    if (!run.result.marks[0].recovered)
        fail_msg("never recovered:\n%s", run.out);
    assert_true(run.result.marks[0].recovery_ms >= 1000);
    assert_true(run.result.codes[QN_OK] > 300);
    assert_true(load_result_errors(&run.result) > 20);
    assert_non_null(strstr(run.err, "quintet-load: at 4.00 s: exit 3\n"));
}

/* In front of all others, but for its commands. Who may not is told so. */
static void test_realtime(void **state)
{
    (void)state;
    const char *said = load_fixture_file("policy", NULL);
    load(LOAD_ARGUMENTS("--target", listen_folder(), "--method", ECHO_ONE, "--rate", "100", "--duration",
                        "1s", "--warmup", "0", "--realtime", "--at", "100ms",
                        rpc_text("awk '{ print $41 }' /proc/self/stat >'%s'", said)));
    if (run.exit_code == 2) {
        assert_non_null(
            strstr(run.err, "--realtime: Operation not permitted; it wants root or CAP_SYS_NICE"));
        return;
    }
    load_fixture_expect_honest(&run);
    assert_int_equal(run.result.codes[QN_OK], 100);
    char *policy = load_fixture_read(said);
    assert_non_null(policy);
    assert_string_equal(policy, "0\n"); /* SCHED_OTHER (proc(5)) */
    free(policy);
}

/* SIGINT: what was counted is the result. */
static void test_interrupt(void **state)
{
    (void)state;
    load_fixture_start(&run, PROGRAM,
                       LOAD_ARGUMENTS("--target", listen_folder(), "--method", ECHO_ONE, "--rate", "100",
                                      "--duration", "10m", "--warmup", "0"));
    while (rpc_service.n_calls < 50)
        qn_loop_wait(loop);
    kill(run.pid, SIGINT);
    load_fixture_wait(&run, loop);
    load_fixture_expect_honest(&run);
    assert_int_equal(run.result.ended, rpc_service.n_calls);
    assert_int_equal(run.result.codes[QN_OK], run.result.ended);
    assert_true(run.result.took_ms < 60000);
    assert_non_null(strstr(run.err, "ending early"));
}

/* A second one does not wait for the last answers. */
static void test_interrupt_twice(void **state)
{
    (void)state;
    rpc_service.hold = true;
    load_fixture_start(&run, PROGRAM,
                       LOAD_ARGUMENTS("--target", listen_folder(), "--method", ECHO_ONE, "--rate", "100",
                                      "--duration", "10m", "--warmup", "0", "--timeout", "10m"));
    while (rpc_service.n_calls < 5)
        qn_loop_wait(loop);
    kill(run.pid, SIGINT);
    load_fixture_await_words(&run, loop, "ending early");
    kill(run.pid, SIGINT);
    load_fixture_wait(&run, loop);
    assert_int_equal(run.exit_code, 130);
    assert_false(run.has_result);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

/* What a command of --at says stands whole on the terminal, though it takes longer than several redraws to
 * say it: the line stays away meanwhile, and is back afterwards. */
static void test_a_command_on_a_terminal(void **state)
{
    (void)state;
    enum { SEEN_MAX = 64 * 1024 };
    static char seen[SEEN_MAX + 1];
    const struct winsize size = {.ws_row = 24, .ws_col = 80};
    int terminal, other;
    size_t n_seen = 0;
    assert_int_equal(openpty(&terminal, &other, NULL, NULL, &size), 0);
    assert_int_equal(fcntl(terminal, F_SETFL, O_NONBLOCK), 0);
    load_fixture_start_on(&run, PROGRAM, other,
                          LOAD_ARGUMENTS("--target", listen_folder(), "--method", ECHO_ONE, "--rate", "100",
                                         "--duration", "3s", "--warmup", "0", "--at", "600ms",
                                         "echo be; sleep 1; echo gin; echo end"));
    close(other);
    load_fixture_wait(&run, loop);
    for (ssize_t n; n_seen < SEEN_MAX && (n = read(terminal, seen + n_seen, SEEN_MAX - n_seen)) > 0;)
        n_seen += (size_t)n;
    close(terminal);
    seen[n_seen] = '\0';
    const char *said = strstr(seen, "be\r\ngin\r\nend\r\n");
    if (!said)
        fail_msg("%s", seen);
    assert_non_null(strstr(said, "p99"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_counts),
        TEST(test_progress),
        TEST(test_addresses),
        TEST(test_tls),
        TEST(test_mix),
        TEST(test_failures_have_their_codes),
        TEST(test_deadlines),
        TEST(test_every_place_is_under_way),
        TEST(test_nobody_there),
        TEST(test_find_max_finds_nothing),
        TEST(test_all_reports_are_written),
        TEST(test_compare),
        TEST(test_at),
        TEST(test_a_command_on_a_terminal),
        TEST(test_realtime),
        TEST(test_interrupt),
        TEST(test_interrupt_twice),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
