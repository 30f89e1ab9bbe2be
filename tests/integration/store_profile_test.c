#include <stdio.h>

#include "common/core/check.h"
#include "common/core/clock.h"
#include "profile.qn.h"
#include "store.qn.h"
#include "tests/harness/store.h"
#include "tests/harness/test.h"

/* ProfileService, called as the gateway calls it. */

static struct harness_store store;

#define CREATE &quintet_profile_v1_profile_service_create_profile
#define GET    &quintet_profile_v1_profile_service_get_profile
#define MINE   &quintet_profile_v1_profile_service_get_my_profile
#define UPDATE &quintet_profile_v1_profile_service_update_profile
#define LIST   &quintet_profile_v1_profile_service_list_profiles
#define DELETE &quintet_profile_v1_profile_service_delete_profile

#define FEMALE     QUINTET__PROFILE__V1__GENDER__GENDER_FEMALE
#define MALE       QUINTET__PROFILE__V1__GENDER__GENDER_MALE
#define NON_BINARY QUINTET__PROFILE__V1__GENDER__GENDER_NON_BINARY

typedef Quintet__Profile__V1__Profile Profile;
typedef Quintet__Profile__V1__CreateProfileRequest CreateProfile;
typedef Quintet__Profile__V1__UpdateProfileRequest UpdateProfile;
typedef Quintet__Profile__V1__ListProfilesRequest ListProfiles;

static const CreateProfile full = {
    PROTOBUF_C_MESSAGE_INIT(&quintet__profile__v1__create_profile_request__descriptor),
    (char *)"Zoë \"Q\"",
    (char *)"1990-02-28",
    NON_BINARY,
    (char *)"São Paulo",
    (char *)"Two\nlines, {braces}, \"quotes\" \\ and \xf0\x9f\x98\x80",
};

static const Profile *create(const CreateProfile *in, char *user)
{
    const Quintet__Profile__V1__CreateProfileResponse *out = harness_store_ask(&store, CREATE, in, user);
    return out->profile;
}

static const Profile *mine(char *user)
{
    Quintet__Profile__V1__GetMyProfileRequest in = QUINTET__PROFILE__V1__GET_MY_PROFILE_REQUEST__INIT;
    const Quintet__Profile__V1__GetMyProfileResponse *out = harness_store_ask(&store, MINE, &in, user);
    return out->profile;
}

static Quintet__Profile__V1__GetProfileRequest get_request(char *user)
{
    Quintet__Profile__V1__GetProfileRequest in = QUINTET__PROFILE__V1__GET_PROFILE_REQUEST__INIT;
    in.user_id = user;
    return in;
}

static const Profile *get(char *user, char *caller)
{
    Quintet__Profile__V1__GetProfileRequest in = get_request(user);
    const Quintet__Profile__V1__GetProfileResponse *out = harness_store_ask(&store, GET, &in, caller);
    return out->profile;
}

static const Profile *update(UpdateProfile *in, const char *const *mask, size_t n_mask, char *user)
{
    in->update_mask = (char **)mask;
    in->n_update_mask = n_mask;
    const Quintet__Profile__V1__UpdateProfileResponse *out = harness_store_ask(&store, UPDATE, in, user);
    return out->profile;
}
#define MASK(...) (const char *const[]){__VA_ARGS__}, QN_COUNT(((const char *const[]){__VA_ARGS__}))

/* A ready photo; the first is main. */
static char *add_photo(char *user, const char *key)
{
    char *id = harness_store_id(&store);
    harness_store_do(
        &store,
        "insert into quintet.photo (id, user_id, object_key, content_type, size_bytes, ready, is_main,"
        " created_at, expires_at) select '%s', '%s', %s, 'image/png', 1, true,"
        " not exists (select from quintet.photo where user_id = '%s' and is_main), clock_timestamp(), now()",
        id, user, key, user);
    return id;
}

