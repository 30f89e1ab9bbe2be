#include <stdlib.h>

#include "tests/harness/test.h"
#include "tests/load/engine/engine.h"
#include "tests/unit/load/engine/world.h"

static struct world *world;
static struct load_result *result;

static int set_up(void **state)
{
    (void)state;
    world = world_new();
    result = &world->result;
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    world_free(world);
    return 0;
}

static double p_ms(double quantile)
{
    return (double)load_hist_at(&result->latency, quantile) / WORLD_MS;
}

/* Counts. */

static void test_counts(void **state)
{
    (void)state;
    result->asked.warmup_ms = 2500;
    world_run(world, NULL);
    assert_int_equal(world->n_started, 12500);
    assert_int_equal(result->started, 10000);
    assert_int_equal(result->ended, 10000);
    assert_int_equal(result->codes[QN_OK], 10000);
    assert_int_equal(result->not_started, 0);
    assert_int_equal(result->latency.count, 10000);
    assert_int_equal(result->service.count, 10000);
    assert_int_equal(result->methods[0].latency.count, 10000);
    assert_int_equal(result->took_ms, 10000);
    assert_int_equal(world->n_counting, 1);
    assert_false(result->is_void);
    /* The last call ended a millisecond after the tenth second was over. */
    assert_in_range(result->n_seconds, 10, 11);
    uint64_t started = 0, ended = 0;
    for (size_t i = 0; i < result->n_seconds; i++) {
        started += result->seconds[i].started;
        ended += result->seconds[i].ended;
        assert_int_equal(result->seconds[i].connections, -1);
    }
    assert_int_equal(started, 10000);
    assert_int_equal(ended, 10000);
}

static enum qn_status every_tenth_fails(struct world *w, uint64_t nth, uint64_t now_ns)
{
    (void)w, (void)now_ns;
    return nth % 10 == 0 ? QN_NOT_FOUND : nth % 10 == 5 ? QN_UNAVAILABLE : QN_OK;
}

static void test_codes(void **state)
{
    (void)state;
    world->status = every_tenth_fails;
    world_run(world, NULL);
    assert_int_equal(result->codes[QN_OK], 8000);
    assert_int_equal(result->codes[QN_NOT_FOUND], 1000);
    assert_int_equal(result->codes[QN_UNAVAILABLE], 1000);
    assert_int_equal(result->methods[0].codes[QN_NOT_FOUND], 1000);
    assert_int_equal(result->seconds[3].errors, 200);
}

static uint64_t slow_at_first(struct world *w, uint64_t nth, uint64_t now_ns)
{
    (void)w;
    return now_ns + (nth < 1000 ? 700 : 1) * WORLD_MS;
}

/* What was due in the warm-up is not counted, even when its answer comes later. */
static void test_warmup_is_left_out(void **state)
{
    (void)state;
    result->asked.warmup_ms = 1000;
    result->asked.concurrency = 2000;
    world->ends_at = slow_at_first;
    world_run(world, NULL);
    assert_int_equal(result->started, 10000);
    assert_int_equal(result->ended, 10000);
    assert_in_range(result->latency.max_ns, WORLD_MS, WORLD_MS + 1);
    assert_int_equal(result->seconds[0].ended, 999);
}

/* Latency. */

static uint64_t spread(struct world *w, uint64_t nth, uint64_t now_ns)
{
    (void)w;
    return now_ns + WORLD_MS + nth * 7919 % 10000 * (WORLD_MS / 100); /* 1 ms to 101 ms, each as often */
}

static void test_percentiles(void **state)
{
    (void)state;
    result->asked.concurrency = 256;
    world->ends_at = spread;
    world_run(world, NULL);
    world_assert_near(p_ms(0.5), 51);
    world_assert_near(p_ms(0.9), 91);
    world_assert_near(p_ms(0.99), 100);
    world_assert_near(p_ms(0.999), 100.9);
    world_assert_near(load_hist_mean_ns(&result->latency) / WORLD_MS, 51);
    world_assert_near((double)load_hist_at(&result->service, 0.5) / WORLD_MS, 51);
}

/* The service stands still from 4.0 to 4.5 s. */
static uint64_t stalls(struct world *w, uint64_t nth, uint64_t now_ns)
{
    (void)nth;
    uint64_t begin_ns = *(uint64_t *)w->context + 4 * WORLD_S, end_ns = begin_ns + WORLD_S / 2;
    return (now_ns >= begin_ns && now_ns < end_ns ? end_ns : now_ns) + WORLD_MS;
}

/* The point of an open loop: 500 users in 10,000 met the stall, and the percentiles say so, though only 64
 * calls could be under way. Those 500 waited from 500 ms downwards, so one in 1,000 waited 490. */
