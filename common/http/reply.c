#include <unistd.h>

#include "common/core/check.h"
#include "common/core/clock.h"
#include "common/core/log.h"
#include "common/http/private.h"

/* Answers: libmicrohttpd's response is made of copies in the exchange's arena, queued while the connection is
 * suspended (or still in the handler), and sent in its next run. */

static bool clean(struct qn_str value)
{
    return value.len > 0 && !memchr(value.ptr, '\r', value.len) && !memchr(value.ptr, '\n', value.len) &&
           !memchr(value.ptr, '\0', value.len);
}

/* What libmicrohttpd writes itself. */
static bool automatic(struct qn_str name)
{
    return qn_str_eq_nocase(name, QN_STR("Content-Length")) || qn_str_eq_nocase(name, QN_STR("Date")) ||
           qn_str_eq_nocase(name, QN_STR("Transfer-Encoding"));
}

static void add_header(struct qn_exchange_state *x, struct MHD_Response *response,
                       const struct qn_header *header)
{
    if (qn_head_token(header->name) && clean(header->value) && !automatic(header->name)) {
        const char *name = qn_arena_copy(&x->arena, header->name.ptr, header->name.len);
        const char *value = qn_arena_copy(&x->arena, header->value.ptr, header->value.len);
        if (name && value && MHD_add_response_header(response, name, value) == MHD_YES)
            return;
    }
    qn_log(NULL, QN_WARN, "reply header left out", QN_F_C("server", x->connection->httpd->options.name),
           QN_F_STR("header", header->name), QN_F_STR("path", x->public.path));
}

static bool fits(const struct qn_header *headers, size_t n_headers)
{
    /* The status line, Date, Connection and Content-Length take less than the 256 left to them. */
    size_t bytes = 256;
    for (size_t i = 0; i < n_headers; i++)
        bytes += headers[i].name.len + headers[i].value.len + sizeof ": \r\n" - 1;
    return bytes <= QN_REPLY_HEAD_MAX;
}

/* Gives the answer, or NULL for none, to libmicrohttpd. */
static void queue(struct qn_exchange_state *x, unsigned status, struct MHD_Response *response)
{
    struct qn_connection *connection = x->connection;
    struct qn_httpd *httpd = connection->httpd;
    x->step = QN_STEP_REPLIED;
    if (response && httpd->draining)
        MHD_add_response_header(response, "Connection", "close");
    if (!response || MHD_queue_response(connection->mhd, status, response) != MHD_YES)
        x->step = QN_STEP_ENDED; /* out of memory: the connection is dropped */
    if (response)
        MHD_destroy_response(response);
    qn_connection_enter(connection, QN_PHASE_SENDING);
    qn_metric_add(httpd->requests[status / 100 - 2], 1);
    qn_metric_observe(httpd->seconds, (double)(qn_clock_now_us() - x->handle_us) / 1e6);
    if (x->in_handle)
        return;
    MHD_resume_connection(connection->mhd);
    qn_httpd_run_soon(httpd);
}

static struct MHD_Response *from_body(struct qn_exchange_state *x, struct qn_str body)
{
    char *copy = qn_arena_copy(&x->arena, body.ptr, body.len);
    if (copy)
        return MHD_create_response_from_buffer(body.len, copy, MHD_RESPMEM_PERSISTENT);
    return MHD_create_response_from_buffer(body.len, (void *)body.ptr, MHD_RESPMEM_MUST_COPY);
}

static void add_headers(struct qn_exchange_state *x, struct MHD_Response *response,
                        const struct qn_header *headers, size_t n_headers)
{
    for (size_t i = 0; response && i < n_headers; i++)
        add_header(x, response, &headers[i]);
}

/* What the service meant to send cannot be: a bug of the service that its users shall see as one. */
static void reply_oversized(struct qn_exchange_state *x, size_t n_headers)
{
    qn_log(NULL, QN_ERROR, "reply has too many headers", QN_F_STR("path", x->public.path),
           QN_F_INT("headers", n_headers), QN_F_INT("max_bytes", QN_REPLY_HEAD_MAX));
    queue(x, MHD_HTTP_INTERNAL_SERVER_ERROR, from_body(x, QN_STR("internal error\n")));
}

void qn_exchange_reply(struct qn_exchange *exchange, unsigned status, const struct qn_header *headers,
                       size_t n_headers, struct qn_str body)
{
    struct qn_exchange_state *x = container_of(exchange, struct qn_exchange_state, public);
    QN_CHECK(x->step == QN_STEP_HANDLING && status >= 200 && status <= 599);
    if (!x->connection) {
        qn_exchange_free(x);
        return;
    }
    if (!fits(headers, n_headers)) {
        reply_oversized(x, n_headers);
        return;
    }
    struct MHD_Response *response = from_body(x, body);
    add_headers(x, response, headers, n_headers);
    queue(x, status, response);
}

void qn_exchange_reply_file(struct qn_exchange *exchange, unsigned status, const struct qn_header *headers,
                            size_t n_headers, int fd, uint64_t offset, uint64_t length)
{
    struct qn_exchange_state *x = container_of(exchange, struct qn_exchange_state, public);
    QN_CHECK(x->step == QN_STEP_HANDLING && status >= 200 && status <= 599);
    if (!x->connection) {
        close(fd);
        qn_exchange_free(x);
        return;
    }
    if (!fits(headers, n_headers)) {
        close(fd);
        reply_oversized(x, n_headers);
        return;
    }
    struct MHD_Response *response = MHD_create_response_from_fd_at_offset64(length, fd, offset);
    if (!response)
        close(fd);
    add_headers(x, response, headers, n_headers);
    queue(x, status, response);
}
