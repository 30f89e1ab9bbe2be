#include "services/gateway/better_auth/better_auth.h"

#include "common/core/check.h"
#include "services/gateway/better_auth/answer.h"
#include "services/gateway/better_auth/routes.h"

/* A request: 1. route (exact; anything else is an empty 404)  2. what routes.h says of each.
 * The order decides which of two faults is told; it is the product's. */

#define DEFAULT_BASE_PATH "/api/auth"

static struct qn_str base_path(const struct gateway_settings *settings)
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

bool gateway_better_auth_owns(const struct gateway_settings *settings, struct qn_str path)
{
    struct qn_str base = base_path(settings);
    return qn_str_starts(path, base) && (path.len == base.len || path.ptr[base.len] == '/');
}

static const struct {
    const char *method, *path;
    void (*serve)(struct gateway_request *req);
} ROUTES[] = {
    {"POST", "/sign-up/email", gateway_route_sign_up},    {"POST", "/sign-in/email", gateway_route_sign_in},
    {"POST", "/sign-out", gateway_route_sign_out},        {"GET", "/get-session", gateway_route_get_session},
    {"POST", "/get-session", gateway_route_post_session}, {"GET", "/ok", gateway_route_ok},
};

void gateway_better_auth_serve(struct gateway_request *req)
{
    struct qn_str path = req->exchange->path;
    struct qn_str base = base_path(req->settings);
    path.ptr += base.len;
    path.len -= base.len;
    /* Better Auth without its bearer plugin does not look at Authorization, and this face is Better Auth. */
    req->ctx.credentials.bearer = QN_STR("");
    for (size_t i = 0; i < QN_COUNT(ROUTES); i++) {
        if (qn_str_eq(req->exchange->method, qn_str_c(ROUTES[i].method)) &&
            qn_str_eq(path, qn_str_c(ROUTES[i].path))) {
            ROUTES[i].serve(req);
            return;
        }
    }
    gateway_answer_empty(req, 404);
}
