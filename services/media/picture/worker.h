#ifndef MEDIA_PICTURE_WORKER_H
#define MEDIA_PICTURE_WORKER_H

#include "services/media/picture/frame.h"
#include "services/media/picture/process.h"

/* One worker as the pool sees it: a process, and the conversation with it (frame.h).
 *
 *            start             hello            ask                 answer
 *   ABSENT ─────────▶ STARTING ─────▶ IDLE ────────────▶ BUSY ───────────────▶ IDLE
 *      ▲                  │             │                  │
 *      └──── the kernel has let go ──── ENDING ◀───────────┴── kill, its death, or a word that is none of
 *                                                              ours
 *
 * Nothing is asked of a worker to make it end: it has nothing to lose, so it is killed. */
enum media_worker_state {
    MEDIA_WORKER_ABSENT,
    MEDIA_WORKER_STARTING,
    MEDIA_WORKER_IDLE,
    MEDIA_WORKER_BUSY,
    MEDIA_WORKER_ENDING,
};

struct media_picture_worker {
    enum media_worker_state state;
    struct media_process process;
    struct media_picture_pool *pool;
    struct media_picture_job *job; /* BUSY: what it works on */
    unsigned n_answered;
    uint64_t since_ms; /* of the state */
    bool by_us;        /* ENDING: we killed it */

    /* Private from here. */
    struct qn_timer start_limit;
    char ask[MEDIA_FRAME_ASK_LEN];
    size_t sent; /* of the ask and the picture behind it */
    char head[MEDIA_FRAME_ANSWER_LEN];
    size_t received; /* of the hello or the answer's head */
    struct media_frame_answer answer;
    struct qn_buf body;
};

/* STARTING, or an error and ABSENT. One that has not said hello in time is killed. */
QN_MUST_USE enum qn_status media_worker_start(struct media_picture_worker *worker, struct qn_error *err);

/* Requires: IDLE. The job's bytes must stay while it is BUSY. */
void media_worker_ask(struct media_picture_worker *worker, struct media_picture_job *job);

/* ENDING, if it is not ABSENT. Tells the pool nothing until it has ended: the caller sees to the job. */
void media_worker_kill(struct media_picture_worker *worker);

/* What the pool is told. */

/* It said hello: IDLE. */
void media_pool_worker_ready(struct media_picture_worker *worker);

/* BUSY to IDLE, with an answer for 'job': its outcome, and with MEDIA_FRAME_DONE views that hold until this
 * returns. */
void media_pool_worker_answered(struct media_picture_worker *worker, struct media_picture_job *job,
                                const struct media_frame_answer *answer, struct qn_str large,
                                struct qn_str small, struct qn_str blur);

/* It is lost: ENDING, when it was STARTING, IDLE or BUSY ('was') and went by itself or was killed for what it
 * said ('status' QN_INTERNAL; otherwise QN_UNAVAILABLE). 'job' is the one it had, or NULL. */
void media_pool_worker_lost(struct media_picture_worker *worker, enum media_worker_state was,
                            struct media_picture_job *job, enum qn_status status);

/* ABSENT. */
void media_pool_worker_ended(struct media_picture_worker *worker, int wait_status);

#endif
