#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/core/check.h"
#include "common/core/metric.h"
#include "common/loop/timer.h"
#include "common/rpc/sp_address.h"
#include "common/rpc/sp_pipe.h"
#include "common/rpc/transport_ops.h"

/* A port, the REP side: it accepts pipes, and hands each message to an idle seat. A message: 1. comes on a
 * pipe  2. gets a seat  3. is answered by its owner  4. the answer is written to its pipe, and the seat is
 * idle.
 * No seat is idle: the message waits, one a pipe, and its pipe is read no further. Its pipe is lost
 * meanwhile: the answer is thrown away. */

enum {
    ACCEPT_AT_ONCE = 64,
    ACCEPT_AGAIN_MS = 100, /* when descriptors are out */
    /* A service has a few dozen clients; what comes beyond is hung up on. */
    PIPES_MAX = 1024,
};

struct sp_port;

struct sp_seat {
    struct qn_seat base;
    struct qn_node node; /* among the idle */
    struct sp_port *port;
    struct qn_sp_pipe *pipe; /* whom it serves; NULL: idle, or the pipe is lost */
    struct qn_sp_trace trace;
    struct qn_message *answer; /* in the pipe's queue */
    bool held;                 /* the owner has a message of it */
};

/* A pipe of a port, and the message on it that waits for a seat. */
struct caller {
    struct qn_node node;    /* in the port's list */
    struct qn_node waiting; /* in the port's list of those that wait */
    struct sp_port *port;
    struct qn_sp_pipe *pipe;
    struct qn_sp_trace trace;
    struct qn_message *message;
};

struct sp_port {
    struct qn_port base;
    struct qn_gate *gate;
    struct qn_loop *loop;
    struct qn_port_events events;
    struct qn_sp_address address;
    struct qn_tls *tls; /* NULL: without */
    size_t message_max_bytes;
    int number;
    int fd;
    struct qn_poll *poll;
    struct stat socket; /* what was bound, of ipc */
    struct qn_timer accept_again;
    struct qn_list callers, waiting, idle;
    struct qn_later work; /* to seat those that wait, and to end */
    bool closed;
    size_t n_seats;
    struct sp_seat seats[];
};

static struct qn_metric refused_metric = {
    .name = "quintet_rpc_connections_refused_total",
    .help = "Connections that were not accepted, for there are too many",
    .kind = QN_COUNTER,
};

static struct sp_port *port_of(const struct qn_port *port)
{
    return container_of((struct qn_port *)port, struct sp_port, base);
}

static struct sp_seat *seat_of(struct qn_seat *seat)
{
    return container_of(seat, struct sp_seat, base);
}

/* Seats. */

static void on_work(struct qn_later *later);

static void set_idle(struct sp_seat *seat)
{
    struct sp_port *port = seat->port;
    seat->pipe = NULL;
    seat->answer = NULL;
    qn_list_push(&port->idle, &seat->node);
    if (!qn_list_empty(&port->waiting))
        qn_later_start(port->loop, &port->work, on_work);
}

static void take_seat(struct sp_port *port, struct qn_sp_pipe *pipe, const struct qn_sp_trace *trace,
                      struct qn_message *message)
{
    struct sp_seat *seat = container_of(qn_list_pop(&port->idle), struct sp_seat, node);
    seat->pipe = pipe;
    seat->trace = *trace;
    seat->held = true;
    port->events.arrived(port->events.context, &seat->base, message);
}

static void answer(struct qn_seat *base, struct qn_message *message)
{
    struct sp_seat *seat = seat_of(base);
    QN_CHECK(seat->held && !seat->port->closed);
    seat->held = false;
    if (message == NULL || seat->pipe == NULL) {
        qn_message_free(message);
        set_idle(seat);
        return;
    }
    seat->answer = message;
    qn_sp_pipe_send(seat->pipe, message, seat, &seat->trace);
}

/* Pipes. */

static void forget(struct caller *caller)
{
    struct sp_port *port = caller->port;
    for (size_t i = 0; i < port->n_seats; i++) {
        struct sp_seat *seat = &port->seats[i];
        if (seat->pipe != caller->pipe)
            continue;
        seat->pipe = NULL;
        if (seat->answer != NULL) { /* not written to its end */
            qn_message_free(seat->answer);
            set_idle(seat);
        }
    }
    qn_message_free(caller->message);
    if (qn_node_linked(&caller->waiting))
        qn_list_remove(&port->waiting, &caller->waiting);
    qn_list_remove(&port->callers, &caller->node);
    free(caller);
}

static void on_open(struct qn_sp_pipe *pipe)
{
    (void)pipe;
}

static bool on_message(struct qn_sp_pipe *pipe, const struct qn_sp_trace *trace, struct qn_message *message)
{
    struct caller *caller = pipe->owner;
    struct sp_port *port = caller->port;
    if (!qn_list_empty(&port->idle) && qn_list_empty(&port->waiting)) {
        take_seat(port, pipe, trace, message);
        return true;
    }
    caller->trace = *trace;
    caller->message = message;
    qn_list_push(&port->waiting, &caller->waiting);
    return false;
}

