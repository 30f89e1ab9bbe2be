#include "common/core/buf.h"

#include <endian.h>
#include <stdio.h>
#include <stdlib.h>

#include "common/core/check.h"

enum { FIRST_CAPACITY = 64 };

void qn_buf_init(struct qn_buf *buf, size_t ceiling)
{
    QN_CHECK(ceiling > 0 && ceiling < PTRDIFF_MAX);
    *buf = (struct qn_buf){.ceiling = ceiling};
}

void qn_buf_fini(struct qn_buf *buf)
{
    free(buf->data);
    *buf = (struct qn_buf){.ceiling = buf->ceiling};
}

void qn_buf_clear(struct qn_buf *buf)
{
    buf->len = 0;
    buf->failed = false;
    if (buf->data)
        buf->data[0] = '\0';
}

/* Room for 'len' more bytes and the NUL. */
static bool grow(struct qn_buf *buf, size_t len)
{
    if (buf->failed)
        return false;
    if (len > buf->ceiling - buf->len) {
        buf->failed = true;
        return false;
    }
    size_t need = buf->len + len + 1;
    if (need <= buf->capacity)
        return true;
    size_t capacity = buf->capacity ? buf->capacity : FIRST_CAPACITY;
    while (capacity < need)
        capacity *= 2; /* cannot overflow: need <= PTRDIFF_MAX */
    if (capacity > buf->ceiling + 1)
        capacity = buf->ceiling + 1;
    char *data = realloc(buf->data, capacity);
    if (!data) {
        buf->failed = true;
        return false;
    }
    buf->data = data;
    buf->data[buf->len] = '\0';
    buf->capacity = capacity;
    return true;
}

enum qn_status qn_buf_write(struct qn_buf *buf, const void *data, size_t len)
{
    if (!grow(buf, len))
        return QN_RESOURCE_EXHAUSTED;
    if (len)
        memcpy(buf->data + buf->len, data, len);
    buf->len += len;
    buf->data[buf->len] = '\0';
    return QN_OK;
}

enum qn_status qn_buf_write_str(struct qn_buf *buf, struct qn_str s)
{
    return qn_buf_write(buf, s.ptr, s.len);
}

enum qn_status qn_buf_write_c(struct qn_buf *buf, const char *text)
{
    return qn_buf_write(buf, text, strlen(text));
}

enum qn_status qn_buf_printf(struct qn_buf *buf, const char *format, ...)
{
    if (!grow(buf, 0))
        return QN_RESOURCE_EXHAUSTED;
    /* Into the room there is; when that was too little, once more into room enough. */
    va_list args;
    va_start(args, format);
    int len = vsnprintf(buf->data + buf->len, buf->capacity - buf->len, format, args);
    va_end(args);
    if (len < 0 || !grow(buf, (size_t)len)) {
        buf->failed = true;
        buf->data[buf->len] = '\0';
        return QN_RESOURCE_EXHAUSTED;
    }
    va_start(args, format);
    vsnprintf(buf->data + buf->len, (size_t)len + 1, format, args);
    va_end(args);
    buf->len += (size_t)len;
    return QN_OK;
}

void *qn_buf_reserve(struct qn_buf *buf, size_t len)
{
    return grow(buf, len) ? buf->data + buf->len : NULL;
}

void qn_buf_commit(struct qn_buf *buf, size_t len)
{
    QN_CHECK(!buf->failed && len < buf->capacity - buf->len);
    buf->len += len;
    buf->data[buf->len] = '\0';
}

enum qn_status qn_reader_u8(struct qn_reader *reader, uint8_t *ret_value)
{
    if (qn_reader_left(reader) < 1)
        return QN_INVALID_ARGUMENT;
    *ret_value = *reader->next++;
    return QN_OK;
}

static enum qn_status read_le(struct qn_reader *reader, size_t bytes, uint64_t *ret_value)
{
    if (qn_reader_left(reader) < bytes)
        return QN_INVALID_ARGUMENT;
    uint64_t value = 0;
    for (size_t i = 0; i < bytes; i++)
        value |= (uint64_t)reader->next[i] << (8 * i);
    reader->next += bytes;
    *ret_value = value;
    return QN_OK;
}

enum qn_status qn_reader_u32le(struct qn_reader *reader, uint32_t *ret_value)
{
    uint64_t value;
    QN_TRY(read_le(reader, sizeof *ret_value, &value));
    *ret_value = (uint32_t)value;
    return QN_OK;
}

enum qn_status qn_reader_u64le(struct qn_reader *reader, uint64_t *ret_value)
{
    return read_le(reader, sizeof *ret_value, ret_value);
}

/* The seven low bits of each of eight bytes, the first byte's lowest, side by side: pairs, then fours, then
 * all.
 */
static uint64_t join_sevens(uint64_t eight)
{
    eight &= 0x7f7f7f7f7f7f7f7fu;
    eight = (eight & 0x007f007f007f007fu) | (eight & 0x7f007f007f007f00u) >> 1;
    eight = (eight & 0x00003fff00003fffu) | (eight & 0x3fff00003fff0000u) >> 2;
    return (eight & 0x000000000fffffffu) | (eight & 0x0fffffff00000000u) >> 4;
}

enum qn_status qn_reader_varint_long(struct qn_reader *reader, uint64_t *ret_value)
{
    size_t left = qn_reader_left(reader);
    uint64_t eight, value = 0;
    if (left >= sizeof eight) { /* as most: times are of six bytes, and seldom the last ones */
        memcpy(&eight, reader->next, sizeof eight);
        eight = le64toh(eight);
        uint64_t ends = ~eight & 0x8080808080808080u;
        if (ends != 0) {
            *ret_value = join_sevens(eight & (ends ^ (ends - 1)));
            reader->next += __builtin_ctzll(ends) / 8 + 1;
            return QN_OK;
        }
    }
    for (size_t i = 0; i < 10 && i < left; i++) {
        uint8_t byte = reader->next[i];
        if (i == 9 && byte > 1)
            return QN_INVALID_ARGUMENT; /* nine times seven bits leave one */
        value |= (uint64_t)(byte & 0x7f) << (7 * i);
        if (byte < 0x80) {
            reader->next += i + 1;
            *ret_value = value;
            return QN_OK;
        }
    }
    return QN_INVALID_ARGUMENT;
}
