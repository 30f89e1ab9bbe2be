#include "services/profile/pg/conninfo.h"

#include <stdio.h>
#include <string.h>

#include "common/core/buf.h"
#include "common/core/check.h"

void pg_conninfo_set(struct pg_conninfo *info, const char *key, const char *value)
{
    size_t i = 0;
    while (i < info->n && strcmp(info->keys[i], key) != 0)
        i++;
    QN_CHECK(i + 1 < QN_COUNT(info->keys));
    info->keys[i] = key;
    info->values[i] = value;
    info->n = i == info->n ? i + 1 : info->n;
}

/* In the options of the start-up packet a blank separates and a backslash escapes (PostgreSQL's
 * pg_split_opts()); within, the schema is a quoted identifier. */
static void write_search_path(struct qn_buf *to, const char *schema)
{
    qn_buf_write_c(to, " -c search_path=\"");
    for (const char *c = schema; *c; c++) {
        if (strchr(" \t\n\r\f\v\\", *c))
            qn_buf_write_byte(to, '\\');
        else if (*c == '"')
            qn_buf_write_byte(to, '"');
        qn_buf_write_byte(to, *c);
    }
    qn_buf_write_byte(to, '"');
}

/* Before what DATABASE_URL says in options, which may say otherwise. A plain SELECT waits for a lock only
 * while somebody has a whole table to himself: a migration's moment is waited for, more is told. Writes do
 * without (flight.c). */
#define LOCKS "-c lock_timeout=1s "

/* What the stores count on: how dates are written, plans that are made once and not for every array anew (see
 * struct pg_statement), and that a statement which has waited for a lock sees what the holder did. */
#define SESSION                                                                                              \
    " -c TimeZone=UTC -c DateStyle=ISO -c plan_cache_mode=force_generic_plan"                                \
    " -c default_transaction_isolation=read\\ committed"

static enum qn_status set_options(struct pg_conninfo *info, const struct pg_url *url)
{
    struct qn_buf text;
    qn_buf_init(&text, sizeof info->options - 1);
    qn_buf_printf(&text, LOCKS "%s" SESSION, url->options ? url->options : "");
    write_search_path(&text, url->schema);
    if (url->statement_timeout_ms > 0)
        qn_buf_printf(&text, " -c statement_timeout=%lld", (long long)url->statement_timeout_ms);
    bool fits = !qn_buf_failed(&text);
    if (fits) {
        memcpy(info->options, text.data, text.len + 1);
        pg_conninfo_set(info, "options", info->options);
    }
    qn_buf_fini(&text);
    return fits ? QN_OK : QN_INVALID_ARGUMENT;
}

enum qn_status pg_conninfo_init(struct pg_conninfo *info, const struct pg_url *url, const char *hostaddr)
{
    *info = (struct pg_conninfo){0};
    snprintf(info->connect_timeout_s, sizeof info->connect_timeout_s, "%lld",
             (long long)(url->connect_timeout_ms + 999) / 1000);
    const char *const pairs[][2] = {
        {"host", url->host},
        {"hostaddr", hostaddr},
        {"port", url->port},
        {"dbname", url->database},
        {"user", url->user},
        {"password", url->password},
        {"sslmode", url->sslmode},
        {"sslrootcert", url->sslrootcert},
        {"sslcert", url->sslcert},
        {"sslkey", url->sslkey},
        {"channel_binding", url->channel_binding},
        {"application_name", url->application_name},
        {"client_encoding", "UTF8"},
        {"connect_timeout", info->connect_timeout_s}, /* only the blocking verbs' PQconnectdb() heeds it */
        {"gssencmode", "disable"},                    /* Kerberos would look names up, blocking */
        /* A peer that is gone is noticed within ten seconds, whether something is under way
         * (tcp_user_timeout) or not (keep-alives: 5 s idle, then 5 s). */
        {"tcp_user_timeout", "10000"},
        {"keepalives_idle", "5"},
        {"keepalives_interval", "2"},
        {"keepalives_count", "3"},
    };
    for (size_t i = 0; i < QN_COUNT(pairs); i++)
        if (pairs[i][1])
            pg_conninfo_set(info, pairs[i][0], pairs[i][1]);
    return url->pgbouncer ? QN_OK : set_options(info, url);
}
