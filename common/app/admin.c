#include "common/app/admin.h"

#include "common/app/private.h"
#include "common/core/check.h"
#include "common/core/metric.h"
#include "common/json/writer.h"

enum {
    PAGES_MAX = 16,
    /* A line a part, with what its pool or peers are doing. */
    READY_TEXT_MAX = 16 * 1024,
    DETAIL_MAX = 512,
    /* 256 series of every metric a service has, at their longest. */
    METRICS_TEXT_MAX = 8 * 1024 * 1024,
    CONNECTIONS_MAX = 64,
};

struct page {
    const char *path;
    void (*handle)(void *context, struct qn_exchange *exchange);
    void *context;
};

static struct page pages[PAGES_MAX];
static size_t n_pages;

void qn_admin_page(const char *path, void (*handle)(void *context, struct qn_exchange *exchange),
                   void *context)
{
    QN_CHECK(n_pages < PAGES_MAX);
    pages[n_pages++] = (struct page){path, handle, context};
}

static void reply(struct qn_exchange *exchange, unsigned status, const char *type, struct qn_str body)
{
    const struct qn_header headers[] = {{QN_STR("Content-Type"), qn_str_c(type)},
                                        {QN_STR("Cache-Control"), QN_STR("no-store")}};
    qn_exchange_reply(exchange, status, headers, QN_COUNT(headers), body);
}

static void healthz(struct qn_exchange *exchange)
{
    reply(exchange, 200, "text/plain; charset=utf-8", QN_STR("ok\n"));
}

/* Readiness. */

static bool part_ready(const struct qn_life *life, size_t i, struct qn_buf *detail)
{
    struct qn_part *part = life->app->parts[i];
    if (i >= life->n_open) {
        qn_buf_write_c(detail, "not open");
        return false;
    }
    return !part->ready || part->ready(part, detail);
}

static void text_line(struct qn_buf *to, const char *name, bool ready, struct qn_str detail)
{
    qn_buf_printf(to, "%s: %s%s%.*s\n", name, ready ? "ready" : "not ready", detail.len ? ", " : "",
                  QN_STR_ARG(detail));
}

static void json_part(struct qn_json_writer *to, const char *name, bool ready, struct qn_str detail)
{
    qn_json_object_begin(to);
    qn_json_key(to, "name");
    qn_json_c(to, name);
    qn_json_key(to, "ready");
    qn_json_bool(to, ready);
    qn_json_key(to, "detail");
    qn_json_str(to, detail);
    qn_json_object_end(to);
}

/* Asks every part; one of 'text' and 'json' may be NULL, or both. */
static bool ask_parts(const struct qn_life *life, struct qn_buf *text, struct qn_json_writer *json)
{
    bool all = life->serving && !life->stopping;
    struct qn_buf detail;
    qn_buf_init(&detail, DETAIL_MAX);
    for (size_t i = 0; i < life->app->n_parts; i++) {
        qn_buf_clear(&detail);
        bool ready = part_ready(life, i, &detail);
        all = all && ready;
        if (text)
            text_line(text, life->app->parts[i]->name, ready, qn_buf_view(&detail));
        if (json)
            json_part(json, life->app->parts[i]->name, ready, qn_buf_view(&detail));
    }
    qn_buf_fini(&detail);
    return all;
}

bool qn_admin_ready(struct qn_buf *detail)
{
    const struct qn_life *life = qn_life_current();
    if (!life)
        return false;
    bool ready = ask_parts(life, detail, NULL);
    if (detail && life->stopping)
        qn_buf_write_c(detail, "stopping\n");
    return ready;
}

static void readyz_json(struct qn_exchange *exchange)
{
    const struct qn_life *life = qn_life_current();
    struct qn_buf body;
    qn_buf_init(&body, READY_TEXT_MAX);
    struct qn_json_writer json = {.to = &body};
    qn_json_object_begin(&json);
    qn_json_key(&json, "service");
    qn_json_c(&json, life->app->name);
    qn_json_key(&json, "version");
    qn_json_c(&json, QN_VERSION);
    qn_json_key(&json, "parts");
    qn_json_array_begin(&json);
    bool ready = ask_parts(life, NULL, &json);
    qn_json_array_end(&json);
    qn_json_key(&json, "stopping");
    qn_json_bool(&json, life->stopping);
    qn_json_key(&json, "ready");
    qn_json_bool(&json, ready);
    qn_json_object_end(&json);
    reply(exchange, ready ? 200 : 503, "application/json", qn_buf_view(&body));
    qn_buf_fini(&body);
}

