#include <math.h>

#include "common/core/check.h"
#include "common/core/encode.h"
#include "common/json/fields.h"
#include "common/json/number.h"
#include "common/json/reader.h"
#include "common/json/timestamp.h"
#include "common/json/transcode.h"

/* 1. read the text into a tree  2. make the message with its defaults  3. walk the tree's members: find the
 * field by name, check and store its value.
 * Not JSON: "JSON, offset …". A value of the wrong kind or range: "path.of.field: …". The tree is at most 64
 * levels deep, which bounds the recursion here. */

/* The way to a value, for errors; each level lives in its caller's frame. */
struct place {
    const struct place *up;
    const char *name; /* of the field, as in the .proto; NULL: element 'index' of the place above */
    size_t index;
};

struct build {
    struct qn_arena *arena;
    struct qn_error *err;
};

static void write_path(const struct place *at, struct qn_buf *to)
{
    if (!at)
        return;
    write_path(at->up, to);
    if (at->name)
        qn_buf_printf(to, "%s%s", at->up ? "." : "", at->name);
    else
        qn_buf_printf(to, "[%zu]", at->index);
}

static enum qn_status refuse(const struct build *b, const struct place *at, const char *why)
{
    enum { PATH_MAX_BYTES = 160 }; /* leaves room for the reason in an error's message */
    struct qn_buf path;
    qn_buf_init(&path, PATH_MAX_BYTES);
    if (at)
        write_path(at, &path);
    else
        qn_buf_write_c(&path, "JSON");
    enum qn_status status =
        qn_error_set(b->err, QN_INVALID_ARGUMENT, "%.*s%s: %s", QN_STR_ARG(qn_buf_view(&path)),
                     qn_buf_failed(&path) ? "…" : "", why);
    qn_buf_fini(&path);
    return status;
}

static enum qn_status no_memory(const struct build *b)
{
    return qn_error_set(b->err, QN_RESOURCE_EXHAUSTED, "too large");
}

/* A number, or a string that holds nothing but one: proto3's mapping takes both for every numeric field. */
static bool is_number(const struct qn_json *value)
{
    return value->kind == QN_JSON_NUMBER || (value->kind == QN_JSON_STRING && value->text.len > 0 &&
                                             qn_number_scan(value->text) == value->text.len);
}

/* As two's complement of 64 bits, once it is known to fit in 'bits'. */
static enum qn_status read_integer(const struct build *b, const struct place *at, const struct qn_json *value,
                                   bool is_signed, unsigned bits, uint64_t *ret_bits)
{
    if (!is_number(value))
        return refuse(b, at, "must be a whole number");
    bool negative;
    uint64_t magnitude;
    enum qn_status status = qn_number_to_integer(value->text, &negative, &magnitude);
    if (status == QN_INVALID_ARGUMENT)
        return refuse(b, at, "must be a whole number");
    uint64_t most = UINT64_MAX >> (64 - bits + is_signed);
    if (negative)
        most = is_signed ? most + 1 : 0;
    if (status != QN_OK || magnitude > most)
        return refuse(b, at, "out of range");
    *ret_bits = negative ? 0 - magnitude : magnitude;
    return QN_OK;
}

static enum qn_status read_double(const struct build *b, const struct place *at, const struct qn_json *value,
                                  double *ret_number)
{
    if (is_number(value)) {
        *ret_number = qn_number_to_double(value->text.ptr);
        return isinf(*ret_number) ? refuse(b, at, "out of range") : QN_OK;
    }
    bool is_text = value->kind == QN_JSON_STRING;
    if (is_text && qn_str_eq(value->text, QN_STR("NaN")))
        *ret_number = (double)NAN;
    else if (is_text && qn_str_eq(value->text, QN_STR("Infinity")))
        *ret_number = (double)INFINITY;
    else if (is_text && qn_str_eq(value->text, QN_STR("-Infinity")))
        *ret_number = (double)-INFINITY;
    else
        return refuse(b, at, "must be a number, \"NaN\", \"Infinity\" or \"-Infinity\"");
    return QN_OK;
}

static enum qn_status read_float(const struct build *b, const struct place *at, const struct qn_json *value,
                                 float *ret_number)
{
    /* From here on the nearest float is infinity: FLT_MAX and half of its last place. */
    const double too_large = 0x1.ffffffp127;
    double number;
    QN_TRY(read_double(b, at, value, &number));
    if (isfinite(number) && fabs(number) >= too_large)
        return refuse(b, at, "out of range");
    *ret_number = (float)number;
    return QN_OK;
}

