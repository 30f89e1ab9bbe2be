#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "tests/harness/test.h"
#include "tests/harness/wire.h"
#include "tests/integration/media_fixture.h"

/* Settings, the start and the end of quintet-media. */

static struct media_fixture fixture;

static int setup(void **state)
{
    (void)state;
    media_fixture_start(&fixture);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    media_fixture_stop(&fixture);
    return 0;
}

static int stop_media(void **state)
{
    (void)state;
    media_fixture_stop_media(&fixture);
    return 0;
}

/* Half of R2 is configured: to go on with the folder would put pictures where nobody looks for them. */
static void test_half_a_bucket_is_refused(void **state)
{
    (void)state;
    const char *const environment[] = {"R2_BUCKET=pictures", "R2_SECRET_ACCESS_KEY=do-not-show",
                                       "QUINTET_MEDIA_UPLOAD_VALID=for ever", NULL};
    struct harness_service *run = harness_service_start(
        &(const struct harness_service_options){.program = "quintet-media", .environment = environment});
    assert_int_equal(harness_service_wait(run), 2);
    assert_true(harness_service_logged(run, "R2_ACCOUNT_ID"));
    assert_true(harness_service_logged(run, "R2_ACCESS_KEY_ID"));
    assert_true(harness_service_logged(run, "QUINTET_MEDIA_UPLOAD_VALID: \"for ever\""));
    assert_false(harness_service_logged(run, "do-not-show"));
}

static void test_a_folder_that_cannot_be(void **state)
{
    (void)state;
    const char *const environment[] = {"QUINTET_MEDIA_FOLDER=/proc/none",
                                       harness_text("QUINTET_RPC_LISTEN=ipc://%s/other", harness_folder()),
                                       NULL};
    struct harness_service *run = harness_service_start(&(const struct harness_service_options){
        .program = "quintet-media", .environment = environment, .http = true});
    assert_int_equal(harness_service_wait(run), 1);
    assert_true(harness_service_logged(run, "/proc/none"));
}

/* PUTs to where the service listens, whatever host the URL names: as a reverse proxy would pass it on. */
static int put_through_proxy(const char *url, const char *host, struct qn_str body)
{
    const char *path = strchr(strstr(url, "://") + 3, '/');
    struct harness_http_reply reply = harness_http(&(const struct harness_http_request){
        .method = "PUT",
        .url = harness_text("http://%s%s", fixture.address, path),
        .headers = {harness_text("Host: %s", host), "Content-Type: image/png", "If-None-Match: *"},
        .body = body});
    int status = reply.status;
    harness_http_free(&reply);
    return status;
}

/* Without a key in the settings one is made, once: URLs that are out outlive a restart. The file is for its
 * owner alone, and no request reads it. */
static void test_a_key_of_its_own(void **state)
{
    (void)state;
    static const char *const settings[] = {"QUINTET_MEDIA_ACCESS_KEY_ID=", "QUINTET_MEDIA_SECRET_ACCESS_KEY=",
                                           "QUINTET_MEDIA_PUBLIC_URL=https://pictures.example.com:443/",
                                           NULL};
    struct stat what;
    struct qn_str picture = media_fixture_picture("image/png", 100);
    media_fixture_start_media(&fixture, settings);
    media_fixture_connect(&fixture);
    const char *user = media_fixture_user(&fixture);
    const Quintet__Media__V1__CreateUploadResponse *upload =
        media_fixture_create(&fixture, user, "image/png", 100);
    const char *url = harness_text("%s", upload->url), *id = harness_text("%s", upload->upload_id);
    assert_true(qn_str_starts(qn_str_c(url), QN_STR("https://pictures.example.com/quintet/pending/")));
    assert_int_equal(stat(harness_text("%s/credentials", fixture.folder), &what), 0);
    assert_int_equal(what.st_mode & 0777, 0600);
    assert_int_equal(media_fixture_get(harness_text("http://%s/credentials", fixture.address)), 403);
    assert_int_equal(media_fixture_get(harness_text("http://%s/photos/../../credentials", fixture.address)),
                     404);
    media_fixture_disconnect(&fixture);
    assert_int_equal(harness_service_stop(fixture.media), 0);

    media_fixture_start_media(&fixture, settings);
    media_fixture_connect(&fixture);
    assert_int_equal(put_through_proxy(url, "other.example.com", picture), 403);
    assert_int_equal(put_through_proxy(url, "pictures.example.com", picture), 200);
    const Quintet__Media__V1__Photo *photo = media_fixture_complete(&fixture, user, id, QN_OK, NULL);
    assert_true(qn_str_starts(qn_str_c(photo->url),
                              qn_str_c(harness_text("https://pictures.example.com/photos/%s/", id))));
    media_fixture_disconnect(&fixture);
}

static struct harness_http_reply with_origin(const char *method, const char *origin)
{
    return harness_http(&(const struct harness_http_request){
        .method = method,
        .url = harness_text("http://%s/photos/none", fixture.address),
        .headers = {harness_text("Origin: %s", origin), "Access-Control-Request-Method: PUT"}});
}

