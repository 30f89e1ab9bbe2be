#include <stdio.h>
#include <unistd.h>

#include "common/core/listen.h"
#include "common/core/metric.h"
#include "tests/harness/loop_fixture.h"
#include "tests/harness/test.h"
#include "tests/harness/wire.h"
#include "tests/unit/common/http/site.h"

/* Requests and answers as they should be. What should not be is in head_test and limits_test, the end of
 * connections and servers in end_test. */

struct world {
    struct qn_loop *loop;
    struct site site;
    struct wire wire;
};

static int setup(void **state)
{
    static struct world world;
    world = (struct world){.loop = loop_fixture_begin()};
    site_open(&world.site, world.loop, (struct qn_httpd_options){0});
    wire_open(&world.wire, world.loop, qn_httpd_address(world.site.httpd));
    *state = &world;
    return 0;
}

static int teardown(void **state)
{
    struct world *world = *state;
    wire_close(&world->wire);
    site_close(&world->site);
    loop_fixture_end();
    qn_metric_reset();
    return 0;
}

static void test_a_get_is_answered(void **state)
{
    struct world *world = *state;
    wire_send_c(&world->wire, "GET /a%20b?x=1&y HTTP/1.1\r\nHost: here\r\n\r\n");
    wire_expect(&world->wire, "GET /a%20b?x=1&y 0: from 127.0.0.1");
    struct qn_str seen = wire_seen(&world->wire);
    assert_true(qn_str_starts(seen, QN_STR("HTTP/1.1 200 OK\r\n")));
    assert_true(wire_has(&world->wire, "\r\nDate: "));
    assert_true(wire_has(&world->wire, "\r\nContent-Type: text/plain\r\n"));
    assert_true(wire_has(&world->wire, "\r\nSet-Cookie: a=1\r\nSet-Cookie: b=2\r\n"));
    assert_true(wire_has(&world->wire, "\r\nContent-Length: 34\r\n\r\n"));
    assert_false(wire_has(&world->wire, "Connection:"));
    assert_int_equal(site_metric("quintet_http_requests_total{server=\"site\",code=\"2xx\"}"), 1);
    assert_int_equal(site_metric("quintet_http_connections{server=\"site\"}"), 1);
    assert_int_equal(site_metric("quintet_http_request_seconds_count{server=\"site\"}"), 1);
}

static void test_a_connection_is_used_again(void **state)
{
    struct world *world = *state;
    for (size_t i = 1; i <= 50; i++) {
        wire_send_c(&world->wire, "GET /again HTTP/1.1\r\nHost: here\r\n\r\n");
        wire_expect_times(&world->wire, "GET /again? 0:", i);
    }
    assert_int_equal(world->site.handled, 50);
}

/* Answers come in the order of the requests, although the first is answered last. */
static void test_pipelined_requests_keep_their_order(void **state)
{
    struct world *world = *state;
    wire_send_c(&world->wire, "GET /later HTTP/1.1\r\nHost: h\r\n\r\n"
                              "POST /p HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\n\r\nhello"
                              "GET /last HTTP/1.1\r\nHost: h\r\n\r\n");
    loop_fixture_run_until_count(&world->site.n_waiting, 1, 5000);
    for (int i = 0; i < 5; i++)
        qn_loop_turn(world->loop);
    assert_int_equal(wire_seen(&world->wire).len, 0);
    assert_int_equal(world->site.handled, 1);
    site_answer(&world->site, 0, 201, "first");
    wire_expect(&world->wire, "GET /last?");
    const char *text = wire_seen(&world->wire).ptr;
    assert_true(strstr(text, "201") < strstr(text, "POST /p? 5:hello"));
    assert_true(strstr(text, "POST /p? 5:hello") < strstr(text, "GET /last?"));
}

static void test_later_answers_find_their_clients(void **state)
{
    struct world *world = *state;
    struct wire other;
    wire_open(&other, world->loop, qn_httpd_address(world->site.httpd));
    wire_send_c(&world->wire, "GET /later HTTP/1.1\r\nHost: h\r\n\r\n");
    loop_fixture_run_until_count(&world->site.n_waiting, 1, 5000);
    wire_send_c(&other, "GET /later HTTP/1.1\r\nHost: h\r\n\r\n");
    loop_fixture_run_until_count(&world->site.n_waiting, 2, 5000);
    site_answer(&world->site, 1, 200, "to the second");
    wire_expect(&other, "to the second");
    site_answer(&world->site, 0, 200, "to the first");
    wire_expect(&world->wire, "to the first");
    assert_int_equal(world->site.gone, 0);
    wire_close(&other);
}

