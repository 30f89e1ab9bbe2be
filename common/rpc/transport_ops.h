#ifndef QN_RPC_TRANSPORT_OPS_H
#define QN_RPC_TRANSPORT_OPS_H

#include "common/rpc/transport.h"

/* What transport.c asks of a transport; each object of one begins with one of these. Inside the room.
 * sp_line.c and sp_port.c (ours, on the loop) carry ipc://, tcp:// and tls+tcp://, transport_nng.c (nng's
 * library) inproc://; both speak the same wire. */

struct qn_line_ops {
    /* As 'start', on a trip that is kept for this. */
    void (*start_last)(struct qn_line *line, struct qn_message *message, uint64_t timeout_ms,
                       void (*done)(void *context, enum qn_trip_end end, struct qn_message *answer),
                       void *context);
    void (*close)(struct qn_line *line);
    size_t (*idle_trips)(const struct qn_line *line);
    struct qn_trip *(*start)(struct qn_line *line, struct qn_message *message, uint64_t timeout_ms,
                             void (*done)(void *context, enum qn_trip_end end, struct qn_message *answer),
                             void *context);
    void (*cancel)(struct qn_trip *trip);
    void (*cancel_unsent)(struct qn_trip *trip);
};

struct qn_port_ops {
    int (*number)(const struct qn_port *port);
    size_t (*peers)(const struct qn_port *port);
    void (*close)(struct qn_port *port);
    void (*answer)(struct qn_seat *seat, struct qn_message *answer);
    void (*hang_up)(struct qn_seat *seat);
    bool (*peer_is)(const struct qn_seat *seat, const char *name); /* NULL: peers show no certificates */
};

struct qn_line {
    const struct qn_line_ops *ops;
    bool parting, closed; /* transport.c sets them */
};
struct qn_trip {
    const struct qn_line_ops *ops;
};
struct qn_port {
    const struct qn_port_ops *ops;
};
struct qn_seat {
    const struct qn_port_ops *ops;
};

QN_MUST_USE enum qn_status qn_sp_line_open(struct qn_gate *gate, const struct qn_transport_options *options,
                                           const struct qn_line_events *events, struct qn_line **ret_line,
                                           struct qn_error *err);
QN_MUST_USE enum qn_status qn_sp_port_open(struct qn_gate *gate, const struct qn_transport_options *options,
                                           const struct qn_port_events *events, struct qn_port **ret_port,
                                           struct qn_error *err);
QN_MUST_USE enum qn_status qn_nng_line_open(struct qn_gate *gate, const struct qn_transport_options *options,
                                            const struct qn_line_events *events, struct qn_line **ret_line,
                                            struct qn_error *err);
QN_MUST_USE enum qn_status qn_nng_port_open(struct qn_gate *gate, const struct qn_transport_options *options,
                                            const struct qn_port_events *events, struct qn_port **ret_port,
                                            struct qn_error *err);

#endif
