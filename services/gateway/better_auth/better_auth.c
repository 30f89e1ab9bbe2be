#include "services/gateway/better_auth/better_auth.h"

#include "auth.pb-c.h"
#include "auth.qn.h"
#include "common/core/check.h"
#include "services/gateway/better_auth/answer.h"
#include "services/gateway/better_auth/body.h"
#include "services/gateway/better_auth/cookie.h"
#include "services/gateway/better_auth/csrf.h"
#include "services/gateway/better_auth/limited.h"

/* A request: 1. rate limit  2. route (exact; anything else is an empty 404)  3. read the body  4. origin and
 * callback URLs  5. validation  6. form CSRF  7. ask auth  8. answer in the product's shape. The order
 * decides which of two faults is told; it is the product's. */

/* Names and pictures of 16 KiB each may be six times that in JSON, and a Better Auth server beside takes
 * longer ones. */
enum { ANSWER_MAX = 16 * 1024 * 1024 };

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

/* What sign-up and sign-in answer: {token, user}, sign-in with redirect before and, with a callbackURL (an
 * empty one too), url. */
static void answer_signed_in(struct gateway_request *req, bool sign_in, const Quintet__Auth__V1__User *user,
                             const Quintet__Auth__V1__Session *session)
{
    struct qn_str callback = gateway_body_str(req->face, "callbackURL");
    struct gateway_reply reply = {0};
    struct qn_buf json;
    qn_buf_init(&json, ANSWER_MAX);
    struct qn_json_writer w = {.to = &json};
    qn_json_object_begin(&w);
    if (sign_in) {
        qn_json_key(&w, "redirect");
        qn_json_bool(&w, callback.len > 0);
    }
    qn_json_key(&w, "token");
    qn_json_c(&w, session->token);
    if (sign_in && qn_json_get(req->face, "callbackURL")) {
        qn_json_key(&w, "url");
        qn_json_str(&w, callback);
    }
    if (sign_in && callback.len)
        gateway_reply_header(&reply, "Location", callback);
    qn_json_key(&w, "user");
    gateway_answer_write_user(&w, user);
    qn_json_object_end(&w);
    gateway_answer_written(req, &reply, &json);
    qn_buf_fini(&json);
}

static void on_signed_up(struct gateway_request *req)
{
    const Quintet__Auth__V1__SignUpResponse *out = req->rpc.out;
    if (req->rpc.status != QN_OK)
        gateway_answer_fault(req);
    else
        answer_signed_in(req, false, out->user, out->session);
}

static void on_signed_in(struct gateway_request *req)
{
    const Quintet__Auth__V1__SignInResponse *out = req->rpc.out;
    if (req->rpc.status != QN_OK)
        gateway_answer_fault(req);
    else
        answer_signed_in(req, true, out->user, out->session);
}

/* Text for a string field of a message, which cannot hold a NUL. NULL: it does. */
static char *field_text(struct gateway_request *req, struct qn_str text)
{
    return qn_str_find(text, '\0') >= 0 ? NULL
                                        : qn_arena_copy(&req->arena, text.ptr ? text.ptr : "", text.len);
}

static ProtobufCBinaryData field_bytes(struct qn_str text)
{
    return (ProtobufCBinaryData){.len = text.len, .data = (uint8_t *)(text.ptr ? text.ptr : "")};
}

