#ifndef QN_APP_APP_H
#define QN_APP_APP_H

#include <stdbool.h>

#include "common/app/config.h"
#include "common/core/buf.h"
#include "common/core/status.h"
#include "common/loop/loop.h"

/* "Being a service": arguments, settings, log, loop, signals, admin port, readiness, draining, orderly end. A
 * service's main() fills a qn_app and its parts and calls qn_app_run(); nobody forgets a step. */

/* One piece of a service with a life of its own. Parts are opened in order, and drained and closed in
 * reverse. Embed it and find the owner by container_of; NULL members are skipped. All on the loop's thread.
 */
struct qn_part {
    const char *name; /* in /readyz and in log lines */

    /* The settings are read. Anything but QN_OK ends the process with exit code 1 and 'err' as its last line.
     */
    enum qn_status (*open)(struct qn_part *part, struct qn_loop *loop, struct qn_error *err);

    /* Whether this part can do its work now; writes a short reason to 'detail' when it cannot, and may write
     * a remark when it can. Called for each /readyz: cheap. */
    bool (*ready)(struct qn_part *part, struct qn_buf *detail);

    /* Take nothing new, finish what is in hand within 'limit_ms'; 'done' exactly once, not before this
     * returns. */
    void (*drain)(struct qn_part *part, uint64_t limit_ms, void (*done)(struct qn_part *part));

    /* Let go of everything; 'done' exactly once, not before this returns. Also called after a later part's
     * open failed, never after its own failed. */
    void (*close)(struct qn_part *part, void (*done)(struct qn_part *part));
};

/* A verb of the program beside serving: "quintet-profile --migrate". Returns the exit code. The settings are
 * read, the loop is not made. */
struct qn_verb {
    const char *flag; /* "--migrate" */
    const char *help;
    int (*run)(void *settings);
};

struct qn_app {
    const char *name;    /* "profile": the log name; the program is quintet-<name> */
    const char *summary; /* one sentence for --help */
    const struct qn_setting *settings_table;
    size_t n_settings;
    void *settings; /* the struct the table's offsets point into */
    /* Optional: what the table cannot say (settings that depend on each other). Adds to 'report' with
     * qn_config_complain(). */
    void (*check)(void *settings, struct qn_config_report *report);
    struct qn_part *const *parts;
    size_t n_parts;
    const struct qn_verb *verbs;
    size_t n_verbs;
};

/* Everything from argv to the exit code: 0 after an orderly end, 1 when a part did not open, 2 for bad
 * arguments or settings (every bad one is reported, a line each).
 *
 * --help lists summary, verbs and every setting with its default; --version; --check reads the settings and
 * says "ok"; --health asks the running service at QUINTET_ADMIN_LISTEN for /healthz, for containers without a
 * shell.
 *
 * Life: settings → log → RLIMIT_NOFILE to its hard limit → loop → admin port → parts opened → "serving" →
 * SIGINT or SIGTERM: not ready; after QUINTET_SHUTDOWN_DELAY parts drained in reverse order within
 * QUINTET_SHUTDOWN_TIMEOUT; closed in reverse order; loop proven empty; "ended". A second signal exits at
 * once with 130 or 143. SIGPIPE is ignored. systemd is told of it (Type=notify) where NOTIFY_SOCKET is set.
 *
 * The table of every service begins with QN_APP_SETTINGS (see settings of struct qn_app_settings). */
int qn_app_run(const struct qn_app *app, int argc, char **argv);

/* What every service can be told; the first member of its settings struct. */
struct qn_app_settings {
    char *log_level;             /* QUINTET_LOG_LEVEL: debug, info, warn, error; default info */
    char *log_format;            /* QUINTET_LOG_FORMAT: text, json */
    char *admin_listen;          /* QUINTET_ADMIN_LISTEN: host:port for /healthz, /readyz, /metrics; default
                                    127.0.0.1:0 */
    int64_t shutdown_delay_ms;   /* QUINTET_SHUTDOWN_DELAY: default 0s */
    int64_t shutdown_timeout_ms; /* QUINTET_SHUTDOWN_TIMEOUT: default 20s */
    char *env;                   /* NODE_ENV: production, development, test …; default empty */
};

#define QN_APP_SETTINGS(type, member)                                                                        \
    QN_SETTING_CHOICE("QUINTET_LOG_LEVEL", type, member.log_level, "info", "debug|info|warn|error",          \
                      "what is logged"),                                                                     \
        QN_SETTING_CHOICE("QUINTET_LOG_FORMAT", type, member.log_format, "text", "text|json",                \
                          "a line each, logfmt or JSON"),                                                    \
        QN_SETTING_STRING("QUINTET_ADMIN_LISTEN", type, member.admin_listen, "127.0.0.1:0",                  \
                          "host:port of /healthz, /readyz and /metrics"),                                    \
        QN_SETTING_DURATION(                                                                                 \
            "QUINTET_SHUTDOWN_DELAY", type, member.shutdown_delay_ms, "0s", 0, 600000,                       \
            "after SIGTERM, not ready but serving on for so long: until load balancers know"),               \
        QN_SETTING_DURATION("QUINTET_SHUTDOWN_TIMEOUT", type, member.shutdown_timeout_ms, "20s", 0, 600000,  \
                            "longest wait for work in hand after SIGTERM"),                                  \
        QN_SETTING_STRING("NODE_ENV", type, member.env, "",                                                  \
                          "as Next.js and Better Auth read it; \"production\" is strict")

/* A listening socket handed over by systemd or the supervisor (sd_listen_fds(3): LISTEN_PID, LISTEN_FDS,
 * LISTEN_FDNAMES) under this name, "admin" or "http"; 0 when there is none. */
int qn_app_listen_fd(const char *name);

#endif
