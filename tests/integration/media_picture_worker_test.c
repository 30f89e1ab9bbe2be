/* The workers of the pool when they, or whoever plays one, do not do as they should. */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "common/core/check.h"
#include "common/core/clock.h"
#include "services/media/picture/frame.h"
#include "tests/harness/loop_fixture.h"
#include "tests/harness/test.h"
#include "tests/integration/picture_fixture.h"

enum { JOBS_MAX = 100, FILE_MAX = 16777216 };

static struct qn_buf file;
static struct media_picture_pool *pool;

static int begin(void **state)
{
    (void)state;
    qn_buf_init(&file, FILE_MAX);
    return 0;
}

static int end(void **state)
{
    (void)state;
    picture_fixture_end();
    qn_buf_fini(&file);
    return 0;
}

static struct qn_str make(int side, bool noise)
{
    const struct picture_plan plan = {
        .kind = MEDIA_IMAGE_JPEG, .width = side, .height = side, .noise = noise};
    qn_buf_clear(&file);
    picture_make(&plan, &file);
    return qn_buf_view(&file);
}

/* --- jobs that are watched while they run --- */

static struct media_picture_job jobs[JOBS_MAX];
static enum qn_status statuses[JOBS_MAX];
static size_t n_done, n_by_status[QN_STATUS_COUNT], most_processes;

static void on_done(struct media_picture_job *job, enum qn_status status)
{
    statuses[job - jobs] = status;
    n_by_status[status]++;
    n_done++;
    media_picture_fini(&job->picture);
}

static void start(size_t i, struct qn_str bytes, uint64_t within_ms)
{
    jobs[i] = (struct media_picture_job){
        .bytes = bytes, .kind = media_image_sniff(bytes), .deadline_ms = qn_clock_now_ms() + within_ms};
    media_picture_start(pool, &jobs[i], on_done);
}

static void start_anew(void)
{
    n_done = most_processes = 0;
    memset(n_by_status, 0, sizeof n_by_status);
}

/* Turns the loop until some worker is BUSY: it has been handed a picture, and not a byte of it yet. */
static struct media_picture_worker *until_busy(void)
{
    for (int turn = 0; turn < 100000; turn++) {
        for (unsigned i = 0; i < pool->n_workers; i++)
            if (pool->workers[i].state == MEDIA_WORKER_BUSY)
                return &pool->workers[i];
        qn_loop_wait(picture_fixture_loop());
    }
    fail_msg("no worker has anything to do");
    return NULL;
}

static void until_done(size_t n)
{
    loop_fixture_run_until_count(&n_done, n, 60000);
}

static void test_a_killed_worker_is_replaced(void **state)
{
    (void)state;
    pool = picture_fixture_begin(1, NULL);
    start_anew();
    start(0, make(200, false), 60000);
    pid_t first = until_busy()->process.pid;
    assert_int_equal(kill(first, SIGKILL), 0);
    until_done(1);
    assert_int_equal(statuses[0], QN_OK);
    assert_int_equal(jobs[0].deaths, 1);
    assert_int_not_equal(pool->workers[0].process.pid, first);
}

/* A picture on which decoders die is not tried for ever, and the one behind it has its turn. */
static void test_a_picture_that_kills_is_refused(void **state)
{
    (void)state;
    pool = picture_fixture_begin(1, NULL);
    start_anew();
    start(0, make(200, false), 60000);
    start(1, qn_buf_view(&file), 60000);
    for (int i = 0; i < 2; i++) {
        struct media_picture_worker *worker = until_busy();
        assert_ptr_equal(worker->job, &jobs[0]);
        kill(worker->process.pid, SIGSEGV);
        while (worker->state == MEDIA_WORKER_BUSY)
            qn_loop_wait(picture_fixture_loop());
    }
    until_done(2);
    assert_int_equal(statuses[0], QN_FAILED_PRECONDITION);
    assert_string_equal(jobs[0].reason, MEDIA_PICTURE_NOT_A_PICTURE);
    assert_int_equal(statuses[1], QN_OK);
}

