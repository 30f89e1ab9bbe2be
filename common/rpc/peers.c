#include "common/rpc/peers.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/core/check.h"
#include "common/core/clock.h"
#include "common/core/metric.h"
#include "common/rpc/peers_private.h"
#include "common/rpc/rendezvous.h"
#include "common/rpc/wire.h"

/* More addresses than these are not used; a service has a handful of processes. */
enum { PEERS_MAX = 64 };

enum {
    TICK_MS = 250,        /* how often the list is looked through */
    PING_AFTER_MS = 1000, /* quiet time before a ping: how soon an idle client learns that a peer drains */
    GREETING_TIMEOUT_MS = 5000,
    HUNG_UP_MS = 1000,   /* before a peer that drained is dialled again, should its address stay */
    DIAL_ANEW_MS = 1500, /* then a new socket: whatever the old one's dialler waits for */
    BROKEN_MS = 1000,    /* a call was lost, and the line has not said that its connection is: then as well */
};

static struct qn_metric connected_metric = {
    .name = "quintet_rpc_client_peers",
    .help = "Peers of a service that are connected and take calls",
    .kind = QN_GAUGE,
    .labels = {"service"},
};

static void greet(struct qn_peer *peer);

static void note(const struct qn_peer *peer, enum qn_log_level level, const char *text)
{
    qn_log(peer->peers->options.log, level, text, QN_F_C("service", peer->peers->options.service),
           QN_F_C("peer", peer->url), QN_F_INT("outstanding", peer->n_calls));
}

static void enter(struct qn_peer *peer, enum qn_peer_state state)
{
    if (peer->state == state)
        return;
    if (state == QN_PEER_READY)
        qn_metric_add(peer->peers->connected, 1);
    if (peer->state == QN_PEER_READY)
        qn_metric_add(peer->peers->connected, -1);
    peer->state = state;
    peer->since_ms = qn_clock_now_ms();
}

static void hang_up(struct qn_peer *peer)
{
    struct qn_line *line = peer->line;
    bool connected = peer->connection != 0 && peer->state != QN_PEER_SILENT && peer->broken_ms == 0;
    peer->line = NULL;
    peer->connection = 0;
    peer->broken_ms = 0;
    if (line == NULL)
        return;
    if (peer->greeting != NULL)
        qn_trip_cancel(peer->greeting);
    if (connected)
        qn_line_part(line);
    else
        qn_line_close(line);
}

static void free_when_idle(struct qn_peer *peer)
{
    if (peer->gone && peer->greeting == NULL && peer->n_messages == 0)
        free(peer);
}

static void forget(struct qn_peer *peer)
{
    qn_list_remove(&peer->peers->list, &peer->node);
    peer->gone = true;
    hang_up(peer);
    enter(peer, QN_PEER_LEAVING);
    free_when_idle(peer);
}

/* The last answer of a peer that is to be left is here: hang up, so that it can end. */
static void leave_when_idle(struct qn_peer *peer)
{
    if (peer->n_messages > 0)
        return;
    if (peer->state == QN_PEER_LEAVING) {
        forget(peer);
    } else if (peer->state == QN_PEER_DRAINING) {
        note(peer, QN_DEBUG, "hung up on a draining peer");
        hang_up(peer);
        enter(peer, QN_PEER_HUNG_UP);
    }
}

static void set_draining(struct qn_peer *peer)
{
    if (peer->state != QN_PEER_GREETING && peer->state != QN_PEER_READY && peer->state != QN_PEER_SILENT)
        return;
    note(peer, QN_INFO, "peer is draining");
    enter(peer, QN_PEER_DRAINING);
}

static void on_changed(void *context, uint32_t connection)
{
    struct qn_peer *peer = context;
    if (peer->line == NULL || connection == peer->connection)
        return;
    bool was_up = peer->connection != 0;
    peer->connection = connection;
    peer->broken_ms = 0;
    if (was_up) {
        if (peer->state == QN_PEER_READY || peer->state == QN_PEER_SILENT)
            note(peer, QN_INFO, "peer lost");
        if (peer->state == QN_PEER_GREETING || peer->state == QN_PEER_READY || peer->state == QN_PEER_SILENT)
            enter(peer, QN_PEER_DIALLING);
        peer->peers->events.lost(peer->peers->events.context, peer);
        peer->peers->events.suspect(peer->peers->events.context, peer->url);
    }
    if (connection == 0)
        return;
    if (peer->state == QN_PEER_DIALLING)
        enter(peer, QN_PEER_GREETING);
    if (peer->greeting == NULL)
        greet(peer);
    else
        qn_trip_cancel(peer->greeting); /* of a connection that is no more; greeted again at its end */
}

