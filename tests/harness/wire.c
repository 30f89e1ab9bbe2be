#include "tests/harness/wire.h"

#include <errno.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/core/check.h"
#include "common/core/clock.h"
#include "common/core/listen.h"
#include "common/loop/poll.h"
#include "common/loop/timer.h"
#include "tests/harness/test.h"

enum { WAIT_MS = 20000, SEEN_MAX = 64 * 1024 * 1024 };

static void on_readable(void *context, int events)
{
    (void)events;
    struct wire *wire = context;
    char piece[65536];
    ssize_t n = recv(wire->fd, piece, sizeof piece, 0);
    if (n > 0) {
        assert_int_equal(qn_buf_write(&wire->in, piece, (size_t)n), QN_OK);
        return;
    }
    if (n < 0 && (errno == EAGAIN || errno == EINTR))
        return;
    wire->reset = n < 0;
    wire->ended = true;
    qn_poll_want(wire->poll, 0);
}

void wire_open(struct wire *wire, struct qn_loop *loop, const char *address)
{
    struct qn_listen_address to;
    *wire = (struct wire){.loop = loop};
    qn_buf_init(&wire->in, SEEN_MAX);
    assert_true(qn_listen_parse(address, &to));
    wire->fd = socket(to.bytes.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_true(wire->fd >= 0);
    assert_int_equal(connect(wire->fd, (const struct sockaddr *)&to.bytes, to.len), 0);
    assert_int_equal(qn_poll_open(loop, wire->fd, on_readable, wire, &wire->poll), QN_OK);
    qn_poll_want(wire->poll, QN_READABLE);
}

struct guard {
    struct qn_timer timer;
    bool fired;
};

static void on_guard(struct qn_timer *timer)
{
    container_of(timer, struct guard, timer)->fired = true;
}

static bool try_accept(struct wire *wire, int listen_fd)
{
    int fd = accept4(listen_fd, NULL, NULL, SOCK_CLOEXEC);
    if (fd < 0) {
        assert_true(errno == EAGAIN || errno == ECONNABORTED);
        return false;
    }
    wire->fd = fd;
    qn_buf_init(&wire->in, SEEN_MAX);
    assert_int_equal(qn_poll_open(wire->loop, wire->fd, on_readable, wire, &wire->poll), QN_OK);
    qn_poll_want(wire->poll, QN_READABLE);
    return true;
}

bool wire_accept_now(struct wire *wire, struct qn_loop *loop, int listen_fd)
{
    *wire = (struct wire){.loop = loop, .fd = -1};
    qn_loop_turn(loop);
    return try_accept(wire, listen_fd);
}

static void on_caller(void *context, int events)
{
    (void)events;
    *(bool *)context = true;
}

void wire_accept(struct wire *wire, struct qn_loop *loop, int listen_fd)
{
    struct qn_poll *poll;
    struct guard guard = {0};
    bool called = false;
    *wire = (struct wire){.loop = loop, .fd = -1};
    assert_int_equal(qn_poll_open(loop, listen_fd, on_caller, &called, &poll), QN_OK);
    qn_poll_want(poll, QN_READABLE);
    qn_timer_start(loop, &guard.timer, WAIT_MS, on_guard);
    while (!guard.fired && !(called && try_accept(wire, listen_fd)))
        qn_loop_wait(loop);
    qn_timer_cancel(loop, &guard.timer);
    qn_poll_close(poll);
    if (wire->fd < 0)
        fail_msg("waited in vain for a connection");
}

void wire_close(struct wire *wire)
{
    if (wire->poll)
        qn_poll_close(wire->poll);
    if (wire->fd >= 0)
        close(wire->fd);
    wire->poll = NULL;
    wire->fd = -1;
    qn_buf_fini(&wire->in);
}

size_t wire_send_some(struct wire *wire, struct qn_str bytes)
{
    ssize_t n = send(wire->fd, bytes.ptr, bytes.len, MSG_DONTWAIT | MSG_NOSIGNAL);
    return n > 0 ? (size_t)n : 0;
}

void wire_send(struct wire *wire, struct qn_str bytes)
{
    uint64_t until_ms = qn_clock_now_ms() + WAIT_MS;
    while (bytes.len > 0 && !wire->ended) {
        size_t n = wire_send_some(wire, bytes);
        bytes = qn_str_n(bytes.ptr + n, bytes.len - n);
        if (n == 0)
            qn_loop_turn(wire->loop);
        if (qn_clock_now_ms() > until_ms)
            fail_msg("%zu bytes could not be sent", bytes.len);
    }
}

void wire_send_c(struct wire *wire, const char *text)
{
    wire_send(wire, qn_str_c(text));
}

void wire_half_close(struct wire *wire)
{
    assert_int_equal(shutdown(wire->fd, SHUT_WR), 0);
}

void wire_abort(struct wire *wire)
{
    const struct linger at_once = {.l_onoff = 1, .l_linger = 0};
    assert_int_equal(setsockopt(wire->fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once), 0);
    qn_poll_close(wire->poll);
    wire->poll = NULL;
    close(wire->fd);
    wire->fd = -1;
}

void wire_pause(struct wire *wire)
{
    qn_poll_want(wire->poll, 0);
}

void wire_go_on(struct wire *wire)
{
    qn_poll_want(wire->poll, QN_READABLE);
}

/* Waiting. */

static size_t times(struct qn_str in, struct qn_str what)
{
    size_t n = 0;
    while (in.len >= what.len) {
        const char *at = memmem(in.ptr, in.len, what.ptr, what.len);
        if (!at)
            break;
        n++;
        size_t used = (size_t)(at - in.ptr) + what.len;
        in = qn_str_n(in.ptr + used, in.len - used);
    }
    return n;
}

struct goal {
    struct qn_str text; /* or */
    size_t n;           /* bytes, with an empty text */
    bool end;
};

static bool reached(const struct wire *wire, const struct goal *goal)
{
    if (goal->end)
        return wire->ended;
    if (goal->text.len == 0)
        return wire->in.len >= goal->n;
    return times(qn_buf_view(&wire->in), goal->text) >= goal->n;
}

static void wait_for(struct wire *wire, const struct goal *goal, const char *what)
{
    struct guard guard = {0};
    qn_timer_start(wire->loop, &guard.timer, WAIT_MS, on_guard);
    while (!reached(wire, goal) && !guard.fired && !(wire->ended && !goal->end))
        qn_loop_wait(wire->loop);
    qn_timer_cancel(wire->loop, &guard.timer);
    if (!reached(wire, goal))
        fail_msg("%s in vain for %s; seen (%s): %.*s",
                 guard.fired ? "waited" : "the connection ended, waited", what,
                 wire->reset   ? "then reset"
                 : wire->ended ? "then closed"
                               : "still open",
                 (int)(wire->in.len > 600 ? 600 : wire->in.len), qn_buf_view(&wire->in).ptr);
}

void wire_expect(struct wire *wire, const char *text)
{
    wire_expect_times(wire, text, 1);
}

void wire_expect_times(struct wire *wire, const char *text, size_t n)
{
    wait_for(wire, &(const struct goal){.text = qn_str_c(text), .n = n}, text);
}

void wire_expect_bytes(struct wire *wire, size_t n)
{
    wait_for(wire, &(const struct goal){.n = n}, "bytes");
}

void wire_expect_end(struct wire *wire)
{
    wait_for(wire, &(const struct goal){.end = true}, "its end");
}

struct qn_str wire_seen(const struct wire *wire)
{
    return qn_buf_view(&wire->in);
}

bool wire_has(const struct wire *wire, const char *text)
{
    return times(qn_buf_view(&wire->in), qn_str_c(text)) > 0;
}

void wire_forget(struct wire *wire)
{
    qn_buf_clear(&wire->in);
}
