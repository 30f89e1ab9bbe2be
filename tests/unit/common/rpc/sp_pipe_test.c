#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/core/check.h"
#include "common/core/clock.h"
#include "common/core/metric.h"
#include "common/rpc/sp_pipe.h"
#include "tests/harness/loop_fixture.h"
#include "tests/harness/sp_hand.h"
#include "tests/harness/test.h"

/* One connection: a pipe on one end of a pair of sockets, a hand on the other.
 *
 * Why this file is long: one contract, each event of a pipe in each of its states. */

enum { BODY_MAX = 4 << 20 };

/* What its owner does, and has seen. */
static struct owner {
    struct qn_sp_pipe *pipe; /* NULL: closed, by whomever */
    size_t n_open, n_closed, n_messages, n_written;
    size_t bytes;      /* of all bodies */
    uint32_t last_id;  /* ids come in order */
    size_t pause_each; /* pauses after so many messages; 0: never */
    bool close_in_open, close_in_message, close_in_written, echo;
    struct qn_message *returned; /* was not written to its end */
    bool closed, open;
} owner;

static struct qn_loop *loop;
static struct sp_hand hand;
static int a_sender;           /* its address is what counts */
static uint64_t unfinished_ms; /* of the next pipe; 0: the usual */

static void close_pipe(void)
{
    struct qn_sp_pipe *pipe = owner.pipe;
    owner.pipe = NULL;
    owner.closed = true;
    qn_sp_pipe_close(pipe);
}

static void on_open(struct qn_sp_pipe *pipe)
{
    assert_ptr_equal(pipe, owner.pipe);
    owner.n_open++;
    owner.open = true;
    if (owner.close_in_open)
        close_pipe();
}

static bool on_message(struct qn_sp_pipe *pipe, const struct qn_sp_trace *trace, struct qn_message *message)
{
    assert_ptr_equal(pipe, owner.pipe);
    assert_true(qn_sp_trace_id(trace) > owner.last_id);
    owner.last_id = qn_sp_trace_id(trace);
    owner.n_messages++;
    owner.bytes += qn_message_view(message).len;
    if (owner.echo)
        qn_sp_pipe_send(pipe, message, &a_sender, trace);
    else
        qn_message_free(message);
    if (owner.close_in_message)
        close_pipe();
    return owner.pause_each == 0 || owner.n_messages % owner.pause_each != 0;
}

static void on_written(struct qn_sp_pipe *pipe, void *sender)
{
    assert_ptr_equal(pipe, owner.pipe);
    assert_ptr_equal(sender, &a_sender);
    owner.n_written++;
    if (owner.close_in_written)
        close_pipe();
}

static void on_closed(struct qn_sp_pipe *pipe)
{
    assert_ptr_equal(pipe, owner.pipe);
    owner.pipe = NULL;
    owner.n_closed++;
    owner.closed = true;
}

static const struct qn_sp_pipe_events events = {on_open, on_message, on_written, on_closed};

static int set_up(void **state)
{
    (void)state;
    qn_metric_reset();
    loop = loop_fixture_begin();
    owner = (struct owner){0};
    unfinished_ms = 0;
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    if (owner.pipe != NULL)
        close_pipe();
    close(hand.fd);
    qn_loop_turn(loop); /* pipes go later */
    loop_fixture_end();
    assert_int_equal(qn_message_live(), 0);
    qn_metric_reset();
    return 0;
}

/* Opens a pipe that speaks 'protocol'. */
static void open_pipe(bool ipc, uint16_t protocol, uint64_t greeting_ms, uint64_t stalled_ms)
{
    int fd;
    hand = sp_hand_pair(loop, ipc, &fd);
    owner.pipe = qn_sp_pipe_open(loop, &(struct qn_sp_pipe_options){
                                           .fd = fd,
                                           .ipc = ipc,
                                           .protocol = protocol,
                                           .message_max_bytes = BODY_MAX,
                                           .greeting_ms = greeting_ms,
                                           .stalled_ms = stalled_ms,
                                           .unfinished_ms = unfinished_ms,
                                           .events = &events,
                                       });
    assert_non_null(owner.pipe);
    assert_int_equal(owner.n_open, 0);
}

