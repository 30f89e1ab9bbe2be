#ifndef PROFILE_PG_MIGRATE_H
#define PROFILE_PG_MIGRATE_H

#include "common/core/status.h"
#include "services/profile/pg/url.h"

/* quintet-profile --migrate: brings the database of 'app' (DATABASE_URL) to this program's version, then
 * grants its role what it needs. Works as the user of 'admin' (QUINTET_ADMIN_DATABASE_URL), who must own
 * Better Auth's tables or be a superuser; NULL: as the user of 'app', who then owns all of it. Of 'admin'
 * user, host and TLS count; the database and the schema are always those of 'app'.
 *
 * Each migration is one transaction, with its line in quintet.schema_version; one that is recorded is not run
 * again. Several --migrate at once wait for each other. Blocks. What was done is logged. A database that is
 * newer than this program is left as it is. */
QN_MUST_USE enum qn_status pg_migrate(const struct pg_url *app, const struct pg_url *admin,
                                      struct qn_error *err);

#endif
