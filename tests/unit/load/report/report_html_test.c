#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "common/core/check.h"
#include "common/json/reader.h"
#include "tests/harness/test.h"
#include "tests/load/report/figure.h"
#include "tests/load/report/report.h"
#include "tests/unit/load/report/markup.h"
#include "tests/unit/load/report/sample.h"

static char *page_of(const struct load_result *r, struct markup *ret_markup)
{
    size_t len;
    char *text = sample_report(load_report_html, r, &len);
    markup_read(ret_markup, qn_str_n(text, len));
    return text;
}

/* The texts of the row whose first cell is 'first', from the second cell on. */
static void assert_row(const struct markup *m, const char *first, const char *const *cells, size_t count)
{
    for (size_t i = 0; i < m->n_elements; i++) {
        if (strcmp(m->elements[i].name, "td") != 0 || m->elements[i].parent != i - 1 ||
            strcmp(m->elements[i].text, first) != 0)
            continue;
        size_t seen = 0;
        for (size_t j = i + 1; j < m->n_elements && seen < count; j++)
            if (strcmp(m->elements[j].name, "td") == 0 && m->elements[j].parent == m->elements[i].parent)
                assert_string_equal(m->elements[j].text, cells[seen++]);
        assert_int_equal(seen, count);
        return;
    }
    fail_msg("no row \"%s\"", first);
}

static void assert_quantiles(const struct markup *m, const char *first, const struct load_hist *hist)
{
    static const double quantiles[] = {0.5, 0.9, 0.99, 0.999, 1};
    char texts[QN_COUNT(quantiles)][LOAD_TEXT_MAX];
    const char *cells[QN_COUNT(quantiles)];
    for (size_t i = 0; i < QN_COUNT(quantiles); i++)
        cells[i] = load_text_duration(texts[i], (double)load_hist_at(hist, quantiles[i]));
    assert_row(m, first, cells, QN_COUNT(quantiles));
}

/* Of <script id="ID-data">; fails when it is no JSON. */
static const struct qn_json *data_of(const struct markup *m, const char *id, struct qn_arena *arena)
{
    char name[64];
    struct qn_json *tree;
    struct qn_error err = {0};
    snprintf(name, sizeof name, "%s-data", id);
    const struct markup_element *script = markup_by_id(m, name);
    if (!script)
        fail_msg("no data of %s", id);
    if (qn_json_parse(qn_str_c(script->text), false, arena, &tree, &err) != QN_OK)
        fail_msg("%s: %s", id, err.message);
    return tree;
}

static const struct qn_json *series_of(const struct qn_json *data, const char *name)
{
    const struct qn_json *all = qn_json_get(data, "series");
    for (size_t i = 0; i < all->n_items; i++)
        if (qn_str_eq(qn_json_get(&all->items[i], "name")->text, qn_str_c(name)))
            return &all->items[i];
    fail_msg("no series %s", name);
    return NULL;
}

static void assert_read_out(const struct qn_json *data, const char *series, size_t point, const char *text)
{
    assert_str(qn_json_get(series_of(data, series), "text")->items[point].text, text);
}

static void the_page_is_whole_and_alone(void **state)
{
    (void)state;
    static struct load_result r;
    struct markup m;
    sample_result(&r);
    char *text = page_of(&r, &m);
    /* Nothing is loaded from anywhere, and the page's own policy forbids it. */
    for (size_t i = 0; i < m.n_elements; i++)
        assert_null(m.elements[i].src);
    assert_null(markup_find(&m, "link", NULL, 0));
    assert_null(strstr(text, "@import"));
    assert_null(strstr(text, "url("));
    assert_non_null(strstr(text, "content=\"default-src 'none'; style-src 'unsafe-inline'; "
                                 "script-src 'unsafe-inline'\""));
    assert_non_null(strstr(text, "prefers-color-scheme: dark"));
    assert_non_null(strstr(text, "@media print"));
    assert_string_equal(markup_find(&m, "title", NULL, 0)->text, "quintet-load: ipc:///run/quintet/auth");
    assert_null(markup_find(&m, "p", "void", 0));
    markup_fini(&m);
    load_result_fini(&r);
    free(text);
}

