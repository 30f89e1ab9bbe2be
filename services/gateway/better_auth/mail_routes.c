#include <string.h>

#include "auth.pb-c.h"
#include "auth.qn.h"
#include "common/core/check.h"
#include "services/gateway/better_auth/answer.h"
#include "services/gateway/better_auth/better_auth.h"
#include "services/gateway/better_auth/body.h"
#include "services/gateway/better_auth/csrf.h"
#include "services/gateway/better_auth/origin.h"
#include "services/gateway/better_auth/routes.h"

/* A JSON body of these fields from a trusted origin; false: answered. */
static bool read_body(struct gateway_request *req, const struct gateway_body_field *fields, size_t n_fields,
                      const struct qn_json **ret_body)
{
    return gateway_body_read(req, GATEWAY_BODY_JSON, ret_body) && gateway_csrf_check(req, *ret_body) &&
           gateway_body_check(req, *ret_body, fields, n_fields, GATEWAY_BODY_OBJECT);
}

/* A text for a message; one with a NUL counts as "\1", which is nobody's token, address or path. */
static char *text_of(struct gateway_request *req, const struct qn_json *body, const char *name)
{
    char *text = gateway_body_text(req, body, name);
    return text ? text : (char *)"\1";
}

static char *query_text(struct gateway_request *req, const char *name)
{
    struct qn_str value = qn_exchange_query(req->exchange, name);
    char *text = qn_str_find(value, '\0') >= 0
                     ? NULL
                     : qn_arena_copy(&req->arena, value.ptr ? value.ptr : "", value.len);
    return text ? text : (char *)"\1";
}

static bool query_is_given(struct gateway_request *req, const char *name)
{
    if (qn_exchange_query(req->exchange, name).ptr)
        return true;
    char *message =
        qn_arena_printf(&req->arena, "[query.%s] Invalid input: expected string, received undefined", name);
    gateway_answer_error(req, 400, message ? message : "Invalid input", "VALIDATION_ERROR");
    return false;
}

/* As the product has it, with a type. */
static void lead_to(struct gateway_request *req, struct qn_str url)
{
    struct gateway_reply reply = {0};
    gateway_reply_header(&reply, "Content-Type", QN_STR("application/json"));
    gateway_answer_redirect(req, &reply, url);
}

static bool failed_by(struct gateway_request *req, const char *reason)
{
    return req->rpc.status != QN_OK && qn_str_eq(req->rpc.reason, qn_str_c(reason));
}

/* request-password-reset, reset-password */

static void on_reset_requested(struct gateway_request *req)
{
    struct gateway_reply reply = {0};
    if (req->rpc.status != QN_OK)
        gateway_answer_fault(req);
    else
        gateway_answer_json(req, &reply,
                            QN_STR("{\"status\":true,\"message\":\"If this email exists in our system, check "
                                   "your email for the reset link\"}"));
}

void gateway_route_request_password_reset(struct gateway_request *req)
{
    static const struct gateway_body_field FIELDS[] = {
        {"email", GATEWAY_FIELD_EMAIL},
        {"redirectTo", GATEWAY_FIELD_STRING, true},
    };
    Quintet__Auth__V1__RequestPasswordResetRequest in =
        QUINTET__AUTH__V1__REQUEST_PASSWORD_RESET_REQUEST__INIT;
    const struct qn_json *body;
    if (!read_body(req, FIELDS, QN_COUNT(FIELDS), &body))
        return;
    in.email = text_of(req, body, "email");
    in.redirect_to = text_of(req, body, "redirectTo");
    gateway_request_ask(req, req->upstream->auth.client, &quintet_auth_v1_auth_service_request_password_reset,
                        &in, on_reset_requested);
}

/* Came decoded out of a query, and goes on as a URL must be written (WHATWG URL, the path's set of what is
 * percent-encoded). */
static void write_url(struct qn_buf *to, struct qn_str url)
{
    for (size_t i = 0; i < url.len; i++) {
        unsigned char c = (unsigned char)url.ptr[i];
        if (c <= ' ' || c >= 0x7f || memchr("\"<>`{}^", c, 7))
            qn_buf_printf(to, "%%%02X", c);
        else
            qn_buf_write_byte(to, c);
    }
}

/* On to a URL with one more field in its query; a fragment stays behind it. 'absolute': what is a path leads
 * to the site. */
static void lead_on(struct gateway_request *req, struct qn_str url, bool absolute, const char *name,
                    struct qn_str value)
{
    struct gateway_origin site;
    struct qn_str fragment = QN_STR("");
    struct qn_buf location;
    ptrdiff_t hash = qn_str_find(url, '#');
    if (hash >= 0) {
        fragment = qn_str_n(url.ptr + hash, url.len - (size_t)hash);
        url.len = (size_t)hash;
    }
    bool query = qn_str_find(url, '?') >= 0, open = query && strchr("?&", url.ptr[url.len - 1]);
    qn_buf_init(&location, GATEWAY_ANSWER_MAX);
    if (absolute && gateway_origin_is_path(url) &&
        gateway_origin_read(qn_str_c(gateway_better_auth_base_url(req)), &site))
        qn_buf_write(&location, site.text, site.len);
    write_url(&location, url);
    qn_buf_printf(&location, "%s%s=", open ? "" : query ? "&" : "?", name);
    qn_buf_write_str(&location, value);
    write_url(&location, fragment);
    if (qn_buf_failed(&location))
        gateway_answer_empty(req, 500);
    else
        lead_to(req, qn_buf_view(&location));
    qn_buf_fini(&location);
}

