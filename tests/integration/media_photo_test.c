#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "tests/harness/second_pass.h"
#include "tests/harness/test.h"
#include "tests/integration/media_fixture.h"

/* The rules of photos: what may be uploaded, by whom, how many, which is the main one, and how they go. */

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
    media_fixture_disconnect(&fixture);
    return 0;
}

static long rows_of(const char *id)
{
    return media_fixture_number(&fixture, "select count(*) from quintet.photo where id = '%s'", id);
}

static void refuse_create(const char *type, int64_t size_bytes)
{
    Quintet__Media__V1__CreateUploadRequest in = QUINTET__MEDIA__V1__CREATE_UPLOAD_REQUEST__INIT;
    in.content_type = (char *)type;
    in.size_bytes = size_bytes;
    media_fixture_ask(&fixture, &quintet_media_v1_media_service_create_upload, &in, user, QN_INVALID_ARGUMENT,
                      NULL);
}

static void test_what_may_be_announced(void **state)
{
    (void)state;
    refuse_create("", 100);
    refuse_create("image/gif", 100);
    refuse_create("image/svg+xml", 100);
    refuse_create("image/jpg", 100);
    refuse_create("IMAGE/JPEG", 100);
    refuse_create("image/jpeg\r\nx: y", 100);
    refuse_create("image/jpeg", 0);
    refuse_create("image/jpeg", -1);
    refuse_create("image/jpeg", 10485761);
    refuse_create("image/jpeg", INT64_MAX);
    /* A hash has 32 bytes. */
    static uint8_t hash[33];
    Quintet__Media__V1__CreateUploadRequest in = QUINTET__MEDIA__V1__CREATE_UPLOAD_REQUEST__INIT;
    in.content_type = (char *)"image/png";
    in.size_bytes = 100;
    for (in.sha256 = (ProtobufCBinaryData){.data = hash, .len = 1}; in.sha256.len <= sizeof hash;
         in.sha256.len += in.sha256.len == 1 ? 30 : 2)
        media_fixture_ask(&fixture, &quintet_media_v1_media_service_create_upload, &in, user,
                          QN_INVALID_ARGUMENT, NULL);
    assert_int_equal(
        media_fixture_number(&fixture, "select count(*) from quintet.photo where user_id = '%s'", user), 0);
}

static void test_nobody_and_somebody_who_is_gone(void **state)
{
    (void)state;
    Quintet__Media__V1__CreateUploadRequest in = QUINTET__MEDIA__V1__CREATE_UPLOAD_REQUEST__INIT;
    in.content_type = (char *)"image/png";
    in.size_bytes = 100;
    media_fixture_ask(&fixture, &quintet_media_v1_media_service_create_upload, &in, NULL, QN_UNAUTHENTICATED,
                      NULL);
    Quintet__Media__V1__ListPhotosRequest list = QUINTET__MEDIA__V1__LIST_PHOTOS_REQUEST__INIT;
    media_fixture_ask(&fixture, &quintet_media_v1_media_service_list_photos, &list, NULL, QN_UNAUTHENTICATED,
                      NULL);
    char long_id[200];
    memset(long_id, 'x', sizeof long_id - 1);
    long_id[sizeof long_id - 1] = '\0';
    media_fixture_ask(&fixture, &quintet_media_v1_media_service_list_photos, &list, long_id,
                      QN_INVALID_ARGUMENT, NULL);
}

static void test_before_anything_was_uploaded(void **state)
{
    (void)state;
    const Quintet__Media__V1__CreateUploadResponse *upload =
        media_fixture_create(&fixture, user, "image/png", 100);
    media_fixture_complete(&fixture, user, upload->upload_id, QN_FAILED_PRECONDITION, "NOT_UPLOADED");
    /* It may still come. */
    assert_int_equal(media_fixture_put(upload, media_fixture_picture("image/png", 100)), 200);
    media_fixture_complete(&fixture, user, upload->upload_id, QN_OK, NULL);
}

