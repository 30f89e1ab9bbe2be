#include "services/profile/settings.h"

#include <string.h>

#include "common/core/check.h"

#define SET struct profile_settings

const struct qn_setting profile_settings_table[] = {
    QN_APP_SETTINGS(SET, app),
    QN_RPC_SERVER_SETTINGS(SET, rpc, "ipc://.quintet/rpc/profile"),
    QN_RPC_TLS_SETTINGS(SET, tls),
    QN_SETTING_SECRET(
        "DATABASE_URL", SET, database_url, NULL,
        "postgresql://user:password@host:port/database?schema=public&connection_limit=5…, as Prisma "
        "writes it"),
    QN_SETTING_SECRET(
        "QUINTET_ADMIN_DATABASE_URL", SET, admin_database_url, "",
        "the same with a role that may create roles and owns the tables; for --provision and --migrate"),
    QN_SETTING_STRING("QUINTET_PROFILE_PEERS", SET, peers, "auto",
                      "where the processes of this service listen that share the connections: an address, or "
                      "none; auto: QUINTET_RPC_LISTEN if it is ipc://, else none"),
    QN_SETTING_INT("QUINTET_PG_QUEUE", SET, queue_max, "4096", 1, 1000000,
                   "queries that wait for a connection; more are refused with \"come again later\""),
    QN_SETTING_INT("QUINTET_PG_PIPELINE", SET, pipeline_max, "16", 1, 64,
                   "plain SELECTs under way on one connection; with pgbouncer=true one"),
};
const size_t profile_settings_count = QN_COUNT(profile_settings_table);

/* What was given holds a password. */
static bool parse_url(const char *name, const char *text, struct pg_url *ret_url,
                      struct qn_config_report *report)
{
    struct qn_error err = {0};
    if (pg_url_parse(qn_str_c(text), ret_url, &err) == QN_OK)
        return true;
    qn_config_complain(report, name, "(not shown)", err.message);
    return false;
}

/* Through PgBouncer nobody sees whose connections there are: each process has its share. */
static void find_others(struct profile_settings *set, struct qn_config_report *report)
{
    set->others.address = NULL;
    bool automatic = strcmp(set->peers, "auto") == 0;
    if (set->database.pgbouncer || strcmp(set->peers, "none") == 0 || set->peers[0] == '\0')
        return;
    if (!automatic) {
        qn_parts_check_address("QUINTET_PROFILE_PEERS", set->peers, &set->tls, report);
        set->others.address = set->peers;
    } else if (strncmp(set->rpc.listen, "ipc://", strlen("ipc://")) == 0) {
        set->others.address = set->rpc.listen;
    }
}

void profile_settings_check(void *settings, struct qn_config_report *report)
{
    struct profile_settings *set = settings;
    qn_parts_check_address("QUINTET_RPC_LISTEN", set->rpc.listen, &set->tls, report);
    profile_settings_free(set);
    if (set->database_url && set->database_url[0]) /* else it has been complained of */
        parse_url("DATABASE_URL", set->database_url, &set->database, report);
    find_others(set, report);
    if (set->admin_database_url && set->admin_database_url[0]) {
        set->has_admin =
            parse_url("QUINTET_ADMIN_DATABASE_URL", set->admin_database_url, &set->admin, report);
    }
}

void profile_settings_free(struct profile_settings *settings)
{
    pg_url_free(&settings->database);
    pg_url_free(&settings->admin);
    settings->has_admin = false;
}
