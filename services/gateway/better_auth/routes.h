#ifndef GATEWAY_BETTER_AUTH_ROUTES_H
#define GATEWAY_BETTER_AUTH_ROUTES_H

#include "services/gateway/request.h"

/* Better Auth's routes, for the one table in better_auth.c. Each answers the request, in the product's order:
 * 1. body  2. origin and callback URLs  3. validation  4. form CSRF  5. auth is asked  6. the answer. */

/* sign_routes.c: into an account and out of it */
void gateway_route_sign_up(struct gateway_request *req);
void gateway_route_sign_in(struct gateway_request *req);
void gateway_route_sign_out(struct gateway_request *req);

/* session_routes.c: one's sessions */
void gateway_route_get_session(struct gateway_request *req);
void gateway_route_post_session(struct gateway_request *req);

/* page_routes.c: what asks nobody */
void gateway_route_ok(struct gateway_request *req);

#endif
