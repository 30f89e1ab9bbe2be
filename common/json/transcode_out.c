#include <inttypes.h>
#include <math.h>
#include <stdio.h>

#include "common/core/encode.h"
#include "common/core/utf8.h"
#include "common/json/fields.h"
#include "common/json/timestamp.h"
#include "common/json/transcode.h"
#include "common/json/writer.h"

/* Walks the message's fields in the order of their numbers. What is left out is what protobuf-c would not
 * pack, so both forms of a message say the same. */

enum { DEPTH_MAX = 64 }; /* what transcode_in.c could read again */

static const void *at_offset(const void *message, unsigned offset)
{
    return (const char *)message + offset;
}

/* A field that belongs to no oneof and holds its type's default. */
static bool is_default(const ProtobufCFieldDescriptor *field, const void *at)
{
    switch (field->type) {
    case PROTOBUF_C_TYPE_INT64:
    case PROTOBUF_C_TYPE_SINT64:
    case PROTOBUF_C_TYPE_SFIXED64:
    case PROTOBUF_C_TYPE_UINT64:
    case PROTOBUF_C_TYPE_FIXED64:
        return *(const uint64_t *)at == 0;
    case PROTOBUF_C_TYPE_FLOAT:
        return *(const float *)at == 0;
    case PROTOBUF_C_TYPE_DOUBLE:
        return *(const double *)at == 0;
    case PROTOBUF_C_TYPE_STRING: {
        const char *text = *(const char *const *)at;
        return !text || !*text;
    }
    case PROTOBUF_C_TYPE_BYTES:
        return ((const ProtobufCBinaryData *)at)->len == 0;
    case PROTOBUF_C_TYPE_MESSAGE:
        return *(const void *const *)at == NULL;
    default: /* 32-bit numbers, enums, protobuf_c_boolean */
        return *(const uint32_t *)at == 0;
    }
}

static bool is_present(const ProtobufCFieldDescriptor *field, const void *message)
{
    const void *at = at_offset(message, field->offset);
    const void *quantifier = at_offset(message, field->quantifier_offset);
    if (field->label == PROTOBUF_C_LABEL_REPEATED)
        return *(const size_t *)quantifier > 0;
    if (field->flags & PROTOBUF_C_FIELD_FLAG_ONEOF)
        return *(const uint32_t *)quantifier == field->id &&
               !(field->type == PROTOBUF_C_TYPE_MESSAGE && is_default(field, at));
    return !is_default(field, at);
}

static void write_comma(struct qn_json_writer *w)
{
    if (w->need_comma)
        qn_buf_write_byte(w->to, ',');
}

/* Identifiers need no escapes. */
static void write_key(struct qn_json_writer *w, const struct qn_str *key, const char *name)
{
    write_comma(w);
    w->need_comma = false;
    if (key) {
        qn_buf_write_str(w->to, *key);
        return;
    }
    /* Made in its place. */
    qn_buf_write_byte(w->to, '"');
    char *room = qn_buf_reserve(w->to, strlen(name));
    if (room)
        qn_buf_commit(w->to, qn_fields_camel(name, room));
    qn_buf_write(w->to, "\":", 2);
}

/* Made in its place: base64 needs no escapes. */
static void write_bytes(struct qn_json_writer *w, const ProtobufCBinaryData *bytes)
{
    write_comma(w);
    qn_buf_write_byte(w->to, '"');
    size_t text_len = (bytes->len + 2) / 3 * 4;
    char *room = qn_buf_reserve(w->to, text_len + 1); /* its NUL, where the quote goes */
    if (room)
        qn_buf_commit(w->to, qn_base64_encode(room, bytes->data, bytes->len));
    qn_buf_write_byte(w->to, '"');
    w->need_comma = true;
}

/* JavaScript's numbers are exact up to 2^53 only, so 64 bits travel as text. */
static void write_i64(struct qn_json_writer *w, int64_t number)
{
    char text[24];
    snprintf(text, sizeof text, "%" PRId64, number);
    qn_json_c(w, text);
}

static void write_u64(struct qn_json_writer *w, uint64_t number)
{
    char text[24];
    snprintf(text, sizeof text, "%" PRIu64, number);
    qn_json_c(w, text);
}

static void write_float(struct qn_json_writer *w, double number, bool is_float)
{
    if (isnan(number))
        qn_json_c(w, "NaN");
    else if (isinf(number))
        qn_json_c(w, number > 0 ? "Infinity" : "-Infinity");
    else if (is_float)
        qn_json_float(w, (float)number);
    else
        qn_json_double(w, number);
}

static void write_enum(struct qn_json_writer *w, const ProtobufCEnumDescriptor *descriptor, int32_t number)
{
    const ProtobufCEnumValue *value = protobuf_c_enum_descriptor_get_value(descriptor, number);
    if (value)
        qn_json_c(w, value->name);
    else
        qn_json_int(w, number); /* proto3's enums are open */
}

