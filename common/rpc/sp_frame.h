#ifndef QN_RPC_SP_FRAME_H
#define QN_RPC_SP_FRAME_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/uio.h>

#include "common/core/status.h"
#include "common/rpc/message.h"

/* nng's wire, byte by byte: the Scalability Protocols over stream connections. Inside the room; memory alone,
 * no socket.
 *
 *   RFC "TCP Mapping for Scalability Protocols" (sp-tcp-mapping-01): a hello of 8 bytes, 00 'S' 'P' 00, the
 *     protocol's number in 16 bits, 00 00; then messages, each behind its length in 64 bits, big-endian.
 *   "IPC Mapping" (sp-ipc-mapping-01): the same, with a byte 01 before each length.
 *   RFC "Request/Reply Scalability Protocol" (sp-request-reply-01), section 4: before a message's body stand
 *     32-bit words, the trace: one for each device on the way, the last with its highest bit set, which is
 *     the request's id. A reply bears the trace of its request. A request that has come over more devices
 *     than QN_SP_HOPS_MAX is MALFORMED: they stand in a ring. */

enum {
    QN_SP_HELLO_BYTES = 8,
    QN_SP_REQ = 48, /* protocol numbers: 16 * 3, and the side */
    QN_SP_REP = 49,
    QN_SP_WORD_BYTES = 4,
    QN_SP_HOPS_MAX = 15, /* devices; nng's own limit (NNG_OPT_MAXTTL) allows no more */
    QN_SP_TRACE_MAX = (QN_SP_HOPS_MAX + 1) * QN_SP_WORD_BYTES,
};

#define QN_SP_ID_BIT UINT32_C(0x80000000)

struct qn_sp_trace {
    uint8_t bytes[QN_SP_TRACE_MAX];
    size_t len; /* a multiple of QN_SP_WORD_BYTES, at least one word */
};

/* The trace of a request of our own. 'id' has QN_SP_ID_BIT. */
struct qn_sp_trace qn_sp_trace_of(uint32_t id);
/* The id, the last word. */
uint32_t qn_sp_trace_id(const struct qn_sp_trace *trace);

void qn_sp_put_hello(uint8_t to[QN_SP_HELLO_BYTES], uint16_t protocol);
/* Writes what stands before a body of 'len' bytes; returns its length, at most QN_MESSAGE_HEAD_MAX. */
size_t qn_sp_put_head(uint8_t *to, bool ipc, const struct qn_sp_trace *trace, size_t len);

/* What came over one connection, and what of it is not read yet. */
struct qn_sp_inbox {
    bool ipc;
    uint16_t protocol;          /* of the other side */
    size_t message_max_bytes;   /* of a body */
    bool greeted;               /* the hello is read */
    char *buffer;               /* NULL until something comes */
    size_t begin, end;          /* in the buffer: came, and is not read yet */
    struct qn_message *partial; /* one that is longer than what came; with its trace */
    size_t partial_len;         /* how much of it is there */
};

enum qn_sp_news {
    QN_SP_MORE,      /* all is read: bytes are missing */
    QN_SP_HELLO,     /* the other side speaks the protocol that was wanted */
    QN_SP_MESSAGE,   /* */
    QN_SP_MALFORMED, /* not this protocol: nothing more can be read */
    QN_SP_TOO_LARGE, /* a message over the limit came, or is announced; likewise */
    QN_SP_NO_MEMORY, /* likewise */
};

void qn_sp_inbox_init(struct qn_sp_inbox *inbox, bool ipc, uint16_t protocol, size_t message_max_bytes);
void qn_sp_inbox_fini(struct qn_sp_inbox *inbox);

/* Where the next bytes go, one or two pieces; 0 when memory is out. Requires: qn_sp_inbox_next() has said
 * QN_SP_MORE, or nothing was asked yet. */
size_t qn_sp_inbox_room(struct qn_sp_inbox *inbox, struct iovec room[2]);
/* So many were put there. */
void qn_sp_inbox_filled(struct qn_sp_inbox *inbox, size_t len);

/* Whether a message, or its head, has come in part. */
static inline bool qn_sp_inbox_is_partial(const struct qn_sp_inbox *inbox)
{
    return inbox->greeted && (inbox->partial != NULL || inbox->end > inbox->begin);
}

/* The next thing that came. Of QN_SP_MESSAGE, the message is the caller's. */
enum qn_sp_news qn_sp_inbox_next(struct qn_sp_inbox *inbox, struct qn_sp_trace *ret_trace,
                                 struct qn_message **ret_message);

#endif
