#include <stdio.h>
#include <string.h>

#include "common/core/check.h"
#include "tests/harness/loop_fixture.h"
#include "tests/harness/test.h"
#include "tests/unit/common/http/asker.h"
#include "tests/unit/common/http/site.h"

/* Requests and their answers: against our own server, and against one that the test plays. How connections
 * end is http_link_test.c's. */

/* Against our own server. */

static void test_asks_our_own_server(void **state)
{
    (void)state;
    struct qn_loop *loop = loop_fixture_begin();
    struct site site;
    struct asker asker;
    struct asked one, two;
    site_open(&site, loop, (struct qn_httpd_options){0});
    asker_open_at(&asker, loop, (struct qn_http_client_options){0}, qn_httpd_address(site.httpd));
    ask_get(&asker, &one, "/x?y=1");
    ask_post(&asker, &two, "/z", "hello");
    await(&one);
    assert_int_equal(one.request.n_headers, 5); /* with Date and Content-Length; keeping alive goes unsaid */
    assert_str(qn_http_request_header(&one.request, "content-TYPE"), "text/plain");
    assert_str(qn_http_request_header(&one.request, "Set-Cookie"), "a=1");
    assert_null(qn_http_request_header(&one.request, "Absent").ptr);
    await_answer(&one, 200, "GET /x?y=1 0: from 127.0.0.1");
    await_answer(&two, 200, "POST /z? 5:hello from 127.0.0.1");
    asker_close_client(&asker);
    site_close(&site);
    loop_fixture_end();
}

/* Larger than the read buffer, so that most of it is read into its place. */
static void test_large_answers_and_requests(void **state)
{
    (void)state;
    struct qn_loop *loop = loop_fixture_begin();
    struct site site;
    struct asker asker;
    struct asked large, post;
    site_open(&site, loop, (struct qn_httpd_options){.body_max_bytes = SITE_LARGE_BYTES});
    asker_open_at(&asker, loop, (struct qn_http_client_options){.body_max_bytes = SITE_LARGE_BYTES},
                  qn_httpd_address(site.httpd));
    ask_get(&asker, &large, "/large");
    ask(&asker, &post,
        &(struct qn_http_ask){
            .method = "POST", .path = QN_STR("/p"), .body = qn_str_n(site.large, SITE_LARGE_BYTES)});
    await(&large);
    assert_int_equal(large.request.status, QN_OK);
    assert_int_equal(large.request.body.len, SITE_LARGE_BYTES);
    assert_memory_equal(large.request.body.ptr, site.large, SITE_LARGE_BYTES);
    asked_free(&large);
    await(&post);
    assert_int_equal(post.request.http_status, 200);
    assert_true(qn_str_starts(post.request.body, QN_STR("POST /p? 6291456:abcdef")));
    asked_free(&post);
    asker_close_client(&asker);
    site_close(&site);
    loop_fixture_end();
}

/* Many more than there are connections: all answered, each with its own, over no more connections. */
enum { MANY = 500, MANY_CONNECTIONS = 4 };

static void test_many_share_a_few_connections(void **state)
{
    (void)state;
    static struct asked asked[MANY];
    struct qn_loop *loop = loop_fixture_begin();
    struct site site;
    struct asker asker;
    site_open(&site, loop, (struct qn_httpd_options){.connections_max = MANY_CONNECTIONS});
    asker_open_at(&asker, loop, (struct qn_http_client_options){.connections_max = MANY_CONNECTIONS},
                  qn_httpd_address(site.httpd));
    for (size_t i = 0; i < MANY; i++) {
        char path[32];
        snprintf(path, sizeof path, "/%zu", i);
        ask_get(&asker, &asked[i], path);
    }
    for (size_t i = 0; i < MANY; i++) {
        char text[64];
        snprintf(text, sizeof text, "GET /%zu? 0: from 127.0.0.1", i);
        await_answer(&asked[i], 200, text);
    }
    assert_int_equal(site.handled, MANY);
    assert_int_equal(site_metric("quintet_http_connections{server=\"site\"}"), MANY_CONNECTIONS);
    asker_close_client(&asker);
    site_close(&site);
    loop_fixture_end();
}

/* What is sent. */

