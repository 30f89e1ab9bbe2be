#include "tests/load/engine/engine.h"

#include <stdlib.h>
#include <string.h>

#include "common/core/check.h"
#include "tests/load/engine/verdict.h"

/* A run:
 *
 *   begin ── warm-up ──▶ counted_from ── counted ──▶ until ── the last answers ──▶ done
 *
 * A turn starts what is due as long as places are free; it comes when the clock says so and when a call ends.
 * Whether a call is counted is decided by when it was due, so answers of the warm-up that come late are not
 * mixed in. */

enum { NS_PER_MS = 1000000 };
#define NS_PER_S UINT64_C(1000000000)

/* Arrivals that never got a place are counted one by one up to here, beyond in as many equal groups. */
enum { UNSTARTED_STEPS_MAX = 1000000 };

struct load_engine {
    struct load_engine_options options;
    const struct load_asked *asked;
    struct load_result *result;
    struct load_schedule schedule;
    uint64_t begin_ns, counted_from_ns, until_ns;
    uint64_t wake_ns; /* asked of the clock */
    bool counting, all_started, over;

    char *calls; /* a place each, of target->call_bytes */
    struct load_call *free_calls;
    uint64_t free_since_ns; /* since when there has been a free place without a break */
    uint32_t in_flight;

    uint64_t second_ends_ns;
    struct load_second second; /* the one that runs */
    struct load_hist second_latency;
    size_t seconds_room;
    uint64_t last_counted_ns; /* the last counted call ended */

    uint64_t all_ended, all_errors; /* warm-up included */
    uint64_t live_p50_ns, live_p99_ns;
    uint64_t thread_cpu_ns, process_cpu_ns; /* at counted_from */
};

static uint64_t now_of(struct load_engine *engine)
{
    return engine->options.clock->now_ns(engine->options.clock);
}

/* Seconds. */

static void close_second(struct load_engine *engine)
{
    struct load_second *second = &engine->second;
    struct load_result *result = engine->result;
    engine->live_p50_ns = second->p50_ns = load_hist_at(&engine->second_latency, 0.5);
    engine->live_p99_ns = second->p99_ns = load_hist_at(&engine->second_latency, 0.99);
    second->max_ns = engine->second_latency.max_ns;
    second->in_flight = engine->in_flight;
    second->connections =
        engine->options.connections ? engine->options.connections(engine->options.context) : -1;
    if (engine->counting && result->n_seconds < engine->seconds_room)
        result->seconds[result->n_seconds++] = *second;
    *second = (struct load_second){0};
    if (engine->second_latency.count > 0)
        engine->second_latency = (struct load_hist){0};
}

static void begin_counting(struct load_engine *engine)
{
    struct load_clock *clock = engine->options.clock;
    engine->counting = true;
    clock->cpu_ns(clock, &engine->thread_cpu_ns, &engine->process_cpu_ns);
    if (engine->options.counting)
        engine->options.counting(engine->options.context);
}

/* Closes the seconds that are over. The warm-up's last one may be short, so that the counted ones begin anew.
 */
static void roll(struct load_engine *engine, uint64_t now_ns)
{
    while (now_ns >= engine->second_ends_ns) {
        close_second(engine);
        if (!engine->counting && engine->second_ends_ns == engine->counted_from_ns)
            begin_counting(engine);
        engine->second_ends_ns += NS_PER_S;
        if (!engine->counting && engine->second_ends_ns > engine->counted_from_ns)
            engine->second_ends_ns = engine->counted_from_ns;
    }
}

/* The end. */

static void count_unstarted(struct load_engine *engine, struct load_schedule schedule)
{
    struct load_result *result = engine->result;
    uint64_t until = engine->until_ns - engine->begin_ns, from = engine->counted_from_ns - engine->begin_ns;
    uint64_t left = 0, step = 1;
    double expected = load_schedule_calls_by(&schedule, until) - schedule.mark;
    if (expected > UNSTARTED_STEPS_MAX)
        step = (uint64_t)(expected / UNSTARTED_STEPS_MAX) + 1;
    while (schedule.next_ns < until) {
        if (schedule.next_ns >= from) {
            load_hist_add(&result->latency, until - schedule.next_ns, step);
            left += step;
        }
        schedule.mark += (double)(step - 1);
        load_schedule_advance(&schedule);
    }
    result->not_started = left;
}