static bool wants_json(const struct qn_exchange *exchange)
{
    return qn_str_eq(qn_exchange_query(exchange, "format"), QN_STR("json")) ||
           qn_str_eq(qn_exchange_header(exchange, "Accept"), QN_STR("application/json"));
}

static void readyz(struct qn_exchange *exchange)
{
    if (wants_json(exchange)) {
        readyz_json(exchange);
        return;
    }
    struct qn_buf body;
    qn_buf_init(&body, READY_TEXT_MAX);
    bool ready = qn_admin_ready(&body);
    reply(exchange, ready ? 200 : 503, "text/plain; charset=utf-8", qn_buf_view(&body));
    qn_buf_fini(&body);
}

/* The rest. */

static void metrics(struct qn_exchange *exchange)
{
    struct qn_buf body;
    qn_buf_init(&body, METRICS_TEXT_MAX);
    qn_process_sample();
    qn_metric_render(&body);
    if (qn_buf_failed(&body))
        reply(exchange, 500, "text/plain; charset=utf-8", QN_STR("too many series\n"));
    else
        reply(exchange, 200, "text/plain; version=0.0.4; charset=utf-8", qn_buf_view(&body));
    qn_buf_fini(&body);
}

static void index_page(struct qn_exchange *exchange)
{
    struct qn_buf body;
    qn_buf_init(&body, READY_TEXT_MAX);
    qn_buf_printf(&body, "quintet-%s %s\n\n/healthz\n/readyz\n/metrics\n", qn_life_current()->app->name,
                  QN_VERSION);
    for (size_t i = 0; i < n_pages; i++)
        qn_buf_printf(&body, "%s\n", pages[i].path);
    reply(exchange, 200, "text/plain; charset=utf-8", qn_buf_view(&body));
    qn_buf_fini(&body);
}

static void on_request(void *context, struct qn_exchange *exchange)
{
    static const struct {
        const char *path;
        void (*handle)(struct qn_exchange *exchange);
    } own[] = {{"/", index_page}, {"/healthz", healthz}, {"/readyz", readyz}, {"/metrics", metrics}};

    (void)context;
    if (!qn_str_eq(exchange->method, QN_STR("GET")) && !qn_str_eq(exchange->method, QN_STR("HEAD"))) {
        const struct qn_header allow = {QN_STR("Allow"), QN_STR("GET, HEAD")};
        qn_exchange_reply(exchange, 405, &allow, 1, QN_STR("only GET and HEAD\n"));
        return;
    }
    for (size_t i = 0; i < QN_COUNT(own); i++)
        if (qn_str_eq(exchange->path, qn_str_c(own[i].path))) {
            own[i].handle(exchange);
            return;
        }
    for (size_t i = 0; i < n_pages; i++)
        if (qn_str_eq(exchange->path, qn_str_c(pages[i].path))) {
            pages[i].handle(pages[i].context, exchange);
            return;
        }
    reply(exchange, 404, "text/plain; charset=utf-8", QN_STR("no such page; / lists them\n"));
}

enum qn_status qn_admin_open(struct qn_life *life, struct qn_error *err)
{
    const struct qn_httpd_options options = {
        .name = "admin",
        .listen = life->settings->admin_listen,
        .listen_fd = qn_app_listen_fd("admin"),
        .connections_max = CONNECTIONS_MAX,
        .body_max_bytes = 4096, /* no page takes one */
        .head_max_bytes = 8 * 1024,
        .arena_max_bytes = 2 * METRICS_TEXT_MAX,
        .handle = on_request,
    };
    return qn_httpd_open(life->loop, &options, &life->admin, err);
}
