#include <math.h>

#include "common/core/check.h"
#include "common/core/clock.h"
#include "tests/load/report/html.h"
#include "tests/load/report/page/page.h"
#include "tests/load/report/report.h"
#include "tests/load/report/words.h"

/* The page: who and when, the verdict in tiles, what was met and watched, the plots, and the numbers behind
 * them. Style and script are in it, and its own policy forbids it to load anything. */

static const double QUANTILES[] = {0.5, 0.9, 0.99, 0.999, 1};

static void write_head(struct qn_buf *to, const struct load_result *r)
{
    const char *target = r->asked.target ? r->asked.target : "";
    qn_buf_write_c(to, "<!DOCTYPE html>\n<html xmlns=\"http://www.w3.org/1999/xhtml\" lang=\"en\">\n<head>\n"
                       "<meta charset=\"utf-8\"/>\n"
                       "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\"/>\n"
                       "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; "
                       "style-src 'unsafe-inline'; script-src 'unsafe-inline'\"/>\n<title>quintet-load: ");
    load_html_text(to, target);
    qn_buf_write_c(to, "</title>\n<style>\n/*<![CDATA[*/\n");
    qn_buf_write_c(to, load_page_css);
    qn_buf_write_c(to, "/*]]>*/\n</style>\n</head>\n<body>\n");
}

static void write_header(struct qn_buf *to, const struct load_result *r)
{
    char when[QN_TIME_TEXT_LEN + 1];
    qn_buf_write_c(to, "<header>\n");
    load_html_element(to, "h1", NULL,
                      r->n_methods == 0   ? "quintet-load"
                      : r->n_methods == 1 ? r->methods[0].name
                                          : "A mix of methods");
    qn_buf_write_c(to, "\n<p>on <code>");
    load_html_text(to, r->asked.target);
    qn_buf_write_c(to, "</code>");
    /* What qn_time_format() can say: the years 1970 to 9999. */
    if (r->started_ms > 0 && r->started_ms < INT64_C(253402300800000)) {
        qn_time_format(r->started_ms, when);
        qn_buf_printf(to, ", <time datetime=\"%s\">%.10s %.8s UTC</time>", when, when, when + 11);
    }
    qn_buf_write_c(to, "</p>\n<p>");
    load_words_load(to, &r->asked);
    qn_buf_write_c(to, "; ");
    load_words_time(to, &r->asked);
    qn_buf_write_c(to, "</p>\n</header>\n");
    if (!r->is_void)
        return;
    qn_buf_write_c(to, "<p class=\"void\" role=\"alert\"><strong>VOID: do not trust these numbers</strong> ");
    load_html_text(to, r->void_reason ? r->void_reason : "no reason given");
    qn_buf_write_c(to, "</p>\n");
}

static void tile(struct qn_buf *to, const char *name, const char *value, const char *class, const char *small)
{
    qn_buf_write_c(to, "<div>");
    load_html_element(to, "dt", NULL, name);
    qn_buf_printf(to, "<dd%s%s%s>", class ? " class=\"" : "", class ? class : "", class ? "\"" : "");
    load_html_text(to, value);
    if (small)
        load_html_element(to, "small", NULL, small);
    qn_buf_write_c(to, "</dd></div>\n");
}

static void write_tiles(struct qn_buf *to, const struct load_result *r)
{
    static const char *const NAMES[] = {"p50", "p90", "p99", "p99.9", "max"};
    char text[LOAD_TEXT_MAX], small[3 * LOAD_TEXT_MAX], count[LOAD_TEXT_MAX];
    uint64_t errors = load_result_errors(r);
    qn_buf_write_c(to, "<dl class=\"tiles\">\n");
    small[0] = '\0';
    if (r->asked.mode == LOAD_OPEN)
        snprintf(small, sizeof small, "asked %s", load_text_rate(text, r->asked.rate));
    tile(to, "calls ended", load_text_rate(text, load_result_rate(r)), NULL,
         small[0] ? small : "closed loop");
    for (size_t i = 0; i < QN_COUNT(QUANTILES); i++) {
        snprintf(small, sizeof small, "service %s",
                 load_text_duration(text, (double)load_hist_at(&r->service, QUANTILES[i])));
        tile(to, NAMES[i],
             r->latency.count ? load_text_duration(text, (double)load_hist_at(&r->latency, QUANTILES[i]))
                              : "-",
             NULL, r->asked.mode == LOAD_OPEN && r->service.count ? small : NULL);
    }
    snprintf(small, sizeof small, "%s of %s",
             errors ? load_text_share(text, load_result_error_share(r)) : "none",
             load_text_count(count, r->ended));
    tile(to, "errors", load_text_count(text, errors), errors ? "bad" : "good", small);
    qn_buf_write_c(to, "</dl>\n");
}

