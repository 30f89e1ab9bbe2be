#include <nng/nng.h>
#include <nng/protocol/reqrep0/rep.h>
#include <nng/protocol/reqrep0/req.h>
#include <nng/transport/tcp/tcp.h> /* nothing but its option names */
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/core/check.h"
#include "common/core/clock.h"
#include "common/rpc/transport_ops.h"
#include "common/rpc/wire.h"

/* nng's library, over contexts. Its own threads do nothing here but ring a gate: no callback of nng frees,
 * waits for or restarts an aio (nng issues 508, 1138, 1721).
 *
 * Why this file is long: nng is included here and nowhere else. From the top: what happens on nng's threads;
 * messages; lines (client); ports (server). */

/* How soon nng dials again; it doubles up to the second, and picks a random time below. */
enum { REDIAL_MIN_MS = 20, REDIAL_MAX_MS = 500 };

/* A peer that has not read an answer for so long gets none. */
enum { ANSWER_TIMEOUT_MS = 30000 };

#if defined(__SANITIZE_ADDRESS__)
/* nng 1.5.2 loses the memory of a connection that still shakes hands, or waits to be accepted, when its
 * dialler or listener is closed: a few KB at the end of a process, or when a peer is left. */
const char *__lsan_default_suppressions(void);
const char *__lsan_default_suppressions(void)
{
    return "leak:libnng.so\n";
}
#endif

/* On a thread of nng's. */
static void on_aio(void *arg)
{
    qn_gate_ring(arg);
}

/* nng's connections of a socket, counted on its threads, read on the loop. ADD_PRE comes before REM_POST for
 * every pipe; ADD_POST may come after it (nng 1.5.2: pipe_destroy() does not wait for it). */
struct pipes {
    struct qn_gate_event event;
    atomic_uint n_added, n_removed;
    atomic_bool told; /* the event is on its way */
};

/* On a thread of nng's. */
static void on_pipe(nng_pipe pipe, nng_pipe_ev what, void *arg)
{
    (void)pipe;
    struct pipes *pipes = arg;
    atomic_fetch_add(what == NNG_PIPE_EV_ADD_PRE ? &pipes->n_added : &pipes->n_removed, 1);
    if (!atomic_exchange(&pipes->told, true))
        qn_gate_ring(&pipes->event);
}

static int pipes_watch(struct pipes *pipes, nng_socket socket)
{
    int rv = nng_pipe_notify(socket, NNG_PIPE_EV_ADD_PRE, on_pipe, pipes);
    return rv != 0 ? rv : nng_pipe_notify(socket, NNG_PIPE_EV_REM_POST, on_pipe, pipes);
}

/* Removed first: a pipe that comes and goes in between is then seen as still there, and its end is told. */
static size_t pipes_now(struct pipes *pipes, uint32_t *ret_added)
{
    unsigned removed = atomic_load(&pipes->n_removed);
    unsigned added = atomic_load(&pipes->n_added);
    *ret_added = added;
    return (int)(added - removed) > 0 ? added - removed : 0;
}

static enum qn_status status_of(int rv)
{
    switch (rv) {
    case 0:
        return QN_OK;
    case NNG_EADDRINUSE:
        return QN_ALREADY_EXISTS;
    case NNG_EINVAL:
    case NNG_EADDRINVAL:
    case NNG_ECRYPTO:
    case NNG_ENOFILES:
        return QN_INVALID_ARGUMENT;
    case NNG_ENOTSUP:
        return QN_UNIMPLEMENTED;
    case NNG_EPERM:
        return QN_PERMISSION_DENIED;
    case NNG_ENOMEM:
        return QN_RESOURCE_EXHAUSTED;
    default:
        return QN_UNAVAILABLE;
    }
}

static enum qn_status failed(struct qn_error *err, int rv, const char *url, const char *what)
{
    return qn_error_set(err, status_of(rv), "%s: %s: %s", url, what, nng_strerror(rv));
}

/* Messages are copied to and from nng's: what travels by this transport stays in the process. */

static struct qn_message *ours(nng_msg *message)
{
    struct qn_message *copy = qn_message_new(nng_msg_len(message));
    if (copy != NULL)
        memcpy(qn_message_bytes(copy), nng_msg_body(message), nng_msg_len(message));
    nng_msg_free(message);
    return copy;
}

