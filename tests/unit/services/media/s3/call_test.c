#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/core/check.h"
#include "common/core/clock.h"
#include "common/core/listen.h"
#include "common/core/metric.h"
#include "services/media/s3/call.h"
#include "tests/harness/loop_fixture.h"
#include "tests/harness/test.h"
#include "tests/harness/wire.h"

/* Calls: the line in front of the server, repetitions, deadlines. The server is the test itself, on the same
 * loop. */

enum { LIMIT_MS = 20000, AT_ONCE = 2, CALLS_MAX = 64, SEEN_LINES_MAX = 4096 };

static struct qn_loop *loop;
static struct media_s3_client client;
static struct media_bucket bucket;
static struct media_settings set;
static int listen_fd;
static char logged[SEEN_LINES_MAX];
static unsigned n_heard;

struct asked {
    struct media_s3_call call;
    struct qn_arena arena;
    struct qn_buf into;
    enum qn_status status;
    bool done;
};

static void on_log(void *context, struct qn_str line)
{
    size_t len = strlen(logged);
    (void)context;
    snprintf(logged + len, sizeof logged - len, "%.*s", QN_STR_ARG(line));
}

static void on_heard(struct media_s3_client *of)
{
    assert_ptr_equal(of, &client);
    n_heard++;
}

static void open_client(const char *host)
{
    struct qn_error err = {0};
    bucket = (struct media_bucket){.scheme = "http://",
                                   .name = QN_STR("pictures"),
                                   .access_key_id = QN_STR("AK"),
                                   .secret = QN_STR("secret"),
                                   .region = QN_STR("auto")};
    snprintf(bucket.host, sizeof bucket.host, "%s", host);
    set = (struct media_settings){.s3_ca_file = (char *)"", .s3_at_once = AT_ONCE};
    client = (struct media_s3_client){.heard = on_heard};
    if (media_s3_client_open(&client, loop, &bucket, &set, &err) != QN_OK)
        fail_msg("%s", err.message);
}

static bool closed;

static void on_closed(struct media_s3_line *line)
{
    assert_ptr_equal(line, &client.line);
    closed = true;
}

static void close_client(void)
{
    closed = false;
    media_s3_client_close(&client, on_closed);
    assert_false(closed);
    loop_fixture_run_until(&closed, LIMIT_MS);
}

static int setup(void **state)
{
    struct qn_error err = {0};
    char address[QN_LISTEN_TEXT_MAX];
    loop_fixture_setup(state);
    loop = *state;
    logged[0] = '\0';
    n_heard = 0;
    qn_log_redirect(on_log, NULL);
    assert_int_equal(qn_listen_open("127.0.0.1:0", &listen_fd, &err), QN_OK);
    assert_true(qn_listen_text(listen_fd, address));
    open_client(address);
    return 0;
}

static int teardown(void **state)
{
    close_client();
    if (listen_fd >= 0)
        close(listen_fd);
    qn_log_redirect(NULL, NULL);
    int failed = loop_fixture_teardown(state);
    qn_metric_reset();
    return failed;
}

static void on_done(struct media_s3_call *call, enum qn_status status)
{
    struct asked *asked = container_of(call, struct asked, call);
    assert_false(asked->done);
    asked->done = true;
    asked->status = status;
    media_s3_call_fini(call);
}

static void start_within(struct asked *asked, uint64_t ms)
{
    *asked = (struct asked){.call = {.verb = "read",
                                     .question = {.method = "GET", .key = QN_STR("photos/p/h")},
                                     .deadline_ms = qn_clock_now_ms() + ms}};
    qn_arena_init(&asked->arena, 65536);
    qn_buf_init(&asked->into, 1000);
    asked->call.arena = &asked->arena;
    asked->call.into = &asked->into;
    media_s3_call_start(&client, &asked->call, on_done);
    assert_false(asked->done);
}

static void start(struct asked *asked)
{
    start_within(asked, LIMIT_MS);
}

static void finish(struct asked *asked, enum qn_status status)
{
    loop_fixture_run_until(&asked->done, LIMIT_MS);
    assert_int_equal(asked->status, status);
    qn_buf_fini(&asked->into);
    qn_arena_fini(&asked->arena);
}

