/* UpdateUser, ChangePassword, VerifyPassword, the accounts, DeleteUser; and what is switched off. */
#include <stdlib.h>

#include "common/core/check.h"
#include "tests/harness/test.h"
#include "tests/integration/auth_fixture.h"

#define METHOD(name) (&quintet_auth_v1_auth_service_##name)
#define PASSWORD     "correct horse 1"

static struct auth_fixture fixture;
static int users;

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
    struct someone who = {.email = harness_text("user%d@example.com", users++)};
    auth_fixture_sign_up(&fixture, &call, "User", who.email, QN_STR(PASSWORD), forget_me);
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

static void ask(struct auth_call *call, const struct someone *who, const struct qn_method *method,
                const void *in, enum qn_status status, const char *reason)
{
    *call = (struct auth_call){.cookie = who->cookie};
    auth_fixture_ask(&fixture, call, method, in);
    auth_fixture_expect(call, status, reason);
}

/* The same, when the answer holds nothing more of interest. */
static void ask_only(const struct someone *who, const struct qn_method *method, const void *in,
                     enum qn_status status, const char *reason)
{
    struct auth_call call;
    ask(&call, who, method, in, status, reason);
    auth_fixture_forget(&call);
}

static void ask_violating(const struct someone *who, const struct qn_method *method, const void *in,
                          const char *reason, const char *field)
{
    struct auth_call call;
    ask(&call, who, method, in, QN_INVALID_ARGUMENT, reason);
    assert_int_equal(call.request.n_violations, 1);
    assert_string_equal(call.request.violations[0].field, field);
    auth_fixture_forget(&call);
}

static void can_sign_in(const struct someone *who, struct qn_str password, bool can)
{
    struct auth_call call = {0};
    auth_fixture_sign_in(&fixture, &call, who->email, password, false);
    auth_fixture_expect(&call, can ? QN_OK : QN_UNAUTHENTICATED, can ? NULL : "INVALID_EMAIL_OR_PASSWORD");
    auth_fixture_forget(&call);
}

static void test_updating(void **state)
{
    (void)state;
    struct someone who = sign_up(false);
    char *mask[] = {(char *)"name", (char *)"image"};
    Quintet__Auth__V1__UpdateUserRequest in = QUINTET__AUTH__V1__UPDATE_USER_REQUEST__INIT;
    struct auth_call call;
    in.name = (char *)"New Name";
    in.image = (char *)"https://cdn.example.com/b.png";
    in.update_mask = mask;
    in.n_update_mask = 2;
    ask(&call, &who, METHOD(update_user), &in, QN_OK, NULL);
    const Quintet__Auth__V1__UpdateUserResponse *out = call.request.out;
    assert_string_equal(out->user->name, "New Name");
    assert_string_equal(out->user->image, in.image);
    assert_string_equal(out->user->email, who.email);
    assert_int_equal(call.request.n_set_cookies, 1);
    assert_string_equal(auth_fixture_cookie(&call, 0), who.cookie);
    auth_fixture_forget(&call);
    assert_int_equal(auth_fixture_number(&fixture,
                                         "select count(*) from \"user\" where id = '%s' and name = 'New Name'"
                                         " and \"updatedAt\" > \"createdAt\"",
                                         who.id),
                     1);

    in.image = (char *)"";
    in.update_mask = &mask[1];
    in.n_update_mask = 1;
    ask_only(&who, METHOD(update_user), &in, QN_OK, NULL);
    assert_int_equal(auth_fixture_number(&fixture,
                                         "select count(*) from \"user\" where id = '%s' and name = 'New Name'"
                                         " and image is null",
                                         who.id),
                     1);

    in.n_update_mask = 0;
    ask_violating(&who, METHOD(update_user), &in, "NO_FIELDS_TO_UPDATE", "update_mask");
    in.update_mask = (char *[]){(char *)"email"};
    in.n_update_mask = 1;
    ask_violating(&who, METHOD(update_user), &in, NULL, "update_mask");
    char *long_name = malloc(16386);
    memset(long_name, 'n', 16385);
    long_name[16385] = '\0';
    in.update_mask = mask;
    in.name = long_name;
    ask_violating(&who, METHOD(update_user), &in, NULL, "name");
    free(long_name);
}

