#ifndef RUN_PROBE_H
#define RUN_PROBE_H

#include "common/core/listen.h"
#include "common/core/str.h"
#include "common/loop/poll.h"
#include "common/loop/timer.h"

/* One GET /readyz of a service's admin port. Embed it; zero it first. */
struct run_probe {
    struct qn_loop *loop;
    struct qn_poll *poll;
    struct qn_timer limit;
    struct qn_later later;
    int fd;
    bool sent;
    int status; /* of HTTP; 0: no answer */
    size_t len;
    char answer[4096];
    void (*done)(struct run_probe *probe, int status, struct qn_str body);
};

/* done: the HTTP status and body, once; status 0 when there was no answer within a second. */
void run_probe_start(struct qn_loop *loop, struct run_probe *probe, const struct qn_listen_address *address,
                     void (*done)(struct run_probe *probe, int status, struct qn_str body));
/* No callback follows. */
void run_probe_cancel(struct run_probe *probe);

#endif
