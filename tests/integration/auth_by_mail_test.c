/* What goes by mail: passwords reset, addresses verified and changed, users deleted; with a mail server of
 * the test's own. That nobody else was written to is proven at the end: auth tries what waits before it goes,
 * and then there are as many mails as were awaited.
 *
 * Why this file is long: one stand of helpers (mails, tokens, costs) serves all flows, and each flow begins
 * where another one ends. */
#include <stdlib.h>

#include "common/core/check.h"
#include "common/core/encode.h"
#include "services/auth/ticket.h"
#include "tests/harness/smtp.h"
#include "tests/harness/test.h"
#include "tests/integration/auth_fixture.h"

#define METHOD(name) (&quintet_auth_v1_auth_service_##name)
#define PASSWORD     "correct horse 1"
#define URL          "BETTER_AUTH_URL=https://app.example.com/"
#define BASE         "https://app.example.com/api/auth"

static struct auth_fixture fixture;
static struct harness_smtp *smtp;
static size_t n_mails; /* awaited so far */
static int users;

struct someone {
    const char *email, *cookie, *id;
};

static int connect_test(void **state)
{
    (void)state;
    auth_fixture_connect(&fixture);
    return 0;
}

static int disconnect_test(void **state)
{
    (void)state;
    auth_fixture_disconnect(&fixture);
    return 0;
}

static struct someone sign_up(void)
{
    struct auth_call call = {0};
    struct someone who = {.email = harness_text("mail%d@example.com", users++)};
    auth_fixture_sign_up(&fixture, &call, "User", who.email, QN_STR(PASSWORD), false);
    auth_fixture_expect(&call, QN_OK, NULL);
    const Quintet__Auth__V1__SignUpResponse *out = call.request.out;
    who.cookie = call.request.n_set_cookies ? auth_fixture_cookie(&call, 0) : NULL;
    who.id = harness_text("%s", out->user->id);
    auth_fixture_forget(&call);
    return who;
}

/* Asks and forgets; 'cookie' NULL: nobody. */
static void ask(const char *cookie, const struct qn_method *method, const void *in, enum qn_status status,
                const char *reason)
{
    struct auth_call call = {.cookie = cookie};
    auth_fixture_ask(&fixture, &call, method, in);
    auth_fixture_expect(&call, status, reason);
    auth_fixture_forget(&call);
}

static void can_sign_in(const char *email, struct qn_str password, enum qn_status status, const char *reason)
{
    struct auth_call call = {0};
    auth_fixture_sign_in(&fixture, &call, email, password, false);
    auth_fixture_expect(&call, status, reason);
    auth_fixture_forget(&call);
}

/* The cookie of a sign-in. */
static const char *signed_in(const char *email, const char *password)
{
    struct auth_call call = {0};
    auth_fixture_sign_in(&fixture, &call, email, qn_str_c(password), false);
    auth_fixture_expect(&call, QN_OK, NULL);
    const char *cookie = auth_fixture_cookie(&call, 0);
    auth_fixture_forget(&call);
    return cookie;
}

static bool is_live(const char *cookie)
{
    struct auth_call call = {.cookie = cookie};
    bool live = auth_fixture_get_session(&fixture, &call)->session != NULL;
    auth_fixture_forget(&call);
    return live;
}

/* The token in the link of the next mail, which must be to this address and begin so. */
static const char *token_of_mail(const char *to, const char *link_begin, const char *link_end)
{
    harness_smtp_await(smtp, ++n_mails);
    struct harness_smtp_mail mail = harness_smtp_mail(smtp, n_mails - 1);
    assert_string_equal(mail.to, to);
    char *text = malloc(strlen(mail.data) + 1), *end = text;
    for (const char *p = mail.data; *p; p++) {
        uint8_t byte;
        if (*p == '=' && strncmp(p + 1, "\r\n", 2) == 0) {
            p += 2;
        } else if (*p == '=' && p[1] && p[2] && qn_hex_decode(qn_str_n(p + 1, 2), &byte)) {
            *end++ = (char)byte;
            p += 2;
        } else {
            *end++ = *p;
        }
    }
    *end = '\0';
    char *link = strstr(text, link_begin);
    if (!link)
        fail_msg("no %s in %s", link_begin, text);
    link += strlen(link_begin);
    size_t len = strcspn(link, "?& \r\n");
    assert_memory_equal(link + len, link_end, strlen(link_end));
    const char *token = harness_text("%.*s", (int)len, link);
    free(text);
    return token;
}

