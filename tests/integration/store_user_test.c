#include "common/core/check.h"
#include "store.qn.h"
#include "tests/harness/store.h"
#include "tests/harness/test.h"

/* What AccountStore and SessionStore do to the rows of one user, in each layout of Better Auth's tables. */

static struct harness_store store;

#define ACCOUNT(name) (&quintet_store_v1_account_store_##name)
#define SESSION(name) (&quintet_store_v1_session_store_##name)

enum { MOVED_MS = 471 };
static const int64_t LATER = INT64_C(1795407356000) + MOVED_MS; /* 2026-11-23T04:15:56.471Z */

static Quintet__Store__V1__Session *new_session(char *user_id, int64_t created_at_ms, int64_t expires_at_ms)
{
    Quintet__Store__V1__Session *session = qn_arena_new(&store.arena, Quintet__Store__V1__Session);
    quintet__store__v1__session__init(session);
    session->id = harness_store_id(&store);
    session->user_id = user_id;
    session->token = harness_store_id(&store);
    session->created_at_ms = session->updated_at_ms = created_at_ms;
    session->expires_at_ms = expires_at_ms;
    return session;
}

static char *add_session(char *user_id, int64_t created_at_ms, int64_t expires_at_ms)
{
    Quintet__Store__V1__CreateSessionRequest in = QUINTET__STORE__V1__CREATE_SESSION_REQUEST__INIT;
    in.session = new_session(user_id, created_at_ms, expires_at_ms);
    harness_store_ask(&store, SESSION(create_session), &in, NULL);
    return in.session->token;
}

static bool there(const char *token)
{
    return harness_store_number(&store, "select count(*) from session where token = '%s'", token) == 1;
}

static const Quintet__Store__V1__ListSessionsResponse *list(char *user_id, int64_t after_ms)
{
    Quintet__Store__V1__ListSessionsRequest in = QUINTET__STORE__V1__LIST_SESSIONS_REQUEST__INIT;
    in.user_id = user_id;
    in.after_ms = after_ms;
    return harness_store_ask(&store, SESSION(list_sessions), &in, NULL);
}

static void test_sessions_are_listed_oldest_first_and_living(void **state)
{
    (void)state;
    char *user = harness_store_user(&store, NULL);
    harness_store_do(&store, "delete from session where \"userId\" = '%s'", user);
    char *second = add_session(user, LATER + 1, LATER + 1001),
         *first = add_session(user, LATER, LATER + 1001);
    add_session(user, LATER, LATER + 1000); /* ends at the moment asked about */
    harness_store_user(&store, NULL);       /* somebody else's */
    const Quintet__Store__V1__ListSessionsResponse *out = list(user, LATER + 1000);
    assert_int_equal(out->n_sessions, 2);
    assert_string_equal(out->sessions[0]->token, first);
    assert_string_equal(out->sessions[1]->token, second);
    assert_true(out->sessions[0]->created_at_ms == LATER);
    assert_true(out->sessions[0]->expires_at_ms == LATER + 1001);
    assert_string_equal(out->sessions[0]->user_id, user);
    assert_int_equal(list(harness_store_id(&store), LATER)->n_sessions, 0);
}

static void test_no_more_than_a_hundred_are_listed(void **state)
{
    (void)state;
    char *user = harness_store_user(&store, NULL);
    harness_store_do(
        &store,
        "insert into session (id, \"expiresAt\", token, \"createdAt\", \"updatedAt\", \"userId\")"
        " select '%s' || i, '2999-01-01', '%s' || i, now(), now(), '%s'"
        " from generate_series(1, 120) i",
        user, user, user);
    assert_int_equal(list(user, LATER)->n_sessions, 100);
}

