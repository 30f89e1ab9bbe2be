#include "common/core/clock.h"

#include <time.h>

#include "common/core/check.h"

enum { MS_PER_DAY = 86400 * 1000 };

/* 0000-01-01T00:00:00.000Z and 9999-12-31T23:59:59.999Z */
static const int64_t WALL_MIN_MS = -62167219200000, WALL_MAX_MS = 253402300799999;

uint64_t qn_clock_now_us(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000 + (uint64_t)now.tv_nsec / 1000;
}

uint64_t qn_clock_now_ms(void)
{
    uint64_t now_ms = qn_clock_now_us() / 1000;
    return now_ms ? now_ms : 1; /* 0 means "no time" in many places */
}

int64_t qn_clock_wall_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

uint64_t qn_clock_left_ms(uint64_t deadline_ms)
{
    uint64_t now_ms = qn_clock_now_ms();
    return deadline_ms > now_ms ? deadline_ms - now_ms : 0;
}

/* Days and dates by Howard Hinnant's "chrono-Compatible Low-Level Date Algorithms": a year there begins on
 * 1 March, so that the leap day is its last; an era is the 400 years after which the calendar repeats. */
static int64_t days_of(struct qn_date date)
{
    int64_t year = date.month <= 2 ? date.year - 1 : date.year;
    int64_t era = (year >= 0 ? year : year - 399) / 400;
    int64_t year_of_era = year - era * 400;
    int64_t month = (date.month + 9) % 12; /* from March */
    int64_t day_of_year = (153 * month + 2) / 5 + date.day - 1;
    int64_t day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    return era * 146097 + day_of_era - 719468;
}

static struct qn_date date_of_days(int64_t days)
{
    days += 719468;
    int64_t era = (days >= 0 ? days : days - 146096) / 146097;
    int64_t day_of_era = days - era * 146097;
    int64_t year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36524 - day_of_era / 146096) / 365;
    int64_t day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    int64_t month = (5 * day_of_year + 2) / 153; /* from March */
    struct qn_date date = {
        .day = (int)(day_of_year - (153 * month + 2) / 5 + 1),
        .month = (int)(month < 10 ? month + 3 : month - 9),
    };
    date.year = (int)(year_of_era + era * 400 + (date.month <= 2 ? 1 : 0));
    return date;
}

static int64_t floor_days(int64_t wall_ms)
{
    return wall_ms / MS_PER_DAY - (wall_ms % MS_PER_DAY < 0 ? 1 : 0);
}

struct qn_date qn_date_of(int64_t wall_ms)
{
    return date_of_days(floor_days(wall_ms));
}

static void put_digits(char *to, uint32_t value, int digits)
{
    for (int i = digits - 1; i >= 0; i--) {
        to[i] = (char)('0' + value % 10);
        value /= 10;
    }
}

void qn_time_format(int64_t wall_ms, char to[QN_TIME_TEXT_LEN + 1])
{
    QN_CHECK(wall_ms >= WALL_MIN_MS && wall_ms <= WALL_MAX_MS);
    int64_t days = floor_days(wall_ms);
    uint32_t ms = (uint32_t)(wall_ms - days * MS_PER_DAY);
    struct qn_date date = date_of_days(days);
    memcpy(to, "0000-00-00T00:00:00.000Z", QN_TIME_TEXT_LEN + 1);
    put_digits(to, (uint32_t)date.year, 4);
    put_digits(to + 5, (uint32_t)date.month, 2);
    put_digits(to + 8, (uint32_t)date.day, 2);
    put_digits(to + 11, ms / 3600000, 2);
    put_digits(to + 14, ms / 60000 % 60, 2);
    put_digits(to + 17, ms / 1000 % 60, 2);
    put_digits(to + 20, ms % 1000, 3);
}

