#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "common/core/check.h"
#include "common/core/clock.h"
#include "common/core/metric.h"
#include "common/rpc/sp_frame.h"
#include "common/rpc/transport.h"
#include "tests/harness/loop_fixture.h"
#include "tests/harness/sp_hand.h"
#include "tests/harness/test.h"

/* A port, whose clients are hands. Each test runs over a local socket and over TCP.
 *
 * Why this file is long: one contract; at the end, what lies at the path of a local socket. */

enum { SEATS = 2, LONG_MS = 20000, PIPES_MAX = 1024 };

/* More than the kernel buffers (of TCP, 4 MiB of what is sent). */
enum { BODY_MAX = 32 << 20 };

static struct qn_loop *loop;
static struct qn_gate *gate;
static struct qn_port *port; /* NULL: closed */
static char url[128];
static unsigned n_urls; /* each test has a path of its own */
static bool ipc;

/* What has arrived, and is not answered yet. */
static struct {
    struct qn_seat *seat[SEATS];
    struct qn_message *message[SEATS];
    size_t n, n_arrived, n_closed, n_changes;
    bool echo, hang_up, close_port, close_when_changed;
} seen;

static struct sp_hand hand;

static void close_port(void)
{
    struct qn_port *closing = port;
    port = NULL;
    qn_port_close(closing);
    for (size_t i = 0; i < seen.n; i++)
        qn_message_free(seen.message[i]);
    seen.n = 0;
}

static void on_arrived(void *context, struct qn_seat *seat, struct qn_message *message)
{
    assert_null(context);
    assert_non_null(port);
    assert_true(seen.n < SEATS);
    seen.n_arrived++;
    if (seen.echo) {
        qn_seat_answer(seat, message);
        return;
    }
    seen.seat[seen.n] = seat;
    seen.message[seen.n++] = message;
    if (seen.close_port) {
        close_port();
    } else if (seen.hang_up) {
        seen.n--;
        qn_message_free(message);
        qn_seat_hang_up(seat);
    }
}

static void on_peers_changed(void *context)
{
    assert_null(context);
    assert_non_null(port);
    seen.n_changes++;
    if (seen.close_when_changed)
        close_port();
}

static void on_closed(void *context)
{
    assert_null(context);
    assert_null(port);
    seen.n_closed++;
}

static void set_flag(void *context)
{
    *(bool *)context = true;
}

static enum qn_status open_port(struct qn_port **ret_port)
{
    struct qn_transport_options options = {.url = url, .contexts = SEATS, .message_max_bytes = BODY_MAX};
    struct qn_port_events events = {on_arrived, on_peers_changed, on_closed, NULL};
    struct qn_error err = {0};
    return qn_port_open(gate, &options, &events, ret_port, &err);
}

static void begin(bool local)
{
    qn_metric_reset();
    ipc = local;
    memset(&seen, 0, sizeof(seen));
    loop = loop_fixture_begin();
    assert_int_equal(qn_gate_open(loop, &gate), QN_OK);
    if (ipc)
        snprintf(url, sizeof(url), "ipc:///tmp/quintet-sp-port-%d-%u", (int)getpid(), ++n_urls);
    else
        snprintf(url, sizeof(url), "tcp://127.0.0.1:0");
    hand.fd = -1;
}

