#include <stdlib.h>

#include "tests/harness/http.h"
#include "tests/harness/stack.h"
#include "tests/harness/test.h"

/* Sessions without cookies, as an app shows them that is no browser: Authorization: Bearer, on both faces.
 * What Better Auth's own plugin answers is recorded, and asked in better_auth_test.c; here is what it has
 * not: the Connect face, the guard before the other services, and that all of it is off unless switched on.
 */

#define AUTH    "/quintet.auth.v1.AuthService/"
#define PROFILE "/quintet.profile.v1.ProfileService/"
#define APP     "https://app.example.com"

enum { TOKEN_LEN = 32, SIGNATURE_LEN = 44 };

static struct harness_stack stack; /* its own gateway has the setting's default */
static struct harness_service *gateways[2];
static const char *off, *on, *only_signed; /* URLs */

static const char *start_gateway(size_t i, const char *setting)
{
    const char *environment[] = {
        harness_text("QUINTET_AUTH_ADDRESS=ipc://%s/auth", harness_folder()),
        harness_text("QUINTET_PROFILE_ADDRESS=ipc://%s/profile", harness_folder()),
        harness_text("QUINTET_MEDIA_ADDRESS=ipc://%s/media", harness_folder()),
        "QUINTET_CORS_ORIGINS=" APP,
        setting,
        NULL,
    };
    gateways[i] = harness_service_start(&(const struct harness_service_options){
        .program = "quintet-gateway", .environment = environment, .http = true});
    harness_service_await(gateways[i], true);
    return harness_text("http://127.0.0.1:%u", harness_service_http_port(gateways[i]));
}

static int set_up(void **state)
{
    (void)state;
    harness_stack_start(&stack, NULL);
    off = stack.url;
    on = start_gateway(0, "QUINTET_AUTH_BEARER=true");
    only_signed = start_gateway(1, "QUINTET_AUTH_BEARER=signed");
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof gateways / sizeof *gateways; i++)
        assert_int_equal(harness_service_stop(gateways[i]), 0);
    harness_stack_stop(&stack);
    return 0;
}

/* A call with these headers, whole lines; NULL: without. */
static struct harness_http_reply call(const char *url, const char *path, const char *authorization,
                                      const char *cookie)
{
    struct harness_http_request request = {.url = harness_text("%s%s", url, path), .body = QN_STR("{}")};
    size_t n = 0;
    request.headers[n++] = "Content-Type: application/json";
    if (authorization)
        request.headers[n++] = authorization;
    if (cookie)
        request.headers[n++] = cookie;
    return harness_http(&request);
}

static void expect(const char *url, const char *path, const char *authorization, const char *cookie,
                   int status, const char *part)
{
    struct harness_http_reply reply = call(url, path, authorization, cookie);
    if (reply.status != status || strstr(reply.body, part) == NULL)
        fail_msg("%s, %s: %d %s", path, authorization ? authorization : "nothing", reply.status, reply.body);
    harness_http_free(&reply);
}

struct someone {
    const char *bare, *whole; /* header lines: the token, and token.signature */
    const char *cookie;       /* the same as a Cookie header */
    const char *token;
};

/* Signs up by Connect where the plugin is on. */
static struct someone sign_up(const char *email)
{
    struct harness_http_reply reply = harness_http_post(
        on, AUTH "SignUp", NULL,
        harness_text("{\"name\":\"Ada\",\"email\":\"%s\",\"password\":\"correct horse 1\"}", email));
    assert_int_equal(reply.status, 200);
    const char *shown = harness_http_header(&reply, "Set-Auth-Token", 0);
    assert_non_null(shown);
    assert_int_equal(strlen(shown), TOKEN_LEN + 1 + SIGNATURE_LEN);
    assert_int_equal(shown[TOKEN_LEN], '.');
    assert_null(strchr(shown, '%'));
    assert_string_equal(harness_http_header(&reply, "Access-Control-Expose-Headers", 0), "set-auth-token");
    struct someone who = {
        .bare = harness_text("Authorization: Bearer %.*s", TOKEN_LEN, shown),
        .whole = harness_text("authorization: bearer %s", shown),
        .token = harness_text("%.*s", TOKEN_LEN, shown),
    };
    who.cookie = harness_text("Cookie: %s", harness_http_cookie(&reply, "better-auth.session_token"));
    harness_http_free(&reply);
    return who;
}

static void test_off_it_is_not_looked_at(void **state)
{
    (void)state;
    struct someone who = sign_up("off@example.com"), other = sign_up("off-other@example.com");
    expect(off, AUTH "GetSession", who.whole, NULL, 200, "SESSION_STATE_NONE");
    expect(off, PROFILE "GetMyProfile", who.bare, NULL, 401, "NO_SESSION");
    expect(off, AUTH "GetSession", who.bare, other.cookie, 200, other.token);
    struct harness_http_reply reply = harness_http_post(
        off, AUTH "SignIn", NULL, "{\"email\":\"off@example.com\",\"password\":\"correct horse 1\"}");
    assert_int_equal(reply.status, 200);
    assert_null(harness_http_header(&reply, "Set-Auth-Token", 0));
    assert_null(harness_http_header(&reply, "Access-Control-Expose-Headers", 0));
    harness_http_free(&reply);
}

