#ifndef TESTS_HARNESS_POSTGRES_H
#define TESTS_HARNESS_POSTGRES_H

#include <libpq-fe.h>
#include <stdbool.h>
#include <sys/types.h>

/* A private PostgreSQL server for one test process: a cluster of its own in a temporary folder, on a free
 * loopback port and a unix socket, run as an unprivileged user when the test runs as root, without fsync. Its
 * TimeZone is Pacific/Auckland, so that code which forgets to ask for UTC is found out. It dies with the test
 * process, however that ends, and its folder goes with it (or with a later test's start).
 *
 * initdb runs once a build folder; every server starts from a copy.
 *
 * Whatever goes wrong in here ends the test process with a message and the server's log: there is no test
 * without it. Not thread-safe. */
struct harness_postgres;

/* 'settings': "name=value" for the server's -c, ended by NULL; may be NULL. Returns once it takes
 * connections. Neither the application's role nor its database are there yet. */
struct harness_postgres *harness_postgres_start(const char *const *settings);

/* The same, and then `quintet-profile --provision` and `--migrate` as an operator would run them: ready for
 * the service. The test's target must depend on quintet-profile (qn_test(… DEPS qn_harness_postgres) does).
 */
struct harness_postgres *harness_postgres_start_ready(const char *const *settings);

/* postgresql://…; valid until stop. The admin is a superuser and points to the database "postgres"; the
 * application's role and database are both called "quintet". With QUINTET_TEST_PGBOUNCER=1 (tests/run
 * --pgbouncer) the application's goes through a PgBouncer of the test's own and says pgbouncer=true; the
 * admin's stays direct. */
const char *harness_postgres_admin_url(const struct harness_postgres *postgres);
const char *harness_postgres_app_url(const struct harness_postgres *postgres);
/* That PgBouncer; NULL when the application connects directly. Ends with the server. */
struct harness_bouncer *harness_postgres_bouncer(const struct harness_postgres *postgres);
/* PostgreSQL's own port. */
int harness_postgres_port(const struct harness_postgres *postgres);
/* The folder of the unix socket. */
const char *harness_postgres_socket_folder(const struct harness_postgres *postgres);

/* A blocking connection as the superuser to 'database' (NULL: "quintet"), for looking from outside; the
 * caller ends it with PQfinish(). */
PGconn *harness_postgres_admin(const struct harness_postgres *postgres, const char *database);

/* Runs 'sql' on such a connection and returns its first value as a number: 0 when there is no row, or null.
 */
long harness_postgres_number(PGconn *admin, const char *sql);
/* How many connections the application's role holds: to PostgreSQL or, where there is one, to PgBouncer,
 * which keeps its own to PostgreSQL. */
long harness_postgres_held(const struct harness_postgres *postgres);
/* Runs 'sql', which must succeed. */
void harness_postgres_do(PGconn *admin, const char *sql);

/* Stops the server with a signal of PostgreSQL's own (SIGINT: fast, SIGQUIT: immediate) and waits until it is
 * gone; then starts it again, same data, same port. */
void harness_postgres_halt(struct harness_postgres *postgres, int signal);
void harness_postgres_resume(struct harness_postgres *postgres);
/* The postmaster, for SIGSTOP and the like. */
pid_t harness_postgres_pid(const struct harness_postgres *postgres);

/* Kills the server at once and removes its folder. Also done at exit. */
void harness_postgres_stop(struct harness_postgres *postgres);

#endif