static const char *joined(char *const *names, size_t n)
{
    const char *text = "";
    for (size_t i = 0; i < n; i++)
        text = harness_store_text(&store, "%s%s%s", text, i > 0 ? " " : "", names[i]);
    return text;
}

static int64_t ms_of(const Google__Protobuf__Timestamp *at)
{
    assert_non_null(at);
    assert_int_equal(at->nanos % 1000000, 0);
    return at->seconds * 1000 + at->nanos / 1000000;
}

static int age_on_this_day(const char *birth_date)
{
    struct qn_date birth;
    assert_true(qn_date_parse(qn_str_c(birth_date), &birth));
    return qn_date_years(birth, qn_date_of(qn_clock_wall_ms()));
}

static void assert_full(const Profile *profile, const char *user)
{
    assert_string_equal(profile->user_id, user);
    assert_string_equal(profile->display_name, full.display_name);
    assert_int_equal(profile->gender, full.gender);
    assert_string_equal(profile->city, full.city);
    assert_string_equal(profile->bio, full.bio);
    assert_int_equal(profile->age, age_on_this_day(full.birth_date));
}

static void test_from_creation_to_completeness(void **state)
{
    (void)state;
    char *user = harness_store_user(&store, NULL);
    int64_t before_ms = qn_clock_wall_ms();
    const Profile *profile = create(&full, user);
    assert_full(profile, user);
    assert_string_equal(profile->birth_date, "1990-02-28");
    assert_false(profile->complete);
    assert_string_equal(joined(profile->missing_fields, profile->n_missing_fields), "photos");
    assert_int_equal(profile->n_photos, 0);
    assert_true(ms_of(profile->created_at) >= before_ms && ms_of(profile->created_at) <= qn_clock_wall_ms());
    assert_true(ms_of(profile->updated_at) == ms_of(profile->created_at));

    char *second = add_photo(user, "'a/1,\"x\"'"), *first;
    first = harness_store_id(&store);
    harness_store_do(
        &store,
        "update quintet.photo set is_main = false where user_id = '%s';"
        "insert into quintet.photo values ('%s', '%s', 'b/{2}\\', 'image/png', 1, true, true, now(), now());"
        "insert into quintet.photo values ('%s', '%s', 'c/3', 'image/png', 1, false, false, now(), now())",
        user, first, user, harness_store_id(&store), user);
    profile = mine(user);
    assert_full(profile, user);
    assert_true(profile->complete);
    assert_int_equal(profile->n_missing_fields, 0);
    assert_int_equal(profile->n_photos, 2);
    assert_string_equal(profile->photos[0]->id, first);
    assert_string_equal(profile->photos[0]->object_key, "b/{2}\\");
    assert_true(profile->photos[0]->main);
    assert_string_equal(profile->photos[1]->id, second);
    assert_string_equal(profile->photos[1]->object_key, "a/1,\"x\"");
    assert_false(profile->photos[1]->main);
}

static void test_nothing_given_yet(void **state)
{
    (void)state;
    char *user = harness_store_user(&store, NULL);
    CreateProfile in = QUINTET__PROFILE__V1__CREATE_PROFILE_REQUEST__INIT;
    const Profile *profile = create(&in, user);
    assert_string_equal(profile->display_name, "");
    assert_string_equal(profile->birth_date, "");
    assert_int_equal(profile->gender, 0);
    assert_string_equal(profile->city, "");
    assert_string_equal(profile->bio, "");
    assert_int_equal(profile->age, 0);
    assert_string_equal(joined(profile->missing_fields, profile->n_missing_fields),
                        "display_name birth_date gender city bio photos");
    assert_int_equal(harness_store_number(&store,
                                          "select num_nulls(display_name, birth_date, gender, city, bio)"
                                          " from quintet.profile where user_id = '%s'",
                                          user),
                     5);
}

