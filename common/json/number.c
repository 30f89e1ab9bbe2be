#include "common/json/number.h"

#include <float.h>
#include <locale.h>
#include <math.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

#include "common/core/check.h"

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

/* Index of the first byte at or after 'i' that is no digit. */
static size_t skip_digits(struct qn_str text, size_t i)
{
    while (i < text.len && is_digit(text.ptr[i]))
        i++;
    return i;
}

size_t qn_number_scan(struct qn_str text)
{
    size_t start = text.len > 0 && text.ptr[0] == '-';
    size_t end = skip_digits(text, start);
    if (end == start)
        return 0;
    if (text.ptr[start] == '0')
        end = start + 1; /* no digit may follow a leading zero */
    if (end < text.len && text.ptr[end] == '.') {
        size_t fraction = skip_digits(text, end + 1);
        if (fraction == end + 1)
            return end;
        end = fraction;
    }
    if (end < text.len && (text.ptr[end] == 'e' || text.ptr[end] == 'E')) {
        size_t digits = end + 1;
        if (digits < text.len && (text.ptr[digits] == '+' || text.ptr[digits] == '-'))
            digits++;
        size_t exponent = skip_digits(text, digits);
        if (exponent != digits)
            end = exponent;
    }
    return end;
}

/* strtod() reads the decimal point of the process's locale, which a library may set; this one reads '.'. */
static pthread_once_t c_locale_once = PTHREAD_ONCE_INIT;
static locale_t c_locale;

static void c_locale_init(void)
{
    c_locale = newlocale(LC_ALL_MASK, "C", (locale_t)0);
    QN_CHECK(c_locale != (locale_t)0);
}

double qn_number_to_double(const char *text)
{
    /* Most numbers are short and whole; 15 digits are exact in a double (DBL_DIG). */
    int64_t whole;
    size_t len = strnlen(text, DBL_DIG + 1);
    if (len <= DBL_DIG && text[0] != '-' && qn_str_to_i64(qn_str_n(text, len), &whole))
        return (double)whole;
    pthread_once(&c_locale_once, c_locale_init);
    return strtod_l(text, NULL, c_locale);
}

/* A number of JSON's grammar without its sign: the digits of 'whole' and 'fraction' in a row, times
 * 10^exponent. */
struct parts {
    struct qn_str whole, fraction;
    int64_t exponent;
};

/* Written exponents are cut here: far beyond 64 bits, and beyond what the digits of any text in memory could
 * make up for. */
static const int64_t EXPONENT_MAX = INT64_MAX / 100;

static int64_t read_exponent(struct qn_str text)
{
    bool negative = text.ptr[0] == '-';
    int64_t exponent = 0;
    for (size_t i = !is_digit(text.ptr[0]); i < text.len && exponent < EXPONENT_MAX; i++)
        exponent = exponent * 10 + (text.ptr[i] - '0');
    return negative ? -exponent : exponent;
}

static struct parts split(struct qn_str text)
{
    size_t end = skip_digits(text, 0);
    struct parts parts = {.whole = qn_str_n(text.ptr, end), .fraction = qn_str_n(text.ptr + end, 0)};
    if (end < text.len && text.ptr[end] == '.') {
        size_t from = end + 1;
        end = skip_digits(text, from);
        parts.fraction = qn_str_n(text.ptr + from, end - from);
    }
    if (end < text.len) /* at the 'e' */
        parts.exponent = read_exponent(qn_str_n(text.ptr + end + 1, text.len - end - 1));
    parts.exponent -= (int64_t)parts.fraction.len;
    return parts;
}

static unsigned digit_at(const struct parts *parts, size_t i)
{
    size_t n_whole = parts->whole.len;
    return (unsigned)((i < n_whole ? parts->whole.ptr[i] : parts->fraction.ptr[i - n_whole]) - '0');
}

enum qn_status qn_number_to_integer(struct qn_str text, bool *ret_negative, uint64_t *ret_magnitude)
{
    *ret_negative = text.len > 0 && text.ptr[0] == '-';
    *ret_magnitude = 0;
    struct parts parts = split(qn_str_n(text.ptr + *ret_negative, text.len - *ret_negative));
    size_t first = 0, end = parts.whole.len + parts.fraction.len;
    while (first < end && digit_at(&parts, first) == 0)
        first++;
    while (end > first && digit_at(&parts, end - 1) == 0) {
        end--;
        parts.exponent++;
    }
    if (first == end)
        return QN_OK; /* zero, whatever its exponent */
    if (parts.exponent < 0)
        return QN_INVALID_ARGUMENT; /* the last digit is not 0 */

