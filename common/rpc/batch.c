#include <stdlib.h>

#include "common/core/check.h"
#include "common/core/clock.h"
#include "common/rpc/outbound.h"

/* Requests on their way: out of the queues into messages, and back with the answers. */

/* A request leaves in a message at most so often, and comes back unsent at most so often. */
enum { TRIES_MAX = 2, RETURNS_MAX = 8 };

/* Beyond the last deadline of a message: our own timers end its requests first. */
enum { TRIP_SLACK_MS = 20 };

static void give_back(struct qn_request *request, uint64_t avoid)
{
    request->avoid = avoid;
    qn_client_enqueue(request, true);
}

static void on_not_sent(struct qn_request *request)
{
    if (request->only == 0 && ++request->returns < RETURNS_MAX)
        give_back(request, 0);
    else
        qn_request_end(request, request->maybe_executed ? QN_UNKNOWN : QN_UNAVAILABLE, "could not be sent");
}

static void on_lost(struct qn_request *request)
{
    request->tries++;
    bool again = request->method->idempotency != QN_NOT_IDEMPOTENT && request->only == 0;
    if (again && request->tries < TRIES_MAX) {
        request->maybe_executed = true;
        give_back(request, 0);
    } else {
        qn_request_end(request, QN_UNKNOWN, "the peer was lost before it answered");
    }
}

/* Once in any case, and on as long as there is a process that has not lately said the same. */
static bool may_go_elsewhere(struct qn_request *request, uint64_t peer_id)
{
    struct qn_peers *peers = request->client->peers;
    qn_peers_shun(peers, peer_id);
    if (request->tries < TRIES_MAX)
        return qn_peers_any_ready(peers, peer_id);
    return ++request->returns < RETURNS_MAX && qn_peers_any_willing(peers, peer_id);
}

