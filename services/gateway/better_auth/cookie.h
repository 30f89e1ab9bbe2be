#ifndef GATEWAY_BETTER_AUTH_COOKIE_H
#define GATEWAY_BETTER_AUTH_COOKIE_H

#include "common/core/str.h"
#include "services/gateway/settings.h"

/* Cookies are auth's; this one nobody here ever sets. Better Auth's session_data is its cache of a session,
 * and a site that moves over has browsers that still show it: /get-session makes them forget it, as the
 * product does where the cache is off. */

/* The Set-Cookie that expires the session_data cookie of a Cookie header; empty when it holds none under the
 * name that counts here. Static. */
struct qn_str gateway_cookie_forget_cache(const struct gateway_settings *settings, struct qn_str cookies);

#endif
