#include "common/core/check.h"
#include "common/core/clock.h"
#include "common/core/metric.h"
#include "services/auth/hasher.h"
#include "tests/harness/loop_fixture.h"
#include "tests/harness/test.h"

enum { LIMIT_MS = 60000, FAR_MS = 600000 };

static int64_t threads, queue_max;
static struct auth_hasher hasher = AUTH_HASHER(&threads, &queue_max);
static size_t n_done;
static bool closed;

struct job {
    struct auth_hash_job job;
    enum qn_status status;
    bool done;
};

static void on_done(struct auth_hash_job *base, enum qn_status status)
{
    struct job *job = container_of(base, struct job, job);
    assert_false(job->done);
    job->done = true;
    job->status = status;
    n_done++;
}

static void on_closed(struct qn_part *part)
{
    assert_ptr_equal(part, &hasher.part);
    closed = true;
}

static void begin(int64_t with_threads, int64_t with_queue)
{
    threads = with_threads;
    queue_max = with_queue;
    n_done = 0;
    closed = false;
    struct qn_error err = {0};
    assert_int_equal(hasher.part.open(&hasher.part, loop_fixture_begin(), &err), QN_OK);
}

static void end(void)
{
    hasher.part.close(&hasher.part, on_closed);
    assert_false(closed); /* never from within */
    loop_fixture_run_until(&closed, LIMIT_MS);
    loop_fixture_end();
    qn_metric_reset();
}

static void test_hash_and_verify(void **state)
{
    (void)state;
    begin(1, 8);
    struct job made = {0}, right = {0}, wrong = {0};
    uint64_t deadline_ms = qn_clock_now_ms() + FAR_MS;
    auth_hasher_hash(&hasher, &made.job, QN_STR("password"), deadline_ms, on_done);
    assert_false(made.done);
    loop_fixture_run_until(&made.done, LIMIT_MS);
    assert_int_equal(made.status, QN_OK);

    auth_hasher_verify(&hasher, &right.job, QN_STR("password"), qn_str_c(made.job.hash), deadline_ms,
                       on_done);
    auth_hasher_verify(&hasher, &wrong.job, QN_STR("Password"), qn_str_c(made.job.hash), deadline_ms,
                       on_done);
    loop_fixture_run_until_count(&n_done, 3, LIMIT_MS);
    assert_int_equal(right.status, QN_OK);
    assert_int_equal(wrong.status, QN_UNAUTHENTICATED);
    end();
}

/* Called instead of the real one (-Wl,--wrap), to count the work that is really done. */
enum qn_status __real_auth_scrypt(struct qn_str password, struct qn_str salt, uint8_t *to);
enum qn_status __wrap_auth_scrypt(struct qn_str password, struct qn_str salt, uint8_t *to);

static _Atomic size_t n_scrypts;

enum qn_status __wrap_auth_scrypt(struct qn_str password, struct qn_str salt, uint8_t *to)
{
    n_scrypts++;
    return __real_auth_scrypt(password, salt, to);
}

/* No hash (an unknown address, a user without a password) costs what a wrong password costs: one scrypt of
 * the same parameters. */
static void test_nothing_to_verify_costs_the_same(void **state)
{
    (void)state;
    begin(1, 8);
    struct job unknown = {0}, wrong = {0}, malformed = {0};
    uint64_t deadline_ms = qn_clock_now_ms() + FAR_MS;
    n_scrypts = 0;
    auth_hasher_verify(&hasher, &unknown.job, QN_STR("password"), QN_STR(""), deadline_ms, on_done);
    loop_fixture_run_until(&unknown.done, LIMIT_MS);
    assert_int_equal(unknown.status, QN_UNAUTHENTICATED);
    assert_int_equal(n_scrypts, 1);
    auth_hasher_verify(&hasher, &wrong.job, QN_STR("password"), auth_password_nobody, deadline_ms, on_done);
    loop_fixture_run_until(&wrong.done, LIMIT_MS);
    assert_int_equal(wrong.status, QN_UNAUTHENTICATED);
    assert_int_equal(n_scrypts, 2);
    auth_hasher_verify(&hasher, &malformed.job, QN_STR("password"), QN_STR("no halves"), deadline_ms,
                       on_done);
    loop_fixture_run_until(&malformed.done, LIMIT_MS);
    assert_int_equal(malformed.status, QN_INTERNAL);
    assert_int_equal(n_scrypts, 2);
    end();
}

