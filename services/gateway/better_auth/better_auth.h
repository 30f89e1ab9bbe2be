#ifndef GATEWAY_BETTER_AUTH_H
#define GATEWAY_BETTER_AUTH_H

#include <stdbool.h>

#include "services/gateway/request.h"
#include "services/gateway/settings.h"

/* Better Auth's own endpoints, so that its official client works unchanged: sign-up/email, sign-in/email,
 * sign-out, get-session and ok. Statuses, bodies, codes and the order of checks are those of better-auth 1.7.
 */

/* Whether a path lies under the base path: /api/auth, or the path of BETTER_AUTH_URL. */
bool gateway_better_auth_owns(const struct gateway_settings *settings, struct qn_str path);

/* Serves such a request. Answers it, whatever it is. */
void gateway_better_auth_serve(struct gateway_request *req);

#endif
