#include "services/gateway/better_auth/answer.h"
#include "services/gateway/better_auth/routes.h"

void gateway_route_ok(struct gateway_request *req)
{
    struct gateway_reply reply = {0};
    gateway_answer_json(req, &reply, QN_STR("{\"ok\":true}"));
}