static void test_head_gets_the_head_alone(void **state)
{
    struct world *world = *state;
    wire_send_c(&world->wire, "HEAD /x HTTP/1.1\r\nHost: h\r\n\r\nGET /y HTTP/1.1\r\nHost: h\r\n\r\n");
    wire_expect(&world->wire, "GET /y?");
    assert_true(wire_has(&world->wire, "Content-Length: 26\r\n\r\nHTTP/1.1 200 OK"));
    assert_false(wire_has(&world->wire, "HEAD /x?"));
}

static void test_a_body_that_comes_in_pieces_is_gathered(void **state)
{
    struct world *world = *state;
    wire_send_c(&world->wire, "POST /p HTTP/1.1\r\nHost: h\r\nContent-Length: 10\r\n\r\n01");
    for (int i = 0; i < 3; i++)
        qn_loop_turn(world->loop);
    wire_send_c(&world->wire, "23456");
    for (int i = 0; i < 3; i++)
        qn_loop_turn(world->loop);
    assert_int_equal(world->site.handled, 0);
    wire_send_c(&world->wire, "789");
    wire_expect(&world->wire, "POST /p? 10:0123456789");
}

static void test_a_chunked_body_is_gathered(void **state)
{
    struct world *world = *state;
    wire_send_c(&world->wire, "POST /p HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n"
                              "5\r\nhello\r\n1;ext=1\r\n \r\nA\r\nround worl\r\n");
    wire_send_c(&world->wire, "1\r\nd\r\n0\r\nTrailer: x\r\n\r\n");
    wire_expect(&world->wire, "POST /p? 17:hello round world");
}

static void test_a_large_body_is_gathered_whole(void **state)
{
    struct world *world = *state;
    const size_t len = 1024 * 1024; /* the limit, to the byte */
    char head[128];
    snprintf(head, sizeof head, "POST /p HTTP/1.1\r\nHost: h\r\nContent-Length: %zu\r\n\r\n", len);
    wire_send_c(&world->wire, head);
    wire_send(&world->wire, qn_str_n(world->site.large, len));
    wire_expect(&world->wire, "POST /p? 1048576:abcdefghijklmnopqrstuvwabc");
    assert_true(qn_str_starts(wire_seen(&world->wire), QN_STR("HTTP/1.1 200")));
}

static void test_expect_100_continue(void **state)
{
    struct world *world = *state;
    wire_send_c(&world->wire,
                "POST /p HTTP/1.1\r\nHost: h\r\nContent-Length: 2\r\nExpect: 100-continue\r\n\r\n");
    wire_expect(&world->wire, "HTTP/1.1 100 Continue\r\n\r\n");
    assert_int_equal(world->site.handled, 0);
    wire_send_c(&world->wire, "hi");
    wire_expect(&world->wire, "POST /p? 2:hi");
}

static void test_http_1_0_is_answered_and_closed(void **state)
{
    struct world *world = *state;
    wire_send_c(&world->wire, "GET /old HTTP/1.0\r\n\r\n");
    wire_expect_end(&world->wire);
    assert_true(wire_has(&world->wire, "GET /old?"));
    assert_true(wire_has(&world->wire, "Connection: close"));
}

static void test_connection_close_is_honoured(void **state)
{
    struct world *world = *state;
    wire_send_c(&world->wire, "GET /x HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n");
    wire_expect_end(&world->wire);
    assert_true(wire_has(&world->wire, "GET /x?"));
    assert_false(world->wire.reset);
}

static void test_a_large_answer_arrives_whole(void **state)
{
    struct world *world = *state;
    wire_send_c(&world->wire, "GET /large HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n");
    wire_expect_end(&world->wire);
    struct qn_str seen = wire_seen(&world->wire);
    assert_true(seen.len > SITE_LARGE_BYTES);
    assert_memory_equal(seen.ptr + seen.len - SITE_LARGE_BYTES, world->site.large, SITE_LARGE_BYTES);
}

