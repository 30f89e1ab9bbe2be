#ifndef PROFILE_PG_GRANTS_H
#define PROFILE_PG_GRANTS_H

#include <libpq-fe.h>

#include "common/core/status.h"

/* Lets 'role' use what it needs in this database, as far as it is there already: the database, both schemas,
 * Better Auth's four tables in 'auth_schema', everything in schema quintet (the version only to read), and
 * what 'pg's user will make there later. Both --provision and --migrate end with it, so either may come
 * first. Does nothing for a role that is not there, or is pg's own user. Idempotent. */
QN_MUST_USE enum qn_status pg_grants_apply(PGconn *pg, const char *role, const char *auth_schema,
                                           struct qn_error *err);

#endif
