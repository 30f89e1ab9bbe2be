#include <openssl/sha.h>
#include <stdio.h>
#include <string.h>

#include "common/core/clock.h"
#include "tests/harness/picture.h"
#include "tests/harness/second_pass.h"
#include "tests/harness/test.h"
#include "tests/integration/media_fixture.h"

/* An upload as it should be, and the object store as browsers read it. */

static struct media_fixture fixture;

static int setup(void **state)
{
    (void)state;
    media_fixture_connect(&fixture);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    media_fixture_disconnect(&fixture);
    return 0;
}

/* What others see of it. */
static void expect_picture(const char *url)
{
    struct harness_http_reply read = harness_http(&(const struct harness_http_request){.url = url});
    assert_int_equal(read.status, 200);
    assert_string_equal(harness_http_header(&read, "Content-Type", 0), "image/webp");
    assert_string_equal(harness_http_header(&read, "Cache-Control", 0), "public, max-age=86400, immutable");
    assert_true(read.body_len > 12);
    assert_memory_equal(read.body, "RIFF", 4);
    assert_memory_equal(read.body + 8, "WEBP", 4);
    harness_http_free(&read);
}

static void test_a_photo_from_end_to_end(void **state)
{
    (void)state;
    enum { SIZE = 70001 };
    const char *user = media_fixture_user(&fixture);
    int64_t before_s = qn_clock_wall_ms() / 1000;
    const Quintet__Media__V1__CreateUploadResponse *upload =
        media_fixture_create(&fixture, user, "image/png", SIZE);
    assert_string_equal(upload->method, "PUT");
    assert_int_equal(strlen(upload->upload_id), 32);
    assert_true(upload->expires_at->seconds >= before_s + 600);
    assert_true(upload->expires_at->seconds <= qn_clock_wall_ms() / 1000 + 600);
    assert_int_equal(media_fixture_list(&fixture, user)->n_photos, 0);

    assert_int_equal(media_fixture_put(upload, media_fixture_picture("image/png", SIZE)), 200);
    const Quintet__Media__V1__Photo *photo =
        media_fixture_complete(&fixture, user, upload->upload_id, QN_OK, NULL);
    assert_string_equal(photo->id, upload->upload_id);
    assert_string_equal(photo->content_type, "image/webp");
    assert_int_equal(photo->width, 1);
    assert_int_equal(photo->height, 1);
    assert_true(qn_str_starts(qn_str_c(photo->blur_data_url), QN_STR("data:image/webp;base64,")));
    assert_true(strlen(photo->blur_data_url) <= 400);
    assert_true(photo->main);
    assert_true(photo->created_at->seconds >= before_s);
    expect_picture(photo->url);
    expect_picture(photo->small_url);

    const Quintet__Media__V1__ListPhotosResponse *list = media_fixture_list(&fixture, user);
    assert_int_equal(list->n_photos, 1);
    assert_string_equal(list->photos[0]->url, photo->url);
    assert_int_equal(list->photos[0]->size_bytes, photo->size_bytes);
    assert_string_equal(list->photos[0]->blur_data_url, photo->blur_data_url);
    /* What was uploaded is not kept. */
    media_fixture_until(&fixture, media_fixture_trash_is_out, "the upload's object is gone");
    assert_false(media_fixture_has(&fixture, media_fixture_pending_key(user, photo->id)));
}

/* Create, PUT and complete with these bytes. */
static const Quintet__Media__V1__Photo *add_bytes(const char *user, const char *type, struct qn_str bytes,
                                                  enum qn_status status, const char *reason)
{
    const Quintet__Media__V1__CreateUploadResponse *upload =
        media_fixture_create(&fixture, user, type, (int64_t)bytes.len);
    assert_int_equal(media_fixture_put(upload, bytes), 200);
    return media_fixture_complete(&fixture, user, upload->upload_id, status, reason);
}

/* What phones send, lying on its side and with the place where it was taken: it stands upright, in two sizes,
 * and says nothing of the place. */
