#ifndef PROFILE_PG_PRIVATE_H
#define PROFILE_PG_PRIVATE_H

#include "common/core/buf.h"
#include "services/profile/pg/admission.h"
#include "services/profile/pg/conn.h"
#include "services/profile/pg/pool.h"

/* The pool's inside, shared by pool.c, dispatch.c, opener.c, check.c, pulse.c, spread.c, look.c and query.c;
 * nobody else includes this.
 *
 * What happens on connections and in queries is only noted; the pool acts on it in 'turn', once in a turn of
 * the loop, after the events at hand: answers are handed over, connections opened, queries sent. So no
 * callback runs within another, and all queries of a turn are looked at together. */

/* Who opens connections, and when (opener.c). */
struct pg_opener {
    struct qn_timer timer;     /* runs while nothing is tried */
    unsigned failures;         /* attempts in a row */
    uint64_t failing_since_ms; /* when the first of them ended */
    enum pg_refusal refusal;   /* of the last attempt; NONE when it came up */
    struct qn_log_limit log_limit;
};

/* Whether the database is the one this program wants (check.c). */
struct pg_check {
    struct pg_query query;
    struct pg_step step;
    struct qn_timer timer; /* until the next look */
    bool running;
    bool role_known, version_known;
    bool remarked; /* in the log, once */
    int64_t version;
    char remark[160];  /* of the role's limit; may be empty */
    char trouble[160]; /* why it is not known; may be empty */
};

/* Whether the server answers at all (pulse.c). */
struct pg_pulse {
    struct pg_query query;
    struct pg_step step;
    struct qn_timer timer;
    bool running;
    bool told;                /* in the log */
    uint64_t silent_since_us; /* 0: it is not */
};

enum { PG_LOGGED_REASONS = 8 };

struct pg_pool {
    struct qn_loop *loop;
    const struct pg_url *url;
    size_t queue_max, pipeline_max;
    struct qn_log log;
    struct pg_metrics metrics;
    struct pg_statements statements;
    struct pg_canceller canceller;
    const char *surplus_cause; /* why connections beyond the allowance go */

    struct pg_conn conns[PG_CONNECTIONS_MAX];
    size_t n_conns;        /* connection_limit */
    size_t allowance;      /* how many of them may be; pg_pool_allow() */
    uint64_t elsewhere_ms; /* pg_pool_elsewhere() */
    struct qn_list reads;  /* waiting: may share a connection */
    struct qn_list writes; /* waiting: must be alone */
    size_t n_held;         /* waiting: reads in their statements' own queues */
    size_t n_held_writes;  /* waiting: the same of writes */
    size_t next_held;      /* whose turn is first */
    size_t spread_most;    /* connections that one statement may be under way on, in this turn */
    struct qn_timer spread_timer;
    bool wrote_last;      /* with a single connection: reads are next */
    struct qn_list ended; /* outcome filled in, 'done' to be called */
    struct qn_later turn;
    size_t slots_told; /* what 'slots_changed' was last told */
    void (*slots_changed)(void *context);
    void *slots_context;
    struct pg_opener opener;
    struct pg_check check;
    struct pg_admission admission;
    struct pg_pulse pulse;
    struct {
        const char *reason;
        struct qn_log_limit limit;
    } log_limits[PG_LOGGED_REASONS];

    /* The end: draining → drained, when the last connection is down; and gone. */
    bool draining, out_of_time, is_drained, gone_wanted, going;
    struct qn_timer drain_timer;
    void (*drained)(void *context);
    void *drained_context;
    void (*closed)(void *context);
    void *closed_context;
};

static inline size_t pg_pool_waiting(const struct pg_pool *pool)
{
    return pool->reads.len + pool->writes.len + pool->n_held + pool->n_held_writes;
}

/* Connections that are up, or on their way up, beyond the allowance. */
size_t pg_pool_surplus(const struct pg_pool *pool);

/* Something was noted: act on it later in this turn. */
void pg_pool_wake(struct pg_pool *pool);