static void its_tables_tell_the_result(void **state)
{
    (void)state;
    static struct load_result r;
    struct markup m;
    char one[LOAD_TEXT_MAX], two[LOAD_TEXT_MAX], three[LOAD_TEXT_MAX];
    sample_result(&r);
    char *text = page_of(&r, &m);
    assert_quantiles(&m, "response time", &r.latency);
    assert_quantiles(&m, "service time", &r.service);
    assert_quantiles(&m, "own lag of quintet-load", &r.lag);
    for (int code = QN_OK; code < QN_STATUS_COUNT; code++)
        if (r.codes[code])
            assert_row(&m, qn_status_name((enum qn_status)code),
                       (const char *[]){load_text_count(one, r.codes[code])}, 1);
    for (size_t i = 0; i < r.n_methods; i++) {
        uint64_t ended = 0;
        for (int code = QN_OK; code < QN_STATUS_COUNT; code++)
            ended += r.methods[i].codes[code];
        load_text_number(one, r.methods[i].weight);
        load_text_count(two, ended);
        load_text_count(three, ended - r.methods[i].codes[QN_OK]);
        assert_row(&m, r.methods[i].name, (const char *[]){one, two, three}, 3);
    }
    load_text_duration(one, r.slos[0].was);
    assert_row(&m, "NOT MET", (const char *[]){"p99", "at most 20.0 ms", one}, 3);
    assert_row(&m, "1",
               (const char *[]){"20 s", "kill -STOP $(cat profile.pid)", "exit 0", "recovered within 3 s"},
               4);
    assert_row(&m, "quintet_pg_batch_calls_sum", (const char *[]){"38,400", "158,400", "+120,000"}, 3);
    assert_non_null(strstr(text, "at most 5 of 5 allowed (looked 592 times)"));
    markup_fini(&m);
    load_result_fini(&r);
    free(text);
}

static void its_plots_tell_the_seconds(void **state)
{
    (void)state;
    static struct load_result r;
    static const char *const ids[] = {"percentiles", "rate", "latency", "errors", "in-flight", "connections"};
    struct markup m;
    struct qn_arena arena;
    char words[LOAD_TEXT_MAX];
    sample_result(&r);
    char *text = page_of(&r, &m);
    qn_arena_init(&arena, 64 * 1024 * 1024);
    for (size_t i = 0; i < QN_COUNT(ids); i++)
        assert_non_null(markup_by_id(&m, ids[i]));
    const struct qn_json *rate = data_of(&m, "rate", &arena), *latency = data_of(&m, "latency", &arena),
                         *errors = data_of(&m, "errors", &arena), *flight = data_of(&m, "in-flight", &arena),
                         *db = data_of(&m, "connections", &arena);
    assert_int_equal(qn_json_get(rate, "x")->n_items, r.n_seconds);
    for (size_t i = 0; i < r.n_seconds; i++) {
        const struct load_second *second = &r.seconds[i];
        assert_read_out(rate, "started", i, load_text_rate(words, (double)second->started));
        assert_read_out(rate, "ended", i, load_text_rate(words, (double)second->ended));
        assert_read_out(latency, "p50", i, load_text_duration(words, (double)second->p50_ns));
        assert_read_out(latency, "p99", i, load_text_duration(words, (double)second->p99_ns));
        assert_read_out(latency, "max", i, load_text_duration(words, (double)second->max_ns));
        assert_read_out(errors, "errors", i, load_text_rate(words, (double)second->errors));
        assert_read_out(flight, "in flight", i, load_text_number(words, second->in_flight));
        assert_read_out(db, "connections", i,
                        second->connections < 0 ? "-" : load_text_number(words, second->connections));
        assert_int_equal(qn_json_get(series_of(db, "connections"), "y")->items[i].kind,
                         second->connections < 0 ? QN_JSON_NULL : QN_JSON_NUMBER);
    }
    /* Both marks stand in each plot over time. */
    for (size_t i = 0; i < r.n_marks * 5; i++)
        assert_string_equal(markup_find(&m, "g", "mark", i)->text, i % 2 ? "2" : "1");
    assert_null(markup_find(&m, "g", "mark", r.n_marks * 5));
    qn_arena_fini(&arena);
    markup_fini(&m);
    load_result_fini(&r);
    free(text);
}

