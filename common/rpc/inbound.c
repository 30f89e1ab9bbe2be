#include "common/rpc/inbound.h"

#include <stdlib.h>

#include "common/core/check.h"
#include "common/core/clock.h"
#include "common/core/id.h"
#include "common/rpc/precheck.h"

/* A call: 1. a seat gets a message  2. the envelope is read and the method found  3. each call's bytes are
 * checked and unpacked into its arena  4. the handler gets them  5. after the last answer the response leaves
 * through the seat, which then takes the next message.
 * No envelope: step 2 answers an empty Response. Draining, unknown method, bad bytes, no time left: step 3
 * answers the call itself. The port closed meanwhile: step 5 drops the answer. */

/* Buffers of messages are kept for the next; one that grew beyond this is not. */
enum { KEEP_BUFFER_BYTES = 64 << 10 };

static struct qn_metric refused_metric = {
    .name = "quintet_rpc_server_refused_total",
    .help = "Messages that were no envelope (envelope), too long (size), or not for this caller (caller)",
    .kind = QN_COUNTER,
    .labels = {"reason"},
};

void qn_inbound_free(struct qn_inbound *inbound)
{
    qn_buf_fini(&inbound->out);
    free(inbound->served);
    free(inbound);
}

static struct qn_inbound *take_inbound(struct qn_server *server)
{
    struct qn_node *node = qn_list_pop(&server->idle);
    if (node != NULL)
        return container_of(node, struct qn_inbound, node);
    struct qn_inbound *inbound = calloc(1, sizeof(*inbound));
    if (inbound != NULL) {
        inbound->server = server;
        qn_buf_init(&inbound->out, server->options.message_max_bytes);
    }
    return inbound;
}

static bool make_room_for_calls(struct qn_inbound *inbound, size_t n_calls)
{
    if (n_calls <= inbound->capacity)
        return true;
    struct qn_served *served = realloc(inbound->served, n_calls * sizeof(*served));
    if (served == NULL)
        return false;
    inbound->served = served;
    inbound->capacity = n_calls;
    return true;
}

static void give_back_inbound(struct qn_inbound *inbound)
{
    struct qn_server *server = inbound->server;
    qn_message_free(inbound->message);
    inbound->message = NULL;
    inbound->seat = NULL;
    if (inbound->out.capacity > KEEP_BUFFER_BYTES)
        qn_buf_fini(&inbound->out);
    qn_buf_clear(&inbound->out);
    qn_list_push(&server->idle, &inbound->node);
}

/* NULL when memory is out: then the peer's deadline has to tell it. */
static struct qn_message *write_response(struct qn_inbound *inbound)
{
    bool draining = inbound->server->draining;
    if (qn_buf_failed(&inbound->out))
        return NULL;
    struct qn_message *message =
        qn_message_new(inbound->out.len + (draining ? (size_t)QN_WIRE_DRAINING_SIZE : 0));
    if (message == NULL)
        return NULL;
    char *to = qn_message_bytes(message);
    for (size_t i = 0; i < inbound->n_calls; i++) {
        memcpy(to, inbound->out.data + inbound->results[i].at, inbound->results[i].len);
        to += inbound->results[i].len;
    }
    if (draining)
        qn_wire_add_draining(to);
    return message;
}

void qn_inbound_done(struct qn_inbound *inbound)
{
    struct qn_server *server = inbound->server;
    QN_CHECK(inbound->n_open > 0);
    if (--inbound->n_open > 0)
        return;
    qn_metric_add(server->in_flight, -(double)inbound->n_calls);
    qn_list_remove(&server->busy, &inbound->node);
    if (inbound->seat != NULL)
        qn_seat_answer(inbound->seat, write_response(inbound));
    give_back_inbound(inbound);
    qn_server_message_done(server);
}

/* Printable ASCII without the blank, so that it stays one word of a log line. */
static bool is_request_id(struct qn_str id)
{
    for (size_t i = 0; i < id.len; i++)
        if (id.ptr[i] <= ' ' || id.ptr[i] > '~')
            return false;
    return id.len <= QN_WIRE_REQUEST_ID_MAX;
}

/* Whether the peer's certificate lets it call this service. */
static bool may_call(const struct qn_inbound *inbound)
{
    const struct qn_service *service = inbound->stats->service;
    if (service == NULL || service->n_callers == 0)
        return true;
    for (size_t i = 0; i < service->n_callers; i++)
        if (qn_seat_peer_is(inbound->seat, service->callers[i]))
            return true;
    return false;
}

