#ifndef QN_RPC_TRANSPORT_H
#define QN_RPC_TRANSPORT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/core/status.h"
#include "common/rpc/gate.h"
#include "common/rpc/message.h"

/* nng's request and reply, as events on the loop: lines that ask and ports that answer. By our own transport
 * (ipc://, tcp://, tls+tcp://) or nng's library (inproc://), to the same contract. Inside the room;
 * services use server.h and client.h. All functions are for the loop's thread. Processes that use this must
 * not be forked without exec: nng's threads, where its library is at work, do not survive it. */

struct qn_transport_options {
    const char *url; /* as nng writes it: "tcp://127.0.0.1:7001", "ipc:///folder/1.sock", "inproc://x" */
    /* PEM files for tls+tcp (tls.h), read again when they change. */
    const char *tls_certificate_file, *tls_key_file, *tls_ca_file;
    const char *tls_server_name; /* a line's: the name that the peer's certificate must bear */
    size_t contexts;             /* messages in the air at once; a line has one more for its goodbye */
    size_t message_max_bytes;    /* a longer one is refused, and its connection closed */
};

/* Client side: a line to one address. It dials, and dials again by itself when the peer is lost. */
struct qn_line;
struct qn_trip; /* a context of a line: one message there, one back */

enum qn_trip_end {
    QN_TRIP_ANSWERED,
    QN_TRIP_NOT_SENT,  /* certainly not: the other side has no byte of it */
    QN_TRIP_LOST,      /* handed to the connection, which then broke */
    QN_TRIP_CANCELLED, /* handed to the connection, and then qn_trip_cancel() */
    QN_TRIP_TIMED_OUT, /* handed to the connection; no answer in time */
};

struct qn_line_events {
    /* A peer was connected or lost. 'connection' counts the connections, from 1; 0: none now. */
    void (*changed)(void *context, uint32_t connection);
    void *context;
};

/* The peer need not be there. QN_INVALID_ARGUMENT: the url or a TLS file; QN_UNIMPLEMENTED: an nng built
 * without this transport; QN_RESOURCE_EXHAUSTED. */
QN_MUST_USE enum qn_status qn_line_open(struct qn_gate *gate, const struct qn_transport_options *options,
                                        const struct qn_line_events *events, struct qn_line **ret_line,
                                        struct qn_error *err);

/* Says goodbye, gives the other side some time to close the connection, and closes the line. No 'changed'
 * follows; trips under way end, each with its callback, before the line frees itself.
 *
 * It is for the other side to close, because nng's library 1.5.2, which may be there, may stop for ever when
 * it closes a connection on which something is just arriving (gate.h); and after a goodbye nothing arrives.
 */
void qn_line_part(struct qn_line *line);

/* Closes the line at once: for one without a connection, or whose peer is silent. Trips as above. */
void qn_line_close(struct qn_line *line);

size_t qn_line_idle_trips(const struct qn_line *line);

/* Sends 'message', which is the trip's from here on, and waits for the answer. 'done' comes once, on the
 * loop, not from within this call; its 'answer' (NULL unless QN_TRIP_ANSWERED) is then the owner's. The trip
 * is idle again when 'done' is entered and must not be used by the owner after it.
 * Requires: a trip is idle. */
struct qn_trip *qn_trip_start(struct qn_line *line, struct qn_message *message, uint64_t timeout_ms,
                              void (*done)(void *context, enum qn_trip_end end, struct qn_message *answer),
                              void *context);

/* Ends it soon; 'done' still comes. */
void qn_trip_cancel(struct qn_trip *trip);

/* Takes back what is not sent yet: then 'done' comes with QN_TRIP_NOT_SENT. Without effect on one that is. */
void qn_trip_cancel_unsent(struct qn_trip *trip);

/* Server side: a port that listens, and seats, each of which serves one message at a time. */
struct qn_port;
struct qn_seat;

struct qn_port_events {
    /* A message for this seat; it is the owner's from here on. Answer with qn_seat_answer(), once. */
    void (*arrived)(void *context, struct qn_seat *seat, struct qn_message *message);
    /* Peers came or went; qn_port_peers() says how many there are. */
    void (*peers_changed)(void *context);
    /* After qn_port_close(): no callback follows, and the port is gone. */
    void (*closed)(void *context);
    void *context;
};

/* Listens when it returns QN_OK. QN_INVALID_ARGUMENT, QN_ALREADY_EXISTS (address in use), QN_UNIMPLEMENTED,
 * QN_PERMISSION_DENIED, QN_UNAVAILABLE, QN_RESOURCE_EXHAUSTED. */
QN_MUST_USE enum qn_status qn_port_open(struct qn_gate *gate, const struct qn_transport_options *options,
                                        const struct qn_port_events *events, struct qn_port **ret_port,
                                        struct qn_error *err);

/* The TCP port it listens on; 0 when it is none. */
int qn_port_number(const struct qn_port *port);

/* Connected peers, those included whose hand-shake has not ended yet. */
size_t qn_port_peers(const struct qn_port *port);

/* Sends the answer, which is the port's from here on, and takes the next message when it has left. NULL: no
 * answer at all; the peer's deadline tells it. A peer that is gone by now gets none. */
void qn_seat_answer(struct qn_seat *seat, struct qn_message *answer);

/* Whether the peer that the seat's message came from may call itself so: its certificate bears the name, as
 * qn_sp_tls_peer_is() says. True where peers show none (ipc, tcp, inproc). False once the peer is gone. */
bool qn_seat_peer_is(const struct qn_seat *seat, const char *name);

/* Instead of an answer to a goodbye: closes the connection that the seat's message came on. */
void qn_seat_hang_up(struct qn_seat *seat);

/* Cuts all connections. Replies that have not left are lost: wait until the peers have hung up. Seats that
 * have not answered yet are no longer to be used. */
void qn_port_close(struct qn_port *port);

#endif