/* Each point lies where its value belongs: twice as many calls are twice as high. */
static void points_lie_where_their_values_belong(void **state)
{
    (void)state;
    static struct load_result r;
    struct markup m;
    struct qn_arena arena;
    sample_result(&r);
    r.seconds[10].ended = r.seconds[10].started = 1000;
    r.seconds[11].ended = r.seconds[11].started = 0;
    r.seconds[12].ended = r.seconds[12].started = 2000;
    char *text = page_of(&r, &m);
    qn_arena_init(&arena, 64 * 1024 * 1024);
    const struct qn_json *data = data_of(&m, "rate", &arena);
    const struct qn_json *ys = qn_json_get(series_of(data, "ended"), "y"), *xs = qn_json_get(data, "x");
    double bottom = qn_json_get(data, "bottom")->number;
    assert_true(ys->items[11].number == bottom);
    assert_true(fabs((bottom - ys->items[12].number) - 2 * (bottom - ys->items[10].number)) < 0.2);
    double width = LOAD_PLOT_WIDTH - LOAD_PLOT_LEFT - LOAD_PLOT_RIGHT;
    for (size_t i = 0; i < r.n_seconds; i++)
        assert_true(fabs(xs->items[i].number - (LOAD_PLOT_LEFT + ((double)i + 0.5) / 60 * width)) < 0.06);
    /* A second in which nothing ended has no latency: the line has a gap there. */
    assert_null(markup_find(&m, "g", "mark end", 0)); /* nothing ended behind the end */
    const struct qn_json *p50 = qn_json_get(series_of(data_of(&m, "latency", &arena), "p50"), "y");
    assert_int_equal(p50->items[11].kind, QN_JSON_NULL);
    qn_arena_fini(&arena);
    markup_fini(&m);
    load_result_fini(&r);
    free(text);
}

static void the_percentile_curve_is_the_histogram(void **state)
{
    (void)state;
    static struct load_result r;
    struct markup m;
    struct qn_arena arena;
    char words[LOAD_TEXT_MAX];
    sample_result(&r);
    char *text = page_of(&r, &m);
    qn_arena_init(&arena, 64 * 1024 * 1024);
    const struct qn_json *data = data_of(&m, "percentiles", &arena), *xs = qn_json_get(data, "x");
    double end = log10((double)r.latency.count);
    size_t last = xs->n_items - 1;
    for (size_t i = 0; i < last; i++) {
        double quantile = 1 - pow(10, -end * (double)i / (double)last);
        assert_read_out(data, "response time", i,
                        load_text_duration(words, (double)load_hist_at(&r.latency, quantile)));
        assert_read_out(data, "service time", i,
                        load_text_duration(words, (double)load_hist_at(&r.service, quantile)));
    }
    assert_read_out(data, "response time", last, load_text_duration(words, (double)r.latency.max_ns));
    assert_non_null(strstr(text, ">99.999%</text>"));
    qn_arena_fini(&arena);
    markup_fini(&m);
    load_result_fini(&r);
    free(text);
}

/* A method's name is no markup: it shows as it is, and adds no element. */
static void hostile_texts_are_only_texts(void **state)
{
    (void)state;
    static struct load_result r;
    struct markup m, plain;
    static const char shown[] =
        "</title><script>alert(1)</script>\"' onload='x' &amp; ]]>,\n\xef\xbf\xbd[31m\\"
        "\xef\xbf\xbd\xef\xbf\xbd(";
    sample_result(&r);
    r.is_void = true;
    r.void_reason = r.database.problem = r.metrics_problem = "plain";
    char *before = page_of(&r, &plain);
    sample_make_hostile(&r);
    char *text = page_of(&r, &m);
    assert_int_equal(m.n_elements, plain.n_elements);
    for (size_t i = 0; i < m.n_elements; i++)
        assert_string_equal(m.elements[i].name, plain.elements[i].name);
    assert_string_equal(markup_find(&m, "td", "name", 0)->text, shown);
    assert_non_null(strstr(markup_find(&m, "title", NULL, 0)->text, shown));
    assert_non_null(strstr(markup_find(&m, "p", "void", 0)->text, shown));
    assert_null(strstr(text, "<script>alert"));
    markup_fini(&plain);
    markup_fini(&m);
    load_result_fini(&r);
    free(before);
    free(text);
}