static void test_a_worker_that_hangs_is_killed_at_the_deadline(void **state)
{
    (void)state;
    struct media_picture_job job;
    pool = picture_fixture_begin(1, NULL);
    start_anew();
    /* One before, so that the next is with a worker before its deadline however slow the machine is. */
    assert_int_equal(picture_fixture_run(&job, make(200, false), MEDIA_IMAGE_JPEG, 60000), QN_OK);
    media_picture_fini(&job.picture);
    start(0, qn_buf_view(&file), 1500);
    struct media_picture_worker *worker = until_busy();
    pid_t hung = worker->process.pid;
    assert_int_equal(kill(hung, SIGSTOP), 0);
    until_done(1);
    assert_int_equal(statuses[0], QN_DEADLINE_EXCEEDED);
    start(0, qn_buf_view(&file), 60000);
    until_done(2);
    assert_int_equal(statuses[0], QN_OK);
    assert_int_not_equal(pool->workers[0].process.pid, hung);
}

static void test_cancelled(void **state)
{
    (void)state;
    pool = picture_fixture_begin(1, NULL);
    start_anew();
    for (size_t i = 0; i < 3; i++)
        start(i, i ? qn_buf_view(&file) : make(200, false), 60000);
    until_busy();
    media_picture_job_cancel(&jobs[0]); /* a worker has it */
    media_picture_job_cancel(&jobs[1]); /* it waits */
    media_picture_job_cancel(&jobs[1]);
    assert_int_equal(n_done, 0);
    until_done(3);
    assert_int_equal(statuses[0], QN_CANCELLED);
    assert_int_equal(statuses[1], QN_CANCELLED);
    assert_int_equal(statuses[2], QN_OK);
    media_picture_job_cancel(&jobs[2]); /* is done */
}

/* What waits and what runs when the pool closes ends, once each, before its processes are gone. */
static void test_closing_cancels(void **state)
{
    (void)state;
    pool = picture_fixture_begin(2, NULL);
    start_anew();
    for (size_t i = 0; i < 8; i++)
        start(i, i ? qn_buf_view(&file) : make(200, false), 60000);
    until_busy();
    picture_fixture_end();
    assert_int_equal(n_done, 8);
    assert_true(n_by_status[QN_CANCELLED] >= 6);
    pool = picture_fixture_begin(1, NULL); /* for the teardown */
}

static bool drained;

static void on_drained(struct qn_part *part)
{
    (void)part;
    drained = true;
}

static void test_draining_finishes_what_is_in_hand(void **state)
{
    (void)state;
    pool = picture_fixture_begin(1, NULL);
    start_anew();
    for (size_t i = 0; i < 3; i++)
        start(i, i ? qn_buf_view(&file) : make(200, false), 60000);
    drained = false;
    pool->part.drain(&pool->part, 60000, on_drained);
    assert_false(drained);
    start(3, qn_buf_view(&file), 60000); /* comes too late */
    loop_fixture_run_until(&drained, 60000);
    assert_int_equal(n_by_status[QN_OK], 3);
    assert_int_equal(statuses[3], QN_UNAVAILABLE);
}

static void test_draining_has_a_limit(void **state)
{
    (void)state;
    pool = picture_fixture_begin(1, NULL);
    start_anew();
    start(0, make(200, false), 60000);
    kill(until_busy()->process.pid, SIGSTOP);
    drained = false;
    pool->part.drain(&pool->part, 50, on_drained);
    loop_fixture_run_until(&drained, 60000);
    assert_int_equal(statuses[0], QN_CANCELLED);
}

/* More than can wait: some are refused at once with a time to come again, the others are all made, and never
 * are there more processes than were asked for. */
static void test_a_crowd_is_bounded(void **state)
{
    (void)state;
    pool = picture_fixture_begin(2, NULL);
    start_anew();
    make(300, false);
    for (size_t i = 0; i < JOBS_MAX; i++) {
        start(i, qn_buf_view(&file), 60000);
        assert_true(pool->waiting.len <= 64);
    }
    uint32_t retry_after_ms = 0;
    assert_false(media_picture_admits(pool, qn_clock_now_ms() + 60000, &retry_after_ms));
    assert_true(retry_after_ms >= 100);
    while (n_done < JOBS_MAX) {
        size_t processes = 0;
        for (unsigned i = 0; i < pool->n_workers; i++)
            processes += pool->workers[i].process.pid != 0;
        most_processes = processes > most_processes ? processes : most_processes;
        qn_loop_wait(picture_fixture_loop());
    }
    assert_int_equal(n_by_status[QN_OK], 64);
    assert_int_equal(n_by_status[QN_RESOURCE_EXHAUSTED], JOBS_MAX - 64);
    assert_int_equal(most_processes, 2);
    for (size_t i = 0; i < JOBS_MAX; i++)
        assert_true(statuses[i] == QN_OK || jobs[i].retry_after_ms >= 100);
    assert_true(media_picture_admits(pool, qn_clock_now_ms() + 60000, &retry_after_ms));
}