static void request_reset(const char *email, const char *redirect_to)
{
    Quintet__Auth__V1__RequestPasswordResetRequest in =
        QUINTET__AUTH__V1__REQUEST_PASSWORD_RESET_REQUEST__INIT;
    in.email = (char *)email;
    in.redirect_to = (char *)redirect_to;
    ask(NULL, METHOD(request_password_reset), &in, QN_OK, NULL);
}

static const char *reset_token(const char *email)
{
    request_reset(email, "/reset?a=1");
    return token_of_mail(email, BASE "/reset-password/", "?callbackURL=%2Freset%3Fa%3D1\r\n");
}

static void reset(const char *token, const char *password, enum qn_status status, const char *reason)
{
    Quintet__Auth__V1__ResetPasswordRequest in = QUINTET__AUTH__V1__RESET_PASSWORD_REQUEST__INIT;
    in.token = (char *)token;
    in.new_password = (char *)password;
    ask(NULL, METHOD(reset_password), &in, status, reason);
}

static bool is_valid(const char *token)
{
    Quintet__Auth__V1__CheckPasswordResetRequest in = QUINTET__AUTH__V1__CHECK_PASSWORD_RESET_REQUEST__INIT;
    struct auth_call call = {0};
    in.token = (char *)token;
    auth_fixture_ask(&fixture, &call, METHOD(check_password_reset), &in);
    auth_fixture_expect(&call, QN_OK, NULL);
    bool valid = ((const Quintet__Auth__V1__CheckPasswordResetResponse *)call.request.out)->valid;
    auth_fixture_forget(&call);
    return valid;
}

static void test_a_reset(void **state)
{
    (void)state;
    struct someone who = sign_up();
    const char *token = reset_token(who.email);
    assert_int_equal(strlen(token), AUTH_TICKET_RESET_LEN);
    assert_int_equal(auth_fixture_number(&fixture,
                                         "select count(*) from verification where identifier = "
                                         "'reset-password:%s' and value = '%s' and \"expiresAt\" - "
                                         "\"createdAt\" = interval '1 hour'",
                                         token, who.id),
                     1);
    assert_true(is_valid(token));
    reset(token, "short", QN_INVALID_ARGUMENT, "PASSWORD_TOO_SHORT");
    reset("", "brand new pass", QN_INVALID_ARGUMENT, "INVALID_TOKEN");
    reset("nobodys", "brand new pass", QN_INVALID_ARGUMENT, "INVALID_TOKEN");
    can_sign_in(who.email, QN_STR(PASSWORD), QN_OK, NULL);

    reset(token, "brand new pass", QN_OK, NULL);
    can_sign_in(who.email, QN_STR("brand new pass"), QN_OK, NULL);
    can_sign_in(who.email, QN_STR(PASSWORD), QN_UNAUTHENTICATED, "INVALID_EMAIL_OR_PASSWORD");
    assert_true(is_live(who.cookie));
    assert_false(is_valid(token));
    reset(token, "another new pass", QN_INVALID_ARGUMENT, "INVALID_TOKEN");
    can_sign_in(who.email, QN_STR("brand new pass"), QN_OK, NULL);
}

