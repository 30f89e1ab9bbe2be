#include "services/profile/pg/provision.h"

#include <stdio.h>
#include <string.h>

#include "common/core/log.h"
#include "services/profile/pg/admin.h"
#include "services/profile/pg/grants.h"

enum { STATEMENT_TIMEOUT_MS = 15000, CONNECTION_CHECK_VERSION = 140000 };

/* Columns of statements. */
static const char make_role[] = "select format('create role %I', $1::text)"
                                " where not exists (select from pg_catalog.pg_roles where rolname = $1)";
/* $1 role, $2 limit, $3 password as the server keeps it, or '' to leave it. */
static const char alter_role[] =
    "select format('alter role %I login connection limit %s', $1::text, $2::integer)"
    " union all select format('alter role %I password %L', $1::text, $3::text) where $3 <> ''";
/* A machine or a network that is gone says no farewell, and its connections would hold their slots until the
 * server's system asks after them, after two hours: so after five seconds, and given up five later.
 *
 * $1 role, $2 schema, $3 statement_timeout in ms, $4 whether the server knows
 * client_connection_check_interval. */
static const char set_role[] =
    "select format('alter role %I set %s to %L', $1::text, name, value) from (values"
    " ('statement_timeout', $3::text || 'ms'),"
    " ('idle_in_transaction_session_timeout', '10s'),"
    " ('tcp_keepalives_idle', '5'),"
    " ('tcp_keepalives_interval', '2'),"
    " ('tcp_keepalives_count', '3'),"
    " ('tcp_user_timeout', '10000ms'),"
    " ('lock_timeout', '1s')," /* of plain SELECTs; for PgBouncer's sake, see conninfo.c */
    " ('timezone', 'UTC'),"
    " ('datestyle', 'ISO'),"
    " ('plan_cache_mode', 'force_generic_plan'),"
    " ('default_transaction_isolation', 'read committed')) as settings (name, value)"
    " union all select format('alter role %I set client_connection_check_interval to %L', $1::text, '500ms')"
    "   where $4::boolean"
    " union all select format('alter role %I set search_path to %I', $1::text, $2::text)";
static const char make_database[] =
    "select format('create database %I encoding ''UTF8'' template template0', $1::text)"
    " where not exists (select from pg_catalog.pg_database where datname = $1)";

static enum qn_status alter(PGconn *pg, const struct pg_url *app, const char *secret, struct qn_error *err)
{
    char limit[24], timeout[24];
    bool checks_connections = PQserverVersion(pg) >= CONNECTION_CHECK_VERSION;
    snprintf(limit, sizeof limit, "%lld", (long long)app->connection_limit);
    snprintf(timeout, sizeof timeout, "%lld",
             (long long)(app->statement_timeout_ms > 0 ? app->statement_timeout_ms : STATEMENT_TIMEOUT_MS));
    const char *const role[] = {app->user, NULL};
    const char *const attributes[] = {app->user, limit, secret, NULL};
    const char *const settings[] = {app->user, app->schema, timeout, checks_connections ? "true" : "false",
                                    NULL};
    QN_TRY(pg_admin_do_each(pg, "creating the role", make_role, role, err));
    QN_TRY(pg_admin_do_each(pg, "altering the role", alter_role, attributes, err));
    QN_TRY(pg_admin_do_each(pg, "setting up the role", set_role, settings, err));
    char super[8];
    QN_TRY(
        pg_admin_value(pg, "looking at the role",
                       "select case when rolsuper then 'yes' end from pg_catalog.pg_roles where rolname = $1",
                       role, super, sizeof super, err));
    if (super[0]) {
        qn_log(NULL, QN_WARN, "the role is a superuser, so no CONNECTION LIMIT holds for it",
               QN_F_C("role", app->user));
    }
    if (!checks_connections)
        qn_log(NULL, QN_WARN, "this server is older than 14: a killed process may hold its slots for long");
    return QN_OK;
}

/* The password goes over as the server will keep it, so that it stands in nobody's log. */
static enum qn_status provision_role(PGconn *pg, const struct pg_url *app, struct qn_error *err)
{
    char *secret = app->password[0] ? PQencryptPasswordConn(pg, app->password, app->user, NULL) : NULL;
    if (app->password[0] && !secret)
        return qn_error_set(err, QN_INTERNAL, "hashing the password failed: %s", PQerrorMessage(pg));
    enum qn_status status = pg_admin_begin(pg, err);
    if (status == QN_OK)
        status = pg_admin_end(pg, alter(pg, app, secret ? secret : "", err), err);
    PQfreemem(secret);
    return status;
}

/* create database runs in no transaction, so another --provision may be faster between the look and the deed;
 * then the database is there all the same. */
static enum qn_status provision_database(PGconn *pg, const struct pg_url *app, struct qn_error *err)
{
    char there[8];
    const char *const database[] = {app->database, NULL};
    enum qn_status status = pg_admin_do_each(pg, "creating the database", make_database, database, err);
    if (status == QN_OK)
        return QN_OK;
    QN_TRY(pg_admin_value(pg, "looking for the database",
                          "select 1 from pg_catalog.pg_database where datname = $1", database, there,
                          sizeof there, NULL));
    return there[0] ? QN_OK : status;
}

static enum qn_status grant(const struct pg_url *app, const struct pg_url *admin, struct qn_error *err)
{
    PGconn *pg;
    QN_TRY(pg_admin_connect(admin, app->database, &pg, err));
    enum qn_status status = pg_admin_begin(pg, err);
    if (status == QN_OK)
        status = pg_admin_end(pg, pg_grants_apply(pg, app->user, app->schema, err), err);
    PQfinish(pg);
    return status;
}

enum qn_status pg_provision(const struct pg_url *app, const struct pg_url *admin, struct qn_error *err)
{
    if (strcmp(app->user, admin->user) == 0) {
        return qn_error_set(
            err, QN_INVALID_ARGUMENT,
            "DATABASE_URL and QUINTET_ADMIN_DATABASE_URL name the same role; the application needs one "
            "of its own, for that is what the limit is set on");
    }
    PGconn *pg;
    QN_TRY(pg_admin_connect(admin, admin->database, &pg, err));
    enum qn_status status = provision_role(pg, app, err);
    if (status == QN_OK)
        status = provision_database(pg, app, err);
    PQfinish(pg);
    QN_TRY(status);
    QN_TRY(grant(app, admin, err));
    qn_log(NULL, QN_INFO, "role is provisioned", QN_F_C("role", app->user), QN_F_C("database", app->database),
           QN_F_INT("connection_limit", app->connection_limit));
    return QN_OK;
}
