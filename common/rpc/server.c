#include "common/rpc/server.h"

#include <stdio.h>
#include <stdlib.h>

#include "common/core/check.h"
#include "common/core/clock.h"
#include "common/core/id.h"
#include "common/loop/timer.h"
#include "common/rpc/address.h"
#include "common/rpc/folder.h"
#include "common/rpc/inbound.h"
#include "common/rpc/precheck.h"

/* A call: 1. a seat gets a message  2. the envelope is read and the method found  3. each call's bytes are
 * checked and unpacked into its arena  4. the handler gets them  5. after the last answer the response leaves
 * through the seat, which then takes the next message.
 * No envelope: step 2 answers an empty Response. Draining, unknown method, bad bytes, no time left: step 3
 * answers the call itself. The port closed meanwhile: step 5 drops the answer. */

enum { CONTEXTS_DEFAULT = 64, CONTEXTS_MAX = 256, MESSAGE_MAX_BYTES = 4 << 20, ARENA_MAX_BYTES = 8 << 20 };

/* Buffers of messages are kept for the next; one that grew beyond this is not. */
enum { KEEP_BUFFER_BYTES = 64 << 10 };

struct qn_server {
    struct qn_loop *loop;
    struct qn_gate *gate;
    struct qn_port *port; /* NULL once closed */
    struct qn_server_options options;
    struct qn_address address;
    struct qn_folder_place place; /* in a folder */
    char listening[QN_ADDRESS_URL_MAX];

    struct qn_method_stats *methods;
    size_t n_methods;
    struct qn_method_stats unknown;

    struct qn_list busy, idle; /* of qn_inbound */
    struct qn_series *in_flight;
    struct qn_log_limit refusals;

    bool draining;
    struct qn_timer drain_limit;
    struct qn_later drain_end;
    void (*drained)(void *context);
    void *drained_context;

    bool gate_closed;
    struct qn_later close_end;
    void (*closed)(void *context);
    void *closed_context;
};

static struct qn_metric seconds_metric = {
    .name = "quintet_rpc_server_seconds",
    .help = "Time from a call's arrival to its answer",
    .kind = QN_HISTOGRAM,
    .labels = {"method"},
};

static const double batch_bounds[] = {1, 2, 4, 8, 16, 32, 64};
static struct qn_metric batch_metric = {
    .name = "quintet_rpc_batch_calls",
    .help = "Calls that came in one message",
    .kind = QN_HISTOGRAM,
    .labels = {"method"},
    .bounds = batch_bounds,
    .n_bounds = QN_COUNT(batch_bounds),
};

static struct qn_metric in_flight_metric = {
    .name = "quintet_rpc_server_in_flight",
    .help = "Calls in the hands of handlers",
    .kind = QN_GAUGE,
};

static struct qn_metric refused_metric = {
    .name = "quintet_rpc_server_refused_total",
    .help = "Messages that were no envelope (envelope) or too long (size)",
    .kind = QN_COUNTER,
    .labels = {"reason"},
};

/* Draining and closing. */

static void on_drain_end(struct qn_later *later)
{
    struct qn_server *server = container_of(later, struct qn_server, drain_end);
    void (*drained)(void *context) = server->drained;
    server->drained = NULL;
    qn_timer_cancel(server->loop, &server->drain_limit);
    if (drained != NULL)
        drained(server->drained_context);
}

static void end_drain_if_empty(struct qn_server *server)
{
    if (server->drained != NULL && qn_list_empty(&server->busy) &&
        (server->port == NULL || qn_port_peers(server->port) == 0))
        qn_later_start(server->loop, &server->drain_end, on_drain_end);
}

static void on_drain_limit(struct qn_timer *timer)
{
    struct qn_server *server = container_of(timer, struct qn_server, drain_limit);
    qn_log(NULL, QN_WARN, "stopped waiting for peers and calls", QN_F_C("address", server->listening),
           QN_F_INT("messages", server->busy.len), QN_F_INT("peers", qn_port_peers(server->port)));
    qn_later_start(server->loop, &server->drain_end, on_drain_end);
}

static void free_inbound(struct qn_inbound *inbound)
{
    qn_buf_fini(&inbound->out);
    free(inbound->served);
    free(inbound);
}

static void free_server(struct qn_server *server)
{
    qn_folder_leave(&server->place);
    struct qn_node *node;
    while ((node = qn_list_pop(&server->idle)) != NULL)
        free_inbound(container_of(node, struct qn_inbound, node));
    free(server->methods);
    free(server);
}

static void end_close(struct qn_server *server)
{
    void (*closed)(void *context) = server->closed;
    void *context = server->closed_context;
    free_server(server);
    if (closed != NULL)
        closed(context);
}

static void on_close_end(struct qn_later *later)
{
    end_close(container_of(later, struct qn_server, close_end));
}

