#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "common/core/check.h"
#include "common/core/clock.h"
#include "common/core/listen.h"
#include "common/core/metric.h"
#include "services/media/s3/store.h"
#include "tests/harness/loop_fixture.h"
#include "tests/harness/test.h"
#include "tests/harness/wire.h"

/* The seam before a bucket that answers as no S3 should: what is taken for an answer, and what is not. The
 * server is the test itself, on the same loop. */

enum { LIMIT_MS = 20000 };

#define LISTING "<ListBucketResult></ListBucketResult>"
#define DATES   "Last-Modified: Mon, 23 Nov 2026 04:15:56 GMT\r\nContent-Type: image/webp\r\nETag: \"e1\"\r\n"

static struct qn_loop *loop;
static struct media_settings set;
static struct media_s3_store s3 = MEDIA_S3_STORE(&set);
static struct qn_arena arena;
static struct wire wire;
static int listen_fd;
static char endpoint[QN_LISTEN_TEXT_MAX + 16];
static bool closed;

struct asked {
    struct media_object_request request;
    enum qn_status status;
    bool done;
};

static void drop_line(void *context, struct qn_str line)
{
    (void)context, (void)line;
}

/* Answers the request that is on the wire. */
static void answer(const char *head, const char *body)
{
    char length[64];
    wire_expect(&wire, "\r\n\r\n");
    snprintf(length, sizeof length, "Content-Length: %zu\r\n\r\n", strlen(body));
    wire_send_c(&wire, head);
    wire_send_c(&wire, length);
    wire_send_c(&wire, body);
    wire_forget(&wire);
}

static int setup(void **state)
{
    struct qn_error err = {0};
    char address[QN_LISTEN_TEXT_MAX];
    loop_fixture_setup(state);
    loop = *state;
    qn_log_redirect(drop_line, NULL);
    qn_arena_init(&arena, 1 << 20);
    assert_int_equal(qn_listen_open("127.0.0.1:0", &listen_fd, &err), QN_OK);
    assert_true(qn_listen_text(listen_fd, address));
    snprintf(endpoint, sizeof endpoint, "http://%s", address);
    set = (struct media_settings){.s3_endpoint = endpoint,
                                  .s3_bucket = (char *)"pictures",
                                  .s3_access_key_id = (char *)"AK",
                                  .s3_secret_access_key = (char *)"secret",
                                  .s3_region = (char *)"auto",
                                  .s3_write_once = (char *)"off",
                                  .s3_ca_file = (char *)"",
                                  .s3_at_once = 1};
    if (media_s3_store_open(&s3.part, loop, &err) != QN_OK)
        fail_msg("%s", err.message);
    /* The bucket is asked whether it is there. */
    wire_accept(&wire, loop, listen_fd);
    wire_expect(&wire, "GET /pictures?list-type=2&max-keys=1&prefix=photos%2F HTTP/1.1\r\n");
    answer("HTTP/1.1 200 OK\r\n", LISTING);
    while (!s3.client.ever_good)
        qn_loop_wait(loop);
    return 0;
}

static void on_closed(struct qn_part *part)
{
    assert_ptr_equal(part, &s3.part);
    closed = true;
}

static int teardown(void **state)
{
    closed = false;
    media_s3_store_close(&s3.part, on_closed);
    loop_fixture_run_until(&closed, LIMIT_MS);
    wire_close(&wire);
    close(listen_fd);
    qn_arena_fini(&arena);
    qn_log_redirect(NULL, NULL);
    int failed = loop_fixture_teardown(state);
    qn_metric_reset();
    return failed;
}

static void on_done(struct media_object_request *request, enum qn_status status)
{
    struct asked *asked = container_of(request, struct asked, request);
    assert_false(asked->done);
    asked->done = true;
    asked->status = status;
}

static struct asked fresh(void)
{
    return (struct asked){.request = {.arena = &arena, .deadline_ms = qn_clock_now_ms() + LIMIT_MS}};
}

static void await(struct asked *asked, enum qn_status status)
{
    loop_fixture_run_until(&asked->done, LIMIT_MS);
    assert_int_equal(asked->status, status);
}