/* To the callbackURL. An empty one, of a reset that was asked for without a page to lead to: the error page.
 */
static void answer_callback(struct gateway_request *req, const char *name, struct qn_str value)
{
    struct qn_str url = qn_exchange_query(req->exchange, "callbackURL");
    if (!url.len)
        url = qn_str_c(qn_arena_printf(&req->arena, "%s/error", gateway_better_auth_base_url(req)));
    lead_on(req, url, true, name, value);
}

static struct qn_str path_token(const struct gateway_request *req)
{
    struct qn_str path = req->exchange->path;
    ptrdiff_t slash = qn_str_rfind(path, '/');
    return qn_str_n(path.ptr + slash + 1, path.len - (size_t)slash - 1);
}

static void on_reset_checked(struct gateway_request *req)
{
    const Quintet__Auth__V1__CheckPasswordResetResponse *out = req->rpc.out;
    if (req->rpc.status != QN_OK)
        gateway_answer_fault(req);
    else if (out->valid)
        answer_callback(req, "token", path_token(req));
    else
        answer_callback(req, "error", QN_STR("INVALID_TOKEN"));
}

/* A token that is not of its own alphabet, and so would need escaping on the way on, is not one. */
static bool is_plain(struct qn_str token)
{
    for (size_t i = 0; i < token.len; i++) {
        char c = token.ptr[i];
        if (!(c >= 'a' && c <= 'z') && !(c >= 'A' && c <= 'Z') && !(c >= '0' && c <= '9') && c != '-' &&
            c != '_')
            return false;
    }
    return token.len > 0;
}

void gateway_route_reset_password_callback(struct gateway_request *req)
{
    Quintet__Auth__V1__CheckPasswordResetRequest in = QUINTET__AUTH__V1__CHECK_PASSWORD_RESET_REQUEST__INIT;
    struct qn_str token = path_token(req);
    if (!query_is_given(req, "callbackURL") || !gateway_csrf_check_link(req))
        return;
    if (!is_plain(token) || !qn_exchange_query(req->exchange, "callbackURL").len) {
        answer_callback(req, "error", QN_STR("INVALID_TOKEN"));
        return;
    }
    in.token = qn_arena_copy(&req->arena, token.ptr, token.len);
    if (!in.token)
        in.token = (char *)"";
    gateway_request_ask(req, req->upstream->auth.client, &quintet_auth_v1_auth_service_check_password_reset,
                        &in, on_reset_checked);
}

static void on_reset(struct gateway_request *req)
{
    if (failed_by(req, "INVALID_TOKEN"))
        gateway_answer_error(req, 400, "Invalid token", "INVALID_TOKEN");
    else
        gateway_route_answer_status(req);
}

void gateway_route_reset_password(struct gateway_request *req)
{
    static const struct gateway_body_field FIELDS[] = {
        {"newPassword", GATEWAY_FIELD_STRING},
        {"token", GATEWAY_FIELD_STRING, true},
    };
    Quintet__Auth__V1__ResetPasswordRequest in = QUINTET__AUTH__V1__RESET_PASSWORD_REQUEST__INIT;
    const struct qn_json *body;
    if (!read_body(req, FIELDS, QN_COUNT(FIELDS), &body))
        return;
    in.token = text_of(req, body, "token");
    if (in.token[0] == '\0')
        in.token = query_text(req, "token");
    in.new_password_utf8 = gateway_body_bytes(body, "newPassword");
    gateway_request_ask(req, req->upstream->auth.client, &quintet_auth_v1_auth_service_reset_password, &in,
                        on_reset);
}

/* send-verification-email, verify-email, change-email */

void gateway_route_send_verification_email(struct gateway_request *req)
{
    static const struct gateway_body_field FIELDS[] = {
        {"email", GATEWAY_FIELD_EMAIL},
        {"callbackURL", GATEWAY_FIELD_STRING, true},
    };
    Quintet__Auth__V1__SendVerificationEmailRequest in =
        QUINTET__AUTH__V1__SEND_VERIFICATION_EMAIL_REQUEST__INIT;
    const struct qn_json *body;
    if (!read_body(req, FIELDS, QN_COUNT(FIELDS), &body))
        return;
    in.email = text_of(req, body, "email");
    in.callback_url = text_of(req, body, "callbackURL");
    gateway_route_ask(req, &quintet_auth_v1_auth_service_send_verification_email, &in,
                      gateway_route_answer_status);
}