static enum qn_status read_bool(const struct build *b, const struct place *at, const struct qn_json *value,
                                protobuf_c_boolean *ret_value)
{
    if (value->kind != QN_JSON_BOOL)
        return refuse(b, at, "must be true or false");
    *ret_value = value->boolean;
    return QN_OK;
}

static enum qn_status read_string(const struct build *b, const struct place *at, const struct qn_json *value,
                                  char **ret_text)
{
    if (value->kind != QN_JSON_STRING)
        return refuse(b, at, "must be a string");
    if (memchr(value->text.ptr, '\0', value->text.len))
        return refuse(b, at, "must not hold U+0000"); /* protobuf-c's strings end there */
    /* The tree's copy, which ends in a NUL and lives in the same arena. Never protobuf_c_empty_string: in a
     * oneof that pointer would be packed as absence. */
    *ret_text = (char *)value->text.ptr;
    return QN_OK;
}

static enum qn_status read_bytes(const struct build *b, const struct place *at, const struct qn_json *value,
                                 ProtobufCBinaryData *ret_data)
{
    if (value->kind != QN_JSON_STRING)
        return refuse(b, at, "must be a string of base64");
    uint8_t *data = qn_arena_alloc(b->arena, value->text.len / 4 * 3 + 3);
    if (!data)
        return no_memory(b);
    size_t len;
    if (!qn_base64_decode_lax(value->text, data, &len))
        return refuse(b, at, "must be a string of base64");
    *ret_data = (ProtobufCBinaryData){.len = len, .data = data};
    return QN_OK;
}

static enum qn_status read_enum(const struct build *b, const struct place *at, const struct qn_json *value,
                                const ProtobufCEnumDescriptor *descriptor, uint32_t *ret_value)
{
    if (value->kind == QN_JSON_NUMBER) { /* proto3's enums are open: any number goes */
        uint64_t number = 0;
        QN_TRY(read_integer(b, at, value, true, 32, &number));
        *ret_value = (uint32_t)number;
        return QN_OK;
    }
    if (value->kind != QN_JSON_STRING)
        return refuse(b, at, "must be a name or a number");
    const ProtobufCEnumValue *named =
        memchr(value->text.ptr, '\0', value->text.len)
            ? NULL
            : protobuf_c_enum_descriptor_get_value_by_name(descriptor, value->text.ptr);
    if (!named)
        return refuse(b, at, "no such name");
    *ret_value = (uint32_t)named->value;
    return QN_OK;
}

static enum qn_status read_message(const struct build *b, const struct place *at, const struct qn_json *value,
                                   const ProtobufCMessageDescriptor *descriptor, void **ret_message);

/* One value of the field's type, to where a field or an element of an array lies. */
static enum qn_status read_value(const struct build *b, const struct place *at, const struct qn_json *value,
                                 const ProtobufCFieldDescriptor *field, void *to)
{
    uint64_t bits = 0;
    switch (field->type) {
    case PROTOBUF_C_TYPE_INT32:
    case PROTOBUF_C_TYPE_SINT32:
    case PROTOBUF_C_TYPE_SFIXED32:
        QN_TRY(read_integer(b, at, value, true, 32, &bits));
        *(uint32_t *)to = (uint32_t)bits;
        return QN_OK;
    case PROTOBUF_C_TYPE_UINT32:
    case PROTOBUF_C_TYPE_FIXED32:
        QN_TRY(read_integer(b, at, value, false, 32, &bits));
        *(uint32_t *)to = (uint32_t)bits;
        return QN_OK;
    case PROTOBUF_C_TYPE_INT64:
    case PROTOBUF_C_TYPE_SINT64:
    case PROTOBUF_C_TYPE_SFIXED64:
        return read_integer(b, at, value, true, 64, to);
    case PROTOBUF_C_TYPE_UINT64:
    case PROTOBUF_C_TYPE_FIXED64:
        return read_integer(b, at, value, false, 64, to);
    case PROTOBUF_C_TYPE_FLOAT:
        return read_float(b, at, value, to);
    case PROTOBUF_C_TYPE_DOUBLE:
        return read_double(b, at, value, to);
    case PROTOBUF_C_TYPE_BOOL:
        return read_bool(b, at, value, to);
    case PROTOBUF_C_TYPE_ENUM:
        return read_enum(b, at, value, field->descriptor, to);
    case PROTOBUF_C_TYPE_STRING:
        return read_string(b, at, value, to);
    case PROTOBUF_C_TYPE_BYTES:
        return read_bytes(b, at, value, to);
    case PROTOBUF_C_TYPE_MESSAGE:
        return read_message(b, at, value, field->descriptor, to);
    }
    return refuse(b, at, "of a type that this server does not know");
}