/* The same rows and the same answer; whoever it is, only a user gets a mail. */
static void test_a_reset_for_nobody(void **state)
{
    (void)state;
    static const char ROWS[] = "select count(*) from verification";
    Quintet__Auth__V1__RequestPasswordResetRequest in =
        QUINTET__AUTH__V1__REQUEST_PASSWORD_RESET_REQUEST__INIT;
    long before = auth_fixture_number(&fixture, ROWS);
    request_reset("nobody@example.com", "/reset");
    assert_int_equal(auth_fixture_number(&fixture, ROWS), before + 1);
    assert_int_equal(auth_fixture_number(&fixture, "select count(*) from verification where \"expiresAt\" = "
                                                   "\"createdAt\""),
                     1);
    in.email = (char *)"nobody";
    ask(NULL, METHOD(request_password_reset), &in, QN_INVALID_ARGUMENT, "INVALID_EMAIL");
}

static void test_a_reset_that_has_ended(void **state)
{
    (void)state;
    struct someone who = sign_up();
    const char *token = reset_token(who.email);
    auth_fixture_number(
        &fixture,
        "with aged as (update verification set \"expiresAt\" = \"expiresAt\" - interval '61 minutes'"
        " where identifier = 'reset-password:%s' returning 1) select count(*) from aged",
        token);
    assert_false(is_valid(token));
    reset(token, "brand new pass", QN_INVALID_ARGUMENT, "INVALID_TOKEN");
    can_sign_in(who.email, QN_STR(PASSWORD), QN_OK, NULL);

    token = reset_token(who.email); /* of a user who has gone */
    auth_fixture_number(
        &fixture, "with gone as (delete from \"user\" where id = '%s' returning 1) select count(*) from gone",
        who.id);
    reset(token, "brand new pass", QN_INVALID_ARGUMENT, "INVALID_TOKEN");
}

/* One who signed up by another provider. */
static void test_a_first_password(void **state)
{
    (void)state;
    struct someone who = sign_up();
    auth_fixture_number(
        &fixture,
        "with gone as (delete from account where \"userId\" = '%s' returning 1) select count(*) "
        "from gone",
        who.id);
    reset(reset_token(who.email), "brand new pass", QN_OK, NULL);
    can_sign_in(who.email, QN_STR("brand new pass"), QN_OK, NULL);
}

static void send_verification(const char *cookie, const char *email, enum qn_status status,
                              const char *reason)
{
    Quintet__Auth__V1__SendVerificationEmailRequest in =
        QUINTET__AUTH__V1__SEND_VERIFICATION_EMAIL_REQUEST__INIT;
    in.email = (char *)email;
    ask(cookie, METHOD(send_verification_email), &in, status, reason);
}

static const char *verification_token(const char *to)
{
    return token_of_mail(to, BASE "/verify-email?token=", "&callbackURL=%2F\r\n");
}

static Quintet__Auth__V1__VerifyEmailResponse__Done verify(const char *cookie, const char *token,
                                                           enum qn_status status, const char *reason,
                                                           const char **ret_cookie)
{
    Quintet__Auth__V1__VerifyEmailRequest in = QUINTET__AUTH__V1__VERIFY_EMAIL_REQUEST__INIT;
    Quintet__Auth__V1__VerifyEmailResponse__Done done = 0;
    struct auth_call call = {.cookie = cookie};
    in.token = (char *)token;
    auth_fixture_ask(&fixture, &call, METHOD(verify_email), &in);
    auth_fixture_expect(&call, status, reason);
    if (status == QN_OK)
        done = ((const Quintet__Auth__V1__VerifyEmailResponse *)call.request.out)->done;
    if (ret_cookie)
        *ret_cookie = call.request.n_set_cookies ? auth_fixture_cookie(&call, 0) : NULL;
    auth_fixture_forget(&call);
    return done;
}

#define DONE(what) QUINTET__AUTH__V1__VERIFY_EMAIL_RESPONSE__DONE__DONE_##what

static long verified(const struct someone *who)
{
    return auth_fixture_number(
        &fixture, "select count(*) from \"user\" where id = '%s' and email = '%s' and \"emailVerified\"",
        who->id, who->email);
}