static void test_one_profile_each(void **state)
{
    (void)state;
    char *user = harness_store_user(&store, NULL);
    create(&full, user);
    CreateProfile other = QUINTET__PROFILE__V1__CREATE_PROFILE_REQUEST__INIT;
    harness_store_refuse(&store, CREATE, &other, user, QN_ALREADY_EXISTS, "PROFILE_ALREADY_EXISTS");
    assert_full(mine(user), user);
    harness_store_refuse(&store, CREATE, &full, harness_store_id(&store), QN_NOT_FOUND, "USER_NOT_FOUND");

    /* At the same moment, too. */
    struct harness_call *calls[10];
    size_t won = 0;
    user = harness_store_user(&store, NULL);
    for (size_t i = 0; i < QN_COUNT(calls); i++)
        calls[i] = harness_store_start(&store, CREATE, &full, user);
    harness_store_wait(&store);
    for (size_t i = 0; i < QN_COUNT(calls); i++) {
        won += calls[i]->request.status == QN_OK;
        assert_true(calls[i]->request.status == QN_OK || calls[i]->request.status == QN_ALREADY_EXISTS);
    }
    assert_int_equal(won, 1);
}

/* Others see age instead of birth date, and nothing at all of what is not complete. */
static void test_what_others_see(void **state)
{
    (void)state;
    char *user = harness_store_user(&store, NULL), *other = harness_store_user(&store, NULL);
    create(&full, user);
    Quintet__Profile__V1__GetProfileRequest in = get_request(user);
    harness_store_refuse(&store, GET, &in, other, QN_NOT_FOUND, "PROFILE_NOT_FOUND");
    assert_string_equal(get(user, user)->birth_date, "1990-02-28");
    add_photo(user, "gen_random_uuid()::text");
    const Profile *seen = get(user, other);
    assert_full(seen, user);
    assert_string_equal(seen->birth_date, "");
    assert_true(seen->complete);
    assert_int_equal(seen->n_photos, 1);
    assert_string_equal(get(user, user)->birth_date, "1990-02-28");

    in = get_request(harness_store_id(&store));
    harness_store_refuse(&store, GET, &in, other, QN_NOT_FOUND, "PROFILE_NOT_FOUND");
    in = get_request((char *)"");
    harness_store_refuse(&store, GET, &in, other, QN_INVALID_ARGUMENT, "user_id");
}

static void test_update(void **state)
{
    (void)state;
    char *user = harness_store_user(&store, NULL);
    create(&full, user);
    harness_store_do(&store,
                     "update quintet.profile set updated_at = '2020-01-01Z', created_at = '2020-01-01Z'"
                     " where user_id = '%s'",
                     user);
    UpdateProfile in = QUINTET__PROFILE__V1__UPDATE_PROFILE_REQUEST__INIT;
    in.city = (char *)"Graz";
    in.bio = (char *)"not named, so not written";
    in.birth_date = (char *)"not even looked at";
    const Profile *profile = update(&in, MASK("city"), user);
    assert_string_equal(profile->city, "Graz");
    assert_string_equal(profile->bio, full.bio);
    assert_string_equal(profile->birth_date, full.birth_date);
    assert_true(ms_of(profile->created_at) == 1577836800000);
    assert_true(ms_of(profile->updated_at) > 1577836800000);

    /* Named and empty: cleared. Twice the same name: once. */
    UpdateProfile clear = QUINTET__PROFILE__V1__UPDATE_PROFILE_REQUEST__INIT;
    profile = update(&clear, MASK("display_name", "birth_date", "gender", "city", "bio", "bio"), user);
    assert_string_equal(joined(profile->missing_fields, profile->n_missing_fields),
                        "display_name birth_date gender city bio photos");

    UpdateProfile all = QUINTET__PROFILE__V1__UPDATE_PROFILE_REQUEST__INIT;
    all.display_name = (char *)"Max";
    all.birth_date = (char *)"2000-02-29";
    all.gender = MALE;
    all.city = (char *)"Wien";
    all.bio = (char *)"B";
    profile = update(&all, MASK("bio", "city", "gender", "birth_date", "display_name"), user);
    assert_string_equal(profile->display_name, "Max");
    assert_string_equal(profile->birth_date, "2000-02-29");
    assert_int_equal(profile->gender, MALE);
    assert_string_equal(joined(profile->missing_fields, profile->n_missing_fields), "photos");

    all.update_mask = (char *[]){(char *)"bio"};
    all.n_update_mask = 1;
    harness_store_refuse(&store, UPDATE, &all, harness_store_user(&store, NULL), QN_NOT_FOUND,
                         "PROFILE_NOT_FOUND");
}

