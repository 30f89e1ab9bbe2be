#include "common/rpc/call.h"

#include <stdlib.h>

#include "common/core/check.h"
#include "common/core/clock.h"
#include "common/core/trace.h"
#include "common/core/utf8.h"
#include "common/rpc/inbound.h"
#include "common/rpc/pack.h"

enum { STATE_MAX_BYTES = 4096 };

/* Bytes kept free in the answer for each call still open: enough for a result that is a status alone. */
enum { RESULT_MIN_BYTES = 64 };

/* What qn_call_state() gave when the arena could not. */
struct qn_reserve {
    struct qn_reserve *next;
    _Alignas(max_align_t) char data[];
};

static struct qn_metric calls_metric = {
    .name = "quintet_rpc_server_calls_total",
    .help = "Calls answered, by method and status",
    .kind = QN_COUNTER,
    .labels = {"method", "code"},
};

void qn_context_set_log(struct qn_context *ctx)
{
    struct qn_str trace_id = qn_trace_id(ctx->traceparent);
    ctx->log = (struct qn_log){.fields = {QN_F_STR("request", ctx->request_id), QN_F_STR("trace", trace_id)},
                               .n_fields = trace_id.len > 0 ? 2 : 1};
}

static struct qn_served *served_of(struct qn_call *call)
{
    return container_of(call, struct qn_served, call);
}

void *qn_call_state(struct qn_call *call, size_t bytes)
{
    QN_CHECK(bytes <= STATE_MAX_BYTES);
    void *state = qn_arena_zalloc(call->arena, bytes);
    if (state != NULL)
        return state;
    /* A request that filled the arena is no reason to fail here, where no handler could say so. */
    struct qn_served *served = served_of(call);
    struct qn_reserve *reserve = calloc(1, sizeof(*reserve) + bytes);
    QN_CHECK(reserve != NULL);
    reserve->next = served->reserves;
    served->reserves = reserve;
    return reserve->data;
}

static bool is_callers_fault(enum qn_status status)
{
    switch (status) {
    case QN_OK:
    case QN_CANCELLED:
    case QN_INVALID_ARGUMENT:
    case QN_NOT_FOUND:
    case QN_ALREADY_EXISTS:
    case QN_PERMISSION_DENIED:
    case QN_FAILED_PRECONDITION:
    case QN_ABORTED:
    case QN_OUT_OF_RANGE:
    case QN_UNAUTHENTICATED:
        return true;
    default:
        return false;
    }
}

static void count(const struct qn_served *served, enum qn_status status, uint64_t took_us)
{
    struct qn_method_stats *stats = served->inbound->stats;
    struct qn_series **calls = &stats->calls[status];
    if (*calls == NULL)
        *calls = qn_metric_series(&calls_metric, stats->method != NULL ? stats->method->path : "unknown",
                                  qn_status_name(status), NULL);
    qn_metric_add(*calls, 1);
    if (stats->seconds != NULL)
        qn_metric_observe(stats->seconds, (double)took_us / 1e6);
}

static void tell(const struct qn_served *served, enum qn_status status, uint64_t took_us)
{
    static struct qn_log_limit limit;
    enum { WARN_EVERY_MS = 50 }; /* a database that is away fails thousands of calls a second */
    uint64_t held_back = 0;
    bool bad = !is_callers_fault(status) && qn_log_due(&limit, WARN_EVERY_MS, &held_back);
    if (!bad && !qn_log_enabled(QN_DEBUG))
        return;
    const struct qn_method *method = served->call.method;
    qn_log(&served->call.ctx.log, bad ? QN_WARN : QN_DEBUG, bad ? "call failed" : "call",
           QN_F_C("method", method != NULL ? method->path : "unknown"), QN_F_STATUS("status", status),
           QN_F_INT("took_ms", took_us / 1000), QN_F_INT("held_back", held_back));
}