static void finish(struct load_engine *engine)
{
    struct load_clock *clock = engine->options.clock;
    struct load_result *result = engine->result;
    uint64_t now_ns = now_of(engine), thread_ns, process_ns;
    clock->wake_at(clock, UINT64_MAX);
    if (engine->counting) {
        roll(engine, now_ns);
        if (engine->second.started > 0 || engine->second.ended > 0)
            close_second(engine);
        clock->cpu_ns(clock, &thread_ns, &process_ns);
        load_verdict_cpu(result, thread_ns - engine->thread_cpu_ns, process_ns - engine->process_cpu_ns,
                         now_ns - engine->counted_from_ns);
    }
    if (result->n_methods == 1)
        result->methods[0].latency = result->latency;
    if (engine->asked->mode == LOAD_OPEN)
        count_unstarted(engine, engine->schedule);
    /* A service that kept up has done what was scheduled in the time of the schedule. Otherwise, and in a
     * closed loop, the last answers belong to the time that all of them took. */
    uint64_t end_ns = engine->until_ns;
    if ((engine->asked->mode == LOAD_CLOSED || result->not_started > 0) && engine->last_counted_ns > end_ns)
        end_ns = engine->last_counted_ns;
    if (end_ns > engine->counted_from_ns)
        result->took_ms = (end_ns - engine->counted_from_ns + NS_PER_MS / 2) / NS_PER_MS;
    if (result->took_ms == 0)
        result->took_ms = 1;
    load_verdict(result);
    engine->options.done(engine->options.context); /* may free the engine */
}

/* Starting. */

static void start(struct load_engine *engine, uint64_t intended_ns, uint64_t now_ns)
{
    struct load_call *call = engine->free_calls;
    engine->free_calls = call->next_free;
    engine->in_flight++;
    call->intended_ns = intended_ns;
    call->started_ns = now_ns;
    call->counted = intended_ns >= engine->counted_from_ns;
    if (call->counted)
        engine->result->started++;
    if (call->counted || !engine->counting)
        engine->second.started++;
    if (engine->asked->mode == LOAD_OPEN) {
        uint64_t could_ns = intended_ns > engine->free_since_ns ? intended_ns : engine->free_since_ns;
        uint64_t lag_ns = now_ns > could_ns ? now_ns - could_ns : 0;
        if (call->counted)
            load_hist_record(&engine->result->lag, lag_ns);
        if (lag_ns > engine->second.lag_ns)
            engine->second.lag_ns = lag_ns;
    }
    load_calls_next(engine->options.calls, &call->ask);
    engine->options.target->start(engine->options.target, call);
}

/* Starts what is due; returns when to look again. */
static uint64_t start_due(struct load_engine *engine, uint64_t now_ns)
{
    if (engine->asked->mode == LOAD_CLOSED) {
        for (; engine->free_calls && now_ns < engine->until_ns; now_ns = now_of(engine))
            start(engine, now_ns, now_ns);
        return UINT64_MAX;
    }
    for (; engine->free_calls; now_ns = now_of(engine)) {
        uint64_t due_ns = engine->begin_ns + engine->schedule.next_ns;
        if (due_ns >= engine->until_ns)
            return UINT64_MAX;
        if (due_ns > now_ns)
            return due_ns;
        load_schedule_advance(&engine->schedule);
        start(engine, due_ns, now_ns);
    }
    return UINT64_MAX; /* the next end looks again */
}

static void turn(struct load_engine *engine, uint64_t now_ns)
{
    struct load_clock *clock = engine->options.clock;
    roll(engine, now_ns);
    uint64_t wake_ns = engine->second_ends_ns;
    if (!engine->all_started) {
        /* The turn that comes after the end, be it late, still starts what was due before it. */
        engine->all_started = now_ns >= engine->until_ns;
        uint64_t due_ns = start_due(engine, now_ns);
        wake_ns = due_ns < wake_ns ? due_ns : wake_ns;
        wake_ns = engine->until_ns < wake_ns && !engine->all_started ? engine->until_ns : wake_ns;
    }
    if (engine->all_started && engine->in_flight == 0 && !engine->over) {
        engine->over = true;
        finish(engine);
        return;
    }
    if (wake_ns != engine->wake_ns)
        clock->wake_at(clock, engine->wake_ns = wake_ns);
}

static void on_woken(void *context)
{
    struct load_engine *engine = context;
    engine->wake_ns = UINT64_MAX;
    turn(engine, now_of(engine));
}