static void sign_up(struct gateway_request *req)
{
    static const struct gateway_body_field FIELDS[] = {
        {"name", GATEWAY_FIELD_STRING},
        {"email", GATEWAY_FIELD_EMAIL},
        {"password", GATEWAY_FIELD_FILLED},
        {"image", GATEWAY_FIELD_STRING, true},
        {"callbackURL", GATEWAY_FIELD_STRING, true},
        {"rememberMe", GATEWAY_FIELD_BOOLEAN, true},
    };
    const struct qn_json *body;
    if (!gateway_body_read(req, GATEWAY_BODY_JSON_OR_FORM, &body) || !gateway_csrf_check(req, body) ||
        !gateway_body_check(req, body, FIELDS, QN_COUNT(FIELDS), true) || !gateway_csrf_check_form(req))
        return;
    Quintet__Auth__V1__SignUpRequest in = QUINTET__AUTH__V1__SIGN_UP_REQUEST__INIT;
    in.name = field_text(req, gateway_body_str(body, "name"));
    in.email = field_text(req, gateway_body_str(body, "email"));
    in.image = field_text(req, gateway_body_str(body, "image"));
    in.password_utf8 = field_bytes(gateway_body_str(body, "password"));
    in.forget_me = !gateway_body_bool(body, "rememberMe", true);
    if (!in.name || !in.email || !in.image) {
        gateway_answer_error(req, 422, "Failed to create user", "FAILED_TO_CREATE_USER");
        return;
    }
    req->face = (void *)body;
    gateway_request_ask(req, req->upstream->auth.client, &quintet_auth_v1_auth_service_sign_up, &in,
                        on_signed_up);
}

static void sign_in(struct gateway_request *req)
{
    static const struct gateway_body_field FIELDS[] = {
        {"email", GATEWAY_FIELD_STRING},
        {"password", GATEWAY_FIELD_STRING},
        {"callbackURL", GATEWAY_FIELD_STRING, true},
        {"rememberMe", GATEWAY_FIELD_BOOLEAN, true},
    };
    const struct qn_json *body;
    if (!gateway_body_read(req, GATEWAY_BODY_JSON_OR_FORM, &body) || !gateway_csrf_check(req, body) ||
        !gateway_body_check(req, body, FIELDS, QN_COUNT(FIELDS), false) || !gateway_csrf_check_form(req))
        return;
    Quintet__Auth__V1__SignInRequest in = QUINTET__AUTH__V1__SIGN_IN_REQUEST__INIT;
    in.email = field_text(req, gateway_body_str(body, "email"));
    in.password_utf8 = field_bytes(gateway_body_str(body, "password"));
    in.forget_me = !gateway_body_bool(body, "rememberMe", true);
    if (!in.email) {
        gateway_answer_error(req, 400, "Invalid email", "INVALID_EMAIL");
        return;
    }
    req->face = (void *)body;
    gateway_request_ask(req, req->upstream->auth.client, &quintet_auth_v1_auth_service_sign_in, &in,
                        on_signed_in);
}

/* Auth expires the cookies also when the row cannot be deleted; then the product, too, says that it went
 * well: on this browser it did. */
static void on_signed_out(struct gateway_request *req)
{
    struct gateway_reply reply = {0};
    if (req->rpc.status != QN_OK && req->rpc.n_set_cookies == 0)
        gateway_answer_fault(req);
    else
        gateway_answer_json(req, &reply, QN_STR("{\"success\":true}"));
}

static void ask_sign_out(struct gateway_request *req, void (*next)(struct gateway_request *req))
{
    static const Quintet__Auth__V1__SignOutRequest in = QUINTET__AUTH__V1__SIGN_OUT_REQUEST__INIT;
    gateway_request_ask(req, req->upstream->auth.client, &quintet_auth_v1_auth_service_sign_out, &in, next);
}

static void sign_out(struct gateway_request *req)
{
    const struct qn_json *body;
    if (gateway_body_read(req, GATEWAY_BODY_JSON, &body) && gateway_csrf_check(req, body))
        ask_sign_out(req, on_signed_out);
}

static void no_store(struct gateway_reply *reply)
{
    gateway_reply_header(reply, "Cache-Control", QN_STR("no-store"));
    gateway_reply_header(reply, "Pragma", QN_STR("no-cache"));
}

static void answer_no_session(struct gateway_request *req)
{
    struct gateway_reply reply = {0};
    no_store(&reply);
    gateway_answer_json(req, &reply, QN_STR("null"));
}

