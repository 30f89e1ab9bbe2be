#include "common/core/check.h"
#include "services/auth/credential.h"
#include "tests/harness/test.h"

/* Of rows.json. */
#define SECRET    "rX7vQ2kLm9Tz4Wc8Bn1Hy6Pd3Sf5Ga0Je"
#define TOKEN     "cNqwI4L6WlOSvHvtppsRiV1knjiU25W2"
#define ENCODED   TOKEN ".yEkOladEX5UiE9OQwn1xWow1ZUf1BNfkyIam1YSpXC4%3D"
#define PLAIN     TOKEN ".yEkOladEX5UiE9OQwn1xWow1ZUf1BNfkyIam1YSpXC4="
#define FORGED    TOKEN ".zEkOladEX5UiE9OQwn1xWow1ZUf1BNfkyIam1YSpXC4="
#define COOKIE    "better-auth.session_token="
#define FORGOTTEN "better-auth.dont_remember=true.z%2BEwdOfPw7CZpdej97Eeo%2FI%2FQrLYPiGCbie0HzzwqoE%3D"

static struct auth_cookie_jar jar;
static struct qn_arena arena;

static int setup(void **state)
{
    (void)state;
    qn_arena_init(&arena, 64 * 1024);
    return auth_cookie_open(&jar, QN_STR(SECRET), false) == QN_OK ? 0 : -1;
}

static int teardown(void **state)
{
    (void)state;
    auth_cookie_close(&jar);
    qn_arena_fini(&arena);
    return 0;
}

static void test_read(void **state)
{
    (void)state;
    static const struct {
        const char *cookie, *bearer, *token;
        enum auth_credential shown;
    } cases[] = {
        {"", "", NULL, AUTH_CREDENTIAL_NONE},
        {"theme=dark", "", NULL, AUTH_CREDENTIAL_NONE},
        {COOKIE, "", NULL, AUTH_CREDENTIAL_NONE},
        {COOKIE "\"\"", "", NULL, AUTH_CREDENTIAL_NONE},
        {COOKIE ENCODED, "", TOKEN, AUTH_CREDENTIAL_TOKEN},
        {COOKIE PLAIN, "", TOKEN, AUTH_CREDENTIAL_TOKEN},
        {COOKIE "\"" ENCODED "\"", "", TOKEN, AUTH_CREDENTIAL_TOKEN},
        {COOKIE FORGED, "", NULL, AUTH_CREDENTIAL_BAD_SIGNATURE},
        {COOKIE TOKEN, "", NULL, AUTH_CREDENTIAL_BAD_SIGNATURE}, /* bare is for bearers alone */
        {"__Secure-" COOKIE ENCODED, "", NULL, AUTH_CREDENTIAL_NONE},
        /* A bearer token: bare, signed, signed and encoded. */
        {"", TOKEN, TOKEN, AUTH_CREDENTIAL_TOKEN},
        {"", PLAIN, TOKEN, AUTH_CREDENTIAL_TOKEN},
        {"", ENCODED, TOKEN, AUTH_CREDENTIAL_TOKEN},
        {"", "nope", "nope", AUTH_CREDENTIAL_TOKEN}, /* the store will not know it */
        {"", "100%25", "100%25", AUTH_CREDENTIAL_TOKEN},
        {"", FORGED, NULL, AUTH_CREDENTIAL_BAD_SIGNATURE},
        {"", "a.b.c", NULL, AUTH_CREDENTIAL_BAD_SIGNATURE},
        /* Both: the bearer goes first, a forged one does not count. */
        {COOKIE ENCODED, "other", "other", AUTH_CREDENTIAL_TOKEN},
        {COOKIE ENCODED, FORGED, TOKEN, AUTH_CREDENTIAL_TOKEN},
        {COOKIE FORGED, TOKEN, TOKEN, AUTH_CREDENTIAL_TOKEN},
        {COOKIE FORGED, FORGED, NULL, AUTH_CREDENTIAL_BAD_SIGNATURE},
    };
    for (size_t i = 0; i < QN_COUNT(cases); i++) {
        struct qn_context ctx = {
            .credentials = {.cookie = qn_str_c(cases[i].cookie), .bearer = qn_str_c(cases[i].bearer)}};
        enum auth_credential shown;
        char *token;
        assert_int_equal(auth_credential_read(&jar, &ctx, &arena, &shown, &token), QN_OK);
        if (shown != cases[i].shown || (shown == AUTH_CREDENTIAL_TOKEN && strcmp(token, cases[i].token) != 0))
            fail_msg("cookie \"%s\", bearer \"%s\": %d", cases[i].cookie, cases[i].bearer, shown);
        if (shown != AUTH_CREDENTIAL_TOKEN)
            assert_null(token);
    }
}

static void test_bearer_too_long_for_the_table(void **state)
{
    (void)state;
    char bearer[AUTH_CREDENTIAL_TOKEN_MAX + 1];
    memset(bearer, 'a', sizeof(bearer));
    struct qn_context ctx = {.credentials.bearer = qn_str_n(bearer, sizeof(bearer))};
    enum auth_credential shown;
    char *token;
    assert_int_equal(auth_credential_read(&jar, &ctx, &arena, &shown, &token), QN_OK);
    assert_int_equal(shown, AUTH_CREDENTIAL_BAD_SIGNATURE);
    ctx.credentials.bearer.len--;
    assert_int_equal(auth_credential_read(&jar, &ctx, &arena, &shown, &token), QN_OK);
    assert_int_equal(shown, AUTH_CREDENTIAL_TOKEN);
}

static bool forgotten(const char *cookie)
{
    struct qn_context ctx = {.credentials.cookie = qn_str_c(cookie)};
    return auth_credential_dont_remember(&jar, ctx.credentials.cookie, &arena);
}

static void test_dont_remember(void **state)
{
    (void)state;
    assert_true(forgotten(FORGOTTEN));
    assert_true(forgotten(COOKIE ENCODED "; " FORGOTTEN));
    assert_false(forgotten(""));
    assert_false(forgotten("better-auth.dont_remember=true"));
    assert_false(forgotten("better-auth.dont_remember=" ENCODED)); /* well signed, but not "true" */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_read),
        cmocka_unit_test(test_bearer_too_long_for_the_table),
        cmocka_unit_test(test_dont_remember),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