void load_engine_ended(struct load_call *call, enum qn_status status)
{
    struct load_engine *engine = call->engine;
    struct load_result *result = engine->result;
    uint64_t now_ns = now_of(engine);
    uint64_t latency_ns = now_ns - call->intended_ns;
    roll(engine, now_ns);
    engine->all_ended++;
    engine->all_errors += status != QN_OK;
    if (call->counted || !engine->counting) {
        engine->second.ended++;
        engine->second.errors += status != QN_OK;
        load_hist_record(&engine->second_latency, latency_ns);
    }
    if (call->counted) {
        struct load_method *method = &result->methods[call->ask.method];
        result->ended++;
        result->codes[status]++;
        method->codes[status]++;
        load_hist_record(&result->latency, latency_ns);
        load_hist_record(&result->service, now_ns - call->started_ns);
        if (result->n_methods > 1) /* otherwise it is that of the whole, copied at the end */
            load_hist_record(&method->latency, latency_ns);
        engine->last_counted_ns = now_ns;
    }
    if (!engine->free_calls)
        engine->free_since_ns = now_ns;
    call->next_free = engine->free_calls;
    engine->free_calls = call;
    engine->in_flight--;
    turn(engine, now_ns);
}

void load_engine_stop(struct load_engine *engine)
{
    uint64_t now_ns = now_of(engine);
    if (now_ns < engine->until_ns)
        engine->until_ns = now_ns;
    /* In a turn of its own: 'done' never comes from within this call. */
    struct load_clock *clock = engine->options.clock;
    clock->wake_at(clock, engine->wake_ns = now_ns);
}

struct load_live load_engine_live(struct load_engine *engine)
{
    uint64_t now_ns = now_of(engine);
    struct load_live live = {
        .warming_up = !engine->counting,
        .left_ms = now_ns < engine->until_ns ? (engine->until_ns - now_ns) / NS_PER_MS : 0,
        .ended = engine->all_ended,
        .errors = engine->all_errors,
        .p50_ns = engine->live_p50_ns,
        .p99_ns = engine->live_p99_ns,
        .in_flight = engine->in_flight,
    };
    if (live.p99_ns == 0) {
        live.p50_ns = load_hist_at(&engine->second_latency, 0.5);
        live.p99_ns = load_hist_at(&engine->second_latency, 0.99);
    }
    return live;
}

/* Memory. */

static bool make_room(struct load_engine *engine)
{
    struct load_result *result = engine->result;
    const struct load_asked *asked = engine->asked;
    struct load_target *target = engine->options.target;
    engine->seconds_room = (asked->duration_ms + asked->timeout_ms) / 1000 + 8;
    result->seconds = qn_arena_array(&result->arena, engine->seconds_room, sizeof *result->seconds);
    result->n_methods = load_calls_count(engine->options.calls);
    result->methods = qn_arena_array(&result->arena, result->n_methods, sizeof *result->methods);
    engine->calls = calloc(asked->concurrency, target->call_bytes);
    if (!result->seconds || !result->methods || !engine->calls)
        return false;
    for (size_t i = 0; i < result->n_methods; i++)
        load_calls_describe(engine->options.calls, i, &result->methods[i].name, &result->methods[i].weight);
    for (size_t i = asked->concurrency; i-- > 0;) { /* so that the first is on top */
        struct load_call *call = (struct load_call *)(engine->calls + i * target->call_bytes);
        call->engine = engine;
        call->next_free = engine->free_calls;
        engine->free_calls = call;
    }
    return true;
}

enum qn_status load_engine_start(const struct load_engine_options *options, struct load_engine **ret_engine)
{
    const struct load_asked *asked = &options->result->asked;
    QN_CHECK(asked->concurrency > 0 && options->target->call_bytes >= sizeof(struct load_call));
    struct load_engine *engine = calloc(1, sizeof *engine);
    if (!engine)
        return QN_RESOURCE_EXHAUSTED;
    engine->options = *options;
    engine->asked = asked;
    engine->result = options->result;
    if (!make_room(engine)) {
        load_engine_free(engine);
        return QN_RESOURCE_EXHAUSTED;
    }
    if (asked->mode == LOAD_OPEN)
        load_schedule_init(&engine->schedule, asked, load_random_of(asked->seed, LOAD_STREAM_ARRIVALS));
    options->clock->woken = on_woken;
    options->clock->context = engine;
    engine->begin_ns = engine->free_since_ns = now_of(engine);
    engine->counted_from_ns = engine->begin_ns + asked->warmup_ms * NS_PER_MS;
    engine->until_ns = engine->counted_from_ns + asked->duration_ms * NS_PER_MS;
    engine->second_ends_ns = engine->begin_ns + NS_PER_S;
    if (asked->warmup_ms == 0)
        begin_counting(engine);
    else if (asked->warmup_ms < 1000)
        engine->second_ends_ns = engine->counted_from_ns;
    options->clock->wake_at(options->clock, engine->wake_ns = engine->begin_ns);
    *ret_engine = engine;
    return QN_OK;
}

void load_engine_free(struct load_engine *engine)
{
    free(engine->calls);
    free(engine);
}
