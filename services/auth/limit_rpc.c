#include "services/auth/limit_rpc.h"

#include "auth.qn.h"
#include "common/core/check.h"
#include "common/core/clock.h"
#include "common/core/metric.h"

QUINTET_AUTH_V1_LIMIT_SERVICE_HANDLERS(auth_limit_rpc_handlers, auth_limit_rpc_)

/* An address and a path; ours are far shorter. */
enum { KEY_MAX = 1024 };

static struct auth_limit_part *self;

static struct qn_metric taken_metric = {
    .name = "quintet_auth_limit_total",
    .help = "Requests counted for rate limits, by what was said of them",
    .kind = QN_COUNTER,
    .labels = {"outcome"},
};
static struct qn_metric counters_metric = {
    .name = "quintet_auth_limit_counters",
    .help = "Counters for rate limits in memory, those included whose window has passed",
    .kind = QN_GAUGE,
};
static struct qn_metric evicted_metric = {
    .name = "quintet_auth_limit_evicted_total",
    .help = "Counters that gave way to others before their window had passed: there are too few",
    .kind = QN_COUNTER,
};
static struct {
    struct qn_series *allowed, *refused, *counters, *evicted;
} series;

enum qn_status auth_limit_rpc_open(struct qn_part *part, struct qn_loop *loop, struct qn_error *err)
{
    struct auth_limit_part *opened = container_of(part, struct auth_limit_part, part);
    if (auth_limit_open((size_t)*opened->counters_max, &opened->limit) != QN_OK)
        return qn_error_set(err, QN_RESOURCE_EXHAUSTED, "no memory for the counters of rate limits");
    opened->loop = loop;
    series.allowed = qn_metric_series(&taken_metric, "allowed", NULL, NULL);
    series.refused = qn_metric_series(&taken_metric, "refused", NULL, NULL);
    series.counters = qn_metric_series(&counters_metric, NULL, NULL, NULL);
    series.evicted = qn_metric_series(&evicted_metric, NULL, NULL, NULL);
    self = opened;
    return QN_OK;
}

static void close_later(struct qn_later *later)
{
    struct auth_limit_part *closing = container_of(later, struct auth_limit_part, later);
    auth_limit_close(closing->limit);
    closing->limit = NULL;
    closing->closed(&closing->part);
}

void auth_limit_rpc_close(struct qn_part *part, void (*done)(struct qn_part *part))
{
    struct auth_limit_part *closing = container_of(part, struct auth_limit_part, part);
    closing->closed = done;
    qn_later_start(closing->loop, &closing->later, close_later);
}

static void take(struct qn_call *call, uint64_t now_ms)
{
    const Quintet__Auth__V1__TakeRequest *in = call->in;
    struct qn_str key = qn_str_c(in->key);
    if (key.len == 0 || key.len > KEY_MAX || in->max == 0 || in->window_ms == 0 ||
        in->window_ms > AUTH_LIMIT_WINDOW_MAX_MS) {
        qn_call_fail_with(call, .status = QN_INVALID_ARGUMENT, .message = "key, window or max out of range");
        return;
    }
    Quintet__Auth__V1__TakeResponse out = QUINTET__AUTH__V1__TAKE_RESPONSE__INIT;
    out.allowed = auth_limit_take(self->limit, key, in->window_ms, in->max, now_ms, &out.retry_after_ms);
    qn_metric_add(out.allowed ? series.allowed : series.refused, 1);
    qn_call_reply(call, &out);
}

void auth_limit_rpc_take(struct qn_call **calls, size_t n_calls)
{
    uint64_t now_ms = qn_clock_now_ms();
    for (size_t i = 0; i < n_calls; i++)
        take(calls[i], now_ms);
    qn_metric_set(series.counters, (double)auth_limit_n_counters(self->limit));
    qn_metric_set(series.evicted, (double)auth_limit_n_evicted(self->limit));
}
