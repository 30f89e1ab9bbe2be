#include "deploy/run/settings.h"

#include "common/core/check.h"
#include "common/core/listen.h"

#define SET struct run_settings

const struct qn_setting run_settings_table[] = {
    QN_SETTING_STRING("QUINTET_RUN_DIR", SET, run_dir, ".quintet",
                      "folder of this copy: database, pictures, secret, sockets, endpoints"),
    QN_SETTING_STRING("QUINTET_HTTP_LISTEN", SET, http_listen, "127.0.0.1:8080",
                      "host:port of the gateway; port 0 takes a free one"),
    QN_SETTING_STRING("QUINTET_MEDIA_LISTEN", SET, media_listen, "127.0.0.1:8081",
                      "host:port that browsers upload pictures to"),
    QN_SETTING_SECRET("DATABASE_URL", SET, database_url, "",
                      "a PostgreSQL of your own, as Prisma writes it; without it one is embedded"),
    QN_SETTING_SECRET(
        "QUINTET_ADMIN_DATABASE_URL", SET, admin_database_url, "",
        "the same with a role that may create roles: then the role of DATABASE_URL is provisioned too"),
    QN_SETTING_SECRET("BETTER_AUTH_SECRET", SET, secret, "",
                      "signs the session cookies; without it one is made and kept in the run folder"),
    QN_SETTING_STRING("BETTER_AUTH_URL", SET, public_url, "",
                      "public URL of the site; without it the gateway's"),
    QN_SETTING_STRING("QUINTET_MEDIA_PUBLIC_URL", SET, media_public_url, "",
                      "what browsers put before a picture's key; without it the URL of QUINTET_MEDIA_LISTEN"),
    QN_SETTING_DURATION("QUINTET_SHUTDOWN_TIMEOUT", SET, shutdown_timeout_ms, "20s", 0, 600000,
                        "longest wait for a service's work in hand after SIGTERM"),
    QN_SETTING_CHOICE("QUINTET_LOG_LEVEL", SET, log_level, "info", "debug|info|warn|error", "what is logged"),
    QN_SETTING_CHOICE("QUINTET_LOG_FORMAT", SET, log_format, "text", "text|json",
                      "a line each, logfmt or JSON"),
};
const size_t run_settings_count = QN_COUNT(run_settings_table);

static void check_listen(const char *name, const char *given, struct qn_config_report *report)
{
    struct qn_listen_address address;
    if (!qn_listen_parse(given, &address))
        qn_config_complain(report, name, given, QN_LISTEN_ALLOWED);
}

void run_settings_check(const struct run_settings *settings, struct qn_config_report *report)
{
    check_listen("QUINTET_HTTP_LISTEN", settings->http_listen, report);
    check_listen("QUINTET_MEDIA_LISTEN", settings->media_listen, report);
    if (settings->admin_database_url[0] && !settings->database_url[0])
        qn_config_complain(
            report, "QUINTET_ADMIN_DATABASE_URL", "(not shown)",
            "only together with DATABASE_URL: the embedded PostgreSQL has an admin of its own");
}
