/* Who waits, who is worked on, and how each ends. (worker.c has the conversation, process.c the processes,
 * pool_admit.c who may wait at all, pool_part.c opening and closing.)
 *
 * 1. start: refused at once, or into the queue        2. a worker that is idle takes the first; where none is
 *    and places are free, one is started              3. its answer ends the job; the worker takes the next
 *
 * Deadline or cancel while it waits: it ends. While it is worked on: so it does, and the worker is killed.
 * The worker dies on it: once more, on another and in front of all; the second time it is no picture.
 * No worker can be started: all that wait end, and for a while nobody is let in. */
#include "services/media/picture/pool.h"

#include "common/core/check.h"
#include "common/core/clock.h"
#include "common/core/log.h"
#include "services/media/picture/pool_private.h"

enum {
    DEATHS_MAX = 2, /* the first may be the machine's fault: its memory ran out, somebody killed it */
    /* A picture that takes over its decoder meets at most so many of others', and a library that leaks is
     * begun anew; a start costs 30 ms. */
    PICTURES_OF_A_WORKER = 16,
    BACKOFF_FIRST_MS = 100,
    BACKOFF_MAX_MS = 5000,
    IDLE_MS = 30000, /* an idle worker has 30 to 100 MB */
};

static const struct qn_log context = {.name = "pictures"};

/* --- ends --- */

static void on_deliver(struct qn_later *later)
{
    struct media_picture_job *job = container_of(later, struct media_picture_job, later);
    struct media_picture_pool *pool = job->pool;
    job->pool = NULL;
    pool->n_jobs--;
    job->done(job, job->early); /* may free it, or start it again */
    media_pool_settle(pool);
}

/* The job is in no queue and with no worker. */
static void finish(struct media_picture_job *job, enum qn_status status)
{
    qn_timer_cancel(job->pool->loop, &job->deadline);
    media_pool_count(status, job->reason);
    job->early = status;
    qn_later_start(job->pool->loop, &job->later, on_deliver);
}

static void leave_queue(struct media_picture_job *job)
{
    qn_list_remove(&job->pool->waiting, &job->node);
    job->pool->waiting_bytes -= job->bytes.len;
}

static void leave_worker(struct media_picture_job *job)
{
    job->worker = NULL;
    job->pool->n_running--;
}

/* Ends one that waits or is worked on; nothing for one that is on its way out already. */
static void give_up(struct media_picture_job *job, enum qn_status status)
{
    if (qn_node_linked(&job->node)) {
        leave_queue(job);
    } else if (job->worker) {
        media_worker_kill(job->worker);
        leave_worker(job);
        qn_backlog_served(&job->pool->pace, qn_clock_now_us() - job->began_us);
    } else {
        return;
    }
    finish(job, status);
    media_pool_settle(job->pool);
}

static void on_deadline(struct qn_timer *timer)
{
    give_up(container_of(timer, struct media_picture_job, deadline), QN_DEADLINE_EXCEEDED);
}

void media_picture_job_cancel(struct media_picture_job *job)
{
    if (job->pool)
        give_up(job, QN_CANCELLED);
}

/* --- workers --- */

static struct media_picture_worker *find(struct media_picture_pool *pool, enum media_worker_state state)
{
    for (unsigned i = 0; i < pool->n_workers; i++)
        if (pool->workers[i].state == state)
            return &pool->workers[i];
    return NULL;
}

static size_t count(const struct media_picture_pool *pool, enum media_worker_state state)
{
    size_t n = 0;
    for (unsigned i = 0; i < pool->n_workers; i++)
        n += pool->workers[i].state == state;
    return n;
}

static void on_retry(struct qn_timer *timer)
{
    media_pool_settle(container_of(timer, struct media_picture_pool, retry));
}

