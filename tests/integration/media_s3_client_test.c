#include <stdio.h>
#include <string.h>

#include "common/core/clock.h"
#include "services/media/sigv4.h"
#include "tests/harness/http.h"
#include "tests/harness/node.h"
#include "tests/harness/service.h"
#include "tests/harness/test.h"

/* The embedded store and S3's official client, and our signatures before a server that is not ours: what
 * each signs the other takes. */

#define KEY_ID "AKTEST"
#define SECRET "a secret/that+the tests%know"

/* quintet-media by itself: the store asks nobody. */
static void test_the_official_client_on_the_embedded_store(void **state)
{
    (void)state;
    const char *folder = harness_folder();
    const char *const environment[] = {harness_text("QUINTET_MEDIA_FOLDER=%s/objects", folder),
                                       "QUINTET_MEDIA_ACCESS_KEY_ID=" KEY_ID,
                                       "QUINTET_MEDIA_SECRET_ACCESS_KEY=" SECRET,
                                       harness_text("QUINTET_RPC_LISTEN=ipc://%s/media", folder),
                                       harness_text("QUINTET_PROFILE_ADDRESS=ipc://%s/profile", folder),
                                       NULL};
    struct harness_service *media = harness_service_start(&(const struct harness_service_options){
        .program = "quintet-media", .environment = environment, .http = true});
    struct harness_node *node = harness_node_start(&(const struct harness_node_options){
        .group = "s3",
        .script = "client.mjs",
        .arguments =
            (const char *const[]){harness_text("http://127.0.0.1:%u", harness_service_http_port(media)),
                                  "quintet", KEY_ID, SECRET, NULL}});
    size_t good = 0, bad = 0;
    for (const char *line; (line = harness_node_line(node));) {
        good += strncmp(line, "ok ", 3) == 0;
        bad += strncmp(line, "not ok ", 7) == 0;
        if (strncmp(line, "ok ", 3) != 0)
            print_message("%s\n", line);
    }
    assert_int_equal(harness_node_end(node), 0);
    assert_int_equal(bad, 0);
    assert_true(good >= 30);
    assert_true(harness_service_logged(media, "for one machine only"));
    assert_int_equal(harness_service_stop(media), 0);
}

static const struct media_sigv4_key key = {.access_key_id = QN_STR(KEY_ID),
                                           .secret = QN_STR(SECRET),
                                           .region = QN_STR("auto"),
                                           .service = QN_STR("s3")};
static const struct media_sigv4_key stranger = {.access_key_id = QN_STR(KEY_ID),
                                                .secret = QN_STR("another"),
                                                .region = QN_STR("auto"),
                                                .service = QN_STR("s3")};

/* Of s3rver. */
static const char *host;

static struct media_sigv4_request request_of(const char *method, const char *path,
                                             const struct media_sigv4_pair *headers, size_t n_headers)
{
    return (struct media_sigv4_request){.method = qn_str_c(method),
                                        .host = qn_str_c(host),
                                        .path = qn_str_c(path),
                                        .headers = headers,
                                        .n_headers = n_headers};
}

/* Sends what was signed; the status and, where it is said, the body must be these. */
static void send(const char *method, struct qn_str target, const char *const headers[], struct qn_str body,
                 int status, const char *says)
{
    struct harness_http_request request = {
        .method = method, .url = harness_text("http://%s%.*s", host, QN_STR_ARG(target)), .body = body};
    for (size_t i = 0; headers && headers[i]; i++)
        request.headers[i] = headers[i];
    struct harness_http_reply reply = harness_http(&request);
    if (reply.status != status || (says && !strstr(reply.body, says)))
        fail_msg("%s %.*s: %d %s, not %d %s", method, QN_STR_ARG(target), reply.status, reply.body, status,
                 says ? says : "");
    harness_http_free(&reply);
}

