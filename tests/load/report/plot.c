#include "tests/load/report/plot.h"

#include <math.h>

enum { TICKS_WANTED = 5 };

/* From this factor on the small values of a linear axis are a flat line. */
#define LINEAR_SPAN_MAX 30

/* So far from a double's largest that rounding up leads to no infinity. */
#define AXIS_MAX 1e300

static double share_of(const struct load_axis *axis, double value)
{
    double share = axis->is_log ? log(fmax(value, axis->from) / axis->from) / log(axis->to / axis->from)
                                : (value - axis->from) / (axis->to - axis->from);
    return fmin(fmax(share, 0), 1);
}

double load_plot_x(const struct load_plot *plot, double x)
{
    return LOAD_PLOT_LEFT + share_of(&plot->x, x) * (LOAD_PLOT_WIDTH - LOAD_PLOT_LEFT - LOAD_PLOT_RIGHT);
}

double load_plot_y(const struct load_plot *plot, double y)
{
    double bottom = plot->height - LOAD_PLOT_BOTTOM;
    return bottom - share_of(&plot->y, y) * (bottom - LOAD_PLOT_TOP);
}

/* 1, 2 or 5 times a power of ten, the next one not below. */
static double round_up(double value)
{
    double power = pow(10, floor(log10(value))), digits = value / power;
    /* 1e-9: so that 5.0000000001, which is a 5, does not become 10 */
    return power * (digits <= 1 + 1e-9 ? 1 : digits <= 2 + 1e-9 ? 2 : digits <= 5 + 1e-9 ? 5 : 10);
}

static double round_down(double value)
{
    double power = pow(10, floor(log10(value) + 1e-9)), digits = value / power;
    return power * (digits >= 5 - 1e-9 ? 5 : digits >= 2 - 1e-9 ? 2 : 1);
}

static double step_of(const struct load_axis *axis)
{
    return round_up((axis->to - axis->from) / TICKS_WANTED);
}

struct load_axis load_plot_linear(double max, load_plot_words *words)
{
    struct load_axis axis = {.from = 0, .to = max > 0 ? fmin(max, AXIS_MAX) : 1, .words = words};
    double step = step_of(&axis);
    axis.to = ceil(axis.to / step - 1e-9) * step;
    return axis;
}

struct load_axis load_plot_log(double min, double max, load_plot_words *words)
{
    struct load_axis axis = {.from = round_down(min), .to = round_up(max), .is_log = true, .words = words};
    if (!(axis.to > axis.from))
        axis.to = axis.from * 10;
    return axis;
}

struct load_axis load_plot_fitting(double min, double max, load_plot_words *words)
{
    return min > 0 && max / min > LINEAR_SPAN_MAX ? load_plot_log(min, max, words)
                                                  : load_plot_linear(max, words);
}

static void draw_level(const struct load_plot *plot, double y)
{
    char words[LOAD_TEXT_MAX];
    double at = load_plot_y(plot, y);
    qn_buf_printf(plot->to,
                  "<line class=\"grid\" x1=\"%d\" x2=\"%d\" y1=\"%.1f\" y2=\"%.1f\"/>"
                  "<text class=\"tick\" text-anchor=\"end\" x=\"%d\" y=\"%.1f\">%s</text>\n",
                  LOAD_PLOT_LEFT, LOAD_PLOT_WIDTH - LOAD_PLOT_RIGHT, at, at, LOAD_PLOT_LEFT - 8, at + 4,
                  plot->y.words(words, y));
}

/* Powers of ten, and where there are few of them their doubles and fives. */
static void draw_log_levels(const struct load_plot *plot)
{
    const struct load_axis *axis = &plot->y;
    double decades = log10(axis->to / axis->from);
    int last = (int)ceil(log10(axis->to) - 1e-9);
    for (int exponent = (int)floor(log10(axis->from) + 1e-9); exponent <= last; exponent++)
        for (int digit = 1; digit <= 5; digit += digit == 1 ? 1 : 3) {
            double y = pow(10, exponent) * digit;
            if (y >= axis->from * (1 - 1e-9) && y <= axis->to * (1 + 1e-9) && (digit == 1 || decades <= 3))
                draw_level(plot, y);
        }
}

void load_plot_begin(const struct load_plot *plot)
{
    qn_buf_printf(plot->to,
                  "<svg id=\"%s\" class=\"plot\" viewBox=\"0 0 %d %.0f\" role=\"img\" aria-label=\"%s\">\n",
                  plot->id, LOAD_PLOT_WIDTH, plot->height, plot->label);
    if (plot->y.is_log) {
        draw_log_levels(plot);
        return;
    }
    double step = step_of(&plot->y);
    size_t count = (size_t)lround((plot->y.to - plot->y.from) / step);
    for (size_t i = 0; i <= count; i++)
        draw_level(plot, plot->y.from + (double)i * step);
}

