#include "auth.pb-c.h"
#include "auth.qn.h"
#include "common/core/check.h"
#include "services/gateway/better_auth/answer.h"
#include "services/gateway/better_auth/body.h"
#include "services/gateway/better_auth/csrf.h"
#include "services/gateway/better_auth/routes.h"

/* A JSON body of these fields from a trusted origin; false: answered. */
static bool read_body(struct gateway_request *req, const struct gateway_body_field *fields, size_t n_fields,
                      enum gateway_body_shape shape, const struct qn_json **ret_body)
{
    return gateway_body_read(req, GATEWAY_BODY_JSON, ret_body) && gateway_csrf_check(req, *ret_body) &&
           gateway_body_check(req, *ret_body, fields, n_fields, shape);
}

/* update-user: what is wrong with a body is told only to who has a session. */

static void answer_email_cannot(struct gateway_request *req)
{
    gateway_answer_error(req, 400, "Email can not be updated", "EMAIL_CAN_NOT_BE_UPDATED");
}

static void answer_nothing_to_update(struct gateway_request *req)
{
    gateway_answer_error(req, 400, "No fields to update", NULL);
}

static void answer_not_text(struct gateway_request *req)
{
    gateway_answer_error(req, 400, "Invalid input: expected string", "VALIDATION_ERROR");
}

/* The product hands null, and a text with a NUL, to the database, which refuses them. */
static void answer_empty_500(struct gateway_request *req)
{
    gateway_answer_empty(req, 500);
}

/* As JavaScript has it. */
static bool is_true(const struct qn_json *value)
{
    switch (value ? value->kind : QN_JSON_NULL) {
    case QN_JSON_NULL:
        return false;
    case QN_JSON_BOOL:
        return value->boolean;
    case QN_JSON_NUMBER:
        return value->number != 0;
    case QN_JSON_STRING:
        return value->text.len > 0;
    default:
        return true;
    }
}

static bool is_structure(const struct qn_json *value)
{
    return value && (value->kind == QN_JSON_ARRAY || value->kind == QN_JSON_OBJECT);
}

void gateway_route_update_user(struct gateway_request *req)
{
    Quintet__Auth__V1__UpdateUserRequest in = QUINTET__AUTH__V1__UPDATE_USER_REQUEST__INIT;
    char *mask[2];
    const struct qn_json *body;
    if (!read_body(req, NULL, 0, GATEWAY_BODY_RECORD, &body))
        return;
    const struct qn_json *name = qn_json_get(body, "name"), *image = qn_json_get(body, "image");
    if (name) {
        in.name = gateway_body_text_of_any(req, name);
        mask[in.n_update_mask++] = (char *)"name";
    }
    if (image) {
        in.image = image->kind == QN_JSON_NULL ? (char *)"" : gateway_body_text_of_any(req, image);
        mask[in.n_update_mask++] = (char *)"image";
    }
    in.update_mask = mask;
    in.disable_refresh = gateway_route_keeps_row(req);
    if (is_true(qn_json_get(body, "email")))
        gateway_route_want_session(req, answer_email_cannot);
    else if (in.n_update_mask == 0)
        gateway_route_want_session(req, answer_nothing_to_update);
    else if (is_structure(name) || is_structure(image))
        gateway_route_want_session(req, answer_not_text);
    else if (!in.name || !in.image)
        gateway_route_want_session(req, answer_empty_500);
    else
        gateway_route_ask(req, &quintet_auth_v1_auth_service_update_user, &in, gateway_route_answer_status);
}

/* {token, user}; the token only with a new session. */
static void on_changed(struct gateway_request *req)
{
    const Quintet__Auth__V1__ChangePasswordResponse *out = req->rpc.out;
    struct gateway_reply reply = {0};
    struct qn_buf json;
    if (req->rpc.status != QN_OK) {
        gateway_answer_fault(req);
        return;
    }
    qn_buf_init(&json, GATEWAY_ANSWER_MAX);
    struct qn_json_writer w = {.to = &json};
    qn_json_object_begin(&w);
    qn_json_key(&w, "token");
    qn_json_c(&w, out->session ? out->session->token : NULL);
    qn_json_key(&w, "user");
    gateway_answer_write_user(&w, out->user);
    qn_json_object_end(&w);
    gateway_answer_written(req, &reply, &json);
    qn_buf_fini(&json);
}

