#ifndef GATEWAY_ROUTE_H
#define GATEWAY_ROUTE_H

#include "common/rpc/method.h"
#include "services/gateway/upstream.h"

/* Which service serves what: the one table of the gateway. A method added to a .proto is reachable with no
 * line here; a new public service is a line. Methods with ACCESS_INTERNAL are never found. */

/* The method of a Connect path, "/quintet.auth.v1.AuthService/GetSession", and whom to ask. False: there is
 * no such method. */
bool gateway_route_find(struct gateway_upstream *upstream, struct qn_str path,
                        const struct qn_method **ret_method, struct qn_client **ret_client);

/* Whether a path has that form at all, "/package.Service/…", whatever it names: then it was meant for
 * Connect. */
bool gateway_route_is_connect(struct qn_str path);

#endif
