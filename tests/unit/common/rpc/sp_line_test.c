#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/core/check.h"
#include "common/core/clock.h"
#include "common/core/listen.h"
#include "common/rpc/sp_frame.h"
#include "common/rpc/transport.h"
#include "tests/harness/loop_fixture.h"
#include "tests/harness/sp_hand.h"
#include "tests/harness/test.h"

/* A line, whose server is a hand: it answers, or does what no server of ours would. Each test runs over a
 * local socket and over TCP.
 *
 * Why this file is long: one contract, each end of a trip at each point of it. */

enum { CONTEXTS = 4, LONG_MS = 20000 };

/* More than the kernel buffers (of TCP, 4 MiB of what is sent). */
enum { BODY_MAX = 32 << 20 };

static struct qn_loop *loop;
static struct qn_gate *gate;
static struct qn_line *line; /* NULL: closed or parted */
static struct sp_hand hand;
static int listener;
static char url[128];
static unsigned n_urls; /* each test has a path of its own */
static bool ipc;

static struct {
    uint32_t connection; /* as last told */
    size_t n_changes;
    bool close_when_up, close_when_down;
} seen;

struct trip {
    struct qn_trip *trip;
    size_t n_done;
    bool done;
    enum qn_trip_end end;
    char answer[32];
    bool close_line, part_line;
    struct trip *then; /* is started when this one is done */
};

static void close_line(void)
{
    struct qn_line *closing = line;
    line = NULL;
    qn_line_close(closing);
}

static void on_changed(void *context, uint32_t connection)
{
    assert_null(context);
    assert_non_null(line);
    seen.connection = connection;
    seen.n_changes++;
    if (connection != 0 ? seen.close_when_up : seen.close_when_down)
        close_line();
}

static void set_flag(void *context)
{
    *(bool *)context = true;
}

static void listen_again(void)
{
    listener = sp_hand_listen(url);
}

static void stop_listening(void)
{
    close(listener);
    listener = -1;
    if (ipc)
        unlink(url + strlen("ipc://"));
}

static void set_up(bool local)
{
    ipc = local;
    seen.connection = 0;
    seen.n_changes = 0;
    seen.close_when_up = seen.close_when_down = false;
    loop = loop_fixture_begin();
    assert_int_equal(qn_gate_open(loop, &gate), QN_OK);
    if (ipc) {
        snprintf(url, sizeof(url), "ipc:///tmp/quintet-sp-line-%d-%u", (int)getpid(), ++n_urls);
        listen_again();
    } else {
        struct qn_listen_address at = {.len = sizeof(at.bytes)};
        listener = sp_hand_listen("tcp://127.0.0.1:0");
        assert_int_equal(getsockname(listener, (struct sockaddr *)&at.bytes, &at.len), 0);
        snprintf(url, sizeof(url), "tcp://127.0.0.1:%d", ntohs(((struct sockaddr_in *)&at.bytes)->sin_port));
    }
    struct qn_transport_options options = {.url = url, .contexts = CONTEXTS, .message_max_bytes = BODY_MAX};
    struct qn_line_events events = {on_changed, NULL};
    assert_int_equal(qn_line_open(gate, &options, &events, &line, NULL), QN_OK);
    assert_int_equal(qn_line_idle_trips(line), CONTEXTS);
    hand.fd = -1;
}

static int set_up_ipc(void **state)
{
    (void)state;
    set_up(true);
    return 0;
}

static int set_up_tcp(void **state)
{
    (void)state;
    set_up(false);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    bool closed = false;
    if (line != NULL)
        close_line();
    qn_gate_close(gate, set_flag, &closed); /* when the line has gone */
    loop_fixture_run_until(&closed, LONG_MS);
    if (hand.fd >= 0)
        close(hand.fd);
    if (listener >= 0)
        stop_listening();
    qn_loop_turn(loop); /* pipes go later */
    loop_fixture_end();
    assert_int_equal(qn_message_live(), 0);
    return 0;
}