static void test_what_is_not_valid(void **state)
{
    (void)state;
    char *user = harness_store_user(&store, NULL);
    char *long_text = harness_store_text(&store, "%0*d", 2001, 0);
    CreateProfile in = QUINTET__PROFILE__V1__CREATE_PROFILE_REQUEST__INIT;
    in.display_name = in.city = in.bio = long_text;
    in.birth_date = (char *)"2026-02-30";
    in.gender = (Quintet__Profile__V1__Gender)7;
    harness_store_refuse(&store, CREATE, &in, user, QN_INVALID_ARGUMENT,
                         "display_name birth_date gender city bio");

    struct qn_date day = qn_date_of(qn_clock_wall_ms() + 86400000); /* 18 tomorrow */
    if (day.month != 2 || day.day != 29) {
        CreateProfile minor = full;
        minor.birth_date = harness_store_text(&store, "%04d-%02d-%02d", day.year - 18, day.month, day.day);
        struct harness_call *call = harness_store_start(&store, CREATE, &minor, user);
        harness_store_wait(&store);
        assert_int_equal(call->request.status, QN_INVALID_ARGUMENT);
        assert_int_equal(call->request.n_violations, 1);
        assert_string_equal(call->request.violations[0].field, "birth_date");
        assert_string_equal(call->request.violations[0].description, "must be at least 18 years old");
    }
    assert_int_equal(
        harness_store_number(&store, "select count(*) from quintet.profile where user_id = '%s'", user), 0);

    create(&full, user);
    UpdateProfile update_in = QUINTET__PROFILE__V1__UPDATE_PROFILE_REQUEST__INIT;
    harness_store_refuse(&store, UPDATE, &update_in, user, QN_INVALID_ARGUMENT, "update_mask");
    update_in.city = long_text;
    update_in.update_mask = (char *[]){(char *)"photos", (char *)"city", (char *)"user_id"};
    update_in.n_update_mask = 3;
    harness_store_refuse(&store, UPDATE, &update_in, user, QN_INVALID_ARGUMENT,
                         "update_mask update_mask city");
    assert_full(mine(user), user);

    ListProfiles list_in = QUINTET__PROFILE__V1__LIST_PROFILES_REQUEST__INIT;
    list_in.gender = (Quintet__Profile__V1__Gender)-1;
    list_in.min_age = 17;
    list_in.max_age = 121;
    list_in.city = long_text;
    list_in.page_size = 101;
    list_in.page_token = (char *)"not ours";
    harness_store_refuse(&store, LIST, &list_in, user, QN_INVALID_ARGUMENT,
                         "gender min_age max_age city page_size page_token");
}

static void test_nobody_known(void **state)
{
    (void)state;
    Quintet__Profile__V1__GetMyProfileRequest in = QUINTET__PROFILE__V1__GET_MY_PROFILE_REQUEST__INIT;
    const struct qn_method *methods[] = {CREATE, GET, MINE, UPDATE, LIST, DELETE};
    for (size_t i = 0; i < QN_COUNT(methods); i++) { /* every request may be empty */
        ProtobufCMessage *empty = qn_arena_zalloc(&store.arena, methods[i]->request->sizeof_message);
        methods[i]->request->message_init(empty);
        harness_store_refuse(&store, methods[i], empty, NULL, QN_UNAUTHENTICATED, NULL);
        harness_store_refuse(&store, methods[i], empty, "", QN_UNAUTHENTICATED, NULL);
    }
    harness_store_refuse(&store, MINE, &in, harness_store_user(&store, NULL), QN_NOT_FOUND,
                         "PROFILE_NOT_FOUND");
}

