#include <string.h>

#include "common/core/check.h"
#include "common/core/clock.h"
#include "common/core/encode.h"
#include "profile.qn.h"
#include "tests/harness/test.h"
#include "tests/integration/photo_fixture.h"

/* quintet.photo_trash: what comes into it, whoever makes it garbage. How it goes out:
 * store_trash_claim_test.c. */

#define SWEEP &quintet_store_v1_photo_store_sweep_photos

/* A text from the database, in the store's arena. */
static const char *text_of(const char *sql)
{
    PGresult *result = PQexec(store.admin, sql);
    if (PQresultStatus(result) != PGRES_TUPLES_OK)
        fail_msg("%s: %s", sql, PQerrorMessage(store.admin));
    const char *text = harness_store_text(&store, "%s", PQntuples(result) ? PQgetvalue(result, 0, 0) : "");
    PQclear(result);
    return text;
}

/* All prefixes, in order, with a space between. */
static const char *trash(void)
{
    return text_of("select coalesce(string_agg(prefix, ' ' order by prefix collate \"C\"), '')"
                   " from quintet.photo_trash");
}

/* Each test begins with an empty one. */
static int empty(void **state)
{
    (void)state;
    harness_store_do(&store, "delete from quintet.photo");
    harness_store_do(&store, "delete from quintet.photo_trash");
    return 0;
}

static char *pending_key(const char *user, const char *id)
{
    return harness_store_text(&store, "pending/%s/%s", user, id);
}

/* A pending one with this id, whose object and whose URL's end are these. */
static void create_at(char *user, char *object_key, int64_t expires_at_ms, char *id)
{
    Quintet__Store__V1__CreatePhotoRequest *in = photo_fixture_new(user);
    in->photo->id = id;
    in->photo->object_key = object_key;
    in->max_photos = 100;
    in->upload_expires_at_ms = expires_at_ms;
    harness_store_ask(&store, CREATE_PHOTO, in, NULL);
}

static void test_what_each_change_leaves(void **state)
{
    (void)state;
    char *user = harness_store_user(&store, NULL), *id = photo_fixture_create(user);
    assert_string_equal(trash(), "");
    /* Ready: the upload may go. */
    photo_fixture_complete(user, id);
    assert_string_equal(trash(), pending_key(user, id));
    photo_fixture_complete(user, id); /* as it is: nothing new */
    assert_string_equal(trash(), pending_key(user, id));
    empty(NULL);
    /* Ready and deleted. */
    id = photo_fixture_create(user);
    photo_fixture_complete(user, id);
    harness_store_do(&store, "delete from quintet.photo_trash");
    photo_fixture_delete(user, id);
    assert_string_equal(trash(), harness_store_text(&store, "photos/%s/", id));
    empty(NULL);
    /* Deleted before it was ready: a completion may have written already. */
    id = photo_fixture_create(user);
    photo_fixture_delete(user, id);
    assert_string_equal(trash(), harness_store_text(&store, "%s photos/%s/", pending_key(user, id), id));
    empty(NULL);
    /* What does not happen leaves nothing. */
    id = photo_fixture_create(user);
    photo_fixture_complete(user, id);
    harness_store_do(&store, "delete from quintet.photo_trash");
    harness_store_do(&store, "begin; delete from quintet.photo; rollback");
    harness_store_do(&store, "update quintet.photo set position = 7, ready = true");
    assert_string_equal(trash(), "");
}

/* Rows of the release before have one public picture, whose key they say from the beginning, and an upload,
 * or a mark, under a key made of the user's id. Rows brought over from elsewhere name what they like. */
