#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/core/check.h"
#include "common/rpc/discover.h"
#include "tests/harness/loop_fixture.h"
#include "tests/harness/test.h"

enum { HANG_MS = 30000 };

static struct qn_loop *loop;
static struct qn_discover *discover;
static size_t n_told;
static size_t n_urls;
static struct qn_discover_url urls[QN_DISCOVER_MAX];
static char root[32];

static void on_found(void *context, const struct qn_discover_url *found, size_t n)
{
    (void)context;
    n_told++;
    n_urls = n;
    for (size_t i = 0; i < n; i++)
        urls[i] = found[i];
}

static void open_at(const char *text)
{
    struct qn_address address;
    assert_int_equal(qn_address_parse(text, &address, NULL), QN_OK);
    assert_int_equal(qn_discover_open(loop, &address, NULL, on_found, NULL, &discover), QN_OK);
    assert_int_equal(n_told, 0); /* never from within */
}

static int set_up(void **state)
{
    (void)state;
    loop = loop_fixture_begin();
    n_told = n_urls = 0;
    discover = NULL;
    snprintf(root, sizeof(root), "/tmp/qn-discover-XXXXXX");
    return mkdtemp(root) == NULL;
}

static void set_flag(void *context)
{
    *(bool *)context = true;
}

static void close_it(void)
{
    bool closed = false;
    size_t before = n_told;
    qn_discover_close(discover, set_flag, &closed);
    assert_false(closed);
    loop_fixture_run_until(&closed, HANG_MS);
    assert_int_equal(n_told, before);
}

static int tear_down(void **state)
{
    (void)state;
    close_it();
    loop_fixture_end();
    return 0;
}

static void await_urls(size_t n)
{
    while (n_told == 0 || n_urls != n)
        qn_loop_wait(loop);
}

static const char *in_root(const char *name)
{
    static char path[128];
    snprintf(path, sizeof(path), "%s/%s", root, name);
    return path;
}

static void touch(const char *path)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    assert_true(fd >= 0);
    close(fd);
}

/* The folder does not even exist at first. */
static void test_folder(void **state)
{
    (void)state;
    char address[64];
    snprintf(address, sizeof(address), "ipc://%s/s", root);
    open_at(address);
    await_urls(0);
    assert_int_equal(mkdir(in_root("s"), 0700), 0);
    touch(in_root("s/1.sock"));
    await_urls(1);
    char want[128];
    snprintf(want, sizeof(want), "ipc://%s/s/1.sock", root);
    assert_string_equal(urls[0].text, want);
    touch(in_root("s/2.sock"));
    touch(in_root("s/.3.new"));
    touch(in_root("s/3.lock"));
    await_urls(2);
    unlink(in_root("s/1.sock"));
    await_urls(1);
    /* No lock: its process is dead. */
    snprintf(want, sizeof(want), "ipc://%s/s/2.sock", root);
    qn_discover_suspect(discover, want);
    assert_int_equal(access(in_root("s/2.sock"), F_OK), -1);
    await_urls(0);
    /* The folder itself goes, and another of that name comes. */
    unlink(in_root("s/.3.new"));
    unlink(in_root("s/3.lock"));
    assert_int_equal(rmdir(in_root("s")), 0);
    assert_int_equal(mkdir(in_root("s"), 0700), 0);
    touch(in_root("s/4.sock"));
    await_urls(1);
    unlink(in_root("s/4.sock"));
    rmdir(in_root("s"));
    rmdir(root);
}

static void test_one_socket(void **state)
{
    (void)state;
    char address[64];
    snprintf(address, sizeof(address), "ipc://%s/9.sock", root);
    open_at(address);
    await_urls(1);
    assert_string_equal(urls[0].text, address);
    qn_discover_suspect(discover, address);
    rmdir(root);
}

static void test_numbers(void **state)
{
    (void)state;
    open_at("tls+tcp://[::1]:7001");
    await_urls(1);
    assert_string_equal(urls[0].text, "tls+tcp://[::1]:7001");
    qn_discover_suspect(discover, urls[0].text);
    rmdir(root);
}

/* Looked up again after a loss. */
static void test_name(void **state)
{
    (void)state;
    open_at("tcp://localhost:7001");
    while (n_told == 0)
        qn_loop_wait(loop);
    assert_true(n_urls >= 1);
    bool found = false;
    for (size_t i = 0; i < n_urls; i++)
        found |= strcmp(urls[i].text, "tcp://127.0.0.1:7001") == 0;
    assert_true(found);
    while (n_told < 2)
        qn_loop_wait(loop);
    rmdir(root);
}

/* A name that does not resolve leaves what was known; a close in the middle waits for the look-up. */
static void test_unknown_name(void **state)
{
    (void)state;
    open_at("tcp://no-such-name.invalid:1");
    qn_loop_wait(loop);
    assert_int_equal(n_told, 0);
    rmdir(root);
}

#define T(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(test_folder), T(test_one_socket), T(test_numbers), T(test_name), T(test_unknown_name),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