void load_plot_tick(const struct load_plot *plot, double x, const char *words)
{
    double at = load_plot_x(plot, x), bottom = plot->height - LOAD_PLOT_BOTTOM;
    qn_buf_printf(plot->to,
                  "<line class=\"grid\" x1=\"%.1f\" x2=\"%.1f\" y1=\"%d\" y2=\"%.1f\"/>"
                  "<text class=\"tick\" text-anchor=\"middle\" x=\"%.1f\" y=\"%.1f\">%s</text>\n",
                  at, at, LOAD_PLOT_TOP, bottom, at, bottom + 18, words);
}

void load_plot_ticks(const struct load_plot *plot)
{
    char words[LOAD_TEXT_MAX];
    /* Twice as many as along y: the plots are wide. */
    double step = fmax(round_up((plot->x.to - plot->x.from) / (2 * TICKS_WANTED)), 1);
    size_t count = (size_t)floor((plot->x.to - plot->x.from) / step + 1e-9);
    for (size_t i = 0; i <= count; i++) {
        double x = plot->x.from + (double)i * step;
        load_plot_tick(plot, x, plot->x.words(words, x));
    }
}

void load_plot_line(const struct load_plot *plot, const char *class, const double *xs, const double *ys,
                    size_t count)
{
    bool is_open = false, is_drawn = false;
    for (size_t i = 0; i < count; i++) {
        if (!isfinite(ys[i])) {
            is_open = false; /* a gap: nothing was measured there */
            continue;
        }
        if (!is_drawn)
            qn_buf_printf(plot->to, "<path class=\"line %s\" d=\"", class);
        is_drawn = true;
        qn_buf_printf(plot->to, "%s%.1f %.1f", is_open ? "L" : "M", load_plot_x(plot, xs[i]),
                      load_plot_y(plot, ys[i]));
        is_open = true;
    }
    if (is_drawn)
        qn_buf_write_c(plot->to, "\"/>\n");
}

void load_plot_area(const struct load_plot *plot, const char *class, const double *xs, const double *ys,
                    size_t count)
{
    if (count == 0)
        return;
    double bottom = plot->height - LOAD_PLOT_BOTTOM;
    double half = count > 1 ? (load_plot_x(plot, xs[1]) - load_plot_x(plot, xs[0])) / 2 : 4;
    qn_buf_printf(plot->to, "<path class=\"area %s\" d=\"M%.1f %.1f", class, load_plot_x(plot, xs[0]) - half,
                  bottom);
    for (size_t i = 0; i < count; i++) {
        double x = load_plot_x(plot, xs[i]), y = isfinite(ys[i]) ? load_plot_y(plot, ys[i]) : bottom;
        qn_buf_printf(plot->to, "L%.1f %.1fL%.1f %.1f", x - half, y, x + half, y);
    }
    qn_buf_printf(plot->to, "L%.1f %.1fZ\"/>\n", load_plot_x(plot, xs[count - 1]) + half, bottom);
}

void load_plot_level(const struct load_plot *plot, const char *class, double y)
{
    double at = load_plot_y(plot, y);
    qn_buf_printf(plot->to, "<line class=\"level %s\" x1=\"%d\" x2=\"%d\" y1=\"%.1f\" y2=\"%.1f\"/>\n", class,
                  LOAD_PLOT_LEFT, LOAD_PLOT_WIDTH - LOAD_PLOT_RIGHT, at, at);
}

void load_plot_mark(const struct load_plot *plot, const char *class, double x, const char *words)
{
    double at = load_plot_x(plot, x);
    /* Near the right border the words would be cut off: there they stand at the left of the line. */
    bool turned = at > LOAD_PLOT_WIDTH - LOAD_PLOT_RIGHT - 60;
    qn_buf_printf(plot->to,
                  "<g class=\"%s\"><line x1=\"%.1f\" x2=\"%.1f\" y1=\"%d\" y2=\"%.1f\"/>"
                  "<text text-anchor=\"%s\" x=\"%.1f\" y=\"%d\">%s</text></g>\n",
                  class, at, at, LOAD_PLOT_TOP, plot->height - LOAD_PLOT_BOTTOM, turned ? "end" : "start",
                  at + (turned ? -5 : 5), LOAD_PLOT_TOP + 11, words);
}

void load_plot_end(const struct load_plot *plot)
{
    qn_buf_printf(plot->to, "<line class=\"axis\" x1=\"%d\" x2=\"%d\" y1=\"%.1f\" y2=\"%.1f\"/>\n</svg>\n",
                  LOAD_PLOT_LEFT, LOAD_PLOT_WIDTH - LOAD_PLOT_RIGHT, plot->height - LOAD_PLOT_BOTTOM,
                  plot->height - LOAD_PLOT_BOTTOM);
}
