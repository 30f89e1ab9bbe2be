#ifndef PROFILE_HANDOVER_H
#define PROFILE_HANDOVER_H

#include "common/app/app.h"
#include "services/profile/database.h"
#include "services/profile/slots/slots.h"

/* The part "slots": the connections are shared with the other processes of this service (slots/), if there
 * may be any. Name it last: the first thing at the end of a process is that the others learn of it, and they
 * go on being told until the pool has given back its last connection. */
struct profile_handover {
    struct qn_part part;
    const struct profile_settings *settings;
    const struct profile_database *database;
    struct slots *slots;   /* NULL: not open, or alone */
    struct qn_loop *loop;  /* private from here */
    struct qn_later later; /* an end with nothing to be done */
    void (*done)(struct qn_part *part);
};

#define PROFILE_HANDOVER(settings_, database_)                                                               \
    {                                                                                                        \
        .part = {.name = "slots",                                                                            \
                 .open = profile_handover_open,                                                              \
                 .ready = profile_handover_ready,                                                            \
                 .drain = profile_handover_drain,                                                            \
                 .close = profile_handover_close},                                                           \
        .settings = (settings_), .database = (database_)                                                     \
    }

enum qn_status profile_handover_open(struct qn_part *part, struct qn_loop *loop, struct qn_error *err);
bool profile_handover_ready(struct qn_part *part, struct qn_buf *detail);
void profile_handover_drain(struct qn_part *part, uint64_t limit_ms, void (*done)(struct qn_part *part));
void profile_handover_close(struct qn_part *part, void (*done)(struct qn_part *part));

#endif