/* And greets it. */
static void begin(bool ipc, uint16_t protocol, uint64_t stalled_ms)
{
    open_pipe(ipc, protocol, 0, stalled_ms);
    sp_hand_hello(&hand, protocol ^ 1);
    loop_fixture_run_until(&owner.open, 20000);
    assert_int_equal(owner.n_open, 1);
}

static struct qn_message *message_of(size_t len)
{
    struct qn_message *message = qn_message_new(len);
    assert_non_null(message);
    for (size_t i = 0; i < len; i++)
        qn_message_bytes(message)[i] = (char)(i * 13);
    return message;
}

static struct qn_message *send_sized(size_t len, void *sender, uint32_t id)
{
    struct qn_sp_trace trace = qn_sp_trace_of(id | QN_SP_ID_BIT);
    struct qn_message *message = message_of(len);
    qn_sp_pipe_send(owner.pipe, message, sender, &trace);
    return message;
}

/* A message as message_of() makes it. */
static void hear_sized(size_t len, uint32_t id)
{
    size_t heard_len;
    assert_int_equal(sp_hand_hear_head(&hand, &heard_len), id | QN_SP_ID_BIT);
    assert_int_equal(heard_len, len);
    char *body = malloc(len + 1);
    assert_int_equal(sp_hand_hear(&hand, body, len), len);
    for (size_t i = 0; i < len; i++)
        if (body[i] != (char)(i * 13))
            fail_msg("byte %zu of %zu is another", i, len);
    free(body);
}

/* The pipe's messages fill the kernel's buffers, and some of them stay behind. */
static void block_it(size_t n, void *sender)
{
    for (size_t i = 0; i < n; i++)
        send_sized(1 << 20, sender, (uint32_t)i + 1);
    for (int i = 0; i < 10 && !owner.pipe->blocked; i++)
        qn_loop_turn(loop);
    assert_true(owner.pipe->blocked);
}

/* So many messages in one go, of which the n-th has n % 20 bytes; ids from 1. */
static void say_burst(uint32_t n)
{
    uint8_t *bytes = malloc(n * (SP_HAND_HEAD_MAX + 20));
    size_t len = 0;
    assert_non_null(bytes);
    for (uint32_t i = 1; i <= n; i++)
        len += sp_hand_put(&hand, bytes + len, QN_SP_ID_BIT | i, "0123456789012345678", i % 20);
    assert_true(sp_hand_say(&hand, bytes, len));
    free(bytes);
}

static void expect_broken(const char *reason)
{
    char line[128];
    struct qn_buf text;
    snprintf(line, sizeof(line), "quintet_rpc_connections_broken_total{reason=\"%s\"} 1\n", reason);
    qn_buf_init(&text, 1 << 20);
    qn_metric_render(&text);
    assert_int_equal(qn_buf_write_byte(&text, '\0'), QN_OK);
    if (strstr(qn_buf_view(&text).ptr, line) == NULL)
        fail_msg("no %s in:\n%s", line, qn_buf_view(&text).ptr);
    qn_buf_fini(&text);
}

static void test_both_ways(void **state)
{
    (void)state;
    for (int ipc = 0; ipc < 2; ipc++) {
        static const size_t sizes[] = {0, 1, 100, 32768, 100000, BODY_MAX};
        owner = (struct owner){.echo = true};
        begin(ipc, QN_SP_REP, 0);
        for (size_t i = 0; i < QN_COUNT(sizes); i++) {
            struct qn_message *body = message_of(sizes[i]);
            assert_true(
                sp_hand_send(&hand, QN_SP_ID_BIT | (uint32_t)(i + 1), qn_message_bytes(body), sizes[i]));
            qn_message_free(body);
            hear_sized(sizes[i], (uint32_t)i + 1);
        }
        assert_int_equal(owner.n_messages, QN_COUNT(sizes));
        loop_fixture_run_until_count(&owner.n_written, QN_COUNT(sizes), 20000);
        sp_hand_close(&hand);
        loop_fixture_run_until(&owner.closed, 20000);
        assert_int_equal(owner.n_closed, 1);
    }
}

