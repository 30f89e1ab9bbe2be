#include "common/loop/work.h"

#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <unistd.h>

#include "common/core/check.h"
#include "common/core/clock.h"
#include "common/core/metric.h"
#include "common/loop/post.h"
#include "common/loop/private.h"

/* The way of a job: queued → taken by a thread, run, posted back → done on the loop.
 * Refused, late or cancelled while it waits: straight to 'finished', from where a later calls 'done', so that
 * no callback runs inside the call that asked.
 *
 * Closing: the queue becomes 'finished', the threads leave when the queue is empty; once every job has been
 * handed to 'done' the threads have nothing left but to return, are joined, and the post is closed.
 *
 * Abandoning: the same, but jobs on a thread count no more, and the threads are let go instead of joined. A
 * thread whose job returns later finds 'left' set, hands the job to that instead of posting it, and returns.
 * The lane's memory goes with the last of its users: the loop and the threads. */

enum { THREADS_MAX = 64, NICE_MAX = 19 /* setpriority(2) */ };

struct qn_lane {
    struct qn_loop *loop;
    struct qn_post *post;
    int nice; /* of the threads */

    pthread_mutex_t lock;
    pthread_cond_t wake;  /* work queued, or stopping */
    struct qn_list queue; /* under the lock, as are the next two and every job's state */
    struct qn_list taken; /* jobs on a thread */
    bool stopping;
    void (*left)(struct qn_work *work); /* what becomes of a job in 'taken', once abandoned */
    size_t users;                       /* threads that have not returned, and the loop */

    /* Only on the loop from here. */
    size_t queue_max;
    pthread_t threads[THREADS_MAX];
    size_t n_threads;
    size_t accepted;         /* jobs queued or running, as far as the loop has heard */
    size_t unfinished;       /* started, 'done' not yet called */
    struct qn_list finished; /* jobs that no thread will touch */
    struct qn_later deliver;
    bool closing, leaving;
    void (*closed)(void *context);
    void *closed_context;

    struct qn_series *queued, *running, *refused, *wait_seconds, *seconds;
};

static struct qn_metric metric_queued = {.name = "quintet_work_queued",
                                         .help = "Jobs that wait for a thread.",
                                         .kind = QN_GAUGE,
                                         .labels = {"lane"}};
static struct qn_metric metric_running = {
    .name = "quintet_work_running", .help = "Jobs on a thread.", .kind = QN_GAUGE, .labels = {"lane"}};
static struct qn_metric metric_refused = {.name = "quintet_work_refused_total",
                                          .help = "Jobs refused because the queue was full.",
                                          .kind = QN_COUNTER,
                                          .labels = {"lane"}};
static struct qn_metric metric_wait = {.name = "quintet_work_wait_seconds",
                                       .help = "Time from start to a thread, of jobs that ran.",
                                       .kind = QN_HISTOGRAM,
                                       .labels = {"lane"}};
static struct qn_metric metric_seconds = {
    .name = "quintet_work_seconds", .help = "Time on a thread.", .kind = QN_HISTOGRAM, .labels = {"lane"}};

/* The loop hears of a job when it starts and when it ends, not when a thread takes it up; but a thread takes
 * one up whenever it can, so the two numbers follow. */
static void show_gauges(struct qn_lane *lane)
{
    size_t running = lane->accepted < lane->n_threads ? lane->accepted : lane->n_threads;
    qn_metric_set(lane->running, (double)running);
    qn_metric_set(lane->queued, (double)(lane->accepted - running));
}

/* Requires: the lock is held; lets go of it. */
static void release(struct qn_lane *lane)
{
    bool last = --lane->users == 0;
    pthread_mutex_unlock(&lane->lock);
    if (!last)
        return;
    pthread_cond_destroy(&lane->wake);
    pthread_mutex_destroy(&lane->lock);
    free(lane);
}

/* This thread alone: on Linux each has a nice value of its own. Anybody may raise it; should it fail all the
 * same, the work is done as without. */
static void stand_back(int by)
{
    if (by > 0)
        (void)setpriority(PRIO_PROCESS, (id_t)gettid(), getpriority(PRIO_PROCESS, 0) + by);
}

static void *thread_main(void *context)
{
    struct qn_lane *lane = context;
    stand_back(lane->nice);
    pthread_mutex_lock(&lane->lock);
    for (;;) {
        while (qn_list_empty(&lane->queue) && !lane->stopping)
            pthread_cond_wait(&lane->wake, &lane->lock);
        if (qn_list_empty(&lane->queue))
            break;
        struct qn_work *work = container_of(qn_list_pop(&lane->queue), struct qn_work, node);
        work->state = QN_WORK_RUNNING;
        qn_list_push(&lane->taken, &work->node);
        pthread_mutex_unlock(&lane->lock);

        /* The timer on the loop may be late; a job whose caller has gone must not cost a thread. */
        if (work->deadline_ms && qn_clock_now_ms() >= work->deadline_ms) {
            work->status = QN_DEADLINE_EXCEEDED;
        } else {
            work->began_us = qn_clock_now_us();
            work->run(work);
            work->ended_us = qn_clock_now_us();
            work->status = QN_OK;
        }
        /* Not busy before the loop can hear of it, so that a 'done' which starts the next job finds room. */
        pthread_mutex_lock(&lane->lock);
        qn_list_remove(&lane->taken, &work->node);
        work->state = QN_WORK_FINISHED;
        if (lane->left)
            lane->left(work); /* the loop knows nothing of it any more */
        else
            qn_post(lane->post, &work->node);
    }
    release(lane);
    return NULL;
}

