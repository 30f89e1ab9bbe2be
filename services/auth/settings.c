#include "services/auth/settings.h"

#include <math.h>

#include "common/core/check.h"
#include "common/core/utf8.h"
#include "services/auth/limit.h"
#include "services/auth/password.h"

#define SET struct auth_settings

/* What the product falls back to outside production, so a development server beside it reads the same
 * cookies. Public: whoever reads this can sign in as anyone, hence the refusal elsewhere. */
#define PUBLIC_DEFAULT_SECRET "better-auth-secret-12345678901234567890"

enum { SECRET_MIN_CHARS = 32, SECRET_MIN_BITS = 120 }; /* below: a warning, as the product's */

/* Browsers keep no cookie longer than 400 days (RFC 6265bis, 5.5). */
#define YEAR_MS (INT64_C(365) * 24 * 60 * 60 * 1000)

#define SECRETS_ALLOWED                                                                                      \
    "version:secret,version:secret … with whole numbers from 0, each once, 16 at most; the first signs"

const struct qn_setting auth_settings_table[] = {
    QN_APP_SETTINGS(SET, app),
    QN_RPC_SERVER_SETTINGS(SET, rpc, "ipc://.quintet/rpc/auth"),
    QN_RPC_CLIENT_SETTINGS("PROFILE", SET, profile, "ipc://.quintet/rpc/profile"),
    QN_RPC_TLS_SETTINGS(SET, tls),
    QN_SETTING_SECRET(
        "BETTER_AUTH_SECRET", SET, secret, "",
        "signs the session cookies; 32 random characters or more; must be given unless NODE_ENV is "
        "development or test"),
    QN_SETTING_SECRET("AUTH_SECRET", SET, secret_other, "", "the same, when BETTER_AUTH_SECRET is not given"),
    QN_SETTING_SECRET("BETTER_AUTH_SECRETS", SET, secrets, "",
                      "version:secret,version:secret; the first signs; goes before the two above"),
    QN_SETTING_STRING(
        "BETTER_AUTH_URL", SET, url, "",
        "public URL of the site; with https:// cookies are Secure and named __Secure-…; without it they "
        "are when NODE_ENV is production"),
    QN_SETTING_BOOL("QUINTET_AUTH_EMAIL_PASSWORD", SET, email_password, "true",
                    "sign-up and sign-in by address and password (emailAndPassword.enabled)"),
    QN_SETTING_BOOL("QUINTET_AUTH_DISABLE_SIGN_UP", SET, disable_sign_up, "false",
                    "no new users by address and password (emailAndPassword.disableSignUp)"),
    QN_SETTING_BOOL("QUINTET_AUTH_DELETE_USER", SET, delete_user, "false",
                    "users may delete themselves (user.deleteUser.enabled)"),
    QN_SETTING_BOOL("QUINTET_AUTH_DELETE_USER_BY_MAIL", SET, delete_user_by_mail, "false",
                    "and must confirm it by mail (user.deleteUser.sendDeleteAccountVerification)"),
    QN_SETTING_DURATION("QUINTET_AUTH_DELETE_TOKEN_EXPIRES_IN", SET, delete_expires_in_ms, "1d", 60000,
                        YEAR_MS,
                        "how long the link that deletes works (user.deleteUser.deleteTokenExpiresIn)"),
    QN_SETTING_BOOL("QUINTET_AUTH_CHANGE_EMAIL", SET, change_email, "false",
                    "users may change their address, by mail (user.changeEmail.enabled)"),
    QN_SETTING_BOOL("QUINTET_AUTH_REQUIRE_EMAIL_VERIFICATION", SET, require_verification, "false",
                    "no sign-in before the address is verified (emailAndPassword.requireEmailVerification)"),
    QN_SETTING_CHOICE("QUINTET_AUTH_VERIFY_EMAIL_ON_SIGN_UP", SET, verify_on_sign_up, "auto",
                      "auto|true|false",
                      "sign-up sends the mail that verifies the address; auto: when that is required "
                      "(emailVerification.sendOnSignUp)"),
    QN_SETTING_BOOL("QUINTET_AUTH_VERIFY_EMAIL_ON_SIGN_IN", SET, verify_on_sign_in, "false",
                    "who may not sign in before that, with the right password, is sent the mail again "
                    "(emailVerification.sendOnSignIn)"),
    QN_SETTING_DURATION("QUINTET_AUTH_VERIFY_EMAIL_EXPIRES_IN", SET, verify_expires_in_ms, "1h", 60000,
                        YEAR_MS,
                        "how long links that verify or change an address work (emailVerification.expiresIn)"),
    QN_SETTING_BOOL("QUINTET_AUTH_SIGN_IN_AFTER_VERIFICATION", SET, sign_in_after_verification, "false",
                    "the link that verifies an address signs in "
                    "(emailVerification.autoSignInAfterVerification)"),
    QN_SETTING_BOOL("QUINTET_AUTH_REVOKE_SESSIONS_ON_RESET", SET, revoke_sessions_on_reset, "false",
                    "a password chosen by mail ends all sessions "
                    "(emailAndPassword.revokeSessionsOnPasswordReset)"),
    QN_SETTING_DURATION("QUINTET_AUTH_RESET_PASSWORD_EXPIRES_IN", SET, reset_expires_in_ms, "1h", 60000,
                        YEAR_MS,
                        "how long the link that resets a password works "
                        "(emailAndPassword.resetPasswordTokenExpiresIn)"),
    QN_SETTING_BOOL("QUINTET_AUTH_AUTO_SIGN_IN", SET, auto_sign_in, "true",
                    "sign-up signs in; without it sign-up does not tell that an address is taken "
                    "(emailAndPassword.autoSignIn)"),
    QN_SETTING_INT("QUINTET_AUTH_MIN_PASSWORD_LENGTH", SET, password_min, "8", 1, AUTH_PASSWORD_CEILING,
                   "shortest new password, in UTF-16 code units (emailAndPassword.minPasswordLength)"),
    QN_SETTING_INT("QUINTET_AUTH_MAX_PASSWORD_LENGTH", SET, password_max, "128", 1, AUTH_PASSWORD_CEILING,
                   "longest password (emailAndPassword.maxPasswordLength)"),
    QN_SETTING_DURATION("QUINTET_AUTH_SESSION_EXPIRES_IN", SET, session_expires_in_ms, "7d", 60000, YEAR_MS,
                        "how long a session and its cookie live (session.expiresIn)"),
    QN_SETTING_DURATION("QUINTET_AUTH_SESSION_UPDATE_AGE", SET, session_update_age_ms, "1d", 0, YEAR_MS,
                        "how long after its last refresh a session is refreshed again (session.updateAge)"),
    QN_SETTING_DURATION("QUINTET_AUTH_SESSION_FRESH_AGE", SET, session_fresh_age_ms, "1d", 0, YEAR_MS,
                        "how old a session may be that lists sessions, unlinks accounts or deletes its user; "
                        "0: any age (session.freshAge)"),
    QN_SETTING_BOOL("QUINTET_AUTH_DISABLE_SESSION_REFRESH", SET, disable_session_refresh, "false",
                    "sessions end when they were to end at their beginning (session.disableSessionRefresh)"),
    QN_SETTING_BOOL("QUINTET_AUTH_COOKIE_CACHE", SET, cookie_cache, "false",
                    "GET /get-session may answer from the session_data cookie (session.cookieCache.enabled); "
                    "auth and gateway must agree"),
    QN_SETTING_CHOICE("QUINTET_AUTH_COOKIE_CACHE_STRATEGY", SET, cookie_cache_strategy, "compact",
                      "compact|jwt|jwe",
                      "what that cookie looks like; jwe: encrypted (session.cookieCache.strategy)"),
    QN_SETTING_DURATION("QUINTET_AUTH_COOKIE_CACHE_MAX_AGE", SET, cookie_cache_max_age_ms, "5m", 1000,
                        86400000,
                        "how long that cookie is believed, and so how long a revoked session may live on "
                        "(session.cookieCache.maxAge)"),
    QN_SETTING_INT("QUINTET_AUTH_HASH_THREADS", SET, hash_threads, "0", 0, 64,
                   "passwords hashed at once, 32 MiB and a core each; 0: one a core, "
                   "but one core is left alone"),
    QN_SETTING_INT("QUINTET_AUTH_HASH_QUEUE", SET, hash_queue, "64", 1, 100000,
                   "passwords that wait to be hashed; more are refused with \"come again later\""),
    QN_SETTING_INT("QUINTET_AUTH_LIMIT_COUNTERS", SET, limit_counters, "100000", 1000,
                   AUTH_LIMIT_COUNTERS_MAX,
                   "counters for rate limits, 48 bytes each: one a client address and route in its window"),
    AUTH_MAIL_SETTINGS(SET, mail),
};
const size_t auth_settings_count = QN_COUNT(auth_settings_table);

