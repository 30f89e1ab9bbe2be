#include "services/auth/set_cookie.h"

#include "common/core/check.h"
#include "common/core/clock.h"
#include "services/auth/cache.h"

static enum qn_status set(struct auth_service *service, struct qn_call *call, enum auth_cookie which,
                          struct qn_str value, int max_age_s)
{
    struct qn_buf text;
    qn_buf_init(&text, AUTH_COOKIE_MAX_BYTES);
    enum qn_status status = max_age_s == 0
                                ? auth_cookie_write_expired(&service->cookies, which, &text)
                                : auth_cookie_write(&service->cookies, which, value, max_age_s, &text);
    if (status == QN_OK)
        qn_call_set_cookie(call, qn_buf_view(&text));
    qn_buf_fini(&text);
    return status;
}

enum {
    /* Of a cookie's name and value, as the product has it: 4,096 bytes (RFC 6265, 6.1) less its attributes.
     */
    CACHE_MAX = 4050,
    /* How long one of a browser session is believed at most: a compact one, and a token. The product has
     * these whatever its maxAge; here a shorter one holds. */
    CACHE_SHORT_MS = 60 * 1000,
    CACHE_SHORT_TOKEN_MS = 300 * 1000,
    CACHE_SET_COOKIE_MAX = 8192
};

enum qn_status auth_set_cookie_no_cache(struct auth_service *service, struct qn_call *call)
{
    return set(service, call, AUTH_COOKIE_SESSION_DATA, QN_STR(""), 0);
}

enum qn_status auth_set_cookie_cache(struct auth_service *service, struct qn_call *call,
                                     const Quintet__Store__V1__Session *session,
                                     const Quintet__Store__V1__User *user, bool forget_me)
{
    const struct auth_settings *set = service->settings;
    struct qn_buf value, text;
    if (!set->cookie_cache)
        return QN_OK;
    int64_t now_ms = qn_clock_wall_ms();
    qn_buf_init(&value, AUTH_CACHE_VALUE_MAX);
    qn_buf_init(&text, CACHE_SET_COOKIE_MAX);
    int64_t valid_ms = set->cookie_cache_max_age_ms,
            short_ms = service->cache.strategy == AUTH_CACHE_COMPACT ? CACHE_SHORT_MS : CACHE_SHORT_TOKEN_MS;
    if (forget_me && valid_ms > short_ms)
        valid_ms = short_ms;
    enum qn_status status =
        auth_cache_write(&service->cache, session, user, now_ms, now_ms + valid_ms, &value);
    size_t len = strlen(auth_cookie_name(&service->cookies, AUTH_COOKIE_SESSION_DATA)) + value.len;
    if (status == QN_RESOURCE_EXHAUSTED || (status == QN_OK && len > CACHE_MAX)) {
        status = auth_set_cookie_no_cache(service, call);
    } else if (status == QN_OK) {
        status = auth_cookie_write_plain(
            &service->cookies, AUTH_COOKIE_SESSION_DATA, qn_buf_view(&value),
            forget_me ? AUTH_COOKIE_OF_BROWSER : (int)(set->cookie_cache_max_age_ms / 1000), &text);
        if (status == QN_OK)
            qn_call_set_cookie(call, qn_buf_view(&text));
    }
    qn_buf_fini(&text);
    qn_buf_fini(&value);
    return status;
}

enum qn_status auth_set_cookie_session(struct auth_service *service, struct qn_call *call,
                                       const Quintet__Store__V1__Session *session,
                                       const Quintet__Store__V1__User *user, bool forget_me,
                                       bool remembered_not)
{
    int max_age_s =
        forget_me ? AUTH_COOKIE_OF_BROWSER : (int)(service->settings->session_expires_in_ms / 1000);
    QN_TRY(set(service, call, AUTH_COOKIE_SESSION_TOKEN, qn_str_c(session->token), max_age_s));
    if (forget_me)
        QN_TRY(set(service, call, AUTH_COOKIE_DONT_REMEMBER, QN_STR("true"), AUTH_COOKIE_OF_BROWSER));
    else if (remembered_not)
        QN_TRY(set(service, call, AUTH_COOKIE_DONT_REMEMBER, QN_STR(""), 0));
    return auth_set_cookie_cache(service, call, session, user, forget_me);
}

enum qn_status auth_set_cookie_expired(struct auth_service *service, struct qn_call *call, bool shown_cache)
{
    QN_TRY(set(service, call, AUTH_COOKIE_SESSION_TOKEN, QN_STR(""), 0));
    QN_TRY(auth_set_cookie_no_cache(service, call));
    if (shown_cache)
        QN_TRY(auth_set_cookie_no_cache(service, call));
    return set(service, call, AUTH_COOKIE_DONT_REMEMBER, QN_STR(""), 0);
}

bool auth_set_cookie_shows_cache(const struct auth_service *service, struct qn_str cookies)
{
    return auth_cookie_find(cookies, auth_cookie_name(&service->cookies, AUTH_COOKIE_SESSION_DATA)).ptr;
}
