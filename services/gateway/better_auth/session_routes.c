#include "auth.pb-c.h"
#include "auth.qn.h"
#include "common/core/check.h"
#include "services/gateway/better_auth/answer.h"
#include "services/gateway/better_auth/cookie.h"
#include "services/gateway/better_auth/routes.h"

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

static void ask_sign_out(struct gateway_request *req, void (*next)(struct gateway_request *req))
{
    static const Quintet__Auth__V1__SignOutRequest in = QUINTET__AUTH__V1__SIGN_OUT_REQUEST__INIT;
    gateway_request_ask(req, req->upstream->auth.client, &quintet_auth_v1_auth_service_sign_out, &in, next);
}

static void on_session(struct gateway_request *req)
{
    const Quintet__Auth__V1__GetSessionResponse *out = req->rpc.out;
    struct gateway_reply reply = {0};
    no_store(&reply);
    if (req->rpc.status != QN_OK) {
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
    qn_buf_init(&json, GATEWAY_ANSWER_MAX);
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

void gateway_route_get_session(struct gateway_request *req)
{
    static const Quintet__Auth__V1__GetSessionRequest in = QUINTET__AUTH__V1__GET_SESSION_REQUEST__INIT;
    gateway_request_ask(req, req->upstream->auth.client, &quintet_auth_v1_auth_service_get_session, &in,
                        on_session);
}

void gateway_route_post_session(struct gateway_request *req)
{
    struct gateway_reply reply = {0};
    no_store(&reply);
    gateway_answer_refusal(req, &reply, 405,
                           "POST method requires deferSessionRefresh to be enabled in session config",
                           "METHOD_NOT_ALLOWED_DEFER_SESSION_REQUIRED");
}
