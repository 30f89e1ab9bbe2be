#ifndef PROFILE_RPC_BATCH_H
#define PROFILE_RPC_BATCH_H

#include "services/profile/rpc/ask.h"

/* Many look-ups by key, one statement: the calls of a message are asked for together with "= any($1)" and
 * each gets the row with its key, or none. The same key may stand in several calls. */
struct profile_batch_kind {
    /* The key of a request. A view of it. */
    struct qn_str (*key)(const void *in);
    void (*ask)(struct store_steps *steps, const struct qn_str *keys, size_t n_keys);
    /* Where a row has its key. */
    int key_column;
    /* Answers a call with the row; -1: there is none. */
    void (*answer)(struct qn_call *call, const PGresult *result, int row);
};

/* Answers all calls, each of a message at most PROFILE_BATCH_MAX being one statement. A failure is the answer
 * of all of a statement. It has the time of the call that has most: one that is nearly late must not take the
 * others along. */
void profile_batch_run(const struct profile_batch_kind *kind, struct qn_call **calls, size_t n_calls);

enum { PROFILE_BATCH_MAX = 64 }; /* calls in a message (rpc.proto) */

#endif
