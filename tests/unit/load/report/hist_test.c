#include <math.h>
#include <stdlib.h>

#include "common/core/check.h"
#include "tests/harness/test.h"
#include "tests/load/report/hist.h"

enum { VALUES = 20000 };

static uint64_t next_random(uint64_t *state)
{
    uint64_t z = (*state += 0x9e3779b97f4a7c15u); /* splitmix64 (Steele, Lea, Flood 2014) */
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return z ^ (z >> 31);
}

/* Of every size alike: a random number of bits first, then random bits. */
static uint64_t next_value(uint64_t *state)
{
    unsigned bits = (unsigned)(next_random(state) % (LOAD_HIST_BITS_MAX + 1));
    return bits ? next_random(state) >> (64 - bits) : 0;
}

/* Histograms are too large for a stack that others share. */
static struct load_hist *new_hist(void)
{
    struct load_hist *hist = calloc(1, sizeof *hist);
    assert_non_null(hist);
    return hist;
}

static int compare_values(const void *a, const void *b)
{
    uint64_t left = *(const uint64_t *)a, right = *(const uint64_t *)b;
    return (left > right) - (left < right);
}

static void assert_close(uint64_t is, uint64_t should_be)
{
    double off = fabs((double)is - (double)should_be);
    /* A half bucket of 1/128, and the half nanosecond that its middle is rounded down. */
    if (off > (double)should_be / 256 + 0.5)
        fail_msg("%llu is too far from %llu", (unsigned long long)is, (unsigned long long)should_be);
}

/* The bucket that value falls into, as load_hist_next() tells it. */
static uint64_t upper_of(struct load_hist *hist, uint64_t value)
{
    size_t place = 0;
    uint64_t upper, count;
    load_hist_add(hist, value, 3);
    assert_true(load_hist_next(hist, &place, &upper, &count));
    assert_int_equal(count, 3);
    assert_int_equal(load_hist_upper(value), upper);
    assert_false(load_hist_next(hist, &place, &upper, &count));
    return upper;
}

static void a_bucket_is_at_most_a_128th_wide(void **state)
{
    (void)state;
    struct load_hist *hist = new_hist();
    uint64_t random = 1;
    for (int i = 0; i < 2000; i++) {
        /* Random ones, and both sides of every power of two. */
        uint64_t value =
            i < 3 * LOAD_HIST_BITS_MAX ? (UINT64_C(1) << i / 3) + (uint64_t)(i % 3) - 1 : next_value(&random);
        *hist = (struct load_hist){0};
        uint64_t upper = upper_of(hist, value);
        assert_true(upper >= value && (upper - value) * LOAD_HIST_HALF <= value);
        if (value < 2 * LOAD_HIST_HALF)
            assert_int_equal(upper, value);
        /* The next value is in the next bucket. */
        assert_true(load_hist_upper(upper) == upper);
        if (upper < LOAD_HIST_MAX_NS)
            assert_true(load_hist_upper(upper + 1) > upper);
    }
    free(hist);
}

static void quantiles_are_those_of_the_sorted_values(void **state)
{
    (void)state;
    static const double quantiles[] = {0.001, 0.1, 0.25, 0.5, 0.75, 0.9, 0.95, 0.99, 0.999, 0.9999, 0.99999};
    static const size_t counts[] = {1, 2, 3, 10, 100, 999, 1000, 1001, VALUES};
    struct load_hist *hist = new_hist();
    uint64_t *values = calloc(VALUES, sizeof *values), random = 7;
    assert_non_null(values);
    for (size_t c = 0; c < QN_COUNT(counts); c++) {
        size_t count = counts[c];
        *hist = (struct load_hist){0};
        double sum = 0;
        for (size_t i = 0; i < count; i++) {
            values[i] = next_value(&random);
            load_hist_record(hist, values[i]);
            sum += (double)values[i];
        }
        qsort(values, count, sizeof *values, compare_values);
        for (size_t q = 0; q < QN_COUNT(quantiles); q++) {
            /* The thousandths are exact in whole numbers. */
            size_t rank = (size_t)((llround(quantiles[q] * 1e5) * (long long)count + 99999) / 100000);
            assert_close(load_hist_at(hist, quantiles[q]), values[rank ? rank - 1 : 0]);
        }
        assert_int_equal(hist->count, count);
        assert_int_equal(load_hist_at(hist, 0), values[0]);
        assert_int_equal(load_hist_at(hist, 1), values[count - 1]);
        assert_int_equal(hist->min_ns, values[0]);
        assert_int_equal(hist->max_ns, values[count - 1]);
        assert_true(fabs(load_hist_mean_ns(hist) * (double)count - sum) <= sum * 1e-9);
    }
    free(values);
    free(hist);
}