/* A table's head, of names that '|' parts; a name that begins with '<' is of a column of text. */
static void table_begin(struct qn_buf *to, const char *title, const char *names)
{
    struct qn_str rest = qn_str_c(names), name;
    if (title)
        qn_buf_printf(to, "<h2>%s</h2>\n", title);
    qn_buf_write_c(to, "<div class=\"scroll\"><table>\n<thead><tr>");
    while (qn_str_next(&rest, '|', &name)) {
        bool is_text = qn_str_starts(name, QN_STR("<"));
        qn_buf_printf(to, "<th%s>%.*s</th>", is_text ? " class=\"text\"" : "", (int)(name.len - is_text),
                      name.ptr + is_text);
    }
    qn_buf_write_c(to, "</tr></thead>\n<tbody>\n");
}

static void table_end(struct qn_buf *to)
{
    qn_buf_write_c(to, "</tbody></table></div>\n");
}

static void cell(struct qn_buf *to, const char *class, const char *text)
{
    load_html_element(to, "td", class, text);
}

static void cells_quantiles(struct qn_buf *to, const struct load_hist *hist)
{
    char text[LOAD_TEXT_MAX];
    for (size_t i = 0; i < QN_COUNT(QUANTILES); i++)
        cell(to, NULL,
             hist->count ? load_text_duration(text, (double)load_hist_at(hist, QUANTILES[i])) : "-");
    cell(to, NULL, hist->count ? load_text_duration(text, load_hist_mean_ns(hist)) : "-");
}

static void write_slos(struct qn_buf *to, const struct load_result *r)
{
    char text[LOAD_TEXT_MAX];
    if (r->n_slos == 0)
        return;
    table_begin(to, "Conditions (SLO)", "|<|<limit|was");
    for (size_t i = 0; i < r->n_slos; i++) {
        const struct load_slo *slo = &r->slos[i];
        qn_buf_write_c(to, "<tr>");
        cell(to, slo->met ? "good" : "bad", slo->met ? "met" : "NOT MET");
        cell(to, "text", slo->name);
        qn_buf_printf(to, "<td class=\"text\">%s %s</td>", load_words_slo_bound(slo),
                      load_words_slo(text, slo, slo->limit));
        cell(to, slo->met ? NULL : "bad", load_words_slo(text, slo, slo->was));
        qn_buf_write_c(to, "</tr>\n");
    }
    table_end(to);
}

static void write_marks(struct qn_buf *to, const struct load_result *r)
{
    char text[LOAD_TEXT_MAX], line[2 * LOAD_TEXT_MAX];
    if (r->n_marks == 0)
        return;
    table_begin(to, "Marks", "|at|<command|<ended with|<then");
    for (size_t i = 0; i < r->n_marks; i++) {
        const struct load_mark *mark = &r->marks[i];
        qn_buf_printf(to, "<tr><td>%zu</td><td>%s</td><td class=\"text\"><code>", i + 1,
                      load_text_span(text, mark->at_ms));
        load_html_text(to, mark->command);
        qn_buf_write_c(to, "</code></td>");
        cell(to, mark->exit_code == 0 ? "text" : "text bad", load_words_exit(text, mark));
        cell(to, mark->recovered ? "text good" : "text bad", load_words_recovery(line, mark));
        qn_buf_write_c(to, "</tr>\n");
    }
    table_end(to);
}

static void write_latencies(struct qn_buf *to, const struct load_result *r)
{
    qn_buf_write_c(to, "<h2>Latency</h2>\n");
    load_page_percentiles(to, r);
    table_begin(to, NULL, "|p50|p90|p99|p99.9|max|mean");
    qn_buf_write_c(to, "<tr><td>response time</td>");
    cells_quantiles(to, &r->latency);
    qn_buf_write_c(to, "</tr>\n");
    if (r->asked.mode == LOAD_OPEN) {
        qn_buf_write_c(to, "<tr><td>service time</td>");
        cells_quantiles(to, &r->service);
        qn_buf_write_c(to, "</tr>\n");
    }
    if (r->lag.count) {
        qn_buf_write_c(to, "<tr><td class=\"faint\">own lag of quintet-load</td>");
        cells_quantiles(to, &r->lag);
        qn_buf_write_c(to, "</tr>\n");
    }
    table_end(to);
}

static void write_codes(struct qn_buf *to, const struct load_result *r)
{
    char text[LOAD_TEXT_MAX];
    table_begin(to, "Calls by status", "|calls|share");
    for (int code = QN_OK; code < QN_STATUS_COUNT; code++) {
        if (r->codes[code] == 0)
            continue;
        qn_buf_write_c(to, "<tr>");
        cell(to, code == QN_OK ? "good" : "bad", qn_status_name((enum qn_status)code));
        cell(to, NULL, load_text_count(text, r->codes[code]));
        cell(to, NULL, load_text_share(text, (double)r->codes[code] / (double)(r->ended ? r->ended : 1)));
        qn_buf_write_c(to, "</tr>\n");
    }
    table_end(to);
    if (r->not_started)
        qn_buf_printf(
            to,
            "<p class=\"caption\">%s more calls were due and found no place in flight; what they had "
            "waited counts as response time.</p>\n",
            load_text_count(text, r->not_started));
}

