#ifndef RUN_SETTINGS_H
#define RUN_SETTINGS_H

#include "common/app/config.h"

struct run_settings {
    char *run_dir;
    char *http_listen;
    char *media_listen;
    char *database_url;       /* empty: PostgreSQL is embedded */
    char *admin_database_url; /* with database_url only */
    char *secret;             /* empty: one is made and kept */
    char *public_url;
    char *media_public_url;
    int64_t shutdown_timeout_ms;
    char *log_level;
    char *log_format;
};

extern const struct qn_setting run_settings_table[];
extern const size_t run_settings_count;

void run_settings_check(const struct run_settings *settings, struct qn_config_report *report);

#endif