static enum qn_status write_string(struct qn_json_writer *w, const char *text)
{
    struct qn_str view = qn_str_c(text);
    if (!qn_utf8_valid(view))
        return QN_INTERNAL;
    qn_json_str(w, view);
    return QN_OK;
}

static enum qn_status write_timestamp(struct qn_json_writer *w, const ProtobufCMessage *message)
{
    const ProtobufCFieldDescriptor *fields = message->descriptor->fields;
    char text[QN_TIMESTAMP_TEXT_MAX];
    size_t len = qn_timestamp_format(*(const int64_t *)at_offset(message, fields[0].offset),
                                     *(const int32_t *)at_offset(message, fields[1].offset), text);
    if (len == 0)
        return QN_INTERNAL;
    qn_json_str(w, qn_str_n(text, len));
    return QN_OK;
}

static enum qn_status write_message(struct qn_json_writer *w, const ProtobufCMessage *message,
                                    unsigned depth);

static enum qn_status write_value(struct qn_json_writer *w, const ProtobufCFieldDescriptor *field,
                                  const void *at, unsigned depth)
{
    switch (field->type) {
    case PROTOBUF_C_TYPE_INT32:
    case PROTOBUF_C_TYPE_SINT32:
    case PROTOBUF_C_TYPE_SFIXED32:
        qn_json_int(w, *(const int32_t *)at);
        return QN_OK;
    case PROTOBUF_C_TYPE_UINT32:
    case PROTOBUF_C_TYPE_FIXED32:
        qn_json_int(w, *(const uint32_t *)at);
        return QN_OK;
    case PROTOBUF_C_TYPE_INT64:
    case PROTOBUF_C_TYPE_SINT64:
    case PROTOBUF_C_TYPE_SFIXED64:
        write_i64(w, *(const int64_t *)at);
        return QN_OK;
    case PROTOBUF_C_TYPE_UINT64:
    case PROTOBUF_C_TYPE_FIXED64:
        write_u64(w, *(const uint64_t *)at);
        return QN_OK;
    case PROTOBUF_C_TYPE_FLOAT:
        write_float(w, (double)*(const float *)at, true);
        return QN_OK;
    case PROTOBUF_C_TYPE_DOUBLE:
        write_float(w, *(const double *)at, false);
        return QN_OK;
    case PROTOBUF_C_TYPE_BOOL:
        qn_json_bool(w, *(const protobuf_c_boolean *)at != 0);
        return QN_OK;
    case PROTOBUF_C_TYPE_ENUM:
        write_enum(w, field->descriptor, *(const int32_t *)at);
        return QN_OK;
    case PROTOBUF_C_TYPE_STRING:
        return write_string(w, *(const char *const *)at);
    case PROTOBUF_C_TYPE_BYTES:
        write_bytes(w, at);
        return QN_OK;
    case PROTOBUF_C_TYPE_MESSAGE:
        return write_message(w, *(const ProtobufCMessage *const *)at, depth);
    }
    return QN_INTERNAL;
}

static enum qn_status write_repeated(struct qn_json_writer *w, const ProtobufCFieldDescriptor *field,
                                     const void *message, unsigned depth)
{
    size_t n = *(const size_t *)at_offset(message, field->quantifier_offset);
    const char *items = *(const char *const *)at_offset(message, field->offset);
    size_t size = qn_fields_size(field->type);
    if (depth >= DEPTH_MAX)
        return QN_INTERNAL;
    qn_json_array_begin(w);
    for (size_t i = 0; i < n; i++)
        QN_TRY(write_value(w, field, items + i * size, depth + 1));
    qn_json_array_end(w);
    return QN_OK;
}

/* 'depth' arrays and objects are open around it. */
static enum qn_status write_message(struct qn_json_writer *w, const ProtobufCMessage *message, unsigned depth)
{
    if (!message)
        return QN_INTERNAL;
    if (qn_fields_is_timestamp(message->descriptor))
        return write_timestamp(w, message);
    if (depth >= DEPTH_MAX)
        return QN_INTERNAL;
    const struct qn_str *keys = qn_fields_keys(message->descriptor);
    qn_json_object_begin(w);
    for (size_t i = 0; i < message->descriptor->n_fields; i++) {
        const ProtobufCFieldDescriptor *field = &message->descriptor->fields[i];
        if (!is_present(field, message))
            continue;
        write_key(w, keys ? &keys[i] : NULL, field->name);
        if (field->label == PROTOBUF_C_LABEL_REPEATED)
            QN_TRY(write_repeated(w, field, message, depth + 1));
        else
            QN_TRY(write_value(w, field, at_offset(message, field->offset), depth + 1));
    }
    qn_json_object_end(w);
    return QN_OK;
}

enum qn_status qn_json_from_message(const void *message, struct qn_buf *to)
{
    struct qn_json_writer w = {.to = to};
    QN_TRY(write_message(&w, message, 0));
    return qn_buf_failed(to) ? QN_RESOURCE_EXHAUSTED : QN_OK;
}
