#ifndef TESTS_HARNESS_SECOND_PASS_H
#define TESTS_HARNESS_SECOND_PASS_H

#include "tests/harness/test.h"

/* In place of cmocka_run_group_tests() in programs of which a second pass leaves out a part: through
 * PgBouncer (harness/bouncer.h, tests/pgbouncer.txt), or with pictures in a bucket (harness/bucket.h,
 * tests/s3.txt). Runs the tests but those that the pass' table names, and says which and why. A line there
 * that names no test of the program is a failure, so that the table does not outlive what it is about.
 * Returns the number of failures, to be returned from main(). */
#define harness_second_pass_run(tests, setup, teardown)                                                      \
    harness_second_pass_run_some(#tests, (tests), sizeof(tests) / sizeof(tests)[0], (setup), (teardown))

int harness_second_pass_run_some(const char *group, const struct CMUnitTest *tests, size_t n,
                                 CMFixtureFunction setup, CMFixtureFunction teardown);

#endif
