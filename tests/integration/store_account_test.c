#include <stdio.h>

#include "common/core/check.h"
#include "common/core/clock.h"
#include "store.qn.h"
#include "tests/harness/rows.h"
#include "tests/harness/store.h"
#include "tests/harness/test.h"

/* AccountStore, and what Better Auth itself wrote, in each layout of the tables. */

static struct harness_store store;

#define CREATE_USER    &quintet_store_v1_account_store_create_user
#define GET_CREDENTIAL &quintet_store_v1_account_store_get_credential
#define GET_SESSION    &quintet_store_v1_session_store_get_session

struct sign_up {
    Quintet__Store__V1__User user;
    Quintet__Store__V1__Session session;
    Quintet__Store__V1__CreateUserRequest request;
};

static struct sign_up *sign_up(const char *email)
{
    struct sign_up *s = qn_arena_new(&store.arena, struct sign_up);
    quintet__store__v1__user__init(&s->user);
    quintet__store__v1__session__init(&s->session);
    quintet__store__v1__create_user_request__init(&s->request);
    s->user.id = harness_store_id(&store);
    s->user.name = (char *)"Zoë \"Q\" O'Neil \\ 李 \xf0\x9f\x91\xa9\xe2\x80\x8d\xf0\x9f\x91\xa9";
    s->user.email = (char *)email;
    s->user.created_at_ms = 1795407356937;
    s->user.updated_at_ms = 1795407356938;
    s->session.id = harness_store_id(&store);
    s->session.user_id = s->user.id;
    s->session.token = harness_store_id(&store);
    s->session.expires_at_ms = 1796012156937;
    s->session.created_at_ms = 1795407356939;
    s->session.updated_at_ms = 1795407356940;
    s->session.ip_address = (char *)"203.0.113.7";
    s->session.user_agent = (char *)"Mozilla/5.0 (test)";
    s->request.user = &s->user;
    s->request.account_id = harness_store_id(&store);
    s->request.password_hash = (char *)"0123:4567";
    s->request.session = &s->session;
    return s;
}

static struct sign_up *anyone(void)
{
    return sign_up(harness_store_text(&store, "%s@example.com", harness_store_id(&store)));
}

static const Quintet__Store__V1__GetCredentialResponse *credential_of(const char *email)
{
    Quintet__Store__V1__GetCredentialRequest in = QUINTET__STORE__V1__GET_CREDENTIAL_REQUEST__INIT;
    in.email = (char *)email;
    return harness_store_ask(&store, GET_CREDENTIAL, &in, NULL);
}

static const Quintet__Store__V1__GetSessionResponse *session_of(const char *token)
{
    Quintet__Store__V1__GetSessionRequest in = QUINTET__STORE__V1__GET_SESSION_REQUEST__INIT;
    in.token = (char *)token;
    return harness_store_ask(&store, GET_SESSION, &in, NULL);
}

static void assert_same_user(const Quintet__Store__V1__User *is, const Quintet__Store__V1__User *should_be)
{
    assert_non_null(is);
    assert_string_equal(is->id, should_be->id);
    assert_string_equal(is->name, should_be->name);
    assert_string_equal(is->email, should_be->email);
    assert_int_equal(is->email_verified, should_be->email_verified);
    assert_int_equal(is->has_image, should_be->has_image);
    assert_string_equal(is->image, should_be->image);
    assert_true(is->created_at_ms == should_be->created_at_ms);
    assert_true(is->updated_at_ms == should_be->updated_at_ms);
}

static void assert_same_session(const Quintet__Store__V1__Session *is,
                                const Quintet__Store__V1__Session *should_be)
{
    assert_non_null(is);
    assert_string_equal(is->id, should_be->id);
    assert_string_equal(is->user_id, should_be->user_id);
    assert_string_equal(is->token, should_be->token);
    assert_true(is->expires_at_ms == should_be->expires_at_ms);
    assert_true(is->created_at_ms == should_be->created_at_ms);
    assert_true(is->updated_at_ms == should_be->updated_at_ms);
    assert_string_equal(is->ip_address, should_be->ip_address);
    assert_string_equal(is->user_agent, should_be->user_agent);
}