/* dispatch.c: gives connections to queries that wait. */
void pg_dispatch(struct pg_pool *pool);

/* Whether a read may join, whatever it is. */
bool pg_dispatch_takes_reads(const struct pg_conn *conn);

/* spread.c */
/* On how many of 'up' connections one statement may be under way. */
size_t pg_spread_most(size_t up);
/* Whether this statement may be sent there. 'entry' may be NULL. */
bool pg_spread_allows(const struct pg_pool *pool, const struct pg_conn *conn,
                      const struct pg_statement_entry *entry);
/* Reads are under way: looks after those that take long. */
void pg_spread_watch(struct pg_pool *pool);
void pg_spread_stop(struct pg_pool *pool);
/* Whether this write may be sent now, 'left' being how many connections writes may still have and 'taken' how
 * many they have. If it can have one only on loan, that is noted. */
bool pg_spread_allows_write(const struct pg_pool *pool, struct pg_query *query, size_t left, size_t taken);
/* The queue of its statement's own. Requires: it has an entry. */
struct qn_list *pg_spread_held(const struct pg_query *query);
/* From the pool's queue to its statement's own. Requires: it has an entry. */
void pg_spread_hold(struct pg_query *query);
/* Out of it. */
void pg_spread_leave(struct pg_query *query);

/* opener.c */
void pg_opener_step(struct pg_pool *pool);
void pg_opener_up(struct pg_pool *pool);
void pg_opener_down(struct pg_pool *pool, const struct pg_conn_end *end);
void pg_opener_stop(struct pg_pool *pool);
/* Nothing comes up here, and another process said later than that that it has one. */
bool pg_opener_is_beaten(const struct pg_pool *pool);
/* Why there is no connection: "cannot connect" or "no slot". */
const char *pg_opener_reason(const struct pg_pool *pool);
/* More may be opened than before. */
void pg_opener_allowed(struct pg_pool *pool);
/* Milliseconds until the next attempt, for the n-th failure in a row (from 1), with so many connections up;
 * 'random' is any number. */
uint64_t pg_opener_delay(unsigned failures, enum pg_refusal refusal, size_t up, uint32_t random);

/* check.c */
void pg_check_up(struct pg_pool *pool);       /* a connection came up */
void pg_check_all_down(struct pg_pool *pool); /* none is left */
void pg_check_stop(struct pg_pool *pool);     /* its query, if any, still ends */
bool pg_check_ready(const struct pg_pool *pool, struct qn_buf *detail);

/* pulse.c */
void pg_pulse_start(struct pg_pool *pool);
void pg_pulse_stop(struct pg_pool *pool); /* its query, if any, still ends */
bool pg_pulse_ready(const struct pg_pool *pool, struct qn_buf *detail);
/* How long a question has been open while nothing was answered; 0 when none is open. */
uint64_t pg_pulse_silent_ms(const struct pg_pool *pool);

/* query.c */
/* Whether it may be with others on one connection; it waits in 'reads' then, else in 'writes'. */
bool pg_query_may_share(const struct pg_query *query);
/* Notes the outcome; 'done' follows in the pool's turn. Takes the query out of the queue. */
void pg_query_end(struct pg_query *query, enum qn_status status, const char *reason);
/* Its outcome is filled in already. */
void pg_query_answered(struct pg_query *query);
/* Puts it in the queue once more, in front. */
void pg_query_again(struct pg_query *query);
/* Out of the queue it is in. */
void pg_query_unqueue(struct pg_query *query);
/* It leaves the queue for a connection. */
void pg_query_sent(struct pg_query *query);
/* Its time in the queue is over: "pool full", "cannot connect" or "no slot". */
void pg_query_expire(struct pg_query *query);
/* Its answer would come too late: "overload". Its hint is filled in. */
void pg_query_refuse(struct pg_query *query);
/* Calls 'done' of every query in 'ended'. */
void pg_query_deliver(struct pg_pool *pool);

#endif