static void test_other_kinds_of_rows(void **state)
{
    (void)state;
    static const char *const users[] = {"u", "us", "use", "\xc3\xbc?\xc3\xbf>", NULL};
    for (size_t i = 0; i < QN_COUNT(users); i++) {
        /* Long enough that PostgreSQL's base64 has several lines. */
        char *user = users[i] ? (char *)users[i] : harness_store_text(&store, "%0128d", 7);
        char base64[256], *id = harness_store_id(&store);
        qn_base64url_encode(base64, user, strlen(user));
        harness_store_do(&store,
                         "insert into \"user\" (id, name, email, \"emailVerified\", \"createdAt\","
                         " \"updatedAt\") values ('%s', 'n', '%s', false, now(), now())",
                         user, id);
        char *both = harness_store_text(&store, "pending/%s/%s photos/%s", base64, id, id);
        int64_t ends_ms = qn_clock_wall_ms() + PHOTO_FIXTURE_UPLOAD_MS;
        create_at(user, harness_store_text(&store, "photos/%s", id), ends_ms, id);
        photo_fixture_delete(user, id);
        assert_string_equal(trash(), both);
        empty(NULL);
        create_at(user, harness_store_text(&store, "photos/%s", id), ends_ms, id);
        harness_store_do(&store, "update quintet.photo set ready = true, is_main = true where id = '%s'", id);
        assert_string_equal(trash(), harness_store_text(&store, "pending/%s/%s", base64, id));
        harness_store_do(&store, "delete from quintet.photo_trash");
        photo_fixture_delete(user, id);
        assert_string_equal(trash(), both);
        harness_store_do(&store, "delete from quintet.photo_trash; delete from \"user\" where id = '%s'",
                         user);
    }
    char *user = harness_store_user(&store, NULL);
    static const char *const brought[][3] = {
        /* id, object key, what must go */
        {"1", "uploads/2019/1.jpg", "uploads/2019/1.jpg"},
        {"2/3", "photos/2/3/4.jpg", "photos/2/3/4.jpg"}, /* and not all that begins with photos/2/ */
        {"", "photos//5.jpg", "photos//"},
        {"6", "photos/66/7.jpg", "photos/66/7.jpg"},
        {"7", "uploads/", ""}, /* all of them? */
        {"8", "", ""},
    };
    for (size_t i = 0; i < QN_COUNT(brought); i++) {
        harness_store_do(
            &store,
            "insert into quintet.photo (id, user_id, object_key, content_type, size_bytes, ready,"
            " is_main, created_at, expires_at) values ('%s', '%s', '%s', 'image/jpeg', 1, true, true,"
            " now() - interval '9 years', timestamptz '9999-12-31')",
            brought[i][0], user, brought[i][1]);
        harness_store_do(&store, "delete from quintet.photo");
        assert_string_equal(trash(), brought[i][2]);
        /* An end that no URL has is no reason to wait for ever. */
        assert_int_equal(harness_store_number(&store, "select count(*) from quintet.photo_trash"
                                                      " where again_at > now() + interval '8 days'"),
                         0);
        harness_store_do(&store, "delete from quintet.photo_trash");
    }
}

/* By a Better Auth server of its own, whose role owns nothing here and may do nothing in schema quintet. */
static void test_a_user_deleted_by_another_server(void **state)
{
    (void)state;
    char *user = harness_store_user(&store, NULL), *other = harness_store_user(&store, NULL);
    char *pending = photo_fixture_create(user), *ready = photo_fixture_create(user);
    photo_fixture_complete(user, ready);
    photo_fixture_complete(other, photo_fixture_create(other));
    harness_store_do(&store, "delete from quintet.photo_trash");
    char *role = PQescapeIdentifier(store.admin, user, strlen(user));
    char *schema = PQescapeIdentifier(store.admin, store.url.schema, strlen(store.url.schema));
    harness_store_do(&store,
                     "create role %s; grant usage on schema %s to %s;"
                     " grant select, insert, update, delete on \"user\", session, account to %s",
                     role, schema, role, role);
    harness_store_do(&store, "set role %s", role);
    PGresult *refused = PQexec(store.admin, "select 1 from quintet.photo");
    assert_string_equal(PQresultErrorField(refused, PG_DIAG_SQLSTATE), "42501");
    PQclear(refused);
    harness_store_do(&store, "delete from \"user\" where id = '%s'", user);
    harness_store_do(&store, "reset role; drop owned by %s; drop role %s", role, role);
    PQfreemem(role);
    PQfreemem(schema);
    const char *all = trash();
    assert_non_null(strstr(all, pending_key(user, pending)));
    assert_non_null(strstr(all, harness_store_text(&store, "photos/%s/", pending)));
    assert_non_null(strstr(all, harness_store_text(&store, "photos/%s/", ready)));
    assert_int_equal(harness_store_number(&store, "select count(*) from quintet.photo_trash"), 3);
    assert_int_equal(harness_store_number(&store, "select count(*) from quintet.photo"), 1);
}

