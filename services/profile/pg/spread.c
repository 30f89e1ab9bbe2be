#include "common/core/check.h"
#include "common/core/clock.h"
#include "services/profile/pg/private.h"

/* That one statement which waits holds up no other.
 *
 * A plain SELECT waits for nobody but whoever has its whole table to himself: an ALTER TABLE, or one that
 * waits itself. Then every call of it waits, and what stands behind it on its connection as well. So:
 *
 * 1. One statement is never under way on all connections: of four or five two are left, one that a write may
 *    have and one that is never a write's. That holds always, since by the time that somebody is seen to wait
 *    the next hundred calls have been sent.
 * 2. Nothing joins a connection whose first has been running for a tenth of a second; what stands behind it
 *    and is another statement is asked once more elsewhere, if there is an elsewhere, and what comes of it
 *    here is dropped. Only plain SELECTs share, so asking twice harms nobody.
 * 3. lock_timeout ends the wait (conninfo.c), and the statement is known to be locked from then on, until it
 *    is answered: all such statements together leave two connections to others.
 *
 * Statements that may not be sent now wait in a queue of their own, in nobody's way. */

enum {
    /* A hundred times what a look-up takes. Longer ones are no harm: they lose company, not their answer. */
    LONG_MS = 100,
    LEFT_OF_MANY = 2,
    MANY = 4,
};

size_t pg_spread_most(size_t up)
{
    size_t left = up >= MANY ? LEFT_OF_MANY : 1;
    return up > left ? up - left : 1;
}

static bool has_locked(const struct pg_conn *conn)
{
    for (size_t i = 0; i < conn->n_flights; i++) {
        const struct pg_flight *flight = &conn->flights[(conn->first_flight + i) % PG_PIPELINE_MAX];
        if (flight->shared && flight->shared->locked)
            return true;
    }
    return false;
}

static size_t n_with_locked(const struct pg_pool *pool)
{
    size_t n = 0;
    for (size_t i = 0; i < pool->n_conns; i++)
        n += has_locked(&pool->conns[i]);
    return n;
}

bool pg_spread_allows(const struct pg_pool *pool, const struct pg_conn *conn,
                      const struct pg_statement_entry *entry)
{
    if (!entry || conn->of_statement[entry->number] > 0)
        return true;
    if (entry->n_conns >= pool->spread_most)
        return false;
    return !entry->locked || has_locked(conn) || n_with_locked(pool) < pool->spread_most;
}

static struct pg_flight *flight_at(struct pg_conn *conn, size_t place)
{
    return &conn->flights[(conn->first_flight + place) % PG_PIPELINE_MAX];
}

static bool any_takes_reads(const struct pg_pool *pool)
{
    for (size_t i = 0; i < pool->n_conns; i++)
        if (pg_dispatch_takes_reads(&pool->conns[i]) && pool->conns[i].n_flights < pool->pipeline_max)
            return true;
    return false;
}

/* From the last on, for each goes to the front of the queue. */
static void move_others(struct pg_conn *conn)
{
    const struct pg_statement_entry *first = flight_at(conn, 0)->shared;
    for (size_t place = conn->n_flights - 1; place > 0; place--) {
        const struct pg_flight *flight = flight_at(conn, place);
        struct pg_query *query = flight->query;
        if (!query || query->moved || flight->shared == first)
            continue;
        query->moved = true; /* once: it would be asked again and again of a server that is slow in all */
        pg_flight_take_back(conn, place);
        pg_metrics_moved();
        pg_query_again(query);
    }
}

static void on_look(struct qn_timer *timer)
{
    struct pg_pool *pool = container_of(timer, struct pg_pool, spread_timer);
    uint64_t now_us = qn_clock_now_us(), next_ms = LONG_MS;
    bool any = false;
    for (size_t i = 0; i < pool->n_conns; i++) {
        struct pg_conn *conn = &pool->conns[i];
        if (conn->state != PG_CONN_SHARED)
            continue;
        any = true;
        uint64_t ran_ms = (now_us - pg_flight_head_since_us(conn)) / 1000;
        conn->held_up = ran_ms >= LONG_MS;
        if (!conn->held_up && LONG_MS - ran_ms < next_ms)
            next_ms = LONG_MS - ran_ms;
    }
    for (size_t i = 0; i < pool->n_conns; i++) /* all are known by now */
        if (pool->conns[i].held_up && any_takes_reads(pool))
            move_others(&pool->conns[i]);
    if (any)
        qn_timer_start(pool->loop, timer, next_ms, on_look);
}

void pg_spread_watch(struct pg_pool *pool)
{
    if (!qn_timer_active(&pool->spread_timer))
        qn_timer_start(pool->loop, &pool->spread_timer, LONG_MS, on_look);
}

void pg_spread_stop(struct pg_pool *pool)
{
    qn_timer_cancel(pool->loop, &pool->spread_timer);
}

void pg_spread_hold(struct pg_query *query)
{
    struct pg_pool *pool = query->pool;
    qn_list_remove(&pool->reads, &query->node);
    qn_list_push(&query->entry->held, &query->node);
    query->held = true;
    pool->n_held++;
}

void pg_spread_leave(struct pg_query *query)
{
    qn_list_remove(&query->entry->held, &query->node);
    query->held = false;
    query->pool->n_held--;
}
