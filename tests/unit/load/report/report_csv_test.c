#include <math.h>
#include <stdlib.h>

#include "tests/harness/test.h"
#include "tests/load/report/report.h"
#include "tests/unit/load/report/sample.h"

static double number(struct qn_str *row)
{
    struct qn_str field;
    char text[32], *end;
    assert_true(qn_str_next(row, ',', &field));
    snprintf(text, sizeof text, "%.*s", QN_STR_ARG(field));
    double value = strtod(text, &end);
    assert_true(end > text && *end == '\0');
    return value;
}

/* Microseconds with three digits behind the point are nanoseconds. */
static void assert_time(struct qn_str *row, uint64_t ns)
{
    assert_int_equal((uint64_t)llround(number(row) * 1e3), ns);
}

static void every_second_is_a_row(void **state)
{
    (void)state;
    static struct load_result r;
    size_t len;
    sample_result(&r);
    char *text = sample_report(load_report_csv, &r, &len);
    struct qn_str rest = qn_str_n(text, len), row, field;
    assert_true(qn_str_next(&rest, '\n', &row));
    assert_str(row, "second,started,ended,errors,p50_us,p99_us,max_us,in_flight,lag_us,connections");
    for (size_t i = 0; i < r.n_seconds; i++) {
        const struct load_second *second = &r.seconds[i];
        assert_true(qn_str_next(&rest, '\n', &row));
        assert_true(number(&row) == (double)i);
        assert_true(number(&row) == (double)second->started);
        assert_true(number(&row) == (double)second->ended);
        assert_true(number(&row) == (double)second->errors);
        assert_time(&row, second->p50_ns);
        assert_time(&row, second->p99_ns);
        assert_time(&row, second->max_ns);
        assert_true(number(&row) == second->in_flight);
        assert_time(&row, second->lag_ns);
        if (second->connections < 0) {
            assert_true(qn_str_next(&row, ',', &field) && field.len == 0); /* not watched then */
            assert_true(i < 2);
        } else
            assert_true(number(&row) == second->connections);
        assert_false(qn_str_next(&row, ',', &field));
    }
    /* The last line has its end, too, and nothing stands behind it. */
    assert_true(qn_str_next(&rest, '\n', &row) && row.len == 0 && !qn_str_next(&rest, '\n', &row));
    load_result_fini(&r);
    free(text);
}

static void without_seconds_there_is_the_header_alone(void **state)
{
    (void)state;
    static struct load_result r;
    size_t len;
    load_result_init(&r);
    char *text = sample_report(load_report_csv, &r, &len);
    assert_string_equal(text,
                        "second,started,ended,errors,p50_us,p99_us,max_us,in_flight,lag_us,connections\n");
    load_result_fini(&r);
    free(text);
}

/* So that a spreadsheet shows no commas of a method's name as columns: no foreign text stands in it. */
static void foreign_texts_stay_out(void **state)
{
    (void)state;
    static struct load_result r;
    size_t plain_len, hostile_len;
    sample_result(&r);
    char *plain = sample_report(load_report_csv, &r, &plain_len);
    sample_make_hostile(&r);
    char *hostile = sample_report(load_report_csv, &r, &hostile_len);
    assert_string_equal(plain, hostile);
    load_result_fini(&r);
    free(plain);
    free(hostile);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_second_is_a_row),
        cmocka_unit_test(without_seconds_there_is_the_header_alone),
        cmocka_unit_test(foreign_texts_stay_out),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
