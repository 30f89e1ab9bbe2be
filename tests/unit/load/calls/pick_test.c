#include <math.h>

#include "tests/harness/test.h"
#include "tests/load/calls/pick.h"

enum { DRAWS = 1000000 };

static void assert_near(double is, double should_be)
{
    if (fabs(is - should_be) > 0.02 * should_be)
        fail_msg("%g is not within 2%% of %g", is, should_be);
}

static void test_order(void **state)
{
    (void)state;
    struct load_pick pick;
    assert_true(load_pick_init(&pick, LOAD_PICK_ORDER, 3, load_random_of(1, 1)));
    const size_t want[] = {0, 1, 2, 0, 1, 2, 0};
    for (int i = 0; i < 7; i++)
        assert_int_equal(load_pick_next(&pick), want[i]);
    load_pick_fini(&pick);
}

static void test_random(void **state)
{
    (void)state;
    struct load_pick pick;
    size_t hits[10] = {0};
    assert_true(load_pick_init(&pick, LOAD_PICK_RANDOM, 10, load_random_of(1, 1)));
    for (int i = 0; i < DRAWS; i++)
        hits[load_pick_next(&pick)]++;
    for (int i = 0; i < 10; i++)
        assert_near((double)hits[i], DRAWS / 10.0);
    load_pick_fini(&pick);
}

static void test_zipf(void **state)
{
    (void)state;
    enum { N = 1000 };
    static size_t hits[N];
    struct load_pick pick;
    double harmonic = 0;
    for (int k = 1; k <= N; k++)
        harmonic += 1.0 / k;
    assert_true(load_pick_init(&pick, LOAD_PICK_ZIPF, N, load_random_of(1, 1)));
    for (int i = 0; i < DRAWS; i++)
        hits[load_pick_next(&pick)]++;
    for (int k = 1; k <= 10; k++)
        assert_near((double)hits[k - 1], DRAWS / harmonic / k);
    size_t tail = 0;
    for (int k = 500; k < N; k++)
        tail += hits[k];
    assert_near((double)tail, DRAWS * log(2) / harmonic); /* ln(1000 / 500) */
    load_pick_fini(&pick);
}

static void test_one_line(void **state)
{
    (void)state;
    for (enum load_pick_kind kind = LOAD_PICK_ORDER; kind <= LOAD_PICK_ZIPF; kind++) {
        struct load_pick pick;
        assert_true(load_pick_init(&pick, kind, 1, load_random_of(1, 1)));
        for (int i = 0; i < 100; i++)
            assert_int_equal(load_pick_next(&pick), 0);
        load_pick_fini(&pick);
    }
}

static void test_weights(void **state)
{
    (void)state;
    const double weights[] = {5, 0, 1, 4};
    size_t hits[4] = {0};
    struct load_alias alias;
    struct load_random random = load_random_of(9, 9);
    assert_true(load_alias_init(&alias, weights, 4));
    for (int i = 0; i < DRAWS; i++)
        hits[load_alias_pick(&alias, &random)]++;
    assert_near((double)hits[0], DRAWS * 0.5);
    assert_int_equal(hits[1], 0);
    assert_near((double)hits[2], DRAWS * 0.1);
    assert_near((double)hits[3], DRAWS * 0.4);
    load_alias_fini(&alias);
}

/* The same seed and stream say the same; another seed or stream something else. */
static void test_streams(void **state)
{
    (void)state;
    struct load_random a = load_random_of(1, 1), b = load_random_of(1, 1), c = load_random_of(1, 2),
                       d = load_random_of(2, 1);
    uint64_t first = load_random_next(&a);
    assert_true(first == load_random_next(&b));
    assert_true(first != load_random_next(&c));
    assert_true(first != load_random_next(&d));
    for (int i = 0; i < DRAWS; i++) {
        double unit = load_random_unit(&a);
        assert_true(unit >= 0 && unit < 1);
        assert_true(load_random_exponential(&a) >= 0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_order),    cmocka_unit_test(test_random),  cmocka_unit_test(test_zipf),
        cmocka_unit_test(test_one_line), cmocka_unit_test(test_weights), cmocka_unit_test(test_streams),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
