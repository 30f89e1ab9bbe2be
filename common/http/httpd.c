#include "common/http/httpd.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <unistd.h>

#include "common/core/check.h"
#include "common/core/clock.h"
#include "common/core/log.h"
#include "common/http/private.h"

/* How often libmicrohttpd may say "once more" before the loop's other work has its turn. */
enum { RUNS_A_TURN = 8 };

/* The next turn when it says that for ever: see qn_connection_suspect(). What happens on a socket is still
 * seen at once.
 */
enum { STUCK_PAUSE_MS = 100 };

/* Descriptors left for everything that is not a connection: log, sockets of the other rooms, files in reply.
 */
enum { DESCRIPTORS_KEPT = 128, CONNECTIONS_MIN = 16 };

static struct qn_metric requests_total = {.name = "quintet_http_requests_total",
                                          .help = "HTTP requests answered",
                                          .kind = QN_COUNTER,
                                          .labels = {"server", "code"}};
static struct qn_metric connections_now = {.name = "quintet_http_connections",
                                           .help = "HTTP connections open",
                                           .kind = QN_GAUGE,
                                           .labels = {"server"}};
static struct qn_metric request_seconds = {.name = "quintet_http_request_seconds",
                                           .help = "From the whole request to the answer",
                                           .kind = QN_HISTOGRAM,
                                           .labels = {"server"}};

/* Running libmicrohttpd.
 *
 * Its epoll descriptor is level-triggered for us, so it is run whenever that is readable; it is run again
 * while it says that work is left (a timeout of 0: connections it has read ahead of, or that can be written
 * at once), and while something changed that it does not count: a resumed connection, and a closed one,
 * because the listening socket, taken out of its epoll set at the connection limit, comes back only in a run
 * after the one that closed. No other timeout ever comes from it: it is told none (connection.c has the
 * deadlines). */

static void on_next_turn(struct qn_timer *timer);

static void run(struct qn_httpd *httpd)
{
    QN_CHECK(!httpd->running);
    bool more = true;
    uint64_t news = httpd->news;
    for (int i = 0; i < RUNS_A_TURN && more; i++) {
        httpd->again = false;
        httpd->running = true;
        MHD_run(httpd->daemon);
        httpd->running = false;
        MHD_UNSIGNED_LONG_LONG timeout_ms = 0;
        more = httpd->again || (MHD_get_timeout(httpd->daemon, &timeout_ms) == MHD_YES && timeout_ms == 0);
    }
    bool stuck = more && httpd->news == news && qn_connection_suspect(httpd);
    if (more)
        qn_timer_start(httpd->loop, &httpd->next_turn, stuck ? STUCK_PAUSE_MS : 0, on_next_turn);
}

static void on_next_turn(struct qn_timer *timer)
{
    run(container_of(timer, struct qn_httpd, next_turn));
}

static void on_readable(void *context, int events)
{
    (void)events;
    run(context);
}

static void on_soon(struct qn_later *later)
{
    run(container_of(later, struct qn_httpd, soon));
}

void qn_httpd_run_soon(struct qn_httpd *httpd)
{
    if (httpd->running)
        httpd->again = true;
    else if (!httpd->closing)
        qn_later_start(httpd->loop, &httpd->soon, on_soon);
}

/* Opening. */

/* The default logger of libmicrohttpd's panics aborts as well; this one says so in our log. Panics are its
 * own broken invariants and calls of ours against its rules, never bytes of a peer. */
static void on_panic(void *context, const char *file, unsigned line, const char *reason)
{
    (void)context;
    qn_log(NULL, QN_ERROR, "libmicrohttpd gave up", QN_F_C("file", file), QN_F_INT("line", line),
           QN_F_C("reason", reason));
    abort();
}

/* Targets are handed on as they were sent. */
static size_t leave_escapes(void *context, struct MHD_Connection *mhd, char *text)
{
    (void)context;
    (void)mhd;
    return strlen(text);
}

static void set_defaults(struct qn_httpd_options *options)
{
    if (options->connections_max == 0)
        options->connections_max = 4096;
    if (options->body_max_bytes == 0)
        options->body_max_bytes = 1024 * 1024;
    if (options->bodies_max_bytes == 0)
        options->bodies_max_bytes = 16 * options->body_max_bytes;
    if (options->head_max_bytes == 0)
        options->head_max_bytes = 16 * 1024;
    if (options->idle_timeout_s == 0)
        options->idle_timeout_s = 75;
    if (options->arena_max_bytes == 0)
        options->arena_max_bytes = 8 * 1024 * 1024;
}

/* accept() must not fail for want of descriptors: libmicrohttpd would then stop accepting until some
 * connection closes, and with none open spin. */
