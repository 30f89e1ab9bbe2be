#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/core/check.h"
#include "deploy/run/endpoints.h"
#include "deploy/run/folder.h"
#include "tests/harness/test.h"

static char folder[] = "/tmp/quintet-endpoints.XXXXXX";
static char path[64];

static int make_folder(void **state)
{
    (void)state;
    return mkdtemp(folder) && snprintf(path, sizeof path, "%s/endpoints", folder) > 0 ? 0 : -1;
}

static int remove_folder(void **state)
{
    (void)state;
    return run_folder_remove(folder, NULL) == QN_OK ? 0 : -1;
}

static void write_one(const char *url)
{
    struct run_endpoints endpoints;
    run_endpoints_begin(&endpoints, path);
    run_endpoints_add(&endpoints, "HTTP", url);
    run_endpoints_add(&endpoints, "NONE", NULL);
    run_endpoints_add_number(&endpoints, "PID_RUN", 4711);
    assert_int_equal(run_endpoints_end(&endpoints, NULL), QN_OK);
}

static void test_the_file_holds_lines_for_its_owner_alone(void **state)
{
    (void)state;
    write_one("http://127.0.0.1:8080");
    char text[256];
    struct stat st;
    assert_true(run_folder_read(path, text, sizeof text) > 0);
    assert_string_equal(text, "HTTP=http://127.0.0.1:8080\nPID_RUN=4711\n");
    assert_int_equal(stat(path, &st), 0);
    assert_int_equal(st.st_mode & 07777, 0600);
}

/* A reader sees the old file or the new one, and what was too readable before is not after. */
static void test_it_is_replaced_whole(void **state)
{
    (void)state;
    struct stat before, after;
    write_one("http://a.example");
    assert_int_equal(chmod(path, 0644), 0);
    assert_int_equal(stat(path, &before), 0);
    write_one("http://b.example");
    assert_int_equal(stat(path, &after), 0);
    assert_int_not_equal(before.st_ino, after.st_ino);
    assert_int_equal(after.st_mode & 07777, 0600);
}

static void test_urls_can_be_followed(void **state)
{
    (void)state;
    static const char *const cases[][2] = {
        {"127.0.0.1:8080", "http://127.0.0.1:8080"},
        {"192.0.2.7:80", "http://192.0.2.7:80"},
        {"[::1]:9", "http://[::1]:9"},
        {"0.0.0.0:8080", "http://127.0.0.1:8080"},
        {"[::]:8080", "http://[::1]:8080"},
    };
    for (size_t i = 0; i < QN_COUNT(cases); i++) {
        char url[80];
        run_endpoints_url(cases[i][0], url);
        assert_string_equal(url, cases[i][1]);
    }
}

static void test_a_folder_that_is_gone_is_told(void **state)
{
    (void)state;
    struct run_endpoints endpoints;
    struct qn_error err = {0};
    run_endpoints_begin(&endpoints, "/nowhere/at/all");
    run_endpoints_add(&endpoints, "A", "b");
    assert_int_not_equal(run_endpoints_end(&endpoints, &err), QN_OK);
    assert_non_null(strstr(err.message, "/nowhere/at/all"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_file_holds_lines_for_its_owner_alone),
        cmocka_unit_test(test_it_is_replaced_whole),
        cmocka_unit_test(test_urls_can_be_followed),
        cmocka_unit_test(test_a_folder_that_is_gone_is_told),
    };
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
