#include "common/core/check.h"
#include "tests/load/report/report.h"
#include "tests/load/report/table.h"
#include "tests/load/report/text.h"
#include "tests/load/report/words.h"

/* The table for people: a head with what was asked, then a section for each subject that the run has. A void
 * run says so before and after everything else. */

enum { INDENT = LOAD_TABLE_INDENT, LABEL_WIDTH = 13 };

static const double QUANTILES[] = {0.5, 0.9, 0.99, 0.999, 1};

void load_table_heading(struct load_table *t, const char *text)
{
    qn_buf_write_byte(&t->buf, '\n');
    load_style_begin(&t->buf, LOAD_STRONG, t->colours);
    qn_buf_write_c(&t->buf, text);
    load_style_end(&t->buf, LOAD_STRONG, t->colours);
    qn_buf_write_byte(&t->buf, '\n');
}

void load_table_label(struct load_table *t, const char *text)
{
    qn_buf_write_c(&t->buf, "  ");
    load_style_begin(&t->buf, LOAD_FAINT, t->colours);
    load_text_left(&t->buf, text, LABEL_WIDTH);
    load_style_end(&t->buf, LOAD_FAINT, t->colours);
}

static void alarm_line(struct load_table *t)
{
    if (!t->result->is_void)
        return;
    qn_buf_write_byte(&t->buf, '\n');
    load_style_begin(&t->buf, LOAD_ALARM, t->colours);
    qn_buf_write_c(&t->buf, "*** VOID: do not trust these numbers *** ");
    load_style_end(&t->buf, LOAD_ALARM, t->colours);
    qn_buf_write_byte(&t->buf, ' ');
    load_text_clean(&t->buf, t->result->void_reason ? t->result->void_reason : "no reason given");
    qn_buf_write_byte(&t->buf, '\n');
}

void load_table_clean(struct load_columns *columns, enum load_style style, const char *text)
{
    struct qn_buf clean;
    qn_buf_init(&clean, 64 * 1024); /* longer texts are cut; nobody reads them in a table */
    load_text_clean(&clean, text ? text : "");
    load_columns_add(columns, style, clean.data ? clean.data : "");
    qn_buf_fini(&clean);
}

static void cell_duration(struct load_columns *columns, double ns)
{
    char text[LOAD_TEXT_MAX];
    load_columns_add(columns, LOAD_PLAIN, load_text_duration(text, ns));
}

static void cell_count(struct load_columns *columns, enum load_style style, uint64_t count)
{
    char text[LOAD_TEXT_MAX];
    load_columns_add(columns, style, load_text_count(text, count));
}

static void cells_quantiles(struct load_columns *columns, const struct load_hist *hist)
{
    for (size_t i = 0; i < QN_COUNT(QUANTILES); i++)
        if (hist->count)
            cell_duration(columns, (double)load_hist_at(hist, QUANTILES[i]));
        else
            load_columns_add(columns, LOAD_FAINT, "-");
}

static void cells_quantile_names(struct load_columns *columns)
{
    char text[LOAD_TEXT_MAX];
    for (size_t i = 0; i < QN_COUNT(QUANTILES); i++)
        load_columns_add(columns, LOAD_FAINT,
                         QUANTILES[i] < 1 ? load_text_quantile(text, QUANTILES[i]) : "max");
}

static void write_asked(struct load_table *t)
{
    const struct load_asked *asked = &t->result->asked;
    load_style_begin(&t->buf, LOAD_STRONG, t->colours);
    qn_buf_write_c(&t->buf, "quintet-load ");
    load_text_clean(&t->buf, t->result->version);
    load_style_end(&t->buf, LOAD_STRONG, t->colours);
    qn_buf_write_c(&t->buf, "  ");
    load_text_clean(&t->buf, asked->target ? asked->target : "");
    qn_buf_write_byte(&t->buf, '\n');
    alarm_line(t);
    load_table_heading(t, "Asked");
    if (t->result->n_methods == 1) {
        load_table_label(t, "method");
        load_text_clean(&t->buf, t->result->methods[0].name ? t->result->methods[0].name : "");
        qn_buf_write_byte(&t->buf, '\n');
    }
    load_table_label(t, "load");
    load_words_load(&t->buf, asked);
    qn_buf_write_byte(&t->buf, '\n');
    load_table_label(t, "time");
    load_words_time(&t->buf, asked);
    qn_buf_write_byte(&t->buf, '\n');
}

static void write_came(struct load_table *t)
{
    const struct load_result *r = t->result;
    char a[LOAD_TEXT_MAX], b[LOAD_TEXT_MAX];
    load_table_heading(t, "Achieved");
    load_table_label(t, "rate");
    load_words_rate(&t->buf, r);
    qn_buf_write_byte(&t->buf, '\n');
    load_table_label(t, "calls");
    qn_buf_printf(&t->buf, "%s ended of %s started", load_text_count(a, r->ended),
                  load_text_count(b, r->started));
    if (r->not_started) {
        load_style_begin(&t->buf, LOAD_WARN, t->colours);
        qn_buf_printf(&t->buf,
                      ", %s more were due and found no place in flight (their wait counts as response)",
                      load_text_count(a, r->not_started));
        load_style_end(&t->buf, LOAD_WARN, t->colours);
    }
    uint64_t errors = load_result_errors(r);
    enum load_style style = errors ? LOAD_BAD : LOAD_GOOD;
    qn_buf_write_c(&t->buf, "\n");
    load_table_label(t, "errors");
    load_style_begin(&t->buf, style, t->colours);
    if (errors)
        qn_buf_printf(&t->buf, "%s (%s)", load_text_count(a, errors),
                      load_text_share(b, load_result_error_share(r)));
    else
        qn_buf_write_c(&t->buf, "none");
    load_style_end(&t->buf, style, t->colours);
    qn_buf_write_byte(&t->buf, '\n');
}

