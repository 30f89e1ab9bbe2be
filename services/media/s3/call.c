#include "services/media/s3/call.h"

#include <stdio.h>

#include "common/core/check.h"
#include "common/core/clock.h"
#include "common/core/id.h"
#include "common/core/metric.h"

enum {
    WARN_EVERY_MS = 1000,
    /* A call ends before its deadline by a tenth of what it had, at most so long. */
    MARGIN_MAX_MS = 250,
    MARGIN_PART = 10,
    /* Who gave the bucket less time than this can say nothing about it. */
    PATIENT_US = 1000000,
};

static struct qn_metric calls_metric = {
    .name = "quintet_media_s3_calls_total",
    .help = "Questions to the bucket that ended, by what was asked and how.",
    .kind = QN_COUNTER,
    .labels = {"verb", "status"},
};
static struct qn_metric tries_metric = {
    .name = "quintet_media_s3_tries_total",
    .help = "Requests to the bucket that ended, by what was asked and what came of it.",
    .kind = QN_COUNTER,
    .labels = {"verb", "outcome"},
};
static struct qn_metric retries_metric = {
    .name = "quintet_media_s3_retries_total",
    .help = "Requests to the bucket that were made again; over_budget: that were not, to spare it.",
    .kind = QN_COUNTER,
    .labels = {"verb", "outcome"},
};
static struct qn_metric seconds_metric = {
    .name = "quintet_media_s3_seconds",
    .help = "From a question to the bucket to its answer, waits and repetitions included.",
    .kind = QN_HISTOGRAM,
    .labels = {"verb"},
};

static void add(struct qn_metric *metric, const char *verb, const char *outcome)
{
    qn_metric_add(qn_metric_series(metric, verb, outcome, NULL), 1);
}

/* The client. */

enum qn_status media_s3_client_open(struct media_s3_client *client, struct qn_loop *loop,
                                    const struct media_bucket *bucket, const struct media_settings *set,
                                    struct qn_error *err)
{
    const struct media_s3_carrier_options options = {.ca_file = set->s3_ca_file,
                                                     .connections_max = (size_t)set->s3_at_once,
                                                     .connect_ms = MEDIA_S3_CONNECT_MS,
                                                     .stall_ms = MEDIA_S3_STALL_MS};
    void (*heard)(struct media_s3_client * client) = client->heard;
    *client = (struct media_s3_client){.loop = loop, .bucket = bucket, .heard = heard};
    qn_list_init(&client->calls);
    return media_s3_line_open(&client->line, loop, bucket->scheme, bucket->host, (size_t)set->s3_at_once,
                              &options, err);
}

static void end(struct media_s3_call *call, enum qn_status status);

void media_s3_client_close(struct media_s3_client *client, void (*closed)(struct media_s3_line *line))
{
    client->heard = NULL;
    for (struct qn_node *node = qn_list_first(&client->calls); node; node = qn_list_first(&client->calls))
        end(container_of(node, struct media_s3_call, node), QN_UNAVAILABLE);
    media_s3_line_close(&client->line, closed);
}

/* What a try's end says of the bucket. */
static void hear(struct media_s3_client *client, const struct media_s3_call *call,
                 const struct media_s3_verdict *verdict)
{
    const struct media_s3_transfer *transfer = &call->ask.transfer;
    bool good = verdict->answered;
    if (transfer->result == MEDIA_S3_CROWDED || transfer->result == MEDIA_S3_NO_MEMORY ||
        (transfer->result == MEDIA_S3_LATE && qn_clock_now_us() - call->ask.sent_us < PATIENT_US))
        return;
    if (good != client->good || client->changed_ms == 0) {
        client->good = good;
        client->changed_ms = qn_clock_now_ms();
    }
    client->ever_good = client->ever_good || good;
    if (good)
        client->trouble[0] = '\0';
    else
        snprintf(client->trouble, sizeof client->trouble, "%s",
                 verdict->hint         ? verdict->hint
                 : call->fault.code[0] ? call->fault.code
                 : transfer->why       ? transfer->why
                                       : verdict->outcome);
}

static void warn(struct media_s3_client *client, const struct media_s3_call *call,
                 const struct media_s3_verdict *verdict)
{
    const struct media_s3_transfer *transfer = &call->ask.transfer;
    uint64_t held_back;
    if (verdict->answered || transfer->result == MEDIA_S3_CROWDED ||
        !qn_log_due(&client->log_limit, WARN_EVERY_MS, &held_back))
        return;
    qn_log(NULL, verdict->loud ? QN_ERROR : QN_WARN,
           verdict->loud ? "the bucket does not take our requests" : "a request to the bucket failed",
           QN_F_C("verb", call->verb), QN_F_INT("code", transfer->code), QN_F_C("s3", call->fault.code),
           QN_F_C("why", transfer->why ? transfer->why : call->fault.text), QN_F_C("hint", verdict->hint),
           QN_F_STR("key", call->question.key), QN_F_INT("try", call->n_tries),
           QN_F_INT("held_back", held_back));
}

/* A call. */

