#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/core/check.h"
#include "common/core/clock.h"
#include "common/loop/timer.h"
#include "common/rpc/sp_address.h"
#include "common/rpc/sp_pipe.h"
#include "common/rpc/transport_ops.h"

/* A line, the REQ side: it dials, and dials again when its pipe is lost. A trip: 1. waits for a pipe  2. is
 * queued there, and written  3. is answered, found by the id that the answer bears. Time is up, or it is
 * cancelled: NOT_SENT when the other side has no byte of it, else TIMED_OUT or CANCELLED. The pipe is lost:
 * back to step 1 when the other side has no byte of it, else LOST. A late answer finds nobody, for ids are
 * not used again soon. */

enum {
    /* The next try after a lost pipe or a refused connection; it doubles, and a random time below is taken,
     * so that the clients of a server that comes back do not all come at once. */
    REDIAL_MIN_MS = 20,
    REDIAL_MAX_MS = 500,
    /* An id is a trip's place in its low bits, and how often it was used above them. */
    PLACE_BITS = 8,
    TRIPS_MAX = 1 << PLACE_BITS,
};

struct sp_line;

struct sp_trip {
    struct qn_trip base;
    struct qn_node node; /* in the line's list of those idle, waiting or ending */
    struct sp_line *line;
    enum { TRIP_IDLE, TRIP_WAITING, TRIP_QUEUED, TRIP_SENT, TRIP_ENDING } state;
    struct qn_message *message; /* while WAITING or QUEUED */
    uint32_t id;                /* with QN_SP_ID_BIT */
    struct qn_timer timer;
    enum qn_trip_end end; /* while ENDING */
    void (*done)(void *context, enum qn_trip_end end, struct qn_message *answer);
    void *context;
};

struct sp_line {
    struct qn_line base;
    struct qn_gate *gate;
    struct qn_loop *loop;
    struct qn_line_events events;
    struct qn_sp_address address;
    struct qn_tls *tls; /* NULL: without */
    char *tls_server_name;
    size_t message_max_bytes;
    struct qn_sp_pipe *pipe; /* NULL: none now */
    uint32_t n_connections;
    struct qn_timer redial;
    uint32_t redial_ms;
    struct qn_list idle, waiting, ending;
    struct qn_later tell; /* ends those that are ending, and frees the line once it is closed */
    size_t n_trips;       /* the last is for qn_line_part(), and never in the list of idle ones */
    struct sp_trip trips[];
};

static struct sp_line *line_of(const struct qn_line *line)
{
    return container_of((struct qn_line *)line, struct sp_line, base);
}

static struct sp_trip *trip_of(struct qn_trip *trip)
{
    return container_of(trip, struct sp_trip, base);
}

/* The end of a trip. */

/* Its 'done' may start it again, or close the line. */
static void finish(struct sp_trip *trip, enum qn_trip_end end, struct qn_message *answer)
{
    struct sp_line *line = trip->line;
    qn_timer_cancel(line->loop, &trip->timer);
    trip->state = TRIP_IDLE;
    if (trip != &line->trips[line->n_trips - 1])
        qn_list_push(&line->idle, &trip->node);
    trip->done(trip->context, end, answer);
}

static bool is_idle(const struct sp_line *line)
{
    for (size_t i = 0; i < line->n_trips; i++)
        if (line->trips[i].state != TRIP_IDLE)
            return false;
    return true;
}

static void discard(struct sp_line *line)
{
    if (line->tls != NULL)
        qn_tls_close(line->tls);
    free(line->tls_server_name);
    free(line);
}

static void on_tell(struct qn_later *later)
{
    struct sp_line *line = container_of(later, struct sp_line, tell);
    /* Those here now, or that a 'done' adds by closing the line; one that starts and cancels its trip again
     * and again gets another turn. */
    for (size_t n = line->n_trips; n > 0 && !qn_list_empty(&line->ending); n--) {
        struct sp_trip *trip = container_of(qn_list_pop(&line->ending), struct sp_trip, node);
        finish(trip, trip->end, NULL);
    }
    if (!line->base.closed || !is_idle(line))
        return;
    struct qn_gate *gate = line->gate;
    qn_later_cancel(line->loop, &line->tell); /* a 'done' above may have closed the line */
    discard(line);
    qn_gate_release(gate);
}

static void set_ending(struct sp_trip *trip)
{
    struct sp_line *line = trip->line;
    trip->state = TRIP_ENDING;
    qn_timer_cancel(line->loop, &trip->timer);
    qn_list_push(&line->ending, &trip->node);
    qn_later_start(line->loop, &line->tell, on_tell);
}

/* Whether the other side may have a byte of it. Requires: it is under way. */
static bool is_sent(const struct sp_trip *trip)
{
    return trip->state == TRIP_SENT || (trip->state == TRIP_QUEUED && trip->message->sent > 0);
}

