#include <stdlib.h>

#include "common/core/check.h"
#include "services/auth/settings.h"
#include "tests/harness/test.h"

#define GOOD "rX7vQ2kLm9Tz4Wc8Bn1Hy6Pd3Sf5Ga0Je"

/* What the environment holds in a test: pairs of name and value, ended by NULL. */
static const char *const *environment;

static const char *from_environment(const char *name)
{
    for (const char *const *pair = environment; *pair; pair += 2)
        if (strcmp(*pair, name) == 0)
            return pair[1];
    return NULL;
}

/* Reads and checks; the complaints are '*ret_lines', to be freed. */
static size_t read_settings(struct auth_settings *settings, const char *const *from, char **ret_lines)
{
    struct qn_config_report report = {0};
    environment = from;
    memset(settings, 0, sizeof(*settings));
    qn_buf_init(&report.lines, 16 * 1024);
    qn_config_read(auth_settings_table, auth_settings_count, settings, from_environment, &report);
    auth_settings_check(settings, &report);
    *ret_lines = strndup(qn_buf_view(&report.lines).ptr, report.lines.len);
    qn_buf_fini(&report.lines);
    return report.n_complaints;
}

#define ENV(...) ((const char *const[]){__VA_ARGS__, NULL, NULL})

struct result {
    size_t complaints;
    char *lines;
    char secret[128];
    bool secure;
    const char *weakness;
};

static struct result result_of(const char *const *from)
{
    struct auth_settings settings;
    struct result result;
    result.complaints = read_settings(&settings, from, &result.lines);
    struct qn_str secret = auth_settings_secret(&settings);
    assert_true(secret.len < sizeof(result.secret));
    memcpy(result.secret, secret.ptr ? secret.ptr : "", secret.len);
    result.secret[secret.len] = '\0';
    result.secure = auth_settings_secure_cookies(&settings);
    result.weakness = auth_settings_weakness(&settings);
    qn_config_free(auth_settings_table, auth_settings_count, &settings);
    return result;
}

static void expect_secret(const char *const *from, const char *secret)
{
    struct result result = result_of(from);
    if (result.complaints > 0)
        fail_msg("%s", result.lines);
    assert_string_equal(result.secret, secret);
    free(result.lines);
}

/* 'mentions' stands in the complaint, 'hides' does not. */
static void expect_refused(const char *const *from, const char *mentions, const char *hides)
{
    struct result result = result_of(from);
    assert_int_equal(result.complaints, 1);
    if (!strstr(result.lines, mentions))
        fail_msg("\"%s\" does not mention %s", result.lines, mentions);
    if (hides && strstr(result.lines, hides))
        fail_msg("\"%s\" shows %s", result.lines, hides);
    free(result.lines);
}

static void test_which_secret_signs(void **state)
{
    (void)state;
    expect_secret(ENV("BETTER_AUTH_SECRET", GOOD), GOOD);
    expect_secret(ENV("AUTH_SECRET", GOOD), GOOD);
    expect_secret(ENV("AUTH_SECRET", "other", "BETTER_AUTH_SECRET", GOOD), GOOD);
    expect_secret(ENV("BETTER_AUTH_SECRETS", "2:new-secret,1:old-secret", "BETTER_AUTH_SECRET", GOOD),
                  "new-secret");
    expect_secret(ENV("BETTER_AUTH_SECRETS", " 7 : with:colon , 0:old "), "with:colon");
    expect_secret(ENV("BETTER_AUTH_SECRETS", "0:" GOOD), GOOD);
}

static void test_without_a_secret(void **state)
{
    (void)state;
    expect_refused(ENV("X", ""), "BETTER_AUTH_SECRET", NULL);
    expect_refused(ENV("NODE_ENV", "production"), "BETTER_AUTH_SECRET", NULL);
    expect_refused(ENV("NODE_ENV", "Development"), "BETTER_AUTH_SECRET", NULL);
    expect_secret(ENV("NODE_ENV", "development"), "better-auth-secret-12345678901234567890");
    expect_secret(ENV("NODE_ENV", "test"), "better-auth-secret-12345678901234567890");
    /* The public default is no secret, however it comes in. */
    expect_refused(ENV("BETTER_AUTH_SECRET", "better-auth-secret-12345678901234567890"), "public default",
                   NULL);
    expect_secret(ENV("BETTER_AUTH_SECRET", GOOD, "NODE_ENV", "development"), GOOD);
}

