#include "auth.pb-c.h"
#include "auth.qn.h"
#include "services/gateway/better_auth/answer.h"
#include "services/gateway/better_auth/routes.h"
#include "services/gateway/settings.h"

void gateway_route_ask(struct gateway_request *req, const struct qn_method *method, const void *in,
                       void (*next)(struct gateway_request *req))
{
    gateway_answer_face(req)->reads_session = true;
    gateway_request_ask(req, req->upstream->auth.client, method, in, next);
}

bool gateway_route_keeps_row(struct gateway_request *req)
{
    return req->settings->defer_session_refresh ||
           qn_exchange_query(req->exchange, "disableRefresh").len > 0; /* "false" is true there */
}

static void on_session(struct gateway_request *req)
{
    const Quintet__Auth__V1__RefreshSessionResponse *out = req->rpc.out;
    if (req->rpc.status != QN_OK)
        gateway_answer_fault(req);
    else if (!out->session)
        gateway_answer_error(req, 401, "Unauthorized", "UNAUTHORIZED");
    else
        gateway_answer_face(req)->then(req);
}

void gateway_route_want_session(struct gateway_request *req, void (*next)(struct gateway_request *req))
{
    Quintet__Auth__V1__RefreshSessionRequest in = QUINTET__AUTH__V1__REFRESH_SESSION_REQUEST__INIT;
    in.disable_refresh = gateway_route_keeps_row(req);
    gateway_answer_face(req)->then = next;
    gateway_route_ask(req, &quintet_auth_v1_auth_service_refresh_session, &in, on_session);
}

void gateway_route_answer_status(struct gateway_request *req)
{
    struct gateway_reply reply = {0};
    if (req->rpc.status != QN_OK)
        gateway_answer_fault(req);
    else
        gateway_answer_json(req, &reply, QN_STR("{\"status\":true}"));
}