static void meet(void)
{
    hand = sp_hand_accept(loop, listener, ipc);
    sp_hand_hello(&hand, QN_SP_REP);
}

static void await_connection(uint32_t connection)
{
    for (uint64_t end_ms = qn_clock_now_ms() + LONG_MS; seen.connection != connection;) {
        assert_true(qn_clock_now_ms() < end_ms);
        qn_loop_wait(loop); /* the line dials, or reads */
    }
}

static struct qn_message *message_of(const char *text)
{
    struct qn_message *message = qn_message_new(strlen(text));
    assert_non_null(message);
    memcpy(qn_message_bytes(message), text, strlen(text));
    return message;
}

static void start(struct trip *trip, const char *text, uint64_t timeout_ms);

static void on_done(void *context, enum qn_trip_end end, struct qn_message *answer)
{
    struct trip *trip = context;
    assert_true((end == QN_TRIP_ANSWERED) == (answer != NULL));
    trip->n_done++;
    trip->done = true;
    trip->end = end;
    if (answer != NULL)
        snprintf(trip->answer, sizeof(trip->answer), "%.*s", QN_STR_ARG(qn_message_view(answer)));
    qn_message_free(answer);
    if (trip->then != NULL && line != NULL)
        start(trip->then, "then", LONG_MS);
    if (trip->close_line && line != NULL)
        close_line();
    if (trip->part_line && line != NULL) {
        struct qn_line *parting = line;
        line = NULL;
        qn_line_part(parting);
    }
}

static void start_message(struct trip *trip, struct qn_message *message, uint64_t timeout_ms)
{
    trip->trip = qn_trip_start(line, message, timeout_ms, on_done, trip);
    assert_int_equal(trip->n_done, 0); /* never from within */
}

static void start(struct trip *trip, const char *text, uint64_t timeout_ms)
{
    start_message(trip, message_of(text), timeout_ms);
}

static void await(struct trip *trip, enum qn_trip_end end)
{
    loop_fixture_run_until(&trip->done, LONG_MS);
    assert_int_equal(trip->end, end);
    assert_int_equal(trip->n_done, 1);
}

/* Answers in another order than it was asked in. */
static void test_answered(void **state)
{
    (void)state;
    struct trip trips[CONTEXTS] = {0};
    for (size_t i = 0; i < CONTEXTS; i++)
        start(&trips[i], "question", LONG_MS);
    assert_int_equal(qn_line_idle_trips(line), 0);
    meet();
    uint32_t ids[CONTEXTS];
    for (size_t i = 0; i < CONTEXTS; i++)
        ids[i] = sp_hand_expect(&hand, "question");
    for (size_t i = CONTEXTS; i-- > 0;) {
        const char text[] = {'a', (char)('0' + i), '\0'};
        sp_hand_send(&hand, ids[i], text, 2);
        await(&trips[i], QN_TRIP_ANSWERED);
        assert_string_equal(trips[i].answer, text);
    }
    assert_int_equal(qn_line_idle_trips(line), CONTEXTS);
    assert_int_equal(seen.connection, 1);
}

