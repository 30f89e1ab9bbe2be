#include "tests/load/engine/slo.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { NUMBER_MAX = 32 };

/* A number and what stands behind it. False: no number there. */
static bool cut_number(struct qn_str text, double *ret_number, struct qn_str *ret_rest)
{
    char digits[NUMBER_MAX];
    size_t len = 0;
    while (len < text.len && len < NUMBER_MAX - 1 && strchr("0123456789.", text.ptr[len]))
        len++;
    if (len == 0)
        return false;
    memcpy(digits, text.ptr, len);
    digits[len] = '\0';
    char *end;
    *ret_number = strtod(digits, &end);
    *ret_rest = qn_str_n(text.ptr + len, text.len - len);
    return *end == '\0';
}

/* "p99.9" → 0.999. */
static bool quantile_of(struct qn_str name, double *ret_quantile)
{
    struct qn_str rest;
    double percent;
    if (name.len < 2 || name.ptr[0] != 'p' ||
        !cut_number(qn_str_n(name.ptr + 1, name.len - 1), &percent, &rest) || rest.len > 0 || percent <= 0 ||
        percent > 100)
        return false;
    *ret_quantile = percent / 100;
    return true;
}

static bool latency_of(struct qn_str text, double *ret_ns)
{
    static const struct {
        const char *name;
        double ns;
    } units[] = {{"ns", 1}, {"us", 1e3}, {"µs", 1e3}, {"ms", 1e6}, {"s", 1e9}};
    struct qn_str unit;
    if (!cut_number(text, ret_ns, &unit))
        return false;
    for (size_t i = 0; i < sizeof units / sizeof units[0]; i++)
        if (qn_str_eq(unit, qn_str_c(units[i].name))) {
            *ret_ns *= units[i].ns;
            return true;
        }
    return false;
}

static bool errors_of(struct qn_str text, double *ret_share)
{
    struct qn_str unit;
    if (!cut_number(text, ret_share, &unit))
        return false;
    if (qn_str_eq(unit, QN_STR("%")))
        *ret_share /= 100;
    else if (unit.len > 0)
        return false;
    return *ret_share <= 1;
}

static enum qn_status parse_one(struct qn_str text, struct qn_arena *arena, struct load_slo *to,
                                struct qn_error *err)
{
    ptrdiff_t equals = qn_str_find(text, '=');
    struct qn_str name = equals < 0 ? text : qn_str_trim(qn_str_n(text.ptr, (size_t)equals));
    struct qn_str value = equals < 0
                              ? (struct qn_str){0}
                              : qn_str_trim(qn_str_n(text.ptr + equals + 1, text.len - (size_t)equals - 1));
    struct qn_str rest;
    double quantile;
    if (qn_str_eq(name, QN_STR("errors"))) {
        if (!errors_of(value, &to->limit))
            return qn_error_set(
                err, QN_INVALID_ARGUMENT,
                "--slo %.*s: errors is a share, \"errors=0\", \"errors=0.1%%\" or \"errors=0.001\"",
                QN_STR_ARG(text));
    } else if (qn_str_eq(name, QN_STR("rate"))) {
        if (!cut_number(value, &to->limit, &rest) || rest.len > 0)
            return qn_error_set(err, QN_INVALID_ARGUMENT,
                                "--slo %.*s: rate is calls a second, at least: \"rate=5000\"",
                                QN_STR_ARG(text));
    } else if (qn_str_eq(name, QN_STR("max")) || qn_str_eq(name, QN_STR("mean")) ||
               quantile_of(name, &quantile)) {
        if (!latency_of(value, &to->limit))
            return qn_error_set(err, QN_INVALID_ARGUMENT,
                                "--slo %.*s: wants a duration with a unit (us, ms, s): \"%.*s=20ms\"",
                                QN_STR_ARG(text), QN_STR_ARG(name));
    } else {
        return qn_error_set(
            err, QN_INVALID_ARGUMENT,
            "--slo %.*s: conditions are p50=…, p99=…, p99.9=… (any percentile), mean=…, max=…, "
            "errors=… and rate=…, with commas between",
            QN_STR_ARG(text));
    }
    to->name = qn_arena_str(arena, name).ptr;
    return to->name ? QN_OK : qn_error_set(err, QN_RESOURCE_EXHAUSTED, "out of memory");
}

enum qn_status load_slo_parse(const char *text, struct qn_arena *arena, struct load_slo to[LOAD_SLO_MAX],
                              size_t *n, struct qn_error *err)
{
    struct qn_str rest = qn_str_c(text), one;
    if (qn_str_trim(rest).len == 0)
        return parse_one(rest, arena, to, err); /* says what there could be */
    while (qn_str_next(&rest, ',', &one)) {
        if (*n == LOAD_SLO_MAX)
            return qn_error_set(err, QN_INVALID_ARGUMENT, "--slo: at most %d conditions", LOAD_SLO_MAX);
        to[*n] = (struct load_slo){0};
        QN_TRY(parse_one(qn_str_trim(one), arena, &to[*n], err));
        (*n)++;
    }
    return QN_OK;
}

bool load_slo_check(struct load_result *result)
{
    bool all = true;
    for (size_t i = 0; i < result->n_slos; i++) {
        struct load_slo *slo = &result->slos[i];
        double quantile;
        bool at_least = strcmp(slo->name, "rate") == 0;
        if (at_least)
            slo->was = load_result_rate(result);
        else if (strcmp(slo->name, "errors") == 0)
            slo->was = result->ended ? (double)load_result_errors(result) / (double)result->ended : 0;
        else if (strcmp(slo->name, "mean") == 0)
            slo->was = load_hist_mean_ns(&result->latency);
        else if (strcmp(slo->name, "max") == 0)
            slo->was = (double)result->latency.max_ns;
        else if (quantile_of(qn_str_c(slo->name), &quantile))
            slo->was = (double)load_hist_at(&result->latency, quantile);
        slo->met = result->ended > 0 && (at_least ? slo->was >= slo->limit : slo->was <= slo->limit);
        all = all && slo->met;
    }
    return all;
}