static void test_every_type(void **state)
{
    (void)state;
    static const enum media_image_kind kinds[] = {MEDIA_IMAGE_JPEG, MEDIA_IMAGE_PNG, MEDIA_IMAGE_WEBP,
                                                  MEDIA_IMAGE_AVIF, MEDIA_IMAGE_HEIC};
    const char *user = media_fixture_user(&fixture);
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++) {
        /* Those whose EXIF says how they lie. */
        const bool lies = kinds[i] == MEDIA_IMAGE_JPEG || kinds[i] == MEDIA_IMAGE_WEBP;
        const struct picture_plan plan = {
            .kind = kinds[i], .width = 1800, .height = 900, .orientation = lies ? 6 : 0, .secrets = true};
        struct qn_buf file;
        qn_buf_init(&file, MEDIA_OBJECT_BYTES_MAX);
        picture_make(&plan, &file);
        assert_true(!lies || picture_holds_secrets(qn_buf_view(&file)));
        const Quintet__Media__V1__Photo *photo =
            add_bytes(user, media_image_type(kinds[i]), qn_buf_view(&file), QN_OK, NULL);
        qn_buf_fini(&file);
        assert_int_equal(lies ? photo->height : photo->width, 1600);
        assert_int_equal(lies ? photo->width : photo->height, 800);
        const char *const urls[] = {photo->url, photo->small_url};
        for (int k = 0; k < 2; k++) {
            struct harness_http_reply read =
                harness_http(&(const struct harness_http_request){.url = urls[k]});
            struct qn_str webp = qn_str_n(read.body, read.body_len);
            struct picture_seen seen;
            assert_int_equal(read.status, 200);
            picture_see(webp, &seen);
            assert_int_equal(lies ? seen.height : seen.width, k == 0 ? 1600 : 320);
            assert_false(seen.has_exif || seen.has_xmp || picture_holds_secrets(webp));
            harness_http_free(&read);
        }
    }
}

/* What is refused while its pictures are made is told apart, and leaves nothing. */
static void test_pictures_that_are_refused(void **state)
{
    (void)state;
    const char *user = media_fixture_user(&fixture);
    struct qn_buf file;
    qn_buf_init(&file, MEDIA_OBJECT_BYTES_MAX);
    picture_make(&(const struct picture_plan){MEDIA_IMAGE_WEBP, .width = 64, .height = 64, .frames = 2},
                 &file);
    add_bytes(user, "image/webp", qn_buf_view(&file), QN_FAILED_PRECONDITION, "ANIMATED");
    qn_buf_clear(&file);
    picture_png(10000, 10000, 0, QN_STR(""), QN_STR("\0"), &file);
    add_bytes(user, "image/png", qn_buf_view(&file), QN_FAILED_PRECONDITION, "TOO_MANY_PIXELS");
    qn_buf_clear(&file);
    picture_make(&(const struct picture_plan){MEDIA_IMAGE_JPEG, .width = 640, .height = 480}, &file);
    add_bytes(user, "image/jpeg", qn_str_n(file.data, file.len / 2), QN_FAILED_PRECONDITION, "NOT_A_PICTURE");
    qn_buf_write_c(&file, "<script>alert(1)</script>");
    add_bytes(user, "image/jpeg", qn_buf_view(&file), QN_FAILED_PRECONDITION, "NOT_A_PICTURE");
    qn_buf_fini(&file);
    assert_int_equal(media_fixture_list(&fixture, user)->n_photos, 0);
    assert_int_equal(
        media_fixture_number(&fixture, "select count(*) from quintet.photo where user_id = '%s'", user), 0);
}