static void test_a_user_comes_back_as_it_was(void **state)
{
    (void)state;
    struct sign_up *s = anyone();
    s->user.has_image = true;
    s->user.image = (char *)"https://cdn.example.com/a.png";
    s->user.email_verified = true;
    harness_store_ask(&store, CREATE_USER, &s->request, NULL);
    const Quintet__Store__V1__GetCredentialResponse *found = credential_of(s->user.email);
    assert_same_user(found->user, &s->user);
    assert_string_equal(found->password_hash, "0123:4567");
    const Quintet__Store__V1__GetSessionResponse *session = session_of(s->session.token);
    assert_same_session(session->session, &s->session);
    assert_same_user(session->user, &s->user);
}

/* Better Auth writes "" for an unknown address and agent, and null for no image: a client sees the
 * difference. */
static void test_empty_and_null(void **state)
{
    (void)state;
    struct sign_up *s = anyone();
    s->user.name = (char *)"";
    s->session.ip_address = s->session.user_agent = (char *)"";
    harness_store_ask(&store, CREATE_USER, &s->request, NULL);
    assert_int_equal(
        harness_store_number(&store,
                             "select count(*) from session where token = '%s' and \"ipAddress\" = ''"
                             " and \"userAgent\" = ''",
                             s->session.token),
        1);
    assert_int_equal(harness_store_number(&store,
                                          "select count(*) from \"user\" where id = '%s' and image is null",
                                          s->user.id),
                     1);
    assert_false(credential_of(s->user.email)->user->has_image);

    struct sign_up *with_empty = anyone();
    with_empty->user.has_image = true;
    harness_store_ask(&store, CREATE_USER, &with_empty->request, NULL);
    assert_int_equal(harness_store_number(&store,
                                          "select count(*) from \"user\" where id = '%s' and image = ''",
                                          with_empty->user.id),
                     1);
    assert_true(credential_of(with_empty->user.email)->user->has_image);
}

/* Better Auth looks the account up by user, provider and account id. */
static void test_the_account_row_is_as_better_auths(void **state)
{
    (void)state;
    struct sign_up *s = anyone();
    harness_store_ask(&store, CREATE_USER, &s->request, NULL);
    assert_int_equal(
        harness_store_number(
            &store,
            "select count(*) from account where id = '%s' and \"userId\" = '%s' and \"accountId\" = '%s'"
            " and \"providerId\" = 'credential' and password = '0123:4567' and \"accessToken\" is null"
            " and \"refreshToken\" is null and \"idToken\" is null and scope is null"
            " and \"accessTokenExpiresAt\" is null and \"refreshTokenExpiresAt\" is null"
            " and \"createdAt\" = '2026-11-23 04:15:56.937' and \"updatedAt\" = '2026-11-23 04:15:56.938'",
            s->request.account_id, s->user.id, s->user.id),
        1);
}

static void test_unknown_addresses(void **state)
{
    (void)state;
    struct sign_up *s = sign_up("it.is.lower@example.com");
    harness_store_ask(&store, CREATE_USER, &s->request, NULL);
    static const char *const unknown[] = {"",
                                          "nobody@example.com",
                                          "IT.IS.LOWER@example.com",
                                          "{}",
                                          "{\"a\"}",
                                          "it.is.lower@example.com ",
                                          "NULL",
                                          "'; drop table session; --"};
    for (size_t i = 0; i < QN_COUNT(unknown); i++) {
        const Quintet__Store__V1__GetCredentialResponse *found = credential_of(unknown[i]);
        assert_null(found->user);
        assert_string_equal(found->password_hash, "");
    }
    assert_non_null(credential_of("it.is.lower@example.com")->user);
}

