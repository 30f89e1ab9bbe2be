#ifndef GATEWAY_BETTER_AUTH_LIMITED_H
#define GATEWAY_BETTER_AUTH_LIMITED_H

#include "services/gateway/request.h"

/* What is no route counts under one path, or a client could fill auth's counters with paths of its own
 * making. */
#define GATEWAY_LIMITED_NO_ROUTE "*"

/* Counts the request under a path of ours, before anything else is looked at, and then has it served; or
 * refuses it in the product's words: 429, X-Retry-After in whole seconds, and a message without a code. */
void gateway_limited_serve(struct gateway_request *req, struct qn_str path,
                           void (*serve)(struct gateway_request *req));

#endif
