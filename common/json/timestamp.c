#include "common/json/timestamp.h"

#include "common/core/clock.h"

/* timestamp.proto's range: 0001-01-01T00:00:00Z to 9999-12-31T23:59:59.999999999Z. */
static const int64_t SECONDS_MIN = -62135596800, SECONDS_MAX = 253402300799;

enum { NANOS_PER_SECOND = 1000000000, DATE_TIME_LEN = 19 /* "2026-11-23T04:15:56" */ };

/* The nanoseconds in ".5" to ".123456789" at the front; 0 when there is no point. */
static int32_t fraction_of(struct qn_str text)
{
    int32_t nanos = 0, weight = NANOS_PER_SECOND;
    if (text.len == 0 || text.ptr[0] != '.')
        return 0;
    for (size_t i = 1; i < text.len && text.ptr[i] >= '0' && text.ptr[i] <= '9'; i++) {
        weight /= 10;
        nanos += (text.ptr[i] - '0') * weight;
    }
    return nanos;
}

bool qn_timestamp_parse(struct qn_str text, int64_t *ret_seconds, int32_t *ret_nanos)
{
    int64_t wall_ms; /* core cuts at milliseconds, so the fraction is read again */
    if (!qn_time_parse(text, &wall_ms))
        return false;
    int64_t seconds = wall_ms / 1000 - (wall_ms % 1000 < 0);
    if (seconds < SECONDS_MIN || seconds > SECONDS_MAX)
        return false;
    *ret_seconds = seconds;
    *ret_nanos = fraction_of(qn_str_n(text.ptr + DATE_TIME_LEN, text.len - DATE_TIME_LEN));
    return true;
}

size_t qn_timestamp_format(int64_t seconds, int32_t nanos, char to[QN_TIMESTAMP_TEXT_MAX])
{
    if (seconds < SECONDS_MIN || seconds > SECONDS_MAX || nanos < 0 || nanos >= NANOS_PER_SECOND)
        return 0;
    qn_time_format(seconds * 1000 + nanos / 1000000, to); /* with milliseconds, as most have them */
    size_t digits = nanos == 0 ? 0 : nanos % 1000000 == 0 ? 3 : nanos % 1000 == 0 ? 6 : 9;
    size_t len = DATE_TIME_LEN + (digits > 0 ? 1 + digits : 0);
    if (digits > 3) {
        nanos %= 1000000;
        for (size_t i = DATE_TIME_LEN + 9; i > DATE_TIME_LEN + 3; i--, nanos /= 10)
            to[i] = (char)('0' + nanos % 10);
    }
    to[len++] = 'Z';
    to[len] = '\0';
    return len;
}
