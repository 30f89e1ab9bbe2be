#ifndef QN_LOAD_PAGE_H
#define QN_LOAD_PAGE_H

#include "common/core/buf.h"
#include "tests/load/report/result.h"

/* The parts of the HTML page, for its own files alone: report_html.c has the frame and the tables, plots.c
 * the plots; page.css and page.js are compiled in. */

extern const char load_page_css[];
extern const char load_page_js[];

/* Latency by percentile. */
void load_page_percentiles(struct qn_buf *to, const struct load_result *result);
/* What happened second by second; long runs with several seconds a point. */
void load_page_series(struct qn_buf *to, const struct load_result *result);

#endif
