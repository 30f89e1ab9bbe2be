#ifndef QN_RPC_CLIENT_H
#define QN_RPC_CLIENT_H

#include "common/core/arena.h"
#include "common/core/status.h"
#include "common/loop/loop.h"
#include "common/loop/timer.h"
#include "common/rpc/call.h"

/* Calls one service, whichever of its processes is best placed: behind a client stands one line per
 * resolved address (common/rpc/peers.h). Calls to the same batchable method that start in one turn of the
 * loop leave in one message. */
struct qn_client;
struct qn_queue;
struct qn_batch;

struct qn_client_options {
    const char *name; /* "profile": label of metrics and log lines; static */
    /* "tcp://profile:7001" (a name is resolved, again and again; every address is a peer),
     * "ipc:///run/quintet/profile" (a folder that is watched; every socket in it is a peer), "inproc://name",
     * "tls+tcp://…" with the TLS members. */
    const char *address;
    const char *tls_certificate_file, *tls_key_file, *tls_ca_file;
    size_t contexts;  /* messages outstanding per peer, 1 to 64; 0: 64. Of one method at most half */
    size_t queue_max; /* requests that wait for a context or a peer; 0: 8,192; more: QN_RESOURCE_EXHAUSTED.
                         Fewer are taken when their turn would come too late */
    size_t message_max_bytes;  /* 0: 4 MiB; a larger request is QN_RESOURCE_EXHAUSTED, alone */
    uint64_t wait_for_peer_ms; /* a request waits so long for some peer to be connected, if its deadline lets
                                  it; 0: 2,000. Then QN_UNAVAILABLE. A service that restarts is not an error
                                  to its callers. */
    /* Optional, for who speaks to each process by itself: qn_client_peers() may say something else now. Never
     * from within a call of this header. */
    void (*peers_changed)(void *context);
    void *context;
};

/* The service need not be there yet. QN_INVALID_ARGUMENT for a bad address. */
QN_MUST_USE enum qn_status qn_client_open(struct qn_loop *loop, const struct qn_client_options *options,
                                          struct qn_client **ret_client, struct qn_error *err);

/* Whether some peer is connected and not draining. */
bool qn_client_ready(const struct qn_client *client);

/* One process behind the address. */
struct qn_client_peer {
    uint64_t id; /* never 0, never used again by this client: a process that comes back is another */
    bool ready;  /* connected, and takes calls */
};

enum { QN_CLIENT_PEERS_MAX = 64 };

/* Those that are known now, this process among them if it listens there itself; returns how many.
 * '*ret_looked': whether the address has been looked up at all; before that there are none. */
size_t qn_client_peers(const struct qn_client *client, struct qn_client_peer ret_peers[QN_CLIENT_PEERS_MAX],
                       bool *ret_looked);

/* Every outstanding request ends with QN_CANCELLED, later in this turn: for a shutdown whose time is up. */
void qn_client_cancel_all(struct qn_client *client);

/* Outstanding requests end with QN_CANCELLED first. */
void qn_client_close(struct qn_client *client, void (*closed)(void *context), void *context);

/* One request: embed it, zero it first. It belongs to the client from start until 'done' has been entered; in
 * 'done' it may be freed or started again. */
struct qn_request {
    /* The answer, valid from 'done' on; all of it lives in the arena given at the start. */
    enum qn_status status;
    const void *out;      /* the unpacked response when QN_OK, of method->response; NULL for a packed start */
    struct qn_str packed; /* the response's bytes when QN_OK and it was a packed start */
    struct qn_str message; /* of a failure, for people */
    struct qn_str reason;  /* machine-readable, may be empty */
    struct qn_violation *violations;
    size_t n_violations;
    uint32_t retry_after_ms;
    bool not_executed;
    struct qn_str *set_cookies;
    size_t n_set_cookies;

