#include <stdio.h>
#include <stdlib.h>

#include "common/core/arena.h"
#include "common/json/reader.h"
#include "tests/harness/http.h"
#include "tests/harness/picture.h"
#include "tests/harness/stack.h"
#include "tests/harness/test.h"

/* The whole path as a frontend walks it: HTTP → gateway → auth, profile, media → PostgreSQL and back. */

#define AUTH    "/quintet.auth.v1.AuthService/"
#define PROFILE "/quintet.profile.v1.ProfileService/"
#define MEDIA   "/quintet.media.v1.MediaService/"
#define COOKIE  "better-auth.session_token"

enum { PICTURE_MAX = 1024 * 1024 };

static struct harness_stack stack;
static struct qn_arena arena;

static int set_up(void **state)
{
    (void)state;
    qn_arena_init(&arena, 64 * 1024 * 1024);
    picture_begin();
    harness_stack_start(&stack, NULL);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    qn_arena_fini(&arena);
    return 0;
}

/* A call whose status must be 'status'; its JSON, in the arena. */
static const struct qn_json *call(const char *path, const char *cookie, const char *json, int status)
{
    struct harness_http_reply reply = harness_http_post(stack.url, path, cookie, json);
    struct qn_json *value = NULL;
    if (reply.status != status)
        fail_msg("%s %s: %d, not %d: %s", path, json, reply.status, status, reply.body);
    char *text = qn_arena_copy(&arena, reply.body, reply.body_len);
    assert_int_equal(qn_json_parse(qn_str_n(text, reply.body_len), false, &arena, &value, NULL), QN_OK);
    harness_http_free(&reply);
    return value;
}

/* A member by a path of names, "profile.displayName"; NULL when it is not there. */
static const struct qn_json *at(const struct qn_json *value, const char *path)
{
    struct qn_str rest = qn_str_c(path), name;
    while (value && qn_str_next(&rest, '.', &name))
        value = qn_json_get(value, qn_arena_copy(&arena, name.ptr, name.len));
    return value;
}

static void expect_text(const struct qn_json *value, const char *path, const char *text)
{
    const struct qn_json *member = at(value, path);
    if (!member || member->kind != QN_JSON_STRING)
        fail_msg("%s is no text", path);
    assert_str(member->text, text);
}

static const char *text_at(const struct qn_json *value, const char *path)
{
    const struct qn_json *member = at(value, path);
    if (!member || member->kind != QN_JSON_STRING)
        fail_msg("%s is no text", path);
    return qn_arena_copy(&arena, member->text.ptr, member->text.len);
}

static bool is_true(const struct qn_json *value, const char *path)
{
    const struct qn_json *member = at(value, path);
    return member && member->kind == QN_JSON_BOOL && member->boolean; /* false is left out of proto3's JSON */
}

/* Signs up and returns the cookie, in the arena. */
static const char *sign_up(const char *email)
{
    char *json = qn_arena_printf(
        &arena, "{\"name\":\"Ada\",\"email\":\"%s\",\"password\":\"correct horse 1\"}", email);
    struct harness_http_reply reply = harness_http_post(stack.url, AUTH "SignUp", NULL, json);
    assert_int_equal(reply.status, 200);
    const char *cookie = harness_http_cookie(&reply, COOKIE);
    assert_non_null(cookie);
    cookie = qn_arena_strdup(&arena, cookie);
    harness_http_free(&reply);
    return cookie;
}

static void test_session_check_without_a_session(void **state)
{
    (void)state;
    const struct qn_json *check = call(AUTH "GetSessionWithProfileCheck", NULL, "{}", 200);
    assert_false(is_true(check, "authenticated"));
    assert_null(at(check, "user"));
    expect_text(check, "nextStep", "NEXT_STEP_SIGN_IN");
    expect_text(check, "nextPath", "/signin");
}

