#include "common/core/check.h"
#include "common/core/clock.h"
#include "tests/harness/test.h"
#include "tests/integration/photo_fixture.h"

/* PhotoStore: a photo's way from its upload on, and how many there may be. Its table is ours in every layout;
 * only the user's row, which it locks, is not. */

static void test_from_upload_to_end(void **state)
{
    (void)state;
    char *user = harness_store_user(&store, NULL);
    Quintet__Store__V1__CreatePhotoRequest *in = photo_fixture_new(user);
    in->photo->ready = in->photo->main = true; /* ignored */
    harness_store_ask(&store, CREATE_PHOTO, in, NULL);
    const Quintet__Store__V1__Photo *photo = photo_fixture_get(user, in->photo->id);
    assert_string_equal(photo->id, in->photo->id);
    assert_string_equal(photo->user_id, user);
    assert_string_equal(photo->object_key, in->photo->object_key);
    assert_string_equal(photo->content_type, "image/avif");
    assert_true(photo->size_bytes == 10485760);
    assert_true(photo->created_at_ms == in->photo->created_at_ms);
    assert_false(photo->ready);
    assert_false(photo->main);
    assert_true(photo->upload_expires_at_ms == in->upload_expires_at_ms);
    assert_string_equal(photo->small_key, "");
    assert_string_equal(photo->blur_data_url, "");
    assert_int_equal(photo->width, 0);
    assert_string_equal(photo_fixture_list(user), "");

    Quintet__Store__V1__CompletePhotoRequest *done = photo_fixture_made(user, photo->id);
    harness_store_ask(&store, COMPLETE_PHOTO, done, NULL);
    photo = photo_fixture_get(user, photo->id);
    assert_true(photo->ready);
    assert_true(photo->main);
    assert_string_equal(photo->object_key, done->object_key);
    assert_string_equal(photo->small_key, done->small_key);
    assert_string_equal(photo->content_type, "image/webp");
    assert_true(photo->size_bytes == 200000);
    assert_int_equal(photo->width, 1600);
    assert_int_equal(photo->height, 1200);
    assert_string_equal(photo->blur_data_url, done->blur_data_url);
    /* Answered as it is, however often: what another completion made of it is not taken. */
    assert_string_equal(photo_fixture_complete(user, photo->id)->object_key, done->object_key);
    assert_string_equal(photo_fixture_list(user), harness_store_text(&store, "(%s)", photo->id));

    Quintet__Store__V1__DeletePhotoRequest gone = QUINTET__STORE__V1__DELETE_PHOTO_REQUEST__INIT;
    gone.user_id = user;
    gone.photo_id = in->photo->id;
    const Quintet__Store__V1__DeletePhotoResponse *out = harness_store_ask(&store, DELETE_PHOTO, &gone, NULL);
    assert_string_equal(out->photo->object_key, done->object_key);
    harness_store_refuse(&store, DELETE_PHOTO, &gone, NULL, QN_NOT_FOUND, "PHOTO_NOT_FOUND");
    assert_string_equal(photo_fixture_list(user), "");
}

/* Another's photo is not there, for whatever is asked. */
static void test_anothers_photo(void **state)
{
    (void)state;
    char *owner = harness_store_user(&store, NULL), *other = harness_store_user(&store, NULL);
    char *photo = photo_fixture_create(owner);
    photo_fixture_complete(owner, photo);
    char *const users[] = {other, harness_store_id(&store)};
    for (size_t i = 0; i < QN_COUNT(users); i++) {
        Quintet__Store__V1__GetPhotoRequest in = QUINTET__STORE__V1__GET_PHOTO_REQUEST__INIT;
        in.user_id = users[i];
        in.photo_id = photo;
        harness_store_refuse(&store, GET_PHOTO, &in, NULL, QN_NOT_FOUND, "PHOTO_NOT_FOUND");
        Quintet__Store__V1__DeletePhotoRequest gone = QUINTET__STORE__V1__DELETE_PHOTO_REQUEST__INIT;
        gone.user_id = users[i];
        gone.photo_id = photo;
        harness_store_refuse(&store, DELETE_PHOTO, &gone, NULL, QN_NOT_FOUND, "PHOTO_NOT_FOUND");
        Quintet__Store__V1__SetMainPhotoRequest main_in = QUINTET__STORE__V1__SET_MAIN_PHOTO_REQUEST__INIT;
        main_in.user_id = users[i];
        main_in.photo_id = photo;
        harness_store_refuse(&store, SET_MAIN, &main_in, NULL, QN_NOT_FOUND, "PHOTO_NOT_FOUND");
        harness_store_refuse(&store, COMPLETE_PHOTO, photo_fixture_made(users[i], photo), NULL, QN_NOT_FOUND,
                             "PHOTO_NOT_FOUND");
        assert_string_equal(photo_fixture_list(users[i]), "");
    }
    assert_string_equal(photo_fixture_list(owner), harness_store_text(&store, "(%s)", photo));
    harness_store_refuse(&store, CREATE_PHOTO, photo_fixture_new(harness_store_id(&store)), NULL,
                         QN_NOT_FOUND, "USER_NOT_FOUND");
}

