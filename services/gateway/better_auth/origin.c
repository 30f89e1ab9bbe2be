#include "services/gateway/better_auth/origin.h"

#include "common/core/check.h"
#include "common/core/encode.h"
#include "services/gateway/better_auth/answer.h"
#include "services/gateway/settings.h"

/* "https://host:8443/a/b" → "https://host:8443"; the whole text when it has no path. */
static struct qn_str origin_of(struct qn_str url)
{
    for (size_t i = 0; i + 3 <= url.len; i++) {
        if (!qn_str_eq(qn_str_n(url.ptr + i, 3), QN_STR("://")))
            continue;
        size_t end = i + 3;
        while (end < url.len && url.ptr[end] != '/' && url.ptr[end] != '?' && url.ptr[end] != '#')
            end++;
        return qn_str_n(url.ptr, end);
    }
    return (struct qn_str){0};
}

static struct qn_str host_of(struct qn_str origin)
{
    for (size_t i = 0; i + 3 <= origin.len; i++) {
        if (qn_str_eq(qn_str_n(origin.ptr + i, 3), QN_STR("://")))
            return qn_str_n(origin.ptr + i + 3, origin.len - i - 3);
    }
    return origin;
}

/* '*' is any run, '?' any one character; no backtracking beyond the last star, so time is bounded by the
 * product of the lengths. */
static bool glob(struct qn_str pattern, struct qn_str text)
{
    size_t p = 0, t = 0, star = (size_t)-1, mark = 0;
    while (t < text.len) {
        if (p < pattern.len && (pattern.ptr[p] == '?' || pattern.ptr[p] == text.ptr[t])) {
            p++;
            t++;
        } else if (p < pattern.len && pattern.ptr[p] == '*') {
            star = p++;
            mark = t;
        } else if (star != (size_t)-1) {
            p = star + 1;
            t = ++mark;
        } else {
            return false;
        }
    }
    while (p < pattern.len && pattern.ptr[p] == '*')
        p++;
    return p == pattern.len;
}

static bool only(struct qn_str text, const char *allowed)
{
    for (size_t i = 0; i < text.len; i++) {
        if (text.ptr[i] == '\0' || !strchr(allowed, text.ptr[i]))
            return false;
    }
    return true;
}

static bool entry_matches(struct qn_str entry, struct qn_str origin)
{
    if (qn_str_find(entry, '*') < 0 && qn_str_find(entry, '?') < 0)
        return qn_str_eq(entry, origin);
    /* A pattern of digits, dots and wildcards means IPv4 addresses: "192.168.*" is not to match a name. */
    if (only(host_of(entry), "0123456789.*?:") && !only(host_of(origin), "0123456789.:"))
        return false;
    return qn_str_eq(host_of(entry), entry) ? glob(entry, host_of(origin)) : glob(entry, origin);
}

static bool is_own_host(const struct gateway_request *req, struct qn_str origin)
{
    struct qn_str host = qn_exchange_header(req->exchange, "Host");
    return host.len && qn_str_eq(host_of(origin), host);
}

bool gateway_origin_trusted(const struct gateway_request *req, struct qn_str origin)
{
    const struct gateway_settings *set = req->settings;
    if (!origin.len)
        return false;
    if (set->public_url[0] ? qn_str_eq(origin_of(qn_str_c(set->public_url)), origin)
                           : is_own_host(req, origin))
        return true;
    struct qn_str rest = qn_str_c(set->trusted_origins), entry;
    while (qn_str_next(&rest, ',', &entry)) {
        entry = qn_str_trim(entry);
        if (entry.len && entry_matches(entry, origin))
            return true;
    }
    return false;
}

/* The origin that the request itself names by its Host, in the scheme of the public URL. */
static struct qn_str own_origin(struct gateway_request *req)
{
    bool https = qn_str_starts(qn_str_c(req->settings->public_url), QN_STR("https://"));
    struct qn_str host = qn_exchange_header(req->exchange, "Host");
    return qn_str_c(qn_arena_printf(&req->arena, "%s://%.*s", https ? "https" : "http", QN_STR_ARG(host)));
}