static void test_what_a_request_looks_like(void **state)
{
    (void)state;
    struct asker asker;
    struct asked asked;
    struct wire wire;
    asker_open(&asker, (struct qn_http_client_options){0});
    const struct qn_header headers[] = {{QN_STR("Cookie"), QN_STR("a=b; c=d")},
                                        {QN_STR("X-Empty"), QN_STR("")}};
    char path[] = "/p?q=%20", body[] = "{}";
    ask(&asker, &asked,
        &(struct qn_http_ask){.method = "POST",
                              .path = qn_str_c(path),
                              .headers = headers,
                              .n_headers = QN_COUNT(headers),
                              .body = qn_str_c(body)});
    memset(path, 'x', sizeof path - 1); /* it was copied */
    memset(body, 'x', sizeof body - 1);
    wire_accept(&wire, asker.loop, asker.listen_fd);
    wire_expect(&wire, "{}");
    char text[256];
    snprintf(
        text, sizeof text,
        "POST /p?q=%%20 HTTP/1.1\r\nHost: %s\r\nCookie: a=b; c=d\r\nX-Empty: \r\nContent-Length: 2\r\n\r\n{}",
        asker.address);
    assert_str(wire_seen(&wire), text);
    wire_forget(&wire);
    wire_send_c(&wire, answer_ok);
    await_answer(&asked, 200, "ok");

    /* A POST without a body says so; a GET need not; a Host of one's own is the only one. */
    ask_post(&asker, &asked, "/", "");
    serve(&wire, "\r\nContent-Length: 0\r\n\r\n", answer_ok);
    await_answer(&asked, 200, "ok");
    ask(&asker, &asked,
        &(struct qn_http_ask){.method = "GET",
                              .path = QN_STR("/"),
                              .headers = &(struct qn_header){QN_STR("host"), QN_STR("site.example")},
                              .n_headers = 1});
    wire_expect(&wire, "\r\n\r\n");
    assert_str(wire_seen(&wire), "GET / HTTP/1.1\r\nhost: site.example\r\n\r\n");
    wire_send_c(&wire, answer_ok);
    await_answer(&asked, 200, "ok");
    wire_close(&wire);
    asker_close(&asker);
}

static void test_what_may_not_be_sent(void **state)
{
    (void)state;
    struct asker asker;
    struct asked asked;
    asker_open(&asker, (struct qn_http_client_options){0});
    static const struct {
        const char *method, *path;
        struct qn_header header;
        const char *words;
    } bad[] = {
        {"GE T", "/", {{"A", 1}}, "method"},
        {"", "/", {{"A", 1}}, "method"},
        {"CONNECT", "/", {{"A", 1}}, "CONNECT"},
        {"GET", "", {{"A", 1}}, "path"},
        {"GET", "x", {{"A", 1}}, "path"},
        {"GET", "/a b", {{"A", 1}}, "path"},
        {"GET", "/\r\nX: y", {{"A", 1}}, "path"},
        {"GET", "/", {{"A:", 2}}, "name"},
        {"GET", "/", {{"", 0}}, "name"},
        {"GET", "/", {{"A", 1}, {"b\r\nX: y", 7}}, "CR, LF or NUL"},
        {"GET", "/", {{"A", 1}, {"b\nX: y", 6}}, "CR, LF or NUL"},
        {"GET", "/", {{"A", 1}, {"b\0", 2}}, "CR, LF or NUL"},
        {"GET", "/", {{"content-length", 14}, {"5", 1}}, "the client's own"},
        {"GET", "/", {{"Transfer-Encoding", 17}, {"chunked", 7}}, "the client's own"},
        {"GET", "/", {{"Connection", 10}, {"close", 5}}, "the client's own"},
        {"GET", "/", {{"Upgrade", 7}, {"h2c", 3}}, "the client's own"},
    };
    for (size_t i = 0; i < QN_COUNT(bad); i++) {
        ask(&asker, &asked,
            &(struct qn_http_ask){.method = bad[i].method,
                                  .path = qn_str_c(bad[i].path),
                                  .headers = &bad[i].header,
                                  .n_headers = 1});
        await_failure(&asked, QN_INVALID_ARGUMENT, bad[i].words);
    }
    asker_close(&asker);
}

/* What comes. */

