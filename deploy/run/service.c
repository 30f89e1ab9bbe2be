#include "deploy/run/service.h"

#include <signal.h>
#include <string.h>

#include "common/core/check.h"
#include "common/core/clock.h"
#include "common/core/log.h"

enum {
    PROBE_SOON_MS = 50, /* while it starts */
    PROBE_LATER_MS = 500,
    SOON_MS = 10000,          /* so long the first of these holds */
    COMPLAIN_EVERY_MS = 10000 /* about one that does not become ready */
};

static void start(struct run_service *service);

/* Readiness. */

static void on_probe_timer(struct qn_timer *timer);

static void complain(struct run_service *service, int status, struct qn_str body)
{
    uint64_t now_ms = qn_clock_now_ms();
    if (now_ms - service->complained_ms < COMPLAIN_EVERY_MS)
        return;
    service->complained_ms = now_ms;
    struct qn_str rest = body, line, why = QN_STR("it does not answer");
    while (status != 0 && qn_str_next(&rest, '\n', &line))
        if (memmem(line.ptr, line.len, ": not ready", 11)) {
            why = line;
            break;
        }
    qn_log(NULL, QN_WARN, "not ready yet", QN_F_C("service", service->name),
           QN_F_INT("for_ms", now_ms - service->asked_since_ms), QN_F_STR("why", why));
}

static void on_probed(struct run_probe *probe, int status, struct qn_str body)
{
    struct run_service *service = container_of(probe, struct run_service, probe);
    if (status == 200) {
        service->ready = true;
        qn_log(NULL, QN_INFO, "ready", QN_F_C("service", service->name), QN_F_INT("pid", service->child.pid),
               QN_F_INT("took_ms", qn_clock_now_ms() - service->child.started_ms));
        service->changed(service);
        return;
    }
    complain(service, status, body);
    bool soon = qn_clock_now_ms() - service->asked_since_ms < SOON_MS;
    qn_timer_start(service->loop, &service->timer, soon ? PROBE_SOON_MS : PROBE_LATER_MS, on_probe_timer);
}

static void on_probe_timer(struct qn_timer *timer)
{
    struct run_service *service = container_of(timer, struct run_service, timer);
    run_probe_start(service->loop, &service->probe, &service->probed, on_probed);
}

/* Life and death. */

static void finish_stop(struct run_service *service)
{
    qn_timer_cancel(service->loop, &service->timer);
    run_probe_cancel(&service->probe);
    void (*stopped)(struct run_service *) = service->stopped;
    service->stopped = NULL;
    if (stopped)
        stopped(service);
}

static void on_restart(struct qn_timer *timer)
{
    start(container_of(timer, struct run_service, timer));
}

static void restart_later(struct run_service *service, uint64_t lived_ms, const char *why)
{
    uint64_t wait_ms = run_backoff_next(&service->backoff, lived_ms);
    qn_log(NULL, QN_ERROR, "a service died; it will be started again", QN_F_C("service", service->name),
           QN_F_C("end", why), QN_F_INT("lived_ms", lived_ms), QN_F_INT("in_ms", wait_ms));
    qn_timer_start(service->loop, &service->timer, wait_ms, on_restart);
}

static void on_ended(struct run_child *child, int status)
{
    struct run_service *service = container_of(child, struct run_service, child);
    char end[RUN_CHILD_END_MAX];
    run_child_end_text(status, end);
    service->ready = false;
    qn_timer_cancel(service->loop, &service->timer);
    run_probe_cancel(&service->probe);
    if (service->stopping) {
        qn_log(NULL, QN_INFO, "stopped", QN_F_C("service", service->name), QN_F_C("end", end));
        finish_stop(service);
        return;
    }
    restart_later(service, qn_clock_now_ms() - child->started_ms, end);
    service->changed(service);
}

static void start(struct run_service *service)
{
    const char *const argv[] = {service->program, NULL};
    struct run_child_options options = {
        .argv = argv,
        .environment = service->environment.entries,
        .fds = {service->admin.fd, service->http.fd},
        .n_fds = service->http.fd > 0 ? 2 : 1,
        .fd_names = service->http.fd > 0 ? "admin:http" : "admin",
        .death_signal = SIGKILL,
    };
    struct qn_error err = {0};
    if (run_child_start(&service->child, &options, &err) != QN_OK) {
        restart_later(service, 0, err.message);
        return;
    }
    qn_log(NULL, QN_INFO, "started", QN_F_C("service", service->name), QN_F_INT("pid", service->child.pid),
           QN_F_C("admin", service->admin.address));
    service->asked_since_ms = service->complained_ms = qn_clock_now_ms();
    qn_timer_start(service->loop, &service->timer, PROBE_SOON_MS, on_probe_timer);
    service->changed(service);
}

void run_service_start(struct run_service *service)
{
    QN_CHECK(qn_listen_parse(service->admin.address, &service->probed)); /* our own text */
    service->child.name = service->name;
    service->child.ended = on_ended;
    start(service);
}

static void on_overdue(struct qn_timer *timer)
{
    struct run_service *service = container_of(timer, struct run_service, timer);
    qn_log(NULL, QN_WARN, "does not stop: killing it", QN_F_C("service", service->name),
           QN_F_INT("pid", service->child.pid));
    run_child_signal(&service->child, SIGKILL);
}

void run_service_stop(struct run_service *service, uint64_t limit_ms,
                      void (*stopped)(struct run_service *service))
{
    service->stopping = true;
    service->stopped = stopped;
    qn_timer_cancel(service->loop, &service->timer);
    run_probe_cancel(&service->probe);
    if (!run_child_running(&service->child)) {
        service->stopped = NULL;
        stopped(service);
        return;
    }
    run_child_signal(&service->child, SIGTERM);
    qn_timer_start(service->loop, &service->timer, limit_ms, on_overdue);
}

void run_service_kill(struct run_service *service)
{
    service->stopping = true;
    run_child_signal(&service->child, SIGKILL);
}