static void on_written(struct qn_sp_pipe *pipe, void *sender)
{
    (void)pipe;
    set_idle(sender);
}

static void on_closed(struct qn_sp_pipe *pipe)
{
    struct caller *caller = pipe->owner;
    struct sp_port *port = caller->port;
    forget(caller);
    port->events.peers_changed(port->events.context);
}

static void hang_up(struct qn_seat *base)
{
    struct sp_seat *seat = seat_of(base);
    struct sp_port *port = seat->port;
    QN_CHECK(seat->held && !port->closed);
    struct qn_sp_pipe *pipe = seat->pipe;
    seat->held = false;
    seat->pipe = NULL;
    set_idle(seat);
    if (pipe == NULL)
        return;
    qn_sp_pipe_close(pipe);
    forget(pipe->owner);
    qn_later_start(port->loop, &port->work, on_work); /* tells of it */
}

static bool peer_is(const struct qn_seat *base, const char *name)
{
    const struct sp_seat *seat = seat_of((struct qn_seat *)base);
    return seat->port->tls == NULL || (seat->pipe != NULL && qn_sp_tls_peer_is(seat->pipe->stream.tls, name));
}

static void accept_one(struct sp_port *port, int fd)
{
    static const struct qn_sp_pipe_events events = {on_open, on_message, on_written, on_closed};
    struct caller *caller = port->callers.len < PIPES_MAX ? calloc(1, sizeof(*caller)) : NULL;
    if (caller == NULL) {
        qn_metric_add(qn_metric_series(&refused_metric, NULL, NULL, NULL), 1);
        close(fd);
        return;
    }
    struct qn_sp_pipe_options options = {
        .fd = fd,
        .ipc = port->address.ipc,
        .tls = port->tls,
        .protocol = QN_SP_REP,
        .message_max_bytes = port->message_max_bytes,
        .events = &events,
        .owner = caller,
    };
    caller->port = port;
    caller->pipe = qn_sp_pipe_open(port->loop, &options);
    if (caller->pipe == NULL) {
        free(caller);
        return;
    }
    qn_list_push(&port->callers, &caller->node);
    qn_later_start(port->loop, &port->work, on_work); /* tells of it */
}

static void on_accept_again(struct qn_timer *timer)
{
    qn_poll_want(container_of(timer, struct sp_port, accept_again)->poll, QN_READABLE);
}

static void on_acceptable(void *context, int ready)
{
    (void)ready;
    struct sp_port *port = context;
    for (int i = 0; i < ACCEPT_AT_ONCE; i++) {
        int fd = accept4(port->fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
        if (fd >= 0) {
            accept_one(port, fd);
        } else if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM) {
            qn_poll_want(port->poll, 0); /* or it would be ready again at once */
            qn_timer_start(port->loop, &port->accept_again, ACCEPT_AGAIN_MS, on_accept_again);
            return;
        } else if (errno == EAGAIN || errno == EWOULDBLOCK) {
            return;
        } /* else of that connection alone: it is gone already */
    }
}

/* Its life. */

static void discard(struct sp_port *port)
{
    if (port->tls != NULL)
        qn_tls_close(port->tls);
    free(port);
}

static void end(struct sp_port *port)
{
    struct qn_port_events events = port->events;
    struct qn_gate *gate = port->gate;
    discard(port);
    qn_gate_release(gate);
    if (events.closed != NULL)
        events.closed(events.context);
}

static void on_work(struct qn_later *later)
{
    struct sp_port *port = container_of(later, struct sp_port, work);
    if (port->closed) {
        end(port);
        return;
    }
    while (!qn_list_empty(&port->waiting) && !qn_list_empty(&port->idle)) {
        struct caller *caller = container_of(qn_list_pop(&port->waiting), struct caller, waiting);
        struct qn_message *message = caller->message;
        struct qn_sp_pipe *pipe = caller->pipe;
        caller->message = NULL;
        qn_sp_pipe_resume(pipe);
        take_seat(port, pipe, &caller->trace, message); /* may hang up on it, and close the port */
        if (port->closed)
            return;
    }
    port->events.peers_changed(port->events.context);
}

static void stop_listening(struct sp_port *port)
{
    /* First the name: while somebody listens behind it, nobody else takes it for stale and binds anew. */
    struct stat now;
    if (port->address.ipc && lstat(port->address.at.un.sun_path, &now) == 0 &&
        now.st_ino == port->socket.st_ino && now.st_dev == port->socket.st_dev)
        unlink(port->address.at.un.sun_path);
    close(port->fd);
}

static void close_port(struct qn_port *base)
{
    struct sp_port *port = port_of(base);
    QN_CHECK(!port->closed);
    port->closed = true;
    qn_timer_cancel(port->loop, &port->accept_again);
    qn_poll_close(port->poll);
    stop_listening(port);
    struct qn_node *node;
    while ((node = qn_list_first(&port->callers)) != NULL) {
        struct caller *caller = container_of(node, struct caller, node);
        qn_sp_pipe_close(caller->pipe);
        forget(caller);
    }
    qn_later_start(port->loop, &port->work, on_work);
}

