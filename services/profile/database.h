#ifndef PROFILE_DATABASE_H
#define PROFILE_DATABASE_H

#include "common/app/app.h"
#include "services/profile/pg/pool.h"
#include "services/profile/settings.h"

/* The part "pg": the pool as a piece of the service's life, and the verbs that prepare the database. Name it
 * before the server, so that the server stops taking calls first. */
struct profile_database {
    struct qn_part part;
    const struct profile_settings *settings;
    /* Told of the pool before the server opens: profile_rpc_init(). */
    void (*opened)(struct pg_pool *pool);
    struct pg_pool *pool;               /* NULL unless open */
    void (*done)(struct qn_part *part); /* private: of the drain or close that runs */
};

#define PROFILE_DATABASE(settings_, opened_)                                                                 \
    {                                                                                                        \
        .part = {.name = "pg",                                                                               \
                 .open = profile_database_open,                                                              \
                 .ready = profile_database_ready,                                                            \
                 .drain = profile_database_drain,                                                            \
                 .close = profile_database_close},                                                           \
        .settings = (settings_), .opened = (opened_)                                                         \
    }

enum qn_status profile_database_open(struct qn_part *part, struct qn_loop *loop, struct qn_error *err);
bool profile_database_ready(struct qn_part *part, struct qn_buf *detail);
void profile_database_drain(struct qn_part *part, uint64_t limit_ms, void (*done)(struct qn_part *part));
void profile_database_close(struct qn_part *part, void (*done)(struct qn_part *part));

/* For struct qn_verb. The exit code: 0, 1, or EX_TEMPFAIL of sysexits.h when no server takes connections
 * there (or it stopped midway): to be tried again. */
int profile_database_provision(void *settings);
int profile_database_migrate(void *settings);

#endif
