#ifndef MEDIA_S3_RETRY_H
#define MEDIA_S3_RETRY_H

#include "services/media/s3/answer.h"
#include "services/media/s3/transfer.h"

/* When a request to S3 is made again, and what its end means. Every request of ours may be repeated: a key's
 * bytes are always the same (its name holds their hash), and deleting twice is deleting.
 *
 * Waits: full jitter, a random time up to 100 ms, 200 ms, 400 ms and so on, so that those that failed
 * together do not come back together; longer when the server says Retry-After.
 *
 * The budget: each retry costs one, each answer gives a tenth back, up to MEDIA_S3_BUDGET_MAX. While the
 * store answers it does not matter; in an outage it is soon spent, and the load on the store that struggles
 * is then a tenth above what people ask for, not four times that. Plain arithmetic; any thread. */

enum {
    MEDIA_S3_TRIES_MAX = 4,
    MEDIA_S3_WAIT_FIRST_MS = 100,
    MEDIA_S3_WAIT_MAX_MS = 2000,
    MEDIA_S3_BUDGET_MAX = 20,
};

/* Zeroed: full. */
struct media_s3_budget {
    uint32_t spent_tenths;
};
bool media_s3_budget_take(struct media_s3_budget *budget); /* false: it is spent */
void media_s3_budget_give(struct media_s3_budget *budget); /* one was answered */

/* After the 'n_tries'-th try (from 1) has failed. 'random': any number. */
uint64_t media_s3_retry_wait_ms(unsigned n_tries, uint32_t retry_after_s, uint32_t random);

/* What an exchange came to. */
struct media_s3_verdict {
    enum qn_status status;
    const char *outcome; /* a metric's label: "ok", "not_found", "refused", "failed", "unreachable" … */
    bool again;          /* may be better next time */
    bool answered;       /* by the store itself, as it should */
    bool loud;           /* somebody must set something right: it will not go away */
    const char *hint;    /* what, for the log; NULL */
};

/* 'fault' is what the refusal's body said. 206 and 404 are for the caller to tell from 200; 416 is
 * QN_OUT_OF_RANGE. */
struct media_s3_verdict media_s3_retry_judge(const struct media_s3_transfer *transfer,
                                             const struct media_s3_fault *fault);

#endif
