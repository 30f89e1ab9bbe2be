#include "auth.pb-c.h"
#include "auth.qn.h"
#include "common/core/check.h"
#include "services/gateway/better_auth/answer.h"
#include "services/gateway/better_auth/body.h"
#include "services/gateway/better_auth/csrf.h"
#include "services/gateway/better_auth/routes.h"

/* What sign-up and sign-in answer: {token, user}, sign-in with redirect before and, with a callbackURL (an
 * empty one too), url. */
static void answer_signed_in(struct gateway_request *req, bool sign_in, const Quintet__Auth__V1__User *user,
                             const Quintet__Auth__V1__Session *session)
{
    const struct qn_json *body = gateway_answer_face(req)->body;
    struct qn_str callback = gateway_body_str(body, "callbackURL");
    struct gateway_reply reply = {0};
    struct qn_buf json;
    qn_buf_init(&json, GATEWAY_ANSWER_MAX);
    struct qn_json_writer w = {.to = &json};
    qn_json_object_begin(&w);
    if (sign_in) {
        qn_json_key(&w, "redirect");
        qn_json_bool(&w, callback.len > 0);
    }
    qn_json_key(&w, "token");
    qn_json_c(&w, session ? session->token : NULL); /* none before the address is verified */
    if (sign_in && qn_json_get(body, "callbackURL")) {
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

void gateway_route_sign_up(struct gateway_request *req)
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
        !gateway_body_check(req, body, FIELDS, QN_COUNT(FIELDS), GATEWAY_BODY_OBJECT_AND_RECORD) ||
        !gateway_csrf_check_form(req))
        return;
    Quintet__Auth__V1__SignUpRequest in = QUINTET__AUTH__V1__SIGN_UP_REQUEST__INIT;
    in.name = gateway_body_text(req, body, "name");
    in.email = gateway_body_text(req, body, "email");
    in.image = gateway_body_text(req, body, "image");
    in.password_utf8 = gateway_body_bytes(body, "password");
    in.callback_url = gateway_body_text(req, body, "callbackURL");
    in.forget_me = !gateway_body_bool(body, "rememberMe", true);
    if (!in.name || !in.email || !in.image || !in.callback_url) {
        gateway_answer_error(req, 422, "Failed to create user", "FAILED_TO_CREATE_USER");
        return;
    }
    gateway_answer_face(req)->body = body;
    gateway_request_ask(req, req->upstream->auth.client, &quintet_auth_v1_auth_service_sign_up, &in,
                        on_signed_up);
}

void gateway_route_sign_in(struct gateway_request *req)
{
    static const struct gateway_body_field FIELDS[] = {
        {"email", GATEWAY_FIELD_STRING},
        {"password", GATEWAY_FIELD_STRING},
        {"callbackURL", GATEWAY_FIELD_STRING, true},
        {"rememberMe", GATEWAY_FIELD_BOOLEAN, true},
    };
    const struct qn_json *body;
    if (!gateway_body_read(req, GATEWAY_BODY_JSON_OR_FORM, &body) || !gateway_csrf_check(req, body) ||
        !gateway_body_check(req, body, FIELDS, QN_COUNT(FIELDS), GATEWAY_BODY_OBJECT) ||
        !gateway_csrf_check_form(req))
        return;
    Quintet__Auth__V1__SignInRequest in = QUINTET__AUTH__V1__SIGN_IN_REQUEST__INIT;
    in.email = gateway_body_text(req, body, "email");
    in.password_utf8 = gateway_body_bytes(body, "password");
    in.callback_url = gateway_body_text(req, body, "callbackURL");
    in.forget_me = !gateway_body_bool(body, "rememberMe", true);
    if (!in.callback_url)
        in.callback_url = (char *)""; /* with a NUL: no link leads there */
    if (!in.email) {
        gateway_answer_error(req, 400, "Invalid email", "INVALID_EMAIL");
        return;
    }
    gateway_answer_face(req)->body = body;
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

void gateway_route_sign_out(struct gateway_request *req)
{
    static const struct gateway_body_field FIELDS[] = {
        {"callbackURL", GATEWAY_FIELD_STRING, true},
        {"disableRedirect", GATEWAY_FIELD_BOOLEAN, true},
        {"state", GATEWAY_FIELD_STRING, true},
    };
    static const Quintet__Auth__V1__SignOutRequest in = QUINTET__AUTH__V1__SIGN_OUT_REQUEST__INIT;
    const struct qn_json *body;
    if (gateway_body_read(req, GATEWAY_BODY_JSON, &body) && gateway_csrf_check(req, body) &&
        (!body || gateway_body_check(req, body, FIELDS, QN_COUNT(FIELDS), GATEWAY_BODY_OBJECT)))
        gateway_request_ask(req, req->upstream->auth.client, &quintet_auth_v1_auth_service_sign_out, &in,
                            on_signed_out);
}
