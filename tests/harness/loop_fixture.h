#ifndef QN_TESTS_LOOP_FIXTURE_H
#define QN_TESTS_LOOP_FIXTURE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/loop/loop.h"

/* A loop for one test. Its end proves the loop empty: a handle, timer or later that is left over fails the
 * test and is named. One loop at a time. After a test that failed halfway the next one begins without what
 * that left in metrics and log.
 *
 *   static void test_something(void **state)
 *   {
 *       struct qn_loop *loop = loop_fixture_begin();
 *       bool done = false;
 *       …
 *       loop_fixture_run_until(&done, 5000);
 *       loop_fixture_end();
 *   }
 */
struct qn_loop *loop_fixture_begin(void);
void loop_fixture_end(void);

/* Runs the loop until *flag is true. Fails the test when 'timeout_ms' pass first: a bound for a test that
 * hangs, never a measure. */
void loop_fixture_run_until(const bool *flag, uint64_t timeout_ms);

/* Runs until *count has reached 'want'; otherwise the same. */
void loop_fixture_run_until_count(const size_t *count, size_t want, uint64_t timeout_ms);

/* The same pair as cmocka's set-up and teardown; *state is the loop. */
int loop_fixture_setup(void **state);
int loop_fixture_teardown(void **state);

#endif
