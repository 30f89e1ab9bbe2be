#include "services/auth/limit.h"

#include <stdlib.h>
#include <string.h>

#include "common/core/check.h"
#include "common/core/id.h"

/* Of so many counters that were not asked for the longest, one whose window has passed goes first: windows
 * have different lengths, so the very oldest may still count. */
enum { EVICTION_LOOK = 8 };

#define NONE UINT32_MAX

struct counter {
    uint64_t key[2];
    uint64_t last_ms; /* of the last allowed request */
    uint32_t window_ms;
    uint32_t count;
    uint32_t next_alike;   /* of the same bucket */
    uint32_t older, newer; /* by when they were last asked for */
};

struct auth_limit {
    uint64_t secrets[2][2];
    struct counter *counters;
    uint32_t *buckets; /* a power of two of them, at least as many as counters */
    uint32_t bucket_mask;
    uint32_t n_max, n_used;
    uint32_t oldest, newest;
    uint64_t n_evicted;
};

enum qn_status auth_limit_open(size_t counters_max, struct auth_limit **ret_limit)
{
    QN_CHECK(counters_max >= 1 && counters_max <= AUTH_LIMIT_COUNTERS_MAX);
    struct auth_limit *limit = calloc(1, sizeof(*limit));
    size_t n_buckets = 1;
    while (n_buckets < counters_max)
        n_buckets *= 2;
    if (limit != NULL) {
        limit->counters = calloc(counters_max, sizeof(*limit->counters));
        limit->buckets = malloc(n_buckets * sizeof(*limit->buckets));
    }
    if (limit == NULL || limit->counters == NULL || limit->buckets == NULL) {
        auth_limit_close(limit);
        return QN_RESOURCE_EXHAUSTED;
    }
    memset(limit->buckets, 0xff, n_buckets * sizeof(*limit->buckets)); /* NONE */
    qn_random_bytes(limit->secrets, sizeof(limit->secrets));
    limit->bucket_mask = (uint32_t)(n_buckets - 1);
    limit->n_max = (uint32_t)counters_max;
    limit->oldest = limit->newest = NONE;
    *ret_limit = limit;
    return QN_OK;
}

void auth_limit_close(struct auth_limit *limit)
{
    if (limit == NULL)
        return;
    free(limit->counters);
    free(limit->buckets);
    free(limit);
}

size_t auth_limit_n_counters(const struct auth_limit *limit)
{
    return limit->n_used;
}

uint64_t auth_limit_n_evicted(const struct auth_limit *limit)
{
    return limit->n_evicted;
}

/* The order by age. */

static void age_remove(struct auth_limit *limit, uint32_t at)
{
    struct counter *counter = &limit->counters[at];
    *(counter->older == NONE ? &limit->oldest : &limit->counters[counter->older].newer) = counter->newer;
    *(counter->newer == NONE ? &limit->newest : &limit->counters[counter->newer].older) = counter->older;
}

static void age_push(struct auth_limit *limit, uint32_t at)
{
    struct counter *counter = &limit->counters[at];
    counter->older = limit->newest;
    counter->newer = NONE;
    *(limit->newest == NONE ? &limit->oldest : &limit->counters[limit->newest].newer) = at;
    limit->newest = at;
}

/* The table. */

static uint32_t *bucket_of(struct auth_limit *limit, const uint64_t key[2])
{
    return &limit->buckets[(uint32_t)key[0] & limit->bucket_mask];
}

static uint32_t find(struct auth_limit *limit, const uint64_t key[2])
{
    uint32_t at = *bucket_of(limit, key);
    while (at != NONE && memcmp(limit->counters[at].key, key, sizeof(limit->counters[at].key)) != 0)
        at = limit->counters[at].next_alike;
    return at;
}

static bool has_passed(const struct counter *counter, uint64_t now_ms)
{
    return now_ms - counter->last_ms >= counter->window_ms;
}

/* Takes the counter out that is missed least; its place is free. */
static uint32_t evict(struct auth_limit *limit, uint64_t now_ms)
{
    uint32_t at = limit->oldest;
    for (int i = 1; i < EVICTION_LOOK && at != NONE && !has_passed(&limit->counters[at], now_ms); i++)
        at = limit->counters[at].newer;
    if (at == NONE || !has_passed(&limit->counters[at], now_ms)) {
        at = limit->oldest;
        limit->n_evicted++;
    }
    uint32_t *link = bucket_of(limit, limit->counters[at].key);
    while (*link != at)
        link = &limit->counters[*link].next_alike;
    *link = limit->counters[at].next_alike;
    age_remove(limit, at);
    return at;
}

static uint32_t add(struct auth_limit *limit, const uint64_t key[2], uint64_t now_ms)
{
    uint32_t at = limit->n_used < limit->n_max ? limit->n_used++ : evict(limit, now_ms);
    struct counter *counter = &limit->counters[at];
    uint32_t *bucket = bucket_of(limit, key);
    *counter = (struct counter){.key = {key[0], key[1]}, .next_alike = *bucket};
    *bucket = at;
    age_push(limit, at);
    return at;
}

bool auth_limit_take(struct auth_limit *limit, struct qn_str key, uint32_t window_ms, uint32_t max,
                     uint64_t now_ms, uint32_t *ret_retry_ms)
{
    QN_CHECK(window_ms >= 1 && window_ms <= AUTH_LIMIT_WINDOW_MAX_MS && max >= 1);
    const uint64_t hash[2] = {qn_str_siphash13(limit->secrets[0], key),
                              qn_str_siphash13(limit->secrets[1], key)};
    uint32_t at = find(limit, hash);
    *ret_retry_ms = 0;
    if (at == NONE) {
        at = add(limit, hash, now_ms);
    } else {
        age_remove(limit, at);
        age_push(limit, at);
    }
    struct counter *counter = &limit->counters[at];
    uint64_t since_ms = now_ms - counter->last_ms;
    if (since_ms >= window_ms)
        counter->count = 0;
    if (counter->count >= max) {
        *ret_retry_ms = (uint32_t)(window_ms - since_ms);
        return false;
    }
    counter->count++;
    counter->last_ms = now_ms;
    counter->window_ms = window_ms;
    return true;
}