static void test_a_session_is_refreshed(void **state)
{
    (void)state;
    char *user = harness_store_user(&store, NULL), *token = add_session(user, LATER, LATER);
    Quintet__Store__V1__RefreshSessionRequest in = QUINTET__STORE__V1__REFRESH_SESSION_REQUEST__INIT;
    in.token = token;
    in.expires_at_ms = LATER + 604800000;
    in.updated_at_ms = LATER + 5;
    const Quintet__Store__V1__RefreshSessionResponse *out =
        harness_store_ask(&store, SESSION(refresh_session), &in, NULL);
    assert_non_null(out->session);
    assert_string_equal(out->session->token, token);
    assert_true(out->session->created_at_ms == LATER);
    assert_true(out->session->updated_at_ms == LATER + 5);
    assert_true(out->session->expires_at_ms == LATER + 604800000);
    /* As a Better Auth server reads it: milliseconds, in UTC, whatever the column's type. */
    assert_int_equal(harness_store_number(&store,
                                          "select (extract(epoch from \"updatedAt\") * 1000)::bigint %% 1000"
                                          " from session where token = '%s'",
                                          token),
                     MOVED_MS + 5);
    in.token = harness_store_id(&store);
    out = harness_store_ask(&store, SESSION(refresh_session), &in, NULL);
    assert_null(out->session);
    in.expires_at_ms = INT64_MAX;
    harness_store_refuse(&store, SESSION(refresh_session), &in, NULL, QN_INVALID_ARGUMENT, "expires_at_ms");
}

/* /revoke-session answers true for any token; only the user's own may go. */
static void test_a_session_of_another_user_stays(void **state)
{
    (void)state;
    char *user = harness_store_user(&store, NULL), *token = add_session(user, LATER, LATER), *others;
    harness_store_user(&store, &others);
    Quintet__Store__V1__DeleteSessionRequest in = QUINTET__STORE__V1__DELETE_SESSION_REQUEST__INIT;
    in.user_id = user;
    in.token = others;
    const Quintet__Store__V1__DeleteSessionResponse *out =
        harness_store_ask(&store, SESSION(delete_session), &in, NULL);
    assert_false(out->deleted);
    assert_true(there(others));
    in.token = token;
    out = harness_store_ask(&store, SESSION(delete_session), &in, NULL);
    assert_true(out->deleted);
    assert_false(there(token));
}

static void test_all_sessions_go_or_all_but_one(void **state)
{
    (void)state;
    char *others, *user = harness_store_user(&store, NULL);
    harness_store_user(&store, &others);
    char *a = add_session(user, LATER, LATER), *b = add_session(user, LATER, LATER + 1);
    Quintet__Store__V1__DeleteSessionsRequest in = QUINTET__STORE__V1__DELETE_SESSIONS_REQUEST__INIT;
    in.user_id = user;
    in.except_token = a;
    harness_store_ask(&store, SESSION(delete_sessions), &in, NULL);
    assert_true(there(a));
    assert_false(there(b));
    in.except_token = (char *)"";
    harness_store_ask(&store, SESSION(delete_sessions), &in, NULL);
    assert_false(there(a));
    assert_true(there(others));
}

static const Quintet__Store__V1__GetPasswordResponse *password_of(char *user_id)
{
    Quintet__Store__V1__GetPasswordRequest in = QUINTET__STORE__V1__GET_PASSWORD_REQUEST__INIT;
    in.user_id = user_id;
    return harness_store_ask(&store, ACCOUNT(get_password), &in, NULL);
}

static void test_the_password_of_a_user(void **state)
{
    (void)state;
    char *user = harness_store_user(&store, NULL);
    assert_true(password_of(user)->found);
    assert_true(strlen(password_of(user)->password_hash) > 0);
    /* An account of another provider is none, nor is one that says "credential" of somebody else. */
    harness_store_do(&store, "update account set \"providerId\" = 'github' where \"userId\" = '%s'", user);
    assert_false(password_of(user)->found);
    harness_store_do(
        &store,
        "update account set \"providerId\" = 'credential', \"accountId\" = 'x' where \"userId\" = '%s'",
        user);
    assert_false(password_of(user)->found);
    harness_store_do(&store,
                     "update account set \"accountId\" = \"userId\", password = null where \"userId\" = '%s'",
                     user);
    assert_true(password_of(user)->found);
    assert_string_equal(password_of(user)->password_hash, "");
    assert_false(password_of(harness_store_id(&store))->found);
}

