#include "common/core/check.h"
#include "common/core/clock.h"
#include "common/rpc/peers_private.h"
#include "common/rpc/rendezvous.h"

/* Which peer a message goes to. Of the peers only two things change here: whose turn is next, and until when
 * one is shunned. */

enum {
    SHUN_MS = 250, /* as long as a process may take to get what it lacks, a database connection, say */
};

bool qn_peers_any_ready(const struct qn_peers *peers, uint64_t avoid)
{
    qn_list_each (node, &peers->list) {
        const struct qn_peer *peer = container_of(node, struct qn_peer, node);
        if (peer->state == QN_PEER_READY && peer->id != avoid)
            return true;
    }
    return false;
}

size_t qn_peers_n_ready(const struct qn_peers *peers)
{
    size_t n = 0;
    qn_list_each (node, &peers->list)
        n += container_of(node, const struct qn_peer, node)->state == QN_PEER_READY;
    return n;
}

bool qn_peer_can_take(const struct qn_peer *peer)
{
    return peer->state == QN_PEER_READY && peer->n_messages < peer->peers->options.transport.contexts &&
           qn_line_idle_trips(peer->line) > 0;
}

static bool is_shunned(const struct qn_peer *peer, uint64_t now_ms)
{
    return peer->shunned_ms > now_ms;
}

void qn_peers_shun(struct qn_peers *peers, uint64_t id)
{
    qn_list_each (node, &peers->list) {
        struct qn_peer *peer = container_of(node, struct qn_peer, node);
        if (peer->id == id)
            peer->shunned_ms = qn_clock_now_ms() + SHUN_MS;
    }
}

bool qn_peers_any_willing(const struct qn_peers *peers, uint64_t avoid)
{
    uint64_t now_ms = qn_clock_now_ms();
    qn_list_each (node, &peers->list) {
        const struct qn_peer *peer = container_of(node, const struct qn_peer, node);
        if (peer->state == QN_PEER_READY && peer->id != avoid && !is_shunned(peer, now_ms))
            return true;
    }
    return false;
}

/* Whether 'peer' is the better choice; the lower rank stands nearer in turn. */
static bool is_better(const struct qn_peer *peer, size_t rank, const struct qn_peer *best, size_t best_rank,
                      uint64_t now_ms)
{
    bool shunned = is_shunned(peer, now_ms);
    if (best == NULL || shunned != is_shunned(best, now_ms))
        return best == NULL || !shunned;
    return peer->n_calls < best->n_calls || (peer->n_calls == best->n_calls && rank < best_rank);
}

struct qn_peer *qn_peers_pick(struct qn_peers *peers, uint64_t avoid)
{
    struct qn_peer *best = NULL;
    uint64_t now_ms = qn_clock_now_ms();
    size_t best_rank = 0, index = 0, len = peers->list.len;
    qn_list_each (node, &peers->list) {
        struct qn_peer *peer = container_of(node, struct qn_peer, node);
        /* Among equals, the one that comes first from where the last pick left off. */
        size_t rank = (index++ + len - peers->turn % len) % len;
        if (!qn_peer_can_take(peer) || peer->id == avoid)
            continue;
        if (is_better(peer, rank, best, best_rank, now_ms)) {
            best = peer;
            best_rank = rank;
        }
    }
    if (best != NULL && is_shunned(best, now_ms) && qn_peers_any_willing(peers, avoid))
        return NULL; /* worth waiting for */
    if (best != NULL)
        peers->turn = (peers->turn + best_rank + 1) % len;
    return best;
}

struct qn_peer *qn_peers_find(struct qn_peers *peers, uint64_t id)
{
    qn_list_each (node, &peers->list) {
        struct qn_peer *peer = container_of(node, struct qn_peer, node);
        if (peer->id == id)
            return qn_peer_can_take(peer) ? peer : NULL;
    }
    return NULL;
}

struct qn_peer *qn_peers_nearest(struct qn_peers *peers, uint64_t key, uint64_t avoid)
{
    struct qn_peer *nearest = NULL;
    uint64_t highest = 0;
    qn_list_each (node, &peers->list) {
        struct qn_peer *peer = container_of(node, struct qn_peer, node);
        if (peer->state != QN_PEER_READY || peer->id == avoid)
            continue;
        uint64_t score = qn_rendezvous_score(key, peer->name);
        if (nearest == NULL || score > highest) {
            nearest = peer;
            highest = score;
        }
    }
    return nearest;
}