static void set_up(bool local)
{
    begin(local);
    assert_int_equal(open_port(&port), QN_OK);
    assert_true((qn_port_number(port) == 0) == ipc);
    if (!ipc)
        snprintf(url, sizeof(url), "tcp://127.0.0.1:%d", qn_port_number(port));
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

static int begin_ipc(void **state)
{
    (void)state;
    begin(true);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    bool closed = false;
    if (port != NULL)
        close_port();
    qn_gate_close(gate, set_flag, &closed); /* when the port has gone */
    loop_fixture_run_until(&closed, LONG_MS);
    if (hand.fd >= 0)
        close(hand.fd);
    qn_loop_turn(loop); /* pipes go later */
    loop_fixture_end();
    assert_int_equal(qn_message_live(), 0);
    qn_metric_reset();
    return 0;
}

static struct sp_hand meet(void)
{
    struct sp_hand met = sp_hand_dial(loop, url);
    sp_hand_hello(&met, QN_SP_REQ);
    return met;
}

static void ask(struct sp_hand *by, uint32_t id, const char *text)
{
    assert_true(sp_hand_send(by, QN_SP_ID_BIT | id, text, strlen(text)));
}

static void await_arrived(size_t n)
{
    loop_fixture_run_until_count(&seen.n_arrived, n, LONG_MS);
    assert_int_equal(seen.n_arrived, n);
}

static void turn_a_few(void)
{
    for (int i = 0; i < 20; i++)
        qn_loop_turn(loop);
}

static void await_peers(size_t n)
{
    for (uint64_t end_ms = qn_clock_now_ms() + LONG_MS; qn_port_peers(port) != n;) {
        if (qn_clock_now_ms() > end_ms)
            fail_msg("%zu peers, not %zu", qn_port_peers(port), n);
        qn_loop_turn(loop);
    }
}

static struct qn_message *message_of(const char *text)
{
    struct qn_message *message = qn_message_new(strlen(text));
    assert_non_null(message);
    memcpy(qn_message_bytes(message), text, strlen(text));
    return message;
}

/* Answers the oldest, whose message says 'question'. */
static void answer_first(const char *question, struct qn_message *answer)
{
    assert_true(seen.n > 0);
    struct qn_seat *seat = seen.seat[0];
    assert_str(qn_message_view(seen.message[0]), question);
    qn_message_free(seen.message[0]);
    seen.n--;
    memmove(seen.seat, seen.seat + 1, seen.n * sizeof(seen.seat[0]));
    memmove(seen.message, seen.message + 1, seen.n * sizeof(seen.message[0]));
    qn_seat_answer(seat, answer);
}

/* The trace comes back as it came, devices' words and all. */
static void test_trace_comes_back(void **state)
{
    (void)state;
    seen.echo = true;
    hand = meet();
    for (size_t hops = 0; hops <= QN_SP_HOPS_MAX; hops++) {
        uint8_t said[100] = {1}, heard[100];
        size_t len = 4 * (hops + 1) + 3;
        said[8] = (uint8_t)len;
        for (size_t i = 0; i < len; i++)
            said[9 + i] = (uint8_t)(i * 5 % 128);
        said[9 + 4 * hops] |= 0x80;
        sp_hand_say(&hand, said + !ipc, 9 - !ipc + len);
        assert_int_equal(sp_hand_hear(&hand, heard, 9 - !ipc + len), 9 - !ipc + len);
        assert_memory_equal(heard, said + !ipc, 9 - !ipc + len);
    }
}

/* Each client's messages wait their turn: the one that has waited longest gets the seat that is free. */
static void test_more_than_seats(void **state)
{
    (void)state;
    struct sp_hand hands[4];
    for (size_t i = 0; i < QN_COUNT(hands); i++)
        hands[i] = meet();
    ask(&hands[0], 1, "0");
    ask(&hands[0], 2, "0 again");
    await_arrived(2);
    for (uint32_t i = 1; i < 4; i++) {
        const char text[] = {(char)('0' + i), '\0'};
        ask(&hands[i], i, text);
        turn_a_few();
    }
    assert_int_equal(seen.n_arrived, 2);
    answer_first("0", message_of("zero"));
    assert_int_equal(sp_hand_expect(&hands[0], "zero"), QN_SP_ID_BIT | 1);
    await_arrived(3);
    ask(&hands[1], 7, "1 again"); /* behind the others */
    turn_a_few();
    answer_first("0 again", NULL); /* no answer at all */
    await_arrived(4);
    answer_first("1", message_of("one"));
    await_arrived(5);
    answer_first("2", message_of("two"));
    await_arrived(6);
    answer_first("3", message_of("three"));
    answer_first("1 again", message_of("one again"));
    sp_hand_expect(&hands[1], "one");
    assert_int_equal(sp_hand_expect(&hands[1], "one again"), QN_SP_ID_BIT | 7);
    sp_hand_expect(&hands[2], "two");
    assert_int_equal(sp_hand_expect(&hands[3], "three"), QN_SP_ID_BIT | 3);
    assert_true(sp_hand_is_quiet(&hands[0]));
    for (size_t i = 0; i < QN_COUNT(hands); i++)
        sp_hand_close(&hands[i]);
}

/* Thousands of messages at once, from a client that reads nothing until all are said. */
static void test_a_burst(void **state)
{
    (void)state;
    enum { N = 5000 };
    seen.echo = true;
    hand = meet();
    uint8_t *bytes = malloc(N * (SP_HAND_HEAD_MAX + 4));
    size_t len = 0;
    for (uint32_t i = 1; i <= N; i++)
        len += sp_hand_put(&hand, bytes + len, QN_SP_ID_BIT | i, "four", 4);
    sp_hand_say(&hand, bytes, len);
    free(bytes);
    for (uint32_t i = 1; i <= N; i++)
        assert_int_equal(sp_hand_expect(&hand, "four"), QN_SP_ID_BIT | i);
}

/* The client is gone before it is answered, or while it is: the seat is free again. */
static void test_client_gone(void **state)
{
    (void)state;
    for (int how = 0; how < 3; how++) {
        size_t before = seen.n_arrived;
        struct sp_hand leaving = meet();
        ask(&leaving, 1, "1");
        ask(&leaving, 2, "2");
        ask(&leaving, 3, "3"); /* waits for a seat */
        await_arrived(before + 2);
        if (how == 1) { /* answers that are too long for the kernel's buffers */
            answer_first("1", qn_message_new(BODY_MAX));
            answer_first("2", qn_message_new(BODY_MAX));
            turn_a_few();
        }
        sp_hand_close(&leaving);
        if (how == 2) /* learnt of by writing */
            answer_first("1", qn_message_new(BODY_MAX));
        if (how == 0)
            answer_first("1", message_of("one"));
        if (how != 1)
            answer_first("2", message_of("two"));
        /* The third may be heard or not. */
        for (uint64_t end_ms = qn_clock_now_ms() + LONG_MS; qn_port_peers(port) > 0;) {
            if (seen.n > 0)
                answer_first("3", NULL);
            qn_loop_turn(loop);
            assert_true(qn_clock_now_ms() < end_ms);
        }
        if (seen.n > 0)
            answer_first("3", NULL);
        hand = meet();
        size_t now = seen.n_arrived;
        ask(&hand, 1, "both");
        ask(&hand, 2, "seats");
        await_arrived(now + 2);
        answer_first("both", message_of("a"));
        answer_first("seats", message_of("b"));
        sp_hand_expect(&hand, "a");
        sp_hand_expect(&hand, "b");
        sp_hand_close(&hand);
        await_peers(0);
    }
}

/* A goodbye while another message of the same client is in service, and an answer to it in the queue. */
static void test_hang_up(void **state)
{
    (void)state;
    struct sp_hand other = meet();
    hand = meet();
    ask(&hand, 1, "1");
    await_arrived(1);
    seen.hang_up = true;
    ask(&hand, 2, "goodbye");
    sp_hand_hear_end(&hand);
    assert_int_equal(qn_port_peers(port), 1);
    assert_true(seen.n_changes > 0);
    answer_first("1", message_of("to nobody"));
    seen.hang_up = false;
    ask(&other, 1, "both");
    ask(&other, 2, "seats");
    await_arrived(4);
    answer_first("both", message_of("a"));
    answer_first("seats", message_of("b"));
    sp_hand_expect(&other, "a");
    sp_hand_expect(&other, "b");
    sp_hand_close(&other);
}

/* It had waited for a seat. */
static void test_hang_up_after_waiting(void **state)
{
    (void)state;
    struct sp_hand leaving = meet();
    hand = meet();
    ask(&hand, 1, "1");
    ask(&hand, 2, "2");
    await_arrived(2);
    ask(&leaving, 1, "goodbye");
    ask(&leaving, 2, "never heard");
    turn_a_few();
    assert_int_equal(seen.n_arrived, 2);
    seen.hang_up = true;
    answer_first("1", message_of("one"));
    sp_hand_hear_end(&leaving);
    sp_hand_close(&leaving);
    assert_int_equal(seen.n_arrived, 3);
    answer_first("2", message_of("two"));
    sp_hand_expect(&hand, "one");
    sp_hand_expect(&hand, "two");
}

static void test_closed_in_arrived(void **state)
{
    (void)state;
    seen.close_port = true;
    hand = meet();
    ask(&hand, 1, "1");
    ask(&hand, 2, "2");
    loop_fixture_run_until_count(&seen.n_closed, 1, LONG_MS);
    assert_int_equal(seen.n_arrived, 1);
    sp_hand_hear_end(&hand);
}

/* In service, waiting for a seat, half written: all at once. */
static void test_closed_while_busy(void **state)
{
    (void)state;
    struct sp_hand reads_not = meet(), waits = meet();
    hand = meet();
    ask(&reads_not, 1, "1");
    await_arrived(1);
    answer_first("1", qn_message_new(BODY_MAX));
    turn_a_few();
    ask(&hand, 1, "2");
    await_arrived(2);
    ask(&waits, 1, "3");
    ask(&waits, 2, "4");
    turn_a_few();
    assert_int_equal(seen.n_arrived, 2);
    close_port();
    assert_int_equal(seen.n_closed, 0); /* later */
    loop_fixture_run_until_count(&seen.n_closed, 1, LONG_MS);
    sp_hand_hear_end(&hand);
    sp_hand_hear_end(&waits);
    sp_hand_close(&reads_not);
    sp_hand_close(&waits);
}

static void test_closed_when_peers_changed(void **state)
{
    (void)state;
    for (int how = 0; how < 2; how++) {
        hand = meet();
        struct sp_hand second = meet();
        seen.close_when_changed = true;
        if (how == 0) {
            sp_hand_close(&second); /* goes */
        } else {
            sp_hand_close(&second);
            second = sp_hand_dial(loop, url); /* goes and comes */
        }
        loop_fixture_run_until_count(&seen.n_closed, 1, LONG_MS);
        if (second.fd >= 0)
            sp_hand_close(&second);
        tear_down(NULL);
        set_up(ipc);
    }
}

static void test_peers_are_told(void **state)
{
    (void)state;
    hand = sp_hand_dial(loop, url);
    loop_fixture_run_until_count(&seen.n_changes, 1, LONG_MS);
    assert_int_equal(qn_port_peers(port), 1); /* before it has said hello */
    size_t n = seen.n_changes;
    sp_hand_close(&hand);
    loop_fixture_run_until_count(&seen.n_changes, n + 1, LONG_MS);
    assert_int_equal(qn_port_peers(port), 0);
}

/* One that never reads holds the seats of its own messages; the others are served by what is left. */
static void test_client_that_never_reads(void **state)
{
    (void)state;
    struct sp_hand reads_not = meet();
    hand = meet();
    ask(&reads_not, 1, "1");
    await_arrived(1);
    answer_first("1", qn_message_new(BODY_MAX));
    turn_a_few();
    for (uint32_t i = 2; i < 100; i++)
        ask(&reads_not, i, "not heard"); /* while its answer has not left */
    for (uint32_t i = 1; i <= 50; i++) {
        ask(&hand, i, "q");
        await_arrived(i + 1);
        answer_first("q", message_of("a"));
        assert_int_equal(sp_hand_expect(&hand, "a"), QN_SP_ID_BIT | i);
    }
    sp_hand_close(&reads_not);
    await_peers(1);
}

/* A thousand strangers are let in; the next is hung up on, and let in when one has gone. */
static void test_too_many_peers(void **state)
{
    (void)state;
    static struct sp_hand hands[PIPES_MAX];
    struct rlimit before, wide;
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &before), 0);
    wide = before;
    if (wide.rlim_cur < 3 * PIPES_MAX) {
        wide.rlim_cur = 3 * PIPES_MAX;
        if (wide.rlim_max < wide.rlim_cur)
            skip();
        assert_int_equal(setrlimit(RLIMIT_NOFILE, &wide), 0);
    }
    for (size_t i = 0; i < PIPES_MAX; i++) {
        hands[i] = sp_hand_dial(loop, url);
        qn_loop_turn(loop);
    }
    await_peers(PIPES_MAX);
    hand = sp_hand_dial(loop, url);
    sp_hand_hear_end(&hand);
    sp_hand_close(&hand);
    assert_int_equal(qn_port_peers(port), PIPES_MAX);
    struct qn_buf text;
    qn_buf_init(&text, 1 << 20);
    qn_metric_render(&text);
    assert_int_equal(qn_buf_write_byte(&text, '\0'), QN_OK);
    assert_non_null(strstr(qn_buf_view(&text).ptr, "quintet_rpc_connections_refused_total 1\n"));
    qn_buf_fini(&text);
    sp_hand_close(&hands[0]);
    await_peers(PIPES_MAX - 1);
    seen.echo = true;
    hand = meet();
    ask(&hand, 1, "hello");
    sp_hand_expect(&hand, "hello");
    for (size_t i = 1; i < PIPES_MAX; i++)
        sp_hand_close(&hands[i]);
    await_peers(1);
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &before), 0);
}

