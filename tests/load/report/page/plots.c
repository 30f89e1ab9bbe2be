#include <math.h>
#include <string.h>

#include "common/core/check.h"
#include "tests/load/report/figure.h"
#include "tests/load/report/page/page.h"

/* Both kinds of plot sample first and draw then, so that neither the page's size nor the browser's work grows
 * with the run's length. */

enum {
    PERCENTILE_POINTS = 401, /* two units of the plot apart */
    SERIES_POINTS = 400,
    HEIGHT_TALL = 380,
    HEIGHT_FLAT = 210
};

static const char *span_words(char to[LOAD_TEXT_MAX], double ns)
{
    if (ns <= 0)
        return memcpy(to, "0", sizeof "0"); /* of whichever unit */
    return load_text_span(to, ns / 1e6);
}

/* x = log10(1 / (1 - percentile)): each whole number is one nine more. Trailing noughts are cut, but as many
 * digits stay as tell neighbours apart. */
static const char *percentile_words(char to[LOAD_TEXT_MAX], double x)
{
    double percent = 100 - 100 / pow(10, x);
    int decimals = x < 1 ? 1 : (int)floor(x + 1e-9);
    snprintf(to, LOAD_TEXT_MAX, "p%.*f", decimals, percent);
    return to;
}

static void percentile_ticks(const struct load_plot *plot, const void *context)
{
    (void)context;
    static const char *const WORDS[] = {"0%",      "90%",      "99%",       "99.9%",      "99.99%",
                                        "99.999%", "99.9999%", "99.99999%", "99.999999%", "99.9999999%"};
    for (size_t i = 0; i < QN_COUNT(WORDS) && (double)i <= plot->x.to + 1e-9; i++)
        load_plot_tick(plot, (double)i, WORDS[i]);
    load_plot_tick(plot, log10(2), "50%");
}

void load_page_percentiles(struct qn_buf *to, const struct load_result *result)
{
    double xs[PERCENTILE_POINTS], response[PERCENTILE_POINTS], service[PERCENTILE_POINTS];
    const struct load_hist *first = &result->latency, *second = &result->service;
    bool has_service = result->asked.mode == LOAD_OPEN && second->count > 0;
    if (first->count == 0)
        return;
    /* To where one call is left: further right there is nothing but the maximum. */
    double end = fmax(log10((double)first->count), 1);
    double least = (double)load_hist_at(first, 0.01), most = (double)first->max_ns;
    for (size_t i = 0; i < PERCENTILE_POINTS; i++) {
        xs[i] = end * (double)i / (PERCENTILE_POINTS - 1);
        double quantile = 1 - pow(10, -xs[i]);
        response[i] = (double)load_hist_at(first, i + 1 < PERCENTILE_POINTS ? quantile : 1);
        service[i] = (double)load_hist_at(second, i + 1 < PERCENTILE_POINTS ? quantile : 1);
    }
    if (has_service)
        least = fmin(least, (double)load_hist_at(second, 0.01));
    struct load_figure figure = {
        .id = "percentiles",
        .title = "Latency by percentile",
        .caption =
            "The scale across is logarithmic in 1/(1 − percentile): each step to the right leaves a tenth "
            "of the calls. Response time counts from when a call was due, service time from when it was "
            "sent; where they part, calls waited for their turn.",
        .height = HEIGHT_TALL,
        .x = {.from = 0, .to = end},
        .y = load_plot_fitting(fmax(least, 1), fmax(most, 1), span_words),
        .xs = xs,
        .count = PERCENTILE_POINTS,
        .x_words = percentile_words,
        .series = {{.name = "response time", .class = "s1", .ys = response, .words = load_text_duration},
                   {.name = "service time", .class = "s2", .ys = service, .words = load_text_duration}},
        .n_series = has_service ? 2 : 1,
        .below = percentile_ticks,
    };
    if (!has_service)
        figure.caption =
            "The scale across is logarithmic in 1/(1 − percentile): each step to the right leaves a "
            "tenth of the calls. Times count from when a call was sent.";
    load_figure_write(to, &figure);
}

/* The seconds of a run, several a point when there are many. */
struct samples {
    const struct load_result *result;
    size_t count, seconds_a_point;
    double at[SERIES_POINTS]; /* the point's middle, in seconds */
    double started[SERIES_POINTS], ended[SERIES_POINTS], errors[SERIES_POINTS];
    double p50[SERIES_POINTS], p99[SERIES_POINTS], most[SERIES_POINTS];
    double in_flight[SERIES_POINTS], connections[SERIES_POINTS];
};

