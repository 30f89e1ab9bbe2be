#ifndef QN_LOAD_STEPS_H
#define QN_LOAD_STEPS_H

#include "tests/load/engine/find_max.h"
#include "tests/load/options.h"

/* The results of a command: of the one run, or with --find-max of the run whose rate is the highest that
 * held. */
struct load_steps {
    const struct load_options *options;
    struct load_find_max search;
    struct load_step steps[LOAD_FIND_MAX_STEPS];
    size_t n_steps;
    struct load_result *best; /* NULL until a run has been taken */
};

void load_steps_begin(struct load_steps *steps, const struct load_options *options);

/* For the next run: asked, conditions and marks are filled in. NULL: no memory. */
struct load_result *load_steps_new(const struct load_steps *steps);

/* The run is over; the result is taken. 'cut_short': it was ended early, by a signal. Whether another run is
 * wanted. */
bool load_steps_take(struct load_steps *steps, struct load_result *result, bool cut_short);

/* The step taken last, for people: "8,000/s  held  p50 …". Only with --find-max. */
void load_steps_tell(const struct load_steps *steps, struct qn_buf *to);

/* Moves the best to 'ret_result' (initialised), with all steps. False: there is none. */
bool load_steps_end(struct load_steps *steps, struct load_result *ret_result);

/* Of load_steps_new(), when there was no run; also of NULL. */
void load_steps_drop(struct load_result *result);

#endif
