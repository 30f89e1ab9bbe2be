#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/core/check.h"
#include "common/core/listen.h"
#include "tests/harness/loop_fixture.h"
#include "tests/harness/test.h"
#include "tests/unit/common/http/asker.h"

/* How connections begin, and what becomes of requests when they do not. */

static const char *const answer_close = "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\nok";

static const struct qn_http_ask plain = {.method = "GET", .path = {"/", 1}, .idempotent = true};

static void serve_on_a_new_connection(struct asker *asker, const char *text)
{
    struct wire wire;
    wire_accept(&wire, asker->loop, asker->listen_fd);
    serve(&wire, text, answer_close);
    wire_expect_end(&wire);
    wire_close(&wire);
}

/* Nobody takes them. */

static void stop_listening(struct asker *asker)
{
    close(asker->listen_fd);
    asker->listen_fd = -1;
}

static void listen_again(struct asker *asker)
{
    struct qn_error err = {0};
    if (qn_listen_open(asker->address, &asker->listen_fd, &err) != QN_OK)
        fail_msg("%s", err.message);
}

static void test_nothing_listens(void **state)
{
    (void)state;
    struct asker asker;
    struct asked asked[20];
    asker_open(&asker, (struct qn_http_client_options){0});
    stop_listening(&asker);
    for (int round = 0; round < 2; round++) {
        for (size_t i = 0; i < QN_COUNT(asked); i++)
            ask_get(&asker, &asked[i], "/");
        for (size_t i = 0; i < QN_COUNT(asked); i++)
            await_failure(&asked[i], QN_UNAVAILABLE, "Connection refused; nothing listens there");
    }
    /* It comes up. */
    listen_again(&asker);
    ask_get(&asker, &asked[0], "/");
    serve_on_a_new_connection(&asker, "\r\n\r\n");
    await_answer(&asked[0], 200, "ok");
    asker_close(&asker);
}

/* The server takes no more connections, but the one there is goes on: what waits is not failed, and waits. */
static void test_refused_while_another_connection_serves(void **state)
{
    (void)state;
    struct asker asker;
    struct asked busy, waits;
    struct wire wire;
    asker_open(&asker, (struct qn_http_client_options){.connections_max = 2});
    ask_get(&asker, &busy, "/busy");
    wire_accept(&wire, asker.loop, asker.listen_fd);
    wire_expect(&wire, "\r\n\r\n");
    wire_forget(&wire);
    stop_listening(&asker);
    ask_get(&asker, &waits, "/waits");
    for (int i = 0; i < 20; i++)
        qn_loop_turn(asker.loop);
    assert_false(waits.done);
    wire_send_c(&wire, answer_ok);
    await_answer(&busy, 200, "ok");
    serve(&wire, "\r\n\r\n", answer_ok);
    await_answer(&waits, 200, "ok");
    wire_close(&wire);
    asker_close(&asker);
}

/* Connections that have been made to the test's socket and not taken: loopback's are there when connect()
 * returns. They are dropped. */
static size_t n_knocking(const struct asker *asker)
{
    size_t n = 0;
    int fd;
    for (; (fd = accept4(asker->listen_fd, NULL, NULL, SOCK_CLOEXEC)) >= 0; n++)
        close(fd);
    return n;
}

/* Every request of a burst would knock at a server that is down. */
static void test_after_a_failure_one_finds_out_for_all(void **state)
{
    (void)state;
    struct asker asker;
    struct asked asked[8];
    asker_open(&asker, (struct qn_http_client_options){0});
    stop_listening(&asker);
    ask_get(&asker, &asked[0], "/");
    await_failure(&asked[0], QN_UNAVAILABLE, "refused");
    listen_again(&asker);
    for (size_t i = 0; i < QN_COUNT(asked); i++)
        ask_get(&asker, &asked[i], "/");
    assert_int_equal(n_knocking(&asker), 1);
    for (size_t i = 0; i < QN_COUNT(asked); i++)
        qn_http_request_cancel(&asked[i].request);
    for (size_t i = 0; i < QN_COUNT(asked); i++)
        await_failure(&asked[i], QN_CANCELLED, "cancelled");
    asker_close(&asker);
}

/* A burst on a new client is another matter. */
static void test_a_burst_opens_as_many_as_it_may(void **state)
{
    (void)state;
    struct asker asker;
    struct asked asked[8];
    asker_open(&asker, (struct qn_http_client_options){.connections_max = 3});
    for (size_t i = 0; i < QN_COUNT(asked); i++)
        ask_get(&asker, &asked[i], "/");
    assert_int_equal(n_knocking(&asker), 3);
    for (size_t i = 0; i < QN_COUNT(asked); i++)
        qn_http_request_cancel(&asked[i].request);
    for (size_t i = 0; i < QN_COUNT(asked); i++)
        await_failure(&asked[i], QN_CANCELLED, "cancelled");
    asker_close(&asker);
}

