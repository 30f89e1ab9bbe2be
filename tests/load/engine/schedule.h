#ifndef QN_LOAD_SCHEDULE_H
#define QN_LOAD_SCHEDULE_H

#include "tests/load/engine/random.h"
#include "tests/load/report/result.h"

/* When calls ought to start, decided before and apart from how the service answers. Times are nanoseconds
 * from the start of the run.
 *
 * The k-th call is due when the expected number of calls, the area under the rate, has reached its mark: k
 * for constant arrivals, the sum of k exponential steps of mean 1 for Poisson's. So a ramp holds for both. */
struct load_schedule {
    enum load_arrival arrival;
    double rate;      /* calls a second, once the ramp is over */
    double ramp_from; /* calls a second at the start */
    double ramp_s;    /* seconds until 'rate' is reached, in a straight line; 0: no ramp */
    double mark;      /* of the next call */
    uint64_t next_ns; /* the next call is due */
    struct load_random random;
};

/* Requires: rate > 0, ramp_from >= 0. */
void load_schedule_init(struct load_schedule *schedule, const struct load_asked *asked,
                        struct load_random random);

/* Moves on to the call after the one due at next_ns. */
void load_schedule_advance(struct load_schedule *schedule);

/* The expected number of calls from the start to 'at_ns', and when that number is reached. */
double load_schedule_calls_by(const struct load_schedule *schedule, uint64_t at_ns);
uint64_t load_schedule_time_of(const struct load_schedule *schedule, double calls);

#endif
