#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "deploy/run/cluster.h"
#include "tests/harness/test.h"

/* Where the database lies. The server itself is run by tests/system/run. */

static char base[] = "/tmp/quintet-cluster.XXXXXX";

static int make_base(void **state)
{
    (void)state;
    return mkdtemp(base) && chmod(base, 0755) == 0 ? 0 : -1;
}

static int remove_base(void **state)
{
    (void)state;
    return run_folder_remove(base, NULL) == QN_OK ? 0 : -1;
}

static struct run_cluster cluster;

static void write_pid_file(const char *text)
{
    char path[256];
    mkdir(cluster.data, 0700);
    snprintf(path, sizeof path, "%s/postmaster.pid", cluster.data);
    assert_int_equal(run_folder_write(path, qn_str_c(text), NULL), QN_OK);
}

static void test_it_lies_in_the_run_folder(void **state)
{
    (void)state;
    char here[128];
    struct stat st;
    assert_int_equal(run_cluster_open(&cluster, base, NULL), QN_OK);
    snprintf(here, sizeof here, "%s/pg", base);
    assert_string_equal(cluster.base, here);
    assert_int_equal(lstat(here, &st), 0);
    assert_true(S_ISDIR(st.st_mode));
    assert_int_equal(st.st_mode & 07777, 0700);
    if (geteuid() == 0) { /* PostgreSQL refuses root */
        assert_non_null(cluster.become);
        assert_int_not_equal(st.st_uid, 0);
        assert_int_equal(st.st_uid, cluster.become->pw_uid);
    }
    assert_false(run_cluster_initialised(&cluster));
}

static void test_the_state_in_postmaster_pid_is_read(void **state)
{
    (void)state;
    long pid = 0;
    bool ready = true;
    assert_int_equal(run_cluster_open(&cluster, base, NULL), QN_OK);
    assert_false(run_cluster_postmaster(&cluster, &pid, &ready));
    write_pid_file("4711\n/data\n1795426567\n5432\n/tmp\n127.0.0.1\n  123 456\nstarting\n");
    assert_true(run_cluster_postmaster(&cluster, &pid, &ready));
    assert_int_equal(pid, 4711);
    assert_false(ready);
    write_pid_file("4711\n/data\n1795426567\n5432\n/tmp\n127.0.0.1\n  123 456\nready   \n");
    assert_true(run_cluster_postmaster(&cluster, &pid, &ready));
    assert_true(ready);
    write_pid_file("4711\n"); /* written line by line while it starts */
    assert_true(run_cluster_postmaster(&cluster, &pid, &ready));
    assert_false(ready);
    write_pid_file("nonsense\n");
    assert_false(run_cluster_postmaster(&cluster, &pid, &ready));
}

/* A killed run leaves its pid file; the number may belong to anybody by now, here to this test, who is not
 * killed. */
static void test_what_a_killed_run_left_is_removed(void **state)
{
    (void)state;
    char text[64], path[256];
    assert_int_equal(run_cluster_open(&cluster, base, NULL), QN_OK);
    snprintf(text, sizeof text, "%d\n/data\n", getpid());
    write_pid_file(text);
    snprintf(path, sizeof path, "%s/PG_VERSION", cluster.fresh);
    assert_int_equal(mkdir(cluster.fresh, 0700), 0);
    assert_int_equal(run_folder_write(path, QN_STR("15\n"), NULL), QN_OK);

    assert_int_equal(run_cluster_open(&cluster, base, NULL), QN_OK);
    snprintf(path, sizeof path, "%s/postmaster.pid", cluster.data);
    assert_int_not_equal(access(path, F_OK), 0);
    assert_int_not_equal(access(cluster.fresh, F_OK), 0);
    assert_int_equal(access(cluster.data, F_OK), 0);
}

/* A unix socket's path holds 108 bytes. */
static void test_a_long_path_means_elsewhere_and_a_link(void **state)
{
    (void)state;
    char absolute[RUN_PATH_MAX], run_dir[256], link[RUN_PATH_MAX + 8], target[256] = "", expected[128];
    snprintf(run_dir, sizeof run_dir, "%s/%0100d", base, 0);
    assert_int_equal(run_folder_open(run_dir, absolute, NULL), QN_OK);
    for (int i = 0; i < 2; i++) { /* the second time it is found again */
        assert_int_equal(run_cluster_open(&cluster, absolute, NULL), QN_OK);
        run_cluster_elsewhere(absolute, geteuid(), expected, sizeof expected);
        assert_string_equal(cluster.base, expected);
        snprintf(link, sizeof link, "%s/pg", absolute);
        assert_true(readlink(link, target, sizeof target - 1) > 0);
        assert_string_equal(target, expected);
    }
    assert_int_equal(run_folder_remove(expected, NULL), QN_OK);
}

static void test_elsewhere_is_another_place_for_every_run_folder(void **state)
{
    (void)state;
    char first[128], again[128], second[128], other_user[128];
    run_cluster_elsewhere("/a", 0, first, sizeof first);
    run_cluster_elsewhere("/a", 0, again, sizeof again);
    run_cluster_elsewhere("/b", 0, second, sizeof second);
    run_cluster_elsewhere("/a", 1000, other_user, sizeof other_user);
    assert_string_equal(first, again);
    assert_string_not_equal(first, second);
    assert_string_not_equal(first, other_user);
    assert_int_equal(strncmp(first, "/var/tmp/quintet-pg-", 20), 0);
}

/* In /var/tmp anybody can be there first. */
static void test_a_folder_that_others_can_read_is_refused(void **state)
{
    (void)state;
    char here[128];
    struct qn_error err = {0};
    snprintf(here, sizeof here, "%s/pg", base);
    assert_int_equal(chmod(here, 0755), 0);
    assert_int_equal(run_cluster_open(&cluster, base, &err), QN_PERMISSION_DENIED);
    assert_non_null(strstr(err.message, here));
    assert_int_equal(chmod(here, 0700), 0);
    assert_int_equal(run_cluster_open(&cluster, base, &err), QN_OK);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_it_lies_in_the_run_folder),
        cmocka_unit_test(test_the_state_in_postmaster_pid_is_read),
        cmocka_unit_test(test_what_a_killed_run_left_is_removed),
        cmocka_unit_test(test_a_long_path_means_elsewhere_and_a_link),
        cmocka_unit_test(test_elsewhere_is_another_place_for_every_run_folder),
        cmocka_unit_test(test_a_folder_that_others_can_read_is_refused),
    };
    return cmocka_run_group_tests(tests, make_base, remove_base);
}
