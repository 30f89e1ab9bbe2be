#include <pthread.h>
#include <semaphore.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#include "common/core/buf.h"
#include "common/core/check.h"
#include "common/core/clock.h"
#include "common/core/metric.h"
#include "common/loop/post.h"
#include "common/loop/work.h"
#include "tests/harness/loop_fixture.h"
#include "tests/harness/test.h"

/* Why this file is long: a lane has many ends, and each is tried with the same few kinds of job. */

struct job {
    struct qn_work work;
    sem_t *began, *gate; /* NULL: not used */
    pthread_t ran_on;
    bool ran;
    size_t done; /* how often */
    enum qn_status status;
};

static struct qn_loop *loop;
static struct qn_lane *lane;
static bool lane_closed;

static void begin_with(const struct qn_lane_options *options)
{
    qn_metric_reset();
    loop = loop_fixture_begin();
    lane_closed = false;
    assert_int_equal(qn_lane_open(loop, options, &lane), QN_OK);
}

static void begin(unsigned threads, size_t queue_max)
{
    begin_with(&(const struct qn_lane_options){.name = "test", .threads = threads, .queue_max = queue_max});
}

static void on_lane_closed(void *context)
{
    (void)context;
    assert_false(lane_closed);
    lane_closed = true;
}

static void end(void)
{
    qn_lane_close(lane, on_lane_closed, NULL);
    assert_false(lane_closed);
    loop_fixture_run_until(&lane_closed, 60000);
    loop_fixture_end();
    qn_metric_reset();
}

static void run(struct qn_work *work)
{
    struct job *job = container_of(work, struct job, work);
    job->ran = true;
    job->ran_on = pthread_self();
    if (job->began)
        sem_post(job->began);
    if (job->gate)
        sem_wait(job->gate);
}

static void done(struct qn_work *work, enum qn_status status)
{
    struct job *job = container_of(work, struct job, work);
    job->done++;
    job->status = status;
}

static void job_start(struct job *job, uint64_t deadline_ms)
{
    qn_work_start(lane, &job->work, deadline_ms, run, done);
    assert_int_equal(job->done, 0); /* never inside start */
}

static void assert_done(struct job *job, enum qn_status status)
{
    loop_fixture_run_until_count(&job->done, 1, 60000);
    assert_int_equal(job->done, 1);
    assert_int_equal(job->status, status);
    assert_int_equal(job->ran, status == QN_OK);
}

/* A job that keeps its thread until the gate is opened; begun when this returns. */
struct blocker {
    sem_t began, gate;
    struct job job;
};

static void blocker_start(struct blocker *blocker)
{
    memset(blocker, 0, sizeof *blocker);
    sem_init(&blocker->began, 0, 0);
    sem_init(&blocker->gate, 0, 0);
    blocker->job.began = &blocker->began;
    blocker->job.gate = &blocker->gate;
    job_start(&blocker->job, 0);
    while (sem_wait(&blocker->began) != 0)
        ;
}

static void blocker_end(struct blocker *blocker)
{
    sem_post(&blocker->gate);
    assert_done(&blocker->job, QN_OK);
    sem_destroy(&blocker->began);
    sem_destroy(&blocker->gate);
}

static void assert_metric(const char *line)
{
    struct qn_buf text;
    qn_buf_init(&text, 100000);
    qn_metric_render(&text);
    if (!strstr(qn_buf_view(&text).ptr, line))
        fail_msg("no %s in:\n%s", line, qn_buf_view(&text).ptr);
    qn_buf_fini(&text);
}

static void test_a_job_runs_off_the_loop_and_is_done_on_it(void **state)
{
    (void)state;
    begin(1, 1);
    struct job job = {0};
    job_start(&job, qn_clock_now_ms() + 60000);
    assert_done(&job, QN_OK);
    assert_false(pthread_equal(job.ran_on, pthread_self()));
    assert_metric("quintet_work_seconds_count{lane=\"test\"} 1\n");
    assert_metric("quintet_work_wait_seconds_count{lane=\"test\"} 1\n");
    assert_metric("quintet_work_running{lane=\"test\"} 0\n");
    end();
}

