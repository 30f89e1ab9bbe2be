#ifndef QN_TESTS_RPC_SERVICE_H
#define QN_TESTS_RPC_SERVICE_H

#include <stdbool.h>
#include <stddef.h>

#include "common/rpc/server.h"
#include "rpctest.qn.h"

/* The handlers of tests/fixtures/rpc/rpctest.proto, and what tests want of them. */

extern const struct qn_handlers rpc_service_handlers;

struct rpc_service {
    /* A line "<number>\n" is appended for each Once and Again that begins; NULL: none. */
    const char *journal;
    /* Calls are kept, not answered; rpc_service_release() answers them. */
    bool hold;
    /* Answers QN_UNAVAILABLE, not executed. */
    bool refuse;
    /* A failure instead of Echo's answer; NULL: none. */
    const struct qn_fault *fault;
    /* Set-Cookie values that Echo adds. */
    struct qn_str cookies[10];
    size_t n_cookies;

    /* What came. */
    size_t n_calls, n_messages; /* of EchoMany, messages: times that its handler ran */
    size_t largest_batch;
};

extern struct rpc_service rpc_service;

/* Zeroes it. Requires: nothing is held. */
void rpc_service_reset(void);
size_t rpc_service_held(void);
/* Answers the calls that are held: the last first when 'backwards'. */
void rpc_service_release(bool backwards);

#endif
