#ifndef QN_LOAD_RANDOM_H
#define QN_LOAD_RANDOM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Random numbers that are the same for the same --seed. One thread. */

/* splitmix64 (Steele, Lea and Flood, "Fast splittable pseudorandom number generators", 2014): one word of
 * state, so each use has a stream of its own and they do not disturb one another. */
struct load_random {
    uint64_t state;
};

/* 'stream' tells uses with the same seed apart. */
struct load_random load_random_of(uint64_t seed, uint64_t stream);
uint64_t load_random_next(struct load_random *random);
double load_random_unit(struct load_random *random);        /* from 0 up to, not including, 1 */
double load_random_exponential(struct load_random *random); /* mean 1 */

/* Picks one of n with given weights, in the same time whatever n (Walker's alias method, as Vose built the
 * table: "A linear algorithm for generating random numbers with a given distribution", 1991). */
struct load_alias {
    size_t n;
    double *keep;    /* chance of staying at the place first hit */
    uint32_t *other; /* where to go otherwise */
};

/* Requires: n from 1 to UINT32_MAX; weights not negative, at least one above 0. False: no memory. */
bool load_alias_init(struct load_alias *alias, const double *weights, size_t n);
void load_alias_fini(struct load_alias *alias); /* also of a zeroed one */
size_t load_alias_pick(const struct load_alias *alias, struct load_random *random);

#endif