static void fit_descriptors(struct qn_httpd_options *options)
{
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur == RLIM_INFINITY ||
        options->connections_max + DESCRIPTORS_KEPT <= limit.rlim_cur)
        return;
    unsigned fitting = CONNECTIONS_MIN;
    if (limit.rlim_cur > DESCRIPTORS_KEPT + CONNECTIONS_MIN)
        fitting = (unsigned)limit.rlim_cur - DESCRIPTORS_KEPT;
    qn_log(NULL, QN_WARN, "fewer HTTP connections than set: RLIMIT_NOFILE", QN_F_C("server", options->name),
           QN_F_INT("set", options->connections_max), QN_F_INT("now", fitting),
           QN_F_INT("nofile", limit.rlim_cur));
    if (fitting < options->connections_max)
        options->connections_max = fitting;
}

static enum qn_status open_socket(struct qn_httpd *httpd, struct qn_error *err)
{
    if (httpd->options.listen_fd > 0) {
        httpd->listen_fd = httpd->options.listen_fd;
        /* Handed over across exec, so it has no close-on-exec mark; our own children must not inherit it. */
        if (fcntl(httpd->listen_fd, F_SETFD, FD_CLOEXEC) != 0 ||
            !qn_listen_text(httpd->listen_fd, httpd->address))
            return qn_error_set(err, QN_INVALID_ARGUMENT, "descriptor %d is not a listening TCP socket",
                                httpd->listen_fd);
        return QN_OK;
    }
    QN_TRY(qn_listen_open(httpd->options.listen, &httpd->listen_fd, err));
    httpd->own_listen_fd = true;
    if (!qn_listen_text(httpd->listen_fd, httpd->address))
        return qn_error_set(err, QN_INTERNAL, "getsockname: %s", strerror(errno));
    return QN_OK;
}

/* libmicrohttpd keeps a connection's request head, what it parsed of it (a 64-byte record for every header
 * and cookie, and a copy of the cookies) and the head of the reply in one pool of this size, which
 * it clears for every request: too large a pool costs time, too small a one refuses heads. */
static size_t pool_bytes(size_t head_max_bytes)
{
    return head_max_bytes + head_max_bytes / 2 + QN_REPLY_HEAD_MAX;
}

static enum qn_status start_daemon(struct qn_httpd *httpd, struct qn_error *err)
{
    httpd->pool_bytes = pool_bytes(httpd->options.head_max_bytes);
    httpd->daemon = MHD_start_daemon(
        MHD_USE_EPOLL | MHD_ALLOW_SUSPEND_RESUME | MHD_USE_ERROR_LOG, 0, NULL, NULL, qn_exchange_on_request,
        httpd, MHD_OPTION_EXTERNAL_LOGGER, qn_refuse_log, httpd, MHD_OPTION_LISTEN_SOCKET, httpd->listen_fd,
        MHD_OPTION_CONNECTION_LIMIT, httpd->options.connections_max, MHD_OPTION_CONNECTION_MEMORY_LIMIT,
        httpd->pool_bytes, MHD_OPTION_CONNECTION_TIMEOUT, 0u, MHD_OPTION_NOTIFY_CONNECTION,
        qn_connection_notify, httpd, MHD_OPTION_NOTIFY_COMPLETED, qn_exchange_on_completed, httpd,
        MHD_OPTION_URI_LOG_CALLBACK, qn_exchange_on_line, httpd, MHD_OPTION_UNESCAPE_CALLBACK, leave_escapes,
        NULL, MHD_OPTION_STRICT_FOR_CLIENT, 1, MHD_OPTION_SIGPIPE_HANDLED_BY_APP, 1, MHD_OPTION_END);
    if (!httpd->daemon)
        return qn_error_set(err, QN_INTERNAL, "libmicrohttpd did not start (its log lines say why)");
    const union MHD_DaemonInfo *info = MHD_get_daemon_info(httpd->daemon, MHD_DAEMON_INFO_EPOLL_FD);
    QN_TRY(qn_poll_open(httpd->loop, info->epoll_fd, on_readable, httpd, &httpd->poll));
    qn_poll_want(httpd->poll, QN_READABLE);
    return qn_connection_watch_open(httpd);
}

static void find_series(struct qn_httpd *httpd)
{
    static const char *const classes[QN_CODE_CLASSES] = {"2xx", "3xx", "4xx", "5xx"};
    for (int i = 0; i < QN_CODE_CLASSES; i++)
        httpd->requests[i] = qn_metric_series(&requests_total, httpd->options.name, classes[i], NULL);
    httpd->connections_gauge = qn_metric_series(&connections_now, httpd->options.name, NULL, NULL);
    httpd->seconds = qn_metric_series(&request_seconds, httpd->options.name, NULL, NULL);
}

/* Takes down what start_daemon put up. The listening socket is let go first, and only then closed, if it is
 * ours: MHD_stop_daemon would close it. */
static void stop(struct qn_httpd *httpd)
{
    if (httpd->poll)
        qn_poll_close(httpd->poll);
    if (httpd->daemon) {
        MHD_quiesce_daemon(httpd->daemon);
        MHD_stop_daemon(httpd->daemon);
    }
    qn_connection_watch_close(httpd);
    if (httpd->own_listen_fd)
        close(httpd->listen_fd);
    free(httpd);
}

