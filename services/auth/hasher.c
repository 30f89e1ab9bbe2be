#include "services/auth/hasher.h"

#include <sched.h>

#include "common/core/check.h"

enum {
    HASH_THREADS_MAX = 64,    /* of a lane; at 32 MiB a hash these are 2 GiB */
    HASH_TYPICAL_MS = 100,    /* one hash: 79 ms measured, more where clocks are slower */
    RETRY_AFTER_MIN_MS = 1000 /* a client told to come back sooner only fills the queue again */
};

/* The cores this process may run on, which in a container or under a CPU set are fewer than the machine's. */
static unsigned cores(void)
{
    cpu_set_t set;
    if (sched_getaffinity(0, sizeof(set), &set) != 0)
        return 1;
    int n = CPU_COUNT(&set);
    return n < 1 ? 1 : n > HASH_THREADS_MAX ? HASH_THREADS_MAX : (unsigned)n;
}

enum qn_status auth_hasher_open(struct qn_part *part, struct qn_loop *loop, struct qn_error *err)
{
    struct auth_hasher *self = container_of(part, struct auth_hasher, part);
    self->threads_used = *self->threads ? (unsigned)*self->threads : cores();
    struct qn_lane_options options = {
        .name = "hash", .threads = self->threads_used, .queue_max = (size_t)*self->queue_max};
    enum qn_status status = qn_lane_open(loop, &options, &self->lane);
    return status == QN_OK
               ? QN_OK
               : qn_error_set(err, status, "no threads for password hashing: %s", qn_status_name(status));
}

static void lane_closed(void *context)
{
    struct auth_hasher *self = context;
    self->lane = NULL;
    self->closed(&self->part);
}

void auth_hasher_close(struct qn_part *part, void (*done)(struct qn_part *part))
{
    struct auth_hasher *self = container_of(part, struct auth_hasher, part);
    self->closed = done;
    qn_lane_close(self->lane, lane_closed, self);
}

uint32_t auth_hasher_retry_after_ms(const struct auth_hasher *hasher)
{
    uint64_t whole_queue_ms = (uint64_t)*hasher->queue_max * HASH_TYPICAL_MS / hasher->threads_used;
    return whole_queue_ms < RETRY_AFTER_MIN_MS ? RETRY_AFTER_MIN_MS : (uint32_t)whole_queue_ms;
}

/* On a thread of the lane. */
static void run_hash(struct qn_work *work)
{
    struct auth_hash_job *job = container_of(work, struct auth_hash_job, work);
    job->outcome = auth_password_hash(job->password, job->hash);
}

static void run_verify(struct qn_work *work)
{
    struct auth_hash_job *job = container_of(work, struct auth_hash_job, work);
    if (job->stored.len > 0) {
        job->outcome = auth_password_verify(job->password, job->stored);
        return;
    }
    job->outcome = auth_password_verify(job->password, auth_password_nobody);
    if (job->outcome == QN_OK)
        job->outcome = QN_UNAUTHENTICATED;
}

static void worked(struct qn_work *work, enum qn_status status)
{
    struct auth_hash_job *job = container_of(work, struct auth_hash_job, work);
    job->done(job, status == QN_OK ? job->outcome : status);
}

void auth_hasher_hash(struct auth_hasher *hasher, struct auth_hash_job *job, struct qn_str password,
                      uint64_t deadline_ms, void (*done)(struct auth_hash_job *job, enum qn_status status))
{
    job->password = password;
    job->done = done;
    qn_work_start(hasher->lane, &job->work, deadline_ms, run_hash, worked);
}

void auth_hasher_verify(struct auth_hasher *hasher, struct auth_hash_job *job, struct qn_str password,
                        struct qn_str stored, uint64_t deadline_ms,
                        void (*done)(struct auth_hash_job *job, enum qn_status status))
{
    job->password = password;
    job->stored = stored;
    job->done = done;
    qn_work_start(hasher->lane, &job->work, deadline_ms, run_verify, worked);
}
