#include <stdlib.h>

#include "common/core/check.h"
#include "tests/harness/loop_fixture.h"
#include "tests/harness/test.h"
#include "tests/unit/common/http/asker.h"

/* How connections end, and what becomes of their requests. The server is the test's own hand. */

static const char *const answer_close = "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\nok";

/* A client with one connection that has served a request, on 'wire'. */
static void open_kept(struct asker *asker, struct wire *wire)
{
    struct asked asked;
    asker_open(asker, (struct qn_http_client_options){.connections_max = 1});
    ask_get(asker, &asked, "/first");
    wire_accept(wire, asker->loop, asker->listen_fd);
    serve(wire, "\r\n\r\n", answer_ok);
    await_answer(&asked, 200, "ok");
}

static void serve_on_a_new_connection(struct asker *asker, const char *text)
{
    struct wire wire;
    wire_accept(&wire, asker->loop, asker->listen_fd);
    serve(&wire, text, answer_close);
    wire_expect_end(&wire);
    wire_close(&wire);
}

static void expect_no_connection(struct asker *asker)
{
    struct wire wire;
    for (int i = 0; i < 5; i++)
        assert_false(wire_accept_now(&wire, asker->loop, asker->listen_fd));
}

/* Ends that the server announces. */

static void test_an_announced_close(void **state)
{
    (void)state;
    struct asker asker;
    struct asked one, two;
    asker_open(&asker, (struct qn_http_client_options){.connections_max = 1});
    ask_get(&asker, &one, "/one");
    ask_get(&asker, &two, "/two");
    serve_on_a_new_connection(&asker, "\r\n\r\n");
    await_answer(&one, 200, "ok");
    serve_on_a_new_connection(&asker, "\r\n\r\n");
    await_answer(&two, 200, "ok");
    asker_close(&asker);
}

static void test_a_body_until_the_end(void **state)
{
    (void)state;
    struct asker asker;
    struct asked asked;
    struct wire wire;
    open_kept(&asker, &wire);
    ask_get(&asker, &asked, "/");
    serve(&wire, "\r\n\r\n", "HTTP/1.1 200 OK\r\n\r\nall of ");
    wire_send_c(&wire, "this");
    wire_half_close(&wire);
    await_answer(&asked, 200, "all of this");
    wire_expect_end(&wire);
    wire_close(&wire);
    asker_close(&asker);
}

/* Ends that it does not announce. */

static void test_an_idle_connection_closed_by_the_server_is_not_used(void **state)
{
    (void)state;
    struct asker asker;
    struct asked asked;
    struct wire wire;
    open_kept(&asker, &wire);
    wire_half_close(&wire);
    wire_expect_end(&wire); /* the client has seen it, and closed too */
    wire_close(&wire);
    ask_post(&asker, &asked, "/", "x");
    serve_on_a_new_connection(&asker, "\r\n\r\nx");
    await_answer(&asked, 200, "ok");
    asker_close(&asker);
}

/* The request crossed the server's close on its way. */
static void test_an_idempotent_request_is_sent_once_more(void **state)
{
    (void)state;
    struct asker asker;
    struct asked asked;
    struct wire wire;
    open_kept(&asker, &wire);
    ask_get(&asker, &asked, "/again");
    wire_expect(&wire, "\r\n\r\n");
    wire_close(&wire);
    serve_on_a_new_connection(&asker, "\r\n\r\n");
    await_answer(&asked, 200, "ok");
    asker_close(&asker);
}

static void test_it_is_not_sent_a_third_time(void **state)
{
    (void)state;
    struct asker asker;
    struct asked asked;
    struct wire wire;
    open_kept(&asker, &wire);
    ask_get(&asker, &asked, "/again");
    wire_expect(&wire, "\r\n\r\n");
    wire_close(&wire);
    wire_accept(&wire, asker.loop, asker.listen_fd);
    wire_expect(&wire, "\r\n\r\n");
    wire_close(&wire);
    await_failure(&asked, QN_UNKNOWN, "without an answer");
    expect_no_connection(&asker);
    asker_close(&asker);
}

static void test_what_is_not_idempotent_is_not_sent_again(void **state)
{
    (void)state;
    struct asker asker;
    struct asked asked;
    struct wire wire;
    open_kept(&asker, &wire);
    ask_post(&asker, &asked, "/", "x");
    wire_expect(&wire, "\r\n\r\nx");
    wire_close(&wire);
    await_failure(&asked, QN_UNKNOWN, "without an answer");
    expect_no_connection(&asker);
    asker_close(&asker);
}

/* Reset before anything could be written, and not seen yet: sent elsewhere, whatever the method. */
static void test_what_was_not_sent_at_all_is_sent_again(void **state)
{
    (void)state;
    struct asker asker;
    struct asked asked;
    struct wire wire;
    open_kept(&asker, &wire);
    wire_abort(&wire);
    ask_post(&asker, &asked, "/", "x");
    serve_on_a_new_connection(&asker, "\r\n\r\nx");
    await_answer(&asked, 200, "ok");
    wire_close(&wire);
    asker_close(&asker);
}

