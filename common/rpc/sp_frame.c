#include "common/rpc/sp_frame.h"

#include <stdlib.h>
#include <string.h>

#include "common/core/check.h"

/* Holds the small messages of a burst; a larger one is read to where it belongs. */
enum { BUFFER_BYTES = 32 << 10 };

static void put_u32(uint8_t *to, uint32_t value)
{
    for (int i = 0; i < 4; i++)
        to[i] = (uint8_t)(value >> (24 - 8 * i));
}

static uint32_t get_u32(const uint8_t *from)
{
    return (uint32_t)from[0] << 24 | (uint32_t)from[1] << 16 | (uint32_t)from[2] << 8 | from[3];
}

struct qn_sp_trace qn_sp_trace_of(uint32_t id)
{
    struct qn_sp_trace trace = {.len = QN_SP_WORD_BYTES};
    put_u32(trace.bytes, id);
    return trace;
}

uint32_t qn_sp_trace_id(const struct qn_sp_trace *trace)
{
    QN_CHECK(trace->len >= QN_SP_WORD_BYTES);
    return get_u32(trace->bytes + trace->len - QN_SP_WORD_BYTES);
}

void qn_sp_put_hello(uint8_t to[QN_SP_HELLO_BYTES], uint16_t protocol)
{
    const uint8_t hello[QN_SP_HELLO_BYTES] = {0, 'S', 'P', 0, (uint8_t)(protocol >> 8), (uint8_t)protocol,
                                              0, 0};
    memcpy(to, hello, sizeof(hello));
}

size_t qn_sp_put_head(uint8_t *to, bool ipc, const struct qn_sp_trace *trace, size_t len)
{
    uint8_t *next = to;
    uint64_t length = (uint64_t)trace->len + len;
    if (ipc)
        *next++ = 1;
    put_u32(next, (uint32_t)(length >> 32));
    put_u32(next + 4, (uint32_t)length);
    memcpy(next + 8, trace->bytes, trace->len);
    return (size_t)(next - to) + 8 + trace->len;
}

void qn_sp_inbox_init(struct qn_sp_inbox *inbox, bool ipc, uint16_t protocol, size_t message_max_bytes)
{
    *inbox = (struct qn_sp_inbox){.ipc = ipc, .protocol = protocol, .message_max_bytes = message_max_bytes};
}

void qn_sp_inbox_fini(struct qn_sp_inbox *inbox)
{
    qn_message_free(inbox->partial);
    free(inbox->buffer);
    inbox->partial = NULL;
    inbox->buffer = NULL;
}

size_t qn_sp_inbox_room(struct qn_sp_inbox *inbox, struct iovec room[2])
{
    if (inbox->buffer == NULL && (inbox->buffer = malloc(BUFFER_BYTES)) == NULL)
        return 0;
    /* What is left is less than a head, for whatever is longer was moved to its message. */
    if (inbox->begin > 0) {
        memmove(inbox->buffer, inbox->buffer + inbox->begin, inbox->end - inbox->begin);
        inbox->end -= inbox->begin;
        inbox->begin = 0;
    }
    size_t n = 0;
    if (inbox->partial != NULL) {
        struct qn_str body = qn_message_view(inbox->partial);
        room[n++] = (struct iovec){qn_message_bytes(inbox->partial) + inbox->partial_len,
                                   body.len - inbox->partial_len};
    }
    room[n++] = (struct iovec){inbox->buffer + inbox->end, BUFFER_BYTES - inbox->end};
    return n;
}

void qn_sp_inbox_filled(struct qn_sp_inbox *inbox, size_t len)
{
    if (inbox->partial != NULL) {
        size_t missing = qn_message_view(inbox->partial).len - inbox->partial_len;
        size_t taken = len < missing ? len : missing;
        inbox->partial_len += taken;
        len -= taken;
    }
    inbox->end += len;
    QN_CHECK(inbox->end <= BUFFER_BYTES);
}

/* Takes the trace off the front of a message that came whole; false: it has none that ends. */
static bool take_trace(struct qn_message *message, struct qn_sp_trace *ret_trace)
{
    struct qn_str whole = qn_message_view(message);
    size_t len = 0;
    do {
        if (len == QN_SP_TRACE_MAX || whole.len - len < QN_SP_WORD_BYTES)
            return false;
        memcpy(ret_trace->bytes + len, whole.ptr + len, QN_SP_WORD_BYTES);
        len += QN_SP_WORD_BYTES;
    } while (!(ret_trace->bytes[len - QN_SP_WORD_BYTES] & 0x80));
    ret_trace->len = len;
    qn_message_skip(message, len);
    return true;
}

static enum qn_sp_news read_hello(struct qn_sp_inbox *inbox)
{
    uint8_t wanted[QN_SP_HELLO_BYTES];
    qn_sp_put_hello(wanted, inbox->protocol);
    size_t came = inbox->end - inbox->begin;
    /* Refused at its first wrong byte: a stranger need not be waited for. */
    if (came > 0 &&
        memcmp(inbox->buffer + inbox->begin, wanted, came < sizeof(wanted) ? came : sizeof(wanted)) != 0)
        return QN_SP_MALFORMED;
    if (came < sizeof(wanted))
        return QN_SP_MORE;
    inbox->begin += sizeof(wanted);
    inbox->greeted = true;
    return QN_SP_HELLO;
}

/* Reads a message's head, and takes from the buffer what has come of the message. */
static enum qn_sp_news begin_message(struct qn_sp_inbox *inbox)
{
    size_t head_len = inbox->ipc ? 9 : 8, came = inbox->end - inbox->begin;
    if (came == 0)
        return QN_SP_MORE;
    const uint8_t *head = (const uint8_t *)inbox->buffer + inbox->begin;
    if (inbox->ipc && head[0] != 1)
        return QN_SP_MALFORMED;
    if (came < head_len)
        return QN_SP_MORE;
    const uint8_t *length = head + head_len - 8;
    uint64_t len = (uint64_t)get_u32(length) << 32 | get_u32(length + 4);
    if (len > (uint64_t)inbox->message_max_bytes + QN_SP_TRACE_MAX)
        return QN_SP_TOO_LARGE;
    inbox->partial = qn_message_new((size_t)len);
    if (inbox->partial == NULL)
        return QN_SP_NO_MEMORY;
    inbox->begin += head_len;
    came -= head_len;
    inbox->partial_len = came < len ? came : (size_t)len;
    memcpy(qn_message_bytes(inbox->partial), inbox->buffer + inbox->begin, inbox->partial_len);
    inbox->begin += inbox->partial_len;
    return QN_SP_MESSAGE;
}

enum qn_sp_news qn_sp_inbox_next(struct qn_sp_inbox *inbox, struct qn_sp_trace *ret_trace,
                                 struct qn_message **ret_message)
{
    if (!inbox->greeted)
        return read_hello(inbox);
    if (inbox->partial == NULL) {
        enum qn_sp_news news = begin_message(inbox);
        if (news != QN_SP_MESSAGE)
            return news;
    }
    if (inbox->partial_len < qn_message_view(inbox->partial).len)
        return QN_SP_MORE;
    struct qn_message *message = inbox->partial;
    inbox->partial = NULL;
    if (!take_trace(message, ret_trace)) {
        qn_message_free(message);
        return QN_SP_MALFORMED;
    }
    if (qn_message_view(message).len > inbox->message_max_bytes) { /* the trace is shorter than it may be */
        qn_message_free(message);
        return QN_SP_TOO_LARGE;
    }
    *ret_message = message;
    return QN_SP_MESSAGE;
}