static void test_a_file_arrives_from_its_offset(void **state)
{
    struct world *world = *state;
    wire_send_c(&world->wire, "GET /file HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n");
    wire_expect_end(&world->wire);
    struct qn_str seen = wire_seen(&world->wire);
    assert_true(wire_has(&world->wire, "Content-Length: 3144728\r\n"));
    assert_memory_equal(seen.ptr + seen.len - (SITE_FILE_BYTES - 1000), world->site.large + 1000,
                        SITE_FILE_BYTES - 1000);
}

static void test_absolute_form_gives_the_path(void **state)
{
    struct world *world = *state;
    wire_send_c(&world->wire, "GET http://example.com:80/abs?q HTTP/1.1\r\nHost: h\r\n\r\n");
    wire_expect(&world->wire, "GET /abs?q 0:");
    wire_send_c(&world->wire, "GET https://example.com HTTP/1.1\r\nHost: h\r\n\r\n");
    wire_expect(&world->wire, "GET /? 0:");
    wire_send_c(&world->wire, "GET http://example.com?only HTTP/1.1\r\nHost: h\r\n\r\n");
    wire_expect(&world->wire, "GET /?only 0:");
}

static void test_headers_and_queries_are_found(void **state)
{
    struct world *world = *state;
    wire_send_c(&world->wire,
                "GET /later?a=1&name=J%C3%BCrgen+M&a=2&bad=%zz&empty=&bare&%6eine=9 HTTP/1.1\r\n"
                "HOST: h\r\nX-One:   padded  \r\nx-one: two\r\nX-Empty:\r\n"
                "Content-Length: 0\r\n\r\n");
    loop_fixture_run_until_count(&world->site.n_waiting, 1, 5000);
    struct qn_exchange *exchange = world->site.waiting[0];
    assert_str(qn_exchange_header(exchange, "host"), "h");
    assert_str(qn_str_trim(qn_exchange_header(exchange, "X-ONE")), "padded");
    struct qn_str empty = qn_exchange_header(exchange, "x-empty");
    assert_non_null(empty.ptr);
    assert_int_equal(empty.len, 0);
    assert_null(qn_exchange_header(exchange, "X-None").ptr);
    assert_int_equal(qn_exchange_content_length(exchange), 0);

    assert_str(qn_exchange_query(exchange, "a"), "1");
    assert_str(qn_exchange_query(exchange, "name"), "J\xc3\xbcrgen M");
    assert_str(qn_exchange_query(exchange, "nine"), "9");
    assert_null(qn_exchange_query(exchange, "bad").ptr);
    assert_null(qn_exchange_query(exchange, "none").ptr);
    assert_non_null(qn_exchange_query(exchange, "empty").ptr);
    assert_non_null(qn_exchange_query(exchange, "bare").ptr);
    site_answer(&world->site, 0, 204, "");
    wire_expect(&world->wire, "204 No Content");
}

/* What a service hands on from elsewhere must not become a header line of its own. */
static void test_reply_headers_that_would_break_the_head_are_left_out(void **state)
{
    struct world *world = *state;
    wire_send_c(&world->wire, "GET /later HTTP/1.1\r\nHost: h\r\n\r\n");
    loop_fixture_run_until_count(&world->site.n_waiting, 1, 5000);
    const struct qn_header headers[] = {
        {QN_STR("X-Good"), QN_STR("yes")},
        {QN_STR("X-Split"), QN_STR("a\r\nSet-Cookie: evil=1")},
        {QN_STR("X-Feed"), QN_STR("a\nX-Evil: 1")},
        {QN_STR("X-Nul"), QN_STR("a\0b")},
        {QN_STR("X Space"), QN_STR("a")},
        {QN_STR("Content-Length"), QN_STR("9999")},
        {QN_STR(""), QN_STR("a")},
        {QN_STR("Transfer-Encoding"), QN_STR("chunked")},
    };
    qn_exchange_reply(world->site.waiting[0], 200, headers, 8, QN_STR("body"));
    wire_expect(&world->wire, "\r\n\r\nbody");
    assert_true(wire_has(&world->wire, "X-Good: yes\r\n"));
    assert_true(wire_has(&world->wire, "Content-Length: 4\r\n"));
    for (size_t i = 1; i < 8; i++)
        if (i != 5 && headers[i].name.len > 0)
            assert_false(wire_has(&world->wire, headers[i].name.ptr));
    assert_false(wire_has(&world->wire, "vil"));
    assert_false(wire_has(&world->wire, "9999"));
}

