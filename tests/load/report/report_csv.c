#include "tests/load/report/report.h"

/* RFC 4180 but for the line's end, which is a plain LF. Nothing in it is a text from outside, so nothing
 * needs quotes. Times in microseconds: spreadsheets round nanoseconds of an hour. */

static void write_us(struct qn_buf *to, uint64_t ns)
{
    qn_buf_printf(to, ",%llu.%03llu", (unsigned long long)(ns / 1000), (unsigned long long)(ns % 1000));
}

static void write_second(struct qn_buf *to, size_t index, const struct load_second *second)
{
    qn_buf_printf(to, "%zu,%llu,%llu,%llu", index, (unsigned long long)second->started,
                  (unsigned long long)second->ended, (unsigned long long)second->errors);
    write_us(to, second->p50_ns);
    write_us(to, second->p99_ns);
    write_us(to, second->max_ns);
    qn_buf_printf(to, ",%u", second->in_flight);
    write_us(to, second->lag_ns);
    if (second->connections < 0)
        qn_buf_write_c(to, ",\n");
    else
        qn_buf_printf(to, ",%d\n", second->connections);
}

bool load_report_csv(FILE *to, const struct load_result *result)
{
    struct qn_buf buf;
    qn_buf_init(&buf, LOAD_REPORT_MAX);
    qn_buf_write_c(&buf, "second,started,ended,errors,p50_us,p99_us,max_us,in_flight,lag_us,connections\n");
    for (size_t i = 0; i < result->n_seconds; i++)
        write_second(&buf, i, &result->seconds[i]);
    return load_report_finish(to, &buf);
}
