#ifndef PROFILE_PG_ADMISSION_H
#define PROFILE_PG_ADMISSION_H

#include "common/core/backlog.h"

/* Which queries may wait for a connection at all: those whose turn comes in time (common/core/backlog.h has
 * the rule). Reads and writes have queues and speeds of their own, so that writes which crowd are no reason
 * to refuse a read. A part of the pool; inside the room. */
struct pg_pool;
struct pg_query;

struct pg_admission {
    struct pg_admission_queue {
        struct qn_backlog backlog;
        size_t n_sent; /* in this turn */
    } reads, writes;
};

/* Whether it may wait; asked before it is put in the queue. False: query->retry_after_ms says when to come
 * again. Always true while no connection is up: that is no overload, and has its own statuses. */
bool pg_admission_takes(struct pg_pool *pool, struct pg_query *query);

/* It is about to be put in the queue. */
void pg_admission_queues(struct pg_pool *pool, const struct pg_query *query);

/* It is the next to be sent, and its answer would come when nobody waits for it any more, while another could
 * use its turn: query->retry_after_ms is filled, and it is to be refused. */
bool pg_admission_too_late(struct pg_pool *pool, struct pg_query *query);

/* It left the queue for a connection; it was answered, or given up there. */
void pg_admission_sent(struct pg_pool *pool, const struct pg_query *query);
void pg_admission_answered(struct pg_pool *pool, const struct pg_query *query);

/* All that could be sent in this turn has been. */
void pg_admission_turn(struct pg_pool *pool);

#endif
