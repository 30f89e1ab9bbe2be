#ifndef PROFILE_SLOTS_PRIVATE_H
#define PROFILE_SLOTS_PRIVATE_H

#include "common/core/metric.h"
#include "common/loop/timer.h"
#include "common/rpc/call.h"
#include "services/profile/slots/share.h"
#include "services/profile/slots/slots.h"
#include "slots.pb-c.h"

/* The inside of 'struct slots': slots.c lives and decides, talk.c asks the others, serve.c answers them.
 * Nobody else includes this. */

/* One question to one process, and its memory. */
struct slots_talk {
    struct qn_request request;
    struct qn_arena arena;
    struct qn_context ctx;
    struct slots *slots;
    uint64_t peer_id;
    bool busy;
};

struct slots {
    struct qn_loop *loop;
    struct slots_options options;
    struct slots_share share;
    struct qn_client *client;
    struct qn_log log;
    struct qn_later turn;   /* all that happens is acted on there */
    struct qn_timer tick;   /* until the next round, should nothing happen */
    struct qn_timer pause;  /* until the others count as heard; later, until one may be asked again */
    struct qn_timer giving; /* how long 'asker' waits */

    /* A round: our report to everyone, theirs back. */
    struct slots_talk talks[QN_CLIENT_PEERS_MAX];
    size_t open; /* answers that it waits for */
    bool running;
    bool dirty;    /* there is something new to tell */
    bool claiming; /* the round decides on a claim */
    bool settled;  /* one has ended: we know who is there */
    bool waited;   /* no longer than this for those who do not answer */

    /* Whom the client calls by which id; 0 where it is not known. */
    struct {
        uint64_t peer_id, process;
    } known[QN_CLIENT_PEERS_MAX];

    struct slots_talk ask;
    struct qn_call *asker; /* whom a connection is given, once it has gone; NULL: nobody */

    bool draining, closing, client_closing;
    void (*drained)(void *context);
    void *drained_context;
    void (*closed)(void *context);
    void *closed_context;

    bool too_many_told; /* in the log, once for each time */
    uint64_t n_given;   /* as 'given' below has it */
    struct qn_series *allowed, *processes, *given, *taken;
};

/* slots.c */

/* Something has happened: act on it later in this turn. */
void slots_wake(struct slots *slots);
/* Nobody is asked for a moment. */
void slots_pause_asking(struct slots *slots);
/* Tells the pool what it may hold. */
void slots_apply(struct slots *slots);
/* The connection that was to be given away has gone, or is kept: answers the asker. */
void slots_answer_asker(struct slots *slots, bool given);

/* talk.c */

/* Our report to all that can be asked now. slots->open says how many answers are to come. */
void slots_talk_report(struct slots *slots);
/* Asks this process for a connection; false: it cannot be asked. */
bool slots_talk_ask(struct slots *slots, uint64_t process);
/* All that are known can be asked. */
bool slots_talk_all_there(const struct slots *slots);
/* Forgets those whose connection has broken. */
void slots_talk_peers_changed(struct slots *slots);

/* Our report, as a message. The pool must be there still. */
Quintet__Slots__V1__Share slots_talk_share(struct slots *slots);
/* False: there is none, or one that cannot be meant. */
bool slots_talk_unpack(const Quintet__Slots__V1__Share *message, struct slots_report *ret_report);

/* serve.c: of whom the handlers speak; NULL: nobody. */
void slots_serve(struct slots *slots);

#endif
