#include "common/core/check.h"
#include "common/core/clock.h"
#include "store.qn.h"
#include "tests/harness/store.h"
#include "tests/harness/test.h"

/* PhotoStore. Its table is ours in every layout; only the user's row, which it locks, is not. */

static struct harness_store store;

#define CREATE_PHOTO   &quintet_store_v1_photo_store_create_photo
#define GET_PHOTO      &quintet_store_v1_photo_store_get_photo
#define COMPLETE_PHOTO &quintet_store_v1_photo_store_complete_photo
#define LIST_PHOTOS    &quintet_store_v1_photo_store_list_photos
#define DELETE_PHOTO   &quintet_store_v1_photo_store_delete_photo
#define SET_MAIN       &quintet_store_v1_photo_store_set_main_photo
#define REORDER        &quintet_store_v1_photo_store_reorder_photos
#define OF_PROFILES    &quintet_store_v1_photo_store_list_profile_photos

enum { MAX = 6 };

static Quintet__Store__V1__CreatePhotoRequest *new_photo(char *user_id)
{
    Quintet__Store__V1__CreatePhotoRequest *in =
        qn_arena_new(&store.arena, Quintet__Store__V1__CreatePhotoRequest);
    quintet__store__v1__create_photo_request__init(in);
    in->photo = qn_arena_new(&store.arena, Quintet__Store__V1__Photo);
    quintet__store__v1__photo__init(in->photo);
    in->photo->id = harness_store_id(&store);
    in->photo->user_id = user_id;
    in->photo->object_key = harness_store_text(&store, "pending/%s/%s", user_id, in->photo->id);
    in->photo->content_type = (char *)"image/avif";
    in->photo->size_bytes = 10485760;
    in->photo->created_at_ms = qn_clock_wall_ms();
    in->max_photos = MAX;
    in->upload_expires_at_ms = in->photo->created_at_ms + 600000;
    return in;
}

static char *create(char *user_id)
{
    Quintet__Store__V1__CreatePhotoRequest *in = new_photo(user_id);
    harness_store_ask(&store, CREATE_PHOTO, in, NULL);
    return in->photo->id;
}

static const Quintet__Store__V1__Photo *get(char *user_id, char *photo_id)
{
    Quintet__Store__V1__GetPhotoRequest in = QUINTET__STORE__V1__GET_PHOTO_REQUEST__INIT;
    in.user_id = user_id;
    in.photo_id = photo_id;
    const Quintet__Store__V1__GetPhotoResponse *out = harness_store_ask(&store, GET_PHOTO, &in, NULL);
    return out->photo;
}

/* With a picture of its own each time. */
static Quintet__Store__V1__CompletePhotoRequest *made(char *user_id, char *photo_id)
{
    Quintet__Store__V1__CompletePhotoRequest *in =
        qn_arena_new(&store.arena, Quintet__Store__V1__CompletePhotoRequest);
    quintet__store__v1__complete_photo_request__init(in);
    in->user_id = user_id;
    in->photo_id = photo_id;
    in->max_photos = MAX;
    in->object_key = harness_store_text(&store, "photos/%s/%s.webp", photo_id, harness_store_id(&store));
    in->small_key = harness_store_text(&store, "photos/%s/%s.webp", photo_id, harness_store_id(&store));
    in->content_type = (char *)"image/webp";
    in->size_bytes = 200000;
    in->width = 1600;
    in->height = 1200;
    in->blur_data_url = (char *)"data:image/webp;base64,UklGRg==";
    return in;
}

static const Quintet__Store__V1__Photo *complete(char *user_id, char *photo_id)
{
    const Quintet__Store__V1__CompletePhotoResponse *out =
        harness_store_ask(&store, COMPLETE_PHOTO, made(user_id, photo_id), NULL);
    return out->photo;
}

/* A ready one. */
static char *add(char *user_id)
{
    char *id = create(user_id);
    complete(user_id, id);
    return id;
}

/* The ids of photos, in parentheses those that are main: "(a) b c". */
static const char *ids_of(Quintet__Store__V1__Photo *const *photos, size_t n)
{
    const char *text = "";
    for (size_t i = 0; i < n; i++) {
        assert_true(photos[i]->ready);
        text = harness_store_text(&store, photos[i]->main ? "%s%s(%s)" : "%s%s%s", text, i > 0 ? " " : "",
                                  photos[i]->id);
    }
    return text;
}

