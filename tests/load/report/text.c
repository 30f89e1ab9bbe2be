#include "tests/load/report/text.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/core/check.h"
#include "common/core/utf8.h"

/* Two minutes: up to there seconds are read more easily. */
#define MINUTES_FROM_NS 119.5e9
/* A year's seconds: nobody reads more in minutes. */
#define MINUTES_MAX 31536000

/* Three digits: "1.23", "12.3", "123". Numbers from 999.5 up are whole. */
static int decimals_of(double number)
{
    return number < 9.995 ? 2 : number < 99.95 ? 1 : 0;
}

/* "1.50" is "1.5" and "2.00" is "2": what is measured in whole steps should look so. */
static void print_trimmed(char to[LOAD_TEXT_MAX], double number, const char *unit)
{
    char digits[LOAD_TEXT_MAX];
    snprintf(digits, sizeof digits, "%.*f", decimals_of(fabs(number)), number);
    if (strchr(digits, '.')) {
        size_t len = strlen(digits);
        while (digits[len - 1] == '0')
            digits[--len] = '\0';
        if (digits[len - 1] == '.')
            digits[--len] = '\0';
    }
    snprintf(to, LOAD_TEXT_MAX, "%.15s%s", digits, unit);
}

static const char *duration(char to[LOAD_TEXT_MAX], double ns, bool trimmed)
{
    static const struct {
        double ns;
        const char *name;
    } units[] = {{1, " ns"}, {1e3, " µs"}, {1e6, " ms"}, {1e9, " s"}};
    if (!(ns >= 0.5)) {
        snprintf(to, LOAD_TEXT_MAX, "0 ns");
        return to;
    }
    if (ns >= MINUTES_FROM_NS) {
        double s = round(ns / 1e9);
        if (s < MINUTES_MAX)
            snprintf(to, LOAD_TEXT_MAX, "%.0f min %.0f s", floor(s / 60), fmod(s, 60));
        else
            snprintf(to, LOAD_TEXT_MAX, "%.3g s", s);
        return to;
    }
    size_t i = 0;
    /* 999.6 µs would be printed as "1000 µs": it is a millisecond. */
    while (i + 1 < QN_COUNT(units) && ns / units[i].ns >= 999.5)
        i++;
    double number = ns / units[i].ns;
    if (i == 0)
        snprintf(to, LOAD_TEXT_MAX, "%.0f ns", number);
    else if (trimmed)
        print_trimmed(to, number, units[i].name);
    else /* noughts stay at the end, so that a column lines up */
        snprintf(to, LOAD_TEXT_MAX, "%.*f%s", decimals_of(number), number, units[i].name);
    return to;
}

const char *load_text_duration(char to[LOAD_TEXT_MAX], double ns)
{
    return duration(to, ns, false);
}

const char *load_text_span(char to[LOAD_TEXT_MAX], double ms)
{
    return ms > 0 ? duration(to, ms * 1e6, true) : memcpy(to, "0 s", sizeof "0 s");
}

const char *load_text_count(char to[LOAD_TEXT_MAX], uint64_t count)
{
    char digits[LOAD_TEXT_MAX];
    int len = snprintf(digits, sizeof digits, "%llu", (unsigned long long)count), at = 0;
    for (int i = 0; i < len; i++) {
        if (i && (len - i) % 3 == 0)
            to[at++] = ',';
        to[at++] = digits[i];
    }
    to[at] = '\0';
    return to;
}

enum { GROUPS_UNTIL_DIGITS = 15 }; /* what a double says exactly, and what fits */

const char *load_text_number(char to[LOAD_TEXT_MAX], double number)
{
    double size = fabs(number);
    if (!isfinite(number))
        snprintf(to, LOAD_TEXT_MAX, "?");
    else if (size >= pow(10, GROUPS_UNTIL_DIGITS))
        snprintf(to, LOAD_TEXT_MAX, "%.4g", number);
    else if (size >= 99.95) {
        char digits[LOAD_TEXT_MAX];
        load_text_count(digits, (uint64_t)llround(size));
        snprintf(to, LOAD_TEXT_MAX, "%s%.30s", number < 0 ? "-" : "", digits);
    } else if (size > 0 && size < 0.01)
        snprintf(to, LOAD_TEXT_MAX, "%.3g", number);
    else
        print_trimmed(to, number, "");
    return to;
}

const char *load_text_rate(char to[LOAD_TEXT_MAX], double a_second)
{
    load_text_number(to, a_second);
    strncat(to, "/s", LOAD_TEXT_MAX - 1 - strlen(to));
    return to;
}

const char *load_text_share(char to[LOAD_TEXT_MAX], double share)
{
    double percent = share * 100;
    /* Neither must 99.998% look like all, nor 0.0004% like none. */
    if (percent > 0 && percent < 0.01)
        snprintf(to, LOAD_TEXT_MAX, "%.1g%%", percent < 1e-4 ? 1e-4 : percent);
    else if (percent > 99 && percent < 100) {
        double missing = 100 - percent;
        int decimals = missing < 0.001 ? 4 : missing < 0.01 ? 3 : 2;
        snprintf(to, LOAD_TEXT_MAX, "%.*f%%", decimals,
                 floor(percent * pow(10, decimals)) / pow(10, decimals));
    } else
        print_trimmed(to, percent, "%");
    return to;
}

const char *load_text_quantile(char to[LOAD_TEXT_MAX], double share)
{
    snprintf(to, LOAD_TEXT_MAX, "p%.6g", share * 100);
    return to;
}

bool load_text_colours(FILE *to)
{
    const char *no_color = getenv("NO_COLOR"), *term = getenv("TERM");
    int fd = fileno(to);
    return fd >= 0 && isatty(fd) && !(no_color && *no_color) && !(term && strcmp(term, "dumb") == 0);
}

void load_text_clean(struct qn_buf *to, const char *text)
{
    struct qn_str rest = qn_str_c(text);
    while (rest.len > 0) {
        uint32_t point;
        size_t len = qn_utf8_get(rest, &point);
        /* C0, DEL and C1 controls: a terminal obeys them. U+202A–E and U+2066–9 turn the writing direction.
         */
        bool obeyed =
            len > 0 && (point < 0x20 || (point >= 0x7f && point < 0xa0) ||
                        (point >= 0x202a && point <= 0x202e) || (point >= 0x2066 && point <= 0x2069));
        size_t step = len ? len : 1;
        if (len == 0 || obeyed)
            for (size_t i = 0; i < step; i++)
                qn_buf_printf(to, "\\x%02x", (unsigned char)rest.ptr[i]);
        else
            qn_buf_write(to, rest.ptr, len);
        rest = qn_str_n(rest.ptr + step, rest.len - step);
    }
}

size_t load_text_width(const char *text)
{
    size_t width = 0;
    for (; *text; text++)
        width += ((unsigned char)*text & 0xc0) != 0x80; /* all but the following bytes of a code point */
    return width;
}

static void fill(struct qn_buf *to, const char *text, size_t width)
{
    for (size_t i = load_text_width(text); i < width; i++)
        qn_buf_write_byte(to, ' ');
}

void load_text_right(struct qn_buf *to, const char *text, size_t width)
{
    fill(to, text, width);
    qn_buf_write_c(to, text);
}

void load_text_left(struct qn_buf *to, const char *text, size_t width)
{
    qn_buf_write_c(to, text);
    fill(to, text, width);
}
