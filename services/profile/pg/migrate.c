#include "services/profile/pg/migrate.h"

#include <stdio.h>
#include <string.h>

#include "common/core/buf.h"
#include "common/core/log.h"
#include "services/profile/pg/admin.h"
#include "services/profile/pg/better_auth.h"
#include "services/profile/pg/grants.h"
#include "services/profile/pg/migrations.h"

enum { SQL_MAX_BYTES = 1 << 20 };

/* create schema asks for the right to create even where there is nothing to create; so it is asked for first.
 */
static const char make_version_table[] =
    "do $do$ begin"
    " if to_regnamespace('quintet') is null then create schema quintet; end if;"
    " if to_regclass('quintet.schema_version') is null then"
    "   create table quintet.schema_version ("
    "     version integer primary key,"
    "     name text not null,"
    "     applied_at timestamp with time zone not null default now());"
    " end if;"
    " end $do$";

/* Replaces every 'mark' in the text. */
static void write_with(struct qn_buf *to, const char *text, const char *mark, const char *value)
{
    const char *found;
    while ((found = strstr(text, mark)) != NULL) {
        qn_buf_write(to, text, (size_t)(found - text));
        qn_buf_write_c(to, value);
        text = found + strlen(mark);
    }
    qn_buf_write_c(to, text);
}

/* The migration's text with the schema of Better Auth's tables put in, as name and as literal. */
static enum qn_status run_sql(PGconn *pg, const struct pg_migration *migration, const char *schema,
                              struct qn_error *err)
{
    struct qn_buf half, whole;
    qn_buf_init(&half, SQL_MAX_BYTES);
    qn_buf_init(&whole, SQL_MAX_BYTES);
    char *name = PQescapeIdentifier(pg, schema, strlen(schema));
    char *literal = PQescapeLiteral(pg, schema, strlen(schema));
    enum qn_status status = QN_RESOURCE_EXHAUSTED;
    if (name && literal) {
        write_with(&half, migration->sql, ":\"auth_schema\"", name);
        write_with(&whole, half.data ? half.data : "", ":'auth_schema'", literal);
        if (!qn_buf_failed(&half) && !qn_buf_failed(&whole))
            status = pg_admin_do(pg, migration->name, whole.data, err);
    }
    if (status == QN_RESOURCE_EXHAUSTED)
        qn_error_set(err, status, "%s: longer than 1 MiB, or no memory", migration->name);
    PQfreemem(name);
    PQfreemem(literal);
    qn_buf_fini(&half);
    qn_buf_fini(&whole);
    return status;
}

static enum qn_status apply_within(PGconn *pg, const struct pg_migration *migration, const char *schema,
                                   bool *ret_applied, struct qn_error *err)
{
    char version[24], known[8];
    snprintf(version, sizeof version, "%lld", (long long)migration->version);
    const char *const params[] = {version, migration->name, NULL};
    const char *const params_version[] = {version, NULL};
    QN_TRY(pg_admin_value(pg, migration->name,
                          "select 1 from quintet.schema_version where version = $1::integer", params_version,
                          known, sizeof known, err));
    *ret_applied = known[0] == '\0';
    if (!*ret_applied)
        return QN_OK;
    QN_TRY(run_sql(pg, migration, schema, err));
    QN_TRY(pg_better_auth_check(pg, schema, err));
    return pg_admin_ask(pg, migration->name,
                        "insert into quintet.schema_version (version, name) values ($1, $2)", params, NULL,
                        err);
}

static enum qn_status apply(PGconn *pg, const struct pg_migration *migration, const char *schema,
                            struct qn_error *err)
{
    bool applied = false;
    QN_TRY(pg_admin_begin(pg, err));
    QN_TRY(pg_admin_end(pg, apply_within(pg, migration, schema, &applied, err), err));
    if (applied)
        qn_log(NULL, QN_INFO, "migration applied", QN_F_C("name", migration->name));
    return QN_OK;
}

static enum qn_status finish_within(PGconn *pg, const struct pg_url *app, struct qn_error *err)
{
    QN_TRY(pg_better_auth_check(pg, app->schema, err));
    return pg_grants_apply(pg, app->user, app->schema, err);
}

static enum qn_status migrate(PGconn *pg, const struct pg_url *app, struct qn_error *err)
{
    QN_TRY(pg_admin_begin(pg, err));
    QN_TRY(pg_admin_end(pg, pg_admin_do(pg, "making quintet.schema_version", make_version_table, err), err));
    for (size_t i = 0; i < pg_migrations_n; i++)
        QN_TRY(apply(pg, &pg_migrations[i], app->schema, err));
    QN_TRY(pg_admin_begin(pg, err));
    QN_TRY(pg_admin_end(pg, finish_within(pg, app, err), err));
    char version[24];
    QN_TRY(pg_admin_value(pg, "reading the version", "select max(version) from quintet.schema_version", NULL,
                          version, sizeof version, err));
    qn_log(NULL, QN_INFO, "schema is up to date", QN_F_C("database", app->database),
           QN_F_C("version", version), QN_F_INT("wanted", pg_migrations_version()));
    return QN_OK;
}

enum qn_status pg_migrate(const struct pg_url *app, const struct pg_url *admin, struct qn_error *err)
{
    PGconn *pg;
    QN_TRY(pg_admin_connect(admin ? admin : app, app->database, &pg, err));
    enum qn_status status = migrate(pg, app, err);
    PQfinish(pg);
    return status;
}
