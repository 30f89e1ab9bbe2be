#ifndef GATEWAY_BEARER_H
#define GATEWAY_BEARER_H

#include "services/gateway/request.h"

/* Better Auth's bearer plugin, for clients without a cookie jar, on both faces. Where it is off (the
 * default), Authorization is not looked at and no answer changes. */

/* The token of an Authorization header: "Bearer " in any case, and what follows. A view into it; empty: none,
 * or one that is not taken: all where the plugin is off, and those without a signature where it wants one. */
struct qn_str gateway_bearer_of(const struct gateway_settings *settings, struct qn_str authorization);

/* Where an answer sets the session cookie, Set-Auth-Token says the same: token.signature, not
 * percent-encoded; and scripts of other origins may read it. In the request's arena. */
void gateway_bearer_show(struct gateway_request *req, struct gateway_reply *reply);

#endif
