#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/core/check.h"
#include "common/core/clock.h"
#include "common/core/metric.h"
#include "services/media/s3/store.h"
#include "tests/harness/http.h"
#include "tests/harness/loop_fixture.h"
#include "tests/harness/node.h"
#include "tests/harness/service.h"
#include "tests/harness/tcp_proxy.h"
#include "tests/harness/test.h"

/* The seam on a bucket, through a proxy that makes a network's faults. Once the bucket is of an S3 that is
 * not ours: s3rver from npm, behind a door that checks signatures, lengths and hashes as S3 does. Once it is
 * the embedded folder of another quintet-media, so that the two stores are held against one another. */

enum { LIMIT_MS = 20000, CALL_MS = 10000, SETTINGS_MAX = 16, MANY = 100 };

#define SECRET "a secret of the bucket's"

static struct harness_node *server;    /* s3rver, or */
static struct harness_service *folder; /* a quintet-media on its folder */
static const char *bucket_name;
static struct tcp_proxy *proxy;

static struct media_settings set;
static struct media_s3_store s3 = MEDIA_S3_STORE(&set);
static struct qn_loop *loop;
static struct qn_arena arena;
static char *logged;
static size_t logged_len;
static bool closed;

struct asked {
    struct media_object_request request;
    enum qn_status status;
    bool done;
};

/* The store, opened with these settings; those not given have their usual values. */

static const char *const *given;

static const char *get_from(const char *const *settings, const char *name)
{
    size_t len = strlen(name);
    for (; *settings; settings++) {
        if (strncmp(*settings, name, len) == 0 && (*settings)[len] == '=')
            return *settings + len + 1;
    }
    return NULL;
}

static const char *const *usual_settings(void)
{
    static const char *usual[8];
    usual[0] = harness_text("S3_ENDPOINT=http://127.0.0.1:%u", tcp_proxy_port(proxy));
    usual[1] = "S3_ACCESS_KEY_ID=AKTEST";
    usual[2] = "S3_SECRET_ACCESS_KEY=" SECRET;
    usual[3] = harness_text("S3_BUCKET=%s", bucket_name);
    usual[4] = "S3_CONDITIONAL_WRITES=on";
    usual[5] = NULL;
    return usual;
}

static const char *get(const char *name)
{
    const char *value = given ? get_from(given, name) : NULL;
    return value ? value : get_from(usual_settings(), name);
}

static void on_log(void *context, struct qn_str line)
{
    (void)context;
    logged = realloc(logged, logged_len + line.len + 1);
    assert_non_null(logged);
    memcpy(logged + logged_len, line.ptr, line.len);
    logged_len += line.len;
    logged[logged_len] = '\0';
}

static bool has_logged(const char *text)
{
    return logged && strstr(logged, text);
}

static void open_store(const char *const *settings)
{
    struct qn_config_report report = {.n_complaints = 0};
    struct qn_error err = {0};
    qn_buf_init(&report.lines, 65536);
    given = settings;
    qn_config_read(media_settings_table, media_settings_count, &set, get, &report);
    media_settings_check(&set, &report);
    if (report.n_complaints > 0)
        fail_msg("%s", report.lines.data);
    qn_buf_fini(&report.lines);
    loop = loop_fixture_begin();
    qn_arena_init(&arena, 16 << 20);
    logged_len = 0;
    if (logged)
        logged[0] = '\0';
    qn_log_redirect(on_log, NULL);
    if (media_s3_store_open(&s3.part, loop, &err) != QN_OK)
        fail_msg("%s", err.message);
}

static void on_closed(struct qn_part *part)
{
    assert_ptr_equal(part, &s3.part);
    closed = true;
}

static void close_store(void)
{
    closed = false;
    media_s3_store_close(&s3.part, on_closed);
    loop_fixture_run_until(&closed, LIMIT_MS);
    loop_fixture_end();
    qn_log_redirect(NULL, NULL);
    qn_arena_fini(&arena);
    qn_config_free(media_settings_table, media_settings_count, &set);
    qn_metric_reset();
}

/* Ready, and what is said of it. */
static bool is_ready(const char *says)
{
    struct qn_buf detail;
    qn_buf_init(&detail, 1024);
    bool ready = media_s3_store_ready(&s3.part, &detail);
    bool said = !says || strstr(detail.data, says);
    qn_buf_fini(&detail);
    return ready && said;
}