/* A late answer, one to nobody, one twice, one that has a device's word: none is taken for another's. */
static void test_answers_to_nobody(void **state)
{
    (void)state;
    struct trip late = {0}, next = {0};
    meet();
    await_connection(1);
    start(&late, "late", 30);
    uint32_t id = sp_hand_expect(&hand, "late");
    await(&late, QN_TRIP_TIMED_OUT);
    struct trip others[CONTEXTS - 1] = {0}; /* so that the next one has the same place */
    for (size_t i = 0; i < QN_COUNT(others); i++) {
        start(&others[i], "other", LONG_MS);
        assert_int_not_equal(sp_hand_expect(&hand, "other"), id);
    }
    start(&next, "next", LONG_MS);
    uint32_t next_id = sp_hand_expect(&hand, "next");
    assert_int_not_equal(next_id, id);
    uint8_t forwarded[20] = {1, 0, 0, 0, 0, 0, 0, 0, 9, 0, 0, 0, 7};
    for (size_t i = 0; i < 4; i++)
        forwarded[13 + i] = (uint8_t)(next_id >> (24 - 8 * i));
    sp_hand_say(&hand, forwarded + !ipc, 18 - !ipc);
    sp_hand_send(&hand, id, "too late", 8);
    sp_hand_send(&hand, 0xffffffff, "nobody", 6);
    sp_hand_send(&hand, next_id ^ 0x100, "another time", 12);
    sp_hand_send(&hand, next_id, "this one", 8);
    sp_hand_send(&hand, next_id, "again", 5);
    await(&next, QN_TRIP_ANSWERED);
    assert_string_equal(next.answer, "this one");
    assert_false(others[0].done || others[1].done || others[2].done);
    close_line();
    for (size_t i = 0; i < QN_COUNT(others); i++)
        await(&others[i], QN_TRIP_LOST);
}

/* Whatever it was asked, none is used again soon: each has another id. */
static void test_ids_differ(void **state)
{
    (void)state;
    enum { N = 2000 };
    static uint32_t ids[N];
    meet();
    for (size_t i = 0; i < N; i++) {
        struct trip trip = {0};
        start(&trip, "?", LONG_MS);
        ids[i] = sp_hand_expect(&hand, "?");
        assert_true(ids[i] & QN_SP_ID_BIT);
        sp_hand_send(&hand, ids[i], "!", 1);
        await(&trip, QN_TRIP_ANSWERED);
        for (size_t k = 0; k < i; k++)
            assert_int_not_equal(ids[k], ids[i]);
    }
}

static void test_nobody_there(void **state)
{
    (void)state;
    stop_listening(); /* its queue, with our connection in it, is reset */
    struct trip timed_out = {0}, cancelled = {0}, unsent = {0}, closed = {0};
    start(&timed_out, "?", 20);
    start(&cancelled, "?", LONG_MS);
    start(&unsent, "?", LONG_MS);
    start(&closed, "?", LONG_MS);
    qn_trip_cancel(cancelled.trip);
    qn_trip_cancel(cancelled.trip); /* twice is once */
    qn_trip_cancel_unsent(unsent.trip);
    assert_false(cancelled.done || unsent.done);
    await(&cancelled, QN_TRIP_NOT_SENT);
    await(&unsent, QN_TRIP_NOT_SENT);
    await(&timed_out, QN_TRIP_NOT_SENT);
    close_line();
    assert_false(closed.done);
    await(&closed, QN_TRIP_NOT_SENT);
    assert_int_equal(seen.n_changes, 0);
}

static void test_sent(void **state)
{
    (void)state;
    struct trip timed_out = {0}, cancelled = {0}, unsent = {0}, lost = {0};
    meet();
    await_connection(1);
    start(&timed_out, "1", 30);
    start(&cancelled, "2", LONG_MS);
    start(&unsent, "3", LONG_MS);
    start(&lost, "4", LONG_MS);
    uint32_t ids[4] = {sp_hand_expect(&hand, "1"), sp_hand_expect(&hand, "2"), sp_hand_expect(&hand, "3"),
                       sp_hand_expect(&hand, "4")};
    qn_trip_cancel(cancelled.trip);
    qn_trip_cancel_unsent(unsent.trip); /* is sent: without effect */
    await(&cancelled, QN_TRIP_CANCELLED);
    await(&timed_out, QN_TRIP_TIMED_OUT);
    sp_hand_send(&hand, ids[2], "three", 5);
    await(&unsent, QN_TRIP_ANSWERED);
    assert_int_equal(qn_line_idle_trips(line), CONTEXTS - 1);
    sp_hand_close(&hand);
    await(&lost, QN_TRIP_LOST);
    assert_int_equal(seen.connection, 0);
}