static void on_session(struct gateway_request *req)
{
    const Quintet__Auth__V1__GetSessionResponse *out = req->rpc.out;
    struct gateway_reply reply = {0};
    no_store(&reply);
    if (req->rpc.status == QN_RESOURCE_EXHAUSTED) {
        gateway_answer_fault(req);
        return;
    }
    if (req->rpc.status != QN_OK) {
        gateway_reply_retry_after(req, &reply, req->rpc.retry_after_ms);
        gateway_answer_refusal(req, &reply, 500, "Failed to get session", "FAILED_TO_GET_SESSION");
        return;
    }
    if (!out->session) {
        /* Well signed, but the row is gone or has expired: the product expires the cookies and deletes the
         * row. The cookies come with the sign-out, also with one that failed. */
        if (out->state == QUINTET__AUTH__V1__SESSION_STATE__SESSION_STATE_UNKNOWN ||
            out->state == QUINTET__AUTH__V1__SESSION_STATE__SESSION_STATE_EXPIRED)
            ask_sign_out(req, answer_no_session);
        else
            answer_no_session(req);
        return;
    }
    struct qn_str forget =
        gateway_cookie_forget_cache(req->settings, qn_exchange_header(req->exchange, "Cookie"));
    if (forget.len)
        gateway_reply_header(&reply, "Set-Cookie", forget);
    struct qn_buf json;
    qn_buf_init(&json, ANSWER_MAX);
    struct qn_json_writer w = {.to = &json};
    qn_json_object_begin(&w);
    qn_json_key(&w, "session");
    gateway_answer_write_session(&w, out->session);
    qn_json_key(&w, "user");
    gateway_answer_write_user(&w, out->user);
    qn_json_object_end(&w);
    gateway_answer_written(req, &reply, &json);
    qn_buf_fini(&json);
}

static void get_session(struct gateway_request *req)
{
    static const Quintet__Auth__V1__GetSessionRequest in = QUINTET__AUTH__V1__GET_SESSION_REQUEST__INIT;
    gateway_request_ask(req, req->upstream->auth.client, &quintet_auth_v1_auth_service_get_session, &in,
                        on_session);
}

static void post_session(struct gateway_request *req)
{
    struct gateway_reply reply = {0};
    no_store(&reply);
    gateway_answer_refusal(req, &reply, 405,
                           "POST method requires deferSessionRefresh to be enabled in session config",
                           "METHOD_NOT_ALLOWED_DEFER_SESSION_REQUIRED");
}

static void ok(struct gateway_request *req)
{
    struct gateway_reply reply = {0};
    gateway_answer_json(req, &reply, QN_STR("{\"ok\":true}"));
}

static const struct {
    const char *method, *path;
    void (*serve)(struct gateway_request *req);
} ROUTES[] = {
    {"POST", "/sign-up/email", sign_up},    {"POST", "/sign-in/email", sign_in},
    {"POST", "/sign-out", sign_out},        {"GET", "/get-session", get_session},
    {"POST", "/get-session", post_session}, {"GET", "/ok", ok},
};

/* The path below the base path. */
static struct qn_str route_path(const struct gateway_request *req)
{
    struct qn_str path = req->exchange->path;
    size_t base = base_path(req->settings).len;
    return qn_str_n(path.ptr + base, path.len - base);
}

static void route(struct gateway_request *req)
{
    struct qn_str path = route_path(req);
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

void gateway_better_auth_serve(struct gateway_request *req)
{
    struct qn_str path = route_path(req), counted = QN_STR(GATEWAY_LIMITED_NO_ROUTE);
    for (size_t i = 0; i < QN_COUNT(ROUTES); i++) {
        if (qn_str_eq(path, qn_str_c(ROUTES[i].path)))
            counted = path;
    }
    gateway_limited_serve(req, counted, route);
}
