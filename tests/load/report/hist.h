#ifndef QN_LOAD_HIST_H
#define QN_LOAD_HIST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Durations counted in buckets whose width grows with the value, after HdrHistogram (Gil Tene,
 * hdrhistogram.org): each power of two is cut into LOAD_HIST_HALF equal parts, so that a value read back is
 * off by at most one part in 256 (0.4%) whatever its size, and a bucket's bounds lie at most one part in 128
 * apart. Values are nanoseconds, from 0 to LOAD_HIST_MAX_NS; larger ones count as that. Plain memory: zeroed
 * is empty, a copy is a copy. One thread.
 */

enum {
    LOAD_HIST_HALF = 128,   /* parts a power of two */
    LOAD_HIST_BITS_MAX = 42 /* 2^42 ns are 73 minutes */
};

#define LOAD_HIST_MAX_NS ((UINT64_C(1) << LOAD_HIST_BITS_MAX) - 1)

/* Below 2 * HALF each value has a bucket of its own; then HALF buckets a power of two. */
enum { LOAD_HIST_BUCKETS = 2 * LOAD_HIST_HALF + (LOAD_HIST_BITS_MAX - 8) * LOAD_HIST_HALF };

struct load_hist {
    uint64_t count;
    uint64_t min_ns, max_ns; /* exact; of an empty one 0 */
    double sum_ns;
    uint64_t buckets[LOAD_HIST_BUCKETS];
};

void load_hist_record(struct load_hist *hist, uint64_t value_ns);
/* Adds all that 'from' counted. */
void load_hist_merge(struct load_hist *to, const struct load_hist *from);

/* The smallest value that 'quantile' (0 to 1) of those recorded do not exceed, as the middle of its bucket,
 * but never above max_ns or below min_ns; exactly min_ns at 0 and max_ns at 1; 0 when empty. */
uint64_t load_hist_at(const struct load_hist *hist, double quantile);
double load_hist_mean_ns(const struct load_hist *hist);      /* exact; 0 when empty */
double load_hist_deviation_ns(const struct load_hist *hist); /* standard, from the buckets' middles */

/* Walks the buckets that are not empty, in ascending order: *ret_upper_ns is the largest value of the bucket.
 * Begin with *place = 0; false when there is no further one. */
bool load_hist_next(const struct load_hist *hist, size_t *place, uint64_t *ret_upper_ns, uint64_t *ret_count);
/* The largest value of the bucket that value_ns falls into. */
uint64_t load_hist_upper(uint64_t value_ns);
/* Counts value_ns 'count' times; min, max and sum take it as it is. With the uppers of load_hist_next() it
 * fills the same buckets again, for reading a histogram back from a file. */
void load_hist_add(struct load_hist *hist, uint64_t value_ns, uint64_t count);

#endif