static void test_six_and_no_more(void **state)
{
    (void)state;
    char *user = harness_store_user(&store, NULL), *ids[2 * PHOTO_FIXTURE_MAX];
    for (int i = 0; i < PHOTO_FIXTURE_MAX; i++)
        ids[i] = photo_fixture_create(user);
    /* As many pending as there may be; then one expires and makes room. */
    harness_store_refuse(&store, CREATE_PHOTO, photo_fixture_new(user), NULL, QN_RESOURCE_EXHAUSTED,
                         "TOO_MANY_PHOTOS");
    harness_store_do(
        &store, "update quintet.photo set expires_at = now() - interval '1 second' where id = '%s'", ids[0]);
    ids[PHOTO_FIXTURE_MAX] = photo_fixture_create(user);
    for (int i = 0; i < PHOTO_FIXTURE_MAX; i++)
        photo_fixture_complete(user, ids[i]); /* the expired one, too: the picture may have come in time */
    /* Six are ready: the pending one cannot become the seventh, and no other is begun. */
    harness_store_refuse(&store, COMPLETE_PHOTO, photo_fixture_made(user, ids[PHOTO_FIXTURE_MAX]), NULL,
                         QN_RESOURCE_EXHAUSTED, "TOO_MANY_PHOTOS");
    harness_store_refuse(&store, CREATE_PHOTO, photo_fixture_new(user), NULL, QN_RESOURCE_EXHAUSTED,
                         "TOO_MANY_PHOTOS");
    assert_false(photo_fixture_get(user, ids[PHOTO_FIXTURE_MAX])->ready);
    /* One of the six is answered as it is. */
    assert_true(photo_fixture_complete(user, ids[0])->ready);
    Quintet__Store__V1__DeletePhotoRequest gone = QUINTET__STORE__V1__DELETE_PHOTO_REQUEST__INIT;
    gone.user_id = user;
    gone.photo_id = ids[1];
    harness_store_ask(&store, DELETE_PHOTO, &gone, NULL);
    assert_true(photo_fixture_complete(user, ids[PHOTO_FIXTURE_MAX])->ready);
}

/* Twenty uploads begun in one moment, on five connections: six. Then twenty completed in one moment: six, one
 * main. */
static void test_the_race_for_the_last_place(void **state)
{
    (void)state;
    enum { N = 20 };
    char *user = harness_store_user(&store, NULL);
    struct harness_call *calls[N];
    size_t won = 0;
    for (int i = 0; i < N; i++)
        calls[i] = harness_store_start(&store, CREATE_PHOTO, photo_fixture_new(user), NULL);
    harness_store_wait(&store);
    for (int i = 0; i < N; i++) {
        won += calls[i]->request.status == QN_OK;
        if (calls[i]->request.status != QN_OK) {
            assert_int_equal(calls[i]->request.status, QN_RESOURCE_EXHAUSTED);
            assert_str(calls[i]->request.reason, "TOO_MANY_PHOTOS");
        }
    }
    assert_int_equal(won, PHOTO_FIXTURE_MAX);

    char *ids[N], *other = harness_store_user(&store, NULL);
    for (int i = 0; i < N; i++) {
        Quintet__Store__V1__CreatePhotoRequest *in = photo_fixture_new(other);
        in->max_photos = 100;
        harness_store_ask(&store, CREATE_PHOTO, in, NULL);
        ids[i] = in->photo->id;
    }
    for (int i = 0; i < N; i++) {
        calls[i] = harness_store_start(&store, COMPLETE_PHOTO, photo_fixture_made(other, ids[i]), NULL);
    }
    harness_store_wait(&store);
    won = 0;
    for (int i = 0; i < N; i++)
        won += calls[i]->request.status == QN_OK;
    assert_int_equal(won, PHOTO_FIXTURE_MAX);
    assert_int_equal(harness_store_number(
                         &store, "select count(*) from quintet.photo where user_id = '%s' and ready", other),
                     PHOTO_FIXTURE_MAX);
    assert_int_equal(
        harness_store_number(&store, "select count(*) from quintet.photo where user_id = '%s' and is_main",
                             other),
        1);
}

/* Deleting, completing and choosing the main one, all at once: whatever comes first, in the end there is one
 * main photo if there is any, and no call fails for it. */
