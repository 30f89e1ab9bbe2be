#ifndef QN_LOAD_WORDS_H
#define QN_LOAD_WORDS_H

#include "common/core/buf.h"
#include "tests/load/report/result.h"
#include "tests/load/report/text.h"

/* What the table for people and the page both say, in the same words. None of it needs escaping but for what
 * is said to come from outside. Any thread. */

/* "open loop, Poisson arrivals, 5,000/s, at most 256 in flight, 8 connections" */
void load_words_load(struct qn_buf *to, const struct load_asked *asked);
/* "10 s after 1 s of warm-up, time limit a call 2 s, seed 1" */
void load_words_time(struct qn_buf *to, const struct load_asked *asked);
/* "4,998/s, 99.96% of the 5,000/s asked (over 10 s)" */
void load_words_rate(struct qn_buf *to, const struct load_result *result);
/* "at most 5 of 5 allowed (looked 98 times)" */
void load_words_database(struct qn_buf *to, const struct load_result *result);
/* True when the peak stayed within the role's limit and looking at it went well. */
bool load_words_database_good(const struct load_result *result);

/* A latency, a share or a rate, by the condition's name. */
const char *load_words_slo(char to[LOAD_TEXT_MAX], const struct load_slo *slo, double value);
/* "at least" for rates, "at most" for all else. */
const char *load_words_slo_bound(const struct load_slo *slo);

/* "exit 0", "killed by signal 9", "did not end" */
const char *load_words_exit(char to[LOAD_TEXT_MAX], const struct load_mark *mark);
/* "recovered within 1.2 s", "did not recover" */
const char *load_words_recovery(char to[2 * LOAD_TEXT_MAX], const struct load_mark *mark);

bool load_words_metric_changed(const struct load_watched_metric *metric);
/* "+12", "-3.5" */
const char *load_words_change(char to[LOAD_TEXT_MAX], double by);

#endif
