#include <string.h>

#include "common/app/config_units.h"
#include "common/core/check.h"
#include "tests/harness/test.h"

static void test_durations(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        int64_t ms; /* -1: refused */
    } cases[] = {
        {"0", 0},
        {"0s", 0},
        {"250ms", 250},
        {"2s", 2000},
        {"5m", 300000},
        {"1h", 3600000},
        {"7d", 604800000},
        {"007s", 7000},
        {"", -1},
        {"s", -1},
        {"5", -1},
        {"5 s", -1},
        {"+5s", -1},
        {"-5s", -1},
        {"5S", -1},
        {"5sec", -1},
        {"1h30m", -1},
        {"1e3ms", -1},
        {"9223372036854775807ms", INT64_MAX},
        {"9223372036854775807s", -1},
        {"99999999999999999999ms", -1},
    };
    for (size_t i = 0; i < QN_COUNT(cases); i++) {
        int64_t ms = -1;
        bool good = qn_config_units_duration(qn_str_c(cases[i].text), &ms);
        if (good != (cases[i].ms >= 0) || (good && ms != cases[i].ms))
            fail_msg("\"%s\": %d %lld", cases[i].text, good, (long long)ms);
    }
}

static void test_sizes(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        int64_t bytes;
    } cases[] = {
        {"0", 0},         {"512", 512},      {"512B", 512},
        {"64KiB", 65536}, {"1MiB", 1048576}, {"2GiB", 2147483648},
        {"1KB", -1},      {"1kib", -1},      {"1 KiB", -1},
        {"", -1},         {"KiB", -1},       {"9223372036854775807KiB", -1},
    };
    for (size_t i = 0; i < QN_COUNT(cases); i++) {
        int64_t bytes = -1;
        bool good = qn_config_units_size(qn_str_c(cases[i].text), &bytes);
        if (good != (cases[i].bytes >= 0) || (good && bytes != cases[i].bytes))
            fail_msg("\"%s\": %d %lld", cases[i].text, good, (long long)bytes);
    }
}

/* What is shown as a limit must be what may be given. */
static void test_texts_read_back(void **state)
{
    (void)state;
    static const int64_t values[] = {0,     1,     999,     1000,     1024,    60000,
                                     90000, 65536, 3600000, 86400000, 1 << 20, INT64_MAX};
    for (size_t i = 0; i < QN_COUNT(values); i++) {
        char room[QN_UNITS_TEXT_MAX];
        int64_t back = -1;
        assert_true(
            qn_config_units_duration(qn_str_c(qn_config_units_duration_text(values[i], room)), &back));
        assert_int_equal(back, values[i]);
        assert_true(qn_config_units_size(qn_str_c(qn_config_units_size_text(values[i], room)), &back));
        assert_int_equal(back, values[i]);
    }
    char room[QN_UNITS_TEXT_MAX];
    assert_string_equal(qn_config_units_duration_text(90000, room), "90s");
    assert_string_equal(qn_config_units_duration_text(120000, room), "2m");
    assert_string_equal(qn_config_units_size_text(1536, room), "1536B");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_durations),
        cmocka_unit_test(test_sizes),
        cmocka_unit_test(test_texts_read_back),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
