#include <math.h>

#include "common/core/check.h"
#include "common/core/utf8.h"
#include "common/json/writer.h"
#include "tests/load/report/report.h"
#include "tests/load/report/schema.h"

/* The members of schema.h's tables, and beside them what readers of the file would otherwise have to work out
 * (quantiles, sums); these are not read back. */

/* Texts come from command lines and scraped pages: what is no UTF-8 becomes U+FFFD. */
static void write_text(struct qn_json_writer *w, const char *text)
{
    struct qn_str rest = qn_str_c(text);
    if (!text || qn_utf8_valid(rest)) {
        qn_json_c(w, text);
        return;
    }
    struct qn_buf valid;
    qn_buf_init(&valid, 4 * rest.len); /* one bad byte becomes three */
    while (rest.len > 0) {
        uint32_t point;
        size_t len = qn_utf8_get(rest, &point);
        qn_buf_write(&valid, len ? rest.ptr : "\xef\xbf\xbd", len ? len : 3);
        rest = qn_str_n(rest.ptr + (len ? len : 1), rest.len - (len ? len : 1));
    }
    qn_json_str(w, qn_buf_view(&valid));
    qn_buf_fini(&valid);
}

static void write_count(struct qn_json_writer *w, uint64_t count)
{
    qn_json_int(w, count < LOAD_COUNT_MAX ? (int64_t)count : LOAD_COUNT_MAX);
}

static void write_time(struct qn_json_writer *w, uint64_t ns)
{
    write_count(w, ns < LOAD_HIST_MAX_NS ? ns : LOAD_HIST_MAX_NS);
}

static void write_field(struct qn_json_writer *w, const struct load_field *field, const void *of)
{
    const void *at = (const char *)of + field->offset;
    char digits[24];
    qn_json_key(w, field->key);
    switch (field->kind) {
    case LOAD_COUNT:
        write_count(w, *(const uint64_t *)at);
        break;
    case LOAD_TIME_NS:
        write_time(w, *(const uint64_t *)at);
        break;
    case LOAD_SMALL:
        qn_json_int(w, *(const uint32_t *)at);
        break;
    case LOAD_OR_NONE:
        if (*(const int32_t *)at < 0)
            qn_json_null(w);
        else
            qn_json_int(w, *(const int32_t *)at);
        break;
    case LOAD_WIDE:
        snprintf(digits, sizeof digits, "%llu", (unsigned long long)*(const uint64_t *)at);
        qn_json_c(w, digits);
        break;
    case LOAD_QUANTITY:
    case LOAD_READING:
        qn_json_double(w, *(const double *)at);
        break;
    case LOAD_FLAG:
        qn_json_bool(w, *(const bool *)at);
        break;
    case LOAD_TEXT:
        write_text(w, *(const char *const *)at);
        break;
    case LOAD_MODE:
        qn_json_c(w, load_schema_modes[*(const enum load_mode *)at]);
        break;
    case LOAD_ARRIVAL:
        qn_json_c(w, load_schema_arrivals[*(const enum load_arrival *)at]);
        break;
    }
}

static void write_fields(struct qn_json_writer *w, const struct load_field *fields, const void *of)
{
    for (; fields->key; fields++)
        write_field(w, fields, of);
}

static void write_object(struct qn_json_writer *w, const struct load_field *fields, const void *of)
{
    qn_json_object_begin(w);
    write_fields(w, fields, of);
    qn_json_object_end(w);
}

static void write_array(struct qn_json_writer *w, const char *key, const struct load_field *fields,
                        const void *items, size_t count, size_t size)
{
    qn_json_key(w, key);
    qn_json_array_begin(w);
    for (size_t i = 0; i < count; i++)
        write_object(w, fields, (const char *)items + i * size);
    qn_json_array_end(w);
}