/* The hand-shake and a message, each byte in a packet of its own. */
static void test_byte_by_byte(void **state)
{
    (void)state;
    static const char bytes[] = "\0SP\0\0\x30\0\0\1\0\0\0\0\0\0\0\7\x80\0\0\1abc\1\0\0\0\0\0\0\0\4\x80\0\0\2";
    open_pipe(true, QN_SP_REP, 0, 0);
    for (size_t i = 0; i < sizeof(bytes) - 1; i++) {
        sp_hand_say(&hand, bytes + i, 1);
        qn_loop_turn(loop);
    }
    loop_fixture_run_until_count(&owner.n_messages, 2, 20000);
    assert_int_equal(owner.bytes, 3);
}

/* What follows a hello at once is not lost, and comes after 'open'. */
static void test_hello_and_messages_at_once(void **state)
{
    (void)state;
    static const char bytes[] = "\0SP\0\0\x30\0\0\0\0\0\0\0\0\0\5\x80\0\0\1x\0\0\0\0\0\0\0\4\x80\0\0\2";
    open_pipe(false, QN_SP_REP, 0, 0);
    sp_hand_say(&hand, bytes, sizeof(bytes) - 1);
    loop_fixture_run_until_count(&owner.n_messages, 2, 20000);
    assert_int_equal(owner.n_open, 1);
}

static void test_wrong_side(void **state)
{
    (void)state;
    open_pipe(false, QN_SP_REP, 0, 0);
    sp_hand_say(&hand, "\0SP\0\0\x31\0\0", 8); /* another REP */
    loop_fixture_run_until(&owner.closed, 20000);
    assert_int_equal(owner.n_open, 0);
    assert_int_equal(owner.n_closed, 1);
    expect_broken("malformed");
    sp_hand_hear_end(&hand);
}

static void test_no_hello(void **state)
{
    (void)state;
    open_pipe(false, QN_SP_REP, 20, 0);
    sp_hand_say(&hand, "\0SP", 3);
    loop_fixture_run_until(&owner.closed, 20000);
    assert_int_equal(owner.n_open, 0);
    expect_broken("no_hello");
}

static void test_malformed_and_too_large(void **state)
{
    (void)state;
    begin(true, QN_SP_REP, 0);
    sp_hand_send(&hand, QN_SP_ID_BIT | 1, "whole", 5);
    sp_hand_say(&hand, "\2", 1);
    loop_fixture_run_until(&owner.closed, 20000);
    assert_int_equal(owner.n_messages, 1); /* what came before was heard */
    expect_broken("malformed");
    sp_hand_close(&hand);
    owner = (struct owner){0};
    begin(true, QN_SP_REP, 0);
    sp_hand_say(&hand, "\1\0\0\0\0\x40\0\0\0", 9); /* 1 GiB */
    loop_fixture_run_until(&owner.closed, 20000);
    expect_broken("too_large");
}

/* More messages than the inbox holds, each of which pauses the pipe: none is lost, none comes unasked. */
static void test_pause(void **state)
{
    (void)state;
    static const size_t each[] = {1, 3, 1000};
    for (size_t k = 0; k < QN_COUNT(each); k++) {
        owner = (struct owner){.pause_each = each[k]};
        begin(true, QN_SP_REP, 0);
        say_burst(3000);
        while (owner.n_messages < 3000) {
            size_t before = owner.n_messages, stop_at = (before / each[k] + 1) * each[k];
            qn_sp_pipe_resume(owner.pipe);
            assert_int_equal(owner.n_messages, before); /* later, not now */
            loop_fixture_run_until_count(&owner.n_messages, stop_at, 20000);
            for (int i = 0; i < 3; i++)
                qn_loop_turn(loop);
            assert_int_equal(owner.n_messages, stop_at);
        }
        close_pipe();
        close(hand.fd);
    }
    hand.fd = -1;
}

/* A paused one sends all the same. */
static void test_send_while_paused(void **state)
{
    (void)state;
    owner.pause_each = 1;
    begin(false, QN_SP_REP, 0);
    sp_hand_send(&hand, QN_SP_ID_BIT | 1, "", 0);
    loop_fixture_run_until_count(&owner.n_messages, 1, 20000);
    send_sized(3 << 20, &a_sender, 1);
    hear_sized(3 << 20, 1);
    assert_int_equal(owner.n_written, 1);
}

