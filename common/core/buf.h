#ifndef QN_CORE_BUF_H
#define QN_CORE_BUF_H

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include "common/core/status.h"
#include "common/core/str.h"

/* Bytes with a write cursor and a ceiling. Memory is the buffer's own and grows by doubling; a write that
 * would pass the ceiling (or finds no memory) writes nothing, marks the buffer as failed and returns
 * QN_RESOURCE_EXHAUSTED; once failed, every later write fails too, so a run of writes needs one check at its
 * end: qn_buf_failed(). One thread. */
struct qn_buf {
    char *data; /* always NUL-terminated once something was written */
    size_t len;
    size_t capacity;
    size_t ceiling;
    bool failed;
};

/* Allocates nothing yet. 'ceiling' bounds the content in bytes; the NUL behind it comes on top.
 * Requires: 0 < ceiling < PTRDIFF_MAX. */
void qn_buf_init(struct qn_buf *buf, size_t ceiling);
void qn_buf_fini(struct qn_buf *buf);  /* frees; the buffer may be written again */
void qn_buf_clear(struct qn_buf *buf); /* forgets content and failure, keeps the memory */

enum qn_status qn_buf_write(struct qn_buf *buf, const void *data, size_t len);
enum qn_status qn_buf_write_str(struct qn_buf *buf, struct qn_str s);
enum qn_status qn_buf_write_c(struct qn_buf *buf, const char *text);

/* Here, because writers of JSON write many single bytes. */
static inline enum qn_status qn_buf_write_byte(struct qn_buf *buf, char byte)
{
    if (buf->failed || buf->capacity - buf->len < 2) /* the byte and the NUL */
        return qn_buf_write(buf, &byte, 1);
    buf->data[buf->len++] = byte;
    buf->data[buf->len] = '\0';
    return QN_OK;
}

enum qn_status qn_buf_printf(struct qn_buf *buf, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* Makes room for 'len' more bytes and returns where they go; NULL over the ceiling, and the buffer is failed.
 * Say with qn_buf_commit() how many were then written. */
void *qn_buf_reserve(struct qn_buf *buf, size_t len);
void qn_buf_commit(struct qn_buf *buf, size_t len);

static inline bool qn_buf_failed(const struct qn_buf *buf)
{
    return buf->failed;
}

/* A view of the content, valid until the next write or fini. */
static inline struct qn_str qn_buf_view(const struct qn_buf *buf)
{
    return (struct qn_str){buf->data ? buf->data : "", buf->len};
}

/* A read cursor over bytes that somebody else owns. Every read that finds too few bytes moves nothing and
 * returns QN_INVALID_ARGUMENT. */
struct qn_reader {
    const uint8_t *next;
    const uint8_t *end;
};

static inline struct qn_reader qn_reader_of(struct qn_str s)
{
    return (struct qn_reader){(const uint8_t *)s.ptr, (const uint8_t *)s.ptr + s.len};
}

static inline size_t qn_reader_left(const struct qn_reader *reader)
{
    return (size_t)(reader->end - reader->next);
}

QN_MUST_USE enum qn_status qn_reader_u8(struct qn_reader *reader, uint8_t *ret_value);
QN_MUST_USE enum qn_status qn_reader_u32le(struct qn_reader *reader, uint32_t *ret_value);
QN_MUST_USE enum qn_status qn_reader_u64le(struct qn_reader *reader, uint64_t *ret_value);
/* A varint whose first byte has the high bit set, or no byte at all: see qn_reader_varint(). */
QN_MUST_USE enum qn_status qn_reader_varint_long(struct qn_reader *reader, uint64_t *ret_value);

/* Base-128 varint, at most ten bytes (protobuf "Encoding", section "Base 128 Varints"). One that does not fit
 * in 64 bits is refused, where some readers drop the upper bits: two readers must not see two numbers.
 * Tags and lengths are mostly one byte, and every walk over a message reads two a field: so that case is
 * here.
 */
QN_MUST_USE static inline enum qn_status qn_reader_varint(struct qn_reader *reader, uint64_t *ret_value)
{
    if (reader->next == reader->end || *reader->next >= 0x80)
        return qn_reader_varint_long(reader, ret_value);
    *ret_value = *reader->next++;
    return QN_OK;
}

/* A view into the bytes read, no copy. */
QN_MUST_USE static inline enum qn_status qn_reader_view(struct qn_reader *reader, size_t len,
                                                        struct qn_str *ret_view)
{
    if (qn_reader_left(reader) < len)
        return QN_INVALID_ARGUMENT;
    *ret_view = qn_str_n((const char *)reader->next, len);
    reader->next += len;
    return QN_OK;
}

#endif
