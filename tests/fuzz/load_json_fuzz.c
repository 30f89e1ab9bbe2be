#include <stdio.h>
#include <stdlib.h>

#include "common/core/check.h"
#include "tests/load/report/read_json.h"
#include "tests/load/report/report.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* The reader of quintet-load's results on any bytes. What it takes is written as a file that it takes again,
 * and that one is written as the same bytes; and every report can be made of it. */

enum { TEXT_MAX = 256 * 1024 };

static char *report(bool (*write)(FILE *to, const struct load_result *result),
                    const struct load_result *result, size_t *ret_len)
{
    char *text = NULL;
    FILE *to = open_memstream(&text, ret_len);
    QN_CHECK(to && write(to, result));
    QN_CHECK(fclose(to) == 0);
    return text;
}

static bool table(FILE *to, const struct load_result *result)
{
    load_report_table(to, result);
    return !ferror(to);
}

static void make_reports(const struct load_result *result)
{
    bool (*const reports[])(FILE * to, const struct load_result *result) = {
        table, load_report_csv, load_report_hgrm, load_report_html};
    size_t len;
    for (size_t i = 0; i < QN_COUNT(reports); i++)
        free(report(reports[i], result, &len));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct load_result once, twice;
    struct qn_error err = {0};
    size_t first_len, second_len;
    if (size > TEXT_MAX)
        return 0;
    enum qn_status status = load_read_json_text(qn_str_n((const char *)data, size), &once, &err);
    QN_CHECK(status == err.status && (status == QN_OK) == (err.message[0] == '\0'));
    if (status != QN_OK) {
        QN_CHECK(status == QN_INVALID_ARGUMENT || status == QN_RESOURCE_EXHAUSTED);
        return 0;
    }
    char *first = report(load_report_json, &once, &first_len);
    QN_CHECK(load_read_json_text(qn_str_n(first, first_len), &twice, NULL) == QN_OK);
    char *second = report(load_report_json, &twice, &second_len);
    QN_CHECK(qn_str_eq(qn_str_n(first, first_len), qn_str_n(second, second_len)));
    make_reports(&once);
    free(first);
    free(second);
    load_result_fini(&once);
    load_result_fini(&twice);
    return 0;
}