/* NULL when memory is out; the message is gone either way. */
static nng_msg *theirs(struct qn_message *message)
{
    struct qn_str bytes = qn_message_view(message);
    nng_msg *copy;
    if (nng_msg_alloc(&copy, bytes.len) != 0)
        copy = NULL;
    else if (bytes.len > 0)
        memcpy(nng_msg_body(copy), bytes.ptr, bytes.len);
    qn_message_free(message);
    return copy;
}

/* What an aio still holds after a send that failed. */
static void drop_message(nng_aio *aio)
{
    nng_msg *message = nng_aio_get_msg(aio);
    nng_aio_set_msg(aio, NULL);
    if (message != NULL)
        nng_msg_free(message);
}

/* Not every transport knows every option (inproc knows none). */
static int tolerate(int rv)
{
    return rv == NNG_ENOTSUP ? 0 : rv;
}

/* Lines. */

struct trip {
    struct qn_trip base;
    struct qn_gate_event event;
    struct qn_node idle; /* in the line's list while idle */
    struct line *line;
    nng_ctx ctx;
    nng_aio *aio;
    enum { TRIP_IDLE, TRIP_SENDING, TRIP_RECEIVING } state;
    bool cancelled, no_memory;
    uint64_t deadline_ms;
    void (*done)(void *context, enum qn_trip_end end, struct qn_message *answer);
    void *context;
};

struct line {
    struct qn_line base;
    struct qn_gated gated;
    nng_socket socket;
    struct pipes pipes;
    struct qn_line_events events;
    struct qn_list idle;
    size_t n_trips; /* the last is for qn_line_part(), and never in the list */
    struct trip trips[];
};

static void on_line_pipes(struct qn_gate_event *event)
{
    struct line *line = container_of(event, struct line, pipes.event);
    atomic_store(&line->pipes.told, false);
    uint32_t added;
    size_t now = pipes_now(&line->pipes, &added);
    if (!line->base.parting && !line->base.closed)
        line->events.changed(line->events.context, now > 0 ? added : 0);
}

static void trip_end(struct trip *trip, enum qn_trip_end end, nng_msg *answer)
{
    trip->state = TRIP_IDLE;
    if (trip != &trip->line->trips[trip->line->n_trips - 1])
        qn_list_push(&trip->line->idle, &trip->idle);
    struct qn_message *message = answer != NULL ? ours(answer) : NULL;
    if (end == QN_TRIP_ANSWERED && message == NULL)
        end = QN_TRIP_LOST; /* memory is out */
    trip->done(trip->context, end, message);
}

static nng_duration trip_timeout(const struct trip *trip)
{
    uint64_t left_ms = qn_clock_left_ms(trip->deadline_ms);
    /* 0 would mean: do not wait at all. */
    return left_ms == 0 ? 1 : left_ms > INT32_MAX ? INT32_MAX : (nng_duration)left_ms;
}

static void trip_sent(struct trip *trip)
{
    int rv = trip->no_memory ? NNG_ENOMEM : nng_aio_result(trip->aio);
    if (rv != 0) {
        drop_message(trip->aio);
        trip_end(trip, QN_TRIP_NOT_SENT, NULL);
        return;
    }
    if (trip->cancelled || trip->line->base.closed) {
        /* The context forgets this answer with its next message. */
        trip_end(trip, trip->cancelled ? QN_TRIP_CANCELLED : QN_TRIP_LOST, NULL);
        return;
    }
    /* Only now: nng 1.5.2 asserts that no receive is under way when a send times out. */
    trip->state = TRIP_RECEIVING;
    nng_aio_set_timeout(trip->aio, trip_timeout(trip));
    nng_ctx_recv(trip->ctx, trip->aio);
}

static void trip_received(struct trip *trip)
{
    int rv = nng_aio_result(trip->aio);
    if (rv == 0) {
        nng_msg *answer = nng_aio_get_msg(trip->aio);
        nng_aio_set_msg(trip->aio, NULL);
        trip_end(trip, QN_TRIP_ANSWERED, answer);
    } else if (rv == NNG_ECANCELED && trip->cancelled) {
        trip_end(trip, QN_TRIP_CANCELLED, NULL);
    } else {
        trip_end(trip, rv == NNG_ETIMEDOUT ? QN_TRIP_TIMED_OUT : QN_TRIP_LOST, NULL);
    }
}

