#include "common/core/backlog.h"
#include "tests/harness/test.h"

/* A queue in front of something with a speed, by a clock that the test turns. */

enum { MS = 1000 }; /* µs */

static struct qn_backlog backlog;
static uint64_t now_us;

static int set_up(void **state)
{
    (void)state;
    backlog = (struct qn_backlog){0};
    now_us = 1000000;
    return 0;
}

/* 'turns' times, each 'gap_us' after the other, 'n' leave. */
static void run(size_t turns, uint64_t gap_us, size_t n)
{
    for (size_t i = 0; i < turns; i++) {
        now_us += gap_us;
        qn_backlog_left(&backlog, n, now_us);
    }
}

static bool admits(size_t n_waiting, uint64_t left_us)
{
    uint32_t retry_after_ms = 0;
    bool yes = qn_backlog_admits(&backlog, n_waiting, left_us, now_us, &retry_after_ms);
    assert_true(yes ? retry_after_ms == 0 : retry_after_ms >= 100 && retry_after_ms <= 30000);
    return yes;
}

static void assert_about(uint64_t value, uint64_t wanted)
{
    assert_in_range(value, wanted * 9 / 10, wanted * 11 / 10);
}

static void test_knows_nothing_and_takes_everybody(void **state)
{
    (void)state;
    qn_backlog_begin(&backlog, now_us);
    assert_true(admits(4096, 1));
    assert_int_equal(qn_backlog_wait_us(&backlog, 4096, now_us), 0);
}

static void test_the_wait_follows_from_the_speed(void **state)
{
    (void)state;
    qn_backlog_begin(&backlog, now_us);
    run(50, 6 * MS, 1); /* a statement at a time */
    assert_about(qn_backlog_wait_us(&backlog, 100, now_us), 600 * MS);
    qn_backlog_begin(&backlog, now_us);
    run(50, 6 * MS, 64); /* a message at a time */
    assert_about(qn_backlog_wait_us(&backlog, 640, now_us), 60 * MS);
}

static void test_half_of_what_being_served_leaves(void **state)
{
    (void)state;
    qn_backlog_begin(&backlog, now_us);
    run(50, 10 * MS, 1);
    for (int i = 0; i < 50; i++)
        qn_backlog_served(&backlog, 100 * MS);
    assert_true(admits(19, 500 * MS)); /* 190 ms of (500 - 100) / 2 */
    assert_false(admits(22, 500 * MS));
    assert_true(admits(22, 600 * MS)); /* who has more time may wait longer */
    assert_false(admits(1, 100 * MS)); /* its own service takes all the time there is */
}

/* Or one wrong estimate would shut the queue for good: nobody is served, so nothing is learned. */
static void test_an_empty_queue_takes_anybody(void **state)
{
    (void)state;
    qn_backlog_begin(&backlog, now_us);
    run(50, 1000 * MS, 1);
    for (int i = 0; i < 50; i++)
        qn_backlog_served(&backlog, 10000 * MS);
    assert_true(admits(0, 1 * MS));
    assert_false(admits(1, 1 * MS));
}

/* A server that was away for a second, and is back: those that waited are served, and newcomers are not
 * refused for its sake. */
static void test_a_stall_is_no_speed(void **state)
{
    (void)state;
    qn_backlog_begin(&backlog, now_us);
    run(50, 1 * MS, 1);
    now_us += 1000 * MS;
    assert_about(qn_backlog_wait_us(&backlog, 100, now_us), 1100 * MS); /* as long again */
    assert_false(admits(100, 1000 * MS));
    assert_true(admits(100, 10000 * MS));
    qn_backlog_left(&backlog, 1, now_us);
    assert_true(qn_backlog_wait_us(&backlog, 100, now_us) < 300 * MS);
    run(20, 1 * MS, 1);
    assert_about(qn_backlog_wait_us(&backlog, 100, now_us), 100 * MS);
}

/* At first all that is seen is how fast an empty queue lets one pass. */
static void test_learns_quickly(void **state)
{
    (void)state;
    qn_backlog_begin(&backlog, now_us);
    run(5, 0, 1);
    run(10, 20 * MS, 1);
    assert_in_range(qn_backlog_wait_us(&backlog, 10, now_us), 100 * MS, 210 * MS);
}

