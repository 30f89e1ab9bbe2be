#include "common/rpc/precheck.h"

#include "common/core/buf.h"
#include "common/core/check.h"
#include "common/core/utf8.h"
#include "common/rpc/fill.h"
#include "common/rpc/kind.h"

/* protobuf-c reads tags and lengths of up to five bytes; so do we, and both see the same numbers. */
enum { TAG_BYTES_MAX = 5, FIELD_NUMBER_MAX = (1 << 29) - 1 };

/* Fields of a message for which we remember whether they came already (proto/gen --lint keeps to it). */
enum { MESSAGE_FIELDS_MAX = 64 };

/* One walk checks, and fills a message when there is one to fill. When the arena is full it goes on without,
 * so that what is malformed further on is still told. */
struct walk {
    size_t n_fields; /* seen so far, packed elements and unknown ones included */
    struct qn_error *err;
    struct qn_arena *arena; /* NULL: nothing is to be filled */
    bool full;
};

static enum qn_status refuse(const struct walk *walk, const ProtobufCMessageDescriptor *in,
                             const ProtobufCFieldDescriptor *field, const char *why)
{
    return qn_error_set(walk->err, QN_INVALID_ARGUMENT, "%s%s%s: %s", in->name, field ? "." : "",
                        field ? field->name : "", why);
}

static inline bool short_varint(struct qn_reader *reader, uint64_t *ret_value)
{
    const uint8_t *start = reader->next;
    return qn_reader_varint(reader, ret_value) == QN_OK && reader->next - start <= TAG_BYTES_MAX;
}

/* One value that is no length-delimited one. */
static inline bool read_number(struct qn_reader *reader, enum qn_kind wire_type, uint64_t *ret_value)
{
    uint32_t four;
    switch (wire_type) {
    case QN_KIND_VARINT:
        return qn_reader_varint(reader, ret_value) == QN_OK;
    case QN_KIND_64:
        return qn_reader_u64le(reader, ret_value) == QN_OK;
    default:
        if (qn_reader_u32le(reader, &four) != QN_OK)
            return false;
        *ret_value = four;
        return true;
    }
}

/* A packed array of scalars. */
static enum qn_status walk_packed(struct walk *walk, const ProtobufCMessageDescriptor *in,
                                  const ProtobufCFieldDescriptor *field, struct qn_str bytes,
                                  ProtobufCMessage *into)
{
    struct qn_reader reader = qn_reader_of(bytes);
    enum qn_kind wire_type = qn_kind_of(field->type);
    uint64_t value;
    while (qn_reader_left(&reader) > 0) {
        if (++walk->n_fields > QN_PRECHECK_FIELDS_MAX)
            return refuse(walk, in, field, "too many fields in all");
        if (!read_number(&reader, wire_type, &value))
            return refuse(walk, in, field, "a malformed element");
        if (into != NULL && !walk->full)
            walk->full = !qn_fill_number(into, field, value, walk->arena);
    }
    return QN_OK;
}

static enum qn_status walk_message(struct walk *walk, const ProtobufCMessageDescriptor *descriptor,
                                   struct qn_str bytes, unsigned depth, ProtobufCMessage *into);

/* Fills an inner message in, if anything is filled. */
static enum qn_status walk_inner(struct walk *walk, const ProtobufCFieldDescriptor *field,
                                 struct qn_str bytes, unsigned depth, ProtobufCMessage *into)
{
    ProtobufCMessage *inner = NULL;
    if (into != NULL && !walk->full && depth <= QN_PRECHECK_NESTING_MAX) {
        inner = qn_fill_message(into, field, walk->arena);
        walk->full = inner == NULL;
    }
    return walk_message(walk, field->descriptor, bytes, depth, inner);
}

/* The bytes of a known field of length-delimited form. */
static enum qn_status walk_bytes(struct walk *walk, const ProtobufCMessageDescriptor *in,
                                 const ProtobufCFieldDescriptor *field, struct qn_str bytes, unsigned depth,
                                 ProtobufCMessage *into)
{
    switch (field->type) {
    case PROTOBUF_C_TYPE_STRING:
        if (!qn_utf8_valid_text(bytes))
            return refuse(walk, in, field,
                          memchr(bytes.ptr, '\0', bytes.len) ? "text with a NUL" : "text that is not UTF-8");
        break;
    case PROTOBUF_C_TYPE_BYTES:
        break;
    case PROTOBUF_C_TYPE_MESSAGE:
        return walk_inner(walk, field, bytes, depth + 1, into);
    default:
        return walk_packed(walk, in, field, bytes, into);
    }
    if (into != NULL && !walk->full)
        walk->full = !qn_fill_bytes(into, field, bytes, walk->arena);
    return QN_OK;
}

