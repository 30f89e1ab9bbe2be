#include <math.h>
#include <stdio.h>
#include <string.h>

#include "common/core/check.h"
#include "common/core/metric.h"
#include "tests/harness/dies.h"
#include "tests/harness/test.h"

static int forget(void **state)
{
    (void)state;
    qn_metric_reset();
    return 0;
}

static void assert_rendered(const char *should_be)
{
    struct qn_buf buf;
    qn_buf_init(&buf, 1024 * 1024);
    qn_metric_render(&buf);
    assert_false(qn_buf_failed(&buf));
    assert_str(qn_buf_view(&buf), should_be);
    qn_buf_fini(&buf);
}

static void test_counters_and_gauges(void **state)
{
    (void)state;
    static struct qn_metric calls = {
        .name = "test_calls_total", .help = "Calls.", .kind = QN_COUNTER, .labels = {"method", "code"}};
    static struct qn_metric busy = {.name = "test_busy", .help = "How many\nare \\busy.", .kind = QN_GAUGE};
    assert_rendered("");

    struct qn_series *ok = qn_metric_series(&calls, "Get", "ok", NULL);
    struct qn_series *lost = qn_metric_series(&calls, "Get", "unknown", NULL);
    qn_metric_add(ok, 1);
    qn_metric_add(ok, 2);
    qn_metric_add(lost, 0.5);
    qn_metric_set(qn_metric_series(&busy, NULL, NULL, NULL), 7);
    qn_metric_set(qn_metric_series(&busy, NULL, NULL, NULL), -3);
    assert_ptr_equal(qn_metric_series(&calls, "Get", "ok", NULL), ok);
    /* In order of name, whatever was used first. */
    assert_rendered("# HELP test_busy How many\\nare \\\\busy.\n"
                    "# TYPE test_busy gauge\n"
                    "test_busy -3\n"
                    "# HELP test_calls_total Calls.\n"
                    "# TYPE test_calls_total counter\n"
                    "test_calls_total{method=\"Get\",code=\"ok\"} 3\n"
                    "test_calls_total{method=\"Get\",code=\"unknown\"} 0.5\n");
}

static void test_a_histogram_counts_from_below(void **state)
{
    (void)state;
    static const double bounds[] = {1, 2.5, 10};
    static struct qn_metric sizes = {.name = "test_sizes",
                                     .help = "Sizes.",
                                     .kind = QN_HISTOGRAM,
                                     .labels = {"kind"},
                                     .bounds = bounds,
                                     .n_bounds = QN_COUNT(bounds)};
    struct qn_series *series = qn_metric_series(&sizes, "a", NULL, NULL);
    static const double values[] = {0, 1, 1.5, 2.5, 10, 11, 100};
    for (size_t i = 0; i < QN_COUNT(values); i++)
        qn_metric_observe(series, values[i]);
    assert_rendered("# HELP test_sizes Sizes.\n"
                    "# TYPE test_sizes histogram\n"
                    "test_sizes_bucket{kind=\"a\",le=\"1\"} 2\n"
                    "test_sizes_bucket{kind=\"a\",le=\"2.5\"} 4\n"
                    "test_sizes_bucket{kind=\"a\",le=\"10\"} 5\n"
                    "test_sizes_bucket{kind=\"a\",le=\"+Inf\"} 7\n"
                    "test_sizes_sum{kind=\"a\"} 126\n"
                    "test_sizes_count{kind=\"a\"} 7\n");
}

static void test_seconds_without_bounds_of_their_own(void **state)
{
    (void)state;
    static struct qn_metric seconds = {.name = "test_seconds", .help = "Time.", .kind = QN_HISTOGRAM};
    qn_metric_observe(qn_metric_series(&seconds, NULL, NULL, NULL), 0.003);
    struct qn_buf buf;
    qn_buf_init(&buf, 10000);
    qn_metric_render(&buf);
    const char *text = qn_buf_view(&buf).ptr;
    assert_non_null(strstr(text, "test_seconds_bucket{le=\"0.0001\"} 0\n"));
    assert_non_null(strstr(text, "test_seconds_bucket{le=\"0.0025\"} 0\n"));
    assert_non_null(strstr(text, "test_seconds_bucket{le=\"0.005\"} 1\n"));
    assert_non_null(strstr(text, "test_seconds_bucket{le=\"30\"} 1\n"));
    assert_non_null(strstr(text, "test_seconds_sum 0.003\n"));
    qn_buf_fini(&buf);
}