    /* Private from here. */
    struct qn_node node; /* in a queue, or among those about to be told */
    struct qn_client *client;
    const struct qn_method *method;
    const struct qn_context *ctx;
    struct qn_arena *arena;
    void (*done)(struct qn_request *request);
    struct qn_timer timer;
    struct qn_str call; /* the packed Call without its timeout, in the arena */
    struct qn_queue *queue;
    struct qn_batch *batch; /* the message it travels in, NULL while it waits */
    size_t place;           /* in the batch */
    uint64_t started_us;
    uint64_t waiting_ms; /* since when it waits to be sent */
    uint64_t avoid;      /* the peer that did not execute it */
    uint64_t only;       /* the one peer it is for; 0: any */
    uint64_t affinity;   /* its key, of rendezvous.h; 0: any peer will do */
    unsigned tries;      /* messages that left with it */
    unsigned returns;    /* messages that did not leave */
    bool packed_only;
    bool maybe_executed; /* it was in a message whose connection broke */
};

/* Sends 'in' (of method->request; packed before this returns) under 'ctx', whose deadline, ids, caller and
 * credentials travel along; ctx and arena must outlive 'done'. 'done' runs once, on the loop, never from
 * within this call. Statuses of its own:
 *
 * - QN_DEADLINE_EXCEEDED: nothing came in time, also when it never left
 * - QN_UNAVAILABLE: certainly not executed: no peer, or none that takes calls
 * - QN_UNKNOWN: sent, and then the peer was lost: it may have happened. Methods that are idempotent are sent
 *   once more elsewhere before that
 * - QN_RESOURCE_EXHAUSTED: reason "OVERLOAD", the queue is full, or so long that the answer would come too
 * late (common/core/backlog.h), certainly not executed, and retry_after_ms says when to come again; without
 * that reason: request too large, or the arena's ceiling
 * - QN_INVALID_ARGUMENT: text in the request or in 'ctx' that is not UTF-8
 * - QN_INTERNAL: the answer was not understood
 * - QN_CANCELLED
 *
 * Everything else is the server's word. */
void qn_request_start(struct qn_request *request, struct qn_client *to, const struct qn_method *method,
                      const void *in, const struct qn_context *ctx, struct qn_arena *arena,
                      void (*done)(struct qn_request *request));

/* The same with a request that is already packed (and prechecked); the answer is left packed too. */
void qn_request_start_packed(struct qn_request *request, struct qn_client *to, const struct qn_method *method,
                             struct qn_str packed, const struct qn_context *ctx, struct qn_arena *arena,
                             void (*done)(struct qn_request *request));

/* The same to this process and no other, by its id in qn_client_peers(). It leaves at once or not at all:
 * QN_UNAVAILABLE when that process cannot be asked now, does not take calls, or is lost before the message
 * has left; QN_UNKNOWN when it is lost later. Never sent again, whatever the method. */
void qn_request_start_at(struct qn_request *request, struct qn_client *to, uint64_t peer_id,
                         const struct qn_method *method, const void *in, const struct qn_context *ctx,
                         struct qn_arena *arena, void (*done)(struct qn_request *request));

/* The same as the first, to the peer that 'key' belongs to: all clients that see the same peers ask the same
 * one for the same key, however busy it is. While that peer is away, or draining, the next in the key's own
 * order is asked; when it is back, so is the key. A method may be asked with and without keys. */
void qn_request_start_near(struct qn_request *request, struct qn_client *to, const struct qn_method *method,
                           const void *in, struct qn_str key, const struct qn_context *ctx,
                           struct qn_arena *arena, void (*done)(struct qn_request *request));

/* 'done' still comes, with QN_CANCELLED, later in this turn; an answer under way is dropped. */
void qn_request_cancel(struct qn_request *request);

/* Hands a failed request's words on as the answer of 'call' (QN_OK is a bug): status, message, reason,
 * violations, retry. A status that would mislead one hop up is translated: UNAUTHENTICATED and the like stay,
 * QN_INVALID_ARGUMENT of an inner method becomes QN_INTERNAL when 'inner_is_ours'. */
void qn_call_fail_from(struct qn_call *call, const struct qn_request *request, bool inner_is_ours);

#endif
