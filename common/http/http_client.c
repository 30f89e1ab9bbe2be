#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/core/check.h"
#include "common/core/clock.h"
#include "common/http/http_client_private.h"

enum {
    CONNECTIONS_MAX = 8,
    QUEUE_MAX = 8192,
    HEAD_MAX_BYTES = 64 * 1024,
    BODY_MAX_BYTES = 4 * 1024 * 1024,
    CONNECT_TIMEOUT_MS = 2000,
    /* While other connections serve, a server that takes no more is asked again at this pace. */
    PAUSE_MS = 100,
    /* A name is looked up again for connections opened after this: addresses move, seconds matter not. */
    RESOLVED_FOR_MS = 10000,
};

/* Names. */

/* False when it is not numeric. */
static bool add_address(struct qn_http_client *client, const char *host)
{
    char text[QN_LISTEN_TEXT_MAX];
    const char *format = strchr(host, ':') ? "[%s]:%u" : "%s:%u";
    int len = snprintf(text, sizeof text, format, host, client->url.port);
    return len > 0 && (size_t)len < sizeof text &&
           qn_listen_parse(text, &client->addresses[client->n_addresses]) && ++client->n_addresses > 0;
}

static void end_if_empty(struct qn_http_client *client)
{
    if (!client->closing || client->resolving || !qn_list_empty(&client->ended) ||
        qn_node_linked(&client->tell.node))
        return;
    void (*closed)(void *context) = client->closed;
    void *context = client->closed_context;
    free(client);
    if (closed)
        closed(context);
}

static void on_resolved(struct qn_resolve *resolve, enum qn_status status)
{
    struct qn_http_client *client = container_of(resolve, struct qn_http_client, resolve);
    client->resolving = false;
    if (client->closing) {
        end_if_empty(client);
        return;
    }
    client->n_addresses = client->good_address = 0;
    for (size_t i = 0; i < resolve->n_addresses; i++)
        add_address(client, resolve->addresses[i]);
    client->resolved_ms = qn_clock_now_ms();
    if (client->n_addresses > 0) {
        qn_http_client_pump(client);
        return;
    }
    snprintf(client->trouble, sizeof client->trouble, "cannot connect to %s: %s", client->url.authority,
             status == QN_NOT_FOUND ? "no such host" : "its name cannot be looked up now");
    qn_http_client_connect_failed(client);
}

static bool addresses_known(const struct qn_http_client *client)
{
    return client->n_addresses > 0 &&
           (!client->is_name || qn_clock_now_ms() - client->resolved_ms < RESOLVED_FOR_MS);
}

/* Connections. */

static size_t n_open(const struct qn_http_client *client)
{
    return client->links[QN_HTTP_IDLE].len + client->links[QN_HTTP_BUSY].len;
}

static size_t n_links(const struct qn_http_client *client)
{
    return client->links[QN_HTTP_CONNECTING].len + n_open(client);
}

static struct qn_http_link *first_idle(const struct qn_http_client *client)
{
    struct qn_node *node = qn_list_first(&client->links[QN_HTTP_IDLE]);
    return node ? container_of(node, struct qn_http_link, node) : NULL;
}

/* Whether another may be opened, but for 'connections_max'. */
static bool may_open(const struct qn_http_client *client)
{
    if (client->resolving)
        return false;
    if (client->down && client->links[QN_HTTP_CONNECTING].len > 0)
        return false; /* whether it works at all, one finds out */
    return !qn_timer_active(&client->pause) || n_open(client) == 0;
}

/* Begins to; false when the name must be looked up first. */
static bool open_link(struct qn_http_client *client)
{
    if (!addresses_known(client)) {
        client->resolving = true;
        qn_resolve_start(client->loop, &client->resolve, client->url.host, on_resolved);
        return false;
    }
    qn_http_link_open(client);
    return true;
}

static void send_next(struct qn_http_link *link, struct qn_list *from)
{
    struct qn_http_request *request = container_of(qn_list_pop(from), struct qn_http_request, node);
    qn_http_link_send(link, request);
}

void qn_http_client_pump(struct qn_http_client *client)
{
    if (client->closing)
        return;
    const struct qn_list *connecting = &client->links[QN_HTTP_CONNECTING];
    struct qn_http_link *link;
    while (!qn_list_empty(&client->waiting) && (link = first_idle(client)) != NULL)
        send_next(link, &client->waiting);
    /* Who waits for a new connection has just lost one, so there is room for it. */
    while (client->again.len + client->waiting.len > connecting->len &&
           n_links(client) < client->options.connections_max && may_open(client) && open_link(client))
        continue;
}

void qn_http_client_connected(struct qn_http_link *link)
{
    struct qn_http_client *client = link->client;
    client->down = false;
    qn_timer_cancel(client->loop, &client->pause);
    if (!qn_list_empty(&client->again))
        send_next(link, &client->again);
    qn_http_client_pump(client);
}