/* Queued in the turn in which it is taken back. */
static void test_queued(void **state)
{
    (void)state;
    struct trip cancelled = {0}, unsent = {0}, stays = {0};
    meet();
    await_connection(1);
    start(&cancelled, "1", LONG_MS);
    start(&stays, "2", LONG_MS);
    start(&unsent, "3", LONG_MS);
    qn_trip_cancel(cancelled.trip);
    qn_trip_cancel_unsent(unsent.trip);
    await(&cancelled, QN_TRIP_NOT_SENT);
    await(&unsent, QN_TRIP_NOT_SENT);
    sp_hand_send(&hand, sp_hand_expect(&hand, "2"), "two", 3);
    await(&stays, QN_TRIP_ANSWERED);
}

/* A message that is too long for the kernel's buffers, and the connection breaks in the midst of it: LOST,
 * for the other side has some of it. The one behind it, of which it has nothing, goes over the next
 * connection. */
static void test_broken_while_sending(void **state)
{
    (void)state;
    struct trip large = {0}, behind = {0};
    meet();
    await_connection(1);
    start_message(&large, qn_message_new(BODY_MAX), LONG_MS);
    start(&behind, "behind", LONG_MS);
    size_t len;
    sp_hand_hear_head(&hand, &len);
    assert_int_equal(len, BODY_MAX);
    sp_hand_close(&hand);
    await(&large, QN_TRIP_LOST);
    assert_false(behind.done);
    meet();
    sp_hand_send(&hand, sp_hand_expect(&hand, "behind"), "yes", 3);
    await(&behind, QN_TRIP_ANSWERED);
    assert_int_equal(seen.connection, 2);
}

/* Half sent and given up: it goes to its end all the same, for the next message comes behind it. */
static void test_given_up_while_sending(void **state)
{
    (void)state;
    for (int how = 0; how < 2; how++) {
        struct trip large = {0}, behind = {0};
        if (how == 0) {
            meet();
            await_connection(1);
        }
        start_message(&large, qn_message_new(BODY_MAX), how == 0 ? 50 : LONG_MS);
        size_t len;
        uint32_t id = sp_hand_hear_head(&hand, &len);
        if (how == 1)
            qn_trip_cancel(large.trip);
        else
            qn_trip_cancel_unsent(large.trip); /* too late for that */
        await(&large, how == 0 ? QN_TRIP_TIMED_OUT : QN_TRIP_CANCELLED);
        start(&behind, "behind", LONG_MS);
        char *body = malloc(len);
        assert_int_equal(sp_hand_hear(&hand, body, len), len);
        free(body);
        sp_hand_send(&hand, id, "for nobody", 10);
        sp_hand_send(&hand, sp_hand_expect(&hand, "behind"), "yes", 3);
        await(&behind, QN_TRIP_ANSWERED);
    }
}

/* The answer is in the kernel's buffer when the next message finds the connection broken. */
static void test_answered_before_it_broke(void **state)
{
    (void)state;
    struct trip answered = {0}, next = {0};
    meet();
    await_connection(1);
    start(&answered, "1", LONG_MS);
    sp_hand_send(&hand, sp_hand_expect(&hand, "1"), "one", 3);
    sp_hand_close(&hand);
    start(&next, "2", LONG_MS);
    await(&answered, QN_TRIP_ANSWERED);
    if (!ipc) { /* the kernel took it before it knew */
        await(&next, QN_TRIP_LOST);
        return;
    }
    assert_false(next.done);
    meet();
    sp_hand_send(&hand, sp_hand_expect(&hand, "2"), "two", 3);
    await(&next, QN_TRIP_ANSWERED);
}

