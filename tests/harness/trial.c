#include "tests/harness/trial.h"

#include <libpq-fe.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/core/clock.h"
#include "tests/harness/test.h"
#include "tests/harness/trial_private.h"

enum {
    RATE_DEFAULT = 100,
    DEADLINE_MS_DEFAULT = 2000,
    /* Fewer good answers than these after a failure, and it is not taken for recovered. */
    RECOVERED_AFTER = 5,
};

static struct trial the_trial;

/* Ends both threads, once. */
static void halt(struct trial *trial)
{
    if (trial->running) {
        trial->running = false;
        trial_load_stop(&trial->load);
        trial_sample_stop(&trial->sample);
    }
}

uint64_t trial_now_us(const struct trial *trial)
{
    return qn_clock_now_us() - trial->start_us;
}

struct trial *trial_start(const struct trial_options *options)
{
    static unsigned n_started;
    struct trial *trial = &the_trial;
    halt(trial); /* a test that failed has left it running */
    free(trial->took_ms);
    *trial = (struct trial){.options = *options, .number = ++n_started};
    if (!trial->options.rate)
        trial->options.rate = RATE_DEFAULT;
    if (!trial->options.deadline_ms)
        trial->options.deadline_ms = DEADLINE_MS_DEFAULT;
    if (!trial->options.roles[0])
        trial->options.roles[0] = "quintet";
    unsigned total = 0;
    for (int i = 0; i < TRIAL_KINDS; i++)
        total += trial->options.weights[i];
    if (total == 0) {
        trial->options.weights[TRIAL_CHECK] = 8;
        trial->options.weights[TRIAL_WRITE] = trial->options.weights[TRIAL_LIST] = 1;
    }
    trial->people = harness_people(options->stack);
    trial->start_us = qn_clock_now_us();
    trial_sample_start(&trial->sample, trial);
    trial_load_start(&trial->load, trial);
    trial->running = true;
    return trial;
}

static void __attribute__((format(printf, 3, 0)))
add_mark(struct trial *trial, bool outage, const char *format, va_list args)
{
    assert_true(trial->n_marks < TRIAL_MARKS_MAX);
    struct trial_mark_seen *mark = &trial->marks[trial->n_marks++];
    vsnprintf(mark->what, sizeof mark->what, format, args);
    mark->outage = outage;
    mark->at_ms = trial_now_us(trial) / 1000;
}

void trial_mark(struct trial *trial, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    add_mark(trial, false, format, args);
    va_end(args);
}

void trial_outage(struct trial *trial, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    add_mark(trial, true, format, args);
    va_end(args);
}

void trial_pass(struct trial *trial, unsigned ms)
{
    struct trial_load *load = &trial->load;
    pthread_mutex_lock(&load->lock);
    /* Every request that was due by then has been sent, so that much of the load's time has passed. */
    size_t wanted = (size_t)((trial_now_us(trial) / 1000 + ms) * trial->options.rate / 1000);
    while (load->n < wanted)
        pthread_cond_wait(&load->moved, &load->lock);
    pthread_mutex_unlock(&load->lock);
}

/* Under the lock: whether the newest answers, of what was sent from 'from' on, are n good ones in a row, and
 * what was sent before them had ended by then: nothing of the trouble is still under way. */
static bool row_of_good(const struct trial_load *load, size_t from, size_t n)
{
    size_t i = load->n, row = 0;
    while (i > from && load->records[i - 1].ended_us == 0)
        i--; /* just sent */
    while (i > from && row < n && load->records[i - 1].good) {
        i--;
        row++;
    }
    if (row < n)
        return false;
    for (size_t k = 0; k < i; k++) {
        const struct trial_record *record = &load->records[k];
        if (record->ended_us == 0 || (!record->good && record->ended_us > load->records[i].sent_us))
            return false;
    }
    return true;
}

void trial_await_good(struct trial *trial, size_t n, unsigned limit_ms)
{
    struct trial_load *load = &trial->load;
    uint64_t end = qn_clock_now_ms() + limit_ms;
    pthread_mutex_lock(&load->lock);
    size_t from = load->n;
    bool good = false;
    while (!(good = row_of_good(load, from, n)) && qn_clock_now_ms() < end)
        pthread_cond_wait(&load->moved, &load->lock); /* rings with every answer, and the load goes on */
    pthread_mutex_unlock(&load->lock);
    if (!good) {
        struct trial_verdict verdict;
        trial_stop(trial, &verdict);
        trial_print(&verdict);
        fail_msg("%s: no %zu good answers in a row within %u ms", trial->options.name, n, limit_ms);
    }
}

size_t trial_failed(struct trial *trial)
{
    pthread_mutex_lock(&trial->load.lock);
    size_t failed = trial->load.failed;
    pthread_mutex_unlock(&trial->load.lock);
    return failed;
}

/* What became of the writes. */

/* The number of the write whose text stands in the database; -1: none of this trial's. */
static long written_last(PGconn *admin, const struct trial *trial, const struct harness_person *person)
{
    char prefix[48];
    const char *params[] = {person->user_id};
    int len = snprintf(prefix, sizeof prefix, "trial %u write ", trial->number);
    PGresult *result = PQexecParams(admin, "select coalesce(bio, '') from quintet.profile where user_id = $1",
                                    1, NULL, params, NULL, NULL, 0);
    if (PQresultStatus(result) != PGRES_TUPLES_OK || PQntuples(result) != 1)
        fail_msg("trial: the profile of %s is not there: %s", person->email, PQerrorMessage(admin));
    const char *bio = PQgetvalue(result, 0, 0);
    long k = strncmp(bio, prefix, (size_t)len) == 0 ? strtol(bio + len, NULL, 10) : -1;
    PQclear(result);
    return k;
}