static void test_bad_list_of_secrets(void **state)
{
    (void)state;
    static const char *const lists[] = {
        "hidden-secret",
        "1",
        "1:",
        ":hidden-secret",
        "x:hidden-secret",
        "-1:hidden-secret",
        "1.5:hidden",
        "1:a,,2:b",
        "1:hidden,1:b",
        "1:hidden,2",
        ",",
        "1:hidden,",
    };
    for (size_t i = 0; i < QN_COUNT(lists); i++)
        expect_refused(ENV("BETTER_AUTH_SECRETS", lists[i], "BETTER_AUTH_SECRET", GOOD),
                       "BETTER_AUTH_SECRETS", "hidden");
}

static void test_weak_secrets_only_warn(void **state)
{
    (void)state;
    static const struct {
        const char *secret;
        bool weak;
    } cases[] = {
        {GOOD, false},
        {"short", true},
        {"0123456789012345678901234567890", true}, /* 31 characters */
        {"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", true},
        {"abababababababababababababababababababab", true},
    };
    for (size_t i = 0; i < QN_COUNT(cases); i++) {
        struct result result = result_of(ENV("BETTER_AUTH_SECRET", cases[i].secret));
        assert_int_equal(result.complaints, 0);
        if ((result.weakness != NULL) != cases[i].weak)
            fail_msg("%s", cases[i].secret);
        free(result.lines);
    }
    struct result result = result_of(ENV("NODE_ENV", "test"));
    assert_non_null(result.weakness);
    free(result.lines);
}

static bool secure(const char *const *from)
{
    struct result result = result_of(from);
    free(result.lines);
    return result.secure;
}

static void test_secure_cookies(void **state)
{
    (void)state;
    assert_false(secure(ENV("X", "")));
    assert_true(secure(ENV("BETTER_AUTH_URL", "https://app.example.com")));
    assert_false(secure(ENV("BETTER_AUTH_URL", "http://localhost:8080")));
    /* With a URL, NODE_ENV plays no part; without, it decides. */
    assert_false(secure(ENV("BETTER_AUTH_URL", "http://localhost:8080", "NODE_ENV", "production")));
    assert_true(secure(ENV("NODE_ENV", "production")));
    assert_false(secure(ENV("NODE_ENV", "development")));
}

static void test_sessions_by_default_are_better_auths(void **state)
{
    (void)state;
    struct auth_settings settings;
    char *lines;
    assert_int_equal(read_settings(&settings, ENV("BETTER_AUTH_SECRET", GOOD), &lines), 0);
    assert_true(settings.email_password);
    assert_false(settings.disable_sign_up);
    assert_false(settings.delete_user);
    assert_false(settings.disable_session_refresh);
    assert_int_equal(settings.session_expires_in_ms, 604800000);
    assert_int_equal(settings.session_update_age_ms, 86400000);
    assert_int_equal(settings.session_fresh_age_ms, 86400000);
    free(lines);
    qn_config_free(auth_settings_table, auth_settings_count, &settings);
    size_t complaints =
        read_settings(&settings,
                      ENV("BETTER_AUTH_SECRET", GOOD, "QUINTET_AUTH_SESSION_EXPIRES_IN", "59s",
                          "QUINTET_AUTH_SESSION_UPDATE_AGE", "366d", "QUINTET_AUTH_DELETE_USER", "perhaps"),
                      &lines);
    assert_int_equal(complaints, 3);
    free(lines);
    qn_config_free(auth_settings_table, auth_settings_count, &settings);
}

static void expect_ring(const char *const *from, const char *const *secrets)
{
    struct auth_settings settings;
    struct qn_str ring[AUTH_JWE_KEYS_MAX];
    char *lines;
    assert_int_equal(read_settings(&settings, from, &lines), 0);
    size_t n = auth_settings_secrets(&settings, ring);
    for (size_t i = 0; i < n; i++) {
        assert_non_null(secrets[i]);
        assert_str(ring[i], secrets[i]);
    }
    assert_null(secrets[n]);
    free(lines);
    qn_config_free(auth_settings_table, auth_settings_count, &settings);
}

