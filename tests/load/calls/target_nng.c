#include <stdlib.h>

#include "common/core/check.h"
#include "common/core/clock.h"
#include "common/rpc/client.h"
#include "tests/load/calls/targets.h"
#include "tests/load/engine/engine.h"

/* A service over nng, by the rpc client that the services themselves use: what is due in one turn of the loop
 * leaves in one message, as it does from a gateway. */

enum {
    CONTEXTS_MAX = 64,          /* the client's limit of messages under way */
    CONTEXTS_A_CALL = 2,        /* no method may have more than half of them, and there may be only one */
    CALL_ARENA_BYTES = 8 << 20, /* the largest answer is half of it */
    WAIT_FOR_PEER_MS = 2000,    /* as the services' clients wait */
};

struct nng_target {
    struct load_target target;
    struct load_target_options options;
    struct qn_client **clients;
    size_t n_clients, next, n_closed;
    void (*closed)(void *context);
    void *closed_context;
};

struct nng_call {
    struct load_call call;
    struct qn_request request;
    struct qn_context ctx;
    struct qn_arena arena;
};

static void on_done(struct qn_request *request)
{
    struct nng_call *call = container_of(request, struct nng_call, request);
    enum qn_status status = request->status;
    qn_arena_fini(&call->arena);
    load_engine_ended(&call->call, status);
}

static void start(struct load_target *target, struct load_call *base)
{
    struct nng_target *t = container_of(target, struct nng_target, target);
    struct nng_call *call = container_of(base, struct nng_call, call);
    struct qn_client *client = t->clients[t->next];
    t->next = t->next + 1 == t->n_clients ? 0 : t->next + 1;
    qn_arena_init(&call->arena, CALL_ARENA_BYTES);
    call->ctx.deadline_ms = qn_clock_now_ms() + t->options.timeout_ms;
    if (!t->options.callers)
        call->ctx.credentials.cookie = base->ask.cookie;
    call->ctx.caller.known = t->options.caller || t->options.callers;
    call->ctx.caller.user_id = t->options.callers ? base->ask.cookie : qn_str_c(t->options.caller);
    qn_request_start_packed(&call->request, client, load_calls_rpc(t->options.calls, base->ask.method),
                            base->ask.payload, &call->ctx, &call->arena, on_done);
}

static bool ready(const struct load_target *target)
{
    const struct nng_target *t = container_of(target, struct nng_target, target);
    for (size_t i = 0; i < t->n_clients; i++)
        if (!qn_client_ready(t->clients[i]))
            return false;
    return true;
}

static void on_closed(void *context)
{
    struct nng_target *t = context;
    if (++t->n_closed < t->n_clients)
        return;
    void (*closed)(void *context) = t->closed;
    void *closed_context = t->closed_context;
    free(t->clients);
    free(t);
    if (closed)
        closed(closed_context);
}

static void close_all(struct load_target *target, void (*closed)(void *context), void *context)
{
    struct nng_target *t = container_of(target, struct nng_target, target);
    t->closed = closed;
    t->closed_context = context;
    for (size_t i = 0, n = t->n_clients; i < n; i++)
        qn_client_close(t->clients[i], on_closed, t);
}

enum qn_status load_target_nng_open(struct qn_loop *loop, const struct load_target_options *options,
                                    struct load_target **ret_target, struct qn_error *err)
{
    struct nng_target *t = calloc(1, sizeof *t);
    if (t)
        t->clients = calloc(options->connections, sizeof *t->clients);
    if (!t || !t->clients) {
        free(t);
        return qn_error_set(err, QN_RESOURCE_EXHAUSTED, "out of memory");
    }
    t->options = *options;
    t->target = (struct load_target){
        .call_bytes = sizeof(struct nng_call), .start = start, .ready = ready, .close = close_all};
    size_t places = (options->concurrency + options->connections - 1) / options->connections;
    size_t contexts = CONTEXTS_A_CALL * places;
    uint64_t wait_ms = options->timeout_ms / 2; /* so that "nobody is there" comes before "too late" */
    struct qn_client_options client_options = {
        .name = "target",
        .address = options->address,
        .tls_certificate_file = options->tls_certificate_file,
        .tls_key_file = options->tls_key_file,
        .tls_ca_file = options->tls_ca_file,
        .contexts = contexts < CONTEXTS_MAX ? contexts : CONTEXTS_MAX,
        .queue_max = options->concurrency,
        .wait_for_peer_ms = wait_ms == 0                 ? 1
                            : wait_ms < WAIT_FOR_PEER_MS ? wait_ms
                                                         : WAIT_FOR_PEER_MS,
    };
    enum qn_status status = QN_OK;
    while (status == QN_OK && t->n_clients < options->connections) {
        status = qn_client_open(loop, &client_options, &t->clients[t->n_clients], err);
        t->n_clients += status == QN_OK;
    }
    if (status == QN_OK) {
        *ret_target = &t->target;
    } else if (t->n_clients > 0) {
        close_all(&t->target, NULL, NULL);
    } else {
        free(t->clients);
        free(t);
    }
    return status;
}
