#include <stdio.h>
#include <stdlib.h>

#include "common/core/check.h"
#include "tests/harness/test.h"
#include "tests/system/beside_fixture.h"

/* The gateway beside a real Better Auth: people, their passwords and sessions, and the rows that either
 * writes. */

/* People and passwords. */

static void test_who_signs_up_here_signs_in_there(void **state)
{
    const char *email = beside_new_address();
    beside_expect_read_by_both(beside_sign_up(beside_here(state), email));
    beside_expect_read_by_both(beside_sign_in(beside_there(state), email));
    beside_expect(beside_sign_in_as(beside_there(state), email, "\"wrong horse 1\""), 401,
                  "INVALID_EMAIL_OR_PASSWORD");
    beside_expect(beside_sign_up_as(beside_there(state), email, BESIDE_PASSWORD), 422,
                  "USER_ALREADY_EXISTS_USE_ANOTHER_EMAIL");
}

/* What normalisation, UTF-16 and C could each take for something else. */
static void test_passwords_that_are_no_plain_words(void **state)
{
    static const char *const ODD[] = {
        "\"abc\\u0000defgh\"",
        "\"abcdefgh\\u0000\"",
        "\"\\ud800abcdefg\"",
        "\"\\uff21\\uff22e\\u0301\\u2460xyz\"",
        "\"\\ufdfa\\ufdfa\\ufdfa\\ufdfa\\ufdfa\\ufdfa\\ufdfa\\ufdfa\"",
        "\"\\u1100\\u1161\\u11a7\\u11a8abcd\"",
        "\"\\ud83d\\ude00\\ud83d\\ude01\\ud83d\\ude02\\ud83d\\ude03\"",
    };
    for (size_t i = 0; i < QN_COUNT(ODD); i++) {
        const char *email = beside_new_address();
        beside_session_of(beside_sign_up_as(beside_here(state), email, ODD[i]));
        beside_session_of(beside_sign_in_as(beside_there(state), email, ODD[i]));
    }
}

static void test_a_password_changed_here_counts_there(void **state)
{
    const char *email = beside_new_address(), *cookie = beside_sign_up(beside_here(state), email),
               *other = beside_sign_in(beside_there(state), email);
    beside_expect(beside_post(beside_here(state), "/change-password", other,
                              "{\"currentPassword\":" BESIDE_PASSWORD ",\"newPassword\":\"second horse 2\"}"),
                  200, "\"token\":null");
    beside_expect(beside_sign_in_as(beside_there(state), email, BESIDE_PASSWORD), 401,
                  "INVALID_EMAIL_OR_PASSWORD");
    beside_expect_read_by_both(
        beside_session_of(beside_sign_in_as(beside_there(state), email, "\"second horse 2\"")));
    beside_expect_read_by_both(cookie);
    const char *renewed = beside_session_of(
        beside_post(beside_here(state), "/change-password", other,
                    "{\"currentPassword\":\"second horse 2\",\"newPassword\":\"third horse 3\","
                    "\"revokeOtherSessions\":true}"));
    beside_expect_read_by_both(renewed);
    beside_expect_gone(cookie);
    beside_expect_gone(other);
    beside_session_of(beside_sign_in_as(beside_there(state), email, "\"third horse 3\""));
}

static void test_a_user_changed_here_is_changed_there(void **state)
{
    const char *cookie = beside_sign_up(beside_here(state), beside_new_address());
    beside_expect(beside_post(beside_here(state), "/update-user", cookie,
                              "{\"name\":\"Renée O\\u0027Neil\",\"image\":\"https://example.com/r.png\"}"),
                  200, "{\"status\":true}");
    beside_expect(beside_get(beside_there(state), "/get-session", cookie), 200, "Renée O'Neil");
    beside_expect_read_by_both(cookie);
}

/* Sessions. */

static void test_a_session_made_here_ends_there(void **state)
{
    const char *email = beside_new_address(), *first = beside_sign_up(beside_here(state), email),
               *second = beside_sign_in(beside_here(state), email),
               *third = beside_sign_in(beside_here(state), email),
               *fourth = beside_sign_in(beside_there(state), email);
    beside_expect(beside_post(beside_there(state), "/sign-out", first, "{}"), 200, "{\"success\":true}");
    beside_expect_gone(first);
    beside_expect(beside_post(beside_there(state), "/revoke-session", second,
                              harness_text("{\"token\":\"%s\"}", beside_token_of(fourth))),
                  200, "{\"status\":true}");
    beside_expect_gone(fourth);
    beside_expect_read_by_both(second);
    beside_expect(beside_post(beside_there(state), "/revoke-other-sessions", second, "{}"), 200,
                  "{\"status\":true}");
    beside_expect_gone(third);
    beside_expect_read_by_both(second);
    beside_expect(beside_post(beside_there(state), "/revoke-sessions", second, "{}"), 200,
                  "{\"status\":true}");
    beside_expect_gone(second);
}