static void leave(struct qn_lane *lane);

static void call_done(struct qn_lane *lane, struct qn_work *work)
{
    qn_timer_cancel(lane->loop, &work->deadline);
    work->state = QN_WORK_IDLE;
    work->lane = NULL;
    work->done(work, work->status); /* may free it */
    lane->unfinished--;
    if (lane->closing && lane->unfinished == 0)
        leave(lane);
}

/* From a thread, on the loop. */
static void on_posted(void *context, struct qn_node *node)
{
    struct qn_lane *lane = context;
    struct qn_work *work = container_of(node, struct qn_work, node);
    lane->accepted--;
    show_gauges(lane);
    if (work->began_us) {
        qn_metric_observe(lane->wait_seconds, (double)(work->began_us - work->queued_us) / 1e6);
        qn_metric_observe(lane->seconds, (double)(work->ended_us - work->began_us) / 1e6);
    }
    call_done(lane, work);
}

static void on_deliver(struct qn_later *later)
{
    struct qn_lane *lane = container_of(later, struct qn_lane, deliver);
    struct qn_list now;
    qn_list_init(&now);
    qn_list_move(&now, &lane->finished);
    /* Guards the lane while jobs are delivered: the last of them would let it go. */
    lane->unfinished++;
    struct qn_node *node;
    while ((node = qn_list_pop(&now)) != NULL)
        call_done(lane, container_of(node, struct qn_work, node));
    lane->unfinished--;
    if (lane->closing && lane->unfinished == 0)
        leave(lane);
}

/* The job is on no thread and in no list. */
static void finish_later(struct qn_lane *lane, struct qn_work *work, enum qn_status status)
{
    work->state = QN_WORK_FINISHED;
    work->status = status;
    qn_list_push(&lane->finished, &work->node);
    qn_later_start(lane->loop, &lane->deliver, on_deliver);
}

/* Ends a job that still waits; false when a thread has it or had it. */
static bool take_back(struct qn_work *work, enum qn_status status)
{
    struct qn_lane *lane = work->lane;
    pthread_mutex_lock(&lane->lock);
    bool waits = work->state == QN_WORK_QUEUED;
    if (waits)
        qn_list_remove(&lane->queue, &work->node);
    pthread_mutex_unlock(&lane->lock);
    if (waits) {
        lane->accepted--;
        show_gauges(lane);
        finish_later(lane, work, status);
    }
    return waits;
}

static void on_deadline(struct qn_timer *timer)
{
    take_back(container_of(timer, struct qn_work, deadline), QN_DEADLINE_EXCEEDED);
}

void qn_work_start(struct qn_lane *lane, struct qn_work *work, uint64_t deadline_ms,
                   void (*run)(struct qn_work *work),
                   void (*done)(struct qn_work *work, enum qn_status status))
{
    QN_CHECK(!work->lane);
    work->lane = lane;
    work->queued_us = qn_clock_now_us();
    work->deadline_ms = deadline_ms;
    work->began_us = work->ended_us = 0;
    work->run = run;
    work->done = done;
    lane->unfinished++;
    if (lane->closing) {
        finish_later(lane, work, QN_CANCELLED);
        return;
    }

    pthread_mutex_lock(&lane->lock);
    bool room = lane->queue.len < lane->queue_max + (lane->n_threads - lane->taken.len);
    if (room) {
        work->state = QN_WORK_QUEUED;
        qn_list_push(&lane->queue, &work->node);
        pthread_cond_signal(&lane->wake);
    }
    pthread_mutex_unlock(&lane->lock);
    if (!room) {
        qn_metric_add(lane->refused, 1);
        finish_later(lane, work, QN_RESOURCE_EXHAUSTED);
        return;
    }
    lane->accepted++;
    show_gauges(lane);
    if (deadline_ms)
        qn_timer_start(lane->loop, &work->deadline, qn_clock_left_ms(deadline_ms), on_deadline);
}

void qn_work_cancel(struct qn_work *work)
{
    if (work->lane)
        take_back(work, QN_CANCELLED);
}

static void stop_threads(struct qn_lane *lane)
{
    pthread_mutex_lock(&lane->lock);
    lane->stopping = true;
    pthread_cond_broadcast(&lane->wake);
    pthread_mutex_unlock(&lane->lock);
}

/* Requires: no job runs, so that no join waits for more than a thread's return; or the lane is abandoned. */
static void part_with_threads(struct qn_lane *lane)
{
    while (lane->n_threads > 0) {
        pthread_t thread = lane->threads[--lane->n_threads];
        if (lane->left)
            pthread_detach(thread);
        else
            pthread_join(thread, NULL);
    }
}

