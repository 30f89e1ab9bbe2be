#ifndef PROFILE_RPC_ASK_H
#define PROFILE_RPC_ASK_H

#include "common/core/check.h"
#include "common/rpc/call.h"
#include "services/profile/pg/pool.h"
#include "services/profile/pg/query.h"
#include "services/profile/profile.h"
#include "services/profile/store/steps.h"

/* A call that waits for one answer of PostgreSQL: what nearly every handler is. The handler takes one, adds
 * steps (store/…), and starts it. Lives and dies with its call; a handler that keeps more embeds it. */
struct profile_ask {
    struct pg_query query;
    struct store_steps steps;
    struct qn_call *call;
    /* All steps went well: answers the call. */
    void (*answer)(struct profile_ask *ask);
    /* Optional: answers the call if the query's failure means something to this method, and says whether it
     * has. */
    bool (*refuse)(struct profile_ask *ask);
};

void profile_ask_init(struct pg_pool *pool); /* see profile_rpc_init() */

/* Requires: zeroed memory that lives as long as the call. */
void profile_ask_prepare(struct profile_ask *ask, struct qn_call *call);
struct profile_ask *profile_ask_new(struct qn_call *call);

/* The call is answered from now on: by 'answer', by 'refuse' or with profile_ask_fault()'s words. */
void profile_ask_start(struct profile_ask *ask);

static inline const PGresult *profile_ask_result(const struct profile_ask *ask, size_t step)
{
    return ask->steps.at[step].result;
}

/* The same for an owner of its own query, such as a batch: false when the steps have failed, and then nothing
 * is started. The query ends somewhat before 'deadline_ms', so that its outcome reaches who asked in time. */
QN_MUST_USE bool profile_ask_query(struct pg_query *query, struct store_steps *steps, uint64_t deadline_ms,
                                   const struct qn_log *log, void (*done)(struct pg_query *query));

/* The one place where a query's failure becomes a call's. What the database said never leaves the process;
 * the reason is the pool's ("pool full" → POOL_FULL), its text made in 'arena'. Requires: the query has
 * failed. */
struct qn_fault profile_ask_fault(const struct pg_query *query, struct qn_arena *arena);

/* Answers that many handlers give. */
extern const struct qn_fault profile_ask_no_memory; /* of the next */
void profile_ask_fail_memory(struct qn_call *call); /* the arena's ceiling */
void profile_ask_fail_row(struct qn_call *call,
                          const char *statement); /* a row not as expected: logged, INTERNAL */

/* False, and answered with INVALID_ARGUMENT and all violations, when there are complaints. */
QN_MUST_USE bool profile_ask_fine(struct qn_call *call, const struct profile_complaints *complaints);

#endif
