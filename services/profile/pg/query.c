#include "services/profile/pg/query.h"

#include <string.h>

#include "common/core/check.h"
#include "common/core/clock.h"
#include "services/profile/pg/private.h"

/* Start: waits in the queue → sent → answered → ended → done.
 * No time left, queue full, a turn that would come too late, pool closing: ended at once. pool_timeout or the
 * deadline passes in the queue: ended. The deadline passes after it was sent: ended; the connection keeps
 * what comes. Sent once more where that is safe: back to the front of the queue. */

enum { LOG_EVERY_MS = 1000 };

bool pg_query_may_share(const struct pg_query *query)
{
    return query->n_steps == 1 && query->steps[0].statement->plain_select;
}

/* Each reason has its own limit, so that a storm of one does not hide another. */
static void log_failure(const struct pg_query *query)
{
    struct pg_pool *pool = query->pool;
    uint64_t held_back = 0;
    size_t i = 0;
    while (i < PG_LOGGED_REASONS && pool->log_limits[i].reason &&
           strcmp(pool->log_limits[i].reason, query->reason))
        i++;
    if (i == PG_LOGGED_REASONS)
        return; /* counted all the same */
    pool->log_limits[i].reason = query->reason;
    if (qn_log_due(&pool->log_limits[i].limit, LOG_EVERY_MS, &held_back)) {
        struct qn_log log = {.parent = query->log ? query->log : &pool->log, .name = "pg"};
        qn_log(&log, QN_WARN, "query failed", QN_F_C("reason", query->reason),
               QN_F_STATUS("status", query->status), QN_F_C("statement", query->steps[0].statement->name),
               QN_F_C("sqlstate", query->sqlstate), QN_F_INT("waiting", pg_pool_waiting(pool)),
               QN_F_INT("held_back", held_back));
    }
}

/* Conflicts and refused values are answers, not failures. */
static bool is_failure(enum qn_status status)
{
    return status == QN_UNAVAILABLE || status == QN_UNKNOWN || status == QN_DEADLINE_EXCEEDED ||
           status == QN_RESOURCE_EXHAUSTED || status == QN_INTERNAL || status == QN_FAILED_PRECONDITION;
}

void pg_query_answered(struct pg_query *query)
{
    struct pg_pool *pool = query->pool;
    QN_CHECK(query->state != PG_QUERY_ENDED && query->state != PG_QUERY_IDLE);
    qn_timer_cancel(pool->loop, &query->timer);
    if (query->state == PG_QUERY_SENT)
        pg_admission_answered(pool, query);
    query->state = PG_QUERY_ENDED;
    bool locked = query->reason && strcmp(query->reason, "locked") == 0;
    if ((is_failure(query->status) || locked) && query->reason) {
        pg_metrics_failure(query->reason);
        log_failure(query);
    }
    qn_list_push(&pool->ended, &query->node);
    pg_pool_wake(pool);
}

void pg_query_unqueue(struct pg_query *query)
{
    if (query->held)
        pg_spread_leave(query);
    else
        qn_list_remove(pg_query_may_share(query) ? &query->pool->reads : &query->pool->writes, &query->node);
}

void pg_query_end(struct pg_query *query, enum qn_status status, const char *reason)
{
    if (qn_node_linked(&query->node))
        pg_query_unqueue(query);
    query->status = status;
    query->reason = reason;
    pg_query_answered(query);
}

void pg_query_expire(struct pg_query *query)
{
    bool late = qn_clock_left_ms(query->deadline_ms) == 0;
    if (pg_pool_up(query->pool) == 0)
        pg_query_end(query, QN_UNAVAILABLE, pg_opener_reason(query->pool));
    else
        pg_query_end(query, late ? QN_DEADLINE_EXCEEDED : QN_RESOURCE_EXHAUSTED, "pool full");
}

void pg_query_refuse(struct pg_query *query)
{
    pg_query_end(query, QN_RESOURCE_EXHAUSTED, "overload");
}

static void on_timer(struct qn_timer *timer)
{
    struct pg_query *query = container_of(timer, struct pg_query, timer);
    if (query->state == PG_QUERY_SENT) {
        pg_flight_abandon(query->conn, query);
        pg_query_end(query, QN_DEADLINE_EXCEEDED, "query slow");
    } else {
        pg_query_expire(query);
    }
}

