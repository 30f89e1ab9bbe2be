#include <signal.h>
#include <stdio.h>
#include <stdlib.h>

#include "common/core/arena.h"
#include "common/core/check.h"
#include "tests/harness/http.h"
#include "tests/harness/stack.h"
#include "tests/harness/tables.h"
#include "tests/harness/test.h"

/* The routes over one's own account where no recording shows the way, and the same calls by Connect. */

#define BASE    "/api/auth"
#define AUTH    "/quintet.auth.v1.AuthService/"
#define EXPIRED "=; Max-Age=0; Path=/; HttpOnly; SameSite=Lax"
#define STRAY   "better-auth.session_data"

static struct harness_stack stack;
static struct qn_arena arena;
static PGconn *admin;
static const char *cookie, *user_id;

static struct harness_http_reply post_with(const char *path, const char *cookies, const char *json)
{
    const char *header = cookies ? qn_arena_printf(&arena, "Cookie: %s", cookies) : NULL;
    return harness_http(&(const struct harness_http_request){
        .url = qn_arena_printf(&arena, "%s%s", stack.url, path),
        .headers = {"Content-Type: application/json", "Origin: http://localhost:3000", header},
        .body = qn_str_c(json)});
}

static struct harness_http_reply post(const char *route, const char *json)
{
    return post_with(qn_arena_printf(&arena, BASE "%s", route), cookie, json);
}

static struct harness_http_reply get_with(const char *route, const char *cookies)
{
    return harness_http(&(const struct harness_http_request){
        .url = qn_arena_printf(&arena, "%s" BASE "%s", stack.url, route),
        .headers = {cookies ? qn_arena_printf(&arena, "Cookie: %s", cookies) : NULL}});
}

static struct harness_http_reply get(const char *route)
{
    return get_with(route, cookie);
}

static void expect(struct harness_http_reply reply, int status, const char *body)
{
    if (reply.status != status || strcmp(reply.body, body) != 0)
        fail_msg("%d %.400s, not %d %s", reply.status, reply.body, status, body);
    harness_http_free(&reply);
}

/* A part of a long body. */
static void expect_part(struct harness_http_reply reply, int status, const char *part)
{
    if (reply.status != status || !strstr(reply.body, part))
        fail_msg("%d %.800s, not %d with %s", reply.status, reply.body, status, part);
    harness_http_free(&reply);
}

static int set_up(void **state)
{
    (void)state;
    qn_arena_init(&arena, 64 * 1024 * 1024);
    harness_stack_start_on(&stack, harness_tables_start_empty(harness_tables_layout()),
                           (const char *const[]){"QUINTET_TIMEOUT=20s", NULL});
    admin = harness_postgres_admin(stack.postgres, NULL);
    harness_postgres_do(admin, "set timezone to 'UTC'"); /* what Prisma's columns hold */
    struct harness_http_reply reply =
        post_with(BASE "/sign-up/email", NULL,
                  "{\"name\":\"Ann\",\"email\":\"ann@example.com\",\"password\":\"correct horse 1\"}");
    assert_int_equal(reply.status, 200);
    cookie = qn_arena_strdup(&arena, harness_http_cookie(&reply, "better-auth.session_token"));
    harness_http_free(&reply);
    PGresult *row = PQexec(admin, "select id from \"user\" where email = 'ann@example.com'");
    user_id = qn_arena_strdup(&arena, PQgetvalue(row, 0, 0));
    PQclear(row);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    PQfinish(admin);
    harness_stack_stop(&stack);
    qn_arena_fini(&arena);
    return 0;
}

/* A browser may hold the product's cache of a session; whatever looks at the session makes it go. */
static void test_a_stray_cache_cookie_goes(void **state)
{
    (void)state;
    const char *both = qn_arena_printf(&arena, STRAY "=x; %s", cookie);
    static const char *const looks[] = {"/get-session", "/list-accounts", "/list-sessions"};
    for (size_t i = 0; i < QN_COUNT(looks); i++) {
        struct harness_http_reply reply = get_with(looks[i], both);
        assert_int_equal(reply.status, 200);
        assert_string_equal(harness_http_header(&reply, "Set-Cookie", 0), STRAY EXPIRED);
        assert_null(harness_http_header(&reply, "Set-Cookie", 1));
        harness_http_free(&reply);
    }
    struct harness_http_reply reply = get_with("/get-session", STRAY "=x"); /* no session is needed for it */
    assert_string_equal(harness_http_header(&reply, "Set-Cookie", 0), STRAY EXPIRED);
    expect(reply, 200, "null");
    reply = get_with("/ok", both);
    assert_null(harness_http_header(&reply, "Set-Cookie", 0));
    harness_http_free(&reply);
}