static void test_a_full_queue_refuses(void **state)
{
    (void)state;
    begin(1, 2);
    struct blocker blocker;
    struct job waits[2] = {0}, refused = {0};
    blocker_start(&blocker);
    job_start(&waits[0], 0);
    job_start(&waits[1], 0);
    assert_metric("quintet_work_running{lane=\"test\"} 1\n");
    assert_metric("quintet_work_queued{lane=\"test\"} 2\n");
    job_start(&refused, 0);
    assert_done(&refused, QN_RESOURCE_EXHAUSTED);
    assert_metric("quintet_work_refused_total{lane=\"test\"} 1\n");
    assert_metric("quintet_work_queued{lane=\"test\"} 2\n");

    blocker_end(&blocker);
    assert_done(&waits[0], QN_OK);
    assert_done(&waits[1], QN_OK);
    assert_metric("quintet_work_queued{lane=\"test\"} 0\n");
    assert_metric("quintet_work_running{lane=\"test\"} 0\n");
    end();
}

/* A queue of none still has room for as many as can run. */
static void test_without_a_queue_as_many_run_as_there_are_threads(void **state)
{
    (void)state;
    begin(2, 0);
    struct blocker a, b;
    struct job refused = {0};
    blocker_start(&a);
    blocker_start(&b);
    job_start(&refused, 0);
    assert_done(&refused, QN_RESOURCE_EXHAUSTED);
    blocker_end(&a);
    struct job again = {0};
    job_start(&again, 0); /* a's thread is free once a is done */
    assert_done(&again, QN_OK);
    blocker_end(&b);
    end();
}

/* The caller's deadline holds although no thread looks at the queue. */
static void test_a_job_that_waits_past_its_deadline(void **state)
{
    (void)state;
    begin(1, 10);
    struct blocker blocker;
    struct job late = {0}, at_once = {0}, in_time = {0};
    blocker_start(&blocker);
    job_start(&late, qn_clock_now_ms() + 5);
    job_start(&in_time, qn_clock_now_ms() + 600000);
    assert_done(&late, QN_DEADLINE_EXCEEDED); /* while the thread is still taken */
    job_start(&at_once, qn_clock_now_ms());
    assert_done(&at_once, QN_DEADLINE_EXCEEDED);
    assert_metric("quintet_work_queued{lane=\"test\"} 1\n");
    blocker_end(&blocker);
    assert_done(&in_time, QN_OK);
    end();
}

/* The loop is busy elsewhere and no timer fires; the thread itself sees that the caller has gone. */
static void test_a_thread_does_not_begin_what_is_late(void **state)
{
    (void)state;
    begin(1, 10);
    struct blocker blocker;
    struct job late = {0}, next = {0};
    sem_t next_began;
    sem_init(&next_began, 0, 0);
    next.began = &next_began;
    blocker_start(&blocker);
    uint64_t deadline_ms = qn_clock_now_ms() + 1;
    job_start(&late, deadline_ms);
    job_start(&next, 0);
    while (qn_clock_now_ms() < deadline_ms)
        ;
    sem_post(&blocker.gate);
    while (sem_wait(&next_began) != 0) /* the thread has passed 'late', and the loop has not turned */
        ;
    assert_done(&late, QN_DEADLINE_EXCEEDED);
    assert_done(&next, QN_OK);
    assert_done(&blocker.job, QN_OK);
    sem_destroy(&next_began);
    end();
}

static void test_cancelling_asks(void **state)
{
    (void)state;
    begin(1, 10);
    struct blocker blocker;
    struct job waits = {0}, idle = {0};
    qn_work_cancel(&idle.work);
    blocker_start(&blocker);
    job_start(&waits, 0);
    qn_work_cancel(&waits.work);
    assert_int_equal(waits.done, 0); /* not inside cancel */
    assert_metric("quintet_work_queued{lane=\"test\"} 0\n");
    qn_work_cancel(&waits.work); /* once more changes nothing */
    assert_done(&waits, QN_CANCELLED);
    qn_work_cancel(&blocker.job.work); /* has begun */
    blocker_end(&blocker);
    qn_work_cancel(&blocker.job.work); /* is over */
    end();
}

