#include "tests/load/calls/pick.h"

#include <stdlib.h>

#include "common/core/check.h"

bool load_pick_init(struct load_pick *pick, enum load_pick_kind kind, size_t n, struct load_random random)
{
    QN_CHECK(n > 0);
    *pick = (struct load_pick){.kind = kind, .n = n, .random = random};
    if (kind != LOAD_PICK_ZIPF)
        return true;
    double *weights = calloc(n, sizeof *weights);
    if (!weights)
        return false;
    for (size_t i = 0; i < n; i++)
        weights[i] = 1 / (double)(i + 1);
    bool good = load_alias_init(&pick->alias, weights, n);
    free(weights);
    return good;
}

void load_pick_fini(struct load_pick *pick)
{
    load_alias_fini(&pick->alias);
    *pick = (struct load_pick){0};
}

size_t load_pick_next(struct load_pick *pick)
{
    if (pick->kind == LOAD_PICK_ZIPF)
        return load_alias_pick(&pick->alias, &pick->random);
    if (pick->kind == LOAD_PICK_RANDOM)
        return (size_t)(load_random_unit(&pick->random) * (double)pick->n);
    size_t at = pick->next;
    pick->next = at + 1 == pick->n ? 0 : at + 1;
    return at;
}