static void test_delete_leaves_the_rest(void **state)
{
    (void)state;
    char *token, *user = harness_store_user(&store, &token), *other = harness_store_user(&store, NULL);
    create(&full, user);
    create(&full, other);
    add_photo(user, "gen_random_uuid()::text");
    add_photo(user, "gen_random_uuid()::text");
    add_photo(other, "gen_random_uuid()::text");
    Quintet__Profile__V1__DeleteProfileRequest in = QUINTET__PROFILE__V1__DELETE_PROFILE_REQUEST__INIT;
    harness_store_ask(&store, DELETE, &in, user);
    assert_int_equal(harness_store_number(&store,
                                          "select (select count(*) from \"user\" where id = '%s')"
                                          " + (select count(*) from session where token = '%s')"
                                          " + 10 * (select count(*) from quintet.photo where user_id = '%s')",
                                          user, token, user),
                     2);
    assert_true(get(other, other)->complete);
    /* Without a profile nothing goes. */
    add_photo(user, "gen_random_uuid()::text");
    harness_store_refuse(&store, DELETE, &in, user, QN_NOT_FOUND, "PROFILE_NOT_FOUND");
    assert_true(create(&full, user)->complete);
}

/* A crowd of its own: everybody lives in cities whose names begin so. */
static char *crowd;

/* A complete profile unless 'photo' is false, created 'created_at_ms'. */
static char *person(int64_t created_at_ms, const char *birth_date, int gender, const char *city, bool photo)
{
    static const char *const genders[] = {NULL, "female", "male", "non_binary"};
    char *user = harness_store_user(&store, NULL), at[QN_TIME_TEXT_LEN + 1];
    qn_time_format(created_at_ms, at);
    harness_store_do(
        &store,
        "insert into quintet.profile (user_id, display_name, birth_date, gender, city, bio, created_at,"
        " updated_at) values ('%s', 'N', '%s', '%s', '%s%s', 'B', '%s', '%s')",
        user, birth_date, genders[gender], crowd, city, at, at);
    if (photo)
        add_photo(user, "gen_random_uuid()::text");
    return user;
}

static const Quintet__Profile__V1__ListProfilesResponse *list(const ListProfiles *in, const char *caller)
{
    return harness_store_ask(&store, LIST, in, caller);
}

/* The ids of all pages, and how many pages it took. */
static const char *walk(ListProfiles *in, const char *caller, size_t *ret_pages)
{
    const char *ids = "";
    *ret_pages = 0;
    in->page_token = (char *)"";
    do {
        const Quintet__Profile__V1__ListProfilesResponse *page = list(in, caller);
        assert_true(page->n_profiles <= (in->page_size ? (size_t)in->page_size : 20));
        for (size_t i = 0; i < page->n_profiles; i++) {
            const Profile *p = page->profiles[i];
            assert_true(p->complete);
            assert_string_equal(p->birth_date, "");
            assert_int_equal(p->n_photos, 1);
            assert_true(p->photos[0]->main);
            ids = harness_store_text(&store, "%s%s ", ids, p->user_id);
        }
        in->page_token = page->next_page_token;
        ++*ret_pages;
    } while (in->page_token[0]);
    return ids;
}

static char *in_crowd(const char *city)
{
    return harness_store_text(&store, "%s%s", crowd, city);
}

/* Pages of every size give everybody once, newest first and by id among equals, without the caller, the
 * unfinished and the picture-less. */
