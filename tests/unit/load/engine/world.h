#ifndef QN_TESTS_LOAD_WORLD_H
#define QN_TESTS_LOAD_WORLD_H

#include "tests/load/engine/engine.h"

/* A world of time that is only counted: a clock that jumps to whatever comes next, and a service whose every
 * delay is scripted. A run of minutes takes milliseconds, and always the same ones. */

enum { WORLD_CALLS_MAX = 4096 };
#define WORLD_MS UINT64_C(1000000)
#define WORLD_S  UINT64_C(1000000000)

struct world {
    struct load_clock clock;
    struct load_target target;
    uint64_t now_ns, wake_ns;

    /* The script: when a call that begins now will end, and how. 'nth' counts all calls from 0. */
    uint64_t (*ends_at)(struct world *world, uint64_t nth, uint64_t now_ns);
    enum qn_status (*status)(struct world *world, uint64_t nth, uint64_t now_ns); /* NULL: all good */
    uint64_t turn_every_ns; /* the generator gets the processor only so often; 0: at once */
    uint64_t busy_until_ns; /* for scripts of a service with one hand */
    double capacity;        /* the same: calls a second */
    double cpu_share;       /* what the generator's thread says it uses */
    uint64_t stop_at_ns;    /* load_engine_stop() then; 0: never */

    struct {
        uint64_t at_ns;
        enum qn_status status;
        struct load_call *call;
    } ends[WORLD_CALLS_MAX]; /* a heap, the earliest on top */
    size_t n_ends;
    uint64_t n_started;
    size_t most_under_way;
    uint64_t by_method[LOAD_CALLS_METHODS_MAX];
    void (*started)(struct world *world, uint64_t now_ns); /* may be NULL */
    void *context;

    struct load_engine *engine;
    struct load_result result;
    bool done;
    unsigned n_counting;
};

/* Zeroed but for clock and target; a run of 10 s, 1,000 calls a second, without warm-up, of 64 places. */
struct world *world_new(void);
void world_free(struct world *world);

/* Runs to the end. NULL: one method without data. */
void world_run(struct world *world, struct load_calls *calls);

/* One or more bare HTTP paths, "/a", with weights. */
struct load_calls *world_calls(const struct load_calls_method *methods, size_t n);

/* Scripts. */
uint64_t world_after_1ms(struct world *world, uint64_t nth, uint64_t now_ns);
/* One hand that takes 1/capacity for each, in order. */
uint64_t world_one_hand(struct world *world, uint64_t nth, uint64_t now_ns);

/* Within 2%. */
void world_assert_near(double is, double should_be);

#endif