/* Fills the call from the wire; false: it was answered, for the handler shall not see it. */
static bool accept_call(struct qn_inbound *inbound, size_t index, bool allowed, struct qn_wire_call *wire)
{
    struct qn_server *server = inbound->server;
    struct qn_served *served = &inbound->served[index];
    struct qn_call *call = &served->call;
    *served = (struct qn_served){.inbound = inbound, .started_us = qn_clock_now_us()};
    call->method = inbound->stats->method;
    call->arena = &served->arena;
    qn_arena_init(&served->arena, server->options.call_arena_bytes);
    call->ctx = wire->ctx;
    call->ctx.deadline_ms = qn_clock_now_ms() + wire->timeout_ms;
    bool named = is_request_id(wire->ctx.request_id);
    if (!named || wire->ctx.request_id.len == 0) {
        qn_id_request(served->request_id);
        call->ctx.request_id = qn_str_n(served->request_id, QN_REQUEST_ID_LEN);
    }
    qn_context_set_log(&call->ctx);

    struct qn_error err = {0};
    struct qn_fault fault = {.not_executed = true};
    void *in;
    if (server->draining) {
        fault.status = QN_UNAVAILABLE;
        fault.message = "shutting down";
    } else if (call->method == NULL) {
        fault.status = QN_UNIMPLEMENTED;
        fault.message = "no such method";
    } else if (!allowed) {
        fault.status = QN_PERMISSION_DENIED;
        fault.message = "this service is not for whom the caller's certificate names";
        fault.reason = "CALLER_NOT_ALLOWED";
    } else if (wire->timeout_ms == 0) {
        fault.status = QN_DEADLINE_EXCEEDED;
    } else if (!named) {
        fault.status = QN_INVALID_ARGUMENT;
        fault.message = "request_id must be printable ASCII, at most 64 characters";
    } else if ((fault.status = qn_unpack(call->method->request, wire->payload, call->arena, &in, &err)) !=
               QN_OK) {
        fault.message = err.message;
    } else {
        call->in = in;
        return true;
    }
    qn_served_fail(served, &fault);
    return false;
}

static void refuse(struct qn_server *server, const char *reason, const char *detail)
{
    uint64_t held_back;
    qn_metric_add(qn_metric_series(&refused_metric, reason, NULL, NULL), 1);
    if (qn_log_due(&server->refusals, 1000, &held_back))
        qn_log(NULL, QN_WARN, "message refused", QN_F_C("address", server->listening),
               QN_F_C("reason", reason), QN_F_C("detail", detail), QN_F_INT("held_back", held_back));
}

static void dispatch(struct qn_inbound *inbound, struct qn_wire_request *request)
{
    const struct qn_handler *handler = &inbound->stats->handler;
    struct qn_wire_call wire;
    size_t n_accepted = 0;
    bool allowed = may_call(inbound);
    if (!allowed)
        refuse(inbound->server, "caller", inbound->stats->method->path);
    for (size_t i = 0; i < inbound->n_calls && qn_wire_next_call(request, &wire); i++)
        if (accept_call(inbound, i, allowed, &wire))
            inbound->batch[n_accepted++] = &inbound->served[i].call;
    if (handler->batch != NULL && n_accepted > 0) {
        handler->batch(inbound->batch, n_accepted);
    } else {
        for (size_t i = 0; i < n_accepted; i++)
            handler->one(inbound->batch[i]);
    }
}

static struct qn_method_stats *find_method(struct qn_server *server, struct qn_str path)
{
    for (size_t i = 0; i < server->n_methods; i++)
        if (qn_str_eq(path, qn_str_c(server->methods[i].method->path)))
            return &server->methods[i];
    return &server->unknown;
}

void qn_inbound_arrived(void *context, struct qn_seat *seat, struct qn_message *message)
{
    struct qn_server *server = context;
    struct qn_wire_request request = {0};
    struct qn_error err = {0};
    struct qn_str bytes = qn_message_view(message);
    if (bytes.len > server->options.message_max_bytes)
        refuse(server, "size", "too long"); /* inproc knows no limit of its own */
    else if (qn_wire_read_request(bytes, &request, &err) != QN_OK)
        refuse(server, "envelope", err.message);
    if (request.goodbye) {
        qn_seat_hang_up(seat);
        qn_message_free(message);
        return;
    }

    struct qn_inbound *inbound = take_inbound(server);
    if (inbound == NULL || !make_room_for_calls(inbound, request.n_calls)) {
        if (inbound != NULL)
            qn_list_push(&server->idle, &inbound->node);
        qn_message_free(message);
        qn_seat_answer(seat, NULL);
        return;
    }
    inbound->seat = seat;
    inbound->message = message;
    inbound->n_calls = request.n_calls;
    inbound->n_open = request.n_calls + 1; /* the last is ours, until all are handed out */
    inbound->stats = find_method(server, request.method);
    if (inbound->stats->batch != NULL && request.n_calls > 0)
        qn_metric_observe(inbound->stats->batch, (double)request.n_calls);
    qn_metric_add(server->in_flight, (double)request.n_calls);
    qn_list_push(&server->busy, &inbound->node);
    dispatch(inbound, &request);
    qn_inbound_done(inbound);
}