static int number(const struct qn_port *port)
{
    return port_of(port)->number;
}

static size_t peers(const struct qn_port *port)
{
    return port_of(port)->callers.len;
}

/* Whether a socket lies at the path on which nobody listens. Anything else there is somebody's file, though
 * connect(2) refuses that as well. */
static bool is_stale(const struct qn_sp_address *address)
{
    struct stat there;
    if (lstat(address->at.un.sun_path, &there) != 0 || !S_ISSOCK(there.st_mode))
        return false;
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    bool refused = fd >= 0 && connect(fd, &address->at.any, address->len) != 0 && errno == ECONNREFUSED;
    if (fd >= 0)
        close(fd);
    return refused;
}

static int bind_to(int fd, const struct qn_sp_address *address)
{
    if (bind(fd, &address->at.any, address->len) == 0)
        return 0;
    if (errno != EADDRINUSE)
        return -1;
    if (!is_stale(address)) {
        errno = EADDRINUSE;
        return -1;
    }
    unlink(address->at.un.sun_path);
    return bind(fd, &address->at.any, address->len);
}

static enum qn_status listen_ipc(struct sp_port *port, const char *url, struct qn_error *err)
{
    const struct qn_sp_address *address = &port->address;
    port->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (port->fd < 0 || bind_to(port->fd, address) != 0 || listen(port->fd, SOMAXCONN) != 0) {
        int error = errno;
        if (port->fd >= 0)
            close(port->fd);
        enum qn_status status = error == EADDRINUSE                   ? QN_ALREADY_EXISTS
                                : error == EACCES || error == EPERM   ? QN_PERMISSION_DENIED
                                : error == ENOENT || error == ENOTDIR ? QN_INVALID_ARGUMENT
                                : error == EMFILE || error == ENFILE  ? QN_RESOURCE_EXHAUSTED
                                                                      : QN_UNAVAILABLE;
        errno = error;
        return qn_error_set(err, status, "%s: cannot listen: %m", url);
    }
    lstat(address->at.un.sun_path, &port->socket);
    return QN_OK;
}

static enum qn_status listen_tcp(struct sp_port *port, const char *url, struct qn_error *err)
{
    struct qn_error why = {0};
    enum qn_status status =
        qn_listen_open(url + strlen(port->address.tls ? "tls+tcp://" : "tcp://"), &port->fd, &why);
    if (status != QN_OK)
        return qn_error_set(err, status, "%s: %s", url, why.message);
    struct qn_listen_address bound = {.len = sizeof(bound.bytes)};
    if (getsockname(port->fd, (struct sockaddr *)&bound.bytes, &bound.len) == 0)
        port->number =
            ntohs(bound.bytes.ss_family == AF_INET6 ? ((const struct sockaddr_in6 *)&bound.bytes)->sin6_port
                                                    : ((const struct sockaddr_in *)&bound.bytes)->sin_port);
    return QN_OK;
}

enum qn_status qn_sp_port_open(struct qn_gate *gate, const struct qn_transport_options *options,
                               const struct qn_port_events *events, struct qn_port **ret_port,
                               struct qn_error *err)
{
    static const struct qn_port_ops ops = {number, peers, close_port, answer, hang_up, peer_is};
    struct qn_sp_address address;
    QN_TRY(qn_sp_address_of(options->url, &address, err));
    struct sp_port *port = calloc(1, sizeof(*port) + options->contexts * sizeof(port->seats[0]));
    if (port == NULL)
        return qn_error_set(err, QN_RESOURCE_EXHAUSTED, "%s: out of memory", options->url);
    port->address = address;
    const struct qn_tls_files files = {options->tls_certificate_file, options->tls_key_file,
                                       options->tls_ca_file};
    enum qn_status status = address.tls ? qn_tls_open(&files, &port->tls, err) : QN_OK;
    if (status == QN_OK)
        status = (address.ipc ? listen_ipc : listen_tcp)(port, options->url, err);
    if (status == QN_OK) {
        status = qn_poll_open(qn_gate_loop(gate), port->fd, on_acceptable, port, &port->poll);
        if (status != QN_OK) {
            stop_listening(port);
            qn_error_set(err, status, "%s: out of memory or descriptors", options->url);
        }
    }
    if (status != QN_OK) {
        discard(port);
        return status;
    }
    port->base.ops = &ops;
    port->gate = gate;
    port->loop = qn_gate_loop(gate);
    port->events = *events;
    port->message_max_bytes = options->message_max_bytes;
    qn_list_init(&port->callers);
    qn_list_init(&port->waiting);
    qn_list_init(&port->idle);
    port->n_seats = options->contexts;
    for (size_t i = 0; i < port->n_seats; i++) {
        port->seats[i].base.ops = &ops;
        port->seats[i].port = port;
        qn_list_push(&port->idle, &port->seats[i].node);
    }
    qn_gate_hold(gate);
    qn_poll_want(port->poll, QN_READABLE);
    *ret_port = &port->base;
    return QN_OK;
}
