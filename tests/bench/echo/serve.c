#include <signal.h>
#include <stdio.h>

#include "common/core/check.h"
#include "common/loop/signal.h"
#include "common/rpc/server.h"
#include "rpctest.qn.h"
#include "tests/bench/echo/echo.h"

QUINTET_RPCTEST_V1_TEST_SERVICE_HANDLERS(handlers, serve_)

enum { DRAIN_LIMIT_MS = 2000 };

static struct qn_server *server;
static struct qn_signal *term;

void serve_echo(struct qn_call *call)
{
    const Quintet__Rpctest__V1__EchoRequest *in = call->in;
    Quintet__Rpctest__V1__EchoResponse out = QUINTET__RPCTEST__V1__ECHO_RESPONSE__INIT;
    out.data = in->data;
    qn_call_reply(call, &out);
}

void serve_echo_many(struct qn_call **calls, size_t n_calls)
{
    for (size_t i = 0; i < n_calls; i++) {
        const Quintet__Rpctest__V1__EchoManyRequest *in = calls[i]->in;
        Quintet__Rpctest__V1__EchoManyResponse out = QUINTET__RPCTEST__V1__ECHO_MANY_RESPONSE__INIT;
        out.data = in->data;
        out.together = (uint32_t)n_calls;
        qn_call_reply(calls[i], &out);
    }
}

void serve_once(struct qn_call *call)
{
    qn_call_fail_with(call, .status = QN_UNIMPLEMENTED);
}

void serve_again(struct qn_call *call)
{
    qn_call_fail_with(call, .status = QN_UNIMPLEMENTED);
}

static void on_closed(void *context)
{
    (void)context;
}

static void on_drained(void *context)
{
    (void)context;
    qn_server_close(server, on_closed, NULL);
}

static void on_term(void *context, int number)
{
    (void)context, (void)number;
    qn_signal_close(term);
    qn_server_drain(server, DRAIN_LIMIT_MS, on_drained, NULL);
}

int echo_serve(const struct measure_options *opt)
{
    static const struct qn_handlers *const tables[] = {&handlers};
    struct qn_server_options options = {.listen = opt->address, .handlers = tables, .n_handlers = 1};
    struct qn_error err = {0};
    struct qn_loop *loop;
    QN_CHECK(qn_loop_new(&loop) == QN_OK);
    if (qn_server_open(loop, &options, &server, &err) != QN_OK) {
        fprintf(stderr, "quintet-echo: %s\n", err.message);
        return 1;
    }
    QN_CHECK(qn_signal_open(loop, SIGTERM, on_term, NULL, &term) == QN_OK);
    printf("ready %s\n", qn_server_address(server));
    fflush(stdout);
    qn_loop_run(loop);
    return qn_loop_free(loop) ? 0 : 1;
}