/* Descriptors are out: who comes waits, nobody is lost, and the loop does not spin. */
static void test_no_descriptors(void **state)
{
    (void)state;
    struct rlimit before, narrow;
    struct sp_hand early = meet();
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &before), 0);
    hand = sp_hand_dial(loop, url); /* in the queue; not accepted before the next turn */
    narrow = before;
    narrow.rlim_cur = 3; /* no descriptor is free below that */
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &narrow), 0);
    turn_a_few();
    assert_int_equal(qn_port_peers(port), 1);
    ask(&early, 1, "still served");
    await_arrived(1);
    answer_first("still served", message_of("yes"));
    sp_hand_expect(&early, "yes");
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &before), 0);
    sp_hand_hello(&hand, QN_SP_REQ);
    assert_int_equal(qn_port_peers(port), 2);
    sp_hand_close(&early);
}

/* Of the path of a local socket. */

static const char *path(void)
{
    return url + strlen("ipc://");
}

static bool is_there(void)
{
    struct stat what;
    return lstat(path(), &what) == 0;
}

static void expect_served(void)
{
    seen.echo = true;
    hand = meet();
    ask(&hand, 1, "there?");
    sp_hand_expect(&hand, "there?");
}

/* Left over by a process that was killed: taken over, and removed at the end. */
static void test_stale_socket(void **state)
{
    (void)state;
    close(sp_hand_listen(url));
    assert_true(is_there());
    assert_int_equal(open_port(&port), QN_OK);
    expect_served();
    close_port();
    assert_false(is_there());
}