static void test_origins_of_ones_own(void **state)
{
    (void)state;
    media_fixture_start_media(
        &fixture,
        (const char *const[]){"QUINTET_MEDIA_CORS_ORIGINS=https://a.example, https://b.example:8443", NULL});
    static const char *const good[] = {"https://a.example", "https://b.example:8443"};
    static const char *const bad[] = {
        "https://c.example", "http://a.example", "https://a.example.evil.test", "https://b.example", "null",
        "https://A.example"};
    for (size_t i = 0; i < 2; i++) {
        struct harness_http_reply asked = with_origin("OPTIONS", good[i]);
        assert_int_equal(asked.status, 204);
        assert_string_equal(harness_http_header(&asked, "Access-Control-Allow-Origin", 0), good[i]);
        assert_string_equal(harness_http_header(&asked, "Vary", 0), "Origin");
        harness_http_free(&asked);
        struct harness_http_reply got = with_origin("GET", good[i]);
        assert_string_equal(harness_http_header(&got, "Access-Control-Allow-Origin", 0), good[i]);
        harness_http_free(&got);
    }
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        struct harness_http_reply asked = with_origin("OPTIONS", bad[i]);
        assert_int_equal(asked.status, 403);
        assert_null(harness_http_header(&asked, "Access-Control-Allow-Origin", 0));
        harness_http_free(&asked);
        struct harness_http_reply got = with_origin("GET", bad[i]);
        assert_null(harness_http_header(&got, "Access-Control-Allow-Origin", 0));
        assert_string_equal(harness_http_header(&got, "Vary", 0), "Origin");
        harness_http_free(&got);
    }
}

/* Profile is not there yet: the service waits for it, not ready, and says so. */
static void test_profile_comes_later(void **state)
{
    (void)state;
    assert_int_equal(harness_service_stop(fixture.profile), 0);
    const char *const environment[] = {
        harness_text("QUINTET_RPC_LISTEN=ipc://%s/media", harness_folder()),
        harness_text("QUINTET_PROFILE_ADDRESS=ipc://%s/profile", harness_folder()),
        harness_text("QUINTET_MEDIA_FOLDER=%s", fixture.folder),
        NULL,
    };
    fixture.media = harness_service_start(&(const struct harness_service_options){
        .program = "quintet-media", .environment = environment, .http = true});
    harness_service_await(fixture.media, false);
    char *detail = NULL;
    while (harness_service_get(fixture.media, "/readyz", &detail) == 0)
        free(detail);
    assert_non_null(strstr(detail, "profile"));
    assert_non_null(strstr(detail, "of this machine only"));
    free(detail);
    media_fixture_start_profile(&fixture);
    harness_service_await(fixture.media, true);
}

static bool one_temporary(struct media_fixture *of)
{
    return media_fixture_temporaries(of) == 1;
}

static bool drains(struct media_fixture *of)
{
    return harness_service_logged(of->media, "draining") || !harness_service_ready(of->media);
}

/* SIGTERM in the middle of an upload: it is let end, and then the process does, with 0. */
static void test_an_upload_in_hand_is_finished(void **state)
{
    (void)state;
    enum { SIZE = 300000 };
    struct wire wire = {0};
    struct qn_str picture = media_fixture_picture("image/png", SIZE);
    media_fixture_start_media(&fixture, NULL);
    media_fixture_connect(&fixture);
    const char *user = media_fixture_user(&fixture);
    const Quintet__Media__V1__CreateUploadResponse *upload =
        media_fixture_create(&fixture, user, "image/png", SIZE);
    const char *pending = media_fixture_pending_key(user, upload->upload_id);
    wire_open(&wire, fixture.loop, fixture.address);
    wire_send_c(&wire, harness_text("PUT %s HTTP/1.1\r\nHost: %s\r\nContent-Type: "
                                    "image/png\r\nIf-None-Match: *\r\nContent-Length: %d\r\n\r\n",
                                    strchr(upload->url + 7, '/'), fixture.address, SIZE));
    wire_send(&wire, qn_str_n(picture.ptr, SIZE / 2));
    media_fixture_until(&fixture, one_temporary, "half of it is on the disk");
    media_fixture_hang_up(&fixture);
    harness_service_signal(fixture.media, SIGTERM);
    media_fixture_until(&fixture, drains, "draining");
    wire_send(&wire, qn_str_n(picture.ptr + SIZE / 2, SIZE - SIZE / 2));
    wire_expect(&wire, "HTTP/1.1 200 ");
    wire_expect(&wire, "Connection: close");
    wire_close(&wire);
    assert_int_equal(harness_service_wait(fixture.media), 0);
    assert_true(media_fixture_has(&fixture, pending));
    media_fixture_disconnect(&fixture);
}

int main(void)
{
#define ONE(test) cmocka_unit_test_teardown(test, stop_media)
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_half_a_bucket_is_refused),
        cmocka_unit_test(test_a_folder_that_cannot_be),
        ONE(test_a_key_of_its_own),
        ONE(test_origins_of_ones_own),
        ONE(test_profile_comes_later),
        ONE(test_an_upload_in_hand_is_finished),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
