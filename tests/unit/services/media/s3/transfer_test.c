#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/core/check.h"
#include "common/core/clock.h"
#include "common/core/listen.h"
#include "services/media/s3/transfer.h"
#include "tests/harness/loop_fixture.h"
#include "tests/harness/test.h"
#include "tests/harness/wire.h"

/* One transfer against a server that is the test itself, byte by byte, on the same loop. */

enum { LIMIT_MS = 20000, INTO_MAX = 1000 };

static struct qn_loop *loop;
static struct media_s3_carrier *carrier;
static int listen_fd;
static char url[QN_LISTEN_TEXT_MAX + 32];

struct asked {
    struct media_s3_transfer transfer;
    struct qn_buf into;
    bool done;
};

static int setup(void **state)
{
    struct qn_error err = {0};
    char address[QN_LISTEN_TEXT_MAX];
    loop_fixture_setup(state);
    loop = *state;
    const struct media_s3_carrier_options options = {
        .ca_file = "", .connections_max = 4, .connect_ms = 5000, .stall_ms = 1000};
    if (media_s3_carrier_open(loop, &options, &carrier, &err) != QN_OK)
        fail_msg("%s", err.message);
    assert_int_equal(qn_listen_open("127.0.0.1:0", &listen_fd, &err), QN_OK);
    assert_true(qn_listen_text(listen_fd, address));
    snprintf(url, sizeof url, "http://%s/bucket/key?a=b%%20c", address);
    return 0;
}

static int teardown(void **state)
{
    media_s3_carrier_close(carrier);
    if (listen_fd >= 0)
        close(listen_fd);
    return loop_fixture_teardown(state);
}

static void on_done(struct media_s3_transfer *transfer)
{
    struct asked *asked = container_of(transfer, struct asked, transfer);
    assert_false(asked->done);
    asked->done = true;
}

static void start(struct asked *asked, const char *method)
{
    *asked = (struct asked){
        .transfer = {.method = method, .url = url, .deadline_ms = qn_clock_now_ms() + LIMIT_MS}};
    qn_buf_init(&asked->into, INTO_MAX);
    asked->transfer.into = &asked->into;
    media_s3_transfer_start(carrier, &asked->transfer, on_done);
    assert_false(asked->done); /* never from within the start */
}

static void finish(struct asked *asked, enum media_s3_result result, long code)
{
    loop_fixture_run_until(&asked->done, LIMIT_MS);
    if (asked->transfer.result != result || asked->transfer.code != code)
        fail_msg("result %d, code %ld (%s), not %d, %ld", (int)asked->transfer.result, asked->transfer.code,
                 asked->transfer.why ? asked->transfer.why : "", (int)result, code);
    assert_true((result == MEDIA_S3_ANSWERED) == (asked->transfer.why == NULL));
}

static void end(struct asked *asked)
{
    media_s3_transfer_fini(&asked->transfer);
    qn_buf_fini(&asked->into);
}

/* Takes the request and answers with this text; NULL: does not answer. */
static void serve(struct wire *wire, const char *answer)
{
    wire_accept(wire, loop, listen_fd);
    wire_expect(wire, "\r\n\r\n");
    if (answer)
        wire_send_c(wire, answer);
}

static void test_a_request_as_it_is_sent(void **state)
{
    (void)state;
    struct asked asked;
    struct wire wire = {0};
    setenv("http_proxy", "http://127.0.0.1:9", 1); /* not heeded, as is all else that the environment says */
    start(&asked, "GET");
    asked.transfer.headers[0] = NULL;
    serve(&wire, "HTTP/1.1 200 OK\r\nETag: \"e1\"\r\nContent-Type: image/webp\r\nContent-Length: 5\r\n"
                 "Last-Modified: Mon, 23 Nov 2026 04:15:56 GMT\r\n\r\nhello");
    finish(&asked, MEDIA_S3_ANSWERED, 200);
    assert_true(wire_has(&wire, "GET /bucket/key?a=b%20c HTTP/1.1\r\n"));
    assert_true(wire_has(&wire, "Host: 127.0.0.1:"));
    assert_false(wire_has(&wire, "Accept"));
    assert_str(qn_buf_view(&asked.into), "hello");
    assert_string_equal(asked.transfer.etag, "\"e1\"");
    assert_string_equal(asked.transfer.content_type, "image/webp");
    assert_int_equal(asked.transfer.content_length, 5);
    assert_int_equal(asked.transfer.touched_s, 1795407356);
    end(&asked);
    wire_close(&wire);
    unsetenv("http_proxy");
}

