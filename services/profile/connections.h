#ifndef PROFILE_CONNECTIONS_H
#define PROFILE_CONNECTIONS_H

#include "services/profile/handover.h"

/* GET /connections on the admin port: what each of the five connections is doing. JSON, whose members
 * README.md lists; a page to look at for browsers (Accept: text/html), which renews itself. "?format=json"
 * and "?format=html" decide. 503 while the pool is not open. */

/* Before qn_app_run(). Both outlive it. */
void profile_connections_init(const struct profile_database *database,
                              const struct profile_handover *handover);

#endif