static void await_ready(const char *says)
{
    uint64_t end_ms = qn_clock_now_ms() + 60000;
    while (!is_ready(says)) {
        qn_loop_wait(loop);
        if (qn_clock_left_ms(end_ms) == 0)
            fail_msg("not ready: %s", s3.client.trouble);
    }
}

/* Operations. */

static void on_done(struct media_object_request *request, enum qn_status status)
{
    struct asked *asked = container_of(request, struct asked, request);
    assert_false(asked->done);
    asked->done = true;
    asked->status = status;
}

static struct asked fresh(void)
{
    return (struct asked){.request = {.arena = &arena, .deadline_ms = qn_clock_now_ms() + CALL_MS}};
}

static void await(struct asked *asked, enum qn_status status)
{
    assert_false(asked->done); /* never from within the start */
    loop_fixture_run_until(&asked->done, LIMIT_MS);
    if (asked->status != status)
        fail_msg("%s, not %s: %s", qn_status_name(asked->status), qn_status_name(status),
                 logged ? logged : "");
}

static void write_object(const char *key, struct qn_str bytes, enum qn_status status)
{
    struct asked asked = fresh();
    const struct media_object_body body = {.bytes = bytes,
                                           .content_type = QN_STR("image/webp"),
                                           .cache_control = QN_STR("public, max-age=86400, immutable")};
    media_object_write(&s3.store, &asked.request, qn_str_c(key), &body, on_done);
    await(&asked, status);
}

static struct media_object_info head_object(const char *key, enum qn_status status)
{
    struct asked asked = fresh();
    media_object_head(&s3.store, &asked.request, qn_str_c(key), on_done);
    await(&asked, status);
    return asked.request.info;
}

static void delete_object(const char *key, enum qn_status status)
{
    struct asked asked = fresh();
    media_object_delete(&s3.store, &asked.request, qn_str_c(key), on_done);
    await(&asked, status);
}

static void read_part(const char *key, uint64_t offset, size_t length, const char *bytes)
{
    struct asked asked = fresh();
    media_object_read_range(&s3.store, &asked.request, qn_str_c(key), offset, length, on_done);
    await(&asked, QN_OK);
    assert_str(asked.request.bytes, bytes);
    assert_int_equal(asked.request.info.size_bytes, 10);
    assert_string_equal(asked.request.info.content_type, "image/webp");
}

static void test_an_object_from_first_to_last(void **state)
{
    (void)state;
    open_store(NULL);
    const char *key = "photos/p1/0123456789abcdef.webp";
    int64_t before_ms = qn_clock_wall_ms();
    head_object(key, QN_NOT_FOUND);
    write_object(key, QN_STR("0123456789"), QN_OK);
    struct media_object_info info = head_object(key, QN_OK);
    assert_int_equal(info.size_bytes, 10);
    assert_string_equal(info.content_type, "image/webp");
    if (server)
        assert_string_equal(info.etag, "781e5e245d69b566979b86e28d23f2c7"); /* S3's: the MD5 of the bytes */
    assert_true(info.touched_ms > before_ms - 5000 && info.touched_ms < qn_clock_wall_ms() + 5000);
    read_part(key, 0, 4, "0123");
    read_part(key, 8, 100, "89");
    read_part(key, 10, 1, "");
    read_part(key, UINT64_MAX, 1, "");
    read_part(key, 0, 0, "");

    struct qn_buf into;
    qn_buf_init(&into, MEDIA_OBJECT_BYTES_MAX);
    struct asked all = fresh();
    media_object_read_all(&s3.store, &all.request, qn_str_c(key), 10, &into, on_done);
    await(&all, QN_OK);
    assert_str(qn_buf_view(&into), "0123456789");
    assert_int_equal(all.request.info.size_bytes, 10);
    qn_buf_clear(&into);
    all = fresh();
    media_object_read_all(&s3.store, &all.request, qn_str_c(key), 9, &into, on_done);
    await(&all, QN_OUT_OF_RANGE);
    all = fresh();
    media_object_read_all(&s3.store, &all.request, QN_STR("photos/p1/none"), 9, &into, on_done);
    await(&all, QN_NOT_FOUND);
    qn_buf_fini(&into);

    write_object(key, QN_STR("again"), QN_OK); /* whatever was there before */
    struct media_object_info other = head_object(key, QN_OK);
    assert_int_equal(other.size_bytes, 5);
    assert_string_not_equal(other.etag, info.etag);
    delete_object(key, QN_OK);
    delete_object(key, QN_OK);
    head_object(key, QN_NOT_FOUND);
    assert_true(is_ready(bucket_name));
    close_store();
}