static void test_update_user_with_strange_values(void **state)
{
    (void)state;
    const char *no_text = "{\"message\":\"Invalid input: expected string\",\"code\":\"VALIDATION_ERROR\"}";
    expect(post("/update-user", "{\"name\":[\"a\"]}"), 400, no_text);
    expect(post("/update-user", "{\"image\":{}}"), 400, no_text);
    expect(post_with(BASE "/update-user", NULL, "{\"name\":[\"a\"]}"), 401,
           "{\"message\":\"Unauthorized\",\"code\":\"UNAUTHORIZED\"}");
    expect(post("/update-user", "{\"name\":\"a\\u0000b\"}"), 500, "");
    expect(post("/update-user", "{\"name\":true,\"image\":1.50}"), 200, "{\"status\":true}");
    assert_int_equal(harness_postgres_number(admin, "select count(*) from \"user\" where name = 'true'"
                                                    " and image = '1.5'"),
                     1);
    char *long_name = qn_arena_zalloc(&arena, 16386);
    memset(long_name, 'n', 16385);
    expect(post("/update-user", qn_arena_printf(&arena, "{\"name\":\"%s\"}", long_name)), 400,
           "{\"message\":\"name is too long\",\"code\":\"VALIDATION_ERROR\"}");
}

static void test_accounts_of_other_providers(void **state)
{
    (void)state;
    PQclear(PQexec(
        admin, qn_arena_printf(&arena,
                               "insert into account (id, \"accountId\", \"providerId\", \"userId\", scope,"
                               " \"createdAt\", \"updatedAt\") values ('gh-row', '4711', 'github', '%s',"
                               " 'read:user,user:email', '2999-01-01T00:00:00Z', '2999-01-01T00:00:00Z')",
                               user_id)));
    expect_part(get("/list-accounts"), 200,
                qn_arena_printf(&arena,
                                "{\"accountId\":\"4711\",\"providerId\":\"github\",\"userId\":\"%s\","
                                "\"createdAt\":\"2999-01-01T00:00:00.000Z\",\"updatedAt\":"
                                "\"2999-01-01T00:00:00.000Z\",\"id\":\"gh-row\","
                                "\"scopes\":[\"read:user\",\"user:email\"]}",
                                user_id));
    const char *unsupported =
        "{\"message\":\"Provider github is not supported.\",\"code\":\"PROVIDER_NOT_SUPPORTED\"}";
    expect(post("/refresh-token", "{\"accountId\":\"gh-row\"}"), 400, unsupported);
    expect(post("/get-access-token", "{\"accountId\":\"gh-row\"}"), 400, unsupported);
    expect(post("/get-access-token", "{}"), 400,
           "{\"message\":\"[body] Invalid input\",\"code\":\"VALIDATION_ERROR\"}");
    expect(get("/account-info?accountId=gh-row"), 400,
           "{\"message\":\"Account is not associated with a configured social provider.\","
           "\"code\":\"PROVIDER_NOT_CONFIGURED\"}");
    const char *not_found = "{\"message\":\"Account not found\",\"code\":\"ACCOUNT_NOT_FOUND\"}";
    expect(post("/unlink-account", "{\"accountId\":\"4711\"}"), 400, not_found);
    expect(post("/unlink-account", "{\"accountId\":\"a\\u0000b\"}"), 400, not_found);
    expect(post("/unlink-account", "{\"accountId\":\"gh-row\"}"), 200, "{\"status\":true}");
    struct harness_http_reply reply = get_with("/callback/github?code=x", NULL);
    assert_string_equal(harness_http_header(&reply, "Location", 0),
                        "http://localhost:8080/api/auth/error?error=state_not_found");
    expect(reply, 302, "");
    expect(get_with("/callback/", NULL), 404, "");
    expect(get_with("/callback/github/more", NULL), 404, "");
}

/* A provider that answers by a form is answered as better-auth 1.7.25 was seen to answer: by a redirect to
 * the same route, with what was said in its query. */
