#ifndef QN_RPC_SP_PIPE_H
#define QN_RPC_SP_PIPE_H

#include "common/core/list.h"
#include "common/loop/loop.h"
#include "common/loop/poll.h"
#include "common/loop/timer.h"
#include "common/rpc/sp_frame.h"
#include "common/rpc/sp_stream.h"

/* One connection that speaks nng's wire, on the loop. Inside the room; the loop's thread.
 *
 *   CONNECTING ──▶ SHAKING ──▶ GREETING ──▶ OPEN ──▶ CLOSED
 *        └────────────┴────────────┴──────────────────▲
 * SHAKING is TLS's; without it GREETING follows at once.
 */
enum qn_sp_pipe_state { QN_SP_CONNECTING, QN_SP_SHAKING, QN_SP_GREETING, QN_SP_OPEN, QN_SP_CLOSED };

struct qn_sp_pipe;

/* All of these come from the loop, never from within a call to the pipe. The pipe may be closed in each. */
struct qn_sp_pipe_events {
    void (*open)(struct qn_sp_pipe *pipe);
    /* The message is the owner's. False: no further ones until qn_sp_pipe_resume(). */
    bool (*message)(struct qn_sp_pipe *pipe, const struct qn_sp_trace *trace, struct qn_message *message);
    /* All of a message is the kernel's (of TLS: encrypted, and next for the kernel), and it is freed; not for
     * one without a sender. */
    void (*written)(struct qn_sp_pipe *pipe, void *sender);
    /* By the other side, or because it broke the rules; not after qn_sp_pipe_close(). Messages that were not
     * written to their end are their senders' again, and message->sent says how far they came; those without
     * a sender are gone. So is the pipe when this returns. */
    void (*closed)(struct qn_sp_pipe *pipe);
};

struct qn_sp_pipe {
    void *owner;
    const struct qn_sp_pipe_events *events;
    struct qn_loop *loop;
    enum qn_sp_pipe_state state;
    struct qn_sp_stream stream;
    struct qn_poll *poll;
    struct qn_sp_inbox inbox;
    uint16_t protocol; /* our own */
    bool paused;       /* the owner wants no messages */
    bool blocked;      /* the kernel takes no more for now */
    uint64_t stalled_ms, unfinished_ms;
    struct qn_list out;
    struct qn_later work;  /* to flush, to read on, to free itself */
    struct qn_timer timer; /* the hand-shake's, then the stalled writer's */
    struct qn_timer rest;  /* of a message that came in part */
};

struct qn_sp_pipe_options {
    int fd;          /* non-blocking; the pipe's from here on, also when it fails */
    bool connecting; /* connect(2) is under way */
    bool ipc;
    struct qn_tls *tls;          /* NULL: without. The one that dials is TLS's client */
    const char *tls_server_name; /* of the one that dials: what the peer's certificate must bear */
    uint16_t protocol;           /* our own: QN_SP_REQ or QN_SP_REP; the other side must have the other */
    size_t message_max_bytes;
    uint64_t greeting_ms;   /* for connect, hand-shake and hello together; 0: 5 s */
    uint64_t stalled_ms;    /* how long the other side may take no byte of what it is sent; 0: 30 s */
    uint64_t unfinished_ms; /* how long it may send no byte of a message that it has begun; 0: 30 s */
    const struct qn_sp_pipe_events *events;
    void *owner;
};

/* NULL when memory or descriptors are out. */
struct qn_sp_pipe *qn_sp_pipe_open(struct qn_loop *loop, const struct qn_sp_pipe_options *options);

/* No event follows; messages go back as in 'closed'. The memory goes later. */
void qn_sp_pipe_close(struct qn_sp_pipe *pipe);

/* Sends the message, which is the pipe's from here on, behind its trace, at the end of this turn. A sender
 * that loses interest sets message->sender to NULL; until it has heard 'written' it may look at the message.
 * Requires: OPEN. */
void qn_sp_pipe_send(struct qn_sp_pipe *pipe, struct qn_message *message, void *sender,
                     const struct qn_sp_trace *trace);

/* Takes a message back. Requires: it was given to this pipe, and its 'sent' is 0. */
void qn_sp_pipe_unsend(struct qn_sp_pipe *pipe, struct qn_message *message);

/* Messages are wanted again; they come later in this turn. */
void qn_sp_pipe_resume(struct qn_sp_pipe *pipe);

#endif