static void test_bytes_of_every_value_and_size(void **state)
{
    (void)state;
    static const size_t sizes[] = {1, 16384, 16385, 1 << 20, MEDIA_OBJECT_BYTES_MAX};
    open_store(NULL);
    char *bytes = malloc(MEDIA_OBJECT_BYTES_MAX);
    assert_non_null(bytes);
    for (size_t i = 0; i < MEDIA_OBJECT_BYTES_MAX; i++)
        bytes[i] = (char)(i * 31 + i / 251);
    for (size_t i = 0; i < QN_COUNT(sizes); i++) {
        struct qn_buf into;
        struct asked asked = fresh();
        write_object("photos/p2/all", qn_str_n(bytes, sizes[i]), QN_OK);
        qn_buf_init(&into, MEDIA_OBJECT_BYTES_MAX);
        media_object_read_all(&s3.store, &asked.request, QN_STR("photos/p2/all"), sizes[i], &into, on_done);
        await(&asked, QN_OK);
        assert_int_equal(into.len, sizes[i]);
        assert_memory_equal(into.data, bytes, sizes[i]);
        qn_buf_fini(&into);
    }
    free(bytes);
    delete_object("photos/p2/all", QN_OK);
    close_store();
}

static void test_listing_in_pages(void **state)
{
    (void)state;
    enum { OBJECTS = MEDIA_OBJECT_LIST_MAX + 6 };
    open_store(NULL);
    for (int i = 0; i < OBJECTS; i++)
        write_object(harness_text("photos/p3/%03d", i), QN_STR("x"), QN_OK);
    write_object("photos/p30/other", QN_STR("x"), QN_OK);
    struct asked first = fresh(), second = fresh(), none = fresh();
    media_object_list(&s3.store, &first.request, QN_STR("photos/p3/"), QN_STR(""), on_done);
    await(&first, QN_OK);
    assert_int_equal(first.request.n_entries, MEDIA_OBJECT_LIST_MAX);
    assert_string_equal(first.request.entries[0].key, "photos/p3/000");
    assert_true(first.request.entries[0].touched_ms > INT64_C(1600000000000));
    const char *last = first.request.entries[MEDIA_OBJECT_LIST_MAX - 1].key;
    assert_string_equal(last, harness_text("photos/p3/%03d", MEDIA_OBJECT_LIST_MAX - 1));
    media_object_list(&s3.store, &second.request, QN_STR("photos/p3/"), qn_str_c(last), on_done);
    await(&second, QN_OK);
    assert_int_equal(second.request.n_entries, OBJECTS - MEDIA_OBJECT_LIST_MAX);
    for (int i = 0; i < OBJECTS; i++)
        delete_object(harness_text("photos/p3/%03d", i), QN_OK);
    media_object_list(&s3.store, &none.request, QN_STR("photos/p3/"), QN_STR(""), on_done);
    await(&none, QN_OK);
    assert_int_equal(none.request.n_entries, 0);
    delete_object("photos/p30/other", QN_OK);
    close_store();
}

/* What a browser does with what it was given. 'spoil': a header to send instead. */
static int put(const struct media_object_put *upload, int64_t now_ms, struct qn_str body, const char *spoil)
{
    struct media_object_put_headers headers;
    struct qn_buf url;
    struct harness_http_request request = {.method = "PUT", .body = body};
    size_t n = 0;
    qn_buf_init(&url, 4096);
    assert_int_equal(media_object_presign_put(&s3.store, upload, now_ms, &url, &headers), QN_OK);
    request.url = url.data;
    if (spoil)
        request.headers[n++] = spoil;
    for (size_t i = 0; i < headers.n_headers; i++) {
        size_t len = strlen(headers.headers[i].name);
        if (!spoil || strncmp(spoil, headers.headers[i].name, len) != 0)
            request.headers[n++] = harness_text("%s: %s", headers.headers[i].name, headers.headers[i].value);
    }
    struct harness_http_reply reply = harness_http(&request);
    int status = reply.status;
    harness_http_free(&reply);
    qn_buf_fini(&url);
    return status;
}

