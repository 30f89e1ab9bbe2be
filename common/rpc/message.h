#ifndef QN_RPC_MESSAGE_H
#define QN_RPC_MESSAGE_H

#include <stddef.h>
#include <stdint.h>

#include "common/core/list.h"
#include "common/core/str.h"

enum {
    /* What a transport puts before the bytes: a mark, a length, and a word for each hop (sp_frame.h). */
    QN_MESSAGE_HEAD_MAX = 1 + 8 + 16 * 4,
};

/* The bytes of one message, on their way from or to a peer. Inside the room; the loop's thread. */
struct qn_message {
    /* The transport's, while it is on its way out. */
    struct qn_node node;
    void *sender; /* NULL: nobody wants to know */
    size_t head_len;
    size_t sent; /* bytes of head and body that the kernel has; 0: the other side knows nothing of it */
    uint8_t head[QN_MESSAGE_HEAD_MAX];

    char *bytes;
    size_t len;
    char memory[];
};

/* Not cleared; NULL when memory is out. */
struct qn_message *qn_message_new(size_t bytes);
void qn_message_free(struct qn_message *message); /* NULL is allowed */
char *qn_message_bytes(struct qn_message *message);
struct qn_str qn_message_view(const struct qn_message *message);
/* Takes so many bytes off its front: they were the transport's. Requires: it has them. */
void qn_message_skip(struct qn_message *message, size_t bytes);
/* How many there are. For tests: they hide from a leak checker in the queues of a connection. */
size_t qn_message_live(void);

#endif
