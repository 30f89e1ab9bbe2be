#include <signal.h>
#include <stdio.h>
#include <stdlib.h>

#include "common/core/arena.h"
#include "common/core/check.h"
#include "tests/harness/http.h"
#include "tests/harness/stack.h"
#include "tests/harness/tables.h"
#include "tests/harness/test.h"

/* Better Auth's face where no recording shows the way: our own limits, what is not UTF-8, and the database
 * away. */

#define BASE    "/api/auth"
#define COOKIE  "better-auth.session_token"
#define EXPIRED "=; Max-Age=0; Path=/; HttpOnly; SameSite=Lax"

static struct harness_stack stack;
static struct qn_arena arena;
static const char *cookie; /* of a session, "name=value" */

static char *url(const char *path)
{
    return qn_arena_printf(&arena, "%s" BASE "%s", stack.url, path);
}

static struct harness_http_reply post(const char *path, const char *header, struct qn_str body)
{
    return harness_http(&(const struct harness_http_request){
        .url = url(path), .headers = {"Content-Type: application/json", header}, .body = body});
}

static struct harness_http_reply get(const char *path, const char *header)
{
    return harness_http(&(const struct harness_http_request){.url = url(path), .headers = {header}});
}

static const char *cookie_header(const char *before)
{
    return qn_arena_printf(&arena, "Cookie: %s%s", before, cookie);
}

static int set_up(void **state)
{
    (void)state;
    qn_arena_init(&arena, 64 * 1024 * 1024);
    harness_stack_start_on(&stack, harness_tables_start_empty(harness_tables_layout()),
                           (const char *const[]){"QUINTET_TIMEOUT=20s", NULL});
    struct harness_http_reply reply =
        post("/sign-up/email", NULL,
             QN_STR("{\"name\":\"Eve\",\"email\":\"eve@example.com\",\"password\":\"correct horse 1\"}"));
    assert_int_equal(reply.status, 200);
    cookie = qn_arena_strdup(&arena, harness_http_cookie(&reply, COOKIE));
    harness_http_free(&reply);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    harness_stack_stop(&stack);
    qn_arena_fini(&arena);
    return 0;
}

static void expect(struct harness_http_reply reply, int status, const char *body)
{
    if (reply.status != status || strcmp(reply.body, body) != 0)
        fail_msg("%d %.400s, not %d %s", reply.status, reply.body, status, body);
    harness_http_free(&reply);
}

static char *repeat(char c, size_t n)
{
    char *text = qn_arena_zalloc(&arena, n + 1);
    memset(text, c, n);
    return text;
}

static struct harness_http_reply sign_up(const char *name, const char *email)
{
    return post(
        "/sign-up/email", NULL,
        qn_str_c(qn_arena_printf(
            &arena, "{\"name\":\"%s\",\"email\":\"%s\",\"password\":\"correct horse 1\"}", name, email)));
}

/* The product has no limits here; ours are errors of the product's kind, and nothing like a fault within. */
static void test_limits(void **state)
{
    (void)state;
    expect(sign_up(repeat('n', 16385), "long-name@example.com"), 400,
           "{\"message\":\"name is too long\",\"code\":\"VALIDATION_ERROR\"}");
    expect(sign_up("", qn_arena_printf(&arena, "%s@example.com", repeat('e', 1024))), 400,
           "{\"message\":\"[body.email] Invalid email address\",\"code\":\"VALIDATION_ERROR\"}");
    expect(sign_up(repeat('n', 1024 * 1024), "long-body@example.com"), 413,
           "{\"message\":\"Request body too large\",\"code\":\"PAYLOAD_TOO_LARGE\"}");
}

static void test_what_is_not_utf8(void **state)
{
    (void)state;
    expect(post("/sign-in/email", NULL, QN_STR("{\"email\":\"a@example.com\",\"password\":\"\xff\"}")), 400,
           "{\"message\":\"Invalid JSON in request body\",\"code\":\"BAD_REQUEST\"}");
    expect(harness_http(&(const struct harness_http_request){
               .url = url("/sign-in/email"),
               .headers = {"Content-Type: application/x-www-form-urlencoded"},
               .body = QN_STR("email=a%40example.com&password=%ff")}),
           400, "{\"message\":\"Invalid form in request body\",\"code\":\"BAD_REQUEST\"}");
    expect(harness_http(&(const struct harness_http_request){
               .url = url("/sign-in/email"), .headers = {"Content-Type: text/\xff"}, .body = QN_STR("x")}),
           415, "{\"message\":\"Content-Type is not allowed\",\"code\":\"UNSUPPORTED_MEDIA_TYPE\"}");
}

/* A callbackURL stands in the query too; and what JavaScript takes for false is none, but no string either.
 */
static void test_callbacks(void **state)
{
    (void)state;
    struct qn_str plain = QN_STR("{\"email\":\"eve@example.com\",\"password\":\"wrong horse 1\"}");
    expect(post("/sign-in/email?callbackURL=https%3A%2F%2Fevil.example.net", NULL, plain), 403,
           "{\"message\":\"Invalid callbackURL\",\"code\":\"INVALID_CALLBACK_URL\"}");
    expect(post("/sign-in/email?callbackURL=%2Fdash", NULL, plain), 401,
           "{\"message\":\"Invalid email or password\",\"code\":\"INVALID_EMAIL_OR_PASSWORD\"}");
    expect(post("/sign-in/email", NULL,
                QN_STR("{\"email\":\"eve@example.com\",\"password\":\"x\",\"callbackURL\":false}")),
           400,
           "{\"message\":\"[body.callbackURL] Invalid input: expected string, received boolean\","
           "\"code\":\"VALIDATION_ERROR\"}");
    expect(post("/sign-out", NULL, QN_STR("{\"redirectTo\":\"//evil.example.net\"}")), 403,
           "{\"message\":\"Invalid redirectURL\",\"code\":\"INVALID_REDIRECT_URL\"}");
    expect(post("/sign-out", NULL, QN_STR("{\"errorCallbackURL\":[]}")), 400,
           "{\"message\":\"Invalid errorCallbackURL: expected a string\"}");
}

