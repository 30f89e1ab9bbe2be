#include <stdint.h>
#include <string.h>

#include "common/core/check.h"
#include "common/core/clock.h"
#include "common/core/encode.h"
#include "common/core/utf8.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Every decoder of common/core that peers' text reaches; each is held against its own inverse. */

enum { TEXT_MAX = 4096 };

static void check_utf8(struct qn_str text)
{
    struct qn_str rest = text;
    size_t count = 0;
    uint32_t code_point;
    size_t len;
    while ((len = qn_utf8_get(rest, &code_point)) != 0) {
        char again[4];
        QN_CHECK(qn_utf8_put(again, code_point) == len && memcmp(again, rest.ptr, len) == 0);
        rest.ptr += len;
        rest.len -= len;
        count++;
    }
    QN_CHECK((rest.len == 0) == qn_utf8_valid(text));
    if (rest.len == 0)
        QN_CHECK(qn_utf8_count(text) == count && qn_utf8_utf16_len(text) >= count);
}

static void check_encodings(struct qn_str text)
{
    uint8_t bytes[TEXT_MAX];
    char again[TEXT_MAX + 8];
    size_t len;
    if (qn_hex_decode(text, bytes)) {
        qn_hex_encode(again, bytes, text.len / 2);
        QN_CHECK(qn_str_eq_nocase(text, qn_str_c(again)));
    }
    if (qn_base64_decode(text, bytes, &len)) {
        QN_CHECK(qn_base64_encode(again, bytes, len) == text.len && qn_str_eq(text, qn_str_c(again)));
        QN_CHECK(qn_base64_decode_lax(text, bytes, &len));
    }
    if (qn_base64_decode_lax(text, bytes, &len))
        QN_CHECK(len <= text.len / 4 * 3 + 3);
    if (qn_percent_decode(text, again, &len, true))
        QN_CHECK(len <= text.len);
    struct qn_buf encoded;
    qn_buf_init(&encoded, 3 * TEXT_MAX);
    QN_CHECK(qn_percent_encode(&encoded, text, QN_PERCENT_COMPONENT) == QN_OK);
    char decoded[3 * TEXT_MAX];
    QN_CHECK(qn_percent_decode(qn_buf_view(&encoded), decoded, &len, false));
    QN_CHECK(qn_str_eq(text, qn_str_n(decoded, len)));
    qn_buf_fini(&encoded);
}

static void check_times(struct qn_str text)
{
    int64_t wall_ms, again_ms;
    struct qn_date date;
    if (qn_time_parse(text, &wall_ms)) {
        char formatted[QN_TIME_TEXT_LEN + 1];
        qn_time_format(wall_ms, formatted);
        QN_CHECK(qn_time_parse(qn_str_c(formatted), &again_ms) && again_ms == wall_ms);
    }
    if (qn_date_parse(text, &date))
        QN_CHECK(qn_date_years(date, date) == 0);
}

static void check_reader(struct qn_str text)
{
    struct qn_reader reader = qn_reader_of(text);
    uint64_t value;
    struct qn_str view;
    while (qn_reader_varint(&reader, &value) == QN_OK) {
        size_t left = qn_reader_left(&reader);
        if (qn_reader_view(&reader, value & 15, &view) != QN_OK)
            QN_CHECK(qn_reader_left(&reader) == left);
    }
    QN_CHECK(qn_reader_left(&reader) <= text.len);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size > TEXT_MAX)
        return 0;
    struct qn_str text = qn_str_n((const char *)data, size);
    check_utf8(text);
    check_encodings(text);
    check_times(text);
    check_reader(text);
    return 0;
}
