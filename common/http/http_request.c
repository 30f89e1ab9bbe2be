#include <stdio.h>
#include <string.h>

#include "common/core/check.h"
#include "common/http/http_client_private.h"
#include "common/http/private.h" /* qn_head_token */

/* The end. */

void qn_http_request_end(struct qn_http_request *request, enum qn_status status, const char *message)
{
    QN_CHECK(!request->link && !qn_node_linked(&request->node));
    qn_timer_cancel(request->client->loop, &request->timer);
    request->status = status;
    request->message = message;
    request->done(request); /* may free it, start it again, or close the client */
}

void qn_http_request_end_later(struct qn_http_request *request, enum qn_status status, const char *message)
{
    QN_CHECK(!request->link && !qn_node_linked(&request->node));
    qn_timer_cancel(request->client->loop, &request->timer);
    request->status = status;
    request->message = message;
    qn_http_client_tell(request->client, request);
}

/* Takes it from the list or the connection that it is in; the connection is closed. */
static void detach(struct qn_http_request *request)
{
    struct qn_http_client *client = request->client;
    if (request->link) {
        struct qn_http_link *link = request->link;
        qn_http_link_take(link);
        qn_http_link_close(link);
    } else {
        qn_list_remove(request->fresh ? &client->again : &client->waiting, &request->node);
    }
}

static const char *why_late(const struct qn_http_request *request)
{
    const struct qn_http_client *client = request->client;
    if (request->link)
        return "no whole answer in time";
    if (client->links[QN_HTTP_IDLE].len + client->links[QN_HTTP_BUSY].len > 0)
        return "not sent: no connection was free in time";
    return "not sent: no connection was made in time";
}

static void on_deadline(struct qn_timer *timer)
{
    struct qn_http_request *request = container_of(timer, struct qn_http_request, timer);
    struct qn_http_client *client = request->client;
    const char *message = why_late(request);
    detach(request);
    qn_http_client_pump(client);
    qn_http_request_end(request, QN_DEADLINE_EXCEEDED, message);
}

void qn_http_request_cancel(struct qn_http_request *request)
{
    if (!qn_timer_active(&request->timer))
        return; /* it has ended, or is about to be told */
    detach(request);
    qn_http_request_end_later(request, QN_CANCELLED, "cancelled");
    qn_http_client_pump(request->client);
}

/* The request's bytes. */

static bool is_value(struct qn_str value)
{
    return value.len == 0 || (!memchr(value.ptr, '\r', value.len) && !memchr(value.ptr, '\n', value.len) &&
                              !memchr(value.ptr, '\0', value.len));
}

/* What would end the target, or the line it stands in. */
static bool is_path(struct qn_str path)
{
    for (size_t i = 0; i < path.len; i++)
        if ((unsigned char)path.ptr[i] <= ' ' || path.ptr[i] == 0x7f)
            return false;
    return path.len > 0 && path.ptr[0] == '/';
}

/* What decides over the connection is said by its owner alone. */
static bool is_ours(struct qn_str name)
{
    switch (name.len) { /* most names are none of these: do not compare them all */
    case sizeof "Upgrade" - 1:
        return qn_str_eq_nocase(name, QN_STR("Upgrade"));
    case sizeof "Connection" - 1:
        return qn_str_eq_nocase(name, QN_STR("Connection"));
    case sizeof "Content-Length" - 1:
        return qn_str_eq_nocase(name, QN_STR("Content-Length"));
    case sizeof "Transfer-Encoding" - 1:
        return qn_str_eq_nocase(name, QN_STR("Transfer-Encoding"));
    default:
        return false;
    }
}

static bool is_host(struct qn_str name)
{
    return name.len == sizeof "Host" - 1 && qn_str_eq_nocase(name, QN_STR("Host"));
}

/* NULL when it may be sent. */
static const char *what_is_wrong(const struct qn_http_ask *ask)
{
    if (!qn_head_token(qn_str_c(ask->method)))
        return "the method is no token";
    if (strcmp(ask->method, "CONNECT") == 0)
        return "CONNECT is not spoken here";
    if (!is_path(ask->path))
        return "the path must begin with '/' and have no blanks or control characters: encode them as %20";
    for (size_t i = 0; i < ask->n_headers; i++) {
        if (!qn_head_token(ask->headers[i].name))
            return "a header's name is no token";
        if (!is_value(ask->headers[i].value))
            return "a header's value has CR, LF or NUL";
        if (is_ours(ask->headers[i].name))
            return "Content-Length, Transfer-Encoding, Connection and Upgrade are the client's own";
    }
    return NULL;
}

