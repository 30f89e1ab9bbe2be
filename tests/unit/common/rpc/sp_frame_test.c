#include <stdlib.h>
#include <string.h>

#include "common/core/check.h"
#include "common/rpc/sp_frame.h"
#include "tests/harness/test.h"

/* nng's wire as bytes. The streams here are written out by hand, so that reader and writer cannot agree on
 * something wrong. */

enum { BODY_MAX = 1 << 20 };

/* A stream of bytes to be read. */
struct stream {
    uint8_t *bytes;
    size_t len, capacity;
};

static void add(struct stream *stream, const void *bytes, size_t len)
{
    if (stream->len + len > stream->capacity) {
        stream->capacity = (stream->len + len) * 2;
        stream->bytes = realloc(stream->bytes, stream->capacity);
        assert_non_null(stream->bytes);
    }
    if (len > 0)
        memcpy(stream->bytes + stream->len, bytes, len);
    stream->len += len;
}

static void add_number(struct stream *stream, uint64_t value, size_t bytes)
{
    for (size_t i = bytes; i-- > 0;)
        add(stream, &(uint8_t){(uint8_t)(value >> (8 * i))}, 1);
}

static void add_hello(struct stream *stream)
{
    add(stream, "\0SP\0\0\x30\0\0", 8); /* REQ */
}

/* A message over 'hops' devices, whose bytes are all different from their neighbours. */
static void add_message(struct stream *stream, bool ipc, size_t hops, size_t body_len)
{
    if (ipc)
        add(stream, "\1", 1);
    add_number(stream, 4 * (hops + 1) + body_len, 8);
    for (size_t i = 0; i < hops; i++)
        add_number(stream, 0x7fffff00 + i, 4);
    add_number(stream, 0x80000000 + body_len, 4);
    for (size_t i = 0; i < body_len; i++)
        add(stream, &(uint8_t){(uint8_t)(i * 7 + body_len)}, 1);
}

/* What was read, as one text of bytes: each message as trace, body and their lengths. */
struct heard {
    size_t n_hellos, n_messages;
    enum qn_sp_news end; /* QN_SP_MORE: all is read */
    struct stream text;
};

static void note(struct heard *heard, const struct qn_sp_trace *trace, const struct qn_message *message)
{
    struct qn_str body = qn_message_view(message);
    heard->n_messages++;
    add_number(&heard->text, trace->len, 8);
    add(&heard->text, trace->bytes, trace->len);
    add_number(&heard->text, body.len, 8);
    add(&heard->text, body.ptr, body.len);
}

static enum qn_sp_news drain(struct qn_sp_inbox *inbox, struct heard *heard)
{
    for (;;) {
        struct qn_sp_trace trace;
        struct qn_message *message;
        enum qn_sp_news news = qn_sp_inbox_next(inbox, &trace, &message);
        if (news == QN_SP_HELLO) {
            heard->n_hellos++;
        } else if (news == QN_SP_MESSAGE) {
            note(heard, &trace, message);
            qn_message_free(message);
        } else {
            return news;
        }
    }
}

/* Fills the room with what comes, as a read does; returns how much. */
static size_t fill(struct qn_sp_inbox *inbox, const uint8_t *bytes, size_t len)
{
    struct iovec room[2];
    size_t n_room = qn_sp_inbox_room(inbox, room), filled = 0;
    assert_in_range(n_room, 1, 2);
    for (size_t i = 0; i < n_room && filled < len; i++) {
        size_t part = room[i].iov_len < len - filled ? room[i].iov_len : len - filled;
        memcpy(room[i].iov_base, bytes + filled, part);
        filled += part;
    }
    assert_true(filled > 0);
    qn_sp_inbox_filled(inbox, filled);
    return filled;
}

/* Reads the stream in pieces: the first of 'first' bytes, the others of 'piece' bytes. */
static struct heard read_in_pieces(const struct stream *stream, bool ipc, size_t first, size_t piece)
{
    struct heard heard = {.end = QN_SP_MORE};
    struct qn_sp_inbox inbox;
    qn_sp_inbox_init(&inbox, ipc, QN_SP_REQ, BODY_MAX);
    size_t at = 0;
    heard.end = drain(&inbox, &heard); /* nothing is there yet, and that is told */
    while (at < stream->len && heard.end == QN_SP_MORE) {
        size_t want = at == 0 && first > 0 ? first : piece;
        at += fill(&inbox, stream->bytes + at, want < stream->len - at ? want : stream->len - at);
        heard.end = drain(&inbox, &heard);
    }
    qn_sp_inbox_fini(&inbox);
    assert_int_equal(qn_message_live(), 0);
    return heard;
}