static void on_trip(struct qn_gate_event *event)
{
    struct trip *trip = container_of(event, struct trip, event);
    if (trip->line->gated.given_up)
        return; /* rung just before; it was ended then */
    QN_CHECK(trip->state != TRIP_IDLE);
    if (trip->state == TRIP_SENDING)
        trip_sent(trip);
    else
        trip_received(trip);
}

static int trip_open(struct line *line, struct trip *trip)
{
    trip->base.ops = line->base.ops;
    trip->line = line;
    trip->event = (struct qn_gate_event){.gated = &line->gated, .run = on_trip};
    int rv = nng_aio_alloc(&trip->aio, on_aio, &trip->event);
    if (rv != 0)
        return rv;
    if ((rv = nng_ctx_open(&trip->ctx, line->socket)) != 0)
        return rv;
    /* By default nng sends again after a minute, and at once when the pipe drops: a sign-up would run
     * twice. */
    if ((rv = nng_ctx_set_ms(trip->ctx, NNG_OPT_REQ_RESENDTIME, NNG_DURATION_INFINITE)) != 0)
        return rv;
    if (trip != &line->trips[line->n_trips - 1])
        qn_list_push(&line->idle, &trip->idle);
    return 0;
}

static enum qn_status line_dial(struct line *line, const struct qn_transport_options *options,
                                struct qn_error *err)
{
    nng_dialer dialer;
    int rv = nng_dialer_create(&dialer, line->socket, options->url);
    if (rv == 0)
        rv = nng_dialer_set_ms(dialer, NNG_OPT_RECONNMINT, REDIAL_MIN_MS);
    if (rv == 0)
        rv = nng_dialer_set_ms(dialer, NNG_OPT_RECONNMAXT, REDIAL_MAX_MS);
    if (rv == 0)
        rv = tolerate(nng_dialer_set_size(dialer, NNG_OPT_RECVMAXSZ,
                                          options->message_max_bytes + QN_WIRE_TRANSPORT_BYTES));
    if (rv == 0)
        rv = tolerate(nng_dialer_set_bool(dialer, NNG_OPT_TCP_NODELAY, true));
    if (rv == 0)
        rv = tolerate(nng_dialer_set_bool(dialer, NNG_OPT_TCP_KEEPALIVE, true));
    if (rv == 0)
        rv = nng_dialer_start(dialer, NNG_FLAG_NONBLOCK);
    return rv == 0 ? QN_OK : failed(err, rv, options->url, "cannot dial");
}

/* On a thread of its own. */
static void stop_line(struct qn_gated *gated)
{
    struct line *line = container_of(gated, struct line, gated);
    nng_close(line->socket); /* with its contexts */
    for (size_t i = 0; i < line->n_trips; i++)
        nng_aio_stop(line->trips[i].aio);
}

static void on_line_gone(struct qn_gated *gated)
{
    struct line *line = container_of(gated, struct line, gated);
    /* When nng let go of it, these have come home by themselves. */
    for (size_t i = 0; i < line->n_trips; i++)
        if (line->trips[i].state != TRIP_IDLE)
            trip_end(&line->trips[i], QN_TRIP_LOST, NULL);
    if (gated->given_up)
        return;
    for (size_t i = 0; i < line->n_trips; i++)
        nng_aio_free(line->trips[i].aio);
    free(line);
}

static struct line *line_of(const struct qn_line *line)
{
    return container_of((struct qn_line *)line, struct line, base);
}

static struct trip *trip_of(struct qn_trip *trip)
{
    return container_of(trip, struct trip, base);
}

static void close_line(struct qn_line *base)
{
    struct line *line = line_of(base);
    qn_gate_leave(&line->gated);
}

static size_t idle_trips(const struct qn_line *line)
{
    return line_of(line)->idle.len;
}

