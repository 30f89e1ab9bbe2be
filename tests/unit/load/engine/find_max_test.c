#include "tests/harness/test.h"
#include "tests/load/engine/find_max.h"
#include "tests/load/engine/slo.h"
#include "tests/unit/load/engine/world.h"

/* The search alone, on a capacity that is sharp. */
static double search(double first, double capacity, unsigned *ret_steps)
{
    struct load_find_max s;
    load_find_max_begin(&s, first);
    while (load_find_max_next(&s, s.rate <= capacity)) {
    }
    *ret_steps = s.steps;
    return s.held;
}

static void test_converges(void **state)
{
    (void)state;
    const double capacities[] = {3, 99, 1000, 1001, 12345, 800000};
    const double firsts[] = {1, 1000, 50000};
    for (int c = 0; c < 6; c++)
        for (int f = 0; f < 3; f++) {
            unsigned steps;
            double found = search(firsts[f], capacities[c], &steps);
            assert_true(found <= capacities[c] && found * LOAD_FIND_MAX_CLOSE * 1.01 >= capacities[c]);
            assert_true(steps <= LOAD_FIND_MAX_STEPS);
        }
}

static void test_nothing_holds(void **state)
{
    (void)state;
    unsigned steps;
    assert_true(search(1000, 0, &steps) == 0);
    assert_true(steps <= 12); /* 1000 is halved to 1 in ten */
}

static void test_everything_holds(void **state)
{
    (void)state;
    unsigned steps;
    assert_true(search(1000, 1e12, &steps) > LOAD_FIND_MAX_HIGHEST / 2);
    assert_true(steps <= LOAD_FIND_MAX_STEPS);
}

/* With the engine: a service with one hand, 4,000 a second, Poisson arrivals. Its queue has a mean wait of
 * half a service time times load / (1 - load), so p99 stays below 20 ms nearly up to its capacity. */
static void test_finds_a_capacity(void **state)
{
    (void)state;
    struct load_find_max s;
    load_find_max_begin(&s, 100);
    bool more = true;
    while (more) {
        struct world *world = world_new();
        struct load_slo slo = {.name = "p99", .limit = 20e6};
        world->ends_at = world_one_hand;
        world->capacity = 4000;
        world->result.asked.arrival = LOAD_POISSON;
        world->result.asked.rate = s.rate;
        world->result.asked.concurrency = 1024;
        world->result.slos = &slo;
        world->result.n_slos = 1;
        world_run(world, NULL);
        more = load_find_max_next(&s, load_slo_check(&world->result));
        world_free(world);
    }
    assert_true(s.held > 3600 && s.held < 4100);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_converges),
        cmocka_unit_test(test_nothing_holds),
        cmocka_unit_test(test_everything_holds),
        cmocka_unit_test(test_finds_a_capacity),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
