#ifndef TESTS_HARNESS_BOUNCER_H
#define TESTS_HARNESS_BOUNCER_H

#include <stdbool.h>

/* A private PgBouncer in front of a private PostgreSQL (postgres.h), in transaction mode with a pool of five,
 * as services/profile/README.md tells a site to configure it: a client's password is checked against what
 * PostgreSQL keeps of it (auth_query), and passed through to PostgreSQL (SCRAM), so PgBouncer knows none. It
 * listens on a free loopback port, and dies with the test process.
 *
 * Whatever goes wrong in here ends the test process with a message and its log. Not thread-safe. */
struct harness_bouncer;

struct harness_bouncer_options {
    const char *folder; /* of the PostgreSQL server; exists, and is removed by whoever made it */
    int postgres_port;
    const char *admin, *password; /* a superuser: asks auth_query, and may use the console */
};

/* Whether QUINTET_TEST_PGBOUNCER says that the application is to go through one. */
bool harness_bouncer_wanted(void);

/* Returns once it takes connections. */
struct harness_bouncer *harness_bouncer_start(const struct harness_bouncer_options *options);
int harness_bouncer_port(const struct harness_bouncer *bouncer);

/* One more line of its configuration, "query_wait_timeout = 1", taken over at once (RELOAD). A later line of
 * the same name wins. */
void harness_bouncer_set(struct harness_bouncer *bouncer, const char *line);

/* A command of its console: "PAUSE", "RESUME", "RECONNECT"; the answer must be good. PAUSE returns when no
 * statement runs any more. */
void harness_bouncer_do(struct harness_bouncer *bouncer, const char *command);
/* Rows of a command of its console ("SHOW CLIENTS") whose 'column' has this value. */
int harness_bouncer_count(struct harness_bouncer *bouncer, const char *show, const char *column,
                          const char *value);
/* Drops what it has of this database, clients and servers, and begins anew. */
void harness_bouncer_forget(struct harness_bouncer *bouncer, const char *database);

/* Ends it with a signal (SIGKILL, SIGTERM: at once; SIGINT: when no statement runs) and waits until it is
 * gone; starts it again on the same port. */
void harness_bouncer_halt(struct harness_bouncer *bouncer, int signal);
void harness_bouncer_resume(struct harness_bouncer *bouncer);

void harness_bouncer_stop(struct harness_bouncer *bouncer);

#endif