static void test_close_cancels_those_that_wait_and_waits_for_those_that_run(void **state)
{
    (void)state;
    begin(1, 10);
    struct blocker blocker;
    struct job waits[3] = {0}, too_late = {0};
    blocker_start(&blocker);
    for (size_t i = 0; i < QN_COUNT(waits); i++)
        job_start(&waits[i], 0);
    qn_lane_close(lane, on_lane_closed, NULL);
    job_start(&too_late, 0);
    for (size_t i = 0; i < QN_COUNT(waits); i++)
        assert_done(&waits[i], QN_CANCELLED);
    assert_done(&too_late, QN_CANCELLED);
    assert_false(lane_closed);
    assert_int_equal(blocker.job.done, 0);

    blocker_end(&blocker);
    loop_fixture_run_until(&lane_closed, 60000);
    loop_fixture_end();
    qn_metric_reset();
}

/* On the heap, for it outlives its test's loop. */
struct orphan {
    struct qn_work work;
    sem_t *began, *gate, *left;
    size_t done;
};

static void orphan_run(struct qn_work *work)
{
    struct orphan *orphan = container_of(work, struct orphan, work);
    sem_post(orphan->began);
    while (sem_wait(orphan->gate) != 0)
        ;
}

static void orphan_left(struct qn_work *work)
{
    struct orphan *orphan = container_of(work, struct orphan, work);
    sem_t *left = orphan->left;
    free(orphan);
    sem_post(left);
}

static void orphan_done(struct qn_work *work, enum qn_status status)
{
    (void)status;
    struct orphan *orphan = container_of(work, struct orphan, work);
    sem_t *left = orphan->left;
    free(orphan);
    sem_post(left);
}

static void orphan_never_done(struct qn_work *work, enum qn_status status)
{
    (void)work, (void)status;
    fail();
}

static void test_abandon_leaves_behind_what_runs(void **state)
{
    (void)state;
    sem_t began, gate, left;
    struct job waits[3] = {0}, too_late = {0};
    sem_init(&began, 0, 0);
    sem_init(&gate, 0, 0);
    sem_init(&left, 0, 0);
    begin(2, 10);
    for (size_t i = 0; i < 2; i++) {
        struct orphan *orphan = calloc(1, sizeof *orphan);
        assert_non_null(orphan);
        orphan->began = &began;
        orphan->gate = &gate;
        orphan->left = &left;
        qn_work_start(lane, &orphan->work, i == 0 ? 0 : qn_clock_now_ms() + 3600000, orphan_run,
                      orphan_never_done);
        while (sem_wait(&began) != 0)
            ;
    }
    for (size_t i = 0; i < QN_COUNT(waits); i++)
        job_start(&waits[i], 0);
    qn_lane_abandon(lane, orphan_left, on_lane_closed, NULL);
    job_start(&too_late, 0);
    for (size_t i = 0; i < QN_COUNT(waits); i++)
        assert_done(&waits[i], QN_CANCELLED);
    assert_done(&too_late, QN_CANCELLED);
    loop_fixture_run_until(&lane_closed, 60000);
    loop_fixture_end(); /* nothing is left on it, and both still run */
    assert_int_not_equal(sem_trywait(&left), 0);
    for (size_t i = 0; i < 2; i++)
        sem_post(&gate);
    for (size_t i = 0; i < 2; i++)
        while (sem_wait(&left) != 0)
            ;
    qn_metric_reset();
}

