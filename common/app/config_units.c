#include "common/app/config_units.h"

#include <inttypes.h>
#include <stdio.h>

#include "common/core/check.h"

struct unit {
    struct qn_str name;
    int64_t factor;
};

/* Smallest first. */
static const struct unit durations[] = {
    {{"ms", 2}, 1}, {{"s", 1}, 1000}, {{"m", 1}, 60000}, {{"h", 1}, 3600000}, {{"d", 1}, 86400000}};
static const struct unit sizes[] = {
    {{"B", 1}, 1}, {{"KiB", 3}, 1 << 10}, {{"MiB", 3}, 1 << 20}, {{"GiB", 3}, 1 << 30}};

static bool parse(const struct unit *units, size_t n, struct qn_str text, bool bare, int64_t *ret_value)
{
    size_t digits = 0;
    while (digits < text.len && text.ptr[digits] >= '0' && text.ptr[digits] <= '9')
        digits++;
    int64_t number = 0;
    if (!qn_str_to_i64(qn_str_n(text.ptr, digits), &number))
        return false;
    struct qn_str name = qn_str_n(text.ptr + digits, text.len - digits);
    if (name.len == 0 && (bare || number == 0)) {
        *ret_value = number;
        return true;
    }
    for (size_t i = 0; i < n; i++)
        if (qn_str_eq(name, units[i].name))
            return !__builtin_mul_overflow(number, units[i].factor, ret_value);
    return false;
}

static const char *render(const struct unit *units, size_t n, const char *zero, int64_t value,
                          char to[QN_UNITS_TEXT_MAX])
{
    if (value == 0)
        return zero;
    size_t best = 0;
    for (size_t i = 0; i < n; i++)
        if (value % units[i].factor == 0)
            best = i;
    snprintf(to, QN_UNITS_TEXT_MAX, "%" PRId64 "%.*s", value / units[best].factor,
             QN_STR_ARG(units[best].name));
    return to;
}

bool qn_config_units_duration(struct qn_str text, int64_t *ret_ms)
{
    return parse(durations, QN_COUNT(durations), text, false, ret_ms);
}

bool qn_config_units_size(struct qn_str text, int64_t *ret_bytes)
{
    return parse(sizes, QN_COUNT(sizes), text, true, ret_bytes);
}

const char *qn_config_units_duration_text(int64_t ms, char to[QN_UNITS_TEXT_MAX])
{
    return render(durations, QN_COUNT(durations), "0s", ms, to);
}

const char *qn_config_units_size_text(int64_t bytes, char to[QN_UNITS_TEXT_MAX])
{
    return render(sizes, QN_COUNT(sizes), "0B", bytes, to);
}