/* The result of the call stands at the end of the message's buffer. */
static void finish(struct qn_served *served, enum qn_status status, size_t result_len)
{
    struct qn_inbound *inbound = served->inbound;
    QN_CHECK(!served->answered);
    served->answered = true;
    size_t index = (size_t)(served - inbound->served);
    inbound->results[index].at = inbound->out.len - result_len;
    inbound->results[index].len = result_len;

    uint64_t took_us = qn_clock_now_us() - served->started_us;
    count(served, status, took_us);
    tell(served, status, took_us);

    while (served->reserves != NULL) {
        struct qn_reserve *reserve = served->reserves;
        served->reserves = reserve->next;
        free(reserve);
    }
    qn_arena_fini(&served->arena);
    qn_inbound_done(inbound);
}

/* How long this call's result may be, so that the calls still open find room for theirs. */
static size_t room_for(const struct qn_served *served)
{
    const struct qn_inbound *inbound = served->inbound;
    size_t kept = inbound->n_open * RESULT_MIN_BYTES;
    size_t left = inbound->out.ceiling - inbound->out.len;
    return left > kept ? left - kept : 0;
}

void qn_served_fail(struct qn_served *served, const struct qn_fault *fault)
{
    struct qn_inbound *inbound = served->inbound;
    struct qn_fault said = *fault;
    QN_CHECK(said.status != QN_OK && said.status < QN_STATUS_COUNT);
    if (said.message == NULL)
        said.message = qn_status_name(said.status);
    struct qn_wire_result result = {
        .fault = &said, .cookies = served->cookies, .n_cookies = served->n_cookies};
    size_t size = qn_wire_add_result_size(&result);
    if (size > room_for(served)) {
        said = (struct qn_fault){.status = said.status, .not_executed = said.not_executed};
        result = (struct qn_wire_result){.fault = &said};
        size = qn_wire_add_result_size(&result);
    }
    char *payload, *to = qn_buf_reserve(&inbound->out, size);
    if (to == NULL) { /* out of memory: no answer is sent at all, see qn_inbound_done() */
        finish(served, QN_RESOURCE_EXHAUSTED, 0);
        return;
    }
    QN_CHECK(qn_wire_add_result(to, &result, &payload) == to + size);
    qn_buf_commit(&inbound->out, size);
    finish(served, said.status, size);
}

void qn_call_fail(struct qn_call *call, const struct qn_fault *fault)
{
    qn_served_fail(served_of(call), fault);
}

void qn_call_reply(struct qn_call *call, const void *out)
{
    struct qn_served *served = served_of(call);
    const ProtobufCMessage *message = out;
    QN_CHECK(message->descriptor == call->method->response);
    struct qn_wire_result result = {.cookies = served->cookies, .n_cookies = served->n_cookies};
    struct qn_error err = {0};
    if (qn_pack_measure(message, &result.payload_len, &err) != QN_OK) {
        qn_log(&call->ctx.log, QN_ERROR, "an answer that no peer would take", QN_F_C("error", err.message));
        qn_call_fail_with(call, .status = QN_INTERNAL, .message = "the answer could not be written");
        return;
    }
    size_t size = qn_wire_add_result_size(&result);
    if (size > room_for(served)) {
        qn_call_fail_with(call, .status = QN_RESOURCE_EXHAUSTED, .message = "the answer is too large");
        return;
    }
    struct qn_buf *buf = &served->inbound->out;
    char *payload, *to = qn_buf_reserve(buf, size);
    if (to == NULL) {
        finish(served, QN_RESOURCE_EXHAUSTED, 0);
        return;
    }
    QN_CHECK(qn_wire_add_result(to, &result, &payload) == to + size);
    QN_CHECK(qn_pack_write(message, payload + result.payload_len) == payload);
    qn_buf_commit(buf, size);
    finish(served, QN_OK, size);
}

void qn_call_set_cookie(struct qn_call *call, struct qn_str value)
{
    struct qn_served *served = served_of(call);
    struct qn_str copy = {0};
    bool good = value.len > 0 && memchr(value.ptr, '\0', value.len) == NULL && qn_utf8_valid(value);
    if (good && served->n_cookies < QN_WIRE_COOKIES_MAX)
        copy = qn_arena_str(call->arena, value);
    if (copy.ptr == NULL) {
        qn_log(&call->ctx.log, QN_WARN, "cookie dropped", QN_F_INT("length", value.len),
               QN_F_INT("cookies", served->n_cookies));
        return;
    }
    served->cookies[served->n_cookies++] = copy;
}