static void test_a_stall_shows_in_an_open_loop(void **state)
{
    (void)state;
    uint64_t begin_ns = world->now_ns;
    world->context = &begin_ns;
    world->ends_at = stalls;
    world_run(world, NULL);
    assert_int_equal(result->ended, 10000);
    world_assert_near(p_ms(0.999), 492);
    world_assert_near(p_ms(0.97), 202);
    world_assert_near(p_ms(0.5), 1);
    world_assert_near((double)result->latency.max_ns / WORLD_MS, 501);
    /* From their sending, all but 64 of them took a millisecond. */
    assert_in_range(load_hist_at(&result->service, 0.99), WORLD_MS * 98 / 100, WORLD_MS * 102 / 100);
    assert_false(result->is_void); /* that was the service's doing, not the generator's */
    assert_in_range(result->seconds[4].max_ns, 500 * WORLD_MS, 502 * WORLD_MS);
}

/* In a closed loop ten callers each met one slow call, in 95,000: p99.9 knows nothing of it. */
static void test_a_stall_hides_in_a_closed_loop(void **state)
{
    (void)state;
    uint64_t begin_ns = world->now_ns;
    world->context = &begin_ns;
    world->ends_at = stalls;
    result->asked.mode = LOAD_CLOSED;
    result->asked.concurrency = 10;
    world_run(world, NULL);
    assert_in_range(result->ended, 94000, 96000);
    world_assert_near(p_ms(0.999), 1);
    world_assert_near((double)result->latency.max_ns / WORLD_MS, 501);
    assert_int_equal(world->most_under_way, 10);
}

/* One hand that can do 100 a second is asked for 1,000: what never got a place counts with what it had
 * waited. */
static void test_overload(void **state)
{
    (void)state;
    world->ends_at = world_one_hand;
    world->capacity = 100;
    world_run(world, NULL);
    world_assert_near((double)result->ended, 1064);
    assert_int_equal(result->ended + result->not_started, 10000);
    assert_int_equal(result->latency.count, 10000);
    assert_int_equal(result->service.count, result->ended);
    assert_int_equal(world->most_under_way, 64);
    world_assert_near(load_result_rate(result),
                      100); /* and not 1,064 in 10 s: the last answers took time too */
    assert_true(p_ms(0.5) > 4000);
    assert_false(result->is_void);
}

/* A place comes free later than calls are due: that is not the generator's lag. */
static void test_waiting_for_a_place_counts(void **state)
{
    (void)state;
    result->asked.concurrency = 1;
    result->asked.rate = 900;
    world->ends_at = world_after_1ms;
    world_run(world, NULL);
    world_assert_near(p_ms(0.99), 1);
    assert_int_equal(result->lag.max_ns, 0);
}

/* Schedules. */

struct gaps {
    uint64_t last_ns, n;
    double sum_s, squares;
};

static void note_gap(struct world *w, uint64_t now_ns)
{
    struct gaps *gaps = w->context;
    if (gaps->last_ns > 0) {
        double gap_s = (double)(now_ns - gaps->last_ns) / 1e9;
        gaps->n++;
        gaps->sum_s += gap_s;
        gaps->squares += gap_s * gap_s;
    }
    gaps->last_ns = now_ns;
}

/* Exponential gaps have a variance of their mean's square. */
static void test_poisson(void **state)
{
    (void)state;
    struct gaps gaps = {0};
    result->asked.arrival = LOAD_POISSON;
    result->asked.duration_ms = 100000;
    result->asked.concurrency = 1024;
    world->started = note_gap;
    world->context = &gaps;
    world_run(world, NULL);
    double mean_s = gaps.sum_s / (double)gaps.n;
    world_assert_near((double)result->started, 100000);
    world_assert_near(mean_s, 0.001);
    world_assert_near(gaps.squares / (double)gaps.n - mean_s * mean_s, 1e-6);
}

static void test_constant(void **state)
{
    (void)state;
    struct gaps gaps = {0};
    world->started = note_gap;
    world->context = &gaps;
    world_run(world, NULL);
    double mean_s = gaps.sum_s / (double)gaps.n;
    assert_true(gaps.squares / (double)gaps.n - mean_s * mean_s < 1e-15);
}

/* From 100 to 1,000 a second in 10 s: the area under the line. */
static void test_ramp(void **state)
{
    (void)state;
    result->asked.ramp_from = 100;
    result->asked.ramp_ms = 10000;
    result->asked.duration_ms = 15000;
    world_run(world, NULL);
    world_assert_near((double)result->started, 5500 + 5000);
    world_assert_near((double)result->seconds[0].started, 145);
    world_assert_near((double)result->seconds[4].started, 505);
    world_assert_near((double)result->seconds[9].started, 955);
    world_assert_near((double)result->seconds[12].started, 1000);
}

