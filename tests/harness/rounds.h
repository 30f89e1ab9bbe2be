#ifndef QN_TESTS_ROUNDS_H
#define QN_TESTS_ROUNDS_H

#include <stdlib.h>

/* How often a test repeats what only shows itself now and then: 'usual' in `make test`, 'soak' in `make soak`
 * (which sets QN_SOAK). */
static inline size_t harness_rounds(size_t usual, size_t soak)
{
    return getenv("QN_SOAK") ? soak : usual;
}

#endif