/* A new connection is no stale one: who closes it has seen the request. */
static void test_a_new_connection_that_ends_without_an_answer(void **state)
{
    (void)state;
    struct asker asker;
    struct asked asked;
    struct wire wire;
    asker_open(&asker, (struct qn_http_client_options){0});
    ask_get(&asker, &asked, "/");
    wire_accept(&wire, asker.loop, asker.listen_fd);
    wire_expect(&wire, "\r\n\r\n");
    wire_close(&wire);
    await_failure(&asked, QN_UNKNOWN, "without an answer");
    expect_no_connection(&asker);
    asker_close(&asker);
}

static void end_in_an_answer(const char *piece, bool reset)
{
    struct asker asker;
    struct asked asked;
    struct wire wire;
    open_kept(&asker, &wire);
    ask_get(&asker, &asked, "/");
    serve(&wire, "\r\n\r\n", piece);
    for (int i = 0; i < 5; i++)
        qn_loop_turn(asker.loop); /* it has been read */
    if (reset)
        wire_abort(&wire);
    wire_close(&wire);
    await_failure(&asked, QN_UNKNOWN, "before the whole answer");
    expect_no_connection(&asker);
    asker_close(&asker);
}

static void test_an_answer_that_breaks_off(void **state)
{
    (void)state;
    static const char *const pieces[] = {
        "H",
        "HTTP/1.1 100 Continue\r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhell",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n",
    };
    for (size_t i = 0; i < QN_COUNT(pieces); i++) {
        end_in_an_answer(pieces[i], false);
        end_in_an_answer(pieces[i], true);
    }
    /* The end of a body without a length must be a proper one. */
    end_in_an_answer("HTTP/1.1 200 OK\r\n\r\nhello", true);
}

/* Answers that nobody asked for. */

static void test_bytes_without_a_request(void **state)
{
    (void)state;
    struct asker asker;
    struct asked asked;
    struct wire wire;
    open_kept(&asker, &wire);
    wire_send_c(&wire, answer_ok);
    wire_expect_end(&wire);
    wire_close(&wire);
    ask_get(&asker, &asked, "/");
    serve_on_a_new_connection(&asker, "\r\n\r\n");
    await_answer(&asked, 200, "ok");
    asker_close(&asker);
}

static void test_bytes_after_an_answer(void **state)
{
    (void)state;
    struct asker asker;
    struct asked one, two;
    struct wire wire;
    open_kept(&asker, &wire);
    ask_get(&asker, &one, "/one");
    ask_get(&asker, &two, "/two");
    serve(&wire, "\r\n\r\n",
          "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nokHTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil");
    await_answer(&one, 200, "ok");
    wire_expect_end(&wire);
    assert_int_equal(wire_seen(&wire).len, 0);
    wire_close(&wire);
    serve_on_a_new_connection(&asker, "\r\n\r\n");
    await_answer(&two, 200, "ok");
    asker_close(&asker);
}

static void test_an_answer_with_two_meanings(void **state)
{
    (void)state;
    struct asker asker;
    struct asked asked;
    struct wire wire;
    open_kept(&asker, &wire);
    ask_get(&asker, &asked, "/");
    serve(&wire, "\r\n\r\n",
          "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n");
    await(&asked);
    assert_int_equal(asked.request.status, QN_INTERNAL);
    asked_free(&asked);
    wire_expect_end(&wire);
    wire_close(&wire);
    asker_close(&asker);
}

/* Requests that do not fit into the socket. */

enum { LARGE_BYTES = 12 * 1024 * 1024 };

static void test_an_answer_before_the_request_is_whole(void **state)
{
    (void)state;
    struct asker asker;
    struct asked asked;
    struct wire wire;
    char *body = calloc(1, LARGE_BYTES);
    assert_non_null(body);
    asker_open(&asker, (struct qn_http_client_options){0});
    ask(&asker, &asked,
        &(struct qn_http_ask){
            .method = "POST", .path = QN_STR("/"), .body = qn_str_n(body, LARGE_BYTES), .idempotent = true});
    free(body);
    wire_accept(&wire, asker.loop, asker.listen_fd);
    wire_expect(&wire, "\r\n\r\n");
    wire_pause(&wire);
    wire_send_c(&wire, "HTTP/1.1 413 Too large\r\nContent-Length: 2\r\n\r\nno");
    await_answer(&asked, 413, "no");
    wire_go_on(&wire);
    wire_expect_end(&wire); /* it cannot be kept: half a request stands in it */
    assert_true(wire_seen(&wire).len < LARGE_BYTES);
    wire_close(&wire);
    expect_no_connection(&asker);
    asker_close(&asker);
}