static void test_mix(void **state)
{
    (void)state;
    const struct load_calls_method methods[] = {
        {.name = "/a", .weight = 7}, {.name = "/b", .weight = 2.5}, {.name = "/c", .weight = 0.5}};
    struct load_calls *calls = world_calls(methods, 3);
    result->asked.duration_ms = 100000;
    world_run(world, calls);
    world_assert_near((double)world->by_method[0], 70000);
    world_assert_near((double)world->by_method[1], 25000);
    world_assert_near((double)world->by_method[2], 5000);
    assert_int_equal(result->n_methods, 3);
    assert_string_equal(result->methods[1].name, "/b");
    uint64_t all = 0;
    for (int i = 0; i < 3; i++) {
        assert_int_equal(result->methods[i].codes[QN_OK], world->by_method[i]);
        assert_int_equal(result->methods[i].latency.count, world->by_method[i]);
        all += result->methods[i].latency.count;
    }
    assert_int_equal(all, 100000);
    load_calls_close(calls);
}

/* The same seed makes the same run. */
static void test_seed(void **state)
{
    (void)state;
    struct gaps gaps[3] = {{0}, {0}, {0}};
    const uint64_t seeds[] = {5, 5, 6};
    for (int i = 0; i < 3; i++) {
        struct world *w = world_new();
        w->result.asked.arrival = LOAD_POISSON;
        w->result.asked.seed = seeds[i];
        w->started = note_gap;
        w->context = &gaps[i];
        world_run(w, NULL);
        world_free(w);
    }
    assert_true(gaps[0].squares == gaps[1].squares);
    assert_true(gaps[0].squares != gaps[2].squares);
}

/* The generator's own part. */

static void test_lag_is_void(void **state)
{
    (void)state;
    world->turn_every_ns = 5 * WORLD_MS;
    world_run(world, NULL);
    assert_true(result->is_void);
    assert_non_null(strstr(result->void_reason, "lag is 4.5 ms"));
    world_assert_near((double)load_hist_at(&result->lag, 0.99) / WORLD_MS, 4.54);
    world_assert_near(p_ms(0.5), 7.5); /* the latency is still honest: it counts from when the call was due */
    assert_in_range(result->seconds[2].lag_ns, 4 * WORLD_MS, 5 * WORLD_MS);
}

static uint64_t after_100ms(struct world *w, uint64_t nth, uint64_t now_ns)
{
    (void)w, (void)nth;
    return now_ns + 100 * WORLD_MS;
}

/* The same lag is a small part of a slow service's latency. */
static void test_lag_beside_a_slow_service(void **state)
{
    (void)state;
    result->asked.concurrency = 256;
    world->turn_every_ns = 5 * WORLD_MS;
    world->ends_at = after_100ms;
    world_run(world, NULL);
    assert_false(result->is_void);
}

/* The last turn comes after the end; what was due before it is sent all the same, and not said to have found
 * no place. */
static void test_a_late_last_turn(void **state)
{
    (void)state;
    world->turn_every_ns = 7 * WORLD_MS;
    world_run(world, NULL);
    assert_int_equal(result->started, 10000);
    assert_int_equal(result->not_started, 0);
}

static void test_no_processor_left_is_void(void **state)
{
    (void)state;
    world->cpu_share = 0.99;
    world_run(world, NULL);
    assert_true(result->is_void);
    assert_non_null(strstr(result->void_reason, "99%"));
    world_assert_near(result->cpu_us_per_call, 990);
}

/* Ends. */

static void test_stop(void **state)
{
    (void)state;
    world->stop_at_ns = world->now_ns + 3 * WORLD_S + WORLD_S / 2;
    world_run(world, NULL);
    world_assert_near((double)result->started, 3500);
    assert_int_equal(result->ended, result->started);
    assert_int_equal(result->not_started, 0);
    assert_int_equal(result->took_ms, 3500);
    assert_int_equal(result->n_seconds, 4);
}

static void test_stop_in_the_warmup(void **state)
{
    (void)state;
    result->asked.warmup_ms = 5000;
    world->stop_at_ns = world->now_ns + WORLD_S;
    world_run(world, NULL);
    assert_int_equal(result->started, 0);
    assert_int_equal(result->n_seconds, 0);
    assert_int_equal(world->n_counting, 0);
    assert_true(result->is_void);
}

static void test_slower_than_one_a_second(void **state)
{
    (void)state;
    result->asked.rate = 0.5;
    world_run(world, NULL);
    assert_int_equal(result->ended, 5);
    assert_int_equal(result->n_seconds, 10);
    assert_int_equal(result->seconds[2].ended, 1);
    assert_int_equal(result->seconds[3].ended, 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_counts),
        TEST(test_codes),
        TEST(test_warmup_is_left_out),
        TEST(test_percentiles),
        TEST(test_a_stall_shows_in_an_open_loop),
        TEST(test_a_stall_hides_in_a_closed_loop),
        TEST(test_overload),
        TEST(test_waiting_for_a_place_counts),
        TEST(test_poisson),
        TEST(test_constant),
        TEST(test_ramp),
        TEST(test_mix),
        TEST(test_seed),
        TEST(test_lag_is_void),
        TEST(test_lag_beside_a_slow_service),
        TEST(test_a_late_last_turn),
        TEST(test_no_processor_left_is_void),
        TEST(test_stop),
        TEST(test_stop_in_the_warmup),
        TEST(test_slower_than_one_a_second),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