static void test_path_in_use(void **state)
{
    (void)state;
    struct qn_port *second;
    assert_int_equal(open_port(&port), QN_OK);
    assert_int_equal(open_port(&second), QN_ALREADY_EXISTS);
    expect_served();
}

/* What lies there is no socket, or leads elsewhere: it is somebody's. */
static void test_path_of_a_file(void **state)
{
    (void)state;
    int fd = open(path(), O_CREAT | O_EXCL | O_WRONLY | O_CLOEXEC, 0600);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, "letters", 7), 7);
    close(fd);
    assert_int_equal(open_port(&port), QN_ALREADY_EXISTS);
    struct stat what;
    assert_int_equal(lstat(path(), &what), 0);
    assert_int_equal(what.st_size, 7);
    assert_int_equal(unlink(path()), 0);
    assert_int_equal(symlink("/nonexistent/quintet", path()), 0);
    assert_int_equal(open_port(&port), QN_ALREADY_EXISTS);
    assert_true(is_there());
    assert_int_equal(unlink(path()), 0);
    port = NULL;
}

/* Somebody has put another socket there: it stays when we go. */
static void test_path_taken_by_another(void **state)
{
    (void)state;
    assert_int_equal(open_port(&port), QN_OK);
    /* Ours is kept elsewhere, so that the other one cannot get its inode. */
    char elsewhere[sizeof(url) + 8];
    snprintf(elsewhere, sizeof(elsewhere), "%s.old", path());
    assert_int_equal(rename(path(), elsewhere), 0);
    int other = sp_hand_listen(url);
    close_port();
    assert_true(is_there());
    loop_fixture_run_until_count(&seen.n_closed, 1, LONG_MS);
    close(other);
    unlink(path());
    unlink(elsewhere);
}

