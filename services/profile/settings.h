#ifndef PROFILE_SETTINGS_H
#define PROFILE_SETTINGS_H

#include "common/app/app.h"
#include "common/app/parts.h"
#include "services/profile/pg/url.h"

/* What quintet-profile can be told; README.md has the table. */
struct profile_settings {
    struct qn_app_settings app;
    struct qn_rpc_tls_settings tls;
    struct qn_rpc_server_settings rpc;
    char *database_url;       /* DATABASE_URL */
    char *admin_database_url; /* QUINTET_ADMIN_DATABASE_URL; empty: none */
    char *peers;              /* QUINTET_PROFILE_PEERS */
    int64_t queue_max;
    int64_t pipeline_max;

    /* Taken apart by the check. */
    struct pg_url database;
    struct pg_url admin;
    bool has_admin;
    struct qn_rpc_client_settings others; /* where the processes are with which connections are shared; points
                                             to 'peers' or rpc.listen; NULL: nowhere */
};

extern const struct qn_setting profile_settings_table[];
extern const size_t profile_settings_count;

/* What the table cannot say: addresses, and the database's URLs, which it takes apart. For struct qn_app's
 * check. */
void profile_settings_check(void *settings, struct qn_config_report *report);

/* Frees what the check has made. */
void profile_settings_free(struct profile_settings *settings);

#endif
