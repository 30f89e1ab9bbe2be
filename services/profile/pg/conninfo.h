#ifndef PROFILE_PG_CONNINFO_H
#define PROFILE_PG_CONNINFO_H

#include "services/profile/pg/url.h"

/* What libpq is told of a connection: keys and values for PQconnectStartParams(). Points into itself and into
 * the url; both must stay where they are while it is used. */
struct pg_conninfo {
    const char *keys[24];
    const char *values[24];
    size_t n;
    char options[1024];
    char connect_timeout_s[24];
};

/* 'hostaddr': a numeric address for url->host, so that libpq looks nothing up (it would block); the name goes
 * along for verify-full and SNI. NULL: libpq looks it up, for the verbs, and for a socket's folder.
 *
 * A session of the service, unless it is PgBouncer's, begins in UTC, with ISO dates and the url's schema as
 * its search_path; these are start-up options, so they are the session's defaults and cost no round trip.
 * QN_INVALID_ARGUMENT: the url's own options are too long. */
QN_MUST_USE enum qn_status pg_conninfo_init(struct pg_conninfo *info, const struct pg_url *url,
                                            const char *hostaddr);

/* Sets or replaces one key; the value must live as long as 'info'. */
void pg_conninfo_set(struct pg_conninfo *info, const char *key, const char *value);

#endif