/* Whenever it happens: each job has one end, and the one that gets it may free it. */
static void test_abandon_while_jobs_end(void **state)
{
    (void)state;
    sem_t began, gate, left;
    sem_init(&left, 0, 0);
    for (int round = 0; round < 300; round++) {
        sem_init(&began, 0, 0);
        sem_init(&gate, 0, 0);
        begin(2, 10);
        for (size_t i = 0; i < 4; i++) {
            struct orphan *orphan = calloc(1, sizeof *orphan);
            assert_non_null(orphan);
            orphan->began = &began;
            orphan->gate = &gate;
            orphan->left = &left;
            qn_work_start(lane, &orphan->work, 0, orphan_run, orphan_done);
        }
        for (int i = 0; i < round % 5; i++)
            sem_post(&gate);
        if (round % 2)
            qn_loop_turn(loop);
        qn_lane_abandon(lane, orphan_left, on_lane_closed, NULL);
        loop_fixture_run_until(&lane_closed, 60000);
        loop_fixture_end();
        for (int i = 0; i < 4; i++)
            sem_post(&gate);
        for (int i = 0; i < 4; i++)
            while (sem_wait(&left) != 0)
                ;
    }
    qn_metric_reset();
}

struct late_start {
    struct qn_later later;
    struct qn_post *post;
    struct job job;
};

static void never_taken(void *context, struct qn_node *node)
{
    (void)context, (void)node;
    fail();
}

static void start_late(void *context)
{
    struct late_start *late = context;
    assert_false(lane_closed);
    job_start(&late->job, 0);
}

static void close_post(struct qn_later *later)
{
    struct late_start *late = container_of(later, struct late_start, later);
    qn_post_close(late->post, start_late, late);
}

/* Another handle's close callback still starts a job when the lane is all but gone: libuv calls those of one
 * turn one after another, the lane's own last here. */
static void test_a_job_started_at_the_last_moment_is_done_before_closed(void **state)
{
    (void)state;
    begin(1, 1);
    struct late_start late = {0};
    assert_int_equal(qn_post_open(loop, never_taken, NULL, &late.post), QN_OK);
    qn_lane_close(lane, on_lane_closed, NULL);
    qn_later_start(loop, &late.later, close_post); /* runs right after the lane's own later */
    loop_fixture_run_until(&lane_closed, 60000);
    assert_int_equal(late.job.done, 1);
    assert_int_equal(late.job.status, QN_CANCELLED);
    loop_fixture_end();
    qn_metric_reset();
}

static void close_when_done(struct qn_work *work, enum qn_status status)
{
    done(work, status);
    qn_lane_close(lane, on_lane_closed, NULL);
}

/* Closed by the last job's own callback, run or refused: two different ways to the end. */
static void test_done_may_close_the_lane(void **state)
{
    (void)state;
    for (int late = 0; late <= 1; late++) {
        begin(1, 1);
        struct job job = {0};
        qn_work_start(lane, &job.work, late ? 1 : 0, run, close_when_done);
        loop_fixture_run_until(&lane_closed, 60000);
        assert_int_equal(job.done, 1);
        assert_int_equal(job.status, late ? QN_DEADLINE_EXCEEDED : QN_OK);
        loop_fixture_end();
    }
    qn_metric_reset();
}

static void start_again(struct qn_work *work, enum qn_status status)
{
    struct job *job = container_of(work, struct job, work);
    assert_int_equal(status, QN_OK);
    if (++job->done < 100)
        qn_work_start(lane, work, 0, run, start_again); /* its own thread is free: never refused */
}

static void test_done_may_start_the_job_anew(void **state)
{
    (void)state;
    begin(1, 0);
    struct job job = {0};
    qn_work_start(lane, &job.work, 0, run, start_again);
    loop_fixture_run_until_count(&job.done, 100, 60000);
    end();
}

static size_t n_freed;

static void free_when_done(struct qn_work *work, enum qn_status status)
{
    assert_int_equal(status, QN_OK);
    free(container_of(work, struct job, work));
    n_freed++;
}

static atomic_int running, most_running;

static void run_and_count(struct qn_work *work)
{
    int now = atomic_fetch_add(&running, 1) + 1, most = atomic_load(&most_running);
    while (now > most && !atomic_compare_exchange_weak(&most_running, &most, now))
        ;
    run(work);
    atomic_fetch_sub(&running, 1);
}

