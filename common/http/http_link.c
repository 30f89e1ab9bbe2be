#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/core/check.h"
#include "common/http/http_client_private.h"

/* One connection:
 *
 *   CONNECTING ──▶ IDLE ◀──▶ BUSY
 *
 * A request is written when it is given, in one system call as a rule; its answer comes with one read. The
 * descriptor is watched for reading all the time, so that neither costs an epoll_ctl; for writing only while
 * something did not fit. Whatever went wrong in writing, reading tells: an answer may have come before. */

/* A request is given to at most so many connections: a kept one that turned out to be closed, and a new one.
 */
enum { TRIES_MAX = 2 };

static void on_ready(void *context, int events);

static void enter(struct qn_http_link *link, enum qn_http_link_state state)
{
    if (qn_node_linked(&link->node))
        qn_list_remove(&link->client->links[link->state], &link->node);
    link->state = state;
    qn_list_push(&link->client->links[state], &link->node);
}

static void let_go(struct qn_http_link *link)
{
    if (link->poll)
        qn_poll_close(link->poll);
    if (link->fd >= 0)
        close(link->fd);
    link->poll = NULL;
    link->fd = -1;
}

void qn_http_link_close(struct qn_http_link *link)
{
    QN_CHECK(!link->request);
    let_go(link);
    qn_timer_cancel(link->client->loop, &link->timer);
    qn_list_remove(&link->client->links[link->state], &link->node);
    qn_http_answer_fini(&link->answer);
    free(link);
}

struct qn_http_request *qn_http_link_take(struct qn_http_link *link)
{
    struct qn_http_request *request = link->request;
    link->request = NULL;
    request->link = NULL;
    return request;
}

/* Connecting: the addresses one after the other, from the one that answered last. */

static const struct qn_listen_address *address_of(const struct qn_http_link *link)
{
    const struct qn_http_client *client = link->client;
    return &client->addresses[(client->good_address + link->attempts) % client->n_addresses];
}

static const char *advice(int error)
{
    switch (error) {
    case ECONNREFUSED:
        return "; nothing listens there: is it running, on this port?";
    case ETIMEDOUT:
        return "; no answer: a wrong address, or a firewall";
    case EMFILE:
    case ENFILE:
        return "; raise ulimit -n, or use fewer connections";
    case EADDRNOTAVAIL:
        return "; no local port is free: use fewer connections, or keep them alive";
    default:
        return "";
    }
}

static void tell_trouble(struct qn_http_link *link, int error)
{
    char address[QN_PEER_TEXT_MAX] = "";
    if (link->client->n_addresses > 0)
        qn_listen_peer_text((const struct sockaddr *)&address_of(link)->bytes, address);
    struct qn_http_client *client = link->client;
    bool literal = address[0] == '\0' || strcmp(address, client->url.host) == 0;
    snprintf(client->trouble, sizeof client->trouble, "cannot connect to %s%s%s%s: %s%s",
             client->url.authority, literal ? "" : " (", literal ? "" : address, literal ? "" : ")",
             strerror(error), advice(error));
}

