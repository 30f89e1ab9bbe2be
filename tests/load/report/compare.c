#include "tests/load/report/compare.h"

#include <math.h>
#include <string.h>

#include "common/core/check.h"
#include "common/core/clock.h"
#include "tests/load/report/columns.h"
#include "tests/load/report/read_json.h"
#include "tests/load/report/report.h"
#include "tests/load/report/text.h"

enum { CODE_OK = 0, CODE_BAD_FILE = 2, INDENT = 2, FEW_CALLS = 10 };

/* Two runs of the same on one machine differ by as much; a bucket alone is 0.8% wide. */
#define SAME_SHARE 0.03
/* Of the standard error: what chance does in one of 370 comparisons (two-proportion z-test). */
#define SURE_DEVIATIONS 3

/* From here on "×92" is read more easily than "+9100%". */
#define TIMES_FROM 10

enum verdict { SAME, BETTER, WORSE, NONE };

struct comparison {
    struct load_result a, b;
    struct qn_buf buf;
    struct load_columns columns;
    bool colours;
    size_t n_warnings, n_better, n_worse;
};

static void warn(struct comparison *c, const char *what, const char *a, const char *b)
{
    load_style_begin(&c->buf, LOAD_ALARM, c->colours);
    qn_buf_write_c(&c->buf, c->n_warnings ? "***" : "\n***");
    load_style_end(&c->buf, LOAD_ALARM, c->colours);
    qn_buf_printf(&c->buf, " %s", what);
    if (a) {
        qn_buf_write_c(&c->buf, ": ");
        load_text_clean(&c->buf, a);
    }
    if (b) {
        qn_buf_write_c(&c->buf, " against ");
        load_text_clean(&c->buf, b);
    }
    qn_buf_write_byte(&c->buf, '\n');
    c->n_warnings++;
}

static void warn_count(struct comparison *c, const char *what, uint64_t a, uint64_t b)
{
    char left[LOAD_TEXT_MAX], right[LOAD_TEXT_MAX];
    if (a != b)
        warn(c, what, load_text_count(left, a), load_text_count(right, b));
}

static void warn_rate(struct comparison *c, const char *what, double a, double b)
{
    char left[LOAD_TEXT_MAX], right[LOAD_TEXT_MAX];
    if (a != b)
        warn(c, what, load_text_rate(left, a), load_text_rate(right, b));
}

static void warn_void(struct comparison *c, const struct load_result *result, const char *what)
{
    if (result->is_void)
        warn(c, what, result->void_reason ? result->void_reason : "no reason given", NULL);
}

static void warn_methods(struct comparison *c)
{
    if (c->a.n_methods != c->b.n_methods) {
        warn_count(c, "different numbers of methods", c->a.n_methods, c->b.n_methods);
        return;
    }
    for (size_t i = 0; i < c->a.n_methods; i++) {
        const struct load_method *a = &c->a.methods[i], *b = &c->b.methods[i];
        char left[LOAD_TEXT_MAX], right[LOAD_TEXT_MAX];
        if (strcmp(a->name, b->name) != 0)
            warn(c, "different methods", a->name, b->name);
        else if (c->a.n_methods > 1 && a->weight != b->weight)
            warn(c, "different weights in the mix", load_text_number(left, a->weight),
                 load_text_number(right, b->weight));
    }
}

/* What makes two runs incomparable. Targets and lengths may differ: layers are compared that way, and a
 * longer run only knows its numbers better. */
