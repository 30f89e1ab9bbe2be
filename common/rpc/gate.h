#ifndef QN_RPC_GATE_H
#define QN_RPC_GATE_H

#include <pthread.h>
#include <stdbool.h>

#include "common/core/list.h"
#include "common/core/status.h"
#include "common/loop/loop.h"
#include "common/loop/post.h"
#include "common/loop/timer.h"

/* The way from the threads of nng's library to the loop, for objects that it may never let go of: those of
 * transport_nng.c, which carries inproc://. Lines and ports of our own transport have no need
 * of that; they only hold the gate open until they have gone. Inside the room.
 *
 * nng 1.5.2 can stop for ever in nng_close(): when a connection is closed while the head of a message has
 * just been read, tcptran_pipe_recv_cb() asks for the rest on an aio that is stopped already, which is
 * answered by nothing, and the thread that frees connections waits for that answer. So an object is stopped
 * on a thread of its own; if that takes too long the object is given up: its memory stays, its events are not
 * heard any more, and everything else goes on. */
struct qn_gate;

QN_MUST_USE enum qn_status qn_gate_open(struct qn_loop *loop, struct qn_gate **ret_gate);

/* 'closed' runs once every object has gone. Requires: all have been told to go. */
void qn_gate_close(struct qn_gate *gate, void (*closed)(void *context), void *context);

struct qn_loop *qn_gate_loop(const struct qn_gate *gate);

/* An object of the loop's own, which needs none of the below but must have gone before the gate closes. */
void qn_gate_hold(struct qn_gate *gate);
void qn_gate_release(struct qn_gate *gate);

/* Embedded in the object. */
struct qn_gated {
    struct qn_gate *gate;
    pthread_mutex_t lock;
    bool shut; /* under the lock: nobody listens any more */
    bool going, given_up;
    struct qn_timer patience;
    void (*stop)(struct qn_gated *gated);
    void (*gone)(struct qn_gated *gated);
};

/* What happened to an object, told to the loop. It is under way at most once at a time. */
struct qn_gate_event {
    struct qn_node node;
    struct qn_gated *gated;
    void (*run)(struct qn_gate_event *event);
};

/* stop: on a thread of its own; may never return. After it no other thread touches the object.
 * gone: on the loop, once; the object is its owner's again, to be freed unless gated->given_up. */
void qn_gate_enter(struct qn_gate *gate, struct qn_gated *gated, void (*stop)(struct qn_gated *gated),
                   void (*gone)(struct qn_gated *gated));

/* Any thread: 'run' comes on the loop, in the order rung; not after 'gone'. */
void qn_gate_ring(struct qn_gate_event *event);

/* Starts 'stop'; 'gone' follows. */
void qn_gate_leave(struct qn_gated *gated);

/* Both within this call: for an object that has never been connected, so that nng has nothing to wait for. */
void qn_gate_leave_now(struct qn_gated *gated);

#endif