static double larger(double a, double b)
{
    return isnan(a) || b > a ? b : a;
}

/* Rates are means of their seconds; of all else the worst second counts. */
static void add_second(struct samples *s, size_t point, const struct load_second *second, double share)
{
    s->started[point] += (double)second->started * share;
    s->ended[point] += (double)second->ended * share;
    s->errors[point] += (double)second->errors * share;
    s->in_flight[point] = fmax(s->in_flight[point], second->in_flight);
    if (second->connections >= 0)
        s->connections[point] = larger(s->connections[point], second->connections);
    if (second->ended == 0)
        return; /* no call, no latency */
    s->p50[point] = larger(s->p50[point], (double)second->p50_ns);
    s->p99[point] = larger(s->p99[point], (double)second->p99_ns);
    s->most[point] = larger(s->most[point], (double)second->max_ns);
}

static void sample(struct samples *s, const struct load_result *result)
{
    *s = (struct samples){.result = result};
    size_t all = result->n_seconds;
    s->seconds_a_point = (all + SERIES_POINTS - 1) / SERIES_POINTS;
    if (s->seconds_a_point == 0)
        s->seconds_a_point = 1;
    for (size_t first = 0; first < all; first += s->seconds_a_point) {
        size_t point = s->count++, n = all - first < s->seconds_a_point ? all - first : s->seconds_a_point;
        s->at[point] = (double)first + (double)n / 2;
        s->p50[point] = s->p99[point] = s->most[point] = s->connections[point] = (double)NAN;
        for (size_t i = 0; i < n; i++)
            add_second(s, point, &result->seconds[first + i], 1 / (double)n);
    }
}

static double most_of(const double *values, size_t count)
{
    double most = 0;
    for (size_t i = 0; i < count; i++)
        if (isfinite(values[i]))
            most = fmax(most, values[i]);
    return most;
}

static double least_of(const double *values, size_t count)
{
    double least = (double)INFINITY;
    for (size_t i = 0; i < count; i++)
        if (isfinite(values[i]))
            least = fmin(least, values[i]);
    return isfinite(least) ? least : 0;
}

static const char *second_words(char to[LOAD_TEXT_MAX], double s)
{
    return load_text_span(to, s * 1e3);
}

/* Of a point in the read-out: its middle lies at half a second, but what it tells is "second 5". */
static const char *point_words(char to[LOAD_TEXT_MAX], double middle)
{
    char span[LOAD_TEXT_MAX];
    snprintf(to, LOAD_TEXT_MAX, "from %.25s", load_text_span(span, floor(middle) * 1e3));
    return to;
}

static void draw_marks(const struct load_plot *plot, const void *context)
{
    const struct load_result *result = context;
    char words[LOAD_TEXT_MAX];
    for (size_t i = 0; i < result->n_marks; i++) {
        snprintf(words, sizeof words, "%zu", i + 1);
        load_plot_mark(plot, "mark", (double)result->marks[i].at_ms / 1e3, words);
    }
    /* What follows is the last calls' answers: that rates fall there tells nothing. */
    double end = (double)result->asked.duration_ms / 1e3;
    if (end > 0 && end < plot->x.to)
        load_plot_mark(plot, "mark end", end, "end");
}

static bool has_level(const struct load_asked *asked)
{
    return asked->mode == LOAD_OPEN && asked->rate > 0 && !(asked->ramp_from > 0);
}

static void draw_rate(const struct load_plot *plot, const void *context)
{
    const struct load_result *result = context;
    if (has_level(&result->asked))
        load_plot_level(plot, "asked", result->asked.rate);
    draw_marks(plot, context);
}

static void draw_limit(const struct load_plot *plot, const void *context)
{
    const struct load_result *result = context;
    if (result->database.limit >= 0)
        load_plot_level(plot, "s4", result->database.limit);
    draw_marks(plot, context);
}

static struct load_figure figure_of(const struct samples *s, const char *id, const char *title)
{
    return (struct load_figure){
        .id = id,
        .title = title,
        .group = "time",
        .height = HEIGHT_FLAT,
        .x = {.from = 0, .to = fmax((double)s->result->n_seconds, 1), .words = second_words},
        .xs = s->at,
        .count = s->count,
        .x_words = point_words,
        .above = draw_marks,
        .context = s->result,
    };
}

/* Counts have no fractions to be read off between 0 and 1. */
#define COUNT_AXIS_LEAST 5