/* With the hash of what is to come the store takes nothing else. */
static void test_an_upload_with_its_hash(void **state)
{
    (void)state;
    struct qn_str picture = media_fixture_picture("image/png", 1000);
    uint8_t hash[SHA256_DIGEST_LENGTH];
    char other[1000];
    SHA256((const uint8_t *)picture.ptr, picture.len, hash);
    memcpy(other, picture.ptr, picture.len);
    other[500] ^= 1;
    const char *user = media_fixture_user(&fixture);
    Quintet__Media__V1__CreateUploadRequest in = QUINTET__MEDIA__V1__CREATE_UPLOAD_REQUEST__INIT;
    in.content_type = (char *)"image/png";
    in.size_bytes = 1000;
    in.sha256 = (ProtobufCBinaryData){.data = hash, .len = sizeof hash};
    const Quintet__Media__V1__CreateUploadResponse *upload =
        media_fixture_ask(&fixture, &quintet_media_v1_media_service_create_upload, &in, user, QN_OK, NULL);
    assert_int_equal(media_fixture_put(upload, qn_str_n(other, sizeof other)), 400);
    media_fixture_complete(&fixture, user, upload->upload_id, QN_FAILED_PRECONDITION, "NOT_UPLOADED");
    assert_int_equal(media_fixture_put(upload, picture), 200);
    media_fixture_complete(&fixture, user, upload->upload_id, QN_OK, NULL);
}

/* The picture becomes public when it has been checked, and not before. */
static void test_nothing_pending_can_be_read(void **state)
{
    (void)state;
    const char *user = media_fixture_user(&fixture);
    const Quintet__Media__V1__CreateUploadResponse *upload = media_fixture_upload(&fixture, user);
    const char *pending = media_fixture_pending_key(user, upload->upload_id);
    struct qn_str unsigned_url = qn_str_c(upload->url);
    unsigned_url.len = (size_t)(strchr(upload->url, '?') - upload->url);
    assert_true(media_fixture_has(&fixture, pending));
    assert_int_equal(media_fixture_objects(&fixture, media_fixture_public_prefix(upload->upload_id)), 0);
    assert_int_equal(media_fixture_get(harness_text("%.*s", QN_STR_ARG(unsigned_url))), 403);
    assert_int_equal(media_fixture_get(upload->url), 403); /* signed for PUT alone */
    if (!fixture.bucket)
        assert_int_equal(media_fixture_get(harness_text("http://%s/%s", fixture.address, pending)), 403);
    media_fixture_complete(&fixture, user, upload->upload_id, QN_OK, NULL);
    assert_true(media_fixture_objects(&fixture, media_fixture_public_prefix(upload->upload_id)) > 0);
}

static void test_completing_twice_answers_the_same(void **state)
{
    (void)state;
    const char *user = media_fixture_user(&fixture);
    const Quintet__Media__V1__Photo *first = media_fixture_add(&fixture, user, "image/png", 5000);
    const Quintet__Media__V1__Photo *again = media_fixture_complete(&fixture, user, first->id, QN_OK, NULL);
    assert_string_equal(again->id, first->id);
    assert_string_equal(again->url, first->url);
    assert_int_equal(media_fixture_list(&fixture, user)->n_photos, 1);
}

static void test_the_largest_and_the_smallest(void **state)
{
    (void)state;
    const char *user = media_fixture_user(&fixture);
    media_fixture_add(&fixture, user, "image/png", 10485760);
    media_fixture_add(&fixture, user, "image/png", MEDIA_FIXTURE_PICTURE_MIN);
    assert_int_equal(media_fixture_list(&fixture, user)->n_photos, 2);
    if (!fixture.bucket)
        assert_int_equal(media_fixture_temporaries(&fixture), 0);
}

static struct harness_http_reply get_with(const char *url, const char *header)
{
    return harness_http(&(const struct harness_http_request){.url = url, .headers = {header}});
}