static void trip_start(struct trip *trip, struct qn_message *message, uint64_t timeout_ms,
                       void (*done)(void *context, enum qn_trip_end end, struct qn_message *answer),
                       void *context)
{
    trip->state = TRIP_SENDING;
    trip->cancelled = false;
    trip->deadline_ms = qn_clock_now_ms() + timeout_ms;
    trip->done = done;
    trip->context = context;
    nng_msg *copy = theirs(message);
    trip->no_memory = copy == NULL;
    if (copy == NULL) {
        qn_gate_ring(&trip->event);
        return;
    }
    nng_aio_set_msg(trip->aio, copy);
    nng_aio_set_timeout(trip->aio, trip_timeout(trip));
    nng_ctx_send(trip->ctx, trip->aio);
}

static struct qn_trip *start(struct qn_line *base, struct qn_message *message, uint64_t timeout_ms,
                             void (*done)(void *context, enum qn_trip_end end, struct qn_message *answer),
                             void *context)
{
    struct line *line = line_of(base);
    QN_CHECK(!qn_list_empty(&line->idle));
    struct trip *trip = container_of(qn_list_pop(&line->idle), struct trip, idle);
    trip_start(trip, message, timeout_ms, done, context);
    return &trip->base;
}

static void start_last(struct qn_line *base, struct qn_message *message, uint64_t timeout_ms,
                       void (*done)(void *context, enum qn_trip_end end, struct qn_message *answer),
                       void *context)
{
    struct line *line = line_of(base);
    trip_start(&line->trips[line->n_trips - 1], message, timeout_ms, done, context);
}

static void cancel(struct qn_trip *base)
{
    struct trip *trip = trip_of(base);
    QN_CHECK(trip->state != TRIP_IDLE);
    trip->cancelled = true;
    nng_aio_cancel(trip->aio);
}

static void cancel_unsent(struct qn_trip *base)
{
    struct trip *trip = trip_of(base);
    QN_CHECK(trip->state != TRIP_IDLE);
    if (trip->state == TRIP_SENDING)
        nng_aio_cancel(trip->aio);
}

enum qn_status qn_nng_line_open(struct qn_gate *gate, const struct qn_transport_options *options,
                                const struct qn_line_events *events, struct qn_line **ret_line,
                                struct qn_error *err)
{
    static const struct qn_line_ops ops = {start_last, close_line, idle_trips, start, cancel, cancel_unsent};
    size_t n_trips = options->contexts + 1;
    struct line *line = calloc(1, sizeof(*line) + n_trips * sizeof(line->trips[0]));
    if (line == NULL)
        return qn_error_set(err, QN_RESOURCE_EXHAUSTED, "%s: out of memory", options->url);
    line->base.ops = &ops;
    line->pipes.event = (struct qn_gate_event){.gated = &line->gated, .run = on_line_pipes};
    line->events = *events;
    line->n_trips = n_trips;
    qn_list_init(&line->idle);
    int rv = nng_req0_open(&line->socket);
    if (rv != 0) {
        free(line);
        return failed(err, rv, options->url, "cannot open a socket");
    }
    qn_gate_enter(gate, &line->gated, stop_line, on_line_gone);
    rv = pipes_watch(&line->pipes, line->socket);
    for (size_t i = 0; rv == 0 && i < line->n_trips; i++)
        rv = trip_open(line, &line->trips[i]);
    enum qn_status status =
        rv == 0 ? line_dial(line, options, err) : failed(err, rv, options->url, "cannot open a socket");
    if (status != QN_OK) {
        line->base.closed = true;
        qn_gate_leave_now(&line->gated);
        return status;
    }
    *ret_line = &line->base;
    return QN_OK;
}

/* Ports. */

/* SEND_WANTED: another answer waits for the end of the send. */
enum { SEND_IDLE, SEND_BUSY, SEND_WANTED };

/* A seat takes its next message while its answer is still being handed to nng: waiting for that would wake
 * the loop once more for each message. */
struct seat {
    struct qn_seat base;
    struct port *port;
    nng_ctx ctx;

    struct qn_gate_event arrival;
    nng_aio *receive;
    nng_pipe pipe; /* on which its message came */
    bool held;     /* the owner has a message of it */

    nng_aio *send;
    atomic_int sending; /* SEND_… */
    struct qn_gate_event sent;
    struct qn_message *waiting; /* that answer */
};