static void test_a_provider_that_posts(void **state)
{
    (void)state;
#define TO    "http://localhost:8080/api/auth/callback/"
#define FORM  "application/x-www-form-urlencoded"
#define JSON  "application/json"
#define WRONG "{\"message\":\"[body%s] Invalid input: expected %s\",\"code\":\"VALIDATION_ERROR\"}"
    static const struct {
        const char *path, *type, *body, *location;
    } CASES[] = {
        {"github", FORM, "code=a%20b&state=c&user=%7B%22n%22%3A1%7D&other=1",
         TO "github?code=a+b&state=c&user=%7B%22n%22%3A1%7D"},
        {"apple?iss=q&code=z", FORM, "code=a&state=c", TO "apple?code=z&state=c&iss=q"},
        {"github", JSON, "{\"state\":\"x\",\"error\":\"e\"}", TO "github?error=e&state=x"},
        {"github", JSON, "", TO "github?"},
        {"github", "", "", TO "github?"},
        {"github?state=", FORM, "state=x&code=&device_id=d&error_description=d%2Bd+e~*",
         TO "github?code=&device_id=d&error_description=d%2Bd+e%7E*&state="},
        {"a%20%C3%A4", FORM, "state=x", TO "a%20%C3%A4?state=x"},
    };
    for (size_t i = 0; i < QN_COUNT(CASES); i++) {
        struct harness_http_reply reply = harness_http(&(const struct harness_http_request){
            .method = "POST",
            .url = qn_arena_printf(&arena, "%s" BASE "/callback/%s", stack.url, CASES[i].path),
            .headers = {qn_arena_printf(&arena, "Content-Type:%s", CASES[i].type)},
            .body = qn_str_c(CASES[i].body)});
        const char *location = harness_http_header(&reply, "Location", 0);
        if (!location || strcmp(location, CASES[i].location) != 0)
            fail_msg("%s, %s: %d %s", CASES[i].path, CASES[i].body, reply.status, location);
        expect(reply, 302, "");
    }
    expect(post("/callback/github", "{\"state\":1}"), 400,
           qn_arena_printf(&arena, WRONG, ".state", "string, received number"));
    expect(post("/callback/github", "[]"), 400, qn_arena_printf(&arena, WRONG, "", "object, received array"));
    expect(post("/callback/github", "null"), 400,
           qn_arena_printf(&arena, WRONG, "", "object, received null"));
    expect_part(post("/callback/github", "{"), 400, "BAD_REQUEST");
    expect_part(post("/callback/github", "{\"callbackURL\":\"https://evil.example\"}"), 403,
                "INVALID_CALLBACK_URL");
    char *long_state = qn_arena_zalloc(&arena, 4097);
    memset(long_state, 's', 4096);
    expect_part(post("/callback/github", qn_arena_printf(&arena, "{\"state\":\"%s\"}", long_state)), 413,
                "PAYLOAD_TOO_LARGE");
    expect(post("/callback/", "{}"), 404, "");
    expect(post("/callback/a/b", "{}"), 404, "");
}

/* What a link brings along is shown as text, and is nothing else. */
static void test_the_error_page(void **state)
{
    (void)state;
    struct harness_http_reply reply =
        get_with("/error?error=bad_code&error_description=%3Cscript%3Ealert(%22%26%22)%3C%2Fscript%3E", NULL);
    assert_string_equal(harness_http_header(&reply, "Content-Type", 0), "text/html");
    assert_non_null(strstr(harness_http_header(&reply, "Content-Security-Policy", 0), "default-src 'none'"));
    assert_non_null(strstr(reply.body, "&lt;script&gt;alert(\"&amp;\")&lt;/script&gt;"));
    assert_null(strstr(reply.body, "<script"));
    expect_part(reply, 200, "<code>bad_code</code>");
    expect_part(get_with("/error?error=%3Cb%3E", NULL), 200, "<code>UNKNOWN</code>");
    expect_part(get_with("/error", NULL), 200, "<code>UNKNOWN</code>");
}

