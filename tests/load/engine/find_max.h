#ifndef QN_LOAD_FIND_MAX_H
#define QN_LOAD_FIND_MAX_H

#include <stdbool.h>

/* Searches the highest rate that holds: doubled until one does not hold (or halved until one does), then the
 * middle of the two again and again, until they are within LOAD_FIND_MAX_CLOSE of each other. Ratios count,
 * so middles are geometric. */
struct load_find_max {
    double rate;         /* to try next */
    double held, failed; /* the highest that held, the lowest above it that did not; 0: none yet */
    unsigned steps;
};

enum { LOAD_FIND_MAX_STEPS = 32 }; /* from 1 to 10,000,000 are 24 doublings, and a few more to come close */
#define LOAD_FIND_MAX_CLOSE   1.04 /* two runs of the same rate differ by as much */
#define LOAD_FIND_MAX_LOWEST  1.0  /* a second */
#define LOAD_FIND_MAX_HIGHEST 1e7

void load_find_max_begin(struct load_find_max *search, double first);
/* 'rate' was tried. False: the search is over, 'held' is the answer. */
bool load_find_max_next(struct load_find_max *search, bool held);

#endif
