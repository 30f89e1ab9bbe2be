#include "services/gateway/guard.h"

#include "auth.pb-c.h"
#include "auth.qn.h"
#include "common/core/check.h"

static void on_session(struct gateway_request *req)
{
    const struct gateway_guard *guard = req->guard;
    if (req->rpc.status != QN_OK) {
        const struct qn_request *rpc = &req->rpc;
        guard->refuse(req, &(const struct qn_fault){.status = rpc->status,
                                                    .message = "the session could not be checked",
                                                    .reason = rpc->reason.len ? rpc->reason.ptr : NULL,
                                                    .retry_after_ms = rpc->retry_after_ms});
        return;
    }
    const Quintet__Auth__V1__GetSessionResponse *out = req->rpc.out;
    if (!out->session) {
        guard->refuse(req, &(const struct qn_fault){.status = QN_UNAUTHENTICATED,
                                                    .message = "sign in first",
                                                    .reason = "NO_SESSION"});
        return;
    }
    req->ctx.caller.known = true;
    req->ctx.caller.user_id = qn_str_c(out->session->user_id);
    req->ctx.caller.session_id = qn_str_c(out->session->id);
    req->ctx.credentials.cookie = req->ctx.credentials.bearer = QN_STR("");
    guard->pass(req);
}

void gateway_guard_ask(struct gateway_request *req, enum qn_access access, const struct gateway_guard *guard)
{
    static const Quintet__Auth__V1__GetSessionRequest in = QUINTET__AUTH__V1__GET_SESSION_REQUEST__INIT;
    QN_CHECK(access != QN_ACCESS_INTERNAL);
    if (access == QN_ACCESS_ANYONE) {
        guard->pass(req);
        return;
    }
    req->guard = guard;
    gateway_request_ask(req, req->upstream->auth.client, &quintet_auth_v1_auth_service_get_session, &in,
                        on_session);
}