static void test_label_values_are_escaped_cleaned_and_cut(void **state)
{
    (void)state;
    static struct qn_metric metric = {.name = "test_l", .help = "L.", .kind = QN_COUNTER, .labels = {"l"}};
    qn_metric_add(qn_metric_series(&metric, "a\"b\\c\nd", NULL, NULL), 1);
    qn_metric_add(qn_metric_series(&metric, "bad\xff", NULL, NULL), 1);
    qn_metric_add(qn_metric_series(&metric, "bad\xfe", NULL, NULL), 1); /* the same once cleaned */
    char cut[200];
    memset(cut, 'x', sizeof cut);
    memcpy(cut + 119, "\xc3\xa9", 2); /* across the limit of 120 bytes: goes whole */
    cut[sizeof cut - 1] = '\0';
    struct qn_series *series = qn_metric_series(&metric, cut, NULL, NULL);
    assert_ptr_equal(qn_metric_series(&metric, cut, NULL, NULL), series);
    char should_be[512];
    snprintf(should_be, sizeof should_be,
             "# HELP test_l L.\n# TYPE test_l counter\n"
             "test_l{l=\"a\\\"b\\\\c\\nd\"} 1\n"
             "test_l{l=\"bad?\"} 2\n"
             "test_l{l=\"%.119s\"} 0\n",
             cut);
    assert_rendered(should_be);
}

/* A peer that invents a method a second must not fill the memory. */
static void test_series_have_a_ceiling(void **state)
{
    (void)state;
    static struct qn_metric metric = {
        .name = "test_many", .help = "Many.", .kind = QN_COUNTER, .labels = {"a", "b"}};
    struct qn_series *last = NULL;
    for (int i = 0; i < 1000; i++) {
        char value[16];
        snprintf(value, sizeof value, "v%d", i);
        last = qn_metric_series(&metric, value, "same", NULL);
        qn_metric_add(last, 1);
    }
    assert_int_equal(metric.n_series, QN_METRIC_SERIES_MAX);
    assert_string_equal(last->values[0], "other");
    assert_string_equal(last->values[1], "other");
    assert_true(last->value == 1000 - (QN_METRIC_SERIES_MAX - 1));
    struct qn_series *early = qn_metric_series(&metric, "v5", "same", NULL);
    assert_string_equal(early->values[0], "v5"); /* those made before stay their own */
}

static void test_numbers_are_written_short_and_exact(void **state)
{
    (void)state;
    static struct qn_metric metric = {.name = "test_n", .help = "N.", .kind = QN_GAUGE};
    struct qn_series *series = qn_metric_series(&metric, NULL, NULL, NULL);
    static const struct {
        double number;
        const char *text;
    } numbers[] = {
        {0.1, "0.1"},
        {1e15, "1e+15"},
        {123456789012, "123456789012"},
        {1.0 / 3, "0.33333333333333331"},
        {INFINITY, "+Inf"},
        {-INFINITY, "-Inf"},
        {NAN, "NaN"},
    };
    for (size_t i = 0; i < QN_COUNT(numbers); i++) {
        char should_be[128];
        qn_metric_set(series, numbers[i].number);
        snprintf(should_be, sizeof should_be, "# HELP test_n N.\n# TYPE test_n gauge\ntest_n %s\n",
                 numbers[i].text);
        assert_rendered(should_be);
    }
}

static void use_wrong_labels(void *context)
{
    qn_metric_series(context, "one", NULL, NULL);
}

static void use_name_twice(void *context)
{
    struct qn_metric other = *(struct qn_metric *)context;
    qn_metric_series(context, NULL, NULL, NULL);
    qn_metric_series(&other, NULL, NULL, NULL);
}

static void test_misuse_is_told_on_the_spot(void **state)
{
    (void)state;
    static struct qn_metric metric = {.name = "test_none", .help = "None.", .kind = QN_COUNTER};
    assert_dies(use_wrong_labels, &metric, "i < n_labels");
    assert_dies(use_name_twice, &metric, "strcmp");
}

static void test_reset_forgets(void **state)
{
    (void)state;
    static struct qn_metric metric = {.name = "test_r", .help = "R.", .kind = QN_COUNTER};
    qn_metric_add(qn_metric_series(&metric, NULL, NULL, NULL), 5);
    qn_metric_reset();
    assert_rendered("");
    qn_metric_add(qn_metric_series(&metric, NULL, NULL, NULL), 1);
    assert_rendered("# HELP test_r R.\n# TYPE test_r counter\ntest_r 1\n");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(test_counters_and_gauges, forget),
        cmocka_unit_test_teardown(test_a_histogram_counts_from_below, forget),
        cmocka_unit_test_teardown(test_seconds_without_bounds_of_their_own, forget),
        cmocka_unit_test_teardown(test_label_values_are_escaped_cleaned_and_cut, forget),
        cmocka_unit_test_teardown(test_series_have_a_ceiling, forget),
        cmocka_unit_test_teardown(test_numbers_are_written_short_and_exact, forget),
        cmocka_unit_test_teardown(test_misuse_is_told_on_the_spot, forget),
        cmocka_unit_test_teardown(test_reset_forgets, forget),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