/* More messages than one system call takes, and more than the kernel's buffers. */
static void test_many_written(void **state)
{
    (void)state;
    begin(true, QN_SP_REQ, 0);
    const int small = 4096;
    setsockopt(owner.pipe->stream.fd, SOL_SOCKET, SO_SNDBUF, &small, sizeof(small));
    for (uint32_t i = 1; i <= 500; i++)
        send_sized(i * 37 % 3000, &a_sender, i);
    assert_int_equal(owner.n_written, 0);
    for (uint32_t i = 1; i <= 500; i++)
        hear_sized(i * 37 % 3000, i);
    loop_fixture_run_until_count(&owner.n_written, 500, 20000);
}

/* A server does not listen to a client that does not take its answers; when it does, it is heard again. */
static void test_deaf_while_blocked(void **state)
{
    (void)state;
    begin(true, QN_SP_REP, 0);
    block_it(4, &a_sender);
    say_burst(100);
    for (int i = 0; i < 20; i++)
        qn_loop_turn(loop);
    assert_int_equal(owner.n_messages, 0);
    for (uint32_t i = 1; i <= 4; i++)
        hear_sized(1 << 20, i);
    loop_fixture_run_until_count(&owner.n_messages, 100, 20000);
    assert_int_equal(owner.n_written, 4);
}

/* A pause that ends while the kernel takes no more: what the inbox still holds comes before anything newer.
 */
static void test_resumed_while_blocked(void **state)
{
    (void)state;
    owner.pause_each = 1;
    begin(true, QN_SP_REP, 0);
    say_burst(3000);
    loop_fixture_run_until_count(&owner.n_messages, 1, 20000);
    block_it(4, &a_sender);
    owner.pause_each = 0;
    qn_sp_pipe_resume(owner.pipe);
    for (int i = 0; i < 20; i++)
        qn_loop_turn(loop);
    assert_int_equal(owner.n_messages, 1);
    for (uint32_t i = 1; i <= 4; i++)
        hear_sized(1 << 20, i);
    loop_fixture_run_until_count(&owner.n_messages, 3000, 20000);
}

/* A client hears while it is blocked: were both sides deaf, neither would get on. */
static void test_client_hears_while_blocked(void **state)
{
    (void)state;
    begin(true, QN_SP_REQ, 0);
    block_it(4, NULL);
    say_burst(100);
    loop_fixture_run_until_count(&owner.n_messages, 100, 20000);
    assert_true(owner.pipe->blocked);
}

/* Nothing is taken: the connection is closed; messages are their sender's again, and say how far they came.
 */
static void test_stalled(void **state)
{
    (void)state;
    begin(true, QN_SP_REP, 50);
    struct qn_message *first = send_sized(4 << 20, &a_sender, 1);
    struct qn_message *second = send_sized(100, &a_sender, 2);
    send_sized(100, NULL, 3); /* nobody's */
    loop_fixture_run_until(&owner.closed, 20000);
    assert_int_equal(owner.n_closed, 1);
    assert_int_equal(owner.n_written, 0);
    assert_in_range(first->sent, 1, 4 << 20);
    assert_int_equal(second->sent, 0);
    qn_message_free(first);
    qn_message_free(second);
    expect_broken("stalled");
}

static struct qn_timer moment;
static bool moment_passed;

static void on_moment(struct qn_timer *timer)
{
    (void)timer;
    moment_passed = true;
}

/* One that is slow but moves is not stalled, though it takes far longer than the limit in all. */
static void test_slow_is_not_stalled(void **state)
{
    (void)state;
    enum { LIMIT_MS = 1000, PIECE = 128 << 10 };
    begin(true, QN_SP_REP, LIMIT_MS);
    uint64_t started_ms = qn_clock_now_ms();
    send_sized(4 << 20, &a_sender, 1);
    size_t len;
    sp_hand_hear_head(&hand, &len);
    char *bytes = malloc(PIECE);
    while (len > 0) {
        moment_passed = false;
        qn_timer_start(loop, &moment, LIMIT_MS / 20, on_moment);
        loop_fixture_run_until(&moment_passed, 20000);
        len -= sp_hand_hear(&hand, bytes, len < PIECE ? len : PIECE);
    }
    free(bytes);
    assert_true(qn_clock_now_ms() - started_ms > LIMIT_MS);
    loop_fixture_run_until_count(&owner.n_written, 1, 20000);
    assert_int_equal(owner.n_closed, 0);
}

