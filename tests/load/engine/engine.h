#ifndef QN_LOAD_ENGINE_H
#define QN_LOAD_ENGINE_H

#include "tests/load/calls/calls.h"
#include "tests/load/calls/target.h"
#include "tests/load/engine/schedule.h"
#include "tests/load/report/result.h"

/* Drives a target and counts what comes of it. On one thread, in the time of its clock.
 *
 * Open loop: calls are due by the schedule, whether or not earlier ones were answered, and a call's latency
 * counts from when it was due. With all places taken it waits for one, and the wait counts: a service that
 * stops for half a second is seen as all its users would see it, not as one slow call (Gil Tene calls the
 * other kind "coordinated omission"). Closed loop: each place asks, waits for the answer, and asks again. */
struct load_engine_options {
    struct load_clock *clock;
    struct load_target *target;
    struct load_calls *calls;
    /* 'asked' is filled in; the engine fills in the counts, histograms, methods, seconds and what it knows of
     * itself. */
    struct load_result *result;
    /* Most connections of the database since it was last called; NULL: not watched. */
    int32_t (*connections)(void *context);
    void (*counting)(void *context); /* the warm-up is over; may be NULL */
    void (*done)(void *context);     /* nothing is under way any more, the result is whole */
    void *context;
};

/* Starts at once. QN_RESOURCE_EXHAUSTED: no memory. */
QN_MUST_USE enum qn_status load_engine_start(const struct load_engine_options *options,
                                             struct load_engine **ret_engine);

/* No further call is started; 'done' comes when those under way have ended. */
void load_engine_stop(struct load_engine *engine);

/* After 'done'. */
void load_engine_free(struct load_engine *engine);

/* For targets: the call has ended. */
void load_engine_ended(struct load_call *call, enum qn_status status);

/* How it goes. */
struct load_live {
    bool warming_up;
    uint64_t left_ms;        /* of the time in which calls are started; 0: the last are awaited */
    uint64_t ended, errors;  /* since the start, warm-up included */
    uint64_t p50_ns, p99_ns; /* of the last whole second, or of what there is of the first */
    uint32_t in_flight;
};
struct load_live load_engine_live(struct load_engine *engine);

#endif