/* Until its deadline, or until it has waited for pool_timeout. */
static void time_the_wait(struct pg_query *query)
{
    struct pg_pool *pool = query->pool;
    uint64_t left_ms = qn_clock_left_ms(query->deadline_ms);
    uint64_t patience_ms = (uint64_t)pool->url->pool_timeout_ms;
    uint64_t patience_left_ms = qn_clock_left_ms(query->queued_us / 1000 + patience_ms);
    qn_timer_start(pool->loop, &query->timer,
                   patience_ms > 0 && patience_left_ms < left_ms ? patience_left_ms : left_ms, on_timer);
}

static void wait_for_connection(struct pg_query *query, bool in_front)
{
    struct pg_pool *pool = query->pool;
    struct qn_list *list = pg_query_may_share(query) ? &pool->reads : &pool->writes;
    query->state = PG_QUERY_WAITING;
    query->queued_us = qn_clock_now_us();
    pg_admission_queues(pool, query);
    if (in_front)
        qn_list_push_front(list, &query->node);
    else
        qn_list_push(list, &query->node);
    time_the_wait(query);
    pg_pool_wake(pool);
}

bool pg_query_waits(const struct pg_query *query)
{
    return query->state == PG_QUERY_WAITING;
}

/* A statement that is held up leaves a quarter of the queue to the others. */
static bool has_its_share(const struct pg_query *query)
{
    size_t max = query->pool->queue_max;
    return query->entry && pg_spread_held(query)->len >= max - max / 4;
}

void pg_query_again(struct pg_query *query)
{
    wait_for_connection(query, true);
}

void pg_query_start(struct pg_query *query, struct pg_pool *pool)
{
    QN_CHECK(query->n_steps >= 1 && query->n_steps <= PG_STEPS_MAX && query->done);
    QN_CHECK(query->state == PG_QUERY_IDLE);
    for (size_t i = 0; i < query->n_steps; i++) {
        QN_CHECK(query->steps[i].n_params >= 0 && query->steps[i].n_params <= PG_PARAMS_MAX);
        query->steps[i].result = NULL;
    }
    query->pool = pool;
    query->conn = NULL;
    query->status = QN_OK;
    query->reason = NULL;
    query->sqlstate[0] = query->constraint[0] = '\0';
    query->retry_after_ms = 0;
    query->reprepared = false;
    query->resent = 0;
    query->moved = query->held = query->lent = false;
    query->entry = pg_statement_find(&pool->statements, query->steps[0].statement);
    query->state = PG_QUERY_WAITING;
    if (pool->draining)
        pg_query_end(query, QN_UNAVAILABLE, "closing");
    else if (qn_clock_left_ms(query->deadline_ms) == 0)
        pg_query_end(query, QN_DEADLINE_EXCEEDED, "too late");
    else if (pool->allowance == 0 && pg_pool_up(pool) == 0)
        pg_query_end(query, QN_UNAVAILABLE, "no slot");
    else if (pg_pool_waiting(pool) >= pool->queue_max || has_its_share(query))
        pg_query_end(query, QN_RESOURCE_EXHAUSTED, "pool full");
    else if (!pg_admission_takes(pool, query))
        pg_query_refuse(query);
    else
        wait_for_connection(query, false);
}

void pg_query_sent(struct pg_query *query)
{
    struct pg_pool *pool = query->pool;
    query->state = PG_QUERY_SENT;
    pg_admission_sent(pool, query);
    qn_metric_observe(pool->metrics.wait_seconds, (double)(qn_clock_now_us() - query->queued_us) / 1e6);
    qn_timer_start(pool->loop, &query->timer, qn_clock_left_ms(query->deadline_ms), on_timer);
}

void pg_query_cancel(struct pg_query *query)
{
    if (query->state == PG_QUERY_SENT)
        pg_flight_abandon(query->conn, query);
    if (query->state == PG_QUERY_SENT || query->state == PG_QUERY_WAITING)
        pg_query_end(query, QN_CANCELLED, "cancelled");
}

void pg_query_deliver(struct pg_pool *pool)
{
    struct qn_list now; /* what ends meanwhile is for the next turn */
    qn_list_init(&now);
    qn_list_move(&now, &pool->ended);
    struct qn_node *node;
    while ((node = qn_list_pop(&now)) != NULL) {
        struct pg_query *query = container_of(node, struct pg_query, node);
        PGresult *results[PG_STEPS_MAX];
        size_t n_results = query->n_steps;
        for (size_t i = 0; i < n_results; i++)
            results[i] = query->steps[i].result;
        query->state = PG_QUERY_IDLE;
        query->done(query); /* may free it, or start it anew */
        for (size_t i = 0; i < n_results; i++)
            PQclear(results[i]);
    }
}