/* Through the guard to other services, and to auth itself. */
static void test_it_does_for_every_method(void **state)
{
    (void)state;
    struct someone who = sign_up("on@example.com");
    const char *const shown[] = {who.bare, who.whole};
    for (size_t i = 0; i < sizeof shown / sizeof *shown; i++) {
        expect(on, AUTH "GetSession", shown[i], NULL, 200, "SESSION_STATE_LIVE");
        expect(on, AUTH "GetSessionWithProfileCheck", shown[i], NULL, 200, "NEXT_STEP_CREATE_PROFILE");
        expect(on, AUTH "ListSessions", shown[i], NULL, 200, who.token);
        expect(on, PROFILE "GetMyProfile", shown[i], NULL, 404, "not_found"); /* let through: none made yet */
        expect(on, "/quintet.media.v1.MediaService/ListPhotos", shown[i], NULL, 200, "{");
    }
    expect(on, PROFILE "GetMyProfile", "Authorization: Bearer nope", NULL, 401, "NO_SESSION");
    expect(on, PROFILE "GetMyProfile", "Authorization: Basic YTpi", NULL, 401, "NO_SESSION");
    expect(on, PROFILE "GetMyProfile", NULL, NULL, 401, "NO_SESSION");
    /* One that was ended by either face is gone. */
    expect(on, "/api/auth/sign-out", who.bare, NULL, 200, "true");
    expect(on, PROFILE "GetMyProfile", who.whole, NULL, 401, "NO_SESSION");
}

/* Of two the token counts, as in the product, which puts it in the cookie's place; a forged one does not. */
static void test_with_a_cookie(void **state)
{
    (void)state;
    struct someone who = sign_up("both@example.com"), other = sign_up("both-other@example.com");
    const char *forged =
        harness_text("Authorization: Bearer %s.AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=", who.token);
    expect(on, AUTH "GetSession", who.bare, other.cookie, 200, who.token);
    expect(on, AUTH "GetSession", forged, other.cookie, 200, other.token);
    expect(on, AUTH "GetSession", forged, NULL, 200, "SESSION_STATE_BAD_SIGNATURE");
}

static void test_a_bare_one_will_not_do_where_a_signature_is_wanted(void **state)
{
    (void)state;
    struct someone who = sign_up("signed@example.com"), other = sign_up("signed-other@example.com");
    expect(only_signed, PROFILE "GetMyProfile", who.whole, NULL, 404, "not_found");
    expect(only_signed, PROFILE "GetMyProfile", who.bare, NULL, 401, "NO_SESSION");
    expect(only_signed, AUTH "GetSession", who.bare, other.cookie, 200, other.token);
}

/* What sets the session cookie again says the token again; what expires it does not. */
static void test_when_it_is_said(void **state)
{
    (void)state;
    struct someone who = sign_up("again@example.com");
    PGconn *admin = harness_postgres_admin(stack.postgres, NULL);
    struct harness_http_reply reply = call(on, AUTH "RefreshSession", who.bare, NULL);
    assert_int_equal(reply.status, 200);
    assert_null(harness_http_header(&reply, "Set-Auth-Token", 0)); /* not due */
    harness_http_free(&reply);
    PQclear(PQexecParams(admin,
                         "update session set \"expiresAt\" = now() + interval '1 day' where token = $1", 1,
                         NULL, &who.token, NULL, NULL, 0));
    reply = call(on, AUTH "RefreshSession", who.bare, NULL);
    const char *said = harness_http_header(&reply, "Set-Auth-Token", 0);
    assert_non_null(said);
    assert_string_equal(said, strrchr(who.whole, ' ') + 1);
    harness_http_free(&reply);
    reply = call(on, AUTH "SignOut", who.bare, NULL);
    assert_int_equal(reply.status, 200);
    assert_non_null(harness_http_header(&reply, "Set-Cookie", 0));
    assert_null(harness_http_header(&reply, "Set-Auth-Token", 0));
    harness_http_free(&reply);
    PQfinish(admin);
}

/* The list of what scripts may read is one, with the token in it. */
static void test_from_a_page_of_another_origin(void **state)
{
    (void)state;
    struct harness_http_reply reply = harness_http(&(const struct harness_http_request){
        .url = harness_text("%s" AUTH "SignUp", on),
        .headers = {"Content-Type: application/json", "Origin: " APP},
        .body = QN_STR("{\"name\":\"A\",\"email\":\"page@example.com\",\"password\":\"correct horse 1\"}")});
    assert_int_equal(reply.status, 200);
    const char *exposed = harness_http_header(&reply, "Access-Control-Expose-Headers", 0);
    assert_non_null(exposed);
    assert_non_null(strstr(exposed, "Set-Auth-Token"));
    assert_null(harness_http_header(&reply, "Access-Control-Expose-Headers", 1));
    assert_non_null(harness_http_header(&reply, "Set-Auth-Token", 0));
    harness_http_free(&reply);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_off_it_is_not_looked_at),
        cmocka_unit_test(test_it_does_for_every_method),
        cmocka_unit_test(test_with_a_cookie),
        cmocka_unit_test(test_a_bare_one_will_not_do_where_a_signature_is_wanted),
        cmocka_unit_test(test_when_it_is_said),
        cmocka_unit_test(test_from_a_page_of_another_origin),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
