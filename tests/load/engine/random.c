#include "tests/load/engine/random.h"

#include <math.h>
#include <stdlib.h>

#include "common/core/check.h"

static const uint64_t GOLDEN = 0x9e3779b97f4a7c15ULL; /* splitmix64's step: 2^64 over the golden ratio, odd */

uint64_t load_random_next(struct load_random *random)
{
    uint64_t z = (random->state += GOLDEN);
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ULL;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebULL;
    return z ^ (z >> 31);
}

struct load_random load_random_of(uint64_t seed, uint64_t stream)
{
    /* Mixed, so that neighbouring streams are not the same numbers a step apart. */
    struct load_random mixer = {seed};
    uint64_t mixed = load_random_next(&mixer);
    mixer.state = mixed ^ stream;
    return (struct load_random){load_random_next(&mixer)};
}

double load_random_unit(struct load_random *random)
{
    return (double)(load_random_next(random) >> 11) * 0x1p-53; /* the 53 bits that a double holds */
}

double load_random_exponential(struct load_random *random)
{
    return -log1p(-load_random_unit(random));
}

bool load_alias_init(struct load_alias *alias, const double *weights, size_t n)
{
    QN_CHECK(n > 0 && n <= UINT32_MAX);
    *alias = (struct load_alias){.n = n};
    alias->keep = calloc(n, sizeof *alias->keep);
    alias->other = calloc(n, sizeof *alias->other);
    uint32_t *places = calloc(n, sizeof *places); /* the poor from the front, the rich from the back */
    if (!alias->keep || !alias->other || !places) {
        free(places);
        load_alias_fini(alias);
        return false;
    }
    double sum = 0;
    for (size_t i = 0; i < n; i++)
        sum += weights[i];
    QN_CHECK(sum > 0);
    size_t poor = 0, rich = n;
    for (size_t i = 0; i < n; i++) {
        alias->keep[i] = weights[i] * (double)n / sum;
        alias->other[i] = (uint32_t)i;
        if (alias->keep[i] < 1)
            places[poor++] = (uint32_t)i;
        else
            places[--rich] = (uint32_t)i;
    }
    /* Each poor place is filled up by a rich one, which may be poor afterwards. */
    while (poor > 0 && rich < n) {
        uint32_t small = places[--poor], large = places[rich];
        alias->other[small] = large;
        alias->keep[large] -= 1 - alias->keep[small];
        if (alias->keep[large] < 1) {
            rich++;
            places[poor++] = large;
        }
    }
    /* What is left is 1 but for rounding. */
    while (poor > 0)
        alias->keep[places[--poor]] = 1;
    while (rich < n)
        alias->keep[places[rich++]] = 1;
    free(places);
    return true;
}

void load_alias_fini(struct load_alias *alias)
{
    free(alias->keep);
    free(alias->other);
    *alias = (struct load_alias){0};
}

size_t load_alias_pick(const struct load_alias *alias, struct load_random *random)
{
    double at = load_random_unit(random) * (double)alias->n;
    size_t place = (size_t)at;
    if (place >= alias->n) /* rounding */
        place = alias->n - 1;
    return at - (double)place < alias->keep[place] ? place : alias->other[place];
}
