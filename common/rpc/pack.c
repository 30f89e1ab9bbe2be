#include "common/rpc/pack.h"

#include <endian.h>

#include "common/core/check.h"
#include "common/core/utf8.h"
#include "common/rpc/kind.h"
#include "common/rpc/precheck.h"

/* Two walks over the message: one measures and checks, one writes. The second goes backwards, from the last
 * byte to the first, because then the length of an inner message is known when its turn comes. */

static const void *at_offset(const ProtobufCMessage *message, unsigned offset)
{
    return (const char *)message + offset;
}

/* The number as its varint has it, or the bits of a fixed one. */
static inline uint64_t number_at(ProtobufCType type, const void *at)
{
    int64_t wide;
    int32_t narrow;
    switch (type) {
    case PROTOBUF_C_TYPE_INT64:
    case PROTOBUF_C_TYPE_UINT64:
    case PROTOBUF_C_TYPE_FIXED64:
    case PROTOBUF_C_TYPE_SFIXED64:
    case PROTOBUF_C_TYPE_DOUBLE:
        return *(const uint64_t *)at;
    case PROTOBUF_C_TYPE_SINT64:
        wide = *(const int64_t *)at;
        return ((uint64_t)wide << 1) ^ (uint64_t)(wide >> 63);
    case PROTOBUF_C_TYPE_SINT32:
        narrow = *(const int32_t *)at;
        return ((uint32_t)narrow << 1) ^ (uint32_t)(narrow >> 31);
    case PROTOBUF_C_TYPE_INT32:
    case PROTOBUF_C_TYPE_ENUM:
        return (uint64_t)(int64_t) * (const int32_t *)at; /* a negative one is of ten bytes */
    case PROTOBUF_C_TYPE_BOOL:
        return *(const protobuf_c_boolean *)at != 0;
    default:
        return *(const uint32_t *)at;
    }
}

/* The text or bytes there. */
static struct qn_str bytes_at(ProtobufCType type, const void *at)
{
    if (type == PROTOBUF_C_TYPE_STRING) {
        const char *text = *(const char *const *)at;
        return text != NULL ? qn_str_c(text) : QN_STR("");
    }
    const ProtobufCBinaryData *bytes = at;
    return qn_str_n((const char *)bytes->data, bytes->len);
}

/* What proto3 leaves out. Of a oneof, what is not the chosen one; a text there that is the default itself,
 * and not another empty one, as protobuf-c has it. */
static inline bool is_left_out(const ProtobufCMessage *message, const ProtobufCFieldDescriptor *field)
{
    const void *at = at_offset(message, field->offset);
    QN_CHECK(field->label == PROTOBUF_C_LABEL_NONE);
    if (field->flags & PROTOBUF_C_FIELD_FLAG_ONEOF) {
        if (*(const uint32_t *)at_offset(message, field->quantifier_offset) != field->id)
            return true;
        if (field->type == PROTOBUF_C_TYPE_MESSAGE)
            return *(const void *const *)at == NULL;
        return field->type == PROTOBUF_C_TYPE_STRING &&
               (*(const void *const *)at == NULL || *(const void *const *)at == field->default_value);
    }
    switch (field->type) {
    case PROTOBUF_C_TYPE_STRING: {
        const char *text = *(const char *const *)at;
        return text == NULL || *text == '\0';
    }
    case PROTOBUF_C_TYPE_MESSAGE:
        return *(const void *const *)at == NULL;
    case PROTOBUF_C_TYPE_BYTES:
        return ((const ProtobufCBinaryData *)at)->len == 0;
    case PROTOBUF_C_TYPE_FLOAT:
        return *(const float *)at == 0; /* and so is -0 */
    case PROTOBUF_C_TYPE_DOUBLE:
        return *(const double *)at == 0;
    case PROTOBUF_C_TYPE_INT64:
    case PROTOBUF_C_TYPE_UINT64:
    case PROTOBUF_C_TYPE_SINT64:
    case PROTOBUF_C_TYPE_FIXED64:
    case PROTOBUF_C_TYPE_SFIXED64:
        return *(const uint64_t *)at == 0;
    default: /* 32-bit numbers, enums, protobuf_c_boolean */
        return *(const uint32_t *)at == 0;
    }
}