static void write_hist(struct qn_json_writer *w, const char *key, const struct load_hist *hist)
{
    static const struct {
        const char *key;
        double quantile;
    } quantiles[] = {{"p50_ns", 0.5}, {"p90_ns", 0.9}, {"p99_ns", 0.99}, {"p999_ns", 0.999}};
    qn_json_key(w, key);
    qn_json_object_begin(w);
    qn_json_key(w, "count");
    write_count(w, hist->count);
    qn_json_key(w, "min_ns");
    write_count(w, hist->min_ns);
    qn_json_key(w, "max_ns");
    write_count(w, hist->max_ns);
    qn_json_key(w, "sum_ns");
    qn_json_double(w, hist->sum_ns);
    qn_json_key(w, "mean_ns");
    qn_json_double(w, load_hist_mean_ns(hist));
    for (size_t i = 0; i < QN_COUNT(quantiles); i++) {
        qn_json_key(w, quantiles[i].key);
        write_count(w, load_hist_at(hist, quantiles[i].quantile));
    }
    qn_json_key(w, "buckets");
    qn_json_array_begin(w);
    size_t place = 0;
    uint64_t upper, count;
    while (load_hist_next(hist, &place, &upper, &count)) {
        qn_json_array_begin(w);
        write_count(w, upper);
        write_count(w, count);
        qn_json_array_end(w);
    }
    qn_json_array_end(w);
    qn_json_object_end(w);
}

static void write_codes(struct qn_json_writer *w, const uint64_t codes[QN_STATUS_COUNT])
{
    qn_json_key(w, "codes");
    qn_json_object_begin(w);
    for (int code = QN_OK; code < QN_STATUS_COUNT; code++) {
        if (codes[code] == 0)
            continue;
        qn_json_key(w, qn_status_name((enum qn_status)code));
        write_count(w, codes[code]);
    }
    qn_json_object_end(w);
}

static void write_achieved(struct qn_json_writer *w, const struct load_result *result)
{
    qn_json_key(w, "achieved");
    qn_json_object_begin(w);
    write_fields(w, load_schema_achieved, result);
    qn_json_key(w, "errors");
    write_count(w, load_result_errors(result));
    qn_json_key(w, "error_share");
    qn_json_double(w, load_result_error_share(result));
    qn_json_key(w, "rate_per_s");
    qn_json_double(w, load_result_rate(result));
    write_codes(w, result->codes);
    qn_json_object_end(w);
}

static void write_methods(struct qn_json_writer *w, const struct load_result *result)
{
    qn_json_key(w, "methods");
    qn_json_array_begin(w);
    for (size_t i = 0; i < result->n_methods; i++) {
        qn_json_object_begin(w);
        write_fields(w, load_schema_method, &result->methods[i]);
        write_codes(w, result->methods[i].codes);
        write_hist(w, "response", &result->methods[i].latency);
        qn_json_object_end(w);
    }
    qn_json_array_end(w);
}

static void write_watched(struct qn_json_writer *w, const struct load_result *result)
{
    qn_json_key(w, "database");
    if (result->database.on)
        write_object(w, load_schema_database, result);
    else
        qn_json_null(w);
    qn_json_key(w, "metrics");
    if (!result->metrics_url) {
        qn_json_null(w);
        return;
    }
    qn_json_object_begin(w);
    write_fields(w, load_schema_watched, result);
    write_array(w, "series", load_schema_metric, result->metrics, result->n_metrics, sizeof *result->metrics);
    qn_json_object_end(w);
}

bool load_report_json(FILE *to, const struct load_result *result)
{
    struct qn_buf buf;
    qn_buf_init(&buf, LOAD_REPORT_MAX);
    struct qn_json_writer writer = {.to = &buf}, *w = &writer;
    qn_json_object_begin(w);
    qn_json_key(w, "schema");
    qn_json_c(w, LOAD_SCHEMA);
    write_fields(w, load_schema_result, result);
    qn_json_key(w, "asked");
    write_object(w, load_schema_asked, &result->asked);
    write_achieved(w, result);
    qn_json_key(w, "cpu");
    write_object(w, load_schema_cpu, result);
    for (size_t i = 0; i < QN_COUNT(load_schema_hists); i++)
        write_hist(w, load_schema_hists[i].key,
                   (const void *)((const char *)result + load_schema_hists[i].offset));
    write_methods(w, result);
    write_array(w, "slos", load_schema_slo, result->slos, result->n_slos, sizeof *result->slos);
    write_array(w, "steps", load_schema_step, result->steps, result->n_steps, sizeof *result->steps);
    write_array(w, "marks", load_schema_mark, result->marks, result->n_marks, sizeof *result->marks);
    write_watched(w, result);
    write_array(w, "seconds", load_schema_second, result->seconds, result->n_seconds,
                sizeof *result->seconds);
    qn_json_object_end(w);
    qn_buf_write_byte(&buf, '\n');
    return load_report_finish(to, &buf);
}