/* What a link's failure is where there is nowhere to lead. */
static const struct {
    const char *reason;
    unsigned status;
    const char *message;
} LINK_FAULTS[] = {
    {"INVALID_TOKEN", 401, "Invalid token"},
    {"TOKEN_EXPIRED", 401, "Token expired"},
    {"USER_NOT_FOUND", 401, "User not found"},
    {"INVALID_USER", 401, "Invalid user"},
    {"USER_ALREADY_EXISTS_USE_ANOTHER_EMAIL", 422, "User already exists. Use another email."},
};

static void answer_link_fault(struct gateway_request *req, size_t fault)
{
    struct qn_str url = qn_exchange_query(req->exchange, "callbackURL");
    if (!url.len) {
        gateway_answer_error(req, LINK_FAULTS[fault].status, LINK_FAULTS[fault].message,
                             LINK_FAULTS[fault].reason);
        return;
    }
    lead_on(req, url, false, "error", qn_str_c(LINK_FAULTS[fault].reason));
}

static void answer_verified(struct gateway_request *req, const Quintet__Auth__V1__VerifyEmailResponse *out)
{
    struct gateway_reply reply = {0};
    struct qn_buf json;
    qn_buf_init(&json, GATEWAY_ANSWER_MAX);
    struct qn_json_writer w = {.to = &json};
    qn_json_object_begin(&w);
    qn_json_key(&w, "status");
    qn_json_bool(&w, true);
    if (out->done != QUINTET__AUTH__V1__VERIFY_EMAIL_RESPONSE__DONE__DONE_CONFIRMED) {
        qn_json_key(&w, "user");
        if (out->user)
            gateway_answer_write_user(&w, out->user);
        else
            qn_json_null(&w);
    }
    qn_json_object_end(&w);
    gateway_answer_written(req, &reply, &json);
    qn_buf_fini(&json);
}

static void on_verified(struct gateway_request *req)
{
    struct qn_str url = qn_exchange_query(req->exchange, "callbackURL");
    for (size_t i = 0; i < QN_COUNT(LINK_FAULTS); i++) {
        if (failed_by(req, LINK_FAULTS[i].reason)) {
            answer_link_fault(req, i);
            return;
        }
    }
    if (req->rpc.status != QN_OK)
        gateway_answer_fault(req);
    else if (url.len)
        lead_to(req, url);
    else
        answer_verified(req, req->rpc.out);
}

void gateway_route_verify_email(struct gateway_request *req)
{
    Quintet__Auth__V1__VerifyEmailRequest in = QUINTET__AUTH__V1__VERIFY_EMAIL_REQUEST__INIT;
    if (!query_is_given(req, "token") || !gateway_csrf_check_link(req))
        return;
    in.token = query_text(req, "token");
    in.callback_url = query_text(req, "callbackURL");
    gateway_request_ask(req, req->upstream->auth.client, &quintet_auth_v1_auth_service_verify_email, &in,
                        on_verified);
}

static void on_change_begun(struct gateway_request *req)
{
    if (failed_by(req, "EMAIL_IS_THE_SAME"))
        gateway_answer_error(req, 400, "Email is the same", NULL);
    else
        gateway_route_answer_status(req);
}

void gateway_route_change_email(struct gateway_request *req)
{
    static const struct gateway_body_field FIELDS[] = {
        {"newEmail", GATEWAY_FIELD_EMAIL},
        {"callbackURL", GATEWAY_FIELD_STRING, true},
    };
    Quintet__Auth__V1__ChangeEmailRequest in = QUINTET__AUTH__V1__CHANGE_EMAIL_REQUEST__INIT;
    const struct qn_json *body;
    if (!read_body(req, FIELDS, QN_COUNT(FIELDS), &body))
        return;
    in.new_email = text_of(req, body, "newEmail");
    in.callback_url = text_of(req, body, "callbackURL");
    in.disable_refresh = gateway_route_keeps_row(req);
    gateway_route_ask(req, &quintet_auth_v1_auth_service_change_email, &in, on_change_begun);
}

/* delete-user/callback */

static void on_deleted(struct gateway_request *req)
{
    struct gateway_reply reply = {0};
    struct qn_str url = qn_exchange_query(req->exchange, "callbackURL");
    if (failed_by(req, "DELETE_USER_DISABLED"))
        gateway_answer_error(req, 404, "Not found", "NOT_FOUND");
    else if (failed_by(req, "NO_SESSION"))
        gateway_answer_error(req, 404, "Failed to get user info", "FAILED_TO_GET_USER_INFO");
    else if (req->rpc.status != QN_OK)
        gateway_answer_fault(req);
    else if (url.len)
        lead_to(req, url);
    else
        gateway_answer_json(req, &reply, QN_STR("{\"success\":true,\"message\":\"User deleted\"}"));
}

void gateway_route_delete_user_callback(struct gateway_request *req)
{
    Quintet__Auth__V1__DeleteUserRequest in = QUINTET__AUTH__V1__DELETE_USER_REQUEST__INIT;
    if (!query_is_given(req, "token") || !gateway_csrf_check_link(req))
        return;
    in.token = query_text(req, "token");
    if (in.token[0] == '\0')
        in.token = (char *)"\1"; /* none at all would be another question */
    gateway_route_ask(req, &quintet_auth_v1_auth_service_delete_user, &in, on_deleted);
}