static void test_verifying(void **state)
{
    (void)state;
    struct someone who = sign_up(), other = sign_up();
    const char *cookie;
    send_verification(NULL, "nobody@example.com", QN_OK, NULL);
    send_verification(who.cookie, other.email, QN_INVALID_ARGUMENT, "EMAIL_MISMATCH");
    send_verification(who.cookie, who.email, QN_OK, NULL);
    const char *token = verification_token(who.email);
    assert_int_equal(verified(&who), 0);
    assert_int_equal(verify(NULL, token, QN_OK, NULL, &cookie), DONE(VERIFIED));
    assert_null(cookie);
    assert_int_equal(verified(&who), 1);
    assert_int_equal(verify(NULL, token, QN_OK, NULL, NULL), DONE(VERIFIED));
    send_verification(who.cookie, who.email, QN_FAILED_PRECONDITION, "EMAIL_ALREADY_VERIFIED");
    send_verification(NULL, who.email, QN_OK, NULL); /* and no mail */
    verify(NULL, "no.token", QN_INVALID_ARGUMENT, "INVALID_TOKEN", NULL);

    send_verification(NULL, other.email, QN_OK, NULL);
    token = verification_token(other.email);
    auth_fixture_number(
        &fixture, "with gone as (delete from \"user\" where id = '%s' returning 1) select count(*) from gone",
        other.id);
    verify(NULL, token, QN_NOT_FOUND, "USER_NOT_FOUND", NULL);
    struct auth_call call = {0}; /* the address is another user's by now */
    auth_fixture_sign_up(&fixture, &call, "User", other.email, QN_STR(PASSWORD), false);
    auth_fixture_expect(&call, QN_OK, NULL);
    auth_fixture_forget(&call);
    verify(NULL, token, QN_INVALID_ARGUMENT, "INVALID_TOKEN", NULL);
}

static void change_email(const struct someone *who, const char *email, enum qn_status status,
                         const char *reason)
{
    Quintet__Auth__V1__ChangeEmailRequest in = QUINTET__AUTH__V1__CHANGE_EMAIL_REQUEST__INIT;
    in.new_email = (char *)email;
    ask(who ? who->cookie : NULL, METHOD(change_email), &in, status, reason);
}

static void test_changing_an_address(void **state)
{
    (void)state;
    struct someone who = sign_up(), other = sign_up();
    const char *first = harness_text("first%d@example.com", users), *cookie,
               *second = harness_text("second%d@example.com", users);
    change_email(NULL, first, QN_UNAUTHENTICATED, "NO_SESSION");
    change_email(&who, who.email, QN_INVALID_ARGUMENT, "EMAIL_IS_THE_SAME");
    change_email(&who, "nonsense", QN_INVALID_ARGUMENT, "INVALID_EMAIL");
    change_email(&who, other.email, QN_OK, NULL); /* taken: no mail */

    change_email(&who, first, QN_OK, NULL); /* not verified: the new one is asked at once */
    const char *token = verification_token(first);
    verify(other.cookie, token, QN_PERMISSION_DENIED, "INVALID_USER", NULL);
    assert_int_equal(verify(who.cookie, token, QN_OK, NULL, &cookie), DONE(CHANGED));
    assert_string_equal(cookie, who.cookie);
    who.email = first;
    assert_int_equal(verified(&who), 1);
    verify(who.cookie, token, QN_NOT_FOUND, "USER_NOT_FOUND", NULL);

    change_email(&who, second, QN_OK, NULL); /* verified: the old one is asked, and then the new one */
    assert_int_equal(verify(NULL, verification_token(first), QN_OK, NULL, NULL), DONE(CONFIRMED));
    token = verification_token(second);
    assert_int_equal(verified(&who), 1);
    assert_int_equal(verify(NULL, token, QN_OK, NULL, &cookie), DONE(CHANGED)); /* on another device */
    assert_non_null(cookie);
    assert_true(is_live(cookie));
    who.email = second;
    assert_int_equal(verified(&who), 1);

    change_email(&other, first, QN_OK, NULL);
    token = verification_token(first);
    struct auth_call call = {0}; /* taken before the link is opened */
    auth_fixture_sign_up(&fixture, &call, "User", first, QN_STR(PASSWORD), false);
    auth_fixture_expect(&call, QN_OK, NULL);
    auth_fixture_forget(&call);
    verify(other.cookie, token, QN_ALREADY_EXISTS, "USER_ALREADY_EXISTS_USE_ANOTHER_EMAIL", NULL);
}