static void test_a_reply_with_too_many_headers_becomes_a_500(void **state)
{
    struct world *world = *state;
    wire_send_c(&world->wire, "GET /later HTTP/1.1\r\nHost: h\r\n\r\n");
    loop_fixture_run_until_count(&world->site.n_waiting, 1, 5000);
    const struct qn_header huge = {QN_STR("X-Huge"), qn_str_n(world->site.large, 9000)};
    qn_exchange_reply(world->site.waiting[0], 200, &huge, 1, QN_STR("body"));
    wire_expect(&world->wire, "internal error");
    assert_true(qn_str_starts(wire_seen(&world->wire), QN_STR("HTTP/1.1 500")));
}

/* 20 connections at once, each asking in turn: none waits for ever (libmicrohttpd says "once more" by a
 * timeout of zero, which a poll of its descriptor alone would miss). */
static void test_many_connections_at_once(void **state)
{
    enum { WIRES = 20, ROUNDS = 25 };
    struct world *world = *state;
    static struct wire wires[WIRES];
    for (int i = 0; i < WIRES; i++)
        wire_open(&wires[i], world->loop, qn_httpd_address(world->site.httpd));
    for (size_t round = 1; round <= ROUNDS; round++) {
        for (int i = 0; i < WIRES; i++)
            wire_send_c(&wires[i], "POST /many HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\n\r\nabc");
        for (int i = 0; i < WIRES; i++)
            wire_expect_times(&wires[i], "POST /many? 3:abc", round);
    }
    for (int i = 0; i < WIRES; i++)
        wire_close(&wires[i]);
    assert_int_equal(world->site.handled, WIRES * ROUNDS);
}

/* Opening. */

static void test_an_address_in_use_is_told(void **state)
{
    struct world *world = *state;
    const struct qn_httpd_options options = {.name = "second",
                                             .listen = qn_httpd_address(world->site.httpd),
                                             .handle = world->site.options.handle};
    struct qn_httpd *second = NULL;
    struct qn_error err = {0};
    assert_int_equal(qn_httpd_open(world->loop, &options, &second, &err), QN_ALREADY_EXISTS);
    assert_non_null(strstr(err.message, options.listen));
    assert_null(second);
}

static void test_a_bad_address_is_told(void **state)
{
    struct world *world = *state;
    const struct qn_httpd_options options = {
        .name = "second", .listen = "example.com:80", .handle = world->site.options.handle};
    struct qn_httpd *second = NULL;
    struct qn_error err = {0};
    assert_int_equal(qn_httpd_open(world->loop, &options, &second, &err), QN_INVALID_ARGUMENT);
    assert_non_null(strstr(err.message, "example.com:80"));
}

static void test_ipv6_tells_its_peer(void **state)
{
    struct world *world = *state;
    struct site six;
    int probe;
    if (qn_listen_open("[::1]:0", &probe, NULL) != QN_OK)
        skip(); /* a machine without IPv6 */
    close(probe);
    site_open(&six, world->loop, (struct qn_httpd_options){.listen = "[::1]:0"});
    struct wire wire;
    wire_open(&wire, world->loop, qn_httpd_address(six.httpd));
    wire_send_c(&wire, "GET /six HTTP/1.1\r\nHost: h\r\n\r\n");
    wire_expect(&wire, "GET /six? 0: from ::1");
    wire_close(&wire);
    site_close(&six);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_a_get_is_answered),
        TEST(test_a_connection_is_used_again),
        TEST(test_pipelined_requests_keep_their_order),
        TEST(test_later_answers_find_their_clients),
        TEST(test_head_gets_the_head_alone),
        TEST(test_a_body_that_comes_in_pieces_is_gathered),
        TEST(test_a_chunked_body_is_gathered),
        TEST(test_a_large_body_is_gathered_whole),
        TEST(test_expect_100_continue),
        TEST(test_http_1_0_is_answered_and_closed),
        TEST(test_connection_close_is_honoured),
        TEST(test_a_large_answer_arrives_whole),
        TEST(test_a_file_arrives_from_its_offset),
        TEST(test_absolute_form_gives_the_path),
        TEST(test_headers_and_queries_are_found),
        TEST(test_reply_headers_that_would_break_the_head_are_left_out),
        TEST(test_a_reply_with_too_many_headers_becomes_a_500),
        TEST(test_many_connections_at_once),
        TEST(test_an_address_in_use_is_told),
        TEST(test_a_bad_address_is_told),
        TEST(test_ipv6_tells_its_peer),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
