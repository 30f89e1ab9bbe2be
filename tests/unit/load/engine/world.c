#include "tests/unit/load/engine/world.h"

#include <math.h>
#include <stdlib.h>

#include "common/core/check.h"
#include "tests/harness/test.h"

struct world_call {
    struct load_call call;
};

/* The clock. */

static uint64_t now_ns(struct load_clock *clock)
{
    return container_of(clock, struct world, clock)->now_ns;
}

static void wake_at(struct load_clock *clock, uint64_t at_ns)
{
    container_of(clock, struct world, clock)->wake_ns = at_ns;
}

static void cpu_ns(struct load_clock *clock, uint64_t *ret_thread_ns, uint64_t *ret_process_ns)
{
    struct world *world = container_of(clock, struct world, clock);
    *ret_thread_ns = (uint64_t)((double)world->now_ns * world->cpu_share);
    *ret_process_ns = *ret_thread_ns;
}

/* The service. */

static void push(struct world *world, uint64_t at_ns, enum qn_status status, struct load_call *call)
{
    assert_true(world->n_ends < WORLD_CALLS_MAX);
    size_t at = world->n_ends++;
    for (; at > 0 && world->ends[(at - 1) / 2].at_ns > at_ns; at = (at - 1) / 2)
        world->ends[at] = world->ends[(at - 1) / 2];
    world->ends[at].at_ns = at_ns;
    world->ends[at].status = status;
    world->ends[at].call = call;
}

static void drop_first(struct world *world)
{
    size_t last = --world->n_ends, at = 0;
    for (;;) {
        size_t child = 2 * at + 1;
        if (child + 1 < last && world->ends[child + 1].at_ns < world->ends[child].at_ns)
            child++;
        if (child >= last || world->ends[child].at_ns >= world->ends[last].at_ns)
            break;
        world->ends[at] = world->ends[child];
        at = child;
    }
    world->ends[at] = world->ends[last];
}

static void start(struct load_target *target, struct load_call *call)
{
    struct world *world = container_of(target, struct world, target);
    uint64_t nth = world->n_started++;
    world->by_method[call->ask.method]++;
    if (world->started)
        world->started(world, world->now_ns);
    uint64_t at_ns = world->ends_at(world, nth, world->now_ns);
    push(world, at_ns, world->status ? world->status(world, nth, world->now_ns) : QN_OK, call);
    if (world->n_ends > world->most_under_way)
        world->most_under_way = world->n_ends;
}

static void on_counting(void *context)
{
    ((struct world *)context)->n_counting++;
}

static void on_done(void *context)
{
    struct world *world = context;
    assert_int_equal(world->n_ends, 0);
    assert_false(world->done);
    world->done = true;
}

struct world *world_new(void)
{
    struct world *world = calloc(1, sizeof *world);
    assert_non_null(world);
    world->clock = (struct load_clock){.now_ns = now_ns, .wake_at = wake_at, .cpu_ns = cpu_ns};
    world->target = (struct load_target){.call_bytes = sizeof(struct world_call), .start = start};
    world->now_ns = 77 * WORLD_S + 123456789; /* no run begins at a round time */
    world->ends_at = world_after_1ms;
    load_result_init(&world->result);
    world->result.asked = (struct load_asked){
        .rate = 1000, .duration_ms = 10000, .timeout_ms = 5000, .concurrency = 64, .seed = 1};
    return world;
}

void world_free(struct world *world)
{
    load_result_fini(&world->result);
    free(world);
}

struct load_calls *world_calls(const struct load_calls_method *methods, size_t n)
{
    struct load_calls_options options = {.http = true, .methods = methods, .n_methods = n, .seed = 1};
    struct load_calls *calls;
    struct qn_error err = {0};
    if (load_calls_open(&options, &calls, &err) != QN_OK)
        fail_msg("%s", err.message);
    return calls;
}

void world_run(struct world *world, struct load_calls *calls)
{
    const struct load_calls_method one = {.name = "/", .weight = 1};
    struct load_calls *own = calls ? NULL : world_calls(&one, 1);
    struct load_engine_options options = {
        .clock = &world->clock,
        .target = &world->target,
        .calls = calls ? calls : own,
        .result = &world->result,
        .counting = on_counting,
        .done = on_done,
        .context = world,
    };
    assert_int_equal(load_engine_start(&options, &world->engine), QN_OK);
    while (!world->done) {
        uint64_t wake_ns = world->wake_ns;
        uint64_t end_ns = world->n_ends > 0 ? world->ends[0].at_ns : UINT64_MAX;
        uint64_t next_ns = wake_ns < end_ns ? wake_ns : end_ns;
        assert_true(next_ns != UINT64_MAX); /* an engine that waits for nothing never ends */
        if (world->stop_at_ns && next_ns >= world->stop_at_ns) {
            world->now_ns = world->stop_at_ns;
            world->stop_at_ns = 0;
            load_engine_stop(world->engine);
            continue;
        }
        if (world->turn_every_ns > 0)
            next_ns += world->turn_every_ns - next_ns % world->turn_every_ns;
        if (next_ns > world->now_ns)
            world->now_ns = next_ns;
        if (wake_ns < end_ns) {
            world->wake_ns = UINT64_MAX;
            world->clock.woken(world->clock.context);
            assert_true(world->done || world->wake_ns != UINT64_MAX);
        } else {
            struct load_call *call = world->ends[0].call;
            enum qn_status status = world->ends[0].status;
            drop_first(world);
            load_engine_ended(call, status);
        }
    }
    load_engine_free(world->engine);
    if (own)
        load_calls_close(own);
}

/* Scripts. */

uint64_t world_after_1ms(struct world *world, uint64_t nth, uint64_t now)
{
    (void)world, (void)nth;
    return now + WORLD_MS;
}

uint64_t world_one_hand(struct world *world, uint64_t nth, uint64_t now)
{
    (void)nth;
    uint64_t from_ns = world->busy_until_ns > now ? world->busy_until_ns : now;
    return world->busy_until_ns = from_ns + (uint64_t)(1e9 / world->capacity);
}

void world_assert_near(double is, double should_be)
{
    if (fabs(is - should_be) > 0.02 * fabs(should_be))
        fail_msg("%g is not within 2%% of %g", is, should_be);
}