/* Ten megabytes each fill what may wait long before the number does. */
static void test_a_crowd_of_large_ones_is_bounded_by_bytes(void **state)
{
    (void)state;
    static char large[MEDIA_PICTURE_BYTES_MAX] = "\xFF\xD8\xFF\xE0";
    pool = picture_fixture_begin(1, NULL);
    start_anew();
    for (size_t i = 0; i < 20; i++)
        start(i, qn_str_n(large, sizeof large), 60000);
    assert_true(pool->waiting_bytes <= 67108864 + sizeof large);
    until_done(20);
    assert_true(n_by_status[QN_RESOURCE_EXHAUSTED] >= 12);
    assert_int_equal(n_by_status[QN_RESOURCE_EXHAUSTED] + n_by_status[QN_FAILED_PRECONDITION], 20);
}

static void test_a_deadline_that_has_passed(void **state)
{
    (void)state;
    pool = picture_fixture_begin(1, NULL);
    start_anew();
    start(0, make(200, false), 0);
    until_done(1);
    assert_int_equal(statuses[0], QN_DEADLINE_EXCEEDED);
    for (unsigned i = 0; i < pool->n_workers; i++)
        assert_int_equal(pool->workers[i].process.pid, 0);
}

/* A worker is given a bounded number of pictures, then another takes over, unnoticed. */
static void test_workers_do_not_grow_old(void **state)
{
    (void)state;
    pool = picture_fixture_begin(1, NULL);
    struct media_picture_job job;
    make(40, false);
    pid_t first = 0;
    for (int i = 0; i < 40; i++) {
        assert_int_equal(picture_fixture_run(&job, qn_buf_view(&file), MEDIA_IMAGE_JPEG, 60000), QN_OK);
        media_picture_fini(&job.picture);
        first = first ? first : pool->workers[0].process.pid;
    }
    assert_int_not_equal(pool->workers[0].process.pid, first);
}

/* --- somebody else in its place --- */

static enum qn_status ask_impostor(const char *script, uint64_t within_ms, struct media_picture_job *job)
{
    pool = picture_fixture_begin(1, picture_fixture_script(script));
    return picture_fixture_run(job, make(40, false), MEDIA_IMAGE_JPEG, within_ms);
}

static void test_a_program_that_ends_at_once(void **state)
{
    (void)state;
    struct media_picture_job job;
    assert_int_equal(ask_impostor("exit 3", 60000, &job), QN_UNAVAILABLE);
    assert_true(job.retry_after_ms > 0);
    /* From then on nobody waits for it. */
    assert_int_equal(picture_fixture_run(&job, qn_buf_view(&file), MEDIA_IMAGE_JPEG, 60000), QN_UNAVAILABLE);
    struct qn_buf detail;
    qn_buf_init(&detail, 256);
    assert_true(pool->part.ready(&pool->part, &detail));
    assert_true(detail.len > 0);
    qn_buf_fini(&detail);
}

static void test_a_program_that_is_not_there(void **state)
{
    (void)state;
    static char nowhere[] = "/nonexistent/quintet-picture";
    static const struct media_picture_settings settings = {.workers = 1, .program = nowhere};
    struct media_picture_pool other = MEDIA_PICTURE_POOL(&settings);
    struct qn_error err = {0};
    pool = picture_fixture_begin(1, NULL);
    assert_int_equal(other.part.open(&other.part, picture_fixture_loop(), &err), QN_UNAVAILABLE);
    assert_non_null(strstr(err.message, "/nonexistent/quintet-picture"));
}

static void test_another_language(void **state)
{
    (void)state;
    struct media_picture_job job;
    assert_int_equal(ask_impostor("printf QPW0 >&3; exec cat <&3", 60000, &job), QN_UNAVAILABLE);
}

#define HELLO "printf QPW1 >&3; "

static void test_silence(void **state)
{
    (void)state;
    struct media_picture_job job;
    assert_int_equal(ask_impostor(HELLO "exec cat <&3 >/dev/null", 1000, &job), QN_DEADLINE_EXCEEDED);
}

