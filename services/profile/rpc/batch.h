#ifndef PROFILE_RPC_BATCH_H
#define PROFILE_RPC_BATCH_H

#include "services/profile/rpc/ask.h"

/* Many look-ups by key, one statement: the calls of a message are asked for together with "= any($1)" and
 * each gets the row with its key, or none.
 *
 * Single flight: the same key is asked for once. A look-up whose key stands already in the same message, or
 * in a statement that still waits for a connection, joins it and gets the same row.
 *
 * It never joins a statement that has been sent. PostgreSQL takes a statement's snapshot when it begins with
 * it, so what was sent before may not see what has been committed since, and the asker may know of that: a
 * session that was signed out, acknowledged, and is then checked would still be there. A statement that waits
 * is begun after all who joined it had asked, so each of them sees at least what it would have seen by asking
 * alone. A statement that is asked again (its connection was lost, its plan outdated) waits again and takes
 * another snapshot; then it may be joined again. So the only gain left out is that of statements under way,
 * for a millisecond each; under load, when it counts, statements wait.
 *
 * Who joins takes the statement's deadline for its own, so it joins one only that has three quarters of its
 * own time or more. Were the statement given the newcomer's instead, a key that is asked for again and again
 * would keep it waiting for ever, and its first callers would never hear that the database is away. */
enum {
    PROFILE_BATCH_MAX = 64, /* keys of a statement; calls in a message (rpc.proto) */
    /* Places by hash, for keys of statements that wait. One more than fit pushes another out, which then just
     * is not joined any more. Sixteen full statements. */
    PROFILE_BATCH_PLACES = 1024,
};

/* What is under way of one kind. Zeroed. */
struct profile_batch_flights {
    struct profile_batch_place {
        struct profile_batch *batch; /* NULL: free */
        size_t number;               /* of the key in it */
    } places[PROFILE_BATCH_PLACES];
};

struct profile_batch_kind {
    /* The key of a request. A view of it. */
    struct qn_str (*key)(const void *in);
    void (*ask)(struct store_steps *steps, const struct qn_str *keys, size_t n_keys);
    /* Where a row has its key. */
    int key_column;
    /* Answers a call with the row; -1: there is none. */
    void (*answer)(struct qn_call *call, const PGresult *result, int row);
    struct profile_batch_flights *flights; /* one a kind */
};

/* Answers all calls, by statements of at most PROFILE_BATCH_MAX keys. A failure is the answer of all of a
 * statement. It has the time of the call of its message that has most: one that is nearly late must not take
 * the others along. */
void profile_batch_run(const struct profile_batch_kind *kind, struct qn_call **calls, size_t n_calls);

#endif
