/* The cookie cache where a site has it on: what it answers, for how long, and what it never decides. */
#include <stdlib.h>

#include "common/core/check.h"
#include "common/core/clock.h"
#include "services/auth/cache.h"
#include "tests/harness/rows.h"
#include "tests/harness/test.h"
#include "tests/integration/auth_fixture.h"

#define METHOD(name) (&quintet_auth_v1_auth_service_##name)
#define STATE(name)  QUINTET__AUTH__V1__SESSION_STATE__SESSION_STATE_##name
#define DATA         "better-auth.session_data="
#define PASSWORD     "correct horse 1"

static struct auth_fixture fixture;
static struct auth_cookie_jar jar;
static struct auth_jwe_ring ring;

/* What a site has: each is tried. */
static const struct site {
    const char *name, *strategy, *max_age;
    struct auth_cache_kit kit;
    int64_t max_age_ms, of_browser_ms; /* how long one is believed, and one of a browser session */
} SITES[] = {
    {"signed", "compact", "5m", {AUTH_CACHE_COMPACT, &jar, NULL}, 300000, 60000},
    {"encrypted, for a day", "jwe", "1d", {AUTH_CACHE_JWE, &jar, &ring}, 86400000, 300000},
    {"encrypted, for a short time", "jwe", "60s", {AUTH_CACHE_JWE, &jar, &ring}, 60000, 60000},
};

static struct qn_arena arena;
static const struct site *site;
static int users;

/* Cookies as they go into a Cookie header. */
struct someone {
    const char *token_cookie, *data_cookie, *token, *id;
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
    auth_fixture_sign_up(&fixture, &call, "Cache", harness_text("cache%d@example.com", users++),
                         QN_STR(PASSWORD), false);
    auth_fixture_expect(&call, QN_OK, NULL);
    const Quintet__Auth__V1__SignUpResponse *out = call.request.out;
    assert_int_equal(call.request.n_set_cookies, 2);
    struct someone who = {
        .token_cookie = auth_fixture_cookie(&call, 0),
        .data_cookie = auth_fixture_cookie(&call, 1),
        .token = harness_text("%s", out->session->token),
        .id = harness_text("%s", out->user->id),
    };
    assert_true(qn_str_starts(qn_str_c(who.data_cookie), QN_STR(DATA "ey")));
    auth_fixture_forget(&call);
    return who;
}

static const Quintet__Auth__V1__RefreshSessionResponse *look(struct auth_call *call, const char *token_cookie,
                                                             const char *data_cookie, bool use_cache)
{
    Quintet__Auth__V1__RefreshSessionRequest in = QUINTET__AUTH__V1__REFRESH_SESSION_REQUEST__INIT;
    in.use_cookie_cache = use_cache;
    *call = (struct auth_call){.cookie = harness_text("%s; %s", token_cookie, data_cookie)};
    auth_fixture_ask(&fixture, call, METHOD(refresh_session), &in);
    auth_fixture_expect(call, QN_OK, NULL);
    return call->request.out;
}

static bool sets(const struct auth_call *call, size_t nth, const char *start)
{
    return nth < call->request.n_set_cookies &&
           qn_str_starts(call->request.set_cookies[nth], qn_str_c(start));
}

static void forget_row(const struct someone *who)
{
    auth_fixture_number(
        &fixture,
        "with gone as (delete from session where token = '%s' returning 1) select count(*) from gone",
        who->token);
}

static void test_it_answers_for_a_row_that_is_gone(void **state)
{
    (void)state;
    struct someone who = sign_up();
    struct auth_call call;
    forget_row(&who);
    const Quintet__Auth__V1__RefreshSessionResponse *out =
        look(&call, who.token_cookie, who.data_cookie, true);
    assert_int_equal(out->state, STATE(LIVE));
    assert_true(out->cached);
    assert_string_equal(out->session->token, who.token);
    assert_string_equal(out->user->id, who.id);
    assert_int_equal(call.request.n_set_cookies, 0);
    auth_fixture_forget(&call);

    out = look(&call, who.token_cookie, who.data_cookie, false); /* nobody who asks for the truth gets it */
    assert_int_equal(out->state, STATE(UNKNOWN));
    assert_int_equal(call.request.n_set_cookies, 4);
    auth_fixture_forget(&call);
}

/* What changes something never goes by the cookie. */
static void test_it_decides_nothing(void **state)
{
    (void)state;
    struct someone who = sign_up();
    const char *cookies = harness_text("%s; %s", who.token_cookie, who.data_cookie);
    struct auth_call call = {.cookie = cookies};
    forget_row(&who);
    Quintet__Auth__V1__ListSessionsRequest list = QUINTET__AUTH__V1__LIST_SESSIONS_REQUEST__INIT;
    auth_fixture_ask(&fixture, &call, METHOD(list_sessions), &list);
    auth_fixture_expect(&call, QN_UNAUTHENTICATED, "NO_SESSION");
    auth_fixture_forget(&call);
    call = (struct auth_call){.cookie = cookies};
    assert_int_equal(auth_fixture_get_session(&fixture, &call)->state, STATE(UNKNOWN));
    auth_fixture_forget(&call);
}

static void test_a_look_at_the_row_sets_it(void **state)
{
    (void)state;
    struct someone who = sign_up();
    struct auth_call call;
    const Quintet__Auth__V1__RefreshSessionResponse *out = look(&call, who.token_cookie, "x=y", true);
    assert_false(out->cached);
    assert_int_equal(call.request.n_set_cookies, 1);
    assert_true(sets(&call, 0, DATA "ey"));
    const char *data = auth_fixture_cookie(&call, 0);
    auth_fixture_forget(&call);
    assert_true(look(&call, who.token_cookie, data, true)->cached);
    auth_fixture_forget(&call);
}