/* Nobody is let in, and nobody started, for a while that doubles. */
static void back_off(struct media_picture_pool *pool)
{
    unsigned doublings = pool->failed_starts < 6 ? pool->failed_starts : 6;
    uint64_t wait_ms = (uint64_t)BACKOFF_FIRST_MS << doublings;
    pool->failed_starts++;
    if (wait_ms > BACKOFF_MAX_MS)
        wait_ms = BACKOFF_MAX_MS;
    pool->no_start_before_ms = qn_clock_now_ms() + wait_ms;
    qn_timer_start(pool->loop, &pool->retry, wait_ms, on_retry);
}

/* As many as there are jobs that no idle worker and no starting one will take. */
static void start_workers(struct media_picture_pool *pool)
{
    struct media_picture_worker *worker;
    while (!media_pool_backs_off(pool) && count(pool, MEDIA_WORKER_STARTING) < pool->waiting.len &&
           (worker = find(pool, MEDIA_WORKER_ABSENT)) != NULL) {
        struct qn_error err = {0};
        if (media_worker_start(worker, &err) == QN_OK) {
            media_pool_count_start();
            continue;
        }
        qn_log(&context, QN_ERROR, "no worker", QN_F_C("error", err.message));
        back_off(pool);
    }
}

static void fail_waiting(struct media_picture_pool *pool)
{
    while (!qn_list_empty(&pool->waiting)) {
        struct media_picture_job *job =
            container_of(qn_list_first(&pool->waiting), struct media_picture_job, node);
        leave_queue(job);
        job->retry_after_ms = media_pool_retry_after_ms(pool);
        finish(job, QN_UNAVAILABLE);
    }
}

static void hand_out(struct media_picture_pool *pool)
{
    struct media_picture_worker *worker;
    size_t n = 0;
    while (!qn_list_empty(&pool->waiting) && (worker = find(pool, MEDIA_WORKER_IDLE)) != NULL) {
        struct media_picture_job *job =
            container_of(qn_list_first(&pool->waiting), struct media_picture_job, node);
        leave_queue(job);
        job->worker = worker;
        job->began_us = qn_clock_now_us();
        pool->n_running++;
        media_worker_ask(worker, job);
        n++;
    }
    if (n > 0)
        qn_backlog_left(&pool->pace, n, qn_clock_now_us());
}

/* Also the end of draining and closing: whoever changes something comes here. */
static void on_settle(struct qn_later *later)
{
    struct media_picture_pool *pool = container_of(later, struct media_picture_pool, settle);
    hand_out(pool);
    start_workers(pool);
    if (media_pool_is_hopeless(pool))
        fail_waiting(pool);
    media_pool_show(pool, pool->n_workers - count(pool, MEDIA_WORKER_ABSENT));
    media_pool_leave(pool, count(pool, MEDIA_WORKER_ABSENT) == pool->n_workers);
}

void media_pool_settle(struct media_picture_pool *pool)
{
    qn_later_start(pool->loop, &pool->settle, on_settle);
}

static void on_idle(struct qn_timer *timer)
{
    struct media_picture_pool *pool = container_of(timer, struct media_picture_pool, idle);
    uint64_t now_ms = qn_clock_now_ms(), next_ms = 0;
    for (unsigned i = 0; i < pool->n_workers; i++) {
        struct media_picture_worker *worker = &pool->workers[i];
        uint64_t due_ms = worker->since_ms + IDLE_MS;
        if (worker->state != MEDIA_WORKER_IDLE)
            continue;
        if (due_ms <= now_ms)
            media_worker_kill(worker);
        else if (next_ms == 0 || due_ms < next_ms)
            next_ms = due_ms;
    }
    if (next_ms != 0)
        qn_timer_start(pool->loop, &pool->idle, next_ms - now_ms, on_idle);
}

static void become_idle(struct media_picture_worker *worker)
{
    struct media_picture_pool *pool = worker->pool;
    if (worker->n_answered >= PICTURES_OF_A_WORKER)
        media_worker_kill(worker);
    else if (!qn_timer_active(&pool->idle))
        qn_timer_start(pool->loop, &pool->idle, IDLE_MS, on_idle);
    media_pool_settle(pool);
}

void media_pool_worker_ready(struct media_picture_worker *worker)
{
    worker->pool->failed_starts = 0;
    worker->pool->no_start_before_ms = 0;
    become_idle(worker);
}

