#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/core/check.h"
#include "common/loop/poll.h"
#include "tests/harness/loop_fixture.h"
#include "tests/harness/test.h"

struct watcher {
    struct qn_loop *loop;
    struct qn_poll *poll;
    int fd, other; /* a pair of sockets */
    size_t times;
    int events;
    bool read;  /* in the callback */
    bool close; /* in the callback, the descriptor as well */
};

static void on_ready(void *context, int events)
{
    struct watcher *watcher = context;
    char byte;
    watcher->times++;
    watcher->events = events;
    if (watcher->read)
        assert_int_equal(read(watcher->fd, &byte, 1), 1);
    if (watcher->close) {
        qn_poll_close(watcher->poll);
        close(watcher->fd);
    }
}

static void open_pair(struct watcher *watcher, struct qn_loop *loop)
{
    int fds[2];
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, fds), 0);
    watcher->loop = loop;
    watcher->fd = fds[0];
    watcher->other = fds[1];
    assert_int_equal(qn_poll_open(loop, watcher->fd, on_ready, watcher, &watcher->poll), QN_OK);
}

static void close_pair(struct watcher *watcher)
{
    qn_poll_close(watcher->poll);
    close(watcher->fd);
    close(watcher->other);
}

static void test_it_tells_what_was_asked_for(void **state)
{
    (void)state;
    struct watcher watcher = {0};
    open_pair(&watcher, loop_fixture_begin());
    qn_loop_turn(watcher.loop);
    assert_int_equal(watcher.times, 0); /* nothing asked for */

    qn_poll_want(watcher.poll, QN_WRITABLE);
    loop_fixture_run_until_count(&watcher.times, 1, 10000);
    assert_int_equal(watcher.events, QN_WRITABLE);

    assert_int_equal(write(watcher.other, "x", 1), 1);
    qn_poll_want(watcher.poll, QN_READABLE);
    watcher.read = true;
    loop_fixture_run_until_count(&watcher.times, 2, 10000);
    assert_int_equal(watcher.events, QN_READABLE);

    assert_int_equal(write(watcher.other, "x", 1), 1);
    watcher.read = false;
    qn_poll_want(watcher.poll, QN_READABLE | QN_WRITABLE);
    loop_fixture_run_until_count(&watcher.times, 3, 10000);
    assert_int_equal(watcher.events, QN_READABLE | QN_WRITABLE);

    qn_poll_want(watcher.poll, 0);
    qn_loop_turn(watcher.loop);
    qn_loop_turn(watcher.loop);
    assert_int_equal(watcher.times, 3);
    close_pair(&watcher);
    loop_fixture_end();
}

static void test_it_tells_again_what_was_not_read(void **state)
{
    (void)state;
    struct watcher watcher = {0};
    open_pair(&watcher, loop_fixture_begin());
    qn_poll_want(watcher.poll, QN_READABLE);
    assert_int_equal(write(watcher.other, "x", 1), 1);
    loop_fixture_run_until_count(&watcher.times, 3, 10000);
    watcher.read = true;
    loop_fixture_run_until_count(&watcher.times, 4, 10000);
    qn_loop_turn(watcher.loop);
    assert_int_equal(watcher.times, 4);
    close_pair(&watcher);
    loop_fixture_end();
}

static void test_an_end_of_stream_is_readable(void **state)
{
    (void)state;
    struct watcher watcher = {0};
    open_pair(&watcher, loop_fixture_begin());
    qn_poll_want(watcher.poll, QN_READABLE);
    shutdown(watcher.other, SHUT_RDWR);
    loop_fixture_run_until_count(&watcher.times, 1, 10000);
    assert_int_equal(watcher.events, QN_READABLE);
    close_pair(&watcher);
    loop_fixture_end();
}

/* libuv stops watching a descriptor with an error and tells nothing of it; the owner must still learn, and
 * must be told again as long as it has not asked the socket. */
