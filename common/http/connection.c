#include <linux/tcp.h> /* for what glibc's struct tcp_info lacks */
#include <netinet/in.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/core/check.h"
#include "common/core/clock.h"
#include "common/http/private.h"

/* Whose turn it is on a connection, and until when.
 *
 *   WAITING ──request line──▶ RECEIVING ──all of it──▶ HANDLING ──reply──▶ SENDING ──sent──▶ WAITING
 *
 * (and WAITING ◀──▶ PARKED, which parking.c has).
 *
 * Every phase but HANDLING has a deadline, one idle timeout from its begin. When it has passed, a connection
 * that waits, or whose head is not complete, is cut; a body and an answer get another such time whenever at
 * least QN_FLOW_BYTES_PER_S have flowed in the last. (libmicrohttpd's own timeout starts anew with every
 * byte, so a client that sends one now and then could hold a connection for ever; it is switched off.) A
 * sweep a second over all connections finds the late ones.
 *
 * While the owner works, libmicrohttpd watches nothing on the connection. So each socket is also in an epoll
 * set of ours, edge-triggered, for the one event that matters then: the other end hung up. A client that only
 * closes its sending half cannot be told from one that is gone; as in nginx, it is taken for gone. */

enum { SWEEP_MS = 1000, HANGUPS_A_TURN = 64 };

static void on_sweep(struct qn_timer *timer);

static void start_sweep(struct qn_httpd *httpd)
{
    if (!qn_timer_active(&httpd->sweep) && !httpd->closing)
        qn_timer_start(httpd->loop, &httpd->sweep, SWEEP_MS, on_sweep);
}

/* What the other end has taken of all that was ever sent here: what the kernel still holds does not count. */
static uint64_t acknowledged_bytes(int fd)
{
    struct tcp_info info = {0};
    socklen_t len = sizeof info;
    if (getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &len) != 0)
        return 0;
    return info.tcpi_bytes_acked;
}

/* Whether enough has flowed since the deadline was set; sets the next one then. */
static bool still_flows(struct qn_connection *connection, uint64_t now_ms)
{
    uint64_t bytes = connection->phase == QN_PHASE_SENDING ? acknowledged_bytes(connection->fd)
                     : connection->exchange                ? connection->exchange->received
                                                           : 0;
    const uint64_t idle_s = connection->httpd->options.idle_timeout_s;
    if (bytes < connection->flowed_bytes + idle_s * QN_FLOW_BYTES_PER_S)
        return false;
    connection->flowed_bytes = bytes;
    connection->deadline_ms = now_ms + idle_s * 1000;
    return true;
}

static bool is_idle(const struct qn_connection *connection)
{
    return connection->phase == QN_PHASE_WAITING || connection->phase == QN_PHASE_PARKED;
}

/* The next request may have come, and libmicrohttpd not have had its turn since. That it comes in the moment
 * of the cut cannot be helped: HTTP/1.1 has no way to tell (RFC 9112 section 9.5). What libmicrohttpd has
 * read of a head that does not end is limited, so nobody puts off the cut for long. */
static bool has_come(const struct qn_connection *connection)
{
    char byte;
    return recv(connection->fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT) > 0;
}

/* Shuts the socket down; libmicrohttpd closes it and tells in its next run. */
static void cut(struct qn_connection *connection)
{
    if (connection->phase == QN_PHASE_PARKED) {
        if (!connection->mhd) /* else in the next sweep */
            qn_parking_close(connection);
        return;
    }
    connection->cut = true;
    shutdown(connection->fd, SHUT_RDWR);
}

static void cut_late(struct qn_connection *connection, uint64_t now_ms)
{
    if (connection->cut || connection->deadline_ms > now_ms)
        return;
    if (is_idle(connection)) {
        if (has_come(connection))
            return;
    } else {
        if (!connection->suspect && still_flows(connection, now_ms))
            return;
        qn_refuse_count(connection->httpd,
                        connection->phase == QN_PHASE_SENDING ? "slow_reader" : "slow_request");
    }
    cut(connection);
}

/* Whether it has waited so long that its memory is better spent; its deadline tells since when. */
static bool waits_long(const struct qn_connection *connection, uint64_t now_ms)
{
    const struct qn_httpd_options *options = &connection->httpd->options;
    return connection->phase == QN_PHASE_WAITING && connection->deadline_ms + options->park_after_ms <=
                                                        now_ms + (uint64_t)options->idle_timeout_s * 1000;
}

static void sweep(struct qn_httpd *httpd)
{
    uint64_t now_ms = qn_clock_now_ms();
    bool parked = false;
    qn_parking_trim(httpd);
    qn_list_each (node, &httpd->connections) {
        struct qn_connection *connection = container_of(node, struct qn_connection, node);
        if (!httpd->draining && waits_long(connection, now_ms))
            parked = qn_parking_try(connection) || parked;
        cut_late(connection, now_ms);
    }
    if (parked)
        qn_httpd_run_soon(httpd);
    if (!qn_list_empty(&httpd->connections))
        start_sweep(httpd);
}

