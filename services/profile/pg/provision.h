#ifndef PROFILE_PG_PROVISION_H
#define PROFILE_PG_PROVISION_H

#include "common/core/status.h"
#include "services/profile/pg/url.h"

/* quintet-profile --provision: makes or alters the role that 'app' (DATABASE_URL) names, and its database
 * when it is missing, as the user of 'admin' (QUINTET_ADMIN_DATABASE_URL), who may create roles:
 *   - LOGIN, the URL's password (if any), CONNECTION LIMIT = connection_limit, so that PostgreSQL itself
 * refuses one more;
 *   - client_connection_check_interval = 500ms: a killed client's backend that waits for a lock lets go of
 * its slot;
 *   - statement_timeout (the URL's socket_timeout, else 15 s), idle_in_transaction_session_timeout 10 s:
 * backstops;
 *   - TimeZone UTC, DateStyle ISO, search_path = schema, plan_cache_mode, default_transaction_isolation: what
 * the service needs of a session behind PgBouncer, where it can set nothing itself;
 *   - the grants of grants.h.
 * Idempotent. Warns when the role is a superuser, for whom no limit holds. Before or after --migrate: both
 * orders end in the same. Blocks. */
QN_MUST_USE enum qn_status pg_provision(const struct pg_url *app, const struct pg_url *admin,
                                        struct qn_error *err);

#endif