/* The next request on a new connection is answered so. */
static void serve(struct wire *wire, const char *answer)
{
    wire_accept(wire, loop, listen_fd);
    wire_expect(wire, "\r\n\r\n");
    wire_send_c(wire, answer);
}

/* The next on this connection. */
static void serve_again(struct wire *wire, const char *answer)
{
    wire_forget(wire);
    wire_expect(wire, "\r\n\r\n");
    wire_send_c(wire, answer);
}

static double metric(const char *text)
{
    struct qn_buf all;
    double value = -1;
    qn_buf_init(&all, 1 << 20);
    qn_metric_render(&all);
    const char *at = strstr(all.data, text);
    if (at)
        value = strtod(at + strlen(text), NULL);
    qn_buf_fini(&all);
    return value;
}

#define OK "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
#define UNAVAILABLE                                                                                          \
    "HTTP/1.1 503 Slow Down\r\nContent-Length: 42\r\n\r\n<Error><Code>SlowDown</Code></Error>      "
#define REFUSED(code)                                                                                        \
    "HTTP/1.1 403 Forbidden\r\nConnection: close\r\n\r\n<Error><Code>" code                                  \
    "</Code><Message>said so</Message></Error>"

static void test_signed_and_answered(void **state)
{
    (void)state;
    struct asked asked;
    struct wire wire = {0};
    start(&asked);
    serve(&wire, OK);
    finish(&asked, QN_OK);
    assert_true(wire_has(&wire, "GET /pictures/photos/p/h HTTP/1.1\r\n"));
    assert_true(wire_has(&wire, "Authorization: AWS4-HMAC-SHA256 Credential=AK/"));
    assert_true(wire_has(&wire, "SignedHeaders=host;x-amz-content-sha256;x-amz-date"));
    assert_true(client.good && client.ever_good);
    assert_int_equal(n_heard, 1);
    assert_true(metric("quintet_media_s3_calls_total{verb=\"read\",status=\"ok\"} ") == 1);
    assert_true(metric("quintet_media_s3_seconds_count{verb=\"read\"} ") == 1);
    wire_close(&wire);
}

/* Two 503 and a lost connection, then it works: nobody notices but the metrics. */
static void test_failures_that_pass(void **state)
{
    (void)state;
    struct asked asked;
    struct wire wire = {0}, other = {0};
    start(&asked);
    serve(&wire, UNAVAILABLE);
    serve_again(&wire, UNAVAILABLE);
    wire_forget(&wire);
    wire_expect(&wire, "\r\n\r\n");
    wire_send_c(&wire, "HTTP/1.1 200 OK\r\nContent-Length: 500\r\n\r\nhalf");
    while (asked.into.len != 4)
        qn_loop_wait(loop);
    wire_abort(&wire);
    serve(&other, OK);
    finish(&asked, QN_OK);
    assert_int_equal(asked.call.n_tries, 4);
    assert_true(metric("quintet_media_s3_retries_total{verb=\"read\",outcome=\"made\"} ") == 3);
    assert_true(metric("quintet_media_s3_tries_total{verb=\"read\",outcome=\"failed\"} ") == 2);
    assert_true(metric("quintet_media_s3_tries_total{verb=\"read\",outcome=\"broken\"} ") == 1);
    assert_non_null(strstr(logged, "a request to the bucket failed"));
    wire_close(&wire);
    wire_close(&other);
}