static void on_sweep(struct qn_timer *timer)
{
    sweep(container_of(timer, struct qn_httpd, sweep));
}

/* Who has just connected, and asked nothing yet, could not know better than to ask, and many do not try again
 * when a first request fails: they get so long at least. */
enum { FRESH_MS = 1000 };

static void shorten_wait(struct qn_connection *connection)
{
    uint64_t idle_ms = connection->httpd->drain_idle_ms;
    if (!is_idle(connection))
        return;
    if (!connection->used && idle_ms < FRESH_MS)
        idle_ms = FRESH_MS;
    uint64_t limit_ms = qn_clock_now_ms() + idle_ms;
    if (connection->deadline_ms > limit_ms)
        connection->deadline_ms = limit_ms;
}

void qn_connection_drain(struct qn_httpd *httpd)
{
    qn_list_each (node, &httpd->connections) {
        shorten_wait(container_of(node, struct qn_connection, node));
    }
    sweep(httpd);
}

void qn_connection_enter(struct qn_connection *connection, enum qn_phase phase)
{
    connection->phase = phase;
    connection->suspect = false;
    connection->flowed_bytes = 0;
    if (phase == QN_PHASE_HANDLING)
        connection->deadline_ms = UINT64_MAX;
    else
        connection->deadline_ms =
            qn_clock_now_ms() + (uint64_t)connection->httpd->options.idle_timeout_s * 1000;
    if (connection->httpd->draining)
        shorten_wait(connection);
}

/* Stuck.
 *
 * When the line before a chunk, which may have extensions of any length (RFC 9112 section 7.1.1), is longer
 * than the room left in its buffer, 0.9.75 neither reads on nor gives up: it says "once more", for ever, and
 * one such connection keeps a core busy. Which one it is it does not say. So when it has had nothing to tell
 * in a whole turn and still wants to go on, it gets pauses, and all that it could be have a few seconds to
 * say something. */

enum { STUCK_LIMIT_MS = 5000 };

static bool may_be_stuck(const struct qn_connection *connection)
{
    const struct qn_exchange_state *x = connection->exchange;
    return x && x->step == QN_STEP_BODY && x->chunked && !connection->cut;
}

bool qn_connection_suspect(struct qn_httpd *httpd)
{
    uint64_t limit_ms = qn_clock_now_ms() + STUCK_LIMIT_MS;
    bool any = false;
    qn_list_each (node, &httpd->connections) {
        struct qn_connection *connection = container_of(node, struct qn_connection, node);
        if (!may_be_stuck(connection))
            continue;
        any = true;
        if (connection->suspect)
            continue;
        connection->suspect = true;
        if (connection->deadline_ms > limit_ms)
            connection->deadline_ms = limit_ms;
        qn_refuse_count(httpd, "stuck");
    }
    return any;
}

void qn_connection_clear(struct qn_connection *connection)
{
    if (connection->suspect)
        qn_connection_enter(connection, connection->phase);
}

/* Hanging up.
 *
 * Looked at after libmicrohttpd's run of the same turn, so that what came before the end has been read. An
 * exchange with the owner is ended. On any other connection libmicrohttpd must see the end itself, and may
 * have missed it: after a read that did not fill its buffer it waits for an edge of epoll, but when the end
 * came together with the last bytes there was one edge for both. Shutting down what the peer has shut down
 * already changes nothing, and makes one. */

static void on_hangup_later(struct qn_later *later)
{
    struct qn_httpd *httpd = container_of(later, struct qn_httpd, hangup_later);
    struct qn_node *node;
    while ((node = qn_list_pop(&httpd->hung_up)) != NULL) {
        struct qn_connection *connection = container_of(node, struct qn_connection, hung_node);
        if (connection->suspect) { /* libmicrohttpd does not look any more */
            cut(connection);
        } else if (connection->phase != QN_PHASE_HANDLING) {
            shutdown(connection->fd, SHUT_RD);
        } else if (connection->exchange && connection->exchange->step == QN_STEP_HANDLING) {
            qn_exchange_end(connection->exchange);
        }
    }
}

void qn_connection_check_hangup(struct qn_connection *connection)
{
    struct qn_httpd *httpd = connection->httpd;
    if (!connection->hung_up || qn_node_linked(&connection->hung_node))
        return;
    qn_list_push(&httpd->hung_up, &connection->hung_node);
    qn_later_start(httpd->loop, &httpd->hangup_later, on_hangup_later);
}