static void test_a_password_is_set(void **state)
{
    (void)state;
    char *token, *user = harness_store_user(&store, &token);
    Quintet__Store__V1__SetPasswordRequest in = QUINTET__STORE__V1__SET_PASSWORD_REQUEST__INIT;
    in.user_id = user;
    in.password_hash = harness_store_id(&store);
    in.updated_at_ms = LATER;
    harness_store_ask(&store, ACCOUNT(set_password), &in, NULL);
    assert_string_equal(password_of(user)->password_hash, in.password_hash);
    assert_true(there(token));
    assert_int_equal(harness_store_number(&store,
                                          "select count(*) from account where \"userId\" = '%s'"
                                          " and \"updatedAt\" = '2026-11-23T04:15:56.471Z'",
                                          user),
                     1);
}

static void test_a_password_is_set_and_sessions_are_exchanged_at_once(void **state)
{
    (void)state;
    char *token, *user = harness_store_user(&store, &token), *second = add_session(user, LATER, LATER + 1);
    Quintet__Store__V1__SetPasswordRequest in = QUINTET__STORE__V1__SET_PASSWORD_REQUEST__INIT;
    in.user_id = user;
    in.password_hash = harness_store_id(&store);
    in.updated_at_ms = LATER;
    in.session = new_session(user, LATER, LATER + 604800000);
    harness_store_ask(&store, ACCOUNT(set_password), &in, NULL);
    assert_string_equal(password_of(user)->password_hash, in.password_hash);
    assert_false(there(token));
    assert_false(there(second));
    const Quintet__Store__V1__ListSessionsResponse *out = list(user, LATER);
    assert_int_equal(out->n_sessions, 1);
    assert_string_equal(out->sessions[0]->token, in.session->token);
    assert_true(out->sessions[0]->expires_at_ms == LATER + 604800000);
    assert_string_equal(out->sessions[0]->id, in.session->id);
}

/* All or nothing: without an account the sessions stay. */
static void test_a_password_without_an_account_changes_nothing(void **state)
{
    (void)state;
    char *token, *user = harness_store_user(&store, &token);
    harness_store_do(&store, "delete from account where \"userId\" = '%s'", user);
    Quintet__Store__V1__SetPasswordRequest in = QUINTET__STORE__V1__SET_PASSWORD_REQUEST__INIT;
    in.user_id = user;
    in.password_hash = harness_store_id(&store);
    in.updated_at_ms = LATER;
    in.session = new_session(user, LATER, LATER + 604800000);
    harness_store_refuse(&store, ACCOUNT(set_password), &in, NULL, QN_NOT_FOUND,
                         "CREDENTIAL_ACCOUNT_NOT_FOUND");
    assert_true(there(token));
    assert_false(there(in.session->token));
    in.user_id = (char *)"";
    in.password_hash = (char *)"";
    harness_store_refuse(&store, ACCOUNT(set_password), &in, NULL, QN_INVALID_ARGUMENT,
                         "user_id password_hash session.user_id");
}

static void test_a_user_is_updated(void **state)
{
    (void)state;
    char *user = harness_store_user(&store, NULL), *mask[] = {(char *)"name", (char *)"image"};
    Quintet__Store__V1__UpdateUserRequest in = QUINTET__STORE__V1__UPDATE_USER_REQUEST__INIT;
    in.user_id = user;
    in.name = (char *)"Zo\xc3\xab";
    in.image = (char *)"https://cdn.example.com/b.png";
    in.has_image = true;
    in.updated_at_ms = LATER;
    in.update_mask = mask;
    in.n_update_mask = 2;
    const Quintet__Store__V1__UpdateUserResponse *out =
        harness_store_ask(&store, ACCOUNT(update_user), &in, NULL);
    assert_string_equal(out->user->name, in.name);
    assert_string_equal(out->user->image, in.image);
    assert_true(out->user->updated_at_ms == LATER);
    assert_true(out->user->created_at_ms != LATER);

    in.n_update_mask = 1; /* the name alone */
    in.name = (char *)"";
    in.has_image = false;
    out = harness_store_ask(&store, ACCOUNT(update_user), &in, NULL);
    assert_string_equal(out->user->name, "");
    assert_string_equal(out->user->image, "https://cdn.example.com/b.png");

    in.update_mask = &mask[1]; /* the image alone, to null */
    in.name = (char *)"not this";
    out = harness_store_ask(&store, ACCOUNT(update_user), &in, NULL);
    assert_string_equal(out->user->name, "");
    assert_false(out->user->has_image);
    assert_int_equal(
        harness_store_number(&store, "select count(*) from \"user\" where id = '%s' and image is null", user),
        1);

    in.user_id = harness_store_id(&store);
    harness_store_refuse(&store, ACCOUNT(update_user), &in, NULL, QN_NOT_FOUND, "USER_NOT_FOUND");
    in.n_update_mask = 0;
    harness_store_refuse(&store, ACCOUNT(update_user), &in, NULL, QN_INVALID_ARGUMENT, "update_mask");
    in.update_mask = (char *[]){(char *)"id"};
    in.n_update_mask = 1;
    harness_store_refuse(&store, ACCOUNT(update_user), &in, NULL, QN_INVALID_ARGUMENT, "update_mask");
}

