#include "common/core/metric.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "common/core/check.h"
#include "common/core/utf8.h"

/* Label values are names of methods, codes, tables; what is longer came from a peer and is cut. */
enum { VALUE_MAX_BYTES = 120 };

static const double second_bounds[] = {0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05,
                                       0.1,    0.25,    0.5,    1,     2.5,    5,     10,   30};

static struct qn_metric *metrics; /* in order of name */

struct label_values {
    char text[QN_METRIC_LABELS_MAX][VALUE_MAX_BYTES + 1];
};

static size_t label_count(const struct qn_metric *metric)
{
    size_t n = 0;
    while (n < QN_METRIC_LABELS_MAX && metric->labels[n])
        n++;
    return n;
}

static void register_metric(struct qn_metric *metric)
{
    if (metric->kind == QN_HISTOGRAM && !metric->bounds) {
        metric->bounds = second_bounds;
        metric->n_bounds = QN_COUNT(second_bounds);
    }
    QN_CHECK(metric->n_bounds <= QN_METRIC_BUCKETS_MAX);
    struct qn_metric **at = &metrics;
    while (*at && strcmp((*at)->name, metric->name) < 0)
        at = &(*at)->next;
    QN_CHECK(!*at || strcmp((*at)->name, metric->name) != 0);
    metric->next = *at;
    *at = metric;
}

/* Cut between code points, and well-formed: a scrape is refused as a whole for one bad byte. */
static void clean_value(char to[VALUE_MAX_BYTES + 1], const char *value)
{
    struct qn_str rest = qn_str_c(value);
    size_t len = 0;
    while (rest.len) {
        uint32_t code_point;
        size_t n = qn_utf8_get(rest, &code_point);
        if (len + (n ? n : 1) > VALUE_MAX_BYTES)
            break;
        if (n)
            memcpy(to + len, rest.ptr, n);
        else
            to[len] = '?';
        n = n ? n : 1;
        len += n;
        rest.ptr += n;
        rest.len -= n;
    }
    to[len] = '\0';
}

/* Where the series of these values is, or where it would be linked. */
static struct qn_series **find_series(struct qn_metric *metric, const struct label_values *values,
                                      size_t n_labels)
{
    struct qn_series **at = &metric->series;
    for (; *at; at = &(*at)->next) {
        size_t same = 0;
        while (same < n_labels && strcmp((*at)->values[same], values->text[same]) == 0)
            same++;
        if (same == n_labels)
            break;
    }
    return at;
}

struct qn_series *qn_metric_series(struct qn_metric *metric, const char *value0, const char *value1,
                                   const char *value2)
{
    const char *given[QN_METRIC_LABELS_MAX] = {value0, value1, value2};
    size_t n_labels = label_count(metric);
    struct label_values values;
    for (size_t i = 0; i < QN_METRIC_LABELS_MAX; i++) {
        QN_CHECK((given[i] != NULL) == (i < n_labels));
        if (i < n_labels)
            clean_value(values.text[i], given[i]);
    }
    if (metric->n_series == 0)
        register_metric(metric);

    struct qn_series **at = find_series(metric, &values, n_labels);
    if (!*at && metric->n_series >= QN_METRIC_SERIES_MAX - 1) {
        for (size_t i = 0; i < n_labels; i++)
            memcpy(values.text[i], "other", sizeof "other");
        at = find_series(metric, &values, n_labels);
    }
    if (*at)
        return *at;

    struct qn_series *series = calloc(1, sizeof *series);
    QN_CHECK(series);
    series->metric = metric;
    for (size_t i = 0; i < n_labels; i++) {
        series->values[i] = strdup(values.text[i]);
        QN_CHECK(series->values[i]);
    }
    *at = series;
    metric->n_series++;
    return series;
}

void qn_metric_observe(struct qn_series *series, double value)
{
    const struct qn_metric *metric = series->metric;
    series->sum += value;
    series->count++;
    for (size_t i = 0; i < metric->n_bounds; i++) {
        if (value <= metric->bounds[i]) {
            series->buckets[i]++;
            return;
        }
    }
}