static void write_methods(struct qn_buf *to, const struct load_result *r)
{
    char text[LOAD_TEXT_MAX];
    if (r->n_methods < 2)
        return;
    table_begin(to, "By method", "|weight|calls|errors|p50|p90|p99|p99.9|max|mean");
    for (size_t i = 0; i < r->n_methods; i++) {
        const struct load_method *m = &r->methods[i];
        uint64_t ended = 0;
        for (int code = QN_OK; code < QN_STATUS_COUNT; code++)
            ended += m->codes[code];
        qn_buf_write_c(to, "<tr>");
        cell(to, "name", m->name);
        cell(to, NULL, load_text_number(text, m->weight));
        cell(to, NULL, load_text_count(text, ended));
        cell(to, ended == m->codes[QN_OK] ? NULL : "bad", load_text_count(text, ended - m->codes[QN_OK]));
        cells_quantiles(to, &m->latency);
        qn_buf_write_c(to, "</tr>\n");
    }
    table_end(to);
}

static void write_steps(struct qn_buf *to, const struct load_result *r)
{
    char text[LOAD_TEXT_MAX];
    if (r->n_steps == 0)
        return;
    table_begin(to, "Rates tried (--find-max)", "asked|achieved|p50|p99|errors|<");
    for (size_t i = 0; i < r->n_steps; i++) {
        const struct load_step *step = &r->steps[i];
        qn_buf_write_c(to, "<tr>");
        cell(to, NULL, load_text_rate(text, step->asked));
        cell(to, NULL, load_text_rate(text, step->was));
        cell(to, NULL, load_text_duration(text, (double)step->p50_ns));
        cell(to, NULL, load_text_duration(text, (double)step->p99_ns));
        cell(to, step->errors > 0 ? "bad" : NULL, load_text_share(text, step->errors));
        cell(to, step->held ? "text good" : "text bad", step->held ? "held" : "did not hold");
        qn_buf_write_c(to, "</tr>\n");
    }
    table_end(to);
}

static void write_problem(struct qn_buf *to, const char *problem)
{
    if (problem)
        load_html_element(to, "p", "bad", problem);
}

static void write_database(struct qn_buf *to, const struct load_result *r)
{
    if (!r->database.on)
        return;
    qn_buf_write_c(to, "<h2>Database</h2>\n<p>Connections of the role <code>");
    load_html_text(to, r->database.role ? r->database.role : "?");
    qn_buf_printf(to, "</code>: <span class=\"%s\">", load_words_database_good(r) ? "good" : "bad");
    load_words_database(to, r);
    qn_buf_write_c(to, "</span></p>\n");
    write_problem(to, r->database.problem);
}

static void write_metrics(struct qn_buf *to, const struct load_result *r)
{
    char text[LOAD_TEXT_MAX];
    if (!r->metrics_url)
        return;
    table_begin(to, "Metrics that changed", "|before|after|change");
    for (size_t i = 0; i < r->n_metrics; i++) {
        const struct load_watched_metric *m = &r->metrics[i];
        if (!load_words_metric_changed(m))
            continue;
        qn_buf_write_c(to, "<tr><td class=\"name\"><code>");
        load_html_text(to, m->series);
        qn_buf_write_c(to, "</code></td>");
        cell(to, NULL, load_text_number(text, m->before));
        cell(to, NULL, load_text_number(text, m->after));
        cell(to, NULL, load_words_change(text, m->after - m->before));
        qn_buf_write_c(to, "</tr>\n");
    }
    table_end(to);
    qn_buf_write_c(to, "<p class=\"caption\">from <code>");
    load_html_text(to, r->metrics_url);
    qn_buf_write_c(to, "</code></p>\n");
    write_problem(to, r->metrics_problem);
}

bool load_report_html(FILE *to, const struct load_result *result)
{
    struct qn_buf buf;
    char a[LOAD_TEXT_MAX], b[LOAD_TEXT_MAX];
    qn_buf_init(&buf, LOAD_REPORT_MAX);
    write_head(&buf, result);
    write_header(&buf, result);
    qn_buf_write_c(&buf, "<main>\n");
    write_tiles(&buf, result);
    write_slos(&buf, result);
    write_steps(&buf, result);
    write_latencies(&buf, result);
    write_codes(&buf, result);
    write_methods(&buf, result);
    write_marks(&buf, result);
    load_page_series(&buf, result);
    write_database(&buf, result);
    write_metrics(&buf, result);
    qn_buf_write_c(&buf, "</main>\n<footer>quintet-load ");
    load_html_text(&buf, result->version);
    if (result->cpu_us_per_call > 0)
        qn_buf_printf(&buf, "; its own processor time %s a call, its loop's thread %s of a core",
                      load_text_duration(a, result->cpu_us_per_call * 1e3),
                      load_text_share(b, result->cpu_share));
    qn_buf_write_c(&buf, "</footer>\n<script>\n/*<![CDATA[*/\n");
    qn_buf_write_c(&buf, load_page_js);
    qn_buf_write_c(&buf, "/*]]>*/\n</script>\n</body>\n</html>\n");
    return load_report_finish(to, &buf);
}
