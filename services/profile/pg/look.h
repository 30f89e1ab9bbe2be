#ifndef PROFILE_PG_LOOK_H
#define PROFILE_PG_LOOK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "services/profile/pg/pool.h"

/* What the connections are doing at this moment, for people who watch: a copy that changes nothing and holds
 * on to nothing. Texts are static, or the copy's own. Durations end now. On the loop's thread. */

enum { PG_LOOK_SAID_MAX = 200 };

struct pg_look_conn {
    unsigned number;   /* from 1, as in log lines */
    const char *state; /* as in quintet_pg_connections{state} */
    uint64_t state_ms; /* how long it has been in that state */

    bool up;             /* it holds a slot; the next three are 0 while it does not */
    int pid;             /* the backend's, as in pg_stat_activity (behind PgBouncer: a number of its own) */
    uint64_t age_ms;     /* since it came up */
    uint64_t statements; /* answered since then */

    /* What the server works on; the rest waits behind it on the same connection. */
    size_t under_way;
    const char *statement; /* its name; NULL while nothing is under way */
    uint64_t statement_ms; /* since the server could begin with it */

    /* How it last ended, or why the last attempt came to nothing; NULL: it never did. */
    const char *end_cause;
    uint64_t end_ms; /* ago */
    char end_said[PG_LOOK_SAID_MAX];
};

struct pg_look {
    size_t budget;    /* connection_limit */
    size_t allowance; /* how many of them this process may hold: pg_pool_allow() */
    size_t up;
    size_t ending; /* farewell is said; PostgreSQL may not have let go of the slot yet */
    size_t waiting_reads, waiting_writes;
    uint64_t longest_wait_ms; /* of those who wait now */
    uint64_t silent_ms;       /* pg_pulse_silent_ms(): a question is open, and nothing has been answered */
    const char *refusal;      /* of the last attempt: "unreachable", "no_slot" …; NULL when it came up */
    unsigned failures;        /* attempts in a row that came to nothing */
    bool attempt_planned;
    uint64_t attempt_in_ms; /* until the next, when one is planned */
    bool draining;
    struct pg_look_conn conns[PG_CONNECTIONS_MAX];
    size_t n_conns;
};

void pg_look(const struct pg_pool *pool, struct pg_look *ret_look);

#endif
