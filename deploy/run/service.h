#ifndef RUN_SERVICE_H
#define RUN_SERVICE_H

#include "common/loop/timer.h"
#include "deploy/run/backoff.h"
#include "deploy/run/child.h"
#include "deploy/run/environment.h"
#include "deploy/run/probe.h"
#include "deploy/run/sockets.h"

/* One service under supervision: started, asked for its readiness until it has it, started again when it
 * dies, stopped. Its sockets are held here and outlive it. */
struct run_service {
    const char *name;    /* "profile" */
    const char *program; /* its path */
    struct run_socket admin;
    struct run_socket http; /* fd 0: it has none */
    struct run_environment environment;
    struct qn_loop *loop;
    /* It became ready, died, or runs with another pid. */
    void (*changed)(struct run_service *service);
    void *owner;

    struct run_child child;
    struct run_backoff backoff;
    struct run_probe probe;
    struct qn_listen_address probed;
    struct qn_timer timer; /* to the next probe, start or, stopping, the last resort */
    bool ready;
    uint64_t asked_since_ms;
    uint64_t complained_ms;
    bool stopping;
    void (*stopped)(struct run_service *service);
};

/* Requires: everything above 'child' is set. A start that fails is tried again, like a death. */
void run_service_start(struct run_service *service);

/* SIGTERM, and after 'limit_ms' SIGKILL; 'stopped' once it does not run any more, perhaps before this
 * returns. */
void run_service_stop(struct run_service *service, uint64_t limit_ms,
                      void (*stopped)(struct run_service *service));

/* SIGKILL, and no new start. */
void run_service_kill(struct run_service *service);

#endif
