#include <time.h>

#include "common/core/check.h"
#include "common/core/clock.h"
#include "tests/harness/dies.h"
#include "tests/harness/test.h"

static void test_clocks_go_forward_together(void **state)
{
    (void)state;
    uint64_t us_before = qn_clock_now_us();
    uint64_t ms = qn_clock_now_ms();
    uint64_t us_after = qn_clock_now_us();
    assert_true(ms != 0);
    assert_true(us_before / 1000 <= ms && ms <= us_after / 1000);

    int64_t wall_before = (int64_t)time(NULL);
    int64_t wall_ms = qn_clock_wall_ms();
    assert_true(wall_ms >= wall_before * 1000 && wall_ms / 1000 <= (int64_t)time(NULL));
}

static void test_what_is_left_of_a_deadline(void **state)
{
    (void)state;
    assert_int_equal(qn_clock_left_ms(1), 0);
    assert_int_equal(qn_clock_left_ms(qn_clock_now_ms()), 0);
    uint64_t left = qn_clock_left_ms(qn_clock_now_ms() + 1000000);
    assert_true(left <= 1000000 && left > 0);
    assert_true(qn_clock_left_ms(UINT64_MAX) > 0);
}

static const struct {
    int64_t wall_ms;
    const char *text;
} instants[] = {
    {0, "1970-01-01T00:00:00.000Z"},
    {-1, "1969-12-31T23:59:59.999Z"},
    {951782400000, "2000-02-29T00:00:00.000Z"},   /* a leap year, by 400 */
    {-2203891200001, "1900-02-28T23:59:59.999Z"}, /* none, by 100 */
    {-2203891200000, "1900-03-01T00:00:00.000Z"},
    {1795407356937, "2026-11-23T04:15:56.937Z"},
    {253402300799999, "9999-12-31T23:59:59.999Z"},
    {-62167219200000, "0000-01-01T00:00:00.000Z"},
};

static void test_instants_as_text_and_back(void **state)
{
    (void)state;
    for (size_t i = 0; i < QN_COUNT(instants); i++) {
        char text[QN_TIME_TEXT_LEN + 1];
        int64_t wall_ms;
        qn_time_format(instants[i].wall_ms, text);
        assert_string_equal(text, instants[i].text);
        assert_true(qn_time_parse(qn_str_c(instants[i].text), &wall_ms));
        assert_true(wall_ms == instants[i].wall_ms);
    }
}

/* Against the C library's calendar, one day after another for 400 years. */
static void test_every_day_of_an_era(void **state)
{
    (void)state;
    for (int64_t day = -200 * 366; day < 200 * 366; day++) {
        time_t seconds = (time_t)(day * 86400 + 43200);
        struct tm tm;
        gmtime_r(&seconds, &tm);
        struct qn_date date = qn_date_of((int64_t)seconds * 1000);
        if (date.year != tm.tm_year + 1900 || date.month != tm.tm_mon + 1 || date.day != tm.tm_mday)
            fail_msg("day %lld", (long long)day);
        char text[QN_TIME_TEXT_LEN + 1];
        int64_t again;
        qn_time_format((int64_t)seconds * 1000, text);
        if (!qn_time_parse(qn_str_c(text), &again) || again != (int64_t)seconds * 1000)
            fail_msg("%s", text);
    }
}

static void format_out_of_range(void *context)
{
    char text[QN_TIME_TEXT_LEN + 1];
    qn_time_format(*(int64_t *)context, text);
}

static void test_years_of_five_digits_are_a_broken_contract(void **state)
{
    (void)state;
    int64_t after = 253402300800000, before = -62167219200001;
    assert_dies(format_out_of_range, &after, "WALL_MAX_MS");
    assert_dies(format_out_of_range, &before, "WALL_MIN_MS");
}

static void test_other_forms_of_an_instant(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        int64_t wall_ms;
    } good[] = {
        {"1970-01-01T00:00:00Z", 0},
        {"1970-01-01T00:00:00.5Z", 500},
        {"1970-01-01T00:00:00.123456789Z", 123},
        {"1970-01-01T00:00:00.000999999Z", 0}, /* cut, not rounded */
        {"1969-12-31T23:59:59.9999Z", -1},     /* the same before 1970 */
        {"1970-01-01T05:30:00+05:30", 0},
        {"1969-12-31T16:00:00-08:00", 0},
        {"1970-01-01T00:00:00-00:00", 0},
        {"1970-01-02T23:59:00+23:59", 86400000},
    };
    for (size_t i = 0; i < QN_COUNT(good); i++) {
        int64_t wall_ms;
        assert_true(qn_time_parse(qn_str_c(good[i].text), &wall_ms));
        assert_true(wall_ms == good[i].wall_ms);
    }
}