/* A list has no order: each of 'some' must be among 'others'. */
static bool all_among(const struct qn_json *some, const struct qn_json *others)
{
    size_t found = 0;
    for (size_t i = 0; i < some->n_items; i++)
        for (size_t k = 0; k < others->n_items; k++)
            found += beside_same(&some->items[i], &others->items[k]);
    return found == some->n_items && some->n_items == others->n_items;
}

static const struct qn_json *list(const char *url, const char *route, const char *cookie)
{
    struct harness_http_reply reply = beside_get(url, route, cookie);
    assert_int_equal(reply.status, 200);
    const struct qn_json *items = beside_parse(reply.body);
    harness_http_free(&reply);
    return items;
}

static void test_sessions_are_listed_alike(void **state)
{
    const char *email = beside_new_address(), *cookie = beside_sign_up(beside_here(state), email);
    beside_sign_in(beside_there(state), email);
    const struct qn_json *sessions = list(beside.stack.url, "/list-sessions", cookie);
    assert_int_equal(sessions->n_items, 2);
    assert_true(all_among(sessions, list(beside.product.url, "/list-sessions", cookie)));
    const struct qn_json *accounts = list(beside.stack.url, "/list-accounts", cookie);
    assert_int_equal(accounts->n_items, 1);
    assert_true(all_among(accounts, list(beside.product.url, "/list-accounts", cookie)));
}

/* With two days left it is due; whoever sees it first moves it, and the other need not. */
static void test_a_session_refreshed_here_is_so_there(void **state)
{
    const char *cookie = beside_sign_up(beside_here(state), beside_new_address()),
               *token = beside_token_of(cookie);
    static const char SOON[] = "update session set \"expiresAt\" = now() at time zone 'UTC' + interval "
                               "'2 days' where token = '%s'",
                      LEFT[] =
                          "select round(extract(epoch from \"expiresAt\"::timestamp - now() at time zone "
                          "'UTC') / 86400) from session where token = '%s'";
    harness_postgres_do(beside.admin, harness_text(SOON, token));
    struct harness_http_reply reply = beside_get(beside_here(state), "/get-session", cookie);
    assert_string_equal(harness_http_cookie(&reply, BESIDE_TOKEN), cookie);
    harness_http_free(&reply);
    assert_int_equal(beside_count(LEFT, token), 7);
    reply = beside_get(beside_there(state), "/get-session", cookie);
    assert_null(harness_http_header(&reply, "Set-Cookie", 0));
    harness_http_free(&reply);
    beside_expect_read_by_both(cookie);
    /* Past its end it is nobody's, for either. */
    harness_postgres_do(beside.admin,
                        harness_text("update session set \"expiresAt\" = now() at time zone 'UTC' - "
                                     "interval '1 minute' where token = '%s'",
                                     token));
    beside_expect_gone(cookie);
}

/* One that is not to be remembered lasts a day; the second cookie, which says so, is read by both. */
static void test_not_remembered_here_not_moved_there(void **state)
{
    const char *email = beside_new_address();
    beside_sign_up(beside_here(state), email);
    struct harness_http_reply reply = beside_post(
        beside_here(state), "/sign-in/email", NULL,
        harness_text("{\"email\":\"%s\",\"password\":" BESIDE_PASSWORD ",\"rememberMe\":false}", email));
    assert_int_equal(reply.status, 200);
    const char *token = harness_text("%s", harness_http_cookie(&reply, BESIDE_TOKEN)),
               *both =
                   harness_text("%s; %s", token, harness_http_cookie(&reply, "better-auth.dont_remember"));
    harness_http_free(&reply);
    reply = beside_get(beside_there(state), "/get-session", both);
    assert_null(harness_http_header(&reply, "Set-Cookie", 0));
    harness_http_free(&reply);
    reply = beside_post(beside_there(state), "/update-user", both, "{\"name\":\"Still here\"}");
    assert_non_null(strstr(reply.head, "better-auth.dont_remember=true."));
    assert_null(strstr(reply.head, "Max-Age"));
    harness_http_free(&reply);
    assert_int_equal(
        beside_count("select round(extract(epoch from \"expiresAt\" - \"createdAt\") / 3600) from session "
                     "where token = '%s'",
                     beside_token_of(token)),
        24);
    beside_expect_read_by_both(both);
}

/* Better Auth reads the clock for each of the two, and a millisecond may pass in between. */
#define AT_ONCE(row) " abs(extract(epoch from " row ".\"updatedAt\" - " row ".\"createdAt\")) < 60"

