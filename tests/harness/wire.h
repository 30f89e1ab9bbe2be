#ifndef QN_TESTS_WIRE_H
#define QN_TESTS_WIRE_H

#include <stdbool.h>
#include <stdint.h>

#include "common/core/buf.h"
#include "common/loop/loop.h"

/* The other end of a TCP connection, byte by byte: for what well-behaved clients never send. It lives on the
 * test's loop (loop_fixture), beside the server under test; the waits run that loop. Whatever goes wrong in
 * here fails the test. */
struct wire {
    struct qn_loop *loop;
    struct qn_poll *poll;
    int fd; /* -1: closed by us */
    struct qn_buf in;
    bool ended; /* the other end has closed, or reset */
    bool reset;
};

/* Connects to "127.0.0.1:41873". The kernel completes it, so this does not wait. */
void wire_open(struct wire *wire, struct qn_loop *loop, const char *address);
/* The other side: waits for a connection to a listening socket (qn_listen_open), at most 20 seconds. */
void wire_accept(struct wire *wire, struct qn_loop *loop, int listen_fd);
/* Whether one is there now, or comes in this turn; false: the wire is not opened. */
bool wire_accept_now(struct wire *wire, struct qn_loop *loop, int listen_fd);
/* Lets go; closes if that was not done. */
void wire_close(struct wire *wire);

/* Sends all of it, running the loop while the socket is full. */
void wire_send(struct wire *wire, struct qn_str bytes);
void wire_send_c(struct wire *wire, const char *text);
/* Sends as much as there is room for and returns how much. */
size_t wire_send_some(struct wire *wire, struct qn_str bytes);

/* Closes the sending half. */
void wire_half_close(struct wire *wire);
/* Closes with a RST. */
void wire_abort(struct wire *wire);
/* Stops reading, so that the other end's sending gets stuck. */
void wire_pause(struct wire *wire);
void wire_go_on(struct wire *wire);

/* Runs the loop until what came holds 'text'; until it has come n times; until the other end closed. At most
 * 20 seconds. */
void wire_expect(struct wire *wire, const char *text);
void wire_expect_times(struct wire *wire, const char *text, size_t n);
void wire_expect_bytes(struct wire *wire, size_t n);
void wire_expect_end(struct wire *wire);

/* What came so far. */
struct qn_str wire_seen(const struct wire *wire);
bool wire_has(const struct wire *wire, const char *text);
void wire_forget(struct wire *wire);

#endif
