#include "tests/harness/rpc_service.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "common/core/check.h"
#include "common/core/clock.h"

QUINTET_RPCTEST_V1_TEST_SERVICE_HANDLERS(rpc_service_handlers, rpc_service_)

struct rpc_service rpc_service;

enum { HELD_MAX = 8192 };
static struct {
    struct qn_call *call;
    unsigned together;
} held[HELD_MAX];
static size_t n_held;

void rpc_service_reset(void)
{
    QN_CHECK(n_held == 0);
    rpc_service = (struct rpc_service){0};
}

size_t rpc_service_held(void)
{
    return n_held;
}

/* O_APPEND: lines of several processes never mix. */
static void write_journal(unsigned long long number)
{
    if (rpc_service.journal == NULL)
        return;
    char line[32];
    int len = snprintf(line, sizeof(line), "%llu\n", number);
    int fd = open(rpc_service.journal, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0600);
    QN_CHECK(fd >= 0 && write(fd, line, (size_t)len) == len);
    close(fd);
}

static char *text(struct qn_call *call, struct qn_str view)
{
    char *copy = qn_arena_copy(call->arena, view.ptr, view.len);
    QN_CHECK(copy != NULL);
    return copy;
}

static void answer_echo(struct qn_call *call)
{
    const Quintet__Rpctest__V1__EchoRequest *in = call->in;
    Quintet__Rpctest__V1__EchoResponse out = QUINTET__RPCTEST__V1__ECHO_RESPONSE__INIT;
    for (size_t i = 0; i < rpc_service.n_cookies; i++)
        qn_call_set_cookie(call, rpc_service.cookies[i]);
    if (rpc_service.fault != NULL) {
        qn_call_fail(call, rpc_service.fault);
        return;
    }
    size_t len = in->data.len + in->more_bytes;
    uint8_t *data = qn_arena_zalloc(call->arena, len);
    if (data == NULL) {
        qn_call_fail_with(call, .status = QN_RESOURCE_EXHAUSTED);
        return;
    }
    if (in->data.len > 0)
        memcpy(data, in->data.data, in->data.len);
    out.text = in->text;
    out.data = (ProtobufCBinaryData){len, data};
    out.user_id = text(call, call->ctx.caller.user_id);
    out.bearer = text(call, call->ctx.credentials.bearer);
    out.request_id = text(call, call->ctx.request_id);
    out.left_ms = qn_clock_left_ms(call->ctx.deadline_ms);
    out.pid = getpid();
    qn_call_reply(call, &out);
}

static void answer(struct qn_call *call, unsigned together)
{
    if (call->method == &quintet_rpctest_v1_test_service_echo) {
        answer_echo(call);
    } else if (call->method == &quintet_rpctest_v1_test_service_echo_many) {
        const Quintet__Rpctest__V1__EchoManyRequest *in = call->in;
        Quintet__Rpctest__V1__EchoManyResponse out = QUINTET__RPCTEST__V1__ECHO_MANY_RESPONSE__INIT;
        out.number = in->number;
        out.together = together;
        qn_call_reply(call, &out);
    } else if (call->method == &quintet_rpctest_v1_test_service_once) {
        const Quintet__Rpctest__V1__OnceRequest *in = call->in;
        Quintet__Rpctest__V1__OnceResponse out = QUINTET__RPCTEST__V1__ONCE_RESPONSE__INIT;
        out.data.len = in->more_bytes;
        out.data.data = qn_arena_zalloc(call->arena, in->more_bytes);
        QN_CHECK(out.data.data != NULL);
        qn_call_reply(call, &out);
    } else {
        Quintet__Rpctest__V1__AgainResponse out = QUINTET__RPCTEST__V1__AGAIN_RESPONSE__INIT;
        out.pid = getpid();
        qn_call_reply(call, &out);
    }
}

static void serve(struct qn_call *call, unsigned together)
{
    rpc_service.n_calls++;
    if (rpc_service.refuse) {
        qn_call_fail_with(call, .status = QN_UNAVAILABLE, .not_executed = true);
    } else if (rpc_service.hold) {
        QN_CHECK(n_held < HELD_MAX);
        held[n_held].call = call;
        held[n_held++].together = together;
    } else {
        answer(call, together);
    }
}

void rpc_service_release(bool backwards)
{
    size_t n = n_held;
    n_held = 0;
    for (size_t i = 0; i < n; i++) {
        size_t at = backwards ? n - 1 - i : i;
        answer(held[at].call, held[at].together);
    }
}

void rpc_service_echo(struct qn_call *call)
{
    serve(call, 1);
}

void rpc_service_echo_many(struct qn_call **calls, size_t n_calls)
{
    rpc_service.n_messages++;
    if (n_calls > rpc_service.largest_batch)
        rpc_service.largest_batch = n_calls;
    for (size_t i = 0; i < n_calls; i++)
        serve(calls[i], (unsigned)n_calls);
}

void rpc_service_once(struct qn_call *call)
{
    write_journal(((const Quintet__Rpctest__V1__OnceRequest *)call->in)->number);
    serve(call, 1);
}

void rpc_service_again(struct qn_call *call)
{
    write_journal(((const Quintet__Rpctest__V1__AgainRequest *)call->in)->number);
    serve(call, 1);
}
