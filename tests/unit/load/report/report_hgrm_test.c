#include <math.h>
#include <stdlib.h>

#include "tests/harness/test.h"
#include "tests/load/report/report.h"
#include "tests/unit/load/report/sample.h"

/* A row as the plotter of HdrHistogram takes it: trimmed, cut at blanks; the lines whose first character is
 * no
 * '#' and that have three (the last) or four columns. */
static int columns_of(struct qn_str line, double ret_columns[4])
{
    struct qn_str rest = qn_str_trim(line), word;
    int count = 0;
    while (qn_str_next(&rest, ' ', &word)) {
        char text[64], *end;
        if (word.len == 0)
            continue;
        snprintf(text, sizeof text, "%.*s", QN_STR_ARG(word));
        assert_true(count < 4);
        ret_columns[count] = strtod(text, &end);
        if (end == text || *end)
            return 0; /* the header */
        count++;
    }
    return count;
}

static double footer_of(const char *text, const char *name)
{
    const char *at = strstr(text, name);
    assert_non_null(at);
    at = strchr(at, '=');
    assert_non_null(at);
    return strtod(at + 1, NULL);
}

static void rows_are_the_histogram(void **state)
{
    (void)state;
    static struct load_result r;
    size_t len, place = 0, rows = 0;
    uint64_t upper, count, seen = 0;
    sample_result(&r);
    char *text = sample_report(load_report_hgrm, &r, &len);
    struct qn_str rest = qn_str_n(text, len), line;
    assert_true(qn_str_next(&rest, '\n', &line));
    assert_str(line, "       Value     Percentile TotalCount 1/(1-Percentile)");
    assert_true(qn_str_next(&rest, '\n', &line) && line.len == 0);
    while (qn_str_next(&rest, '\n', &line) && !qn_str_starts(line, QN_STR("#"))) {
        double columns[4];
        int n = columns_of(line, columns);
        assert_true(load_hist_next(&r.latency, &place, &upper, &count));
        seen += count;
        rows++;
        bool is_last = seen == r.latency.count;
        assert_int_equal(n, is_last ? 3 : 4);
        /* Milliseconds to the nanosecond. */
        assert_int_equal(llround(columns[0] * 1e6), is_last ? r.latency.max_ns : upper);
        assert_true(columns[2] == (double)seen);
        assert_true(fabs(columns[1] - (double)seen / (double)r.latency.count) < 1e-11);
        if (!is_last)
            assert_true(fabs(columns[3] - 1 / (1 - columns[1])) <= 0.006 + columns[3] * 1e-6);
        /* The histogram itself says so at that percentile. */
        uint64_t at = load_hist_at(&r.latency, (double)seen / (double)r.latency.count);
        assert_int_equal(is_last ? at : load_hist_upper(at), is_last ? r.latency.max_ns : upper);
    }
    assert_int_equal(seen, r.latency.count);
    assert_true(rows > 100);
    assert_int_equal(llround(footer_of(text, "#[Max ") * 1e6), r.latency.max_ns);
    assert_true(footer_of(text, "Total count") == (double)r.latency.count);
    assert_true(fabs(footer_of(text, "#[Mean ") * 1e6 - load_hist_mean_ns(&r.latency)) <= 1);
    assert_true(fabs(footer_of(text, "StdDeviation") * 1e6 - load_hist_deviation_ns(&r.latency)) <= 1);
    load_result_fini(&r);
    free(text);
}

static void an_empty_run_has_no_rows(void **state)
{
    (void)state;
    static struct load_result r;
    size_t len;
    load_result_init(&r);
    char *text = sample_report(load_report_hgrm, &r, &len);
    assert_true(footer_of(text, "Total count") == 0);
    assert_true(footer_of(text, "#[Mean ") == 0);
    assert_null(strstr(text, "nan"));
    load_result_fini(&r);
    free(text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rows_are_the_histogram),
        cmocka_unit_test(an_empty_run_has_no_rows),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
