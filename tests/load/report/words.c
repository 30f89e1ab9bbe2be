#include "tests/load/report/words.h"

#include <math.h>
#include <string.h>

void load_words_load(struct qn_buf *to, const struct load_asked *asked)
{
    char a[LOAD_TEXT_MAX], b[LOAD_TEXT_MAX], c[LOAD_TEXT_MAX];
    if (asked->mode == LOAD_CLOSED)
        qn_buf_printf(to, "closed loop, %s callers", load_text_count(a, asked->concurrency));
    else {
        qn_buf_printf(to, "open loop, %s arrivals, ",
                      asked->arrival == LOAD_POISSON ? "Poisson" : "constant");
        if (asked->ramp_from > 0)
            qn_buf_printf(to, "%s rising to %s within %s", load_text_rate(a, asked->ramp_from),
                          load_text_rate(b, asked->rate), load_text_span(c, asked->ramp_ms));
        else
            qn_buf_write_c(to, load_text_rate(a, asked->rate));
        qn_buf_printf(to, ", at most %s in flight", load_text_count(a, asked->concurrency));
    }
    qn_buf_printf(to, ", %u connection%s", asked->connections, asked->connections == 1 ? "" : "s");
}

void load_words_time(struct qn_buf *to, const struct load_asked *asked)
{
    char text[LOAD_TEXT_MAX];
    qn_buf_write_c(to, load_text_span(text, asked->duration_ms));
    if (asked->warmup_ms)
        qn_buf_printf(to, " after %s of warm-up", load_text_span(text, asked->warmup_ms));
    qn_buf_printf(to, ", time limit a call %s, seed %llu", load_text_span(text, asked->timeout_ms),
                  (unsigned long long)asked->seed);
}

void load_words_rate(struct qn_buf *to, const struct load_result *result)
{
    const struct load_asked *asked = &result->asked;
    char text[LOAD_TEXT_MAX], share[LOAD_TEXT_MAX];
    double rate = load_result_rate(result);
    qn_buf_write_c(to, load_text_rate(text, rate));
    /* Of a ramp there is no one rate to hold it against. */
    if (asked->mode == LOAD_OPEN && asked->rate > 0 && !(asked->ramp_from > 0))
        qn_buf_printf(to, ", %s of the %s asked", load_text_share(share, rate / asked->rate),
                      load_text_rate(text, asked->rate));
    qn_buf_printf(to, " (over %s)", load_text_span(text, result->took_ms));
}

void load_words_database(struct qn_buf *to, const struct load_result *result)
{
    char text[LOAD_TEXT_MAX];
    qn_buf_printf(to, "at most %d", result->database.peak);
    if (result->database.limit >= 0)
        qn_buf_printf(to, " of %d allowed", result->database.limit);
    else
        qn_buf_write_c(to, ", and the role has no limit");
    qn_buf_printf(to, " (looked %s times)", load_text_count(text, result->database.samples));
}

bool load_words_database_good(const struct load_result *result)
{
    return !result->database.problem &&
           (result->database.limit < 0 || result->database.peak <= result->database.limit);
}

static bool is(const struct load_slo *slo, const char *name)
{
    return slo->name && strcmp(slo->name, name) == 0;
}

const char *load_words_slo(char to[LOAD_TEXT_MAX], const struct load_slo *slo, double value)
{
    return is(slo, "rate")     ? load_text_rate(to, value)
           : is(slo, "errors") ? load_text_share(to, value)
                               : load_text_duration(to, value);
}

const char *load_words_slo_bound(const struct load_slo *slo)
{
    return is(slo, "rate") ? "at least" : "at most";
}

enum { SIGNALLED = 128 };

const char *load_words_exit(char to[LOAD_TEXT_MAX], const struct load_mark *mark)
{
    if (mark->exit_code < 0)
        snprintf(to, LOAD_TEXT_MAX, "did not end");
    else if (mark->exit_code > SIGNALLED)
        snprintf(to, LOAD_TEXT_MAX, "killed by signal %d", mark->exit_code - SIGNALLED);
    else
        snprintf(to, LOAD_TEXT_MAX, "exit %d", mark->exit_code);
    return to;
}

const char *load_words_recovery(char to[2 * LOAD_TEXT_MAX], const struct load_mark *mark)
{
    char text[LOAD_TEXT_MAX];
    if (!mark->recovered)
        snprintf(to, 2 * LOAD_TEXT_MAX, "did not recover");
    else if (mark->recovery_ms == 0)
        snprintf(to, 2 * LOAD_TEXT_MAX, "not disturbed");
    else
        snprintf(to, 2 * LOAD_TEXT_MAX, "recovered within %s", load_text_span(text, mark->recovery_ms));
    return to;
}

bool load_words_metric_changed(const struct load_watched_metric *metric)
{
    return metric->before != metric->after && !(isnan(metric->before) && isnan(metric->after));
}

const char *load_words_change(char to[LOAD_TEXT_MAX], double by)
{
    char text[LOAD_TEXT_MAX];
    snprintf(to, LOAD_TEXT_MAX, "%s%.30s", by > 0 ? "+" : "", load_text_number(text, by));
    return to;
}
