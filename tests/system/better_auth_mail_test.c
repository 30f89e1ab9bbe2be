#include <stdlib.h>

#include "common/core/arena.h"
#include "common/core/check.h"
#include "tests/harness/http.h"
#include "tests/harness/smtp.h"
#include "tests/harness/stack.h"
#include "tests/harness/tables.h"
#include "tests/harness/test.h"

/* The routes of links by mail where no recording shows the way, and the same calls by Connect. */

#define BASE "/api/auth"
#define AUTH "/quintet.auth.v1.AuthService/"
#define SITE "http://localhost:8080"

static struct harness_stack stack;
static struct harness_smtp *smtp;
static PGconn *admin;
static const char *cookie;

static struct harness_http_reply post(const char *path, const char *cookies, const char *json)
{
    return harness_http(&(const struct harness_http_request){
        .url = harness_text("%s%s", stack.url, path),
        .headers = {"Content-Type: application/json", "Origin: http://localhost:3000",
                    cookies ? harness_text("Cookie: %s", cookies) : NULL},
        .body = qn_str_c(json)});
}

static struct harness_http_reply get(const char *route, const char *cookies)
{
    return harness_http(&(const struct harness_http_request){
        .url = harness_text("%s" BASE "%s", stack.url, route),
        .headers = {cookies ? harness_text("Cookie: %s", cookies) : NULL}});
}

static void expect(struct harness_http_reply reply, int status, const char *part)
{
    if (reply.status != status || !strstr(reply.body, part))
        fail_msg("%d %.400s, not %d with %s", reply.status, reply.body, status, part);
    harness_http_free(&reply);
}

static void expect_location(const char *route, const char *location)
{
    struct harness_http_reply reply = get(route, NULL);
    assert_int_equal(reply.status, 302);
    assert_string_equal(harness_http_header(&reply, "Location", 0), location);
    harness_http_free(&reply);
}

static int set_up(void **state)
{
    (void)state;
    smtp = harness_smtp_start(HARNESS_SMTP_PLAIN, NULL, NULL);
    harness_stack_start_on(
        &stack, harness_tables_start_empty(harness_tables_layout()),
        (const char *const[]){"SMTP_FROM=no-reply@example.com", "QUINTET_AUTH_CHANGE_EMAIL=true",
                              "QUINTET_AUTH_DELETE_USER=true", "QUINTET_AUTH_DELETE_USER_BY_MAIL=true",
                              harness_text("SMTP_URL=smtp://127.0.0.1:%u", harness_smtp_port(smtp)), NULL});
    admin = harness_postgres_admin(stack.postgres, NULL);
    harness_postgres_do(admin, "set timezone to 'UTC'"); /* what Prisma's columns hold */
    struct harness_http_reply reply =
        post(BASE "/sign-up/email", NULL,
             "{\"name\":\"Ann\",\"email\":\"ann@example.com\",\"password\":\"correct horse 1\"}");
    assert_int_equal(reply.status, 200);
    cookie = harness_text("%s", harness_http_cookie(&reply, "better-auth.session_token"));
    harness_http_free(&reply);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    PQfinish(admin);
    harness_stack_stop(&stack);
    harness_smtp_stop(smtp);
    return 0;
}

static void test_where_the_link_of_a_reset_leads(void **state)
{
    (void)state;
    expect_location("/reset-password/nope?callbackURL=%2Freset%23part",
                    SITE "/reset?error=INVALID_TOKEN#part");
    expect_location("/reset-password/nope?callbackURL=%2Freset%3Fa%3Db%23part",
                    SITE "/reset?a=b&error=INVALID_TOKEN#part");
    expect_location("/reset-password/nope?callbackURL=", SITE BASE "/error?error=INVALID_TOKEN");
    expect_location("/reset-password/a%22b?callbackURL=%2Freset", SITE "/reset?error=INVALID_TOKEN");
    expect_location("/reset-password/%00?callbackURL=%2Freset", SITE "/reset?error=INVALID_TOKEN");
    expect(get("/reset-password/a/b?callbackURL=%2Freset", NULL), 404, "");
    expect(get("/reset-password/?callbackURL=%2Freset", NULL), 404, "");
    expect(get("/verify-email?token=%00&callbackURL=", NULL), 401, "INVALID_TOKEN");
    expect_location("/verify-email?token=nope&callbackURL=%2Fwelcome%3F%23part",
                    "/welcome?error=INVALID_TOKEN#part");
    expect_location("/verify-email?token=nope&callbackURL=%2Fgr%C3%B6%C3%9Fe%20%22m%22",
                    "/gr%C3%B6%C3%9Fe%20%22m%22?error=INVALID_TOKEN");
}

/* No token is not the same as asking for the mail, or as being asked for nothing. */
static void test_deletion_wants_its_token(void **state)
{
    (void)state;
    static const char ANN[] = "select count(*) from \"user\" where email = 'ann@example.com'";
    expect(get("/delete-user/callback", cookie), 400, "[query.token]");
    expect(get("/delete-user/callback?token=", cookie), 404, "INVALID_TOKEN");
    expect(get("/delete-user/callback?token=%00", cookie), 404, "INVALID_TOKEN");
    expect(get("/delete-user/callback?token=x&callbackURL=https%3A%2F%2Fevil.example.net", cookie), 403,
           "INVALID_CALLBACK_URL");
    assert_int_equal(harness_postgres_number(admin, ANN), 1);
    assert_int_equal(
        harness_postgres_number(admin, "select count(*) from verification where identifier like 'delete-%'"),
        0);
}

static void test_the_same_by_connect(void **state)
{
    (void)state;
    expect(post(AUTH "RequestPasswordReset", NULL, "{\"email\":\"nobody@example.com\"}"), 200, "{}");
    expect(post(AUTH "RequestPasswordReset", NULL, "{\"email\":\"ann@example.com\"}"), 200, "{}");
    harness_smtp_await(smtp, 1);
    assert_string_equal(harness_smtp_mail(smtp, 0).to, "ann@example.com");
    expect(post(AUTH "RequestPasswordReset", NULL, "{\"email\":\"x\"}"), 400, "\"reason\":\"INVALID_EMAIL\"");
    expect(post(AUTH "CheckPasswordReset", NULL, "{\"token\":\"nope\"}"), 200, "{}");
    expect(post(AUTH "ResetPassword", NULL, "{\"token\":\"nope\",\"newPassword\":\"brand new pass\"}"), 400,
           "\"reason\":\"INVALID_TOKEN\"");
    expect(post(AUTH "SendVerificationEmail", cookie, "{\"email\":\"other@example.com\"}"), 400,
           "\"reason\":\"EMAIL_MISMATCH\"");
    expect(post(AUTH "VerifyEmail", NULL, "{\"token\":\"nope\"}"), 400, "\"reason\":\"INVALID_TOKEN\"");
    expect(post(AUTH "ChangeEmail", NULL, "{\"newEmail\":\"other@example.com\"}"), 401,
           "\"reason\":\"NO_SESSION\"");
    expect(post(AUTH "ChangeEmail", cookie, "{\"newEmail\":\"ann@example.com\"}"), 400,
           "\"reason\":\"EMAIL_IS_THE_SAME\"");
    assert_int_equal(harness_smtp_n_mails(smtp), 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_where_the_link_of_a_reset_leads),
        cmocka_unit_test(test_deletion_wants_its_token),
        cmocka_unit_test(test_the_same_by_connect),
    };
    return harness_tables_run_on_each(tests, QN_COUNT(tests), set_up, tear_down);
}