static void test_uploads_that_are_none(void **state)
{
    (void)state;
    static const char *const ids[] = {"", "x", "../../etc/passwd", "0123456789abcdefABCDEF0123456789",
                                      "0123456789abcdefABCDEF012345678\xC3\xBC"};
    for (size_t i = 0; i < sizeof ids / sizeof ids[0]; i++) {
        media_fixture_complete(&fixture, user, ids[i], QN_NOT_FOUND, "UPLOAD_NOT_FOUND");
        media_fixture_delete(&fixture, user, ids[i], QN_NOT_FOUND, "PHOTO_NOT_FOUND");
        media_fixture_set_main(&fixture, user, ids[i], QN_NOT_FOUND, "PHOTO_NOT_FOUND");
    }
}

/* Somebody else's upload or photo is not there, for any method. */
static void test_others_photos_are_out_of_reach(void **state)
{
    (void)state;
    const char *other = media_fixture_user(&fixture);
    const Quintet__Media__V1__CreateUploadResponse *upload =
        media_fixture_create(&fixture, user, "image/png", 100);
    assert_int_equal(media_fixture_put(upload, media_fixture_picture("image/png", 100)), 200);
    media_fixture_complete(&fixture, other, upload->upload_id, QN_NOT_FOUND, "UPLOAD_NOT_FOUND");
    media_fixture_delete(&fixture, other, upload->upload_id, QN_NOT_FOUND, "PHOTO_NOT_FOUND");
    const Quintet__Media__V1__Photo *photo =
        media_fixture_complete(&fixture, user, upload->upload_id, QN_OK, NULL);
    media_fixture_complete(&fixture, other, upload->upload_id, QN_NOT_FOUND, "UPLOAD_NOT_FOUND");
    media_fixture_delete(&fixture, other, upload->upload_id, QN_NOT_FOUND, "PHOTO_NOT_FOUND");
    media_fixture_set_main(&fixture, other, upload->upload_id, QN_NOT_FOUND, "PHOTO_NOT_FOUND");
    assert_int_equal(media_fixture_list(&fixture, other)->n_photos, 0);
    assert_int_equal(media_fixture_get(photo->url), 200);
}

/* Soon after, and also if it was uploaded meanwhile. */
static void expect_nothing_of(const char *photo_id)
{
    media_fixture_until(&fixture, media_fixture_trash_is_out, "the objects are gone");
    assert_false(media_fixture_has(&fixture, media_fixture_pending_key(user, photo_id)));
    assert_int_equal(media_fixture_objects(&fixture, media_fixture_public_prefix(photo_id)), 0);
}

static void refuse_upload(const char *declared, struct qn_str body)
{
    const Quintet__Media__V1__CreateUploadResponse *upload =
        media_fixture_create(&fixture, user, declared, (int64_t)body.len);
    assert_int_equal(media_fixture_put(upload, body), 200);
    media_fixture_complete(&fixture, user, upload->upload_id, QN_FAILED_PRECONDITION, "NOT_A_PICTURE");
    assert_int_equal(rows_of(upload->upload_id), 0);
    expect_nothing_of(upload->upload_id);
    /* It cannot be brought back: not by asking again, nor by uploading a better one. */
    media_fixture_complete(&fixture, user, upload->upload_id, QN_NOT_FOUND, "UPLOAD_NOT_FOUND");
    media_fixture_put(upload, media_fixture_picture(declared, body.len));
    media_fixture_complete(&fixture, user, upload->upload_id, QN_NOT_FOUND, "UPLOAD_NOT_FOUND");
    assert_int_equal(media_fixture_list(&fixture, user)->n_photos, 0);
}

/* What a file says of itself counts: a page, a script or another picture under a picture's name is none. A
 * polyglot has one front only, and that is what it was declared as or it goes. */
static void test_what_is_no_picture_of_the_declared_type(void **state)
{
    (void)state;
    refuse_upload("image/png", QN_STR("<!DOCTYPE html><script>alert(1)</script>"));
    refuse_upload("image/png", QN_STR("<svg xmlns=\"http://www.w3.org/2000/svg\" onload=\"alert(1)\"/>"));
    refuse_upload("image/jpeg", QN_STR("GIF89a\1\0\1\0\x80\0\0/*\xFF\xD8\xFF\xE0*/=alert(1)"));
    refuse_upload("image/avif", QN_STR("\0\0\0\x18"
                                       "ftypheic\0\0\0\0heicmif1"));
    refuse_upload("image/jpeg", QN_STR("x"));
    static const char *const types[] = {"image/jpeg", "image/png", "image/webp", "image/avif"};
    for (size_t i = 0; i < 4; i++)
        for (size_t k = 0; k < 4; k++)
            if (i != k)
                refuse_upload(types[i], media_fixture_picture(types[k], 200));
}