static void on_hangups(void *context, int events)
{
    (void)events;
    struct qn_httpd *httpd = context;
    struct epoll_event hangups[HANGUPS_A_TURN];
    int n = epoll_wait(httpd->hangup_fd, hangups, HANGUPS_A_TURN, 0);
    for (int i = 0; i < n; i++) {
        /* Still there: connections leave only in libmicrohttpd's run, or parked and by an event of their own,
         * and take themselves out of this set. */
        struct qn_connection *connection = hangups[i].data.ptr;
        if (connection->phase == QN_PHASE_PARKED) {
            qn_parking_event(connection);
            continue;
        }
        connection->hung_up = true;
        qn_connection_check_hangup(connection);
    }
}

enum qn_status qn_connection_watch_open(struct qn_httpd *httpd)
{
    httpd->hangup_fd = epoll_create1(EPOLL_CLOEXEC);
    if (httpd->hangup_fd < 0)
        return QN_RESOURCE_EXHAUSTED;
    QN_TRY(qn_poll_open(httpd->loop, httpd->hangup_fd, on_hangups, httpd, &httpd->hangup_poll));
    qn_poll_want(httpd->hangup_poll, QN_READABLE);
    return QN_OK;
}

void qn_connection_watch_close(struct qn_httpd *httpd)
{
    if (httpd->hangup_poll)
        qn_poll_close(httpd->hangup_poll);
    if (httpd->hangup_fd >= 0)
        close(httpd->hangup_fd);
}

/* Coming and going. */

static struct qn_connection *new_connection(struct qn_httpd *httpd, struct MHD_Connection *mhd)
{
    struct qn_connection *connection = calloc(1, sizeof *connection);
    if (!connection)
        return NULL;
    connection->httpd = httpd;
    connection->fd = MHD_get_connection_info(mhd, MHD_CONNECTION_INFO_CONNECTION_FD)->connect_fd;
    qn_listen_peer_text(MHD_get_connection_info(mhd, MHD_CONNECTION_INFO_CLIENT_ADDRESS)->client_addr,
                        connection->peer);
    connection->peer_len = strlen(connection->peer);
    qn_connection_enter(connection, QN_PHASE_WAITING);
    qn_list_push(&httpd->connections, &connection->node);
    qn_metric_add(httpd->connections_gauge, 1);
    return connection;
}

static void opened(struct qn_httpd *httpd, struct MHD_Connection *mhd, void **socket_context)
{
    struct qn_connection *connection = httpd->waking;
    httpd->served++;
    if (httpd->served > httpd->served_peak)
        httpd->served_peak = httpd->served;
    if (connection)
        connection->phase = QN_PHASE_WAITING; /* with the deadline that it had */
    else
        connection = new_connection(httpd, mhd);
    httpd->waking = NULL;
    if (!connection)
        return; /* its first request finds none and drops it */
    *socket_context = connection;
    connection->mhd = mhd;
    start_sweep(httpd);

    struct epoll_event event = {.events = EPOLLRDHUP | EPOLLET, .data.ptr = connection};
    /* Without it (no memory in the kernel) a hang-up is noticed when the answer is sent. */
    (void)epoll_ctl(httpd->hangup_fd, EPOLL_CTL_ADD, connection->fd, &event);
}

void qn_connection_free(struct qn_connection *connection)
{
    struct qn_httpd *httpd = connection->httpd;
    qn_list_remove(&httpd->connections, &connection->node);
    qn_metric_add(httpd->connections_gauge, -1);
    free(connection);
    qn_httpd_connection_left(httpd);
}

static void left(struct qn_httpd *httpd, struct qn_connection *connection)
{
    httpd->served--;
    if (!connection) /* there was no memory for it */
        return;
    if (connection->phase == QN_PHASE_PARKED) {
        qn_parking_let_go(connection);
        qn_httpd_connection_left(httpd);
        return;
    }
    /* 0.9.75 does not call its completion callback when it refuses a request twice, as it does when its pool
     * ends in the midst of the cookies. */
    if (connection->exchange)
        qn_exchange_over(connection->exchange);
    (void)epoll_ctl(httpd->hangup_fd, EPOLL_CTL_DEL, connection->fd, NULL);
    if (qn_node_linked(&connection->hung_node))
        qn_list_remove(&httpd->hung_up, &connection->hung_node);
    qn_connection_free(connection);
}

void qn_connection_notify(void *context, struct MHD_Connection *mhd, void **socket_context,
                          enum MHD_ConnectionNotificationCode code)
{
    if (code == MHD_CONNECTION_NOTIFY_STARTED)
        opened(context, mhd, socket_context);
    else
        left(context, *socket_context);
}

struct qn_connection *qn_connection_of(struct MHD_Connection *mhd)
{
    return MHD_get_connection_info(mhd, MHD_CONNECTION_INFO_SOCKET_CONTEXT)->socket_context;
}
