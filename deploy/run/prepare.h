#ifndef RUN_PREPARE_H
#define RUN_PREPARE_H

#include "common/loop/timer.h"
#include "deploy/run/backoff.h"
#include "deploy/run/child.h"

/* The database's role and schema, before any service starts: quintet-profile --provision, where there is an
 * admin to do it as, then --migrate. A database that cannot be reached is waited for, as the services do it
 * themselves; one that answers and refuses is an error. Zero it first. */
struct run_prepare {
    struct qn_loop *loop;
    const char *program; /* quintet-profile */
    const char *url;
    const char *admin_url; /* "": nobody to provision as, and the tables are those of url's role */

    struct run_child child;
    size_t step;
    struct run_backoff backoff;
    struct qn_timer timer; /* to the next try */
    void (*done)(struct run_prepare *prepare, const struct qn_error *err);
    void (*stopped)(struct run_prepare *prepare);
};

/* Requires: everything above 'child' is set. done: once, 'err' NULL when the services may start; perhaps
 * before this returns. */
void run_prepare_start(struct run_prepare *prepare,
                       void (*done)(struct run_prepare *prepare, const struct qn_error *err));

/* 'stopped' once nothing runs any more, perhaps before this returns; 'done' does not follow. */
void run_prepare_stop(struct run_prepare *prepare, void (*stopped)(struct run_prepare *prepare));

void run_prepare_kill(struct run_prepare *prepare);

#endif