void media_pool_worker_answered(struct media_picture_worker *worker, struct media_picture_job *job,
                                const struct media_frame_answer *answer, struct qn_str large,
                                struct qn_str small, struct qn_str blur)
{
    static const char *const reasons[] = {
        [MEDIA_FRAME_DONE] = NULL,
        [MEDIA_FRAME_NOT_A_PICTURE] = MEDIA_PICTURE_NOT_A_PICTURE,
        [MEDIA_FRAME_TOO_MANY_PIXELS] = MEDIA_PICTURE_TOO_MANY_PIXELS,
        [MEDIA_FRAME_ANIMATED] = MEDIA_PICTURE_ANIMATED,
    };
    struct media_picture_pool *pool = worker->pool;
    uint64_t took_us = qn_clock_now_us() - job->began_us;
    enum qn_status status = QN_FAILED_PRECONDITION;
    leave_worker(job);
    job->reason = reasons[answer->outcome];
    media_pool_count_work(took_us, answer->peak_kib);
    if (answer->outcome == MEDIA_FRAME_DONE) {
        /* Of the pictures that were made: refusals take no time, and would make the queue look fast. */
        qn_backlog_served(&pool->pace, took_us);
        status = media_pool_fill(&job->picture, answer, large, small, blur);
        job->retry_after_ms = status == QN_OK ? 0 : media_pool_retry_after_ms(pool);
    }
    finish(job, status);
    become_idle(worker);
}

void media_pool_worker_lost(struct media_picture_worker *worker, enum media_worker_state was,
                            struct media_picture_job *job, enum qn_status status)
{
    struct media_picture_pool *pool = worker->pool;
    if (was == MEDIA_WORKER_STARTING)
        back_off(pool);
    if (job) {
        leave_worker(job);
        job->deaths += status != QN_INTERNAL;
        if (status == QN_INTERNAL) {
            finish(job, QN_INTERNAL);
        } else if (job->deaths >= DEATHS_MAX) {
            job->reason = MEDIA_PICTURE_NOT_A_PICTURE;
            finish(job, QN_FAILED_PRECONDITION);
        } else {
            qn_list_push_front(&pool->waiting, &job->node);
            pool->waiting_bytes += job->bytes.len;
        }
        qn_log(&context, QN_WARN, "a worker was lost on a picture",
               QN_F_C("kind", media_image_type(job->kind)), QN_F_INT("bytes", job->bytes.len),
               QN_F_INT("deaths", job->deaths), QN_F_STATUS("status", status));
    }
    media_pool_settle(pool);
}

void media_pool_worker_ended(struct media_picture_worker *worker, int wait_status)
{
    media_pool_count_end(worker->by_us);
    if (!worker->by_us) {
        char text[MEDIA_PROCESS_END_MAX];
        qn_log(&context, QN_WARN, "a worker ended by itself",
               QN_F_C("how", media_process_end_text(wait_status, text)));
    }
    media_pool_settle(worker->pool);
}

/* --- beginnings --- */

void media_picture_start(struct media_picture_pool *pool, struct media_picture_job *job,
                         void (*done)(struct media_picture_job *job, enum qn_status status))
{
    QN_CHECK(pool->loop && !job->pool);
    job->pool = pool;
    job->worker = NULL;
    job->deaths = 0;
    job->reason = NULL;
    job->retry_after_ms = 0;
    job->picture = (struct media_picture){0};
    job->done = done;
    pool->n_jobs++;
    enum qn_status status = media_pool_admit(pool, job);
    if (status != QN_OK) {
        finish(job, status); /* known at once, told later */
        return;
    }
    if (qn_list_empty(&pool->waiting))
        qn_backlog_begin(&pool->pace, qn_clock_now_us());
    qn_list_push(&pool->waiting, &job->node);
    pool->waiting_bytes += job->bytes.len;
    qn_timer_start(pool->loop, &job->deadline, qn_clock_left_ms(job->deadline_ms), on_deadline);
    media_pool_settle(pool);
}
