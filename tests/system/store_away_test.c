#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/harness/bucket.h"
#include "tests/harness/http.h"
#include "tests/harness/http_proxy.h"
#include "tests/harness/stack.h"
#include "tests/harness/test.h"

/* The whole site while its object store is away or says nothing: an upload is told so within its deadline,
 * and whoever signs in, looks at profiles or orders their photos does not notice. */

#define AUTH    "/quintet.auth.v1.AuthService/"
#define PROFILE "/quintet.profile.v1.ProfileService/"
#define MEDIA   "/quintet.media.v1.MediaService/"

enum { PATIENCE_MS = 2000 };

static struct harness_stack stack;
static struct harness_bucket *bucket;
static struct http_proxy *proxy;
static const char *cookie;

static void set_fault(enum http_proxy_fault fault)
{
    http_proxy_set(proxy, &(const struct http_proxy_rule){.fault = fault});
}

/* The answer's body, when it has this status, until the process ends. */
static const char *call(const char *path, const char *json, int status)
{
    struct harness_http_request request = {.url = harness_text("%s%s", stack.url, path),
                                           .headers = {"Content-Type: application/json",
                                                       harness_text("Cookie: %s", cookie ? cookie : ""),
                                                       harness_text("Connect-Timeout-Ms: %d", PATIENCE_MS)},
                                           .body = qn_str_c(json)};
    struct harness_http_reply reply = harness_http(&request);
    if (reply.status != status)
        fail_msg("%s: %d, not %d: %s", path, reply.status, status, reply.body);
    const char *body = harness_text("%s", reply.body);
    harness_http_free(&reply);
    return body;
}

/* A text of an answer's JSON, by its name; names and texts of these answers need no escapes. */
static const char *text_of(const char *json, const char *name)
{
    const char *at = strstr(json, harness_text("\"%s\":\"", name));
    assert_non_null(at);
    at += strlen(name) + 4;
    return harness_text("%.*s", (int)strcspn(at, "\""), at);
}

/* A PNG of one grey pixel. */
static const char png[] =
    "\x89\x50\x4E\x47\x0D\x0A\x1A\x0A\x00\x00\x00\x0D\x49\x48\x44\x52\x00\x00\x00\x01\x00\x00\x00\x01\x08\x00"
    "\x00\x00\x00\x3A\x7E\x9B\x55"
    "\x00\x00\x00\x0A\x49\x44\x41\x54\x78\xDA\x63\x68\x00\x00\x00\x82\x00\x81\xDA\x45\x08\x3B"
    "\x00\x00\x00\x00\x49\x45\x4E\x44\xAE\x42\x60\x82";

static const char *upload(void)
{
    const struct qn_str body = qn_str_n(png, sizeof png - 1);
    const char *created =
        call(MEDIA "CreateUpload",
             harness_text("{\"contentType\":\"image/png\",\"sizeBytes\":\"%zu\"}", body.len), 200);
    struct harness_http_reply put = harness_http(
        &(const struct harness_http_request){.method = "PUT",
                                             .url = text_of(created, "url"),
                                             .headers = {"Content-Type: image/png", "If-None-Match: *"},
                                             .body = body});
    assert_int_equal(put.status, 200);
    harness_http_free(&put);
    return text_of(created, "uploadId");
}

static void expect_the_rest_to_work(const char *photo_id)
{
    call(AUTH "SignIn", "{\"email\":\"ada@example.com\",\"password\":\"correct horse 1\"}", 200);
    assert_non_null(strstr(call(AUTH "GetSessionWithProfileCheck", "{}", 200), "\"authenticated\":true"));
    assert_non_null(strstr(call(PROFILE "GetMyProfile", "{}", 200), "London"));
    call(PROFILE "UpdateProfile", "{\"city\":\"London\",\"updateMask\":[\"city\"]}", 200);
    assert_non_null(strstr(call(MEDIA "ListPhotos", "{}", 200), photo_id));
    call(MEDIA "SetMainPhoto", harness_text("{\"photoId\":\"%s\"}", photo_id), 200);
    call(MEDIA "CreateUpload", "{\"contentType\":\"image/png\",\"sizeBytes\":\"100\"}", 200);
}

static void test_everything_else_works(void **state)
{
    (void)state;
    const char *photo = upload(), *waiting = upload();
    const char *complete = harness_text("{\"uploadId\":\"%s\"}", waiting);
    call(MEDIA "CompleteUpload", harness_text("{\"uploadId\":\"%s\"}", photo), 200);

    harness_bucket_halt(bucket);
    assert_string_equal(text_of(call(MEDIA "CompleteUpload", complete, 503), "code"), "unavailable");
    expect_the_rest_to_work(photo);
    harness_bucket_resume(bucket);

    set_fault(HTTP_PROXY_HOLD);
    assert_string_equal(text_of(call(MEDIA "CompleteUpload", complete, 504), "code"), "deadline_exceeded");
    expect_the_rest_to_work(photo);
    assert_int_equal(harness_service_get(stack.gateway, "/readyz", NULL), 200);
    set_fault(HTTP_PROXY_FORWARD);

    call(MEDIA "CompleteUpload", complete, 200);
    assert_non_null(strstr(call(MEDIA "ListPhotos", "{}", 200), waiting));
}

static int set_up(void **state)
{
    (void)state;
    bucket = harness_bucket_start();
    proxy = http_proxy_open(harness_bucket_port(bucket));
    const char *const media[] = {harness_text("S3_ENDPOINT=http://127.0.0.1:%u", http_proxy_port(proxy)),
                                 "S3_BUCKET=" HARNESS_BUCKET_NAME,
                                 "S3_ACCESS_KEY_ID=" HARNESS_BUCKET_KEY_ID,
                                 "S3_SECRET_ACCESS_KEY=" HARNESS_BUCKET_SECRET,
                                 "S3_REGION=" HARNESS_BUCKET_REGION,
                                 "S3_CONDITIONAL_WRITES=on",
                                 NULL};
    harness_stack_start_with(&stack, &(const struct harness_stack_options){.media_environment = media});
    struct harness_http_reply reply = harness_http_post(
        stack.url, AUTH "SignUp", NULL,
        "{\"name\":\"Ada\",\"email\":\"ada@example.com\",\"password\":\"correct horse 1\"}");
    assert_int_equal(reply.status, 200);
    cookie = harness_text("%s", harness_http_cookie(&reply, "better-auth.session_token"));
    harness_http_free(&reply);
    call(PROFILE "CreateProfile", "{\"displayName\":\"Ada\",\"city\":\"London\"}", 200);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    harness_stack_stop(&stack);
    http_proxy_close(proxy);
    harness_bucket_stop(bucket);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_everything_else_works),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
