#include "tests/load/engine/pace.h"

#include <stdlib.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

#include "common/core/check.h"
#include "common/loop/poll.h"

#define NS_PER_S UINT64_C(1000000000)

struct load_pace {
    struct load_clock clock;
    struct qn_poll *poll;
    int fd;
};

static uint64_t read_clock(clockid_t which)
{
    struct timespec now;
    clock_gettime(which, &now); /* cannot fail for the clocks below */
    return (uint64_t)now.tv_sec * NS_PER_S + (uint64_t)now.tv_nsec;
}

static uint64_t now_ns(struct load_clock *clock)
{
    (void)clock;
    return read_clock(CLOCK_MONOTONIC);
}

static void cpu_ns(struct load_clock *clock, uint64_t *ret_thread_ns, uint64_t *ret_process_ns)
{
    (void)clock;
    *ret_thread_ns = read_clock(CLOCK_THREAD_CPUTIME_ID);
    *ret_process_ns = read_clock(CLOCK_PROCESS_CPUTIME_ID);
}

/* Setting also takes back an expiry that nobody has read yet, so the descriptor is never read. */
static void wake_at(struct load_clock *clock, uint64_t at_ns)
{
    struct load_pace *pace = container_of(clock, struct load_pace, clock);
    struct itimerspec when = {0}; /* zero: never */
    if (at_ns != UINT64_MAX) {
        at_ns = at_ns > 0 ? at_ns : 1;
        when.it_value.tv_sec = (time_t)(at_ns / NS_PER_S);
        when.it_value.tv_nsec = (long)(at_ns % NS_PER_S);
    }
    QN_CHECK(timerfd_settime(pace->fd, TFD_TIMER_ABSTIME, &when, NULL) == 0);
}

static void on_expired(void *context, int events)
{
    (void)events;
    struct load_pace *pace = context;
    pace->clock.woken(pace->clock.context);
}

enum qn_status load_pace_open(struct qn_loop *loop, struct load_pace **ret_pace)
{
    struct load_pace *pace = calloc(1, sizeof *pace);
    if (!pace)
        return QN_RESOURCE_EXHAUSTED;
    pace->clock = (struct load_clock){.now_ns = now_ns, .wake_at = wake_at, .cpu_ns = cpu_ns};
    pace->fd = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC);
    enum qn_status status = QN_RESOURCE_EXHAUSTED;
    if (pace->fd >= 0)
        status = qn_poll_open(loop, pace->fd, on_expired, pace, &pace->poll);
    if (status != QN_OK) {
        if (pace->fd >= 0)
            close(pace->fd);
        free(pace);
        return status;
    }
    qn_poll_want(pace->poll, QN_READABLE);
    *ret_pace = pace;
    return QN_OK;
}

void load_pace_close(struct load_pace *pace)
{
    qn_poll_close(pace->poll);
    close(pace->fd);
    free(pace);
}

struct load_clock *load_pace_clock(struct load_pace *pace)
{
    return &pace->clock;
}
