#include "common/core/check.h"
#include "tests/harness/test.h"
#include "tests/integration/photo_fixture.h"

/* PhotoStore: the order of a user's photos, which of them is the main one, and what others see of them. */

/* Main first, the others in the order in which they became ready. */
static void test_main_and_its_heirs(void **state)
{
    (void)state;
    char *user = harness_store_user(&store, NULL), *ids[4];
    for (int i = 0; i < 4; i++) {
        Quintet__Store__V1__CreatePhotoRequest *in = photo_fixture_new(user);
        in->photo->created_at_ms = 1795407356000 + i;
        harness_store_ask(&store, CREATE_PHOTO, in, NULL);
        ids[i] = in->photo->id;
    }
    photo_fixture_complete(user, ids[2]); /* the first that is ready, not the first that was begun */
    photo_fixture_complete(user, ids[1]);
    photo_fixture_complete(user, ids[0]);
    assert_string_equal(photo_fixture_list(user),
                        harness_store_text(&store, "(%s) %s %s", ids[2], ids[1], ids[0]));

    Quintet__Store__V1__SetMainPhotoRequest main_in = QUINTET__STORE__V1__SET_MAIN_PHOTO_REQUEST__INIT;
    main_in.user_id = user;
    main_in.photo_id = ids[1];
    const Quintet__Store__V1__SetMainPhotoResponse *out = harness_store_ask(&store, SET_MAIN, &main_in, NULL);
    assert_true(out->photo->main);
    assert_string_equal(photo_fixture_list(user),
                        harness_store_text(&store, "(%s) %s %s", ids[1], ids[2], ids[0]));
    harness_store_ask(&store, SET_MAIN, &main_in, NULL); /* idempotent */
    assert_string_equal(photo_fixture_list(user),
                        harness_store_text(&store, "(%s) %s %s", ids[1], ids[2], ids[0]));

    /* A pending one cannot be it, and trying changes nothing. */
    main_in.photo_id = ids[3];
    harness_store_refuse(&store, SET_MAIN, &main_in, NULL, QN_NOT_FOUND, "PHOTO_NOT_FOUND");
    assert_string_equal(photo_fixture_list(user),
                        harness_store_text(&store, "(%s) %s %s", ids[1], ids[2], ids[0]));

    Quintet__Store__V1__DeletePhotoRequest gone = QUINTET__STORE__V1__DELETE_PHOTO_REQUEST__INIT;
    gone.user_id = user;
    gone.photo_id = ids[1];
    harness_store_ask(&store, DELETE_PHOTO, &gone, NULL);
    assert_string_equal(photo_fixture_list(user), harness_store_text(&store, "(%s) %s", ids[2], ids[0]));
    gone.photo_id = ids[0]; /* not the main one: it stays */
    harness_store_ask(&store, DELETE_PHOTO, &gone, NULL);
    assert_string_equal(photo_fixture_list(user), harness_store_text(&store, "(%s)", ids[2]));
    gone.photo_id = ids[2]; /* only a pending one is left, and does not inherit */
    harness_store_ask(&store, DELETE_PHOTO, &gone, NULL);
    assert_string_equal(photo_fixture_list(user), "");
    assert_false(photo_fixture_get(user, ids[3])->main);
    assert_true(photo_fixture_complete(user, ids[3])->main);
}

