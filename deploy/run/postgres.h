#ifndef RUN_POSTGRES_H
#define RUN_POSTGRES_H

#include "common/core/arena.h"
#include "common/loop/timer.h"
#include "deploy/run/backoff.h"
#include "deploy/run/child.h"
#include "deploy/run/cluster.h"

/* The embedded PostgreSQL: initdb at the first start, then a server on the unix socket in its folder and on a
 * free loopback port, until it is stopped. One that dies is started again. */
struct run_postgres {
    struct qn_loop *loop;
    struct qn_arena *arena;
    struct run_cluster cluster;
    int port;
    const char *app_url;   /* the role "quintet", over the loopback port, with a password of this start */
    const char *admin_url; /* the superuser, over the unix socket; database "quintet" */
    const char *setup_url; /* the same; database "postgres", which is always there */

    struct run_child child; /* initdb, then the server */
    struct run_backoff backoff;
    struct qn_timer timer;
    unsigned starts;
    bool up;
    bool stopping;
    void (*started)(struct run_postgres *postgres, const struct qn_error *err);
    void (*again)(struct run_postgres *postgres);
    void (*stopped)(struct run_postgres *postgres);
};

QN_MUST_USE enum qn_status run_postgres_open(struct run_postgres *postgres, struct qn_loop *loop,
                                             struct qn_arena *arena, const char *run_dir,
                                             struct qn_error *err);

/* 'started' once: when it takes connections ('err' NULL), or will not. Not before this returns. 'again' each
 * time that it takes connections after a death, with another pid. */
void run_postgres_start(struct run_postgres *postgres,
                        void (*started)(struct run_postgres *postgres, const struct qn_error *err),
                        void (*again)(struct run_postgres *postgres));

/* PostgreSQL's fast shutdown; 'stopped' once nothing runs any more, perhaps before this returns. */
void run_postgres_stop(struct run_postgres *postgres, void (*stopped)(struct run_postgres *postgres));

/* Its immediate one: what is lost is won back from its log at the next start. */
void run_postgres_kill(struct run_postgres *postgres);

#endif
