#include <errno.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "common/core/check.h"
#include "common/core/clock.h"
#include "services/media/picture/pool_private.h"

/* More would only share what memory the machine has. Who has both sets the number. */
enum { WORKERS_DEFAULT_MAX = 4 };

/* The cores this process may run on, which in a container or under a CPU set are fewer than the machine's. */
static unsigned workers_by_default(void)
{
    cpu_set_t set;
    if (sched_getaffinity(0, sizeof set, &set) != 0)
        return 1;
    int n = CPU_COUNT(&set);
    return n < 1 ? 1 : n > WORKERS_DEFAULT_MAX ? WORKERS_DEFAULT_MAX : (unsigned)n;
}

static enum qn_status find_program(struct media_picture_pool *pool, struct qn_error *err)
{
    static const char name[] = "quintet-picture";
    const char *given = pool->settings->program;
    size_t room = sizeof pool->program;
    if (given && given[0] != '\0') {
        if ((size_t)snprintf(pool->program, room, "%s", given) >= room)
            return qn_error_set(err, QN_INVALID_ARGUMENT, "QUINTET_MEDIA_PICTURE_PROGRAM is too long");
    } else {
        ssize_t len = readlink("/proc/self/exe", pool->program, room - sizeof name);
        const char *slash = len > 0 ? memrchr(pool->program, '/', (size_t)len) : NULL;
        if (!slash)
            return qn_error_set(err, QN_UNAVAILABLE, "where is this program? /proc/self/exe: %s",
                                strerror(errno));
        memcpy(pool->program + (slash + 1 - pool->program), name, sizeof name);
    }
    if (access(pool->program, X_OK) != 0)
        return qn_error_set(err, QN_UNAVAILABLE, "%s: %s (QUINTET_MEDIA_PICTURE_PROGRAM)", pool->program,
                            strerror(errno));
    return QN_OK;
}

enum qn_status media_picture_pool_open(struct qn_part *part, struct qn_loop *loop, struct qn_error *err)
{
    struct media_picture_pool *pool = container_of(part, struct media_picture_pool, part);
    QN_TRY(find_program(pool, err));
    pool->n_workers = pool->settings->workers > 0 ? (unsigned)pool->settings->workers : workers_by_default();
    pool->workers = calloc(pool->n_workers, sizeof *pool->workers);
    if (!pool->workers)
        return qn_error_set(err, QN_RESOURCE_EXHAUSTED, "no memory for picture workers");
    for (unsigned i = 0; i < pool->n_workers; i++)
        pool->workers[i].pool = pool;
    pool->loop = loop;
    pool->pace = (struct qn_backlog){.service_us = MEDIA_PICTURE_TYPICAL_MS * 1000.0};
    pool->draining = pool->closing = false;
    pool->drained = NULL;
    pool->closed = NULL;
    pool->failed_starts = 0;
    pool->no_start_before_ms = 0;
    qn_list_init(&pool->waiting);
    return QN_OK;
}

bool media_picture_pool_ready(struct qn_part *part, struct qn_buf *detail)
{
    struct media_picture_pool *pool = container_of(part, struct media_picture_pool, part);
    if (media_pool_is_hopeless(pool))
        qn_buf_write_c(detail, "no worker can be started");
    return true;
}

/* Those that wait and those that are worked on. */
static void cancel_all(struct media_picture_pool *pool)
{
    while (!qn_list_empty(&pool->waiting))
        media_picture_job_cancel(container_of(qn_list_first(&pool->waiting), struct media_picture_job, node));
    for (unsigned i = 0; i < pool->n_workers; i++)
        if (pool->workers[i].job)
            media_picture_job_cancel(pool->workers[i].job);
}

static void on_drain_limit(struct qn_timer *timer)
{
    cancel_all(container_of(timer, struct media_picture_pool, drain_limit));
}

void media_picture_pool_drain(struct qn_part *part, uint64_t limit_ms, void (*done)(struct qn_part *part))
{
    struct media_picture_pool *pool = container_of(part, struct media_picture_pool, part);
    pool->draining = true;
    pool->drained = done;
    qn_timer_start(pool->loop, &pool->drain_limit, limit_ms, on_drain_limit);
    media_pool_settle(pool);
}

void media_picture_pool_close(struct qn_part *part, void (*done)(struct qn_part *part))
{
    struct media_picture_pool *pool = container_of(part, struct media_picture_pool, part);
    pool->closing = true;
    pool->closed = done;
    cancel_all(pool);
    for (unsigned i = 0; i < pool->n_workers; i++)
        media_worker_kill(&pool->workers[i]);
    media_pool_settle(pool);
}

static void let_go(struct media_picture_pool *pool)
{
    void (*closed)(struct qn_part * part) = pool->closed;
    qn_timer_cancel(pool->loop, &pool->retry);
    qn_timer_cancel(pool->loop, &pool->idle);
    qn_timer_cancel(pool->loop, &pool->drain_limit);
    qn_later_cancel(pool->loop, &pool->settle);
    free(pool->workers);
    pool->workers = NULL;
    pool->n_workers = 0;
    pool->loop = NULL;
    closed(&pool->part);
}

void media_pool_leave(struct media_picture_pool *pool, bool absent)
{
    if (pool->n_jobs > 0)
        return;
    if (pool->drained) {
        void (*drained)(struct qn_part * part) = pool->drained;
        pool->drained = NULL;
        qn_timer_cancel(pool->loop, &pool->drain_limit);
        drained(&pool->part);
    } else if (pool->closing && absent) {
        let_go(pool);
    }
}

void media_picture_fini(struct media_picture *picture)
{
    qn_buf_fini(&picture->large);
    qn_buf_fini(&picture->small);
    *picture = (struct media_picture){0};
}

enum qn_status media_pool_fill(struct media_picture *ret, const struct media_frame_answer *answer,
                               struct qn_str large, struct qn_str small, struct qn_str blur)
{
    qn_buf_init(&ret->large, large.len);
    qn_buf_init(&ret->small, small.len);
    if (qn_buf_write_str(&ret->large, large) != QN_OK || qn_buf_write_str(&ret->small, small) != QN_OK) {
        media_picture_fini(ret);
        return QN_RESOURCE_EXHAUSTED;
    }
    ret->width = answer->width;
    ret->height = answer->height;
    memcpy(ret->blur, blur.ptr, blur.len); /* zeroed, and longer than what a frame may carry */
    return QN_OK;
}