static void test_a_user_and_a_profile_deleted_here(void **state)
{
    (void)state;
    char *user = harness_store_user(&store, NULL), *id = photo_fixture_create(user);
    photo_fixture_complete(user, id);
    harness_store_do(&store, "delete from quintet.photo_trash");
    Quintet__Profile__V1__CreateProfileRequest made = QUINTET__PROFILE__V1__CREATE_PROFILE_REQUEST__INIT;
    harness_store_ask(&store, &quintet_profile_v1_profile_service_create_profile, &made, user);
    Quintet__Profile__V1__DeleteProfileRequest gone = QUINTET__PROFILE__V1__DELETE_PROFILE_REQUEST__INIT;
    harness_store_ask(&store, &quintet_profile_v1_profile_service_delete_profile, &gone, user);
    assert_string_equal(trash(), harness_store_text(&store, "photos/%s/", id));
    empty(NULL);
    id = photo_fixture_create(user);
    photo_fixture_complete(user, id);
    harness_store_do(&store, "delete from quintet.photo_trash");
    Quintet__Store__V1__DeleteUserRequest user_gone = QUINTET__STORE__V1__DELETE_USER_REQUEST__INIT;
    user_gone.user_id = user;
    harness_store_ask(&store, &quintet_store_v1_account_store_delete_user, &user_gone, NULL);
    assert_string_equal(trash(), harness_store_text(&store, "photos/%s/", id));
}

/* The sweep takes what was never completed, the oldest first, and leaves alone what somebody is at. */
static void test_uploads_that_came_to_nothing(void **state)
{
    (void)state;
    char *user = harness_store_user(&store, NULL), *ids[4];
    int64_t now_ms = qn_clock_wall_ms();
    for (int i = 0; i < 4; i++) {
        ids[i] = harness_store_id(&store);
        create_at(user, pending_key(user, ids[i]), now_ms - 10000 * (i + 1), ids[i]);
    }
    char *young = photo_fixture_create(user), *ready = harness_store_id(&store);
    create_at(user, pending_key(user, ready), now_ms - 90000, ready);
    photo_fixture_complete(user, ready);
    harness_store_do(&store, "delete from quintet.photo_trash");
    Quintet__Store__V1__SweepPhotosRequest in = QUINTET__STORE__V1__SWEEP_PHOTOS_REQUEST__INIT;
    in.before_ms = now_ms;
    in.max = 1;
    const Quintet__Store__V1__SweepPhotosResponse *out = harness_store_ask(&store, SWEEP, &in, NULL);
    assert_int_equal(out->deleted, 1);
    assert_string_equal(trash(),
                        harness_store_text(&store, "%s photos/%s/", pending_key(user, ids[3]), ids[3]));
    /* Somebody is completing it. */
    harness_store_do(&store, "begin; update quintet.photo set position = 0 where id = '%s'", ids[2]);
    in.max = 1000;
    out = harness_store_ask(&store, SWEEP, &in, NULL);
    assert_int_equal(out->deleted, 2);
    harness_store_do(&store, "commit");
    Quintet__Store__V1__SweepPhotosRequest bad = QUINTET__STORE__V1__SWEEP_PHOTOS_REQUEST__INIT;
    bad.before_ms = INT64_MAX;
    bad.max = 1001;
    harness_store_refuse(&store, SWEEP, &bad, NULL, QN_INVALID_ARGUMENT, "before_ms max");
    in.before_ms = now_ms - 30000; /* its own end: not before it */
    out = harness_store_ask(&store, SWEEP, &in, NULL);
    assert_int_equal(out->deleted, 0);
    in.before_ms = now_ms;
    out = harness_store_ask(&store, SWEEP, &in, NULL);
    assert_int_equal(out->deleted, 1);
    assert_int_equal(harness_store_number(
                         &store, "select count(*) from quintet.photo where id in ('%s', '%s')", young, ready),
                     2);
    assert_int_equal(harness_store_number(&store, "select count(*) from quintet.photo"), 2);
    assert_int_equal(harness_store_number(&store, "select count(*) from quintet.photo_trash"), 8);
}

