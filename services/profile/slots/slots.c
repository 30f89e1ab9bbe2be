#include "services/profile/slots/slots.h"

#include <stdlib.h>

#include "common/core/check.h"
#include "common/core/clock.h"
#include "common/core/id.h"
#include "services/profile/slots/private.h"

/* Open → who is there? (a round with all that are found, or half a second) → claims, asks and gives, as
 * share.h decides; a round each second and whenever something changes → draining: the others are told, the
 * pool gives back what it has → closing: the last word is said → gone.
 *
 * Whatever happens is noted and acted on in 'turn', once in a turn of the loop. Nothing here is done for a
 * call of a client's. */

enum {
    SETTLE_LIMIT_MS = 500,
    ROUND_EVERY_MS = 1000,
    ASK_AGAIN_MS = 50, /* and up to as much more, at random */
};

static struct qn_metric allowed_metric = {
    .name = "quintet_pg_slots_allowed",
    .help = "Connections of the shared budget that this process may hold.",
    .kind = QN_GAUGE,
};
static struct qn_metric processes_metric = {
    .name = "quintet_pg_slots_processes",
    .help = "Processes that share the budget, as this one sees them.",
    .kind = QN_GAUGE,
};
static struct qn_metric handed_over_metric = {
    .name = "quintet_pg_slots_handed_over_total",
    .help = "Connections handed over: given to another process, or taken from one.",
    .kind = QN_COUNTER,
    .labels = {"way"},
};

/* Deciding. */

static void on_turn(struct qn_later *later);

void slots_wake(struct slots *slots)
{
    qn_later_start(slots->loop, &slots->turn, on_turn);
}

void slots_apply(struct slots *slots)
{
    if (slots->closing)
        return;
    pg_pool_allow(slots->options.pool, slots->share.allowance, slots->draining ? "shutdown" : "handed over");
    slots_wake(slots);
}

static void on_tick(struct qn_timer *timer)
{
    struct slots *slots = container_of(timer, struct slots, tick);
    slots->dirty = true;
    slots_wake(slots);
}

static void on_pause_over(struct qn_timer *timer)
{
    struct slots *slots = container_of(timer, struct slots, pause);
    slots->waited = true;
    slots_wake(slots);
}

void slots_pause_asking(struct slots *slots)
{
    uint32_t random;
    qn_random_bytes(&random, sizeof random);
    if (!slots->closing)
        qn_timer_start(slots->loop, &slots->pause, ASK_AGAIN_MS + random % ASK_AGAIN_MS, on_pause_over);
}

static void begin_round(struct slots *slots)
{
    slots->running = true;
    slots->dirty = false;
    slots_talk_report(slots);
    if (!slots->closing)
        qn_timer_start(slots->loop, &slots->tick, ROUND_EVERY_MS, on_tick);
}

static void end_round(struct slots *slots)
{
    slots->running = false;
    if (!slots->settled)
        qn_timer_cancel(slots->loop, &slots->pause);
    slots->settled = true;
    if (slots->claiming && slots_share_claimed(&slots->share, qn_clock_now_ms())) {
        slots->dirty = true;
        slots_apply(slots);
    }
    slots->claiming = false;
}

static void tell_people(struct slots *slots)
{
    struct slots_view view = slots_share_view(&slots->share, qn_clock_now_ms());
    qn_metric_set(slots->processes, view.processes);
    qn_metric_set(slots->allowed, slots->share.allowance);
    if (view.too_many && !slots->too_many_told && !slots->draining) {
        qn_log(&slots->log, QN_WARN, "too many processes: this one waits until another ends",
               QN_F_C("role", slots->options.role), QN_F_INT("processes", view.processes),
               QN_F_INT("connections", view.budget));
    } else if (slots->too_many_told && !view.too_many) {
        qn_log(&slots->log, QN_INFO, "has a place among the processes now",
               QN_F_INT("processes", view.processes));
    }
    slots->too_many_told = view.too_many;
}

/* Decides, and acts, until there is something to be waited for. Each decision is followed by a round, so none
 * can go on for ever without a wait unless nobody else is there; then two are all there is to be done. */
static void decide(struct slots *slots)
{
    enum { STEPS_MAX = 8 };
    for (int i = 0; i < STEPS_MAX; i++) {
        if (slots->running && slots->open > 0)
            return;
        if (slots->running)
            end_round(slots);
        if (slots->dirty || !slots->settled) {
            begin_round(slots);
            continue;
        }
        if (slots->closing || slots->ask.busy || qn_timer_active(&slots->pause))
            return;
        uint64_t process;
        switch (slots_share_next(&slots->share, qn_clock_now_ms(), &process)) {
        case SLOTS_REST:
            return;
        case SLOTS_AGAIN:
            slots_apply(slots);
            slots->dirty = true;
            break;
        case SLOTS_CLAIM:
            slots->claiming = true;
            slots->dirty = true;
            break;
        case SLOTS_ASK:
            if (!slots_talk_ask(slots, process))
                slots_pause_asking(slots);
            return;
        }
    }
}

static void on_drain_told(struct slots *slots)
{
    void (*drained)(void *context) = slots->drained;
    slots->drained = NULL;
    if (drained)
        drained(slots->drained_context);
}