/* What a link by mail says: alone, and without touching what else there is. */
static void test_an_address_is_changed_and_verified(void **state)
{
    (void)state;
    char *user = harness_store_user(&store, NULL), *other = harness_store_user(&store, NULL),
         *mask[] = {(char *)"email_verified", (char *)"email"};
    Quintet__Store__V1__UpdateUserRequest in = QUINTET__STORE__V1__UPDATE_USER_REQUEST__INIT;
    in.user_id = user;
    in.email = (char *)"not.this@example.com";
    in.email_verified = true;
    in.updated_at_ms = LATER;
    in.update_mask = mask;
    in.n_update_mask = 1;
    const Quintet__Store__V1__UpdateUserResponse *out =
        harness_store_ask(&store, ACCOUNT(update_user), &in, NULL);
    assert_true(out->user->email_verified);
    assert_string_not_equal(out->user->email, in.email);
    const char *name = out->user->name;

    in.n_update_mask = 2;
    in.email = harness_store_text(&store, "%.8s@example.com", harness_store_id(&store));
    in.email_verified = false;
    out = harness_store_ask(&store, ACCOUNT(update_user), &in, NULL);
    assert_false(out->user->email_verified);
    assert_string_equal(out->user->email, in.email);
    assert_string_equal(out->user->name, name);

    in.user_id = other; /* taken */
    harness_store_refuse(&store, ACCOUNT(update_user), &in, NULL, QN_ALREADY_EXISTS,
                         "USER_ALREADY_EXISTS_USE_ANOTHER_EMAIL");
    in.email = (char *)"";
    harness_store_refuse(&store, ACCOUNT(update_user), &in, NULL, QN_INVALID_ARGUMENT, "email");
}

/* A user from another provider gets a first password; one who has a password keeps the one account. */
static void test_a_password_may_make_its_account(void **state)
{
    (void)state;
    static const char ACCOUNTS[] = "select count(*) from account where \"userId\" = '%s' and \"accountId\" = "
                                   "'%s' and \"providerId\" = 'credential'";
    char *user = harness_store_user(&store, NULL);
    Quintet__Store__V1__SetPasswordRequest in = QUINTET__STORE__V1__SET_PASSWORD_REQUEST__INIT;
    in.user_id = user;
    in.password_hash = harness_store_id(&store);
    in.new_account_id = harness_store_id(&store);
    in.updated_at_ms = LATER;
    harness_store_ask(&store, ACCOUNT(set_password), &in, NULL);
    assert_string_equal(password_of(user)->password_hash, in.password_hash);
    assert_int_equal(harness_store_number(&store, ACCOUNTS, user, user), 1);

    harness_store_do(&store, "delete from account where \"userId\" = '%s'", user);
    harness_store_ask(&store, ACCOUNT(set_password), &in, NULL);
    assert_string_equal(password_of(user)->password_hash, in.password_hash);
    assert_int_equal(harness_store_number(&store, ACCOUNTS, user, user), 1);

    in.user_id = harness_store_id(&store);
    harness_store_refuse(&store, ACCOUNT(set_password), &in, NULL, QN_NOT_FOUND,
                         "CREDENTIAL_ACCOUNT_NOT_FOUND");
}