static void open_line(struct qn_peer *peer)
{
    struct qn_peers *peers = peer->peers;
    struct qn_transport_options options = peers->options.transport;
    options.url = peer->url;
    options.contexts++; /* the greeting's */
    struct qn_line_events events = {on_changed, peer};
    struct qn_error err = {0};
    uint64_t held_back;
    enter(peer, QN_PEER_DIALLING);
    peer->since_ms = qn_clock_now_ms();
    if (qn_line_open(peers->gate, &options, &events, &peer->line, &err) != QN_OK) {
        peer->line = NULL; /* the tick tries again */
        if (qn_log_due(&peers->trouble, 10000, &held_back))
            qn_log(peers->options.log, QN_ERROR, "cannot dial a peer", QN_F_C("peer", peer->url),
                   QN_F_C("error", err.message));
    }
}

static void become_ready(struct qn_peer *peer)
{
    note(peer, QN_INFO, "peer ready");
    enter(peer, QN_PEER_READY);
    peer->peers->events.ready(peer->peers->events.context);
}

static void answered_greeting(struct qn_peer *peer, struct qn_message *answer)
{
    struct qn_wire_response response;
    uint64_t held_back;
    if (qn_wire_read_response(qn_message_view(answer), &response, NULL) != QN_OK || response.n_results > 0) {
        if (qn_log_due(&peer->peers->trouble, 10000, &held_back))
            note(peer, QN_WARN, "peer does not speak our protocol");
        return;
    }
    peer->heard_ms = qn_clock_now_ms();
    if (response.draining) {
        set_draining(peer);
        leave_when_idle(peer);
    } else if (peer->state == QN_PEER_GREETING || peer->state == QN_PEER_SILENT) {
        become_ready(peer);
    }
}

static void on_greeted(void *context, enum qn_trip_end end, struct qn_message *answer)
{
    struct qn_peer *peer = context;
    peer->greeting = NULL;
    if (peer->gone || peer->peers->closed) {
        qn_message_free(answer);
        free_when_idle(peer);
        return;
    }
    if (end == QN_TRIP_ANSWERED) {
        answered_greeting(peer, answer);
        qn_message_free(answer);
    } else if (end == QN_TRIP_TIMED_OUT && peer->state == QN_PEER_READY &&
               qn_clock_now_ms() - peer->heard_ms >= GREETING_TIMEOUT_MS) {
        /* A busy one answers its calls, and the greeting when a context of its own is free. */
        note(peer, QN_WARN, "peer does not answer");
        enter(peer, QN_PEER_SILENT);
        peer->peers->events.lost(peer->peers->events.context, peer);
    } else if (peer->state == QN_PEER_GREETING && peer->connection != 0) {
        greet(peer); /* its connection was lost meanwhile, and there is a new one */
    }
}

static void greet(struct qn_peer *peer)
{
    if (peer->greeting != NULL || peer->line == NULL || qn_line_idle_trips(peer->line) == 0)
        return;
    struct qn_message *message = qn_message_new(0);
    if (message != NULL)
        peer->greeting = qn_trip_start(peer->line, message, GREETING_TIMEOUT_MS, on_greeted, peer);
}

static void tick_peer(struct qn_peer *peer, uint64_t now_ms)
{
    if (peer->broken_ms != 0 && now_ms - peer->broken_ms > BROKEN_MS) {
        note(peer, QN_WARN, "a lost connection was not told of");
        hang_up(peer);
        peer->peers->events.lost(peer->peers->events.context, peer);
        if (peer->state == QN_PEER_DRAINING)
            enter(peer, QN_PEER_HUNG_UP);
        else if (peer->state != QN_PEER_LEAVING)
            open_line(peer);
    }
    switch (peer->state) {
    case QN_PEER_DIALLING:
        if (peer->line == NULL || now_ms - peer->since_ms > DIAL_ANEW_MS) {
            hang_up(peer);
            open_line(peer);
        }
        peer->peers->events.suspect(peer->peers->events.context, peer->url);
        break;
    case QN_PEER_GREETING:
        greet(peer);
        break;
    case QN_PEER_READY:
        if (now_ms - peer->heard_ms > PING_AFTER_MS)
            greet(peer);
        break;
    case QN_PEER_SILENT:
        /* A connection may be dead without our side having learnt it. */
        if (peer->n_messages == 0 && peer->greeting == NULL) {
            hang_up(peer);
            open_line(peer);
        } else {
            greet(peer);
        }
        break;
    case QN_PEER_HUNG_UP:
        if (now_ms - peer->since_ms > HUNG_UP_MS)
            open_line(peer);
        break;
    case QN_PEER_DRAINING:
    case QN_PEER_LEAVING:
        break;
    }
}

static void on_tick(struct qn_timer *timer)
{
    struct qn_peers *peers = container_of(timer, struct qn_peers, tick);
    uint64_t now_ms = qn_clock_now_ms();
    qn_list_each (node, &peers->list)
        tick_peer(container_of(node, struct qn_peer, node), now_ms);
    qn_timer_start(peers->loop, &peers->tick, TICK_MS, on_tick);
}

