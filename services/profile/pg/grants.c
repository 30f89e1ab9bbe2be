#include "services/profile/pg/grants.h"

#include "services/profile/pg/admin.h"

/* A column of statements. $1: role, $2: Better Auth's schema. */
static const char statements[] =
    "with goal (role) as (select rolname from pg_catalog.pg_roles where rolname = $1 and rolname <> "
    "current_user),"
    " schemas (name) as (select nspname from pg_catalog.pg_namespace where nspname in ($2, 'quintet')),"
    " tables (schema, name) as (select schemaname, tablename from pg_catalog.pg_tables"
    "   where (schemaname = $2 and tablename in ('user', 'session', 'account', 'verification'))"
    "   or (schemaname = 'quintet' and tablename <> 'schema_version'))"
    " select format('grant connect on database %I to %I', current_database(), role) from goal"
    " union all"
    " select format('grant usage on schema %I to %I', name, role) from schemas, goal"
    " union all"
    " select format('grant select, insert, update, delete on %I.%I to %I', schema, name, role) from tables, "
    "goal"
    " union all"
    " select format('grant select on quintet.schema_version to %I', role) from goal"
    "   where to_regclass('quintet.schema_version') is not null"
    " union all"
    " select format(clause, role) from goal, schemas, (values"
    "   ('grant usage, select on all sequences in schema quintet to %I'),"
    "   ('alter default privileges in schema quintet grant select, insert, update, delete on tables to %I'),"
    "   ('alter default privileges in schema quintet grant usage, select on sequences to %I')) as clauses "
    "(clause)"
    "   where name = 'quintet'";

enum qn_status pg_grants_apply(PGconn *pg, const char *role, const char *auth_schema, struct qn_error *err)
{
    const char *const params[] = {role, auth_schema, NULL};
    return pg_admin_do_each(pg, "granting the application's role what it needs", statements, params, err);
}
