#ifndef PROFILE_PG_URL_H
#define PROFILE_PG_URL_H

#include <stdbool.h>
#include <stdint.h>

#include "common/core/status.h"
#include "common/core/str.h"

/* DATABASE_URL as Prisma writes it:
 * postgresql://user:password@host:port/database?schema=public&connection_limit=5&pool_timeout=10… Each key
 * that Prisma documents is mapped or refused by name; libpq never sees one it does not know. */
struct pg_url {
    char *user, *password, *host, *port,
        *database; /* decoded; host may be a socket folder (?host=/run/postgresql) */
    char *schema;  /* Better Auth's tables; default "public" */
    char *sslmode, *sslrootcert, *sslcert, *sslkey; /* in libpq's meaning; NULL: libpq's default */
    char *channel_binding;                          /* NULL: libpq's default */
    char *options;                                  /* "-c name=value …" of the session; NULL: none */
    char *application_name;                         /* default "quintet-profile" */
    int64_t connection_limit;                       /* 1 to 5; default 5 */
    int64_t pool_timeout_ms;                        /* default 10 s; 0: until the call's own deadline */
    int64_t connect_timeout_ms;   /* default 5 s; 0: 5 s too, for nothing waits for ever here */
    int64_t statement_timeout_ms; /* socket_timeout; default 0: the role's setting */
    bool pgbouncer;               /* no named statements, nothing set on the session */
    bool unnamed;                 /* no named statements: pgbouncer, or statement_cache_size=0 */
};

enum { PG_CONNECTIONS_MAX = 5 };

/* QN_INVALID_ARGUMENT: 'err' names the part and what is allowed, never the password. What was parsed is the
 * caller's until pg_url_free(); after a failure there is nothing to free. */
QN_MUST_USE enum qn_status pg_url_parse(struct qn_str text, struct pg_url *ret_url, struct qn_error *err);
void pg_url_free(struct pg_url *url);

#endif
