#ifndef PROFILE_PG_QUERY_H
#define PROFILE_PG_QUERY_H

#include <libpq-fe.h>
#include <stdbool.h>
#include <stdint.h>

#include "common/core/arena.h"
#include "common/core/log.h"
#include "common/core/status.h"
#include "common/loop/loop.h"
#include "common/loop/timer.h"

/* A statement: static, one per kind of question, prepared once on each connection that meets it.
 *
 * Statements are written for the generic plan, and connections run with plan_cache_mode = force_generic_plan:
 * left to itself PostgreSQL 15 holds an array parameter for ten values long, finds a plan for one token
 * "cheaper" and plans every single look-up anew (measured on 100,000 sessions: 0.66 ms instead of 0.17).
 * Answers are read as DateStyle ISO and TimeZone UTC write them. Better Auth's tables are named without their
 * schema (search_path), our own with it. */
struct pg_statement {
    const char *name; /* of the prepared statement and in metrics: "session_by_token" */
    const char *sql;
    /* A plain SELECT: takes no row locks, calls nothing that writes or waits. Only such statements share a
     * connection with others; all else has its connection alone. */
    bool plain_select;
    /* Its answer comes in PostgreSQL's binary format: for what is asked so often that writing a time as text
     * there and reading it here shows. Texts are the same bytes in both; of other types only bool, integer
     * and the two timestamps are read from it. */
    bool binary;
};

enum { PG_PARAMS_MAX = 16, PG_STEPS_MAX = 8 };

/* One statement of a query with its parameters: text format, NULL is SQL's null. A value with a NUL byte
 * cannot be said in text and must have been refused before. */
struct pg_step {
    const struct pg_statement *statement;
    const char *params[PG_PARAMS_MAX];
    int n_params;
    PGresult *result; /* answer of this step, valid within 'done'; NULL unless the query is QN_OK */
};

/* What is asked of PostgreSQL in one go. Several steps are one transaction (they share one Sync, which makes
 * an implicit one: PostgreSQL documentation, "Extended Query", pipelining): all happen or none. Each step
 * sees what the ones before did. Embed it, zero it, fill the first part, start it; it belongs to the pool
 * until 'done' has been entered. */
struct pg_query {
    struct pg_step *steps; /* must live until 'done', parameters too */
    size_t n_steps;
    uint64_t deadline_ms;     /* of qn_clock_now_ms() */
    const struct qn_log *log; /* may be NULL */
    void (*done)(struct pg_query *query);

    /* The outcome, valid within 'done':
     * - QN_OK
     * - QN_DEADLINE_EXCEEDED: before, in or after the queue; a statement alone on its connection is
     * cancelled, a shared one is left to statement_timeout and its answer dropped
     * - QN_RESOURCE_EXHAUSTED: "overload", its turn would come too late for an answer in time (admission.h);
     *   "pool full", the queue is full, or pool_timeout has passed in it; certainly not executed
     * - QN_UNAVAILABLE: "cannot connect" or "no slot", no connection; certainly not executed
     * - QN_UNKNOWN: the connection was lost after a write was sent: it may have happened
     * - QN_ALREADY_EXISTS: 23505, with 'constraint'
     * - QN_NOT_FOUND: 23503 (a row it points to is gone), with 'constraint'
     * - QN_INVALID_ARGUMENT: class 22, 23502, 23514
     * - QN_ABORTED: 40001, 40P01: may be tried again; 55P03: "locked", by lock_timeout
     * - QN_FAILED_PRECONDITION: the schema is not the one expected (42P01, 42703)
     * - QN_INTERNAL: everything else, logged
     * - QN_CANCELLED */
    enum qn_status status;
    char sqlstate[6];    /* "" when the server said none */
    char constraint[64]; /* "" when none */
    const char *reason; /* static: "pool full", "overload", "cannot connect", "no slot", "query slow", …; for
                           status detail, log and metric */
    uint32_t retry_after_ms; /* of "overload": when to come again; else 0 */

    /* Private from here. */
    struct qn_node node;
    struct pg_pool *pool;
    struct pg_conn *conn;
    struct pg_statement_entry *entry; /* of its first step; may be NULL */
    struct qn_timer timer;
    struct qn_later later;
    uint64_t queued_us, sent_us;
    enum pg_query_state { PG_QUERY_IDLE, PG_QUERY_WAITING, PG_QUERY_SENT, PG_QUERY_ENDED } state;
    bool reprepared; /* sent once more because a statement was not prepared */
    unsigned resent; /* sent once more because the connection was lost; only what reads */
    bool moved;      /* sent once more because it stood behind one that waits; only what reads */
    bool held;       /* waits in its statement's queue (spread.c) and not in the pool's */
    bool lent;       /* was sent with the last connection that writes may have (spread.c) */
};

/* 'done' runs once, on the loop, never from within this call. The results are freed when it returns. */
void pg_query_start(struct pg_query *query, struct pg_pool *pool);

/* Whether it has been started and nothing of it has been sent yet, or not since it is to be asked again: its
 * statements will see all that has been committed until now. */
bool pg_query_waits(const struct pg_query *query);

/* 'done' still comes, with QN_CANCELLED (or what became of it already). */
void pg_query_cancel(struct pg_query *query);

/* Reading a result. Requires: row and column are there. */
int pg_result_rows(const PGresult *result);
struct qn_str pg_result_str(const PGresult *result, int row, int column); /* empty for null */
bool pg_result_null(const PGresult *result, int row, int column);
int64_t pg_result_i64(const PGresult *result, int row, int column); /* 0 for null or no number */
bool pg_result_bool(const PGresult *result, int row, int column);   /* 't' */

/* The same of an answer in binary. Each is false for a column of another type, and for null. */
bool pg_result_is_binary(const PGresult *result); /* as struct pg_statement asked */
bool pg_result_binary_bool(const PGresult *result, int row, int column, bool *ret_value);
bool pg_result_binary_int(const PGresult *result, int row, int column, int32_t *ret_value);
/* A timestamp or timestamptz in microseconds since 2000-01-01 (the latter in UTC, whatever the session's
 * TimeZone); INT64_MAX and INT64_MIN for "infinity" and "-infinity". */
bool pg_result_binary_time(const PGresult *result, int row, int column, int64_t *ret_us);

/* Text of an array parameter, {"a","b"}, for = ANY($1); NULL at the arena's ceiling. Requires: no value holds
 * NUL. */
const char *pg_array_text(struct qn_arena *arena, const struct qn_str *values, size_t n);

#endif
