#ifndef GATEWAY_GUARD_H
#define GATEWAY_GUARD_H

#include "common/rpc/method.h"
#include "services/gateway/request.h"

/* Who may pass. For ACCESS_SESSION auth is asked for the session that the credentials show; with a live one
 * the caller is filled, the credentials are taken away (what lies behind has no use for them) and 'pass'
 * runs; otherwise 'refuse' runs with the reason. For ACCESS_ANYONE 'pass' runs at once. One of the two runs
 * exactly once, unless the client has gone. */
struct gateway_guard {
    void (*pass)(struct gateway_request *req);
    void (*refuse)(struct gateway_request *req, const struct qn_fault *why);
};

/* Requires: 'guard' is static; nothing is under way. */
void gateway_guard_ask(struct gateway_request *req, enum qn_access access, const struct gateway_guard *guard);

#endif
