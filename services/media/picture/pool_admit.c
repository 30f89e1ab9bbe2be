#include "common/core/clock.h"
#include "services/media/picture/pool_private.h"

/* How much may wait. Each keeps its bytes in memory: a burst of phones' photos, 5 MB each, is held up by the
 * bytes; one of small pictures by the count. */
enum { WAITING_MAX = 64, WAITING_BYTES_MAX = 67108864 };

/* Three failed starts take 0.3 s: a moment without descriptors or memory is not held against anybody. */
enum { FAILED_STARTS_MIN = 3 };

/* When nobody knows better. */
enum { RETRY_MS = 1000 };

bool media_pool_backs_off(const struct media_picture_pool *pool)
{
    return pool->no_start_before_ms > qn_clock_now_ms();
}

bool media_pool_is_hopeless(const struct media_picture_pool *pool)
{
    if (!media_pool_backs_off(pool) || pool->failed_starts < FAILED_STARTS_MIN)
        return false;
    for (unsigned i = 0; i < pool->n_workers; i++)
        if (pool->workers[i].state != MEDIA_WORKER_ABSENT)
            return false;
    return true;
}

uint32_t media_pool_retry_after_ms(const struct media_picture_pool *pool)
{
    uint64_t left_ms = qn_clock_left_ms(pool->no_start_before_ms);
    return left_ms > RETRY_MS ? (uint32_t)left_ms : RETRY_MS;
}

bool media_picture_admits(const struct media_picture_pool *pool, uint64_t deadline_ms,
                          uint32_t *ret_retry_after_ms)
{
    /* Those that a free place waits for do not stand in anybody's way. */
    size_t room = pool->n_workers - pool->n_running;
    size_t ahead = pool->waiting.len > room ? pool->waiting.len - room : 0;
    *ret_retry_after_ms = RETRY_MS;
    if (pool->waiting.len >= WAITING_MAX || pool->waiting_bytes >= WAITING_BYTES_MAX)
        return false;
    if (media_pool_is_hopeless(pool)) {
        *ret_retry_after_ms = media_pool_retry_after_ms(pool);
        return false;
    }
    return qn_backlog_admits(&pool->pace, ahead, qn_clock_left_ms(deadline_ms) * 1000, qn_clock_now_us(),
                             ret_retry_after_ms);
}

enum qn_status media_pool_admit(struct media_picture_pool *pool, struct media_picture_job *job)
{
    if (pool->closing)
        return QN_CANCELLED;
    if (job->kind == MEDIA_IMAGE_NONE || job->bytes.len == 0 || job->bytes.len > MEDIA_PICTURE_BYTES_MAX) {
        job->reason = MEDIA_PICTURE_NOT_A_PICTURE;
        return QN_FAILED_PRECONDITION;
    }
    if (qn_clock_left_ms(job->deadline_ms) == 0)
        return QN_DEADLINE_EXCEEDED;
    if (pool->draining || media_pool_is_hopeless(pool)) {
        job->retry_after_ms = media_pool_retry_after_ms(pool);
        return QN_UNAVAILABLE;
    }
    return media_picture_admits(pool, job->deadline_ms, &job->retry_after_ms) ? QN_OK : QN_RESOURCE_EXHAUSTED;
}