static void test_closed_in_open(void **state)
{
    (void)state;
    owner.close_in_open = true;
    open_pipe(false, QN_SP_REP, 0, 0);
    sp_hand_hello(&hand, QN_SP_REQ);
    sp_hand_send(&hand, QN_SP_ID_BIT | 1, "", 0);
    loop_fixture_run_until(&owner.closed, 20000);
    sp_hand_hear_end(&hand);
    assert_int_equal(owner.n_messages + owner.n_closed, 0);
}

static void test_closed_in_message(void **state)
{
    (void)state;
    owner.close_in_message = true;
    begin(false, QN_SP_REP, 0);
    for (uint32_t i = 1; i <= 10; i++)
        sp_hand_send(&hand, QN_SP_ID_BIT | i, "", 0);
    loop_fixture_run_until(&owner.closed, 20000);
    assert_int_equal(owner.n_messages, 1);
    assert_int_equal(owner.n_closed, 0);
}

/* The messages behind it are the sender's again. */
static void test_closed_in_written(void **state)
{
    (void)state;
    owner.close_in_written = true;
    begin(false, QN_SP_REQ, 0);
    send_sized(10, &a_sender, 1);
    struct qn_message *second = send_sized(20, &a_sender, 2);
    loop_fixture_run_until(&owner.closed, 20000);
    assert_int_equal(owner.n_written, 1);
    assert_int_equal(owner.n_closed, 0);
    qn_message_free(second);
}

/* Not yet written, it can be taken back; others go their way. */
static void test_unsend(void **state)
{
    (void)state;
    begin(false, QN_SP_REQ, 0);
    send_sized(1, &a_sender, 1);
    struct qn_message *second = send_sized(2, &a_sender, 2);
    send_sized(3, &a_sender, 3);
    qn_sp_pipe_unsend(owner.pipe, second);
    qn_message_free(second);
    hear_sized(1, 1);
    hear_sized(3, 3);
    assert_int_equal(owner.n_written, 2);
}

/* Half written, and its sender has lost interest: it goes to its end, untold, and so does what is behind. */
static void test_sender_gone(void **state)
{
    (void)state;
    begin(false, QN_SP_REQ, 0);
    struct qn_message *first = send_sized(4 << 20, &a_sender, 1);
    while (!owner.pipe->blocked)
        qn_loop_turn(loop);
    assert_true(first->sent > 0);
    first->sender = NULL;
    send_sized(5, &a_sender, 2);
    hear_sized(4 << 20, 1);
    hear_sized(5, 2);
    assert_int_equal(owner.n_written, 1);
}

/* The other side answers, and is gone before we write the next message: its answers count. */
static void test_answered_before_it_broke(void **state)
{
    (void)state;
    begin(true, QN_SP_REQ, 0);
    say_burst(3000);
    sp_hand_close(&hand);
    struct qn_message *next = send_sized(10, &a_sender, 1); /* leaves before anything is read */
    loop_fixture_run_until(&owner.closed, 20000);
    assert_int_equal(owner.n_messages, 3000);
    assert_int_equal(next->sent, 0);
    qn_message_free(next);
}

/* The same, and the owner closes in one of them. */
static void test_answered_before_it_broke_and_closed(void **state)
{
    (void)state;
    begin(true, QN_SP_REQ, 0);
    sp_hand_send(&hand, QN_SP_ID_BIT | 1, "", 0);
    sp_hand_send(&hand, QN_SP_ID_BIT | 2, "", 0);
    sp_hand_close(&hand);
    owner.close_in_message = true;
    struct qn_message *next = send_sized(10, &a_sender, 1);
    loop_fixture_run_until(&owner.closed, 20000);
    assert_int_equal(owner.n_messages, 1);
    assert_int_equal(owner.n_closed, 0);
    qn_message_free(next);
}

