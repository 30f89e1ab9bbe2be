#ifndef PROFILE_SLOTS_SLOTS_H
#define PROFILE_SLOTS_SLOTS_H

#include <stdbool.h>
#include <stdint.h>

#include "common/core/buf.h"
#include "common/core/status.h"
#include "common/loop/loop.h"
#include "common/rpc/client.h"
#include "services/profile/pg/pool.h"

/* Shares the database's connections with the other processes of this service: speaks to each of them, and
 * tells the pool how many it may hold. README.md beside this has the rules, share.h the decisions. All on the
 * loop's thread. */
struct slots;

struct slots_options {
    struct pg_pool *pool;           /* opened by_allowance; outlives this */
    unsigned limit;                 /* connection_limit */
    const char *role;               /* whose connections they are, for people; static */
    struct qn_client_options peers; /* name, address and TLS; the rest is set here */
};

/* The others need not be there: alone, the pool is allowed all as soon as nobody was found, or found but not
 * heard of within half a second. QN_INVALID_ARGUMENT for a bad address. */
QN_MUST_USE enum qn_status slots_open(struct qn_loop *loop, const struct slots_options *options,
                                      struct slots **ret_slots, struct qn_error *err);

/* Whether the pool is allowed a connection; 'detail' gets how many of how many, or why not. */
bool slots_ready(const struct slots *slots, struct qn_buf *detail);

/* What is to be told to people. */
struct slots_look {
    unsigned processes;    /* that share the connections, this one among them */
    uint64_t given, taken; /* connections handed over to others, and by others, in this process's life */
};
void slots_look(const struct slots *slots, struct slots_look *ret_look);

/* Wants nothing any more, and gives all connections but one back as they fall idle (the last serves the calls
 * in hand, and goes with the pool's own drain). 'drained' runs, not from within this call, when the others
 * know it: soon, whoever does not answer. They are told of what is given back until slots_close(). */
void slots_drain(struct slots *slots, void (*drained)(void *context), void *context);

/* Tells the others what there is still to be told, and frees it; then 'closed' runs. The pool is not touched
 * any more. */
void slots_close(struct slots *slots, void (*closed)(void *context), void *context);

/* What is served to the others: quintet.slots.v1.SlotService, for struct qn_server_options. Without an open
 * 'struct slots' every call is refused. */
extern const struct qn_handlers slots_handlers;

#endif
