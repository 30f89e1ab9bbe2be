#ifndef AUTH_LIMIT_H
#define AUTH_LIMIT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/core/status.h"
#include "common/core/str.h"

/* Counters of requests by key, for rate limits, with Better Auth's rule: the first request counts 1; each
 * that is allowed adds 1 and moves the window's start to now; one that would be more than 'max' within
 * 'window_ms' of the last allowed one is refused and changes nothing; when that time has passed the count
 * starts again.
 *
 * Memory is fixed at the start. Keys are kept as 128 bits of a hash that is keyed anew in each process, so no
 * client can choose keys that meet, and no address stands in memory. When all counters are taken, the one
 * that was asked for the longest time ago gives way: whoever floods us with keys makes us forget old counts
 * early, which lets somebody in and locks nobody out. Time is the caller's. One thread. */
struct auth_limit;

enum {
    AUTH_LIMIT_WINDOW_MAX_MS = 24 * 60 * 60 * 1000,
    AUTH_LIMIT_COUNTERS_MAX = 10 * 1000 * 1000, /* 480 MB */
};

/* Requires: 1 to AUTH_LIMIT_COUNTERS_MAX counters, of 48 bytes each. QN_RESOURCE_EXHAUSTED. */
QN_MUST_USE enum qn_status auth_limit_open(size_t counters_max, struct auth_limit **ret_limit);
void auth_limit_close(struct auth_limit *limit); /* NULL: nothing */

/* Counts a request, or refuses it: then '*ret_retry_ms' is what is left of the window, 1 at least; otherwise
 * 0. Requires: window_ms from 1 to AUTH_LIMIT_WINDOW_MAX_MS, max from 1, now_ms never before that of the last
 * call.
 */
bool auth_limit_take(struct auth_limit *limit, struct qn_str key, uint32_t window_ms, uint32_t max,
                     uint64_t now_ms, uint32_t *ret_retry_ms);

/* Counters in use, and how many gave way before their window had passed. */
size_t auth_limit_n_counters(const struct auth_limit *limit);
uint64_t auth_limit_n_evicted(const struct auth_limit *limit);

#endif
