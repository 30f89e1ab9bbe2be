#ifndef RUN_BACKOFF_H
#define RUN_BACKOFF_H

#include <stdint.h>

/* How long to wait before what has died is started again: 100 ms, then twice as long each time up to 10 s,
 * and from the beginning once it has lived for 30 s. A zeroed one has seen no death. */
struct run_backoff {
    uint64_t last_ms;
};

enum { RUN_BACKOFF_MIN_MS = 100, RUN_BACKOFF_MAX_MS = 10000, RUN_BACKOFF_FORGIVEN_MS = 30000 };

/* It has died after 'lived_ms': the wait before the next start. */
uint64_t run_backoff_next(struct run_backoff *backoff, uint64_t lived_ms);

#endif
