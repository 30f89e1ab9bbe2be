#ifndef TESTS_HANDOVER_FIXTURE_H
#define TESTS_HANDOVER_FIXTURE_H

#include "tests/harness/crowd.h"
#include "tests/harness/postgres.h"
#include "tests/harness/service.h"
#include "tests/harness/test.h"

/* Several quintet-profile processes on one PostgreSQL of the test's own, one folder of sockets, and a watch
 * on how many connections the role has. One server a process, one watch a test. */
enum { HANDOVER_BUDGET = 5, HANDOVER_MAX = 8 };

struct handover_fixture {
    struct harness_postgres *server;
    PGconn *admin;
    struct crowd_watch *watch;
    struct harness_service *list[HANDOVER_MAX]; /* those that were started, in order; ended ones too */
    size_t n;
};
extern struct handover_fixture fix;

void handover_server(void);
void handover_begin(void);
/* Ends what still runs, which must end with 0 and leave no connection behind, and proves that there never
 * were more than five. */
void handover_end(void);

/* Starts one more; 'params' is added to DATABASE_URL ("" for nothing), 'more' to the environment (may be
 * NULL). Does not wait. */
struct harness_service *handover_start(const char *params, const char *more);
/* The same on another address than the folder of all. */
struct harness_service *handover_start_at(const char *listen, const char *more);
/* In the folder, and waits until it is ready. */
struct harness_service *handover_start_ready(void);

/* Waits until the processes that run have so many connections, in any order, as the server counts them; the
 * last argument is -1. Fails after 30 s. */
void handover_await(const int *shares);
#define HANDOVER_AWAIT(...) handover_await((const int[]){__VA_ARGS__, -1})

/* How many connections the server has of this process. */
int handover_held(struct harness_service *service);

/* Stops and starts PostgreSQL; the watch begins anew. */
void handover_restart_database(void);

/* SIGTERM; it must end with 0, and with no connection left. */
void handover_stop(struct harness_service *service);
void handover_kill(struct harness_service *service);

#endif
