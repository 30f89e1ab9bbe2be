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
    CONTEXTS_DEFAULT = 32,
    CONTEXTS_MAX = 64, /* a few dozen: nng issue 1663 */
    QUEUE_MAX = 8192,
    MESSAGE_MAX_BYTES = 4 << 20,
    WAIT_FOR_PEER_MS = 2000,
};

/* A request leaves in a message at most so often, and comes back unsent at most so often. */
enum { TRIES_MAX = 2, RETURNS_MAX = 8 };

/* Beyond the last deadline of a message: our own timers end its requests first. */
enum { TRIP_SLACK_MS = 20 };

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

static void on_flush(struct qn_later *later);

static void flush_later(struct qn_client *client)
{
    if (!client->closing && client->n_waiting > 0)
        qn_later_start(client->loop, &client->flush, on_flush);
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
    if (qn_list_empty(&queue->requests))
        qn_list_push(&client->waiting, &queue->turn);
    if (front)
        qn_list_push_front(&queue->requests, &request->node);
    else
        qn_list_push(&queue->requests, &request->node);
    client->n_waiting++;
    flush_later(client);
}

/* Without a peer. */

static void on_alone(struct qn_timer *timer);

/* Since when the first of a queue has waited for a peer. */
static uint64_t alone_since(const struct qn_client *client, const struct qn_queue *queue)
{
    const struct qn_request *first = container_of(qn_list_first(&queue->requests), struct qn_request, node);
    return first->waiting_ms > client->alone_since_ms ? first->waiting_ms : client->alone_since_ms;
}

static void watch_alone(struct qn_client *client)
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
    watch_alone(client);
}

/* Batches. */

static void give_back(struct qn_request *request, uint64_t avoid)
{
    request->avoid = avoid;
    qn_client_enqueue(request, true);
}

static void on_not_sent(struct qn_request *request)
{
    if (++request->returns < RETURNS_MAX)
        give_back(request, 0);
    else
        qn_request_end(request, request->maybe_executed ? QN_UNKNOWN : QN_UNAVAILABLE, "could not be sent");
}

static void on_lost(struct qn_request *request)
{
    request->tries++;
    if (request->method->idempotency != QN_NOT_IDEMPOTENT && request->tries < TRIES_MAX) {
        request->maybe_executed = true;
        give_back(request, 0);
    } else {
        qn_request_end(request, QN_UNKNOWN, "the peer was lost before it answered");
    }
}

static void on_result(struct qn_request *request, struct qn_str bytes, uint64_t peer_id, bool draining)
{
    struct qn_client *client = request->client;
    struct qn_wire_answer answer;
    request->tries++;
    if (qn_wire_read_result(bytes, request->arena, &answer) != QN_OK) {
        qn_request_end(request, QN_RESOURCE_EXHAUSTED, "the answer is larger than the call's memory");
        return;
    }
    /* A draining peer is asked no more, so this ends with the peers. */
    if (answer.not_executed && draining) {
        request->tries--;
        give_back(request, peer_id);
    } else if (answer.not_executed && answer.status == QN_UNAVAILABLE && request->tries < TRIES_MAX &&
               qn_peers_any_ready(client->peers, peer_id)) {
        give_back(request, peer_id);
    } else {
        qn_request_answer(request, &answer);
    }
}

/* The request at this place, out of the batch; NULL when it has ended meanwhile. */
static struct qn_request *take_out(struct qn_batch *batch, size_t place)
{
    struct qn_request *request = batch->requests[place];
    batch->requests[place] = NULL;
    if (request != NULL)
        request->batch = NULL;
    return request;
}

/* Any 'done' on the way may cancel other requests of the batch, or close the client. */
static void end_answered(struct qn_batch *batch, uint64_t peer_id, struct qn_wire_response *response)
{
    struct qn_str bytes;
    for (size_t i = 0; i < batch->n_requests && qn_wire_next_result(response, &bytes); i++) {
        struct qn_request *request = take_out(batch, i);
        if (request != NULL)
            on_result(request, bytes, peer_id, response->draining);
    }
}

/* From the last, so that those that go back into the queue stand there as they stood. */
static void end_unanswered(struct qn_batch *batch, enum qn_trip_end end)
{
    for (size_t i = batch->n_requests; i-- > 0;) {
        struct qn_request *request = take_out(batch, i);
        if (request == NULL)
            continue;
        if (end == QN_TRIP_NOT_SENT)
            on_not_sent(request);
        else if (end == QN_TRIP_LOST || end == QN_TRIP_CANCELLED)
            on_lost(request);
        else if (end == QN_TRIP_TIMED_OUT)
            qn_request_end(request, QN_DEADLINE_EXCEEDED, "no answer in time");
        else
            qn_request_end(request, QN_INTERNAL, "the answer was not understood");
    }
}

static void on_trip_done(void *context, enum qn_trip_end end, struct qn_message *message)
{
    struct qn_batch *batch = context;
    struct qn_client *client = batch->client;
    uint64_t peer_id = qn_peer_id(batch->peer);
    struct qn_wire_response response = {0};
    bool understood = end == QN_TRIP_ANSWERED &&
                      qn_wire_read_response(qn_message_view(message), &response, NULL) == QN_OK &&
                      response.n_results == batch->n_requests;
    batch->trip = NULL;
    qn_peer_done(batch->peer, batch->n_requests, end, response.draining);
    if (understood)
        end_answered(batch, peer_id, &response);
    else
        end_unanswered(batch, end);
    qn_message_free(message);
    qn_list_remove(&client->under_way, &batch->node);
    qn_list_push(&client->idle, &batch->node);
    flush_later(client);
}