static void on_result(struct qn_batch *batch, struct qn_request *request, struct qn_str bytes,
                      uint64_t peer_id, bool draining)
{
    struct qn_wire_answer answer;
    request->tries++;
    if (qn_wire_read_result(bytes, request->arena, &answer) != QN_OK) {
        qn_request_end(request, QN_RESOURCE_EXHAUSTED, "the answer is larger than the call's memory");
        return;
    }
    /* A draining peer is asked no more, so this ends with the peers. */
    if (request->only != 0) {
        qn_request_answer(request, &answer);
    } else if (answer.not_executed && draining) {
        request->tries--;
        give_back(request, peer_id);
    } else if (answer.not_executed && answer.status == QN_UNAVAILABLE && may_go_elsewhere(request, peer_id)) {
        give_back(request, peer_id);
    } else {
        if (answer.status != QN_RESOURCE_EXHAUSTED && answer.status != QN_UNAVAILABLE &&
            answer.status != QN_DEADLINE_EXCEEDED)
            batch->served = true;
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
            on_result(batch, request, bytes, peer_id, response->draining);
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
    /* A refusal takes no time, and what is away takes all there is: neither says how long being served takes,
     * and the second would be held against those that come when it is back. */
    if (batch->served)
        qn_backlog_served(&batch->queue->backlog, qn_clock_now_us() - batch->sent_us);
    qn_list_remove(&client->under_way, &batch->node);
    qn_list_push(&client->idle, &batch->node);
    batch->queue->n_under_way--;
    qn_client_flush_later(client);
}

/* The time that travels with it. */
static uint32_t left_for(const struct qn_request *request)
{
    uint64_t left_ms = qn_clock_left_ms(request->ctx->deadline_ms);
    if (left_ms > QN_WIRE_TIMEOUT_MAX_MS)
        left_ms = QN_WIRE_TIMEOUT_MAX_MS;
    return left_ms > 0 ? (uint32_t)left_ms : 1; /* its timer is about to end it */
}

/* One that nobody will wait for by the time its answer comes costs the next hop nothing. Its own deadline has
 * passed (its timer has not fired only because the loop was busy): ended. Its time will not do, and more
 * wait than can leave now, so that another can use its place: refused. True: it has left the queue. */
static bool give_up_late(struct qn_queue *queue, struct qn_request *request, uint64_t left_ms)
{
    if (left_ms == 0) {
        qn_request_detach(request);
        qn_request_end_later(request, QN_DEADLINE_EXCEEDED, "not sent in time");
        return true;
    }
    if (request->maybe_executed || !qn_backlog_too_late(&queue->backlog, left_ms * 1000) ||
        queue->requests.len <= qn_client_room(request->client, queue))
        return false;
    uint64_t now_us = qn_clock_now_us();
    uint64_t wait_us = qn_backlog_wait_us(&queue->backlog, queue->requests.len, now_us);
    qn_request_detach(request);
    qn_request_refuse_later(request, qn_backlog_retry_after_ms(wait_us, now_us));
    return true;
}

/* No method may have more than half of the messages that the peers take at once: one whose calls take long (a
 * password is hashed, a row is locked) holds up none but its own. */
static size_t share_of(const struct qn_client *client)
{
    return client->options.contexts - client->options.contexts / 2;
}

static size_t messages_left(const struct qn_client *client, const struct qn_queue *queue)
{
    size_t most = share_of(client) * qn_peers_n_ready(client->peers);
    return queue->n_under_way < most ? most - queue->n_under_way : 0;
}

size_t qn_client_room(const struct qn_client *client, const struct qn_queue *queue)
{
    return messages_left(client, queue) * (queue->method->batchable ? QN_WIRE_CALLS_MAX : 1);
}

/* No more than that share of one peer's either, where requests cannot spread over all. */
static bool may_send_to(const struct qn_client *client, const struct qn_queue *queue,
                        const struct qn_peer *peer)
{
    size_t n = 0;
    qn_list_each (node, &client->under_way) {
        const struct qn_batch *batch = container_of(node, const struct qn_batch, node);
        n += batch->queue == queue && batch->peer == peer;
    }
    return n < share_of(client);
}

/* The peer that a request goes to now; NULL: it waits for one. */
static struct qn_peer *peer_of(struct qn_client *client, struct qn_request *request)
{
    if (request->avoid != 0 && !qn_peers_any_ready(client->peers, request->avoid))
        request->avoid = 0; /* there is no elsewhere left */
    if (request->affinity == 0)
        return qn_peers_pick(client->peers, request->avoid);
    struct qn_peer *peer = qn_peers_nearest(client->peers, request->affinity, request->avoid);
    bool free = peer != NULL && qn_peer_can_take(peer) && may_send_to(client, request->queue, peer);
    return free ? peer : NULL;
}

/* The peer for the next message of this queue. One that is busy holds up its own keys alone: the first
 * request that has a peer decides. */
static struct qn_peer *peer_for_queue(struct qn_client *client, struct qn_queue *queue)
{
    qn_list_each (node, &queue->requests) {
        struct qn_request *request = container_of(node, struct qn_request, node);
        struct qn_peer *peer = peer_of(client, request);
        if (peer != NULL || request->affinity == 0)
            return peer; /* who may go anywhere and finds nobody: nobody is free */
    }
    return NULL;
}

/* Whether the request may travel in a message to this peer. */
static bool may_go_to(struct qn_client *client, const struct qn_request *request, const struct qn_peer *peer)
{
    if (request->avoid == qn_peer_id(peer))
        return false;
    return request->affinity == 0 ||
           qn_peers_nearest(client->peers, request->affinity, request->avoid) == peer;
}

/* Takes requests from the front of the queue: one, or when the method is batchable as many as a message may
 * hold. Returns the size of the message. */
static size_t fill_batch(struct qn_batch *batch, uint32_t timeouts_ms[QN_WIRE_CALLS_MAX])
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
        if (!may_go_to(client, request, batch->peer))
            continue;
        if (give_up_late(queue, request, qn_clock_left_ms(request->ctx->deadline_ms)))
            continue;
        uint32_t timeout_ms = left_for(request);
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

static void start_trip(struct qn_batch *batch, struct qn_message *message, const uint32_t *timeouts_ms)
{
    struct qn_client *client = batch->client;
    uint32_t longest_ms = 0;
    for (size_t i = 0; i < batch->n_requests; i++)
        longest_ms = timeouts_ms[i] > longest_ms ? timeouts_ms[i] : longest_ms;
    qn_list_push(&client->under_way, &batch->node);
    batch->queue->n_under_way++;
    batch->queue->n_sent += batch->n_requests;
    batch->served = false;
    batch->sent_us = qn_clock_now_us();
    batch->trip = qn_peer_send(batch->peer, message, batch->n_requests, (uint64_t)longest_ms + TRIP_SLACK_MS,
                               on_trip_done, batch);
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
    size_t size = fill_batch(batch, timeouts_ms);
    if (batch->n_requests == 0) { /* all were late */
        qn_list_push(&client->idle, &batch->node);
        return true;
    }
    struct qn_message *message = write_batch(batch, size, timeouts_ms);
    if (message == NULL) {
        for (size_t i = batch->n_requests; i-- > 0;)
            give_back(take_out(batch, i), 0);
        qn_list_push(&client->idle, &batch->node);
        return false;
    }
    start_trip(batch, message, timeouts_ms);
    return true;
}

bool qn_client_send_at(struct qn_request *request)
{
    struct qn_client *client = request->client;
    struct qn_peer *peer = qn_peers_find(client->peers, request->only);
    struct qn_batch *batch = peer != NULL ? take_batch(client) : NULL;
    if (batch == NULL)
        return false;
    batch->queue = request->queue;
    batch->peer = peer;
    batch->requests[0] = request;
    batch->n_requests = batch->n_live = 1;
    uint32_t timeout_ms = left_for(request);
    size_t size = qn_wire_request_size(strlen(request->method->path)) +
                  qn_wire_add_call_size(request->call.len, timeout_ms);
    struct qn_message *message = write_batch(batch, size, &timeout_ms);
    if (message == NULL) {
        qn_list_push(&client->idle, &batch->node);
        return false;
    }
    request->batch = batch;
    request->place = 0;
    start_trip(batch, message, &timeout_ms);
    return true;
}

/* Those that left in this flush tell how fast the queue moves. */
static void measure(struct qn_client *client)
{
    uint64_t now_us = qn_clock_now_us();
    qn_list_each (node, &client->queues) {
        struct qn_queue *queue = container_of(node, struct qn_queue, node);
        if (queue->n_sent > 0)
            qn_backlog_left(&queue->backlog, queue->n_sent, now_us);
        queue->n_sent = 0;
    }
}

void qn_client_flush(struct qn_later *later)
{
    struct qn_client *client = container_of(later, struct qn_client, flush);
    /* Each queue in turn sends one message; who has more waits at the end of the line. */
    size_t passed_over = 0;
    while (passed_over < client->waiting.len) {
        struct qn_queue *queue = container_of(qn_list_first(&client->waiting), struct qn_queue, turn);
        struct qn_peer *peer = messages_left(client, queue) > 0 ? peer_for_queue(client, queue) : NULL;
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
    measure(client);
    qn_metric_set(client->queue_length, (double)client->n_waiting);
    qn_client_watch_alone(client);
}
