#ifndef QN_LOAD_TARGET_H
#define QN_LOAD_TARGET_H

#include <stdbool.h>
#include <stdint.h>

#include "common/core/status.h"
#include "common/core/str.h"

/* What the engine needs of the world, so that tests can make a world of their own: a clock, and something to
 * call. */

struct load_engine;

/* Time as the engine sees it. */
struct load_clock {
    uint64_t (*now_ns)(struct load_clock *clock);
    /* 'woken' runs at that time or soon after, once; it replaces the time asked for before. UINT64_MAX: not
     * at all. Never from within this call; and 'woken' must ask for another time before it returns. */
    void (*wake_at)(struct load_clock *clock, uint64_t at_ns);
    /* CPU time used so far, by the thread that runs the engine and by the whole process. */
    void (*cpu_ns)(struct load_clock *clock, uint64_t *ret_thread_ns, uint64_t *ret_process_ns);
    void (*woken)(void *context); /* these two are the engine's */
    void *context;
};

/* What one call asks. The bytes live as long as the run. */
struct load_ask {
    uint32_t method;       /* its place in the mix */
    struct qn_str payload; /* packed protobuf over nng, JSON over HTTP */
    struct qn_str cookie;  /* may be empty */
};

/* A call under way. A target's own struct begins with one; it is the target's from start until
 * load_engine_ended(). */
struct load_call {
    struct load_engine *engine;
    struct load_call *next_free; /* the engine's, while it is idle */
    struct load_ask ask;
    uint64_t intended_ns, started_ns;
    bool counted; /* not of the warm-up */
};

struct load_target {
    size_t call_bytes; /* of its own struct for a call; they are zeroed once, and then used again and again */
    /* Answers by load_engine_ended(), once, never from within this call. */
    void (*start)(struct load_target *target, struct load_call *call);
    bool (*ready)(const struct load_target *target); /* whether somebody is there to answer */
    void (*close)(struct load_target *target, void (*closed)(void *context), void *context);
};

#endif