static void test_pages(void **state)
{
    (void)state;
    enum { N = 23 };
    crowd = harness_store_text(&store, "%.8s ", harness_store_id(&store));
    char *me = person(1795407356000, "1990-01-01", FEMALE, "Wien", true);
    for (int i = 0; i < N; i++)
        person(1795407356000 + i / 4, "1990-01-01", FEMALE, "Wien", true); /* four of each millisecond */
    person(1795407357000, "1990-01-01", FEMALE, "Wien", false);
    char *unfinished = person(1795407357000, "1990-01-01", FEMALE, "Wien", true);
    harness_store_do(&store, "update quintet.profile set bio = null where user_id = '%s'", unfinished);

    PGresult *result =
        PQexec(store.admin,
               harness_store_text(
                   &store,
                   "select string_agg(user_id || ' ', '' order by created_at desc, user_id desc)"
                   " from quintet.profile p where city = '%sWien' and user_id <> '%s' and filled and exists"
                   " (select from quintet.photo f where f.user_id = p.user_id)",
                   crowd, me));
    char *want = harness_store_text(&store, "%s", PQgetvalue(result, 0, 0));
    PQclear(result);
    assert_int_equal(strlen(want), N * 33);
    for (int size = 0; size <= 100; size += size < 25 ? 1 : 25) {
        ListProfiles in = QUINTET__PROFILE__V1__LIST_PROFILES_REQUEST__INIT;
        in.city = in_crowd("wIEN");
        in.page_size = size;
        size_t pages;
        assert_string_equal(walk(&in, me, &pages), want);
        int real = size ? size : 20;
        assert_int_equal(pages, (N + real - 1) / real);
    }
}

/* A page begins behind a key, so rows that come and go in between neither repeat nor hide another. */
static void test_pages_while_rows_come_and_go(void **state)
{
    (void)state;
    crowd = harness_store_text(&store, "%.8s ", harness_store_id(&store));
    char *users[6], *me = harness_store_user(&store, NULL);
    for (int i = 0; i < 6; i++)
        users[i] = person(1795407356000 - i, "1990-01-01", FEMALE, "Wien", true); /* users[0] is newest */
    ListProfiles in = QUINTET__PROFILE__V1__LIST_PROFILES_REQUEST__INIT;
    in.city = in_crowd("Wien");
    in.page_size = 2;
    const Quintet__Profile__V1__ListProfilesResponse *page = list(&in, me);
    assert_string_equal(page->profiles[1]->user_id, users[1]);
    harness_store_do(&store, "delete from quintet.profile where user_id in ('%s', '%s')", users[1], users[2]);
    person(1795407356500, "1990-01-01", FEMALE, "Wien", true);
    in.page_token = page->next_page_token;
    page = list(&in, me);
    assert_int_equal(page->n_profiles, 2);
    assert_string_equal(page->profiles[0]->user_id, users[3]);
    assert_string_equal(page->profiles[1]->user_id, users[4]);

    /* The same token with other filters is not of that list; with another page size it is. */
    in.page_token = page->next_page_token;
    in.page_size = 50;
    assert_int_equal(list(&in, me)->n_profiles, 1);
    in.gender = FEMALE;
    harness_store_refuse(&store, LIST, &in, me, QN_INVALID_ARGUMENT, "page_token");
}

