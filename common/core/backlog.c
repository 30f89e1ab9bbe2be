#include "common/core/backlog.h"

/* A new gap counts for an eighth, so the last dozen turns make the estimate: recent enough to follow a
 * database that slows down, and long enough not to take fright at one slow statement. */
#define SHARE (1.0 / 8)

/* A single gap counts for at most eight usual ones (and for up to ten milliseconds anyhow: nobody's wait is
 * told more finely). So a stall, which is no speed, does not make a fast queue look slow once it is over,
 * while a queue that has really slowed down, or was just met for the first time, is known within a dozen
 * turns. */
#define GAP_MOST     8
#define GAP_LEAST_US 10000

/* The median moves by an eighth a step, whichever way: one call that waited ten seconds for a lock moves it
 * no further than one that took a little longer than usual. */
#define STEP (1.0 / 8)

enum { RETRY_MIN_MS = 100, RETRY_MAX_MS = 30000 };

void qn_backlog_left(struct qn_backlog *backlog, size_t n, uint64_t now_us)
{
    double gap_us = (double)(now_us - backlog->since_us);
    double most_us = backlog->gap_us * GAP_MOST > GAP_LEAST_US ? backlog->gap_us * GAP_MOST : GAP_LEAST_US;
    if (gap_us > most_us)
        gap_us = most_us;
    if (backlog->n_left == 0) {
        backlog->gap_us = gap_us;
        backlog->n_left = (double)n;
    } else {
        backlog->gap_us += (gap_us - backlog->gap_us) * SHARE;
        backlog->n_left += ((double)n - backlog->n_left) * SHARE;
    }
    backlog->since_us = now_us;
}

void qn_backlog_served(struct qn_backlog *backlog, uint64_t took_us)
{
    double took = (double)took_us;
    if (backlog->service_us == 0)
        backlog->service_us = took;
    else if (took > backlog->service_us)
        backlog->service_us += backlog->service_us * STEP;
    else
        backlog->service_us -= backlog->service_us * STEP;
    if (backlog->service_us < 1)
        backlog->service_us = 1; /* or it could not grow again */
}

uint64_t qn_backlog_wait_us(const struct qn_backlog *backlog, size_t n_waiting, uint64_t now_us)
{
    if (n_waiting == 0)
        return 0;
    double place_us = backlog->n_left > 0 ? backlog->gap_us / backlog->n_left : 0;
    /* Nobody has moved for longer than usual: whatever is in the way, it may go on as long again. */
    double still_us = now_us > backlog->since_us ? (double)(now_us - backlog->since_us) : 0;
    return (uint64_t)((double)n_waiting * place_us + (still_us > backlog->gap_us ? still_us : 0));
}

bool qn_backlog_bears(uint64_t wait_us, uint64_t service_us, uint64_t left_us)
{
    return wait_us == 0 || (left_us > service_us && wait_us <= (left_us - service_us) / 2);
}

uint32_t qn_backlog_retry_after_ms(uint64_t wait_us, uint64_t now_us)
{
    uint64_t wait_ms = wait_us / 1000;
    if (wait_ms < RETRY_MIN_MS)
        wait_ms = RETRY_MIN_MS;
    if (wait_ms > RETRY_MAX_MS / 2)
        wait_ms = RETRY_MAX_MS / 2;
    /* Up to as long again, by the clock's last digits, which is random enough here. */
    return (uint32_t)(wait_ms + now_us % 1009 * wait_ms / 1009);
}

bool qn_backlog_admits(const struct qn_backlog *backlog, size_t n_waiting, uint64_t left_us, uint64_t now_us,
                       uint32_t *ret_retry_after_ms)
{
    uint64_t wait_us = qn_backlog_wait_us(backlog, n_waiting, now_us);
    if (qn_backlog_bears(wait_us, (uint64_t)backlog->service_us, left_us))
        return true;
    *ret_retry_after_ms = qn_backlog_retry_after_ms(wait_us, now_us);
    return false;
}

bool qn_backlog_too_late(const struct qn_backlog *backlog, uint64_t left_us)
{
    return (double)left_us < backlog->service_us;
}