/* The stream holds this much, however it is cut. */
static void expect_same(const struct stream *stream, bool ipc, const struct heard *whole, size_t first,
                        size_t piece)
{
    struct heard cut = read_in_pieces(stream, ipc, first, piece);
    if (cut.end != whole->end || cut.n_messages != whole->n_messages || cut.text.len != whole->text.len ||
        (cut.text.len > 0 && memcmp(cut.text.bytes, whole->text.bytes, cut.text.len) != 0))
        fail_msg("cut after %zu bytes, then into pieces of %zu: something else was read", first, piece);
    free(cut.text.bytes);
}

static enum qn_sp_news end_of(const struct stream *stream, bool ipc)
{
    struct heard heard = read_in_pieces(stream, ipc, 0, SIZE_MAX);
    expect_same(stream, ipc, &heard, 0, 1);
    free(heard.text.bytes);
    return heard.end;
}

static void test_heads(void **state)
{
    (void)state;
    uint8_t head[QN_MESSAGE_HEAD_MAX];
    struct qn_sp_trace trace = qn_sp_trace_of(0x80abcdef);
    assert_int_equal(qn_sp_trace_id(&trace), 0x80abcdef);
    assert_int_equal(qn_sp_put_head(head, false, &trace, 0), 12);
    assert_memory_equal(head, "\0\0\0\0\0\0\0\4\x80\xab\xcd\xef", 12);
    assert_int_equal(qn_sp_put_head(head, true, &trace, 0x0123456789), 13);
    assert_memory_equal(head, "\1\0\0\0\1\x23\x45\x67\x8d\x80\xab\xcd\xef", 13);
    qn_sp_put_hello(head, QN_SP_REP);
    assert_memory_equal(head, "\0SP\0\0\x31\0\0", 8);
    trace.len = QN_SP_TRACE_MAX; /* the longest, which fits */
    assert_int_equal(qn_sp_put_head(head, true, &trace, 1), QN_MESSAGE_HEAD_MAX);
}

/* Bodies of no, one and many bytes, over no device and many, cut at each place and into pieces of each size.
 */
static void test_any_cut(void **state)
{
    (void)state;
    for (int ipc = 0; ipc < 2; ipc++) {
        struct stream stream = {0};
        add_hello(&stream);
        add_message(&stream, ipc, 0, 0);
        add_message(&stream, ipc, 15, 3);
        add_message(&stream, ipc, 1, 0);
        add_message(&stream, ipc, 0, 300);
        add_message(&stream, ipc, 2, 1);
        struct heard whole = read_in_pieces(&stream, ipc, 0, SIZE_MAX);
        assert_int_equal(whole.n_hellos, 1);
        assert_int_equal(whole.n_messages, 5);
        assert_int_equal(whole.end, QN_SP_MORE);
        for (size_t i = 1; i <= stream.len; i++) {
            expect_same(&stream, ipc, &whole, i, SIZE_MAX);
            expect_same(&stream, ipc, &whole, 0, i);
        }
        free(whole.text.bytes);
        free(stream.bytes);
    }
}

/* Around what the inbox buffers at once (32 KiB), and far over it; thousands of small ones as well. */
static void test_any_size(void **state)
{
    (void)state;
    for (int ipc = 0; ipc < 2; ipc++) {
        struct stream stream = {0};
        add_hello(&stream);
        for (size_t i = 0; i < 40; i++)
            add_message(&stream, ipc, 0, (32 << 10) - 20 + i);
        for (size_t i = 0; i < 5000; i++)
            add_message(&stream, ipc, i % 3, i % 50);
        add_message(&stream, ipc, 0, BODY_MAX);
        add_message(&stream, ipc, 15, BODY_MAX);
        add_message(&stream, ipc, 0, 1);
        struct heard whole = read_in_pieces(&stream, ipc, 0, SIZE_MAX);
        assert_int_equal(whole.n_messages, 5043);
        assert_int_equal(whole.end, QN_SP_MORE);
        static const size_t pieces[] = {1, 7, 1000, 4096, 32767, 32768, 32769, 100000};
        for (size_t i = 0; i < QN_COUNT(pieces); i++)
            expect_same(&stream, ipc, &whole, 0, pieces[i]);
        free(whole.text.bytes);
        free(stream.bytes);
    }
}

