#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "tests/harness/service.h"
#include "tests/harness/test.h"

/* What systemd hears of a service's life: app-subject (subject.c) with a socket of the test's in systemd's
 * place. */

enum { LIMIT_MS = 30000 }; /* for a message that never comes; never a measure */

static struct {
    int fd;
    char said[1024];
} manager;

static void listen_at(const char *path, size_t len)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    memcpy(address.sun_path, path, len);
    manager.fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    assert_true(manager.fd >= 0);
    assert_int_equal(bind(manager.fd, (struct sockaddr *)&address,
                          (socklen_t)(offsetof(struct sockaddr_un, sun_path) + len)),
                     0);
}

/* The next message, in manager.said. */
static const char *hear(void)
{
    struct pollfd ring = {.fd = manager.fd, .events = POLLIN};
    if (poll(&ring, 1, LIMIT_MS) != 1)
        fail_msg("nothing was said after \"%s\"", manager.said);
    ssize_t n = recv(manager.fd, manager.said, sizeof manager.said - 1, 0);
    assert_true(n > 0);
    manager.said[n] = '\0';
    return manager.said;
}

static void assert_quiet(void)
{
    struct pollfd ring = {.fd = manager.fd, .events = POLLIN};
    assert_int_equal(poll(&ring, 1, 0), 0);
}

static struct harness_service *run(const char *socket_name, const char *setting)
{
    const char *const environment[] = {harness_text("NOTIFY_SOCKET=%s", socket_name), setting, NULL};
    const struct harness_service_options options = {.program = "app-subject", .environment = environment};
    return harness_service_start(&options);
}

static void test_ready_and_stopping_are_told(void **state)
{
    (void)state;
    const char *path = harness_text("%s/notify", harness_folder());
    listen_at(path, strlen(path) + 1);
    struct harness_service *service = run(path, NULL);
    assert_string_equal(hear(), "READY=1\nSTATUS=serving");
    assert_true(harness_service_ready(service));
    harness_service_signal(service, SIGTERM);
    assert_string_equal(hear(), "STOPPING=1\nSTATUS=finishing what is in hand");
    assert_int_equal(harness_service_wait(service), 0);
    assert_quiet();
    close(manager.fd);
}

/* Open is not ready: until every part is, systemd is told which one is waited for, once. */
static void test_what_is_waited_for_is_told(void **state)
{
    (void)state;
    const char *path = harness_text("%s/waiting", harness_folder());
    listen_at(path, strlen(path) + 1);
    struct harness_service *service = run(path, "SUBJECT_ASLEEP=true");
    assert_string_equal(hear(), "STATUS=second: not ready, switched off");
    harness_service_await(service, false);
    assert_int_equal(harness_service_get(service, "/switch", NULL), 200);
    assert_string_equal(hear(), "READY=1\nSTATUS=serving");
    assert_int_equal(harness_service_get(service, "/switch", NULL), 200); /* started is started */
    harness_service_signal(service, SIGTERM);
    assert_string_equal(hear(), "STOPPING=1\nSTATUS=finishing what is in hand");
    assert_int_equal(harness_service_wait(service), 0);
    close(manager.fd);
}

static void test_an_abstract_socket(void **state)
{
    (void)state;
    char name[64];
    int len = snprintf(name, sizeof name, "@quintet-notify-%d", getpid());
    name[0] = '\0';
    listen_at(name, (size_t)len);
    name[0] = '@';
    struct harness_service *service = run(name, NULL);
    assert_string_equal(hear(), "READY=1\nSTATUS=serving");
    assert_int_equal(harness_service_stop(service), 0);
    close(manager.fd);
}

/* systemd going away, or a name that is none, is no reason not to serve. */
static void test_nobody_there(void **state)
{
    (void)state;
    char long_name[200];
    memset(long_name, 'a', sizeof long_name - 1);
    long_name[0] = '/';
    long_name[sizeof long_name - 1] = '\0';
    const char *const names[] = {"/nowhere/at/all", "relative", "/", long_name};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        struct harness_service *service = run(names[i], NULL);
        harness_service_await(service, true);
        assert_true(harness_service_logged(service, "NOTIFY_SOCKET"));
        assert_int_equal(harness_service_stop(service), 0);
    }

    const char *path = harness_text("%s/gone", harness_folder());
    listen_at(path, strlen(path) + 1);
    struct harness_service *service = run(path, NULL);
    hear();
    close(manager.fd);
    assert_int_equal(harness_service_stop(service), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_ready_and_stopping_are_told),
        cmocka_unit_test(test_what_is_waited_for_is_told),
        cmocka_unit_test(test_an_abstract_socket),
        cmocka_unit_test(test_nobody_there),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