static void write_latency(struct load_table *t)
{
    const struct load_result *r = t->result;
    struct load_columns columns;
    load_columns_init(&columns, "lrrrrrrl");
    load_table_heading(t, "Latency");
    load_columns_add(&columns, LOAD_PLAIN, "");
    cells_quantile_names(&columns);
    load_columns_add(&columns, LOAD_FAINT, "mean");
    load_columns_add(&columns, LOAD_FAINT, "");
    load_columns_add(&columns, LOAD_STRONG, "response");
    cells_quantiles(&columns, &r->latency);
    cell_duration(&columns, load_hist_mean_ns(&r->latency));
    load_columns_add(&columns, LOAD_FAINT,
                     r->asked.mode == LOAD_OPEN ? "from when it was due" : "from when it was sent");
    if (r->asked.mode == LOAD_OPEN) {
        load_columns_add(&columns, LOAD_PLAIN, "service");
        cells_quantiles(&columns, &r->service);
        cell_duration(&columns, load_hist_mean_ns(&r->service));
        load_columns_add(&columns, LOAD_FAINT, "from when it was sent");
    }
    if (r->lag.count) {
        load_columns_add(&columns, LOAD_FAINT, "own lag");
        cells_quantiles(&columns, &r->lag);
        cell_duration(&columns, load_hist_mean_ns(&r->lag));
        load_columns_add(&columns, LOAD_FAINT, "of quintet-load itself");
    }
    load_columns_write(&columns, &t->buf, INDENT, t->colours);
    load_columns_fini(&columns);
    if (r->cpu_share > 0 || r->cpu_us_per_call > 0) {
        char a[LOAD_TEXT_MAX], b[LOAD_TEXT_MAX];
        load_table_label(t, "own CPU");
        qn_buf_printf(&t->buf, "%s a call, its loop %s of a core\n",
                      load_text_duration(a, r->cpu_us_per_call * 1e3), load_text_share(b, r->cpu_share));
    }
}

static void write_codes(struct load_table *t)
{
    const struct load_result *r = t->result;
    struct load_columns columns;
    char text[LOAD_TEXT_MAX];
    load_columns_init(&columns, "lrr");
    load_table_heading(t, "Calls by status");
    for (int code = QN_OK; code < QN_STATUS_COUNT; code++) {
        if (r->codes[code] == 0)
            continue;
        enum load_style style = code == QN_OK ? LOAD_GOOD : LOAD_BAD;
        load_columns_add(&columns, style, qn_status_name((enum qn_status)code));
        cell_count(&columns, LOAD_PLAIN, r->codes[code]);
        load_columns_add(&columns, LOAD_PLAIN,
                         load_text_share(text, (double)r->codes[code] / (double)(r->ended ? r->ended : 1)));
    }
    if (columns.n_cells == 0) {
        load_columns_add(&columns, LOAD_BAD, "none ended");
    }
    load_columns_write(&columns, &t->buf, INDENT, t->colours);
    load_columns_fini(&columns);
}

static void write_methods(struct load_table *t)
{
    const struct load_result *r = t->result;
    if (r->n_methods < 2)
        return;
    struct load_columns columns;
    load_columns_init(&columns, "lrrrrrrrr");
    load_table_heading(t, "By method");
    load_columns_add(&columns, LOAD_PLAIN, "");
    load_columns_add(&columns, LOAD_FAINT, "weight");
    load_columns_add(&columns, LOAD_FAINT, "calls");
    load_columns_add(&columns, LOAD_FAINT, "errors");
    cells_quantile_names(&columns);
    for (size_t i = 0; i < r->n_methods; i++) {
        const struct load_method *m = &r->methods[i];
        uint64_t ended = 0;
        char text[LOAD_TEXT_MAX];
        for (int code = QN_OK; code < QN_STATUS_COUNT; code++)
            ended += m->codes[code];
        uint64_t errors = ended - m->codes[QN_OK];
        load_table_clean(&columns, LOAD_PLAIN, m->name);
        load_columns_add(&columns, LOAD_PLAIN, load_text_number(text, m->weight));
        cell_count(&columns, LOAD_PLAIN, ended);
        cell_count(&columns, errors ? LOAD_BAD : LOAD_PLAIN, errors);
        cells_quantiles(&columns, &m->latency);
    }
    load_columns_write(&columns, &t->buf, INDENT, t->colours);
    load_columns_fini(&columns);
}

void load_report_table(FILE *to, const struct load_result *result)
{
    struct load_table t = {.result = result, .colours = load_text_colours(to)};
    qn_buf_init(&t.buf, LOAD_REPORT_MAX);
    write_asked(&t);
    write_came(&t);
    write_latency(&t);
    write_codes(&t);
    write_methods(&t);
    load_table_watched(&t);
    alarm_line(&t);
    load_report_finish(to, &t.buf);
}
