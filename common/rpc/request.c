#include "common/core/check.h"
#include "common/core/clock.h"
#include "common/core/utf8.h"
#include "common/rpc/outbound.h"
#include "common/rpc/pack.h"
#include "common/rpc/precheck.h"
#include "common/rpc/rendezvous.h"

static struct qn_metric calls_metric = {
    .name = "quintet_rpc_client_calls_total",
    .help = "Requests ended, by service, method and status",
    .kind = QN_COUNTER,
    .labels = {"service", "method", "code"},
};

/* What a full queue, as the longest there can be, is worth at least. */
enum { QUEUE_FULL_RETRY_MS = 1000 };

/* The end. */

static void count(const struct qn_request *request, uint64_t took_us)
{
    struct qn_queue *queue = request->queue;
    if (queue == NULL)
        return; /* refused for want of memory */
    struct qn_series **calls = &queue->calls[request->status];
    if (*calls == NULL)
        *calls = qn_metric_series(&calls_metric, request->client->options.name, request->method->path,
                                  qn_status_name(request->status));
    qn_metric_add(*calls, 1);
    qn_metric_observe(queue->seconds, (double)took_us / 1e6);
}

/* What servers answer, they log. What ends here has no other line. */
static void tell_own_failure(const struct qn_request *request, uint64_t took_us)
{
    enum { WARN_EVERY_MS = 50 };
    uint64_t held_back;
    if (request->status == QN_CANCELLED || !qn_log_due(&request->client->failures, WARN_EVERY_MS, &held_back))
        return;
    qn_log(&request->ctx->log, QN_WARN, "request failed", QN_F_C("service", request->client->options.name),
           QN_F_C("method", request->method->path), QN_F_STATUS("status", request->status),
           QN_F_STR("reason", request->message), QN_F_INT("took_ms", took_us / 1000),
           QN_F_INT("tries", request->tries), QN_F_INT("held_back", held_back));
}

static void end(struct qn_request *request, bool own)
{
    struct qn_client *client = request->client;
    qn_timer_cancel(client->loop, &request->timer);
    uint64_t took_us = qn_clock_now_us() - request->started_us;
    count(request, took_us);
    if (own)
        tell_own_failure(request, took_us);
    request->done(request); /* may free it, start it again, or close the client */
}

/* UNKNOWN says that something may have happened. Of what only reads, nothing can. */
static void fill(struct qn_request *request, enum qn_status status, const char *message)
{
    bool only_reads = request->method->idempotency == QN_NO_SIDE_EFFECTS;
    request->status = status == QN_UNKNOWN && only_reads ? QN_UNAVAILABLE : status;
    request->message = qn_str_c(message);
}

void qn_request_end(struct qn_request *request, enum qn_status status, const char *message)
{
    QN_CHECK(request->batch == NULL && !qn_node_linked(&request->node));
    fill(request, status, message);
    end(request, true);
}

static void on_tell(struct qn_later *later)
{
    struct qn_client *client = container_of(later, struct qn_client, tell);
    struct qn_node *node;
    while ((node = qn_list_pop(&client->ended)) != NULL)
        end(container_of(node, struct qn_request, node), true);
    qn_client_end_if_empty(client);
}

void qn_request_end_later(struct qn_request *request, enum qn_status status, const char *message)
{
    struct qn_client *client = request->client;
    fill(request, status, message);
    qn_timer_cancel(client->loop, &request->timer);
    qn_list_push(&client->ended, &request->node);
    qn_later_start(client->loop, &client->tell, on_tell);
}

void qn_request_refuse_later(struct qn_request *request, uint32_t retry_after_ms)
{
    request->retry_after_ms = retry_after_ms;
    request->reason = QN_STR("OVERLOAD");
    qn_request_end_later(request, QN_RESOURCE_EXHAUSTED, "too many requests wait already");
}

void qn_request_detach(struct qn_request *request)
{
    struct qn_client *client = request->client;
    struct qn_batch *batch = request->batch;
    if (batch != NULL) {
        QN_CHECK(batch->requests[request->place] == request);
        batch->requests[request->place] = NULL;
        request->batch = NULL;
        /* Nobody waits for this message any more: its context is for another. */
        if (--batch->n_live == 0 && batch->trip != NULL)
            qn_trip_cancel(batch->trip);
    } else if (qn_node_linked(&request->node)) {
        struct qn_queue *queue = request->queue;
        qn_list_remove(&queue->requests, &request->node);
        client->n_waiting--;
        if (qn_list_empty(&queue->requests))
            qn_list_remove(&client->waiting, &queue->turn);
    }
}

static void on_deadline(struct qn_timer *timer)
{
    struct qn_request *request = container_of(timer, struct qn_request, timer);
    bool sent = request->batch != NULL;
    qn_request_detach(request);
    qn_request_end(request, QN_DEADLINE_EXCEEDED, sent ? "no answer in time" : "not sent in time");
}

