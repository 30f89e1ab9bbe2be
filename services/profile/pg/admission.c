#include "services/profile/pg/admission.h"

#include "common/core/clock.h"
#include "services/profile/pg/private.h"

static bool waits_with_writes(const struct pg_query *query)
{
    return !pg_query_may_share(query);
}

static struct pg_admission_queue *queue_of(struct pg_pool *pool, const struct pg_query *query)
{
    return waits_with_writes(query) ? &pool->admission.writes : &pool->admission.reads;
}

/* Those in front of it: of those that their statements hold up (spread.c) only its own. */
static size_t length_of(const struct pg_pool *pool, const struct pg_query *query)
{
    size_t queue = waits_with_writes(query) ? pool->writes.len : pool->reads.len;
    return queue + (query->entry ? pg_spread_held(query)->len : 0);
}

/* How many of those that wait can be sent at the end of this turn, as dispatch.c has it. */
static size_t room_for(const struct pg_pool *pool, const struct pg_query *query)
{
    size_t up = 0, idle = 0, taken = 0, places = 0;
    for (size_t i = 0; i < pool->n_conns; i++) {
        const struct pg_conn *conn = &pool->conns[i];
        up += pg_conn_is_up(conn);
        idle += conn->state == PG_CONN_IDLE;
        taken += conn->state == PG_CONN_ALONE || conn->state == PG_CONN_CANCELLING;
        if (conn->state == PG_CONN_IDLE || conn->state == PG_CONN_SHARED)
            places += pool->pipeline_max - conn->n_flights;
    }
    if (!waits_with_writes(query))
        return places;
    size_t most = up > 1 ? up - 1 : up, left = most > taken ? most - taken : 0;
    return idle < left ? idle : left;
}

/* Until its deadline or the end of pool_timeout, whichever is first. */
static uint64_t left_us(const struct pg_pool *pool, const struct pg_query *query)
{
    uint64_t left_ms = qn_clock_left_ms(query->deadline_ms);
    uint64_t patience_ms = (uint64_t)pool->url->pool_timeout_ms;
    return (patience_ms > 0 && patience_ms < left_ms ? patience_ms : left_ms) * 1000;
}

bool pg_admission_takes(struct pg_pool *pool, struct pg_query *query)
{
    size_t waiting = length_of(pool, query);
    if (waiting == 0 || pg_pool_up(pool) == 0)
        return true;
    size_t room = room_for(pool, query);
    waiting = waiting > room ? waiting - room : 0;
    return qn_backlog_admits(&queue_of(pool, query)->backlog, waiting, left_us(pool, query),
                             qn_clock_now_us(), &query->retry_after_ms);
}

void pg_admission_queues(struct pg_pool *pool, const struct pg_query *query)
{
    if (length_of(pool, query) == 0)
        qn_backlog_begin(&queue_of(pool, query)->backlog, qn_clock_now_us());
}

bool pg_admission_too_late(struct pg_pool *pool, struct pg_query *query)
{
    const struct qn_backlog *backlog = &queue_of(pool, query)->backlog;
    size_t waiting = length_of(pool, query);
    uint64_t left_ms = qn_clock_left_ms(query->deadline_ms);
    if (!qn_backlog_too_late(backlog, left_ms * 1000) || waiting <= room_for(pool, query))
        return false; /* nobody else could use its place */
    uint64_t now_us = qn_clock_now_us();
    query->retry_after_ms = qn_backlog_retry_after_ms(qn_backlog_wait_us(backlog, waiting, now_us), now_us);
    return true;
}

void pg_admission_sent(struct pg_pool *pool, const struct pg_query *query)
{
    queue_of(pool, query)->n_sent++;
}

void pg_admission_answered(struct pg_pool *pool, const struct pg_query *query)
{
    qn_backlog_served(&queue_of(pool, query)->backlog, qn_clock_now_us() - query->sent_us);
}

static void end_turn(struct pg_admission_queue *queue)
{
    if (queue->n_sent == 0)
        return;
    qn_backlog_left(&queue->backlog, queue->n_sent, qn_clock_now_us());
    queue->n_sent = 0;
}

void pg_admission_turn(struct pg_pool *pool)
{
    end_turn(&pool->admission.reads);
    end_turn(&pool->admission.writes);
}
