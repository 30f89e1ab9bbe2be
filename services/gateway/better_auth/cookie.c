#include "services/gateway/better_auth/cookie.h"

#define NAME       "better-auth.session_data"
#define PREFIX     "__Secure-"
#define ATTRIBUTES "; Max-Age=0; Path=/; HttpOnly"

/* The same rule as auth's: by the scheme of the site's URL, and without one in production. */
static bool is_secure(const struct gateway_settings *settings)
{
    struct qn_str url = qn_str_c(settings->public_url);
    return url.len ? qn_str_starts(url, QN_STR("https://"))
                   : qn_str_eq(qn_str_c(settings->app.env), QN_STR("production"));
}

static bool shows(struct qn_str cookies, struct qn_str name)
{
    struct qn_str pair;
    while (qn_str_next(&cookies, ';', &pair)) {
        ptrdiff_t equals = qn_str_find(pair, '=');
        if (equals >= 0 && qn_str_eq(qn_str_trim(qn_str_n(pair.ptr, (size_t)equals)), name))
            return true;
    }
    return false;
}

struct qn_str gateway_cookie_forget_cache(const struct gateway_settings *settings, struct qn_str cookies)
{
    if (is_secure(settings))
        return shows(cookies, QN_STR(PREFIX NAME))
                   ? QN_STR(PREFIX NAME "=" ATTRIBUTES "; Secure; SameSite=Lax")
                   : QN_STR("");
    return shows(cookies, QN_STR(NAME)) ? QN_STR(NAME "=" ATTRIBUTES "; SameSite=Lax") : QN_STR("");
}
