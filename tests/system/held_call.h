#ifndef QN_TESTS_HELD_CALL_H
#define QN_TESTS_HELD_CALL_H

#include <libpq-fe.h>
#include <pthread.h>
#include <stdatomic.h>

#include "tests/harness/http.h"
#include "tests/harness/people.h"

/* Calls that wait for a lock which the test holds, while others are made. For tests of who waits behind whom,
 * judged by the order in which things end. One stack a process. */

#define AUTH    "/quintet.auth.v1.AuthService/"
#define PROFILE "/quintet.profile.v1.ProfileService/"

struct held_fixture {
    struct harness_stack stack;
    const struct harness_person *people;
    PGconn *admin;  /* to look */
    PGconn *holder; /* to lock */
};
extern struct held_fixture fix;

/* cmocka's, for the group. */
int held_set_up(void **state);
int held_tear_down(void **state);

/* A call that waits, on a thread of its own. */
struct held {
    pthread_t thread;
    const char *method, *cookie;
    char json[128];
    atomic_bool ended;
    struct harness_http_reply reply;
};

void held_start(struct held *held, const char *method, const struct harness_person *person, const char *json);
/* Waits for its end, which must be at its deadline: DEADLINE_EXCEEDED. */
void held_let_go(struct held *held);

/* Waits for its end, which must be a failure, whenever it comes. */
void held_give_up(struct held *held);

/* Waits until so many of the role's connections wait for a lock. */
void held_await_waiting(long n);
long held_waiting(void);

/* A call that must be answered well, and while 'held' still waits (NULL: it does not matter). */
void held_call(const struct held *held, const char *method, const struct harness_person *person,
               const char *json, const char *expect);
void held_sign_in(const struct held *held, const struct harness_person *person);

#endif