static bool given(const char *text)
{
    return text != NULL && text[0] != '\0';
}

/* One "version:secret" of the list, blanks around both dropped. */
static bool entry_parse(struct qn_str entry, uint64_t *ret_version, struct qn_str *ret_secret)
{
    ptrdiff_t colon = qn_str_find(entry, ':');
    if (colon < 0 || !qn_str_to_u64(qn_str_trim(qn_str_n(entry.ptr, (size_t)colon)), ret_version))
        return false;
    *ret_secret = qn_str_trim(qn_str_n(entry.ptr + colon + 1, entry.len - (size_t)colon - 1));
    return ret_secret->len > 0;
}

static bool secrets_valid(const char *text)
{
    struct qn_str rest = qn_str_c(text), entry, secret;
    for (size_t n = 0; qn_str_next(&rest, ',', &entry); n++) {
        uint64_t version, other;
        if (n == AUTH_JWE_KEYS_MAX || !entry_parse(entry, &version, &secret))
            return false;
        /* The same version twice would leave open which one it names. */
        struct qn_str before = qn_str_c(text), earlier;
        for (size_t i = 0; i < n && qn_str_next(&before, ',', &earlier); i++)
            if (entry_parse(earlier, &other, &secret) && other == version)
                return false;
    }
    return true;
}