struct port {
    struct qn_port base;
    struct qn_gated gated;
    nng_socket socket;
    struct pipes pipes;
    struct qn_port_events events;
    int number;
    bool closed;
    size_t n_seats;
    struct seat seats[];
};

static void on_port_pipes(struct qn_gate_event *event)
{
    struct port *port = container_of(event, struct port, pipes.event);
    atomic_store(&port->pipes.told, false);
    if (!port->closed)
        port->events.peers_changed(port->events.context);
}

static void seat_receive(struct seat *seat)
{
    /* The one operation without a timeout: nobody owes a server a message. It ends with the port. */
    nng_aio_set_timeout(seat->receive, NNG_DURATION_INFINITE);
    nng_ctx_recv(seat->ctx, seat->receive);
}

static void on_arrival(struct qn_gate_event *event)
{
    struct seat *seat = container_of(event, struct seat, arrival);
    QN_CHECK(!seat->held);
    int rv = nng_aio_result(seat->receive);
    if (seat->port->closed) {
        if (rv == 0)
            drop_message(seat->receive); /* too late */
        return;
    }
    if (rv != 0) {
        seat_receive(seat);
        return;
    }
    nng_msg *message = nng_aio_get_msg(seat->receive);
    nng_aio_set_msg(seat->receive, NULL);
    seat->pipe = nng_msg_get_pipe(message);
    struct qn_message *copy = ours(message);
    if (copy == NULL) {
        seat_receive(seat);
        return;
    }
    seat->held = true;
    seat->port->events.arrived(seat->port->events.context, &seat->base, copy);
}

/* On a thread of nng's. */
static void on_send_done(void *arg)
{
    struct seat *seat = arg;
    if (atomic_exchange(&seat->sending, SEND_IDLE) == SEND_WANTED)
        qn_gate_ring(&seat->sent);
}

/* Requires: SEND_IDLE. The context still knows whom it answers: it has not been told to receive again. */
static void seat_send(struct seat *seat, struct qn_message *answer)
{
    drop_message(seat->send); /* one that could not be sent last time */
    atomic_store(&seat->sending, SEND_BUSY);
    seat->held = false;
    nng_msg *copy = theirs(answer);
    if (copy == NULL) { /* memory is out: the peer's deadline tells it */
        atomic_store(&seat->sending, SEND_IDLE);
        seat_receive(seat);
        return;
    }
    nng_aio_set_msg(seat->send, copy);
    nng_aio_set_timeout(seat->send, ANSWER_TIMEOUT_MS);
    nng_ctx_send(seat->ctx, seat->send);
    seat_receive(seat);
}

static void on_sent(struct qn_gate_event *event)
{
    struct seat *seat = container_of(event, struct seat, sent);
    struct qn_message *answer = seat->waiting;
    seat->waiting = NULL;
    if (seat->port->closed)
        qn_message_free(answer);
    else
        seat_send(seat, answer);
}

static int seat_open(struct port *port, struct seat *seat)
{
    seat->base.ops = port->base.ops;
    seat->port = port;
    seat->arrival = (struct qn_gate_event){.gated = &port->gated, .run = on_arrival};
    seat->sent = (struct qn_gate_event){.gated = &port->gated, .run = on_sent};
    int rv = nng_aio_alloc(&seat->receive, on_aio, &seat->arrival);
    if (rv == 0)
        rv = nng_aio_alloc(&seat->send, on_send_done, seat);
    return rv != 0 ? rv : nng_ctx_open(&seat->ctx, port->socket);
}

static enum qn_status port_listen(struct port *port, const struct qn_transport_options *options,
                                  struct qn_error *err)
{
    nng_listener listener;
    int rv = nng_listener_create(&listener, port->socket, options->url);
    if (rv == 0)
        rv = tolerate(nng_listener_set_size(listener, NNG_OPT_RECVMAXSZ,
                                            options->message_max_bytes + QN_WIRE_TRANSPORT_BYTES));
    if (rv == 0)
        rv = tolerate(nng_listener_set_bool(listener, NNG_OPT_TCP_NODELAY, true));
    if (rv == 0)
        rv = tolerate(nng_listener_set_bool(listener, NNG_OPT_TCP_KEEPALIVE, true));
    if (rv == 0)
        rv = nng_listener_start(listener, 0);
    if (rv != 0)
        return failed(err, rv, options->url, "cannot listen");
    if (nng_listener_get_int(listener, NNG_OPT_TCP_BOUND_PORT, &port->number) != 0)
        port->number = 0;
    return QN_OK;
}