static void test_what_is_no_instant(void **state)
{
    (void)state;
    static const char *const bad[] = {
        "",
        "1970-01-01",
        "1970-01-01T00:00:00",
        "1970-01-01 00:00:00Z",
        "1970-01-01t00:00:00Z",
        "1970-01-01T00:00:00z",
        "1970-01-01T00:00:00.Z",
        "1970-01-01T00:00:00.1234567890Z",
        "1970-01-01T00:00:00,5Z",
        "1970-01-01T24:00:00Z",
        "1970-01-01T00:60:00Z",
        "1970-01-01T23:59:60Z",
        "1970-00-01T00:00:00Z",
        "1970-13-01T00:00:00Z",
        "1970-01-00T00:00:00Z",
        "1970-01-32T00:00:00Z",
        "1900-02-29T00:00:00Z",
        "2001-02-29T00:00:00Z",
        "1970-04-31T00:00:00Z",
        "70-01-01T00:00:00Z",
        "+1970-01-01T00:00:00Z",
        "19700-01-01T00:00:00Z",
        "1970-1-1T0:0:0Z",
        "1970-01-01T00:00:00ZZ",
        "1970-01-01T00:00:00+0530",
        "1970-01-01T00:00:00+05",
        "1970-01-01T00:00:00+24:00",
        "1970-01-01T00:00:00+05:60",
        "1970-01-01T00:00:00 Z",
        "0000-01-01T00:00:00+00:01", /* an instant in the year -1 */
        "9999-12-31T23:59:59-00:01", /* and one in the year 10000 */
    };
    for (size_t i = 0; i < QN_COUNT(bad); i++) {
        int64_t wall_ms;
        if (qn_time_parse(qn_str_c(bad[i]), &wall_ms))
            fail_msg("\"%s\" was taken", bad[i]);
    }
}

static void test_dates(void **state)
{
    (void)state;
    struct qn_date date;
    assert_true(qn_date_parse(QN_STR("2004-02-29"), &date));
    assert_int_equal(date.year, 2004);
    assert_int_equal(date.month, 2);
    assert_int_equal(date.day, 29);
    assert_true(qn_date_parse(QN_STR("0001-01-01"), &date));
    assert_true(qn_date_parse(QN_STR("9999-12-31"), &date));
    static const char *const bad[] = {
        "",           "0000-01-01",  "2003-02-29",  "2004-2-29",   "2004-02-30",
        "2004/02/29", "2004-02-29 ", " 2004-02-29", "2004-02-29T", "-004-02-29"};
    for (size_t i = 0; i < QN_COUNT(bad); i++)
        assert_false(qn_date_parse(qn_str_c(bad[i]), &date));
}

static int years(const char *birth, const char *today)
{
    struct qn_date from, to;
    assert_true(qn_date_parse(qn_str_c(birth), &from));
    assert_true(qn_date_parse(qn_str_c(today), &to));
    return qn_date_years(from, to);
}

/* Adults only: a day too early is a child let in. */
static void test_years_of_age(void **state)
{
    (void)state;
    assert_int_equal(years("2000-06-15", "2018-06-14"), 17);
    assert_int_equal(years("2000-06-15", "2018-06-15"), 18);
    assert_int_equal(years("2000-06-15", "2018-05-30"), 17);
    assert_int_equal(years("2000-06-15", "2018-07-01"), 18);
    assert_int_equal(years("2004-02-29", "2022-02-28"), 17);
    assert_int_equal(years("2004-02-29", "2022-03-01"), 18);
    assert_int_equal(years("2004-02-29", "2024-02-29"), 20);
    assert_int_equal(years("2018-06-15", "2018-06-15"), 0);
    assert_int_equal(years("2018-06-15", "2018-06-14"), -1);
    assert_int_equal(years("2020-01-01", "2018-06-15"), -2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_clocks_go_forward_together),
        cmocka_unit_test(test_what_is_left_of_a_deadline),
        cmocka_unit_test(test_instants_as_text_and_back),
        cmocka_unit_test(test_every_day_of_an_era),
        cmocka_unit_test(test_years_of_five_digits_are_a_broken_contract),
        cmocka_unit_test(test_other_forms_of_an_instant),
        cmocka_unit_test(test_what_is_no_instant),
        cmocka_unit_test(test_dates),
        cmocka_unit_test(test_years_of_age),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
