#ifndef QN_LOAD_PLOT_H
#define QN_LOAD_PLOT_H

#include <stdbool.h>
#include <stddef.h>

#include "common/core/buf.h"
#include "tests/load/report/text.h"

/* Line plots as SVG, drawn so that they can be read without a script. Colours and fonts are the page's style
 * sheet's: lines have the classes s1, s2 and so on. One thread. */

/* A number at a tick or in a read-out. */
typedef const char *load_plot_words(char to[LOAD_TEXT_MAX], double value);

struct load_axis {
    double from, to;
    bool is_log; /* then 'from' is above 0 */
    load_plot_words *words;
};

struct load_plot {
    struct qn_buf *to;
    const char *id;    /* of the SVG; the data for the script is in an element "ID-data" */
    const char *label; /* what a screen reader says; plain text of ours */
    double height;
    struct load_axis x, y;
};

/* In units of the SVG, which is scaled to the page's width. */
enum {
    LOAD_PLOT_WIDTH = 960,
    LOAD_PLOT_LEFT = 72, /* room for "999,999/s" */
    LOAD_PLOT_RIGHT = 18,
    LOAD_PLOT_TOP = 14,
    LOAD_PLOT_BOTTOM = 30 /* room for the numbers below the axis */
};

/* An axis from 0 to a round number not below 'max'; one of a single 0 when there is nothing. */
struct load_axis load_plot_linear(double max, load_plot_words *words);
/* From and to 1, 2 or 5 times a power of ten. Requires: 0 < min <= max. */
struct load_axis load_plot_log(double min, double max, load_plot_words *words);
/* Logarithmic when the values span more than a linear one shows, which is a factor of 30. */
struct load_axis load_plot_fitting(double min, double max, load_plot_words *words);

/* Opens the SVG and draws the lines across and the numbers of the axis at the left. */
void load_plot_begin(const struct load_plot *plot);
/* A line upwards at x with words below. */
void load_plot_tick(const struct load_plot *plot, double x, const char *words);
/* Ticks along x at round numbers that are whole. */
void load_plot_ticks(const struct load_plot *plot);
/* A line through all points whose y is finite; what lies outside of the axes is drawn at their ends. */
void load_plot_line(const struct load_plot *plot, const char *class, const double *xs, const double *ys,
                    size_t count);
/* The area between such a line and the bottom, as steps. */
void load_plot_area(const struct load_plot *plot, const char *class, const double *xs, const double *ys,
                    size_t count);
/* A line across at y, and a line up at x with a short text of ours at its top. */
void load_plot_level(const struct load_plot *plot, const char *class, double y);
void load_plot_mark(const struct load_plot *plot, const char *class, double x, const char *words);
void load_plot_end(const struct load_plot *plot);

/* Where a value lies, in units of the SVG. */
double load_plot_x(const struct load_plot *plot, double x);
double load_plot_y(const struct load_plot *plot, double y);

#endif