/* Whether a field may come in this form: its own, or packed when it is an array of scalars. */
static bool form_fits(const ProtobufCFieldDescriptor *field, uint64_t wire_type)
{
    enum qn_kind own = qn_kind_of(field->type);
    return wire_type == own || (wire_type == QN_KIND_LENGTH && field->label == PROTOBUF_C_LABEL_REPEATED);
}

/* Fields stand in the order of their numbers, and most messages have no gaps: then a number is a place. */
static const ProtobufCFieldDescriptor *field_of(const ProtobufCMessageDescriptor *descriptor, unsigned number)
{
    if (number <= descriptor->n_fields && descriptor->fields[number - 1].id == number)
        return &descriptor->fields[number - 1];
    return protobuf_c_message_descriptor_get_field(descriptor, number);
}

/* Recursion ends at QN_PRECHECK_NESTING_MAX. */
static enum qn_status walk_message(struct walk *walk, const ProtobufCMessageDescriptor *descriptor,
                                   struct qn_str bytes, unsigned depth, ProtobufCMessage *into)
{
    QN_CHECK(descriptor->n_fields <= MESSAGE_FIELDS_MAX);
    if (depth > QN_PRECHECK_NESTING_MAX)
        return refuse(walk, descriptor, NULL, "nested too deeply");
    if (bytes.len == 0)
        return QN_OK;
    struct qn_reader reader = qn_reader_of(bytes);
    uint64_t seen = 0; /* singular messages */
    while (qn_reader_left(&reader) > 0) {
        uint64_t tag;
        if (!short_varint(&reader, &tag) || tag >> 3 == 0 || tag >> 3 > FIELD_NUMBER_MAX)
            return refuse(walk, descriptor, NULL, "a malformed field number");
        if (++walk->n_fields > QN_PRECHECK_FIELDS_MAX)
            return refuse(walk, descriptor, NULL, "too many fields in all");
        uint64_t wire_type = tag & 7;
        if (wire_type != QN_KIND_VARINT && wire_type != QN_KIND_64 && wire_type != QN_KIND_LENGTH &&
            wire_type != QN_KIND_32)
            return refuse(walk, descriptor, NULL, "a group or an unknown wire type");
        const ProtobufCFieldDescriptor *field = field_of(descriptor, (unsigned)(tag >> 3));
        if (field != NULL && !form_fits(field, wire_type))
            return refuse(walk, descriptor, field, "the wrong wire type");
        if (wire_type != QN_KIND_LENGTH) {
            uint64_t value;
            if (!read_number(&reader, (enum qn_kind)wire_type, &value))
                return refuse(walk, descriptor, field, "a malformed value");
            if (field != NULL && into != NULL && !walk->full)
                walk->full = !qn_fill_number(into, field, value, walk->arena);
            continue;
        }
        uint64_t len;
        struct qn_str content;
        if (!short_varint(&reader, &len) || len > qn_reader_left(&reader) ||
            qn_reader_view(&reader, (size_t)len, &content) != QN_OK)
            return refuse(walk, descriptor, field, "a length past the end");
        if (field == NULL)
            continue;
        if (field->type == PROTOBUF_C_TYPE_MESSAGE && field->label != PROTOBUF_C_LABEL_REPEATED) {
            /* Encoders write it once. protobuf-c would merge the two, and reads its has-bits wrong in
             * proto3 (merge_messages() with quantifier_offset 0). */
            uint64_t bit = UINT64_C(1) << (field - descriptor->fields);
            if (seen & bit)
                return refuse(walk, descriptor, field, "given twice");
            seen |= bit;
        }
        QN_TRY(walk_bytes(walk, descriptor, field, content, depth, into));
    }
    return QN_OK;
}

enum qn_status qn_precheck(const ProtobufCMessageDescriptor *descriptor, struct qn_str bytes,
                           struct qn_error *err)
{
    struct walk walk = {.err = err};
    return walk_message(&walk, descriptor, bytes, 1, NULL);
}

enum qn_status qn_unpack(const ProtobufCMessageDescriptor *descriptor, struct qn_str bytes,
                         struct qn_arena *arena, void **ret_message, struct qn_error *err)
{
    struct walk walk = {.err = err, .arena = arena};
    ProtobufCMessage *message = qn_fill_new(descriptor, arena);
    walk.full = message == NULL;
    QN_TRY(walk_message(&walk, descriptor, bytes, 1, message));
    if (walk.full)
        return qn_error_set(err, QN_RESOURCE_EXHAUSTED, "%s: larger than a call's memory", descriptor->name);
    *ret_message = message;
    return QN_OK;
}