static void test_a_pause_between_attempts_while_another_serves(void **state)
{
    (void)state;
    struct asker asker;
    struct asked busy, waits, third;
    struct wire wire, new;
    asker_open(&asker, (struct qn_http_client_options){.connections_max = 2});
    ask_get(&asker, &busy, "/busy");
    wire_accept(&wire, asker.loop, asker.listen_fd);
    wire_expect(&wire, "\r\n\r\n");
    stop_listening(&asker);
    ask_get(&asker, &waits, "/waits");
    qn_loop_turn(asker.loop); /* refused */
    listen_again(&asker);
    ask_get(&asker, &third, "/third");
    assert_int_equal(n_knocking(&asker), 0);
    /* By itself: the connection that serves is still busy. */
    wire_accept(&new, asker.loop, asker.listen_fd);
    serve(&new, "\r\n\r\n", answer_ok);
    await_answer(&waits, 200, "ok");
    serve(&new, "\r\n\r\n", answer_ok);
    await_answer(&third, 200, "ok");
    wire_send_c(&wire, answer_ok);
    await_answer(&busy, 200, "ok");
    wire_close(&wire);
    wire_close(&new);
    asker_close(&asker);
}

/* A queue of connections that is full, so that the kernel drops what knocks. */
struct full {
    int listen_fd, knocking[4];
    char address[QN_LISTEN_TEXT_MAX];
};

static void full_open(struct full *full)
{
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof at;
    full->listen_fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(bind(full->listen_fd, (const struct sockaddr *)&at, sizeof at), 0);
    assert_int_equal(listen(full->listen_fd, 0), 0);
    assert_int_equal(getsockname(full->listen_fd, (struct sockaddr *)&at, &len), 0);
    assert_true(qn_listen_text(full->listen_fd, full->address));
    for (size_t i = 0; i < QN_COUNT(full->knocking); i++) {
        full->knocking[i] = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
        (void)!connect(full->knocking[i], (const struct sockaddr *)&at, sizeof at);
    }
}

static void full_close(struct full *full)
{
    close(full->listen_fd);
    for (size_t i = 0; i < QN_COUNT(full->knocking); i++)
        close(full->knocking[i]);
}

static void test_nobody_answers_the_connect(void **state)
{
    (void)state;
    struct asker asker;
    struct asked first, second;
    struct full full;
    full_open(&full);
    asker_open_at(&asker, loop_fixture_begin(), (struct qn_http_client_options){.connect_timeout_ms = 50},
                  full.address);
    ask_get(&asker, &first, "/");
    ask_within(&asker, &second, &plain, 10);
    await_failure(&second, QN_DEADLINE_EXCEEDED, "no connection was made");
    await_failure(&first, QN_UNAVAILABLE, "no answer: a wrong address, or a firewall");

    /* Closed while it connects. */
    ask_get(&asker, &first, "/");
    qn_loop_turn(asker.loop);
    asker_close_client(&asker);
    await_failure(&first, QN_CANCELLED, "closing");
    asker_close(&asker);
    full_close(&full);
}

/* Addresses. */

static void test_a_name(void **state)
{
    (void)state;
    struct asker plain_asker, asker;
    struct asked one, two;
    char url[64];
    asker_open(&plain_asker, (struct qn_http_client_options){0});
    /* Often ::1 too, where nobody listens: the next address is tried. */
    snprintf(url, sizeof url, "http://localhost%s", strrchr(plain_asker.address, ':'));
    asker_open_at(&asker, plain_asker.loop, (struct qn_http_client_options){.url = url}, plain_asker.address);
    asker.listen_fd = plain_asker.listen_fd;
    for (int i = 0; i < 2; i++) {
        ask_get(&asker, &one, "/one");
        ask_get(&asker, &two, "/two");
        serve_on_a_new_connection(&asker, "\r\n\r\n");
        serve_on_a_new_connection(&asker, "\r\n\r\n");
        await_answer(&one, 200, "ok");
        await_answer(&two, 200, "ok");
    }
    asker_close_client(&asker);
    asker_close(&plain_asker);
}

static void test_a_name_that_is_none(void **state)
{
    (void)state;
    struct asker asker;
    struct asked asked;
    asker_open(&asker, (struct qn_http_client_options){.url = "http://no-such-name.invalid:81"});
    ask_get(&asker, &asked, "/");
    await_failure(&asked, QN_UNAVAILABLE, "cannot connect to no-such-name.invalid:81: ");
    /* Closed while it looks. */
    ask_get(&asker, &asked, "/");
    asker_close_client(&asker);
    await_failure(&asked, QN_CANCELLED, "closing");
    asker_close(&asker);
}

static void test_an_ipv6_address(void **state)
{
    (void)state;
    struct asker asker;
    struct asked asked;
    struct qn_error err = {0};
    char address[QN_LISTEN_TEXT_MAX];
    int fd;
    if (qn_listen_open("[::1]:0", &fd, &err) != QN_OK)
        skip(); /* a machine without IPv6 */
    assert_true(qn_listen_text(fd, address));
    asker_open_at(&asker, loop_fixture_begin(), (struct qn_http_client_options){0}, address);
    asker.listen_fd = fd;
    ask_get(&asker, &asked, "/");
    serve_on_a_new_connection(&asker, "\r\n\r\n");
    await_answer(&asked, 200, "ok");
    asker_close(&asker);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_nothing_listens),
        cmocka_unit_test(test_refused_while_another_connection_serves),
        cmocka_unit_test(test_after_a_failure_one_finds_out_for_all),
        cmocka_unit_test(test_a_burst_opens_as_many_as_it_may),
        cmocka_unit_test(test_a_pause_between_attempts_while_another_serves),
        cmocka_unit_test(test_nobody_answers_the_connect),
        cmocka_unit_test(test_a_name),
        cmocka_unit_test(test_a_name_that_is_none),
        cmocka_unit_test(test_an_ipv6_address),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