static void test_filters(void **state)
{
    (void)state;
    crowd = harness_store_text(&store, "%.8s ", harness_store_id(&store));
    struct qn_date day = qn_date_of(qn_clock_wall_ms());
    if (day.month == 2 && day.day == 29)
        day.day = 28;
    char *births[3]; /* 20 today; 20 and a day short of 31 years; 40 */
    births[0] = harness_store_text(&store, "%04d-%02d-%02d", day.year - 20, day.month, day.day);
    births[1] = harness_store_text(&store, "%04d-%02d-%02d", day.year - 30, day.month, day.day);
    births[2] = harness_store_text(&store, "%04d-%02d-%02d", day.year - 40, day.month, day.day);
    const char *const cities[] = {"Wien", "\xc3\x84lmhult", "S\xc3\xa3o Paulo"};
    for (int g = 1; g <= 3; g++)
        for (int b = 0; b < 3; b++)
            for (int c = 0; c < 3; c++)
                person(1795407356000 + 9 * g + 3 * b + c, births[b], g, cities[c], true);
    char *me = harness_store_user(&store, NULL);
    static const struct {
        int gender, min_age, max_age;
        const char *city;
        int expected;
    } cases[] = {
        {0, 0, 0, "wien", 9},
        {0, 0, 0, "WIEN", 9},
        {0, 0, 0, "\xc3\xa4LMHULT", 9}, /* case beyond ASCII, whatever the database's locale */
        {0, 0, 0, "s\xc3\x83o pAULO", 9},
        {0, 0, 0, "Wie", 0},
        {0, 0, 0, "W%", 0}, /* compared, not matched */
        {FEMALE, 0, 0, "Wien", 3},
        {0, 20, 20, "Wien", 3},
        {0, 21, 0, "Wien", 6},
        {0, 0, 30, "Wien", 6},
        {0, 0, 29, "Wien", 3},
        {0, 30, 40, "Wien", 6},
        {0, 41, 120, "Wien", 0},
        {NON_BINARY, 40, 40, "Wien", 1},
    };
    for (size_t i = 0; i < QN_COUNT(cases); i++) {
        ListProfiles in = QUINTET__PROFILE__V1__LIST_PROFILES_REQUEST__INIT;
        in.gender = (Quintet__Profile__V1__Gender)cases[i].gender;
        in.min_age = cases[i].min_age;
        in.max_age = cases[i].max_age;
        in.city = in_crowd(cases[i].city);
        in.page_size = 4;
        size_t pages, n = strlen(walk(&in, me, &pages)) / 33;
        if (n != (size_t)cases[i].expected)
            fail_msg("case %zu: %zu profiles", i, n);
    }
    /* Without a city the crowd is part of everybody: those of this gender and age, among all. */
    for (int gender = 0; gender <= 3; gender++) {
        ListProfiles in = QUINTET__PROFILE__V1__LIST_PROFILES_REQUEST__INIT;
        in.gender = (Quintet__Profile__V1__Gender)gender;
        in.min_age = 30;
        in.max_age = 30;
        in.page_size = 100;
        size_t pages, n = strlen(walk(&in, me, &pages)) / 33;
        assert_int_equal(n, gender ? 3 : 9);
    }
}

/* Whoever came into the table by another way than CreateProfile and is under age is shown to nobody. */
static void test_no_minors_in_lists(void **state)
{
    (void)state;
    crowd = harness_store_text(&store, "%.8s ", harness_store_id(&store));
    struct qn_date day = qn_date_of(qn_clock_wall_ms());
    person(1795407356000, harness_store_text(&store, "%04d-01-01", day.year - 17), FEMALE, "Wien", true);
    ListProfiles in = QUINTET__PROFILE__V1__LIST_PROFILES_REQUEST__INIT;
    in.city = in_crowd("Wien");
    assert_int_equal(list(&in, harness_store_user(&store, NULL))->n_profiles, 0);
}

HARNESS_STORE_SETUPS()

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_from_creation_to_completeness),
        cmocka_unit_test(test_nothing_given_yet),
        cmocka_unit_test(test_one_profile_each),
        cmocka_unit_test(test_what_others_see),
        cmocka_unit_test(test_update),
        cmocka_unit_test(test_what_is_not_valid),
        cmocka_unit_test(test_nobody_known),
        cmocka_unit_test(test_delete_leaves_the_rest),
        cmocka_unit_test(test_pages),
        cmocka_unit_test(test_pages_while_rows_come_and_go),
        cmocka_unit_test(test_filters),
        cmocka_unit_test(test_no_minors_in_lists),
    };
    return HARNESS_STORE_RUN(tests);
}
