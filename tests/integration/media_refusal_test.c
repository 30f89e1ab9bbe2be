#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "common/core/clock.h"
#include "services/media/sigv4.h"
#include "tests/harness/test.h"
#include "tests/harness/wire.h"
#include "tests/integration/media_fixture.h"

/* What the object store does with uploads that are not as they were signed, and with everything that is none.
 * After each: nothing of it is there, and the service goes on. */

static struct media_fixture fixture;
static const char *user;

static int setup(void **state)
{
    (void)state;
    media_fixture_connect(&fixture);
    user = media_fixture_user(&fixture);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    assert_int_equal(media_fixture_temporaries(&fixture), 0);
    media_fixture_disconnect(&fixture);
    return 0;
}

static const Quintet__Media__V1__CreateUploadResponse *create(int64_t size_bytes)
{
    return media_fixture_create(&fixture, user, "image/png", size_bytes);
}

/* One PUT as an upload signs it; the answer must have this status and S3 code. */
static void put(const char *url, const char *type, struct qn_str body, int status, const char *code)
{
    struct harness_http_reply reply = harness_http(&(const struct harness_http_request){
        .method = "PUT",
        .url = url,
        .headers = {harness_text("Content-Type:%s", type), "If-None-Match: *"},
        .body = body});
    const char *element = code ? harness_text("<Code>%s</Code>", code) : "";
    if (reply.status != status || !strstr(reply.body, element))
        fail_msg("%d %s, not %d %s, for %s", reply.status, reply.body, status, element, url);
    if (code)
        assert_string_equal(harness_http_header(&reply, "Content-Type", 0), "application/xml");
    harness_http_free(&reply);
}

static void expect_nothing(const char *upload_id)
{
    assert_false(media_fixture_has(&fixture, media_fixture_pending_key(user, upload_id)));
    media_fixture_complete(&fixture, user, upload_id, QN_FAILED_PRECONDITION, "NOT_UPLOADED");
}

static void test_another_length_than_signed(void **state)
{
    (void)state;
    const Quintet__Media__V1__CreateUploadResponse *upload = create(1000);
    put(upload->url, "image/png", media_fixture_picture("image/png", 999), 403, "SignatureDoesNotMatch");
    put(upload->url, "image/png", media_fixture_picture("image/png", 1001), 403, "SignatureDoesNotMatch");
    put(upload->url, "image/png", QN_STR(""), 403, "SignatureDoesNotMatch");
    expect_nothing(upload->upload_id);
    /* None of it has used the URL up. */
    put(upload->url, "image/png", media_fixture_picture("image/png", 1000), 200, NULL);
}

static void test_another_type_than_signed(void **state)
{
    (void)state;
    const Quintet__Media__V1__CreateUploadResponse *upload = create(1000);
    struct qn_str picture = media_fixture_picture("image/png", 1000);
    put(upload->url, "image/jpeg", picture, 403, "SignatureDoesNotMatch");
    put(upload->url, "text/html", picture, 403, "SignatureDoesNotMatch");
    put(upload->url, "image/png; charset=utf-8", picture, 403, "SignatureDoesNotMatch");
    put(upload->url, "", picture, 403, "SignatureDoesNotMatch");
    expect_nothing(upload->upload_id);
}

