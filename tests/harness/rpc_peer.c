#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>

#include "common/core/check.h"
#include "common/loop/signal.h"
#include "tests/harness/rpc_service.h"

/* rpc_peer ADDRESS JOURNAL [hold]: serves the test service until SIGTERM, then drains and closes. Says
 * "ready <address>" on stdout once it listens. */

enum { DRAIN_LIMIT_MS = 20000 };

static struct qn_server *server;
static struct qn_signal *term;

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
    puts("draining");
    fflush(stdout);
    qn_server_drain(server, DRAIN_LIMIT_MS, on_drained, NULL);
}

int main(int argc, char **argv)
{
    prctl(PR_SET_PDEATHSIG, SIGKILL); /* it never outlives the test */
    QN_CHECK(argc >= 3);
    rpc_service.journal = argv[2];
    rpc_service.hold = argc > 3 && strcmp(argv[3], "hold") == 0;
    rpc_service.refuse = argc > 3 && strcmp(argv[3], "refuse") == 0;
    struct qn_loop *loop;
    QN_CHECK(qn_loop_new(&loop) == QN_OK);
    static const struct qn_handlers *const handlers[] = {&rpc_service_handlers};
    struct qn_server_options options = {.listen = argv[1], .handlers = handlers, .n_handlers = 1};
    struct qn_error err = {0};
    if (qn_server_open(loop, &options, &server, &err) != QN_OK) {
        fprintf(stderr, "rpc_peer: %s\n", err.message);
        return 1;
    }
    QN_CHECK(qn_signal_open(loop, SIGTERM, on_term, NULL, &term) == QN_OK);
    printf("ready %s\n", qn_server_address(server));
    fflush(stdout);
    qn_loop_run(loop);
    return qn_loop_free(loop) ? 0 : 1;
}
