#ifndef QN_RPC_OUTBOUND_H
#define QN_RPC_OUTBOUND_H

#include "common/core/backlog.h"
#include "common/core/list.h"
#include "common/core/metric.h"
#include "common/rpc/address.h"
#include "common/rpc/client.h"
#include "common/rpc/discover.h"
#include "common/rpc/gate.h"
#include "common/rpc/peers.h"
#include "common/rpc/wire.h"

/* The client's inside: requests wait in a queue for each method, and travel in batches. request.c begins and
 * ends requests, client.c keeps the queues, batch.c sends. Inside the room.
 *
 *   start ──▶ queue ──▶ batch ──▶ answer ──▶ done
 *               ▲          │
 *               └──────────┘ not sent, not executed, or lost and idempotent
 */

/* The requests of one method that wait, oldest first. Lives as long as its client. */
struct qn_queue {
    struct qn_node node; /* in the client's 'queues' */
    struct qn_node turn; /* in the client's 'waiting' while it has requests */
    const struct qn_method *method;
    struct qn_list requests;
    struct qn_backlog backlog;                /* how fast they get on their way, and are answered */
    size_t n_sent;                            /* requests, in this flush */
    size_t n_under_way;                       /* messages of this method */
    struct qn_series *calls[QN_STATUS_COUNT]; /* by status, made at need */
    struct qn_series *seconds;
};

/* A message under way. */
struct qn_batch {
    struct qn_node node; /* in the client's list of those under way, or of idle ones */
    struct qn_client *client;
    struct qn_queue *queue;
    struct qn_peer *peer;
    struct qn_trip *trip;
    uint64_t sent_us;
    bool served; /* some answer says that the call was served */
    size_t n_requests;
    size_t n_live; /* not ended meanwhile by a deadline or a cancel */
    struct qn_request *requests[QN_WIRE_CALLS_MAX];
};

struct qn_client {
    struct qn_loop *loop;
    struct qn_gate *gate;
    struct qn_peers *peers;
    struct qn_discover *discover;
    struct qn_client_options options; /* defaults filled in */
    struct qn_address address;
    struct qn_log log;

    struct qn_list queues;
    struct qn_list waiting; /* queues with requests, in turn */
    size_t n_waiting;
    struct qn_list under_way, idle; /* batches */

    struct qn_later flush;
    struct qn_list ended; /* requests to be told, later in this turn */
    struct qn_later tell;

    uint64_t alone_since_ms; /* since when no peer is ready; 0: one is */
    struct qn_timer alone;

    bool looked; /* the address has been looked up */
    bool closing, gate_closed, discover_closed;
    void (*closed)(void *context);
    void *closed_context;
    struct qn_series *queue_length;
    struct qn_log_limit failures;
};

/* request.c */

/* Ends it now: its 'done' runs. Not from within a start. Requires: in no queue and no batch. */
void qn_request_end(struct qn_request *request, enum qn_status status, const char *message);
/* Ends it later in this turn. */
void qn_request_end_later(struct qn_request *request, enum qn_status status, const char *message);
/* Ends it later in this turn: it could not be answered in time. */
void qn_request_refuse_later(struct qn_request *request, uint32_t retry_after_ms);
/* Takes it out of its queue or batch. */
void qn_request_detach(struct qn_request *request);
/* Fills it from its result and ends it. */
void qn_request_answer(struct qn_request *request, const struct qn_wire_answer *answer);

/* batch.c: fills messages and sends them, as long as there are requests and peers to take them. */
void qn_client_flush(struct qn_later *later);
/* Sends it to the one peer it is for. False: that cannot take it now, or memory is out. */
bool qn_client_send_at(struct qn_request *request);
/* How many of this queue could leave at once. */
size_t qn_client_room(const struct qn_client *client, const struct qn_queue *queue);

/* client.c */

/* A flush, at the end of this turn. */
void qn_client_flush_later(struct qn_client *client);
/* Peers came or went, or requests wait: minds how long they have waited for a peer. */
void qn_client_watch_alone(struct qn_client *client);

/* Puts it into its method's queue, at the end or, when it was under way before, at the front. */
void qn_client_enqueue(struct qn_request *request, bool front);
/* The queue of this method; NULL when memory is out. */
struct qn_queue *qn_client_queue(struct qn_client *client, const struct qn_method *method);
/* A close may be waiting for the last request. */
void qn_client_end_if_empty(struct qn_client *client);

#endif
