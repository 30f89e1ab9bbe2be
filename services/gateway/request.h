#ifndef GATEWAY_REQUEST_H
#define GATEWAY_REQUEST_H

#include <stdbool.h>

#include "common/core/arena.h"
#include "common/http/httpd.h"
#include "common/rpc/client.h"
#include "services/gateway/upstream.h"

struct gateway_settings;
struct gateway_guard;

/* One HTTP request on its way through edge → route → guard → forward, and its answer on the way back.
 *
 * It lies in an arena of its own, apart from the exchange's, because a question to a service may still be
 * under way when the client hangs up: then 'exchange' becomes NULL, the question is cancelled, and the
 * request goes when its callback has come. Until it is answered it belongs to whoever holds it; at most one
 * question is under way. Loop thread. */
struct gateway_request {
    struct qn_exchange *exchange; /* NULL once the client has gone */
    struct qn_arena arena;
    struct qn_context ctx; /* views into the arena */
    const struct gateway_settings *settings;
    struct gateway_upstream *upstream;
    struct qn_request rpc;                     /* the question under way */
    bool asking;                               /* whether there is one */
    void (*next)(struct gateway_request *req); /* who gets its answer */
    const struct gateway_guard *guard;         /* while it asks */
    const void *limiting;                      /* while auth counts it (limit.c) */
    void *face;                                /* what serves the request keeps its own here, in the arena */
    char request_id[64 + 1];
};

enum { GATEWAY_HEADERS_MAX = 24 }; /* eight cookies, CORS, and what else there is */

/* An answer in the making. Views; copied when it is sent. */
struct gateway_reply {
    unsigned status;
    struct qn_header headers[GATEWAY_HEADERS_MAX];
    size_t n_headers;
    struct qn_str body;
};

/* Adds a header; one too many is dropped, which the tests would see. */
void gateway_reply_header(struct gateway_reply *reply, const char *name, struct qn_str value);
/* Retry-After, in whole seconds rounded up (RFC 9110 section 10.2.3); 0: none. */
void gateway_reply_retry_after(struct gateway_request *req, struct gateway_reply *reply,
                               uint32_t retry_after_ms);

/* Of a Cookie header what services may see, pairs apart by "; "; in the arena, or "" when there is nothing,
 * or no memory. 'cache_too': session_data as well. */
struct qn_str gateway_request_cookies(struct qn_str header, bool cache_too, struct qn_arena *arena);

/* Makes a request of an exchange: deadline by default, request id (the client's X-Request-Id if it is sound,
 * a new one otherwise), trace, client address, user agent, credentials. NULL without memory. */
struct gateway_request *gateway_request_new(struct qn_exchange *exchange,
                                            const struct gateway_settings *settings,
                                            struct gateway_upstream *upstream);

/* Answers and frees the request; X-Request-Id is added. With the client gone, only frees. */
void gateway_request_reply(struct gateway_request *req, const struct gateway_reply *reply);

/* Asks a service under the request's context; 'next' gets the answer in req->rpc, unless the client has gone:
 * then the request is freed and 'next' does not run. Requires: nothing is under way. */
void gateway_request_ask(struct gateway_request *req, struct qn_client *to, const struct qn_method *method,
                         const void *in, void (*next)(struct gateway_request *req));
/* The same to the replica that 'key' belongs to (common/rpc/client.h), under a context that outlives it. */
void gateway_request_ask_near(struct gateway_request *req, struct qn_client *to,
                              const struct qn_method *method, const void *in, struct qn_str key,
                              const struct qn_context *ctx, void (*next)(struct gateway_request *req));
void gateway_request_ask_packed(struct gateway_request *req, struct qn_client *to,
                                const struct qn_method *method, struct qn_str packed,
                                void (*next)(struct gateway_request *req));

#endif