/* On a thread of its own. */
static void stop_port(struct qn_gated *gated)
{
    struct port *port = container_of(gated, struct port, gated);
    nng_close(port->socket); /* with its contexts */
    for (size_t i = 0; i < port->n_seats; i++) {
        nng_aio_stop(port->seats[i].receive);
        nng_aio_stop(port->seats[i].send);
    }
}

static void seat_free(struct seat *seat)
{
    if (seat->send != NULL)
        drop_message(seat->send);
    qn_message_free(seat->waiting);
    nng_aio_free(seat->receive);
    nng_aio_free(seat->send);
}

static void on_port_gone(struct qn_gated *gated)
{
    struct port *port = container_of(gated, struct port, gated);
    struct qn_port_events events = port->events;
    if (!gated->given_up) {
        for (size_t i = 0; i < port->n_seats; i++)
            seat_free(&port->seats[i]);
        free(port);
    }
    if (events.closed != NULL)
        events.closed(events.context);
}

static struct port *port_of(const struct qn_port *port)
{
    return container_of((struct qn_port *)port, struct port, base);
}

static struct seat *seat_of(struct qn_seat *seat)
{
    return container_of(seat, struct seat, base);
}

static int number(const struct qn_port *port)
{
    return port_of(port)->number;
}

static size_t peers(const struct qn_port *port)
{
    uint32_t added;
    return pipes_now(&port_of(port)->pipes, &added);
}

static void answer(struct qn_seat *base, struct qn_message *message)
{
    struct seat *seat = seat_of(base);
    QN_CHECK(seat->held && seat->waiting == NULL && !seat->port->closed);
    if (message == NULL) {
        seat->held = false;
        seat_receive(seat);
        return;
    }
    int busy = SEND_BUSY;
    if (atomic_compare_exchange_strong(&seat->sending, &busy, SEND_WANTED))
        seat->waiting = message; /* on_sent() comes */
    else
        seat_send(seat, message);
}

static void hang_up(struct qn_seat *base)
{
    struct seat *seat = seat_of(base);
    QN_CHECK(seat->held && seat->waiting == NULL && !seat->port->closed);
    nng_pipe_close(seat->pipe);
    seat->held = false;
    seat_receive(seat);
}

static void close_port(struct qn_port *base)
{
    struct port *port = port_of(base);
    QN_CHECK(!port->closed);
    port->closed = true;
    qn_gate_leave(&port->gated);
}

enum qn_status qn_nng_port_open(struct qn_gate *gate, const struct qn_transport_options *options,
                                const struct qn_port_events *events, struct qn_port **ret_port,
                                struct qn_error *err)
{
    static const struct qn_port_ops ops = {number, peers, close_port, answer, hang_up};
    struct port *port = calloc(1, sizeof(*port) + options->contexts * sizeof(port->seats[0]));
    if (port == NULL)
        return qn_error_set(err, QN_RESOURCE_EXHAUSTED, "%s: out of memory", options->url);
    port->base.ops = &ops;
    port->pipes.event = (struct qn_gate_event){.gated = &port->gated, .run = on_port_pipes};
    port->events = *events;
    port->n_seats = options->contexts;
    int rv = nng_rep0_open(&port->socket);
    if (rv != 0) {
        free(port);
        return failed(err, rv, options->url, "cannot open a socket");
    }
    qn_gate_enter(gate, &port->gated, stop_port, on_port_gone);
    rv = pipes_watch(&port->pipes, port->socket);
    for (size_t i = 0; rv == 0 && i < port->n_seats; i++)
        rv = seat_open(port, &port->seats[i]);
    enum qn_status status =
        rv == 0 ? port_listen(port, options, err) : failed(err, rv, options->url, "cannot open a socket");
    if (status != QN_OK) {
        port->events.closed = NULL;
        port->closed = true;
        qn_gate_leave_now(&port->gated);
        return status;
    }
    for (size_t i = 0; i < port->n_seats; i++)
        seat_receive(&port->seats[i]);
    *ret_port = &port->base;
    return QN_OK;
}
