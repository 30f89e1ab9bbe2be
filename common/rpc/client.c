#include "common/rpc/client.h"

#include <stdlib.h>

#include "common/core/check.h"
#include "common/core/clock.h"
#include "common/rpc/outbound.h"

/* A request: 1. packed, and put into its method's queue  2. at the end of the turn, taken with what else
 * waits there into one message to the peer with the fewest calls  3. answered in the order of the calls.
 * No peer ready: step 2 waits, up to wait_for_peer_ms. All contexts busy: step 2 waits for one, and the batch
 * grows. Not sent, or not executed: back to step 2, elsewhere. Peer lost after step 2: idempotent ones back
 * to step 2, once; the others end as QN_UNKNOWN. Deadline: ends whatever the step. */

enum {
    CONTEXTS_DEFAULT = 64,
    CONTEXTS_MAX = 64, /* a few dozen: nng issue 1663 */
    QUEUE_MAX = 8192,
    MESSAGE_MAX_BYTES = 4 << 20,
    WAIT_FOR_PEER_MS = 2000,
};

static struct qn_metric seconds_metric = {
    .name = "quintet_rpc_client_seconds",
    .help = "Time from a request's start to its end",
    .kind = QN_HISTOGRAM,
    .labels = {"service", "method"},
};

static struct qn_metric waiting_metric = {
    .name = "quintet_rpc_client_waiting",
    .help = "Requests that wait for a context or a peer",
    .kind = QN_GAUGE,
    .labels = {"service"},
};

void qn_client_flush_later(struct qn_client *client)
{
    if (!client->closing && client->n_waiting > 0)
        qn_later_start(client->loop, &client->flush, qn_client_flush);
}

/* Queues. */

struct qn_queue *qn_client_queue(struct qn_client *client, const struct qn_method *method)
{
    qn_list_each (node, &client->queues) {
        struct qn_queue *queue = container_of(node, struct qn_queue, node);
        if (queue->method == method)
            return queue;
    }
    struct qn_queue *queue = calloc(1, sizeof(*queue));
    if (queue == NULL)
        return NULL;
    queue->method = method;
    queue->seconds = qn_metric_series(&seconds_metric, client->options.name, method->path, NULL);
    qn_list_init(&queue->requests);
    qn_list_push(&client->queues, &queue->node);
    return queue;
}

void qn_client_enqueue(struct qn_request *request, bool front)
{
    struct qn_client *client = request->client;
    struct qn_queue *queue = request->queue;
    request->waiting_ms = qn_clock_now_ms();
    if (qn_list_empty(&queue->requests)) {
        qn_list_push(&client->waiting, &queue->turn);
        qn_backlog_begin(&queue->backlog, request->waiting_ms * 1000);
    }
    if (front)
        qn_list_push_front(&queue->requests, &request->node);
    else
        qn_list_push(&queue->requests, &request->node);
    client->n_waiting++;
    qn_client_flush_later(client);
}

/* Without a peer. */

static void on_alone(struct qn_timer *timer);

/* Since when the first of a queue has waited for a peer. */
static uint64_t alone_since(const struct qn_client *client, const struct qn_queue *queue)
{
    const struct qn_request *first = container_of(qn_list_first(&queue->requests), struct qn_request, node);
    return first->waiting_ms > client->alone_since_ms ? first->waiting_ms : client->alone_since_ms;
}

void qn_client_watch_alone(struct qn_client *client)
{
    if (qn_peers_any_ready(client->peers, 0)) {
        client->alone_since_ms = 0;
        qn_timer_cancel(client->loop, &client->alone);
        return;
    }
    if (client->alone_since_ms == 0)
        client->alone_since_ms = qn_clock_now_ms();
    if (qn_timer_active(&client->alone))
        return;
    uint64_t first_ms = UINT64_MAX;
    qn_list_each (node, &client->waiting) {
        uint64_t since_ms = alone_since(client, container_of(node, struct qn_queue, turn));
        first_ms = since_ms < first_ms ? since_ms : first_ms;
    }
    if (first_ms != UINT64_MAX)
        qn_timer_start(client->loop, &client->alone,
                       qn_clock_left_ms(first_ms + client->options.wait_for_peer_ms), on_alone);
}

