#ifndef QN_LOAD_PICK_H
#define QN_LOAD_PICK_H

#include "tests/load/engine/random.h"

/* Which line of a file comes next. */

enum load_pick_kind {
    LOAD_PICK_ORDER,  /* one after the other, and round again */
    LOAD_PICK_RANDOM, /* each as likely as any */
    LOAD_PICK_ZIPF,   /* the k-th line 1/k as often as the first: a few hot ones, a long tail */
};

struct load_pick {
    enum load_pick_kind kind;
    size_t n, next;
    struct load_random random;
    struct load_alias alias; /* zipf */
};

/* Requires: n > 0. False: no memory. */
bool load_pick_init(struct load_pick *pick, enum load_pick_kind kind, size_t n, struct load_random random);
void load_pick_fini(struct load_pick *pick); /* also of a zeroed one */
size_t load_pick_next(struct load_pick *pick);

#endif
