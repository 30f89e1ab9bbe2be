#include "services/profile/pg/pool.h"

#include <stdlib.h>

#include "common/core/check.h"
#include "services/profile/pg/private.h"

/* Open → connections come up as the opener has it → queries come and go → closing: queries that wait are
 * served, connections close as they fall idle → (limit_ms) what is left is cut off → gone; a PQcancel() that
 * does not return is left behind. */

enum {
    QUEUE_MAX_DEFAULT = 4096, /* at 5,000 statements a second, what a call's patience of a second is worth */
    PIPELINE_MAX_DEFAULT = 16,
};

size_t pg_pool_up(const struct pg_pool *pool)
{
    size_t n = 0;
    for (size_t i = 0; i < pool->n_conns; i++)
        n += pg_conn_is_up(&pool->conns[i]);
    return n;
}

size_t pg_pool_slots(const struct pg_pool *pool)
{
    size_t n = 0;
    for (size_t i = 0; i < pool->n_conns; i++)
        n += pool->conns[i].state != PG_CONN_DOWN;
    return n;
}

size_t pg_pool_surplus(const struct pg_pool *pool)
{
    size_t n = 0;
    for (size_t i = 0; i < pool->n_conns; i++)
        n += pool->conns[i].state != PG_CONN_DOWN && pool->conns[i].state != PG_CONN_ENDING;
    return n > pool->allowance ? n - pool->allowance : 0;
}

void pg_pool_allow(struct pg_pool *pool, size_t allowance, const char *cause)
{
    size_t before = pool->allowance;
    pool->allowance = allowance < pool->n_conns ? allowance : pool->n_conns;
    pool->surplus_cause = cause;
    if (pool->allowance > before && !pool->draining)
        pg_opener_allowed(pool);
    pg_pool_wake(pool);
}

void pg_pool_elsewhere(struct pg_pool *pool, uint64_t heard_ms)
{
    pool->elsewhere_ms = heard_ms;
    if (pg_opener_is_beaten(pool) && pg_pool_waiting(pool) > 0)
        pg_pool_wake(pool);
}

bool pg_pool_refused(const struct pg_pool *pool)
{
    return pg_pool_up(pool) == 0 && pg_refusal_slots(pool->opener.refusal) != NULL;
}

void pg_pool_watch(struct pg_pool *pool, void (*changed)(void *context), void *context)
{
    pool->slots_changed = changed;
    pool->slots_context = context;
    pool->slots_told = pg_pool_slots(pool);
}

static void tell_slots(struct pg_pool *pool)
{
    size_t slots = pg_pool_slots(pool);
    if (!pool->slots_changed || slots == pool->slots_told)
        return;
    pool->slots_told = slots;
    pool->slots_changed(pool->slots_context);
}

static void on_canceller_closed(void *context)
{
    struct pg_pool *pool = context;
    void (*closed)(void *) = pool->closed;
    void *closed_context = pool->closed_context;
    for (size_t i = 0; i < pool->n_conns; i++)
        pg_metrics_state(pg_conn_state_name(PG_CONN_DOWN), -1);
    free(pool);
    if (closed)
        closed(closed_context);
}

static void end_all(struct qn_list *list, const char *reason)
{
    while (!qn_list_empty(list))
        pg_query_end(container_of(qn_list_first(list), struct pg_query, node), QN_UNAVAILABLE, reason);
}

static void end_waiting(struct pg_pool *pool, const char *reason)
{
    end_all(&pool->reads, reason);
    end_all(&pool->writes, reason);
    for (unsigned i = 0; i < pool->statements.n; i++) {
        end_all(&pool->statements.entries[i].held, reason);
        end_all(&pool->statements.entries[i].held_writes, reason);
    }
}

/* True when nothing is left. */
static bool drain_step(struct pg_pool *pool)
{
    if (pool->out_of_time || pg_pool_up(pool) == 0)
        end_waiting(pool, "closing");
    bool all_down = true;
    for (size_t i = 0; i < pool->n_conns; i++) {
        struct pg_conn *conn = &pool->conns[i];
        bool idle = conn->state == PG_CONN_IDLE && pg_pool_waiting(pool) == 0;
        bool trying = conn->state == PG_CONN_RESOLVING || conn->state == PG_CONN_CONNECTING;
        if (idle && !pool->out_of_time)
            pg_conn_end(conn, "shutdown");
        else if (trying || pool->out_of_time)
            pg_conn_close(conn, idle ? "shutdown" : "shutdown, out of time");
        all_down = all_down && conn->state == PG_CONN_DOWN;
    }
    return all_down && pg_pool_waiting(pool) == 0 && qn_list_empty(&pool->ended) && !pool->check.running &&
           !pool->pulse.running;
}

static void end_step(struct pg_pool *pool)
{
    bool over = drain_step(pool);
    tell_slots(pool);
    if (!over)
        return;
    qn_timer_cancel(pool->loop, &pool->drain_timer);
    pg_spread_stop(pool);
    if (!pool->is_drained) {
        pool->is_drained = true;
        if (pool->drained)
            pool->drained(pool->drained_context); /* may close it */
    }
    if (pool->gone_wanted && !pool->going) {
        pool->going = true;
        qn_later_cancel(pool->loop, &pool->turn);
        pg_canceller_close(&pool->canceller, on_canceller_closed, pool);
    }
}

static void run_turn(struct qn_later *later)
{
    struct pg_pool *pool = container_of(later, struct pg_pool, turn);
    if (pg_opener_is_beaten(pool))
        end_waiting(pool, pg_opener_reason(pool));
    pg_query_deliver(pool);
    if (!pool->draining)
        pg_opener_step(pool);
    pg_dispatch(pool);
    tell_slots(pool);
    if (pool->draining)
        end_step(pool);
}

