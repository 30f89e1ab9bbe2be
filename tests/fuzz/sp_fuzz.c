#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "common/core/check.h"
#include "common/rpc/sp_frame.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* What comes over a connection, cut as the kernel pleases: the same is read, however it was cut, and what was
 * read as a message can be written and read again.
 *
 * The input: a byte of choices (bit 0: the IPC mapping; bit 1: we are the one who asks; bit 2: it begins
 * after a good hello), a byte for the seed of the cuts, and the stream. */

enum { MESSAGE_MAX_BYTES = 70000, BUFFER_BYTES = 32 << 10 };

struct reading {
    enum qn_sp_news end;
    size_t n_messages;
    uint64_t digest; /* of all that was read, in order */
};

/* FNV-1a. */
static void digest(struct reading *reading, const void *bytes, size_t len)
{
    for (size_t i = 0; i < len; i++)
        reading->digest = (reading->digest ^ ((const uint8_t *)bytes)[i]) * UINT64_C(0x100000001b3);
    reading->digest = (reading->digest ^ len) * UINT64_C(0x100000001b3);
}

/* Written again, and read again, it is the same. */
static void expect_written(bool ipc, const struct qn_sp_trace *trace, struct qn_str body)
{
    uint8_t head[QN_MESSAGE_HEAD_MAX];
    size_t len = qn_sp_put_head(head, ipc, trace, body.len);
    struct qn_sp_inbox inbox;
    qn_sp_inbox_init(&inbox, ipc, QN_SP_REQ, MESSAGE_MAX_BYTES);
    inbox.greeted = true;
    const struct iovec pieces[] = {{head, len}, {(void *)(uintptr_t)body.ptr, body.len}};
    struct qn_sp_trace again;
    struct qn_message *message = NULL;
    for (size_t i = 0; i < QN_COUNT(pieces); i++) {
        for (size_t at = 0; at < pieces[i].iov_len;) {
            QN_CHECK(qn_sp_inbox_next(&inbox, &again, &message) == QN_SP_MORE);
            struct iovec room[2];
            QN_CHECK(qn_sp_inbox_room(&inbox, room) > 0);
            size_t left = pieces[i].iov_len - at, part = room[0].iov_len < left ? room[0].iov_len : left;
            memcpy(room[0].iov_base, (const char *)pieces[i].iov_base + at, part);
            qn_sp_inbox_filled(&inbox, part);
            at += part;
        }
    }
    QN_CHECK(qn_sp_inbox_next(&inbox, &again, &message) == QN_SP_MESSAGE);
    QN_CHECK(again.len == trace->len && memcmp(again.bytes, trace->bytes, again.len) == 0);
    QN_CHECK(qn_str_eq(qn_message_view(message), body));
    qn_message_free(message);
    qn_sp_inbox_fini(&inbox);
}

static enum qn_sp_news drain(struct qn_sp_inbox *inbox, struct reading *reading)
{
    for (;;) {
        struct qn_sp_trace trace;
        struct qn_message *message = NULL;
        enum qn_sp_news news = qn_sp_inbox_next(inbox, &trace, &message);
        if (news == QN_SP_HELLO)
            continue;
        if (news != QN_SP_MESSAGE)
            return news;
        struct qn_str body = qn_message_view(message);
        QN_CHECK(body.len <= inbox->message_max_bytes);
        QN_CHECK(trace.len >= QN_SP_WORD_BYTES && trace.len <= QN_SP_TRACE_MAX && trace.len % 4 == 0);
        QN_CHECK(qn_sp_trace_id(&trace) & QN_SP_ID_BIT);
        for (size_t i = 0; i + 4 < trace.len; i += 4)
            QN_CHECK(!(trace.bytes[i] & 0x80)); /* the words of devices are before it */
        expect_written(inbox->ipc, &trace, body);
        digest(reading, trace.bytes, trace.len);
        digest(reading, body.ptr, body.len);
        reading->n_messages++;
        qn_message_free(message);
    }
}

static size_t fill(struct qn_sp_inbox *inbox, const uint8_t *bytes, size_t len)
{
    struct iovec room[2];
    size_t n_room = qn_sp_inbox_room(inbox, room), filled = 0;
    QN_CHECK(n_room == 1 || n_room == 2);
    for (size_t i = 0; i < n_room && filled < len; i++) {
        size_t part = room[i].iov_len < len - filled ? room[i].iov_len : len - filled;
        memcpy(room[i].iov_base, bytes + filled, part);
        filled += part;
    }
    QN_CHECK(filled > 0); /* or a read of nothing would look like the end */
    qn_sp_inbox_filled(inbox, filled);
    QN_CHECK(inbox->begin <= inbox->end && inbox->end <= BUFFER_BYTES);
    return filled;
}

static uint32_t next_cut(uint32_t *seed, size_t piece_max)
{
    *seed = *seed * 1664525 + 1013904223;
    return 1 + (*seed >> 8) % (uint32_t)piece_max;
}

static struct reading read_stream(const uint8_t *data, size_t size, uint8_t choices, uint32_t seed,
                                  size_t piece_max)
{
    static const uint8_t hello_of[2][8] = {{0, 'S', 'P', 0, 0, 48, 0, 0}, {0, 'S', 'P', 0, 0, 49, 0, 0}};
    struct reading reading = {.end = QN_SP_MORE};
    struct qn_sp_inbox inbox;
    bool asks = choices & 2;
    qn_sp_inbox_init(&inbox, choices & 1, asks ? QN_SP_REP : QN_SP_REQ, MESSAGE_MAX_BYTES);
    if (choices & 4) {
        fill(&inbox, hello_of[asks], sizeof(hello_of[asks]));
        reading.end = drain(&inbox, &reading);
        QN_CHECK(reading.end == QN_SP_MORE && inbox.greeted);
    }
    for (size_t at = 0; at < size && reading.end == QN_SP_MORE;) {
        size_t piece = piece_max == SIZE_MAX ? size : next_cut(&seed, piece_max);
        at += fill(&inbox, data + at, piece < size - at ? piece : size - at);
        reading.end = drain(&inbox, &reading);
    }
    qn_sp_inbox_fini(&inbox);
    QN_CHECK(qn_message_live() == 0);
    return reading;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 2)
        return 0;
    struct reading whole = read_stream(data + 2, size - 2, data[0], 0, SIZE_MAX);
    static const size_t pieces[] = {1, 3, 16, 5000};
    for (size_t i = 0; i < QN_COUNT(pieces); i++) {
        struct reading cut = read_stream(data + 2, size - 2, data[0], data[1], pieces[i]);
        QN_CHECK(cut.end == whole.end && cut.n_messages == whole.n_messages && cut.digest == whole.digest);
    }
    return 0;
}
