#include <float.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "common/core/check.h"
#include "common/json/number.h"
#include "tests/harness/test.h"

static void scan_takes_the_grammar_and_no_more(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        size_t len;
    } cases[] = {
        {"0", 1},   {"-0", 2},    {"10", 2},    {"01", 1},      {"-01", 2},   {"1.5", 3},   {"1.", 1},
        {".5", 0},  {"+1", 0},    {"-", 0},     {"", 0},        {"1e5", 3},   {"1E+05", 5}, {"1e-5", 4},
        {"1e", 1},  {"1e+", 1},   {"1.5e", 3},  {"1.e5", 1},    {"0e1", 3},   {"0.0", 3},   {"-a", 0},
        {"1 ", 1},  {"1,2", 1},   {"0x10", 1},  {"1.5.5", 3},   {"1e5.5", 3}, {"--1", 0},   {"Infinity", 0},
        {"NaN", 0}, {"1_000", 1}, {"1e5e5", 3}, {"-1.0E-0", 7},
    };
    for (size_t i = 0; i < QN_COUNT(cases); i++) {
        size_t len = qn_number_scan(qn_str_c(cases[i].text));
        if (len != cases[i].len)
            fail_msg("%s: %zu, not %zu", cases[i].text, len, cases[i].len);
    }
}

static void texts_become_the_nearest_double(void **state)
{
    (void)state;
    assert_true(qn_number_to_double("0.1") == 0.1);
    assert_true(qn_number_to_double("9007199254740993") == 9007199254740992.0);
    assert_true(qn_number_to_double("123456789012345") == 123456789012345.0);
    assert_true(qn_number_to_double("1234567890123456") == 1234567890123456.0);
    assert_true(qn_number_to_double("-12") == -12.0);
    assert_true(qn_number_to_double("1e999") == (double)INFINITY);
    assert_true(qn_number_to_double("-1e999") == (double)-INFINITY);
    assert_true(qn_number_to_double("1e-999") == 0);
    assert_true(qn_number_to_double("4.9e-324") == DBL_TRUE_MIN);
    double zero = qn_number_to_double("-0");
    assert_true(zero == 0 && signbit(zero));
    assert_true(qn_number_to_double("1E2") == 100);
}

static void whole_numbers_are_exact_however_written(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        enum qn_status status;
        bool negative;
        uint64_t magnitude;
    } cases[] = {
        {"0", QN_OK, false, 0},
        {"-0", QN_OK, true, 0},
        {"0.000", QN_OK, false, 0},
        {"0e999999999999999999999", QN_OK, false, 0},
        {"1e3", QN_OK, false, 1000},
        {"1.0", QN_OK, false, 1},
        {"-1.5e1", QN_OK, true, 15},
        {"1200e-2", QN_OK, false, 12},
        {"0.00000000000000000000000001e26", QN_OK, false, 1},
        {"1203.0500e2", QN_OK, false, 120305},
        {"9007199254740993", QN_OK, false, 9007199254740993}, /* no double holds it */
        {"18446744073709551615", QN_OK, false, UINT64_MAX},
        {"1.8446744073709551615e19", QN_OK, false, UINT64_MAX},
        {"18446744073709551616", QN_OUT_OF_RANGE, false, 0},
        {"18446744073709551620", QN_OUT_OF_RANGE, false, 0},
        {"-99999999999999999999", QN_OUT_OF_RANGE, true, 0},
        {"1e20", QN_OUT_OF_RANGE, false, 0},
        {"1e99999999999999999999", QN_OUT_OF_RANGE, false, 0},
        {"1e18446744073709551619", QN_OUT_OF_RANGE, false, 0}, /* 3, were the exponent cut to 64 bits */
        {"0.5", QN_INVALID_ARGUMENT, false, 0},
        {"1e-1", QN_INVALID_ARGUMENT, false, 0},
        {"1e-99999999999999999999", QN_INVALID_ARGUMENT, false, 0},
        {"9007199254740993.5", QN_INVALID_ARGUMENT, false, 0},
    };
    for (size_t i = 0; i < QN_COUNT(cases); i++) {
        bool negative;
        uint64_t magnitude;
        enum qn_status status = qn_number_to_integer(qn_str_c(cases[i].text), &negative, &magnitude);
        if (status != cases[i].status || negative != cases[i].negative || magnitude != cases[i].magnitude)
            fail_msg("%s: %s %d %llu", cases[i].text, qn_status_name(status), negative,
                     (unsigned long long)magnitude);
    }
}

