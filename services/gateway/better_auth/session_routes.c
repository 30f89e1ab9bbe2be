#include "auth.pb-c.h"
#include "auth.qn.h"
#include "common/core/check.h"
#include "services/gateway/better_auth/answer.h"
#include "services/gateway/better_auth/body.h"
#include "services/gateway/better_auth/csrf.h"
#include "services/gateway/better_auth/routes.h"
#include "services/gateway/settings.h"

#define STATE(name) QUINTET__AUTH__V1__SESSION_STATE__SESSION_STATE_##name

static void no_store(struct gateway_reply *reply)
{
    gateway_reply_header(reply, "Cache-Control", QN_STR("no-store"));
    gateway_reply_header(reply, "Pragma", QN_STR("no-cache"));
}

/* A boolean query of the product's: any text is true, "false" too. */
static bool has_query(struct gateway_request *req, const char *name)
{
    return qn_exchange_query(req->exchange, name).len > 0;
}

static void answer_no_session(struct gateway_request *req)
{
    struct gateway_reply reply = {0};
    no_store(&reply);
    gateway_answer_json(req, &reply, QN_STR("null"));
}

static void answer_failed(struct gateway_request *req, unsigned status)
{
    struct gateway_reply reply = {0};
    no_store(&reply);
    gateway_reply_retry_after(req, &reply, req->rpc.retry_after_ms);
    gateway_answer_refusal(req, &reply, status, "Failed to get session", "FAILED_TO_GET_SESSION");
}

/* Of a question about the session. Overload is a 429, as everywhere: nothing was done. */
static void answer_fault(struct gateway_request *req)
{
    if (req->rpc.status == QN_RESOURCE_EXHAUSTED)
        gateway_answer_fault(req);
    else
        answer_failed(req, 500);
}

/* {session, user}; with deferSessionRefresh, where a GET may not write, also whether the client is to POST.
 */
static void answer_session(struct gateway_request *req, const Quintet__Auth__V1__Session *session,
                           const Quintet__Auth__V1__User *user, const bool *needs_refresh)
{
    struct gateway_reply reply = {0};
    struct qn_buf json;
    no_store(&reply);
    qn_buf_init(&json, GATEWAY_ANSWER_MAX);
    struct qn_json_writer w = {.to = &json};
    qn_json_object_begin(&w);
    qn_json_key(&w, "session");
    gateway_answer_write_session(&w, session);
    qn_json_key(&w, "user");
    gateway_answer_write_user(&w, user);
    if (needs_refresh) {
        qn_json_key(&w, "needsRefresh");
        qn_json_bool(&w, *needs_refresh);
    }
    qn_json_object_end(&w);
    gateway_answer_written(req, &reply, &json);
    qn_buf_fini(&json);
}

static void on_refreshed(struct gateway_request *req)
{
    const Quintet__Auth__V1__RefreshSessionResponse *out = req->rpc.out;
    if (req->rpc.status != QN_OK)
        answer_fault(req);
    else if (out->state == STATE(REVOKED))
        answer_failed(req, 401);
    else if (!out->session)
        answer_no_session(req);
    else
        answer_session(req, out->session, out->user, NULL);
}

static void ask_refresh(struct gateway_request *req, bool keep_row, bool use_cache)
{
    Quintet__Auth__V1__RefreshSessionRequest in = QUINTET__AUTH__V1__REFRESH_SESSION_REQUEST__INIT;
    in.disable_refresh = keep_row;
    in.use_cookie_cache = use_cache;
    gateway_route_ask(req, &quintet_auth_v1_auth_service_refresh_session, &in, on_refreshed);
}

static void on_session(struct gateway_request *req)
{
    const Quintet__Auth__V1__GetSessionResponse *out = req->rpc.out;
    bool defer = req->settings->defer_session_refresh;
    bool disabled = has_query(req, "disableRefresh");
    if (req->rpc.status != QN_OK)
        answer_fault(req);
    else if (out->state == STATE(UNKNOWN) || out->state == STATE(EXPIRED))
        ask_refresh(req, defer, false); /* which expires the cookies and deletes the row */
    else if (!out->session)
        answer_no_session(req);
    else if (out->refresh_due && !defer && !disabled)
        ask_refresh(req, false, false);
    else
        answer_session(req, out->session, out->user,
                       defer && !disabled ? &(const bool){out->refresh_due} : NULL);
}

/* Whether the cookie cache will do, where it is on. */
static bool has_cache(struct gateway_request *req)
{
    return req->settings->cookie_cache && !has_query(req, "disableCookieCache");
}

/* Most sessions are not due: they cost the question that writes nothing and travels in batches. With the
 * cookie cache on, auth looks there first, and sets it; with deferSessionRefresh too, that is for the POST.
 */
