#include "tests/harness/sp_hand.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/core/clock.h"
#include "common/rpc/sp_address.h"
#include "tests/harness/test.h"

enum {
    PATIENCE_MS = 20000,
    /* Of TCP: a fixed buffer does not grow by itself, so that a sender gets stuck where a test wants it to.
     */
    RECEIVE_BUFFER_BYTES = 64 << 10,
};

/* Runs the loop once, and waits a moment for the socket. Fails the test when time is up. */
static void turn(struct qn_loop *loop, int fd, short events, uint64_t end_ms)
{
    struct pollfd ready = {.fd = fd, .events = events};
    qn_loop_turn(loop);
    poll(&ready, 1, 1);
    if (qn_clock_now_ms() > end_ms)
        fail_msg("waited %d ms in vain", PATIENCE_MS);
}

struct sp_hand sp_hand_pair(struct qn_loop *loop, bool ipc, int *ret_other)
{
    int fds[2];
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, fds), 0);
    *ret_other = fds[1];
    return (struct sp_hand){loop, fds[0], ipc};
}

static struct qn_sp_address address_of(const char *url)
{
    struct qn_sp_address address;
    assert_int_equal(qn_sp_address_of(url, &address, NULL), QN_OK);
    return address;
}

static int socket_for(const struct qn_sp_address *address)
{
    const int on = 1, bytes = RECEIVE_BUFFER_BYTES;
    int fd = socket(address->at.any.sa_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    assert_true(fd >= 0);
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
    setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &bytes, sizeof(bytes)); /* connections of a listener inherit it */
    return fd;
}

struct sp_hand sp_hand_dial(struct qn_loop *loop, const char *url)
{
    struct qn_sp_address address = address_of(url);
    int fd = socket_for(&address);
    uint64_t end_ms = qn_clock_now_ms() + PATIENCE_MS;
    while (connect(fd, &address.at.any, address.len) != 0 && errno != EINPROGRESS) {
        assert_int_equal(errno, EAGAIN); /* the listener's queue is full */
        turn(loop, -1, 0, end_ms);
    }
    return (struct sp_hand){loop, fd, address.ipc};
}

int sp_hand_listen(const char *url)
{
    struct qn_sp_address address = address_of(url);
    int fd = socket_for(&address);
    assert_int_equal(bind(fd, &address.at.any, address.len), 0);
    assert_int_equal(listen(fd, 16), 0);
    return fd;
}

struct sp_hand sp_hand_accept(struct qn_loop *loop, int listener, bool ipc)
{
    uint64_t end_ms = qn_clock_now_ms() + PATIENCE_MS;
    int fd;
    while ((fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK)) < 0) {
        assert_int_equal(errno, EAGAIN);
        turn(loop, listener, POLLIN, end_ms);
    }
    return (struct sp_hand){loop, fd, ipc};
}

void sp_hand_close(struct sp_hand *hand)
{
    close(hand->fd);
    hand->fd = -1;
}

bool sp_hand_say(struct sp_hand *hand, const void *bytes, size_t len)
{
    uint64_t end_ms = qn_clock_now_ms() + PATIENCE_MS;
    for (const char *at = bytes; len > 0;) {
        ssize_t n = send(hand->fd, at, len, MSG_NOSIGNAL);
        if (n > 0) {
            at += n;
            len -= (size_t)n;
        } else if (errno != EAGAIN && errno != ENOTCONN) {
            return false;
        } else {
            turn(hand->loop, hand->fd, POLLOUT, end_ms);
        }
    }
    return true;
}

size_t sp_hand_hear(struct sp_hand *hand, void *to, size_t len)
{
    uint64_t end_ms = qn_clock_now_ms() + PATIENCE_MS;
    size_t got = 0;
    while (got < len) {
        ssize_t n = recv(hand->fd, (char *)to + got, len - got, 0);
        if (n > 0)
            got += (size_t)n;
        else if (n == 0 || errno != EAGAIN)
            break;
        else
            turn(hand->loop, hand->fd, POLLIN, end_ms);
    }
    return got;
}

void sp_hand_hear_end(struct sp_hand *hand)
{
    char bytes[4096];
    while (sp_hand_hear(hand, bytes, sizeof(bytes)) == sizeof(bytes)) {
    }
}

bool sp_hand_is_quiet(struct sp_hand *hand)
{
    char byte;
    return recv(hand->fd, &byte, 1, MSG_PEEK) < 0 && errno == EAGAIN;
}

void sp_hand_hello(struct sp_hand *hand, uint16_t protocol)
{
    const uint8_t hello[8] = {0, 'S', 'P', 0, 0, (uint8_t)protocol, 0, 0};
    const uint8_t wanted[8] = {0, 'S', 'P', 0, 0, (uint8_t)(protocol ^ 1), 0, 0};
    uint8_t heard[8];
    assert_true(sp_hand_say(hand, hello, sizeof(hello)));
    assert_int_equal(sp_hand_hear(hand, heard, sizeof(heard)), sizeof(heard));
    assert_memory_equal(heard, wanted, sizeof(wanted));
}

size_t sp_hand_put(const struct sp_hand *hand, uint8_t *to, uint32_t id, const void *body, size_t len)
{
    uint8_t head[SP_HAND_HEAD_MAX] = {1};
    for (size_t i = 0; i < 8; i++)
        head[8 - i] = (uint8_t)((uint64_t)(len + 4) >> (8 * i));
    for (size_t i = 0; i < 4; i++)
        head[12 - i] = (uint8_t)(id >> (8 * i));
    size_t skip = hand->ipc ? 0 : 1;
    memcpy(to, head + skip, sizeof(head) - skip);
    if (len > 0)
        memcpy(to + sizeof(head) - skip, body, len);
    return sizeof(head) - skip + len;
}

bool sp_hand_send(struct sp_hand *hand, uint32_t id, const void *body, size_t len)
{
    uint8_t *bytes = malloc(SP_HAND_HEAD_MAX + len);
    assert_non_null(bytes);
    bool said = sp_hand_say(hand, bytes, sp_hand_put(hand, bytes, id, body, len));
    free(bytes);
    return said;
}

uint32_t sp_hand_hear_head(struct sp_hand *hand, size_t *ret_len)
{
    uint8_t head[SP_HAND_HEAD_MAX] = {1};
    size_t skip = hand->ipc ? 0 : 1;
    assert_int_equal(sp_hand_hear(hand, head + skip, sizeof(head) - skip), sizeof(head) - skip);
    assert_int_equal(head[0], 1);
    uint64_t len = 0;
    uint32_t id = 0;
    for (size_t i = 0; i < 8; i++)
        len = len << 8 | head[1 + i];
    for (size_t i = 0; i < 4; i++)
        id = id << 8 | head[9 + i];
    assert_true(len >= 4);
    *ret_len = (size_t)len - 4;
    return id;
}

uint32_t sp_hand_expect(struct sp_hand *hand, const char *text)
{
    size_t len;
    uint32_t id = sp_hand_hear_head(hand, &len);
    char body[256];
    assert_int_equal(len, strlen(text));
    assert_true(len < sizeof(body));
    assert_int_equal(sp_hand_hear(hand, body, len), len);
    assert_memory_equal(body, text, len);
    return id;
}
