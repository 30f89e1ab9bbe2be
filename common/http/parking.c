#include <errno.h>
#include <fcntl.h>
#include <linux/sockios.h>
#include <linux/tcp.h> /* for what glibc's struct tcp_info lacks */
#include <malloc.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/core/check.h"
#include "common/http/private.h"

/* Idle connections without memory.
 *
 *   WAITING ──idle for a while──▶ PARKED ──bytes──▶ WAITING
 *
 * libmicrohttpd keeps a connection's pool, 20 KiB at the gateway's defaults, from accept to close, and has
 * all of it written to after each request; thousands of clients that keep a connection and say nothing would
 * hold most of the process' memory. So a connection that has been idle for a while is taken from it, and
 * given back (MHD_add_connection) when bytes come:
 *
 *   park      suspended, which takes the descriptor out of libmicrohttpd's epoll set; a second descriptor of
 * the socket is ours; the first is made one of a socket whose other end has gone; resumed let go
 * libmicrohttpd reads the end there and closes it: the TCP connection has our descriptor yet wake      at the
 * first event on it
 *
 * Only calls that are documented, and no memory of libmicrohttpd's. Nothing may be lost with its buffer: so
 * the connection must have had bytes for whole requests only, by the kernel's count and ours. Where they
 * differ (a request had a chunked body, or empty lines before it), it stays where it is.
 *
 * Parked ones are not in libmicrohttpd's count: beside connections_max that are served there may be as many
 * parked, if there are descriptors for them. One that wakes while all places are taken waits for one, like
 * those in the listen queue. */

/* When so many fewer are served than were, what is free inside of malloc's heap is given back to the system:
 * 8 MiB of pools at the gateway's defaults. It takes a millisecond or two. */
enum { TRIM_CONNECTIONS = 400 };

static struct qn_metric parked_now = {
    .name = "quintet_http_parked_connections",
    .help = "HTTP connections that have been idle for a while and take no memory",
    .kind = QN_GAUGE,
    .labels = {"server"}};

enum qn_status qn_parking_open(struct qn_httpd *httpd, size_t room)
{
    int ends[2];
    httpd->parked_max = room;
    httpd->parked_gauge = qn_metric_series(&parked_now, httpd->options.name, NULL, NULL);
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, ends) != 0)
        return QN_RESOURCE_EXHAUSTED;
    close(ends[1]);
    httpd->dead_fd = ends[0];
    return QN_OK;
}

/* Whether all bytes that ever came were of requests that have been answered. */
static bool nothing_begun(const struct qn_connection *connection)
{
    struct tcp_info info = {0};
    socklen_t len = sizeof info;
    int unread = 0;
    return !connection->uncounted && ioctl(connection->fd, SIOCINQ, &unread) == 0 && unread == 0 &&
           getsockopt(connection->fd, IPPROTO_TCP, TCP_INFO, &info, &len) == 0 &&
           info.tcpi_bytes_received == connection->asked_bytes;
}

bool qn_parking_try(struct qn_connection *connection)
{
    struct qn_httpd *httpd = connection->httpd;
    if (!connection->used || connection->cut || connection->hung_up || httpd->parked >= httpd->parked_max ||
        !nothing_begun(connection))
        return false;
    int ours = fcntl(connection->fd, F_DUPFD_CLOEXEC, 0);
    if (ours < 0)
        return false;
    MHD_suspend_connection(connection->mhd);
    (void)epoll_ctl(httpd->hangup_fd, EPOLL_CTL_DEL, connection->fd, NULL);
    if (dup3(httpd->dead_fd, connection->fd, O_CLOEXEC) <
        0) /* EBUSY, EINTR: to be cut then, which is allowed */
        shutdown(connection->fd, SHUT_RDWR);
    MHD_resume_connection(connection->mhd);
    connection->fd = ours;
    connection->phase = QN_PHASE_PARKED;
    httpd->parked++;
    qn_metric_add(httpd->parked_gauge, 1);
    return true;
}

void qn_parking_trim(struct qn_httpd *httpd)
{
    if (httpd->served + TRIM_CONNECTIONS > httpd->served_peak)
        return;
    httpd->served_peak = httpd->served;
    malloc_trim(0);
}

void qn_parking_let_go(struct qn_connection *connection)
{
    struct epoll_event event = {.events = EPOLLIN | EPOLLRDHUP | EPOLLET, .data.ptr = connection};
    connection->mhd = NULL;
    if (epoll_ctl(connection->httpd->hangup_fd, EPOLL_CTL_ADD, connection->fd, &event) != 0)
        qn_parking_close(connection); /* no memory in the kernel */
}

static void leave(struct qn_connection *connection)
{
    struct qn_httpd *httpd = connection->httpd;
    if (qn_node_linked(&connection->hung_node))
        qn_list_remove(&httpd->woken, &connection->hung_node);
    httpd->parked--;
    qn_metric_add(httpd->parked_gauge, -1);
}

void qn_parking_close(struct qn_connection *connection)
{
    QN_CHECK(connection->phase == QN_PHASE_PARKED && !connection->mhd);
    close(connection->fd); /* which takes it out of the epoll set as well */
    leave(connection);
    qn_connection_free(connection);
}

/* Gives it back to libmicrohttpd, which closes the descriptor if it cannot take it. */
static void give_back(struct qn_connection *connection)
{
    struct qn_httpd *httpd = connection->httpd;
    struct sockaddr_storage address;
    socklen_t len = sizeof address;
    if (getpeername(connection->fd, (struct sockaddr *)&address, &len) != 0) {
        qn_parking_close(connection);
        return;
    }
    (void)epoll_ctl(httpd->hangup_fd, EPOLL_CTL_DEL, connection->fd, NULL);
    leave(connection);
    httpd->waking = connection;
    (void)MHD_add_connection(httpd->daemon, connection->fd, (struct sockaddr *)&address, len);
    if (httpd->waking) { /* not even begun with */
        httpd->waking = NULL;
        qn_connection_free(connection);
    }
    qn_httpd_run_soon(httpd);
}

static bool has_room(const struct qn_httpd *httpd)
{
    return httpd->served < httpd->options.connections_max;
}

void qn_parking_event(struct qn_connection *connection)
{
    struct qn_httpd *httpd = connection->httpd;
    char byte;
    ssize_t n = recv(connection->fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT);
    if (n < 0 && errno == EAGAIN)
        return;
    if (n <= 0) {
        qn_parking_close(connection);
        return;
    }
    if (has_room(httpd) && qn_list_empty(&httpd->woken))
        give_back(connection);
    else if (!qn_node_linked(&connection->hung_node))
        qn_list_push(&httpd->woken, &connection->hung_node);
}

void qn_parking_room(struct qn_httpd *httpd)
{
    while (!qn_list_empty(&httpd->woken) && has_room(httpd))
        give_back(container_of(qn_list_first(&httpd->woken), struct qn_connection, hung_node));
}

void qn_parking_fini(struct qn_httpd *httpd)
{
    qn_list_each (node, &httpd->connections) {
        qn_parking_close(container_of(node, struct qn_connection, node));
    }
    if (httpd->dead_fd >= 0)
        close(httpd->dead_fd);
}