/* As the product has it: what was encrypted under an older secret can still be read. */
static void test_secrets_that_read_what_is_encrypted(void **state)
{
    (void)state;
    expect_ring(ENV("BETTER_AUTH_SECRET", GOOD), (const char *const[]){GOOD, NULL});
    expect_ring(ENV("BETTER_AUTH_SECRETS", "2:new,1:old"), (const char *const[]){"new", "old", NULL});
    expect_ring(ENV("BETTER_AUTH_SECRETS", "2:new,1:old", "BETTER_AUTH_SECRET", GOOD),
                (const char *const[]){"new", "old", GOOD, NULL});
    expect_ring(ENV("BETTER_AUTH_SECRETS", "2:new,1:" GOOD, "AUTH_SECRET", GOOD),
                (const char *const[]){"new", GOOD, NULL});
    expect_ring(
        ENV("BETTER_AUTH_SECRETS", "1:new", "BETTER_AUTH_SECRET", "better-auth-secret-12345678901234567890"),
        (const char *const[]){"new", NULL});
    /* As many as the ring has room for, and one more. */
    static const char SIXTEEN[] = "0:a,1:b,2:c,3:d,4:e,5:f,6:g,7:h,8:i,9:j,10:k,11:l,12:m,13:n,14:o,15:p";
    expect_ring(ENV("BETTER_AUTH_SECRETS", SIXTEEN, "BETTER_AUTH_SECRET", GOOD),
                (const char *const[]){"a", "b", "c", "d", "e", "f", "g", "h", "i", "j", "k", "l", "m", "n",
                                      "o", "p", NULL});
    expect_refused(ENV("BETTER_AUTH_SECRETS",
                       "0:a,1:b,2:c,3:d,4:e,5:f,6:g,7:h,8:i,9:j,10:k,11:l,12:m,13:n,14:o,15:p,16:q"),
                   "16 at most", NULL);
}

static void test_lengths_of_passwords(void **state)
{
    (void)state;
    struct auth_settings settings;
    char *lines;
    assert_int_equal(read_settings(&settings, ENV("BETTER_AUTH_SECRET", GOOD), &lines), 0);
    assert_int_equal(settings.password_min, 8);
    assert_int_equal(settings.password_max, 128);
    assert_true(settings.auto_sign_in);
    assert_false(settings.verify_on_sign_in);
    assert_int_equal(settings.verify_expires_in_ms, 3600000);
    assert_int_equal(settings.reset_expires_in_ms, 3600000);
    assert_int_equal(settings.delete_expires_in_ms, 86400000);
    free(lines);
    qn_config_free(auth_settings_table, auth_settings_count, &settings);
    expect_refused(ENV("BETTER_AUTH_SECRET", GOOD, "QUINTET_AUTH_MIN_PASSWORD_LENGTH", "129"),
                   "QUINTET_AUTH_MAX_PASSWORD_LENGTH", NULL);
    expect_refused(ENV("BETTER_AUTH_SECRET", GOOD, "QUINTET_AUTH_MAX_PASSWORD_LENGTH", "1025"),
                   "QUINTET_AUTH_MAX_PASSWORD_LENGTH", NULL);
}

