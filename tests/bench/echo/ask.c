#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/core/check.h"
#include "common/core/clock.h"
#include "common/loop/loop.h"
#include "common/loop/timer.h"
#include "common/rpc/client.h"
#include "rpctest.qn.h"
#include "tests/bench/echo/echo.h"

/* A closed loop: each slot asks again as soon as it is answered.
 *
 *   1. all slots start  2. after the warm-up the clocks are read and counting begins  3. at the end they are
 *   read again; slots are not started any more  4. when the last has come home the client hangs up. */

enum { CALL_ARENA_BYTES = 1 << 20, CALL_TIMEOUT_MS = 10000 };

struct slot {
    struct qn_request request;
    struct qn_arena arena;
    struct qn_context ctx;
    uint64_t begun_ns;
};

static struct {
    const struct measure_options *opt;
    struct qn_loop *loop;
    struct qn_client *client;
    struct measure measure;
    struct qn_timer timer;
    uint8_t *payload;
    bool many;
    size_t under_way;
    uint64_t together, answered; /* of "many": sum of the batches' sizes as each answer told */
    bool over;
} ask;

static void on_answer(struct qn_request *request);

static void start(struct slot *slot)
{
    slot->request = (struct qn_request){0};
    slot->ctx.deadline_ms = qn_clock_now_ms() + CALL_TIMEOUT_MS;
    slot->begun_ns = measure_now_ns();
    ProtobufCBinaryData data = {ask.opt->payload_bytes, ask.payload};
    if (ask.many) {
        Quintet__Rpctest__V1__EchoManyRequest in = QUINTET__RPCTEST__V1__ECHO_MANY_REQUEST__INIT;
        in.data = data;
        qn_request_start(&slot->request, ask.client, &quintet_rpctest_v1_test_service_echo_many, &in,
                         &slot->ctx, &slot->arena, on_answer);
    } else {
        Quintet__Rpctest__V1__EchoRequest in = QUINTET__RPCTEST__V1__ECHO_REQUEST__INIT;
        in.data = data;
        qn_request_start(&slot->request, ask.client, &quintet_rpctest_v1_test_service_echo, &in, &slot->ctx,
                         &slot->arena, on_answer);
    }
}

/* A wrong answer is worth nothing, however fast. */
static void expect_echo(const struct qn_request *request)
{
    if (request->status != QN_OK) {
        fprintf(stderr, "quintet-echo: %s: %.*s\n", qn_status_name(request->status),
                (int)request->message.len, request->message.ptr);
        exit(1);
    }
    const ProtobufCBinaryData *data =
        ask.many ? &((const Quintet__Rpctest__V1__EchoManyResponse *)request->out)->data
                 : &((const Quintet__Rpctest__V1__EchoResponse *)request->out)->data;
    if (data->len != ask.opt->payload_bytes ||
        (data->len > 0 && memcmp(data->data, ask.payload, data->len) != 0)) {
        fputs("quintet-echo: an answer is not what was sent\n", stderr);
        exit(1);
    }
    if (ask.many)
        ask.together += ((const Quintet__Rpctest__V1__EchoManyResponse *)request->out)->together;
    ask.answered++;
}

static void on_closed(void *context)
{
    (void)context;
}

static void on_answer(struct qn_request *request)
{
    struct slot *slot = container_of(request, struct slot, request);
    if (!ask.over)
        measure_call(&ask.measure, slot->begun_ns);
    expect_echo(request);
    qn_arena_fini(&slot->arena);
    if (!ask.over) {
        start(slot);
    } else if (--ask.under_way == 0) {
        qn_client_close(ask.client, on_closed, NULL);
    }
}

static void on_end(struct qn_timer *timer)
{
    (void)timer;
    measure_end(&ask.measure, ask.opt, "quintet");
    if (ask.many)
        fprintf(stderr, "%.1f calls a message\n", (double)ask.together / (double)ask.answered);
    ask.over = true;
}

static void on_warm(struct qn_timer *timer)
{
    ask.together = ask.answered = 0;
    measure_begin(&ask.measure, ask.opt);
    qn_timer_start(ask.loop, timer, (uint64_t)(ask.opt->seconds * 1000), on_end);
}

int echo_ask(const struct measure_options *opt)
{
    ask.opt = opt;
    ask.many = strcmp(opt->method, "many") == 0;
    ask.payload = malloc(opt->payload_bytes + 1);
    QN_CHECK(ask.payload);
    for (size_t i = 0; i < opt->payload_bytes; i++)
        ask.payload[i] = (uint8_t)(i * 7);
    QN_CHECK(qn_loop_new(&ask.loop) == QN_OK);
    struct qn_client_options options = {.name = "echo", .address = opt->address};
    struct qn_error err = {0};
    if (qn_client_open(ask.loop, &options, &ask.client, &err) != QN_OK) {
        fprintf(stderr, "quintet-echo: %s\n", err.message);
        return 1;
    }
    struct slot *slots = calloc(opt->in_flight, sizeof(*slots));
    QN_CHECK(slots);
    ask.under_way = opt->in_flight;
    for (size_t i = 0; i < opt->in_flight; i++) {
        qn_arena_init(&slots[i].arena, CALL_ARENA_BYTES);
        start(&slots[i]);
    }
    qn_timer_start(ask.loop, &ask.timer, (uint64_t)(opt->warmup_s * 1000), on_warm);
    qn_loop_run(ask.loop);
    free(slots);
    free(ask.payload);
    return qn_loop_free(ask.loop) ? 0 : 1;
}