static enum qn_status read_repeated(const struct build *b, const struct place *at,
                                    const struct qn_json *value, const ProtobufCFieldDescriptor *field,
                                    char *message)
{
    if (value->kind != QN_JSON_ARRAY)
        return refuse(b, at, "must be an array");
    size_t size = qn_fields_size(field->type);
    char *items = NULL;
    if (value->n_items > 0 && !(items = qn_arena_array(b->arena, value->n_items, size)))
        return no_memory(b);
    for (size_t i = 0; i < value->n_items; i++) {
        struct place element = {.up = at, .index = i};
        QN_TRY(read_value(b, &element, &value->items[i], field, items + i * size));
    }
    *(size_t *)(void *)(message + field->quantifier_offset) = value->n_items;
    *(void **)(void *)(message + field->offset) = items;
    return QN_OK;
}

static enum qn_status read_field(const struct build *b, const struct place *at, const struct qn_json *value,
                                 const ProtobufCFieldDescriptor *field, char *message)
{
    if (field->label == PROTOBUF_C_LABEL_REPEATED)
        return read_repeated(b, at, value, field, message);
    QN_CHECK(field->label == PROTOBUF_C_LABEL_NONE);
    if (field->flags & PROTOBUF_C_FIELD_FLAG_ONEOF) {
        uint32_t *set = (uint32_t *)(void *)(message + field->quantifier_offset);
        if (*set != 0 && *set != field->id)
            return refuse(b, at, "excludes another field that is set too");
        *set = field->id;
    }
    return read_value(b, at, value, field, message + field->offset);
}

static enum qn_status read_timestamp(const struct build *b, const struct place *at,
                                     const struct qn_json *value,
                                     const ProtobufCMessageDescriptor *descriptor, char *message)
{
    int64_t *seconds = (int64_t *)(void *)(message + descriptor->fields[0].offset);
    int32_t *nanos = (int32_t *)(void *)(message + descriptor->fields[1].offset);
    if (value->kind != QN_JSON_STRING || !qn_timestamp_parse(value->text, seconds, nanos))
        return refuse(b, at, "must be a time as RFC 3339 has it, \"2026-11-23T04:15:56Z\"");
    return QN_OK;
}

static enum qn_status read_message(const struct build *b, const struct place *at, const struct qn_json *value,
                                   const ProtobufCMessageDescriptor *descriptor, void **ret_message)
{
    char *message = qn_arena_alloc(b->arena, descriptor->sizeof_message);
    if (!message)
        return no_memory(b);
    protobuf_c_message_init(descriptor, message);
    *ret_message = message;
    if (qn_fields_is_timestamp(descriptor))
        return read_timestamp(b, at, value, descriptor, message);
    if (value->kind != QN_JSON_OBJECT)
        return refuse(b, at, "must be an object");
    for (size_t i = 0; i < value->n_items; i++) {
        const ProtobufCFieldDescriptor *field = qn_fields_find(descriptor, value->keys[i]);
        if (!field || value->items[i].kind == QN_JSON_NULL)
            continue;
        struct place member = {.up = at, .name = field->name};
        QN_TRY(read_field(b, &member, &value->items[i], field, message));
    }
    return QN_OK;
}

enum qn_status qn_json_to_message(struct qn_str json, const ProtobufCMessageDescriptor *descriptor,
                                  struct qn_arena *arena, void **ret_message, struct qn_error *err)
{
    struct build b = {.arena = arena, .err = err};
    struct qn_json nothing = {.kind = QN_JSON_OBJECT}, *tree = &nothing;
    if (json.len > 0) {
        struct qn_error inner = {0};
        enum qn_status status = qn_json_parse(json, true, arena, &tree, &inner);
        if (status != QN_OK)
            return qn_error_set(err, status, "JSON, %s", inner.message);
    }
    return read_message(&b, NULL, tree, descriptor, ret_message);
}
