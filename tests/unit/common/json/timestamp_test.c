#include "common/core/check.h"
#include "common/json/timestamp.h"
#include "tests/harness/test.h"

static void texts_become_seconds_and_nanoseconds(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        int64_t seconds;
        int32_t nanos;
    } cases[] = {
        {"1970-01-01T00:00:00Z", 0, 0},
        {"2026-11-23T04:15:56.937Z", 1795407356, 937000000},
        {"2026-11-23T04:15:56.5Z", 1795407356, 500000000},
        {"2026-11-23T04:15:56.000000001Z", 1795407356, 1},
        {"2026-11-23T04:15:56.123456789+05:30", 1795387556, 123456789},
        {"2026-11-23T04:15:56-00:30", 1795409156, 0},
        {"1969-12-31T23:59:59.999999999Z", -1, 999999999}, /* nanoseconds count forward, also before 1970 */
        {"1969-12-31T23:59:59Z", -1, 0},
        {"0001-01-01T00:00:00Z", -62135596800, 0},
        {"9999-12-31T23:59:59.999999999Z", 253402300799, 999999999},
        {"2024-02-29T00:00:00Z", 1709164800, 0},
    };
    for (size_t i = 0; i < QN_COUNT(cases); i++) {
        int64_t seconds;
        int32_t nanos;
        if (!qn_timestamp_parse(qn_str_c(cases[i].text), &seconds, &nanos))
            fail_msg("%s is refused", cases[i].text);
        assert_int_equal(seconds, cases[i].seconds);
        assert_int_equal(nanos, cases[i].nanos);
    }
}

static void what_is_no_time_is_refused(void **state)
{
    (void)state;
    static const char *const texts[] = {
        "",
        "2026-11-23",
        "2026-11-23T04:15:56",
        "2026-11-23 04:15:56Z",
        "2026-11-23t04:15:56Z", /* RFC 3339 leaves it open; protobuf's conformance tests refuse it */
        "2026-11-23T04:15:56z",
        "2026-11-23T04:15:56.Z",
        "2026-11-23T04:15:56.1234567890Z",
        "2026-11-23T04:15:56+0530",
        "2026-02-29T00:00:00Z",
        "2026-11-23T24:00:00Z",
        "2026-11-23T04:15:60Z",
        "2026-13-01T00:00:00Z",
        "0000-12-31T23:59:59Z",
        "0001-01-01T00:00:00+00:01",
        "9999-12-31T23:59:59-00:01",
        "10000-01-01T00:00:00Z",
        "2026-11-23T04:15:56Z ",
        " 2026-11-23T04:15:56Z",
        "1795407356",
    };
    for (size_t i = 0; i < QN_COUNT(texts); i++) {
        int64_t seconds;
        int32_t nanos;
        if (qn_timestamp_parse(qn_str_c(texts[i]), &seconds, &nanos))
            fail_msg("\"%s\" is taken", texts[i]);
    }
}

static void fractions_are_as_short_as_threes_allow(void **state)
{
    (void)state;
    static const struct {
        int64_t seconds;
        int32_t nanos;
        const char *text;
    } cases[] = {
        {0, 0, "1970-01-01T00:00:00Z"},
        {1795407356, 937000000, "2026-11-23T04:15:56.937Z"},
        {1795407356, 500000000, "2026-11-23T04:15:56.500Z"},
        {1795407356, 1000, "2026-11-23T04:15:56.000001Z"},
        {1795407356, 10, "2026-11-23T04:15:56.000000010Z"},
        {-1, 999999999, "1969-12-31T23:59:59.999999999Z"},
        {-62135596800, 0, "0001-01-01T00:00:00Z"},
        {253402300799, 999999999, "9999-12-31T23:59:59.999999999Z"},
    };
    for (size_t i = 0; i < QN_COUNT(cases); i++) {
        char text[QN_TIMESTAMP_TEXT_MAX];
        assert_int_equal(qn_timestamp_format(cases[i].seconds, cases[i].nanos, text), strlen(cases[i].text));
        assert_string_equal(text, cases[i].text);
    }
}

static void numbers_out_of_range_have_no_text(void **state)
{
    (void)state;
    char text[QN_TIMESTAMP_TEXT_MAX];
    assert_int_equal(qn_timestamp_format(-62135596801, 0, text), 0);
    assert_int_equal(qn_timestamp_format(253402300800, 0, text), 0);
    assert_int_equal(qn_timestamp_format(INT64_MIN, 0, text), 0);
    assert_int_equal(qn_timestamp_format(INT64_MAX, 0, text), 0);
    assert_int_equal(qn_timestamp_format(0, -1, text), 0);
    assert_int_equal(qn_timestamp_format(0, 1000000000, text), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(texts_become_seconds_and_nanoseconds),
        cmocka_unit_test(what_is_no_time_is_refused),
        cmocka_unit_test(fractions_are_as_short_as_threes_allow),
        cmocka_unit_test(numbers_out_of_range_have_no_text),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
