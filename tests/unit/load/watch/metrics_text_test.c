#include <math.h>
#include <stdio.h>

#include "tests/harness/test.h"
#include "tests/load/watch/metrics_text.h"

static struct load_metrics_text text;
static struct load_metrics_sample sample;

static void begin(const char *bytes)
{
    text = (struct load_metrics_text){.rest = qn_str_c(bytes)};
}

static void expect(const char *name, const char *series, double value)
{
    assert_true(load_metrics_text_next(&text, &sample));
    assert_str(sample.name, name);
    assert_str(sample.series, series);
    if (isnan(value))
        assert_true(isnan(sample.value));
    else
        assert_true(sample.value == value);
}

static void expect_end(void)
{
    assert_false(load_metrics_text_next(&text, &sample));
    assert_null(text.problem);
}

static void test_reads(void **state)
{
    (void)state;
    begin("# HELP up Whether it is up\n"
          "# TYPE up gauge\n"
          "up 1\n"
          "\n"
          "http_requests_total{method=\"post\",code=\"200\"} 1027 1395066363000\n"
          "a:b_c{}\t-3.5e-3\n"
          "  escaped { path = \"C:\\\\DIR\\\\}\\\"{\" , } +Inf\n"
          "low -Inf\n"
          "none NaN -1");
    expect("up", "up", 1);
    expect("http_requests_total", "http_requests_total{method=\"post\",code=\"200\"}", 1027);
    expect("a:b_c", "a:b_c{}", -0.0035);
    expect("escaped", "escaped { path = \"C:\\\\DIR\\\\}\\\"{\" , }", INFINITY);
    expect("low", "low", -INFINITY);
    expect("none", "none", NAN);
    expect_end();
    begin("");
    expect_end();
    begin("\n\n# nothing\n");
    expect_end();
}

static void test_refuses(void **state)
{
    (void)state;
    static const char *const cases[] = {
        "1up 1",
        "up",
        "up one",
        "up 1 soon",
        "up 1 2 3",
        "up-time 1",
        "up{ 1",
        "up{a} 1",
        "up{a=b} 1",
        "up{a=\"b} 1",
        "up{a=\"b\"",
        "up{a=\"b\" c=\"d\"} 1",
        "up{a=\"b\\\"} 1",
        "up{1=\"b\"} 1",
        "up{,} 1",
        "up 0x10",
        "up nan",
        "up 1e",
        "<html>",
        "up{a=\"b\"}",
        "up 1111111111111111111111111111111111111111111111111111111111111111111",
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char bytes[256];
        snprintf(bytes, sizeof bytes, "fine 1\n%s\nfine 2\n", cases[i]);
        begin(bytes);
        expect("fine", "fine", 1);
        if (load_metrics_text_next(&text, &sample))
            fail_msg("\"%s\" was taken", cases[i]);
        assert_non_null(text.problem);
        assert_int_equal(text.line, 2);
        assert_false(load_metrics_text_next(&text, &sample)); /* and it stays so */
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_reads), cmocka_unit_test(test_refuses)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
