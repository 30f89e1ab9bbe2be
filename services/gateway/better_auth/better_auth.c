#include "services/gateway/better_auth/better_auth.h"

#include "common/core/check.h"
#include "services/gateway/better_auth/answer.h"
#include "services/gateway/better_auth/limited.h"
#include "services/gateway/better_auth/origin.h"
#include "services/gateway/better_auth/routes.h"

/* A request: 1. rate limit  2. route (exact; anything else is an empty 404)  3. what routes.h says of each.
 * The order decides which of two faults is told; it is the product's. */

#define DEFAULT_BASE_PATH "/api/auth"

struct qn_str gateway_better_auth_base_path(const struct gateway_settings *settings)
{
    struct qn_str url = qn_str_c(settings->public_url);
    for (size_t i = 0; i + 3 <= url.len; i++) {
        if (!qn_str_eq(qn_str_n(url.ptr + i, 3), QN_STR("://")))
            continue;
        struct qn_str rest = qn_str_n(url.ptr + i + 3, url.len - i - 3);
        ptrdiff_t slash = qn_str_find(rest, '/');
        struct qn_str path = slash < 0 ? QN_STR("") : qn_str_n(rest.ptr + slash, rest.len - (size_t)slash);
        while (path.len && path.ptr[path.len - 1] == '/')
            path.len--;
        return path.len ? path : QN_STR(DEFAULT_BASE_PATH);
    }
    return QN_STR(DEFAULT_BASE_PATH);
}

const char *gateway_better_auth_base_url(struct gateway_request *req)
{
    struct qn_str base = gateway_better_auth_base_path(req->settings);
    struct gateway_origin site;
    struct qn_str host = qn_exchange_header(req->exchange, "Host");
    char *url;
    if (gateway_origin_read(qn_str_c(req->settings->public_url), &site))
        url = qn_arena_printf(&req->arena, "%.*s%.*s", (int)site.len, site.text, QN_STR_ARG(base));
    else
        url = qn_arena_printf(&req->arena, "http://%.*s%.*s", QN_STR_ARG(host), QN_STR_ARG(base));
    return url ? url : "";
}

bool gateway_better_auth_owns(const struct gateway_settings *settings, struct qn_str path)
{
    struct qn_str base = gateway_better_auth_base_path(settings);
    return qn_str_starts(path, base) && (path.len == base.len || path.ptr[base.len] == '/');
}

/* A path that ends in a star stands for every one with one more piece in its place. */
static const struct {
    const char *method, *path;
    void (*serve)(struct gateway_request *req);
} ROUTES[] = {
    {"POST", "/sign-up/email", gateway_route_sign_up},
    {"POST", "/sign-in/email", gateway_route_sign_in},
    {"POST", "/sign-out", gateway_route_sign_out},
    {"GET", "/get-session", gateway_route_get_session},
    {"POST", "/get-session", gateway_route_post_session},
    {"GET", "/list-sessions", gateway_route_list_sessions},
    {"POST", "/revoke-session", gateway_route_revoke_session},
    {"POST", "/revoke-sessions", gateway_route_revoke_sessions},
    {"POST", "/revoke-other-sessions", gateway_route_revoke_other_sessions},
    {"POST", "/update-session", gateway_route_update_session},
    {"POST", "/update-user", gateway_route_update_user},
    {"POST", "/change-password", gateway_route_change_password},
    {"POST", "/verify-password", gateway_route_verify_password},
    {"POST", "/delete-user", gateway_route_delete_user},
    {"GET", "/delete-user/callback", gateway_route_delete_user_callback},
    {"POST", "/request-password-reset", gateway_route_request_password_reset},
    {"GET", "/reset-password/*", gateway_route_reset_password_callback},
    {"POST", "/reset-password", gateway_route_reset_password},
    {"POST", "/send-verification-email", gateway_route_send_verification_email},
    {"GET", "/verify-email", gateway_route_verify_email},
    {"POST", "/change-email", gateway_route_change_email},
    {"GET", "/list-accounts", gateway_route_list_accounts},
    {"POST", "/unlink-account", gateway_route_unlink_account},
    {"POST", "/sign-in/social", gateway_route_sign_in_social},
    {"POST", "/link-social", gateway_route_link_social},
    {"POST", "/refresh-token", gateway_route_provider_token},
    {"POST", "/get-access-token", gateway_route_provider_token},
    {"GET", "/account-info", gateway_route_account_info},
    {"GET", "/callback/*", gateway_route_callback},
    {"POST", "/callback/*", gateway_route_post_callback},
    {"GET", "/ok", gateway_route_ok},
    {"GET", "/error", gateway_route_error},
};

/* The path below the base path. */
static struct qn_str route_path(const struct gateway_request *req)
{
    struct qn_str path = req->exchange->path;
    size_t base = gateway_better_auth_base_path(req->settings).len;
    return qn_str_n(path.ptr + base, path.len - base);
}

static bool is_at(struct qn_str path, const char *route)
{
    struct qn_str pattern = qn_str_c(route);
    if (!qn_str_ends(pattern, QN_STR("/*")))
        return qn_str_eq(path, pattern);
    pattern.len--; /* the star */
    return path.len > pattern.len && qn_str_starts(path, pattern) &&
           qn_str_find(qn_str_n(path.ptr + pattern.len, path.len - pattern.len), '/') < 0;
}

static void route(struct gateway_request *req)
{
    struct qn_str path = route_path(req);
    for (size_t i = 0; i < QN_COUNT(ROUTES); i++) {
        if (qn_str_eq(req->exchange->method, qn_str_c(ROUTES[i].method)) && is_at(path, ROUTES[i].path)) {
            ROUTES[i].serve(req);
            return;
        }
    }
    gateway_answer_empty(req, 404);
}

void gateway_better_auth_serve(struct gateway_request *req)
{
    req->face = qn_arena_new(&req->arena, struct gateway_face);
    if (!req->face) {
        gateway_request_reply(req, &(const struct gateway_reply){.status = 503});
        return;
    }
    /* Under the route's pattern: each value of its variable piece would otherwise be a counter of its own. */
    struct qn_str path = route_path(req), counted = QN_STR(GATEWAY_LIMITED_NO_ROUTE);
    for (size_t i = 0; i < QN_COUNT(ROUTES); i++) {
        if (is_at(path, ROUTES[i].path))
            counted = qn_str_c(ROUTES[i].path);
    }
    gateway_limited_serve(req, counted, route);
}