/* What goes by mail is not switched on where no mail can go, or no link lead anywhere. */
static void test_what_wants_mail(void **state)
{
    (void)state;
    static const char *const names[] = {"QUINTET_AUTH_DELETE_USER_BY_MAIL", "QUINTET_AUTH_CHANGE_EMAIL",
                                        "QUINTET_AUTH_REQUIRE_EMAIL_VERIFICATION",
                                        "QUINTET_AUTH_VERIFY_EMAIL_ON_SIGN_UP",
                                        "QUINTET_AUTH_VERIFY_EMAIL_ON_SIGN_IN"};
    static const char url[] = "https://app.example.com", smtp[] = "smtp://mail.example.com";
    for (size_t i = 0; i < QN_COUNT(names); i++) {
        const struct {
            const char *const *from;
            size_t complaints;
        } cases[] = {
            {ENV("BETTER_AUTH_SECRET", GOOD, names[i], "true"), 1},
            {ENV("BETTER_AUTH_SECRET", GOOD, names[i], "true", "BETTER_AUTH_URL", url), 1},
            {ENV("BETTER_AUTH_SECRET", GOOD, names[i], "true", "SMTP_URL", smtp, "SMTP_FROM",
                 "a@example.com"),
             1},
            {ENV("NODE_ENV", "development", names[i], "true"), 1},
            {ENV("NODE_ENV", "development", names[i], "true", "BETTER_AUTH_URL", url), 0},
            {ENV("BETTER_AUTH_SECRET", GOOD, names[i], "true", "BETTER_AUTH_URL", url, "SMTP_URL", smtp,
                 "SMTP_FROM", "a@example.com"),
             0},
            {ENV("BETTER_AUTH_SECRET", GOOD, names[i], "false"), 0},
        };
        for (size_t k = 0; k < QN_COUNT(cases); k++) {
            struct result result = result_of(cases[k].from);
            if (result.complaints != cases[k].complaints ||
                (result.complaints && !strstr(result.lines, names[i])))
                fail_msg("%s, case %zu: %zu complaints: %s", names[i], k, result.complaints, result.lines);
            free(result.lines);
        }
    }
}

static void test_the_mail_of_a_sign_up(void **state)
{
    (void)state;
    static const struct {
        const char *when, *required;
        bool sent;
    } cases[] = {{"auto", "false", false}, {"auto", "true", true},   {"true", "false", true},
                 {"true", "true", true},   {"false", "true", false}, {"false", "false", false}};
    for (size_t i = 0; i < QN_COUNT(cases); i++) {
        struct auth_settings settings;
        char *lines;
        read_settings(&settings,
                      ENV("BETTER_AUTH_SECRET", GOOD, "QUINTET_AUTH_VERIFY_EMAIL_ON_SIGN_UP", cases[i].when,
                          "QUINTET_AUTH_REQUIRE_EMAIL_VERIFICATION", cases[i].required),
                      &lines);
        assert_int_equal(auth_settings_verify_on_sign_up(&settings), cases[i].sent);
        free(lines);
        qn_config_free(auth_settings_table, auth_settings_count, &settings);
    }
}

static void test_every_bad_setting_is_told_at_once(void **state)
{
    (void)state;
    struct result result = result_of(
        ENV("BETTER_AUTH_URL", "app.example.com", "QUINTET_RPC_LISTEN", "udp://x", "QUINTET_PROFILE_ADDRESS",
            "tls+tcp://profile:7000", "QUINTET_AUTH_HASH_THREADS", "65", "QUINTET_AUTH_HASH_QUEUE", "many",
            "SMTP_URL", "smtp://u:hush@mail.example.com", "QUINTET_AUTH_LIMIT_COUNTERS", "1"));
    assert_int_equal(result.complaints, 8);
    assert_null(strstr(result.lines, "hush"));
    static const char *const names[] = {"BETTER_AUTH_URL",
                                        "QUINTET_RPC_LISTEN",
                                        "QUINTET_PROFILE_ADDRESS",
                                        "QUINTET_AUTH_HASH_THREADS",
                                        "QUINTET_AUTH_HASH_QUEUE",
                                        "BETTER_AUTH_SECRET",
                                        "SMTP_FROM",
                                        "QUINTET_AUTH_LIMIT_COUNTERS"};
    for (size_t i = 0; i < QN_COUNT(names); i++)
        if (!strstr(result.lines, names[i]))
            fail_msg("no word on %s in:\n%s", names[i], result.lines);
    free(result.lines);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_which_secret_signs),
        cmocka_unit_test(test_without_a_secret),
        cmocka_unit_test(test_bad_list_of_secrets),
        cmocka_unit_test(test_weak_secrets_only_warn),
        cmocka_unit_test(test_secure_cookies),
        cmocka_unit_test(test_sessions_by_default_are_better_auths),
        cmocka_unit_test(test_secrets_that_read_what_is_encrypted),
        cmocka_unit_test(test_lengths_of_passwords),
        cmocka_unit_test(test_what_wants_mail),
        cmocka_unit_test(test_the_mail_of_a_sign_up),
        cmocka_unit_test(test_every_bad_setting_is_told_at_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
