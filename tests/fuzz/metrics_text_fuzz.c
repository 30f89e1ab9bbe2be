#include <math.h>
#include <stdint.h>
#include <stdio.h>

#include "common/core/buf.h"
#include "common/core/check.h"
#include "tests/load/watch/metrics_text.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* What a service, or whatever listens in its place, answers at /metrics. Views lie within the input, and a
 * sample that is written down again reads back as itself. */

enum { INPUT_MAX = 64 * 1024, LINE_MAX_BYTES = INPUT_MAX + 64 };

static void check_inside(struct qn_str view, const uint8_t *data, size_t size)
{
    QN_CHECK((const uint8_t *)view.ptr >= data && (const uint8_t *)view.ptr + view.len <= data + size);
}

static void read_back(const struct load_metrics_sample *sample)
{
    struct qn_buf line;
    struct load_metrics_sample again;
    qn_buf_init(&line, LINE_MAX_BYTES);
    qn_buf_write_str(&line, sample->series);
    if (isfinite(sample->value))
        qn_buf_printf(&line, " %.17g", sample->value);
    else
        qn_buf_write_c(&line, isnan(sample->value) ? " NaN" : sample->value > 0 ? " +Inf" : " -Inf");
    struct load_metrics_text text = {.rest = qn_buf_view(&line)};
    QN_CHECK(load_metrics_text_next(&text, &again));
    QN_CHECK(qn_str_eq(again.name, sample->name) && qn_str_eq(again.series, sample->series));
    QN_CHECK(again.value == sample->value || (isnan(again.value) && isnan(sample->value)));
    QN_CHECK(!load_metrics_text_next(&text, &again) && !text.problem);
    qn_buf_fini(&line);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct load_metrics_text text = {.rest = qn_str_n((const char *)data, size)};
    struct load_metrics_sample sample;
    if (size > INPUT_MAX)
        return 0;
    while (load_metrics_text_next(&text, &sample)) {
        check_inside(sample.series, data, size);
        QN_CHECK(sample.name.len > 0 && sample.name.ptr == sample.series.ptr &&
                 sample.name.len <= sample.series.len);
        read_back(&sample);
    }
    return 0;
}