enum qn_status qn_httpd_open(struct qn_loop *loop, const struct qn_httpd_options *options,
                             struct qn_httpd **ret_httpd, struct qn_error *err)
{
    QN_CHECK(options->name && options->handle);
    struct qn_httpd *httpd = calloc(1, sizeof *httpd);
    if (!httpd)
        return qn_error_set(err, QN_RESOURCE_EXHAUSTED, "no memory");
    httpd->loop = loop;
    httpd->hangup_fd = -1;
    httpd->options = *options;
    set_defaults(&httpd->options);
    fit_descriptors(&httpd->options);
    httpd->drain_max_bytes = 16 * (uint64_t)httpd->options.body_max_bytes;
    qn_list_init(&httpd->connections);
    qn_list_init(&httpd->hung_up);
    find_series(httpd);

    MHD_set_panic_func(on_panic, NULL);
    signal(SIGPIPE, SIG_IGN); /* sendfile(2) has no MSG_NOSIGNAL */
    enum qn_status status = open_socket(httpd, err);
    if (status == QN_OK)
        status = start_daemon(httpd, err);
    if (status != QN_OK) {
        if (err && err->status == QN_OK)
            qn_error_set(err, status, "%s", qn_status_name(status));
        stop(httpd);
        return status;
    }
    *ret_httpd = httpd;
    return QN_OK;
}

const char *qn_httpd_address(const struct qn_httpd *httpd)
{
    return httpd->address;
}

/* Draining. A client that sends its next request in the very moment in which its idle connection is closed
 * loses that request, and HTTP clients do not send a POST again. So an idle connection is left a while: what
 * is asked on it meanwhile is answered, with "Connection: close"; what is not asked by then will hardly be,
 * because the clients that this is for close what they do not use. */

static void on_drained(struct qn_later *later)
{
    struct qn_httpd *httpd = container_of(later, struct qn_httpd, drain_later);
    qn_timer_cancel(httpd->loop, &httpd->drain_limit);
    void (*drained)(void *context) = httpd->drained;
    httpd->drained = NULL;
    if (drained)
        drained(httpd->drained_context);
}

static void on_drain_limit(struct qn_timer *timer)
{
    struct qn_httpd *httpd = container_of(timer, struct qn_httpd, drain_limit);
    qn_log(NULL, QN_WARN, "HTTP connections left when the wait ended", QN_F_C("server", httpd->options.name),
           QN_F_INT("connections", httpd->connections.len));
    qn_later_start(httpd->loop, &httpd->drain_later, on_drained);
}

void qn_httpd_drain(struct qn_httpd *httpd, uint64_t limit_ms, void (*drained)(void *context), void *context)
{
    QN_CHECK(!httpd->draining && !httpd->closing);
    httpd->draining = true;
    httpd->drained = drained;
    httpd->drained_context = context;
    httpd->drain_idle_ms = httpd->options.drain_idle_ms;
    if (httpd->drain_idle_ms > limit_ms / 2)
        httpd->drain_idle_ms = limit_ms / 2;
    MHD_quiesce_daemon(httpd->daemon);
    if (!httpd->running)
        run(httpd); /* what has arrived by now is still taken */
    qn_connection_drain(httpd);
    if (qn_list_empty(&httpd->connections))
        qn_later_start(httpd->loop, &httpd->drain_later, on_drained);
    else
        qn_timer_start(httpd->loop, &httpd->drain_limit, limit_ms, on_drain_limit);
}

void qn_httpd_connection_left(struct qn_httpd *httpd)
{
    httpd->again = true;
    httpd->news++;
    if (httpd->drained && !httpd->closing && qn_list_empty(&httpd->connections))
        qn_later_start(httpd->loop, &httpd->drain_later, on_drained);
}

/* Closing. libmicrohttpd panics when it is stopped with suspended connections, so every one is resumed first,
 * with nothing to say. */

static void on_close(struct qn_later *later)
{
    struct qn_httpd *httpd = container_of(later, struct qn_httpd, close_later);
    qn_list_each (node, &httpd->connections) {
        struct qn_connection *connection = container_of(node, struct qn_connection, node);
        if (connection->exchange && connection->exchange->step == QN_STEP_HANDLING)
            qn_exchange_abandon(connection->exchange);
    }
    qn_timer_cancel(httpd->loop, &httpd->sweep);
    qn_timer_cancel(httpd->loop, &httpd->next_turn);
    qn_timer_cancel(httpd->loop, &httpd->drain_limit);
    qn_later_cancel(httpd->loop, &httpd->soon);
    qn_later_cancel(httpd->loop, &httpd->hangup_later);
    qn_later_cancel(httpd->loop, &httpd->drain_later);
    void (*closed)(void *context) = httpd->closed;
    void *context = httpd->closed_context;
    stop(httpd);
    if (closed)
        closed(context);
}

void qn_httpd_close(struct qn_httpd *httpd, void (*closed)(void *context), void *context)
{
    QN_CHECK(!httpd->closing);
    httpd->closing = true;
    httpd->closed = closed;
    httpd->closed_context = context;
    qn_later_start(httpd->loop, &httpd->close_later, on_close);
}