/* The rows that either writes, without what is random and when it was: how times lie to each other stays. */
static const char *rows_of(const char *email)
{
    PGresult *result = PQexec(
        beside.admin,
        harness_text(
            "select (to_jsonb(u) - 'id' - 'email' - 'createdAt' - 'updatedAt')::text,"
            " (to_jsonb(a) - 'id' - 'userId' - 'accountId' - 'password' - 'createdAt' - 'updatedAt')::text,"
            " (to_jsonb(s) - 'id' - 'userId' - 'token' - 'createdAt' - 'updatedAt' - 'expiresAt')::text,"
            " length(u.id), length(a.id), length(s.id), length(s.token), length(a.password),"
            " a.\"accountId\" = u.id, s.\"userId\" = u.id," AT_ONCE("u") "," AT_ONCE("a") "," AT_ONCE(
                "s") ","
                     " round(extract(epoch from s.\"expiresAt\" - s.\"createdAt\")),"
                     " date_trunc('milliseconds', u.\"createdAt\") = u.\"createdAt\","
                     " abs(extract(epoch from u.\"createdAt\"::timestamp - now() at time zone 'UTC')) < 600"
                     " from \"user\" u join account a on a.\"userId\" = u.id join session s on s.\"userId\" "
                     "= u.id"
                     " where u.email = '%s'",
            email));
    if (PQntuples(result) != 1)
        fail_msg("%d rows of %s %s", PQntuples(result), email, PQerrorMessage(beside.admin));
    const char *text = "";
    for (int i = 0; i < PQnfields(result); i++)
        text = harness_text("%s%s\n", text, PQgetvalue(result, 0, i));
    PQclear(result);
    return text;
}

static const char *ticket_of(const char *email)
{
    PGresult *result =
        PQexec(beside.admin,
               harness_text(
                   "select (to_jsonb(v) - 'id' - 'identifier' - 'value' - 'createdAt' - 'updatedAt' - "
                   "'expiresAt')::text, length(v.id), left(v.identifier, 15), length(v.identifier)," AT_ONCE(
                       "v") ", round(extract(epoch from v.\"expiresAt\" - "
                            "v.\"createdAt\")) from verification v join \"user\" u on v.value = u.id"
                            " where u.email = '%s'",
                   email));
    if (PQntuples(result) != 1)
        fail_msg("%d tickets of %s %s", PQntuples(result), email, PQerrorMessage(beside.admin));
    const char *text = "";
    for (int i = 0; i < PQnfields(result); i++)
        text = harness_text("%s%s\n", text, PQgetvalue(result, 0, i));
    PQclear(result);
    return text;
}

static void test_the_rows_are_alike(void **state)
{
    (void)state;
    const char *ours = beside_new_address(), *theirs = beside_new_address();
    beside_sign_up(beside.stack.url, ours);
    beside_sign_up(beside.product.url, theirs);
    assert_string_equal(rows_of(ours), rows_of(theirs));
    assert_int_equal(
        beside_count("select count(*) from \"user\" u join account a on a.\"userId\" = u.id"
                     " join session s on s.\"userId\" = u.id where u.email = '%s'"
                     " and u.\"createdAt\" = u.\"updatedAt\" and a.\"createdAt\" = a.\"updatedAt\""
                     " and s.\"createdAt\" = s.\"updatedAt\"",
                     ours),
        1);
    beside_expect(beside_post(beside.stack.url, "/request-password-reset", NULL,
                              harness_text("{\"email\":\"%s\"}", ours)),
                  200, "");
    beside_expect(beside_post(beside.product.url, "/request-password-reset", NULL,
                              harness_text("{\"email\":\"%s\"}", theirs)),
                  200, "");
    beside_mailed(beside.stack.url, ours);
    beside_mailed(beside.product.url, theirs);
    assert_string_equal(ticket_of(ours), ticket_of(theirs));
    assert_int_equal(beside_count("select count(*) from verification v join \"user\" u on v.value = u.id"
                                  " where u.email = '%s' and v.\"createdAt\" = v.\"updatedAt\"",
                                  ours),
                     1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        BESIDE_BOTH_WAYS(test_who_signs_up_here_signs_in_there),
        BESIDE_BOTH_WAYS(test_passwords_that_are_no_plain_words),
        BESIDE_BOTH_WAYS(test_a_password_changed_here_counts_there),
        BESIDE_BOTH_WAYS(test_a_user_changed_here_is_changed_there),
        BESIDE_BOTH_WAYS(test_a_session_made_here_ends_there),
        BESIDE_BOTH_WAYS(test_sessions_are_listed_alike),
        BESIDE_BOTH_WAYS(test_a_session_refreshed_here_is_so_there),
        BESIDE_BOTH_WAYS(test_not_remembered_here_not_moved_there),
        cmocka_unit_test(test_the_rows_are_alike),
    };
    return beside_run_on_both_layouts(tests, QN_COUNT(tests));
}