/* A server that breaks the rules is left, and dialled again. */
static void test_bad_servers(void **state)
{
    (void)state;
    hand = sp_hand_accept(loop, listener, ipc);
    sp_hand_say(&hand, "HTTP/1.1 400 Bad Request\r\n\r\n", 28);
    sp_hand_hear_end(&hand);
    sp_hand_close(&hand);
    hand = sp_hand_accept(loop, listener, ipc);
    sp_hand_say(&hand, "\0SP\0\0\x30\0\0", 8); /* asks as well */
    sp_hand_hear_end(&hand);
    sp_hand_close(&hand);
    assert_int_equal(seen.n_changes, 0);
    meet();
    await_connection(1);
    struct trip lost = {0};
    start(&lost, "?", LONG_MS);
    sp_hand_expect(&hand, "?");
    sp_hand_say(&hand, ipc ? "\1\0\0\0\1\0\0\0\0" : "\0\0\0\1\0\0\0\0", ipc ? 9 : 8); /* 4 GiB */
    await(&lost, QN_TRIP_LOST);
    sp_hand_close(&hand);
    meet();
    await_connection(2);
}

/* The line is closed in 'done', which came from an answer, from a time that was up, from the list of those
 * that end; the others end as well, each once. */
static void test_closed_in_done(void **state)
{
    (void)state;
    for (int how = 0; how < 3; how++) {
        struct trip closes = {.close_line = true}, sent = {0}, last = {0};
        meet();
        await_connection(1);
        start(&closes, "1", how == 1 ? 30 : LONG_MS);
        start(&sent, "2", LONG_MS);
        uint32_t id = sp_hand_expect(&hand, "1");
        sp_hand_expect(&hand, "2");
        start(&last, "3", LONG_MS);
        if (how == 0)
            sp_hand_send(&hand, id, "one", 3);
        if (how == 2)
            qn_trip_cancel(closes.trip);
        await(&sent, QN_TRIP_LOST);
        assert_int_equal(closes.n_done, 1);
        loop_fixture_run_until(&last.done, LONG_MS);
        tear_down(NULL);
        set_up(ipc);
    }
}

/* 'done' starts the next one, again and again. */
static void test_started_in_done(void **state)
{
    (void)state;
    struct trip third = {0}, second = {.then = &third}, first = {.then = &second};
    meet();
    start(&first, "then", LONG_MS);
    sp_hand_send(&hand, sp_hand_expect(&hand, "then"), "", 0);
    await(&first, QN_TRIP_ANSWERED);
    sp_hand_expect(&hand, "then");
    qn_trip_cancel(second.trip);
    await(&second, QN_TRIP_CANCELLED);
    sp_hand_send(&hand, sp_hand_expect(&hand, "then"), "", 0);
    await(&third, QN_TRIP_ANSWERED);
}

static struct trip restless;
static size_t n_restarts;

static void on_restless(void *context, enum qn_trip_end end, struct qn_message *answer)
{
    assert_null(answer);
    assert_int_equal(end, QN_TRIP_NOT_SENT);
    if (line == NULL || n_restarts == 0)
        return;
    n_restarts--;
    restless.trip = qn_trip_start(line, message_of("again"), LONG_MS, on_restless, context);
    qn_trip_cancel(restless.trip);
}

/* 'done' starts and cancels for ever: events are seen all the same. */
static void test_restless(void **state)
{
    (void)state;
    struct trip other = {0};
    stop_listening();
    n_restarts = 100000;
    restless.trip = qn_trip_start(line, message_of("first"), LONG_MS, on_restless, NULL);
    qn_trip_cancel(restless.trip);
    start(&other, "?", 1);
    await(&other, QN_TRIP_NOT_SENT);
    assert_true(n_restarts > 0);
    n_restarts = 0;
}

static void test_closed_when_up(void **state)
{
    (void)state;
    struct trip trip = {0};
    seen.close_when_up = true;
    start(&trip, "?", LONG_MS);
    meet();
    await(&trip, QN_TRIP_NOT_SENT); /* not written yet */
    sp_hand_hear_end(&hand);
    assert_int_equal(seen.n_changes, 1);
}

