#ifndef QN_RPC_PEERS_PRIVATE_H
#define QN_RPC_PEERS_PRIVATE_H

#include "common/core/list.h"
#include "common/core/metric.h"
#include "common/loop/timer.h"
#include "common/rpc/address.h"
#include "common/rpc/peers.h"

/* What is known of peers, shared by peers.c, where it changes, and choose.c, which reads it; nobody else
 * includes this. */

/* Drawn in peers.h. */
enum qn_peer_state {
    QN_PEER_DIALLING,
    QN_PEER_GREETING,
    QN_PEER_READY,
    QN_PEER_SILENT,
    QN_PEER_DRAINING,
    QN_PEER_HUNG_UP,
    QN_PEER_LEAVING
};

struct qn_peer {
    struct qn_node node;
    struct qn_peers *peers;
    uint64_t id;
    enum qn_peer_state state;
    struct qn_line *line; /* NULL: hung up, or gone */
    char url[QN_ADDRESS_URL_MAX];
    uint64_t name; /* of rendezvous.h */
    uint32_t connection;
    size_t n_messages, n_calls; /* outstanding, without the greeting */
    struct qn_trip *greeting;   /* under way, or NULL */
    uint64_t since_ms;          /* of the state */
    uint64_t heard_ms;
    uint64_t shunned_ms; /* until when */
    uint64_t broken_ms;  /* when a call was lost on this connection; 0: none */
    bool gone;           /* out of the list; freed when nothing is under way any more */
};

struct qn_peers {
    struct qn_loop *loop;
    struct qn_gate *gate;
    struct qn_peers_options options;
    struct qn_peers_events events;
    struct qn_list list;
    struct qn_timer tick;
    uint64_t next_id;
    size_t turn; /* where the next pick begins */
    bool closed;
    struct qn_series *connected;
    struct qn_log_limit trouble;
};

#endif
