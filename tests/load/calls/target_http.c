#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/core/check.h"
#include "common/http/http_client.h"
#include "tests/load/calls/http_code.h"
#include "tests/load/calls/targets.h"
#include "tests/load/engine/engine.h"

/* The gateway, or any server that takes JSON by POST, over HTTP/1.1: a call is a Connect protocol unary call.
 */

enum {
    HEADERS_MAX = 40,           /* ours and those of --header, which are fewer */
    CALL_ARENA_BYTES = 8 << 20, /* the largest answer is half of it */
    BODY_MAX_BYTES = 4 << 20,
    TIMEOUT_TEXT_MAX = 24,
};

struct http_target {
    struct load_target target;
    struct load_target_options options;
    struct qn_http_client *client;
    /* The protocol's, unless --header has them too; those of --header; and a place for the cookie. */
    struct qn_header headers[HEADERS_MAX];
    size_t n_headers;
    char timeout[TIMEOUT_TEXT_MAX];
    void (*closed)(void *context);
    void *closed_context;
};

struct http_call {
    struct load_call call;
    struct qn_http_request request;
    struct qn_arena arena;
};

static void on_done(struct qn_http_request *request)
{
    struct http_call *call = container_of(request, struct http_call, request);
    enum qn_status status = request->status;
    if (status == QN_OK)
        status = load_http_code(request->http_status, request->body);
    qn_arena_fini(&call->arena);
    load_engine_ended(&call->call, status);
}

static void start(struct load_target *target, struct load_call *base)
{
    struct http_target *t = container_of(target, struct http_target, target);
    struct http_call *call = container_of(base, struct http_call, call);
    struct load_calls_http to = load_calls_http(t->options.calls, base->ask.method);
    bool get = to.verb[0] == 'G';
    const struct qn_method *rpc = load_calls_rpc(t->options.calls, base->ask.method);
    struct qn_http_ask ask = {
        .method = to.verb,
        .path = to.path,
        .headers = t->headers,
        .n_headers = t->n_headers,
        .body = get ? (struct qn_str){0} : base->ask.payload,
        .idempotent = get || (rpc && rpc->idempotency != QN_NOT_IDEMPOTENT),
    };
    if (base->ask.cookie.len > 0)
        t->headers[ask.n_headers++] = (struct qn_header){QN_STR("Cookie"), base->ask.cookie};
    qn_arena_init(&call->arena, CALL_ARENA_BYTES);
    qn_http_request_start(&call->request, t->client, &ask, t->options.timeout_ms, &call->arena, on_done);
}

/* It connects at need; who does not answer shows in the counts. */
static bool ready(const struct load_target *target)
{
    (void)target;
    return true;
}

static void on_closed(void *context)
{
    struct http_target *t = context;
    void (*closed)(void *context) = t->closed;
    void *closed_context = t->closed_context;
    free(t);
    if (closed)
        closed(closed_context);
}

static void close_client(struct load_target *target, void (*closed)(void *context), void *context)
{
    struct http_target *t = container_of(target, struct http_target, target);
    t->closed = closed;
    t->closed_context = context;
    qn_http_client_close(t->client, on_closed, t);
}

static void add_header(struct http_target *t, struct qn_str name, const char *value)
{
    for (size_t i = 0; i < t->options.n_headers; i++)
        if (qn_str_eq_nocase(t->options.headers[i].name, name))
            return;
    t->headers[t->n_headers++] = (struct qn_header){name, qn_str_c(value)};
}

enum qn_status load_target_http_open(struct qn_loop *loop, const struct load_target_options *options,
                                     struct load_target **ret_target, struct qn_error *err)
{
    struct http_target *t = calloc(1, sizeof *t);
    if (!t)
        return qn_error_set(err, QN_RESOURCE_EXHAUSTED, "out of memory");
    t->options = *options;
    t->target = (struct load_target){
        .call_bytes = sizeof(struct http_call), .start = start, .ready = ready, .close = close_client};
    snprintf(t->timeout, sizeof t->timeout, "%llu", (unsigned long long)options->timeout_ms);
    add_header(t, QN_STR("Content-Type"), "application/json");
    add_header(t, QN_STR("Connect-Protocol-Version"), "1");
    add_header(t, QN_STR("Connect-Timeout-Ms"), t->timeout);
    QN_CHECK(t->n_headers + options->n_headers < HEADERS_MAX);
    if (options->n_headers > 0)
        memcpy(t->headers + t->n_headers, options->headers, options->n_headers * sizeof *t->headers);
    t->n_headers += options->n_headers;
    struct qn_http_client_options client_options = {
        .url = options->address,
        .connections_max = options->connections,
        .queue_max = options->concurrency,
        .body_max_bytes = BODY_MAX_BYTES,
        .connect_timeout_ms = options->timeout_ms,
    };
    enum qn_status status = qn_http_client_open(loop, &client_options, &t->client, err);
    if (status != QN_OK) {
        free(t);
        return status;
    }
    *ret_target = &t->target;
    return QN_OK;
}
