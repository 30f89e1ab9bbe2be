#ifndef PROFILE_TRASH_WATCH_H
#define PROFILE_TRASH_WATCH_H

#include "common/app/app.h"
#include "common/loop/timer.h"
#include "services/profile/database.h"
#include "services/profile/store/trash.h"

/* The part "trash": counts once a minute what waits in quintet.photo_trash, for two gauges. Whoever empties
 * it is another service, so that its silence must show here. Name it after the database's part. It is always
 * ready: that pictures lie about for longer keeps nobody from being served. */
struct profile_trash_watch {
    struct qn_part part;
    const struct profile_database *database;
    struct qn_loop *loop; /* private from here */
    struct qn_timer timer;
    struct qn_later later;
    struct qn_arena arena;
    struct store_steps steps;
    struct pg_query query;
    bool asking, ending;
    void (*drained)(struct qn_part *part);
    void (*done)(struct qn_part *part); /* of the close, once it runs */
};

#define PROFILE_TRASH_WATCH(database_)                                                                       \
    {                                                                                                        \
        .part = {.name = "trash",                                                                            \
                 .open = profile_trash_watch_open,                                                           \
                 .drain = profile_trash_watch_drain,                                                         \
                 .close = profile_trash_watch_close},                                                        \
        .database = (database_)                                                                              \
    }

enum qn_status profile_trash_watch_open(struct qn_part *part, struct qn_loop *loop, struct qn_error *err);
void profile_trash_watch_drain(struct qn_part *part, uint64_t limit_ms, void (*done)(struct qn_part *part));
void profile_trash_watch_close(struct qn_part *part, void (*done)(struct qn_part *part));

#endif
