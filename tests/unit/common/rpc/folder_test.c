#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/core/check.h"
#include "common/rpc/folder.h"
#include "tests/harness/test.h"

static char root[32];

static int remove_one(const char *path, const struct stat *what, int flag, struct FTW *walk)
{
    (void)what, (void)flag, (void)walk;
    return remove(path);
}

static int set_up(void **state)
{
    (void)state;
    snprintf(root, sizeof(root), "/tmp/qn-folder-XXXXXX");
    return mkdtemp(root) == NULL;
}

static int tear_down(void **state)
{
    (void)state;
    return nftw(root, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

static struct qn_folder folder_at(const char *name)
{
    char path[64];
    snprintf(path, sizeof(path), "%s/%s", root, name);
    struct qn_folder folder;
    qn_folder_at(path, &folder);
    return folder;
}

static struct qn_folder made(const char *name)
{
    struct qn_folder folder = folder_at(name);
    struct qn_error err = {0};
    if (qn_folder_make(&folder, &err) != QN_OK)
        fail_msg("%s", err.message);
    return folder;
}

static void touch(const char *path)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    assert_true(fd >= 0);
    close(fd);
}

/* As a server does: nng listens on the hidden path, here a plain file. */
static struct qn_folder_place take(const struct qn_folder *folder)
{
    struct qn_folder_place place = {.lock = -1};
    assert_int_equal(qn_folder_take(folder, &place, NULL), QN_OK);
    touch(place.hidden.path);
    assert_int_equal(qn_folder_publish(&place, NULL), QN_OK);
    return place;
}

/* Both sides must come to the same folder; the limit is the kernel's. */
static void test_long_paths_become_short_ones(void **state)
{
    (void)state;
    struct qn_folder folder, again, other;
    qn_folder_at("/run/quintet/auth", &folder);
    assert_string_equal(folder.path, "/run/quintet/auth");
    char path[200];
    snprintf(path, sizeof(path), "/run/%077d", 0); /* 82, and 17 for a name: 99 */
    qn_folder_at(path, &folder);
    assert_string_equal(folder.path, path);
    snprintf(path, sizeof(path), "/run/%079d", 0); /* 101 in all */
    qn_folder_at(path, &folder);
    qn_folder_at(path, &again);
    char want[40];
    int len = snprintf(want, sizeof(want), "/tmp/quintet-%u/", (unsigned)geteuid());
    assert_memory_equal(folder.path, want, (size_t)len);
    assert_int_equal(strlen(folder.path), len + 16);
    assert_string_equal(folder.path, again.path);
    path[10] = '1';
    qn_folder_at(path, &other);
    assert_string_not_equal(folder.path, other.path);
    /* The same in every version of ours, or old and new processes would not find each other. */
    qn_folder_at("/a/very/long/path/0123456789012345678901234567890123456789012345678901234567890123456789/"
                 "0123456789",
                 &folder);
    assert_string_equal(folder.path + len, "384eb4a6c6698918");
}

static void test_make(void **state)
{
    (void)state;
    struct qn_folder folder = made("a/b/c");
    struct stat found;
    assert_int_equal(stat(folder.path, &found), 0);
    assert_int_equal(found.st_mode & 0777, 0700);
    assert_int_equal(qn_folder_make(&folder, NULL), QN_OK); /* there already */
    /* Others may write: they could listen in our place. */
    assert_int_equal(chmod(folder.path, 0777), 0);
    assert_int_equal(qn_folder_make(&folder, NULL), QN_PERMISSION_DENIED);
    assert_int_equal(chmod(folder.path, 0755), 0);
    assert_int_equal(qn_folder_make(&folder, NULL), QN_OK);
    /* A link could lead anywhere. */
    struct qn_folder link_folder = folder_at("link");
    assert_int_equal(symlink(folder.path, link_folder.path), 0);
    assert_int_equal(qn_folder_make(&link_folder, NULL), QN_PERMISSION_DENIED);
    struct qn_folder file = folder_at("file");
    touch(file.path);
    assert_int_equal(qn_folder_make(&file, NULL), QN_PERMISSION_DENIED);
    struct qn_folder below = folder_at("file/below");
    assert_int_equal(qn_folder_make(&below, NULL), QN_UNAVAILABLE);
}

static void test_places(void **state)
{
    (void)state;
    struct qn_folder folder = made("places");
    struct qn_folder_socket sockets[QN_FOLDER_PEERS_MAX];
    assert_int_equal(qn_folder_list(&folder, sockets), 0);
    struct qn_folder_place first = {.lock = -1};
    assert_int_equal(qn_folder_take(&folder, &first, NULL), QN_OK);
    touch(first.hidden.path);
    assert_int_equal(qn_folder_list(&folder, sockets), 0); /* not before it listens */
    assert_int_equal(qn_folder_publish(&first, NULL), QN_OK);
    char want[128];
    snprintf(want, sizeof(want), "%s/%ld.sock", folder.path, (long)getpid());
    assert_string_equal(first.socket.path, want);
    struct qn_folder_place second = take(&folder);
    snprintf(want, sizeof(want), "%s/%ld-1.sock", folder.path, (long)getpid());
    assert_string_equal(second.socket.path, want);
    assert_int_equal(qn_folder_list(&folder, sockets), 2);
    assert_string_equal(sockets[0].path, second.socket.path); /* '-' comes before '.' */
    assert_string_equal(sockets[1].path, first.socket.path);

    qn_folder_withdraw(&first);
    assert_int_equal(qn_folder_list(&folder, sockets), 1);
    struct qn_folder_place third = take(&folder); /* the first's name is still its own */
    assert_string_not_equal(third.socket.path, first.socket.path);
    qn_folder_leave(&first);
    qn_folder_leave(&first); /* twice is once */
    qn_folder_leave(&second);
    qn_folder_leave(&third);
    assert_int_equal(rmdir(folder.path), 0); /* nothing is left */
}

static void test_no_more_than_sixteen(void **state)
{
    (void)state;
    struct qn_folder folder = made("sixteen");
    struct qn_folder_place places[17];
    for (size_t i = 0; i < 16; i++)
        places[i] = take(&folder);
    places[16].lock = -1;
    assert_int_equal(qn_folder_take(&folder, &places[16], NULL), QN_ALREADY_EXISTS);
    assert_int_equal(places[16].lock, -1);
    for (size_t i = 0; i < 16; i++)
        qn_folder_leave(&places[i]);
}

/* A process that takes a place and dies by SIGKILL leaves its files, without the lock. */
static void test_stale_sockets(void **state)
{
    (void)state;
    struct qn_folder folder = made("stale");
    struct qn_folder_place alive = take(&folder);
    int ready[2];
    assert_int_equal(pipe(ready), 0);
    pid_t child = fork();
    if (child == 0) {
        struct qn_folder_place place = {.lock = -1};
        bool good = qn_folder_take(&folder, &place, NULL) == QN_OK;
        close(open(place.hidden.path, O_WRONLY | O_CREAT, 0600));
        good = good && qn_folder_publish(&place, NULL) == QN_OK;
        char byte = good ? 1 : 0;
        if (write(ready[1], &byte, 1) == 1)
            pause();
        _exit(1);
    }
    char good = 0;
    assert_int_equal(read(ready[0], &good, 1), 1);
    assert_int_equal(good, 1);
    close(ready[0]);
    close(ready[1]);
    struct qn_folder_socket sockets[QN_FOLDER_PEERS_MAX];
    assert_int_equal(qn_folder_list(&folder, sockets), 2);
    const char *its = strcmp(sockets[0].path, alive.socket.path) == 0 ? sockets[1].path : sockets[0].path;
    assert_false(qn_folder_remove_stale(its));
    assert_false(qn_folder_remove_stale(alive.socket.path));
    kill(child, SIGKILL);
    waitpid(child, NULL, 0);
    assert_true(qn_folder_remove_stale(its));
    assert_false(qn_folder_remove_stale(its)); /* gone already */
    assert_int_equal(qn_folder_list(&folder, sockets), 1);
    qn_folder_leave(&alive);
    assert_int_equal(rmdir(folder.path), 0);
}

/* The next process with that pid, as in a container where it is always 7, takes the dead one's place. */
static void test_dead_namesake(void **state)
{
    (void)state;
    struct qn_folder folder = made("namesake");
    char path[160];
    snprintf(path, sizeof(path), "%s/%ld.sock", folder.path, (long)getpid());
    touch(path);
    snprintf(path, sizeof(path), "%s/%ld.lock", folder.path, (long)getpid());
    touch(path);
    struct qn_folder_place place = take(&folder);
    snprintf(path, sizeof(path), "%s/%ld.sock", folder.path, (long)getpid());
    assert_string_equal(place.socket.path, path);
    qn_folder_leave(&place);
    assert_int_equal(rmdir(folder.path), 0);
}

static void test_what_is_none_of_ours(void **state)
{
    (void)state;
    struct qn_folder folder = made("others");
    char path[160];
    snprintf(path, sizeof(path), "%s/notes.txt", folder.path);
    touch(path);
    struct qn_folder_socket sockets[QN_FOLDER_PEERS_MAX];
    assert_int_equal(qn_folder_list(&folder, sockets), 0);
    assert_false(qn_folder_remove_stale(path));
    assert_int_equal(access(path, F_OK), 0);
    struct qn_folder nowhere = folder_at("nowhere");
    assert_int_equal(qn_folder_list(&nowhere, sockets), 0);
}

#define T(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_long_paths_become_short_ones),
        T(test_make),
        T(test_places),
        T(test_no_more_than_sixteen),
        T(test_stale_sockets),
        T(test_dead_namesake),
        T(test_what_is_none_of_ours),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