static void read_cache(const char *data_cookie, struct auth_cache *ret_cache)
{
    assert_true(auth_cache_read(&site->kit, qn_str_c(data_cookie + strlen(DATA)), &arena, ret_cache));
}

/* Not ours, of another session, too old: it goes, and the row decides. */
static void test_one_that_does_not_count_goes(void **state)
{
    (void)state;
    struct someone who = sign_up(), other = sign_up();
    struct auth_cache cache;
    struct qn_buf value;
    qn_buf_init(&value, AUTH_CACHE_VALUE_MAX);
    read_cache(who.data_cookie, &cache);
    int64_t now_ms = qn_clock_wall_ms();
    assert_in_range(cache.expires_at_ms - now_ms, site->max_age_ms / 2, site->max_age_ms);
    assert_int_equal(
        auth_cache_write(&site->kit, &cache.session, &cache.user, now_ms - 301000, now_ms - 1000, &value),
        QN_OK);
    const char *const bad[] = {
        DATA "abc",
        other.data_cookie,
        harness_text(DATA "%.*s", QN_STR_ARG(qn_buf_view(&value))),
    };
    for (size_t i = 0; i < QN_COUNT(bad); i++) {
        struct auth_call call;
        const Quintet__Auth__V1__RefreshSessionResponse *out = look(&call, who.token_cookie, bad[i], true);
        assert_int_equal(out->state, STATE(LIVE));
        assert_false(out->cached);
        assert_string_equal(out->session->token, who.token);
        assert_int_equal(call.request.n_set_cookies, 2);
        assert_true(sets(&call, 0, DATA "; Max-Age=0;"));
        assert_true(sets(&call, 1, DATA "ey"));
        auth_fixture_forget(&call);
    }
    qn_buf_fini(&value);
}

/* The browser keeps it until it is closed; here it is believed for a short time. */
static void test_of_a_browser_session(void **state)
{
    (void)state;
    struct auth_call call = {0};
    struct auth_cache cache;
    struct someone who = sign_up();
    read_cache(who.data_cookie, &cache);
    auth_fixture_sign_in(&fixture, &call, cache.user.email, QN_STR(PASSWORD), true);
    auth_fixture_expect(&call, QN_OK, NULL);
    int64_t now_ms = qn_clock_wall_ms();
    assert_true(sets(&call, 2, DATA "ey"));
    assert_true(qn_str_find(call.request.set_cookies[2], ';') > 0);
    assert_null(memmem(call.request.set_cookies[2].ptr, call.request.set_cookies[2].len, "Max-Age", 7));
    read_cache(auth_fixture_cookie(&call, 2), &cache);
    assert_in_range(cache.expires_at_ms - now_ms, site->of_browser_ms / 2, site->of_browser_ms);
    auth_fixture_forget(&call);
}

/* What has no room in a cookie is not cached; nor is what was there before it grew. */
static void test_one_too_large_is_none(void **state)
{
    (void)state;
    struct someone who = sign_up();
    char name[4001];
    memset(name, 'n', sizeof name - 1);
    name[sizeof name - 1] = '\0';
    Quintet__Auth__V1__UpdateUserRequest in = QUINTET__AUTH__V1__UPDATE_USER_REQUEST__INIT;
    in.name = name;
    in.update_mask = (char *[]){(char *)"name"};
    in.n_update_mask = 1;
    struct auth_call call = {.cookie = who.token_cookie};
    auth_fixture_ask(&fixture, &call, METHOD(update_user), &in);
    auth_fixture_expect(&call, QN_OK, NULL);
    assert_int_equal(call.request.n_set_cookies, 2);
    assert_true(sets(&call, 1, DATA "; Max-Age=0;"));
    auth_fixture_forget(&call);
}

static int start(void **state)
{
    (void)state;
    struct qn_str secret = harness_rows_text(harness_rows(), "secret");
    qn_arena_init(&arena, 4 * 1024 * 1024);
    assert_int_equal(auth_cookie_open(&jar, secret, false), QN_OK);
    assert_int_equal(auth_jwe_open(&ring, &secret, 1), QN_OK);
    auth_fixture_start(
        &fixture, HARNESS_TABLES_KYSELY,
        (const char *const[]){"QUINTET_AUTH_COOKIE_CACHE=true",
                              harness_text("QUINTET_AUTH_COOKIE_CACHE_STRATEGY=%s", site->strategy),
                              harness_text("QUINTET_AUTH_COOKIE_CACHE_MAX_AGE=%s", site->max_age), NULL});
    return 0;
}

static int stop(void **state)
{
    (void)state;
    auth_fixture_stop(&fixture);
    auth_jwe_close(&ring);
    auth_cookie_close(&jar);
    qn_arena_fini(&arena);
    return 0;
}

#define CONNECTED(test) cmocka_unit_test_setup_teardown(test, connect_test, disconnect_test)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CONNECTED(test_it_answers_for_a_row_that_is_gone),
        CONNECTED(test_it_decides_nothing),
        CONNECTED(test_a_look_at_the_row_sets_it),
        CONNECTED(test_one_that_does_not_count_goes),
        CONNECTED(test_of_a_browser_session),
        CONNECTED(test_one_too_large_is_none),
    };
    int failed = 0;
    for (site = SITES; site < SITES + QN_COUNT(SITES); site++)
        failed += cmocka_run_group_tests_name(site->name, tests, start, stop);
    return failed;
}
