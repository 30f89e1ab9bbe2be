#include "tests/load/engine/verdict.h"

void load_verdict_cpu(struct load_result *result, uint64_t thread_cpu_ns, uint64_t process_cpu_ns,
                      uint64_t wall_ns)
{
    if (wall_ns > 0)
        result->cpu_share = (double)thread_cpu_ns / (double)wall_ns;
    if (result->ended > 0)
        result->cpu_us_per_call = (double)process_cpu_ns / 1e3 / (double)result->ended;
}

static void condemn(struct load_result *result, const char *reason)
{
    result->is_void = true;
    result->void_reason = reason ? reason : "out of memory";
}

void load_verdict(struct load_result *result)
{
    struct qn_arena *arena = &result->arena;
    uint64_t lag_ns = load_hist_at(&result->lag, 0.99), latency_ns = load_hist_at(&result->latency, 0.99);
    if (result->started == 0)
        condemn(result, "no call was counted");
    else if (result->asked.mode == LOAD_OPEN && lag_ns > LOAD_LAG_MAX_NS && lag_ns > latency_ns / 10)
        condemn(result, qn_arena_printf(arena, "p99 of its own lag is %.1f ms, over a tenth of the latency's",
                                        (double)lag_ns / 1e6));
    else if (result->cpu_share > LOAD_CPU_MAX)
        condemn(result, qn_arena_printf(arena, "its thread used %.0f%% of a core: its own limit was measured",
                                        result->cpu_share * 100));
}
