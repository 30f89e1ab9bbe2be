#ifndef GATEWAY_CORS_H
#define GATEWAY_CORS_H

#include "services/gateway/request.h"
#include "services/gateway/settings.h"

/* Cross-origin calls by browsers (fetch.spec.whatwg.org, "HTTP extensions"): which pages of other origins may
 * call the gateway, with cookies, and read its answers. Of both faces. Off unless QUINTET_CORS_ORIGINS is
 * set: then nothing here says anything, and OPTIONS is what it is to either face. */

/* Whether a page of this origin may. 'origin' is the Origin header's value: it must be spelled as browsers
 * spell it, and "null" never may. */
bool gateway_cors_allows(const struct gateway_settings *settings, struct qn_str origin);

/* Answers a preflight of an allowed origin, before anything else is asked or counted. False: it is none, or
 * the origin is not allowed; the request is still to be served. */
bool gateway_cors_preflight(const struct gateway_settings *settings, struct qn_exchange *exchange);

/* Puts into an answer what the browser wants to see before a page may read it, and "Vary: Origin", also for
 * whoever is not allowed: a cache in between must not hand one origin's answer to another. */
void gateway_cors_headers(const struct gateway_settings *settings, const struct qn_exchange *exchange,
                          struct gateway_reply *reply);

/* Whether every entry of the setting names some host: a wildcard alone would let any site that its visitors
 * come across read who they are. */
bool gateway_cors_valid(struct qn_str origins);

#endif
