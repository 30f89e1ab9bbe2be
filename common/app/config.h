#ifndef QN_APP_CONFIG_H
#define QN_APP_CONFIG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/core/buf.h"

/* Settings: one table a service, a line each, read from the environment. A bad one is told by its name, what
 * was given and what is allowed; all of them at once. Secrets are never printed. */

enum qn_setting_kind {
    QN_SETTING_KIND_STRING,   /* char *  */
    QN_SETTING_KIND_SECRET,   /* char *, never shown */
    QN_SETTING_KIND_CHOICE,   /* char *, one of 'choices' */
    QN_SETTING_KIND_INT,      /* int64_t */
    QN_SETTING_KIND_BOOL,     /* bool: true false 1 0 yes no on off */
    QN_SETTING_KIND_DURATION, /* int64_t in ms: "250ms", "2s", "5m", "1h" */
    QN_SETTING_KIND_SIZE,     /* int64_t in bytes: "512", "64KiB", "1MiB" */
};

struct qn_setting {
    const char *name; /* the environment variable */
    enum qn_setting_kind kind;
    size_t offset;
    const char *fallback; /* the default, as text; NULL: must be given */
    int64_t min, max;     /* INT, DURATION in ms, SIZE in bytes */
    const char *choices;  /* "text|json" */
    const char *help;
};

#define QN_SETTING_STRING(name, type, member, fallback, help)                                                \
    {                                                                                                        \
        (name), QN_SETTING_KIND_STRING, offsetof(type, member), (fallback), 0, 0, NULL, (help)               \
    }
#define QN_SETTING_SECRET(name, type, member, fallback, help)                                                \
    {                                                                                                        \
        (name), QN_SETTING_KIND_SECRET, offsetof(type, member), (fallback), 0, 0, NULL, (help)               \
    }
#define QN_SETTING_CHOICE(name, type, member, fallback, choices, help)                                       \
    {                                                                                                        \
        (name), QN_SETTING_KIND_CHOICE, offsetof(type, member), (fallback), 0, 0, (choices), (help)          \
    }
#define QN_SETTING_INT(name, type, member, fallback, min, max, help)                                         \
    {                                                                                                        \
        (name), QN_SETTING_KIND_INT, offsetof(type, member), (fallback), (min), (max), NULL, (help)          \
    }
#define QN_SETTING_BOOL(name, type, member, fallback, help)                                                  \
    {                                                                                                        \
        (name), QN_SETTING_KIND_BOOL, offsetof(type, member), (fallback), 0, 0, NULL, (help)                 \
    }
#define QN_SETTING_DURATION(name, type, member, fallback, min_ms, max_ms, help)                              \
    {                                                                                                        \
        (name), QN_SETTING_KIND_DURATION, offsetof(type, member), (fallback), (min_ms), (max_ms), NULL,      \
            (help)                                                                                           \
    }
#define QN_SETTING_SIZE(name, type, member, fallback, min, max, help)                                        \
    {                                                                                                        \
        (name), QN_SETTING_KIND_SIZE, offsetof(type, member), (fallback), (min), (max), NULL, (help)         \
    }

/* Lines about bad settings, for stderr. */
struct qn_config_report {
    struct qn_buf lines;
    size_t n_complaints;
};

/* "QUINTET_SHUTDOWN_TIMEOUT: \"soon\" is not allowed; a duration from 0s to 10m, as 250ms, 2s, 5m" */
void qn_config_complain(struct qn_config_report *report, const char *name, const char *given,
                        const char *allowed);

/* Reads every setting through 'get' (getenv in earnest; a stand-in in tests) into 'to'. An empty value counts
 * as not given. Complaints go to 'report'. Strings are the struct's own until qn_config_free(). */
void qn_config_read(const struct qn_setting *table, size_t n, void *to, const char *(*get)(const char *name),
                    struct qn_config_report *report);
void qn_config_free(const struct qn_setting *table, size_t n, void *settings);

/* The table for --help: name, default, help. */
void qn_config_help(const struct qn_setting *table, size_t n, struct qn_buf *to);

#endif