static void on_pause(struct qn_timer *timer)
{
    qn_http_client_pump(container_of(timer, struct qn_http_client, pause));
}

static void fail_all(struct qn_http_client *client, struct qn_list *requests)
{
    struct qn_node *node;
    while ((node = qn_list_pop(requests)) != NULL) {
        struct qn_http_request *request = container_of(node, struct qn_http_request, node);
        const char *message = qn_arena_strdup(request->arena, client->trouble);
        qn_http_request_end_later(request, QN_UNAVAILABLE, message ? message : "cannot connect");
    }
}

void qn_http_client_connect_failed(struct qn_http_client *client)
{
    client->down = true;
    if (client->is_name)
        client->n_addresses = 0; /* perhaps it has moved */
    if (n_links(client) == 0) {
        fail_all(client, &client->again);
        fail_all(client, &client->waiting);
    } else if (n_open(client) > 0 && !qn_timer_active(&client->pause)) {
        qn_timer_start(client->loop, &client->pause, PAUSE_MS, on_pause);
    }
}

/* Ends that are told later. */

static void on_tell(struct qn_later *later)
{
    struct qn_http_client *client = container_of(later, struct qn_http_client, tell);
    /* Those here now: one that starts itself again must not keep the loop from its events. */
    for (size_t n = client->ended.len; n > 0; n--) {
        struct qn_http_request *request =
            container_of(qn_list_pop(&client->ended), struct qn_http_request, node);
        request->done(request); /* may free it, start it again, or close the client */
    }
    end_if_empty(client);
}

void qn_http_client_tell(struct qn_http_client *client, struct qn_http_request *request)
{
    qn_list_push(&client->ended, &request->node);
    qn_later_start(client->loop, &client->tell, on_tell);
}

/* Opened and closed. */

enum qn_status qn_http_client_open(struct qn_loop *loop, const struct qn_http_client_options *options,
                                   struct qn_http_client **ret_client, struct qn_error *err)
{
    QN_CHECK(options->head_max_bytes <= HEAD_MAX_BYTES);
    struct qn_http_url url;
    QN_TRY(qn_http_url_parse(options->url, &url, err));
    struct qn_http_client *client = calloc(1, sizeof *client);
    if (!client)
        return qn_error_set(err, QN_RESOURCE_EXHAUSTED, "out of memory");
    client->loop = loop;
    client->url = url;
    client->options = *options;
    client->options.url = client->url.authority; /* the caller's may go */
    if (client->options.connections_max == 0)
        client->options.connections_max = CONNECTIONS_MAX;
    if (client->options.queue_max == 0)
        client->options.queue_max = QUEUE_MAX;
    if (client->options.head_max_bytes == 0)
        client->options.head_max_bytes = HEAD_MAX_BYTES;
    if (client->options.body_max_bytes == 0)
        client->options.body_max_bytes = BODY_MAX_BYTES;
    if (client->options.connect_timeout_ms == 0)
        client->options.connect_timeout_ms = CONNECT_TIMEOUT_MS;
    for (size_t i = 0; i < QN_HTTP_STATES; i++)
        qn_list_init(&client->links[i]);
    qn_list_init(&client->waiting);
    qn_list_init(&client->again);
    qn_list_init(&client->ended);
    /* localhost too: it may be ::1, or 127.0.0.1, or both. */
    client->is_name = strcmp(url.host, "localhost") == 0 || !add_address(client, url.host);
    *ret_client = client;
    return QN_OK;
}

static void cancel_all(struct qn_list *requests)
{
    struct qn_node *node;
    while ((node = qn_list_pop(requests)) != NULL)
        qn_http_request_end_later(container_of(node, struct qn_http_request, node), QN_CANCELLED,
                                  "the client is closing");
}

void qn_http_client_close(struct qn_http_client *client, void (*closed)(void *context), void *context)
{
    QN_CHECK(!client->closing);
    client->closing = true;
    client->closed = closed;
    client->closed_context = context;
    qn_timer_cancel(client->loop, &client->pause);
    if (client->resolving)
        qn_resolve_cancel(&client->resolve);
    for (size_t i = 0; i < QN_HTTP_STATES; i++) {
        struct qn_node *node;
        while ((node = qn_list_first(&client->links[i])) != NULL) {
            struct qn_http_link *link = container_of(node, struct qn_http_link, node);
            if (link->request)
                qn_http_request_end_later(qn_http_link_take(link), QN_CANCELLED, "the client is closing");
            qn_http_link_close(link);
        }
    }
    cancel_all(&client->again);
    cancel_all(&client->waiting);
    qn_later_start(client->loop, &client->tell, on_tell);
}
