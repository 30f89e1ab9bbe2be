#ifndef PROFILE_PG_CONN_H
#define PROFILE_PG_CONN_H

#include <libpq-fe.h>
#include <stdbool.h>
#include <stdint.h>

#include "common/loop/poll.h"
#include "common/loop/resolve.h"
#include "common/loop/timer.h"
#include "common/loop/work.h"
#include "services/profile/pg/query.h"
#include "services/profile/pg/sqlstate.h"
#include "services/profile/pg/statement.h"
#include "services/profile/pg/url.h"

/* One of the five: a slot for a connection, which is opened, used, lost and opened again in place. conn.c
 * opens and closes, flight.c sends and reads, cancel.c cancels. It decides nothing: the pool says what is
 * sent where, and is told what happened. All on the loop's thread. */

/*            ┌──────────── closed, refused, lost ◀──────────────┐
 *            │    ┌────────┐                                    │ (from any)
 *            ├────│ ENDING │◀── told to end, from IDLE          │
 *            ▼    └────────┘                                    │
 *   ┌──────────┐      ┌───────────┐      ┌────────────┐      ┌──────┐ ◀──────▶ ┌────────┐
 *   │   DOWN   │─────▶│ RESOLVING │─────▶│ CONNECTING │─────▶│ IDLE │          │ SHARED │──┐
 *   └──────────┘      └───────────┘      └────────────┘      └──────┘ ◀─────┐  └────────┘  │ late, and
 *        └── a socket's folder ────────────────▲                 │ ▲        │              │ alone by now
 *                                                                ▼ └──┐  ┌──┴─────────┐    │
 *                                                            ┌───────┐└──│ CANCELLING │◀───┘
 *                                                            │ ALONE │──▶└────────────┘
 *                                                            └───────┘ late
 *
 * IDLE, SHARED, ALONE and CANCELLING hold a slot of the database; ENDING may still do. */
#define PG_CONN_STATES(X)                                                                                    \
    X(DOWN, "down")             /* no connection */                                                          \
    X(ENDING, "ending")         /* farewell is said; until PostgreSQL has let go of the slot */              \
    X(RESOLVING, "resolving")   /* the host's addresses are looked up */                                     \
    X(CONNECTING, "connecting") /* one address after the other is tried */                                   \
    X(IDLE, "idle")             /* nothing sent that is not answered */                                      \
    X(SHARED, "shared")         /* plain SELECTs under way, more may join */                                 \
    X(ALONE, "alone")           /* one query under way, nothing may join */                                  \
    X(CANCELLING, "cancelling") /* its asker has gone; until PQcancel() has returned and the answer is read  \
                                 */

enum pg_conn_state {
#define PG_CONN_STATE(name, text) PG_CONN_##name,
    PG_CONN_STATES(PG_CONN_STATE)
#undef PG_CONN_STATE
        PG_CONN_STATE_COUNT
};

const char *pg_conn_state_name(enum pg_conn_state state);
/* Whether the drawing above has this move. */
bool pg_conn_may_move(enum pg_conn_state from, enum pg_conn_state to);

/* What is sent in front of a query's own steps has the number after theirs. */
enum { PG_PIPELINE_MAX = 64, PG_PRELUDE = PG_STEPS_MAX, PG_OPS_MAX = 3 * (PG_STEPS_MAX + 1) + 1 };

/* One query on its way: what was sent for it, in order, and what of that has been answered. */
struct pg_flight {
    struct pg_query *query; /* NULL: its asker has gone; the answer is read and dropped */
    uint64_t sent_us;
    struct pg_op {
        enum { PG_OP_LET_GO, PG_OP_PARSE, PG_OP_EXECUTE, PG_OP_SYNC } kind;
        unsigned step;
    } ops[PG_OPS_MAX];
    size_t n_ops, next_op;
    struct pg_statement_entry *entries[PG_PRELUDE + 1]; /* NULL: unnamed and not measured */
    unsigned parses[PG_PRELUDE + 1];                    /* of struct pg_prepared, when it was sent */
    struct pg_statement_entry *shared; /* counted in of_statement; NULL: is alone, or unknown */
    PGresult *results[PG_STEPS_MAX];
    bool failed; /* the first error's: */
    struct pg_verdict verdict;
    char sqlstate[PG_SQLSTATE_LEN + 1];
    char constraint[64];
};

/* How a connection ended, or why it did not come about. */
struct pg_conn_end {
    enum pg_refusal refusal; /* of an attempt; NONE: it was up */
    const char *cause;       /* static: "57P01", "no answer", "shutdown" … */
    uint64_t lived_ms;       /* 0 if it never was up */
    bool orderly;            /* we asked it to end: pg_conn_end() */
    uint64_t at_ms;          /* when */
    char text[200];          /* what libpq or the server said, one line; may be empty */
};

struct pg_conn;

/* What the pool is told. None of these may move the connection from within; they note, and act later in the
 * turn. */
struct pg_conn_owner {
    void (*up)(struct pg_conn *conn);
    void (*down)(struct pg_conn *conn); /* conn->end says how */
    void (*room)(struct pg_conn *conn); /* something was answered: more may be sent */
    /* The query's outcome is filled in; results, if any, are in its steps. */
    void (*answered)(struct pg_query *query);
    /* Not answered, and asking once more is safe. */
    void (*again)(struct pg_query *query);
};

struct pg_conn {
    unsigned number; /* from 1, in log lines */
    struct qn_loop *loop;
    const struct pg_url *url;
    const struct pg_conn_owner *owner;
    struct pg_statements *statements;
    struct pg_canceller *canceller;
    struct qn_log log;