static void check_writes(const struct trial *trial, struct trial_verdict *verdict)
{
    const struct trial_load *load = &trial->load;
    PGconn *admin = harness_postgres_admin(trial->options.stack->postgres, NULL);
    for (unsigned p = 0; p < HARNESS_PEOPLE; p++) {
        long last = written_last(admin, trial, &trial->people[p]);
        const struct trial_record *there = last >= 0 ? &load->records[last] : NULL;
        if (there && there->denied)
            verdict->denied_writes++;
        for (size_t i = 0; i < load->n; i++) {
            const struct trial_record *write = &load->records[i];
            if (write->kind != TRIAL_WRITE || write->person != p || !write->good || write == there)
                continue;
            /* It was over before this one began, and yet it is the one that stands. */
            if (!there || (there->good && there->ended_us < write->sent_us))
                verdict->lost_writes++;
        }
    }
    PQfinish(admin);
}

/* When it was well again. */

static void judge_mark(const struct trial_load *load, struct trial_mark_seen *mark, uint64_t until_us)
{
    uint64_t at_us = mark->at_ms * 1000, last_us = 0, next_us = 0;
    for (size_t i = 0; i < load->n; i++) {
        const struct trial_record *record = &load->records[i];
        if (record->good || record->ended_us < at_us || record->ended_us >= until_us)
            continue;
        mark->failed++;
        if (record->sent_us >= at_us)
            last_us = record->sent_us; /* in the order of sending */
    }
    if (last_us == 0)
        return;
    size_t good_after = 0;
    for (size_t i = load->n; i-- > 0 && load->records[i].sent_us > last_us;) {
        if (load->records[i].sent_us < until_us && load->records[i].good) {
            good_after++;
            next_us = load->records[i].sent_us;
        }
    }
    mark->recovered_ms = good_after >= RECOVERED_AFTER ? (int64_t)((next_us - at_us) / 1000) : -1;
}

static void judge_marks(struct trial *trial, struct trial_verdict *verdict)
{
    verdict->n_marks = trial->n_marks;
    for (size_t i = 0; i < trial->n_marks; i++) {
        struct trial_mark_seen *mark = &trial->marks[i];
        judge_mark(&trial->load, mark, i + 1 < trial->n_marks ? mark[1].at_ms * 1000 : UINT64_MAX);
        verdict->marks[i] = *mark;
        if (mark->outage || verdict->recovered_ms < 0)
            continue;
        if (mark->recovered_ms < 0 || mark->recovered_ms > verdict->recovered_ms)
            verdict->recovered_ms = mark->recovered_ms;
    }
}

static void count(struct trial *trial, struct trial_verdict *verdict)
{
    const struct trial_load *load = &trial->load;
    verdict->requests = load->n;
    trial->took_ms = calloc(load->n + 1, sizeof *trial->took_ms);
    assert_non_null(trial->took_ms);
    for (size_t i = 0; i < load->n; i++) {
        const struct trial_record *record = &load->records[i];
        uint64_t took_us = record->ended_us - record->sent_us;
        trial->took_ms[i] = (uint32_t)(took_us / 1000);
        if ((double)took_us / 1000 > verdict->slowest_ms)
            verdict->slowest_ms = (double)took_us / 1000;
        verdict->by_kind[record->kind]++;
        verdict->failed_by_kind[record->kind] += !record->good;
        verdict->good += record->good;
        verdict->typed += !record->good && record->typed;
        verdict->untyped += !record->good && !record->typed;
        verdict->resent += record->resent;
    }
    verdict->failed = verdict->typed + verdict->untyped;
    verdict->took_ms = trial->took_ms;
}

void trial_stop(struct trial *trial, struct trial_verdict *ret_verdict)
{
    halt(trial);
    const struct trial_load *load = &trial->load;
    *ret_verdict = (struct trial_verdict){.rate = trial->options.rate,
                                          .deadline_ms = trial->options.deadline_ms,
                                          .seconds = (double)trial_now_us(trial) / 1e6,
                                          .n_roles = trial->sample.n_roles,
                                          .samples = trial->sample.samples,
                                          .n_tally = load->n_tally,
                                          .n_quotes = load->n_quotes};
    snprintf(ret_verdict->name, sizeof ret_verdict->name, "%s", trial->options.name);
    snprintf(ret_verdict->what, sizeof ret_verdict->what, "%s", trial->options.what);
    memcpy(ret_verdict->peaks, trial->sample.peaks, sizeof ret_verdict->peaks);
    memcpy(ret_verdict->tally, load->tally, sizeof ret_verdict->tally);
    memcpy(ret_verdict->quotes, load->quotes, sizeof ret_verdict->quotes);
    memcpy(ret_verdict->last_quote, load->last_quote, sizeof ret_verdict->last_quote);
    count(trial, ret_verdict);
    judge_marks(trial, ret_verdict);
    check_writes(trial, ret_verdict);
    trial_load_free(&trial->load);
}
