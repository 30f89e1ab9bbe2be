#include "common/core/check.h"
#include "common/core/clock.h"
#include "services/profile/pg/private.h"

/* Who gets a connection.
 *
 * Reads (one plain SELECT) share: each goes to the connection with the fewest under way. Writes (all else)
 * are alone: each waits for a connection that is idle, and so that reads which keep coming cannot keep it
 * waiting, as many connections as writes wait are reserved: nothing new joins there until they have run dry.
 * So that writes cannot keep reads waiting either, not even five that wait for one lock, one connection is
 * never given to a write (with a single connection they take turns). A connection that still owes an answer
 * nobody waits for takes nothing, nor does one on which a read waits; and no statement keeps all connections
 * (spread.c). As many as the pool has beyond its allowance run dry as well. */

static struct pg_query *first_of(const struct qn_list *list)
{
    return container_of(qn_list_first(list), struct pg_query, node);
}

/* A call whose time is over is never sent: its timer has not fired only because the loop was busy. Nor is one
 * whose answer would come too late, as long as another can use its turn. */
static void drop_expired(struct pg_pool *pool, struct qn_list *list)
{
    while (!qn_list_empty(list)) {
        struct pg_query *first = first_of(list);
        if (qn_clock_left_ms(first->deadline_ms) == 0)
            pg_query_expire(first);
        else if (pg_admission_too_late(pool, first))
            pg_query_refuse(first);
        else
            return;
    }
}

static void send_first(struct pg_pool *pool, struct qn_list *list, struct pg_conn *conn)
{
    struct pg_query *query = first_of(list);
    pg_query_unqueue(query);
    pg_query_sent(query);
    conn->reserved = false;
    pool->wrote_last = !pg_query_may_share(query);
    pg_flight_send(conn, query, pool->wrote_last);
}

/* Among those that pass, the one with the fewest under way; NULL when none does. */
static struct pg_conn *least_loaded(struct pg_pool *pool, size_t room,
                                    bool (*passes)(const struct pg_conn *conn))
{
    struct pg_conn *best = NULL;
    for (size_t i = 0; i < pool->n_conns; i++) {
        struct pg_conn *conn = &pool->conns[i];
        if (passes(conn) && conn->n_flights < room && (!best || conn->n_flights < best->n_flights))
            best = conn;
    }
    return best;
}

static bool is_idle(const struct pg_conn *conn)
{
    return conn->state == PG_CONN_IDLE;
}

static bool may_be_reserved(const struct pg_conn *conn)
{
    return conn->state == PG_CONN_SHARED && !conn->reserved && !conn->held_up;
}

bool pg_dispatch_takes_reads(const struct pg_conn *conn)
{
    return (conn->state == PG_CONN_IDLE || conn->state == PG_CONN_SHARED) && !conn->reserved &&
           !conn->held_up && !pg_flight_any_abandoned(conn);
}

/* How many connections writes have. */
static size_t taken_by_writes(const struct pg_pool *pool)
{
    size_t taken = 0;
    for (size_t i = 0; i < pool->n_conns; i++)
        taken += pool->conns[i].state == PG_CONN_ALONE || pool->conns[i].state == PG_CONN_CANCELLING;
    return taken;
}

/* How many more writes may have. One on which a read waits is of use to nobody for now. */
static size_t left_for_writes(const struct pg_pool *pool, size_t taken)
{
    size_t usable = pg_pool_up(pool) - pg_pool_surplus(pool);
    for (size_t i = 0; i < pool->n_conns; i++)
        usable -= usable > 0 && pool->conns[i].held_up;
    size_t most = usable > 1 ? usable - 1 : usable;
    if (usable == 1 && pool->wrote_last && !qn_list_empty(&pool->reads))
        return 0; /* reads are next */
    return taken < most ? most - taken : 0;
}

/* For one turn. */
struct writes_turn {
    size_t taken, left;
    size_t wanted; /* connections that a write could have, were one idle */
};

/* Sends the first of 'list' if it may be sent now and a connection is idle. False: 'list' has to wait. */
static bool send_write(struct pg_pool *pool, struct qn_list *list, struct writes_turn *turn)
{
    struct pg_conn *conn = least_loaded(pool, 1, is_idle);
    if (!conn) {
        turn->wanted += list->len;
        return false;
    }
    send_first(pool, list, conn);
    turn->taken++;
    turn->left--;
    drop_expired(pool, list);
    return true;
}

