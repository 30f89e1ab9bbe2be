#include <stdint.h>

#include "common/core/check.h"
#include "common/core/encode.h"
#include "common/core/utf8.h"
#include "services/gateway/better_auth/form.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* A form as anybody may post it. What is taken has distinct names and is UTF-8 throughout, and written again
 * it reads the same. */

enum { FORM_MAX = 16 * 1024 };

static void write_again(const struct qn_json *object, struct qn_buf *to)
{
    for (size_t i = 0; i < object->n_items; i++) {
        (void)qn_percent_encode(to, object->keys[i], QN_PERCENT_UNRESERVED);
        (void)qn_buf_write_byte(to, '=');
        (void)qn_percent_encode(to, object->items[i].text, QN_PERCENT_UNRESERVED);
        (void)qn_buf_write_byte(to, '&');
    }
    QN_CHECK(!qn_buf_failed(to));
}

static void check(const struct qn_json *object)
{
    QN_CHECK(object->kind == QN_JSON_OBJECT && object->n_items <= GATEWAY_FORM_FIELDS_MAX);
    for (size_t i = 0; i < object->n_items; i++) {
        QN_CHECK(object->items[i].kind == QN_JSON_STRING);
        QN_CHECK(qn_utf8_valid(object->keys[i]) && qn_utf8_valid(object->items[i].text));
        for (size_t k = 0; k < i; k++)
            QN_CHECK(!qn_str_eq(object->keys[i], object->keys[k]));
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct qn_arena arena;
    struct qn_json *object = NULL, *again = NULL;
    struct qn_buf text;
    if (size > FORM_MAX)
        return 0;
    qn_arena_init(&arena, 1024 * 1024);
    if (gateway_form_read(qn_str_n((const char *)data, size), &arena, &object) == QN_OK) {
        check(object);
        qn_buf_init(&text, 4 * FORM_MAX);
        write_again(object, &text);
        QN_CHECK(gateway_form_read(qn_buf_view(&text), &arena, &again) == QN_OK);
        QN_CHECK(again->n_items == object->n_items);
        for (size_t i = 0; i < object->n_items; i++) {
            QN_CHECK(qn_str_eq(object->keys[i], again->keys[i]));
            QN_CHECK(qn_str_eq(object->items[i].text, again->items[i].text));
        }
        qn_buf_fini(&text);
    }
    qn_arena_fini(&arena);
    return 0;
}