static bool is_packed(const ProtobufCFieldDescriptor *field)
{
    return (field->flags & PROTOBUF_C_FIELD_FLAG_PACKED) != 0;
}

/* Measuring. */

struct measure {
    size_t n_fields;
    struct qn_error *err;
};

static size_t varint_size(uint64_t value)
{
    return 1 + (63 - (size_t)__builtin_clzll(value | 1)) / 7;
}

static size_t tag_size(const ProtobufCFieldDescriptor *field)
{
    return varint_size((uint64_t)field->id << 3);
}

static size_t number_size(const ProtobufCFieldDescriptor *field, const void *at)
{
    switch (qn_kind_of(field->type)) {
    case QN_KIND_32:
        return 4;
    case QN_KIND_64:
        return 8;
    default:
        return varint_size(number_at(field->type, at));
    }
}

static enum qn_status measure_message(struct measure *m, const ProtobufCMessage *message, unsigned depth,
                                      size_t *ret_bytes);

/* Without tag, but with the length of what has one. */
static inline enum qn_status measure_value(struct measure *m, const ProtobufCMessage *in,
                                           const ProtobufCFieldDescriptor *field, const void *at,
                                           unsigned depth, size_t *ret_bytes)
{
    size_t len = 0;
    if (++m->n_fields > QN_PRECHECK_FIELDS_MAX)
        return qn_error_set(m->err, QN_INVALID_ARGUMENT, "%s.%s: too many fields in all",
                            in->descriptor->name, field->name);
    if (qn_kind_of(field->type) != QN_KIND_LENGTH) {
        *ret_bytes = number_size(field, at);
        return QN_OK;
    }
    if (field->type == PROTOBUF_C_TYPE_MESSAGE) {
        const ProtobufCMessage *inner = *(const ProtobufCMessage *const *)at;
        if (inner != NULL)
            QN_TRY(measure_message(m, inner, depth + 1, &len));
    } else {
        struct qn_str bytes = bytes_at(field->type, at);
        len = bytes.len;
        if (field->type == PROTOBUF_C_TYPE_STRING && !qn_utf8_valid(bytes))
            return qn_error_set(m->err, QN_INVALID_ARGUMENT, "%s.%s: text that is not UTF-8",
                                in->descriptor->name, field->name);
    }
    *ret_bytes = varint_size(len) + len;
    return QN_OK;
}

static enum qn_status measure_repeated(struct measure *m, const ProtobufCMessage *message,
                                       const ProtobufCFieldDescriptor *field, unsigned depth,
                                       size_t *ret_bytes)
{
    size_t n = *(const size_t *)at_offset(message, field->quantifier_offset), sum = 0, bytes = 0;
    const char *elements = *(const char *const *)at_offset(message, field->offset);
    for (size_t i = 0; i < n; i++) {
        QN_TRY(measure_value(m, message, field, elements + i * qn_kind_size(field->type), depth, &bytes));
        sum += bytes;
    }
    if (is_packed(field))
        *ret_bytes = n > 0 ? tag_size(field) + varint_size(sum) + sum : 0;
    else
        *ret_bytes = n * tag_size(field) + sum;
    m->n_fields += is_packed(field) && n > 0; /* the array itself is one */
    return QN_OK;
}

/* Recursion ends at the nesting that a peer would take. */
static enum qn_status measure_message(struct measure *m, const ProtobufCMessage *message, unsigned depth,
                                      size_t *ret_bytes)
{
    const ProtobufCMessageDescriptor *descriptor = message->descriptor;
    if (depth > QN_PRECHECK_NESTING_MAX)
        return qn_error_set(m->err, QN_INVALID_ARGUMENT, "%s: nested too deeply", descriptor->name);
    size_t sum = 0, bytes = 0;
    for (unsigned i = 0; i < descriptor->n_fields; i++) {
        const ProtobufCFieldDescriptor *field = &descriptor->fields[i];
        if (field->label == PROTOBUF_C_LABEL_REPEATED) {
            QN_TRY(measure_repeated(m, message, field, depth, &bytes));
            sum += bytes;
        } else if (!is_left_out(message, field)) {
            QN_TRY(measure_value(m, message, field, at_offset(message, field->offset), depth, &bytes));
            sum += tag_size(field) + bytes;
        }
    }
    *ret_bytes = sum;
    return QN_OK;
}

