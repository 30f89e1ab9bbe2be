#ifndef QN_TESTS_SP_HAND_H
#define QN_TESTS_SP_HAND_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/loop/loop.h"

/* The other side of one connection of common/rpc, which speaks nng's wire by hand, well or badly. It lives on
 * the test's loop: the waits run that loop, 20 seconds at most. Whatever goes wrong in here fails the test,
 * but for what says otherwise. Nothing of common/rpc's own framing is used. */
struct sp_hand {
    struct qn_loop *loop;
    int fd;
    bool ipc;
};

/* A socket of its own for each side. */
struct sp_hand sp_hand_pair(struct qn_loop *loop, bool ipc, int *ret_other);
/* Connects to "tcp://127.0.0.1:7001" or "ipc:///folder/1.sock". */
struct sp_hand sp_hand_dial(struct qn_loop *loop, const char *url);
/* Listens; the url's port must not be 0. */
int sp_hand_listen(const char *url);
/* Waits for a connection there. */
struct sp_hand sp_hand_accept(struct qn_loop *loop, int listener, bool ipc);
void sp_hand_close(struct sp_hand *hand);

/* Sends all of it; false when the other side has hung up. */
bool sp_hand_say(struct sp_hand *hand, const void *bytes, size_t len);
/* Reads until 'len' bytes are there, or the other side has hung up; returns how many. */
size_t sp_hand_hear(struct sp_hand *hand, void *to, size_t len);
/* Reads, and throws away, until the other side has hung up. */
void sp_hand_hear_end(struct sp_hand *hand);
/* Nothing is there to be read, nor the end. */
bool sp_hand_is_quiet(struct sp_hand *hand);

/* Says hello as the side 'protocol' (48 asks, 49 answers), and hears that of the other. */
void sp_hand_hello(struct sp_hand *hand, uint16_t protocol);
/* Writes a message behind one word of trace; returns its length. */
enum { SP_HAND_HEAD_MAX = 13 };
size_t sp_hand_put(const struct sp_hand *hand, uint8_t *to, uint32_t id, const void *body, size_t len);
/* And says it; false when the other side has hung up. */
bool sp_hand_send(struct sp_hand *hand, uint32_t id, const void *body, size_t len);

/* What stands before a message: returns the id, and the length of the body, which is still to be heard. */
uint32_t sp_hand_hear_head(struct sp_hand *hand, size_t *ret_len);
/* A message whose body is this text; returns the id. */
uint32_t sp_hand_expect(struct sp_hand *hand, const char *text);

#endif