static void write_rate(struct qn_buf *to, const struct samples *s)
{
    const struct load_asked *asked = &s->result->asked;
    struct load_figure figure = figure_of(s, "rate", "Calls a second");
    double most = fmax(most_of(s->started, s->count), most_of(s->ended, s->count));
    figure.y = load_plot_linear(fmax(has_level(asked) ? fmax(most, asked->rate) : most, COUNT_AXIS_LEAST),
                                load_text_number);
    figure.series[0] = (struct load_series){"started", "s3", s->started, load_text_rate, false};
    figure.series[1] = (struct load_series){"ended", "s1", s->ended, load_text_rate, false};
    figure.n_series = 2;
    figure.above = draw_rate;
    figure.caption = has_level(asked) ? "The dashed line is the rate asked for." : NULL;
    load_figure_write(to, &figure);
}

static void write_latency(struct qn_buf *to, const struct samples *s)
{
    struct load_figure figure = figure_of(s, "latency", "Response time");
    figure.y = load_plot_fitting(least_of(s->p50, s->count), fmax(most_of(s->most, s->count), 1), span_words);
    figure.series[0] = (struct load_series){"max", "s3", s->most, load_text_duration, false};
    figure.series[1] = (struct load_series){"p99", "s2", s->p99, load_text_duration, false};
    figure.series[2] = (struct load_series){"p50", "s1", s->p50, load_text_duration, false};
    figure.n_series = 3;
    figure.height = HEIGHT_TALL - 80;
    figure.caption = figure.y.is_log
                         ? "Of the calls that ended in each second. The scale upwards is logarithmic."
                         : "Of the calls that ended in each second.";
    load_figure_write(to, &figure);
}

static void write_errors(struct qn_buf *to, const struct samples *s)
{
    struct load_figure figure = figure_of(s, "errors", "Errors a second");
    double most = most_of(s->errors, s->count);
    if (!(most > 0)) {
        qn_buf_write_c(to, "<figure><figcaption><h3>Errors a second</h3></figcaption>\n"
                           "<p class=\"caption\">None.</p></figure>\n");
        return;
    }
    figure.y = load_plot_linear(fmax(most, COUNT_AXIS_LEAST), load_text_number);
    figure.series[0] = (struct load_series){"errors", "s4", s->errors, load_text_rate, true};
    figure.n_series = 1;
    load_figure_write(to, &figure);
}

static void write_in_flight(struct qn_buf *to, const struct samples *s)
{
    struct load_figure figure = figure_of(s, "in-flight", "Calls in flight");
    figure.y = load_plot_linear(fmax(most_of(s->in_flight, s->count), COUNT_AXIS_LEAST), load_text_number);
    figure.series[0] = (struct load_series){"in flight", "s1", s->in_flight, load_text_number, true};
    figure.n_series = 1;
    figure.caption = "At the end of each second.";
    load_figure_write(to, &figure);
}

static void write_connections(struct qn_buf *to, const struct samples *s)
{
    const struct load_result *result = s->result;
    if (!result->database.on)
        return;
    struct load_figure figure = figure_of(s, "connections", "Database connections of the role");
    figure.y = load_plot_linear(
        fmax(fmax(most_of(s->connections, s->count), result->database.limit), COUNT_AXIS_LEAST),
        load_text_number);
    figure.series[0] = (struct load_series){"connections", "s1", s->connections, load_text_number, true};
    figure.n_series = 1;
    figure.above = draw_limit;
    figure.caption = result->database.limit >= 0
                         ? "The most seen in each second; the dashed line is the role's limit."
                         : "The most seen in each second.";
    load_figure_write(to, &figure);
}

void load_page_series(struct qn_buf *to, const struct load_result *result)
{
    struct samples s;
    char text[LOAD_TEXT_MAX];
    if (result->n_seconds == 0)
        return;
    sample(&s, result);
    qn_buf_write_c(to, "<h2>Second by second</h2>\n");
    if (s.seconds_a_point > 1)
        qn_buf_printf(
            to,
            "<p class=\"caption\">A point stands for %s seconds: rates are their mean, latencies and "
            "all else those of the worst second among them.</p>\n",
            load_text_count(text, s.seconds_a_point));
    if (result->n_marks)
        qn_buf_write_c(to, "<p class=\"caption\">Numbered lines are the marks listed above.</p>\n");
    write_rate(to, &s);
    write_latency(to, &s);
    write_errors(to, &s);
    write_in_flight(to, &s);
    write_connections(to, &s);
}
