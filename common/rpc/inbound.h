#ifndef QN_RPC_INBOUND_H
#define QN_RPC_INBOUND_H

#include <stdint.h>

#include "common/core/arena.h"
#include "common/core/buf.h"
#include "common/core/list.h"
#include "common/core/metric.h"
#include "common/loop/timer.h"
#include "common/rpc/address.h"
#include "common/rpc/call.h"
#include "common/rpc/folder.h"
#include "common/rpc/gate.h"
#include "common/rpc/server.h"
#include "common/rpc/transport.h"
#include "common/rpc/wire.h"

/* The server's inside: a message in service, and its calls. inbound.c makes them and sends the answer, call.c
 * is what handlers do with them, server.c opens and ends it all. Inside the room. */

/* What is counted of a method; the series are looked up once. */
struct qn_method_stats {
    const struct qn_method *method; /* NULL: of a name we do not serve */
    const struct qn_service *service;
    struct qn_handler handler;
    struct qn_series *calls[QN_STATUS_COUNT]; /* by status, made at need */
    struct qn_series *seconds;
    struct qn_series *batch;
};

struct qn_inbound;

struct qn_served {
    struct qn_call call; /* what the handler sees */
    struct qn_inbound *inbound;
    struct qn_arena arena;
    struct qn_reserve *reserves; /* see qn_call_state() */
    struct qn_str cookies[QN_WIRE_COOKIES_MAX];
    size_t n_cookies;
    uint64_t started_us;
    bool answered;
    char request_id[17]; /* made here when the caller gave none */
};

struct qn_inbound {
    struct qn_node node; /* in the server's list of those in service, or of idle ones */
    struct qn_server *server;
    struct qn_seat *seat;       /* NULL: the port is closed, the answer goes nowhere */
    struct qn_message *message; /* the calls' contexts are views of it */
    struct qn_method_stats *stats;
    size_t n_calls;
    size_t n_open; /* calls without an answer; and one while they are handed out */

    /* Results as they come, in the order of the answers; 'results' finds each call's. */
    struct qn_buf out;
    struct {
        size_t at, len;
    } results[QN_WIRE_CALLS_MAX];

    struct qn_served *served; /* n_calls of them; memory for 'capacity' is kept */
    size_t capacity;
    struct qn_call *batch[QN_WIRE_CALLS_MAX]; /* handed to a batch handler; lives as long as its calls */
};

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

/* Answers a call and gives its memory back; defined in call.c. */
void qn_served_fail(struct qn_served *served, const struct qn_fault *fault);

/* inbound.c */

/* The port's event: a message for a seat. 'context' is the server. */
void qn_inbound_arrived(void *context, struct qn_seat *seat, struct qn_message *message);
/* One call of the message has its result, or all were handed out; the answer is sent after the last. */
void qn_inbound_done(struct qn_inbound *inbound);
void qn_inbound_free(struct qn_inbound *inbound);

/* server.c: a message has been answered; the end of a drain or a close may have waited for it. */
void qn_server_message_done(struct qn_server *server);

#endif