/* The store took another size than the row says (as another store might): the object goes. */
static void test_an_object_of_another_size(void **state)
{
    (void)state;
    const Quintet__Media__V1__CreateUploadResponse *upload =
        media_fixture_create(&fixture, user, "image/png", 100);
    assert_int_equal(media_fixture_put(upload, media_fixture_picture("image/png", 100)), 200);
    harness_postgres_do(
        fixture.admin,
        harness_text("update quintet.photo set size_bytes = 101 where id = '%s'", upload->upload_id));
    media_fixture_complete(&fixture, user, upload->upload_id, QN_FAILED_PRECONDITION, "SIZE_MISMATCH");
    assert_int_equal(rows_of(upload->upload_id), 0);
    expect_nothing_of(upload->upload_id);
}

/* What lies there is not what was uploaded: as a store might have it that takes any bytes for a URL. */
static void test_an_object_that_is_another(void **state)
{
    (void)state;
    static const struct {
        const char *type;
        int64_t size_bytes;
        const char *reason;
    } announced[] = {
        {"image/png", MEDIA_FIXTURE_PICTURE_MIN + 1, "SIZE_MISMATCH"},
        {"image/png", MEDIA_FIXTURE_PICTURE_MIN - 1, "SIZE_MISMATCH"},
        {"image/jpeg", MEDIA_FIXTURE_PICTURE_MIN, "NOT_A_PICTURE"},
    };
    for (size_t i = 0; i < sizeof announced / sizeof announced[0]; i++) {
        const char *id =
            media_fixture_create(&fixture, user, announced[i].type, announced[i].size_bytes)->upload_id;
        media_fixture_make_object(&fixture, media_fixture_pending_key(user, id));
        media_fixture_complete(&fixture, user, id, QN_FAILED_PRECONDITION, announced[i].reason);
        assert_int_equal(rows_of(id), 0);
        expect_nothing_of(id);
    }
}

static void test_an_object_that_has_gone(void **state)
{
    (void)state;
    const Quintet__Media__V1__CreateUploadResponse *upload = media_fixture_upload(&fixture, user);
    media_fixture_remove_object(&fixture, media_fixture_pending_key(user, upload->upload_id));
    media_fixture_complete(&fixture, user, upload->upload_id, QN_FAILED_PRECONDITION, "NOT_UPLOADED");
    assert_int_equal(media_fixture_put(upload, media_fixture_picture("image/png", MEDIA_FIXTURE_PICTURE_MIN)),
                     200);
    media_fixture_complete(&fixture, user, upload->upload_id, QN_OK, NULL);
}

static void test_six_and_no_more(void **state)
{
    (void)state;
    const Quintet__Media__V1__CreateUploadResponse *uploads[6];
    const char *first = NULL;
    /* Seven places at once are not given out ... */
    for (size_t i = 0; i < 6; i++)
        uploads[i] = media_fixture_create(&fixture, user, "image/png", 100);
    Quintet__Media__V1__CreateUploadRequest in = QUINTET__MEDIA__V1__CREATE_UPLOAD_REQUEST__INIT;
    in.content_type = (char *)"image/png";
    in.size_bytes = 100;
    media_fixture_ask(&fixture, &quintet_media_v1_media_service_create_upload, &in, user,
                      QN_RESOURCE_EXHAUSTED, "TOO_MANY_PHOTOS");
    /* ... one of them is completed, and its place is taken by a seventh: six may be pending beside it. */
    assert_int_equal(media_fixture_put(uploads[0], media_fixture_picture("image/png", 100)), 200);
    first = media_fixture_complete(&fixture, user, uploads[0]->upload_id, QN_OK, NULL)->id;
    const Quintet__Media__V1__CreateUploadResponse *seventh =
        media_fixture_create(&fixture, user, "image/png", 100);
    for (size_t i = 1; i < 6; i++) {
        assert_int_equal(media_fixture_put(uploads[i], media_fixture_picture("image/png", 100)), 200);
        media_fixture_complete(&fixture, user, uploads[i]->upload_id, QN_OK, NULL);
    }
    assert_int_equal(media_fixture_put(seventh, media_fixture_picture("image/png", 100)), 200);
    media_fixture_complete(&fixture, user, seventh->upload_id, QN_RESOURCE_EXHAUSTED, "TOO_MANY_PHOTOS");
    media_fixture_ask(&fixture, &quintet_media_v1_media_service_create_upload, &in, user,
                      QN_RESOURCE_EXHAUSTED, "TOO_MANY_PHOTOS");
    assert_int_equal(media_fixture_list(&fixture, user)->n_photos, 6);
    /* What was refused for its number may be completed once there is room. */
    media_fixture_delete(&fixture, user, first, QN_OK, NULL);
    media_fixture_complete(&fixture, user, seventh->upload_id, QN_OK, NULL);
    assert_int_equal(media_fixture_list(&fixture, user)->n_photos, 6);
}

