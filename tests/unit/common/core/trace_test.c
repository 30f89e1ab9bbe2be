#include "common/core/trace.h"
#include "tests/harness/test.h"

#define ID "4bf92f3577b34da6a3ce929d0e0e4736"

static void test_sound(void **state)
{
    (void)state;
    static const char *const sound[] = {
        "00-" ID "-00f067aa0ba902b7-01",
        "00-" ID "-00f067aa0ba902b7-00",
        "01-" ID "-00f067aa0ba902b7-ff",
        "cc-" ID "-00f067aa0ba902b7-01-what-the-future-will-be-like",
    };
    for (size_t i = 0; i < sizeof(sound) / sizeof(sound[0]); i++)
        assert_str(qn_trace_id(qn_str_c(sound[i])), ID);
}

static void test_not_sound(void **state)
{
    (void)state;
    static const char *const bad[] = {
        "",
        "00",
        ID,
        "00-" ID "-00f067aa0ba902b7-0",
        "00-" ID "-00f067aa0ba902b7-01-more", /* not of version 00 */
        "00-" ID "-00f067aa0ba902b7-01x",
        "cc-" ID "-00f067aa0ba902b7-01.more",
        "ff-" ID "-00f067aa0ba902b7-01",
        "0x-" ID "-00f067aa0ba902b7-01",
        "00-4BF92F3577B34DA6A3CE929D0E0E4736-00f067aa0ba902b7-01",
        "00-00000000000000000000000000000000-00f067aa0ba902b7-01",
        "00-" ID "-0000000000000000-01",
        "00_" ID "-00f067aa0ba902b7-01",
        "00-" ID "-00f067aa0ba902g7-01",
        "00-" ID "-00f067aa0ba902b7-0g",
    };
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        assert_int_equal(qn_trace_id(qn_str_c(bad[i])).len, 0);
    char wide[QN_TRACEPARENT_MAX + 2];
    memset(wide, 'a', sizeof(wide));
    memcpy(wide, "01-" ID "-00f067aa0ba902b7-01-", 56);
    assert_int_equal(qn_trace_id(qn_str_n(wide, QN_TRACEPARENT_MAX)).len, QN_TRACE_ID_LEN);
    assert_int_equal(qn_trace_id(qn_str_n(wide, QN_TRACEPARENT_MAX + 1)).len, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_sound),
        cmocka_unit_test(test_not_sound),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