static void test_follows_what_slows_down_and_what_recovers(void **state)
{
    (void)state;
    qn_backlog_begin(&backlog, now_us);
    run(50, 1 * MS, 1);
    run(30, 50 * MS, 1);
    assert_in_range(qn_backlog_wait_us(&backlog, 10, now_us), 400 * MS, 550 * MS);
    run(30, 1 * MS, 1);
    assert_in_range(qn_backlog_wait_us(&backlog, 10, now_us), 9 * MS, 30 * MS);
}

/* One waits ten seconds for a row that is locked; what others take stays what it was. */
static void test_the_median_does_not_mind_one(void **state)
{
    (void)state;
    for (int i = 0; i < 100; i++)
        qn_backlog_served(&backlog, 5 * MS);
    qn_backlog_served(&backlog, 10000 * MS);
    assert_false(qn_backlog_too_late(&backlog, 8 * MS));
    assert_true(qn_backlog_too_late(&backlog, 4 * MS));
    for (int i = 0; i < 100; i++)
        qn_backlog_served(&backlog, 0); /* and falls as it rose, without getting stuck at nothing */
    assert_false(qn_backlog_too_late(&backlog, 1));
    for (int i = 0; i < 200; i++)
        qn_backlog_served(&backlog, 1000 * MS);
    assert_true(qn_backlog_too_late(&backlog, 800 * MS));
}

/* Those refused in one moment are spread over as long again. */
static void test_hints_differ(void **state)
{
    (void)state;
    uint32_t least = UINT32_MAX, most = 0;
    for (uint64_t i = 0; i < 5000; i += 7) {
        uint32_t hint = qn_backlog_retry_after_ms(2000 * MS, now_us + i);
        least = hint < least ? hint : least;
        most = hint > most ? hint : most;
    }
    assert_in_range(least, 2000, 2100);
    assert_in_range(most, 3900, 4000);
    assert_in_range(qn_backlog_retry_after_ms(0, now_us), 100, 200);
    assert_in_range(qn_backlog_retry_after_ms(UINT64_MAX, now_us), 15000, 30000);
}

/* The thing itself: 100 a second are served, 'rate' come, each with a second; how many of the 1,000 that were
 * served were in time. A queue without the rule serves nearly all of them too late. */
static void test_overload(void **state)
{
    (void)state;
    for (uint64_t rate = 200; rate <= 1600; rate *= 2) {
        set_up(NULL);
        uint64_t due[4096], next_us = now_us, free_us = now_us;
        size_t first = 0, n = 0, in_time = 0, late = 0;
        while (in_time + late < 1000) {
            uint32_t hint;
            if (n == 0 || next_us <= free_us) { /* one comes */
                now_us = next_us;
                next_us += 1000 * MS / rate;
                if (n == 0)
                    qn_backlog_begin(&backlog, now_us);
                if (n < 4096 && qn_backlog_admits(&backlog, n, 1000 * MS, now_us, &hint))
                    due[(first + n++) % 4096] = now_us + 1000 * MS;
                free_us = free_us > now_us ? free_us : now_us;
                continue;
            }
            now_us = free_us; /* one is served */
            uint64_t end_us = due[first];
            first = (first + 1) % 4096;
            n--;
            if (n > 0 && (end_us <= now_us || qn_backlog_too_late(&backlog, end_us - now_us)))
                continue; /* of the first moments, when nothing was known */
            qn_backlog_left(&backlog, 1, now_us);
            free_us = now_us + 10 * MS;
            qn_backlog_served(&backlog, 10 * MS);
            if (free_us <= end_us)
                in_time++;
            else
                late++;
        }
        assert_true(in_time > 950);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_knows_nothing_and_takes_everybody, set_up),
        cmocka_unit_test_setup(test_the_wait_follows_from_the_speed, set_up),
        cmocka_unit_test_setup(test_half_of_what_being_served_leaves, set_up),
        cmocka_unit_test_setup(test_an_empty_queue_takes_anybody, set_up),
        cmocka_unit_test_setup(test_a_stall_is_no_speed, set_up),
        cmocka_unit_test_setup(test_learns_quickly, set_up),
        cmocka_unit_test_setup(test_follows_what_slows_down_and_what_recovers, set_up),
        cmocka_unit_test_setup(test_the_median_does_not_mind_one, set_up),
        cmocka_unit_test_setup(test_hints_differ, set_up),
        cmocka_unit_test_setup(test_overload, set_up),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