/* "Content-Length: " and 20 digits. */
enum { LENGTH_LINE_MAX = 48 };

static char *put(char *to, const char *text, size_t len)
{
    if (len > 0)
        memcpy(to, text, len);
    return to + len;
}

static char *put_str(char *to, struct qn_str text)
{
    return put(to, text.ptr, text.len);
}

static char *put_header(char *to, struct qn_str name, struct qn_str value)
{
    to = put_str(to, name);
    to = put(to, ": ", 2);
    to = put_str(to, value);
    return put(to, "\r\n", 2);
}

/* RFC 9110 section 8.6: where a method expects content, none is said too. */
static bool wants_length(const struct qn_http_ask *ask)
{
    return ask->body.len > 0 || strcmp(ask->method, "POST") == 0 || strcmp(ask->method, "PUT") == 0 ||
           strcmp(ask->method, "PATCH") == 0;
}

/* Head and body in one piece: it leaves in one write. */
static bool pack(struct qn_http_request *request, const struct qn_http_ask *ask)
{
    static const struct qn_str version = {" HTTP/1.1\r\n", sizeof " HTTP/1.1\r\n" - 1};
    struct qn_str method = qn_str_c(ask->method), host = qn_str_c(request->client->url.authority);
    char length[LENGTH_LINE_MAX];
    int length_len =
        wants_length(ask) ? snprintf(length, sizeof length, "Content-Length: %zu\r\n", ask->body.len) : 0;

    bool own_host = false;
    size_t headers_len = 0;
    for (size_t i = 0; i < ask->n_headers; i++) {
        headers_len += ask->headers[i].name.len + ask->headers[i].value.len + sizeof ": \r\n" - 1;
        own_host = own_host || is_host(ask->headers[i].name);
    }
    size_t size = method.len + 1 + ask->path.len + version.len + sizeof "Host: \r\n" - 1 + host.len +
                  headers_len + (size_t)length_len + sizeof "\r\n" - 1 + ask->body.len;
    char *bytes = qn_arena_alloc(request->arena, size), *to = bytes;
    if (!bytes)
        return false;
    to = put_str(to, method);
    to = put(to, " ", 1);
    to = put_str(to, ask->path);
    to = put_str(to, version);
    if (!own_host)
        to = put_header(to, QN_STR("Host"), host);
    for (size_t i = 0; i < ask->n_headers; i++)
        to = put_header(to, ask->headers[i].name, ask->headers[i].value);
    to = put(to, length, (size_t)length_len);
    to = put(to, "\r\n", 2);
    to = put_str(to, ask->body);
    QN_CHECK((size_t)(to - bytes) <= size);
    request->bytes = qn_str_n(bytes, (size_t)(to - bytes));
    return true;
}

/* The start. */

void qn_http_request_start(struct qn_http_request *request, struct qn_http_client *to,
                           const struct qn_http_ask *ask, uint64_t timeout_ms, struct qn_arena *arena,
                           void (*done)(struct qn_http_request *request))
{
    QN_CHECK(!request->link && !qn_node_linked(&request->node) && !qn_timer_active(&request->timer));
    *request = (struct qn_http_request){
        .client = to,
        .arena = arena,
        .done = done,
        .idempotent = ask->idempotent,
        .head_only = strcmp(ask->method, "HEAD") == 0,
    };
    const char *wrong;
    if (to->closing)
        qn_http_request_end_later(request, QN_CANCELLED, "the client is closing");
    else if ((wrong = what_is_wrong(ask)) != NULL)
        qn_http_request_end_later(request, QN_INVALID_ARGUMENT, wrong);
    else if (timeout_ms == 0)
        qn_http_request_end_later(request, QN_DEADLINE_EXCEEDED, "no time was left to send it");
    else if (to->waiting.len + to->again.len >= to->options.queue_max)
        qn_http_request_end_later(request, QN_RESOURCE_EXHAUSTED, "too many requests wait already");
    else if (!pack(request, ask))
        qn_http_request_end_later(request, QN_RESOURCE_EXHAUSTED, "the request does not fit into its arena");
    else {
        qn_timer_start(to->loop, &request->timer, timeout_ms, on_deadline);
        qn_list_push(&to->waiting, &request->node);
        qn_http_client_pump(to);
    }
}

struct qn_str qn_http_request_header(const struct qn_http_request *request, const char *name)
{
    struct qn_str wanted = qn_str_c(name);
    for (size_t i = 0; i < request->n_headers; i++)
        if (qn_str_eq_nocase(request->headers[i].name, wanted))
            return request->headers[i].value;
    return (struct qn_str){0};
}
