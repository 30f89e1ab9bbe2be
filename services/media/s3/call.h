#ifndef MEDIA_S3_CALL_H
#define MEDIA_S3_CALL_H

#include "common/core/log.h"
#include "common/loop/timer.h"
#include "services/media/s3/line.h"
#include "services/media/s3/retry.h"
#include "services/media/s3/sign.h"

/* One question to the bucket, asked until it is answered, refused for good, or its time is over:
 *
 *   signed → in line → answered ─▶ done
 *      ▲        ║         ║
 *      ╚═ wait ◀╩═ failed ╝   at most MEDIA_S3_TRIES_MAX times, within the deadline and the budget
 *
 * Each try is signed anew, for its own time. It ends a little before its deadline, so that whoever asked can
 * still say what happened. All on the loop's thread. */

/* What all calls to one bucket have in common. */
struct media_s3_client {
    struct qn_loop *loop;
    const struct media_bucket *bucket;
    struct media_s3_line line;
    struct media_s3_budget budget;
    struct qn_list calls; /* that are open */
    struct qn_log_limit log_limit;

    /* For whoever asks how the bucket is. */
    bool good;           /* the last that was heard of it */
    bool ever_good;      /* once, since the start */
    uint64_t changed_ms; /* when 'good' became what it is; qn_clock_now_ms(), 0: nothing was heard yet */
    char trouble[96];    /* when it is not good: why */
    void (*heard)(struct media_s3_client *client); /* after each end of a try; may be NULL */
};

/* 'bucket' must outlive it. */
QN_MUST_USE enum qn_status media_s3_client_open(struct media_s3_client *client, struct qn_loop *loop,
                                                const struct media_bucket *bucket,
                                                const struct media_settings *set, struct qn_error *err);
/* Calls that are open end with QN_UNAVAILABLE, inside of this. 'closed' comes later. */
void media_s3_client_close(struct media_s3_client *client, void (*closed)(struct media_s3_line *line));

struct media_s3_call {
    /* What is asked; 'arena' and what this points to must stay until 'done'. */
    const char *verb; /* static, for metrics and the log: "head" */
    struct media_s3_question question;
    struct qn_arena *arena;
    uint64_t deadline_ms;
    struct qn_buf *into; /* for the body of a success; emptied before each try. May be NULL */

    /* The answer, in 'done'; also ask.transfer's code, etag, content_type and so on. */
    struct media_s3_ask ask;
    struct media_s3_fault fault; /* in S3's words, if it was refused with some */

    struct media_s3_client *client; /* private from here; NULL unless it is open */
    struct qn_node node;
    unsigned n_tries;
    uint64_t started_us;
    enum qn_status failed; /* of the last try that failed; QN_OK: none did */
    struct qn_timer deadline, wait;
    struct qn_later later;
    void (*done)(struct media_s3_call *call, enum qn_status status);
};

/* Zero it first. 'done' comes exactly once, with QN_OK for a 2xx; QN_NOT_FOUND for no such key;
 * QN_OUT_OF_RANGE for a 416, or more than 'into' holds; QN_UNAVAILABLE, QN_DEADLINE_EXCEEDED,
 * QN_RESOURCE_EXHAUSTED, QN_INTERNAL. media_s3_call_fini() in it, or after it. */
void media_s3_call_start(struct media_s3_client *client, struct media_s3_call *call,
                         void (*done)(struct media_s3_call *call, enum qn_status status));
void media_s3_call_fini(struct media_s3_call *call);

/* The longest that a connection may take, and that nothing may move on one. */
enum { MEDIA_S3_CONNECT_MS = 3000, MEDIA_S3_STALL_MS = 10000 };

#endif