void gateway_route_change_password(struct gateway_request *req)
{
    static const struct gateway_body_field FIELDS[] = {
        {"newPassword", GATEWAY_FIELD_STRING},
        {"currentPassword", GATEWAY_FIELD_STRING},
        {"revokeOtherSessions", GATEWAY_FIELD_BOOLEAN, true},
    };
    Quintet__Auth__V1__ChangePasswordRequest in = QUINTET__AUTH__V1__CHANGE_PASSWORD_REQUEST__INIT;
    const struct qn_json *body;
    if (!read_body(req, FIELDS, QN_COUNT(FIELDS), GATEWAY_BODY_OBJECT, &body))
        return;
    in.new_password_utf8 = gateway_body_bytes(body, "newPassword");
    in.current_password_utf8 = gateway_body_bytes(body, "currentPassword");
    in.revoke_other_sessions = gateway_body_bool(body, "revokeOtherSessions", false);
    in.disable_refresh = gateway_route_keeps_row(req);
    gateway_route_ask(req, &quintet_auth_v1_auth_service_change_password, &in, on_changed);
}

void gateway_route_verify_password(struct gateway_request *req)
{
    static const struct gateway_body_field FIELDS[] = {{"password", GATEWAY_FIELD_STRING}};
    Quintet__Auth__V1__VerifyPasswordRequest in = QUINTET__AUTH__V1__VERIFY_PASSWORD_REQUEST__INIT;
    const struct qn_json *body;
    if (!read_body(req, FIELDS, QN_COUNT(FIELDS), GATEWAY_BODY_OBJECT, &body))
        return;
    in.password_utf8 = gateway_body_bytes(body, "password");
    in.disable_refresh = gateway_route_keeps_row(req);
    gateway_route_ask(req, &quintet_auth_v1_auth_service_verify_password, &in, gateway_route_answer_status);
}

/* Switched off, it is a 404 of a route that is there: with a type and without a body. */
static void on_deleted(struct gateway_request *req)
{
    const Quintet__Auth__V1__DeleteUserResponse *out = req->rpc.out;
    struct gateway_reply reply = {0};
    if (qn_str_eq(req->rpc.reason, QN_STR("DELETE_USER_DISABLED")))
        gateway_answer_nothing(req, &reply, 404);
    else if (req->rpc.status != QN_OK)
        gateway_answer_fault(req);
    else if (out->mail_sent)
        gateway_answer_json(req, &reply,
                            QN_STR("{\"success\":true,\"message\":\"Verification email sent\"}"));
    else
        gateway_answer_json(req, &reply, QN_STR("{\"success\":true,\"message\":\"User deleted\"}"));
}

void gateway_route_delete_user(struct gateway_request *req)
{
    static const struct gateway_body_field FIELDS[] = {
        {"callbackURL", GATEWAY_FIELD_STRING, true},
        {"password", GATEWAY_FIELD_STRING, true},
        {"token", GATEWAY_FIELD_STRING, true},
    };
    Quintet__Auth__V1__DeleteUserRequest in = QUINTET__AUTH__V1__DELETE_USER_REQUEST__INIT;
    const struct qn_json *body;
    if (!read_body(req, FIELDS, QN_COUNT(FIELDS), GATEWAY_BODY_OBJECT, &body))
        return;
    in.password_utf8 = gateway_body_bytes(body, "password");
    in.token = gateway_body_text(req, body, "token");
    if (!in.token)
        in.token = (char *)"\1"; /* one with a NUL is as unknown as this one */
    in.callback_url = gateway_body_text(req, body, "callbackURL");
    if (!in.callback_url)
        in.callback_url = (char *)"";
    in.disable_refresh = gateway_route_keeps_row(req);
    gateway_route_ask(req, &quintet_auth_v1_auth_service_delete_user, &in, on_deleted);
}