static void test_uploads_by_url(void **state)
{
    (void)state;
    static const unsigned char sha256[] = {/* of "hello" */
                                           0x2c, 0xf2, 0x4d, 0xba, 0x5f, 0xb0, 0xa3, 0x0e, 0x26, 0xe8, 0x3b,
                                           0x2a, 0xc5, 0xb9, 0xe2, 0x9e, 0x1b, 0x16, 0x1e, 0x5c, 0x1f, 0xa7,
                                           0x42, 0x5e, 0x73, 0x04, 0x33, 0x62, 0x93, 0x8b, 0x98, 0x24};
    open_store(NULL);
    struct media_object_put upload = {.key = QN_STR("pending/u1/p4"),
                                      .content_type = QN_STR("image/jpeg"),
                                      .size_bytes = 5,
                                      .sha256 = qn_str_n((const char *)sha256, sizeof sha256),
                                      .expires_s = 600};
    int64_t now_ms = qn_clock_wall_ms();
    assert_int_equal(put(&upload, now_ms, QN_STR("hello"), "content-type: image/png"), 403);
    assert_int_equal(put(&upload, now_ms, QN_STR("hello"), "if-none-match: x"), 403);
    assert_int_equal(put(&upload, now_ms, QN_STR("hello, world"), NULL), 403);       /* longer than signed */
    assert_int_equal(put(&upload, now_ms, QN_STR("hallo"), NULL), 400);              /* of another hash */
    assert_int_equal(put(&upload, now_ms - 700 * 1000, QN_STR("hello"), NULL), 403); /* too late */
    head_object("pending/u1/p4", QN_NOT_FOUND);
    assert_int_equal(put(&upload, now_ms, QN_STR("hello"), NULL), 200);
    assert_string_equal(head_object("pending/u1/p4", QN_OK).content_type, "image/jpeg");
    assert_int_equal(put(&upload, now_ms, QN_STR("hello"), NULL), 412); /* it works once */
    upload.sha256 = (struct qn_str){0};
    upload.key = QN_STR("pending/u1/p5");
    assert_int_equal(put(&upload, now_ms, QN_STR("hallo"), NULL), 200);
    delete_object("pending/u1/p4", QN_OK);
    delete_object("pending/u1/p5", QN_OK);
    close_store();
}

/* The private bucket: a signed URL from any moment of its window gives the picture, with what a cache is to
 * know, and nothing else does. */
static void test_reading_by_signed_url(void **state)
{
    (void)state;
    struct qn_buf url;
    open_store(NULL);
    write_object("photos/p6/h.webp", QN_STR("a picture"), QN_OK);
    qn_buf_init(&url, 4096);
    assert_int_equal(media_object_read_url(&s3.store, QN_STR("photos/p6/h.webp"), qn_clock_wall_ms(), &url),
                     QN_OK);
    struct harness_http_reply reply = harness_http(&(const struct harness_http_request){.url = url.data});
    assert_int_equal(reply.status, 200);
    assert_string_equal(reply.body, "a picture");
    assert_string_equal(harness_http_header(&reply, "Content-Type", 0), "image/webp");
    assert_string_equal(harness_http_header(&reply, "Cache-Control", 0), "public, max-age=86400, immutable");
    harness_http_free(&reply);
    *strchr(url.data, '?') = '\0';
    reply = harness_http(&(const struct harness_http_request){.url = url.data});
    assert_int_equal(reply.status, 403);
    harness_http_free(&reply);
    qn_buf_fini(&url);
    delete_object("photos/p6/h.webp", QN_OK);
    close_store();
}

