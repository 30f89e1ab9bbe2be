#ifndef PROFILE_PG_BETTER_AUTH_H
#define PROFILE_PG_BETTER_AUTH_H

#include <libpq-fe.h>

#include "common/core/status.h"

/* Looks whether Better Auth's four tables in this schema are such that both servers can work with them,
 * wherever they came from: every column is there with a type that takes what is written, and no other column
 * insists on a value. QN_FAILED_PRECONDITION: 'err' names the first thing wrong, the log has all. */
QN_MUST_USE enum qn_status pg_better_auth_check(PGconn *pg, const char *schema, struct qn_error *err);

#endif
