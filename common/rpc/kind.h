#ifndef QN_RPC_KIND_H
#define QN_RPC_KIND_H

#include <protobuf-c/protobuf-c.h>
#include <stddef.h>

#include "common/core/str.h"

/* What protobuf's types are on the wire and in memory; for precheck.c, fill.c and pack.c alone. */

/* protobuf "Encoding", "Message Structure". Groups, 3 and 4, are none of ours. */
enum qn_kind { QN_KIND_VARINT = 0, QN_KIND_64 = 1, QN_KIND_LENGTH = 2, QN_KIND_32 = 5 };

static inline enum qn_kind qn_kind_of(ProtobufCType type)
{
    switch (type) {
    case PROTOBUF_C_TYPE_FIXED32:
    case PROTOBUF_C_TYPE_SFIXED32:
    case PROTOBUF_C_TYPE_FLOAT:
        return QN_KIND_32;
    case PROTOBUF_C_TYPE_FIXED64:
    case PROTOBUF_C_TYPE_SFIXED64:
    case PROTOBUF_C_TYPE_DOUBLE:
        return QN_KIND_64;
    case PROTOBUF_C_TYPE_STRING:
    case PROTOBUF_C_TYPE_BYTES:
    case PROTOBUF_C_TYPE_MESSAGE:
        return QN_KIND_LENGTH;
    default:
        return QN_KIND_VARINT;
    }
}

/* Bytes of one value in protobuf-c's structs and arrays. */
static inline size_t qn_kind_size(ProtobufCType type)
{
    switch (type) {
    case PROTOBUF_C_TYPE_STRING:
    case PROTOBUF_C_TYPE_MESSAGE:
        return sizeof(void *);
    case PROTOBUF_C_TYPE_BYTES:
        return sizeof(ProtobufCBinaryData);
    case PROTOBUF_C_TYPE_INT64:
    case PROTOBUF_C_TYPE_SINT64:
    case PROTOBUF_C_TYPE_SFIXED64:
    case PROTOBUF_C_TYPE_UINT64:
    case PROTOBUF_C_TYPE_FIXED64:
    case PROTOBUF_C_TYPE_DOUBLE:
        return sizeof(uint64_t);
    default: /* 32-bit numbers, enums, protobuf_c_boolean */
        return sizeof(uint32_t);
    }
}

#endif