static void test_wrong_settings_are_told(void **state)
{
    (void)state;
    static const struct {
        const char *setting, *code, *hint;
    } wrong[] = {
        {"S3_SECRET_ACCESS_KEY=wrong", "SignatureDoesNotMatch", "the secret key is not"},
        {"S3_ACCESS_KEY_ID=AKOTHER", "InvalidAccessKeyId", "no such access key"},
        {"S3_BUCKET=not-there", "NoSuchBucket", "no such bucket"},
        {"S3_REGION=eu-central-1", "AuthorizationHeaderMalformed", "another region"},
    };
    size_t n = server ? QN_COUNT(wrong) : 2; /* the folder has one bucket and no region; it denies others */
    for (size_t i = 0; i < n; i++) {
        open_store((const char *const[]){wrong[i].setting, NULL});
        write_object("photos/p7/x", QN_STR("x"), QN_UNAVAILABLE);
        assert_false(is_ready(NULL));
        if (!has_logged(wrong[i].code) || !has_logged(wrong[i].hint))
            fail_msg("%s: %s", wrong[i].setting, logged);
        close_store();
    }
}

/* The bucket is away for a while: every call says so within its time, the service stays ready with a remark,
 * and when the bucket is back that is seen without anybody's asking. */
static void test_away_and_back(void **state)
{
    (void)state;
    open_store(NULL);
    await_ready(bucket_name);
    tcp_proxy_set(proxy, TCP_PROXY_REFUSE);
    tcp_proxy_reset(proxy);
    struct asked asked = fresh();
    asked.request.deadline_ms = qn_clock_now_ms() + 2000;
    media_object_head(&s3.store, &asked.request, QN_STR("photos/p8/x"), on_done);
    await(&asked, QN_UNAVAILABLE);
    assert_true(is_ready("is in trouble"));
    tcp_proxy_set(proxy, TCP_PROXY_FORWARD);
    while (!s3.client.good)
        qn_loop_wait(loop);
    assert_false(is_ready("is in trouble"));
    assert_true(has_logged("the bucket answers again"));
    head_object("photos/p8/x", QN_NOT_FOUND);
    close_store();
}

/* Connections that are dead without having been told so: the deadline holds; afterwards all is as before. */
static void test_a_network_that_is_gone(void **state)
{
    (void)state;
    if (!tcp_proxy_can_black_hole())
        skip();
    open_store(NULL);
    write_object("photos/p9/x", QN_STR("x"), QN_OK); /* a connection is there */
    tcp_proxy_set(proxy, TCP_PROXY_BLACK_HOLE);
    struct asked asked = fresh();
    asked.request.deadline_ms = qn_clock_now_ms() + 1500;
    media_object_head(&s3.store, &asked.request, QN_STR("photos/p9/x"), on_done);
    loop_fixture_run_until(&asked.done, LIMIT_MS);
    assert_true(asked.status == QN_DEADLINE_EXCEEDED || asked.status == QN_UNAVAILABLE);
    tcp_proxy_set(proxy, TCP_PROXY_FORWARD);
    head_object("photos/p9/x", QN_OK);
    delete_object("photos/p9/x", QN_OK);
    close_store();
}

static void test_many_at_once(void **state)
{
    (void)state;
    static struct asked asked[MANY];
    open_store((const char *const[]){"S3_REQUESTS_AT_ONCE=4", NULL});
    write_object("photos/p10/x", QN_STR("x"), QN_OK);
    size_t before = tcp_proxy_accepted(proxy);
    for (size_t i = 0; i < MANY; i++) {
        asked[i] = fresh();
        asked[i].request.deadline_ms = qn_clock_now_ms() + 60000;
        media_object_head(&s3.store, &asked[i].request, QN_STR("photos/p10/x"), on_done);
    }
    for (size_t i = 0; i < MANY; i++) {
        loop_fixture_run_until(&asked[i].done, 60000);
        assert_int_equal(asked[i].status, QN_OK);
    }
    assert_in_range(tcp_proxy_accepted(proxy) - before, 0, 4); /* the others were kept alive */
    delete_object("photos/p10/x", QN_OK);
    close_store();
}