static void expect_order(const char *const *ids, size_t n)
{
    const Quintet__Media__V1__ListPhotosResponse *list = media_fixture_list(&fixture, user);
    assert_int_equal(list->n_photos, n);
    for (size_t i = 0; i < n; i++) {
        assert_string_equal(list->photos[i]->id, ids[i]);
        assert_int_equal(list->photos[i]->main, i == 0);
    }
}

static void test_the_main_photo(void **state)
{
    (void)state;
    const char *a = media_fixture_add(&fixture, user, "image/png", 100)->id;
    const char *b = media_fixture_add(&fixture, user, "image/png", 100)->id;
    const char *c = media_fixture_add(&fixture, user, "image/png", 100)->id;
    expect_order((const char *const[]){a, b, c}, 3);
    assert_true(media_fixture_set_main(&fixture, user, c, QN_OK, NULL)->main);
    expect_order((const char *const[]){c, a, b}, 3);
    assert_true(media_fixture_set_main(&fixture, user, c, QN_OK, NULL)->main);
    expect_order((const char *const[]){c, a, b}, 3);
    media_fixture_delete(&fixture, user, c, QN_OK, NULL);
    expect_order((const char *const[]){a, b}, 2);
    media_fixture_delete(&fixture, user, b, QN_OK, NULL);
    expect_order((const char *const[]){a}, 1);
    /* A pending one cannot be the main one. */
    const char *pending = media_fixture_create(&fixture, user, "image/png", 100)->upload_id;
    media_fixture_set_main(&fixture, user, pending, QN_NOT_FOUND, "PHOTO_NOT_FOUND");
    expect_order((const char *const[]){a}, 1);
}

static void reorder(const char *const *ids, size_t n, enum qn_status status, const char *reason)
{
    Quintet__Media__V1__ReorderPhotosRequest in = QUINTET__MEDIA__V1__REORDER_PHOTOS_REQUEST__INIT;
    in.photo_ids = (char **)ids;
    in.n_photo_ids = n;
    const Quintet__Media__V1__ReorderPhotosResponse *out = media_fixture_ask(
        &fixture, &quintet_media_v1_media_service_reorder_photos, &in, user, status, reason);
    if (!out)
        return;
    assert_int_equal(out->n_photos, n);
    for (size_t i = 0; i < n; i++)
        assert_string_equal(out->photos[i]->id, ids[i]);
}