static void test_the_race_for_the_main_one(void **state)
{
    (void)state;
    enum { N = PHOTO_FIXTURE_MAX };
    for (int round = 0; round < 10; round++) {
        char *user = harness_store_user(&store, NULL), *ids[N];
        for (int i = 0; i < N; i++)
            ids[i] = photo_fixture_create(user);
        for (int i = 0; i < N / 2; i++)
            photo_fixture_complete(user, ids[i]);
        struct harness_call *calls[3 * N];
        size_t n = 0;
        for (int i = 0; i < N; i++) {
            calls[n++] = harness_store_start(&store, COMPLETE_PHOTO, photo_fixture_made(user, ids[i]), NULL);
            Quintet__Store__V1__SetMainPhotoRequest main_in =
                QUINTET__STORE__V1__SET_MAIN_PHOTO_REQUEST__INIT;
            main_in.user_id = user;
            main_in.photo_id = ids[(i + round) % N];
            calls[n++] = harness_store_start(&store, SET_MAIN, &main_in, NULL);
            if (i % 2 == 0) {
                Quintet__Store__V1__DeletePhotoRequest gone = QUINTET__STORE__V1__DELETE_PHOTO_REQUEST__INIT;
                gone.user_id = user;
                gone.photo_id = ids[i];
                calls[n++] = harness_store_start(&store, DELETE_PHOTO, &gone, NULL);
            }
        }
        harness_store_wait(&store);
        for (size_t i = 0; i < n; i++)
            assert_true(calls[i]->request.status == QN_OK || calls[i]->request.status == QN_NOT_FOUND);
        assert_int_equal(
            harness_store_number(&store, "select count(*) from quintet.photo where user_id = '%s'", user),
            N / 2);
        assert_int_equal(
            harness_store_number(&store,
                                 "select count(*) from quintet.photo where user_id = '%s' and is_main", user),
            1);
    }
}

static void test_what_is_not_valid(void **state)
{
    (void)state;
    Quintet__Store__V1__CreatePhotoRequest in = QUINTET__STORE__V1__CREATE_PHOTO_REQUEST__INIT;
    in.upload_expires_at_ms = INT64_MAX;
    harness_store_refuse(&store, CREATE_PHOTO, &in, NULL, QN_INVALID_ARGUMENT,
                         "photo max_photos upload_expires_at_ms");
    Quintet__Store__V1__CreatePhotoRequest *wrong = photo_fixture_new((char *)"");
    wrong->photo->id = harness_store_text(&store, "%0*d", 256, 0);
    wrong->photo->object_key = harness_store_text(&store, "%0*d", 1025, 0);
    wrong->photo->content_type = (char *)"image/gif";
    wrong->photo->size_bytes = 10485761;
    wrong->photo->created_at_ms = INT64_MIN;
    wrong->max_photos = 101;
    harness_store_refuse(&store, CREATE_PHOTO, wrong, NULL, QN_INVALID_ARGUMENT,
                         "photo.id photo.user_id photo.object_key photo.content_type photo.size_bytes"
                         " photo.created_at_ms max_photos");

    Quintet__Store__V1__CompletePhotoRequest done = QUINTET__STORE__V1__COMPLETE_PHOTO_REQUEST__INIT;
    harness_store_refuse(&store, COMPLETE_PHOTO, &done, NULL, QN_INVALID_ARGUMENT,
                         "max_photos user_id photo_id");
    done.object_key = (char *)"photos/of/it"; /* then all of the rest must be there */
    done.height = 16384;
    done.blur_data_url = harness_store_text(&store, "%0401d", 0);
    harness_store_refuse(&store, COMPLETE_PHOTO, &done, NULL, QN_INVALID_ARGUMENT,
                         "max_photos small_key content_type size_bytes width height blur_data_url user_id"
                         " photo_id");
    Quintet__Store__V1__GetPhotoRequest get_in = QUINTET__STORE__V1__GET_PHOTO_REQUEST__INIT;
    harness_store_refuse(&store, GET_PHOTO, &get_in, NULL, QN_INVALID_ARGUMENT, "user_id photo_id");
    Quintet__Store__V1__DeletePhotoRequest gone = QUINTET__STORE__V1__DELETE_PHOTO_REQUEST__INIT;
    harness_store_refuse(&store, DELETE_PHOTO, &gone, NULL, QN_INVALID_ARGUMENT, "user_id photo_id");
    Quintet__Store__V1__SetMainPhotoRequest main_in = QUINTET__STORE__V1__SET_MAIN_PHOTO_REQUEST__INIT;
    harness_store_refuse(&store, SET_MAIN, &main_in, NULL, QN_INVALID_ARGUMENT, "user_id photo_id");
    Quintet__Store__V1__ListPhotosRequest list_in = QUINTET__STORE__V1__LIST_PHOTOS_REQUEST__INIT;
    harness_store_refuse(&store, LIST_PHOTOS, &list_in, NULL, QN_INVALID_ARGUMENT, "user_id");
    Quintet__Store__V1__ReorderPhotosRequest order = QUINTET__STORE__V1__REORDER_PHOTOS_REQUEST__INIT;
    harness_store_refuse(&store, REORDER, &order, NULL, QN_INVALID_ARGUMENT, "user_id photo_ids");
    Quintet__Store__V1__ListProfilePhotosRequest people =
        QUINTET__STORE__V1__LIST_PROFILE_PHOTOS_REQUEST__INIT;
    harness_store_refuse(&store, OF_PROFILES, &people, NULL, QN_INVALID_ARGUMENT, "user_ids");
    people.user_ids = (char *[]){(char *)"somebody", (char *)""};
    people.n_user_ids = 2;
    harness_store_refuse(&store, OF_PROFILES, &people, NULL, QN_INVALID_ARGUMENT, "user_ids");
    char *crowd[101];
    for (size_t i = 0; i < QN_COUNT(crowd); i++)
        crowd[i] = (char *)"somebody";
    people.user_ids = crowd;
    people.n_user_ids = QN_COUNT(crowd);
    harness_store_refuse(&store, OF_PROFILES, &people, NULL, QN_INVALID_ARGUMENT, "user_ids");
}