static void test_words_out_of_turn(void **state)
{
    (void)state;
    struct media_picture_job job;
    enum qn_status status =
        ask_impostor(HELLO "head -c 100000 /dev/zero >&3; exec cat <&3 >/dev/null", 60000, &job);
    /* Before it was asked, or as an answer. */
    assert_true(status == QN_INTERNAL || status == QN_UNAVAILABLE);
}

#define ASKED HELLO "head -c 40 <&3 >/dev/null; "

static void test_answers_that_lie(void **state)
{
    (void)state;
    struct media_picture_job job;
    /* An outcome that there is not; lengths beyond all bounds; a page where a picture should be; and a page
     * where the blurred one should be. */
    static const char *const answers[] = {
        "printf 'QPW1\\377\\0\\0\\0\\0\\0\\0\\0\\0\\0\\0\\0\\0\\0\\0\\0\\0\\0\\0\\0\\0\\0\\0\\0\\0\\0\\0\\0' "
        ">&3",
        "printf "
        "'QPW1\\0\\0\\0\\0\\1\\0\\0\\0\\1\\0\\0\\0\\377\\377\\377\\377\\1\\0\\0\\0\\1\\0\\0\\0\\0\\0\\0\\0' "
        ">&3",
        "printf 'QPW1\\0\\0\\0\\0\\1\\0\\0\\0\\1\\0\\0\\0\\6\\0\\0\\0\\6\\0\\0\\0\\6\\0\\0\\0\\0\\0\\0\\0' "
        ">&3; "
        "printf '<html><html><html>' >&3",
    };
    for (size_t i = 0; i < QN_COUNT(answers); i++) {
        char script[1024];
        snprintf(script, sizeof script, ASKED "%s; exec cat <&3 >/dev/null", answers[i]);
        assert_int_equal(ask_impostor(script, 60000, &job), QN_INTERNAL);
        assert_null(job.picture.large.data);
        if (i + 1 < QN_COUNT(answers))
            picture_fixture_end();
    }
}

/* Among what we have are the keys of the object store, and connections. */
static void test_workers_have_nothing_of_ours(void **state)
{
    (void)state;
    enum { OURS = 50 };
    struct media_picture_job job;
    setenv("R2_SECRET_ACCESS_KEY", "a secret", 1);
    assert_int_equal(dup2(2, OURS), OURS); /* to be kept when another program is run */
    enum qn_status status = ask_impostor(
        HELLO
        "[ -z \"$R2_SECRET_ACCESS_KEY\" ] && [ -e /proc/$$/fd/3 ] && [ ! -e /proc/$$/fd/50 ] || exit 1\n"
        "exec cat <&3 >/dev/null",
        1000, &job);
    unsetenv("R2_SECRET_ACCESS_KEY");
    close(OURS);
    assert_int_equal(status, QN_DEADLINE_EXCEEDED); /* and not what comes of an exit */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_a_killed_worker_is_replaced, begin, end),
        cmocka_unit_test_setup_teardown(test_a_picture_that_kills_is_refused, begin, end),
        cmocka_unit_test_setup_teardown(test_a_worker_that_hangs_is_killed_at_the_deadline, begin, end),
        cmocka_unit_test_setup_teardown(test_cancelled, begin, end),
        cmocka_unit_test_setup_teardown(test_closing_cancels, begin, end),
        cmocka_unit_test_setup_teardown(test_draining_finishes_what_is_in_hand, begin, end),
        cmocka_unit_test_setup_teardown(test_draining_has_a_limit, begin, end),
        cmocka_unit_test_setup_teardown(test_a_crowd_is_bounded, begin, end),
        cmocka_unit_test_setup_teardown(test_a_crowd_of_large_ones_is_bounded_by_bytes, begin, end),
        cmocka_unit_test_setup_teardown(test_a_deadline_that_has_passed, begin, end),
        cmocka_unit_test_setup_teardown(test_workers_do_not_grow_old, begin, end),
        cmocka_unit_test_setup_teardown(test_a_program_that_ends_at_once, begin, end),
        cmocka_unit_test_setup_teardown(test_a_program_that_is_not_there, begin, end),
        cmocka_unit_test_setup_teardown(test_another_language, begin, end),
        cmocka_unit_test_setup_teardown(test_silence, begin, end),
        cmocka_unit_test_setup_teardown(test_words_out_of_turn, begin, end),
        cmocka_unit_test_setup_teardown(test_answers_that_lie, begin, end),
        cmocka_unit_test_setup_teardown(test_workers_have_nothing_of_ours, begin, end),
    };
    picture_begin();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
