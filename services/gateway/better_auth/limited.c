#include "services/gateway/better_auth/limited.h"

#include "services/gateway/better_auth/answer.h"
#include "services/gateway/limit.h"

static void refuse(struct gateway_request *req, uint32_t retry_ms)
{
    struct gateway_reply reply = {0};
    char *seconds = qn_arena_printf(&req->arena, "%u", (retry_ms + 999) / 1000);
    if (seconds)
        gateway_reply_header(&reply, "X-Retry-After", qn_str_c(seconds));
    gateway_answer_refusal(req, &reply, 429, "Too many requests. Please try again later.", NULL);
}

void gateway_limited_serve(struct gateway_request *req, struct qn_str path,
                           void (*serve)(struct gateway_request *req))
{
    if (!gateway_limit_is_on(req->settings)) {
        serve(req);
        return;
    }
    struct gateway_limit *limit = qn_arena_new(&req->arena, struct gateway_limit);
    if (!limit) {
        gateway_answer_empty(req, 503);
        return;
    }
    *limit = (struct gateway_limit){.pass = serve, .refuse = refuse};
    gateway_limit_path(req, path, limit);
}
