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
};

/* The secret of auth: that of tests/fixtures/better-auth. */
#define HARNESS_STACK_SECRET "rX7vQ2kLm9Tz4Wc8Bn1Hy6Pd3Sf5Ga0Je"

/* 'gateway_environment': further "NAME=value" for auth and gateway, ended by NULL; may be NULL. Returns when
 * all four are ready. */
void harness_stack_start(struct harness_stack *stack, const char *const *gateway_environment);

/* The same on a database that is there already, migrated (harness_tables_start()). */
void harness_stack_start_on(struct harness_stack *stack, struct harness_postgres *postgres,
                            const char *const *gateway_environment);

/* Ends the services, each of which must end with 0, and the database. */
void harness_stack_stop(struct harness_stack *stack);

/* Starts profile again after the test has stopped or killed it; does not wait. */
void harness_stack_start_profile(struct harness_stack *stack);

#endif