static void test_the_order(void **state)
{
    (void)state;
    const char *a = media_fixture_add(&fixture, user, "image/png", 100)->id;
    const char *b = media_fixture_add(&fixture, user, "image/png", 100)->id;
    const char *c = media_fixture_add(&fixture, user, "image/png", 100)->id;
    reorder((const char *const[]){c, a, b}, 3, QN_OK, NULL);
    expect_order((const char *const[]){c, a, b}, 3);
    reorder((const char *const[]){c, a, b}, 3, QN_OK, NULL);
    /* Not all of them, or others: somebody else's screen, or this user's in another window. */
    const char *pending = media_fixture_create(&fixture, user, "image/png", 100)->upload_id;
    reorder((const char *const[]){a, b}, 2, QN_FAILED_PRECONDITION, "PHOTOS_CHANGED");
    reorder((const char *const[]){a, b, c, pending}, 4, QN_FAILED_PRECONDITION, "PHOTOS_CHANGED");
    reorder((const char *const[]){a, b, a}, 3, QN_INVALID_ARGUMENT, NULL);
    reorder((const char *const[]){a, b, "../c"}, 3, QN_INVALID_ARGUMENT, NULL);
    reorder((const char *const[]){a, b, c, a, b, c, a}, 7, QN_INVALID_ARGUMENT, NULL);
    expect_order((const char *const[]){c, a, b}, 3);
    /* A new one comes last, and one that goes leaves the others as they were. */
    const char *d = media_fixture_add(&fixture, user, "image/png", 100)->id;
    media_fixture_delete(&fixture, user, a, QN_OK, NULL);
    expect_order((const char *const[]){c, b, d}, 3);
}

static const Quintet__Media__V1__ListProfilePhotosResponse *
list_profiles(const char *const *ids, size_t n, const char *as, enum qn_status status)
{
    Quintet__Media__V1__ListProfilePhotosRequest in = QUINTET__MEDIA__V1__LIST_PROFILE_PHOTOS_REQUEST__INIT;
    in.user_ids = (char **)ids;
    in.n_user_ids = n;
    return media_fixture_ask(&fixture, &quintet_media_v1_media_service_list_profile_photos, &in, as, status,
                             NULL);
}

/* A page of other people: the main photo of each whose profile is complete, and nothing of anybody else. */
static void test_photos_of_others(void **state)
{
    (void)state;
    const char *ada = media_fixture_user(&fixture), *bob = media_fixture_user(&fixture);
    const char *incomplete = media_fixture_user(&fixture), *bare = media_fixture_user(&fixture);
    media_fixture_complete_profile(&fixture, ada);
    media_fixture_complete_profile(&fixture, bob);
    media_fixture_complete_profile(&fixture, bare);
    media_fixture_add(&fixture, ada, "image/png", 100);
    const Quintet__Media__V1__Photo *main = media_fixture_add(&fixture, ada, "image/png", 100);
    media_fixture_set_main(&fixture, ada, main->id, QN_OK, NULL);
    const Quintet__Media__V1__Photo *of_bob = media_fixture_add(&fixture, bob, "image/png", 100);
    media_fixture_add(&fixture, incomplete, "image/png", 100);
    const char *const ids[] = {ada, bob, incomplete, bare, "nobody"};
    const Quintet__Media__V1__ListProfilePhotosResponse *list = list_profiles(ids, 5, user, QN_OK);
    assert_int_equal(list->n_photos, 2);
    for (size_t i = 0; i < 2; i++) {
        const Quintet__Media__V1__ProfilePhoto *photo = list->photos[i];
        const Quintet__Media__V1__Photo *own = strcmp(photo->user_id, ada) == 0 ? main : of_bob;
        assert_string_equal(photo->user_id, own == main ? ada : bob);
        assert_string_equal(photo->url, own->url);
        assert_string_equal(photo->small_url, own->small_url);
        assert_string_equal(photo->blur_data_url, own->blur_data_url);
        assert_int_equal(photo->width, own->width);
        assert_int_equal(photo->height, own->height);
        assert_int_equal(media_fixture_get(photo->small_url), 200);
    }
    assert_string_not_equal(list->photos[0]->user_id, list->photos[1]->user_id);
    list_profiles(ids, 5, NULL, QN_UNAUTHENTICATED);
    const char *many[51];
    for (size_t i = 0; i < 51; i++)
        many[i] = ada;
    list_profiles(many, 51, user, QN_INVALID_ARGUMENT);
    assert_int_equal(list_profiles(many, 50, user, QN_OK)->n_photos, 1);
    assert_int_equal(list_profiles(many, 0, user, QN_OK)->n_photos, 0);
}