static void test_headers_of_a_picture(void **state)
{
    (void)state;
    const Quintet__Media__V1__Photo *photo =
        media_fixture_add(&fixture, media_fixture_user(&fixture), "image/png", 1000);
    struct harness_http_reply got = harness_http(&(const struct harness_http_request){.url = photo->url});
    assert_string_equal(harness_http_header(&got, "Cache-Control", 0), "public, max-age=86400, immutable");
    assert_string_equal(harness_http_header(&got, "Accept-Ranges", 0), "bytes");
    assert_string_equal(harness_http_header(&got, "X-Content-Type-Options", 0), "nosniff");
    assert_non_null(harness_http_header(&got, "Content-Security-Policy", 0));
    const char *etag = harness_text("%s", harness_http_header(&got, "ETag", 0));
    assert_int_equal(etag[0], '"');
    harness_http_free(&got);

    struct harness_http_reply head =
        harness_http(&(const struct harness_http_request){.method = "HEAD", .url = photo->url});
    assert_int_equal(head.status, 200);
    assert_string_equal(harness_http_header(&head, "Content-Length", 0),
                        harness_text("%lld", (long long)photo->size_bytes));
    assert_string_equal(harness_http_header(&head, "Content-Type", 0), "image/webp");
    assert_int_equal(head.body_len, 0);
    harness_http_free(&head);

    struct harness_http_reply same = get_with(photo->url, harness_text("If-None-Match: %s", etag));
    assert_int_equal(same.status, 304);
    assert_int_equal(same.body_len, 0);
    assert_string_equal(harness_http_header(&same, "ETag", 0), etag);
    harness_http_free(&same);
    struct harness_http_reply other = get_with(photo->url, "If-None-Match: \"other\"");
    assert_int_equal(other.status, 200);
    harness_http_free(&other);
    /* A cache buster, or what an image optimizer puts behind, changes nothing. */
    assert_int_equal(media_fixture_get(harness_text("%s?w=320", photo->url)), 200);
}

static void test_ranges(void **state)
{
    (void)state;
    const Quintet__Media__V1__Photo *photo =
        media_fixture_add(&fixture, media_fixture_user(&fixture), "image/png", 1000);
    struct harness_http_reply whole = harness_http(&(const struct harness_http_request){.url = photo->url});
    size_t size = whole.body_len;
    assert_int_equal(size, photo->size_bytes);
    struct harness_http_reply part = get_with(photo->url, "Range: bytes=10-19");
    assert_int_equal(part.status, 206);
    assert_string_equal(harness_http_header(&part, "Content-Range", 0),
                        harness_text("bytes 10-19/%zu", size));
    assert_int_equal(part.body_len, 10);
    assert_memory_equal(part.body, whole.body + 10, 10);
    const char *etag = harness_text("%s", harness_http_header(&part, "ETag", 0));
    harness_http_free(&part);

    struct harness_http_reply end = get_with(photo->url, "Range: bytes=-1");
    assert_int_equal(end.status, 206);
    assert_memory_equal(end.body, whole.body + size - 1, 1);
    harness_http_free(&end);
    harness_http_free(&whole);

    struct harness_http_reply after = get_with(photo->url, harness_text("Range: bytes=%zu-", size));
    assert_int_equal(after.status, 416);
    assert_non_null(strstr(after.body, "<Code>InvalidRange</Code>"));
    harness_http_free(&after);

    struct harness_http_reply several = get_with(photo->url, "Range: bytes=0-1,4-5");
    assert_int_equal(several.status, 200);
    assert_int_equal(several.body_len, size);
    harness_http_free(&several);

    struct harness_http_reply changed = harness_http(&(const struct harness_http_request){
        .url = photo->url, .headers = {"Range: bytes=0-0", "If-Range: \"older\""}});
    assert_int_equal(changed.status, 200);
    harness_http_free(&changed);
    struct harness_http_reply unchanged = harness_http(&(const struct harness_http_request){
        .url = photo->url, .headers = {"Range: bytes=0-0", harness_text("If-Range: %s", etag)}});
    assert_int_equal(unchanged.status, 206);
    harness_http_free(&unchanged);
}

