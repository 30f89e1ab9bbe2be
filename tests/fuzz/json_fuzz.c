#include <math.h>
#include <stdint.h>

#include "common/core/check.h"
#include "common/core/utf8.h"
#include "common/json/number.h"
#include "common/json/writer.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* The reader on any bytes. What it takes is UTF-8, and is written as a text that is read as the same value:
 * writing that one gives the same bytes again. */

enum { TEXT_MAX = 64 * 1024, ROOM = 16 * 1024 * 1024 };

/* Every number twice, as a double and as a whole one: where both are exact they are the same. */
static void check_numbers(const struct qn_json *value)
{
    if (value->kind == QN_JSON_NUMBER) {
        bool negative;
        uint64_t magnitude;
        QN_CHECK(qn_number_scan(value->text) == value->text.len);
        enum qn_status status = qn_number_to_integer(value->text, &negative, &magnitude);
        QN_CHECK(status == QN_OK || status == QN_OUT_OF_RANGE || status == QN_INVALID_ARGUMENT);
        if (status == QN_OK)
            QN_CHECK(fabs(value->number) == (double)magnitude && !signbit(value->number) == !negative);
        if (status == QN_OUT_OF_RANGE)
            QN_CHECK(fabs(value->number) >= 0x1p64);
    }
    for (size_t i = 0; i < value->n_items; i++)
        check_numbers(&value->items[i]);
}

/* False when the text is refused. */
static bool read_and_write(struct qn_str text, struct qn_buf *to)
{
    struct qn_arena arena;
    struct qn_json *value;
    struct qn_error err = {0};
    qn_arena_init(&arena, ROOM);
    enum qn_status status = qn_json_parse(text, true, &arena, &value, &err);
    QN_CHECK(status == err.status);
    QN_CHECK(status == QN_OK || status == QN_INVALID_ARGUMENT || status == QN_RESOURCE_EXHAUSTED);
    if (status == QN_OK) {
        struct qn_json_writer w = {.to = to};
        check_numbers(value);
        qn_json_value(&w, value);
        QN_CHECK(!qn_buf_failed(to));
    }
    qn_arena_fini(&arena);
    return status == QN_OK;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size > TEXT_MAX)
        return 0;
    struct qn_str text = qn_str_n((const char *)data, size);
    struct qn_buf once, twice;
    qn_buf_init(&once, ROOM);
    qn_buf_init(&twice, ROOM);
    if (read_and_write(text, &once)) {
        QN_CHECK(qn_utf8_valid(text) && qn_utf8_valid(qn_buf_view(&once)));
        QN_CHECK(read_and_write(qn_buf_view(&once), &twice));
        QN_CHECK(qn_str_eq(qn_buf_view(&once), qn_buf_view(&twice)));
    }
    qn_buf_fini(&once);
    qn_buf_fini(&twice);
    return 0;
}
