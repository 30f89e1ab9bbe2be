#ifndef QN_APP_PRIVATE_H
#define QN_APP_PRIVATE_H

#include "common/app/app.h"
#include "common/http/httpd.h"
#include "common/loop/signal.h"
#include "common/loop/timer.h"

/* Shared by the files of this room only:
 *
 *   app.c        argv to exit code
 *   shutdown.c   signals; parts drained and closed
 *   admin.c      the operator's port
 *   process.c    what /metrics says of the process itself
 *   notify.c     what systemd is told
 *   health.c     --health
 *   listen_fd.c  sockets handed over
 */

/* The one service that this process is. */
struct qn_life {
    const struct qn_app *app;
    const struct qn_app_settings *settings;
    struct qn_loop *loop;
    struct qn_httpd *admin;
    size_t n_open; /* parts[0] to parts[n_open - 1] are open */
    bool serving;
    int exit_code;

    /* shutdown.c */
    struct qn_signal *signals[2];
    bool stopping;
    uint64_t stopped_ms;  /* when it began */
    uint64_t deadline_ms; /* of draining */
    size_t next;          /* parts below this are still to be drained, or closed */
    uint64_t step_ms;
    struct qn_timer delay;
    struct qn_timer overdue;
    struct qn_later later;
};

/* NULL outside qn_app_run(). */
struct qn_life *qn_life_current(void);

/* shutdown.c */

/* From now on SIGINT and SIGTERM end the service: what is open is drained and closed, then the admin port,
 * then the loop stops. A second one ends the process at once. */
enum qn_status qn_shutdown_listen(struct qn_life *life);
/* Closes the parts that are open and the admin port, without draining; for a start that failed. */
void qn_shutdown_close(struct qn_life *life);

/* admin.c */

enum qn_status qn_admin_open(struct qn_life *life, struct qn_error *err);

/* process.c */

void qn_process_start(struct qn_life *life);
void qn_process_sample(void); /* before /metrics is rendered */
void qn_process_stop(struct qn_life *life);

/* notify.c */

void qn_notify_start(struct qn_life *life); /* parts are open; says "ready" once they all are */
void qn_notify_stopping(void);
void qn_notify_end(void);

/* health.c */

/* Asks the service that listens at 'admin_listen', another process, for /healthz and prints what it says: 0
 * when that is 200, 1 otherwise. Blocks, a few seconds at most. */
int qn_health_ask(const char *admin_listen);

#endif