    uint64_t magnitude = 0;
    for (size_t i = first; i < end; i++) {
        if (__builtin_mul_overflow(magnitude, 10, &magnitude) ||
            __builtin_add_overflow(magnitude, digit_at(&parts, i), &magnitude))
            return QN_OUT_OF_RANGE;
    }
    for (; parts.exponent > 0; parts.exponent--) { /* at most 20 turns: 10^20 does not fit */
        if (__builtin_mul_overflow(magnitude, 10, &magnitude))
            return QN_OUT_OF_RANGE;
    }
    *ret_magnitude = magnitude;
    return QN_OK;
}

/* 0.DIGITS * 10^exponent, without leading or trailing zeros. */
struct decimal {
    char digits[DBL_DECIMAL_DIG + 1];
    int n_digits;
    int exponent;
};

/* 'number', rounded to so many digits. Requires: finite, positive. */
static struct decimal round_to(double number, int n_digits)
{
    char text[QN_NUMBER_TEXT_MAX];
    snprintf(text, sizeof text, "%.*e", n_digits - 1, number); /* "d.ddde±x" with some locale's point */
    struct decimal d = {0};
    const char *p = text;
    for (; *p != 'e'; p++) {
        if (is_digit(*p))
            d.digits[d.n_digits++] = *p;
    }
    d.exponent = (int)strtol(p + 1, NULL, 10) + 1;
    while (d.n_digits > 1 && d.digits[d.n_digits - 1] == '0')
        d.n_digits--;
    return d;
}

/* The next larger one with 'n_digits' digits. */
static struct decimal next_up(struct decimal d, int n_digits)
{
    while (d.n_digits < n_digits)
        d.digits[d.n_digits++] = '0';
    while (d.n_digits > 0 && d.digits[d.n_digits - 1] == '9')
        d.n_digits--;
    if (d.n_digits == 0) {
        d.digits[d.n_digits++] = '1';
        d.exponent++;
    } else {
        d.digits[d.n_digits - 1]++;
    }
    return d;
}

static bool reads_back(const struct decimal *d, double number, bool is_float)
{
    char text[QN_NUMBER_TEXT_MAX];
    snprintf(text, sizeof text, "%.*se%d", d->n_digits, d->digits, d->exponent - d->n_digits);
    double back = qn_number_to_double(text);
    return is_float ? (float)back == (float)number : back == number;
}

/* Tries ever more digits. 'sure' digits always survive the way to a (normal) number and back, so fewer need
 * not be tried: rounding to 'sure' finds them, as trailing zeros are dropped. At a power of two the numbers
 * below lie twice as close as those above, so the nearest decimal may fail below it where one above would do.
 */
static struct decimal shortest(double number, int sure, bool is_float)
{
    for (int n_digits = sure;; n_digits++) {
        struct decimal d = round_to(number, n_digits);
        if (reads_back(&d, number, is_float))
            return d;
        d = next_up(d, n_digits);
        if (reads_back(&d, number, is_float))
            return d;
        QN_CHECK(n_digits < DBL_DECIMAL_DIG);
    }
}

/* ECMA-262 Number::toString, steps 6 to 12; its k is n_digits, its n is exponent. */
static size_t lay_out(const struct decimal *d, char *to, size_t room)
{
    int n = d->exponent, k = d->n_digits;
    if (n > 21 || n <= -6)
        return (size_t)snprintf(to, room, "%c%s%.*se%+d", d->digits[0], k > 1 ? "." : "", k - 1,
                                d->digits + 1, n - 1);
    if (n <= 0)
        return (size_t)snprintf(to, room, "0.%.*s%.*s", -n, "00000", k, d->digits);
    if (k <= n)
        return (size_t)snprintf(to, room, "%.*s%.*s", k, d->digits, n - k, "00000000000000000000");
    return (size_t)snprintf(to, room, "%.*s.%.*s", n, d->digits, k - n, d->digits + n);
}

static size_t from_number(double number, int sure, bool is_float, char to[QN_NUMBER_TEXT_MAX])
{
    size_t len = 0;
    if (signbit(number))
        to[len++] = '-';
    struct decimal d = {.digits = "0", .n_digits = 1, .exponent = 1};
    if (number != 0)
        d = shortest(fabs(number), sure, is_float);
    return len + lay_out(&d, to + len, QN_NUMBER_TEXT_MAX - len);
}

size_t qn_number_from_double(double number, char to[QN_NUMBER_TEXT_MAX])
{
    QN_CHECK(isfinite(number));
    return from_number(number, fabs(number) < DBL_MIN ? 1 : DBL_DIG, false, to);
}

size_t qn_number_from_float(float number, char to[QN_NUMBER_TEXT_MAX])
{
    QN_CHECK(isfinite(number));
    return from_number((double)number, fabsf(number) < FLT_MIN ? 1 : FLT_DIG, true, to);
}
