#ifndef AUTH_SETTINGS_H
#define AUTH_SETTINGS_H

#include "common/app/app.h"
#include "common/app/parts.h"
#include "services/auth/cache.h"
#include "services/auth/mail/mail_settings.h"

/* What quintet-auth can be told; README.md has the table. Better Auth's settings keep their names and their
 * meaning. */
struct auth_settings {
    struct qn_app_settings app;
    struct qn_rpc_tls_settings tls;
    struct qn_rpc_server_settings rpc;
    struct qn_rpc_client_settings profile;
    char *secret;                 /* BETTER_AUTH_SECRET */
    char *secret_other;           /* AUTH_SECRET, when the first is not given */
    char *secrets;                /* BETTER_AUTH_SECRETS: "version:secret,version:secret", goes before both */
    char *url;                    /* BETTER_AUTH_URL */
    bool email_password;          /* sign-up and sign-in by address and password */
    bool disable_sign_up;         /* sign-in alone */
    bool delete_user;             /* users may delete themselves */
    bool delete_user_by_mail;     /* and must confirm it by mail */
    int64_t delete_expires_in_ms; /* of the link that deletes */
    bool change_email;
    bool require_verification;          /* of the address, before the first sign-in */
    char *verify_on_sign_up;            /* "auto": when that is required; "true", "false" */
    bool verify_on_sign_in;             /* who may not sign in for that is sent the mail again */
    int64_t verify_expires_in_ms;       /* of links that verify or change an address */
    bool auto_sign_in;                  /* sign-up signs in */
    int64_t password_min, password_max; /* UTF-16 code units before normalisation */
    bool sign_in_after_verification;
    bool revoke_sessions_on_reset;
    int64_t reset_expires_in_ms; /* of the link that resets a password */
    int64_t session_expires_in_ms;
    int64_t session_update_age_ms; /* a session whose end was set longer ago is refreshed */
    int64_t session_fresh_age_ms;  /* younger ones may do what is delicate; 0: all may */
    bool disable_session_refresh;
    bool cookie_cache;
    char *cookie_cache_strategy; /* "compact", "jwt" or "jwe" */
    int64_t cookie_cache_max_age_ms;
    int64_t hash_threads; /* 0: one a core, less one */
    int64_t hash_queue;
    int64_t limit_counters;
    struct auth_mail_settings mail;
};

/* Whether sign-up makes no session and conceals that an address is taken. */
bool auth_settings_sign_up_conceals(const struct auth_settings *settings);

/* Whether sign-up sends the mail that verifies the address. */
bool auth_settings_verify_on_sign_up(const struct auth_settings *settings);

extern const struct qn_setting auth_settings_table[];
extern const size_t auth_settings_count;

/* What the table cannot say: addresses, the secret, the URL. For struct qn_app's check. */
void auth_settings_check(void *settings, struct qn_config_report *report);

/* The secret that signs cookies: the first of BETTER_AUTH_SECRETS, else BETTER_AUTH_SECRET, else AUTH_SECRET,
 * else, with NODE_ENV development or test, Better Auth's public default. A view; empty only for settings that
 * do not pass the check. */
struct qn_str auth_settings_secret(const struct auth_settings *settings);

/* All that encrypted values may be under, as the product has it: those of BETTER_AUTH_SECRETS, the first of
 * which encrypts, and then the one of the other two names; without the list the one above alone. Views; how
 * many, at least one for settings that pass the check. */
size_t auth_settings_secrets(const struct auth_settings *settings, struct qn_str to[AUTH_JWE_KEYS_MAX]);

/* Whether cookies are "__Secure-": BETTER_AUTH_URL begins with https://, or there is none and NODE_ENV is
 * production. */
bool auth_settings_secure_cookies(const struct auth_settings *settings);

/* That of the cookie cache. */
enum auth_cache_strategy auth_settings_cache_strategy(const struct auth_settings *settings);

/* What is weak about the secret, as a static sentence for the log; NULL when nothing is. */
const char *auth_settings_weakness(const struct auth_settings *settings);

#endif