static bool is_lenient(const struct auth_settings *settings)
{
    struct qn_str env = qn_str_c(settings->app.env);
    return qn_str_eq(env, QN_STR("development")) || qn_str_eq(env, QN_STR("test"));
}

struct qn_str auth_settings_secret(const struct auth_settings *settings)
{
    if (given(settings->secrets)) {
        struct qn_str rest = qn_str_c(settings->secrets), entry, secret = {0};
        uint64_t version;
        return qn_str_next(&rest, ',', &entry) && entry_parse(entry, &version, &secret) ? secret
                                                                                        : (struct qn_str){0};
    }
    if (given(settings->secret))
        return qn_str_c(settings->secret);
    if (given(settings->secret_other))
        return qn_str_c(settings->secret_other);
    return is_lenient(settings) ? QN_STR(PUBLIC_DEFAULT_SECRET) : (struct qn_str){0};
}

size_t auth_settings_secrets(const struct auth_settings *settings, struct qn_str to[AUTH_JWE_KEYS_MAX])
{
    struct qn_str rest = qn_str_c(settings->secrets), entry,
                  older = qn_str_c(given(settings->secret) ? settings->secret : settings->secret_other);
    size_t n = 0;
    uint64_t version;
    if (!given(settings->secrets)) {
        to[0] = auth_settings_secret(settings);
        return 1;
    }
    while (n < AUTH_JWE_KEYS_MAX && qn_str_next(&rest, ',', &entry))
        n += entry_parse(entry, &version, &to[n]);
    for (size_t i = 0; i < n; i++) {
        if (qn_str_eq(to[i], older))
            return n;
    }
    if (n < AUTH_JWE_KEYS_MAX && older.len > 0 && !qn_str_eq(older, QN_STR(PUBLIC_DEFAULT_SECRET)))
        to[n++] = older;
    return n;
}

bool auth_settings_secure_cookies(const struct auth_settings *settings)
{
    if (given(settings->url))
        return qn_str_starts(qn_str_c(settings->url), QN_STR("https://"));
    return qn_str_eq(qn_str_c(settings->app.env), QN_STR("production"));
}

enum auth_cache_strategy auth_settings_cache_strategy(const struct auth_settings *settings)
{
    struct qn_str strategy = qn_str_c(settings->cookie_cache_strategy);
    return qn_str_eq(strategy, QN_STR("jwt"))   ? AUTH_CACHE_JWT
           : qn_str_eq(strategy, QN_STR("jwe")) ? AUTH_CACHE_JWE
                                                : AUTH_CACHE_COMPACT;
}

/* The product's estimate: as many bits as that many independent draws from the characters that occur. */
static double estimated_bits(struct qn_str secret)
{
    bool seen[256] = {false};
    unsigned kinds = 0;
    for (size_t i = 0; i < secret.len; i++) {
        bool *mark = &seen[(unsigned char)secret.ptr[i]];
        kinds += !*mark;
        *mark = true;
    }
    return kinds ? (double)secret.len * log2(kinds) : 0;
}