/* How often auth has asked what by now, and hashed: what a call costs, apart from the mail. */
enum { COSTS = 6 };
static void count_costs(double costs[COSTS])
{
    static const char *const SERIES[COSTS] = {
        "quintet_rpc_client_calls_total{service=\"profile\",method=\"quintet.store.v1.AccountStore/"
        "GetCredential\",code=\"ok\"}",
        "quintet_rpc_client_calls_total{service=\"profile\",method=\"quintet.store.v1.VerificationStore/"
        "CreateVerification\",code=\"ok\"}",
        "quintet_rpc_client_calls_total{service=\"profile\",method=\"quintet.store.v1.AccountStore/"
        "CreateUser\",code=\"ok\"}",
        "quintet_rpc_client_calls_total{service=\"profile\",method=\"quintet.store.v1.AccountStore/"
        "CreateUser\",code=\"already_exists\"}",
        "quintet_rpc_client_calls_total{service=\"profile\",method=\"quintet.store.v1.SessionStore/"
        "GetSession\",code=\"ok\"}",
        "quintet_work_seconds_count{lane=\"hash\"}",
    };
    for (size_t i = 0; i < COSTS; i++) {
        costs[i] = harness_service_metric(fixture.auth, SERIES[i]);
        if (costs[i] < 0)
            costs[i] = 0; /* not yet there */
    }
    costs[2] += costs[3]; /* a user written, or in vain */
    costs[3] = 0;
}

/* Between two moments, and then between two others: the same, and something. */
static void expect_same_costs(const double a[COSTS], const double b[COSTS], const double c[COSTS])
{
    double sum = 0;
    for (size_t i = 0; i < COSTS; i++) {
        if (b[i] - a[i] != c[i] - b[i])
            fail_msg("cost %zu: %.0f and %.0f", i, b[i] - a[i], c[i] - b[i]);
        sum += b[i] - a[i];
    }
    assert_true(sum > 0);
}

static void test_nobody_costs_the_same(void **state)
{
    (void)state;
    struct someone who = sign_up();
    double before[COSTS], between[COSTS], after[COSTS];
    count_costs(before);
    reset_token(who.email);
    count_costs(between);
    request_reset("nobody@example.com", "/reset?a=1");
    count_costs(after);
    expect_same_costs(before, between, after);

    count_costs(before);
    send_verification(NULL, who.email, QN_OK, NULL);
    verification_token(who.email);
    count_costs(between);
    send_verification(NULL, "nobody@example.com", QN_OK, NULL);
    count_costs(after);
    expect_same_costs(before, between, after);
}

/* With what is demanded first. */

static void sign_up_as(const char *email, bool *ret_session, int *ret_cookies)
{
    struct auth_call call = {0};
    auth_fixture_sign_up(&fixture, &call, "User", email, QN_STR(PASSWORD), false);
    auth_fixture_expect(&call, QN_OK, NULL);
    const Quintet__Auth__V1__SignUpResponse *out = call.request.out;
    assert_string_equal(out->user->email, email);
    assert_false(out->user->email_verified);
    assert_int_equal(strlen(out->user->id), 32);
    *ret_session = out->session != NULL;
    *ret_cookies = (int)call.request.n_set_cookies;
    auth_fixture_forget(&call);
}