/* What a browser asks before it uploads from the site's own origin, and what it must see on every answer. */
static void test_browsers_may_upload_from_any_origin(void **state)
{
    (void)state;
    const char *user = media_fixture_user(&fixture);
    const Quintet__Media__V1__CreateUploadResponse *upload =
        media_fixture_create(&fixture, user, "image/png", 100);
    struct harness_http_reply asked = harness_http(&(const struct harness_http_request){
        .method = "OPTIONS",
        .url = upload->url,
        .headers = {"Origin: http://localhost:3000", "Access-Control-Request-Method: PUT",
                    "Access-Control-Request-Headers: content-type,if-none-match"}});
    assert_int_equal(asked.status, 204);
    assert_string_equal(harness_http_header(&asked, "Access-Control-Allow-Origin", 0), "*");
    assert_non_null(strstr(harness_http_header(&asked, "Access-Control-Allow-Methods", 0), "PUT"));
    assert_non_null(strstr(harness_http_header(&asked, "Access-Control-Allow-Headers", 0), "content-type"));
    harness_http_free(&asked);

    struct harness_http_reply put = harness_http(&(const struct harness_http_request){
        .method = "PUT",
        .url = upload->url,
        .headers = {"Content-Type: image/png", "If-None-Match: *", "Origin: http://localhost:3000"},
        .body = media_fixture_picture("image/png", 100)});
    assert_int_equal(put.status, 200);
    assert_string_equal(harness_http_header(&put, "Access-Control-Allow-Origin", 0), "*");
    assert_non_null(strstr(harness_http_header(&put, "Access-Control-Expose-Headers", 0), "ETag"));
    assert_non_null(harness_http_header(&put, "ETag", 0));
    harness_http_free(&put);

    /* Also on a refusal, or the page only ever learns that "something" failed. */
    struct harness_http_reply again = harness_http(&(const struct harness_http_request){
        .method = "PUT",
        .url = upload->url,
        .headers = {"Content-Type: image/png", "If-None-Match: *", "Origin: http://localhost:3000"},
        .body = media_fixture_picture("image/png", 100)});
    assert_int_equal(again.status, 412);
    assert_string_equal(harness_http_header(&again, "Access-Control-Allow-Origin", 0), "*");
    harness_http_free(&again);

    struct harness_http_reply wants_more = harness_http(&(const struct harness_http_request){
        .method = "OPTIONS",
        .url = upload->url,
        .headers = {"Origin: http://localhost:3000", "Access-Control-Request-Method: DELETE"}});
    assert_int_equal(wants_more.status, 403);
    harness_http_free(&wants_more);
}

/* Photos outlive the process; so does the key that signed URLs which are still out. */
static void test_a_restart_forgets_nothing(void **state)
{
    (void)state;
    const char *user = media_fixture_user(&fixture);
    const Quintet__Media__V1__Photo *photo = media_fixture_add(&fixture, user, "image/png", 1000);
    const char *id = harness_text("%s", photo->id);
    media_fixture_disconnect(&fixture);
    assert_int_equal(harness_service_stop(fixture.media), 0);
    media_fixture_start_media(&fixture, NULL);
    media_fixture_connect(&fixture);
    const Quintet__Media__V1__ListPhotosResponse *list = media_fixture_list(&fixture, user);
    assert_int_equal(list->n_photos, 1);
    assert_string_equal(list->photos[0]->id, id);
    assert_int_equal(media_fixture_get(list->photos[0]->url), 200);
}

static int start(void **state)
{
    (void)state;
    picture_begin();
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
        ONE(test_a_photo_from_end_to_end),
        ONE(test_every_type),
        ONE(test_pictures_that_are_refused),
        ONE(test_an_upload_with_its_hash),
        ONE(test_nothing_pending_can_be_read),
        ONE(test_completing_twice_answers_the_same),
        ONE(test_the_largest_and_the_smallest),
        ONE(test_headers_of_a_picture),
        ONE(test_ranges),
        ONE(test_browsers_may_upload_from_any_origin),
        ONE(test_a_restart_forgets_nothing),
    };
    return harness_second_pass_run(tests, start, stop);
}