static void test_closed_when_down(void **state)
{
    (void)state;
    struct trip trip = {0};
    seen.close_when_down = true;
    meet();
    start(&trip, "?", LONG_MS);
    sp_hand_expect(&hand, "?");
    sp_hand_close(&hand);
    await(&trip, QN_TRIP_LOST);
    assert_null(line);
    assert_int_equal(seen.n_changes, 2);
}

/* The server comes and goes: the line finds it each time. */
static void test_restarts(void **state)
{
    (void)state;
    for (uint32_t i = 1; i <= 5; i++) {
        struct trip lost = {0}, trip = {0};
        if (i > 1)
            listen_again();
        meet();
        await_connection(i);
        start(&lost, "1", LONG_MS);
        sp_hand_expect(&hand, "1");
        stop_listening();
        sp_hand_close(&hand);
        await(&lost, QN_TRIP_LOST);
        assert_int_equal(seen.connection, 0);
        start(&trip, "nobody there", 5);
        await(&trip, QN_TRIP_NOT_SENT);
    }
    assert_int_equal(seen.n_changes, 10);
}

static void part_line(void)
{
    struct qn_line *parting = line;
    line = NULL;
    qn_line_part(parting);
}

/* A goodbye is field 4 of the envelope, and then the server hangs up. */
static void test_parts(void **state)
{
    (void)state;
    meet();
    await_connection(1);
    part_line();
    size_t len;
    char goodbye[2];
    sp_hand_hear_head(&hand, &len);
    assert_int_equal(len, sizeof(goodbye));
    assert_int_equal(sp_hand_hear(&hand, goodbye, len), len);
    sp_hand_close(&hand);
    assert_int_equal(seen.n_changes, 1);
}

/* The server does not hang up, answers a goodbye, or is not there: the line goes all the same (tear_down
 * waits for it). */
static void test_parts_from_the_rude(void **state)
{
    (void)state;
    for (int how = 0; how < 3; how++) {
        if (how < 2) {
            meet();
            await_connection(1);
        } else {
            stop_listening();
        }
        part_line();
        size_t len;
        if (how == 1)
            sp_hand_send(&hand, sp_hand_hear_head(&hand, &len), "stay", 4);
        tear_down(NULL);
        set_up(ipc);
    }
}

/* Those under way end when the other side hangs up, or are answered before. */
static void test_parts_while_busy(void **state)
{
    (void)state;
    struct trip parts = {.part_line = true}, answered = {0}, lost = {0};
    meet();
    await_connection(1);
    start(&parts, "1", LONG_MS);
    start(&answered, "2", LONG_MS);
    start(&lost, "3", LONG_MS);
    uint32_t id = sp_hand_expect(&hand, "1");
    sp_hand_send(&hand, id, "one", 3);
    await(&parts, QN_TRIP_ANSWERED);
    sp_hand_send(&hand, sp_hand_expect(&hand, "2"), "two", 3);
    await(&answered, QN_TRIP_ANSWERED);
    sp_hand_close(&hand);
    await(&lost, QN_TRIP_LOST);
}

#define T(name)                                                                                              \
    cmocka_unit_test_setup_teardown(name, set_up_ipc, tear_down),                                            \
        cmocka_unit_test_setup_teardown(name, set_up_tcp, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(test_answered),
        T(test_answers_to_nobody),
        T(test_ids_differ),
        T(test_nobody_there),
        T(test_sent),
        T(test_queued),
        T(test_broken_while_sending),
        T(test_given_up_while_sending),
        T(test_answered_before_it_broke),
        T(test_bad_servers),
        T(test_closed_in_done),
        T(test_started_in_done),
        T(test_restless),
        T(test_closed_when_up),
        T(test_closed_when_down),
        T(test_restarts),
        T(test_parts),
        T(test_parts_from_the_rude),
        T(test_parts_while_busy),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
