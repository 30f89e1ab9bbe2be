#ifndef QN_LOAD_TABLE_H
#define QN_LOAD_TABLE_H

#include "tests/load/report/columns.h"
#include "tests/load/report/result.h"

/* The parts of the table for people, for its own files alone: report_table.c has the run and its latencies,
 * report_watch.c what was watched beside it. */

struct load_table {
    const struct load_result *result;
    struct qn_buf buf;
    bool colours;
};

enum { LOAD_TABLE_INDENT = 2 };

void load_table_heading(struct load_table *t, const char *text);
/* The faint word at the front of a line. */
void load_table_label(struct load_table *t, const char *text);
/* A cell with a text from outside. */
void load_table_clean(struct load_columns *columns, enum load_style style, const char *text);

/* Conditions, steps of a search, database, marks and metrics: each when there is any. */
void load_table_watched(struct load_table *t);

#endif