/* The next one goes over the same connection; one that the server has closed is replaced unnoticed. */
static void test_connections_are_kept(void **state)
{
    (void)state;
    struct asked asked;
    struct wire wire = {0}, other = {0};
    start(&asked, "DELETE");
    serve(&wire, "HTTP/1.1 204 No Content\r\n\r\n");
    finish(&asked, MEDIA_S3_ANSWERED, 204);
    end(&asked);
    wire_forget(&wire);
    start(&asked, "HEAD");
    wire_expect(&wire, "\r\n\r\n");
    assert_false(wire_accept_now(&other, loop, listen_fd));
    wire_send_c(&wire, "HTTP/1.1 200 OK\r\nContent-Length: 1234\r\n\r\n");
    finish(&asked, MEDIA_S3_ANSWERED, 200);
    assert_int_equal(asked.transfer.content_length, 1234);
    end(&asked);
    wire_close(&wire);
    start(&asked, "GET");
    serve(&other, "HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n");
    finish(&asked, MEDIA_S3_ANSWERED, 404);
    end(&asked);
    wire_close(&other);
}

static void test_a_body_is_sent_as_it_is(void **state)
{
    (void)state;
    /* Over what libcurl waits for a 100 Continue with, and over any socket's buffer. */
    enum { SIZE = 1100000 };
    struct asked asked = {.transfer = {.method = "PUT", .url = url}};
    struct wire wire = {0};
    char *bytes = malloc(SIZE);
    assert_non_null(bytes);
    for (size_t i = 0; i < SIZE; i++)
        bytes[i] = (char)(i * 31 + i / 251);
    asked.transfer.deadline_ms = qn_clock_now_ms() + LIMIT_MS;
    asked.transfer.body = qn_str_n(bytes, SIZE);
    asked.transfer.headers[0] = "content-type: image/webp";
    asked.transfer.headers[1] = "x-amz-date: 20261123T041556Z";
    media_s3_transfer_start(carrier, &asked.transfer, on_done);
    wire_accept(&wire, loop, listen_fd);
    wire_expect(&wire, "\r\n\r\n");
    size_t head = (size_t)(strstr(wire.in.data, "\r\n\r\n") + 4 - wire.in.data);
    wire_expect_bytes(&wire, head + SIZE);
    assert_true(wire_has(&wire, "PUT /bucket/key"));
    assert_true(wire_has(&wire, "Content-Length: 1100000\r\n"));
    assert_true(wire_has(&wire, "content-type: image/webp\r\n"));
    assert_true(wire_has(&wire, "x-amz-date: 20261123T041556Z\r\n"));
    assert_false(wire_has(&wire, "Expect"));
    assert_false(wire_has(&wire, "x-www-form-urlencoded"));
    assert_memory_equal(wire.in.data + head, bytes, SIZE);
    wire_send_c(&wire,
                "HTTP/1.1 100 Continue\r\nETag: no\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
    finish(&asked, MEDIA_S3_ANSWERED, 200); /* a short body is dropped where none is wanted */
    assert_string_equal(asked.transfer.etag, "");
    media_s3_transfer_fini(&asked.transfer);
    wire_close(&wire);
    free(bytes);
}

static void test_chunks(void **state)
{
    (void)state;
    struct asked asked;
    struct wire wire = {0};
    start(&asked, "GET");
    serve(&wire, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2;x=y\r\nde\r\n0\r\nETag: "
                 "late\r\n\r\n");
    finish(&asked, MEDIA_S3_ANSWERED, 200);
    assert_str(qn_buf_view(&asked.into), "abcde");
    assert_string_equal(asked.transfer.etag, ""); /* a trailer is not believed */
    end(&asked);
    wire_close(&wire);
}

/* No redirect is followed: the signature is for one host. */
static void test_a_redirect_is_an_answer(void **state)
{
    (void)state;
    struct asked asked;
    struct wire wire = {0};
    start(&asked, "GET");
    serve(
        &wire,
        "HTTP/1.1 307 Temporary Redirect\r\nLocation: http://127.0.0.1:9/\r\nContent-Length: 4\r\n\r\nmove");
    finish(&asked, MEDIA_S3_ANSWERED, 307);
    assert_str(qn_buf_view(&asked.transfer.refusal), "move");
    assert_int_equal(asked.into.len, 0);
    end(&asked);
    wire_close(&wire);
}

static void test_retry_after(void **state)
{
    (void)state;
    struct asked asked;
    struct wire wire = {0};
    start(&asked, "GET");
    serve(&wire, "HTTP/1.1 503 Slow Down\r\nRetry-After: 7\r\nContent-Length: 0\r\n\r\n");
    finish(&asked, MEDIA_S3_ANSWERED, 503);
    assert_int_equal(asked.transfer.retry_after_s, 7);
    end(&asked);
    wire_close(&wire);
}

/* What a broken server, or something else on that port, may send. */
static void test_broken_answers(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        long code;
    } broken[] = {
        {"", 0},
        {"SSH-2.0-OpenSSH_9.2\r\n", 0},
        {"\x15\x03\x01\x02\x02\x16", 0},
        {"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf", 200},
        {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nab", 200},
        {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\n", 200},
        {"HTTP/1.1 200 OK\r\nContent-Length: -5\r\n\r\nhello", 200},
        {"HTTP/1.1 200 OK\r\nContent-Le", 200},
        {"HTTP/1.1 200 OK\r\n\r\nis this all?", 200},
        {"HTTP/9.9 200 OK\r\n\r\n", 0},
    };
    for (size_t i = 0; i < QN_COUNT(broken); i++) {
        struct asked asked;
        struct wire wire = {0};
        start(&asked, "GET");
        serve(&wire, broken[i].text);
        wire_half_close(&wire);
        loop_fixture_run_until(&asked.done, LIMIT_MS);
        if (asked.transfer.result != MEDIA_S3_BROKEN)
            fail_msg("%s: result %d, code %ld", broken[i].text, (int)asked.transfer.result,
                     asked.transfer.code);
        end(&asked);
        wire_close(&wire);
    }
}

static void test_reset_midway(void **state)
{
    (void)state;
    struct asked asked;
    struct wire wire = {0};
    start(&asked, "GET");
    serve(&wire, "HTTP/1.1 200 OK\r\nContent-Length: 500\r\n\r\nhalf of it");
    while (asked.into.len == 0)
        qn_loop_wait(loop);
    wire_abort(&wire);
    finish(&asked, MEDIA_S3_BROKEN, 200);
    end(&asked);
    wire_close(&wire);
}

static void test_endless_answers(void **state)
{
    (void)state;
    static const struct {
        const char *head, *more;
        enum media_s3_result result;
        long code;
    } endless[] = {
        {"HTTP/1.1 200 OK\r\n\r\n", "body", MEDIA_S3_TOO_LARGE, 200},
        {"HTTP/1.1 200 OK\r\n", "X-More: and more\r\n", MEDIA_S3_BROKEN, 200},
        {"HTTP/1.1 200 OK\r\nX-More: ", "and more, in one line", MEDIA_S3_BROKEN, 200},
        {"HTTP/1.1 500 No\r\n\r\n", "body", MEDIA_S3_ANSWERED, 500},
    };
    for (size_t i = 0; i < QN_COUNT(endless); i++) {
        struct asked asked;
        struct wire wire = {0};
        start(&asked, "GET");
        serve(&wire, endless[i].head);
        size_t sent = 0;
        while (!asked.done && sent < (4U << 20)) {
            sent += wire_send_some(&wire, qn_str_c(endless[i].more));
            qn_loop_turn(loop);
        }
        finish(&asked, endless[i].result, endless[i].code);
        assert_true(asked.into.len <= INTO_MAX);
        assert_true(asked.transfer.refusal.len <= MEDIA_S3_REFUSAL_BYTES_MAX);
        end(&asked);
        wire_close(&wire);
    }
}

/* A server that takes connections and says nothing: given up when nothing moved for a while, long before the
 * deadline. */
static void test_standstill(void **state)
{
    (void)state;
    struct asked asked;
    struct wire wire = {0};
    start(&asked, "GET");
    serve(&wire, "HTTP/1.1 200 OK\r\nContent-Length: 500\r\n\r\n");
    finish(&asked, MEDIA_S3_BROKEN, 200);
    end(&asked);
    wire_close(&wire);
}

static void test_the_deadline(void **state)
{
    (void)state;
    struct asked asked = {.transfer = {.method = "GET", .url = url}};
    struct wire wire = {0};
    asked.transfer.deadline_ms = qn_clock_now_ms() + 200;
    media_s3_transfer_start(carrier, &asked.transfer, on_done);
    serve(&wire, NULL);
    finish(&asked, MEDIA_S3_LATE, 0);
    media_s3_transfer_fini(&asked.transfer);
    wire_close(&wire);
    /* One that has passed already. */
    asked = (struct asked){.transfer = {.method = "GET", .url = url, .deadline_ms = 1}};
    media_s3_transfer_start(carrier, &asked.transfer, on_done);
    loop_fixture_run_until(&asked.done, LIMIT_MS);
    assert_true(asked.transfer.result == MEDIA_S3_LATE || asked.transfer.result == MEDIA_S3_UNREACHABLE);
    media_s3_transfer_fini(&asked.transfer);
}

static void test_nobody_there(void **state)
{
    (void)state;
    struct asked asked;
    close(listen_fd);
    listen_fd = -1;
    start(&asked, "GET");
    finish(&asked, MEDIA_S3_UNREACHABLE, 0);
    end(&asked);
}

/* Addresses are given along: a name that no resolver knows is reached, and keeps its name. */
static void test_a_name_is_not_looked_up(void **state)
{
    (void)state;
    struct asked asked;
    struct wire wire = {0};
    char named[128], address[128];
    const char *port = strrchr(url, ':') + 1;
    snprintf(named, sizeof named, "http://bucket.invalid:%.*s/x", (int)strcspn(port, "/"), port);
    snprintf(address, sizeof address, "bucket.invalid:%.*s:127.0.0.1,[::1]", (int)strcspn(port, "/"), port);
    asked = (struct asked){
        .transfer = {
            .method = "GET", .url = named, .address = address, .deadline_ms = qn_clock_now_ms() + LIMIT_MS}};
    media_s3_transfer_start(carrier, &asked.transfer, on_done);
    serve(&wire, "HTTP/1.1 204 No Content\r\n\r\n");
    finish(&asked, MEDIA_S3_ANSWERED, 204);
    assert_true(wire_has(&wire, "Host: bucket.invalid:"));
    media_s3_transfer_fini(&asked.transfer);
    wire_close(&wire);
}

/* Before it connects, while it is under way, and after: no 'done', nothing left over. */
static void test_cancelled_at_any_time(void **state)
{
    (void)state;
    struct asked asked;
    struct wire wire = {0};
    start(&asked, "GET");
    media_s3_transfer_cancel(&asked.transfer);
    media_s3_transfer_cancel(&asked.transfer);
    end(&asked);
    start(&asked, "GET");
    serve(&wire, "HTTP/1.1 200 OK\r\nContent-Length: 500\r\n\r\nhalf");
    while (asked.into.len == 0)
        qn_loop_wait(loop);
    assert_true(media_s3_transfer_connected(&asked.transfer));
    media_s3_transfer_cancel(&asked.transfer);
    assert_false(media_s3_transfer_connected(&asked.transfer));
    wire_expect_end(&wire);
    assert_false(asked.done);
    end(&asked);
    wire_close(&wire);
}

struct chain {
    struct asked first, second;
};

static void on_first(struct media_s3_transfer *transfer)
{
    struct chain *chain = container_of(transfer, struct chain, first.transfer);
    chain->first.done = true;
    media_s3_transfer_cancel(&chain->second.transfer);
    start(&chain->first, "HEAD");
}

/* In 'done' others may be started and cancelled. */
static void test_in_done_all_is_allowed(void **state)
{
    (void)state;
    static struct chain chain;
    struct wire first = {0}, second = {0};
    chain.first = (struct asked){
        .transfer = {.method = "DELETE", .url = url, .deadline_ms = qn_clock_now_ms() + LIMIT_MS}};
    media_s3_transfer_start(carrier, &chain.first.transfer, on_first);
    serve(&first, NULL);
    start(&chain.second, "GET");
    serve(&second, NULL);
    wire_forget(&first);
    wire_send_c(&first, "HTTP/1.1 204 No Content\r\n\r\n");
    wire_expect(&first, "HEAD ");
    wire_expect(&first, "\r\n\r\n");
    wire_expect_end(&second);
    wire_send_c(&first, "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n");
    finish(&chain.first, MEDIA_S3_ANSWERED, 200);
    assert_false(chain.second.done);
    end(&chain.first);
    end(&chain.second);
    wire_close(&first);
    wire_close(&second);
}

static void test_an_authority_that_is_not_there(void **state)
{
    (void)state;
    struct media_s3_carrier *other;
    struct qn_error err = {0};
    const struct media_s3_carrier_options options = {.ca_file = "/nowhere/ca.pem", .connections_max = 1};
    assert_int_equal(media_s3_carrier_open(loop, &options, &other, &err), QN_INVALID_ARGUMENT);
    assert_non_null(strstr(err.message, "/nowhere/ca.pem"));
}

int main(void)
{
#define ONE(test) cmocka_unit_test_setup_teardown(test, setup, teardown)
    const struct CMUnitTest tests[] = {
        ONE(test_a_request_as_it_is_sent),
        ONE(test_connections_are_kept),
        ONE(test_a_body_is_sent_as_it_is),
        ONE(test_chunks),
        ONE(test_a_redirect_is_an_answer),
        ONE(test_retry_after),
        ONE(test_broken_answers),
        ONE(test_reset_midway),
        ONE(test_endless_answers),
        ONE(test_standstill),
        ONE(test_the_deadline),
        ONE(test_nobody_there),
        ONE(test_a_name_is_not_looked_up),
        ONE(test_cancelled_at_any_time),
        ONE(test_in_done_all_is_allowed),
        ONE(test_an_authority_that_is_not_there),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
