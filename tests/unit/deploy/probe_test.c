#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/core/check.h"
#include "deploy/run/probe.h"
#include "tests/harness/loop_fixture.h"
#include "tests/harness/test.h"

static struct run_probe probe;
static bool done;
static int status_seen;
static char body_seen[256];

static void on_done(struct run_probe *from, int status, struct qn_str body)
{
    (void)from;
    done = true;
    status_seen = status;
    snprintf(body_seen, sizeof body_seen, "%.*s", QN_STR_ARG(body));
}

/* Listens; the test plays the service. */
static int listen_here(struct qn_listen_address *ret_address)
{
    int fd;
    char text[QN_LISTEN_TEXT_MAX];
    assert_int_equal(qn_listen_open("127.0.0.1:0", &fd, NULL), QN_OK);
    assert_true(qn_listen_text(fd, text));
    assert_true(qn_listen_parse(text, ret_address));
    return fd;
}

static void begin(struct qn_loop *loop, const struct qn_listen_address *address)
{
    done = false;
    status_seen = -1;
    run_probe_start(loop, &probe, address, on_done);
    assert_false(done);
}

static int accept_soon(struct qn_loop *loop, int listener)
{
    int fd = -1;
    while ((fd = accept(listener, NULL, NULL)) < 0)
        qn_loop_turn(loop);
    return fd;
}

static void test_answers_are_read(void **state)
{
    struct qn_loop *loop = *state;
    static const struct {
        const char *answer;
        int status;
        const char *body;
    } cases[] = {
        {"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\npg: ready\n", 200, "pg: ready\n"},
        {"HTTP/1.1 503 Service Unavailable\r\n\r\npg: not ready, no slot\n", 503, "pg: not ready, no slot\n"},
        {"HTTP/1.1 204 No Content\r\n\r\n", 204, ""},
        {"HTTP/1.1 2", 0, ""},
        {"SSH-2.0-OpenSSH\r\n", 0, ""},
        {"", 0, ""},
    };
    struct qn_listen_address address;
    int listener = listen_here(&address);
    for (size_t i = 0; i < QN_COUNT(cases); i++) {
        begin(loop, &address);
        int fd = accept_soon(loop, listener);
        char request[256] = "";
        while (!strstr(request, "\r\n\r\n")) {
            size_t len = strlen(request);
            ssize_t n = recv(fd, request + len, sizeof request - len - 1, MSG_DONTWAIT);
            if (n < 0)
                qn_loop_turn(loop);
            assert_int_not_equal(n, 0);
        }
        assert_int_equal(strncmp(request, "GET /readyz HTTP/1.1\r\nHost: ", 28), 0);
        assert_int_equal(send(fd, cases[i].answer, strlen(cases[i].answer), 0), strlen(cases[i].answer));
        close(fd);
        loop_fixture_run_until(&done, 5000);
        assert_int_equal(status_seen, cases[i].status);
        assert_string_equal(body_seen, cases[i].body);
    }
    close(listener);
}

static void test_nobody_listens(void **state)
{
    struct qn_listen_address address;
    close(listen_here(&address));
    begin(*state, &address);
    loop_fixture_run_until(&done, 5000);
    assert_int_equal(status_seen, 0);
}

/* The supervisor holds the socket of a dead service: connections are taken into the queue and nobody answers.
 */
static void test_silence_ends_after_a_second(void **state)
{
    struct qn_listen_address address;
    int listener = listen_here(&address);
    begin(*state, &address);
    loop_fixture_run_until(&done, 10000);
    assert_int_equal(status_seen, 0);
    close(listener);
}

static void test_an_answer_without_end_is_cut(void **state)
{
    struct qn_loop *loop = *state;
    struct qn_listen_address address;
    int listener = listen_here(&address);
    begin(loop, &address);
    int fd = accept_soon(loop, listener);
    assert_int_equal(send(fd, "HTTP/1.1 200 OK\r\n\r\n", 19, 0), 19);
    static char much[65536];
    memset(much, 'x', sizeof much);
    while (!done) {
        ssize_t sent = send(fd, much, sizeof much, MSG_DONTWAIT | MSG_NOSIGNAL);
        (void)sent;
        qn_loop_turn(loop);
    }
    assert_int_equal(status_seen, 200);
    close(fd);
    close(listener);
}

static void test_cancelling_silences_it(void **state)
{
    struct qn_loop *loop = *state;
    struct qn_listen_address address;
    int listener = listen_here(&address);
    run_probe_cancel(&probe); /* nothing runs */
    begin(loop, &address);
    run_probe_cancel(&probe);
    for (int i = 0; i < 5; i++)
        qn_loop_turn(loop);
    assert_false(done);
    begin(loop, &address); /* and it can be started again */
    run_probe_cancel(&probe);
    close(listener);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, loop_fixture_setup, loop_fixture_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_answers_are_read),
        TEST(test_nobody_listens),
        TEST(test_silence_ends_after_a_second),
        TEST(test_an_answer_without_end_is_cut),
        TEST(test_cancelling_silences_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