static const char *list(char *user_id)
{
    Quintet__Store__V1__ListPhotosRequest in = QUINTET__STORE__V1__LIST_PHOTOS_REQUEST__INIT;
    in.user_id = user_id;
    const Quintet__Store__V1__ListPhotosResponse *out = harness_store_ask(&store, LIST_PHOTOS, &in, NULL);
    return ids_of(out->photos, out->n_photos);
}

static void test_from_upload_to_end(void **state)
{
    (void)state;
    char *user = harness_store_user(&store, NULL);
    Quintet__Store__V1__CreatePhotoRequest *in = new_photo(user);
    in->photo->ready = in->photo->main = true; /* ignored */
    harness_store_ask(&store, CREATE_PHOTO, in, NULL);
    const Quintet__Store__V1__Photo *photo = get(user, in->photo->id);
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
    assert_string_equal(list(user), "");

    Quintet__Store__V1__CompletePhotoRequest *done = made(user, photo->id);
    harness_store_ask(&store, COMPLETE_PHOTO, done, NULL);
    photo = get(user, photo->id);
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
    assert_string_equal(complete(user, photo->id)->object_key, done->object_key);
    assert_string_equal(list(user), harness_store_text(&store, "(%s)", photo->id));

    Quintet__Store__V1__DeletePhotoRequest gone = QUINTET__STORE__V1__DELETE_PHOTO_REQUEST__INIT;
    gone.user_id = user;
    gone.photo_id = in->photo->id;
    const Quintet__Store__V1__DeletePhotoResponse *out = harness_store_ask(&store, DELETE_PHOTO, &gone, NULL);
    assert_string_equal(out->photo->object_key, done->object_key);
    harness_store_refuse(&store, DELETE_PHOTO, &gone, NULL, QN_NOT_FOUND, "PHOTO_NOT_FOUND");
    assert_string_equal(list(user), "");
}

/* Main first, the others in the order in which they became ready. */
static void test_main_and_its_heirs(void **state)
{
    (void)state;
    char *user = harness_store_user(&store, NULL), *ids[4];
    for (int i = 0; i < 4; i++) {
        Quintet__Store__V1__CreatePhotoRequest *in = new_photo(user);
        in->photo->created_at_ms = 1795407356000 + i;
        harness_store_ask(&store, CREATE_PHOTO, in, NULL);
        ids[i] = in->photo->id;
    }
    complete(user, ids[2]); /* the first that is ready, not the first that was begun */
    complete(user, ids[1]);
    complete(user, ids[0]);
    assert_string_equal(list(user), harness_store_text(&store, "(%s) %s %s", ids[2], ids[1], ids[0]));

    Quintet__Store__V1__SetMainPhotoRequest main_in = QUINTET__STORE__V1__SET_MAIN_PHOTO_REQUEST__INIT;
    main_in.user_id = user;
    main_in.photo_id = ids[1];
    const Quintet__Store__V1__SetMainPhotoResponse *out = harness_store_ask(&store, SET_MAIN, &main_in, NULL);
    assert_true(out->photo->main);
    assert_string_equal(list(user), harness_store_text(&store, "(%s) %s %s", ids[1], ids[2], ids[0]));
    harness_store_ask(&store, SET_MAIN, &main_in, NULL); /* idempotent */
    assert_string_equal(list(user), harness_store_text(&store, "(%s) %s %s", ids[1], ids[2], ids[0]));

    /* A pending one cannot be it, and trying changes nothing. */
    main_in.photo_id = ids[3];
    harness_store_refuse(&store, SET_MAIN, &main_in, NULL, QN_NOT_FOUND, "PHOTO_NOT_FOUND");
    assert_string_equal(list(user), harness_store_text(&store, "(%s) %s %s", ids[1], ids[2], ids[0]));

    Quintet__Store__V1__DeletePhotoRequest gone = QUINTET__STORE__V1__DELETE_PHOTO_REQUEST__INIT;
    gone.user_id = user;
    gone.photo_id = ids[1];
    harness_store_ask(&store, DELETE_PHOTO, &gone, NULL);
    assert_string_equal(list(user), harness_store_text(&store, "(%s) %s", ids[2], ids[0]));
    gone.photo_id = ids[0]; /* not the main one: it stays */
    harness_store_ask(&store, DELETE_PHOTO, &gone, NULL);
    assert_string_equal(list(user), harness_store_text(&store, "(%s)", ids[2]));
    gone.photo_id = ids[2]; /* only a pending one is left, and does not inherit */
    harness_store_ask(&store, DELETE_PHOTO, &gone, NULL);
    assert_string_equal(list(user), "");
    assert_false(get(user, ids[3])->main);
    assert_true(complete(user, ids[3])->main);
}

