#ifndef QN_RPC_PEERS_H
#define QN_RPC_PEERS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/core/log.h"
#include "common/core/status.h"
#include "common/loop/loop.h"
#include "common/rpc/transport.h"

/* The processes that serve one service, as one client sees them: a line to each address, so that each
 * message has the choice of them. Inside the room.
 *
 *              connected          greeting answered
 *   DIALLING ────────────▶ GREETING ────────────▶ READY ◀──────────▶ SILENT (pings stay unanswered)
 *      ▲                       │                    │ answers carry      │
 *      │ lost                  │                    │ the draining mark  │
 *      └───────────────────────┴────────────────────┼────────────────────┘
 *                                                   ▼
 *             after a while: dials anew ◀── HUNG_UP ◀── DRAINING (until its last answer is here)
 *
 * A greeting is an empty message; the answer shows that the other side serves, and whether it is draining,
 * before any call is risked. A peer that nothing was heard of for a second is greeted again (a ping). A peer
 * whose address is gone is LEAVING: it ends as DRAINING does, and is forgotten. */
struct qn_peers;
struct qn_peer;

struct qn_peers_options {
    const char *service; /* label of the metrics; static */
    const struct qn_log *log;
    struct qn_transport_options transport; /* the url is each peer's own */
};

struct qn_peers_events {
    /* A peer can take messages that could not before. */
    void (*ready)(void *context);
    /* A peer was lost, or does not answer. Messages to it that have not left are best taken back. */
    void (*lost)(void *context, struct qn_peer *peer);
    /* The same, for who knows where peers come from. */
    void (*suspect)(void *context, const char *url);
    void *context;
};

QN_MUST_USE enum qn_status qn_peers_open(struct qn_loop *loop, struct qn_gate *gate,
                                         const struct qn_peers_options *options,
                                         const struct qn_peers_events *events, struct qn_peers **ret_peers);

/* These addresses and no others. */
void qn_peers_update(struct qn_peers *peers, const char *const *urls, size_t n_urls);

/* Whether some peer is READY; other than 'avoid' (an id, 0: none). */
bool qn_peers_any_ready(const struct qn_peers *peers, uint64_t avoid);

size_t qn_peers_n_ready(const struct qn_peers *peers);

/* All but those that are LEAVING: calls 'each' with the id, and whether it is READY. */
void qn_peers_each(const struct qn_peers *peers, void (*each)(void *context, uint64_t id, bool ready),
                   void *context);

/* The peer of this id, if it is READY and can take a message now; else NULL. */
struct qn_peer *qn_peers_find(struct qn_peers *peers, uint64_t id);

/* The READY peer with the fewest calls outstanding that can take a message now, in turn among equals; other
 * than 'avoid'; one that is shunned only when all are. NULL: none. */
struct qn_peer *qn_peers_pick(struct qn_peers *peers, uint64_t avoid);

/* The READY peer that a key belongs to (rendezvous.h), whether or not it can take a message now; other than
 * 'avoid'. NULL: none is READY. */
struct qn_peer *qn_peers_nearest(struct qn_peers *peers, uint64_t key, uint64_t avoid);

/* Whether it is READY and has a context free. */
bool qn_peer_can_take(const struct qn_peer *peer);

/* This peer did not execute what it was sent, though it is not draining: for a moment it is shunned. It
 * answers faster than those who work, so it would be picked again and again. */
void qn_peers_shun(struct qn_peers *peers, uint64_t id);

/* Whether some peer other than 'avoid' is READY and not shunned. */
bool qn_peers_any_willing(const struct qn_peers *peers, uint64_t avoid);

uint64_t qn_peer_id(const struct qn_peer *peer); /* never 0, never used again */
const char *qn_peer_url(const struct qn_peer *peer);

/* As qn_trip_start(); 'n_calls' are what the peer is then known to have. Requires: it can take a message;
 * what qn_peers_pick() or qn_peers_find() gave in this turn can. */
struct qn_trip *qn_peer_send(struct qn_peer *peer, struct qn_message *message, size_t n_calls,
                             uint64_t timeout_ms,
                             void (*done)(void *context, enum qn_trip_end end, struct qn_message *answer),
                             void *context);

/* To be called first in 'done'; afterwards the peer may be gone. 'draining': what the answer said. */
void qn_peer_done(struct qn_peer *peer, size_t n_calls, enum qn_trip_end end, bool draining);

/* Hangs up on all. What is under way ends through the gate given at the start; close that, and then free. */
void qn_peers_close(struct qn_peers *peers);
void qn_peers_free(struct qn_peers *peers);

#endif
