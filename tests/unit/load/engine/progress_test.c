#include "tests/harness/test.h"
#include "tests/load/engine/progress.h"

static struct qn_buf text;

static const char *line(const struct load_live *live, const struct load_live *before, double took_s,
                        const char *label)
{
    qn_buf_clear(&text);
    load_progress_text(&text, live, before, took_s, label);
    return text.data;
}

static void test_text(void **state)
{
    (void)state;
    qn_buf_init(&text, 1024);
    const struct load_live before = {.ended = 1000}, live = {.ended = 2250,
                                                             .errors = 3,
                                                             .p50_ns = 840000,
                                                             .p99_ns = 12100000,
                                                             .left_ms = 6001};
    assert_string_equal(line(&live, &before, 0.25, NULL),
                        "5,000/s  p50 840 µs  p99 12.1 ms  errors 3  7 s left");
    const struct load_live warm = {.warming_up = true, .left_ms = 1};
    assert_string_equal(line(&warm, &warm, 0.25, "trying 8/s"),
                        "trying 8/s: warming up  0/s  p50 0 ns  p99 0 ns  errors 0  1 s left");
    const struct load_live last = {.ended = 9, .in_flight = 12};
    assert_string_equal(line(&last, &last, 0, NULL),
                        "0/s  p50 0 ns  p99 0 ns  errors 0  waiting for the last 12");
    qn_buf_fini(&text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_text)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