static void test_traces(void **state)
{
    (void)state;
    for (size_t hops = 0; hops < 20; hops++) {
        struct stream stream = {0};
        add_hello(&stream);
        add_message(&stream, false, hops, 5);
        struct heard heard = read_in_pieces(&stream, false, 0, 1);
        assert_int_equal(heard.end, hops <= QN_SP_HOPS_MAX ? QN_SP_MORE : QN_SP_MALFORMED);
        assert_int_equal(heard.n_messages, hops <= QN_SP_HOPS_MAX ? 1 : 0);
        if (heard.n_messages > 0) /* trace and body, with a length before each */
            assert_memory_equal(heard.text.bytes + 8, stream.bytes + 16, 4 * (hops + 1));
        free(heard.text.bytes);
        free(stream.bytes);
    }
    /* None that ends: no word at all, part of one, words without the bit. */
    static const char bodies[] = {0, 1, 2, 3, 4, 5, 8, 60, 64, 68};
    for (size_t i = 0; i < QN_COUNT(bodies); i++) {
        struct stream stream = {0};
        uint8_t zeros[68] = {0};
        add_hello(&stream);
        add_number(&stream, (uint64_t)bodies[i], 8);
        add(&stream, zeros, (size_t)bodies[i]);
        assert_int_equal(end_of(&stream, false), QN_SP_MALFORMED);
        free(stream.bytes);
    }
}

/* The limit is one of the body, whatever the length of the trace; an absurd length is not waited for. */
static void test_limits(void **state)
{
    (void)state;
    for (int ipc = 0; ipc < 2; ipc++) {
        static const size_t hops[] = {0, 1, 15};
        for (size_t i = 0; i < QN_COUNT(hops); i++) {
            for (size_t over = 0; over < 2; over++) {
                struct stream stream = {0};
                add_hello(&stream);
                add_message(&stream, ipc, hops[i], BODY_MAX + over);
                struct heard heard = read_in_pieces(&stream, ipc, 0, SIZE_MAX);
                assert_int_equal(heard.end, over ? QN_SP_TOO_LARGE : QN_SP_MORE);
                assert_int_equal(heard.n_messages, over ? 0 : 1);
                free(heard.text.bytes);
                free(stream.bytes);
            }
        }
        static const uint64_t lengths[] = {
            BODY_MAX + QN_SP_TRACE_MAX + 1,    UINT64_C(1) << 31, UINT64_C(1) << 32,
            UINT64_C(4) + (UINT64_C(1) << 32), UINT64_C(1) << 63, UINT64_MAX};
        for (size_t i = 0; i < QN_COUNT(lengths); i++) {
            struct stream stream = {0};
            add_hello(&stream);
            if (ipc)
                add(&stream, "\1", 1);
            add_number(&stream, lengths[i], 8);
            assert_int_equal(end_of(&stream, ipc), QN_SP_TOO_LARGE);
            free(stream.bytes);
        }
    }
}

/* Refused at the first byte that is wrong, without waiting for another. */
static void test_wrong_hello(void **state)
{
    (void)state;
    for (size_t i = 0; i < QN_SP_HELLO_BYTES; i++) {
        for (int bit = 0; bit < 8; bit++) {
            struct stream stream = {0};
            add_hello(&stream);
            stream.len = i;
            assert_int_equal(end_of(&stream, false), QN_SP_MORE);
            stream.bytes[i] ^= (uint8_t)(1 << bit);
            stream.len = i + 1;
            assert_int_equal(end_of(&stream, false), QN_SP_MALFORMED);
            free(stream.bytes);
        }
    }
}

static void test_wrong_mark(void **state)
{
    (void)state;
    for (int mark = 0; mark < 256; mark++) {
        struct stream stream = {0};
        add_hello(&stream);
        add(&stream, &(uint8_t){(uint8_t)mark}, 1);
        assert_int_equal(end_of(&stream, true), mark == 1 ? QN_SP_MORE : QN_SP_MALFORMED);
        free(stream.bytes);
    }
}

/* Thrown away wherever it stands: what was begun is freed (each read above ends with that as well). */
static void test_begun_and_left(void **state)
{
    (void)state;
    struct stream stream = {0};
    add_hello(&stream);
    add_message(&stream, true, 1, 30);
    for (; stream.len > 0; stream.len--)
        assert_int_equal(end_of(&stream, true), QN_SP_MORE);
    free(stream.bytes);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_heads),      cmocka_unit_test(test_any_cut),
        cmocka_unit_test(test_any_size),   cmocka_unit_test(test_traces),
        cmocka_unit_test(test_limits),     cmocka_unit_test(test_wrong_hello),
        cmocka_unit_test(test_wrong_mark), cmocka_unit_test(test_begun_and_left),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
