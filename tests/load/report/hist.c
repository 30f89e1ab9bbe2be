#include "tests/load/report/hist.h"

#include <math.h>

#include "common/core/check.h"

/* Values below 2 * HALF index themselves. Above, a value is shifted right until it lies in HALF … 2 * HALF -
 * 1; how far it was shifted chooses the run of HALF buckets, what is left of it the bucket there. */

enum { EXACT = 2 * LOAD_HIST_HALF, EXACT_BITS = 8 /* 2^8 == EXACT */ };

_Static_assert(1 << EXACT_BITS == EXACT, "the number of bits and of exact buckets agree");

static unsigned shift_of(uint64_t value)
{
    return value < EXACT ? 0 : 63 - (unsigned)__builtin_clzll(value) - (EXACT_BITS - 1);
}

static size_t index_of(uint64_t value)
{
    unsigned shift = shift_of(value);
    return (size_t)shift * LOAD_HIST_HALF + (size_t)(value >> shift);
}

static void range_of(size_t index, uint64_t *ret_lower, uint64_t *ret_upper)
{
    unsigned shift = index < EXACT ? 0 : (unsigned)(index / LOAD_HIST_HALF) - 1;
    *ret_lower = (uint64_t)(index - (size_t)shift * LOAD_HIST_HALF) << shift;
    *ret_upper = *ret_lower + (UINT64_C(1) << shift) - 1;
}

void load_hist_add(struct load_hist *hist, uint64_t value_ns, uint64_t count)
{
    if (count == 0)
        return;
    if (value_ns > LOAD_HIST_MAX_NS)
        value_ns = LOAD_HIST_MAX_NS;
    if (hist->count == 0 || value_ns < hist->min_ns)
        hist->min_ns = value_ns;
    if (value_ns > hist->max_ns)
        hist->max_ns = value_ns;
    hist->count += count;
    hist->sum_ns += (double)value_ns * (double)count;
    hist->buckets[index_of(value_ns)] += count;
}

void load_hist_record(struct load_hist *hist, uint64_t value_ns)
{
    load_hist_add(hist, value_ns, 1);
}

void load_hist_merge(struct load_hist *to, const struct load_hist *from)
{
    if (from->count == 0)
        return;
    if (to->count == 0 || from->min_ns < to->min_ns)
        to->min_ns = from->min_ns;
    if (from->max_ns > to->max_ns)
        to->max_ns = from->max_ns;
    to->count += from->count;
    to->sum_ns += from->sum_ns;
    for (size_t i = 0; i < LOAD_HIST_BUCKETS; i++)
        to->buckets[i] += from->buckets[i];
}

/* 0.999 * 1000 may come out a hair above 999, which must not become the thousandth: a product this close to a
 * whole number (relatively; doubles carry 1e-16) is that number. */
#define RANK_SLACK 1e-12

static uint64_t rank_of(uint64_t count, double quantile)
{
    double rank = ceil((double)count * quantile * (1 - RANK_SLACK));
    return rank < 1 ? 1 : rank >= (double)count ? count : (uint64_t)rank;
}

uint64_t load_hist_at(const struct load_hist *hist, double quantile)
{
    if (hist->count == 0)
        return 0;
    if (!(quantile > 0))
        return hist->min_ns;
    uint64_t rank = rank_of(hist->count, quantile);
    if (rank == hist->count)
        return hist->max_ns;
    uint64_t seen = 0, lower, upper;
    for (size_t i = 0; i < LOAD_HIST_BUCKETS; i++) {
        seen += hist->buckets[i];
        if (seen < rank)
            continue;
        range_of(i, &lower, &upper);
        uint64_t middle = lower + (upper - lower) / 2;
        return middle > hist->max_ns ? hist->max_ns : middle < hist->min_ns ? hist->min_ns : middle;
    }
    return hist->max_ns;
}

double load_hist_mean_ns(const struct load_hist *hist)
{
    return hist->count ? hist->sum_ns / (double)hist->count : 0;
}

double load_hist_deviation_ns(const struct load_hist *hist)
{
    if (hist->count == 0)
        return 0;
    double mean = load_hist_mean_ns(hist), sum = 0;
    uint64_t lower, upper;
    for (size_t i = 0; i < LOAD_HIST_BUCKETS; i++) {
        if (hist->buckets[i] == 0)
            continue;
        range_of(i, &lower, &upper);
        double off = (double)lower + (double)(upper - lower) / 2 - mean;
        sum += off * off * (double)hist->buckets[i];
    }
    return sqrt(sum / (double)hist->count);
}

uint64_t load_hist_upper(uint64_t value_ns)
{
    uint64_t lower, upper;
    range_of(index_of(value_ns > LOAD_HIST_MAX_NS ? LOAD_HIST_MAX_NS : value_ns), &lower, &upper);
    return upper;
}

bool load_hist_next(const struct load_hist *hist, size_t *place, uint64_t *ret_upper_ns, uint64_t *ret_count)
{
    for (; *place < LOAD_HIST_BUCKETS; ++*place) {
        if (hist->buckets[*place] == 0)
            continue;
        uint64_t lower;
        range_of(*place, &lower, ret_upper_ns);
        *ret_count = hist->buckets[*place];
        ++*place;
        return true;
    }
    return false;
}