/* 0 when it is under way; an errno. */
static int attempt(struct qn_http_link *link)
{
    const struct qn_listen_address *to = address_of(link);
    static const int on = 1;
    link->fd = socket(to->bytes.ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (link->fd < 0)
        return errno;
    /* A request leaves in one piece: there is nothing to wait for. Fails on no TCP socket. */
    setsockopt(link->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    if (connect(link->fd, (const struct sockaddr *)&to->bytes, to->len) != 0 && errno != EINPROGRESS)
        return errno;
    if (qn_poll_open(link->client->loop, link->fd, on_ready, link, &link->poll) != QN_OK)
        return ENOMEM;
    qn_poll_want(link->poll, QN_WRITABLE); /* also when it is connected already */
    return 0;
}

static void on_connect_timeout(struct qn_timer *timer);

static void attempt_rest(struct qn_http_link *link)
{
    struct qn_http_client *client = link->client;
    /* They may have been looked up again, or forgotten, in the meantime. */
    while (link->attempts < client->n_addresses) {
        int error = attempt(link);
        if (error == 0) {
            qn_timer_start(client->loop, &link->timer, client->options.connect_timeout_ms,
                           on_connect_timeout);
            return;
        }
        tell_trouble(link, error);
        let_go(link);
        link->attempts++;
    }
    qn_http_link_close(link);
    qn_http_client_connect_failed(client);
}

static void attempt_failed(struct qn_http_link *link, int error)
{
    tell_trouble(link, error);
    let_go(link);
    link->attempts++;
    attempt_rest(link);
}

static void on_connect_timeout(struct qn_timer *timer)
{
    attempt_failed(container_of(timer, struct qn_http_link, timer), ETIMEDOUT);
}

static void on_connected(struct qn_http_link *link)
{
    struct qn_http_client *client = link->client;
    int error = 0;
    socklen_t len = sizeof error;
    if (getsockopt(link->fd, SOL_SOCKET, SO_ERROR, &error, &len) != 0)
        error = errno;
    if (error != 0) {
        attempt_failed(link, error);
        return;
    }
    qn_timer_cancel(client->loop, &link->timer);
    if (client->n_addresses > 0)
        client->good_address = (client->good_address + link->attempts) % client->n_addresses;
    qn_poll_want(link->poll, QN_READABLE);
    enter(link, QN_HTTP_IDLE);
    qn_http_client_connected(link);
}

void qn_http_link_open(struct qn_http_client *client)
{
    struct qn_http_link *link = calloc(1, sizeof *link);
    if (!link) {
        snprintf(client->trouble, sizeof client->trouble, "cannot connect: out of memory");
        qn_http_client_connect_failed(client);
        return;
    }
    link->client = client;
    link->fd = -1;
    qn_http_answer_init(&link->answer, client->options.head_max_bytes, client->options.body_max_bytes);
    enter(link, QN_HTTP_CONNECTING);
    attempt_rest(link);
}

/* Writing. */

static void write_on(struct qn_http_link *link)
{
    struct qn_str left = link->request->bytes;
    left = qn_str_n(left.ptr + link->sent, left.len - link->sent);
    ssize_t n = send(link->fd, left.ptr, left.len, MSG_NOSIGNAL);
    if (n >= 0)
        link->sent += (size_t)n;
    else if (errno != EAGAIN && errno != EINTR)
        link->cannot_send = true;
    bool more = !link->cannot_send && link->sent < link->request->bytes.len;
    qn_poll_want(link->poll, more ? QN_READABLE | QN_WRITABLE : QN_READABLE);
}

void qn_http_link_send(struct qn_http_link *link, struct qn_http_request *request)
{
    QN_CHECK(link->state == QN_HTTP_IDLE && !link->request);
    link->request = request;
    request->link = link;
    request->tries++;
    link->sent = 0;
    qn_http_answer_begin(&link->answer, request->arena, request->head_only);
    enter(link, QN_HTTP_BUSY);
    write_on(link);
}

/* Reading. In each of these the request's 'done' comes last, since it may close the client. */

static void answered(struct qn_http_link *link, bool keep)
{
    struct qn_http_client *client = link->client;
    const struct qn_http_answer *answer = &link->answer;
    keep = keep && answer->keep && link->sent == link->request->bytes.len;
    struct qn_http_request *request = qn_http_link_take(link);
    request->http_status = answer->code;
    request->headers = answer->headers;
    request->n_headers = answer->n_headers;
    request->body = answer->body;
    link->n_answers++;
    if (keep)
        enter(link, QN_HTTP_IDLE);
    else
        qn_http_link_close(link);
    qn_http_client_pump(client);
    qn_http_request_end(request, QN_OK, NULL);
}

static void failed(struct qn_http_link *link, enum qn_status status, const char *message)
{
    struct qn_http_client *client = link->client;
    struct qn_http_request *request = qn_http_link_take(link);
    qn_http_link_close(link);
    qn_http_client_pump(client);
    qn_http_request_end(request, status, message);
}

/* The connection ended before the whole answer. Without a byte of it, on a connection that had been kept, the
 * server closed it while the request was on its way, or before: what was not sent at all may be sent again,
 * and what is idempotent. */
static void lost(struct qn_http_link *link)
{
    struct qn_http_request *request = link->request;
    bool unsent = link->sent == 0, stale = link->n_answers > 0 && !link->answer.begun;
    if (unsent && !link->answer.begun)
        stale = true;
    if (stale && (unsent || request->idempotent) && request->tries < TRIES_MAX) {
        struct qn_http_client *client = link->client;
        qn_http_link_take(link);
        qn_http_link_close(link);
        request->fresh = true;
        qn_list_push(&client->again, &request->node);
        qn_http_client_pump(client);
        return;
    }
    if (unsent && !link->answer.begun)
        failed(link, QN_UNAVAILABLE, "the server closes connections before anything is sent");
    else if (link->answer.begun)
        failed(link, QN_UNKNOWN, "the connection ended before the whole answer was there");
    else
        failed(link, QN_UNKNOWN, "the connection ended after the request was sent, without an answer");
}

static void read_on(struct qn_http_link *link)
{
    struct qn_http_client *client = link->client;
    size_t room = 0;
    char *into = link->request ? qn_http_answer_room(&link->answer, sizeof client->buffer, &room) : NULL;
    if (!into) {
        into = client->buffer;
        room = sizeof client->buffer;
    }
    ssize_t n = recv(link->fd, into, room, 0);
    if (n < 0 && (errno == EAGAIN || errno == EINTR))
        return;
    if (!link->request) {
        /* Closed by the server, or bytes that nobody asked for: the next answer could be anything. */
        qn_http_link_close(link);
        qn_http_client_pump(client);
        return;
    }
    if (n <= 0) {
        if (n == 0 && qn_http_answer_end(&link->answer))
            answered(link, false);
        else if (link->answer.step == QN_HTTP_BROKEN)
            failed(link, link->answer.status, link->answer.message);
        else
            lost(link);
        return;
    }
    size_t used = qn_http_answer_feed(&link->answer, qn_str_n(into, (size_t)n));
    if (link->answer.step == QN_HTTP_WHOLE)
        answered(link, used == (size_t)n);
    else if (link->answer.step == QN_HTTP_BROKEN)
        failed(link, link->answer.status, link->answer.message);
}

static void on_ready(void *context, int events)
{
    struct qn_http_link *link = context;
    if (link->state == QN_HTTP_CONNECTING) {
        on_connected(link);
        return;
    }
    if ((events & QN_WRITABLE) && link->request)
        write_on(link);
    if (events & QN_READABLE)
        read_on(link);
}
