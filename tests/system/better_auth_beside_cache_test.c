#include "common/core/check.h"
#include "tests/harness/test.h"
#include "tests/system/beside_fixture.h"

/* The gateway beside a real Better Auth, both with the cookie cache: what one says in it, signed or
 * encrypted, the other takes for true. */

static struct harness_http_reply sign_in_fully(const char *url, const char *email, const char **ret_cookies)
{
    struct harness_http_reply reply = beside_sign_in_as(url, email, BESIDE_PASSWORD);
    const char *token = harness_text("%s", harness_http_cookie(&reply, BESIDE_TOKEN));
    *ret_cookies = harness_text("%s; %s", token, harness_http_cookie(&reply, "better-auth.session_data"));
    return reply;
}

static void test_cached_here_is_read_there(void **state)
{
    const char *email = beside_new_address(), *cookies;
    beside_sign_up(beside_here(state), email);
    struct harness_http_reply reply = sign_in_fully(beside_here(state), email, &cookies);
    harness_http_free(&reply);
    const struct qn_json *before = beside_parse(beside_shown(beside_there(state), cookies));
    assert_true(beside_same(before, beside_parse(beside_shown(beside_here(state), cookies))));
    harness_postgres_do(beside.admin,
                        harness_text("delete from session where token = '%s'", beside_token_of(cookies)));
    assert_true(beside_same(
        before, beside_parse(beside_shown(beside_there(state), cookies)))); /* no row is looked at */
    beside_expect(beside_get(beside_there(state), "/get-session?disableCookieCache=true", cookies), 200,
                  "null");
}

/* A change there comes with a new cache, which is read here; one that was tampered with is not. */
static void test_a_cache_that_is_renewed_or_spoilt(void **state)
{
    const char *email = beside_new_address(), *cookies;
    beside_sign_up(beside_here(state), email);
    struct harness_http_reply reply = sign_in_fully(beside_here(state), email, &cookies);
    harness_http_free(&reply);
    reply = beside_post(beside_there(state), "/update-user", cookies, "{\"name\":\"Renewed\"}");
    assert_int_equal(reply.status, 200);
    const char *data = harness_text("%s", harness_http_cookie(&reply, "better-auth.session_data"));
    harness_http_free(&reply);
    const char *renewed = harness_text("%.*s; %s", (int)strcspn(cookies, ";"), cookies, data);
    harness_postgres_do(beside.admin,
                        harness_text("delete from session where token = '%s'", beside_token_of(cookies)));
    beside_expect(beside_get(beside_here(state), "/get-session", renewed), 200, "\"name\":\"Renewed\"");
    char *spoilt = qn_arena_strdup(&beside.arena, renewed);
    char *inside = spoilt + strlen(spoilt) - strlen(data) / 2;
    *inside = *inside == 'A' ? 'B' : 'A';
    beside_expect(beside_get(beside_here(state), "/get-session", spoilt), 200, "null");
    beside_expect(beside_get(beside_there(state), "/get-session", spoilt), 200, "null");
}

/* A strategy is a line here. */
static const struct cached {
    const char *strategy;
    enum harness_tables made_by;
} CACHED[] = {
    {"compact", HARNESS_TABLES_KYSELY},
    {"jwt", HARNESS_TABLES_PRISMA},
    {"jwe", HARNESS_TABLES_KYSELY},
};
static const struct cached *cached; /* that is tried now */

static int set_up(void **state)
{
    (void)state;
    beside_start(cached->made_by, cached->strategy);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        BESIDE_BOTH_WAYS(test_cached_here_is_read_there),
        BESIDE_BOTH_WAYS(test_a_cache_that_is_renewed_or_spoilt),
    };
    int failed = 0;
    for (cached = CACHED; cached < CACHED + QN_COUNT(CACHED); cached++)
        failed += cmocka_run_group_tests_name(cached->strategy, tests, set_up, beside_stop);
    return failed;
}