static void quantiles_never_fall(void **state)
{
    (void)state;
    struct load_hist *hist = new_hist();
    uint64_t random = 3;
    for (int i = 0; i < 777; i++)
        load_hist_record(hist, next_value(&random));
    uint64_t last = 0;
    for (int i = 0; i <= 10000; i++) {
        uint64_t at = load_hist_at(hist, i / 1e4);
        assert_true(at >= last && at >= hist->min_ns && at <= hist->max_ns);
        last = at;
    }
    free(hist);
}

static void merging_is_recording_all(void **state)
{
    (void)state;
    struct load_hist *all = new_hist(), *one = new_hist(), *two = new_hist(), *none = new_hist();
    uint64_t random = 11;
    for (int i = 0; i < 5000; i++) {
        uint64_t value = next_value(&random) >> 12; /* sums below stay exact in a double */
        load_hist_record(all, value);
        load_hist_record(next_random(&random) % 3 ? one : two, value);
    }
    load_hist_merge(one, none);
    load_hist_merge(one, two);
    assert_memory_equal(one, all, sizeof *all);
    load_hist_merge(none, all);
    assert_memory_equal(none, all, sizeof *all);
    free(all);
    free(one);
    free(two);
    free(none);
}

/* What a file says of a histogram: its buckets, and min, max and sum beside them. */
static void buckets_fill_another_one_the_same(void **state)
{
    (void)state;
    struct load_hist *from = new_hist(), *to = new_hist();
    uint64_t random = 5, upper, count, last = 0;
    size_t place = 0;
    for (int i = 0; i < 3000; i++)
        load_hist_record(from, 1 + next_value(&random));
    while (load_hist_next(from, &place, &upper, &count)) {
        assert_true(upper > last && count > 0);
        last = upper;
        load_hist_add(to, upper, count);
    }
    to->min_ns = from->min_ns;
    to->max_ns = from->max_ns;
    to->sum_ns = from->sum_ns;
    assert_memory_equal(to, from, sizeof *from);
    free(from);
    free(to);
}

static void an_empty_one_is_all_noughts(void **state)
{
    (void)state;
    struct load_hist *hist = new_hist();
    size_t place = 0;
    uint64_t upper, count;
    load_hist_add(hist, 5, 0);
    assert_int_equal(load_hist_at(hist, 0), 0);
    assert_int_equal(load_hist_at(hist, 0.5), 0);
    assert_int_equal(load_hist_at(hist, 1), 0);
    assert_true(load_hist_mean_ns(hist) == 0 && load_hist_deviation_ns(hist) == 0);
    assert_false(load_hist_next(hist, &place, &upper, &count));
    free(hist);
}

static void values_over_the_limit_count_as_the_limit(void **state)
{
    (void)state;
    struct load_hist *hist = new_hist();
    load_hist_record(hist, LOAD_HIST_MAX_NS);
    load_hist_record(hist, LOAD_HIST_MAX_NS + 1);
    load_hist_record(hist, UINT64_MAX);
    assert_int_equal(hist->count, 3);
    assert_int_equal(hist->max_ns, LOAD_HIST_MAX_NS);
    assert_int_equal(hist->min_ns, LOAD_HIST_MAX_NS);
    assert_int_equal(hist->buckets[LOAD_HIST_BUCKETS - 1], 3);
    assert_int_equal(load_hist_upper(UINT64_MAX), LOAD_HIST_MAX_NS);
    assert_int_equal(load_hist_at(hist, 0.5), LOAD_HIST_MAX_NS);
    free(hist);
}

static void deviation_is_that_of_the_values(void **state)
{
    (void)state;
    struct load_hist *hist = new_hist();
    load_hist_add(hist, 1000000, 500);
    load_hist_add(hist, 3000000, 500);
    double off = load_hist_deviation_ns(hist) / 1e6;
    assert_true(off > 0.99 && off < 1.01);
    free(hist);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_bucket_is_at_most_a_128th_wide),
        cmocka_unit_test(quantiles_are_those_of_the_sorted_values),
        cmocka_unit_test(quantiles_never_fall),
        cmocka_unit_test(merging_is_recording_all),
        cmocka_unit_test(buckets_fill_another_one_the_same),
        cmocka_unit_test(an_empty_one_is_all_noughts),
        cmocka_unit_test(values_over_the_limit_count_as_the_limit),
        cmocka_unit_test(deviation_is_that_of_the_values),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
