#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "deploy/run/folder.h"
#include "tests/harness/test.h"

static char base[] = "/tmp/quintet-folder.XXXXXX";
static char path[256];

static const char *in_base(const char *name)
{
    snprintf(path, sizeof path, "%s/%s", base, name);
    return path;
}

static int make_base(void **state)
{
    (void)state;
    return mkdtemp(base) ? 0 : -1;
}

static int remove_base(void **state)
{
    (void)state;
    return run_folder_remove(base, NULL) == QN_OK ? 0 : -1;
}

static void test_missing_folders_are_made(void **state)
{
    (void)state;
    char absolute[RUN_PATH_MAX];
    assert_int_equal(chdir(base), 0);
    assert_int_equal(run_folder_open("a/b/.run", absolute, NULL), QN_OK);
    assert_string_equal(absolute, in_base("a/b/.run"));
    assert_int_equal(run_folder_open("a/b/.run", absolute, NULL), QN_OK); /* fine if it is there */
    assert_int_equal(chdir("/"), 0);
}

static void test_a_file_in_the_way(void **state)
{
    (void)state;
    char absolute[RUN_PATH_MAX];
    struct qn_error err = {0};
    close(open(in_base("file"), O_CREAT | O_WRONLY, 0600));
    assert_int_not_equal(run_folder_open(in_base("file"), absolute, &err), QN_OK);
    assert_non_null(strstr(err.message, "/file"));
    assert_int_not_equal(run_folder_open(in_base("file/below"), absolute, &err), QN_OK);
}

/* The lock goes with the process that has it, so the second copy is another process here. */
static void test_a_second_copy_is_refused_until_the_first_ends(void **state)
{
    (void)state;
    int go[2], ready[2];
    char byte = 0;
    assert_int_equal(pipe(go) + pipe(ready), 0);
    pid_t first = fork();
    if (first == 0) {
        close(go[1]);
        byte = run_folder_lock(base, NULL) == QN_OK ? 'y' : 'n';
        if (write(ready[1], &byte, 1) != 1 || read(go[0], &byte, 1) < 0)
            _exit(1);
        _exit(0);
    }
    close(go[0]);
    assert_int_equal(read(ready[0], &byte, 1), 1);
    assert_int_equal(byte, 'y');

    char pid[32];
    struct qn_error err = {0};
    snprintf(pid, sizeof pid, "(pid %d)", first);
    assert_int_equal(run_folder_lock(base, &err), QN_ALREADY_EXISTS);
    assert_non_null(strstr(err.message, pid));
    assert_non_null(strstr(err.message, base));
    assert_non_null(strstr(err.message, "QUINTET_RUN_DIR"));

    assert_int_equal(kill(first, SIGKILL), 0);
    assert_int_equal(waitpid(first, NULL, 0), first);
    assert_int_equal(run_folder_lock(base, &err), QN_OK);
    close(go[1]);
    close(ready[0]);
    close(ready[1]);
}

static void test_the_secret_is_made_once_and_kept(void **state)
{
    (void)state;
    char first[RUN_SECRET_MAX], second[RUN_SECRET_MAX];
    bool made = false;
    struct stat st;
    assert_int_equal(run_folder_secret(base, first, &made, NULL), QN_OK);
    assert_true(made);
    assert_int_equal(strlen(first), 44); /* 32 bytes in base64 */
    assert_int_equal(stat(in_base("secret"), &st), 0);
    assert_int_equal(st.st_mode & 07777, 0600);
    assert_int_equal(run_folder_secret(base, second, &made, NULL), QN_OK);
    assert_false(made);
    assert_string_equal(first, second);
}

/* To make another would sign out everybody: who emptied it shall say so by removing it. */
static void test_an_empty_secret_is_not_replaced(void **state)
{
    (void)state;
    char secret[RUN_SECRET_MAX];
    bool made = false;
    struct qn_error err = {0};
    assert_int_equal(truncate(in_base("secret"), 0), 0);
    assert_int_equal(run_folder_secret(base, secret, &made, &err), QN_FAILED_PRECONDITION);
    assert_non_null(strstr(err.message, "/secret"));
    assert_int_equal(unlink(in_base("secret")), 0);
}

static void test_small_files_only(void **state)
{
    (void)state;
    char room[8];
    assert_int_equal(run_folder_write(in_base("small"), QN_STR("1234567"), NULL), QN_OK);
    assert_int_equal(run_folder_read(path, room, sizeof room), 7);
    assert_string_equal(room, "1234567");
    assert_int_equal(run_folder_write(path, QN_STR("12345678"), NULL), QN_OK);
    assert_int_equal(run_folder_read(path, room, sizeof room), -1);
    assert_int_equal(run_folder_read(in_base("none"), room, sizeof room), -1);
}

/* A link in the tree is removed, what it points to is not. */
static void test_removing_follows_no_links(void **state)
{
    (void)state;
    char link[128];
    assert_int_equal(run_folder_write(in_base("kept"), QN_STR("x"), NULL), QN_OK);
    assert_int_equal(mkdir(in_base("tree"), 0700), 0);
    assert_int_equal(mkdir(in_base("tree/deep"), 0700), 0);
    snprintf(link, sizeof link, "%s/tree/deep/link", base);
    assert_int_equal(symlink(base, link), 0);
    assert_int_equal(run_folder_remove(in_base("tree"), NULL), QN_OK);
    assert_int_not_equal(access(in_base("tree"), F_OK), 0);
    assert_int_equal(access(in_base("kept"), F_OK), 0);
    assert_int_equal(run_folder_remove(in_base("tree"), NULL), QN_OK); /* fine if it is not there */
}

static void test_who_may_enter(void **state)
{
    (void)state;
    assert_true(run_folder_enterable(base, NULL));
    assert_false(run_folder_enterable("/nowhere/at/all", NULL));
    if (geteuid() != 0)
        skip(); /* only root can ask for others */
    const struct passwd nobody = {.pw_uid = 65534, .pw_gid = 65534};
    assert_true(run_folder_enterable("/tmp", &nobody));
    assert_false(run_folder_enterable(base, &nobody)); /* mkdtemp: 0700 */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_missing_folders_are_made),
        cmocka_unit_test(test_a_file_in_the_way),
        cmocka_unit_test(test_a_second_copy_is_refused_until_the_first_ends),
        cmocka_unit_test(test_the_secret_is_made_once_and_kept),
        cmocka_unit_test(test_an_empty_secret_is_not_replaced),
        cmocka_unit_test(test_small_files_only),
        cmocka_unit_test(test_removing_follows_no_links),
        cmocka_unit_test(test_who_may_enter),
    };
    return cmocka_run_group_tests(tests, make_base, remove_base);
}