static enum qn_status take_payload(struct qn_request *request, struct qn_str payload)
{
    if (!request->packed_only) {
        void *out;
        enum qn_status status = qn_unpack(request->method->response, payload, request->arena, &out, NULL);
        request->out = status == QN_OK ? out : NULL;
        return status == QN_INVALID_ARGUMENT ? QN_INTERNAL : status;
    }
    if (qn_precheck(request->method->response, payload, NULL) != QN_OK)
        return QN_INTERNAL;
    request->packed = qn_arena_str(request->arena, payload);
    return request->packed.ptr != NULL ? QN_OK : QN_RESOURCE_EXHAUSTED;
}

/* "Not done" is true of the attempt that was answered. An earlier one was lost on its way back, and nobody
 * can tell what became of that. */
static bool says_too_much(const struct qn_request *request, const struct qn_wire_answer *answer)
{
    return request->maybe_executed && request->method->idempotency == QN_IDEMPOTENT &&
           (answer->not_executed || answer->status == QN_UNAVAILABLE ||
            answer->status == QN_RESOURCE_EXHAUSTED);
}

void qn_request_answer(struct qn_request *request, const struct qn_wire_answer *answer)
{
    bool unknown = says_too_much(request, answer);
    request->status = unknown ? QN_UNKNOWN : answer->status;
    request->message = answer->message;
    request->reason = answer->reason;
    request->violations = answer->violations;
    request->n_violations = answer->n_violations;
    request->retry_after_ms = answer->retry_after_ms;
    request->not_executed = answer->not_executed && !unknown;
    request->set_cookies = answer->cookies;
    request->n_set_cookies = answer->n_cookies;
    bool own = false;
    if (answer->status == QN_OK) {
        enum qn_status status = take_payload(request, answer->payload);
        own = status != QN_OK;
        if (own)
            fill(request, status, "the answer was not understood, or is too large");
    }
    end(request, own);
}

/* The start. */

/* Whether a peer will take what goes with the call: one bad byte would cost every call of the message its
 * answer. */
static bool is_text(const struct qn_context *ctx)
{
    return qn_utf8_valid_text(ctx->request_id) && qn_utf8_valid_text(ctx->traceparent) &&
           qn_utf8_valid_text(ctx->caller.user_id) && qn_utf8_valid_text(ctx->caller.session_id) &&
           qn_utf8_valid_text(ctx->caller.client_ip) && qn_utf8_valid_text(ctx->caller.user_agent) &&
           qn_utf8_valid_text(ctx->credentials.cookie) && qn_utf8_valid_text(ctx->credentials.bearer);
}

/* Writes the Call, with the payload packed in its place, into the arena. */
static enum qn_status write_call(struct qn_request *request, const ProtobufCMessage *in, struct qn_str packed)
{
    size_t payload_len = packed.len;
    if (in != NULL)
        QN_TRY(qn_pack_measure(in, &payload_len, NULL));
    if (!is_text(request->ctx))
        return QN_INVALID_ARGUMENT;
    size_t size = qn_wire_call_size(request->ctx, payload_len);
    if (qn_wire_request_size(strlen(request->method->path)) + qn_wire_add_call_size(size, UINT32_MAX) >
        request->client->options.message_max_bytes)
        return QN_RESOURCE_EXHAUSTED;
    char *payload, *bytes = qn_arena_alloc(request->arena, size);
    if (bytes == NULL)
        return QN_RESOURCE_EXHAUSTED;
    QN_CHECK(qn_wire_put_call(bytes, request->ctx, payload_len, &payload) == bytes + size);
    request->call = qn_str_n(bytes, size);
    if (in == NULL) {
        if (payload_len > 0)
            memcpy(payload, packed.ptr, payload_len);
    } else {
        QN_CHECK(qn_pack_write(in, payload + payload_len) == payload);
    }
    return QN_OK;
}

/* Where a request may go: to one peer alone, to the one that a key belongs to, or (both 0) anywhere. */
struct target {
    uint64_t only, affinity;
};

/* Whether its turn comes in time. Without a peer nobody knows; then wait_for_peer_ms is the limit. */
static bool is_admitted(const struct qn_request *request, uint64_t left_ms, uint32_t *ret_retry_after_ms)
{
    const struct qn_client *client = request->client;
    const struct qn_queue *queue = request->queue;
    size_t room, waiting = queue->requests.len;
    if (waiting == 0 || waiting < (room = qn_client_room(client, queue)) ||
        !qn_peers_any_ready(client->peers, 0))
        return true;
    return qn_backlog_admits(&queue->backlog, waiting - room, left_ms * 1000, request->started_us,
                             ret_retry_after_ms);
}

