#include "services/gateway/better_auth/csrf.h"

#include "common/core/check.h"
#include "services/gateway/better_auth/answer.h"
#include "services/gateway/better_auth/origin.h"
#include "services/gateway/settings.h"

static bool is_trusted(const struct gateway_request *req, struct qn_str url)
{
    const struct gateway_origin_trust trust = {
        .site = qn_str_c(req->settings->public_url),
        .host = qn_exchange_header(req->exchange, "Host"),
        .entries = qn_str_c(req->settings->trusted_origins),
    };
    return gateway_origin_trusted(&trust, url);
}

/* The origin that the request itself names by its Host, in the scheme of the public URL. */
static struct qn_str own_origin(struct gateway_request *req)
{
    bool https = qn_str_starts(qn_str_c(req->settings->public_url), QN_STR("https://"));
    struct qn_str host = qn_exchange_header(req->exchange, "Host");
    return qn_str_c(qn_arena_printf(&req->arena, "%s://%.*s", https ? "https" : "http", QN_STR_ARG(host)));
}

/* What the request says of where it comes from must be trusted: Origin, or else the Referer. False: refused
 * and answered. */
static bool check_shown(struct gateway_request *req)
{
    const struct qn_exchange *x = req->exchange;
    struct qn_str origin = qn_exchange_header(x, "Origin"),
                  shown = origin.len ? origin : qn_exchange_header(x, "Referer");
    if (qn_str_eq(origin, QN_STR("null")) &&
        qn_str_eq(qn_exchange_header(x, "Sec-Fetch-Site"), QN_STR("same-origin")))
        shown = own_origin(req); /* the browser vouches that it is the same, and was told to hide its name */
    if (!shown.len || qn_str_eq(shown, QN_STR("null"))) {
        gateway_answer_error(req, 403, "Missing or null Origin", "MISSING_OR_NULL_ORIGIN");
        return false;
    }
    if (!is_trusted(req, shown)) {
        gateway_answer_error(req, 403, "Invalid origin", "INVALID_ORIGIN");
        return false;
    }
    return true;
}

/* Members that the product takes for absent: those that JavaScript takes for false. */
static bool is_absent(const struct qn_json *url)
{
    return !url || url->kind == QN_JSON_NULL || (url->kind == QN_JSON_BOOL && !url->boolean) ||
           (url->kind == QN_JSON_NUMBER && url->number == 0) ||
           (url->kind == QN_JSON_STRING && url->text.len == 0);
}

static const struct {
    const char *member, *label, *code;
} CALLBACKS[] = {
    {"callbackURL", "callbackURL", "INVALID_CALLBACK_URL"},
    {"redirectTo", "redirectURL", "INVALID_REDIRECT_URL"},
    {"errorCallbackURL", "errorCallbackURL", "INVALID_ERROR_CALLBACK_URL"},
    {"newUserCallbackURL", "newUserCallbackURL", "INVALID_NEW_USER_CALLBACK_URL"},
};

/* What leaves as Location must find room among the headers of an answer. */
enum { CALLBACK_MAX = 4096 };

static bool check_callbacks(struct gateway_request *req, const struct qn_json *body)
{
    const struct qn_json query = {.kind = QN_JSON_STRING,
                                  .text = qn_exchange_query(req->exchange, "callbackURL")};
    for (size_t i = 0; i < QN_COUNT(CALLBACKS); i++) {
        const struct qn_json *url = body ? qn_json_get(body, CALLBACKS[i].member) : NULL;
        if (i == 0 && is_absent(url))
            url = &query;
        if (is_absent(url))
            continue;
        bool string = url->kind == QN_JSON_STRING;
        if (string && url->text.len <= CALLBACK_MAX &&
            (gateway_origin_is_path(url->text) || is_trusted(req, url->text)))
            continue;
        char *message = qn_arena_printf(&req->arena, "Invalid %s%s", CALLBACKS[i].label,
                                        string ? "" : ": expected a string");
        gateway_answer_error(req, string ? 403 : 400, message ? message : "Invalid URL",
                             string ? CALLBACKS[i].code : NULL);
        return false;
    }
    return true;
}

bool gateway_csrf_check(struct gateway_request *req, const struct qn_json *body)
{
    if (qn_exchange_header(req->exchange, "Cookie").ptr && !check_shown(req))
        return false;
    return check_callbacks(req, body);
}

bool gateway_csrf_check_link(struct gateway_request *req)
{
    return check_callbacks(req, NULL);
}

bool gateway_csrf_check_form(struct gateway_request *req)
{
    const struct qn_exchange *x = req->exchange;
    struct qn_str site = qn_str_trim(qn_exchange_header(x, "Sec-Fetch-Site")),
                  mode = qn_str_trim(qn_exchange_header(x, "Sec-Fetch-Mode")),
                  dest = qn_str_trim(qn_exchange_header(x, "Sec-Fetch-Dest"));
    if (qn_exchange_header(x, "Cookie").ptr)
        return true; /* judged already */
    if (site.len || mode.len || dest.len) {
        if (qn_str_eq(site, QN_STR("cross-site")) && qn_str_eq(mode, QN_STR("navigate"))) {
            gateway_answer_error(
                req, 403, "Cross-site navigation login blocked. This request appears to be a CSRF attack.",
                "CROSS_SITE_NAVIGATION_LOGIN_BLOCKED");
            return false;
        }
        return check_shown(req);
    }
    if (qn_exchange_header(x, "Origin").len || qn_exchange_header(x, "Referer").len)
        return check_shown(req);
    return true;
}
