#ifndef QN_LOOP_LOOP_H
#define QN_LOOP_LOOP_H

#include <stdbool.h>
#include <stdint.h>

#include "common/core/list.h"
#include "common/core/status.h"

/* The event loop: libuv, which only this room includes. One loop, one thread per process.
 *
 * Rules that hold for the whole room:
 * - Everything is called on the loop's thread, except qn_post().
 * - Starting an operation never calls back before it returns; its callback comes exactly once.
 * - open/close for what lives, start/cancel for what happens once. What is being closed must stay in memory
 *   until its close callback has run. */
struct qn_loop;

QN_MUST_USE enum qn_status qn_loop_new(struct qn_loop **ret_loop);

/* Runs until qn_loop_stop() or until nothing is left to wait for. */
void qn_loop_run(struct qn_loop *loop);
/* Runs what is ready now, without waiting; true while there is something left to wait for. For tests. */
bool qn_loop_turn(struct qn_loop *loop);
/* The same, but when nothing is ready it waits until something is. For tests. */
bool qn_loop_wait(struct qn_loop *loop);
/* qn_loop_run() returns after this turn. */
void qn_loop_stop(struct qn_loop *loop);

/* Frees an empty loop and returns true. Otherwise writes the kind of each handle left over to stderr, frees
 * nothing and returns false: somebody forgot to close. */
bool qn_loop_free(struct qn_loop *loop);

struct qn_buf;
/* How many handles are still open; their kinds are appended to 'to' ("poll, lane hash, timer"). Runs the loop
 * without waiting while what was closed already goes away. For tests. */
size_t qn_loop_leftovers(struct qn_loop *loop, struct qn_buf *to);

/* Something to be done once, later in this turn of the loop: after the callbacks of the events at hand,
 * before the loop waits for new ones. This is where batches are sent and where answers that are known at once
 * are delivered. A zeroed one is idle. */
struct qn_later {
    struct qn_node node;
    void (*run)(struct qn_later *later);
};

/* Does nothing if it is already waiting. */
void qn_later_start(struct qn_loop *loop, struct qn_later *later, void (*run)(struct qn_later *later));
/* Does nothing if it is idle. */
void qn_later_cancel(struct qn_loop *loop, struct qn_later *later);

#endif
