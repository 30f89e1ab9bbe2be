/* RefreshSession, and what one may do to one's sessions: what becomes of rows and cookies. */
#include "common/core/check.h"
#include "tests/harness/test.h"
#include "tests/integration/auth_fixture.h"

#define STATE(name)  QUINTET__AUTH__V1__SESSION_STATE__SESSION_STATE_##name
#define METHOD(name) (&quintet_auth_v1_auth_service_##name)

static struct auth_fixture fixture;
static int users; /* made so far: each test has its own */

/* One signed in: cookies as a Cookie header. */
struct someone {
    const char *email, *cookie, *token, *id;
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

static struct someone sign_up(bool forget_me)
{
    struct auth_call call = {0};
    struct someone who = {.email = harness_text("live%d@example.com", users++)};
    auth_fixture_sign_up(&fixture, &call, "Live", who.email, QN_STR("correct horse 1"), forget_me);
    auth_fixture_expect(&call, QN_OK, NULL);
    const Quintet__Auth__V1__SignUpResponse *out = call.request.out;
    who.cookie = auth_fixture_cookie(&call, 0);
    if (forget_me)
        who.cookie = harness_text("%s; %s", who.cookie, auth_fixture_cookie(&call, 1));
    who.token = harness_text("%s", out->session->token);
    who.id = harness_text("%s", out->user->id);
    auth_fixture_forget(&call);
    return who;
}

static struct someone sign_in_again(const struct someone *who)
{
    struct auth_call call = {0};
    struct someone again = *who;
    auth_fixture_sign_in(&fixture, &call, who->email, QN_STR("correct horse 1"), false);
    auth_fixture_expect(&call, QN_OK, NULL);
    again.cookie = auth_fixture_cookie(&call, 0);
    again.token =
        harness_text("%s", ((const Quintet__Auth__V1__SignInResponse *)call.request.out)->session->token);
    auth_fixture_forget(&call);
    return again;
}

static bool there(const struct someone *who)
{
    return auth_fixture_number(&fixture, "select count(*) from session where token = '%s'", who->token) == 1;
}

static void move_end(const struct someone *who, const char *from_now)
{
    auth_fixture_number(&fixture,
                        "with moved as (update session set \"expiresAt\" = now() + interval '%s',"
                        " \"updatedAt\" = '2026-01-01' where token = '%s' returning 1)"
                        " select count(*) from moved",
                        from_now, who->token);
}

/* Whole hours from now to the row's end. */
static long hours_left(const struct someone *who)
{
    return auth_fixture_number(
        &fixture,
        "select round(extract(epoch from \"expiresAt\" - now()) / 3600) from session where token = '%s'",
        who->token);
}

/* The cookies of an answer, in a few words: "token=…" and its like are names here. */
static void expect_cookies(const struct auth_call *call, size_t n, const char *const *starts)
{
    assert_int_equal(call->request.n_set_cookies, n);
    for (size_t i = 0; i < n; i++)
        if (!qn_str_starts(call->request.set_cookies[i], qn_str_c(starts[i])))
            fail_msg("%.*s, not %s", QN_STR_ARG(call->request.set_cookies[i]), starts[i]);
}

static void expect_expired(const struct auth_call *call)
{
    expect_cookies(
        call, 3,
        (const char *const[]){"better-auth.session_token=; Max-Age=0; Path=/; HttpOnly; SameSite=Lax",
                              "better-auth.session_data=; Max-Age=0; Path=/; HttpOnly; SameSite=Lax",
                              "better-auth.dont_remember=; Max-Age=0; Path=/; HttpOnly; SameSite=Lax"});
}

static const Quintet__Auth__V1__RefreshSessionResponse *refresh(struct auth_call *call, bool disabled)
{
    Quintet__Auth__V1__RefreshSessionRequest in = QUINTET__AUTH__V1__REFRESH_SESSION_REQUEST__INIT;
    in.disable_refresh = disabled;
    auth_fixture_ask(&fixture, call, METHOD(refresh_session), &in);
    auth_fixture_expect(call, QN_OK, NULL);
    return call->request.out;
}

static bool due(const struct someone *who)
{
    struct auth_call call = {.cookie = who->cookie};
    bool is = auth_fixture_get_session(&fixture, &call)->refresh_due;
    assert_int_equal(call.request.n_set_cookies, 0);
    auth_fixture_forget(&call);
    return is;
}

static void test_a_session_that_is_due_lives_on(void **state)
{
    (void)state;
    struct someone who = sign_up(false);
    move_end(&who, "5 days 23 hours");
    assert_true(due(&who));
    assert_int_equal(hours_left(&who), 143); /* asking has not moved it */

    struct auth_call call = {.cookie = who.cookie};
    const Quintet__Auth__V1__RefreshSessionResponse *out = refresh(&call, true);
    assert_int_equal(out->state, STATE(LIVE));
    assert_false(out->refreshed);
    assert_int_equal(call.request.n_set_cookies, 0);
    assert_int_equal(hours_left(&who), 143);
    auth_fixture_forget(&call);

    call = (struct auth_call){.cookie = who.cookie};
    out = refresh(&call, false);
    assert_int_equal(out->state, STATE(LIVE));
    assert_true(out->refreshed);
    assert_string_equal(out->session->token, who.token);
    assert_string_equal(out->user->id, who.id);
    assert_int_equal(out->session->expires_at->seconds - out->session->updated_at->seconds, 7 * 86400);
    const char *again = harness_text("%s; Max-Age=604800; ", who.cookie);
    expect_cookies(&call, 1, &again);
    auth_fixture_forget(&call);
    assert_int_equal(hours_left(&who), 168);
    assert_int_equal(
        auth_fixture_number(&fixture,
                            "select count(*) from session where token = '%s' and \"updatedAt\" > '2026-01-02'"
                            " and \"createdAt\" < \"updatedAt\"",
                            who.token),
        1);
    assert_false(due(&who));
}

static void test_a_session_that_is_not_due_is_left_alone(void **state)
{
    (void)state;
    struct someone who = sign_up(false);
    move_end(&who, "6 days 1 minute");
    assert_false(due(&who));
    struct auth_call call = {.cookie = who.cookie};
    assert_false(refresh(&call, false)->refreshed);
    assert_int_equal(call.request.n_set_cookies, 0);
    auth_fixture_forget(&call);
    assert_int_equal(hours_left(&who), 144);
}

static void test_dont_remember_is_never_refreshed(void **state)
{
    (void)state;
    struct someone who = sign_up(true);
    move_end(&who, "1 hour");
    assert_false(due(&who));
    struct auth_call call = {.cookie = who.cookie};
    assert_false(refresh(&call, false)->refreshed);
    assert_int_equal(call.request.n_set_cookies, 0);
    auth_fixture_forget(&call);
    assert_int_equal(hours_left(&who), 1);
    /* A dont_remember cookie that nobody signed counts for nothing. */
    call = (struct auth_call){.cookie = harness_text("better-auth.dont_remember=true.x; %.*s",
                                                     (int)strcspn(who.cookie, ";"), who.cookie)};
    assert_true(refresh(&call, false)->refreshed);
    auth_fixture_forget(&call);
}

static void test_an_expired_session_goes_with_its_cookies(void **state)
{
    (void)state;
    struct someone who = sign_up(false);
    move_end(&who, "-1 minute");
    struct auth_call call = {.cookie = who.cookie};
    const Quintet__Auth__V1__RefreshSessionResponse *out = refresh(&call, true);
    assert_int_equal(out->state, STATE(EXPIRED));
    assert_null(out->session);
    expect_expired(&call);
    auth_fixture_forget(&call);
    assert_true(there(&who)); /* disable_refresh deletes nothing */

    call = (struct auth_call){.cookie = who.cookie};
    assert_int_equal(refresh(&call, false)->state, STATE(EXPIRED));
    expect_expired(&call);
    auth_fixture_forget(&call);
    assert_false(there(&who));

    call = (struct auth_call){.cookie = who.cookie};
    assert_int_equal(refresh(&call, false)->state, STATE(UNKNOWN));
    expect_expired(&call);
    auth_fixture_forget(&call);
}

/* A bad signature is silent: whoever set that cookie, it was not us. */
static void test_what_is_not_signed_by_us_is_left_alone(void **state)
{
    (void)state;
    struct auth_call call = {.cookie = "better-auth.session_token=abc.def"};
    assert_int_equal(refresh(&call, false)->state, STATE(BAD_SIGNATURE));
    assert_int_equal(call.request.n_set_cookies, 0);
    auth_fixture_forget(&call);
    call = (struct auth_call){0};
    assert_int_equal(refresh(&call, false)->state, STATE(NONE));
    assert_int_equal(call.request.n_set_cookies, 0);
    auth_fixture_forget(&call);
}

static const struct {
    const struct qn_method *method;
} OF_A_SESSION[] = {
    {METHOD(list_sessions)},         {METHOD(revoke_session)}, {METHOD(revoke_sessions)},
    {METHOD(revoke_other_sessions)}, {METHOD(update_user)},    {METHOD(change_password)},
    {METHOD(verify_password)},       {METHOD(list_accounts)},  {METHOD(unlink_account)},
    {METHOD(delete_user)},
};

/* Empty requests: without a session nothing else of them is looked at. */
static void test_no_method_without_a_session(void **state)
{
    (void)state;
    struct someone who = sign_up(false);
    move_end(&who, "-1 minute");
    for (size_t i = 0; i < QN_COUNT(OF_A_SESSION); i++) {
        char message[256] = {0}; /* a request of any of them, all at its default */
        const ProtobufCMessageDescriptor *type = OF_A_SESSION[i].method->request;
        assert_true(type->sizeof_message <= sizeof message);
        type->message_init((ProtobufCMessage *)message);
        struct auth_call call = {0};
        auth_fixture_ask(&fixture, &call, OF_A_SESSION[i].method, message);
        auth_fixture_expect(&call, QN_UNAUTHENTICATED, "NO_SESSION");
        assert_int_equal(call.request.n_set_cookies, 0);
        auth_fixture_forget(&call);
        call = (struct auth_call){.cookie = who.cookie};
        auth_fixture_ask(&fixture, &call, OF_A_SESSION[i].method, message);
        auth_fixture_expect(&call, QN_UNAUTHENTICATED, "NO_SESSION");
        expect_expired(&call);
        auth_fixture_forget(&call);
    }
    assert_false(there(&who));
}

static void ask(struct auth_call *call, const struct someone *who, const struct qn_method *method,
                const void *in, enum qn_status status, const char *reason)
{
    *call = (struct auth_call){.cookie = who->cookie};
    auth_fixture_ask(&fixture, call, method, in);
    auth_fixture_expect(call, status, reason);
}

static void test_listing_wants_a_young_session(void **state)
{
    (void)state;
    struct someone who = sign_up(false), second = sign_in_again(&who);
    Quintet__Auth__V1__ListSessionsRequest in = QUINTET__AUTH__V1__LIST_SESSIONS_REQUEST__INIT;
    struct auth_call call;
    move_end(&second, "5 days");
    ask(&call, &second, METHOD(list_sessions), &in, QN_OK, NULL);
    const Quintet__Auth__V1__ListSessionsResponse *out = call.request.out;
    assert_int_equal(out->n_sessions, 2);
    assert_string_equal(out->sessions[0]->token, who.token);
    assert_string_equal(out->sessions[1]->token, second.token);
    assert_int_equal(call.request.n_set_cookies, 1); /* it was due */
    auth_fixture_forget(&call);
    assert_int_equal(hours_left(&second), 168);

    auth_fixture_number(
        &fixture,
        "with aged as (update session set \"createdAt\" = now() - interval '24 hours 1 second'"
        " where token = '%s' returning 1) select count(*) from aged",
        who.token);
    ask(&call, &who, METHOD(list_sessions), &in, QN_PERMISSION_DENIED, "SESSION_NOT_FRESH");
    auth_fixture_forget(&call);
}

static void test_revoking(void **state)
{
    (void)state;
    struct someone who = sign_up(false), second = sign_in_again(&who), third = sign_in_again(&who),
                   other = sign_up(false);
    Quintet__Auth__V1__RevokeSessionRequest one = QUINTET__AUTH__V1__REVOKE_SESSION_REQUEST__INIT;
    struct auth_call call;
    one.token = (char *)other.token;
    ask(&call, &who, METHOD(revoke_session), &one, QN_OK, NULL);
    auth_fixture_forget(&call);
    assert_true(there(&other)); /* and nobody is told */
    one.token = (char *)second.token;
    ask(&call, &who, METHOD(revoke_session), &one, QN_OK, NULL);
    assert_int_equal(call.request.n_set_cookies, 0);
    auth_fixture_forget(&call);
    assert_false(there(&second));

    Quintet__Auth__V1__RevokeOtherSessionsRequest others =
        QUINTET__AUTH__V1__REVOKE_OTHER_SESSIONS_REQUEST__INIT;
    ask(&call, &who, METHOD(revoke_other_sessions), &others, QN_OK, NULL);
    assert_int_equal(call.request.n_set_cookies, 0);
    auth_fixture_forget(&call);
    assert_true(there(&who) && !there(&third) && there(&other));

    third = sign_in_again(&who);
    one.token = (char *)third.token;
    ask(&call, &third, METHOD(revoke_session), &one, QN_OK, NULL);
    expect_expired(&call); /* one's own */
    auth_fixture_forget(&call);

    third = sign_in_again(&who);
    Quintet__Auth__V1__RevokeSessionsRequest all = QUINTET__AUTH__V1__REVOKE_SESSIONS_REQUEST__INIT;
    ask(&call, &who, METHOD(revoke_sessions), &all, QN_OK, NULL);
    expect_expired(&call);
    auth_fixture_forget(&call);
    assert_true(!there(&who) && !there(&third) && there(&other));
}

/* Prisma's columns have no time zone and hold UTC: "now()" fits them only in UTC. */
static int set_utc(void)
{
    PQclear(PQexec(fixture.admin, "set timezone = 'UTC'"));
    return 0;
}

static int start(void **state)
{
    (void)state;
    auth_fixture_start(&fixture, HARNESS_TABLES_KYSELY, NULL);
    return set_utc();
}

static int start_prisma(void **state)
{
    (void)state;
    auth_fixture_start(&fixture, HARNESS_TABLES_PRISMA, NULL);
    return set_utc();
}

/* Times of a site's own. */
static int start_with_times(void **state)
{
    (void)state;
    auth_fixture_start(&fixture, HARNESS_TABLES_OURS,
                       (const char *const[]){"QUINTET_AUTH_SESSION_EXPIRES_IN=2h",
                                             "QUINTET_AUTH_SESSION_UPDATE_AGE=30m",
                                             "QUINTET_AUTH_SESSION_FRESH_AGE=0s", NULL});
    return set_utc();
}

static int stop(void **state)
{
    (void)state;
    auth_fixture_stop(&fixture);
    return 0;
}

static void test_times_of_a_sites_own(void **state)
{
    (void)state;
    struct someone who = sign_up(false);
    assert_int_equal(hours_left(&who), 2);
    move_end(&who, "91 minutes");
    assert_false(due(&who));
    move_end(&who, "89 minutes");
    assert_true(due(&who));
    struct auth_call call = {.cookie = who.cookie};
    assert_true(refresh(&call, false)->refreshed);
    const char *again = harness_text("%s; Max-Age=7200; ", who.cookie);
    expect_cookies(&call, 1, &again);
    auth_fixture_forget(&call);
    assert_int_equal(hours_left(&who), 2);

    auth_fixture_number(&fixture,
                        "with aged as (update session set \"createdAt\" = '2020-01-01' where token = '%s'"
                        " returning 1) select count(*) from aged",
                        who.token);
    Quintet__Auth__V1__ListSessionsRequest in = QUINTET__AUTH__V1__LIST_SESSIONS_REQUEST__INIT;
    ask(&call, &who, METHOD(list_sessions), &in, QN_OK, NULL); /* freshAge 0: of any age */
    auth_fixture_forget(&call);
}

#define CONNECTED(test) cmocka_unit_test_setup_teardown(test, connect_test, disconnect_test)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CONNECTED(test_a_session_that_is_due_lives_on),
        CONNECTED(test_a_session_that_is_not_due_is_left_alone),
        CONNECTED(test_dont_remember_is_never_refreshed),
        CONNECTED(test_an_expired_session_goes_with_its_cookies),
        CONNECTED(test_what_is_not_signed_by_us_is_left_alone),
        CONNECTED(test_no_method_without_a_session),
        CONNECTED(test_listing_wants_a_young_session),
        CONNECTED(test_revoking),
    };
    const struct CMUnitTest times[] = {CONNECTED(test_times_of_a_sites_own)};
    return cmocka_run_group_tests_name("tables of Better Auth", tests, start, stop) +
           cmocka_run_group_tests_name("tables of Prisma", tests, start_prisma, stop) +
           cmocka_run_group_tests_name("times of a site's own", times, start_with_times, stop);
}