static void on_client_closed(void *context)
{
    struct slots *slots = context;
    void (*closed)(void *context) = slots->closed;
    void *closed_context = slots->closed_context;
    qn_later_cancel(slots->loop, &slots->turn);
    slots_serve(NULL);
    free(slots);
    if (closed)
        closed(closed_context);
}

static void on_turn(struct qn_later *later)
{
    struct slots *slots = container_of(later, struct slots, turn);
    if (!slots->settled && !slots->waited && !slots->closing && !slots_talk_all_there(slots))
        return;
    decide(slots);
    tell_people(slots);
    if (!slots->closing)
        pg_pool_elsewhere(slots->options.pool, slots_share_elsewhere_ms(&slots->share, qn_clock_now_ms()));
    bool all_told = !slots->running && !slots->dirty;
    if (slots->draining && all_told && !slots->closing)
        on_drain_told(slots);
    if (slots->closing && all_told && !slots->client_closing) {
        slots->client_closing = true;
        qn_client_close(slots->client, on_client_closed, slots);
    }
}

/* The pool's connections. */

static void on_pool_changed(void *context)
{
    struct slots *slots = context;
    slots_share_uses(&slots->share, (unsigned)pg_pool_slots(slots->options.pool),
                     pg_pool_refused(slots->options.pool));
    if (pg_pool_draining(slots->options.pool))
        slots_share_drain(&slots->share, slots->share.in_use);
    if (slots->asker && slots_share_given(&slots->share))
        slots_answer_asker(slots, true);
    slots->dirty = true;
    slots_wake(slots);
}

/* The others. */

static void on_peers_changed(void *context)
{
    slots_talk_peers_changed(context);
}

/* Life. */

enum qn_status slots_open(struct qn_loop *loop, const struct slots_options *options, struct slots **ret_slots,
                          struct qn_error *err)
{
    struct slots *slots = calloc(1, sizeof *slots);
    if (!slots)
        return qn_error_set(err, QN_RESOURCE_EXHAUSTED, "out of memory");
    slots->loop = loop;
    slots->options = *options;
    slots->options.peers.peers_changed = on_peers_changed;
    slots->options.peers.context = slots;
    slots->log.name = "slots";
    uint64_t self = 0;
    while (self == 0)
        qn_random_bytes(&self, sizeof self);
    slots_share_init(&slots->share, self, options->limit);
    enum qn_status status = qn_client_open(loop, &slots->options.peers, &slots->client, err);
    if (status != QN_OK) {
        free(slots);
        return status;
    }
    slots->allowed = qn_metric_series(&allowed_metric, NULL, NULL, NULL);
    slots->processes = qn_metric_series(&processes_metric, NULL, NULL, NULL);
    slots->given = qn_metric_series(&handed_over_metric, "given", NULL, NULL);
    slots->taken = qn_metric_series(&handed_over_metric, "taken", NULL, NULL);
    pg_pool_watch(options->pool, on_pool_changed, slots);
    slots_serve(slots);
    qn_timer_start(loop, &slots->pause, SETTLE_LIMIT_MS, on_pause_over);
    *ret_slots = slots;
    return QN_OK;
}

bool slots_ready(const struct slots *slots, struct qn_buf *detail)
{
    struct slots_view view = slots_share_view(&slots->share, qn_clock_now_ms());
    if (view.too_many)
        qn_buf_printf(detail,
                      "%u processes share the %u connections of role \"%s\": at most %u may run at once",
                      view.processes, view.budget, slots->options.role, view.budget);
    else if (slots->share.allowance == 0)
        qn_buf_printf(detail, "waits for one of the %u connections of role \"%s\"", view.budget,
                      slots->options.role);
    else
        qn_buf_printf(detail, "%u of the %u connections of role \"%s\", which %u processes share",
                      slots->share.allowance, view.budget, slots->options.role, view.processes);
    return slots->share.allowance > 0;
}

void slots_look(const struct slots *slots, struct slots_look *ret_look)
{
    *ret_look = (struct slots_look){
        .processes = slots_share_view(&slots->share, qn_clock_now_ms()).processes,
        .given = slots->n_given,
        .taken = slots->share.taken,
    };
}

void slots_drain(struct slots *slots, void (*drained)(void *context), void *context)
{
    QN_CHECK(!slots->draining && !slots->closing);
    slots->draining = true;
    slots->drained = drained;
    slots->drained_context = context;
    slots->dirty = true;
    if (slots->asker)
        slots_answer_asker(slots, false);
    if (slots->ask.busy)
        qn_request_cancel(&slots->ask.request);
    slots_share_drain(&slots->share, 1);
    slots_apply(slots);
}

void slots_close(struct slots *slots, void (*closed)(void *context), void *context)
{
    QN_CHECK(!slots->closing);
    if (slots->asker)
        slots_answer_asker(slots, false);
    if (slots->ask.busy)
        qn_request_cancel(&slots->ask.request);
    slots->closing = true;
    slots->closed = closed;
    slots->closed_context = context;
    pg_pool_watch(slots->options.pool, NULL, NULL);
    slots_share_drain(&slots->share, 0);
    qn_timer_cancel(slots->loop, &slots->tick);
    qn_timer_cancel(slots->loop, &slots->pause);
    slots_wake(slots);
}