/* What next.config is told fits what photos are read from; nobody needs to be signed in for it. */
static void test_image_patterns(void **state)
{
    (void)state;
    Quintet__Media__V1__GetImagePatternsRequest in = QUINTET__MEDIA__V1__GET_IMAGE_PATTERNS_REQUEST__INIT;
    const Quintet__Media__V1__GetImagePatternsResponse *out = media_fixture_ask(
        &fixture, &quintet_media_v1_media_service_get_image_patterns, &in, NULL, QN_OK, NULL);
    assert_int_equal(out->n_patterns, 1);
    const Quintet__Media__V1__ImagePattern *pattern = out->patterns[0];
    struct qn_str path = qn_str_c(pattern->pathname);
    assert_true(qn_str_ends(path, QN_STR("/**")));
    const char *front = harness_text("%s://%s%s%s%.*s", pattern->protocol, pattern->hostname,
                                     pattern->port[0] ? ":" : "", pattern->port, (int)path.len - 2, path.ptr);
    const Quintet__Media__V1__Photo *photo = media_fixture_add(&fixture, user, "image/png", 100);
    assert_true(qn_str_starts(qn_str_c(photo->url), qn_str_c(front)));
    assert_true(qn_str_starts(qn_str_c(photo->small_url), qn_str_c(front)));
}

/* The same picture has the same URL, or no cache would ever have it. */
static void test_urls_stay(void **state)
{
    (void)state;
    const Quintet__Media__V1__Photo *photo = media_fixture_add(&fixture, user, "image/png", 100);
    const Quintet__Media__V1__ListPhotosResponse *list = media_fixture_list(&fixture, user);
    assert_string_equal(list->photos[0]->url, photo->url);
    assert_string_equal(list->photos[0]->small_url, photo->small_url);
}

static void test_deleting_leaves_nothing(void **state)
{
    (void)state;
    const Quintet__Media__V1__Photo *photo = media_fixture_add(&fixture, user, "image/png", 100);
    assert_int_equal(media_fixture_get(photo->url), 200);
    media_fixture_delete(&fixture, user, photo->id, QN_OK, NULL);
    assert_int_equal(rows_of(photo->id), 0);
    expect_nothing_of(photo->id);
    assert_int_equal(media_fixture_get(photo->url), 404);
    assert_int_equal(media_fixture_get(photo->small_url), 404);
    media_fixture_delete(&fixture, user, photo->id, QN_NOT_FOUND, "PHOTO_NOT_FOUND");
    media_fixture_complete(&fixture, user, photo->id, QN_NOT_FOUND, "UPLOAD_NOT_FOUND");
}

/* An upload that its owner thinks better of. */
static void test_deleting_a_pending_one(void **state)
{
    (void)state;
    const Quintet__Media__V1__CreateUploadResponse *upload =
        media_fixture_create(&fixture, user, "image/png", 100);
    assert_int_equal(media_fixture_put(upload, media_fixture_picture("image/png", 100)), 200);
    media_fixture_delete(&fixture, user, upload->upload_id, QN_OK, NULL);
    assert_int_equal(rows_of(upload->upload_id), 0);
    expect_nothing_of(upload->upload_id);
    media_fixture_complete(&fixture, user, upload->upload_id, QN_NOT_FOUND, "UPLOAD_NOT_FOUND");
}

/* Objects that somebody has removed by hand do not keep a photo from being deleted. */
static void test_deleting_what_has_lost_its_object(void **state)
{
    (void)state;
    const Quintet__Media__V1__Photo *photo = media_fixture_add(&fixture, user, "image/png", 100);
    media_fixture_remove_object(&fixture, media_fixture_public_key(&fixture, photo->id));
    assert_int_equal(media_fixture_get(photo->url), 404);
    media_fixture_delete(&fixture, user, photo->id, QN_OK, NULL);
    assert_int_equal(rows_of(photo->id), 0);
}

/* Calls for one photo that cross each other: whatever their order, all agree with what is there afterwards.
 */
