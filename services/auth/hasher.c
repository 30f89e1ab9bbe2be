#include "services/auth/hasher.h"

#include <sched.h>

#include "common/core/check.h"
#include "common/core/clock.h"
#include "common/core/metric.h"

enum {
    HASH_THREADS_MAX = 64,    /* of a lane; at 32 MiB a hash these are 2 GiB */
    HASH_TYPICAL_MS = 100,    /* one hash: 79 ms measured, more where clocks are slower */
    HASH_NICE = 10,           /* a tenth of the loop's weight (sched(7)): session checks beside 64 sign-ins at
                                 once, on two busy cores, took a third of the time at the median, and half at p99 */
    RETRY_AFTER_MIN_MS = 1000 /* a client told to come back sooner only fills the queue again */
};

static struct qn_metric refused_metric = {
    .name = "quintet_auth_hash_refused_total",
    .help = "Passwords not hashed because their turn would have come too late.",
    .kind = QN_COUNTER,
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

/* A core is left to all that does not hash: where every one does, who wakes waits for a slice of the
 * scheduler's to end, milliseconds, however nice the threads are. */
static unsigned threads_by_default(void)
{
    unsigned n = cores();
    return n > 1 ? n - 1 : 1;
}

enum qn_status auth_hasher_open(struct qn_part *part, struct qn_loop *loop, struct qn_error *err)
{
    struct auth_hasher *self = container_of(part, struct auth_hasher, part);
    self->threads_used = *self->threads ? (unsigned)*self->threads : threads_by_default();
    self->loop = loop;
    self->in_hand = 0;
    self->pace = (struct qn_backlog){.service_us = HASH_TYPICAL_MS * 1000.0};
    struct qn_lane_options options = {.name = "hash",
                                      .threads = self->threads_used,
                                      .queue_max = (size_t)*self->queue_max,
                                      .nice = HASH_NICE};
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

/* Until a thread is free for one that comes now. The lane's speed is known, unlike that of most queues: so
 * many threads, each a hash at a time. */
static uint64_t wait_us(const struct auth_hasher *hasher)
{
    if (hasher->in_hand < hasher->threads_used)
        return 0;
    size_t ahead = hasher->in_hand - hasher->threads_used + 1;
    return (uint64_t)((double)ahead * hasher->pace.service_us / hasher->threads_used);
}

uint32_t auth_hasher_retry_after_ms(const struct auth_hasher *hasher)
{
    uint32_t hint_ms = qn_backlog_retry_after_ms(wait_us(hasher), qn_clock_now_us());
    return hint_ms < RETRY_AFTER_MIN_MS ? RETRY_AFTER_MIN_MS : hint_ms;
}

/* On a thread of the lane. */
static void run_hash(struct qn_work *work)
{
    struct auth_hash_job *job = container_of(work, struct auth_hash_job, work);
    uint64_t began_us = qn_clock_now_us();
    job->outcome = auth_password_hash(job->password, job->hash);
    job->took_us = qn_clock_now_us() - began_us;
}

static void run_verify(struct qn_work *work)
{
    struct auth_hash_job *job = container_of(work, struct auth_hash_job, work);
    bool somebody = job->stored.len > 0;
    uint64_t began_us = qn_clock_now_us();
    job->outcome = auth_password_verify(job->password, somebody ? job->stored : auth_password_nobody);
    job->took_us = qn_clock_now_us() - began_us;
    if (!somebody && job->outcome == QN_OK)
        job->outcome = QN_UNAUTHENTICATED;
}

static void worked(struct qn_work *work, enum qn_status status)
{
    struct auth_hash_job *job = container_of(work, struct auth_hash_job, work);
    job->hasher->in_hand--;
    if (status == QN_OK && job->outcome != QN_INTERNAL) /* what is no hash takes no time */
        qn_backlog_served(&job->hasher->pace, job->took_us);
    job->done(job, status == QN_OK ? job->outcome : status);
}

static void on_refused(struct qn_later *later)
{
    struct auth_hash_job *job = container_of(later, struct auth_hash_job, refused);
    job->done(job, QN_RESOURCE_EXHAUSTED);
}

static void start(struct auth_hasher *hasher, struct auth_hash_job *job, uint64_t deadline_ms,
                  void (*run)(struct qn_work *work))
{
    job->hasher = hasher;
    uint64_t left_us = qn_clock_left_ms(deadline_ms) * 1000;
    if (left_us > 0 && !qn_backlog_bears(wait_us(hasher), (uint64_t)hasher->pace.service_us, left_us)) {
        qn_metric_add(qn_metric_series(&refused_metric, NULL, NULL, NULL), 1);
        qn_later_start(hasher->loop, &job->refused, on_refused);
        return;
    }
    hasher->in_hand++;
    qn_work_start(hasher->lane, &job->work, deadline_ms, run, worked);
}

void auth_hasher_hash(struct auth_hasher *hasher, struct auth_hash_job *job, struct qn_str password,
                      uint64_t deadline_ms, void (*done)(struct auth_hash_job *job, enum qn_status status))
{
    job->password = password;
    job->done = done;
    start(hasher, job, deadline_ms, run_hash);
}

void auth_hasher_verify(struct auth_hasher *hasher, struct auth_hash_job *job, struct qn_str password,
                        struct qn_str stored, uint64_t deadline_ms,
                        void (*done)(struct auth_hash_job *job, enum qn_status status))
{
    job->password = password;
    job->stored = stored;
    job->done = done;
    start(hasher, job, deadline_ms, run_verify);
}