static void test_a_large_request_goes_out_piece_by_piece(void **state)
{
    (void)state;
    struct asker asker;
    struct asked asked;
    struct wire wire;
    char *body = calloc(1, LARGE_BYTES);
    assert_non_null(body);
    body[LARGE_BYTES - 1] = '!';
    asker_open(&asker, (struct qn_http_client_options){0});
    for (int i = 0; i < 2; i++) {
        ask(&asker, &asked,
            &(struct qn_http_ask){.method = "PUT", .path = QN_STR("/"), .body = qn_str_n(body, LARGE_BYTES)});
        if (i == 0)
            wire_accept(&wire, asker.loop, asker.listen_fd);
        wire_pause(&wire);
        for (int turn = 0; turn < 20; turn++)
            qn_loop_turn(asker.loop); /* the socket is full */
        wire_go_on(&wire);
        serve(&wire, "!", answer_ok);
        await_answer(&asked, 200, "ok");
    }
    free(body);
    wire_close(&wire);
    asker_close(&asker);
}

/* Deadlines, cancelling, closing. */

static const struct qn_http_ask plain = {.method = "GET", .path = {"/", 1}, .idempotent = true};

static void test_deadlines(void **state)
{
    (void)state;
    struct asker asker;
    struct asked none, busy, waits, next;
    struct wire wire;
    open_kept(&asker, &wire);
    ask_within(&asker, &none, &plain, 0);
    await_failure(&none, QN_DEADLINE_EXCEEDED, "no time");
    assert_int_equal(wire_seen(&wire).len, 0);

    ask_within(&asker, &busy, &plain, 60);
    ask_within(&asker, &waits, &plain, 30);
    ask_get(&asker, &next, "/next");
    wire_expect(&wire, "\r\n\r\n");
    wire_send_c(&wire, "HTTP/1.1 200 OK\r\nContent-Le");
    await_failure(&waits, QN_DEADLINE_EXCEEDED, "no connection was free");
    assert_false(busy.done);
    await_failure(&busy, QN_DEADLINE_EXCEEDED, "no whole answer");
    wire_expect_end(&wire); /* what comes now would be taken for the next answer */
    wire_close(&wire);
    serve_on_a_new_connection(&asker, "\r\n\r\n");
    await_answer(&next, 200, "ok");
    asker_close(&asker);
}

static void test_cancelling(void **state)
{
    (void)state;
    struct asker asker;
    struct asked busy, waits, next;
    struct wire wire;
    open_kept(&asker, &wire);
    ask_get(&asker, &busy, "/busy");
    ask_get(&asker, &waits, "/waits");
    ask_get(&asker, &next, "/next");
    wire_expect(&wire, "\r\n\r\n");
    qn_http_request_cancel(&waits.request);
    qn_http_request_cancel(&busy.request);
    qn_http_request_cancel(&busy.request); /* nothing happens twice */
    assert_false(busy.done || waits.done);
    await_failure(&busy, QN_CANCELLED, "cancelled");
    await_failure(&waits, QN_CANCELLED, "cancelled");
    qn_http_request_cancel(&busy.request);
    wire_expect_end(&wire);
    wire_close(&wire);
    serve_on_a_new_connection(&asker, "\r\n\r\n");
    await_answer(&next, 200, "ok");
    asker_close(&asker);
}

static void test_closing_while_busy(void **state)
{
    (void)state;
    struct asker asker;
    struct asked busy, waits, late;
    struct wire wire;
    open_kept(&asker, &wire);
    ask_get(&asker, &busy, "/busy");
    ask_get(&asker, &waits, "/waits");
    wire_expect(&wire, "\r\n\r\n");
    qn_http_client_close(asker.client, NULL, NULL);
    ask_get(&asker, &late, "/late");
    asker.client = NULL;
    await_failure(&busy, QN_CANCELLED, "closing");
    await_failure(&waits, QN_CANCELLED, "closing");
    await_failure(&late, QN_CANCELLED, "closing");
    wire_expect_end(&wire);
    wire_close(&wire);
    asker_close(&asker);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_an_announced_close),
        cmocka_unit_test(test_a_body_until_the_end),
        cmocka_unit_test(test_an_idle_connection_closed_by_the_server_is_not_used),
        cmocka_unit_test(test_an_idempotent_request_is_sent_once_more),
        cmocka_unit_test(test_it_is_not_sent_a_third_time),
        cmocka_unit_test(test_what_is_not_idempotent_is_not_sent_again),
        cmocka_unit_test(test_what_was_not_sent_at_all_is_sent_again),
        cmocka_unit_test(test_a_new_connection_that_ends_without_an_answer),
        cmocka_unit_test(test_an_answer_that_breaks_off),
        cmocka_unit_test(test_bytes_without_a_request),
        cmocka_unit_test(test_bytes_after_an_answer),
        cmocka_unit_test(test_an_answer_with_two_meanings),
        cmocka_unit_test(test_an_answer_before_the_request_is_whole),
        cmocka_unit_test(test_a_large_request_goes_out_piece_by_piece),
        cmocka_unit_test(test_deadlines),
        cmocka_unit_test(test_cancelling),
        cmocka_unit_test(test_closing_while_busy),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
