#ifndef GATEWAY_BETTER_AUTH_H
#define GATEWAY_BETTER_AUTH_H

#include <stdbool.h>

#include "services/gateway/request.h"
#include "services/gateway/settings.h"

/* Better Auth's own endpoints, so that its official client works unchanged. Statuses, bodies, codes and the
 * order of checks are those of better-auth 1.7. */

/* Whether a path lies under the base path: /api/auth, or the path of BETTER_AUTH_URL. */
bool gateway_better_auth_owns(const struct gateway_settings *settings, struct qn_str path);

/* The path under which they lie, without a slash at its end. A view of the settings, or static. */
struct qn_str gateway_better_auth_base_path(const struct gateway_settings *settings);

/* The same as an absolute URL: on the origin of BETTER_AUTH_URL, else on the request's own Host. In the
 * request's arena; "" without memory. */
const char *gateway_better_auth_base_url(struct gateway_request *req);

/* Serves such a request. Answers it, whatever it is. */
void gateway_better_auth_serve(struct gateway_request *req);

#endif