static void a_void_run_stands_out(void **state)
{
    (void)state;
    static struct load_result r;
    struct markup m;
    sample_result(&r);
    r.is_void = true;
    r.void_reason = "the generator lagged by 38 ms";
    char *text = page_of(&r, &m);
    const struct markup_element *alert = markup_find(&m, "p", "void", 0);
    assert_string_equal(alert->text, "VOID: do not trust these numbers the generator lagged by 38 ms");
    assert_true(alert->begin < markup_find(&m, "dl", "tiles", 0)->begin);
    markup_fini(&m);
    load_result_fini(&r);
    free(text);
}

static void an_empty_run_has_a_page(void **state)
{
    (void)state;
    static struct load_result r;
    struct markup m;
    load_result_init(&r);
    char *text = page_of(&r, &m);
    assert_null(markup_find(&m, "svg", NULL, 0));
    assert_null(strstr(text, "nan"));
    markup_fini(&m);
    load_result_fini(&r);
    free(text);
}

/* The last answers come when no calls are started any more: the fall of the rate is marked. */
static void what_ends_late_is_behind_a_mark(void **state)
{
    (void)state;
    static struct load_result r;
    struct markup m;
    sample_result(&r);
    r.asked.duration_ms = 58500;
    for (size_t i = 0; i < r.n_seconds; i++)
        r.seconds[i].errors = 0;
    char *text = page_of(&r, &m);
    const struct markup_element *mark = markup_find(&m, "g", "mark end", 0);
    assert_string_equal(mark->text, "end");
    char x[64];
    snprintf(x, sizeof x, "x1=\"%.1f\"",
             LOAD_PLOT_LEFT + 0.975 * (LOAD_PLOT_WIDTH - LOAD_PLOT_LEFT - LOAD_PLOT_RIGHT));
    assert_non_null(memmem(text + mark->begin, mark->end - mark->begin, x, strlen(x)));
    /* Without errors there is no plot of them. */
    assert_null(markup_by_id(&m, "errors"));
    assert_string_equal(markup_find(&m, "figure", NULL, 3)->text, "Errors a second\nNone.");
    markup_fini(&m);
    load_result_fini(&r);
    free(text);
}

/* A day must not become a page of 86,400 points a line: each stands for several seconds then, the worst of
 * which is seen. */
static void a_long_run_has_fewer_points(void **state)
{
    (void)state;
    static struct load_result r;
    struct markup m;
    struct qn_arena arena;
    char words[LOAD_TEXT_MAX];
    enum { DAY = 24 * 60 * 60 };
    sample_result(&r);
    r.seconds = qn_arena_array(&r.arena, DAY, sizeof *r.seconds);
    assert_non_null(r.seconds);
    r.n_seconds = DAY;
    for (size_t i = 0; i < DAY; i++)
        r.seconds[i] = (struct load_second){
            100, 100, 0, 1000, 2000, i == 50000 ? 9000000 : 3000, i == 50000 ? 77 : 1, 0, -1};
    char *text = page_of(&r, &m);
    assert_true(strlen(text) < 1024 * 1024);
    qn_arena_init(&arena, 64 * 1024 * 1024);
    const struct qn_json *data = data_of(&m, "latency", &arena);
    assert_true(qn_json_get(data, "x")->n_items == 400);
    assert_read_out(data, "max", 50000 / 216, "9.00 ms");
    assert_read_out(data, "max", 50000 / 216 + 1, "3.00 µs");
    data = data_of(&m, "rate", &arena);
    assert_read_out(data, "started", 7, load_text_rate(words, 100));
    assert_read_out(data, "ended", 7, load_text_rate(words, 100));
    data = data_of(&m, "in-flight", &arena);
    assert_read_out(data, "in flight", 50000 / 216, "77");
    assert_read_out(data, "in flight", 7, "1");
    assert_non_null(strstr(text, "A point stands for 216 seconds"));
    qn_arena_fini(&arena);
    markup_fini(&m);
    load_result_fini(&r);
    free(text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_page_is_whole_and_alone),
        cmocka_unit_test(its_tables_tell_the_result),
        cmocka_unit_test(its_plots_tell_the_seconds),
        cmocka_unit_test(points_lie_where_their_values_belong),
        cmocka_unit_test(the_percentile_curve_is_the_histogram),
        cmocka_unit_test(hostile_texts_are_only_texts),
        cmocka_unit_test(a_void_run_stands_out),
        cmocka_unit_test(an_empty_run_has_a_page),
        cmocka_unit_test(what_ends_late_is_behind_a_mark),
        cmocka_unit_test(a_long_run_has_fewer_points),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