/* Both cookies again, and again without an age. */
static void test_updating_keeps_a_browser_session_one(void **state)
{
    (void)state;
    struct someone who = sign_up(true);
    char *mask[] = {(char *)"name"};
    Quintet__Auth__V1__UpdateUserRequest in = QUINTET__AUTH__V1__UPDATE_USER_REQUEST__INIT;
    struct auth_call call;
    in.update_mask = mask;
    in.n_update_mask = 1;
    ask(&call, &who, METHOD(update_user), &in, QN_OK, NULL);
    assert_int_equal(call.request.n_set_cookies, 2);
    assert_string_equal(harness_text("%s; %s", auth_fixture_cookie(&call, 0), auth_fixture_cookie(&call, 1)),
                        who.cookie);
    for (size_t i = 0; i < 2; i++)
        assert_null(memmem(call.request.set_cookies[i].ptr, call.request.set_cookies[i].len, "Max-Age", 7));
    auth_fixture_forget(&call);
}

static void test_changing_the_password(void **state)
{
    (void)state;
    static char with_nul[] = "nul\0in the middle";
    struct someone who = sign_up(false);
    Quintet__Auth__V1__ChangePasswordRequest in = QUINTET__AUTH__V1__CHANGE_PASSWORD_REQUEST__INIT;
    struct auth_call call;
    in.current_password = (char *)PASSWORD;
    in.new_password = (char *)"1234567";
    ask_violating(&who, METHOD(change_password), &in, "PASSWORD_TOO_SHORT", "new_password");
    in.current_password = (char *)"nope nope";
    ask_violating(&who, METHOD(change_password), &in, "PASSWORD_TOO_SHORT", "new_password");
    in.new_password = (char *)"brand new pass";
    ask_violating(&who, METHOD(change_password), &in, "INVALID_PASSWORD", "current_password");
    in.new_password_utf8 = (ProtobufCBinaryData){8, (uint8_t *)"12345678"};
    ask_violating(&who, METHOD(change_password), &in, NULL, "new_password_utf8");
    can_sign_in(&who, QN_STR(PASSWORD), true);

    in.current_password = (char *)PASSWORD;
    in.new_password = (char *)"";
    in.new_password_utf8 = (ProtobufCBinaryData){sizeof(with_nul) - 1, (uint8_t *)with_nul};
    ask(&call, &who, METHOD(change_password), &in, QN_OK, NULL);
    const Quintet__Auth__V1__ChangePasswordResponse *out = call.request.out;
    assert_string_equal(out->user->id, who.id);
    assert_null(out->session);
    assert_int_equal(call.request.n_set_cookies, 0);
    auth_fixture_forget(&call);
    can_sign_in(&who, QN_STR(PASSWORD), false);
    can_sign_in(&who, QN_STR("nul"), false);
    can_sign_in(&who, qn_str_n(with_nul, sizeof(with_nul) - 1), true);
    assert_int_equal(auth_fixture_number(&fixture,
                                         "select count(*) from account where \"userId\" = '%s'"
                                         " and length(password) = 161 and \"updatedAt\" > \"createdAt\"",
                                         who.id),
                     1);
}

