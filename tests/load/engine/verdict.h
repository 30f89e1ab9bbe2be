#ifndef QN_LOAD_VERDICT_H
#define QN_LOAD_VERDICT_H

#include "tests/load/report/result.h"

/* Whether the generator did its own part, so that the numbers are the service's and not its own. */

/* What the generator used in the counted time. */
void load_verdict_cpu(struct load_result *result, uint64_t thread_cpu_ns, uint64_t process_cpu_ns,
                      uint64_t wall_ns);

/* Sets is_void and void_reason. A run is void when
 *   - nothing was counted;
 *   - open loop: the generator's own lateness (a place was free, the call was due, and it was not sent yet)
 * has a p99 over LOAD_LAG_MAX_NS and over a tenth of the latency's p99: up to there it is below what the
 * histogram's readers care for, beyond it the latencies are partly its own;
 *   - its thread had no time left (LOAD_CPU_MAX of a core): answers then wait in its own sockets, which no
 * clock of its own can see. */
#define LOAD_LAG_MAX_NS UINT64_C(1000000)
#define LOAD_CPU_MAX    0.97
void load_verdict(struct load_result *result);

#endif
