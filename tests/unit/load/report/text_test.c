#include "common/core/check.h"
#include "tests/harness/test.h"
#include "tests/load/report/text.h"

static void durations_have_three_digits(void **state)
{
    (void)state;
    static const struct {
        double ns;
        const char *text;
    } cases[] = {
        {0, "0 ns"},
        {0.4, "0 ns"},
        {-5, "0 ns"},
        {1, "1 ns"},
        {999, "999 ns"},
        {999.5, "1.00 µs"},
        {1000, "1.00 µs"},
        {9994, "9.99 µs"},
        {9995, "10.0 µs"},
        {99949, "99.9 µs"},
        {99950, "100 µs"},
        {842000, "842 µs"},
        {999499, "999 µs"},
        {999500, "1.00 ms"},
        {1.21e6, "1.21 ms"},
        {12.4e6, "12.4 ms"},
        {2e9, "2.00 s"},
        {119.4e9, "119 s"},
        {119.5e9, "2 min 0 s"},
        {123e9, "2 min 3 s"},
        {3599.6e9, "60 min 0 s"},
    };
    char text[LOAD_TEXT_MAX];
    for (size_t i = 0; i < QN_COUNT(cases); i++)
        assert_string_equal(load_text_duration(text, cases[i].ns), cases[i].text);
    assert_string_equal(load_text_span(text, 0), "0 s");
    assert_string_equal(load_text_span(text, 10000), "10 s");
    assert_string_equal(load_text_span(text, 1500), "1.5 s");
    assert_string_equal(load_text_span(text, 250), "250 ms");
    assert_string_equal(load_text_span(text, 90000), "90 s");
    assert_string_equal(load_text_span(text, 0.2), "200 µs");
    assert_string_equal(load_text_span(text, 1.5), "1.5 ms");
}

static void counts_and_rates_have_groups(void **state)
{
    (void)state;
    char text[LOAD_TEXT_MAX];
    assert_string_equal(load_text_count(text, 0), "0");
    assert_string_equal(load_text_count(text, 999), "999");
    assert_string_equal(load_text_count(text, 1000), "1,000");
    assert_string_equal(load_text_count(text, UINT64_MAX), "18,446,744,073,709,551,615");
    assert_string_equal(load_text_rate(text, 4998.2), "4,998/s");
    assert_string_equal(load_text_rate(text, 12.5), "12.5/s");
    assert_string_equal(load_text_rate(text, 0), "0/s");
    assert_string_equal(load_text_number(text, -1234567), "-1,234,567");
    assert_string_equal(load_text_number(text, 0.001), "0.001");
    assert_string_equal(load_text_number(text, 99.96), "100");
    assert_string_equal(load_text_number(text, 1e300), "1e+300");
    assert_string_equal(load_text_number(text, -1e300), "-1e+300");
    assert_string_equal(load_text_number(text, 0.0 / 0.0), "?");
    assert_string_equal(load_text_quantile(text, 0.5), "p50");
    assert_string_equal(load_text_quantile(text, 0.999), "p99.9");
}

/* Neither must nearly all look like all, nor nearly none like none. */
static void shares_tell_nearly_all_from_all(void **state)
{
    (void)state;
    char text[LOAD_TEXT_MAX];
    assert_string_equal(load_text_share(text, 0), "0%");
    assert_string_equal(load_text_share(text, 0.5), "50%");
    assert_string_equal(load_text_share(text, 0.0166), "1.66%");
    assert_string_equal(load_text_share(text, 0.00004), "0.004%");
    assert_string_equal(load_text_share(text, 1e-12), "0.0001%");
    assert_string_equal(load_text_share(text, 1), "100%");
    assert_string_equal(load_text_share(text, 0.99998), "99.998%");
    assert_string_equal(load_text_share(text, 0.9999999), "99.9999%");
    assert_string_equal(load_text_share(text, 0.9966), "99.66%");
    assert_string_equal(load_text_share(text, 1.02), "102%");
}

static void a_terminal_obeys_nothing_in_foreign_text(void **state)
{
    (void)state;
    struct qn_buf to;
    qn_buf_init(&to, 1024);
    load_text_clean(&to, "a\x1b[31m\r\n\x7f\xff µ \xc2\x9b"
                         "1m \xe2\x80\xae!");
    assert_string_equal(to.data, "a\\x1b[31m\\x0d\\x0a\\x7f\\xff µ \\xc2\\x9b1m \\xe2\\x80\\xae!");
    qn_buf_clear(&to);
    load_text_clean(&to, "");
    load_text_clean(&to, NULL);
    assert_int_equal(to.len, 0);
    qn_buf_fini(&to);
}

static void columns_count_code_points(void **state)
{
    (void)state;
    struct qn_buf to;
    qn_buf_init(&to, 1024);
    assert_int_equal(load_text_width("842 µs"), 6);
    load_text_right(&to, "842 µs", 8);
    load_text_left(&to, "µ", 3);
    load_text_right(&to, "longer", 2);
    assert_string_equal(to.data, "  842 µsµ  longer");
    qn_buf_fini(&to);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(durations_have_three_digits),
        cmocka_unit_test(counts_and_rates_have_groups),
        cmocka_unit_test(shares_tell_nearly_all_from_all),
        cmocka_unit_test(a_terminal_obeys_nothing_in_foreign_text),
        cmocka_unit_test(columns_count_code_points),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