static void test_a_refused_connection_is_told_as_what_was_asked_for(void **state)
{
    (void)state;
    struct watcher watcher = {.loop = loop_fixture_begin()};
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof to;
    /* A port that is ours and that nobody listens on. */
    int taken = socket(AF_INET, SOCK_STREAM, 0);
    assert_int_equal(bind(taken, (struct sockaddr *)&to, sizeof to), 0);
    assert_int_equal(getsockname(taken, (struct sockaddr *)&to, &len), 0);
    watcher.fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
    connect(watcher.fd, (struct sockaddr *)&to, sizeof to); /* EINPROGRESS or ECONNREFUSED */

    assert_int_equal(qn_poll_open(watcher.loop, watcher.fd, on_ready, &watcher, &watcher.poll), QN_OK);
    qn_poll_want(watcher.poll, QN_WRITABLE);
    loop_fixture_run_until_count(&watcher.times, 2, 10000);
    assert_int_equal(watcher.events, QN_WRITABLE);
    qn_poll_close(watcher.poll);
    close(watcher.fd);
    close(taken);
    loop_fixture_end();
}

/* libpq closes its socket and opens another, which gets the same number: the new one is watched, the old
 * one's news do not come to it. */
static void test_the_descriptor_may_be_closed_at_once_and_its_number_used_again(void **state)
{
    (void)state;
    struct watcher old = {0}, new = {0};
    struct qn_loop *loop = loop_fixture_begin();
    open_pair(&old, loop);
    qn_poll_want(old.poll, QN_READABLE | QN_WRITABLE);
    qn_loop_turn(loop);
    size_t times = old.times;
    assert_int_equal(write(old.other, "x", 1), 1); /* news that the old one will not hear */
    int number = old.fd;
    close_pair(&old);

    open_pair(&new, loop);
    assert_int_equal(new.fd, number);
    qn_poll_want(new.poll, QN_READABLE);
    qn_loop_turn(loop);
    qn_loop_turn(loop);
    assert_int_equal(old.times, times);
    assert_int_equal(new.times, 0);
    assert_int_equal(write(new.other, "x", 1), 1);
    loop_fixture_run_until_count(&new.times, 1, 10000);
    close_pair(&new);
    loop_fixture_end();
}

/* Two descriptors are ready in one turn, each one's callback closes both itself and its descriptor. */
static void test_it_may_be_closed_in_its_callback(void **state)
{
    (void)state;
    struct watcher a = {.close = true}, b = {.close = true};
    struct qn_loop *loop = loop_fixture_begin();
    open_pair(&a, loop);
    open_pair(&b, loop);
    qn_poll_want(a.poll, QN_WRITABLE);
    qn_poll_want(b.poll, QN_WRITABLE);
    loop_fixture_run_until_count(&a.times, 1, 10000);
    loop_fixture_run_until_count(&b.times, 1, 10000);
    qn_loop_run(loop);
    assert_int_equal(a.times, 1);
    assert_int_equal(b.times, 1);
    close(a.other);
    close(b.other);
    loop_fixture_end();
}

static void test_what_cannot_be_watched_is_refused(void **state)
{
    (void)state;
    struct qn_loop *loop = loop_fixture_begin();
    struct qn_poll *poll = NULL;
    FILE *file = tmpfile();
    assert_non_null(file);
    assert_int_equal(qn_poll_open(loop, fileno(file), on_ready, NULL, &poll), QN_PERMISSION_DENIED);
    fclose(file);
    int fd = dup(0);
    close(fd);
    assert_int_equal(qn_poll_open(loop, fd, on_ready, NULL, &poll), QN_INVALID_ARGUMENT);
    assert_null(poll);
    loop_fixture_end();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_it_tells_what_was_asked_for),
        cmocka_unit_test(test_it_tells_again_what_was_not_read),
        cmocka_unit_test(test_an_end_of_stream_is_readable),
        cmocka_unit_test(test_a_refused_connection_is_told_as_what_was_asked_for),
        cmocka_unit_test(test_the_descriptor_may_be_closed_at_once_and_its_number_used_again),
        cmocka_unit_test(test_it_may_be_closed_in_its_callback),
        cmocka_unit_test(test_what_cannot_be_watched_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