/* One runs, one waits, the others are told to come again, and none of them is lost. */
static void test_full_queue(void **state)
{
    (void)state;
    begin(1, 1);
    struct job jobs[6] = {0};
    uint64_t deadline_ms = qn_clock_now_ms() + FAR_MS;
    for (size_t i = 0; i < QN_COUNT(jobs); i++)
        auth_hasher_hash(&hasher, &jobs[i].job, QN_STR("password"), deadline_ms, on_done);
    loop_fixture_run_until_count(&n_done, QN_COUNT(jobs), LIMIT_MS);
    size_t hashed = 0, refused = 0;
    for (size_t i = 0; i < QN_COUNT(jobs); i++) {
        hashed += jobs[i].status == QN_OK;
        refused += jobs[i].status == QN_RESOURCE_EXHAUSTED;
    }
    /* The first may have left the queue before the third came, or not. */
    assert_in_range(hashed, 1, 2);
    assert_int_equal(hashed + refused, QN_COUNT(jobs));
    assert_true(auth_hasher_retry_after_ms(&hasher) >= 1000);
    end();
}

/* A client that has given up is never hashed for. */
static void test_expired_deadline_is_never_hashed(void **state)
{
    (void)state;
    begin(1, 8);
    struct job running = {0}, late = {0}, passed = {0};
    uint64_t now_ms = qn_clock_now_ms();
    n_scrypts = 0;
    hasher.pace.service_us = 1; /* too hopeful: or the late one would have been refused */
    auth_hasher_hash(&hasher, &running.job, QN_STR("password"), now_ms + FAR_MS, on_done);
    auth_hasher_hash(&hasher, &late.job, QN_STR("password"), now_ms + 1, on_done); /* while the first runs */
    auth_hasher_hash(&hasher, &passed.job, QN_STR("password"), now_ms - 1, on_done);
    loop_fixture_run_until_count(&n_done, 3, LIMIT_MS);
    assert_int_equal(running.status, QN_OK);
    assert_int_equal(late.status, QN_DEADLINE_EXCEEDED);
    assert_int_equal(passed.status, QN_DEADLINE_EXCEEDED);
    assert_int_equal(n_scrypts, 1);
    end();
}

/* Half a second for each, and a tenth is what a hash is thought to take: the first runs, two may wait, and
 * the others hear at once that their turn would come too late, before the first is done. */
static void test_too_late_is_refused_at_once(void **state)
{
    (void)state;
    begin(1, 64);
    struct job jobs[20] = {0}, patient = {0};
    uint64_t now_ms = qn_clock_now_ms();
    n_scrypts = 0;
    for (size_t i = 0; i < QN_COUNT(jobs); i++)
        auth_hasher_hash(&hasher, &jobs[i].job, QN_STR("password"), now_ms + 500, on_done);
    assert_int_equal(n_done, 0); /* never from within */
    assert_true(auth_hasher_retry_after_ms(&hasher) >= 1000);
    auth_hasher_hash(&hasher, &patient.job, QN_STR("password"), now_ms + FAR_MS, on_done);
    loop_fixture_run_until_count(&n_done, 16, LIMIT_MS);
    assert_false(patient.done);
    for (size_t i = 4; i < QN_COUNT(jobs); i++)
        assert_int_equal(jobs[i].status, QN_RESOURCE_EXHAUSTED);
    loop_fixture_run_until_count(&n_done, QN_COUNT(jobs) + 1, LIMIT_MS);
    assert_int_equal(patient.status, QN_OK); /* who has time is served behind them */
    assert_true(n_scrypts <= 5);
    end();
}

/* A machine on which a hash takes long makes the queue shorter, by itself. */
static void test_follows_what_hashing_takes(void **state)
{
    (void)state;
    begin(1, 64);
    struct job first = {0};
    hasher.pace.service_us = 1e9;
    auth_hasher_hash(&hasher, &first.job, QN_STR("password"), qn_clock_now_ms() + FAR_MS, on_done);
    loop_fixture_run_until(&first.done, LIMIT_MS);
    assert_int_equal(first.status, QN_OK); /* a free thread takes anybody */
    assert_true(hasher.pace.service_us < 1e9);
    end();
}

static void test_as_many_threads_as_cores(void **state)
{
    (void)state;
    begin(0, 64);
    assert_in_range(hasher.threads_used, 1, 64);
    end();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_hash_and_verify),
        cmocka_unit_test(test_nothing_to_verify_costs_the_same),
        cmocka_unit_test(test_full_queue),
        cmocka_unit_test(test_expired_deadline_is_never_hashed),
        cmocka_unit_test(test_too_late_is_refused_at_once),
        cmocka_unit_test(test_follows_what_hashing_takes),
        cmocka_unit_test(test_as_many_threads_as_cores),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