static void test_bad_addresses(void **state)
{
    (void)state;
    static const struct {
        const char *url;
        enum qn_status status;
    } bad[] = {
        {"ipc://", QN_INVALID_ARGUMENT},
        {"ipc:///nonexistent/folder/1.sock", QN_INVALID_ARGUMENT},
        {"ipc:///tmp/0123456789012345678901234567890123456789012345678901234567890123456789012345678901234567"
         "890123456789012", /* 108 bytes: no room for the NUL */
         QN_INVALID_ARGUMENT},
        {"tcp://example.org:7000", QN_INVALID_ARGUMENT},
        {"tcp://127.0.0.1", QN_INVALID_ARGUMENT},
        {"tcp://127.0.0.1:70000", QN_INVALID_ARGUMENT},
        {"tcp://192.0.2.1:0", QN_UNAVAILABLE}, /* not this machine's */
    };
    for (size_t i = 0; i < QN_COUNT(bad); i++) {
        snprintf(url, sizeof(url), "%s", bad[i].url);
        assert_int_equal(open_port(&port), bad[i].status);
    }
    port = NULL;
}

/* The same port number again at once, though connections of the last one are in TIME_WAIT. */
static void test_tcp_restart(void **state)
{
    (void)state;
    for (int i = 0; i < 3; i++) {
        expect_served();
        close_port();
        loop_fixture_run_until_count(&seen.n_closed, (size_t)i + 1, LONG_MS);
        sp_hand_hear_end(&hand);
        sp_hand_close(&hand);
        assert_int_equal(open_port(&port), QN_OK);
        struct qn_port *second;
        assert_int_equal(open_port(&second), QN_ALREADY_EXISTS);
    }
}