/* Another's photo is not there, for whatever is asked. */
static void test_anothers_photo(void **state)
{
    (void)state;
    char *owner = harness_store_user(&store, NULL), *other = harness_store_user(&store, NULL);
    char *photo = create(owner);
    complete(owner, photo);
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
        harness_store_refuse(&store, COMPLETE_PHOTO, made(users[i], photo), NULL, QN_NOT_FOUND,
                             "PHOTO_NOT_FOUND");
        assert_string_equal(list(users[i]), "");
    }
    assert_string_equal(list(owner), harness_store_text(&store, "(%s)", photo));
    harness_store_refuse(&store, CREATE_PHOTO, new_photo(harness_store_id(&store)), NULL, QN_NOT_FOUND,
                         "USER_NOT_FOUND");
}

static void test_six_and_no_more(void **state)
{
    (void)state;
    char *user = harness_store_user(&store, NULL), *ids[2 * MAX];
    for (int i = 0; i < MAX; i++)
        ids[i] = create(user);
    /* As many pending as there may be; then one expires and makes room. */
    harness_store_refuse(&store, CREATE_PHOTO, new_photo(user), NULL, QN_RESOURCE_EXHAUSTED,
                         "TOO_MANY_PHOTOS");
    harness_store_do(
        &store, "update quintet.photo set expires_at = now() - interval '1 second' where id = '%s'", ids[0]);
    ids[MAX] = create(user);
    for (int i = 0; i < MAX; i++)
        complete(user, ids[i]); /* the expired one, too: the picture may have come in time */
    /* Six are ready: the pending one cannot become the seventh, and no other is begun. */
    harness_store_refuse(&store, COMPLETE_PHOTO, made(user, ids[MAX]), NULL, QN_RESOURCE_EXHAUSTED,
                         "TOO_MANY_PHOTOS");
    harness_store_refuse(&store, CREATE_PHOTO, new_photo(user), NULL, QN_RESOURCE_EXHAUSTED,
                         "TOO_MANY_PHOTOS");
    assert_false(get(user, ids[MAX])->ready);
    /* One of the six is answered as it is. */
    assert_true(complete(user, ids[0])->ready);
    Quintet__Store__V1__DeletePhotoRequest gone = QUINTET__STORE__V1__DELETE_PHOTO_REQUEST__INIT;
    gone.user_id = user;
    gone.photo_id = ids[1];
    harness_store_ask(&store, DELETE_PHOTO, &gone, NULL);
    assert_true(complete(user, ids[MAX])->ready);
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
        calls[i] = harness_store_start(&store, CREATE_PHOTO, new_photo(user), NULL);
    harness_store_wait(&store);
    for (int i = 0; i < N; i++) {
        won += calls[i]->request.status == QN_OK;
        if (calls[i]->request.status != QN_OK) {
            assert_int_equal(calls[i]->request.status, QN_RESOURCE_EXHAUSTED);
            assert_str(calls[i]->request.reason, "TOO_MANY_PHOTOS");
        }
    }
    assert_int_equal(won, MAX);

    char *ids[N], *other = harness_store_user(&store, NULL);
    for (int i = 0; i < N; i++) {
        Quintet__Store__V1__CreatePhotoRequest *in = new_photo(other);
        in->max_photos = 100;
        harness_store_ask(&store, CREATE_PHOTO, in, NULL);
        ids[i] = in->photo->id;
    }
    for (int i = 0; i < N; i++) {
        calls[i] = harness_store_start(&store, COMPLETE_PHOTO, made(other, ids[i]), NULL);
    }
    harness_store_wait(&store);
    won = 0;
    for (int i = 0; i < N; i++)
        won += calls[i]->request.status == QN_OK;
    assert_int_equal(won, MAX);
    assert_int_equal(harness_store_number(
                         &store, "select count(*) from quintet.photo where user_id = '%s' and ready", other),
                     MAX);
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
    enum { N = MAX };
    for (int round = 0; round < 10; round++) {
        char *user = harness_store_user(&store, NULL), *ids[N];
        for (int i = 0; i < N; i++)
            ids[i] = create(user);
        for (int i = 0; i < N / 2; i++)
            complete(user, ids[i]);
        struct harness_call *calls[3 * N];
        size_t n = 0;
        for (int i = 0; i < N; i++) {
            calls[n++] = harness_store_start(&store, COMPLETE_PHOTO, made(user, ids[i]), NULL);
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
    Quintet__Store__V1__CreatePhotoRequest *wrong = new_photo((char *)"");
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
    Quintet__Store__V1__CreatePhotoRequest *in = new_photo(user);
    in->photo->object_key = harness_store_text(&store, "photos/%s", in->photo->id);
    harness_store_ask(&store, CREATE_PHOTO, in, NULL);
    Quintet__Store__V1__CompletePhotoRequest done = QUINTET__STORE__V1__COMPLETE_PHOTO_REQUEST__INIT;
    done.user_id = user;
    done.photo_id = in->photo->id;
    done.max_photos = MAX;
    const Quintet__Store__V1__CompletePhotoResponse *out =
        harness_store_ask(&store, COMPLETE_PHOTO, &done, NULL);
    assert_true(out->photo->ready);
    assert_true(out->photo->main);
    assert_string_equal(out->photo->object_key, in->photo->object_key);
    assert_string_equal(out->photo->content_type, "image/avif");
    assert_true(out->photo->size_bytes == 10485760);
    assert_string_equal(out->photo->small_key, "");

    done.photo_id = create(user);
    harness_store_refuse(&store, COMPLETE_PHOTO, &done, NULL, QN_INVALID_ARGUMENT, "");
    assert_false(get(user, done.photo_id)->ready);
    assert_true(complete(user, done.photo_id)->ready);
}

static const char *reorder(char *user_id, char **photo_ids, size_t n)
{
    Quintet__Store__V1__ReorderPhotosRequest in = QUINTET__STORE__V1__REORDER_PHOTOS_REQUEST__INIT;
    in.user_id = user_id;
    in.photo_ids = photo_ids;
    in.n_photo_ids = n;
    const Quintet__Store__V1__ReorderPhotosResponse *out = harness_store_ask(&store, REORDER, &in, NULL);
    return ids_of(out->photos, out->n_photos);
}
#define ORDER(...) (char *[]){__VA_ARGS__}, QN_COUNT(((char *[]){__VA_ARGS__}))

static void refuse_order(char *user_id, char **photo_ids, size_t n)
{
    Quintet__Store__V1__ReorderPhotosRequest in = QUINTET__STORE__V1__REORDER_PHOTOS_REQUEST__INIT;
    in.user_id = user_id;
    in.photo_ids = photo_ids;
    in.n_photo_ids = n;
    harness_store_refuse(&store, REORDER, &in, NULL, QN_FAILED_PRECONDITION, "PHOTOS_CHANGED");
}

/* The first becomes main; later ones are put behind, and the next inherits. */
static void test_their_order(void **state)
{
    (void)state;
    char *user = harness_store_user(&store, NULL);
    char *a = add(user), *b = add(user), *c = add(user);
    assert_string_equal(list(user), harness_store_text(&store, "(%s) %s %s", a, b, c));
    assert_string_equal(reorder(user, ORDER(c, a, b)), harness_store_text(&store, "(%s) %s %s", c, a, b));
    assert_string_equal(list(user), harness_store_text(&store, "(%s) %s %s", c, a, b));
    assert_string_equal(reorder(user, ORDER(c, a, b)), harness_store_text(&store, "(%s) %s %s", c, a, b));
    assert_string_equal(reorder(user, ORDER(c, b, a)), harness_store_text(&store, "(%s) %s %s", c, b, a));
    char *d = add(user);
    assert_string_equal(list(user), harness_store_text(&store, "(%s) %s %s %s", c, b, a, d));

    /* As a browse page and the owner's profile have them. */
    Quintet__Store__V1__DeletePhotoRequest gone = QUINTET__STORE__V1__DELETE_PHOTO_REQUEST__INIT;
    gone.user_id = user;
    gone.photo_id = c;
    harness_store_ask(&store, DELETE_PHOTO, &gone, NULL);
    assert_string_equal(list(user), harness_store_text(&store, "(%s) %s %s", b, a, d));
    Quintet__Store__V1__SetMainPhotoRequest main_in = QUINTET__STORE__V1__SET_MAIN_PHOTO_REQUEST__INIT;
    main_in.user_id = user;
    main_in.photo_id = d;
    harness_store_ask(&store, SET_MAIN, &main_in, NULL);
    assert_string_equal(list(user), harness_store_text(&store, "(%s) %s %s", d, b, a));
    /* One alone. */
    char *single = harness_store_user(&store, NULL), *only = add(single);
    assert_string_equal(reorder(single, ORDER(only)), harness_store_text(&store, "(%s)", only));
}

/* Whatever is not exactly the user's ready photos changes nothing, not even the main one. */
static void test_an_order_of_other_photos(void **state)
{
    (void)state;
    char *user = harness_store_user(&store, NULL), *other = harness_store_user(&store, NULL);
    char *a = add(user), *b = add(user), *c = add(user), *pending = create(user), *foreign = add(other);
    const char *before = list(user);
    refuse_order(user, ORDER(c, b));
    refuse_order(user, ORDER(c));
    refuse_order(user, ORDER(c, b, a, pending));
    refuse_order(user, ORDER(c, b, pending));
    refuse_order(user, ORDER(c, b, foreign));
    refuse_order(user, ORDER(foreign, c, b, a));
    refuse_order(user, ORDER(c, b, b));
    refuse_order(user, ORDER(c, c, b, a));
    refuse_order(user, ORDER(c, b, harness_store_id(&store)));
    assert_string_equal(list(user), before);
    refuse_order(other, ORDER(a, b, c));
    assert_string_equal(list(other), harness_store_text(&store, "(%s)", foreign));
    refuse_order(harness_store_id(&store), ORDER(a, b, c));
    refuse_order(harness_store_user(&store, NULL), ORDER(a));
    assert_string_equal(list(user), before);
}

/* Orders and choices of the main one, all at once: one of them is the last, and no row is lost or doubled. */
static void test_the_race_for_the_order(void **state)
{
    (void)state;
    enum { N = 3, ROUNDS = 10 };
    char *user = harness_store_user(&store, NULL);
    char *ids[N] = {add(user), add(user), add(user)};
    for (int round = 0; round < ROUNDS; round++) {
        struct harness_call *calls[2 * N];
        for (int i = 0; i < N; i++) {
            Quintet__Store__V1__ReorderPhotosRequest in = QUINTET__STORE__V1__REORDER_PHOTOS_REQUEST__INIT;
            in.user_id = user;
            in.photo_ids = (char *[]){ids[i], ids[(i + 2) % N], ids[(i + 1) % N]};
            in.n_photo_ids = N;
            calls[2 * i] = harness_store_start(&store, REORDER, &in, NULL);
            Quintet__Store__V1__SetMainPhotoRequest main_in =
                QUINTET__STORE__V1__SET_MAIN_PHOTO_REQUEST__INIT;
            main_in.user_id = user;
            main_in.photo_id = ids[(i + round) % N];
            calls[2 * i + 1] = harness_store_start(&store, SET_MAIN, &main_in, NULL);
        }
        harness_store_wait(&store);
        for (int i = 0; i < 2 * N; i++)
            assert_int_equal(calls[i]->request.status, QN_OK);
        assert_int_equal(
            harness_store_number(&store,
                                 "select count(*) filter (where is_main) * 100"
                                 " + count(distinct position) * 10 + count(*) filter (where ready)"
                                 " from quintet.photo where user_id = '%s'",
                                 user),
            133);
    }
}

/* A page that shows other people. */
static void test_photos_of_several_profiles(void **state)
{
    (void)state;
    char *whole = harness_store_user(&store, NULL), *alone = harness_store_user(&store, NULL);
    char *partly = harness_store_user(&store, NULL), *without = harness_store_user(&store, NULL);
    char *a = add(whole), *b = add(whole), *c = add(alone);
    add(partly);
    add(without);
    create(whole);
    reorder(whole, ORDER(b, a));
    harness_store_do(
        &store,
        "insert into quintet.profile (user_id, display_name, birth_date, gender, city, bio,"
        " created_at, updated_at) select id, 'N', date '1990-01-01', 'female', 'Wellington',"
        " case when id <> '%s' then 'B' end, now(), now() from \"user\" where id in ('%s', '%s', '%s')",
        partly, whole, alone, partly);
    Quintet__Store__V1__ListProfilePhotosRequest in = QUINTET__STORE__V1__LIST_PROFILE_PHOTOS_REQUEST__INIT;
    in.user_ids = (char *[]){whole, alone, partly, without, harness_store_id(&store)};
    in.n_user_ids = 5;
    const Quintet__Store__V1__ListProfilePhotosResponse *out =
        harness_store_ask(&store, OF_PROFILES, &in, NULL);
    bool first = out->n_photos > 0 && strcmp(out->photos[0]->user_id, whole) == 0;
    assert_string_equal(ids_of(out->photos, out->n_photos),
                        first ? harness_store_text(&store, "(%s) %s (%s)", b, a, c)
                              : harness_store_text(&store, "(%s) (%s) %s", c, b, a));
    assert_string_equal(out->photos[0]->blur_data_url, "data:image/webp;base64,UklGRg==");
    in.main_only = true;
    out = harness_store_ask(&store, OF_PROFILES, &in, NULL);
    assert_string_equal(ids_of(out->photos, out->n_photos),
                        first ? harness_store_text(&store, "(%s) (%s)", b, c)
                              : harness_store_text(&store, "(%s) (%s)", c, b));
    in.user_ids = (char *[]){without};
    in.n_user_ids = 1;
    out = harness_store_ask(&store, OF_PROFILES, &in, NULL);
    assert_int_equal(out->n_photos, 0);
}

/* A photo's id, or its place in the store, for the second time. */
static void test_the_same_photo_twice(void **state)
{
    (void)state;
    char *user = harness_store_user(&store, NULL);
    Quintet__Store__V1__CreatePhotoRequest *in = new_photo(user);
    harness_store_ask(&store, CREATE_PHOTO, in, NULL);
    harness_store_refuse(&store, CREATE_PHOTO, in, NULL, QN_ALREADY_EXISTS, NULL);
    Quintet__Store__V1__CreatePhotoRequest *same_place = new_photo(user);
    same_place->photo->object_key = in->photo->object_key;
    harness_store_refuse(&store, CREATE_PHOTO, same_place, NULL, QN_ALREADY_EXISTS, NULL);
    Quintet__Store__V1__CompletePhotoRequest *done = made(user, in->photo->id);
    harness_store_ask(&store, COMPLETE_PHOTO, done, NULL);
    Quintet__Store__V1__CompletePhotoRequest *another = made(user, create(user));
    another->object_key = done->object_key;
    harness_store_refuse(&store, COMPLETE_PHOTO, another, NULL, QN_ALREADY_EXISTS, NULL);
    assert_false(get(user, another->photo_id)->ready);
}

HARNESS_STORE_SETUPS()

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_from_upload_to_end),
        cmocka_unit_test(test_main_and_its_heirs),
        cmocka_unit_test(test_anothers_photo),
        cmocka_unit_test(test_six_and_no_more),
        cmocka_unit_test(test_the_race_for_the_last_place),
        cmocka_unit_test(test_the_race_for_the_main_one),
        cmocka_unit_test(test_completed_by_the_release_before),
        cmocka_unit_test(test_their_order),
        cmocka_unit_test(test_an_order_of_other_photos),
        cmocka_unit_test(test_the_race_for_the_order),
        cmocka_unit_test(test_photos_of_several_profiles),
        cmocka_unit_test(test_what_is_not_valid),
        cmocka_unit_test(test_the_same_photo_twice),
    };
    return HARNESS_STORE_RUN(tests);
}
