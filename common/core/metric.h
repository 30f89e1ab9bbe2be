#ifndef QN_CORE_METRIC_H
#define QN_CORE_METRIC_H

#include <stddef.h>
#include <stdint.h>

#include "common/core/buf.h"

/* Counters, gauges and histograms, rendered in Prometheus' text exposition format 0.0.4.
 *
 * A metric is a static object that registers itself on first use; its series (one per set of label values)
 * are found or made by qn_metric_series() and live as long as the process: look one up once, keep the
 * pointer, and counting is an addition. Loop thread only; other threads hand their counts to the loop.
 *
 * A metric has at most QN_METRIC_SERIES_MAX series; further label values share one whose values are all
 * "other", so a peer cannot grow it. */

enum qn_metric_kind { QN_COUNTER, QN_GAUGE, QN_HISTOGRAM };

enum { QN_METRIC_SERIES_MAX = 256, QN_METRIC_LABELS_MAX = 3, QN_METRIC_BUCKETS_MAX = 20 };

struct qn_metric {
    const char *name; /* "quintet_rpc_calls_total" */
    const char *help;
    enum qn_metric_kind kind;
    const char *labels[QN_METRIC_LABELS_MAX]; /* names; NULL ends */
    const double *bounds; /* histogram: ascending upper bounds; NULL: seconds, see below */
    size_t n_bounds;
    struct qn_metric *next; /* private from here */
    struct qn_series *series;
    size_t n_series;
};

struct qn_series {
    double value; /* counter, gauge */
    double sum;   /* histogram */
    uint64_t count;
    uint64_t buckets[QN_METRIC_BUCKETS_MAX];
    const struct qn_metric *metric; /* private from here */
    char *values[QN_METRIC_LABELS_MAX];
    struct qn_series *next;
};

/* The series of these label values, made at need with value 0. Requires: as many non-NULL values as the
 * metric has labels; pass NULL for the rest. Never NULL. */
struct qn_series *qn_metric_series(struct qn_metric *metric, const char *value0, const char *value1,
                                   const char *value2);

static inline void qn_metric_add(struct qn_series *series, double by)
{
    series->value += by;
}

static inline void qn_metric_set(struct qn_series *series, double to)
{
    series->value = to;
}

/* Histograms without bounds of their own are in seconds, from 100 µs to 30 s. */
void qn_metric_observe(struct qn_series *series, double value);

/* Appends every registered metric in order of name. */
void qn_metric_render(struct qn_buf *to);

/* Forgets every metric and series; for tests, and for leak checkers at the end of a process. */
void qn_metric_reset(void);

#endif
