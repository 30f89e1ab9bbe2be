#include "deploy/run/backoff.h"

uint64_t run_backoff_next(struct run_backoff *backoff, uint64_t lived_ms)
{
    if (backoff->last_ms == 0 || lived_ms >= RUN_BACKOFF_FORGIVEN_MS)
        backoff->last_ms = RUN_BACKOFF_MIN_MS;
    else
        backoff->last_ms *= 2;
    if (backoff->last_ms > RUN_BACKOFF_MAX_MS)
        backoff->last_ms = RUN_BACKOFF_MAX_MS;
    return backoff->last_ms;
}
