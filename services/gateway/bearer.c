#include "services/gateway/bearer.h"

#include "common/core/encode.h"
#include "services/gateway/settings.h"

#define SCHEME "Bearer "

static bool is_on(const struct gateway_settings *settings)
{
    return !qn_str_eq(qn_str_c(settings->bearer), QN_STR("false"));
}

struct qn_str gateway_bearer_of(const struct gateway_settings *settings, struct qn_str authorization)
{
    const struct qn_str scheme = QN_STR(SCHEME), none = QN_STR("");
    if (!is_on(settings) || authorization.len < scheme.len ||
        !qn_str_eq_nocase(qn_str_n(authorization.ptr, scheme.len), scheme))
        return none;
    struct qn_str token =
        qn_str_trim(qn_str_n(authorization.ptr + scheme.len, authorization.len - scheme.len));
    bool is_signed = qn_str_find(token, '.') >= 0; /* whether rightly, auth sees */
    return is_signed || !qn_str_eq(qn_str_c(settings->bearer), QN_STR("signed")) ? token : none;
}

/* The value of a Set-Cookie that sets the session cookie; empty: it sets another, or expires that one. */
static struct qn_str session_of(struct qn_str set_cookie)
{
    static const struct qn_str NAMES[] = {{"better-auth.session_token=", 26},
                                          {"__Secure-better-auth.session_token=", 35}};
    ptrdiff_t end = qn_str_find(set_cookie, ';');
    struct qn_str pair = end < 0 ? set_cookie : qn_str_n(set_cookie.ptr, (size_t)end);
    for (size_t i = 0; i < sizeof(NAMES) / sizeof(*NAMES); i++) {
        if (qn_str_starts(pair, NAMES[i]))
            return qn_str_n(pair.ptr + NAMES[i].len, pair.len - NAMES[i].len);
    }
    return QN_STR("");
}

void gateway_bearer_show(struct gateway_request *req, struct gateway_reply *reply)
{
    for (size_t i = 0; is_on(req->settings) && i < reply->n_headers; i++) {
        struct qn_str value = qn_str_eq(reply->headers[i].name, QN_STR("Set-Cookie"))
                                  ? session_of(reply->headers[i].value)
                                  : QN_STR("");
        char *token = value.len ? qn_arena_alloc(&req->arena, value.len) : NULL;
        size_t len;
        if (!token || !qn_percent_decode(value, token, &len, false))
            continue;
        gateway_reply_header(reply, "Set-Auth-Token", qn_str_n(token, len));
        gateway_reply_header(reply, "Access-Control-Expose-Headers", QN_STR("set-auth-token"));
        return;
    }
}