static void doubles_look_as_in_javascript(void **state)
{
    (void)state;
    static const struct {
        double number;
        const char *text;
    } cases[] = {
        {0, "0"},
        {-0.0, "-0"},
        {1, "1"},
        {-1.5, "-1.5"},
        {0.1, "0.1"},
        {0.1 + 0.2, "0.30000000000000004"},
        {100, "100"},
        {123456789012345680000.0, "123456789012345680000"},
        {1e21, "1e+21"},
        {1e22, "1e+22"},
        {1.5e300, "1.5e+300"},
        {1e-6, "0.000001"},
        {1.25e-6, "0.00000125"},
        {1e-7, "1e-7"},
        {-1.25e-7, "-1.25e-7"},
        {-1.2345678901234567e-6, "-0.0000012345678901234567"},
        {9007199254740993.0, "9007199254740992"},
        {DBL_MAX, "1.7976931348623157e+308"},
        {DBL_MIN, "2.2250738585072014e-308"},
        {DBL_TRUE_MIN, "5e-324"},
        {DBL_MIN - DBL_TRUE_MIN, "2.225073858507201e-308"},
        /* Below a power of two doubles lie twice as close: of 16 digits the nearest below fails, the next
         * above reads back. */
        {0x1p-44, "5.684341886080802e-14"},
        {9.5367431640625e-7, "9.5367431640625e-7"},
        {0x1p+1023, "8.98846567431158e+307"},
    };
    for (size_t i = 0; i < QN_COUNT(cases); i++) {
        char text[QN_NUMBER_TEXT_MAX];
        size_t len = qn_number_from_double(cases[i].number, text);
        assert_string_equal(text, cases[i].text);
        assert_int_equal(len, strlen(text));
    }
}

static void floats_need_only_their_own_digits(void **state)
{
    (void)state;
    static const struct {
        float number;
        const char *text;
    } cases[] = {
        {0, "0"},
        {-0.0f, "-0"},
        {0.1f, "0.1"},
        {-2.5f, "-2.5"},
        {16777216.0f, "16777216"},
        {FLT_MAX, "3.4028235e+38"},
        {FLT_MIN, "1.1754944e-38"},
        {FLT_TRUE_MIN, "1e-45"},
        {1e10f, "10000000000"},
        {3.1415927f, "3.1415927"},
    };
    for (size_t i = 0; i < QN_COUNT(cases); i++) {
        char text[QN_NUMBER_TEXT_MAX];
        size_t len = qn_number_from_float(cases[i].number, text);
        assert_string_equal(text, cases[i].text);
        assert_int_equal(len, strlen(text));
    }
}

/* The digits of a number's text, without sign, point, exponent and zeros at either end. */
static int count_digits(const char *text)
{
    int n = 0, zeros = 0;
    for (; *text && *text != 'e'; text++) {
        if (*text == '0' && n > 0)
            zeros++;
        if (*text >= '1' && *text <= '9') {
            n += zeros + 1;
            zeros = 0;
        }
    }
    return n;
}

static uint64_t next_random(uint64_t *state)
{
    *state = *state * 6364136223846793005u + 1442695040888963407u; /* Knuth, MMIX */
    return *state ^ *state >> 29;
}

/* Any bits: the text reads back, and no decimal with a digit less does. */
static void random_doubles_survive_with_the_fewest_digits(void **state)
{
    (void)state;
    uint64_t random = 1;
    for (int i = 0; i < 20000; i++) {
        uint64_t bits = next_random(&random);
        double number;
        memcpy(&number, &bits, sizeof number);
        if (!isfinite(number) || number == 0)
            continue;
        char text[QN_NUMBER_TEXT_MAX], shorter[QN_NUMBER_TEXT_MAX];
        qn_number_from_double(number, text);
        if (qn_number_to_double(text) != number)
            fail_msg("%a: %s does not read back", number, text);
        int n_digits = count_digits(text);
        if (n_digits > 1) {
            snprintf(shorter, sizeof shorter, "%.*e", n_digits - 2, number);
            if (strtod(shorter, NULL) == number)
                fail_msg("%a: %s is longer than %s", number, text, shorter);
        }
    }
}

static void random_floats_survive(void **state)
{
    (void)state;
    uint64_t random = 2;
    for (int i = 0; i < 20000; i++) {
        uint32_t bits = (uint32_t)(next_random(&random) >> 16);
        float number;
        memcpy(&number, &bits, sizeof number);
        if (!isfinite(number))
            continue;
        char text[QN_NUMBER_TEXT_MAX];
        qn_number_from_float(number, text);
        if ((float)qn_number_to_double(text) != number || count_digits(text) > FLT_DECIMAL_DIG)
            fail_msg("%a: %s", (double)number, text);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(scan_takes_the_grammar_and_no_more),
        cmocka_unit_test(texts_become_the_nearest_double),
        cmocka_unit_test(whole_numbers_are_exact_however_written),
        cmocka_unit_test(doubles_look_as_in_javascript),
        cmocka_unit_test(floats_need_only_their_own_digits),
        cmocka_unit_test(random_doubles_survive_with_the_fewest_digits),
        cmocka_unit_test(random_floats_survive),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