static void write_warnings(struct comparison *c)
{
    static const char *const MODES[] = {[LOAD_OPEN] = "open loop", [LOAD_CLOSED] = "closed loop"};
    static const char *const ARRIVALS[] = {[LOAD_CONSTANT] = "constant", [LOAD_POISSON] = "Poisson"};
    const struct load_asked *a = &c->a.asked, *b = &c->b.asked;
    char left[LOAD_TEXT_MAX], right[LOAD_TEXT_MAX];
    warn_void(c, &c->a, "A IS VOID, do not trust its numbers");
    warn_void(c, &c->b, "B IS VOID, do not trust its numbers");
    warn_methods(c);
    if (a->mode != b->mode)
        warn(c, "different modes", MODES[a->mode], MODES[b->mode]);
    else if (a->mode == LOAD_OPEN) {
        if (a->arrival != b->arrival)
            warn(c, "different arrivals", ARRIVALS[a->arrival], ARRIVALS[b->arrival]);
        warn_rate(c, "different rates asked", a->rate, b->rate);
        warn_rate(c, "different starts of the ramp", a->ramp_from, b->ramp_from);
        if (a->ramp_ms != b->ramp_ms)
            warn(c, "different lengths of the ramp", load_text_span(left, a->ramp_ms),
                 load_text_span(right, b->ramp_ms));
    }
    warn_count(c, "different limits of calls in flight", a->concurrency, b->concurrency);
    warn_count(c, "different numbers of connections", a->connections, b->connections);
    if (a->timeout_ms != b->timeout_ms)
        warn(c, "different time limits", load_text_span(left, a->timeout_ms),
             load_text_span(right, b->timeout_ms));
}

static void add_verdict(struct comparison *c, enum verdict verdict, const char *why_none)
{
    static const char *const WORDS[] = {[SAME] = "about the same", [BETTER] = "better", [WORSE] = "worse"};
    static const enum load_style STYLES[] = {[SAME] = LOAD_FAINT, [BETTER] = LOAD_GOOD, [WORSE] = LOAD_BAD};
    c->n_better += verdict == BETTER;
    c->n_worse += verdict == WORSE;
    if (verdict == NONE)
        load_columns_add(&c->columns, LOAD_FAINT, why_none);
    else
        load_columns_add(&c->columns, STYLES[verdict], WORDS[verdict]);
}

static void add_percent(struct comparison *c, double a, double b)
{
    char text[LOAD_TEXT_MAX];
    double times = a > 0 ? b / a : 0;
    if (times >= TIMES_FROM)
        snprintf(text, sizeof text, "×%.3g", times);
    else
        snprintf(text, sizeof text, "%+.1f%%", (times - 1) * 100);
    load_columns_add(&c->columns, LOAD_PLAIN, a == b ? "0%" : a > 0 ? text : "-");
}

static const char *difference(char to[LOAD_TEXT_MAX], double by)
{
    char text[LOAD_TEXT_MAX];
    snprintf(to, LOAD_TEXT_MAX, "%s%.28s", by < 0 ? "-" : "+", load_text_duration(text, fabs(by)));
    return to;
}

static enum verdict judge(double a, double b, bool more_is_better)
{
    if (fabs(b - a) <= SAME_SHARE * fmax(a, b))
        return SAME;
    return (b > a) == more_is_better ? BETTER : WORSE;
}

static void row_rate(struct comparison *c)
{
    char text[LOAD_TEXT_MAX];
    double a = load_result_rate(&c->a), b = load_result_rate(&c->b);
    load_columns_add(&c->columns, LOAD_PLAIN, "calls ended");
    load_columns_add(&c->columns, LOAD_PLAIN, load_text_rate(text, a));
    load_columns_add(&c->columns, LOAD_PLAIN, load_text_rate(text, b));
    load_columns_add(&c->columns, LOAD_PLAIN, "");
    add_percent(c, a, b);
    add_verdict(c, judge(a, b, true), NULL);
}

/* From none to some and back is a difference whatever chance may say. */
static enum verdict judge_errors(double a, double b, uint64_t n_a, uint64_t n_b)
{
    if (a == b || !n_a || !n_b)
        return SAME;
    double all = (a * (double)n_a + b * (double)n_b) / (double)(n_a + n_b);
    double deviation = sqrt(all * (1 - all) * (1 / (double)n_a + 1 / (double)n_b));
    if (a > 0 && b > 0 && fabs(b - a) < SURE_DEVIATIONS * deviation)
        return SAME;
    return b < a ? BETTER : WORSE;
}