    enum pg_conn_state state;
    uint64_t since_ms;     /* of the state */
    uint64_t up_ms;        /* when it last came up; 0 while it is not */
    struct qn_timer timer; /* CONNECTING: the address's time; ENDING: the server's; SHARED with a late head,
                              CANCELLING: patience */
    bool close_wanted;     /* while a look-up lets go */
    bool reserved;         /* the pool's mark: nothing joins, a query that must be alone is waiting */
    bool held_up;          /* the pool's mark: nothing joins, the first under way takes long */
    struct pg_conn_end end;

    struct qn_resolve resolve;
    size_t next_address;

    PGconn *pg;    /* NULL while DOWN, ENDING and RESOLVING */
    int ending_fd; /* ENDING: the socket, which libpq knows no more */
    struct qn_poll *poll;
    int backend_pid;
    uint64_t statements_done; /* since it came up */
    uint64_t last_answer_us;
    struct qn_log_limit error_log;
    char farewell[PG_SQLSTATE_LEN + 1]; /* code of the server's FATAL; "" while there was none */
    bool not_passed_on;                 /* PgBouncer's farewell: nothing unanswered has reached PostgreSQL */

    struct pg_flight flights[PG_PIPELINE_MAX]; /* a ring */
    size_t first_flight, n_flights;
    uint8_t of_statement[PG_STATEMENTS_MAX]; /* how many of those that share are of which statement */
    bool result_open;                        /* the NULL that ends a command's results is still to come */
    struct pg_prepared prepared[PG_STATEMENTS_MAX];

    struct pg_cancel *cancel; /* under way; else NULL */
};

static inline bool pg_conn_is_up(const struct pg_conn *conn)
{
    return conn->state >= PG_CONN_IDLE;
}

/* The flight in that place of the ring; 0 is the one whose answer comes first. */
static inline struct pg_flight *pg_conn_flight(struct pg_conn *conn, size_t place)
{
    return &conn->flights[(conn->first_flight + place) % PG_PIPELINE_MAX];
}

/* conn.c */

/* Starts to connect. Requires: DOWN. 'up' or 'down' follows, 'down' perhaps from within
 * this call. */
void pg_conn_open(struct pg_conn *conn);

/* Says farewell to PostgreSQL and waits until it has closed its side, so that the slot is free when 'down'
 * comes, or a second has passed. Requires: IDLE. 'cause' as below. */
void pg_conn_end(struct pg_conn *conn, const char *cause);

/* Ends it at once, in whatever state; queries under way fail as if it were lost. 'down' follows (not if it is
 * DOWN), perhaps from within this call. 'cause' is static text for the log line. */
void pg_conn_close(struct pg_conn *conn, const char *cause);

/* Ends it, for nothing can be sent or read any more. What the server said before it went is heard first:
 * answers are handed over, and its farewell is the cause. */
void pg_conn_lost(struct pg_conn *conn);

/* Moves; a move that the drawing does not have is a bug. For conn.c, flight.c, cancel.c. */
void pg_conn_move(struct pg_conn *conn, enum pg_conn_state to);

/* Tells libpq's wishes to the loop: writes what is pending. False: the connection was lost (and is closed).
 */
bool pg_conn_flush(struct pg_conn *conn);

/* flight.c */

/* Sends the query's steps with one Sync. 'alone': IDLE → ALONE; else IDLE or SHARED → SHARED. Requires: room,
 * that is, fewer than PG_PIPELINE_MAX flights. The answer comes as 'answered' or 'again', or the connection
 * is lost, which is told in the same way, never from within this call. */
void pg_flight_send(struct pg_conn *conn, struct pg_query *query, bool alone);

/* Reads what has arrived and has not been read. False: the connection said something odd or is to be dropped,
 * and has been closed. */
bool pg_flight_read(struct pg_conn *conn);

/* The query's asker goes: its answer will be dropped. If it is alone on the connection it is cancelled, if
 * that is possible; else the connection takes nothing new until the answer came. Requires: it is under way
 * here. */
void pg_flight_abandon(struct pg_conn *conn, struct pg_query *query);

/* The connection is lost: every query under way is told. 'sqlstate' is the server's farewell, "" or NULL for
 * none. */
void pg_flight_lose_all(struct pg_conn *conn, const char *sqlstate);

/* The query at that place goes back to the pool: its answer will be dropped, and it may be sent elsewhere.
 * Requires: SHARED, and the place is not the first. */
void pg_flight_take_back(struct pg_conn *conn, size_t place);

/* When the server could begin with the first of what is under way: it was sent, and what was sent before it
 * had been answered. Requires: something is under way. */
uint64_t pg_flight_head_since_us(const struct pg_conn *conn);

/* Whether an abandoned query's answer is still to come. */
bool pg_flight_any_abandoned(const struct pg_conn *conn);

/* cancel.c */

/* Of a pool: what its connections cancel with. */
struct pg_canceller {
    struct qn_lane *lane;
    unsigned n_orphans; /* cancels under way whose connection is gone */
};

QN_MUST_USE enum qn_status pg_canceller_open(struct pg_canceller *canceller, struct qn_loop *loop);

/* Waits for no cancel: what does not return is left behind. Requires: all connections are DOWN. */
void pg_canceller_close(struct pg_canceller *canceller, void (*closed)(void *context), void *context);

/* Whether a cancel has a chance to begin: false when those whose connections are gone have all threads. */
bool pg_cancel_may_start(const struct pg_conn *conn);

/* Moves to CANCELLING and asks PostgreSQL, off the loop, to cancel what runs. Requires: one flight,
 * abandoned. */
void pg_cancel_start(struct pg_conn *conn);

/* CANCELLING → IDLE if both are there, the answer and PQcancel()'s return. */
void pg_cancel_settle(struct pg_conn *conn);

/* The connection is lost: what is under way for it has nothing to do with it any more. */
void pg_cancel_orphan(struct pg_conn *conn);

#endif