/* The requests that have waited long enough end later in this turn, so the lists stand still here. */
static void on_alone(struct qn_timer *timer)
{
    struct qn_client *client = container_of(timer, struct qn_client, alone);
    uint64_t now_ms = qn_clock_now_ms();
    qn_list_each (node, &client->waiting) {
        struct qn_queue *queue = container_of(node, struct qn_queue, turn);
        while (!qn_list_empty(&queue->requests) &&
               now_ms - alone_since(client, queue) >= client->options.wait_for_peer_ms) {
            struct qn_request *request =
                container_of(qn_list_first(&queue->requests), struct qn_request, node);
            qn_request_detach(request);
            qn_request_end_later(request, request->maybe_executed ? QN_UNKNOWN : QN_UNAVAILABLE,
                                 "no peer is there");
        }
    }
    qn_client_watch_alone(client);
}

/* Peers. */

static void tell_peers_changed(struct qn_client *client)
{
    if (client->options.peers_changed != NULL && !client->closing)
        client->options.peers_changed(client->options.context);
}

static void on_peer_ready(void *context)
{
    struct qn_client *client = context;
    qn_client_watch_alone(client);
    qn_client_flush_later(client);
    tell_peers_changed(client);
}

static void on_peer_lost(void *context, struct qn_peer *peer)
{
    struct qn_client *client = context;
    qn_list_each (node, &client->under_way) {
        struct qn_batch *batch = container_of(node, struct qn_batch, node);
        if (batch->peer == peer && batch->trip != NULL)
            qn_trip_cancel_unsent(batch->trip);
    }
    qn_client_watch_alone(client);
    tell_peers_changed(client);
}

static void on_peer_suspect(void *context, const char *url)
{
    struct qn_client *client = context;
    qn_discover_suspect(client->discover, url);
}

static void on_found(void *context, const struct qn_discover_url *urls, size_t n_urls)
{
    struct qn_client *client = context;
    const char *texts[QN_DISCOVER_MAX];
    for (size_t i = 0; i < n_urls; i++)
        texts[i] = urls[i].text;
    qn_peers_update(client->peers, texts, n_urls);
    client->looked = true;
    qn_client_watch_alone(client);
    tell_peers_changed(client);
}

/* Opening and closing. */

static void free_client(struct qn_client *client)
{
    struct qn_node *node;
    while ((node = qn_list_pop(&client->idle)) != NULL)
        free(container_of(node, struct qn_batch, node));
    while ((node = qn_list_pop(&client->queues)) != NULL)
        free(container_of(node, struct qn_queue, node));
    if (client->peers != NULL)
        qn_peers_free(client->peers);
    free(client);
}

void qn_client_end_if_empty(struct qn_client *client)
{
    if (!client->closing || !client->gate_closed || !client->discover_closed ||
        !qn_list_empty(&client->ended))
        return;
    QN_CHECK(qn_list_empty(&client->under_way) && client->n_waiting == 0);
    void (*closed)(void *context) = client->closed;
    void *context = client->closed_context;
    free_client(client);
    if (closed != NULL)
        closed(context);
}

static void on_gate_closed(void *context)
{
    struct qn_client *client = context;
    client->gate_closed = true;
    qn_client_end_if_empty(client);
}

static void on_discover_closed(void *context)
{
    struct qn_client *client = context;
    client->discover_closed = true;
    qn_client_end_if_empty(client);
}

static enum qn_status check_options(const struct qn_client_options *options, struct qn_address *ret_address,
                                    struct qn_error *err)
{
    if (options->contexts > CONTEXTS_MAX)
        return qn_error_set(err, QN_INVALID_ARGUMENT, "contexts: 1 to %d", CONTEXTS_MAX);
    QN_TRY(qn_address_parse(options->address, ret_address, err));
    if (ret_address->kind == QN_ADDRESS_SOCKET && strlen(ret_address->path) > 100)
        return qn_error_set(err, QN_INVALID_ARGUMENT, "%s: a socket's path has at most 100 bytes",
                            options->address);
    if (ret_address->kind != QN_ADDRESS_TLS)
        return QN_OK;
    if (options->tls_ca_file == NULL || options->tls_certificate_file == NULL ||
        options->tls_key_file == NULL)
        return qn_error_set(err, QN_INVALID_ARGUMENT, "%s: needs certificate, key and CA files",
                            options->address);
    return QN_OK;
}