static void test_calls_that_cross(void **state)
{
    (void)state;
    for (int round = 0; round < 20; round++) {
        const Quintet__Media__V1__CreateUploadResponse *upload =
            media_fixture_create(&fixture, user, "image/png", 100);
        assert_int_equal(media_fixture_put(upload, media_fixture_picture("image/png", 100)), 200);
        Quintet__Media__V1__CompleteUploadRequest complete =
            QUINTET__MEDIA__V1__COMPLETE_UPLOAD_REQUEST__INIT;
        complete.upload_id = upload->upload_id;
        Quintet__Media__V1__DeletePhotoRequest gone = QUINTET__MEDIA__V1__DELETE_PHOTO_REQUEST__INIT;
        gone.photo_id = upload->upload_id;
        struct media_fixture_call calls[] = {
            {&quintet_media_v1_media_service_complete_upload, &complete, QN_UNKNOWN},
            {&quintet_media_v1_media_service_complete_upload, &complete, QN_UNKNOWN},
            {&quintet_media_v1_media_service_delete_photo, &gone, QN_UNKNOWN},
            {&quintet_media_v1_media_service_complete_upload, &complete, QN_UNKNOWN},
            {&quintet_media_v1_media_service_delete_photo, &gone, QN_UNKNOWN},
        };
        /* Without the deletions in every other round. */
        size_t n = round % 2 ? 5 : 2;
        media_fixture_ask_at_once(&fixture, calls, n, user);
        size_t completed = 0, deleted = 0;
        for (size_t i = 0; i < n; i++) {
            assert_true(calls[i].status == QN_OK || (n == 5 && calls[i].status == QN_NOT_FOUND));
            completed += calls[i].status == QN_OK && calls[i].in == &complete;
            deleted += calls[i].status == QN_OK && calls[i].in == &gone;
        }
        assert_int_equal(deleted, n == 5);
        assert_true(n == 5 || completed == 2);
        bool there = n == 2;
        assert_int_equal(rows_of(upload->upload_id), there);
        if (there) {
            assert_true(media_fixture_has(&fixture, media_fixture_public_key(&fixture, upload->upload_id)));
            media_fixture_delete(&fixture, user, upload->upload_id, QN_OK, NULL);
        }
        expect_nothing_of(upload->upload_id);
    }
}

static void test_metrics_tell(void **state)
{
    (void)state;
    static const char completed[] = "quintet_media_uploads_total{outcome=\"completed\"}";
    double before = harness_service_metric(fixture.media, completed);
    media_fixture_add(&fixture, user, "image/png", 100);
    assert_true(harness_service_metric(fixture.media, completed) == before + 1);
    assert_true(harness_service_metric(fixture.media,
                                       "quintet_media_uploads_total{outcome=\"not_a_picture\"}") >= 17);
}

/* Profile away: a typed answer, nothing half done, and the same call goes well once profile is back. */
static void test_profile_away(void **state)
{
    (void)state;
    const Quintet__Media__V1__CreateUploadResponse *upload =
        media_fixture_create(&fixture, user, "image/png", 100);
    assert_int_equal(media_fixture_put(upload, media_fixture_picture("image/png", 100)), 200);
    assert_int_equal(harness_service_stop(fixture.profile), 0);
    harness_service_await(fixture.media, false);
    media_fixture_complete(&fixture, user, upload->upload_id, QN_UNAVAILABLE, NULL);
    media_fixture_delete(&fixture, user, upload->upload_id, QN_UNAVAILABLE, NULL);
    assert_true(media_fixture_has(&fixture, media_fixture_pending_key(user, upload->upload_id)));
    media_fixture_start_profile(&fixture);
    harness_service_await(fixture.media, true);
    media_fixture_complete(&fixture, user, upload->upload_id, QN_OK, NULL);
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
        ONE(test_what_may_be_announced),
        ONE(test_nobody_and_somebody_who_is_gone),
        ONE(test_before_anything_was_uploaded),
        ONE(test_uploads_that_are_none),
        ONE(test_others_photos_are_out_of_reach),
        ONE(test_what_is_no_picture_of_the_declared_type),
        ONE(test_an_object_of_another_size),
        ONE(test_an_object_that_is_another),
        ONE(test_an_object_that_has_gone),
        ONE(test_six_and_no_more),
        ONE(test_the_main_photo),
        ONE(test_the_order),
        ONE(test_photos_of_others),
        ONE(test_image_patterns),
        ONE(test_urls_stay),
        ONE(test_deleting_leaves_nothing),
        ONE(test_deleting_a_pending_one),
        ONE(test_deleting_what_has_lost_its_object),
        ONE(test_calls_that_cross),
        ONE(test_metrics_tell),
        ONE(test_profile_away),
    };
    return harness_second_pass_run(tests, start, stop);
}
