#include "deploy/run/roll.h"

#include <inttypes.h>

#include "common/core/check.h"

static void on_ignored(struct run_service *service)
{
    (void)service;
}

static void finish(struct run_roll *roll, struct run_service *gone)
{
    run_sockets_close(&gone->admin);
    gone->http = (struct run_socket){0}; /* the other one's, too */
    roll->incumbent = roll->successor = NULL;
    void (*stopped)(struct run_roll *) = roll->stopped;
    roll->stopped = NULL;
    if (stopped)
        stopped(roll);
    else
        roll->done(roll, roll->why_not);
}

/* One of the two goes. */

static void on_incumbent_stopped(struct run_service *service)
{
    struct run_roll *roll = service->owner;
    finish(roll, service);
}

static void take_over(struct run_roll *roll)
{
    struct run_service *incumbent = roll->incumbent;
    qn_timer_cancel(roll->loop, &roll->patience);
    roll->successor->owner = incumbent->owner;
    roll->successor->changed = incumbent->changed;
    incumbent->owner = roll;
    incumbent->changed = on_ignored;
    roll->taken_over(roll);
    run_service_stop(incumbent, roll->stop_limit_ms, on_incumbent_stopped);
}

static void on_successor_stopped(struct run_service *service)
{
    struct run_roll *roll = service->owner;
    finish(roll, service);
}

static void give_up(struct run_roll *roll, const char *why)
{
    qn_timer_cancel(roll->loop, &roll->patience);
    roll->why_not = why;
    roll->successor->changed = on_ignored;
    run_service_stop(roll->successor, roll->stop_limit_ms, on_successor_stopped);
}

/* The successor starts. */

static void on_successor_changed(struct run_service *service)
{
    struct run_roll *roll = service->owner;
    if (service->ready)
        take_over(roll);
    else if (!run_child_running(&service->child))
        give_up(roll, "the new one ended before it was ready");
}

static void on_patience(struct qn_timer *timer)
{
    struct run_roll *roll = container_of(timer, struct run_roll, patience);
    qn_error_set(&roll->err, QN_DEADLINE_EXCEEDED, "the new one was not ready within %" PRIu64 " ms",
                 roll->patience_ms);
    give_up(roll, roll->err.message);
}

void run_roll_start(struct run_roll *roll, struct run_service *incumbent, struct run_service *successor)
{
    QN_CHECK(!roll->incumbent && incumbent != successor);
    *successor = (struct run_service){
        .name = incumbent->name,
        .program = incumbent->program,
        .http = incumbent->http,
        .environment = incumbent->environment,
        .loop = roll->loop,
        .changed = on_successor_changed,
        .owner = roll,
    };
    roll->incumbent = incumbent;
    roll->successor = successor;
    roll->why_not = NULL;
    if (run_sockets_open(&successor->admin, "admin port", "127.0.0.1:0", 0, &roll->err) != QN_OK) {
        roll->why_not = roll->err.message;
        finish(roll, successor);
        return;
    }
    qn_timer_start(roll->loop, &roll->patience, roll->patience_ms, on_patience);
    run_service_start(successor);
    if (roll->successor == successor && !run_child_running(&successor->child))
        give_up(roll, "the new one could not be started");
}

void run_roll_stop(struct run_roll *roll, void (*stopped)(struct run_roll *roll))
{
    if (!roll->incumbent) {
        stopped(roll);
        return;
    }
    roll->stopped = stopped;
    if (qn_timer_active(&roll->patience)) /* else one of the two is stopping already */
        give_up(roll, "all is stopped");
}

void run_roll_kill(struct run_roll *roll)
{
    if (!roll->incumbent)
        return;
    run_service_kill(roll->incumbent);
    run_service_kill(roll->successor);
}