/* Sweeps and completions of the same photos at once: each becomes ready or goes, and what has gone is in the
 * trash. */
static void test_the_race_of_sweep_and_completion(void **state)
{
    (void)state;
    enum { N = 20 };
    char *user = harness_store_user(&store, NULL), *ids[N];
    int64_t now_ms = qn_clock_wall_ms();
    struct harness_call *calls[N], *sweeps[N / 4];
    size_t done = 0, swept = 0;
    for (int i = 0; i < N; i++) {
        ids[i] = harness_store_id(&store);
        create_at(user, pending_key(user, ids[i]), now_ms - 1000 - i, ids[i]);
    }
    for (int i = 0; i < N; i++) {
        Quintet__Store__V1__CompletePhotoRequest *in = photo_fixture_made(user, ids[i]);
        in->max_photos = 100;
        calls[i] = harness_store_start(&store, COMPLETE_PHOTO, in, NULL);
        if (i % 4 == 0) {
            Quintet__Store__V1__SweepPhotosRequest sweep = QUINTET__STORE__V1__SWEEP_PHOTOS_REQUEST__INIT;
            sweep.before_ms = now_ms;
            sweep.max = 3;
            sweeps[i / 4] = harness_store_start(&store, SWEEP, &sweep, NULL);
        }
    }
    harness_store_wait(&store);
    for (int i = 0; i < N; i++) {
        assert_true(calls[i]->request.status == QN_OK || calls[i]->request.status == QN_NOT_FOUND);
        done += calls[i]->request.status == QN_OK;
    }
    for (size_t i = 0; i < QN_COUNT(sweeps); i++) {
        assert_int_equal(sweeps[i]->request.status, QN_OK);
        swept += (size_t)((const Quintet__Store__V1__SweepPhotosResponse *)sweeps[i]->request.out)->deleted;
    }
    assert_int_equal(done + swept, N);
    assert_int_equal(harness_store_number(&store, "select count(*) from quintet.photo where ready"), done);
    assert_int_equal(harness_store_number(&store, "select count(*) from quintet.photo"), done);
    assert_int_equal(harness_store_number(&store, "select count(*) from quintet.photo_trash"),
                     done + 2 * swept);
}

/* Half an hour after the upload's URL has ended, nothing that was under way can still be: whoever writes
 * objects counts on it (proto/store.proto). */
static void test_when_it_is_seen_to_again(void **state)
{
    (void)state;
    char *user = harness_store_user(&store, NULL), *id = photo_fixture_create(user);
    photo_fixture_complete(user, id);
    photo_fixture_delete(user, id);
    photo_fixture_delete(user, photo_fixture_create(user));
    assert_int_equal(harness_store_number(&store, "select count(*) from quintet.photo_trash"), 4);
    assert_int_equal(
        harness_store_number(
            &store, "select count(*) from quintet.photo_trash where due_at <= now() and not_before = due_at"
                    " and again_at between now() + interval '39 minutes' and now() + interval '41 minutes'"),
        4);
}

HARNESS_STORE_SETUPS()

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_what_each_change_leaves, empty),
        cmocka_unit_test_setup(test_other_kinds_of_rows, empty),
        cmocka_unit_test_setup(test_a_user_deleted_by_another_server, empty),
        cmocka_unit_test_setup(test_a_user_and_a_profile_deleted_here, empty),
        cmocka_unit_test_setup(test_uploads_that_came_to_nothing, empty),
        cmocka_unit_test_setup(test_the_race_of_sweep_and_completion, empty),
        cmocka_unit_test_setup(test_when_it_is_seen_to_again, empty),
    };
    return HARNESS_STORE_RUN(tests);
}