static void test_verification_before_the_first_sign_in(void **state)
{
    (void)state;
    const char *email = harness_text("mail%d@example.com", users++), *cookie;
    bool session;
    int cookies;
    double before[COSTS], between[COSTS], after[COSTS];
    count_costs(before);
    sign_up_as(email, &session, &cookies);
    count_costs(between);
    assert_false(session);
    assert_int_equal(cookies, 0);
    const char *token = verification_token(email);
    sign_up_as(email, &session, &cookies); /* taken: the same answer, no mail, no second user */
    count_costs(after);
    expect_same_costs(before, between, after);
    assert_false(session);
    assert_int_equal(cookies, 0);
    assert_int_equal(auth_fixture_number(&fixture, "select count(*) from \"user\" where email = '%s'", email),
                     1);
    can_sign_in(email, QN_STR(PASSWORD), QN_PERMISSION_DENIED, "EMAIL_NOT_VERIFIED");
    can_sign_in(email, QN_STR("wrong pass word"), QN_UNAUTHENTICATED, "INVALID_EMAIL_OR_PASSWORD");
    assert_int_equal(verify(NULL, token, QN_OK, NULL, &cookie), DONE(VERIFIED));
    assert_non_null(cookie); /* signed in by it */
    assert_true(is_live(cookie));
    can_sign_in(email, QN_STR(PASSWORD), QN_OK, NULL);

    reset(reset_token(email), "brand new pass", QN_OK, NULL); /* which ends all sessions */
    assert_false(is_live(cookie));

    Quintet__Auth__V1__DeleteUserRequest in = QUINTET__AUTH__V1__DELETE_USER_REQUEST__INIT;
    cookie = signed_in(email, "brand new pass");
    in.callback_url = (char *)"/bye";
    ask(cookie, METHOD(delete_user), &in, QN_OK, NULL);
    assert_true(is_live(cookie));
    in.token = (char *)token_of_mail(email, BASE "/delete-user/callback?token=", "&callbackURL=%2Fbye\r\n");
    assert_int_equal(strlen(in.token), AUTH_TICKET_DELETE_LEN);
    assert_int_equal(strspn(in.token, "abcdefghijklmnopqrstuvwxyz0123456789"), AUTH_TICKET_DELETE_LEN);
    ask(NULL, METHOD(delete_user), &in, QN_UNAUTHENTICATED, "NO_SESSION");
    ask(cookie, METHOD(delete_user), &in, QN_OK, NULL);
    assert_int_equal(auth_fixture_number(&fixture, "select count(*) from \"user\" where email = '%s'", email),
                     0);
}

/* What a token of a mail says of its time: "exp" less "iat". */
static int64_t seconds_of(const char *token)
{
    const char *payload = strchr(token, '.') + 1;
    char text[512];
    size_t len;
    struct qn_str part = qn_str_n(payload, strcspn(payload, "."));
    assert_true(part.len < sizeof text);
    assert_true(qn_base64_decode_lax(part, (uint8_t *)text, &len));
    text[len] = '\0';
    return atoll(strstr(text, "\"exp\":") + 6) - atoll(strstr(text, "\"iat\":") + 6);
}

static void last_mail_says(const char *valid)
{
    const char *data = harness_smtp_mail(smtp, n_mails - 1).data;
    if (!strstr(data, harness_text("The link works for %s.", valid)))
        fail_msg("no %s in %s", valid, data);
}

static void sign_in_for(const char *email, const char *callback_url)
{
    Quintet__Auth__V1__SignInRequest in = QUINTET__AUTH__V1__SIGN_IN_REQUEST__INIT;
    in.email = (char *)email;
    in.password = (char *)PASSWORD;
    in.callback_url = (char *)callback_url;
    ask(NULL, METHOD(sign_in), &in, QN_PERMISSION_DENIED, "EMAIL_NOT_VERIFIED");
}

/* Minutes from the making of the newest row to its end. */
static long minutes_of_row(const char *kind, const char *token)
{
    return auth_fixture_number(&fixture,
                               "select extract(epoch from \"expiresAt\" - \"createdAt\")::int / 60 from "
                               "verification where identifier = '%s%s'",
                               kind, token);
}