/* The release before says nothing of the pictures when it completes a photo: it has copied the upload to the
 * key that it gave at the beginning. A photo that was begun by this release it cannot complete. */
static void test_completed_by_the_release_before(void **state)
{
    (void)state;
    char *user = harness_store_user(&store, NULL);
    Quintet__Store__V1__CreatePhotoRequest *in = photo_fixture_new(user);
    in->photo->object_key = harness_store_text(&store, "photos/%s", in->photo->id);
    harness_store_ask(&store, CREATE_PHOTO, in, NULL);
    Quintet__Store__V1__CompletePhotoRequest done = QUINTET__STORE__V1__COMPLETE_PHOTO_REQUEST__INIT;
    done.user_id = user;
    done.photo_id = in->photo->id;
    done.max_photos = PHOTO_FIXTURE_MAX;
    const Quintet__Store__V1__CompletePhotoResponse *out =
        harness_store_ask(&store, COMPLETE_PHOTO, &done, NULL);
    assert_true(out->photo->ready);
    assert_true(out->photo->main);
    assert_string_equal(out->photo->object_key, in->photo->object_key);
    assert_string_equal(out->photo->content_type, "image/avif");
    assert_true(out->photo->size_bytes == 10485760);
    assert_string_equal(out->photo->small_key, "");

    done.photo_id = photo_fixture_create(user);
    harness_store_refuse(&store, COMPLETE_PHOTO, &done, NULL, QN_INVALID_ARGUMENT, "");
    assert_false(photo_fixture_get(user, done.photo_id)->ready);
    assert_true(photo_fixture_complete(user, done.photo_id)->ready);
}

/* A photo's id, or its place in the store, for the second time. */
static void test_the_same_photo_twice(void **state)
{
    (void)state;
    char *user = harness_store_user(&store, NULL);
    Quintet__Store__V1__CreatePhotoRequest *in = photo_fixture_new(user);
    harness_store_ask(&store, CREATE_PHOTO, in, NULL);
    harness_store_refuse(&store, CREATE_PHOTO, in, NULL, QN_ALREADY_EXISTS, NULL);
    Quintet__Store__V1__CreatePhotoRequest *same_place = photo_fixture_new(user);
    same_place->photo->object_key = in->photo->object_key;
    harness_store_refuse(&store, CREATE_PHOTO, same_place, NULL, QN_ALREADY_EXISTS, NULL);
    Quintet__Store__V1__CompletePhotoRequest *done = photo_fixture_made(user, in->photo->id);
    harness_store_ask(&store, COMPLETE_PHOTO, done, NULL);
    Quintet__Store__V1__CompletePhotoRequest *another = photo_fixture_made(user, photo_fixture_create(user));
    another->object_key = done->object_key;
    harness_store_refuse(&store, COMPLETE_PHOTO, another, NULL, QN_ALREADY_EXISTS, NULL);
    assert_false(photo_fixture_get(user, another->photo_id)->ready);
}

HARNESS_STORE_SETUPS()

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_from_upload_to_end),
        cmocka_unit_test(test_anothers_photo),
        cmocka_unit_test(test_six_and_no_more),
        cmocka_unit_test(test_the_race_for_the_last_place),
        cmocka_unit_test(test_the_race_for_the_main_one),
        cmocka_unit_test(test_completed_by_the_release_before),
        cmocka_unit_test(test_what_is_not_valid),
        cmocka_unit_test(test_the_same_photo_twice),
    };
    return HARNESS_STORE_RUN(tests);
}