/* Takes it from wherever it is; false: the other side has none of it. */
static bool withdraw(struct sp_trip *trip)
{
    struct sp_line *line = trip->line;
    struct qn_message *message = trip->message;
    bool sent = is_sent(trip);
    trip->message = NULL;
    if (sent && message != NULL) {
        message->sender = NULL; /* it goes on to its end: others come behind it */
    } else if (!sent) {
        if (trip->state == TRIP_WAITING)
            qn_list_remove(&line->waiting, &trip->node);
        else
            qn_sp_pipe_unsend(line->pipe, message);
        qn_message_free(message);
    }
    return sent;
}

static void end_later(struct sp_trip *trip, enum qn_trip_end end_if_sent)
{
    trip->end = withdraw(trip) ? end_if_sent : QN_TRIP_NOT_SENT;
    set_ending(trip);
}

static void on_time_up(struct qn_timer *timer)
{
    struct sp_trip *trip = container_of(timer, struct sp_trip, timer);
    finish(trip, withdraw(trip) ? QN_TRIP_TIMED_OUT : QN_TRIP_NOT_SENT, NULL);
}

static void cancel(struct qn_trip *base)
{
    struct sp_trip *trip = trip_of(base);
    QN_CHECK(trip->state != TRIP_IDLE);
    if (trip->state != TRIP_ENDING)
        end_later(trip, QN_TRIP_CANCELLED);
}

static void cancel_unsent(struct qn_trip *base)
{
    struct sp_trip *trip = trip_of(base);
    QN_CHECK(trip->state != TRIP_IDLE);
    if (trip->state != TRIP_ENDING && !is_sent(trip))
        end_later(trip, QN_TRIP_NOT_SENT);
}

/* Sending. */

static bool is_connected(const struct sp_line *line)
{
    return line->pipe != NULL && line->pipe->state == QN_SP_OPEN;
}

static void send_or_wait(struct sp_trip *trip)
{
    struct sp_line *line = trip->line;
    if (!is_connected(line)) {
        trip->state = TRIP_WAITING;
        qn_list_push(&line->waiting, &trip->node);
        return;
    }
    struct qn_sp_trace trace = qn_sp_trace_of(trip->id);
    trip->state = TRIP_QUEUED;
    qn_sp_pipe_send(line->pipe, trip->message, trip, &trace);
}

static void start_trip(struct sp_trip *trip, struct qn_message *message, uint64_t timeout_ms,
                       void (*done)(void *context, enum qn_trip_end end, struct qn_message *answer),
                       void *context)
{
    trip->message = message;
    trip->done = done;
    trip->context = context;
    trip->id = (trip->id + TRIPS_MAX) | QN_SP_ID_BIT; /* the place below stays */
    qn_timer_start(trip->line->loop, &trip->timer, timeout_ms, on_time_up);
    send_or_wait(trip);
}

static struct qn_trip *start(struct qn_line *base, struct qn_message *message, uint64_t timeout_ms,
                             void (*done)(void *context, enum qn_trip_end end, struct qn_message *answer),
                             void *context)
{
    struct sp_line *line = line_of(base);
    QN_CHECK(!qn_list_empty(&line->idle));
    struct sp_trip *trip = container_of(qn_list_pop(&line->idle), struct sp_trip, node);
    start_trip(trip, message, timeout_ms, done, context);
    return &trip->base;
}

static size_t idle_trips(const struct qn_line *line)
{
    return line_of(line)->idle.len;
}

/* The pipe. */

static void dial(struct sp_line *line);

static void on_redial(struct qn_timer *timer)
{
    dial(container_of(timer, struct sp_line, redial));
}

static void dial_later(struct sp_line *line)
{
    uint32_t below_ms = line->redial_ms;
    line->redial_ms = below_ms * 2 < REDIAL_MAX_MS ? below_ms * 2 : REDIAL_MAX_MS;
    /* The microsecond at which a try failed is random enough to part those who fail together. */
    qn_timer_start(line->loop, &line->redial, 1 + qn_clock_now_us() % below_ms, on_redial);
}

static void on_open(struct qn_sp_pipe *pipe)
{
    struct sp_line *line = pipe->owner;
    line->redial_ms = REDIAL_MIN_MS;
    for (size_t n = line->waiting.len; n > 0; n--)
        send_or_wait(container_of(qn_list_pop(&line->waiting), struct sp_trip, node));
    line->n_connections++;
    if (!line->base.parting)
        line->events.changed(line->events.context, line->n_connections);
}

static void on_written(struct qn_sp_pipe *pipe, void *sender)
{
    (void)pipe;
    struct sp_trip *trip = sender;
    trip->message = NULL;
    trip->state = TRIP_SENT;
}

static bool on_message(struct qn_sp_pipe *pipe, const struct qn_sp_trace *trace, struct qn_message *message)
{
    struct sp_line *line = pipe->owner;
    uint32_t id = qn_sp_trace_id(trace);
    struct sp_trip *trip = &line->trips[id % TRIPS_MAX < line->n_trips ? id % TRIPS_MAX : 0];
    bool is_direct = trace->len == QN_SP_WORD_BYTES; /* devices have taken their words off again */
    if (trip->state != TRIP_SENT || trip->id != id || !is_direct)
        qn_message_free(message); /* too late, or not asked for */
    else
        finish(trip, QN_TRIP_ANSWERED, message);
    return true;
}