/* Uploads a picture as CreateUpload says; its id. */
static const char *upload(const char *cookie, const struct picture_plan *plan)
{
    struct qn_buf picture;
    qn_buf_init(&picture, PICTURE_MAX);
    picture_make(plan, &picture);
    const struct qn_json *created = call(
        MEDIA "CreateUpload", cookie,
        qn_arena_printf(&arena, "{\"contentType\":\"image/jpeg\",\"sizeBytes\":\"%zu\"}", picture.len), 200);
    struct harness_http_request put = {
        .method = text_at(created, "method"), .url = text_at(created, "url"), .body = qn_buf_view(&picture)};
    const struct qn_json *headers = at(created, "headers");
    size_t n = 0;
    for (size_t i = 0; headers && i < headers->n_items; i++) {
        const char *name = text_at(&headers->items[i], "name");
        if (strcasecmp(name, "host") == 0 || strcasecmp(name, "content-length") == 0)
            continue; /* curl's own, and the same */
        put.headers[n++] = qn_arena_printf(&arena, "%s: %s", name, text_at(&headers->items[i], "value"));
    }
    struct harness_http_reply reply = harness_http(&put);
    if (reply.status != 200)
        fail_msg("upload: %d %s", reply.status, reply.body);
    harness_http_free(&reply);
    qn_buf_fini(&picture);
    return text_at(created, "uploadId");
}

/* The story of the site: sign up, be sent to /create, fill in the profile, add a photo, be let in. */
static void test_from_sign_up_to_complete_profile(void **state)
{
    (void)state;
    const char *cookie = sign_up("ada@example.com");
    const struct qn_json *check = call(AUTH "GetSessionWithProfileCheck", cookie, "{}", 200);
    assert_true(is_true(check, "authenticated"));
    assert_false(is_true(check, "profileComplete"));
    expect_text(check, "user.email", "ada@example.com");
    expect_text(check, "nextPath", "/create");
    assert_int_equal(at(check, "missingFields")->n_items, 6);

    const struct qn_json *created = call(PROFILE "CreateProfile", cookie,
                                         "{\"displayName\":\"Ada\",\"birthDate\":\"1990-12-10\",\"gender\":"
                                         "\"GENDER_FEMALE\",\"city\":\"London\","
                                         "\"bio\":\"Engines.\"}",
                                         200);
    expect_text(created, "profile.displayName", "Ada");
    check = call(AUTH "GetSessionWithProfileCheck", cookie, "{}", 200);
    assert_false(is_true(check, "profileComplete"));
    assert_int_equal(at(check, "missingFields")->n_items, 1);
    assert_str(at(check, "missingFields")->items[0].text, "photos");

    const char *id =
        upload(cookie, &(const struct picture_plan){.kind = MEDIA_IMAGE_JPEG, .width = 2000, .height = 1000});
    const struct qn_json *completed =
        call(MEDIA "CompleteUpload", cookie, qn_arena_printf(&arena, "{\"uploadId\":\"%s\"}", id), 200);
    assert_true(is_true(completed, "photo.main"));
    struct harness_http_reply picture =
        harness_http(&(const struct harness_http_request){.url = text_at(completed, "photo.url")});
    assert_int_equal(picture.status, 200);
    assert_string_equal(harness_http_header(&picture, "Content-Type", 0), "image/webp");
    harness_http_free(&picture);
    assert_int_equal(at(completed, "photo.width")->number, 1600);
    assert_int_equal(at(completed, "photo.height")->number, 800);
    text_at(completed, "photo.smallUrl");
    text_at(completed, "photo.blurDataUrl");

    check = call(AUTH "GetSessionWithProfileCheck", cookie, "{}", 200);
    assert_true(is_true(check, "profileComplete"));
    expect_text(check, "nextStep", "NEXT_STEP_NONE");
    assert_null(at(check, "missingFields"));
    assert_null(at(check, "nextPath"));

    const struct qn_json *mine = call(PROFILE "GetMyProfile", cookie, "{}", 200);
    assert_true(is_true(mine, "profile.complete"));
    expect_text(mine, "profile.birthDate", "1990-12-10");
    assert_int_equal(at(mine, "profile.photos")->n_items, 1);

    /* Others see her, without the birth date; she does not see herself. */
    const char *other = sign_up("bob@example.com");
    const struct qn_json *list =
        call(PROFILE "ListProfiles", other, "{\"city\":\"LONDON\",\"minAge\":18}", 200);
    assert_int_equal(at(list, "profiles")->n_items, 1);
    expect_text(&at(list, "profiles")->items[0], "displayName", "Ada");
    assert_null(at(&at(list, "profiles")->items[0], "birthDate"));
    assert_null(at(call(PROFILE "ListProfiles", cookie, "{}", 200), "profiles"));
    const struct qn_json *photos = call(
        MEDIA "ListProfilePhotos", other,
        qn_arena_printf(&arena, "{\"userIds\":[\"%s\"]}", text_at(&at(list, "profiles")->items[0], "userId")),
        200);
    expect_text(&at(photos, "photos")->items[0], "url", text_at(completed, "photo.url"));
    expect_text(&at(call(MEDIA "GetImagePatterns", NULL, "{}", 200), "patterns")->items[0], "hostname",
                "127.0.0.1");

    call(MEDIA "DeletePhoto", cookie, qn_arena_printf(&arena, "{\"photoId\":\"%s\"}", id), 200);
    check = call(AUTH "GetSessionWithProfileCheck", cookie, "{}", 200);
    assert_false(is_true(check, "profileComplete"));
}