static void row_errors(struct comparison *c)
{
    char text[LOAD_TEXT_MAX], line[LOAD_TEXT_MAX];
    double a = load_result_error_share(&c->a), b = load_result_error_share(&c->b);
    load_columns_add(&c->columns, LOAD_PLAIN, "errors");
    load_columns_add(&c->columns, LOAD_PLAIN, load_text_share(text, a));
    load_columns_add(&c->columns, LOAD_PLAIN, load_text_share(text, b));
    snprintf(line, sizeof line, "%s%.28s", b < a ? "-" : "+", load_text_share(text, fabs(b - a)));
    load_columns_add(&c->columns, LOAD_PLAIN, a == b ? "" : line);
    add_percent(c, a, b);
    add_verdict(c, judge_errors(a, b, c->a.ended, c->b.ended), NULL);
}

static void row_time(struct comparison *c, const char *name, double a, double b, const char *why_none)
{
    char text[LOAD_TEXT_MAX];
    load_columns_add(&c->columns, LOAD_PLAIN, name);
    load_columns_add(&c->columns, LOAD_PLAIN, load_text_duration(text, a));
    load_columns_add(&c->columns, LOAD_PLAIN, load_text_duration(text, b));
    load_columns_add(&c->columns, LOAD_PLAIN, a == b ? "" : difference(text, b - a));
    add_percent(c, a, b);
    add_verdict(c, why_none ? NONE : judge(a, b, false), why_none);
}

static bool is_few(const struct load_hist *hist, double quantile)
{
    return (double)hist->count * (1 - quantile) < FEW_CALLS;
}

static void rows_hist(struct comparison *c, const char *title, const struct load_hist *a,
                      const struct load_hist *b)
{
    static const double QUANTILES[] = {0.5, 0.9, 0.99, 0.999};
    char name[LOAD_TEXT_MAX], quantile[LOAD_TEXT_MAX];
    if (!a->count || !b->count)
        return;
    for (size_t i = 0; i < QN_COUNT(QUANTILES); i++) {
        double q = QUANTILES[i];
        snprintf(name, sizeof name, "%s %.16s", title, load_text_quantile(quantile, q));
        row_time(c, name, (double)load_hist_at(a, q), (double)load_hist_at(b, q),
                 is_few(a, q) || is_few(b, q) ? "too few calls to say" : NULL);
    }
    snprintf(name, sizeof name, "%s max", title);
    row_time(c, name, (double)a->max_ns, (double)b->max_ns, "one call each");
    snprintf(name, sizeof name, "%s mean", title);
    row_time(c, name, load_hist_mean_ns(a), load_hist_mean_ns(b), NULL);
}

/* Of a mix, when it is the same one: each method's median and tail. */
static void rows_methods(struct comparison *c)
{
    static const double QUANTILES[] = {0.5, 0.99};
    char quantile[LOAD_TEXT_MAX];
    bool is_same = c->a.n_methods > 1 && c->a.n_methods == c->b.n_methods;
    for (size_t i = 0; is_same && i < c->a.n_methods; i++)
        is_same = strcmp(c->a.methods[i].name, c->b.methods[i].name) == 0;
    for (size_t i = 0; is_same && i < c->a.n_methods; i++) {
        const struct load_hist *a = &c->a.methods[i].latency, *b = &c->b.methods[i].latency;
        for (size_t j = 0; a->count && b->count && j < QN_COUNT(QUANTILES); j++) {
            double q = QUANTILES[j];
            struct qn_buf name;
            qn_buf_init(&name, 1024); /* a longer name is no method's, and then stays out */
            load_text_clean(&name, c->a.methods[i].name);
            qn_buf_printf(&name, " %s", load_text_quantile(quantile, q));
            row_time(c, name.data ? name.data : "", (double)load_hist_at(a, q), (double)load_hist_at(b, q),
                     is_few(a, q) || is_few(b, q) ? "too few calls to say" : NULL);
            qn_buf_fini(&name);
        }
    }
}