/* Over TLS: the certificate must be the host's and from whom we trust. */
static void test_certificates(void **state)
{
    (void)state;
    struct harness_node *tls = harness_node_start(&(const struct harness_node_options){
        .group = "s3",
        .script = "tls.mjs",
        .arguments = (const char *const[]){"--to", harness_text("%u", tcp_proxy_port(proxy)), "--cert",
                                           QN_SOURCE_DIR "/tests/fixtures/tls/server.pem", "--key",
                                           QN_SOURCE_DIR "/tests/fixtures/tls/server.key", NULL}});
    const char *port = harness_text("%s", harness_node_line(tls));
    const struct {
        const char *host, *ca;
        enum qn_status status;
    } cases[] = {
        {"localhost", QN_SOURCE_DIR "/tests/fixtures/tls/ca.pem", QN_OK},
        {"127.0.0.1", QN_SOURCE_DIR "/tests/fixtures/tls/ca.pem", QN_UNAVAILABLE},
        {"localhost", QN_SOURCE_DIR "/tests/fixtures/tls/other-ca.pem", QN_UNAVAILABLE},
        {"localhost", "", QN_UNAVAILABLE},
    };
    for (size_t i = 0; i < QN_COUNT(cases); i++) {
        open_store((const char *const[]){harness_text("S3_ENDPOINT=https://%s:%s", cases[i].host, port),
                                         harness_text("S3_CA_FILE=%s", cases[i].ca), NULL});
        write_object("photos/p11/x", QN_STR("x"), cases[i].status);
        assert_int_equal(has_logged("the certificate is not one for this host"), cases[i].status != QN_OK);
        if (cases[i].status == QN_OK)
            delete_object("photos/p11/x", QN_OK);
        close_store();
    }
    assert_int_equal(harness_node_end(tls), 0);
}

/* The built program. */

static struct harness_service *run(const char *const *arguments, const char *more)
{
    const char *environment[SETTINGS_MAX] = {NULL};
    size_t n = 0;
    if (more)
        environment[n++] = more;
    for (const char *const *one = usual_settings(); *one; one++)
        environment[n++] = *one;
    environment[n++] = harness_text("QUINTET_RPC_LISTEN=ipc://%s/media", harness_folder());
    environment[n++] = harness_text("QUINTET_PROFILE_ADDRESS=ipc://%s/profile", harness_folder());
    environment[n++] = "QUINTET_MEDIA_FOLDER=/proc/none"; /* not touched */
    return harness_service_start(&(const struct harness_service_options){
        .program = "quintet-media", .arguments = arguments, .environment = environment});
}

static void test_the_program_on_a_bucket(void **state)
{
    (void)state;
    static const char probes[] = "quintet_media_s3_calls_total{verb=\"probe\",status=\"ok\"}";
    struct harness_service *media = run(NULL, NULL);
    char *detail = NULL;
    uint64_t end_ms = qn_clock_now_ms() + LIMIT_MS;
    while (harness_service_metric(media, probes) < 1) {
        if (qn_clock_left_ms(end_ms) == 0)
            fail_msg("the bucket was not asked: %s", harness_service_log(media));
    }
    assert_true(harness_service_logged(media, "the bucket answers"));
    assert_int_equal(harness_service_get(media, "/readyz", &detail), 503); /* profile is not there */
    assert_non_null(strstr(detail, bucket_name));
    assert_null(strstr(detail, "folder"));
    free(detail);
    assert_false(harness_service_logged(media, SECRET));
    assert_int_equal(harness_service_stop(media), 0);
}

/* What a browser asks before its PUT; whether the pages of this origin may. */
static bool may_upload(const char *origin)
{
    struct harness_http_reply reply = harness_http(&(const struct harness_http_request){
        .method = "OPTIONS",
        .url = harness_text("http://127.0.0.1:%u/%s/pending/u/p", tcp_proxy_port(proxy), bucket_name),
        .headers = {harness_text("Origin: %s", origin), "Access-Control-Request-Method: PUT",
                    "Access-Control-Request-Headers: content-type, if-none-match, x-amz-checksum-sha256"}});
    const char *allowed = harness_http_header(&reply, "Access-Control-Allow-Origin", 0);
    /* s3rver says "*" here, but only when a rule names the origin. */
    bool may = reply.status == 200 && allowed && (strcmp(allowed, origin) == 0 || strcmp(allowed, "*") == 0);
    harness_http_free(&reply);
    return may;
}

/* The rule comes to the bucket, for these origins and no others; what cannot be done says why, and shows the
 * rule all the same. */
