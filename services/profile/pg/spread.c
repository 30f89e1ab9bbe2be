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
 * A write has its connection alone, and waits for a row as long as its caller likes. So, of those connections
 * that writes may have, the last is only lent to a statement that has all the others: not if one of these has
 * been running for a tenth of a second, and with a lock_timeout little longer than that. Who runs into it has
 * done nothing yet, goes back to the queue and does not borrow again. So one kind of write has all of them
 * while it is quick, and whoever else comes waits no longer than the loan.
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

static bool runs_alone(const struct pg_conn *conn, const struct pg_statement_entry *entry)
{
    return (conn->state == PG_CONN_ALONE || conn->state == PG_CONN_CANCELLING) && conn->n_flights > 0 &&
           conn->flights[conn->first_flight].entries[0] == entry;
}

bool pg_spread_allows_write(const struct pg_pool *pool, struct pg_query *query, size_t left, size_t taken)
{
    if (left == 0)
        return false;
    bool borrowed = query->lent;
    if (!query->entry || left > 1 || taken == 0) {
        query->lent = false;
        return true;
    }
    size_t same = 0;
    uint64_t longest_us = 0, now_us = qn_clock_now_us();
    for (size_t i = 0; i < pool->n_conns; i++) {
        const struct pg_conn *conn = &pool->conns[i];
        if (!runs_alone(conn, query->entry))
            continue;
        uint64_t ran_us = now_us - conn->flights[conn->first_flight].sent_us;
        longest_us = ran_us > longest_us ? ran_us : longest_us;
        same++;
    }
    bool last = same == taken;
    if (last && (borrowed || longest_us >= LONG_MS * 1000ULL))
        return false;
    query->lent = last;
    return true;
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
    const struct pg_statement_entry *first = pg_conn_flight(conn, 0)->shared;
    for (size_t place = conn->n_flights - 1; place > 0; place--) {
        const struct pg_flight *flight = pg_conn_flight(conn, place);
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

struct qn_list *pg_spread_held(const struct pg_query *query)
{
    return pg_query_may_share(query) ? &query->entry->held : &query->entry->held_writes;
}

static size_t *count_of(const struct pg_query *query)
{
    return pg_query_may_share(query) ? &query->pool->n_held : &query->pool->n_held_writes;
}

void pg_spread_hold(struct pg_query *query)
{
    pg_query_unqueue(query);
    if (query->lent) /* it has been on its way already */
        qn_list_push_front(pg_spread_held(query), &query->node);
    else
        qn_list_push(pg_spread_held(query), &query->node);
    query->held = true;
    ++*count_of(query);
}

void pg_spread_leave(struct pg_query *query)
{
    qn_list_remove(pg_spread_held(query), &query->node);
    query->held = false;
    --*count_of(query);
}