#define T(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

/* A message is begun, and its sender falls silent: in the midst of its head, of its trace, of its body. */
static void test_unfinished(void **state)
{
    (void)state;
    static const size_t come[] = {1, 8, 10, 12, 13 + 100000};
    uint8_t head[SP_HAND_HEAD_MAX];
    char *bytes = calloc(1, 300000);
    for (size_t i = 0; i < QN_COUNT(come); i++) {
        owner = (struct owner){0};
        unfinished_ms = 30;
        begin(true, i % 2 ? QN_SP_REP : QN_SP_REQ, 0);
        sp_hand_send(&hand, QN_SP_ID_BIT | 1, "whole", 5);
        size_t head_len = sp_hand_put(&hand, (uint8_t *)bytes, QN_SP_ID_BIT | 2, NULL, 0);
        assert_true(head_len <= sizeof head);
        bytes[5] = 0; /* of the length of 64 bits: 200,004 bytes, the trace's among them */
        bytes[6] = 3;
        bytes[7] = 0x0d;
        bytes[8] = 0x44;
        sp_hand_say(&hand, bytes, come[i]);
        loop_fixture_run_until(&owner.closed, 20000);
        assert_int_equal(owner.n_messages, 1);
        assert_int_equal(owner.n_closed, 1);
        expect_broken("unfinished");
        sp_hand_hear_end(&hand);
        sp_hand_close(&hand);
        qn_metric_reset();
    }
    free(bytes);
    hand.fd = -1;
}

/* One that is slow but moves is waited for, though it takes far longer than the limit in all; and an owner
 * that wants nothing for a while is not the sender's fault. */
static void test_slow_is_not_unfinished(void **state)
{
    (void)state;
    enum { LIMIT_MS = 300, BODY = 200, PAUSE_MS = 10 };
    uint8_t bytes[SP_HAND_HEAD_MAX + BODY];
    char body[BODY] = {0};
    unfinished_ms = LIMIT_MS;
    begin(false, QN_SP_REP, 0);
    size_t len = sp_hand_put(&hand, bytes, QN_SP_ID_BIT | 1, body, BODY);
    uint64_t begun_ms = qn_clock_now_ms();
    for (size_t i = 0; i < len; i++) {
        sp_hand_say(&hand, bytes + i, 1);
        for (uint64_t until_ms = qn_clock_now_ms() + PAUSE_MS; qn_clock_now_ms() < until_ms;)
            qn_loop_turn(loop);
    }
    loop_fixture_run_until_count(&owner.n_messages, 1, 20000);
    assert_true(qn_clock_now_ms() - begun_ms > LIMIT_MS);
    owner.pause_each = 1;
    sp_hand_send(&hand, QN_SP_ID_BIT | 2, body, BODY);
    sp_hand_say(&hand, bytes, 9);
    loop_fixture_run_until_count(&owner.n_messages, 2, 20000);
    for (uint64_t until_ms = qn_clock_now_ms() + 2 * LIMIT_MS; qn_clock_now_ms() < until_ms;)
        qn_loop_turn(loop);
    assert_int_equal(owner.n_closed, 0);
    qn_sp_pipe_resume(owner.pipe);
    loop_fixture_run_until(&owner.closed, 20000); /* now it is */
    expect_broken("unfinished");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(test_both_ways),
        T(test_byte_by_byte),
        T(test_hello_and_messages_at_once),
        T(test_wrong_side),
        T(test_no_hello),
        T(test_malformed_and_too_large),
        T(test_pause),
        T(test_send_while_paused),
        T(test_many_written),
        T(test_deaf_while_blocked),
        T(test_resumed_while_blocked),
        T(test_client_hears_while_blocked),
        T(test_stalled),
        T(test_slow_is_not_stalled),
        T(test_unfinished),
        T(test_slow_is_not_unfinished),
        T(test_closed_in_open),
        T(test_closed_in_message),
        T(test_closed_in_written),
        T(test_unsend),
        T(test_sender_gone),
        T(test_answered_before_it_broke),
        T(test_answered_before_it_broke_and_closed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