static void test_heads(void **state)
{
    (void)state;
    static const struct {
        const char *head;
        enum qn_status status;
    } heads[] = {
        {"HTTP/1.1 200 OK\r\n" DATES "Content-Length: 12345\r\n\r\n", QN_OK},
        {"HTTP/1.1 404 Not Found\r\n\r\n", QN_NOT_FOUND},
        {"HTTP/1.1 200 OK\r\n" DATES "\r\n", QN_DATA_LOSS},                            /* no length */
        {"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nETag: \"e\"\r\n\r\n", QN_DATA_LOSS}, /* no time */
        {"HTTP/1.1 403 Forbidden\r\n\r\n", QN_UNAVAILABLE},
        {"HTTP/1.1 400 Bad Request\r\n\r\n", QN_INTERNAL},
    };
    for (size_t i = 0; i < QN_COUNT(heads); i++) {
        struct asked asked = fresh();
        media_object_head(&s3.store, &asked.request, QN_STR("photos/p/h"), on_done);
        wire_expect(&wire, "HEAD /pictures/photos/p/h HTTP/1.1\r\n");
        wire_expect(&wire, "\r\n\r\n");
        wire_forget(&wire);
        wire_send_c(&wire, heads[i].head);
        await(&asked, heads[i].status);
        if (heads[i].status == QN_OK) {
            assert_int_equal(asked.request.info.size_bytes, 12345);
            assert_int_equal(asked.request.info.touched_ms, INT64_C(1795407356000));
            assert_string_equal(asked.request.info.content_type, "image/webp");
            assert_string_equal(asked.request.info.etag, "e1");
        }
    }
}

/* A part is taken only if it says that it is the one that was asked for. */
static void test_parts(void **state)
{
    (void)state;
    static const struct {
        const char *head, *body;
        enum qn_status status;
    } parts[] = {
        {"HTTP/1.1 206 Partial Content\r\n" DATES "Content-Range: bytes 4-7/10\r\n", "4567", QN_OK},
        {"HTTP/1.1 206 Partial Content\r\n" DATES "Content-Range: bytes 4-5/6\r\n", "45", QN_OK},
        {"HTTP/1.1 200 OK\r\n" DATES, "0123", QN_DATA_LOSS},
        {"HTTP/1.1 206 Partial Content\r\n" DATES "Content-Range: bytes 0-3/10\r\n", "0123", QN_DATA_LOSS},
        {"HTTP/1.1 206 Partial Content\r\n" DATES "Content-Range: bytes 4-7/*\r\n", "4567", QN_DATA_LOSS},
        {"HTTP/1.1 206 Partial Content\r\n" DATES "Content-Range: pages 4-7/10\r\n", "4567", QN_DATA_LOSS},
        {"HTTP/1.1 206 Partial Content\r\n" DATES, "4567", QN_DATA_LOSS},
        {"HTTP/1.1 404 Not Found\r\n", "<Error><Code>NoSuchKey</Code></Error>", QN_NOT_FOUND},
        {"HTTP/1.1 200 OK\r\n" DATES, "0123456789", QN_DATA_LOSS}, /* hung up on; so the last */
    };
    for (size_t i = 0; i < QN_COUNT(parts); i++) {
        struct asked asked = fresh();
        media_object_read_range(&s3.store, &asked.request, QN_STR("photos/p/h"), 4, 4, on_done);
        wire_expect(&wire, "range: bytes=4-7\r\n");
        answer(parts[i].head, parts[i].body);
        await(&asked, parts[i].status);
        if (parts[i].status == QN_OK)
            assert_str(asked.request.bytes, parts[i].body);
    }
}

/* Past the end there is nothing to read, but still an object to be told of. */
static void test_a_part_past_the_end(void **state)
{
    (void)state;
    struct asked asked = fresh();
    media_object_read_range(&s3.store, &asked.request, QN_STR("photos/p/h"), 40, 4, on_done);
    answer("HTTP/1.1 416 Range Not Satisfiable\r\n", "<Error><Code>InvalidRange</Code></Error>");
    wire_expect(&wire, "HEAD /pictures/photos/p/h HTTP/1.1\r\n");
    assert_false(wire_has(&wire, "range: "));
    wire_send_c(&wire, "HTTP/1.1 200 OK\r\n" DATES "Content-Length: 10\r\n\r\n");
    await(&asked, QN_OK);
    assert_int_equal(asked.request.bytes.len, 0);
    assert_int_equal(asked.request.info.size_bytes, 10);
}