static void test_a_user_goes_with_all_rows(void **state)
{
    (void)state;
    char *token, *user = harness_store_user(&store, &token);
    Quintet__Store__V1__DeleteUserRequest in = QUINTET__STORE__V1__DELETE_USER_REQUEST__INIT;
    in.user_id = user;
    const Quintet__Store__V1__DeleteUserResponse *out =
        harness_store_ask(&store, ACCOUNT(delete_user), &in, NULL);
    assert_true(out->deleted);
    assert_false(there(token));
    assert_int_equal(harness_store_number(&store,
                                          "select (select count(*) from \"user\" where id = '%s')"
                                          " + (select count(*) from account where \"userId\" = '%s')",
                                          user, user),
                     0);
    out = harness_store_ask(&store, ACCOUNT(delete_user), &in, NULL);
    assert_false(out->deleted);
}

static void test_accounts_are_listed_and_the_last_stays(void **state)
{
    (void)state;
    char *user = harness_store_user(&store, NULL), *other = harness_store_user(&store, NULL);
    char *github = harness_store_id(&store);
    harness_store_do(
        &store,
        "insert into account (id, \"accountId\", \"providerId\", \"userId\", scope, \"createdAt\","
        " \"updatedAt\") values ('%s', '4711', 'github', '%s', 'read:user,user:email',"
        " '2999-01-01 00:00:00.123', '2999-01-01 00:00:00.456')",
        github, user);
    Quintet__Store__V1__ListAccountsRequest in = QUINTET__STORE__V1__LIST_ACCOUNTS_REQUEST__INIT;
    in.user_id = user;
    const Quintet__Store__V1__ListAccountsResponse *out =
        harness_store_ask(&store, ACCOUNT(list_accounts), &in, NULL);
    assert_int_equal(out->n_accounts, 2);
    const Quintet__Store__V1__Account *first = out->accounts[0], *second = out->accounts[1];
    assert_string_equal(first->provider_id, "credential");
    assert_string_equal(first->account_id, user);
    assert_string_equal(first->scope, "");
    assert_string_equal(second->id, github);
    assert_string_equal(second->account_id, "4711");
    assert_string_equal(second->scope, "read:user,user:email");
    assert_true(second->created_at_ms % 1000 == 123);
    assert_true(second->updated_at_ms % 1000 == 456);

    Quintet__Store__V1__DeleteAccountRequest gone = QUINTET__STORE__V1__DELETE_ACCOUNT_REQUEST__INIT;
    gone.user_id = other;
    gone.id = github;
    const Quintet__Store__V1__DeleteAccountResponse *answer =
        harness_store_ask(&store, ACCOUNT(delete_account), &gone, NULL);
    assert_false(answer->deleted); /* somebody else's */
    gone.user_id = user;
    answer = harness_store_ask(&store, ACCOUNT(delete_account), &gone, NULL);
    assert_true(answer->deleted);
    gone.id = first->id;
    answer = harness_store_ask(&store, ACCOUNT(delete_account), &gone, NULL);
    assert_false(answer->deleted); /* the last */
}

HARNESS_STORE_SETUPS()

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_sessions_are_listed_oldest_first_and_living),
        cmocka_unit_test(test_no_more_than_a_hundred_are_listed),
        cmocka_unit_test(test_a_session_is_refreshed),
        cmocka_unit_test(test_a_session_of_another_user_stays),
        cmocka_unit_test(test_all_sessions_go_or_all_but_one),
        cmocka_unit_test(test_the_password_of_a_user),
        cmocka_unit_test(test_a_password_is_set),
        cmocka_unit_test(test_a_password_is_set_and_sessions_are_exchanged_at_once),
        cmocka_unit_test(test_a_password_without_an_account_changes_nothing),
        cmocka_unit_test(test_a_user_is_updated),
        cmocka_unit_test(test_an_address_is_changed_and_verified),
        cmocka_unit_test(test_a_password_may_make_its_account),
        cmocka_unit_test(test_a_user_goes_with_all_rows),
        cmocka_unit_test(test_accounts_are_listed_and_the_last_stays),
    };
    return HARNESS_STORE_RUN(tests);
}