static void render_number(struct qn_buf *to, double number)
{
    if (isnan(number)) {
        qn_buf_write_c(to, "NaN");
    } else if (isinf(number)) {
        qn_buf_write_c(to, number > 0 ? "+Inf" : "-Inf");
    } else {
        char text[40];
        snprintf(text, sizeof text, "%.15g", number); /* 0.1, where 17 digits say 0.10000000000000001 */
        if (strtod(text, NULL) != number)
            snprintf(text, sizeof text, "%.17g", number);
        qn_buf_write_c(to, text);
    }
}

static void render_escaped(struct qn_buf *to, const char *text, bool in_quotes)
{
    for (; *text; text++) {
        if (*text == '\n')
            qn_buf_write_c(to, "\\n");
        else if (*text == '\\')
            qn_buf_write_c(to, "\\\\");
        else if (*text == '"' && in_quotes)
            qn_buf_write_c(to, "\\\"");
        else
            qn_buf_write_byte(to, *text);
    }
}

/* "name_suffix{label="value",le="0.1"} "; 'le' may be NULL. */
static void render_name(struct qn_buf *to, const struct qn_series *series, const char *suffix,
                        const double *le)
{
    const struct qn_metric *metric = series->metric;
    size_t n_labels = label_count(metric);
    qn_buf_printf(to, "%s%s", metric->name, suffix);
    for (size_t i = 0; i < n_labels; i++) {
        qn_buf_printf(to, "%s%s=\"", i == 0 ? "{" : ",", metric->labels[i]);
        render_escaped(to, series->values[i], true);
        qn_buf_write_c(to, "\"");
    }
    if (le) {
        qn_buf_printf(to, "%sle=\"", n_labels == 0 ? "{" : ",");
        render_number(to, *le);
        qn_buf_write_c(to, "\"");
    }
    qn_buf_write_c(to, n_labels > 0 || le ? "} " : " ");
}

static void render_histogram(struct qn_buf *to, const struct qn_series *series)
{
    const struct qn_metric *metric = series->metric;
    const double infinite = INFINITY;
    uint64_t below = 0;
    for (size_t i = 0; i < metric->n_bounds; i++) {
        below += series->buckets[i];
        render_name(to, series, "_bucket", &metric->bounds[i]);
        qn_buf_printf(to, "%llu\n", (unsigned long long)below);
    }
    render_name(to, series, "_bucket", &infinite);
    qn_buf_printf(to, "%llu\n", (unsigned long long)series->count);
    render_name(to, series, "_sum", NULL);
    render_number(to, series->sum);
    qn_buf_write_c(to, "\n");
    render_name(to, series, "_count", NULL);
    qn_buf_printf(to, "%llu\n", (unsigned long long)series->count);
}

void qn_metric_render(struct qn_buf *to)
{
    static const char *const kinds[] = {
        [QN_COUNTER] = "counter", [QN_GAUGE] = "gauge", [QN_HISTOGRAM] = "histogram"};

    for (const struct qn_metric *metric = metrics; metric; metric = metric->next) {
        qn_buf_printf(to, "# HELP %s ", metric->name);
        render_escaped(to, metric->help, false);
        qn_buf_printf(to, "\n# TYPE %s %s\n", metric->name, kinds[metric->kind]);
        for (const struct qn_series *series = metric->series; series; series = series->next) {
            if (metric->kind == QN_HISTOGRAM) {
                render_histogram(to, series);
            } else {
                render_name(to, series, "", NULL);
                render_number(to, series->value);
                qn_buf_write_c(to, "\n");
            }
        }
    }
}

void qn_metric_reset(void)
{
    while (metrics) {
        struct qn_metric *metric = metrics;
        metrics = metric->next;
        while (metric->series) {
            struct qn_series *series = metric->series;
            metric->series = series->next;
            for (size_t i = 0; i < QN_METRIC_LABELS_MAX; i++)
                free(series->values[i]);
            free(series);
        }
        metric->n_series = 0;
        metric->next = NULL;
    }
}