/* A browser may still hold the product's cache of a session, as large as a cookie can be: the session counts
 * all the same, and the cache is to go. */
static void test_a_large_cache_cookie_hides_no_session(void **state)
{
    (void)state;
    struct harness_http_reply reply =
        get("/get-session",
            cookie_header(qn_arena_printf(&arena, "better-auth.session_data=%s; ", repeat('c', 4000))));
    assert_int_equal(reply.status, 200);
    assert_non_null(strstr(reply.body, "\"email\":\"eve@example.com\""));
    assert_string_equal(harness_http_header(&reply, "Set-Cookie", 0), "better-auth.session_data" EXPIRED);
    assert_null(harness_http_header(&reply, "Set-Cookie", 1));
    harness_http_free(&reply);
}

/* Proxies may take out the blanks between cookies; the gateway puts them back between those it hands on,
 * which takes more room than came. */
static void test_cookies_without_blanks(void **state)
{
    (void)state;
    struct harness_http_reply reply =
        get("/get-session",
            cookie_header("__Secure-better-auth.dont_remember=;__Secure-better-auth.session_token=;"
                          "better-auth.dont_remember_not=;"));
    assert_int_equal(reply.status, 200);
    assert_non_null(strstr(reply.body, "\"email\":\"eve@example.com\""));
    harness_http_free(&reply);
}

/* The product's own answers while its database cannot be reached, as far as they do not tell a lie: nobody is
 * taken for signed out, and who signs out is, on that browser. */
/* A session keeps as much of a user agent as there is room for, and never half a character. (A long one was
 * lost whole.) */
static void test_a_long_user_agent_is_cut(void **state)
{
    (void)state;
    const char *body = "{\"email\":\"eve@example.com\",\"password\":\"correct horse 1\"}";
    const char *const as[] = {repeat('a', 4096), repeat('a', 4095)};
    for (size_t i = 0; i < QN_COUNT(as); i++) {
        struct harness_http_reply reply =
            post("/sign-in/email", qn_arena_printf(&arena, "User-Agent: %s\xc3\xa9", as[i]), qn_str_c(body));
        assert_int_equal(reply.status, 200);
        const char *its = qn_arena_strdup(&arena, harness_http_cookie(&reply, COOKIE));
        harness_http_free(&reply);
        reply = get("/get-session", qn_arena_printf(&arena, "Cookie: %s", its));
        assert_non_null(strstr(reply.body, qn_arena_printf(&arena, "\"userAgent\":\"%s\",", as[i])));
        harness_http_free(&reply);
    }
}

static void test_database_away(void **state)
{
    (void)state;
    harness_service_signal(stack.profile, SIGKILL);
    assert_int_equal(harness_service_wait(stack.profile), -SIGKILL);

    expect(get("/get-session", NULL), 200, "null");
    struct harness_http_reply reply = get("/get-session", cookie_header(""));
    assert_string_equal(harness_http_header(&reply, "Cache-Control", 0), "no-store");
    assert_null(harness_http_header(&reply, "Set-Cookie", 0));
    expect(reply, 500, "{\"message\":\"Failed to get session\",\"code\":\"FAILED_TO_GET_SESSION\"}");

    reply = harness_http(&(const struct harness_http_request){
        .url = url("/sign-out"),
        .headers = {"Content-Type: application/json", "Origin: http://localhost:3000", cookie_header("")},
        .body = QN_STR("{}")});
    assert_string_equal(harness_http_header(&reply, "Set-Cookie", 0), COOKIE EXPIRED);
    assert_string_equal(harness_http_header(&reply, "Set-Cookie", 2), "better-auth.dont_remember" EXPIRED);
    expect(reply, 200, "{\"success\":true}");

    reply = post("/sign-in/email", NULL,
                 QN_STR("{\"email\":\"eve@example.com\",\"password\":\"correct horse 1\"}"));
    assert_in_range(reply.status, 503, 504);
    assert_int_equal(reply.body_len, 0);
    harness_http_free(&reply);

    harness_stack_start_profile(&stack);
    harness_service_await(stack.profile, true);
    harness_service_await(stack.auth, true);
    harness_service_await(stack.gateway, true);
    reply = get("/get-session", cookie_header(""));
    assert_int_equal(reply.status, 200);
    assert_non_null(strstr(reply.body, "\"email\":\"eve@example.com\""));
    harness_http_free(&reply);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_limits),
        cmocka_unit_test(test_what_is_not_utf8),
        cmocka_unit_test(test_callbacks),
        cmocka_unit_test(test_a_large_cache_cookie_hides_no_session),
        cmocka_unit_test(test_cookies_without_blanks),
        cmocka_unit_test(test_a_long_user_agent_is_cut),
        cmocka_unit_test(test_database_away),
    };
    return harness_tables_run_on_each(tests, QN_COUNT(tests), set_up, tear_down);
}