static void end(struct media_s3_call *call, enum qn_status status)
{
    struct media_s3_client *client = call->client;
    media_s3_line_cancel(&call->ask);
    qn_timer_cancel(client->loop, &call->deadline);
    qn_timer_cancel(client->loop, &call->wait);
    qn_later_cancel(client->loop, &call->later);
    qn_list_remove(&client->calls, &call->node);
    call->client = NULL;
    add(&calls_metric, call->verb, qn_status_name(status));
    qn_metric_observe(qn_metric_series(&seconds_metric, call->verb, NULL, NULL),
                      (double)(qn_clock_now_us() - call->started_us) / 1e6);
    call->done(call, status);
}

static void on_tried(struct media_s3_ask *ask);

static void try_now(struct media_s3_call *call)
{
    struct media_s3_client *client = call->client;
    struct media_s3_transfer *transfer = &call->ask.transfer;
    enum qn_status status =
        media_s3_sign(client->bucket, &call->question, qn_clock_wall_ms(), call->arena, transfer);
    if (status != QN_OK) {
        end(call, status);
        return;
    }
    if (call->into)
        qn_buf_clear(call->into);
    transfer->into = call->into;
    transfer->deadline_ms = call->deadline_ms;
    call->n_tries++;
    media_s3_line_start(&client->line, &call->ask, on_tried);
}

static void on_waited(struct qn_timer *timer)
{
    try_now(container_of(timer, struct media_s3_call, wait));
}

/* Whether it is worth another try, which is then on its way. */
static bool try_again(struct media_s3_call *call, const struct media_s3_verdict *verdict)
{
    uint32_t random;
    if (!verdict->again || call->n_tries == MEDIA_S3_TRIES_MAX)
        return false;
    qn_random_bytes(&random, sizeof random);
    uint64_t wait_ms = media_s3_retry_wait_ms(call->n_tries, call->ask.transfer.retry_after_s, random);
    if (wait_ms >= qn_clock_left_ms(call->deadline_ms))
        return false;
    bool allowed = media_s3_budget_take(&call->client->budget);
    add(&retries_metric, call->verb, allowed ? "made" : "over_budget");
    if (allowed)
        qn_timer_start(call->client->loop, &call->wait, wait_ms, on_waited);
    return allowed;
}

static void on_tried(struct media_s3_ask *ask)
{
    struct media_s3_call *call = container_of(ask, struct media_s3_call, ask);
    struct media_s3_client *client = call->client;
    call->fault = (struct media_s3_fault){{0}, {0}};
    if (ask->transfer.result == MEDIA_S3_ANSWERED && ask->transfer.code / 100 != 2)
        media_s3_answer_fault(qn_buf_view(&ask->transfer.refusal), &call->fault);
    const struct media_s3_verdict verdict = media_s3_retry_judge(&ask->transfer, &call->fault);
    add(&tries_metric, call->verb, verdict.outcome);
    hear(client, call, &verdict);
    warn(client, call, &verdict);
    if (verdict.answered)
        media_s3_budget_give(&client->budget);
    /* What failed before its time was over has failed. */
    if (ask->transfer.result != MEDIA_S3_LATE || call->failed == QN_OK)
        call->failed = verdict.status;
    if (!try_again(call, &verdict))
        end(call, call->failed);
    if (client->heard)
        client->heard(client);
}

/* The last moment at which it can still be said what happened. What failed before failed; the store that has
 * not even taken a connection is not there. */
static void on_deadline(struct qn_timer *timer)
{
    struct media_s3_call *call = container_of(timer, struct media_s3_call, deadline);
    struct media_s3_client *client = call->client;
    struct media_s3_transfer *transfer = &call->ask.transfer;
    if (transfer->carrier) {
        bool connected = media_s3_transfer_connected(transfer);
        media_s3_line_cancel(&call->ask);
        transfer->result = connected ? MEDIA_S3_LATE : MEDIA_S3_UNREACHABLE;
        transfer->why = connected ? "no answer in time" : "no connection in time";
        const struct media_s3_verdict verdict = media_s3_retry_judge(transfer, &call->fault);
        add(&tries_metric, call->verb, verdict.outcome);
        hear(client, call, &verdict);
        warn(client, call, &verdict);
        if (call->failed == QN_OK)
            call->failed = verdict.status;
    }
    end(call, call->failed != QN_OK ? call->failed : QN_DEADLINE_EXCEEDED);
    if (client->heard)
        client->heard(client);
}

static void on_begin(struct qn_later *later)
{
    struct media_s3_call *call = container_of(later, struct media_s3_call, later);
    try_now(call);
}

void media_s3_call_start(struct media_s3_client *client, struct media_s3_call *call,
                         void (*done)(struct media_s3_call *call, enum qn_status status))
{
    QN_CHECK(call->client == NULL);
    uint64_t left_ms = qn_clock_left_ms(call->deadline_ms), margin_ms = left_ms / MARGIN_PART;
    if (margin_ms > MARGIN_MAX_MS)
        margin_ms = MARGIN_MAX_MS;
    call->client = client;
    call->done = done;
    call->deadline_ms -= margin_ms;
    call->n_tries = 0;
    call->failed = QN_OK;
    call->started_us = qn_clock_now_us();
    qn_list_push(&client->calls, &call->node);
    qn_timer_start(client->loop, &call->deadline, left_ms - margin_ms, on_deadline);
    qn_later_start(client->loop, &call->later, on_begin);
}

void media_s3_call_fini(struct media_s3_call *call)
{
    QN_CHECK(call->client == NULL);
    media_s3_transfer_fini(&call->ask.transfer);
}
