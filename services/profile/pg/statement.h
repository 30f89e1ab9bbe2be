#ifndef PROFILE_PG_STATEMENT_H
#define PROFILE_PG_STATEMENT_H

#include "common/core/list.h"
#include "services/profile/pg/metrics.h"
#include "services/profile/pg/query.h"

/* Which statements this process has met, and where each stands on a connection. A statement keeps its number
 * for the life of the pool, so that a connection can hold what it knows of all of them in one small array. */

enum { PG_STATEMENTS_MAX = 96 }; /* static objects of this program: twice what the stores have */

struct pg_statement_entry {
    const struct pg_statement *statement;
    unsigned number;
    struct qn_series *seconds;
    struct qn_series *by_code[QN_STATUS_COUNT]; /* made at need */
    /* As a plain SELECT that shares (spread.c): */
    unsigned n_conns;    /* on which it is under way */
    bool locked;         /* its last answer was that it waits for a lock */
    struct qn_list held; /* queries that wait because of that, or because it has as many as it may */
    /* As the first of what is alone (spread.c): */
    struct qn_list held_writes; /* queries that wait because it may not have the last connection */
};

struct pg_statements {
    struct pg_statement_entry entries[PG_STATEMENTS_MAX];
    unsigned n;
};

/* The entry of this statement, made at the first meeting. NULL when the table is full: then it is sent
 * unnamed and not measured. */
struct pg_statement_entry *pg_statement_find(struct pg_statements *statements,
                                             const struct pg_statement *statement);

/* Counts an answer. 'entry' may be NULL. */
void pg_statement_count(struct pg_statement_entry *entry, enum qn_status status, uint64_t took_us);

/* What a connection knows of one statement. */
struct pg_prepared {
    enum pg_prepared_state {
        PG_UNPREPARED, /* must be parsed before it is used */
        PG_PREPARED,   /* parsed, or sent to be: what follows on the connection may use it */
        PG_OUTDATED,   /* there, but must be let go and parsed anew */
    } state : 8;
    unsigned parses : 24; /* how often it was sent to be parsed; tells an old failure from a new one */
};

#endif
