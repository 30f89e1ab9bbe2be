#ifndef QN_TESTS_STORE_H
#define QN_TESTS_STORE_H

#include "common/rpc/client.h"
#include "services/profile/pg/pool.h"
#include "services/profile/pg/url.h"
#include "tests/harness/postgres.h"

/* quintet-profile taken apart, for tests of what it serves: a real PostgreSQL, and in this process the real
 * pool, handlers, rpc server and rpc client, over inproc. One at a time; opened in a group's set-up, closed
 * in its tear-down, which proves that nothing is left on the loop. */

/* Whose tables are there. */
enum harness_layout {
    HARNESS_OURS,         /* made by --migrate, as Better Auth's own migration makes them: timestamptz */
    HARNESS_PRISMA,       /* made by Prisma before: timestamp(3) without time zone */
    HARNESS_OTHER_SCHEMA, /* ours, with ?schema= of a name that must be quoted */
};

struct harness_store {
    struct qn_loop *loop;
    struct harness_postgres *postgres;
    PGconn *admin; /* superuser in the application's database, with the service's search_path and in UTC */
    struct pg_url url;
    struct pg_pool *pool;
    struct qn_server *server;
    struct qn_client *client;
    struct qn_arena arena; /* for requests; lives until close */
    size_t outstanding;    /* calls without an answer */
};

void harness_store_open(struct harness_store *store, enum harness_layout layout);
/* The same with more of DATABASE_URL: "&pool_timeout=1". */
void harness_store_open_with(struct harness_store *store, enum harness_layout layout, const char *more);
void harness_store_close(struct harness_store *store);

/* Closes the connections in order; what is asked afterwards is UNAVAILABLE. PostgreSQL then has every
 * backend's statistics. */
void harness_store_drain_pool(struct harness_store *store);

/* A call on its way, and then its answer. Lives until harness_store_close(). */
struct harness_call {
    struct qn_request request;
    struct qn_context ctx;
    struct harness_store *store;
    bool answered;
};

/* 'caller': a user's id, as the gateway would say it; NULL: nobody known. */
struct harness_call *harness_store_start(struct harness_store *store, const struct qn_method *method,
                                         const void *in, const char *caller);
/* Until every call has its answer, or this one. */
void harness_store_wait(struct harness_store *store);
void harness_store_wait_for(struct harness_store *store, const struct harness_call *call);
/* Until the superuser gets this number. */
void harness_store_wait_until(struct harness_store *store, const char *sql, long number);

/* The response to a call that must go well. */
const void *harness_store_ask(struct harness_store *store, const struct qn_method *method, const void *in,
                              const char *caller);

/* A call that must end so. 'reason' may be NULL: any. For INVALID_ARGUMENT 'reason' is instead the fields
 * violated, in order: "display_name birth_date". */
void harness_store_refuse(struct harness_store *store, const struct qn_method *method, const void *in,
                          const char *caller, enum qn_status status, const char *reason);

/* Text in the store's arena. */
char *harness_store_text(struct harness_store *store, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
/* 32 random characters, as Better Auth's ids. */
char *harness_store_id(struct harness_store *store);

/* A new user with a session, made by CreateUser: the user's id, and the session's token if asked for. */
char *harness_store_user(struct harness_store *store, char **ret_token);

/* How often a statement has gone well: quintet_pg_statements_total. */
double harness_store_statements(const char *statement);

/* A number from the database, and statements that must go well, as the superuser. */
long harness_store_number(struct harness_store *store, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
void harness_store_do(struct harness_store *store, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* Set-ups and a tear-down for cmocka's groups, around a test's 'static struct harness_store store'. */
#define HARNESS_STORE_SETUP(name, layout)                                                                    \
    static int name(void **state)                                                                            \
    {                                                                                                        \
        (void)state;                                                                                         \
        harness_store_open(&store, (layout));                                                                \
        return 0;                                                                                            \
    }
#define HARNESS_STORE_SETUPS()                                                                               \
    HARNESS_STORE_SETUP(open_ours, HARNESS_OURS)                                                             \
    HARNESS_STORE_SETUP(open_prisma, HARNESS_PRISMA)                                                         \
    HARNESS_STORE_SETUP(open_other_schema, HARNESS_OTHER_SCHEMA)                                             \
    static int close_store(void **state)                                                                     \
    {                                                                                                        \
        (void)state;                                                                                         \
        harness_store_close(&store);                                                                         \
        return 0;                                                                                            \
    }

/* Runs the tests in each layout; the number of failures. */
#define HARNESS_STORE_RUN(tests)                                                                             \
    (cmocka_run_group_tests_name("our tables", (tests), open_ours, close_store) +                            \
     cmocka_run_group_tests_name("Prisma's tables", (tests), open_prisma, close_store) +                     \
     cmocka_run_group_tests_name("another schema", (tests), open_other_schema, close_store))

#endif