static void release_by_loop(struct qn_lane *lane)
{
    pthread_mutex_lock(&lane->lock);
    release(lane);
}

static void on_post_closed(void *context)
{
    struct qn_lane *lane = context;
    /* Started by another handle's close callback, just before ours. */
    while (lane->unfinished > 0)
        on_deliver(&lane->deliver);
    qn_later_cancel(lane->loop, &lane->deliver);
    void (*closed)(void *context) = lane->closed;
    void *closed_context = lane->closed_context;
    release_by_loop(lane);
    if (closed)
        closed(closed_context);
}

static void leave(struct qn_lane *lane)
{
    if (lane->leaving)
        return;
    lane->leaving = true;
    qn_later_cancel(lane->loop, &lane->deliver);
    part_with_threads(lane);
    qn_post_close(lane->post, on_post_closed, lane);
}

static void begin_to_close(struct qn_lane *lane, void (*closed)(void *context), void *context)
{
    QN_CHECK(!lane->closing);
    lane->closing = true;
    lane->closed = closed;
    lane->closed_context = context;
    struct qn_node *first;
    for (;;) {
        pthread_mutex_lock(&lane->lock);
        first = qn_list_first(&lane->queue);
        pthread_mutex_unlock(&lane->lock);
        if (!first)
            break;
        take_back(container_of(first, struct qn_work, node), QN_CANCELLED);
    }
    stop_threads(lane);
    qn_later_start(lane->loop, &lane->deliver,
                   on_deliver); /* also when there is nothing to deliver: it leaves */
}

void qn_lane_close(struct qn_lane *lane, void (*closed)(void *context), void *context)
{
    begin_to_close(lane, closed, context);
}

void qn_lane_abandon(struct qn_lane *lane, void (*left)(struct qn_work *work), void (*closed)(void *context),
                     void *context)
{
    begin_to_close(lane, closed, context);
    /* Under the lock a job is either here or posted, and what is posted is still delivered. */
    pthread_mutex_lock(&lane->lock);
    lane->left = left;
    lane->unfinished -= lane->taken.len;
    qn_list_each (node, &lane->taken)
        qn_timer_cancel(lane->loop, &container_of(node, struct qn_work, node)->deadline);
    pthread_mutex_unlock(&lane->lock);
}

/* Signals are for the loop's thread; those that a thread raises by its own fault stay with it. */
void qn_work_block_signals(sigset_t *ret_before)
{
    static const int own[] = {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT, SIGTRAP, SIGSYS};
    sigset_t all;
    sigfillset(&all);
    for (size_t i = 0; i < QN_COUNT(own); i++)
        sigdelset(&all, own[i]);
    pthread_sigmask(SIG_BLOCK, &all, ret_before);
}

static enum qn_status start_threads(struct qn_lane *lane, unsigned threads)
{
    sigset_t before;
    qn_work_block_signals(&before);
    enum qn_status status = QN_OK;
    while (status == QN_OK && lane->n_threads < threads) {
        pthread_mutex_lock(&lane->lock);
        bool made = pthread_create(&lane->threads[lane->n_threads], NULL, thread_main, lane) == 0;
        lane->users += made;
        pthread_mutex_unlock(&lane->lock);
        lane->n_threads += made;
        status = made ? QN_OK : QN_RESOURCE_EXHAUSTED;
    }
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return status;
}

enum qn_status qn_lane_open(struct qn_loop *loop, const struct qn_lane_options *options,
                            struct qn_lane **ret_lane)
{
    QN_CHECK(options->threads >= 1 && options->threads <= THREADS_MAX);
    QN_CHECK(options->nice >= 0 && options->nice <= NICE_MAX);
    struct qn_lane *lane = calloc(1, sizeof *lane);
    if (!lane)
        return QN_RESOURCE_EXHAUSTED;
    lane->loop = loop;
    lane->queue_max = options->queue_max;
    lane->nice = options->nice;
    qn_list_init(&lane->queue);
    qn_list_init(&lane->finished);
    qn_list_init(&lane->taken);
    lane->users = 1;
    pthread_mutex_init(&lane->lock, NULL); /* neither can fail with default attributes on Linux */
    pthread_cond_init(&lane->wake, NULL);

    const struct qn_owner owner = {.kind = "lane", .detail = options->name};
    enum qn_status status = qn_post_open_for(loop, &owner, on_posted, lane, &lane->post);
    if (status != QN_OK) {
        release_by_loop(lane);
        return status;
    }
    status = start_threads(lane, options->threads);
    if (status != QN_OK) {
        stop_threads(lane);
        part_with_threads(lane);
        qn_post_close(lane->post, on_post_closed, lane);
        return status;
    }
    lane->queued = qn_metric_series(&metric_queued, options->name, NULL, NULL);
    lane->running = qn_metric_series(&metric_running, options->name, NULL, NULL);
    lane->refused = qn_metric_series(&metric_refused, options->name, NULL, NULL);
    lane->wait_seconds = qn_metric_series(&metric_wait, options->name, NULL, NULL);
    lane->seconds = qn_metric_series(&metric_seconds, options->name, NULL, NULL);
    *ret_lane = lane;
    return QN_OK;
}