static void end_close_if_empty(struct qn_server *server)
{
    if (server->gate_closed && qn_list_empty(&server->busy))
        qn_later_start(server->loop, &server->close_end, on_close_end);
}

/* Messages. */

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
    end_drain_if_empty(server);
    end_close_if_empty(server);
}

/* Printable ASCII without the blank, so that it stays one word of a log line. */
static bool is_request_id(struct qn_str id)
{
    for (size_t i = 0; i < id.len; i++)
        if (id.ptr[i] <= ' ' || id.ptr[i] > '~')
            return false;
    return id.len <= QN_WIRE_REQUEST_ID_MAX;
}

/* Fills the call from the wire; false: it was answered, for the handler shall not see it. */
static bool accept_call(struct qn_inbound *inbound, size_t index, struct qn_wire_call *wire)
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
    call->ctx.log = (struct qn_log){.fields = {QN_F_STR("request", call->ctx.request_id)}, .n_fields = 1};

    struct qn_error err = {0};
    struct qn_fault fault = {.not_executed = true};
    void *in;
    if (server->draining) {
        fault.status = QN_UNAVAILABLE;
        fault.message = "shutting down";
    } else if (call->method == NULL) {
        fault.status = QN_UNIMPLEMENTED;
        fault.message = "no such method";
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

static void dispatch(struct qn_inbound *inbound, struct qn_wire_request *request)
{
    const struct qn_handler *handler = &inbound->stats->handler;
    struct qn_wire_call wire;
    size_t n_accepted = 0;
    for (size_t i = 0; i < inbound->n_calls && qn_wire_next_call(request, &wire); i++)
        if (accept_call(inbound, i, &wire))
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

static void refuse(struct qn_server *server, const char *reason, const char *detail)
{
    uint64_t held_back;
    qn_metric_add(qn_metric_series(&refused_metric, reason, NULL, NULL), 1);
    if (qn_log_due(&server->refusals, 1000, &held_back))
        qn_log(NULL, QN_WARN, "message refused", QN_F_C("address", server->listening),
               QN_F_C("reason", reason), QN_F_C("detail", detail), QN_F_INT("held_back", held_back));
}

static void on_arrived(void *context, struct qn_seat *seat, struct qn_message *message)
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
        qn_seat_hang_up(seat, message);
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

static void on_peers_changed(void *context)
{
    end_drain_if_empty(context);
}

/* Opening. */

static enum qn_status make_methods(struct qn_server *server)
{
    size_t n = 0;
    for (size_t i = 0; i < server->options.n_handlers; i++)
        n += server->options.handlers[i]->service->n_methods;
    server->methods = calloc(n > 0 ? n : 1, sizeof(*server->methods));
    if (server->methods == NULL)
        return QN_RESOURCE_EXHAUSTED;
    for (size_t i = 0; i < server->options.n_handlers; i++) {
        const struct qn_handlers *handlers = server->options.handlers[i];
        for (size_t k = 0; k < handlers->service->n_methods; k++) {
            const struct qn_method *method = handlers->service->methods[k];
            struct qn_method_stats *stats = &server->methods[server->n_methods++];
            stats->method = method;
            stats->handler = handlers->handlers[k];
            QN_CHECK((method->batchable ? stats->handler.batch != NULL : stats->handler.one != NULL));
            stats->seconds = qn_metric_series(&seconds_metric, method->path, NULL, NULL);
            if (method->batchable)
                stats->batch = qn_metric_series(&batch_metric, method->path, NULL, NULL);
        }
    }
    return QN_OK;
}

static void on_port_closed(void *context);

static enum qn_status listen_on(struct qn_server *server, const char *url, struct qn_error *err)
{
    struct qn_transport_options options = {
        .url = url,
        .tls_certificate_file = server->options.tls_certificate_file,
        .tls_key_file = server->options.tls_key_file,
        .tls_ca_file = server->options.tls_ca_file,
        .contexts = server->options.contexts,
        .message_max_bytes = server->options.message_max_bytes,
    };
    struct qn_port_events events = {on_arrived, on_peers_changed, on_port_closed, server};
    return qn_port_open(server->gate, &options, &events, &server->port, err);
}

static enum qn_status listen_in_folder(struct qn_server *server, struct qn_error *err)
{
    struct qn_folder folder;
    qn_folder_at(server->address.path, &folder);
    QN_TRY(qn_folder_make(&folder, err));
    QN_TRY(qn_folder_take(&folder, &server->place, err));
    char url[QN_ADDRESS_URL_MAX];
    snprintf(url, sizeof(url), "ipc://%s", server->place.hidden.path);
    QN_TRY(listen_on(server, url, err));
    QN_TRY(qn_folder_publish(&server->place, err));
    snprintf(server->listening, sizeof(server->listening), "ipc://%s", server->place.socket.path);
    return QN_OK;
}

static enum qn_status start_listening(struct qn_server *server, struct qn_error *err)
{
    const struct qn_address *address = &server->address;
    switch (address->kind) {
    case QN_ADDRESS_FOLDER:
        return listen_in_folder(server, err);
    case QN_ADDRESS_SOCKET:
        if (strlen(address->path) > QN_FOLDER_SOCKET_MAX)
            return qn_error_set(err, QN_INVALID_ARGUMENT, "%s: at most %d bytes", address->path,
                                QN_FOLDER_SOCKET_MAX);
        snprintf(server->listening, sizeof(server->listening), "ipc://%.*s", QN_FOLDER_SOCKET_MAX,
                 address->path);
        return listen_on(server, server->listening, err);
    case QN_ADDRESS_INPROC:
        snprintf(server->listening, sizeof(server->listening), "inproc://%.*s", QN_FOLDER_SOCKET_MAX,
                 address->path);
        return listen_on(server, server->listening, err);
    case QN_ADDRESS_TCP:
    case QN_ADDRESS_TLS:
        break;
    }
    qn_address_url(address->kind, address->host, address->port, server->listening);
    QN_TRY(listen_on(server, server->listening, err));
    if (address->port == 0)
        qn_address_url(address->kind, address->host, (uint16_t)qn_port_number(server->port),
                       server->listening);
    return QN_OK;
}

static void on_gate_closed(void *context)
{
    struct qn_server *server = context;
    server->gate_closed = true;
    if (qn_list_empty(&server->busy))
        end_close(server);
}

static void on_port_closed(void *context)
{
    struct qn_server *server = context;
    qn_gate_close(server->gate, on_gate_closed, server);
}

enum qn_status qn_server_open(struct qn_loop *loop, const struct qn_server_options *options,
                              struct qn_server **ret_server, struct qn_error *err)
{
    struct qn_server *server = calloc(1, sizeof(*server));
    if (server == NULL)
        return qn_error_set(err, QN_RESOURCE_EXHAUSTED, "out of memory");
    server->loop = loop;
    server->place.lock = -1;
    server->options = *options;
    server->in_flight = qn_metric_series(&in_flight_metric, NULL, NULL, NULL);
    struct qn_server_options *set = &server->options;
    set->contexts = set->contexts == 0 ? CONTEXTS_DEFAULT : set->contexts;
    set->message_max_bytes = set->message_max_bytes == 0 ? MESSAGE_MAX_BYTES : set->message_max_bytes;
    set->call_arena_bytes = set->call_arena_bytes == 0 ? ARENA_MAX_BYTES : set->call_arena_bytes;
    qn_list_init(&server->busy);
    qn_list_init(&server->idle);

    enum qn_status status = QN_OK;
    if (set->contexts > CONTEXTS_MAX)
        status = qn_error_set(err, QN_INVALID_ARGUMENT, "contexts: 1 to %d", CONTEXTS_MAX);
    if (status == QN_OK)
        status = qn_address_parse(options->listen, &server->address, err);
    if (status == QN_OK && (status = make_methods(server)) != QN_OK)
        qn_error_set(err, status, "out of memory");
    if (status == QN_OK && (status = qn_gate_open(loop, &server->gate)) != QN_OK)
        qn_error_set(err, status, "out of memory or descriptors");
    if (status != QN_OK) {
        free_server(server);
        return status;
    }
    status = start_listening(server, err);
    if (status != QN_OK) {
        if (server->port != NULL)
            qn_server_close(server, NULL, NULL);
        else
            qn_gate_close(server->gate, on_gate_closed, server);
        return status;
    }
    *ret_server = server;
    return QN_OK;
}

const char *qn_server_address(const struct qn_server *server)
{
    return server->listening;
}

void qn_server_drain(struct qn_server *server, uint64_t limit_ms, void (*drained)(void *context),
                     void *context)
{
    QN_CHECK(!server->draining && server->port != NULL && drained != NULL);
    server->draining = true;
    server->drained = drained;
    server->drained_context = context;
    /* Clients watch the folder; those of a name learn by their next call or greeting. */
    qn_folder_withdraw(&server->place);
    qn_timer_start(server->loop, &server->drain_limit, limit_ms, on_drain_limit);
    end_drain_if_empty(server);
}

void qn_server_close(struct qn_server *server, void (*closed)(void *context), void *context)
{
    QN_CHECK(server->port != NULL);
    server->closed = closed;
    server->closed_context = context;
    server->drained = NULL;
    qn_timer_cancel(server->loop, &server->drain_limit);
    qn_later_cancel(server->loop, &server->drain_end);
    qn_folder_withdraw(&server->place);
    qn_list_each (node, &server->busy)
        container_of(node, struct qn_inbound, node)->seat = NULL;
    struct qn_port *port = server->port;
    server->port = NULL;
    qn_port_close(port);
}
