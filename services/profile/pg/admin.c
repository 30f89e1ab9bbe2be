#include "services/profile/pg/admin.h"

#include <stdio.h>
#include <string.h>

#include "common/core/check.h"
#include "common/core/log.h"
#include "services/profile/pg/conninfo.h"
#include "services/profile/pg/sqlstate.h"

enum { PARAMS_MAX = 8 };

/* Who waits here waits for another verb, or for a database that is being copied, and not for a request's
 * answer. */
#define LOCK_TIMEOUT "'30s'"

static void on_notice(void *context, const PGresult *result)
{
    (void)context;
    qn_log(NULL, QN_DEBUG, "notice from the server",
           QN_F_C("said", PQresultErrorField(result, PG_DIAG_MESSAGE_PRIMARY)));
}

static int line_of(const char *text)
{
    return (int)strcspn(text, "\n");
}

/* Whether a server takes connections there, be it not from us. */
static bool is_there(const struct pg_conninfo *info)
{
    return PQpingParams(info->keys, info->values, 0) == PQPING_OK;
}

enum qn_status pg_admin_connect(const struct pg_url *url, const char *database, PGconn **ret_pg,
                                struct qn_error *err)
{
    struct pg_conninfo info;
    if (pg_conninfo_init(&info, url, NULL) != QN_OK)
        return qn_error_set(err, QN_INVALID_ARGUMENT, "the options of the database's URL are too long");
    pg_conninfo_set(&info, "dbname", database);
    pg_conninfo_set(&info, "application_name", "quintet-profile admin");
    PGconn *pg = PQconnectdbParams(info.keys, info.values, 0);
    if (!pg || PQstatus(pg) != CONNECTION_OK) {
        const char *said = pg ? PQerrorMessage(pg) : "out of memory";
        enum qn_status status = is_there(&info) ? QN_FAILED_PRECONDITION : QN_UNAVAILABLE;
        qn_error_set(err, status, "cannot connect: %.*s", line_of(said), said);
        PQfinish(pg);
        return status;
    }
    PQsetNoticeReceiver(pg, on_notice, NULL);
    /* A PgBouncer's session is told of no other (conninfo.c), and what is set there is the next one's too. */
    enum qn_status status =
        url->pgbouncer ? QN_OK
                       : pg_admin_do(pg, "setting up the session", "set lock_timeout = " LOCK_TIMEOUT, err);
    if (status == QN_OK)
        *ret_pg = pg;
    else
        PQfinish(pg);
    return status;
}

static enum qn_status judge(PGconn *pg, const char *doing, PGresult *result, PGresult **ret_result,
                            struct qn_error *err)
{
    ExecStatusType kind = PQresultStatus(result);
    if (kind == PGRES_COMMAND_OK || kind == PGRES_TUPLES_OK) {
        if (ret_result)
            *ret_result = result;
        else
            PQclear(result);
        return QN_OK;
    }
    const char *sqlstate = PQresultErrorField(result, PG_DIAG_SQLSTATE);
    const char *said = PQresultErrorField(result, PG_DIAG_MESSAGE_PRIMARY);
    said = said ? said : PQerrorMessage(pg);
    enum qn_status status = sqlstate ? pg_sqlstate_judge(sqlstate).status : QN_UNAVAILABLE;
    qn_error_set(err, status, "%s: %.*s (%s)", doing, line_of(said), said, sqlstate ? sqlstate : "no code");
    PQclear(result);
    return status;
}

enum qn_status pg_admin_ask(PGconn *pg, const char *doing, const char *sql, const char *const *params,
                            PGresult **ret_result, struct qn_error *err)
{
    int n = 0;
    while (params && params[n])
        n++;
    QN_CHECK(n <= PARAMS_MAX);
    return judge(pg, doing, PQexecParams(pg, sql, n, NULL, params, NULL, NULL, 0), ret_result, err);
}

enum qn_status pg_admin_do(PGconn *pg, const char *doing, const char *sql, struct qn_error *err)
{
    return judge(pg, doing, PQexec(pg, sql), NULL, err);
}

enum qn_status pg_admin_do_each(PGconn *pg, const char *doing, const char *sql, const char *const *params,
                                struct qn_error *err)
{
    PGresult *statements = NULL;
    QN_TRY(pg_admin_ask(pg, doing, sql, params, &statements, err));
    enum qn_status status = QN_OK;
    for (int row = 0; row < PQntuples(statements) && status == QN_OK; row++)
        status = pg_admin_do(pg, doing, PQgetvalue(statements, row, 0), err);
    PQclear(statements);
    return status;
}

enum qn_status pg_admin_begin(PGconn *pg, struct qn_error *err)
{
    /* The number is the text "quintet" in ASCII: nobody else's by accident. */
    return pg_admin_do(pg, "waiting for another --migrate or --provision to end",
                       "begin;"
                       "set local statement_timeout = 0;"
                       "set local idle_in_transaction_session_timeout = 0;"
                       "set local lock_timeout = " LOCK_TIMEOUT ";"
                       "select pg_advisory_xact_lock(x'007175696e746574'::bigint)",
                       err);
}

enum qn_status pg_admin_end(PGconn *pg, enum qn_status status, struct qn_error *err)
{
    if (status == QN_OK)
        return pg_admin_do(pg, "commit", "commit", err);
    PQclear(PQexec(pg, "rollback"));
    return status;
}

enum qn_status pg_admin_value(PGconn *pg, const char *doing, const char *sql, const char *const *params,
                              char *to, size_t size, struct qn_error *err)
{
    PGresult *result = NULL;
    QN_TRY(pg_admin_ask(pg, doing, sql, params, &result, err));
    snprintf(to, size, "%s", PQntuples(result) > 0 ? PQgetvalue(result, 0, 0) : "");
    PQclear(result);
    return QN_OK;
}
