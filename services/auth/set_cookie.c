#include "services/auth/set_cookie.h"

#include "common/core/check.h"

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

enum qn_status auth_set_cookie_session(struct auth_service *service, struct qn_call *call, const char *token,
                                       bool forget_me, bool remembered_not)
{
    QN_TRY(set(service, call, AUTH_COOKIE_SESSION_TOKEN, qn_str_c(token),
               forget_me ? AUTH_COOKIE_OF_BROWSER : (int)(service->settings->session_expires_in_ms / 1000)));
    if (forget_me)
        return set(service, call, AUTH_COOKIE_DONT_REMEMBER, QN_STR("true"), AUTH_COOKIE_OF_BROWSER);
    if (remembered_not)
        return set(service, call, AUTH_COOKIE_DONT_REMEMBER, QN_STR(""), 0);
    return QN_OK;
}

enum qn_status auth_set_cookie_expired(struct auth_service *service, struct qn_call *call)
{
    static const enum auth_cookie expired[] = {AUTH_COOKIE_SESSION_TOKEN, AUTH_COOKIE_SESSION_DATA,
                                               AUTH_COOKIE_DONT_REMEMBER};
    for (size_t i = 0; i < QN_COUNT(expired); i++)
        QN_TRY(set(service, call, expired[i], QN_STR(""), 0));
    return QN_OK;
}