/* Whatever way the body's end is told, the connection goes on being used where it may. */
static void test_answers_of_every_kind_on_one_connection(void **state)
{
    (void)state;
    struct asker asker;
    struct asked asked;
    struct wire wire;
    asker_open(&asker, (struct qn_http_client_options){.connections_max = 1});
    static const struct {
        const char *method, *answer;
        unsigned code;
        const char *body;
    } kinds[] = {
        {"GET", "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello", 200, "hello"},
        {"GET",
         "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5;x=y\r\nhello\r\n1\r\n!\r\n0\r\nT: r\r\n\r\n",
         200, "hello!"},
        {"GET", "HTTP/1.1 204 No Content\r\n\r\n", 204, ""},
        {"GET", "HTTP/1.1 304 Not Modified\r\nContent-Length: 500\r\n\r\n", 304, ""},
        {"HEAD", "HTTP/1.1 200 OK\r\nContent-Length: 500\r\n\r\n", 200, ""},
        {"HEAD", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", 200, ""},
        {"GET",
         "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\nHTTP/1.1 500 "
         "No\r\nContent-Length: 1\r\n\r\n!",
         500, "!"},
        {"GET", "HTTP/1.0 200 OK\r\nConnection: keep-alive\r\nContent-Length: 1\r\n\r\n0", 200, "0"},
    };
    ask_get(&asker, &asked, "/first");
    wire_accept(&wire, asker.loop, asker.listen_fd);
    serve(&wire, "\r\n\r\n", answer_ok);
    await_answer(&asked, 200, "ok");
    for (size_t i = 0; i < QN_COUNT(kinds); i++) {
        ask(&asker, &asked, &(struct qn_http_ask){.method = kinds[i].method, .path = QN_STR("/")});
        serve(&wire, "\r\n\r\n", kinds[i].answer);
        await_answer(&asked, kinds[i].code, kinds[i].body);
        assert_false(wire.ended);
    }
    wire_close(&wire);
    asker_close(&asker);
}

/* Bit by bit, each seen by the client before the next is sent. */
static void test_an_answer_in_single_bytes(void **state)
{
    (void)state;
    struct asker asker;
    struct asked asked;
    struct wire wire;
    asker_open(&asker, (struct qn_http_client_options){0});
    ask_get(&asker, &asked, "/");
    wire_accept(&wire, asker.loop, asker.listen_fd);
    wire_expect(&wire, "\r\n\r\n");
    const char *answer =
        "HTTP/1.1 200 OK\r\nA-Name: value\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n";
    for (; *answer; answer++) {
        assert_false(asked.done);
        wire_send(&wire, qn_str_n(answer, 1));
        for (int i = 0; i < 3; i++)
            qn_loop_turn(asker.loop);
    }
    await(&asked);
    assert_str(qn_http_request_header(&asked.request, "a-name"), "value");
    await_answer(&asked, 200, "abc");
    wire_close(&wire);
    asker_close(&asker);
}

/* Limits. */

static void test_answers_over_a_limit(void **state)
{
    (void)state;
    static const struct {
        const char *answer;
        const char *words;
    } over[] = {
        {"HTTP/1.1 200 OK\r\nContent-Length: 101\r\n\r\n", "body"},
        {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
         "32\r\n01234567890123456789012345678901234567890123456789\r\n"
         "33\r\n012345678901234567890123456789012345678901234567890\r\n",
         "body"},
        {"HTTP/1.1 200 OK\r\nA: 01234567890123456789012345678901234567890123456789\r\n"
         "B: 01234567890123456789012345678901234567890123456789\r\n",
         "head"},
    };
    for (size_t i = 0; i < QN_COUNT(over); i++) {
        struct asker asker;
        struct asked asked;
        struct wire wire;
        asker_open(&asker, (struct qn_http_client_options){.head_max_bytes = 100, .body_max_bytes = 100});
        ask_get(&asker, &asked, "/");
        wire_accept(&wire, asker.loop, asker.listen_fd);
        serve(&wire, "\r\n\r\n", over[i].answer);
        await_failure(&asked, QN_RESOURCE_EXHAUSTED, over[i].words);
        wire_expect_end(&wire);
        wire_close(&wire);
        asker_close(&asker);
    }
}

static void test_an_arena_that_is_too_small(void **state)
{
    (void)state;
    struct asker asker;
    struct asked asked = {0};
    struct wire wire;
    asker_open(&asker, (struct qn_http_client_options){0});
    const struct qn_http_ask what = {.method = "GET", .path = QN_STR("/")};
    qn_arena_init(&asked.arena, 16);
    ask_again(&asker, &asked, &what);
    await_failure(&asked, QN_RESOURCE_EXHAUSTED, "the request does not fit");

    qn_arena_init(&asked.arena, 1024);
    ask_again(&asker, &asked, &what);
    wire_accept(&wire, asker.loop, asker.listen_fd);
    serve(&wire, "\r\n\r\n", "HTTP/1.1 200 OK\r\nContent-Length: 2000\r\n\r\n");
    await_failure(&asked, QN_RESOURCE_EXHAUSTED, "does not fit into its arena");
    wire_expect_end(&wire);
    wire_close(&wire);
    asker_close(&asker);
}

static void test_a_full_queue(void **state)
{
    (void)state;
    struct asker asker;
    struct asked busy, waits, over;
    struct wire wire;
    asker_open(&asker, (struct qn_http_client_options){.connections_max = 1, .queue_max = 1});
    ask_get(&asker, &busy, "/busy");
    wire_accept(&wire, asker.loop, asker.listen_fd);
    wire_expect(&wire, "\r\n\r\n");
    ask_get(&asker, &waits, "/waits");
    ask_get(&asker, &over, "/over");
    await_failure(&over, QN_RESOURCE_EXHAUSTED, "too many");
    serve(&wire, "\r\n\r\n", answer_ok);
    await_answer(&busy, 200, "ok");
    serve(&wire, "\r\n\r\n", answer_ok);
    await_answer(&waits, 200, "ok");
    wire_close(&wire);
    asker_close(&asker);
}

/* Within 'done'. */

static const struct qn_http_ask plain = {.method = "GET", .path = {"/again", 6}, .idempotent = true};

static void start_again(struct asked *asked)
{
    asked->then = NULL;
    ask_again(asked->context, asked, &plain);
}

static void test_a_request_starts_again_in_its_done(void **state)
{
    (void)state;
    struct asker asker;
    struct asked asked;
    struct wire wire;
    asker_open(&asker, (struct qn_http_client_options){0});
    ask_get(&asker, &asked, "/first");
    asked.then = start_again;
    asked.context = &asker;
    wire_accept(&wire, asker.loop, asker.listen_fd);
    serve(&wire, "\r\n\r\n", answer_ok);
    wire_expect(&wire, "GET /again "); /* on the same connection, from within 'done' */
    wire_send_c(&wire, answer_ok);
    await_answer(&asked, 200, "ok");
    wire_close(&wire);
    asker_close(&asker);
}

static void close_client(struct asked *asked)
{
    struct asker *asker = asked->context;
    asked_free(asked);
    qn_http_client_close(asker->client, NULL, NULL);
    asker->client = NULL;
}

static void test_the_client_is_closed_in_a_done(void **state)
{
    (void)state;
    struct asker asker;
    struct asked first, second;
    struct wire wire;
    asker_open(&asker, (struct qn_http_client_options){.connections_max = 1});
    ask_get(&asker, &first, "/first");
    ask_get(&asker, &second, "/second");
    first.then = close_client;
    first.context = &asker;
    wire_accept(&wire, asker.loop, asker.listen_fd);
    serve(&wire, "\r\n\r\n", answer_ok);
    await_failure(&second, QN_CANCELLED, "closing");
    assert_true(first.done);
    wire_expect_end(&wire);
    wire_close(&wire);
    asker_close(&asker);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_asks_our_own_server),
        cmocka_unit_test(test_large_answers_and_requests),
        cmocka_unit_test(test_many_share_a_few_connections),
        cmocka_unit_test(test_what_a_request_looks_like),
        cmocka_unit_test(test_what_may_not_be_sent),
        cmocka_unit_test(test_answers_of_every_kind_on_one_connection),
        cmocka_unit_test(test_an_answer_in_single_bytes),
        cmocka_unit_test(test_answers_over_a_limit),
        cmocka_unit_test(test_an_arena_that_is_too_small),
        cmocka_unit_test(test_a_full_queue),
        cmocka_unit_test(test_a_request_starts_again_in_its_done),
        cmocka_unit_test(test_the_client_is_closed_in_a_done),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