/* Somebody who came with a provider has no hash; where two credential accounts are, the oldest counts. */
static void test_accounts_without_a_password(void **state)
{
    (void)state;
    struct sign_up *s = anyone();
    harness_store_ask(&store, CREATE_USER, &s->request, NULL);
    harness_store_do(&store, "update account set \"providerId\" = 'github' where \"userId\" = '%s'",
                     s->user.id);
    assert_string_equal(credential_of(s->user.email)->password_hash, "");
    assert_same_user(credential_of(s->user.email)->user, &s->user);

    harness_store_do(
        &store, "update account set \"providerId\" = 'credential', password = null where \"userId\" = '%s'",
        s->user.id);
    assert_string_equal(credential_of(s->user.email)->password_hash, "");

    harness_store_do(
        &store,
        "update account set password = 'old:er' where \"userId\" = '%s';"
        "insert into account (id, \"accountId\", \"providerId\", \"userId\", password, \"createdAt\","
        " \"updatedAt\") values ('%s', '%s', 'credential', '%s', 'new:er', now(), now())",
        s->user.id, harness_store_id(&store), s->user.id, s->user.id);
    assert_string_equal(credential_of(s->user.email)->password_hash, "old:er");
}

static long rows_of(const char *user_id)
{
    return harness_store_number(&store,
                                "select (select count(*) from \"user\" where id = '%s')"
                                " + (select count(*) from account where \"userId\" = '%s')"
                                " + (select count(*) from session where \"userId\" = '%s')",
                                user_id, user_id, user_id);
}

static void test_a_taken_address(void **state)
{
    (void)state;
    struct sign_up *first = anyone(), *second = sign_up(first->user.email);
    harness_store_ask(&store, CREATE_USER, &first->request, NULL);
    harness_store_refuse(&store, CREATE_USER, &second->request, NULL, QN_ALREADY_EXISTS,
                         "USER_ALREADY_EXISTS_USE_ANOTHER_EMAIL");
    assert_int_equal(rows_of(first->user.id), 3);
    assert_int_equal(rows_of(second->user.id), 0);
}

/* An id or token that is there already is not a taken address; auth would tell somebody to use another one.
 * And all of it is one transaction: what stood before the step that failed is gone. */
/* Where addresses must be verified first. */
static void test_a_user_without_a_session(void **state)
{
    (void)state;
    struct sign_up *s = sign_up("no.session@example.com");
    s->request.session = NULL;
    harness_store_ask(&store, CREATE_USER, &s->request, NULL);
    assert_int_equal(
        harness_store_number(&store, "select count(*) from account where \"userId\" = '%s'", s->user.id), 1);
    assert_int_equal(
        harness_store_number(&store, "select count(*) from session where \"userId\" = '%s'", s->user.id), 0);
}

static void test_ids_that_are_there_already(void **state)
{
    (void)state;
    struct sign_up *first = anyone();
    harness_store_ask(&store, CREATE_USER, &first->request, NULL);
    struct sign_up *second = anyone();
    second->user.id = first->user.id;
    second->session.user_id = first->user.id;
    harness_store_refuse(&store, CREATE_USER, &second->request, NULL, QN_INTERNAL, NULL);

    second = anyone();
    second->request.account_id = first->request.account_id;
    harness_store_refuse(&store, CREATE_USER, &second->request, NULL, QN_INTERNAL, NULL);
    assert_int_equal(rows_of(second->user.id), 0);

    second = anyone();
    second->session.token = first->session.token;
    harness_store_refuse(&store, CREATE_USER, &second->request, NULL, QN_INTERNAL, NULL);
    assert_int_equal(rows_of(second->user.id), 0);
    assert_null(credential_of(second->user.email)->user);
}

/* Two sign-ups with one address at the same moment, ten at once: one wins, the others are told, nothing is
 * half done. */