void pg_pool_wake(struct pg_pool *pool)
{
    if (!pool->going)
        qn_later_start(pool->loop, &pool->turn, run_turn);
}

static struct pg_pool *pool_of(struct pg_conn *conn)
{
    return container_of(conn - (conn->number - 1), struct pg_pool, conns);
}

static void on_up(struct pg_conn *conn)
{
    struct pg_pool *pool = pool_of(conn);
    pg_opener_up(pool);
    pg_check_up(pool);
    pg_pool_wake(pool);
}

static void on_down(struct pg_conn *conn)
{
    struct pg_pool *pool = pool_of(conn);
    if (!pool->draining)
        pg_opener_down(pool, &conn->end);
    if (pg_pool_up(pool) == 0)
        pg_check_all_down(pool);
    pg_pool_wake(pool);
}

static void on_room(struct pg_conn *conn)
{
    pg_pool_wake(pool_of(conn));
}

static const struct pg_conn_owner owner = {
    .up = on_up,
    .down = on_down,
    .room = on_room,
    .answered = pg_query_answered,
    .again = pg_query_again,
};

enum qn_status pg_pool_open(struct qn_loop *loop, const struct pg_pool_options *options,
                            struct pg_pool **ret_pool, struct qn_error *err)
{
    size_t pipeline_max = options->pipeline_max ? options->pipeline_max : PIPELINE_MAX_DEFAULT;
    QN_CHECK(options->url->connection_limit >= 1 && options->url->connection_limit <= PG_CONNECTIONS_MAX);
    QN_CHECK(pipeline_max <= PG_PIPELINE_MAX);
    if (!PQisthreadsafe()) /* PQcancel() runs on other threads */
        return qn_error_set(err, QN_FAILED_PRECONDITION, "this libpq was built without threads");
    struct pg_pool *pool = calloc(1, sizeof *pool);
    if (!pool)
        return qn_error_set(err, QN_RESOURCE_EXHAUSTED, "out of memory");
    enum qn_status status = pg_canceller_open(&pool->canceller, loop);
    if (status != QN_OK) {
        free(pool);
        return qn_error_set(err, status, "the threads for cancelling cannot be started");
    }
    pool->loop = loop;
    pool->url = options->url;
    pool->queue_max = options->queue_max ? options->queue_max : QUEUE_MAX_DEFAULT;
    /* PgBouncer (seen in 1.18) gives PostgreSQL's connection away at a Sync's answer when it has read the
     * next query only in part: that query's rest, and its Sync, then go to another one. So the next is sent
     * when nothing is answered any more. */
    pool->pipeline_max = options->url->pgbouncer ? 1 : pipeline_max;
    pool->n_conns = (size_t)options->url->connection_limit;
    pool->allowance = options->by_allowance ? 0 : pool->n_conns;
    pool->log.name = "pg";
    qn_list_init(&pool->reads);
    qn_list_init(&pool->writes);
    qn_list_init(&pool->ended);
    pg_metrics_init(&pool->metrics, pool->n_conns);
    for (size_t i = 0; i < pool->n_conns; i++) {
        struct pg_conn *conn = &pool->conns[i];
        conn->number = (unsigned)i + 1;
        conn->loop = loop;
        conn->url = options->url;
        conn->owner = &owner;
        conn->statements = &pool->statements;
        conn->canceller = &pool->canceller;
        conn->log = (struct qn_log){
            .parent = &pool->log, .fields = {QN_F_INT("connection", conn->number)}, .n_fields = 1};
        pg_metrics_state(pg_conn_state_name(conn->state), 1);
    }
    pg_pulse_start(pool);
    pg_pool_wake(pool);
    *ret_pool = pool;
    return QN_OK;
}

bool pg_pool_ready(const struct pg_pool *pool, struct qn_buf *detail)
{
    size_t up = pg_pool_up(pool);
    if (up == 0 && pool->opener.refusal == PG_REFUSAL_NONE) {
        qn_buf_write_c(detail, "connecting");
        return false;
    }
    if (up == 0) {
        qn_buf_printf(detail, "%s: %s", pg_opener_reason(pool), pg_refusal_name(pool->opener.refusal));
        return false;
    }
    qn_buf_printf(detail, "%zu of %zu connections", up, pool->n_conns);
    bool checked = pg_check_ready(pool, detail), answers = pg_pulse_ready(pool, detail);
    return checked && answers;
}

static void on_out_of_time(struct qn_timer *timer)
{
    struct pg_pool *pool = container_of(timer, struct pg_pool, drain_timer);
    pool->out_of_time = true;
    pg_pool_wake(pool);
}

static void begin_to_end(struct pg_pool *pool, uint64_t limit_ms)
{
    pool->draining = true;
    pg_opener_stop(pool);
    pg_check_stop(pool);
    pg_pulse_stop(pool);
    qn_timer_start(pool->loop, &pool->drain_timer, limit_ms, on_out_of_time);
    pg_pool_wake(pool);
}

void pg_pool_drain(struct pg_pool *pool, uint64_t limit_ms, void (*drained)(void *context), void *context)
{
    QN_CHECK(!pool->draining);
    pool->drained = drained;
    pool->drained_context = context;
    begin_to_end(pool, limit_ms);
}

bool pg_pool_draining(const struct pg_pool *pool)
{
    return pool->draining;
}

void pg_pool_close(struct pg_pool *pool, void (*closed)(void *context), void *context)
{
    QN_CHECK(!pool->gone_wanted);
    pool->gone_wanted = true;
    pool->closed = closed;
    pool->closed_context = context;
    if (!pool->draining)
        begin_to_end(pool, 0);
    pool->out_of_time = true;
    pg_pool_wake(pool);
}
