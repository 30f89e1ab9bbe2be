#include "common/core/check.h"
#include "common/core/clock.h"
#include "services/profile/pg/private.h"

/* Whether PostgreSQL still answers. A server that is frozen, or behind a network that swallows packets, keeps
 * its connections open: only an answer tells it from one that works.
 *
 * Nothing was answered for three seconds → a connection is idle: it is asked something that waits for nothing
 * → answered. Not answered: the silence lasts from when it was asked, until anything at all is answered or a
 * connection comes up. What is under way anyway counts as asked, if it is a plain SELECT: a write may wait
 * for another's lock for as long as its caller likes, and that says nothing of the server. */

enum {
    TICK_MS = 1000,
    ASK_AFTER_MS = 3000,
    /* The question's own. No answer by then: the connection is given up, in the way of every late statement.
     */
    PULSE_LIMIT_MS = 30000,
};

static const struct pg_statement pulse = {.name = "pulse", .sql = "select 1", .plain_select = true};

/* When the server was last heard, by an answer or by letting us in; 0: never. */
static uint64_t heard_us(const struct pg_pool *pool)
{
    uint64_t last_us = 0;
    for (size_t i = 0; i < pool->n_conns; i++) {
        const struct pg_conn *conn = &pool->conns[i];
        uint64_t up_us = conn->up_ms * 1000;
        last_us = conn->last_answer_us > last_us ? conn->last_answer_us : last_us;
        last_us = up_us > last_us ? up_us : last_us;
    }
    return last_us;
}

/* Since when a plain SELECT has been waiting for its answer; 0: none is. */
static uint64_t asked_us(const struct pg_pool *pool)
{
    uint64_t first_us = 0;
    for (size_t i = 0; i < pool->n_conns; i++) {
        const struct pg_conn *conn = &pool->conns[i];
        if (conn->state != PG_CONN_SHARED)
            continue;
        uint64_t sent_us = conn->flights[conn->first_flight].sent_us;
        first_us = first_us == 0 || sent_us < first_us ? sent_us : first_us;
    }
    return first_us;
}

uint64_t pg_pulse_silent_ms(const struct pg_pool *pool)
{
    uint64_t since_us = pool->pulse.silent_since_us, heard = heard_us(pool);
    if (pg_pool_up(pool) == 0) /* known to be away */
        return 0;
    if (since_us == 0 || heard >= since_us)
        since_us = asked_us(pool); /* what was sent before the last answer began to wait with it */
    if (since_us == 0)
        return 0;
    since_us = since_us > heard ? since_us : heard;
    uint64_t now_us = qn_clock_now_us();
    return now_us > since_us ? (now_us - since_us) / 1000 : 0;
}

static void on_answer(struct pg_query *query)
{
    container_of(query, struct pg_pool, pulse.query)->pulse.running = false;
}

static bool any_idle(const struct pg_pool *pool)
{
    for (size_t i = 0; i < pool->n_conns; i++)
        if (pool->conns[i].state == PG_CONN_IDLE)
            return true;
    return false;
}

/* Never in the queue: who waits there is waiting for an answer already. */
static void ask(struct pg_pool *pool)
{
    struct pg_pulse *p = &pool->pulse;
    uint64_t quiet_ms = (qn_clock_now_us() - heard_us(pool)) / 1000;
    if (p->running || quiet_ms < ASK_AFTER_MS || pg_pool_waiting(pool) > 0 || !any_idle(pool))
        return;
    p->running = true;
    p->step = (struct pg_step){.statement = &pulse};
    p->query = (struct pg_query){
        .steps = &p->step,
        .n_steps = 1,
        .deadline_ms = qn_clock_now_ms() + PULSE_LIMIT_MS,
        .log = &pool->log,
        .done = on_answer,
    };
    pg_query_start(&p->query, pool);
}

static void tell(struct pg_pool *pool, uint64_t silent_ms)
{
    struct pg_pulse *p = &pool->pulse;
    bool silent = silent_ms >= PG_SILENT_LIMIT_MS;
    if (silent && !p->told)
        qn_log(&pool->log, QN_WARN, "PostgreSQL answers nothing", QN_F_INT("silent_ms", silent_ms),
               QN_F_INT("connections", pg_pool_up(pool)));
    if (!silent && p->told)
        qn_log(&pool->log, QN_INFO, "PostgreSQL answers again");
    p->told = silent;
    qn_metric_set(pool->metrics.silent_seconds, (double)silent_ms / 1e3);
}

static void on_tick(struct qn_timer *timer)
{
    struct pg_pool *pool = container_of(timer, struct pg_pool, pulse.timer);
    uint64_t silent_ms = pg_pulse_silent_ms(pool);
    /* Kept beyond the life of the connection that was asked: that one was given up is no answer. */
    pool->pulse.silent_since_us = silent_ms > 0 ? qn_clock_now_us() - silent_ms * 1000 : 0;
    tell(pool, silent_ms);
    ask(pool);
    qn_timer_start(pool->loop, timer, TICK_MS, on_tick);
}

void pg_pulse_start(struct pg_pool *pool)
{
    qn_timer_start(pool->loop, &pool->pulse.timer, TICK_MS, on_tick);
}

void pg_pulse_stop(struct pg_pool *pool)
{
    qn_timer_cancel(pool->loop, &pool->pulse.timer);
    if (pool->pulse.running)
        pg_query_cancel(&pool->pulse.query);
}

bool pg_pulse_ready(const struct pg_pool *pool, struct qn_buf *detail)
{
    uint64_t silent_ms = pg_pulse_silent_ms(pool);
    if (silent_ms < PG_SILENT_LIMIT_MS)
        return true;
    qn_buf_printf(detail, "; PostgreSQL has answered nothing for %llu s",
                  (unsigned long long)silent_ms / 1000);
    return false;
}