static void test_a_tampered_url(void **state)
{
    (void)state;
    const Quintet__Media__V1__CreateUploadResponse *upload = create(1000);
    struct qn_str picture = media_fixture_picture("image/png", 1000);
    static const struct {
        const char *part, *by;
        int status;
        const char *code;
    } changes[] = {
        {"X-Amz-Expires=600", "X-Amz-Expires=601", 403, "SignatureDoesNotMatch"},
        {"X-Amz-Expires=600", "X-Amz-Expires=604801", 400, "AuthorizationQueryParametersError"},
        {"/pending/", "/photos/", 403, "SignatureDoesNotMatch"},
        {"/quintet/pending/", "/quintet/pending/../photos/", 403, "SignatureDoesNotMatch"},
        {"/quintet/pending/", "/quintet/%70ending/", 400, "InvalidURI"},
        {"/quintet/", "/other/", 403, "AccessDenied"},
        {"/quintet/", "/", 403, "AccessDenied"},
        {"content-length%3B", "", 403, "SignatureDoesNotMatch"},
        {"content-type%3B", "", 403, "SignatureDoesNotMatch"},
        {MEDIA_FIXTURE_KEY_ID "%2F", "AKOTHER%2F", 403, "InvalidAccessKeyId"},
        {"%2Fauto%2F", "%2Feu%2F", 403, "InvalidAccessKeyId"},
        {"%3Bif-none-match", "", 403, "SignatureDoesNotMatch"},
        {"&X-Amz-Signature=", "&acl=&X-Amz-Signature=", 403, "SignatureDoesNotMatch"},
        {"&X-Amz-Signature=", "&X-Amz-Signature=0", 400, "AuthorizationQueryParametersError"},
        {"&X-Amz-Signature=", "&x=", 400, "AuthorizationQueryParametersError"},
        {"?X-Amz", "?", 400, "AuthorizationQueryParametersError"},
    };
    for (size_t i = 0; i < sizeof changes / sizeof changes[0]; i++) {
        const char *at = strstr(upload->url, changes[i].part);
        assert_non_null(at);
        const char *url = harness_text("%.*s%s%s", (int)(at - upload->url), upload->url, changes[i].by,
                                       at + strlen(changes[i].part));
        put(url, "image/png", picture, changes[i].status, changes[i].code);
    }
    const char *question = strchr(upload->url, '?');
    put(harness_text("%.*s", (int)(question - upload->url), upload->url), "image/png", picture, 403,
        "AccessDenied");
    /* A signature of something else of the same user. */
    const Quintet__Media__V1__CreateUploadResponse *other = create(1000);
    put(harness_text("%.*s%s", (int)(question - upload->url), upload->url, strchr(other->url, '?')),
        "image/png", picture, 403, "SignatureDoesNotMatch");
    expect_nothing(upload->upload_id);
    expect_nothing(other->upload_id);
}

/* The host is signed: a URL for one store is none for another that shares its key. */
static void test_another_host(void **state)
{
    (void)state;
    const Quintet__Media__V1__CreateUploadResponse *upload = create(1000);
    struct harness_http_reply reply = harness_http(&(const struct harness_http_request){
        .method = "PUT",
        .url = upload->url,
        .headers = {"Content-Type: image/png", "If-None-Match: *", "Host: pictures.example.com"},
        .body = media_fixture_picture("image/png", 1000)});
    assert_int_equal(reply.status, 403);
    assert_non_null(strstr(reply.body, "SignatureDoesNotMatch"));
    harness_http_free(&reply);
    expect_nothing(upload->upload_id);
}

/* A URL signed with the store's own key, for what and when the test wants. */
static const char *sign(const char *key, const char *type, const char *length, int64_t at_ms,
                        uint32_t expires_s)
{
    const struct media_sigv4_key with = {.access_key_id = QN_STR(MEDIA_FIXTURE_KEY_ID),
                                         .secret = QN_STR(MEDIA_FIXTURE_SECRET),
                                         .region = QN_STR("auto"),
                                         .service = QN_STR("s3")};
    const struct media_sigv4_pair headers[] = {{QN_STR("content-type"), qn_str_c(type)},
                                               {QN_STR("content-length"), qn_str_c(length)}};
    const struct media_sigv4_request request = {.method = QN_STR("PUT"),
                                                .host = qn_str_c(fixture.address),
                                                .path = qn_str_c(harness_text("/quintet/%s", key)),
                                                .headers = headers,
                                                .n_headers = 2};
    struct qn_buf tail;
    qn_buf_init(&tail, 16384);
    assert_int_equal(media_sigv4_presign(&with, &request, at_ms, expires_s, &tail), QN_OK);
    const char *url = harness_text("http://%s%.*s", fixture.address, QN_STR_ARG(qn_buf_view(&tail)));
    qn_buf_fini(&tail);
    return url;
}