/* A client's end is gone, and nobody was told: its machine lost power, or a firewall reset that end alone.
 * The port kept the connection for two hours, and a server that was to end waited for it. */
static void test_client_vanishes(void **state)
{
    (void)state;
    const int on = 1;
    hand = meet();
    await_peers(1);
    /* Closed under repair, a connection goes without FIN or RST. Wants rights; tests/system/network_cut has a
     * network that does it. */
    if (setsockopt(hand.fd, IPPROTO_TCP, TCP_REPAIR, &on, sizeof(on)) != 0)
        skip();
    sp_hand_close(&hand);
    await_peers(0);
}

#define T(name)                                                                                              \
    cmocka_unit_test_setup_teardown(name, set_up_ipc, tear_down),                                            \
        cmocka_unit_test_setup_teardown(name, set_up_tcp, tear_down)
#define PATH(name) cmocka_unit_test_setup_teardown(name, begin_ipc, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(test_trace_comes_back),
        T(test_more_than_seats),
        T(test_a_burst),
        T(test_client_gone),
        T(test_hang_up),
        T(test_hang_up_after_waiting),
        T(test_closed_in_arrived),
        T(test_closed_while_busy),
        T(test_closed_when_peers_changed),
        T(test_peers_are_told),
        T(test_client_that_never_reads),
        T(test_too_many_peers),
        T(test_no_descriptors),
        PATH(test_stale_socket),
        PATH(test_path_in_use),
        PATH(test_path_of_a_file),
        PATH(test_path_taken_by_another),
        PATH(test_bad_addresses),
        cmocka_unit_test_setup_teardown(test_tcp_restart, set_up_tcp, tear_down),
        cmocka_unit_test_setup_teardown(test_client_vanishes, set_up_tcp, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
