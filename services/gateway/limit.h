#ifndef GATEWAY_LIMIT_H
#define GATEWAY_LIMIT_H

#include "common/rpc/method.h"
#include "services/gateway/request.h"

/* The rate limit: how often one client may ask for one path, counted by auth (proto/auth.proto, LimitService)
 * at the replica that the key belongs to, so that all gateways count together. Off, it costs nothing; on, one
 * small question that shares a message with others of its turn.
 *
 * The client is who X-Forwarded-For names (address.h); else the peer, if it is no trusted proxy; else all
 * share "no-trusted-ip", as in the product.
 *
 * When auth does not answer within a second the request passes: it can do little without auth, and nobody is
 * to be locked out because a counter is away. */

struct gateway_limit {
    void (*pass)(struct gateway_request *req);
    /* 'retry_ms': when the window will have passed, 1 at least. */
    void (*refuse)(struct gateway_request *req, uint32_t retry_ms);
};

/* Whether the settings have it on: by default when NODE_ENV is production. */
bool gateway_limit_is_on(const struct gateway_settings *settings);

/* Counts a request for a path (without the base path; a view as long as the request). One of the two runs, at
 * once or later; 'limit' is kept by pointer. */
void gateway_limit_path(struct gateway_request *req, struct qn_str path, const struct gateway_limit *limit);

/* The same for a method, which counts under the path of Better Auth's that does the same; one that has none
 * passes. So does one that comes from a trusted proxy without any X-Forwarded-For: it is the site's own
 * server that asks, as with the product's server-side calls, which it does not limit. */
void gateway_limit_method(struct gateway_request *req, const struct qn_method *method,
                          const struct gateway_limit *limit);

#endif