static void test_never_more_at_once_than_threads(void **state)
{
    (void)state;
    enum { JOBS = 5000, THREADS = 3 };
    begin(THREADS, JOBS);
    n_freed = 0;
    atomic_store(&most_running, 0);
    for (int i = 0; i < JOBS; i++) {
        struct job *job = calloc(1, sizeof *job);
        qn_work_start(lane, &job->work, qn_clock_now_ms() + 600000, run_and_count, free_when_done);
    }
    loop_fixture_run_until_count(&n_freed, JOBS, 60000);
    assert_true(atomic_load(&most_running) >= 1 && atomic_load(&most_running) <= THREADS);
    end();
}

/* How the kernel has the thread that it ran on. */
struct mask_job {
    struct qn_work work;
    sigset_t mask;
    int nice;
    size_t done;
};

static void read_mask(struct qn_work *work)
{
    struct mask_job *job = container_of(work, struct mask_job, work);
    pthread_sigmask(SIG_SETMASK, NULL, &job->mask);
    job->nice = getpriority(PRIO_PROCESS, 0);
}

static void on_mask(struct qn_work *work, enum qn_status status)
{
    assert_int_equal(status, QN_OK);
    container_of(work, struct mask_job, work)->done++;
}

/* SIGTERM must interrupt the loop's wait, not a thread that hashes a password. */
static void test_signals_are_left_to_the_loop(void **state)
{
    (void)state;
    begin(1, 1);
    struct mask_job job = {0};
    qn_work_start(lane, &job.work, 0, read_mask, on_mask);
    loop_fixture_run_until_count(&job.done, 1, 60000);
    assert_int_equal(sigismember(&job.mask, SIGTERM), 1);
    assert_int_equal(sigismember(&job.mask, SIGINT), 1);
    assert_int_equal(sigismember(&job.mask, SIGSEGV), 0);
    sigset_t own;
    pthread_sigmask(SIG_SETMASK, NULL, &own);
    assert_int_equal(sigismember(&own, SIGTERM), 0); /* and ours is as it was */
    end();
}

/* Long work must not keep the loop from its core: its threads give way, and they alone. */
static void test_threads_that_give_way(void **state)
{
    (void)state;
    int own = getpriority(PRIO_PROCESS, 0), more = own < 15 ? 5 : 19 - own;
    begin_with(&(const struct qn_lane_options){.name = "test", .threads = 1, .queue_max = 1, .nice = more});
    struct mask_job job = {0};
    qn_work_start(lane, &job.work, 0, read_mask, on_mask);
    loop_fixture_run_until_count(&job.done, 1, 60000);
    assert_int_equal(job.nice, own + more);
    assert_int_equal(getpriority(PRIO_PROCESS, 0), own);
    end();
}

/* Opened and closed without a job, many times: threads that never ran anything leave as well. */
static void test_an_idle_lane_closes(void **state)
{
    (void)state;
    for (int i = 0; i < 100; i++) {
        begin(4, 1);
        end();
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_job_runs_off_the_loop_and_is_done_on_it),
        cmocka_unit_test(test_a_full_queue_refuses),
        cmocka_unit_test(test_without_a_queue_as_many_run_as_there_are_threads),
        cmocka_unit_test(test_a_job_that_waits_past_its_deadline),
        cmocka_unit_test(test_a_thread_does_not_begin_what_is_late),
        cmocka_unit_test(test_cancelling_asks),
        cmocka_unit_test(test_close_cancels_those_that_wait_and_waits_for_those_that_run),
        cmocka_unit_test(test_a_job_started_at_the_last_moment_is_done_before_closed),
        cmocka_unit_test(test_abandon_leaves_behind_what_runs),
        cmocka_unit_test(test_abandon_while_jobs_end),
        cmocka_unit_test(test_done_may_close_the_lane),
        cmocka_unit_test(test_done_may_start_the_job_anew),
        cmocka_unit_test(test_never_more_at_once_than_threads),
        cmocka_unit_test(test_signals_are_left_to_the_loop),
        cmocka_unit_test(test_threads_that_give_way),
        cmocka_unit_test(test_an_idle_lane_closes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
