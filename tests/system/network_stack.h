#ifndef QN_TESTS_SYSTEM_NETWORK_STACK_H
#define QN_TESTS_SYSTEM_NETWORK_STACK_H

#include "tests/harness/certificates.h"
#include "tests/harness/network.h"
#include "tests/harness/stack.h"
#include "tests/harness/trial.h"

/* The whole path as in a cluster: each process on a host of its own (harness/network.h), with a certificate
 * of its own; auth and profile twice, behind names that have both addresses; PostgreSQL on the router,
 * reached by name over TCP. What goes wrong in here fails the test. */

#define NETWORK_AUTH     "auth.quintet.test"
#define NETWORK_PROFILE  "profile.quintet.test"
#define NETWORK_DATABASE "database.quintet.test"

enum { NETWORK_RPC_PORT = 7700, NETWORK_REPLICAS = 2 };

/* One process. The test may stop it, and start another in its place. */
struct network_replica {
    struct network_host *host;
    struct certificate_files files;
    struct harness_service *service;
};

struct network_stack {
    struct harness_stack stack; /* of it, what a trial wants: postgres, url, and gateway */
    const char *ca;
    struct network_replica gateway, media, auth[NETWORK_REPLICAS], profile[NETWORK_REPLICAS];
};

/* After network_begin(). Returns when all are ready, and the five connections are shared. */
void network_stack_start(struct network_stack *stack);

/* One more auth or profile, on a new host; with a certificate of these names (NULL: its own). Does not wait,
 * and nobody hears of it: that is network_name()'s. */
struct network_replica network_stack_another_auth(const struct network_stack *stack,
                                                  const char *const *names);
struct network_replica network_stack_another_profile(const struct network_stack *stack);

/* Waits until these processes of profile share the five: all are in use, none has two more than another. */
void network_stack_await_even(struct network_replica *const *profiles, size_t n);

/* How many calls a replica has served: session checks (auth), look-ups of sessions (profile). */
double network_stack_served(const struct network_replica *replica);

/* Waits until each of these replicas has served more than now; 'limit_ms' is the longest wait. */
void network_stack_await_served(struct network_replica *const *replicas, size_t n, unsigned limit_ms);

/* Waits until the gateway has so many peers of a service ("auth") that take calls. */
void network_stack_await_peers(const struct network_replica *of, const char *service, int n,
                               unsigned limit_ms);

/* A trial on it, once the load runs well: 50 requests a second, each with ten seconds, so that a crowded
 * machine is not taken for a fault. With 'patience_ms' they have that. */
struct trial *network_stack_trial(const struct network_stack *stack, const char *name, const char *what);
struct trial *network_stack_trial_with(const struct network_stack *stack, const char *name, const char *what,
                                       unsigned patience_ms);
enum { NETWORK_GOOD_IN_A_ROW = 25, NETWORK_RECOVER_IN_MS = 60000 };
/* Ends it: nothing failed, and no connection of HTTP was closed under a request. */
void network_stack_unnoticed(struct trial *trial);

/* Ends all, each of which must end with 0. */
void network_stack_stop(struct network_stack *stack);

/* For cmocka_run_group_tests(): '*state' is the stack. */
int network_stack_set_up(void **state);
int network_stack_tear_down(void **state);

#endif
