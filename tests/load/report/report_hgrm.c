#include "tests/load/report/report.h"

/* The text that HdrHistogram's outputPercentileDistribution() writes and its plotter reads: a row a bucket
 * that is not empty, "Value Percentile TotalCount 1/(1-Percentile)", here in milliseconds. The last row's
 * fourth column, an infinity, is left out by HdrHistogram, too. */

#define NS_A_MS 1e6

bool load_report_hgrm(FILE *to, const struct load_result *result)
{
    const struct load_hist *hist = &result->latency;
    struct qn_buf buf;
    qn_buf_init(&buf, LOAD_REPORT_MAX);
    qn_buf_write_c(&buf, "       Value     Percentile TotalCount 1/(1-Percentile)\n\n");
    size_t place = 0;
    uint64_t upper, count, seen = 0;
    while (load_hist_next(hist, &place, &upper, &count)) {
        double value = (double)(upper < hist->max_ns ? upper : hist->max_ns) / NS_A_MS;
        seen += count;
        qn_buf_printf(&buf, "%12.6f %2.12f %10llu", value, (double)seen / (double)hist->count,
                      (unsigned long long)seen);
        if (seen < hist->count)
            qn_buf_printf(&buf, " %14.2f\n", (double)hist->count / (double)(hist->count - seen));
        else
            qn_buf_write_c(&buf, "\n");
    }
    qn_buf_printf(&buf, "#[Mean    = %12.6f, StdDeviation   = %12.6f]\n", load_hist_mean_ns(hist) / NS_A_MS,
                  load_hist_deviation_ns(hist) / NS_A_MS);
    qn_buf_printf(&buf, "#[Max     = %12.6f, Total count    = %12llu]\n", (double)hist->max_ns / NS_A_MS,
                  (unsigned long long)hist->count);
    /* Of the layout that HdrHistogram calls so: powers of two, and the parts that each is cut into. */
    qn_buf_printf(&buf, "#[Buckets = %12d, SubBuckets     = %12d]\n", LOAD_HIST_BITS_MAX - 7,
                  2 * LOAD_HIST_HALF);
    return load_report_finish(to, &buf);
}