static void test_signing_out_ends_the_session(void **state)
{
    (void)state;
    const char *cookie = sign_up("leaver@example.com");
    struct harness_http_reply reply = harness_http_post(stack.url, AUTH "SignOut", cookie, "{}");
    assert_int_equal(reply.status, 200);
    const char *expired = harness_http_header(&reply, "Set-Cookie", 0);
    assert_non_null(strstr(expired, COOKIE "=; Max-Age=0"));
    harness_http_free(&reply);
    assert_false(is_true(call(AUTH "GetSessionWithProfileCheck", cookie, "{}", 200), "authenticated"));
    expect_text(call(PROFILE "GetMyProfile", cookie, "{}", 401), "code", "unauthenticated");
}

static void test_signing_in_with_the_right_and_the_wrong_password(void **state)
{
    (void)state;
    sign_up("again@example.com");
    const struct qn_json *in =
        call(AUTH "SignIn", NULL, "{\"email\":\"Again@Example.com\",\"password\":\"correct horse 1\"}", 200);
    expect_text(in, "user.email", "again@example.com");
    const struct qn_json *wrong =
        call(AUTH "SignIn", NULL, "{\"email\":\"again@example.com\",\"password\":\"wrong horse 1\"}", 401);
    const struct qn_json *unknown =
        call(AUTH "SignIn", NULL, "{\"email\":\"nobody@example.com\",\"password\":\"wrong horse 1\"}", 401);
    assert_str(at(wrong, "message")->text, text_at(unknown, "message"));
    call(AUTH "SignUp", NULL,
         "{\"name\":\"\",\"email\":\"again@example.com\",\"password\":\"correct horse 1\"}", 409);
}

/* One who is not signed in reaches nobody behind the guard. */
static void test_guarded_methods_want_a_session(void **state)
{
    (void)state;
    static const char *const METHODS[] = {
        PROFILE "CreateProfile",   PROFILE "GetProfile",    PROFILE "GetMyProfile", PROFILE "UpdateProfile",
        PROFILE "ListProfiles",    PROFILE "DeleteProfile", MEDIA "CreateUpload",   MEDIA "CompleteUpload",
        MEDIA "ListPhotos",        MEDIA "DeletePhoto",     MEDIA "SetMainPhoto",   MEDIA "ReorderPhotos",
        MEDIA "ListProfilePhotos",
    };
    for (size_t i = 0; i < sizeof METHODS / sizeof *METHODS; i++) {
        expect_text(call(METHODS[i], NULL, "{}", 401), "code", "unauthenticated");
        expect_text(
            call(METHODS[i], COOKIE "=forged.AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA%3D", "{}", 401),
            "code", "unauthenticated");
    }
}

