#ifndef PROFILE_PG_ADMIN_H
#define PROFILE_PG_ADMIN_H

#include <libpq-fe.h>
#include <stdint.h>

#include "common/core/status.h"
#include "services/profile/pg/url.h"

/* A blocking connection, for the verbs --migrate and --provision; the service itself never uses one. */

/* Connects with the url's user, host and TLS to 'database'. A superfluous notice of the server ("already
 * exists, skipping") is not shown. QN_UNAVAILABLE: no server takes connections there; QN_FAILED_PRECONDITION:
 * one does, but not this. 'err' says what libpq said, never a password. lock_timeout is 30 s, or, through
 * PgBouncer, what the role has. */
QN_MUST_USE enum qn_status pg_admin_connect(const struct pg_url *url, const char *database, PGconn **ret_pg,
                                            struct qn_error *err);

/* Runs 'sql' with text parameters (at most 8, ended by NULL; may be NULL). 'ret_result' may be NULL; else the
 * caller clears it. A failure becomes "<doing>: <what the server said> (<code>)"; statuses as in sqlstate.h.
 */
QN_MUST_USE enum qn_status pg_admin_ask(PGconn *pg, const char *doing, const char *sql,
                                        const char *const *params, PGresult **ret_result,
                                        struct qn_error *err);

/* Runs several statements without parameters, in one go. */
QN_MUST_USE enum qn_status pg_admin_do(PGconn *pg, const char *doing, const char *sql, struct qn_error *err);

/* Runs 'sql', whose answer is a column of statements, and then each of those: PostgreSQL's own format() does
 * the quoting of names and values. */
QN_MUST_USE enum qn_status pg_admin_do_each(PGconn *pg, const char *doing, const char *sql,
                                            const char *const *params, struct qn_error *err);

/* begin, and one at a time: waits until no other such transaction runs in this database (a lock that ends
 * with the transaction, so it also works through PgBouncer). Then lock_timeout is 30 s and there is no
 * statement_timeout. */
QN_MUST_USE enum qn_status pg_admin_begin(PGconn *pg, struct qn_error *err);
/* commit, or rollback when 'status' is not QN_OK, which is then returned. */
enum qn_status pg_admin_end(PGconn *pg, enum qn_status status, struct qn_error *err);

/* First value of 'sql' as text, '' for none; into 'to'. */
QN_MUST_USE enum qn_status pg_admin_value(PGconn *pg, const char *doing, const char *sql,
                                          const char *const *params, char *to, size_t size,
                                          struct qn_error *err);

#endif