static void test_listings(void **state)
{
    (void)state;
    static const struct {
        const char *head, *body;
        enum qn_status status;
    } lists[] = {
        {"HTTP/1.1 200 OK\r\n", LISTING, QN_OK},
        {"HTTP/1.1 200 OK\r\n", "<html></html>", QN_DATA_LOSS},
        {"HTTP/1.1 200 OK\r\n", "", QN_DATA_LOSS},
        {"HTTP/1.1 200 OK\r\n",
         "<ListBucketResult><Contents><Key>photos/q/h</Key><LastModified>2026-11-23T04:15:56Z</LastModified>"
         "</Contents></ListBucketResult>",
         QN_DATA_LOSS}, /* of another */
        {"HTTP/1.1 404 Not Found\r\n", "", QN_DATA_LOSS},
        {"HTTP/1.1 404 Not Found\r\n", "<Error><Code>NoSuchBucket</Code></Error>", QN_UNAVAILABLE},
    };
    for (size_t i = 0; i < QN_COUNT(lists); i++) {
        struct asked asked = fresh();
        media_object_list(&s3.store, &asked.request, QN_STR("photos/p/"), QN_STR("photos/p/a"), on_done);
        wire_expect(
            &wire,
            "GET /pictures?list-type=2&max-keys=64&prefix=photos%2Fp%2F&start-after=photos%2Fp%2Fa HTTP/1.1");
        answer(lists[i].head, lists[i].body);
        await(&asked, lists[i].status);
        assert_int_equal(asked.request.n_entries, 0);
    }
}

static void test_deletes_and_writes(void **state)
{
    (void)state;
    struct asked deleted = fresh(), written = fresh(), refused = fresh();
    const struct media_object_body body = {.bytes = QN_STR("hello"),
                                           .content_type = QN_STR("image/webp"),
                                           .cache_control = QN_STR("public, max-age=1")};
    media_object_delete(&s3.store, &deleted.request, QN_STR("photos/p/h"), on_done);
    wire_expect(&wire, "DELETE /pictures/photos/p/h HTTP/1.1\r\n");
    answer("HTTP/1.1 404 Not Found\r\n", "<Error><Code>NoSuchKey</Code></Error>");
    await(&deleted, QN_OK); /* gone is gone */
    media_object_write(&s3.store, &written.request, QN_STR("photos/p/h"), &body, on_done);
    wire_expect(&wire, "\r\n\r\nhello");
    assert_true(wire_has(&wire, "cache-control: public, max-age=1\r\n"));
    /* The hash of "hello": the store takes no other bytes. */
    assert_true(wire_has(
        &wire, "x-amz-content-sha256: 2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824\r\n"));
    answer("HTTP/1.1 200 OK\r\n", "");
    await(&written, QN_OK);
    media_object_write(&s3.store, &refused.request, QN_STR("photos/p/h"), &body, on_done);
    wire_expect(&wire, "\r\n\r\nhello");
    answer("HTTP/1.1 404 Not Found\r\n", "");
    await(&refused, QN_INTERNAL);
}

/* An arena that is full refuses the one request. */
static void test_no_room(void **state)
{
    (void)state;
    struct qn_arena small;
    struct asked asked = fresh();
    qn_arena_init(&small, 64);
    asked.request.arena = &small;
    media_object_head(&s3.store, &asked.request, QN_STR("photos/p/h"), on_done);
    assert_false(asked.done);
    await(&asked, QN_RESOURCE_EXHAUSTED);
    qn_arena_fini(&small);
    qn_arena_init(&small, sizeof(struct media_s3_call) + 2048);
    asked = fresh();
    asked.request.arena = &small;
    media_object_list(&s3.store, &asked.request, QN_STR("photos/p/"), QN_STR(""), on_done);
    await(&asked, QN_RESOURCE_EXHAUSTED);
    qn_arena_fini(&small);
}

int main(void)
{
#define ONE(test) cmocka_unit_test_setup_teardown(test, setup, teardown)
    const struct CMUnitTest tests[] = {
        ONE(test_heads),
        ONE(test_parts),
        ONE(test_a_part_past_the_end),
        ONE(test_listings),
        ONE(test_deletes_and_writes),
        ONE(test_no_room),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
