#ifndef QN_LOOP_WORK_H
#define QN_LOOP_WORK_H

#include "common/loop/loop.h"
#include "common/loop/timer.h"

/* A lane: threads for work that would stop the loop, with a bounded queue. Each kind of work has a lane of
 * its own, so that slow disks never delay short crypto. */
struct qn_lane;

struct qn_lane_options {
    const char *name; /* static; label "lane" of its metrics: quintet_work_queued, _running, _refused_total,
                       * _wait_seconds (for a thread), _seconds (on a thread) */
    unsigned threads; /* 1 to 64 */
    size_t queue_max; /* jobs that wait, beside those that run */
    /* 0 to 19, added to the process's: its threads give way to the loop and to what else wants the cores. */
    int nice;
};

QN_MUST_USE enum qn_status qn_lane_open(struct qn_loop *loop, const struct qn_lane_options *options,
                                        struct qn_lane **ret_lane);

enum qn_work_state { QN_WORK_IDLE, QN_WORK_QUEUED, QN_WORK_RUNNING, QN_WORK_FINISHED };

/* A job: embed it; a zeroed one is idle. 'run' is on a thread of the lane and touches nothing but the job;
 * 'done' is on the loop, and may start the job anew or free it. */
struct qn_work {
    struct qn_node node;
    struct qn_lane *lane;
    uint64_t queued_us;
    enum qn_status status;
    void (*run)(struct qn_work *work);
    void (*done)(struct qn_work *work, enum qn_status status);
    enum qn_work_state state; /* private from here; under the lane's lock */
    struct qn_timer deadline;
    uint64_t deadline_ms;
    uint64_t began_us; /* 0: 'run' never began */
    uint64_t ended_us;
};

/* done: QN_OK after 'run'; QN_RESOURCE_EXHAUSTED when the queue is full, QN_DEADLINE_EXCEEDED when
 * 'deadline_ms' (of qn_clock_now_ms; 0: none) passed before a thread was free, QN_CANCELLED: in these three
 * 'run' never began. On a lane that is being closed: QN_CANCELLED. Requires: the job is idle. */
void qn_work_start(struct qn_lane *lane, struct qn_work *work, uint64_t deadline_ms,
                   void (*run)(struct qn_work *work),
                   void (*done)(struct qn_work *work, enum qn_status status));

/* Asks only: a job that has begun runs to its end and is done with QN_OK. Does nothing if it is idle. */
void qn_work_cancel(struct qn_work *work);

/* Queued jobs are done with QN_CANCELLED, running ones are waited for; then 'closed' runs (NULL: nothing
 * does) and the lane is gone. */
void qn_lane_close(struct qn_lane *lane, void (*closed)(void *context), void *context);

/* The same for a process that ends and cannot wait for its jobs: those that run are left behind. Their 'done'
 * never runs; 'left' gets each when its 'run' has returned, on the thread, perhaps after 'closed' and perhaps
 * never, as the process may be gone by then. It frees the job, and touches nothing else; until then the job
 * and all that 'run' uses must stay. The caller may not touch such a job any more, not even to cancel it. */
void qn_lane_abandon(struct qn_lane *lane, void (*left)(struct qn_work *work), void (*closed)(void *context),
                     void *context);

#endif
