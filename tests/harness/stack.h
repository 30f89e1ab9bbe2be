#ifndef QN_TESTS_STACK_H
#define QN_TESTS_STACK_H

#include "tests/harness/postgres.h"
#include "tests/harness/service.h"

/* The whole path for one test process: a private PostgreSQL, profile, auth, media and gateway, on sockets of
 * their own. The pieces are open to the test, which may stop, kill and start them. Ends with the process. */
struct harness_stack {
    struct harness_postgres *postgres;
    struct harness_service *profile, *auth, *media, *gateway;
    const char *url; /* "http://127.0.0.1:41873", the gateway */

    /* Private from here: what further processes are started with. */
    const char *database_url;
    const char *const *profile_environment, *const *gateway_environment;
    bool hold_http;
};

/* The secret of auth: that of tests/fixtures/better-auth. */
#define HARNESS_STACK_SECRET "rX7vQ2kLm9Tz4Wc8Bn1Hy6Pd3Sf5Ga0Je"

/* Environments are "NAME=value", ended by NULL, and may be NULL; they and the URL must live as long as the
 * stack (harness_text()). */
struct harness_stack_options {
    struct harness_postgres
        *postgres;            /* there already and migrated (harness_tables_start()); NULL: a new one */
    const char *database_url; /* profile's; NULL: the application's, straight to the server */
    const char *const *profile_environment; /* further lines for profile */
    const char *const *gateway_environment; /* further lines for auth and gateway */
    const char *const *media_environment;   /* the same for media */
    bool hold_http; /* the test holds the gateway's socket, as a supervisor does (harness_service_options) */
};

/* The application's URL by way of another port (tcp_proxy), with further parameters ("&pool_timeout=1"; ""
 * for none). Lives as long as the process. */
const char *harness_stack_database_url(const struct harness_postgres *postgres, uint16_t port,
                                       const char *params);

/* Returns when all four are ready. */
void harness_stack_start_with(struct harness_stack *stack, const struct harness_stack_options *options);

/* The same on a new database, with the gateway's environment alone. */
void harness_stack_start(struct harness_stack *stack, const char *const *gateway_environment);

/* The same on a database that is there already, migrated (harness_tables_start()). */
void harness_stack_start_on(struct harness_stack *stack, struct harness_postgres *postgres,
                            const char *const *gateway_environment);

/* One more process beside what runs: profile and auth in the same rpc folder, a gateway on the same socket
 * (which must be held). Does not wait. The stack's own pointers stay as they are; a test that rolls over sets
 * them to the newcomer once the old one has ended. */
struct harness_service *harness_stack_another_profile(struct harness_stack *stack);
struct harness_service *harness_stack_another_auth(struct harness_stack *stack);
struct harness_service *harness_stack_another_gateway(struct harness_stack *stack);

/* Ends the services, each of which must end with 0, and the database. */
void harness_stack_stop(struct harness_stack *stack);

/* Starts profile again after the test has stopped or killed it; does not wait. */
void harness_stack_start_profile(struct harness_stack *stack);

#endif