static void test_the_race_for_an_address(void **state)
{
    (void)state;
    struct sign_up *all[10];
    struct harness_call *calls[QN_COUNT(all)];
    size_t won = 0, lost = 0;
    char *email = harness_store_text(&store, "%s@example.com", harness_store_id(&store));
    for (size_t i = 0; i < QN_COUNT(all); i++) {
        all[i] = sign_up(email);
        calls[i] = harness_store_start(&store, CREATE_USER, &all[i]->request, NULL);
    }
    harness_store_wait(&store);
    for (size_t i = 0; i < QN_COUNT(all); i++) {
        won += calls[i]->request.status == QN_OK;
        lost += calls[i]->request.status == QN_ALREADY_EXISTS;
        assert_int_equal(rows_of(all[i]->user.id), calls[i]->request.status == QN_OK ? 3 : 0);
    }
    assert_int_equal(won, 1);
    assert_int_equal(lost, QN_COUNT(all) - 1);
}

/* All that is wrong is told at once, and nothing is written. */
static void test_what_is_not_valid(void **state)
{
    (void)state;
    Quintet__Store__V1__CreateUserRequest empty = QUINTET__STORE__V1__CREATE_USER_REQUEST__INIT;
    harness_store_refuse(&store, CREATE_USER, &empty, NULL, QN_INVALID_ARGUMENT,
                         "user account_id password_hash");

    char *long_text = harness_store_text(&store, "%0*d", 20000, 0);
    struct sign_up *s = anyone();
    s->user.name = s->user.image = s->user.email = s->session.token = long_text;
    s->user.created_at_ms = INT64_MAX;
    s->session.expires_at_ms = INT64_MIN;
    s->session.user_id = (char *)"another";
    harness_store_refuse(
        &store, CREATE_USER, &s->request, NULL, QN_INVALID_ARGUMENT,
        "user.name user.email user.image user.created_at_ms session.token session.expires_at_ms"
        " session.user_id");
    assert_int_equal(rows_of(s->user.id), 0);
}

/* 64 addresses in one turn of the loop: messages of many calls, each one statement; twice the same, and
 * unknown ones between. */
static void test_credentials_of_many(void **state)
{
    (void)state;
    struct sign_up *all[20];
    for (size_t i = 0; i < QN_COUNT(all); i++) {
        all[i] = anyone();
        harness_store_ask(&store, CREATE_USER, &all[i]->request, NULL);
    }
    double before = harness_store_statements("credential_by_email");
    struct harness_call *calls[60];
    for (size_t i = 0; i < QN_COUNT(calls); i++) {
        Quintet__Store__V1__GetCredentialRequest in = QUINTET__STORE__V1__GET_CREDENTIAL_REQUEST__INIT;
        in.email = i % 3 == 2 ? (char *)"nobody@example.com" : all[i % QN_COUNT(all)]->user.email;
        calls[i] = harness_store_start(&store, GET_CREDENTIAL, &in, NULL);
    }
    harness_store_wait(&store);
    for (size_t i = 0; i < QN_COUNT(calls); i++) {
        assert_int_equal(calls[i]->request.status, QN_OK);
        const Quintet__Store__V1__GetCredentialResponse *out = calls[i]->request.out;
        if (i % 3 == 2)
            assert_null(out->user);
        else
            assert_same_user(out->user, &all[i % QN_COUNT(all)]->user);
    }
    assert_true(harness_store_statements("credential_by_email") - before == 1);
}

/* Text of a JSON member as SQL: null or a literal. */
static char *literal(const struct qn_json *row, const char *key)
{
    const struct qn_json *value = harness_rows_member(row, key);
    if (value->kind == QN_JSON_NULL)
        return (char *)"null";
    if (value->kind == QN_JSON_BOOL)
        return (char *)(value->boolean ? "true" : "false");
    char *quoted = PQescapeLiteral(store.admin, value->text.ptr, value->text.len);
    char *text = harness_store_text(&store, "%s", quoted);
    PQfreemem(quoted);
    return text;
}

/* Loads a table of rows.json, column by column as it stands there. */
static void load(const char *table)
{
    const struct qn_json *rows = harness_rows_table(table);
    for (size_t i = 0; i < rows->n_items; i++) {
        const struct qn_json *row = &rows->items[i];
        char *columns = harness_store_text(&store, "%s", ""), *values = columns;
        for (size_t k = 0; k < row->n_items; k++) {
            char *key = harness_store_text(&store, "%.*s", QN_STR_ARG(row->keys[k]));
            const char *comma = k > 0 ? ", " : "";
            columns = harness_store_text(&store, "%s%s\"%s\"", columns, comma, key);
            values = harness_store_text(&store, "%s%s%s", values, comma, literal(row, key));
        }
        harness_store_do(&store, "insert into \"%s\" (%s) values (%s)", table, columns, values);
    }
}