void gateway_route_get_session(struct gateway_request *req)
{
    static const Quintet__Auth__V1__GetSessionRequest in = QUINTET__AUTH__V1__GET_SESSION_REQUEST__INIT;
    if (req->settings->cookie_cache && !req->settings->defer_session_refresh)
        ask_refresh(req, has_query(req, "disableRefresh"), has_cache(req));
    else
        gateway_route_ask(req, &quintet_auth_v1_auth_service_get_session, &in, on_session);
}

/* Its body is not read, whatever it is. */
void gateway_route_post_session(struct gateway_request *req)
{
    struct gateway_reply reply = {0};
    if (!gateway_csrf_check(req, NULL))
        return;
    if (req->settings->defer_session_refresh) {
        ask_refresh(req, has_query(req, "disableRefresh"), has_cache(req));
        return;
    }
    no_store(&reply);
    gateway_answer_refusal(req, &reply, 405,
                           "POST method requires deferSessionRefresh to be enabled in session config",
                           "METHOD_NOT_ALLOWED_DEFER_SESSION_REQUIRED");
}

static void on_listed(struct gateway_request *req)
{
    const Quintet__Auth__V1__ListSessionsResponse *out = req->rpc.out;
    struct gateway_reply reply = {0};
    struct qn_buf json;
    if (req->rpc.status != QN_OK) {
        gateway_answer_fault(req);
        return;
    }
    qn_buf_init(&json, GATEWAY_ANSWER_MAX);
    struct qn_json_writer w = {.to = &json};
    qn_json_array_begin(&w);
    for (size_t i = 0; i < out->n_sessions; i++)
        gateway_answer_write_session(&w, out->sessions[i]);
    qn_json_array_end(&w);
    gateway_answer_written(req, &reply, &json);
    qn_buf_fini(&json);
}

void gateway_route_list_sessions(struct gateway_request *req)
{
    Quintet__Auth__V1__ListSessionsRequest in = QUINTET__AUTH__V1__LIST_SESSIONS_REQUEST__INIT;
    in.disable_refresh = gateway_route_keeps_row(req);
    gateway_route_ask(req, &quintet_auth_v1_auth_service_list_sessions, &in, on_listed);
}

void gateway_route_revoke_session(struct gateway_request *req)
{
    static const struct gateway_body_field FIELDS[] = {{"token", GATEWAY_FIELD_STRING}};
    Quintet__Auth__V1__RevokeSessionRequest in = QUINTET__AUTH__V1__REVOKE_SESSION_REQUEST__INIT;
    const struct qn_json *body;
    if (!gateway_body_read(req, GATEWAY_BODY_JSON, &body) || !gateway_csrf_check(req, body) ||
        !gateway_body_check(req, body, FIELDS, QN_COUNT(FIELDS), GATEWAY_BODY_OBJECT))
        return;
    char *token = gateway_body_text(req, body, "token");
    in.token = token ? token : (char *)""; /* nobody's token holds a NUL; none is empty either */
    in.disable_refresh = gateway_route_keeps_row(req);
    gateway_route_ask(req, &quintet_auth_v1_auth_service_revoke_session, &in, gateway_route_answer_status);
}

/* A body is not needed, and if there is one it must be JSON. */
static bool read_any(struct gateway_request *req)
{
    const struct qn_json *body;
    return gateway_body_read(req, GATEWAY_BODY_JSON, &body) && gateway_csrf_check(req, body);
}

void gateway_route_revoke_sessions(struct gateway_request *req)
{
    Quintet__Auth__V1__RevokeSessionsRequest in = QUINTET__AUTH__V1__REVOKE_SESSIONS_REQUEST__INIT;
    if (!read_any(req))
        return;
    in.disable_refresh = gateway_route_keeps_row(req);
    gateway_route_ask(req, &quintet_auth_v1_auth_service_revoke_sessions, &in, gateway_route_answer_status);
}

void gateway_route_revoke_other_sessions(struct gateway_request *req)
{
    Quintet__Auth__V1__RevokeOtherSessionsRequest in = QUINTET__AUTH__V1__REVOKE_OTHER_SESSIONS_REQUEST__INIT;
    if (!read_any(req))
        return;
    in.disable_refresh = gateway_route_keeps_row(req);
    gateway_route_ask(req, &quintet_auth_v1_auth_service_revoke_other_sessions, &in,
                      gateway_route_answer_status);
}

static void answer_nothing_to_update(struct gateway_request *req)
{
    gateway_answer_error(req, 400, "No fields to update", NULL);
}

/* What may be updated are fields that a site adds to its sessions; here there are none. */
void gateway_route_update_session(struct gateway_request *req)
{
    const struct qn_json *body;
    if (gateway_body_read(req, GATEWAY_BODY_JSON, &body) && gateway_csrf_check(req, body) &&
        gateway_body_check(req, body, NULL, 0, GATEWAY_BODY_RECORD))
        gateway_route_want_session(req, answer_nothing_to_update);
}
