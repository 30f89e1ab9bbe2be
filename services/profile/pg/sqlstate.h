#ifndef PROFILE_PG_SQLSTATE_H
#define PROFILE_PG_SQLSTATE_H

#include <stdbool.h>

#include "common/core/status.h"

/* What PostgreSQL's error codes mean here (PostgreSQL documentation, appendix A), all in one table. */

enum { PG_SQLSTATE_LEN = 5 };

/* lock_timeout has passed, or NOWAIT. */
#define PG_SQLSTATE_LOCKED "55P03"

struct pg_verdict {
    enum qn_status status;
    const char *reason;   /* static, for status detail, log and metric; NULL: nothing beyond the status */
    bool drop_connection; /* whoever says this is not asked again on the same connection */
    bool prepare_again; /* the statement is not prepared as was thought; asking once more is safe and helps */
    bool expected;      /* part of a day's work: not logged */
};

/* 'sqlstate' may be NULL or "": then it was not the server who said it, but libpq, of the connection. */
struct pg_verdict pg_sqlstate_judge(const char *sqlstate);

/* Why the server ended a connection by itself: "terminated", "server crash" …; "lost" for any other code and
 * none. Static. */
const char *pg_sqlstate_end(const char *sqlstate);

/* The connection was ended by an operator or an orderly shutdown: nothing that was asked on it is the reason.
 */
bool pg_sqlstate_is_operators(const char *sqlstate);

/* Why a connection did not come about. */
enum pg_refusal {
    PG_REFUSAL_NONE,
    PG_REFUSAL_UNREACHABLE,    /* no address, refused, reset, TLS … */
    PG_REFUSAL_TIMEOUT,        /* connect_timeout has passed */
    PG_REFUSAL_ROLE_SLOTS,     /* 53300: the role's CONNECTION LIMIT */
    PG_REFUSAL_DATABASE_SLOTS, /* 53300: the database's */
    PG_REFUSAL_SERVER_SLOTS,   /* 53300: max_connections, or what of it is reserved */
    PG_REFUSAL_POOLER_SLOTS,   /* PgBouncer's own limits are reached */
    PG_REFUSAL_POOLER,         /* PgBouncer is there and cannot reach PostgreSQL */
    PG_REFUSAL_STARTING,       /* 57P03: starting up, shutting down or in recovery */
    PG_REFUSAL_DENIED,         /* class 28: password, pg_hba.conf */
    PG_REFUSAL_READ_ONLY,      /* a standby, or read-only by default */
    PG_REFUSAL_SETTINGS,       /* the session is not in UTC; PgBouncer takes no options */
    PG_REFUSAL_OTHER,          /* the server said something else, such as 3D000: no such database */
    PG_REFUSAL_ABANDONED,      /* we gave the attempt up ourselves */
    PG_REFUSALS,
};

/* A failed connect carries no result, only a text, in which PQERRORS_VERBOSE has put the code and the name of
 * PostgreSQL's function: "…FATAL:  53300: too many connections for role "x"\nLOCATION:
 * InitializeSessionUserId, miscinit.c:774". Writes the code to 'ret_sqlstate' ("" when there is none). */
enum pg_refusal pg_sqlstate_refusal(const char *text, char ret_sqlstate[PG_SQLSTATE_LEN + 1]);

/* Whether this is PgBouncer's word that it had no connection to PostgreSQL for what this client asked. It has
 * then passed on nothing of what is unanswered: a client keeps PgBouncer's connection until its last Sync is
 * answered, and waits for another one before anything more is passed on. Requires: it was said by PgBouncer
 * (?pgbouncer=true). */
bool pg_sqlstate_not_passed_on(const char *sqlstate, const char *message);

/* "unreachable", "timeout", "no_slot" …: label of quintet_pg_connects_total. */
const char *pg_refusal_name(enum pg_refusal refusal);

/* "role", "database", "server", "pooler" when it is a lack of slots; else NULL. */
const char *pg_refusal_slots(enum pg_refusal refusal);

#endif