const char *auth_settings_weakness(const struct auth_settings *settings)
{
    struct qn_str secret = auth_settings_secret(settings);
    if (qn_str_eq(secret, QN_STR(PUBLIC_DEFAULT_SECRET)))
        return "the secret is Better Auth's public default: anyone can sign a cookie; for development only";
    if (secret.len < SECRET_MIN_CHARS)
        return "the secret is shorter than 32 characters: it can be guessed; make one with openssl rand "
               "-base64 32";
    if (estimated_bits(secret) < SECRET_MIN_BITS)
        return "the secret has little variety: it can be guessed; make one with openssl rand -base64 32";
    return NULL;
}

/* What is switched on but could not be done. */
static void complain_of_mail(const struct auth_settings *set, struct qn_config_report *report)
{
    const struct {
        const char *name, *value;
        bool on;
    } wanting[] = {
        {"QUINTET_AUTH_DELETE_USER_BY_MAIL", "true", set->delete_user_by_mail},
        {"QUINTET_AUTH_CHANGE_EMAIL", "true", set->change_email},
        {"QUINTET_AUTH_REQUIRE_EMAIL_VERIFICATION", "true", set->require_verification},
        {"QUINTET_AUTH_VERIFY_EMAIL_ON_SIGN_IN", "true", set->verify_on_sign_in},
        {"QUINTET_AUTH_VERIFY_EMAIL_ON_SIGN_UP", "true",
         qn_str_eq(qn_str_c(set->verify_on_sign_up), QN_STR("true"))},
    };
    bool can = given(set->url) && (auth_mail_settings_given(&set->mail) || is_lenient(set));
    for (size_t i = 0; !can && i < QN_COUNT(wanting); i++) {
        if (wanting[i].on)
            qn_config_complain(report, wanting[i].name, wanting[i].value,
                               "false without BETTER_AUTH_URL, which links by mail lead to, and SMTP_URL "
                               "(with NODE_ENV development or test the first alone: links go to the log)");
    }
}

bool auth_settings_sign_up_conceals(const struct auth_settings *settings)
{
    return settings->require_verification || !settings->auto_sign_in;
}

bool auth_settings_verify_on_sign_up(const struct auth_settings *settings)
{
    struct qn_str when = qn_str_c(settings->verify_on_sign_up);
    return qn_str_eq(when, QN_STR("auto")) ? settings->require_verification : qn_str_eq(when, QN_STR("true"));
}

void auth_settings_check(void *settings, struct qn_config_report *report)
{
    const struct auth_settings *set = settings;
    qn_parts_check_address("QUINTET_RPC_LISTEN", set->rpc.listen, &set->tls, report);
    qn_parts_check_address("QUINTET_PROFILE_ADDRESS", set->profile.address, &set->tls, report);

    struct qn_str url = qn_str_c(set->url);
    if (url.len > 0 && !qn_str_starts(url, QN_STR("http://")) && !qn_str_starts(url, QN_STR("https://")))
        qn_config_complain(report, "BETTER_AUTH_URL", set->url, "a URL, as https://example.com");

    if (set->password_max < set->password_min)
        qn_config_complain(report, "QUINTET_AUTH_MAX_PASSWORD_LENGTH", "less than the other",
                           "QUINTET_AUTH_MIN_PASSWORD_LENGTH or more");

    auth_mail_settings_check(&set->mail, report);
    complain_of_mail(set, report);

    struct qn_str secret = auth_settings_secret(set);
    if (given(set->secrets) && !secrets_valid(set->secrets))
        qn_config_complain(report, "BETTER_AUTH_SECRETS", "(not shown)", SECRETS_ALLOWED);
    else if (secret.len == 0)
        qn_config_complain(
            report, "BETTER_AUTH_SECRET", "",
            "32 random characters or more, as openssl rand -base64 32 makes them (only with NODE_ENV "
            "development or test there is a default)");
    else if (qn_str_eq(secret, QN_STR(PUBLIC_DEFAULT_SECRET)) && !is_lenient(set))
        qn_config_complain(report, "BETTER_AUTH_SECRET", "Better Auth's public default",
                           "a secret of one's own, unless NODE_ENV is development or test");
}