/* Those that their statement held up; another statement's turn is first each time. */
static void send_held_writes(struct pg_pool *pool, struct writes_turn *turn)
{
    size_t n = pool->statements.n;
    for (size_t i = 0; pool->n_held_writes > 0 && i < n; i++) {
        struct qn_list *held = &pool->statements.entries[(pool->next_held + i) % n].held_writes;
        drop_expired(pool, held);
        while (!qn_list_empty(held) &&
               pg_spread_allows_write(pool, first_of(held), turn->left, turn->taken) &&
               send_write(pool, held, turn))
            ;
    }
}

static void send_writes(struct pg_pool *pool)
{
    for (size_t i = 0; i < pool->n_conns; i++)
        pool->conns[i].reserved = false;
    struct writes_turn turn = {.taken = taken_by_writes(pool)};
    struct pg_conn *conn;
    drop_expired(pool, &pool->writes);
    turn.left = left_for_writes(pool, turn.taken);
    send_held_writes(pool, &turn);
    while (turn.left > 0 && !qn_list_empty(&pool->writes)) {
        struct pg_query *query = first_of(&pool->writes);
        bool others_first = query->entry && !qn_list_empty(&query->entry->held_writes);
        if (others_first || !pg_spread_allows_write(pool, query, turn.left, turn.taken))
            pg_spread_hold(query);
        else if (!send_write(pool, &pool->writes, &turn))
            break;
        drop_expired(pool, &pool->writes);
    }
    size_t wanted = (turn.wanted < turn.left ? turn.wanted : turn.left) + pg_pool_surplus(pool);
    while (wanted-- > 0 && (conn = least_loaded(pool, SIZE_MAX, may_be_reserved)) != NULL)
        conn->reserved = true;
}

/* The one with the fewest under way of those that this statement may be sent to. */
static struct pg_conn *conn_for_read(struct pg_pool *pool, const struct pg_statement_entry *entry)
{
    struct pg_conn *best = NULL;
    for (size_t i = 0; i < pool->n_conns; i++) {
        struct pg_conn *conn = &pool->conns[i];
        if (conn->n_flights < pool->pipeline_max && (!best || conn->n_flights < best->n_flights) &&
            pg_dispatch_takes_reads(conn) && pg_spread_allows(pool, conn, entry))
            best = conn;
    }
    return best;
}

/* Those that their statement held up; another statement's turn is first each time. */
static void send_held(struct pg_pool *pool)
{
    size_t n = pool->statements.n;
    for (size_t i = 0; pool->n_held > 0 && i < n; i++) {
        struct qn_list *held = &pool->statements.entries[(pool->next_held + i) % n].held;
        struct pg_conn *conn;
        drop_expired(pool, held);
        while (!qn_list_empty(held) && (conn = conn_for_read(pool, first_of(held)->entry)) != NULL) {
            send_first(pool, held, conn);
            drop_expired(pool, held);
        }
    }
    pool->next_held++;
}

static void send_reads(struct pg_pool *pool)
{
    drop_expired(pool, &pool->reads);
    while (!qn_list_empty(&pool->reads)) {
        struct pg_query *query = first_of(&pool->reads);
        bool others_first = query->entry && !qn_list_empty(&query->entry->held);
        struct pg_conn *conn = others_first ? NULL : conn_for_read(pool, query->entry);
        if (conn)
            send_first(pool, &pool->reads, conn);
        else if (query->entry && least_loaded(pool, pool->pipeline_max, pg_dispatch_takes_reads) != NULL)
            pg_spread_hold(query); /* there is room, but not for this one */
        else
            break;
        drop_expired(pool, &pool->reads);
    }
}

void pg_dispatch(struct pg_pool *pool)
{
    pool->spread_most = pg_spread_most(pg_pool_up(pool));
    size_t waited = pool->reads.len + pool->n_held;
    send_writes(pool);
    send_held(pool);
    send_reads(pool);
    pg_admission_turn(pool);
    if (waited > 0)
        pg_spread_watch(pool);
    qn_metric_set(pool->metrics.waiting, (double)pg_pool_waiting(pool));
}
