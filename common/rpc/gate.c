#include "common/rpc/gate.h"

#include <stdlib.h>

#include "common/core/check.h"
#include "common/core/log.h"
#include "common/core/metric.h"

/* nng_close() takes a millisecond when it comes back at all. */
enum { PATIENCE_MS = 3000 };

struct qn_gate {
    struct qn_loop *loop;
    struct qn_post *post;
    size_t n_gated;
    struct qn_series *given_up;
    struct qn_later later;
    bool closing;
    void (*closed)(void *context);
    void *context;
};

/* The end of a stop, from its thread. */
struct farewell {
    struct qn_gate_event event;
};

static struct qn_metric given_up_metric = {
    .name = "quintet_rpc_given_up_total",
    .help = "Connections and listeners that nng did not close in time; their memory is lost",
    .kind = QN_COUNTER,
};

static void take(void *context, struct qn_node *node)
{
    (void)context;
    struct qn_gate_event *event = container_of(node, struct qn_gate_event, node);
    event->run(event);
}

enum qn_status qn_gate_open(struct qn_loop *loop, struct qn_gate **ret_gate)
{
    struct qn_gate *gate = calloc(1, sizeof(*gate));
    if (gate == NULL)
        return QN_RESOURCE_EXHAUSTED;
    gate->loop = loop;
    gate->given_up = qn_metric_series(&given_up_metric, NULL, NULL, NULL);
    enum qn_status status = qn_post_open(loop, take, NULL, &gate->post);
    if (status != QN_OK) {
        free(gate);
        return status;
    }
    *ret_gate = gate;
    return QN_OK;
}

static void on_post_closed(void *context)
{
    struct qn_gate *gate = context;
    void (*closed)(void *context) = gate->closed;
    void *closed_context = gate->context;
    free(gate);
    closed(closed_context);
}

static void close_if_empty(struct qn_gate *gate)
{
    if (!gate->closing || gate->n_gated > 0)
        return;
    gate->closing = false;
    qn_post_close(gate->post, on_post_closed, gate);
}

void qn_gate_close(struct qn_gate *gate, void (*closed)(void *context), void *context)
{
    QN_CHECK(closed != NULL && gate->closed == NULL);
    gate->closed = closed;
    gate->context = context;
    gate->closing = true;
    close_if_empty(gate);
}

struct qn_loop *qn_gate_loop(const struct qn_gate *gate)
{
    return gate->loop;
}

void qn_gate_hold(struct qn_gate *gate)
{
    gate->n_gated++;
}

void qn_gate_release(struct qn_gate *gate)
{
    gate->n_gated--;
    close_if_empty(gate);
}

void qn_gate_enter(struct qn_gate *gate, struct qn_gated *gated, void (*stop)(struct qn_gated *gated),
                   void (*gone)(struct qn_gated *gated))
{
    *gated = (struct qn_gated){.gate = gate, .stop = stop, .gone = gone};
    pthread_mutex_init(&gated->lock, NULL);
    gate->n_gated++;
}

void qn_gate_ring(struct qn_gate_event *event)
{
    struct qn_gated *gated = event->gated;
    pthread_mutex_lock(&gated->lock);
    if (!gated->shut)
        qn_post(gated->gate->post, &event->node);
    pthread_mutex_unlock(&gated->lock);
}

static void end(struct qn_gated *gated)
{
    struct qn_gate *gate = gated->gate;
    qn_timer_cancel(gate->loop, &gated->patience);
    if (!gated->given_up) {
        /* The last to ring may still be letting go of the lock. */
        pthread_mutex_lock(&gated->lock);
        pthread_mutex_unlock(&gated->lock);
        pthread_mutex_destroy(&gated->lock);
    }
    gate->n_gated--;
    gated->gone(gated); /* may free it */
    close_if_empty(gate);
}

static void on_farewell(struct qn_gate_event *event)
{
    struct qn_gated *gated = event->gated;
    free(container_of(event, struct farewell, event));
    if (!gated->given_up)
        end(gated);
}

static void *run_stop(void *arg)
{
    struct farewell *farewell = arg;
    struct qn_gated *gated = farewell->event.gated;
    gated->stop(gated);
    /* Of the two that want to end it, this thread and the timer, one comes first. */
    pthread_mutex_lock(&gated->lock);
    bool shut = gated->shut;
    if (!shut) {
        gated->shut = true; /* the last event */
        qn_post(gated->gate->post, &farewell->event.node);
    }
    pthread_mutex_unlock(&gated->lock);
    if (shut)
        free(farewell);
    return NULL;
}

static void on_impatient(struct qn_timer *timer)
{
    struct qn_gated *gated = container_of(timer, struct qn_gated, patience);
    pthread_mutex_lock(&gated->lock);
    bool late = gated->shut; /* the farewell is on its way */
    gated->shut = true;
    pthread_mutex_unlock(&gated->lock);
    if (late)
        return;
    gated->given_up = true;
    qn_metric_add(gated->gate->given_up, 1);
    qn_log(NULL, QN_ERROR, "nng does not close; its memory is given up");
    end(gated);
}

void qn_gate_leave(struct qn_gated *gated)
{
    QN_CHECK(!gated->going);
    gated->going = true;
    struct farewell *farewell = calloc(1, sizeof(*farewell));
    QN_CHECK(farewell != NULL); /* a few bytes, without which nothing could be told */
    farewell->event = (struct qn_gate_event){.gated = gated, .run = on_farewell};
    qn_timer_start(gated->gate->loop, &gated->patience, PATIENCE_MS, on_impatient);

    pthread_attr_t attributes;
    pthread_t thread;
    pthread_attr_init(&attributes);
    pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
    if (pthread_create(&thread, &attributes, run_stop, farewell) != 0)
        run_stop(farewell);
    pthread_attr_destroy(&attributes);
}

void qn_gate_leave_now(struct qn_gated *gated)
{
    QN_CHECK(!gated->going);
    gated->going = true;
    gated->stop(gated);
    pthread_mutex_lock(&gated->lock);
    gated->shut = true;
    pthread_mutex_unlock(&gated->lock);
    end(gated);
}
