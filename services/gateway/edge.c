#include "services/gateway/edge.h"

#include "common/app/admin.h"
#include "common/core/check.h"
#include "common/core/log.h"
#include "services/gateway/better_auth/better_auth.h"
#include "services/gateway/connect.h"
#include "services/gateway/cors.h"
#include "services/gateway/request.h"

static bool is_get(const struct qn_exchange *x)
{
    return qn_str_eq(x->method, QN_STR("GET")) || qn_str_eq(x->method, QN_STR("HEAD"));
}

static void reply_text(struct qn_exchange *x, unsigned status, struct qn_str text)
{
    const struct qn_header headers[] = {{QN_STR("Content-Type"), QN_STR("text/plain; charset=utf-8")},
                                        {QN_STR("Cache-Control"), QN_STR("no-store")}};
    qn_exchange_reply(x, status, headers, QN_COUNT(headers), text);
}

static void handle(void *context, struct qn_exchange *x)
{
    struct gateway_edge *edge = context;
    if (is_get(x) && qn_str_eq(x->path, QN_STR("/healthz"))) {
        reply_text(x, 200, QN_STR("ok\n"));
        return;
    }
    if (is_get(x) && qn_str_eq(x->path, QN_STR("/readyz"))) {
        bool ready = qn_admin_ready(NULL);
        reply_text(x, ready ? 200 : 503, ready ? QN_STR("ready\n") : QN_STR("not ready\n"));
        return;
    }
    if (gateway_cors_preflight(edge->settings, x))
        return;
    struct gateway_request *req = gateway_request_new(x, edge->settings, edge->upstream);
    if (!req) {
        reply_text(x, 503, QN_STR("out of memory\n"));
        return;
    }
    if (gateway_better_auth_owns(edge->settings, x->path))
        gateway_better_auth_serve(req);
    else
        gateway_connect_serve(req);
}

enum qn_status gateway_edge_open(struct qn_part *part, struct qn_loop *loop, struct qn_error *err)
{
    struct gateway_edge *edge = container_of(part, struct gateway_edge, part);
    const struct gateway_settings *set = edge->settings;
    struct qn_httpd_options options = {
        .name = "gateway",
        .listen = set->http_listen,
        .listen_fd = qn_app_listen_fd("http"),
        .connections_max = (unsigned)set->connections_max,
        .head_max_bytes = (size_t)set->head_max_bytes,
        .body_max_bytes = (size_t)set->body_max_bytes,
        .drain_idle_ms = (uint64_t)set->drain_idle_ms,
        .handle = handle,
        .context = edge,
    };
    QN_TRY(qn_httpd_open(loop, &options, &edge->httpd, err));
    qn_log(NULL, QN_INFO, "listening", QN_F_C("http", qn_httpd_address(edge->httpd)));
    return QN_OK;
}

static void on_done(void *context)
{
    struct gateway_edge *edge = context;
    edge->done(&edge->part);
}

void gateway_edge_drain(struct qn_part *part, uint64_t limit_ms, void (*done)(struct qn_part *part))
{
    struct gateway_edge *edge = container_of(part, struct gateway_edge, part);
    edge->done = done;
    qn_httpd_drain(edge->httpd, limit_ms, on_done, edge);
}

void gateway_edge_close(struct qn_part *part, void (*done)(struct qn_part *part))
{
    struct gateway_edge *edge = container_of(part, struct gateway_edge, part);
    edge->done = done;
    qn_httpd_close(edge->httpd, on_done, edge);
    edge->httpd = NULL;
}