/* Cuts exactly two digits off the front. */
static inline bool take_two(struct qn_str *s, int *ret_value)
{
    if (s->len < 2)
        return false;
    unsigned tens = (unsigned char)s->ptr[0] - (unsigned)'0', ones = (unsigned char)s->ptr[1] - (unsigned)'0';
    if (tens > 9 || ones > 9)
        return false;
    s->ptr += 2;
    s->len -= 2;
    *ret_value = (int)(tens * 10 + ones);
    return true;
}

static inline bool take_four(struct qn_str *s, int *ret_value)
{
    int high, low;
    if (!take_two(s, &high) || !take_two(s, &low))
        return false;
    *ret_value = high * 100 + low;
    return true;
}

static inline bool take_one(struct qn_str *s, int *ret_value)
{
    unsigned digit = s->len > 0 ? (unsigned char)s->ptr[0] - (unsigned)'0' : 10;
    if (digit > 9)
        return false;
    s->ptr++;
    s->len--;
    *ret_value = (int)digit;
    return true;
}

static inline bool take(struct qn_str *s, char byte)
{
    if (s->len == 0 || s->ptr[0] != byte)
        return false;
    s->ptr++;
    s->len--;
    return true;
}

static int days_in_month(int year, int month)
{
    static const int days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    bool leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    return month == 2 && leap ? 29 : days[month - 1];
}

static bool take_date(struct qn_str *s, struct qn_date *ret_date)
{
    struct qn_date d;
    if (!take_four(s, &d.year) || !take(s, '-') || !take_two(s, &d.month) || !take(s, '-') ||
        !take_two(s, &d.day))
        return false;
    if (d.month < 1 || d.month > 12 || d.day < 1 || d.day > days_in_month(d.year, d.month))
        return false;
    *ret_date = d;
    return true;
}

/* ".5" to ".123456789", or nothing. */
static bool take_fraction(struct qn_str *s, int *ret_ms)
{
    *ret_ms = 0;
    if (!take(s, '.'))
        return true;
    int weight = 100, digits = 0, digit;
    while (digits < 9 && take_one(s, &digit)) {
        *ret_ms += digit * weight;
        weight /= 10;
        digits++;
    }
    return digits > 0;
}

/* "Z", "+05:30": minutes east of Greenwich. */
static bool take_offset(struct qn_str *s, int *ret_minutes)
{
    *ret_minutes = 0;
    if (take(s, 'Z'))
        return true;
    int sign, hours, minutes;
    if (take(s, '+'))
        sign = 1;
    else if (take(s, '-'))
        sign = -1;
    else
        return false;
    if (!take_two(s, &hours) || !take(s, ':') || !take_two(s, &minutes) || hours > 23 || minutes > 59)
        return false;
    *ret_minutes = sign * (hours * 60 + minutes);
    return true;
}

bool qn_time_parse(struct qn_str text, int64_t *ret_wall_ms)
{
    struct qn_date date;
    int hour, minute, second, ms, offset;
    if (!take_date(&text, &date) || !take(&text, 'T') || !take_two(&text, &hour) || !take(&text, ':') ||
        !take_two(&text, &minute) || !take(&text, ':') || !take_two(&text, &second) ||
        !take_fraction(&text, &ms) || !take_offset(&text, &offset) || text.len != 0)
        return false;
    if (hour > 23 || minute > 59 || second > 59)
        return false;
    int64_t wall_ms =
        days_of(date) * MS_PER_DAY + (int64_t)((hour * 60 + minute - offset) * 60 + second) * 1000 + ms;
    if (wall_ms < WALL_MIN_MS || wall_ms > WALL_MAX_MS)
        return false;
    *ret_wall_ms = wall_ms;
    return true;
}

bool qn_date_parse(struct qn_str text, struct qn_date *ret_date)
{
    struct qn_date date;
    if (!take_date(&text, &date) || text.len != 0 || date.year == 0)
        return false;
    *ret_date = date;
    return true;
}

int qn_date_years(struct qn_date birth, struct qn_date today)
{
    int years = today.year - birth.year;
    bool before_birthday = today.month < birth.month || (today.month == birth.month && today.day < birth.day);
    return before_birthday ? years - 1 : years;
}