static void row_connections(struct comparison *c)
{
    char text[LOAD_TEXT_MAX];
    if (!c->a.database.on || !c->b.database.on)
        return;
    double a = c->a.database.peak, b = c->b.database.peak;
    load_columns_add(&c->columns, LOAD_PLAIN, "db connections");
    load_columns_add(&c->columns, LOAD_PLAIN, load_text_number(text, a));
    load_columns_add(&c->columns, LOAD_PLAIN, load_text_number(text, b));
    snprintf(text, sizeof text, "%+.0f", b - a);
    load_columns_add(&c->columns, LOAD_PLAIN, a == b ? "" : text);
    add_percent(c, a, b);
    add_verdict(c, judge(a, b, false), NULL);
}

static void write_head(struct comparison *c, const char *letter, const char *path,
                       const struct load_result *result)
{
    char when[QN_TIME_TEXT_LEN + 1], count[LOAD_TEXT_MAX], span[LOAD_TEXT_MAX];
    load_style_begin(&c->buf, LOAD_STRONG, c->colours);
    qn_buf_printf(&c->buf, "%s  ", letter);
    load_text_clean(&c->buf, path);
    load_style_end(&c->buf, LOAD_STRONG, c->colours);
    qn_buf_write_c(&c->buf, "  ");
    load_text_clean(&c->buf, result->asked.target ? result->asked.target : "");
    if (result->started_ms < INT64_C(253402300800000)) { /* the year 10000 */
        qn_time_format(result->started_ms, when);
        qn_buf_printf(&c->buf, "  %.10s %.8s UTC", when, when + 11);
    }
    qn_buf_printf(&c->buf, "  %s calls in %s\n", load_text_count(count, result->ended),
                  load_text_span(span, result->took_ms));
}

static void write_rows(struct comparison *c)
{
    static const char *const NAMES[] = {"", "A", "B", "B - A", "change", "B is"};
    qn_buf_write_byte(&c->buf, '\n');
    for (size_t i = 0; i < QN_COUNT(NAMES); i++)
        load_columns_add(&c->columns, LOAD_FAINT, NAMES[i]);
    row_rate(c);
    row_errors(c);
    rows_hist(c, "response", &c->a.latency, &c->b.latency);
    if (c->a.asked.mode == LOAD_OPEN && c->b.asked.mode == LOAD_OPEN)
        rows_hist(c, "service", &c->a.service, &c->b.service);
    rows_methods(c);
    row_connections(c);
    load_columns_write(&c->columns, &c->buf, INDENT, c->colours);
}

static void write_conclusion(struct comparison *c)
{
    qn_buf_write_byte(&c->buf, '\n');
    if (c->n_warnings) {
        load_style_begin(&c->buf, LOAD_ALARM, c->colours);
        qn_buf_write_c(&c->buf, "*** NOT COMPARABLE ***");
        load_style_end(&c->buf, LOAD_ALARM, c->colours);
        qn_buf_write_c(&c->buf, " see the warnings above\n");
        return;
    }
    if (!c->n_better && !c->n_worse) {
        qn_buf_write_c(&c->buf, "No difference that counts.\n");
        return;
    }
    qn_buf_printf(&c->buf, "B is better in %zu and worse in %zu of these.\n", c->n_better, c->n_worse);
}

int load_compare(FILE *to, const char *a, const char *b)
{
    struct comparison c = {.colours = load_text_colours(to)};
    struct qn_error err = {0};
    if (load_read_json(a, &c.a, &err) != QN_OK || load_read_json(b, &c.b, &err) != QN_OK) {
        fprintf(stderr, "quintet-load: %s\n", err.message);
        load_result_fini(&c.a);
        return CODE_BAD_FILE;
    }
    qn_buf_init(&c.buf, LOAD_REPORT_MAX);
    load_columns_init(&c.columns, "lrrrrl");
    write_head(&c, "A", a, &c.a);
    write_head(&c, "B", b, &c.b);
    write_warnings(&c);
    write_rows(&c);
    write_conclusion(&c);
    load_columns_fini(&c.columns);
    load_report_finish(to, &c.buf);
    load_result_fini(&c.a);
    load_result_fini(&c.b);
    return CODE_OK;
}