static void test_changing_the_password_and_ending_all_sessions(void **state)
{
    (void)state;
    struct someone who = sign_up(true);
    can_sign_in(&who, QN_STR(PASSWORD), true); /* a second session */
    Quintet__Auth__V1__ChangePasswordRequest in = QUINTET__AUTH__V1__CHANGE_PASSWORD_REQUEST__INIT;
    struct auth_call call;
    in.current_password = in.new_password = (char *)PASSWORD; /* the same may be used again */
    in.revoke_other_sessions = true;
    ask(&call, &who, METHOD(change_password), &in, QN_OK, NULL);
    const Quintet__Auth__V1__ChangePasswordResponse *out = call.request.out;
    assert_non_null(out->session);
    assert_string_not_equal(out->session->token, who.token);
    assert_int_equal(
        auth_fixture_number(&fixture, "select count(*) from session where \"userId\" = '%s'", who.id), 1);
    assert_int_equal(
        auth_fixture_number(&fixture, "select count(*) from session where token = '%s'", out->session->token),
        1);
    assert_int_equal(call.request.n_set_cookies, 2); /* dont_remember was shown */
    struct auth_call look = {.cookie = auth_fixture_cookie(&call, 0)};
    assert_non_null(auth_fixture_get_session(&fixture, &look)->session);
    auth_fixture_forget(&look);
    auth_fixture_forget(&call);
}

static void test_verifying_the_password(void **state)
{
    (void)state;
    struct someone who = sign_up(false);
    Quintet__Auth__V1__VerifyPasswordRequest in = QUINTET__AUTH__V1__VERIFY_PASSWORD_REQUEST__INIT;
    in.password = (char *)PASSWORD;
    ask_only(&who, METHOD(verify_password), &in, QN_OK, NULL);
    in.password = (char *)"nope nope";
    ask_violating(&who, METHOD(verify_password), &in, "INVALID_PASSWORD", "password");
    char long_password[130];
    memset(long_password, 'p', 129);
    long_password[129] = '\0';
    in.password = long_password;
    ask_violating(&who, METHOD(verify_password), &in, "PASSWORD_TOO_LONG", "password");
}

/* One who came by another provider has none. */
static void test_without_a_password(void **state)
{
    (void)state;
    struct someone who = sign_up(false);
    auth_fixture_number(&fixture,
                        "with other as (update account set \"providerId\" = 'github', password = null"
                        " where \"userId\" = '%s' returning 1) select count(*) from other",
                        who.id);
    Quintet__Auth__V1__ChangePasswordRequest change = QUINTET__AUTH__V1__CHANGE_PASSWORD_REQUEST__INIT;
    change.current_password = change.new_password = (char *)PASSWORD;
    ask_only(&who, METHOD(change_password), &change, QN_FAILED_PRECONDITION, "CREDENTIAL_ACCOUNT_NOT_FOUND");
    Quintet__Auth__V1__VerifyPasswordRequest verify = QUINTET__AUTH__V1__VERIFY_PASSWORD_REQUEST__INIT;
    verify.password = (char *)PASSWORD;
    ask_violating(&who, METHOD(verify_password), &verify, "INVALID_PASSWORD", "password");
}

static void test_accounts(void **state)
{
    (void)state;
    struct someone who = sign_up(false);
    struct auth_call call;
    Quintet__Auth__V1__ListAccountsRequest list = QUINTET__AUTH__V1__LIST_ACCOUNTS_REQUEST__INIT;
    ask(&call, &who, METHOD(list_accounts), &list, QN_OK, NULL);
    const Quintet__Auth__V1__ListAccountsResponse *out = call.request.out;
    assert_int_equal(out->n_accounts, 1);
    assert_string_equal(out->accounts[0]->provider_id, "credential");
    assert_string_equal(out->accounts[0]->account_id, who.id);
    assert_int_equal(out->accounts[0]->n_scopes, 0);
    const char *own = harness_text("%s", out->accounts[0]->id);
    auth_fixture_forget(&call);

    Quintet__Auth__V1__UnlinkAccountRequest unlink = QUINTET__AUTH__V1__UNLINK_ACCOUNT_REQUEST__INIT;
    unlink.id = (char *)own;
    ask_only(&who, METHOD(unlink_account), &unlink, QN_FAILED_PRECONDITION, "FAILED_TO_UNLINK_LAST_ACCOUNT");
    auth_fixture_number(&fixture,
                        "with linked as (insert into account (id, \"accountId\", \"providerId\", \"userId\","
                        " scope, \"createdAt\", \"updatedAt\") values ('gh-%s', '4711', 'github', '%s',"
                        " 'read:user,user:email', '2999-01-01', '2999-01-01') returning 1)"
                        " select count(*) from linked",
                        who.id, who.id);
    ask(&call, &who, METHOD(list_accounts), &list, QN_OK, NULL);
    out = call.request.out;
    assert_int_equal(out->n_accounts, 2);
    assert_int_equal(out->accounts[1]->n_scopes, 2);
    assert_string_equal(out->accounts[1]->scopes[0], "read:user");
    assert_string_equal(out->accounts[1]->scopes[1], "user:email");
    auth_fixture_forget(&call);

    unlink.id = (char *)"4711"; /* the provider's id is not the row's */
    ask_only(&who, METHOD(unlink_account), &unlink, QN_NOT_FOUND, "ACCOUNT_NOT_FOUND");
    unlink.id = (char *)harness_text("gh-%s", who.id);
    ask_only(&who, METHOD(unlink_account), &unlink, QN_OK, NULL);
    assert_int_equal(
        auth_fixture_number(&fixture, "select count(*) from account where \"userId\" = '%s'", who.id), 1);
}