static void start(struct qn_request *request, struct qn_client *to, struct target target,
                  const struct qn_method *method, const ProtobufCMessage *in, struct qn_str packed,
                  const struct qn_context *ctx, struct qn_arena *arena,
                  void (*done)(struct qn_request *request))
{
    QN_CHECK(request->batch == NULL && !qn_node_linked(&request->node));
    *request = (struct qn_request){
        .client = to,
        .method = method,
        .ctx = ctx,
        .arena = arena,
        .done = done,
        .started_us = qn_clock_now_us(),
        .only = target.only,
        .packed_only = in == NULL,
        .affinity = target.affinity,
        .queue = qn_client_queue(to, method),
    };
    uint64_t left_ms = qn_clock_left_ms(ctx->deadline_ms);
    uint32_t retry_after_ms;
    enum qn_status status;
    if (to->closing)
        qn_request_end_later(request, QN_CANCELLED, "closing");
    else if (request->queue == NULL)
        qn_request_end_later(request, QN_RESOURCE_EXHAUSTED, "out of memory");
    else if (left_ms == 0)
        qn_request_end_later(request, QN_DEADLINE_EXCEEDED, "not sent in time");
    else if (to->n_waiting >= to->options.queue_max)
        qn_request_refuse_later(request, QUEUE_FULL_RETRY_MS);
    else if (target.only == 0 && !is_admitted(request, left_ms, &retry_after_ms))
        qn_request_refuse_later(request, retry_after_ms);
    else if ((status = write_call(request, in, packed)) == QN_RESOURCE_EXHAUSTED)
        qn_request_end_later(request, status, "the request is too large");
    else if (status != QN_OK)
        qn_request_end_later(request, status, "the request holds text that is not UTF-8");
    else if (target.only != 0 && !qn_client_send_at(request))
        qn_request_end_later(request, QN_UNAVAILABLE, "that peer cannot be asked now");
    else {
        qn_timer_start(to->loop, &request->timer, left_ms, on_deadline);
        if (target.only == 0)
            qn_client_enqueue(request, false);
    }
}

void qn_request_start(struct qn_request *request, struct qn_client *to, const struct qn_method *method,
                      const void *in, const struct qn_context *ctx, struct qn_arena *arena,
                      void (*done)(struct qn_request *request))
{
    const ProtobufCMessage *message = in;
    QN_CHECK(message->descriptor == method->request);
    start(request, to, (struct target){0}, method, message, QN_STR(""), ctx, arena, done);
}

void qn_request_start_at(struct qn_request *request, struct qn_client *to, uint64_t peer_id,
                         const struct qn_method *method, const void *in, const struct qn_context *ctx,
                         struct qn_arena *arena, void (*done)(struct qn_request *request))
{
    const ProtobufCMessage *message = in;
    QN_CHECK(message->descriptor == method->request && peer_id != 0);
    start(request, to, (struct target){.only = peer_id}, method, message, QN_STR(""), ctx, arena, done);
}

void qn_request_start_near(struct qn_request *request, struct qn_client *to, const struct qn_method *method,
                           const void *in, struct qn_str key, const struct qn_context *ctx,
                           struct qn_arena *arena, void (*done)(struct qn_request *request))
{
    const ProtobufCMessage *message = in;
    QN_CHECK(message->descriptor == method->request);
    start(request, to, (struct target){.affinity = qn_rendezvous_key(key)}, method, message, QN_STR(""), ctx,
          arena, done);
}

void qn_request_start_packed(struct qn_request *request, struct qn_client *to, const struct qn_method *method,
                             struct qn_str packed, const struct qn_context *ctx, struct qn_arena *arena,
                             void (*done)(struct qn_request *request))
{
    start(request, to, (struct target){0}, method, NULL, packed, ctx, arena, done);
}

void qn_request_cancel(struct qn_request *request)
{
    if (request->batch == NULL && !qn_timer_active(&request->timer))
        return; /* it has ended, or is about to be told */
    qn_request_detach(request);
    qn_request_end_later(request, QN_CANCELLED, "cancelled");
}

/* Passing an answer on. */

static enum qn_status passed_on(enum qn_status status, bool inner_is_ours)
{
    switch (status) {
    case QN_CANCELLED: /* by our own close */
        return QN_UNAVAILABLE;
    case QN_INVALID_ARGUMENT:
    case QN_UNIMPLEMENTED:
    case QN_OUT_OF_RANGE:
        return inner_is_ours ? QN_INTERNAL : status;
    default:
        return status;
    }
}

void qn_call_fail_from(struct qn_call *call, const struct qn_request *request, bool inner_is_ours)
{
    QN_CHECK(request->status != QN_OK);
    struct qn_fault fault = {
        .status = passed_on(request->status, inner_is_ours),
        .retry_after_ms = request->retry_after_ms,
    };
    if (fault.status == request->status) {
        fault.message = request->message.len > 0 ? request->message.ptr : NULL;
        fault.reason = request->reason.len > 0 ? request->reason.ptr : NULL;
        fault.violations = request->violations;
        fault.n_violations = request->n_violations;
    } else {
        qn_log(&call->ctx.log, QN_WARN, "an inner call failed", QN_F_C("method", request->method->path),
               QN_F_STATUS("status", request->status), QN_F_STR("reason", request->message));
    }
    qn_call_fail(call, &fault);
}