static void test_times(void **state)
{
    (void)state;
    struct qn_str picture = media_fixture_picture("image/png", 100);
    int64_t now_ms = qn_clock_wall_ms();
    put(sign("pending/t/a", "image/png", "100", now_ms - 601000, 600), "image/png", picture, 403,
        "AccessDenied");
    put(sign("pending/t/a", "image/png", "100", now_ms + 16 * 60000, 600), "image/png", picture, 403,
        "RequestTimeTooSkewed");
    assert_false(media_fixture_has(&fixture, "pending/t/a"));
    put(sign("pending/t/a", "image/png", "100", now_ms - 590000, 600), "image/png", picture, 200, NULL);
    put(sign("pending/t/b", "image/png", "100", now_ms + 14 * 60000, 600), "image/png", picture, 200, NULL);
}

/* Even a good signature opens no key that a folder could misread. */
static void test_keys_that_are_none(void **state)
{
    (void)state;
    static const char *const keys[] = {"..",          "../../x",          "pending/../../../x",
                                       "pending//x",  "/etc/passwd",      "pending/.hidden",
                                       "pending/a b", "pending/\xC3\xBC", "pending/x\\y",
                                       "pending/"};
    int64_t now_ms = qn_clock_wall_ms();
    for (size_t i = 0; i < sizeof keys / sizeof keys[0]; i++)
        put(sign(keys[i], "image/png", "100", now_ms, 600), "image/png",
            media_fixture_picture("image/png", 100), 400, "InvalidURI");
    assert_int_not_equal(access(harness_text("%s/../x", fixture.folder), F_OK), 0);
}

/* Whoever leaves out what makes a URL work once has another request than was signed. */
static void test_a_put_that_would_overwrite(void **state)
{
    (void)state;
    const Quintet__Media__V1__CreateUploadResponse *upload = create(1000);
    struct harness_http_reply reply =
        harness_http(&(const struct harness_http_request){.method = "PUT",
                                                          .url = upload->url,
                                                          .headers = {"Content-Type: image/png"},
                                                          .body = media_fixture_picture("image/png", 1000)});
    assert_int_equal(reply.status, 403);
    assert_non_null(strstr(reply.body, "SignatureDoesNotMatch"));
    harness_http_free(&reply);
    expect_nothing(upload->upload_id);
}

static void test_a_url_works_once(void **state)
{
    (void)state;
    const Quintet__Media__V1__CreateUploadResponse *upload = create(1000);
    struct qn_str first = media_fixture_picture("image/png", 1000);
    put(upload->url, "image/png", first, 200, NULL);
    put(upload->url, "image/png", media_fixture_picture("", 1000), 412, "PreconditionFailed");
    const Quintet__Media__V1__Photo *photo =
        media_fixture_complete(&fixture, user, upload->upload_id, QN_OK, NULL);
    /* After the photo is there what comes is nobody's, and goes (media_sweep_test.c): what was checked is
     * what is shown. */
    struct harness_http_reply before = harness_http(&(const struct harness_http_request){.url = photo->url});
    media_fixture_put(upload, media_fixture_picture("", 1000));
    struct harness_http_reply after = harness_http(&(const struct harness_http_request){.url = photo->url});
    assert_int_equal(after.body_len, before.body_len);
    assert_memory_equal(after.body, before.body, before.body_len);
    harness_http_free(&before);
    harness_http_free(&after);
}

/* The PUT of an upload as bytes: its head, with these two headers (NULL: left out), and no body yet. */
static void send_head(struct wire *wire, const char *url, const char *length, const char *encoding)
{
    const char *path = strchr(url + strlen("http://"), '/');
    wire_open(wire, fixture.loop, fixture.address);
    wire_send_c(wire,
                harness_text("PUT %s HTTP/1.1\r\nHost: %s\r\nContent-Type: image/png\r\nIf-None-Match: *\r\n",
                             path, fixture.address));
    if (length)
        wire_send_c(wire, harness_text("Content-Length: %s\r\n", length));
    if (encoding)
        wire_send_c(wire, harness_text("Transfer-Encoding: %s\r\n", encoding));
    wire_send_c(wire, "\r\n");
}