static void age(const struct someone *who)
{
    auth_fixture_number(&fixture,
                        "with aged as (update session set \"createdAt\" = now() - interval '25 hours'"
                        " where token = '%s' returning 1) select count(*) from aged",
                        who->token);
}

static bool exists(const struct someone *who)
{
    return auth_fixture_number(&fixture, "select count(*) from \"user\" where id = '%s'", who->id) == 1;
}

static void test_deleting_is_off_unless_switched_on(void **state)
{
    (void)state;
    struct someone who = sign_up(false);
    Quintet__Auth__V1__DeleteUserRequest in = QUINTET__AUTH__V1__DELETE_USER_REQUEST__INIT;
    in.password = (char *)PASSWORD;
    ask_only(&who, METHOD(delete_user), &in, QN_UNIMPLEMENTED, "DELETE_USER_DISABLED");
    assert_true(exists(&who));
}

static void test_deleting_with_a_password(void **state)
{
    (void)state;
    struct someone who = sign_up(false);
    Quintet__Auth__V1__DeleteUserRequest in = QUINTET__AUTH__V1__DELETE_USER_REQUEST__INIT;
    struct auth_call call;
    age(&who); /* which a password makes up for */
    in.password = (char *)"nope nope";
    ask_violating(&who, METHOD(delete_user), &in, "INVALID_PASSWORD", "password");
    in.password = (char *)PASSWORD;
    ask(&call, &who, METHOD(delete_user), &in, QN_OK, NULL);
    assert_int_equal(call.request.n_set_cookies, 3);
    auth_fixture_forget(&call);
    assert_false(exists(&who));
    can_sign_in(&who, QN_STR(PASSWORD), false);
}

static void test_deleting_with_a_young_session(void **state)
{
    (void)state;
    struct someone young = sign_up(false), old = sign_up(false);
    Quintet__Auth__V1__DeleteUserRequest in = QUINTET__AUTH__V1__DELETE_USER_REQUEST__INIT;
    age(&old);
    ask_only(&old, METHOD(delete_user), &in, QN_FAILED_PRECONDITION, "SESSION_EXPIRED");
    assert_true(exists(&old));
    ask_only(&young, METHOD(delete_user), &in, QN_OK, NULL);
    assert_false(exists(&young));
}

static void mail_token(const struct someone *who, const char *token, const char *ends)
{
    auth_fixture_number(&fixture,
                        "with mailed as (insert into verification (id, identifier, value, \"expiresAt\","
                        " \"createdAt\", \"updatedAt\") values ('v-%s', 'delete-account-%s', '%s',"
                        " now() + interval '%s', now(), now()) returning 1) select count(*) from mailed",
                        token, token, who->id, ends);
}

