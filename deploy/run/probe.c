#include "deploy/run/probe.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "common/core/check.h"

enum { LIMIT_MS = 1000 };

static const char REQUEST[] = "GET /readyz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n";

/* Reads "HTTP/1.1 503 Service Unavailable\r\n…\r\n\r\nbody": the status, 0 when it is none. */
static int parse(struct qn_str answer, struct qn_str *ret_body)
{
    uint64_t status = 0;
    *ret_body = (struct qn_str){0};
    if (!qn_str_starts(answer, QN_STR("HTTP/1.1 ")) || answer.len < 12 ||
        !qn_str_to_u64(qn_str_n(answer.ptr + 9, 3), &status))
        return 0;
    const char *end = memmem(answer.ptr, answer.len, "\r\n\r\n", 4);
    if (end)
        *ret_body = qn_str_n(end + 4, answer.len - (size_t)(end + 4 - answer.ptr));
    return (int)status;
}

static void let_go(struct run_probe *probe)
{
    qn_timer_cancel(probe->loop, &probe->limit);
    if (probe->poll)
        qn_poll_close(probe->poll);
    probe->poll = NULL;
    if (probe->fd >= 0)
        close(probe->fd);
    probe->fd = -1;
}

static void finish(struct run_probe *probe)
{
    struct qn_str body;
    int status = parse(qn_str_n(probe->answer, probe->len), &body);
    let_go(probe);
    void (*done)(struct run_probe *, int, struct qn_str) = probe->done;
    probe->done = NULL;
    done(probe, status, body);
}

static void on_limit(struct qn_timer *timer)
{
    struct run_probe *probe = container_of(timer, struct run_probe, limit);
    probe->len = 0;
    finish(probe);
}

static void on_refused(struct qn_later *later)
{
    finish(container_of(later, struct run_probe, later));
}

static void receive(struct run_probe *probe)
{
    ssize_t n = recv(probe->fd, probe->answer + probe->len, sizeof probe->answer - probe->len, 0);
    if (n < 0 && (errno == EAGAIN || errno == EINTR))
        return;
    if (n > 0)
        probe->len += (size_t)n;
    if (n <= 0 || probe->len == sizeof probe->answer)
        finish(probe);
}

static void on_event(void *context, int events)
{
    struct run_probe *probe = context;
    if (!probe->sent && (events & QN_WRITABLE)) {
        /* Far smaller than any socket's buffer: all of it or an error. */
        if (send(probe->fd, REQUEST, sizeof REQUEST - 1, MSG_NOSIGNAL) != (ssize_t)sizeof REQUEST - 1) {
            finish(probe);
            return;
        }
        probe->sent = true;
        qn_poll_want(probe->poll, QN_READABLE);
        return;
    }
    receive(probe);
}

void run_probe_start(struct qn_loop *loop, struct run_probe *probe, const struct qn_listen_address *address,
                     void (*done)(struct run_probe *probe, int status, struct qn_str body))
{
    QN_CHECK(!probe->done);
    *probe = (struct run_probe){.loop = loop, .fd = -1, .done = done};
    probe->fd = socket(address->bytes.ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (probe->fd < 0 ||
        (connect(probe->fd, (const struct sockaddr *)&address->bytes, address->len) != 0 &&
         errno != EINPROGRESS) ||
        qn_poll_open(loop, probe->fd, on_event, probe, &probe->poll) != QN_OK) {
        qn_later_start(loop, &probe->later, on_refused);
        return;
    }
    qn_poll_want(probe->poll, QN_WRITABLE);
    qn_timer_start(loop, &probe->limit, LIMIT_MS, on_limit);
}

void run_probe_cancel(struct run_probe *probe)
{
    if (!probe->done)
        return;
    qn_later_cancel(probe->loop, &probe->later);
    let_go(probe);
    probe->done = NULL;
}