static void test_times_and_mails_of_a_sites_own(void **state)
{
    (void)state;
    struct someone who = sign_up();
    const char *token = verification_token(who.email);
    assert_int_equal(seconds_of(token), 7200);
    last_mail_says("2 hours");
    /* Signing in sends it again, but only to who knows the password. */
    can_sign_in(who.email, QN_STR("wrong pass word"), QN_UNAUTHENTICATED, "INVALID_EMAIL_OR_PASSWORD");
    sign_in_for(who.email, "");
    assert_int_equal(seconds_of(verification_token(who.email)), 7200);
    sign_in_for(who.email, "/welcome");
    token = token_of_mail(who.email, BASE "/verify-email?token=", "&callbackURL=%2Fwelcome\r\n");
    assert_int_equal(verify(NULL, token, QN_OK, NULL, NULL), DONE(VERIFIED));
    can_sign_in(who.email, QN_STR(PASSWORD), QN_OK, NULL);

    token = reset_token(who.email);
    assert_int_equal(minutes_of_row(AUTH_TICKET_RESET, token), 30);
    last_mail_says("30 minutes");
    reset(token, "abc", QN_INVALID_ARGUMENT, "PASSWORD_TOO_SHORT");
    reset(token, "abcdefghijklmnopqrstu", QN_INVALID_ARGUMENT, "PASSWORD_TOO_LONG");
    reset(token, "abcd", QN_OK, NULL);
    can_sign_in(who.email, QN_STR("abcdefghijklmnopqrstu"), QN_INVALID_ARGUMENT, "PASSWORD_TOO_LONG");
    can_sign_in(who.email, QN_STR("abc"), QN_UNAUTHENTICATED, "INVALID_EMAIL_OR_PASSWORD");

    Quintet__Auth__V1__DeleteUserRequest in = QUINTET__AUTH__V1__DELETE_USER_REQUEST__INIT;
    who.cookie = signed_in(who.email, "abcd");
    ask(who.cookie, METHOD(delete_user), &in, QN_OK, NULL);
    token = token_of_mail(who.email, BASE "/delete-user/callback?token=", "&callbackURL=%2F\r\n");
    assert_int_equal(minutes_of_row(AUTH_TICKET_DELETE, token), 7 * 24 * 60);
    last_mail_says("7 days");
}

/* emailAndPassword.autoSignIn off: nothing goes by mail, and nobody is told that an address is taken. */
static void test_sign_up_that_signs_nobody_in(void **state)
{
    (void)state;
    const char *email = harness_text("mail%d@example.com", users++);
    for (int i = 0; i < 2; i++) { /* the second time it is taken, which nobody learns */
        bool session;
        int cookies;
        sign_up_as(email, &session, &cookies);
        assert_false(session);
        assert_int_equal(cookies, 0);
    }
    assert_int_equal(auth_fixture_number(&fixture, "select count(*) from \"user\" where email = '%s'", email),
                     1);
    assert_int_equal(auth_fixture_number(&fixture,
                                         "select count(*) from session where \"userId\" = (select id from "
                                         "\"user\" where email = '%s')",
                                         email),
                     0);
    can_sign_in(email, QN_STR(PASSWORD), QN_OK, NULL);
}

/* Neither a server nor development. */
static void test_without_a_server(void **state)
{
    (void)state;
    struct someone who = sign_up();
    who.cookie = signed_in(who.email, PASSWORD);
    Quintet__Auth__V1__RequestPasswordResetRequest in =
        QUINTET__AUTH__V1__REQUEST_PASSWORD_RESET_REQUEST__INIT;
    in.email = (char *)who.email;
    ask(NULL, METHOD(request_password_reset), &in, QN_FAILED_PRECONDITION, "RESET_PASSWORD_DISABLED");
    send_verification(who.cookie, who.email, QN_FAILED_PRECONDITION, "VERIFICATION_EMAIL_NOT_ENABLED");
    change_email(&who, "new@example.com", QN_FAILED_PRECONDITION, "CHANGE_EMAIL_DISABLED");
}

static int start_with(enum harness_tables made_by, const char *const *more)
{
    n_mails = 0;
    smtp = harness_smtp_start(HARNESS_SMTP_PLAIN, NULL, NULL);
    const char *environment[16] = {URL, "SMTP_FROM=no-reply@example.com",
                                   harness_text("SMTP_URL=smtp://127.0.0.1:%u", harness_smtp_port(smtp))};
    for (size_t i = 0; more[i]; i++)
        environment[3 + i] = more[i];
    auth_fixture_start(&fixture, made_by, environment);
    return 0;
}

