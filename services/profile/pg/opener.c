#include "common/core/check.h"
#include "common/core/clock.h"
#include "common/core/id.h"
#include "services/profile/pg/private.h"

/* All missing connections are opened at once as long as nothing has failed. After a failure one is tried at a
 * time, after a pause that doubles; the first that comes up brings the others along at once. So a database
 * that is away is knocked at by one, and is used by all as soon as it is back.
 *
 * "No slot now" (53300) is no failure of the database: somebody else holds what we want and will let go, so
 * the pauses stay short, all the more while we have no connection at all.
 *
 * More connections than allowed: attempts are given up first, then what is idle goes. The rest is let run dry
 * (dispatch.c), and goes when it is idle. */

enum {
    PAUSE_FIRST_MS = 50,
    PAUSE_MAX_MS = 10000,
    PAUSE_MAX_NO_SLOT_MS = 1000,
    PAUSE_MAX_MORE_SLOTS_MS = 5000, /* with a connection that works: there is no hurry */
    SHORT_LIFE_MS = 1000, /* a connection that was lost sooner counts as one that did not come about */
    LOG_EVERY_MS = 10000,
};

/* From half the pause to all of it, so that processes that lost the database together do not come back
 * together. */
uint64_t pg_opener_delay(unsigned failures, enum pg_refusal refusal, size_t up, uint32_t random)
{
    uint64_t no_slot_max = up > 0 ? PAUSE_MAX_MORE_SLOTS_MS : PAUSE_MAX_NO_SLOT_MS;
    uint64_t max = pg_refusal_slots(refusal) ? no_slot_max : PAUSE_MAX_MS;
    uint64_t pause = PAUSE_FIRST_MS;
    for (unsigned i = 1; i < failures && pause < max; i++)
        pause *= 2;
    pause = pause < max ? pause : max;
    return pause / 2 + random % (pause / 2 + 1);
}

static bool is_trying(const struct pg_conn *conn)
{
    return conn->state == PG_CONN_RESOLVING || conn->state == PG_CONN_CONNECTING;
}

static bool trying(const struct pg_pool *pool)
{
    for (size_t i = 0; i < pool->n_conns; i++)
        if (is_trying(&pool->conns[i]))
            return true;
    return false;
}

static void give_up_surplus(struct pg_pool *pool)
{
    size_t surplus = pg_pool_surplus(pool);
    for (size_t i = pool->n_conns; surplus > 0 && i-- > 0;) {
        if (is_trying(&pool->conns[i])) {
            pg_conn_close(&pool->conns[i], pool->surplus_cause);
            surplus--;
        }
    }
    for (size_t i = pool->n_conns; surplus > 0 && i-- > 0;) {
        if (pool->conns[i].state == PG_CONN_IDLE) {
            pg_conn_end(&pool->conns[i], pool->surplus_cause);
            surplus--;
        }
    }
}

void pg_opener_step(struct pg_pool *pool)
{
    struct pg_opener *opener = &pool->opener;
    give_up_surplus(pool);
    for (size_t i = 0; i < pool->n_conns && pg_pool_slots(pool) < pool->allowance; i++) {
        struct pg_conn *conn = &pool->conns[i];
        if (conn->state != PG_CONN_DOWN)
            continue;
        if (opener->failures > 0 && (qn_timer_active(&opener->timer) || trying(pool)))
            return;
        pg_conn_open(conn);
    }
}

static void on_pause_over(struct qn_timer *timer)
{
    pg_pool_wake(container_of(timer, struct pg_pool, opener.timer));
}

void pg_opener_allowed(struct pg_pool *pool)
{
    struct pg_opener *opener = &pool->opener;
    if (!pg_refusal_slots(opener->refusal))
        return; /* an answer that may be another now */
    opener->failures = 0;
    qn_timer_cancel(pool->loop, &opener->timer);
}

void pg_opener_up(struct pg_pool *pool)
{
    struct pg_opener *opener = &pool->opener;
    if (opener->failures > 0)
        qn_log(&pool->log, QN_INFO, "connects again", QN_F_INT("failures", opener->failures));
    opener->failures = 0;
    opener->refusal = PG_REFUSAL_NONE;
    opener->log_limit = (struct qn_log_limit){0};
    qn_timer_cancel(pool->loop, &opener->timer);
}

void pg_opener_down(struct pg_pool *pool, const struct pg_conn_end *end)
{
    struct pg_opener *opener = &pool->opener;
    bool was_up = end->refusal == PG_REFUSAL_NONE;
    if (end->orderly || end->refusal == PG_REFUSAL_ABANDONED)
        return; /* our own doing */
    if (was_up)
        pg_opener_allowed(pool); /* its slot may be had again */
    if (was_up && end->lived_ms >= SHORT_LIFE_MS)
        return;
    if (!was_up)
        opener->refusal = end->refusal;
    if (qn_timer_active(&opener->timer))
        return; /* one of several that were tried at once; the pause is running */
    if (opener->failures++ == 0)
        opener->failing_since_ms = qn_clock_now_ms();
    uint32_t random;
    qn_random_bytes(&random, sizeof random);
    uint64_t pause_ms = pg_opener_delay(opener->failures, opener->refusal, pg_pool_up(pool), random);
    qn_timer_start(pool->loop, &opener->timer, pause_ms, on_pause_over);
    uint64_t held_back;
    if (!was_up && qn_log_due(&opener->log_limit, LOG_EVERY_MS, &held_back)) {
        qn_log(&pool->log, QN_WARN, pg_refusal_slots(end->refusal) ? "no slot" : "cannot connect",
               QN_F_C("outcome", pg_refusal_name(end->refusal)),
               QN_F_C("whose_limit", pg_refusal_slots(end->refusal)), QN_F_C("said", end->text),
               QN_F_INT("failures", opener->failures), QN_F_INT("again_in_ms", pause_ms),
               QN_F_INT("held_back", held_back));
    }
}

void pg_opener_stop(struct pg_pool *pool)
{
    qn_timer_cancel(pool->loop, &pool->opener.timer);
}

bool pg_opener_is_beaten(const struct pg_pool *pool)
{
    /* Asked in every turn, so what is seldom true comes first. */
    return pool->opener.failures > 0 && pool->elsewhere_ms > pool->opener.failing_since_ms &&
           pg_pool_up(pool) == 0;
}

const char *pg_opener_reason(const struct pg_pool *pool)
{
    return pg_refusal_slots(pool->opener.refusal) ? "no slot" : "cannot connect";
}