enum qn_status qn_pack_measure(const ProtobufCMessage *message, size_t *ret_bytes, struct qn_error *err)
{
    struct measure m = {.err = err};
    QN_TRY(measure_message(&m, message, 1, ret_bytes));
    if (m.n_fields > QN_PRECHECK_FIELDS_MAX)
        return qn_error_set(err, QN_INVALID_ARGUMENT, "%s: too many fields in all",
                            message->descriptor->name);
    return QN_OK;
}

/* Writing, backwards. */

static char *put_varint(char *end, uint64_t value)
{
    if (value < 0x80) {
        *--end = (char)value;
        return end;
    }
    char *start = end - varint_size(value), *to = start;
    for (; value >= 0x80; value >>= 7)
        *to++ = (char)(0x80 | (value & 0x7f));
    *to = (char)value;
    return start;
}

static char *put_tag(char *end, const ProtobufCFieldDescriptor *field, enum qn_kind wire_type)
{
    return put_varint(end, (uint64_t)field->id << 3 | wire_type);
}

static char *put_value(char *end, const ProtobufCFieldDescriptor *field, const void *at)
{
    if (field->type == PROTOBUF_C_TYPE_MESSAGE) {
        const ProtobufCMessage *inner = *(const ProtobufCMessage *const *)at;
        char *start = inner != NULL ? qn_pack_write(inner, end) : end;
        return put_varint(start, (uint64_t)(end - start));
    }
    uint64_t number;
    struct qn_str bytes;
    switch (qn_kind_of(field->type)) {
    case QN_KIND_LENGTH:
        bytes = bytes_at(field->type, at);
        end -= bytes.len;
        if (bytes.len > 0)
            memcpy(end, bytes.ptr, bytes.len);
        return put_varint(end, bytes.len);
    case QN_KIND_VARINT:
        return put_varint(end, number_at(field->type, at));
    case QN_KIND_64:
        number = htole64(number_at(field->type, at));
        return memcpy(end - 8, &number, 8);
    default:
        number = htole64(number_at(field->type, at));
        return memcpy(end - 4, &number, 4);
    }
}

static char *put_repeated(char *end, const ProtobufCMessage *message, const ProtobufCFieldDescriptor *field)
{
    size_t n = *(const size_t *)at_offset(message, field->quantifier_offset);
    const char *elements = *(const char *const *)at_offset(message, field->offset);
    char *start = end;
    for (size_t i = n; i-- > 0;) {
        start = put_value(start, field, elements + i * qn_kind_size(field->type));
        if (!is_packed(field))
            start = put_tag(start, field, qn_kind_of(field->type));
    }
    if (!is_packed(field) || n == 0)
        return start;
    start = put_varint(start, (uint64_t)(end - start));
    return put_tag(start, field, QN_KIND_LENGTH);
}

char *qn_pack_write(const ProtobufCMessage *message, char *end)
{
    const ProtobufCMessageDescriptor *descriptor = message->descriptor;
    for (unsigned i = descriptor->n_fields; i-- > 0;) {
        const ProtobufCFieldDescriptor *field = &descriptor->fields[i];
        if (field->label == PROTOBUF_C_LABEL_REPEATED) {
            end = put_repeated(end, message, field);
        } else if (!is_left_out(message, field)) {
            end = put_value(end, field, at_offset(message, field->offset));
            end = put_tag(end, field, qn_kind_of(field->type));
        }
    }
    return end;
}

enum qn_status qn_pack(const void *message, struct qn_arena *arena, struct qn_str *ret_bytes)
{
    size_t len;
    QN_TRY(qn_pack_measure(message, &len, NULL));
    char *bytes = qn_arena_alloc(arena, len > 0 ? len : 1);
    if (bytes == NULL)
        return QN_RESOURCE_EXHAUSTED;
    QN_CHECK(qn_pack_write(message, bytes + len) == bytes);
    *ret_bytes = qn_str_n(bytes, len);
    return QN_OK;
}