static void send_presigned(const struct media_sigv4_key *by, const char *method, const char *path,
                           const char *type, const char *body, int status, const char *says)
{
    const char *length = harness_text("%zu", body ? strlen(body) : 0);
    const struct media_sigv4_pair headers[] = {{QN_STR("content-type"), QN_STR("image/webp")},
                                               {QN_STR("content-length"), qn_str_c(length)},
                                               {QN_STR("if-none-match"), QN_STR("*")}};
    const char *const sent[] = {harness_text("Content-Type: %s", type), "If-None-Match: *", NULL};
    const struct media_sigv4_request request = request_of(method, path, headers, body ? 3 : 0);
    struct qn_buf target;
    qn_buf_init(&target, 16384);
    assert_int_equal(media_sigv4_presign(by, &request, qn_clock_wall_ms(), 600, &target), QN_OK);
    send(method, qn_buf_view(&target), body ? sent : NULL, body ? qn_str_c(body) : (struct qn_str){0}, status,
         says);
    qn_buf_fini(&target);
}

static void send_authorized(const struct media_sigv4_key *by, const char *method, const char *path,
                            const char *body, int status, const char *says)
{
    const struct media_sigv4_pair headers[] = {{QN_STR("content-type"), QN_STR("image/webp")},
                                               {QN_STR("cache-control"), QN_STR("public,  max-age=1")}};
    const struct media_sigv4_request request = request_of(method, path, headers, body ? 2 : 0);
    static const char empty[] = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
    const char *payload = body ? MEDIA_SIGV4_UNSIGNED : empty;
    struct qn_buf target, authorization;
    char date[MEDIA_SIGV4_DATE_ROOM];
    qn_buf_init(&target, 16384);
    qn_buf_init(&authorization, 4096);
    assert_int_equal(media_sigv4_authorize(by, &request, qn_str_c(payload), qn_clock_wall_ms(), date, &target,
                                           &authorization),
                     QN_OK);
    const char *const sent[] = {
        harness_text("Authorization: %.*s", QN_STR_ARG(qn_buf_view(&authorization))),
        harness_text("x-amz-date: %s", date),
        harness_text("x-amz-content-sha256: %s", payload),
        body ? "Content-Type: image/webp" : NULL,
        "Cache-Control: public,  max-age=1",
        NULL,
    };
    send(method, qn_buf_view(&target), sent, body ? qn_str_c(body) : (struct qn_str){0}, status, says);
    qn_buf_fini(&target);
    qn_buf_fini(&authorization);
}

static void test_our_signatures_on_another_server(void **state)
{
    (void)state;
    struct harness_node *node = harness_node_start(&(const struct harness_node_options){
        .group = "s3",
        .script = "s3rver.mjs",
        .arguments =
            (const char *const[]){harness_text("--folder=%s/s3rver", harness_folder()), "--bucket=quintet",
                                  "--key=" KEY_ID, harness_text("--secret=%s", SECRET), NULL}});
    host = harness_text("%s", harness_node_expect(node, "http://"));
    static const char *const paths[] = {"/quintet/pending/u/plain", "/quintet/a b+c/ü (1).webp"};
    for (size_t i = 0; i < 2; i++) {
        send_presigned(&stranger, "PUT", paths[i], "image/webp", "hello", 403, "SignatureDoesNotMatch");
        send_presigned(&key, "PUT", paths[i], "image/png", "hello", 403, "SignatureDoesNotMatch");
        send_presigned(&key, "PUT", paths[i], "image/webp", "hello", 200, NULL);
        send_presigned(&key, "PUT", paths[i], "image/webp", "other", 412, "PreconditionFailed");
        send_presigned(&key, "GET", paths[i], NULL, NULL, 200, "hello");
        send_presigned(&key, "HEAD", paths[i], NULL, NULL, 200, NULL);
        send_authorized(&stranger, "PUT", paths[i], "again", 403, "SignatureDoesNotMatch");
        send_authorized(&key, "PUT", paths[i], "again", 200, NULL);
        send_authorized(&key, "GET", paths[i], NULL, 200, "again");
        send_presigned(&key, "DELETE", paths[i], NULL, NULL, 204, NULL);
        send_authorized(&key, "GET", paths[i], NULL, 404, "NoSuchKey");
    }
    assert_int_equal(harness_node_end(node), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_official_client_on_the_embedded_store),
        cmocka_unit_test(test_our_signatures_on_another_server),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