static bool no_temporaries(struct media_fixture *of)
{
    return media_fixture_temporaries(of) == 0;
}

static bool one_temporary(struct media_fixture *of)
{
    return media_fixture_temporaries(of) == 1;
}

/* A phone that loses its network halfway: what came is dropped, and the URL still works. */
static void test_a_body_that_is_cut_off(void **state)
{
    (void)state;
    enum { SIZE = 300000 };
    struct wire wire = {0};
    struct qn_str picture = media_fixture_picture("image/png", SIZE);
    const Quintet__Media__V1__CreateUploadResponse *upload = create(SIZE);
    for (int reset = 0; reset < 2; reset++) {
        send_head(&wire, upload->url, harness_text("%d", SIZE), NULL);
        wire_send(&wire, qn_str_n(picture.ptr, SIZE / 2));
        media_fixture_until(&fixture, one_temporary, "the first half is on the disk");
        if (reset)
            wire_abort(&wire);
        wire_close(&wire);
        media_fixture_until(&fixture, no_temporaries, "the half upload is gone");
        assert_false(media_fixture_has(&fixture, media_fixture_pending_key(user, upload->upload_id)));
    }
    expect_nothing(upload->upload_id);
    put(upload->url, "image/png", picture, 200, NULL);
    media_fixture_complete(&fixture, user, upload->upload_id, QN_OK, NULL);
}

/* Two halves of one upload at the same time: one of them is the object, whole, the other is told. */
static void test_two_at_once(void **state)
{
    (void)state;
    enum { SIZE = 300000 };
    struct wire one = {0}, two = {0};
    struct qn_str picture = media_fixture_picture("image/png", SIZE);
    const Quintet__Media__V1__CreateUploadResponse *upload = create(SIZE);
    send_head(&one, upload->url, harness_text("%d", SIZE), NULL);
    send_head(&two, upload->url, harness_text("%d", SIZE), NULL);
    wire_send(&one, qn_str_n(picture.ptr, SIZE / 2));
    wire_send(&two, qn_str_n(picture.ptr, SIZE / 2));
    wire_send(&two, qn_str_n(picture.ptr + SIZE / 2, SIZE - SIZE / 2));
    wire_expect(&two, "HTTP/1.1 200 ");
    wire_send(&one, qn_str_n(picture.ptr + SIZE / 2, SIZE - SIZE / 2));
    wire_expect(&one, "HTTP/1.1 412 ");
    wire_close(&one);
    wire_close(&two);
    media_fixture_complete(&fixture, user, upload->upload_id, QN_OK, NULL);
}

static void test_no_length(void **state)
{
    (void)state;
    struct wire wire = {0};
    const Quintet__Media__V1__CreateUploadResponse *upload = create(1000);
    send_head(&wire, upload->url, NULL, "chunked");
    wire_send_c(&wire, "5\r\n\x89PNG\r\r\n0\r\n\r\n");
    wire_expect(&wire, "HTTP/1.1 411 ");
    wire_expect(&wire, "MissingContentLength");
    wire_close(&wire);
    expect_nothing(upload->upload_id);
}

/* Over the limit of all uploads: also when our own key has signed it. */
static void test_too_large(void **state)
{
    (void)state;
    struct wire wire = {0};
    put(sign("pending/t/large", "image/png", "10485761", qn_clock_wall_ms(), 600), "image/png",
        media_fixture_picture("image/png", 10485761), 413, "EntityTooLarge");
    send_head(&wire, sign("pending/t/large", "image/png", "9000000000000", qn_clock_wall_ms(), 600),
              "9000000000000", NULL);
    wire_send_c(&wire, "\x89PNG");
    wire_expect(&wire, "HTTP/1.1 413 ");
    wire_close(&wire);
    assert_false(media_fixture_has(&fixture, "pending/t/large"));
}