static void test_provision(void **state)
{
    (void)state;
    static const char *const arguments[] = {"--provision", NULL};
    assert_false(may_upload("https://b.example"));
    struct harness_service *done =
        run(arguments, "QUINTET_MEDIA_CORS_ORIGINS=https://a.example, https://b.example");
    assert_int_equal(harness_service_wait(done), 0);
    assert_true(harness_service_logged(done, "The CORS rule of bucket "));
    assert_true(
        harness_service_logged(done, "\"AllowedOrigins\": [\"https://a.example\", \"https://b.example\"],"));
    assert_true(may_upload("https://a.example"));
    assert_true(may_upload("https://b.example"));
    assert_false(may_upload("https://c.example"));

    struct harness_service *wrong = run(arguments, "S3_SECRET_ACCESS_KEY=wrong");
    assert_int_equal(harness_service_wait(wrong), 1);
    assert_true(harness_service_logged(wrong, "SignatureDoesNotMatch"));
    assert_true(harness_service_logged(wrong, "\"AllowedMethods\": [\"PUT\""));
    struct harness_service *none = harness_service_start(
        &(const struct harness_service_options){.program = "quintet-media", .arguments = arguments});
    assert_int_equal(harness_service_wait(none), 2);
    assert_true(harness_service_logged(none, "there is no bucket in the settings"));
}

static int setup_s3rver(void **state)
{
    (void)state;
    bucket_name = "pictures";
    const char *const arguments[] = {"--folder", harness_text("%s/bucket", harness_folder()),
                                     "--bucket", bucket_name,
                                     "--key",    "AKTEST",
                                     "--secret", SECRET,
                                     NULL};
    server = harness_node_start(
        &(const struct harness_node_options){.group = "s3", .script = "s3rver.mjs", .arguments = arguments});
    proxy = tcp_proxy_open((uint16_t)strtoul(harness_node_expect(server, "http://127.0.0.1:"), NULL, 10));
    return 0;
}

static int teardown_s3rver(void **state)
{
    (void)state;
    assert_int_equal(harness_node_end(server), 0);
    server = NULL;
    tcp_proxy_close(proxy);
    return 0;
}

/* Without PostgreSQL and profile: the store asks nobody. */
static int setup_folder(void **state)
{
    (void)state;
    bucket_name = "quintet";
    const char *const environment[] = {
        harness_text("QUINTET_MEDIA_FOLDER=%s/objects", harness_folder()),
        "QUINTET_MEDIA_ACCESS_KEY_ID=AKTEST",
        "QUINTET_MEDIA_SECRET_ACCESS_KEY=" SECRET,
        harness_text("QUINTET_RPC_LISTEN=ipc://%s/media", harness_folder()),
        harness_text("QUINTET_PROFILE_ADDRESS=ipc://%s/profile", harness_folder()),
        NULL};
    folder = harness_service_start(&(const struct harness_service_options){
        .program = "quintet-media", .environment = environment, .http = true});
    proxy = tcp_proxy_open(harness_service_http_port(folder));
    return 0;
}

static int teardown_folder(void **state)
{
    (void)state;
    tcp_proxy_close(proxy);
    assert_int_equal(harness_service_stop(folder), 0);
    return 0;
}

int main(void)
{
    const struct CMUnitTest on_s3rver[] = {
        cmocka_unit_test(test_an_object_from_first_to_last),
        cmocka_unit_test(test_bytes_of_every_value_and_size),
        cmocka_unit_test(test_listing_in_pages),
        cmocka_unit_test(test_uploads_by_url),
        cmocka_unit_test(test_reading_by_signed_url),
        cmocka_unit_test(test_wrong_settings_are_told),
        cmocka_unit_test(test_away_and_back),
        cmocka_unit_test(test_a_network_that_is_gone),
        cmocka_unit_test(test_many_at_once),
        cmocka_unit_test(test_certificates),
        cmocka_unit_test(test_the_program_on_a_bucket),
        cmocka_unit_test(test_provision),
    };
    const struct CMUnitTest on_folder[] = {
        cmocka_unit_test(test_an_object_from_first_to_last),
        cmocka_unit_test(test_bytes_of_every_value_and_size),
        cmocka_unit_test(test_listing_in_pages),
        cmocka_unit_test(test_uploads_by_url),
        cmocka_unit_test(test_wrong_settings_are_told),
        cmocka_unit_test(test_away_and_back),
        cmocka_unit_test(test_many_at_once),
        cmocka_unit_test(test_the_program_on_a_bucket),
    };
    int failed = cmocka_run_group_tests(on_s3rver, setup_s3rver, teardown_s3rver);
    failed += cmocka_run_group_tests(on_folder, setup_folder, teardown_folder);
    free(logged);
    return failed;
}
