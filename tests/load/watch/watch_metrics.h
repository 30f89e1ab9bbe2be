#ifndef QN_LOAD_WATCH_METRICS_H
#define QN_LOAD_WATCH_METRICS_H

#include "common/loop/loop.h"
#include "tests/load/report/result.h"

/* Reads services' metrics before and after a run, and keeps what changed: counters, gauges, and of histograms
 * sum and count. */
struct load_watch_metrics;

/* QN_INVALID_ARGUMENT: 'err' says what is wrong with a url. 'urls' must outlive it. */
QN_MUST_USE enum qn_status load_watch_metrics_open(struct qn_loop *loop, const char *const *urls,
                                                   size_t n_urls, struct load_watch_metrics **ret_watch,
                                                   struct qn_error *err);

/* Reads all of them, once before and once after. 'done' runs later, once; 'problem' is NULL or says who could
 * not be read and why, and lives until the close. */
void load_watch_metrics_read(struct load_watch_metrics *watch,
                             void (*done)(void *context, const char *problem), void *context);

/* After the second reading: fills in result->metrics. */
void load_watch_metrics_report(const struct load_watch_metrics *watch, struct load_result *result);

void load_watch_metrics_close(struct load_watch_metrics *watch);

#endif