static void test_everybody_under_eighteen_is_refused(void **state)
{
    (void)state;
    const char *cookie = sign_up("young@example.com");
    const struct qn_json *refused =
        call(PROFILE "CreateProfile", cookie, "{\"displayName\":\"Kid\",\"birthDate\":\"2015-01-01\"}", 400);
    expect_text(refused, "code", "invalid_argument");
    const struct qn_json *details = at(refused, "details");
    assert_non_null(details);
    expect_text(&at(&details->items[0], "debug.violations")->items[0], "field", "birth_date");
    call(PROFILE "GetMyProfile", cookie, "{}", 404);
}

/* The ids that a client gives go through every hop into every log. */
static void test_ids_reach_the_logs(void **state)
{
    (void)state;
    char url[256];
    snprintf(url, sizeof url, "%s%s", stack.url, AUTH "SignUp");
    struct harness_http_reply reply = harness_http(&(const struct harness_http_request){
        .url = url,
        .headers = {"Content-Type: application/json", "X-Request-Id: story-0815",
                    "traceparent: 00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"},
        .body =
            QN_STR("{\"name\":\"T\",\"email\":\"traced@example.com\",\"password\":\"correct horse 1\"}")});
    assert_int_equal(reply.status, 200);
    assert_string_equal(harness_http_header(&reply, "X-Request-Id", 0), "story-0815");
    harness_http_free(&reply);
    char *log = harness_service_log(stack.auth);
    assert_non_null(strstr(log, "signed up request=story-0815 trace=4bf92f3577b34da6a3ce929d0e0e4736 user="));
    free(log);
}

static void test_never_more_than_five_connections(void **state)
{
    (void)state;
    PGconn *admin = harness_postgres_admin(stack.postgres, NULL);
    long connections =
        harness_postgres_number(admin, "select count(*) from pg_stat_activity where usename = 'quintet'");
    assert_in_range(connections, 1, 5);
    assert_int_equal(
        harness_postgres_number(admin, "select rolconnlimit from pg_roles where rolname = 'quintet'"), 5);
    PQfinish(admin);
}

/* Each service ends by itself with 0, last the one with the database, which leaves no connection behind and
 * says of each that it was closed. */
static void test_orderly_end(void **state)
{
    (void)state;
    assert_int_equal(harness_service_stop(stack.gateway), 0);
    assert_int_equal(harness_service_stop(stack.media), 0);
    assert_int_equal(harness_service_stop(stack.auth), 0);
    assert_int_equal(harness_service_stop(stack.profile), 0);
    assert_int_equal(harness_postgres_held(stack.postgres), 0);
    char *log = harness_service_log(stack.profile);
    int closed = 0;
    for (const char *line = log; (line = strstr(line, "connection closed")); line++)
        closed++;
    assert_int_equal(closed, 5);
    free(log);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_session_check_without_a_session),
        cmocka_unit_test(test_from_sign_up_to_complete_profile),
        cmocka_unit_test(test_signing_out_ends_the_session),
        cmocka_unit_test(test_signing_in_with_the_right_and_the_wrong_password),
        cmocka_unit_test(test_guarded_methods_want_a_session),
        cmocka_unit_test(test_everybody_under_eighteen_is_refused),
        cmocka_unit_test(test_ids_reach_the_logs),
        cmocka_unit_test(test_never_more_than_five_connections),
        cmocka_unit_test(test_orderly_end),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
