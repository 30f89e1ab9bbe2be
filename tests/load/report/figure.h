#ifndef QN_LOAD_FIGURE_H
#define QN_LOAD_FIGURE_H

#include "tests/load/report/plot.h"
#include "tests/load/report/result.h"

/* A plot with its heading, legend and caption, and its values as JSON beside it for the script that reads out
 * what lies below the pointer. One thread. */

enum { LOAD_FIGURE_SERIES_MAX = 4 };

struct load_series {
    const char *name;
    const char *class; /* "s1" … of the style sheet */
    const double *ys;  /* NaN: nothing was measured there */
    load_plot_words *words;
    bool is_area;
};

struct load_figure {
    const char *id;      /* "rate" */
    const char *title;   /* of ours, as are all texts here */
    const char *caption; /* NULL: none */
    const char *group;   /* figures of one group show the same point together; NULL: alone */
    double height;
    struct load_axis x, y;
    const double *xs;
    size_t count;
    load_plot_words *x_words; /* of a point, in the read-out */
    struct load_series series[LOAD_FIGURE_SERIES_MAX];
    size_t n_series;
    /* Draw what lies below the lines (NULL: ticks at round numbers) and above them (NULL: nothing). */
    void (*below)(const struct load_plot *plot, const void *context);
    void (*above)(const struct load_plot *plot, const void *context);
    const void *context;
};

void load_figure_write(struct qn_buf *to, const struct load_figure *figure);

#endif