/* Takes requests from the front of the queue: one, or when the method is batchable as many as a message may
 * hold. Returns the size of the message. */
static size_t fill_batch(struct qn_batch *batch, uint64_t peer_id, uint32_t timeouts_ms[QN_WIRE_CALLS_MAX])
{
    struct qn_client *client = batch->client;
    struct qn_queue *queue = batch->queue;
    size_t calls_max = queue->method->batchable ? QN_WIRE_CALLS_MAX : 1;
    size_t head = qn_wire_request_size(strlen(queue->method->path)), size = head;
    size_t limit = client->options.message_max_bytes < QN_WIRE_BATCH_MAX_BYTES
                       ? client->options.message_max_bytes
                       : QN_WIRE_BATCH_MAX_BYTES;
    qn_list_each (node, &queue->requests) {
        struct qn_request *request = container_of(node, struct qn_request, node);
        if (request->avoid == peer_id)
            continue;
        uint64_t left_ms = qn_clock_left_ms(request->ctx->deadline_ms);
        if (left_ms > QN_WIRE_TIMEOUT_MAX_MS)
            left_ms = QN_WIRE_TIMEOUT_MAX_MS;
        uint32_t timeout_ms = left_ms > 0 ? (uint32_t)left_ms : 1; /* its timer is about to end it */
        size_t more = qn_wire_add_call_size(request->call.len, timeout_ms);
        if (batch->n_requests > 0 && size + more > limit)
            break;
        qn_request_detach(request);
        size += more;
        timeouts_ms[batch->n_requests] = timeout_ms;
        request->batch = batch;
        request->place = batch->n_requests;
        batch->requests[batch->n_requests++] = request;
        if (batch->n_requests == calls_max)
            break;
    }
    batch->n_live = batch->n_requests;
    return size;
}

static struct qn_message *write_batch(const struct qn_batch *batch, size_t size, const uint32_t *timeouts_ms)
{
    struct qn_message *message = qn_message_new(size);
    if (message == NULL)
        return NULL;
    char *start = qn_message_bytes(message);
    char *to = qn_wire_put_request(start, qn_str_c(batch->queue->method->path));
    for (size_t i = 0; i < batch->n_requests; i++)
        to = qn_wire_add_call(to, batch->requests[i]->call, timeouts_ms[i]);
    QN_CHECK(to == start + size);
    return message;
}

static struct qn_batch *take_batch(struct qn_client *client)
{
    struct qn_node *node = qn_list_pop(&client->idle);
    if (node != NULL)
        return container_of(node, struct qn_batch, node);
    struct qn_batch *batch = calloc(1, sizeof(*batch));
    if (batch != NULL)
        batch->client = client;
    return batch;
}

/* Sends one message of this queue; false when memory is out. */
static bool send_batch(struct qn_client *client, struct qn_queue *queue, struct qn_peer *peer)
{
    struct qn_batch *batch = take_batch(client);
    if (batch == NULL)
        return false;
    batch->queue = queue;
    batch->peer = peer;
    batch->n_requests = 0;
    uint32_t timeouts_ms[QN_WIRE_CALLS_MAX];
    size_t size = fill_batch(batch, qn_peer_id(peer), timeouts_ms);
    struct qn_message *message = write_batch(batch, size, timeouts_ms);
    if (message == NULL) {
        for (size_t i = batch->n_requests; i-- > 0;)
            give_back(take_out(batch, i), 0);
        qn_list_push(&client->idle, &batch->node);
        return false;
    }
    uint32_t longest_ms = 0;
    for (size_t i = 0; i < batch->n_requests; i++)
        longest_ms = timeouts_ms[i] > longest_ms ? timeouts_ms[i] : longest_ms;
    qn_list_push(&client->under_way, &batch->node);
    batch->trip = qn_peer_send(peer, message, batch->n_requests, (uint64_t)longest_ms + TRIP_SLACK_MS,
                               on_trip_done, batch);
    return true;
}

static void on_flush(struct qn_later *later)
{
    struct qn_client *client = container_of(later, struct qn_client, flush);
    /* Each queue in turn sends one message; who has more waits at the end of the line. */
    size_t passed_over = 0;
    while (passed_over < client->waiting.len) {
        struct qn_queue *queue = container_of(qn_list_first(&client->waiting), struct qn_queue, turn);
        struct qn_request *first = container_of(qn_list_first(&queue->requests), struct qn_request, node);
        if (first->avoid != 0 && !qn_peers_any_ready(client->peers, first->avoid))
            first->avoid = 0; /* there is no elsewhere left */
        struct qn_peer *peer = qn_peers_pick(client->peers, first->avoid);
        if (peer == NULL)
            passed_over++;
        else if (!send_batch(client, queue, peer))
            break; /* the next event tries again */
        else
            passed_over = 0;
        if (qn_node_linked(&queue->turn)) {
            qn_list_remove(&client->waiting, &queue->turn);
            qn_list_push(&client->waiting, &queue->turn);
        }
    }
    qn_metric_set(client->queue_length, (double)client->n_waiting);
    watch_alone(client);
}

/* Peers. */

static void on_peer_ready(void *context)
{
    struct qn_client *client = context;
    watch_alone(client);
    flush_later(client);
}

static void on_peer_lost(void *context, struct qn_peer *peer)
{
    struct qn_client *client = context;
    qn_list_each (node, &client->under_way) {
        struct qn_batch *batch = container_of(node, struct qn_batch, node);
        if (batch->peer == peer && batch->trip != NULL)
            qn_trip_cancel_unsent(batch->trip);
    }
    watch_alone(client);
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
    watch_alone(client);
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