/* A row with less than six days left is due; this query, and that alone, leaves it so. */
static void test_disable_refresh_holds_for_every_route(void **state)
{
    (void)state;
    static const char *const due = "update session set \"expiresAt\" = now() + interval '5 days'",
                             *const left = "select round(extract(epoch from \"expiresAt\" - now()) / 86400)"
                                           " from session";
    PQclear(PQexec(admin, due));
    struct harness_http_reply reply = get("/list-accounts?disableRefresh=true");
    assert_null(harness_http_header(&reply, "Set-Cookie", 0));
    harness_http_free(&reply);
    reply =
        post("/verify-password?disableRefresh=false", "{\"password\":\"correct horse 1\"}"); /* any text */
    assert_null(harness_http_header(&reply, "Set-Cookie", 0));
    expect(reply, 200, "{\"status\":true}");
    assert_int_equal(harness_postgres_number(admin, left), 5);
    reply = post("/verify-password", "{\"password\":\"wrong horse 1\"}"); /* also when it then refuses */
    assert_non_null(harness_http_header(&reply, "Set-Cookie", 0));
    expect(reply, 400, "{\"message\":\"Invalid password\",\"code\":\"INVALID_PASSWORD\"}");
    assert_int_equal(harness_postgres_number(admin, left), 7);
}

static void test_the_same_by_connect(void **state)
{
    (void)state;
    expect_part(post_with(AUTH "ListSessions", NULL, "{}"), 401, "\"reason\":\"NO_SESSION\"");
    expect_part(post_with(AUTH "ListSessions", cookie, "{}"), 200, "{\"sessions\":[{\"id\":");
    expect_part(post_with(AUTH "ListAccounts", cookie, "{}"), 200, "\"providerId\":\"credential\"");
    expect_part(post_with(AUTH "ChangePassword", cookie,
                          "{\"currentPassword\":\"correct horse 1\",\"newPassword\":\"short\"}"),
                400,
                "\"reason\":\"PASSWORD_TOO_SHORT\",\"violations\":[{\"field\":\"new_password\","
                "\"description\":\"must have 8 characters or more\"}]");
    expect_part(post_with(AUTH "UpdateUser", cookie, "{\"name\":\"Connected\",\"updateMask\":[\"name\"]}"),
                200, "\"name\":\"Connected\"");
    expect_part(post_with(AUTH "UpdateUser", cookie, "{\"updateMask\":[\"email\"]}"), 400,
                "\"field\":\"update_mask\"");
    expect_part(post_with(AUTH "DeleteUser", cookie, "{\"password\":\"correct horse 1\"}"), 501,
                "\"reason\":\"DELETE_USER_DISABLED\"");
    expect_part(post_with(AUTH "RefreshSession", cookie, "{}"), 200, "\"state\":\"SESSION_STATE_LIVE\"");
    expect(post_with(AUTH "RevokeOtherSessions", cookie, "{}"), 200, "{}");
    /* They write, so no link may call them. */
    struct harness_http_reply reply = harness_http(&(const struct harness_http_request){
        .url = qn_arena_printf(&arena, "%s" AUTH "RefreshSession?connect=v1&encoding=json&message=%%7B%%7D",
                               stack.url)});
    assert_int_equal(reply.status, 405);
    harness_http_free(&reply);
}

/* The product answers 401 then, and a site would send its users to sign in. */
static void test_nobody_is_signed_out_by_an_outage(void **state)
{
    (void)state;
    harness_service_signal(stack.profile, SIGKILL);
    assert_int_equal(harness_service_wait(stack.profile), -SIGKILL);
    struct harness_http_reply reply = get("/list-sessions");
    assert_in_range(reply.status, 503, 504);
    assert_null(harness_http_header(&reply, "Set-Cookie", 0));
    harness_http_free(&reply);
    harness_stack_start_profile(&stack);
    harness_service_await(stack.profile, true);
    harness_service_await(stack.auth, true);
    harness_service_await(stack.gateway, true);
    expect_part(get("/list-sessions"), 200, "\"token\":");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_stray_cache_cookie_goes),
        cmocka_unit_test(test_update_user_with_strange_values),
        cmocka_unit_test(test_accounts_of_other_providers),
        cmocka_unit_test(test_a_provider_that_posts),
        cmocka_unit_test(test_the_error_page),
        cmocka_unit_test(test_disable_refresh_holds_for_every_route),
        cmocka_unit_test(test_the_same_by_connect),
        cmocka_unit_test(test_nobody_is_signed_out_by_an_outage),
    };
    return harness_tables_run_on_each(tests, QN_COUNT(tests), set_up, tear_down);
}
