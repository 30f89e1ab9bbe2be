#include "common/rpc/fill.h"

#include "common/core/check.h"
#include "common/rpc/kind.h"

/* Room of a repeated field's first elements; from there on it doubles whenever their number has reached a
 * power of two. */
enum { FIRST_ELEMENTS = 4 };

static void *at_offset(ProtobufCMessage *message, unsigned offset)
{
    return (char *)message + offset;
}

/* The place behind the last element; NULL when the arena is full. The element counts at once. */
static void *append(ProtobufCMessage *message, const ProtobufCFieldDescriptor *field, struct qn_arena *arena)
{
    size_t *n = at_offset(message, field->quantifier_offset);
    char **elements = at_offset(message, field->offset);
    size_t size = qn_kind_size(field->type);
    if (*n == 0 || (*n >= FIRST_ELEMENTS && (*n & (*n - 1)) == 0)) {
        size_t room = *n == 0 ? FIRST_ELEMENTS : 2 * *n;
        char *more = qn_arena_alloc(arena, room * size); /* of a walk's 65,536 fields at most: no overflow */
        if (more == NULL)
            return NULL;
        if (*n > 0)
            memcpy(more, *elements, *n * size);
        *elements = more;
    }
    return *elements + (*n)++ * size;
}

/* Where the value goes. */
static void *place(ProtobufCMessage *message, const ProtobufCFieldDescriptor *field, struct qn_arena *arena)
{
    if (field->label == PROTOBUF_C_LABEL_REPEATED)
        return append(message, field, arena);
    QN_CHECK(field->label == PROTOBUF_C_LABEL_NONE);
    if (field->flags & PROTOBUF_C_FIELD_FLAG_ONEOF)
        *(uint32_t *)at_offset(message, field->quantifier_offset) = field->id;
    return at_offset(message, field->offset);
}

ProtobufCMessage *qn_fill_new(const ProtobufCMessageDescriptor *descriptor, struct qn_arena *arena)
{
    ProtobufCMessage *message = qn_arena_alloc(arena, descriptor->sizeof_message);
    if (message != NULL)
        descriptor->message_init(message);
    return message;
}

/* protobuf "Encoding", "Signed Integers": 0, -1, 1, -2 … as 0, 1, 2, 3 … */
static uint64_t unzigzag(uint64_t value)
{
    return (value >> 1) ^ (0 - (value & 1));
}

bool qn_fill_number(ProtobufCMessage *message, const ProtobufCFieldDescriptor *field, uint64_t value,
                    struct qn_arena *arena)
{
    void *at = place(message, field, arena);
    if (at == NULL)
        return false;
    switch (field->type) {
    case PROTOBUF_C_TYPE_INT64:
    case PROTOBUF_C_TYPE_SFIXED64:
    case PROTOBUF_C_TYPE_UINT64:
    case PROTOBUF_C_TYPE_FIXED64:
    case PROTOBUF_C_TYPE_DOUBLE:
        *(uint64_t *)at = value;
        break;
    case PROTOBUF_C_TYPE_SINT64:
        *(uint64_t *)at = unzigzag(value);
        break;
    case PROTOBUF_C_TYPE_SINT32:
        *(uint32_t *)at = (uint32_t)unzigzag((uint32_t)value);
        break;
    case PROTOBUF_C_TYPE_BOOL:
        *(protobuf_c_boolean *)at = value != 0;
        break;
    default: /* 32 bits: of a longer varint the low ones */
        *(uint32_t *)at = (uint32_t)value;
        break;
    }
    return true;
}

bool qn_fill_bytes(ProtobufCMessage *message, const ProtobufCFieldDescriptor *field, struct qn_str value,
                   struct qn_arena *arena)
{
    char *copy = qn_arena_copy(arena, value.ptr, value.len);
    void *at = copy != NULL ? place(message, field, arena) : NULL;
    if (at == NULL)
        return false;
    if (field->type == PROTOBUF_C_TYPE_STRING)
        *(char **)at = copy;
    else
        *(ProtobufCBinaryData *)at = (ProtobufCBinaryData){value.len, (uint8_t *)copy};
    return true;
}

ProtobufCMessage *qn_fill_message(ProtobufCMessage *message, const ProtobufCFieldDescriptor *field,
                                  struct qn_arena *arena)
{
    ProtobufCMessage *inner = qn_fill_new(field->descriptor, arena);
    void *at = inner != NULL ? place(message, field, arena) : NULL;
    if (at == NULL)
        return NULL;
    *(ProtobufCMessage **)at = inner;
    return inner;
}