static const char *reorder(char *user_id, char **photo_ids, size_t n)
{
    Quintet__Store__V1__ReorderPhotosRequest in = QUINTET__STORE__V1__REORDER_PHOTOS_REQUEST__INIT;
    in.user_id = user_id;
    in.photo_ids = photo_ids;
    in.n_photo_ids = n;
    const Quintet__Store__V1__ReorderPhotosResponse *out = harness_store_ask(&store, REORDER, &in, NULL);
    return photo_fixture_ids(out->photos, out->n_photos);
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
    char *a = photo_fixture_add(user), *b = photo_fixture_add(user), *c = photo_fixture_add(user);
    assert_string_equal(photo_fixture_list(user), harness_store_text(&store, "(%s) %s %s", a, b, c));
    assert_string_equal(reorder(user, ORDER(c, a, b)), harness_store_text(&store, "(%s) %s %s", c, a, b));
    assert_string_equal(photo_fixture_list(user), harness_store_text(&store, "(%s) %s %s", c, a, b));
    assert_string_equal(reorder(user, ORDER(c, a, b)), harness_store_text(&store, "(%s) %s %s", c, a, b));
    assert_string_equal(reorder(user, ORDER(c, b, a)), harness_store_text(&store, "(%s) %s %s", c, b, a));
    char *d = photo_fixture_add(user);
    assert_string_equal(photo_fixture_list(user), harness_store_text(&store, "(%s) %s %s %s", c, b, a, d));

    /* As a browse page and the owner's profile have them. */
    Quintet__Store__V1__DeletePhotoRequest gone = QUINTET__STORE__V1__DELETE_PHOTO_REQUEST__INIT;
    gone.user_id = user;
    gone.photo_id = c;
    harness_store_ask(&store, DELETE_PHOTO, &gone, NULL);
    assert_string_equal(photo_fixture_list(user), harness_store_text(&store, "(%s) %s %s", b, a, d));
    Quintet__Store__V1__SetMainPhotoRequest main_in = QUINTET__STORE__V1__SET_MAIN_PHOTO_REQUEST__INIT;
    main_in.user_id = user;
    main_in.photo_id = d;
    harness_store_ask(&store, SET_MAIN, &main_in, NULL);
    assert_string_equal(photo_fixture_list(user), harness_store_text(&store, "(%s) %s %s", d, b, a));
    /* One alone. */
    char *single = harness_store_user(&store, NULL), *only = photo_fixture_add(single);
    assert_string_equal(reorder(single, ORDER(only)), harness_store_text(&store, "(%s)", only));
}

/* Whatever is not exactly the user's ready photos changes nothing, not even the main one. */
static void test_an_order_of_other_photos(void **state)
{
    (void)state;
    char *user = harness_store_user(&store, NULL), *other = harness_store_user(&store, NULL);
    char *a = photo_fixture_add(user), *b = photo_fixture_add(user), *c = photo_fixture_add(user),
         *pending = photo_fixture_create(user), *foreign = photo_fixture_add(other);
    const char *before = photo_fixture_list(user);
    refuse_order(user, ORDER(c, b));
    refuse_order(user, ORDER(c));
    refuse_order(user, ORDER(c, b, a, pending));
    refuse_order(user, ORDER(c, b, pending));
    refuse_order(user, ORDER(c, b, foreign));
    refuse_order(user, ORDER(foreign, c, b, a));
    refuse_order(user, ORDER(c, b, b));
    refuse_order(user, ORDER(c, c, b, a));
    refuse_order(user, ORDER(c, b, harness_store_id(&store)));
    assert_string_equal(photo_fixture_list(user), before);
    refuse_order(other, ORDER(a, b, c));
    assert_string_equal(photo_fixture_list(other), harness_store_text(&store, "(%s)", foreign));
    refuse_order(harness_store_id(&store), ORDER(a, b, c));
    refuse_order(harness_store_user(&store, NULL), ORDER(a));
    assert_string_equal(photo_fixture_list(user), before);
}

/* Orders and choices of the main one, all at once: one of them is the last, and no row is lost or doubled. */
static void test_the_race_for_the_order(void **state)
{
    (void)state;
    enum { N = 3, ROUNDS = 10 };
    char *user = harness_store_user(&store, NULL);
    char *ids[N] = {photo_fixture_add(user), photo_fixture_add(user), photo_fixture_add(user)};
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
    char *a = photo_fixture_add(whole), *b = photo_fixture_add(whole), *c = photo_fixture_add(alone);
    photo_fixture_add(partly);
    photo_fixture_add(without);
    photo_fixture_create(whole);
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
    assert_string_equal(photo_fixture_ids(out->photos, out->n_photos),
                        first ? harness_store_text(&store, "(%s) %s (%s)", b, a, c)
                              : harness_store_text(&store, "(%s) (%s) %s", c, b, a));
    assert_string_equal(out->photos[0]->blur_data_url, "data:image/webp;base64,UklGRg==");
    in.main_only = true;
    out = harness_store_ask(&store, OF_PROFILES, &in, NULL);
    assert_string_equal(photo_fixture_ids(out->photos, out->n_photos),
                        first ? harness_store_text(&store, "(%s) (%s)", b, c)
                              : harness_store_text(&store, "(%s) (%s)", c, b));
    in.user_ids = (char *[]){without};
    in.n_user_ids = 1;
    out = harness_store_ask(&store, OF_PROFILES, &in, NULL);
    assert_int_equal(out->n_photos, 0);
}

HARNESS_STORE_SETUPS()

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_main_and_its_heirs),         cmocka_unit_test(test_their_order),
        cmocka_unit_test(test_an_order_of_other_photos),   cmocka_unit_test(test_the_race_for_the_order),
        cmocka_unit_test(test_photos_of_several_profiles),
    };
    return HARNESS_STORE_RUN(tests);
}
