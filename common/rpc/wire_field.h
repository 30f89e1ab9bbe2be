#ifndef QN_RPC_WIRE_FIELD_H
#define QN_RPC_WIRE_FIELD_H

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "common/core/buf.h"
#include "common/core/str.h"

/* Fields of protobuf messages, one at a time; for wire_request.c and wire_response.c alone. Field numbers are
 * under 16, so that a tag is one byte. */

enum { QN_WIRE_VARINT = 0, QN_WIRE_64 = 1, QN_WIRE_LENGTH = 2 };

static inline size_t qn_wire_varint_size(uint64_t value)
{
    size_t size = 1;
    for (; value >= 0x80; value >>= 7)
        size++;
    return size;
}

static inline char *qn_wire_put_varint(char *to, uint64_t value)
{
    for (; value >= 0x80; value >>= 7)
        *to++ = (char)(0x80 | (value & 0x7f));
    *to++ = (char)value;
    return to;
}

static inline size_t qn_wire_framed_size(size_t len)
{
    return 1 + qn_wire_varint_size(len) + len;
}

static inline char *qn_wire_put_frame(char *to, unsigned field, size_t len)
{
    *to++ = (char)(field << 3 | QN_WIRE_LENGTH);
    return qn_wire_put_varint(to, len);
}

/* proto3 leaves out what is empty or zero. */
static inline size_t qn_wire_str_size(struct qn_str s)
{
    return s.len > 0 ? qn_wire_framed_size(s.len) : 0;
}

static inline char *qn_wire_put_str(char *to, unsigned field, struct qn_str s)
{
    if (s.len == 0)
        return to;
    to = qn_wire_put_frame(to, field, s.len);
    memcpy(to, s.ptr, s.len);
    return to + s.len;
}

static inline size_t qn_wire_number_size(uint64_t value)
{
    return value > 0 ? 1 + qn_wire_varint_size(value) : 0;
}

static inline char *qn_wire_put_number(char *to, unsigned field, uint64_t value)
{
    if (value == 0)
        return to;
    *to++ = (char)(field << 3 | QN_WIRE_VARINT);
    return qn_wire_put_varint(to, value);
}

/* One field read. The bytes have been through qn_precheck(), so no read can fail. */
struct qn_wire_field {
    unsigned number;
    uint64_t value;      /* of a varint */
    struct qn_str bytes; /* of a length-delimited one */
};

static inline bool qn_wire_next_field(struct qn_reader *reader, struct qn_wire_field *ret_field)
{
    uint64_t tag, len;
    if (qn_reader_left(reader) == 0 || qn_reader_varint(reader, &tag) != QN_OK)
        return false;
    *ret_field = (struct qn_wire_field){.number = (unsigned)(tag >> 3)};
    switch (tag & 7) {
    case QN_WIRE_VARINT:
        return qn_reader_varint(reader, &ret_field->value) == QN_OK;
    case QN_WIRE_LENGTH:
        return qn_reader_varint(reader, &len) == QN_OK && len <= qn_reader_left(reader) &&
               qn_reader_view(reader, (size_t)len, &ret_field->bytes) == QN_OK;
    default: /* unknown to us, of 64 or 32 bits */
        return qn_reader_view(reader, (tag & 7) == QN_WIRE_64 ? 8 : 4, &ret_field->bytes) == QN_OK;
    }
}

/* An empty view is never read through: its pointer may be NULL. */
static inline struct qn_reader qn_wire_reader_of(struct qn_str bytes)
{
    return qn_reader_of(bytes.len > 0 ? bytes : QN_STR(""));
}

/* The same, left where the reader stands. */
static inline struct qn_str qn_wire_rest_of(const struct qn_reader *reader)
{
    return qn_str_n((const char *)reader->next, qn_reader_left(reader));
}

/* The bytes of the next element of the repeated field 'number'. */
static inline bool qn_wire_next_element(struct qn_str *rest, unsigned number, struct qn_str *ret_bytes)
{
    struct qn_reader reader = qn_wire_reader_of(*rest);
    struct qn_wire_field field;
    while (qn_wire_next_field(&reader, &field)) {
        if (field.number == number) {
            *rest = qn_wire_rest_of(&reader);
            *ret_bytes = field.bytes;
            return true;
        }
    }
    *rest = QN_STR("");
    return false;
}

#endif
