#ifndef TESTS_PG_FIXTURE_H
#define TESTS_PG_FIXTURE_H

#include "services/profile/pg/private.h"
#include "tests/harness/bouncer.h"
#include "tests/harness/postgres.h"
#include "tests/harness/test.h"

/* The pool of services/profile/pg, within the test process, on a PostgreSQL of the test's own that was
 * provisioned and migrated. One server a process, one pool a test. Tests look at the pool's inside
 * (private.h) and, as the superuser, at the server's. */
struct pg_fixture {
    struct harness_postgres *server;
    PGconn *admin; /* to the application's database */
    struct qn_loop *loop;
    struct pg_url url;
    struct pg_pool *pool;
    size_t n_done; /* asks that have ended since begin */
};
extern struct pg_fixture fix;

/* What main() of a test program is: starts the server with these settings (NULL: none of its own), runs the
 * tests and returns the number of failures. 'prepare' (may be NULL) is what the program wants of a server
 * beyond the table note (id text primary key, body text). A test that fails halfway leaves locks, settings of
 * the role and connections behind, so the next one has another server, prepared as the first was. */
#define pg_fixture_run(tests, settings, prepare)                                                             \
    pg_fixture_run_some(#tests, (tests), sizeof(tests) / sizeof(tests)[0], (settings), (prepare))
int pg_fixture_run_some(const char *group, const struct CMUnitTest *tests, size_t n,
                        const char *const *settings, void (*prepare)(void));

/* Opens a loop and a pool on DATABASE_URL + 'params' ("&connection_limit=1"); the second waits until every
 * connection is up and the pool is ready. */
void pg_fixture_open(const char *params);
void pg_fixture_begin(const char *params);
/* The same on another URL. */
void pg_fixture_open_url(const char *url);
/* Closes the pool, at once. pg_fixture_end() must follow. */
void pg_fixture_close(void);
/* Closes the pool if that was not done, proves that the loop is empty and that the server knows no connection
 * of the role any more. */
void pg_fixture_end(void);

/* Stops the server with a signal of PostgreSQL's, and starts it again. The admin's connection ends with it
 * and is another afterwards. In an orderly end (SIGINT) the admin's locks are let go of and others may get
 * them; in an immediate one (SIGQUIT) nobody gets them any more. */
void pg_fixture_halt(int signal);
void pg_fixture_resume(void);

/* A query of one step, or more, whose outcome is kept. */
struct pg_ask {
    struct pg_query query;
    struct pg_step steps[PG_STEPS_MAX];
    bool done;
    enum qn_status status;
    char text[64]; /* first value of the last step's result; "" for none */
    int rows;      /* of the last step's result */
    size_t order;  /* from 1: it was the n-th to end */
    void (*then)(struct pg_ask *ask);
};

/* pg_ask_start(&ask, &statement, limit_ms, "parameter", …) */
#define pg_ask_start(ask, statement, limit_ms, ...)                                                          \
    pg_ask_start_with((ask), (statement), (limit_ms), (const char *const[]){__VA_ARGS__ __VA_OPT__(, ) NULL})
void pg_ask_start_with(struct pg_ask *ask, const struct pg_statement *statement, uint64_t limit_ms,
                       const char *const *params);
/* Adds a step; then pg_ask_go() starts them as one. */
#define pg_ask_add(ask, statement, ...)                                                                      \
    pg_ask_add_with((ask), (statement), (const char *const[]){__VA_ARGS__ __VA_OPT__(, ) NULL})
void pg_ask_add_with(struct pg_ask *ask, const struct pg_statement *statement, const char *const *params);
void pg_ask_go(struct pg_ask *ask, uint64_t limit_ms);
/* Runs the loop until it has ended. */
void pg_ask_wait(struct pg_ask *ask);
/* Until n of them have. */
void pg_ask_wait_all(struct pg_ask *asks, size_t n);
#define pg_ask_run(ask, ...) (pg_ask_start((ask), __VA_ARGS__), pg_ask_wait(ask))

/* Runs the loop until the superuser's 'sql' gives 'want'; fails the test after 20 s. */
void pg_fixture_until(const char *sql, long want);
/* Runs the loop until it holds; fails the test after 20 s. */
void pg_fixture_until_true(bool (*holds)(void), const char *what);
bool pg_fixture_is_ready(void);
/* Every connection is up, none busy. */
bool pg_fixture_is_idle(void);

/* The text of pg_pool_ready(), in static memory. */
const char *pg_fixture_detail(void);
/* Value of a metric's line ('series' is what stands before the value), 0 when there is none. */
double pg_fixture_metric(const char *series);
/* Log lines since open that hold this text. */
size_t pg_fixture_logged(const char *text);
/* The same as an expectation: it fails with the whole log. */
void pg_fixture_expect_logged(const char *text, size_t want);

/* Ready-made statements. */
extern const struct pg_statement sql_pid;        /* plain SELECT: the backend's pid */
extern const struct pg_statement sql_wait_alone; /* waits for advisory lock $1: alone on its connection */
/* Another kind of write that does the same: the last connection of writes is only lent to one kind. */
extern const struct pg_statement sql_wait_alone_too;
/* The same, but said to be a plain SELECT: stands in for one that takes long, as long as the test wants. */
extern const struct pg_statement sql_wait_shared;
extern const struct pg_statement sql_insert; /* a note: id, body */
extern const struct pg_statement sql_count;  /* plain SELECT: how many notes */

/* How many backends of the role wait for an advisory lock. */
#define SQL_WAITING "select count(*) from pg_locks where locktype = 'advisory' and not granted"
#define SQL_OF_ROLE "select count(*) from pg_stat_activity where usename = 'quintet'"
/* How many wait for us to ask something. One that is just writing an answer, and be it that it is ready, dies
 * of SIGQUIT without a word: it never writes a message within another. */
#define SQL_LISTENING SQL_OF_ROLE " and wait_event = 'ClientRead'"

#endif