/* A connection that is lost in the middle of a body: all of it goes out again, signed anew. */
static void test_a_write_is_sent_again_whole(void **state)
{
    (void)state;
    enum { SIZE = 3000000 }; /* more than the sockets in between hold */
    struct asked asked = {.call = {.verb = "write", .deadline_ms = qn_clock_now_ms() + LIMIT_MS}};
    struct wire wire = {0}, other = {0};
    char *bytes = malloc(SIZE);
    assert_non_null(bytes);
    for (size_t i = 0; i < SIZE; i++)
        bytes[i] = (char)(i * 31 + i / 251);
    qn_arena_init(&asked.arena, 65536);
    asked.call.arena = &asked.arena;
    asked.call.question =
        (struct media_s3_question){.method = "PUT",
                                   .key = QN_STR("photos/p/h"),
                                   .headers = {{QN_STR("content-type"), QN_STR("image/webp")}},
                                   .n_headers = 1,
                                   .body = qn_str_n(bytes, SIZE)};
    media_s3_call_start(&client, &asked.call, on_done);
    wire_accept(&wire, loop, listen_fd);
    wire_expect_bytes(&wire, SIZE / 4);
    wire_abort(&wire);
    wire_accept(&other, loop, listen_fd);
    wire_expect(&other, "\r\n\r\n");
    size_t head = (size_t)(strstr(other.in.data, "\r\n\r\n") + 4 - other.in.data);
    wire_expect_bytes(&other, head + SIZE);
    assert_int_equal(other.in.len, head + SIZE);
    assert_memory_equal(other.in.data + head, bytes, SIZE);
    assert_true(wire_has(&other, "SignedHeaders=content-type;host;x-amz-content-sha256;x-amz-date"));
    wire_send_c(&other, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
    finish(&asked, QN_OK);
    assert_int_equal(asked.call.n_tries, 2);
    wire_close(&wire);
    wire_close(&other);
    free(bytes);
}

static void test_failures_that_stay(void **state)
{
    (void)state;
    struct asked asked;
    struct wire wire = {0};
    start(&asked);
    serve(&wire, UNAVAILABLE);
    for (int i = 1; i < MEDIA_S3_TRIES_MAX; i++)
        serve_again(&wire, UNAVAILABLE);
    finish(&asked, QN_UNAVAILABLE);
    assert_false(client.good);
    assert_string_equal(client.trouble, "SlowDown");
    wire_close(&wire);
}

/* Nobody listens: said within the time there is, after a few tries. */
static void test_nobody_there(void **state)
{
    (void)state;
    struct asked asked;
    close(listen_fd);
    listen_fd = -1;
    start_within(&asked, 1000);
    finish(&asked, QN_UNAVAILABLE);
    assert_true(qn_clock_left_ms(asked.call.deadline_ms) > 0 || asked.call.n_tries > 1);
}

/* What will not get better by asking again is not asked again, and the log says in S3's words what is wrong
 * and what to look at. */
static void test_refusals_are_told_loudly(void **state)
{
    (void)state;
    static const struct {
        const char *answer, *code, *hint;
    } refusals[] = {
        {REFUSED("RequestTimeTooSkewed"), "RequestTimeTooSkewed", "clock is wrong"},
        {REFUSED("SignatureDoesNotMatch"), "SignatureDoesNotMatch", "the secret key"},
        {REFUSED("InvalidAccessKeyId"), "InvalidAccessKeyId", "no such access key"},
        {"HTTP/1.1 404 Not Found\r\nConnection: close\r\n\r\n<Error><Code>NoSuchBucket</Code></Error>",
         "NoSuchBucket", "no such bucket"},
        {"HTTP/1.1 301 Moved\r\nConnection: close\r\n\r\n<Error><Code>PermanentRedirect</Code></Error>",
         "PermanentRedirect", "another endpoint"},
    };
    for (size_t i = 0; i < QN_COUNT(refusals); i++) {
        struct asked asked;
        struct wire wire = {0};
        logged[0] = '\0';
        client.log_limit = (struct qn_log_limit){0};
        start(&asked);
        serve(&wire, refusals[i].answer);
        wire_half_close(&wire);
        finish(&asked, QN_UNAVAILABLE);
        assert_int_equal(asked.call.n_tries, 1);
        assert_non_null(strstr(logged, "ERROR"));
        assert_non_null(strstr(logged, refusals[i].code));
        assert_non_null(strstr(logged, refusals[i].hint));
        assert_null(strstr(logged, "secret="));
        wire_close(&wire);
    }
}

static void test_no_such_key_is_an_answer(void **state)
{
    (void)state;
    struct asked asked;
    struct wire wire = {0};
    start(&asked);
    serve(&wire, "HTTP/1.1 404 Not Found\r\nContent-Length: 37\r\n\r\n<Error><Code>NoSuchKey</Code></Error>");
    finish(&asked, QN_NOT_FOUND);
    assert_true(client.good);
    assert_null(strstr(logged, "WARN"));
    wire_close(&wire);
}

/* A server that has taken the connection and is silent: the time is over, and it is said before it is. */
static void test_silence_until_the_deadline(void **state)
{
    (void)state;
    struct asked asked;
    struct wire wire = {0};
    uint64_t deadline_ms = qn_clock_now_ms() + 1500;
    start_within(&asked, 1500);
    wire_accept(&wire, loop, listen_fd);
    finish(&asked, QN_DEADLINE_EXCEEDED);
    assert_true(asked.call.deadline_ms < deadline_ms);
    wire_expect_end(&wire);
    wire_close(&wire);
}

/* The store says to come in a minute, but there is no minute: answered at once. */
static void test_a_wait_longer_than_the_deadline(void **state)
{
    (void)state;
    struct asked asked;
    struct wire wire = {0};
    start(&asked);
    serve(&wire, "HTTP/1.1 503 No\r\nRetry-After: 60\r\nContent-Length: 0\r\n\r\n");
    finish(&asked, QN_UNAVAILABLE);
    assert_int_equal(asked.call.n_tries, 1);
    wire_close(&wire);
}

/* So many at once, the others in the order they came, over the connections there are. */
static void test_the_line(void **state)
{
    (void)state;
    struct asked asked[5];
    struct wire wires[AT_ONCE] = {{0}}, more = {0};
    for (size_t i = 0; i < QN_COUNT(asked); i++)
        start(&asked[i]);
    for (size_t i = 0; i < AT_ONCE; i++) {
        wire_accept(&wires[i], loop, listen_fd);
        wire_expect(&wires[i], "\r\n\r\n");
    }
    assert_int_equal(client.line.n_sent, AT_ONCE);
    assert_int_equal(client.line.waiting.len, QN_COUNT(asked) - AT_ONCE);
    assert_true(metric("\nquintet_media_s3_in_flight ") == AT_ONCE);
    assert_true(metric("\nquintet_media_s3_waiting ") == 3);
    assert_false(wire_accept_now(&more, loop, listen_fd));
    for (size_t i = 0; i < 3; i++) {
        wire_forget(&wires[0]);
        wire_send_c(&wires[0], OK);
        wire_expect(&wires[0], "\r\n\r\n");
    }
    wire_send_c(&wires[0], OK);
    wire_send_c(&wires[1], OK);
    for (size_t i = 0; i < QN_COUNT(asked); i++)
        finish(&asked[i], QN_OK);
    assert_false(wire_accept_now(&more, loop, listen_fd));
    assert_int_equal(client.line.n_sent, 0);
    for (size_t i = 0; i < AT_ONCE; i++)
        wire_close(&wires[i]);
}

/* The store stands still and calls keep coming: those that could not be served in time are told at once,
 * instead of waiting for nothing. */
static void test_a_line_that_does_not_move(void **state)
{
    (void)state;
    static struct asked asked[CALLS_MAX];
    struct wire wires[AT_ONCE] = {{0}};
    size_t n = 0, refused = 0;
    struct asked first;
    struct wire wire = {0};
    start(&first); /* so that a speed is known */
    serve(&wire, OK);
    finish(&first, QN_OK);
    wire_close(&wire);
    for (; n < AT_ONCE + 1; n++)
        start_within(&asked[n], 5000);
    for (size_t i = 0; i < AT_ONCE; i++) {
        wire_accept(&wires[i], loop, listen_fd);
        wire_expect(&wires[i], "\r\n\r\n");
    }
    uint64_t end_ms = qn_clock_now_ms() + LIMIT_MS;
    for (; refused == 0 && qn_clock_left_ms(end_ms) > 0 && n < CALLS_MAX; n++) {
        start_within(&asked[n], 200);
        loop_fixture_run_until(&asked[n].done, LIMIT_MS);
        refused += asked[n].status == QN_RESOURCE_EXHAUSTED;
    }
    assert_true(refused > 0);
    wire_forget(&wires[0]);
    wire_send_c(&wires[0], OK);
    serve_again(&wires[0], OK); /* the one that waited */
    wire_send_c(&wires[1], OK);
    for (size_t i = 0; i < AT_ONCE + 1; i++)
        finish(&asked[i], QN_OK);
    for (size_t i = AT_ONCE + 1; i < n; i++)
        finish(&asked[i], asked[i].status);
    for (size_t i = 0; i < AT_ONCE; i++)
        wire_close(&wires[i]);
}

/* Whatever stage it is in, a call ends when the client is closed, and nothing is left on the loop. */
static void test_closed_with_calls_in_hand(void **state)
{
    (void)state;
    struct asked sent[AT_ONCE], waiting, failed, fresh;
    struct wire wires[AT_ONCE] = {{0}}, wire = {0};
    start(&failed);
    serve(&wire, "HTTP/1.1 503 No\r\nRetry-After: 10\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
    while (n_heard == 0)
        qn_loop_wait(loop);
    for (size_t i = 0; i < AT_ONCE; i++) {
        start(&sent[i]);
        wire_accept(&wires[i], loop, listen_fd);
        wire_expect(&wires[i], "\r\n\r\n");
    }
    start(&waiting);
    while (client.line.waiting.len == 0)
        qn_loop_turn(loop);
    start(&fresh);
    close_client();
    finish(&failed, QN_UNAVAILABLE);
    finish(&waiting, QN_UNAVAILABLE);
    finish(&fresh, QN_UNAVAILABLE);
    for (size_t i = 0; i < AT_ONCE; i++) {
        finish(&sent[i], QN_UNAVAILABLE);
        wire_expect_end(&wires[i]);
        wire_close(&wires[i]);
    }
    wire_close(&wire);
    open_client("127.0.0.1:9"); /* for the teardown */
}

static void on_done_close(struct media_s3_call *call, enum qn_status status)
{
    on_done(call, status);
    closed = false;
    media_s3_client_close(&client, on_closed);
}

/* Whoever asks one question and is done with it closes in the answer's callback. */
static void test_closed_in_the_answer(void **state)
{
    (void)state;
    struct asked asked;
    struct wire wire = {0};
    start(&asked);
    asked.call.done = on_done_close;
    serve(&wire, OK);
    finish(&asked, QN_OK);
    loop_fixture_run_until(&closed, LIMIT_MS);
    wire_expect_end(&wire);
    wire_close(&wire);
    open_client("127.0.0.1:9"); /* for the teardown */
}

/* A host by name is looked up off the loop; one that is not known fails like a server that is not there. */
static void test_names(void **state)
{
    (void)state;
    struct asked asked;
    struct wire wire = {0};
    char named[64];
    snprintf(named, sizeof named, "localhost%s", strchr(bucket.host, ':'));
    close_client();
    open_client(named);
    start(&asked);
    serve(&wire, OK);
    finish(&asked, QN_OK);
    wire_close(&wire);
    close_client();
    open_client("bucket.invalid");
    start_within(&asked, 3000);
    loop_fixture_run_until(&asked.done, LIMIT_MS);
    assert_true(asked.status == QN_UNAVAILABLE || asked.status == QN_DEADLINE_EXCEEDED);
    finish(&asked, asked.status);
    /* Closed while a look-up runs. */
    start(&asked);
    qn_loop_turn(loop);
    close_client();
    finish(&asked, QN_UNAVAILABLE);
    open_client("127.0.0.1:9");
}

int main(void)
{
#define ONE(test) cmocka_unit_test_setup_teardown(test, setup, teardown)
    const struct CMUnitTest tests[] = {
        ONE(test_signed_and_answered),
        ONE(test_failures_that_pass),
        ONE(test_a_write_is_sent_again_whole),
        ONE(test_failures_that_stay),
        ONE(test_nobody_there),
        ONE(test_refusals_are_told_loudly),
        ONE(test_no_such_key_is_an_answer),
        ONE(test_silence_until_the_deadline),
        ONE(test_a_wait_longer_than_the_deadline),
        ONE(test_the_line),
        ONE(test_a_line_that_does_not_move),
        ONE(test_closed_with_calls_in_hand),
        ONE(test_closed_in_the_answer),
        ONE(test_names),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
