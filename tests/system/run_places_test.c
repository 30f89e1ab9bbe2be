#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/rpc/folder.h"
#include "tests/harness/service.h"
#include "tests/harness/test.h"
#include "tests/system/run_fixture.h"

/* Where and as whom it runs: side by side, in folders that are closed to the database's user or have long or
 * odd names, as a user like any other. */

enum { SOMEBODY = 65534 }; /* nobody's number, on every Debian */

static bool belongs_to(const char *path, uid_t user)
{
    struct stat st;
    if (lstat(path, &st) != 0)
        fail_msg("%s is not there", path);
    return st.st_uid == user;
}

/* Two copies know nothing of each other, and the end of one is nothing to the other. */
static void test_two_copies_run_side_by_side(void **state)
{
    (void)state;
    static struct run_copy left, right;
    run_start(&left, &(const struct run_options){.dir = harness_text("%s/left", run_folder())});
    run_start(&right, &(const struct run_options){.dir = harness_text("%s/right", run_folder())});
    run_await_ready(&left);
    run_await_ready(&right);
    const char *cookie = run_sign_up(&right, "ada@example.com");
    assert_int_equal(run_sign_in(&left, "ada@example.com"), 401);
    run_sign_up(&left, "ada@example.com");
    run_stop(&left);
    run_assert_works(&right, cookie);
    run_stop(&right);
    run_await_nobody();
}

/* A checkout below /root: PostgreSQL runs as another user and cannot reach it. */
static void test_a_folder_closed_to_the_databases_user(void **state)
{
    (void)state;
    static struct run_copy copy;
    if (geteuid() != 0)
        skip(); /* only root lends PostgreSQL another user */
    const char *closed = harness_text("%s/closed", run_folder());
    const struct run_options options = {.dir = harness_text("%s/run", closed)};
    assert_int_equal(mkdir(closed, 0700), 0);
    run_start_ready(&copy, &options);
    char target[256] = "";
    ssize_t len = readlink(run_path(&copy, "pg"), target, sizeof target - 1);
    assert_true(len > 0);
    assert_int_equal(strncmp(target, "/var/tmp/quintet-pg-", 20), 0);
    assert_true(run_exists(harness_text("%s/data/PG_VERSION", target)));
    assert_false(belongs_to(target, 0));
    assert_true(run_logged(&copy, harness_text("the database lies elsewhere folder=%s", target)));
    const char *cookie = run_sign_up(&copy, "ada@example.com");
    run_stop(&copy);
    run_start_ready(&copy, &options);
    assert_int_equal(run_count(&copy, "making a database cluster"), 0);
    run_assert_works(&copy, cookie);
    run_stop(&copy);
    run_await_nobody();
}

/* Nothing of it needs root. */
static void test_as_a_user_like_any_other(void **state)
{
    (void)state;
    static struct run_copy copy;
    uid_t user = geteuid() == 0 ? SOMEBODY : geteuid();
    const char *home = harness_text("%s/home", run_folder());
    assert_int_equal(mkdir(home, 0700), 0);
    assert_int_equal(chown(home, user, (gid_t)-1), 0);
    /* Where the build lies, such a user may not look. */
    const struct run_options options = {.dir = harness_text("%s/run", home),
                                        .programs = run_programs(),
                                        .user = geteuid() == 0 ? SOMEBODY : 0};
    run_start_ready(&copy, &options);
    run_assert_works(&copy, run_sign_up(&copy, "ada@example.com"));
    static const char *const FILES[] = {"endpoints", "secret", "lock", "pg", "pg/data", "rpc", "objects"};
    for (size_t i = 0; i < sizeof FILES / sizeof *FILES; i++)
        assert_true(belongs_to(run_path(&copy, FILES[i]), user));
    run_stop(&copy);
    run_await_nobody();
}

/* The path of a Unix socket holds 108 bytes. Sockets move to short folders then, and these do not stay. */
static void test_a_long_path(void **state)
{
    (void)state;
    static struct run_copy copy;
    static const char *const SERVICES[] = {"profile", "auth", "media"};
    struct qn_folder folders[3];
    const char *dir = harness_text("%s/%0120d/run", run_folder(), 0);
    for (size_t i = 0; i < 3; i++) {
        const char *wanted = harness_text("%s/rpc/%s", dir, SERVICES[i]);
        qn_folder_at(wanted, &folders[i]);
        assert_string_not_equal(folders[i].path, wanted);
    }
    run_start_ready(&copy, &(const struct run_options){.dir = dir});
    assert_true(run_logged(&copy, "why=\"the run folder's path is too long\""));
    for (size_t i = 0; i < 3; i++)
        assert_true(run_exists(folders[i].path));
    run_assert_works(&copy, run_sign_up(&copy, "ada@example.com"));
    run_stop(&copy);
    for (size_t i = 0; i < 3; i++)
        assert_false(run_exists(folders[i].path));
    run_await_nobody();
}

/* Names that shells, URLs and PostgreSQL's lists of folders each have their own ideas about. */
static void test_an_odd_path(void **state)
{
    (void)state;
    static struct run_copy copy;
    const char *dir = harness_text("%s/My %%20 \"sites\", it's ü?&#", run_folder());
    run_start_ready(&copy, &(const struct run_options){.dir = dir});
    run_assert_works(&copy, run_sign_up(&copy, "ada@example.com"));
    run_stop(&copy);
    run_await_nobody();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_two_copies_run_side_by_side),
        cmocka_unit_test(test_a_folder_closed_to_the_databases_user),
        cmocka_unit_test(test_as_a_user_like_any_other),
        cmocka_unit_test(test_a_long_path),
        cmocka_unit_test(test_an_odd_path),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