enum qn_status qn_peers_open(struct qn_loop *loop, struct qn_gate *gate,
                             const struct qn_peers_options *options, const struct qn_peers_events *events,
                             struct qn_peers **ret_peers)
{
    struct qn_peers *peers = calloc(1, sizeof(*peers));
    if (peers == NULL)
        return QN_RESOURCE_EXHAUSTED;
    peers->loop = loop;
    peers->gate = gate;
    peers->options = *options;
    peers->events = *events;
    peers->connected = qn_metric_series(&connected_metric, options->service, NULL, NULL);
    qn_list_init(&peers->list);
    qn_timer_start(loop, &peers->tick, TICK_MS, on_tick);
    *ret_peers = peers;
    return QN_OK;
}

static bool listed(const char *url, const char *const *urls, size_t n_urls)
{
    for (size_t i = 0; i < n_urls; i++)
        if (strcmp(url, urls[i]) == 0)
            return true;
    return false;
}

static struct qn_peer *find(struct qn_peers *peers, const char *url)
{
    qn_list_each (node, &peers->list) {
        struct qn_peer *peer = container_of(node, struct qn_peer, node);
        if (peer->state != QN_PEER_LEAVING && strcmp(peer->url, url) == 0)
            return peer;
    }
    return NULL;
}

static void add(struct qn_peers *peers, const char *url)
{
    struct qn_peer *peer = peers->list.len < PEERS_MAX ? calloc(1, sizeof(*peer)) : NULL;
    if (peer == NULL)
        return; /* the next look tries again */
    peer->peers = peers;
    peer->id = ++peers->next_id;
    snprintf(peer->url, sizeof(peer->url), "%s", url);
    peer->name = qn_rendezvous_peer(peer->url);
    qn_list_push(&peers->list, &peer->node);
    open_line(peer);
}

void qn_peers_update(struct qn_peers *peers, const char *const *urls, size_t n_urls)
{
    qn_list_each (node, &peers->list) {
        struct qn_peer *peer = container_of(node, struct qn_peer, node);
        if (peer->state == QN_PEER_LEAVING || listed(peer->url, urls, n_urls))
            continue;
        note(peer, QN_DEBUG, "peer has left the list");
        enter(peer, QN_PEER_LEAVING);
        leave_when_idle(peer);
    }
    for (size_t i = 0; i < n_urls; i++)
        if (find(peers, urls[i]) == NULL)
            add(peers, urls[i]);
}

void qn_peers_each(const struct qn_peers *peers, void (*each)(void *context, uint64_t id, bool ready),
                   void *context)
{
    qn_list_each (node, &peers->list) {
        const struct qn_peer *peer = container_of(node, const struct qn_peer, node);
        if (peer->state != QN_PEER_LEAVING)
            each(context, peer->id, peer->state == QN_PEER_READY);
    }
}

uint64_t qn_peer_id(const struct qn_peer *peer)
{
    return peer->id;
}

const char *qn_peer_url(const struct qn_peer *peer)
{
    return peer->url;
}

struct qn_trip *qn_peer_send(struct qn_peer *peer, struct qn_message *message, size_t n_calls,
                             uint64_t timeout_ms,
                             void (*done)(void *context, enum qn_trip_end end, struct qn_message *answer),
                             void *context)
{
    peer->n_messages++;
    peer->n_calls += n_calls;
    return qn_trip_start(peer->line, message, timeout_ms, done, context);
}

void qn_peer_done(struct qn_peer *peer, size_t n_calls, enum qn_trip_end end, bool draining)
{
    QN_CHECK(peer->n_messages > 0 && peer->n_calls >= n_calls);
    peer->n_messages--;
    peer->n_calls -= n_calls;
    if (peer->gone) {
        free_when_idle(peer);
        return;
    }
    if (end == QN_TRIP_ANSWERED)
        peer->heard_ms = qn_clock_now_ms();
    else if (end == QN_TRIP_LOST && peer->connection != 0 && peer->broken_ms == 0)
        peer->broken_ms = qn_clock_now_ms();
    if (draining)
        set_draining(peer);
    else if (end == QN_TRIP_ANSWERED && peer->state == QN_PEER_SILENT)
        become_ready(peer);
    leave_when_idle(peer);
}

void qn_peers_close(struct qn_peers *peers)
{
    peers->closed = true;
    qn_timer_cancel(peers->loop, &peers->tick);
    qn_list_each (node, &peers->list)
        forget(container_of(node, struct qn_peer, node));
}

void qn_peers_free(struct qn_peers *peers)
{
    QN_CHECK(peers->closed);
    free(peers);
}