static int start(void **state)
{
    (void)state;
    return start_with(HARNESS_TABLES_KYSELY, (const char *const[]){"QUINTET_AUTH_CHANGE_EMAIL=true", NULL});
}

static int start_prisma(void **state)
{
    (void)state;
    return start_with(HARNESS_TABLES_PRISMA, (const char *const[]){"QUINTET_AUTH_CHANGE_EMAIL=true", NULL});
}

static int start_demanding(void **state)
{
    (void)state;
    return start_with(HARNESS_TABLES_KYSELY,
                      (const char *const[]){"QUINTET_AUTH_REQUIRE_EMAIL_VERIFICATION=true",
                                            "QUINTET_AUTH_SIGN_IN_AFTER_VERIFICATION=true",
                                            "QUINTET_AUTH_REVOKE_SESSIONS_ON_RESET=true",
                                            "QUINTET_AUTH_DELETE_USER=true",
                                            "QUINTET_AUTH_DELETE_USER_BY_MAIL=true", NULL});
}

static int start_own(void **state)
{
    (void)state;
    return start_with(HARNESS_TABLES_KYSELY,
                      (const char *const[]){
                          "QUINTET_AUTH_REQUIRE_EMAIL_VERIFICATION=true",
                          "QUINTET_AUTH_VERIFY_EMAIL_ON_SIGN_IN=true",
                          "QUINTET_AUTH_VERIFY_EMAIL_EXPIRES_IN=2h",
                          "QUINTET_AUTH_RESET_PASSWORD_EXPIRES_IN=30m", "QUINTET_AUTH_DELETE_USER=true",
                          "QUINTET_AUTH_DELETE_USER_BY_MAIL=true", "QUINTET_AUTH_DELETE_TOKEN_EXPIRES_IN=7d",
                          "QUINTET_AUTH_MIN_PASSWORD_LENGTH=4", "QUINTET_AUTH_MAX_PASSWORD_LENGTH=20", NULL});
}

static int start_without(void **state)
{
    (void)state;
    auth_fixture_start(&fixture, HARNESS_TABLES_KYSELY,
                       (const char *const[]){URL, "QUINTET_AUTH_AUTO_SIGN_IN=false", NULL});
    return 0;
}

static int stop(void **state)
{
    (void)state;
    auth_fixture_stop(&fixture);
    if (smtp) {
        assert_int_equal(harness_smtp_n_mails(smtp), n_mails);
        harness_smtp_stop(smtp);
        smtp = NULL;
    }
    return 0;
}

#define CONNECTED(test) cmocka_unit_test_setup_teardown(test, connect_test, disconnect_test)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CONNECTED(test_a_reset),
        CONNECTED(test_a_reset_for_nobody),
        CONNECTED(test_a_reset_that_has_ended),
        CONNECTED(test_a_first_password),
        CONNECTED(test_verifying),
        CONNECTED(test_changing_an_address),
        CONNECTED(test_nobody_costs_the_same),
    };
    const struct CMUnitTest demanding[] = {CONNECTED(test_verification_before_the_first_sign_in)};
    const struct CMUnitTest own[] = {CONNECTED(test_times_and_mails_of_a_sites_own)};
    const struct CMUnitTest without[] = {CONNECTED(test_sign_up_that_signs_nobody_in),
                                         CONNECTED(test_without_a_server)};
    return cmocka_run_group_tests_name("tables of Better Auth", tests, start, stop) +
           cmocka_run_group_tests_name("tables of Prisma", tests, start_prisma, stop) +
           cmocka_run_group_tests_name("what is demanded first", demanding, start_demanding, stop) +
           cmocka_run_group_tests_name("a site's own times", own, start_own, stop) +
           cmocka_run_group_tests_name("without a server", without, start_without, stop);
}