/* Those that were under way on a pipe that is no more. */
static void end_under_way(struct sp_line *line)
{
    for (size_t i = 0; i < line->n_trips; i++) {
        struct sp_trip *trip = &line->trips[i];
        if (trip->state != TRIP_QUEUED && trip->state != TRIP_SENT)
            continue;
        bool sent = is_sent(trip);
        if (!sent && !line->base.closed && !line->base.parting) {
            send_or_wait(trip);
            continue;
        }
        qn_message_free(trip->message);
        trip->message = NULL;
        trip->end = sent ? QN_TRIP_LOST : QN_TRIP_NOT_SENT;
        set_ending(trip);
    }
}

static void on_closed(struct qn_sp_pipe *pipe)
{
    struct sp_line *line = pipe->owner;
    bool was_open = pipe->inbox.greeted;
    line->pipe = NULL;
    dial_later(line);
    end_under_way(line);
    if (was_open && !line->base.parting)
        line->events.changed(line->events.context, 0); /* may close the line */
}

static void dial(struct sp_line *line)
{
    static const struct qn_sp_pipe_events events = {on_open, on_message, on_written, on_closed};
    int fd = socket(line->address.at.any.sa_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    bool connecting =
        fd >= 0 && (connect(fd, &line->address.at.any, line->address.len) == 0 || errno == EINPROGRESS);
    if (!connecting && fd >= 0)
        close(fd);
    struct qn_sp_pipe_options options = {
        .fd = fd,
        .ipc = line->address.ipc,
        .tls = line->tls,
        .tls_server_name = line->tls_server_name,
        .protocol = QN_SP_REQ,
        .message_max_bytes = line->message_max_bytes,
        .events = &events,
        .owner = line,
    };
    line->pipe = connecting ? qn_sp_pipe_open(line->loop, &options) : NULL;
    if (line->pipe == NULL)
        dial_later(line);
}

/* Opening and closing. */

static void close_line(struct qn_line *base)
{
    struct sp_line *line = line_of(base);
    qn_timer_cancel(line->loop, &line->redial);
    if (line->pipe != NULL) {
        qn_sp_pipe_close(line->pipe);
        line->pipe = NULL;
        end_under_way(line);
    }
    struct qn_node *node;
    while ((node = qn_list_first(&line->waiting)) != NULL)
        end_later(container_of(node, struct sp_trip, node), QN_TRIP_NOT_SENT);
    qn_later_start(line->loop, &line->tell, on_tell);
}

static void start_last(struct qn_line *base, struct qn_message *message, uint64_t timeout_ms,
                       void (*done)(void *context, enum qn_trip_end end, struct qn_message *answer),
                       void *context)
{
    struct sp_line *line = line_of(base);
    start_trip(&line->trips[line->n_trips - 1], message, timeout_ms, done, context);
}

static enum qn_status open_tls(struct sp_line *line, const struct qn_transport_options *options,
                               struct qn_error *err)
{
    const struct qn_tls_files files = {options->tls_certificate_file, options->tls_key_file,
                                       options->tls_ca_file};
    QN_CHECK(options->tls_server_name != NULL);
    line->tls_server_name = strdup(options->tls_server_name);
    if (line->tls_server_name == NULL)
        return qn_error_set(err, QN_RESOURCE_EXHAUSTED, "%s: out of memory", options->url);
    return qn_tls_open(&files, &line->tls, err);
}

enum qn_status qn_sp_line_open(struct qn_gate *gate, const struct qn_transport_options *options,
                               const struct qn_line_events *events, struct qn_line **ret_line,
                               struct qn_error *err)
{
    static const struct qn_line_ops ops = {start_last, close_line, idle_trips, start, cancel, cancel_unsent};
    struct qn_sp_address address;
    QN_TRY(qn_sp_address_of(options->url, &address, err));
    size_t n_trips = options->contexts + 1;
    QN_CHECK(n_trips <= TRIPS_MAX);
    struct sp_line *line = calloc(1, sizeof(*line) + n_trips * sizeof(line->trips[0]));
    if (line == NULL)
        return qn_error_set(err, QN_RESOURCE_EXHAUSTED, "%s: out of memory", options->url);
    if (address.tls) {
        enum qn_status status = open_tls(line, options, err);
        if (status != QN_OK) {
            discard(line);
            return status;
        }
    }
    line->base.ops = &ops;
    line->gate = gate;
    line->loop = qn_gate_loop(gate);
    line->events = *events;
    line->address = address;
    line->message_max_bytes = options->message_max_bytes;
    line->redial_ms = REDIAL_MIN_MS;
    qn_list_init(&line->idle);
    qn_list_init(&line->waiting);
    qn_list_init(&line->ending);
    line->n_trips = n_trips;
    for (size_t i = 0; i < n_trips; i++) {
        struct sp_trip *trip = &line->trips[i];
        trip->base.ops = &ops;
        trip->line = line;
        trip->id = (uint32_t)i | QN_SP_ID_BIT;
        if (i < n_trips - 1)
            qn_list_push(&line->idle, &trip->node);
    }
    qn_gate_hold(gate);
    dial(line);
    *ret_line = &line->base;
    return QN_OK;
}
