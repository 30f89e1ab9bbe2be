#ifndef QN_TESTS_TRIAL_PRIVATE_H
#define QN_TESTS_TRIAL_PRIVATE_H

#include <pthread.h>
#include <stdatomic.h>

#include "tests/harness/people.h"
#include "tests/harness/trial.h"

/* Between the files trial*.c: trial.c (start, marks, verdict), trial_load.c (the requests), trial_sample.c
 * (pg_stat_activity), trial_report.c (what is said of it). */

/* One request, in the order of sending. */
struct trial_record {
    uint64_t sent_us, ended_us; /* since the trial's start; ended 0: still under way */
    uint8_t kind, person;
    bool good, typed, resent;
    bool denied; /* typed, and with a code that says: not executed */
};

/* Since the trial's start. */
uint64_t trial_now_us(const struct trial *trial);

struct trial_load {
    pthread_t thread;
    pthread_mutex_t lock;
    pthread_cond_t moved; /* something was sent or has ended */
    const struct trial *trial;
    bool stop;
    void *multi; /* CURLM */

    /* Under the lock. */
    struct trial_record *records;
    size_t n, room, ended, failed;
    struct trial_tally tally[TRIAL_TALLY_MAX];
    size_t n_tally;
    char quotes[TRIAL_QUOTES_MAX][320];
    size_t n_quotes;
    char last_quote[320];
};

void trial_load_start(struct trial_load *load, const struct trial *trial);
/* Waits for what is under way. */
void trial_load_stop(struct trial_load *load);
void trial_load_free(struct trial_load *load);

struct trial_sample {
    pthread_t thread;
    const struct trial *trial;
    atomic_bool stop;
    struct trial_peak peaks[TRIAL_ROLES_MAX];
    size_t n_roles;
    size_t samples;
};

void trial_sample_start(struct trial_sample *sample, const struct trial *trial);
void trial_sample_stop(struct trial_sample *sample);

struct trial {
    struct trial_options options; /* with defaults filled in */
    unsigned number;              /* of this process, from 1: part of what writes write */
    uint64_t start_us;
    const struct harness_person *people;
    struct trial_load load;
    struct trial_sample sample;
    struct trial_mark_seen marks[TRIAL_MARKS_MAX];
    size_t n_marks;
    uint32_t *took_ms;
    bool running; /* the threads */
};

/* The verdict's lines for people. */
void trial_print(const struct trial_verdict *verdict);

#endif
