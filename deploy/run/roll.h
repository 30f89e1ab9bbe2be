#ifndef RUN_ROLL_H
#define RUN_ROLL_H

#include "deploy/run/service.h"

/* A service exchanged for a successor while its clients go on: the successor is started beside it, on the
 * same listening socket for clients and an admin port of its own; once it is ready it takes over, and the
 * incumbent is told to stop. One that does not become ready is stopped, and the incumbent stays.
 *
 *   idle → successor starts → ready: taken_over → incumbent stops → done
 *                           → ended, or not ready in time → successor stops → done, with why
 */
struct run_roll {
    struct qn_loop *loop;
    uint64_t patience_ms;   /* until the successor must be ready */
    uint64_t stop_limit_ms; /* as in run_service_stop() */
    /* The successor is the service from now on: with the incumbent's owner and callback. */
    void (*taken_over)(struct run_roll *roll);
    /* Over; 'why_not' says why the incumbent stayed, or is NULL. Perhaps before run_roll_start() returns. */
    void (*done)(struct run_roll *roll, const char *why_not);

    struct run_service *incumbent, *successor; /* NULL: idle */
    struct qn_timer patience;
    const char *why_not;
    struct qn_error err; /* holds its text */
    void (*stopped)(struct run_roll *roll);
};

/* Requires: idle; everything above 'incumbent' is set; an incumbent that was started; a successor that is not
 * running, whose memory is overwritten. When it is done, the one of the two that has gone holds no sockets.
 */
void run_roll_start(struct run_roll *roll, struct run_service *incumbent, struct run_service *successor);

/* Ends it: 'stopped' once only one of the two is left, perhaps before this returns; 'done' does not follow.
 */
void run_roll_stop(struct run_roll *roll, void (*stopped)(struct run_roll *roll));

/* SIGKILL for both. */
void run_roll_kill(struct run_roll *roll);

#endif
