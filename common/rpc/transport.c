#include "common/rpc/transport.h"

#include "common/core/check.h"
#include "common/core/str.h"
#include "common/rpc/transport_ops.h"
#include "common/rpc/wire.h"

/* How long a peer may take to hang up after our goodbye. */
enum { PARTING_MS = 1000 };

/* Which transport carries an address. Ours has no threads between the kernel and the loop, which is what a
 * message costs most (README.md); nng's library has what we do not: messages within a process. */
static bool is_ours(const char *url)
{
    return !qn_str_starts(qn_str_c(url), QN_STR("inproc://"));
}

enum qn_status qn_line_open(struct qn_gate *gate, const struct qn_transport_options *options,
                            const struct qn_line_events *events, struct qn_line **ret_line,
                            struct qn_error *err)
{
    return (is_ours(options->url) ? qn_sp_line_open : qn_nng_line_open)(gate, options, events, ret_line, err);
}

void qn_line_close(struct qn_line *line)
{
    QN_CHECK(!line->closed);
    line->closed = true;
    line->ops->close(line);
}

static void on_parted(void *context, enum qn_trip_end end, struct qn_message *answer)
{
    (void)end; /* QN_TRIP_LOST, when the other side did as it was asked */
    struct qn_line *line = context;
    qn_message_free(answer);
    if (!line->closed)
        qn_line_close(line);
}

void qn_line_part(struct qn_line *line)
{
    QN_CHECK(!line->parting && !line->closed);
    line->parting = true;
    struct qn_message *goodbye = qn_message_new(QN_WIRE_GOODBYE_SIZE);
    if (goodbye == NULL) {
        qn_line_close(line);
        return;
    }
    qn_wire_put_goodbye(qn_message_bytes(goodbye));
    line->ops->start_last(line, goodbye, PARTING_MS, on_parted, line);
}

size_t qn_line_idle_trips(const struct qn_line *line)
{
    return line->ops->idle_trips(line);
}

struct qn_trip *qn_trip_start(struct qn_line *line, struct qn_message *message, uint64_t timeout_ms,
                              void (*done)(void *context, enum qn_trip_end end, struct qn_message *answer),
                              void *context)
{
    QN_CHECK(!line->parting && !line->closed);
    return line->ops->start(line, message, timeout_ms, done, context);
}

void qn_trip_cancel(struct qn_trip *trip)
{
    trip->ops->cancel(trip);
}

void qn_trip_cancel_unsent(struct qn_trip *trip)
{
    trip->ops->cancel_unsent(trip);
}

enum qn_status qn_port_open(struct qn_gate *gate, const struct qn_transport_options *options,
                            const struct qn_port_events *events, struct qn_port **ret_port,
                            struct qn_error *err)
{
    return (is_ours(options->url) ? qn_sp_port_open : qn_nng_port_open)(gate, options, events, ret_port, err);
}

int qn_port_number(const struct qn_port *port)
{
    return port->ops->number(port);
}

size_t qn_port_peers(const struct qn_port *port)
{
    return port->ops->peers(port);
}

void qn_seat_answer(struct qn_seat *seat, struct qn_message *answer)
{
    seat->ops->answer(seat, answer);
}

bool qn_seat_peer_is(const struct qn_seat *seat, const char *name)
{
    return seat->ops->peer_is == NULL || seat->ops->peer_is(seat, name);
}

void qn_seat_hang_up(struct qn_seat *seat)
{
    seat->ops->hang_up(seat);
}

void qn_port_close(struct qn_port *port)
{
    port->ops->close(port);
}
