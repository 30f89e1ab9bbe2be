#include "tests/load/engine/schedule.h"

#include <math.h>

#include "common/core/check.h"

double load_schedule_calls_by(const struct load_schedule *schedule, uint64_t at_ns)
{
    double s = (double)at_ns / 1e9, from = schedule->ramp_from, ramp_s = schedule->ramp_s;
    if (s < ramp_s)
        return from * s + (schedule->rate - from) * s * s / (2 * ramp_s);
    return (from + schedule->rate) / 2 * ramp_s + schedule->rate * (s - ramp_s);
}

uint64_t load_schedule_time_of(const struct load_schedule *schedule, double calls)
{
    double from = schedule->ramp_from, ramp_s = schedule->ramp_s;
    double in_ramp = (from + schedule->rate) / 2 * ramp_s, s;
    if (calls >= in_ramp) {
        s = ramp_s + (calls - in_ramp) / schedule->rate;
    } else {
        /* from * s + a * s² = calls, in the form that loses no digits where a is small, and also takes a < 0.
         */
        double a = (schedule->rate - from) / (2 * ramp_s);
        double root = sqrt(fmax(from * from + 4 * a * calls, 0));
        s = calls > 0 ? 2 * calls / (from + root) : 0;
    }
    return (uint64_t)llround(s * 1e9);
}

void load_schedule_advance(struct load_schedule *schedule)
{
    schedule->mark += schedule->arrival == LOAD_POISSON ? load_random_exponential(&schedule->random) : 1;
    schedule->next_ns = load_schedule_time_of(schedule, schedule->mark);
}

void load_schedule_init(struct load_schedule *schedule, const struct load_asked *asked,
                        struct load_random random)
{
    QN_CHECK(asked->rate > 0 && asked->ramp_from >= 0);
    *schedule = (struct load_schedule){
        .arrival = asked->arrival,
        .rate = asked->rate,
        .ramp_from = asked->ramp_from,
        .ramp_s = (double)asked->ramp_ms / 1e3,
        .random = random,
    };
    if (schedule->arrival == LOAD_POISSON)
        load_schedule_advance(schedule); /* the first of constant arrivals is due at once */
}
