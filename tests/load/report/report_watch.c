#include "common/core/check.h"
#include "tests/load/report/table.h"
#include "tests/load/report/text.h"
#include "tests/load/report/words.h"

/* The sections of the table about what was watched beside the calls. */

static void write_slos(struct load_table *t)
{
    const struct load_result *r = t->result;
    if (r->n_slos == 0)
        return;
    struct load_columns columns;
    char text[LOAD_TEXT_MAX];
    load_columns_init(&columns, "lllrlr");
    load_table_heading(t, "Conditions (SLO)");
    for (size_t i = 0; i < r->n_slos; i++) {
        const struct load_slo *slo = &r->slos[i];
        load_columns_add(&columns, slo->met ? LOAD_GOOD : LOAD_BAD, slo->met ? "met" : "NOT MET");
        load_table_clean(&columns, LOAD_PLAIN, slo->name);
        load_columns_add(&columns, LOAD_FAINT, load_words_slo_bound(slo));
        load_columns_add(&columns, LOAD_PLAIN, load_words_slo(text, slo, slo->limit));
        load_columns_add(&columns, LOAD_FAINT, "was");
        load_columns_add(&columns, slo->met ? LOAD_PLAIN : LOAD_BAD, load_words_slo(text, slo, slo->was));
    }
    load_columns_write(&columns, &t->buf, LOAD_TABLE_INDENT, t->colours);
    load_columns_fini(&columns);
}

static void write_steps(struct load_table *t)
{
    const struct load_result *r = t->result;
    if (r->n_steps == 0)
        return;
    static const char *const names[] = {"asked", "achieved", "p50", "p99", "errors", ""};
    struct load_columns columns;
    char text[LOAD_TEXT_MAX];
    load_columns_init(&columns, "rrrrrl");
    load_table_heading(t, "Rates tried (--find-max)");
    for (size_t i = 0; i < QN_COUNT(names); i++)
        load_columns_add(&columns, LOAD_FAINT, names[i]);
    for (size_t i = 0; i < r->n_steps; i++) {
        const struct load_step *step = &r->steps[i];
        load_columns_add(&columns, LOAD_PLAIN, load_text_rate(text, step->asked));
        load_columns_add(&columns, LOAD_PLAIN, load_text_rate(text, step->was));
        load_columns_add(&columns, LOAD_PLAIN, load_text_duration(text, (double)step->p50_ns));
        load_columns_add(&columns, LOAD_PLAIN, load_text_duration(text, (double)step->p99_ns));
        load_columns_add(&columns, step->errors > 0 ? LOAD_BAD : LOAD_PLAIN,
                         load_text_share(text, step->errors));
        load_columns_add(&columns, step->held ? LOAD_GOOD : LOAD_BAD, step->held ? "held" : "did not hold");
    }
    load_columns_write(&columns, &t->buf, LOAD_TABLE_INDENT, t->colours);
    load_columns_fini(&columns);
}

static void write_database(struct load_table *t)
{
    const struct load_result *r = t->result;
    if (!r->database.on)
        return;
    load_table_heading(t, "Database");
    load_table_label(t, "role");
    load_text_clean(&t->buf, r->database.role ? r->database.role : "?");
    qn_buf_write_byte(&t->buf, '\n');
    load_table_label(t, "connections");
    enum load_style style = load_words_database_good(r) ? LOAD_GOOD : LOAD_BAD;
    load_style_begin(&t->buf, style, t->colours);
    load_words_database(&t->buf, r);
    load_style_end(&t->buf, style, t->colours);
    qn_buf_write_byte(&t->buf, '\n');
    if (r->database.problem) {
        load_table_label(t, "problem");
        load_style_begin(&t->buf, LOAD_BAD, t->colours);
        load_text_clean(&t->buf, r->database.problem);
        load_style_end(&t->buf, LOAD_BAD, t->colours);
        qn_buf_write_byte(&t->buf, '\n');
    }
}

static void write_marks(struct load_table *t)
{
    const struct load_result *r = t->result;
    if (r->n_marks == 0)
        return;
    struct load_columns columns;
    char text[LOAD_TEXT_MAX], line[2 * LOAD_TEXT_MAX];
    load_columns_init(&columns, "rlll");
    load_table_heading(t, "Marks");
    for (size_t i = 0; i < r->n_marks; i++) {
        const struct load_mark *mark = &r->marks[i];
        load_columns_add(&columns, LOAD_PLAIN, load_text_span(text, mark->at_ms));
        load_table_clean(&columns, LOAD_STRONG, mark->command);
        load_columns_add(&columns, mark->exit_code == 0 ? LOAD_FAINT : LOAD_BAD, load_words_exit(text, mark));
        load_columns_add(&columns, mark->recovered ? LOAD_GOOD : LOAD_BAD, load_words_recovery(line, mark));
    }
    load_columns_write(&columns, &t->buf, LOAD_TABLE_INDENT, t->colours);
    load_columns_fini(&columns);
}

static void write_metrics(struct load_table *t)
{
    const struct load_result *r = t->result;
    if (!r->metrics_url)
        return;
    struct load_columns columns;
    char text[LOAD_TEXT_MAX];
    size_t same = 0;
    load_columns_init(&columns, "lrlrr");
    load_table_heading(t, "Metrics that changed");
    for (size_t i = 0; i < r->n_metrics; i++) {
        const struct load_watched_metric *m = &r->metrics[i];
        if (!load_words_metric_changed(m)) {
            same++;
            continue;
        }
        load_table_clean(&columns, LOAD_PLAIN, m->series);
        load_columns_add(&columns, LOAD_FAINT, load_text_number(text, m->before));
        load_columns_add(&columns, LOAD_FAINT, "→");
        load_columns_add(&columns, LOAD_PLAIN, load_text_number(text, m->after));
        load_columns_add(&columns, LOAD_STRONG, load_words_change(text, m->after - m->before));
    }
    load_columns_write(&columns, &t->buf, LOAD_TABLE_INDENT, t->colours);
    load_columns_fini(&columns);
    load_table_label(t, "from");
    load_text_clean(&t->buf, r->metrics_url);
    if (same)
        qn_buf_printf(&t->buf, " (%s stayed the same)", load_text_count(text, same));
    qn_buf_write_byte(&t->buf, '\n');
    if (r->metrics_problem) {
        load_table_label(t, "problem");
        load_style_begin(&t->buf, LOAD_BAD, t->colours);
        load_text_clean(&t->buf, r->metrics_problem);
        load_style_end(&t->buf, LOAD_BAD, t->colours);
        qn_buf_write_byte(&t->buf, '\n');
    }
}

void load_table_watched(struct load_table *t)
{
    write_slos(t);
    write_steps(t);
    write_database(t);
    write_marks(t);
    write_metrics(t);
}
