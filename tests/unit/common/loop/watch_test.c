#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/core/check.h"
#include "common/loop/watch.h"
#include "tests/harness/loop_fixture.h"
#include "tests/harness/test.h"

struct seen {
    size_t times;
    struct qn_watch *close; /* in the callback */
};

static char folder[64];

static void on_changed(void *context)
{
    struct seen *seen = context;
    seen->times++;
    if (seen->close) {
        qn_watch_close(seen->close);
        seen->close = NULL;
    }
}

static int set_up(void **state)
{
    (void)state;
    snprintf(folder, sizeof folder, "/tmp/quintet-watch-XXXXXX");
    return mkdtemp(folder) ? 0 : -1;
}

static int tear_down(void **state)
{
    (void)state;
    return rmdir(folder);
}

static const char *path_of(const char *name)
{
    static char path[128];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    return path;
}

static void make_file(const char *name)
{
    int fd = open(path_of(name), O_CREAT | O_WRONLY | O_CLOEXEC, 0600);
    assert_true(fd >= 0);
    close(fd);
}

static void test_entries_that_come_and_go_are_told(void **state)
{
    (void)state;
    struct qn_loop *loop = loop_fixture_begin();
    struct seen seen = {0};
    struct qn_watch *watch;
    assert_int_equal(qn_watch_open(loop, folder, on_changed, &seen, &watch), QN_OK);
    qn_loop_turn(loop);
    assert_int_equal(seen.times, 0);

    make_file("1.sock");
    loop_fixture_run_until_count(&seen.times, 1, 10000);
    size_t before = seen.times;
    unlink(path_of("1.sock"));
    loop_fixture_run_until_count(&seen.times, before + 1, 10000);

    qn_watch_close(watch);
    size_t at_close = seen.times;
    make_file("2.sock");
    loop_fixture_end();
    assert_int_equal(seen.times, at_close);
    unlink(path_of("2.sock"));
}

static void test_it_may_be_closed_in_its_callback(void **state)
{
    (void)state;
    struct qn_loop *loop = loop_fixture_begin();
    struct seen seen = {0};
    assert_int_equal(qn_watch_open(loop, folder, on_changed, &seen, &seen.close), QN_OK);
    make_file("a");
    unlink(path_of("a"));
    qn_loop_run(loop); /* ends: nothing else is open; what was still to be told is not */
    assert_int_equal(seen.times, 1);
    loop_fixture_end();
}

/* Two rooms may watch one folder; libuv shares the inotify watch between them. */
static void test_two_watch_the_same_folder(void **state)
{
    (void)state;
    struct qn_loop *loop = loop_fixture_begin();
    struct seen closes = {0}, stays = {0};
    struct qn_watch *second;
    assert_int_equal(qn_watch_open(loop, folder, on_changed, &closes, &closes.close), QN_OK);
    assert_int_equal(qn_watch_open(loop, folder, on_changed, &stays, &second), QN_OK);
    make_file("a");
    loop_fixture_run_until_count(&stays.times, 1, 10000);
    loop_fixture_run_until_count(&closes.times, 1, 10000);
    size_t before = stays.times;
    unlink(path_of("a"));
    loop_fixture_run_until_count(&stays.times, before + 1, 10000);
    assert_int_equal(closes.times, 1);
    qn_watch_close(second);
    loop_fixture_end();
}

static void test_what_is_no_folder_is_not_found(void **state)
{
    (void)state;
    struct qn_loop *loop = loop_fixture_begin();
    struct qn_watch *watch = NULL;
    make_file("file");
    assert_int_equal(qn_watch_open(loop, path_of("file"), on_changed, NULL, &watch), QN_NOT_FOUND);
    assert_int_equal(qn_watch_open(loop, path_of("nothing"), on_changed, NULL, &watch), QN_NOT_FOUND);
    assert_int_equal(qn_watch_open(loop, path_of("file/below"), on_changed, NULL, &watch), QN_NOT_FOUND);
    assert_null(watch);
    unlink(path_of("file"));
    loop_fixture_end();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_entries_that_come_and_go_are_told, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_it_may_be_closed_in_its_callback, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_two_watch_the_same_folder, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_what_is_no_folder_is_not_found, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