static void test_everything_else(void **state)
{
    (void)state;
    const Quintet__Media__V1__Photo *photo = media_fixture_add(&fixture, user, "image/png", 1000);
    const char *site = harness_text("http://%s", fixture.address);
    static const struct {
        const char *method, *path;
        int status;
    } requests[] = {
        {"GET", "/", 403},
        {"GET", "/quintet", 403},
        {"GET", "/quintet/?list-type=2", 403},
        {"GET", "/credentials", 403},
        {"GET", "/pending/", 403},
        {"GET", "/photos/", 404},
        {"GET", "/photos", 403},
        {"GET", "/photos/none", 404},
        {"GET", "/photos/../credentials", 404},
        {"GET", "/photos/%2e%2e/credentials", 404},
        {"GET", "/photos//x", 404},
        {"GET", "//photos/x", 403},
        {"HEAD", "/photos/none", 404},
        {"PUT", "/photos/new", 403},
        {"PUT", "/quintet/photos/new", 403},
        {"POST", "/quintet", 405},
        {"DELETE", "/quintet/photos/x", 403},
        {"DELETE", "/photos/x", 403},
        {"PATCH", "/photos/x", 405},
        {"PROPFIND", "/", 405},
        {"OPTIONS", "/", 403},
    };
    for (size_t i = 0; i < sizeof requests / sizeof requests[0]; i++) {
        struct harness_http_reply reply = harness_http(&(const struct harness_http_request){
            .method = requests[i].method, .url = harness_text("%s%s", site, requests[i].path)});
        if (reply.status != requests[i].status)
            fail_msg("%s %s: %d, not %d", requests[i].method, requests[i].path, reply.status,
                     requests[i].status);
        harness_http_free(&reply);
    }
    struct harness_http_reply deleted =
        harness_http(&(const struct harness_http_request){.method = "DELETE", .url = photo->url});
    assert_int_equal(deleted.status, 403);
    harness_http_free(&deleted);
    assert_int_equal(media_fixture_get(photo->url), 200);
    assert_int_equal(media_fixture_list(&fixture, user)->n_photos, 1);
}

/* A path from a stranger goes into the answer: as text, whatever is in it. */
static void test_errors_are_sound_xml(void **state)
{
    (void)state;
    struct wire wire = {0};
    wire_open(&wire, fixture.loop, fixture.address);
    wire_send_c(&wire, harness_text("GET /photos/<b>&\"'x HTTP/1.1\r\nHost: %s\r\n\r\n", fixture.address));
    wire_expect(&wire, "HTTP/1.1 404 ");
    wire_expect(&wire, "<Resource>/photos/&lt;b&gt;&amp;\"'x</Resource></Error>");
    wire_close(&wire);
}

static int start(void **state)
{
    (void)state;
    media_fixture_start(&fixture);
    media_fixture_start_media(&fixture, NULL);
    return 0;
}

static int stop(void **state)
{
    (void)state;
    media_fixture_stop(&fixture);
    return 0;
}

int main(void)
{
#define ONE(test) cmocka_unit_test_setup_teardown(test, setup, teardown)
    const struct CMUnitTest tests[] = {
        ONE(test_another_length_than_signed),
        ONE(test_another_type_than_signed),
        ONE(test_a_tampered_url),
        ONE(test_another_host),
        ONE(test_times),
        ONE(test_keys_that_are_none),
        ONE(test_a_put_that_would_overwrite),
        ONE(test_a_url_works_once),
        ONE(test_a_body_that_is_cut_off),
        ONE(test_two_at_once),
        ONE(test_no_length),
        ONE(test_too_large),
        ONE(test_everything_else),
        ONE(test_errors_are_sound_xml),
    };
    return cmocka_run_group_tests(tests, start, stop);
}
