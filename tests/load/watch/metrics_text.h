#ifndef QN_LOAD_METRICS_TEXT_H
#define QN_LOAD_METRICS_TEXT_H

#include <stdbool.h>
#include <stddef.h>

#include "common/core/str.h"

/* Prometheus' text exposition format 0.0.4, as services answer at /metrics. */
struct load_metrics_text {
    struct qn_str rest;  /* what is to be read; the views below point into it */
    size_t line;         /* the number of the line read last */
    const char *problem; /* what is wrong with it; NULL: nothing. Static text */
};

struct load_metrics_sample {
    struct qn_str name;   /* "quintet_pg_queries_total" */
    struct qn_str series; /* the same with its labels, as written */
    double value;         /* may be infinite or no number */
};

/* Begin with 'rest' set and all else zero. False at the end, or at a line that is none of the format:
 * 'problem' tells the two apart. */
bool load_metrics_text_next(struct load_metrics_text *text, struct load_metrics_sample *ret_sample);

#endif