static int64_t time_in(const struct qn_json *row, const char *key)
{
    int64_t ms = 0;
    assert_true(qn_time_parse(harness_rows_text(row, key), &ms));
    return ms;
}

static void assert_text(const char *is, const struct qn_json *row, const char *key)
{
    assert_str(harness_rows_text(row, key), is);
}

static void assert_user_row(const Quintet__Store__V1__User *user, const struct qn_json *row)
{
    assert_non_null(user);
    assert_text(user->id, row, "id");
    assert_text(user->name, row, "name");
    assert_text(user->email, row, "email");
    assert_text(user->image, row, "image");
    assert_int_equal(user->has_image, harness_rows_member(row, "image")->kind != QN_JSON_NULL);
    assert_int_equal(user->email_verified, harness_rows_member(row, "emailVerified")->boolean);
    assert_true(user->created_at_ms == time_in(row, "createdAt"));
    assert_true(user->updated_at_ms == time_in(row, "updatedAt"));
}

/* What the product wrote, read exactly: every user by address with the hash, every session by token, to the
 * millisecond, expired or not. */
static void test_better_auths_own_rows(void **state)
{
    (void)state;
    load("user");
    load("account");
    load("session");
    const struct qn_json *users = harness_rows_table("user"), *sessions = harness_rows_table("session");
    assert_true(users->n_items >= 10 && sessions->n_items >= 10);
    for (size_t i = 0; i < users->n_items; i++) {
        const struct qn_json *row = &users->items[i];
        char *email = harness_store_text(&store, "%.*s", QN_STR_ARG(harness_rows_text(row, "email")));
        const Quintet__Store__V1__GetCredentialResponse *found = credential_of(email);
        assert_user_row(found->user, row);
        struct qn_str hash = harness_rows_hash(harness_rows_text(row, "id"));
        assert_str(hash.ptr ? hash : QN_STR(""), found->password_hash);
    }
    for (size_t i = 0; i < sessions->n_items; i++) {
        const struct qn_json *row = &sessions->items[i];
        char *token = harness_store_text(&store, "%.*s", QN_STR_ARG(harness_rows_text(row, "token")));
        const Quintet__Store__V1__GetSessionResponse *found = session_of(token);
        assert_non_null(found->session);
        assert_text(found->session->id, row, "id");
        assert_text(found->session->user_id, row, "userId");
        assert_text(found->session->token, row, "token");
        assert_text(found->session->ip_address, row, "ipAddress");
        assert_text(found->session->user_agent, row, "userAgent");
        assert_true(found->session->expires_at_ms == time_in(row, "expiresAt"));
        assert_true(found->session->created_at_ms == time_in(row, "createdAt"));
        assert_true(found->session->updated_at_ms == time_in(row, "updatedAt"));
        assert_text(found->user->id, row, "userId");
    }
}

HARNESS_STORE_SETUPS()

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_user_comes_back_as_it_was),
        cmocka_unit_test(test_empty_and_null),
        cmocka_unit_test(test_the_account_row_is_as_better_auths),
        cmocka_unit_test(test_unknown_addresses),
        cmocka_unit_test(test_accounts_without_a_password),
        cmocka_unit_test(test_a_taken_address),
        cmocka_unit_test(test_a_user_without_a_session),
        cmocka_unit_test(test_ids_that_are_there_already),
        cmocka_unit_test(test_the_race_for_an_address),
        cmocka_unit_test(test_what_is_not_valid),
        cmocka_unit_test(test_credentials_of_many),
        cmocka_unit_test(test_better_auths_own_rows),
    };
    return HARNESS_STORE_RUN(tests);
}
