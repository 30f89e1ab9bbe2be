#ifndef QN_CORE_LOG_H
#define QN_CORE_LOG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/core/status.h"
#include "common/core/str.h"

/* One event, one line on stderr, in logfmt:
 *   2026-11-23T04:15:56.937Z INFO  auth: signed in request=4f1c… user=oxQm2t4m… took_ms=83
 * or, after qn_log_setup() with json, one JSON object a line. Values are quoted and escaped, so a value from
 * a peer can never begin a line or a field. A line is at most 4 KiB; longer values are cut. Any thread. */

enum qn_log_level { QN_DEBUG, QN_INFO, QN_WARN, QN_ERROR };

struct qn_field {
    const char *key; /* static text, [a-z0-9_]+ */
    enum { QN_FIELD_STR, QN_FIELD_INT, QN_FIELD_STATUS } kind;
    struct qn_str str;
    int64_t num;
};

#define QN_F_STR(key, view)      ((struct qn_field){(key), QN_FIELD_STR, (view), 0})
#define QN_F_C(key, text)        ((struct qn_field){(key), QN_FIELD_STR, qn_str_c(text), 0})
#define QN_F_INT(key, number)    ((struct qn_field){(key), QN_FIELD_INT, {0}, (int64_t)(number)})
#define QN_F_STATUS(key, status) ((struct qn_field){(key), QN_FIELD_STATUS, {0}, (int64_t)(status)})

/* Fields that every line written through this context carries. Contexts chain: a call's context points to its
 * service's. Plain data; the fields' texts must outlive it. */
struct qn_log {
    const struct qn_log *parent;
    const char *name; /* the room or service, "profile"; NULL: the parent's */
    struct qn_field fields[4];
    size_t n_fields;
};

/* Once, before threads start. 'service' is static text and names lines without a context. */
void qn_log_setup(const char *service, enum qn_log_level level, bool json);

bool qn_log_enabled(enum qn_log_level level);
bool qn_log_level_parse(struct qn_str text, enum qn_log_level *ret_level); /* debug, info, warn, error */

enum { QN_LOG_FIELDS_MAX = 8 };

/* What one line says: the text, then fields up to the first without a key. */
struct qn_event {
    const char *text; /* static: what changes goes into fields */
    struct qn_field fields[QN_LOG_FIELDS_MAX];
};

/* qn_log(&call->ctx.log, QN_WARN, "password refused", QN_F_C("user", id), QN_F_INT("tries", n));
 * 'log' may be NULL. */
#define qn_log(log, level, ...) qn_log_write((log), (level), &(const struct qn_event){__VA_ARGS__})

void qn_log_write(const struct qn_log *log, enum qn_log_level level, const struct qn_event *event);

/* At most one line each 'every_ms' for what a peer or a broken database can repeat at will. Zero it once;
 * qn_log_due() says whether to write now and how many lines were held back since the last. One thread. */
struct qn_log_limit {
    uint64_t next_ms;
    uint64_t held_back;
};
bool qn_log_due(struct qn_log_limit *limit, uint64_t every_ms, uint64_t *ret_held_back);

/* Where lines go instead of stderr, for tests; NULL restores it. The line ends in '\n'. */
void qn_log_redirect(void (*sink)(void *context, struct qn_str line), void *context);

#endif
