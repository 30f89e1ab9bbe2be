#include "services/gateway/better_auth/form.h"

#include "common/core/encode.h"
#include "common/core/utf8.h"

/* The byte that "%41" stands for; false where it is not that. */
static bool read_escape(struct qn_str text, size_t at, uint8_t *ret_byte)
{
    return text.ptr[at] == '%' && text.len - at >= 3 &&
           qn_hex_decode(qn_str_n(text.ptr + at + 1, 2), ret_byte);
}

/* One side of "name=value", decoded. */
static enum qn_status decode(struct qn_str raw, struct qn_arena *arena, struct qn_str *ret_text)
{
    char *text = qn_arena_alloc(arena, raw.len + 1);
    size_t len = 0;
    uint8_t byte;
    if (!text)
        return QN_RESOURCE_EXHAUSTED;
    for (size_t at = 0; at < raw.len; at++) {
        if (read_escape(raw, at, &byte)) {
            text[len++] = (char)byte;
            at += 2;
        } else {
            text[len++] = raw.ptr[at] == '+' ? ' ' : raw.ptr[at];
        }
    }
    *ret_text = qn_str_n(text, len);
    return qn_utf8_valid(*ret_text) ? QN_OK : QN_INVALID_ARGUMENT;
}

enum qn_status gateway_form_read(struct qn_str text, struct qn_arena *arena, struct qn_json **ret_object)
{
    struct qn_json *object = qn_arena_new(arena, struct qn_json);
    struct qn_str *keys = qn_arena_array(arena, GATEWAY_FORM_FIELDS_MAX, sizeof *keys);
    struct qn_json *items = qn_arena_array(arena, GATEWAY_FORM_FIELDS_MAX, sizeof *items);
    struct qn_str pair, key, value;
    if (!object || !keys || !items)
        return QN_RESOURCE_EXHAUSTED;
    *object = (struct qn_json){.kind = QN_JSON_OBJECT, .keys = keys, .items = items};
    while (qn_str_next(&text, '&', &pair)) {
        if (pair.len == 0)
            continue;
        ptrdiff_t equals = qn_str_find(pair, '=');
        size_t name_len = equals < 0 ? pair.len : (size_t)equals;
        size_t value_at = equals < 0 ? pair.len : name_len + 1;
        QN_TRY(decode(qn_str_n(pair.ptr, name_len), arena, &key));
        QN_TRY(decode(qn_str_n(pair.ptr + value_at, pair.len - value_at), arena, &value));
        size_t at = 0;
        while (at < object->n_items && !qn_str_eq(keys[at], key))
            at++;
        if (at == GATEWAY_FORM_FIELDS_MAX)
            return QN_RESOURCE_EXHAUSTED;
        if (at == object->n_items)
            object->n_items++;
        keys[at] = key;
        items[at] = (struct qn_json){.kind = QN_JSON_STRING, .text = value};
    }
    *ret_object = object;
    return QN_OK;
}

void gateway_form_write(struct qn_buf *to, struct qn_str text)
{
    for (size_t i = 0; i < text.len; i++) {
        unsigned char c = (unsigned char)text.ptr[i];
        if ((c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || c == '*' ||
            c == '-' || c == '.' || c == '_')
            qn_buf_write_byte(to, c);
        else if (c == ' ')
            qn_buf_write_byte(to, '+');
        else
            qn_buf_printf(to, "%%%02X", c);
    }
}
