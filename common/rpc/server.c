#include "common/rpc/server.h"

#include <stdio.h>
#include <stdlib.h>

#include "common/core/check.h"
#include "common/rpc/inbound.h"

enum { CONTEXTS_DEFAULT = 256, CONTEXTS_MAX = 256, MESSAGE_MAX_BYTES = 4 << 20, ARENA_MAX_BYTES = 8 << 20 };

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

static void free_server(struct qn_server *server)
{
    qn_folder_leave(&server->place);
    struct qn_node *node;
    while ((node = qn_list_pop(&server->idle)) != NULL)
        qn_inbound_free(container_of(node, struct qn_inbound, node));
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

void qn_server_message_done(struct qn_server *server)
{
    end_drain_if_empty(server);
    end_close_if_empty(server);
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
            stats->service = handlers->service;
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
    struct qn_port_events events = {qn_inbound_arrived, on_peers_changed, on_port_closed, server};
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