/* Rule A on what the request shows. False: refused and answered. */
static bool check_shown(struct gateway_request *req, bool origin_required)
{
    const struct qn_exchange *x = req->exchange;
    struct qn_str shown = qn_exchange_header(x, "Origin");
    if (!shown.len && !origin_required)
        shown = qn_exchange_header(x, "Referer");
    if (qn_str_eq(shown, QN_STR("null")) &&
        qn_str_eq(qn_exchange_header(x, "Sec-Fetch-Site"), QN_STR("same-origin")))
        shown = own_origin(req); /* the browser vouches that it is the same, and was told to hide its name */
    if (!shown.len || qn_str_eq(shown, QN_STR("null"))) {
        gateway_answer_error(req, 403, "Missing or null Origin", "MISSING_OR_NULL_ORIGIN");
        return false;
    }
    if (!gateway_origin_trusted(req, origin_of(shown))) {
        gateway_answer_error(req, 403, "Invalid origin", "INVALID_ORIGIN");
        return false;
    }
    return true;
}

/* A path on this site: one leading slash, nothing that a browser would read as another host. */
static bool root_relative(struct qn_str url)
{
    if (url.len == 0 || url.ptr[0] != '/' || (url.len > 1 && url.ptr[1] == '/'))
        return false;
    bool in_path = true;
    for (size_t i = 0; i < url.len; i++) {
        char c = url.ptr[i];
        if ((unsigned char)c < 0x20 || c == 0x7f || c == '\\')
            return false;
        if (c == '?' || c == '#')
            in_path = false;
        if (in_path && c == '%' && i + 3 <= url.len) {
            uint8_t decoded;
            if (qn_hex_decode(qn_str_n(url.ptr + i + 1, 2), &decoded) && (decoded == '/' || decoded == '\\'))
                return false;
        }
    }
    return true;
}

static const struct {
    const char *member, *label, *code;
} CALLBACKS[] = {
    {"callbackURL", "callbackURL", "INVALID_CALLBACK_URL"},
    {"redirectTo", "redirectURL", "INVALID_REDIRECT_URL"},
    {"errorCallbackURL", "errorCallbackURL", "INVALID_ERROR_CALLBACK_URL"},
    {"newUserCallbackURL", "newUserCallbackURL", "INVALID_NEW_USER_CALLBACK_URL"},
};

static bool check_callbacks(struct gateway_request *req, const struct qn_json *body)
{
    for (size_t i = 0; i < QN_COUNT(CALLBACKS); i++) {
        const struct qn_json *url = body ? qn_json_get(body, CALLBACKS[i].member) : NULL;
        if (!url || url->kind == QN_JSON_NULL || (url->kind == QN_JSON_STRING && url->text.len == 0))
            continue;
        bool string = url->kind == QN_JSON_STRING;
        if (string && (root_relative(url->text) || gateway_origin_trusted(req, origin_of(url->text))))
            continue;
        char *message = qn_arena_printf(&req->arena, "Invalid %s%s", CALLBACKS[i].label,
                                        string ? "" : ": expected a string");
        gateway_answer_error(req, string ? 403 : 400, message ? message : "Invalid URL",
                             string ? CALLBACKS[i].code : NULL);
        return false;
    }
    return true;
}

bool gateway_origin_check(struct gateway_request *req, const struct qn_json *body)
{
    if (qn_exchange_header(req->exchange, "Cookie").ptr && !check_shown(req, false))
        return false;
    return check_callbacks(req, body);
}

bool gateway_origin_check_form(struct gateway_request *req)
{
    const struct qn_exchange *x = req->exchange;
    struct qn_str site = qn_exchange_header(x, "Sec-Fetch-Site"),
                  mode = qn_exchange_header(x, "Sec-Fetch-Mode");
    if (qn_exchange_header(x, "Cookie").ptr)
        return true; /* judged already */
    if (site.ptr || mode.ptr || qn_exchange_header(x, "Sec-Fetch-Dest").ptr) {
        if (qn_str_eq(site, QN_STR("cross-site")) && qn_str_eq(mode, QN_STR("navigate"))) {
            gateway_answer_error(
                req, 403, "Cross-site navigation login blocked. This request appears to be a CSRF attack.",
                "CROSS_SITE_NAVIGATION_LOGIN_BLOCKED");
            return false;
        }
        return check_shown(req, true);
    }
    if (qn_exchange_header(x, "Origin").ptr || qn_exchange_header(x, "Referer").ptr)
        return check_shown(req, false);
    return true;
}