static enum qn_status open_parts(struct qn_client *client)
{
    const struct qn_client_options *options = &client->options;
    QN_TRY(qn_gate_open(client->loop, &client->gate));
    struct qn_peers_options peers_options = {
        .service = options->name,
        .log = &client->log,
        .transport =
            {
                .tls_certificate_file = options->tls_certificate_file,
                .tls_key_file = options->tls_key_file,
                .tls_ca_file = options->tls_ca_file,
                .tls_server_name = client->address.host,
                .contexts = options->contexts,
                .message_max_bytes = options->message_max_bytes,
            },
    };
    struct qn_peers_events events = {on_peer_ready, on_peer_lost, on_peer_suspect, client};
    QN_TRY(qn_peers_open(client->loop, client->gate, &peers_options, &events, &client->peers));
    return qn_discover_open(client->loop, &client->address, &client->log, on_found, client,
                            &client->discover);
}

enum qn_status qn_client_open(struct qn_loop *loop, const struct qn_client_options *options,
                              struct qn_client **ret_client, struct qn_error *err)
{
    struct qn_address address;
    QN_TRY(check_options(options, &address, err));
    struct qn_client *client = calloc(1, sizeof(*client));
    if (client == NULL)
        return qn_error_set(err, QN_RESOURCE_EXHAUSTED, "out of memory");
    client->loop = loop;
    client->address = address;
    client->options = *options;
    struct qn_client_options *set = &client->options;
    set->contexts = set->contexts == 0 ? CONTEXTS_DEFAULT : set->contexts;
    set->queue_max = set->queue_max == 0 ? QUEUE_MAX : set->queue_max;
    set->message_max_bytes = set->message_max_bytes == 0 ? MESSAGE_MAX_BYTES : set->message_max_bytes;
    set->wait_for_peer_ms = set->wait_for_peer_ms == 0 ? WAIT_FOR_PEER_MS : set->wait_for_peer_ms;
    qn_list_init(&client->queues);
    qn_list_init(&client->waiting);
    qn_list_init(&client->under_way);
    qn_list_init(&client->idle);
    qn_list_init(&client->ended);
    client->alone_since_ms = qn_clock_now_ms();
    client->queue_length = qn_metric_series(&waiting_metric, options->name, NULL, NULL);
    enum qn_status status = open_parts(client);
    if (status != QN_OK) {
        qn_error_set(err, status, "%s: out of memory or descriptors", options->address);
        client->discover_closed = true;
        qn_client_close(client, NULL, NULL);
        return status;
    }
    *ret_client = client;
    return QN_OK;
}

bool qn_client_ready(const struct qn_client *client)
{
    return qn_peers_any_ready(client->peers, 0);
}

struct listing {
    struct qn_client_peer *to;
    size_t n;
};

static void list_peer(void *context, uint64_t id, bool ready)
{
    struct listing *listing = context;
    if (listing->n < QN_CLIENT_PEERS_MAX)
        listing->to[listing->n++] = (struct qn_client_peer){.id = id, .ready = ready};
}

size_t qn_client_peers(const struct qn_client *client, struct qn_client_peer ret_peers[QN_CLIENT_PEERS_MAX],
                       bool *ret_looked)
{
    struct listing listing = {.to = ret_peers};
    qn_peers_each(client->peers, list_peer, &listing);
    *ret_looked = client->looked;
    return listing.n;
}

void qn_client_cancel_all(struct qn_client *client)
{
    qn_list_each (node, &client->queues) {
        struct qn_queue *queue = container_of(node, struct qn_queue, node);
        struct qn_node *first;
        while ((first = qn_list_first(&queue->requests)) != NULL)
            qn_request_cancel(container_of(first, struct qn_request, node));
    }
    qn_list_each (node, &client->under_way) {
        struct qn_batch *batch = container_of(node, struct qn_batch, node);
        for (size_t i = 0; i < batch->n_requests; i++)
            if (batch->requests[i] != NULL)
                qn_request_cancel(batch->requests[i]);
    }
}

void qn_client_close(struct qn_client *client, void (*closed)(void *context), void *context)
{
    QN_CHECK(!client->closing);
    client->closing = true;
    client->closed = closed;
    client->closed_context = context;
    qn_client_cancel_all(client);
    qn_later_cancel(client->loop, &client->flush);
    qn_timer_cancel(client->loop, &client->alone);
    if (client->peers != NULL)
        qn_peers_close(client->peers);
    if (client->discover != NULL)
        qn_discover_close(client->discover, on_discover_closed, client);
    if (client->gate != NULL)
        qn_gate_close(client->gate, on_gate_closed, client);
    else /* of an open that failed: nothing else will come */
        on_gate_closed(client);
}
