#include <signal.h>
#include <unistd.h>

#include "common/app/private.h"
#include "common/core/check.h"
#include "common/core/clock.h"
#include "common/core/log.h"

/* The end of a service, a step after the other, in reverse order of opening:
 *
 *   signal → stopping (not ready) → QUINTET_SHUTDOWN_DELAY → drain parts[n-1] … parts[0] → close parts[n-1] …
 * parts[0] → close the admin port → the loop runs empty
 *
 * The delay is for load balancers that learn from /readyz, or with some delay from whoever sends the signal
 * (Kubernetes): they send new connections for a moment more, and a draining HTTP server takes none.
 *
 * Draining shares one deadline. A part that keeps neither its drain's limit nor an end to its close is a bug;
 * a process that hangs over it would keep its database slots, so a moment later it exits all the same. */

enum { OVERDUE_MS = 5000, ADMIN_DRAIN_MS = 500 };

static void begin(struct qn_life *life, const char *why);
static void drain_next(struct qn_life *life);
static void close_next(struct qn_life *life);

static const char *signal_name(int number)
{
    return number == SIGINT ? "SIGINT" : "SIGTERM";
}

static void on_signal(void *context, int number)
{
    struct qn_life *life = context;
    if (life->stopping) {
        qn_log(NULL, QN_WARN, "second signal: exiting at once", QN_F_C("signal", signal_name(number)));
        _exit(128 + number);
    }
    begin(life, signal_name(number));
}

enum qn_status qn_shutdown_listen(struct qn_life *life)
{
    QN_TRY(qn_signal_open(life->loop, SIGINT, on_signal, life, &life->signals[0]));
    return qn_signal_open(life->loop, SIGTERM, on_signal, life, &life->signals[1]);
}

static void forget_signals(struct qn_life *life)
{
    for (size_t i = 0; i < 2; i++) {
        if (life->signals[i])
            qn_signal_close(life->signals[i]);
        life->signals[i] = NULL;
    }
}

static void on_overdue(struct qn_timer *timer)
{
    const struct qn_life *life = container_of(timer, struct qn_life, overdue);
    qn_log(NULL, QN_ERROR, "a part does not end: exiting without it",
           QN_F_C("part", life->next > 0 ? life->app->parts[life->next - 1]->name : "admin"));
    _exit(1);
}

/* Admin: the last to go, so that the operator can watch the others. */

static void on_admin_closed(void *context)
{
    struct qn_life *life = context;
    life->admin = NULL;
    qn_timer_cancel(life->loop, &life->overdue);
    forget_signals(life);
    qn_process_stop(life);
    qn_notify_end();
    qn_loop_stop(life->loop);
}

static void on_admin_drained(void *context)
{
    struct qn_life *life = context;
    qn_httpd_close(life->admin, on_admin_closed, life);
}

static void close_admin(struct qn_life *life)
{
    if (life->admin)
        qn_httpd_drain(life->admin, ADMIN_DRAIN_MS, on_admin_drained, life);
    else
        on_admin_closed(life);
}

/* Closing. */

static void on_part_closed(struct qn_part *part)
{
    struct qn_life *life = qn_life_current();
    qn_log(NULL, QN_DEBUG, "part closed", QN_F_C("part", part->name),
           QN_F_INT("took_ms", qn_clock_now_ms() - life->step_ms));
    life->next--;
    life->n_open--;
    close_next(life);
}

static void close_next(struct qn_life *life)
{
    while (life->next > 0) {
        struct qn_part *part = life->app->parts[life->next - 1];
        life->step_ms = qn_clock_now_ms();
        if (part->close) {
            part->close(part, on_part_closed);
            return;
        }
        life->next--;
        life->n_open--;
    }
    close_admin(life);
}

static void start_closing(struct qn_life *life)
{
    life->next = life->n_open;
    qn_timer_start(life->loop, &life->overdue, OVERDUE_MS, on_overdue);
    close_next(life);
}

/* Draining. */

static void on_part_drained(struct qn_part *part)
{
    struct qn_life *life = qn_life_current();
    qn_log(NULL, QN_DEBUG, "part drained", QN_F_C("part", part->name),
           QN_F_INT("took_ms", qn_clock_now_ms() - life->step_ms));
    life->next--;
    drain_next(life);
}

static void drain_next(struct qn_life *life)
{
    while (life->next > 0) {
        struct qn_part *part = life->app->parts[life->next - 1];
        life->step_ms = qn_clock_now_ms();
        if (part->drain) {
            part->drain(part, qn_clock_left_ms(life->deadline_ms), on_part_drained);
            return;
        }
        life->next--;
    }
    start_closing(life);
}

static void on_begin(struct qn_timer *timer)
{
    drain_next(container_of(timer, struct qn_life, delay));
}

static void begin(struct qn_life *life, const char *why)
{
    life->stopping = true;
    life->stopped_ms = qn_clock_now_ms();
    uint64_t delay_ms = (uint64_t)life->settings->shutdown_delay_ms;
    uint64_t limit_ms = (uint64_t)life->settings->shutdown_timeout_ms;
    life->deadline_ms = life->stopped_ms + delay_ms + limit_ms;
    life->next = life->n_open;
    qn_log(NULL, QN_INFO, "stopping", QN_F_C("signal", why), QN_F_INT("delay_ms", delay_ms),
           QN_F_INT("limit_ms", limit_ms));
    qn_notify_stopping();
    qn_timer_start(life->loop, &life->overdue, delay_ms + limit_ms + OVERDUE_MS, on_overdue);
    qn_timer_start(life->loop, &life->delay, delay_ms, on_begin);
}

static void on_close(struct qn_later *later)
{
    start_closing(container_of(later, struct qn_life, later));
}

void qn_shutdown_close(struct qn_life *life)
{
    life->stopping = true;
    life->stopped_ms = qn_clock_now_ms();
    qn_later_start(life->loop, &life->later, on_close);
}