/* Of a mail that a Better Auth server beside has sent. */
static void test_deleting_with_a_token(void **state)
{
    (void)state;
    struct someone who = sign_up(false), other = sign_up(false);
    Quintet__Auth__V1__DeleteUserRequest in = QUINTET__AUTH__V1__DELETE_USER_REQUEST__INIT;
    in.token = (char *)"nope";
    ask_only(&who, METHOD(delete_user), &in, QN_NOT_FOUND, "INVALID_TOKEN");
    in.token = (char *)harness_text("ended%d", users);
    mail_token(&who, in.token, "-1 minute");
    ask_only(&who, METHOD(delete_user), &in, QN_NOT_FOUND, "INVALID_TOKEN");
    in.token = (char *)harness_text("others%d", users);
    mail_token(&other, in.token, "1 day");
    ask_only(&who, METHOD(delete_user), &in, QN_NOT_FOUND, "INVALID_TOKEN");
    ask_only(&other, METHOD(delete_user), &in, QN_NOT_FOUND, "INVALID_TOKEN"); /* once shown, it is used */
    assert_true(exists(&who) && exists(&other));
    in.token = (char *)harness_text("own%d", users);
    mail_token(&who, in.token, "1 day");
    age(&who);
    ask_only(&who, METHOD(delete_user), &in, QN_OK, NULL);
    assert_false(exists(&who));
    assert_true(exists(&other));
}

static void test_what_is_switched_off(void **state)
{
    (void)state;
    struct auth_call call = {0};
    auth_fixture_sign_up(&fixture, &call, "Off", "off@example.com", QN_STR(PASSWORD), false);
    auth_fixture_expect(&call, QN_FAILED_PRECONDITION, "EMAIL_PASSWORD_SIGN_UP_DISABLED");
    auth_fixture_forget(&call);
    auth_fixture_sign_in(&fixture, &call, "off@example.com", QN_STR(PASSWORD), false);
    auth_fixture_expect(&call, QN_FAILED_PRECONDITION, "EMAIL_PASSWORD_DISABLED");
    auth_fixture_forget(&call);
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

static int start_deleting(void **state)
{
    (void)state;
    auth_fixture_start(&fixture, HARNESS_TABLES_PRISMA,
                       (const char *const[]){"QUINTET_AUTH_DELETE_USER=true", NULL});
    return set_utc();
}

static int start_off(void **state)
{
    (void)state;
    auth_fixture_start(&fixture, HARNESS_TABLES_OURS,
                       (const char *const[]){"QUINTET_AUTH_EMAIL_PASSWORD=false", NULL});
    return set_utc();
}

static int stop(void **state)
{
    (void)state;
    auth_fixture_stop(&fixture);
    return 0;
}

#define CONNECTED(test) cmocka_unit_test_setup_teardown(test, connect_test, disconnect_test)
#define TESTS_ON_EACH                                                                                        \
    CONNECTED(test_updating), CONNECTED(test_updating_keeps_a_browser_session_one),                          \
        CONNECTED(test_changing_the_password),                                                               \
        CONNECTED(test_changing_the_password_and_ending_all_sessions),                                       \
        CONNECTED(test_verifying_the_password), CONNECTED(test_without_a_password), CONNECTED(test_accounts)

int main(void)
{
    const struct CMUnitTest by_default[] = {TESTS_ON_EACH,
                                            CONNECTED(test_deleting_is_off_unless_switched_on)};
    const struct CMUnitTest deleting[] = {TESTS_ON_EACH, CONNECTED(test_deleting_with_a_password),
                                          CONNECTED(test_deleting_with_a_young_session),
                                          CONNECTED(test_deleting_with_a_token)};
    const struct CMUnitTest off[] = {CONNECTED(test_what_is_switched_off)};
    return cmocka_run_group_tests_name("tables of Better Auth", by_default, start, stop) +
           cmocka_run_group_tests_name("tables of Prisma, deleting", deleting, start_deleting, stop) +
           cmocka_run_group_tests_name("switched off", off, start_off, stop);
}
