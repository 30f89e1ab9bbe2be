#include <dlfcn.h>
#include <netdb.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "common/core/check.h"
#include "common/loop/resolve.h"
#include "tests/harness/loop_fixture.h"
#include "tests/harness/test.h"

struct asked {
    struct qn_resolve resolve;
    struct qn_loop *loop;
    size_t done;
    enum qn_status status;
    const char *then; /* looked up next, in the callback */
};

static void on_done(struct qn_resolve *resolve, enum qn_status status)
{
    struct asked *asked = container_of(resolve, struct asked, resolve);
    asked->done++;
    asked->status = status;
    if (asked->then) {
        const char *host = asked->then;
        asked->then = NULL;
        qn_resolve_start(asked->loop, resolve, host, on_done);
    }
}

static void ask(struct asked *asked, const char *host)
{
    *asked = (struct asked){.loop = loop_fixture_begin()};
    qn_resolve_start(asked->loop, &asked->resolve, host, on_done);
    assert_int_equal(asked->done, 0); /* never inside start */
    loop_fixture_run_until_count(&asked->done, 1, 60000);
    loop_fixture_end();
    assert_int_equal(asked->done, 1);
}

static void test_a_numeric_host_is_its_own_answer(void **state)
{
    (void)state;
    static const char *const hosts[] = {"127.0.0.1", "255.255.255.255", "::1", "2001:db8::7",
                                        "::ffff:10.0.0.1"};
    for (size_t i = 0; i < QN_COUNT(hosts); i++) {
        struct asked asked;
        ask(&asked, hosts[i]);
        assert_int_equal(asked.status, QN_OK);
        assert_int_equal(asked.resolve.n_addresses, 1);
        assert_string_equal(asked.resolve.addresses[0], hosts[i]);
    }
}

/* The one name that every machine knows (RFC 6761 section 6.3). */
static void test_localhost_is_loopback_without_repeats(void **state)
{
    (void)state;
    struct asked asked;
    ask(&asked, "localhost");
    assert_int_equal(asked.status, QN_OK);
    assert_true(asked.resolve.n_addresses >= 1);
    for (size_t i = 0; i < asked.resolve.n_addresses; i++) {
        const char *address = asked.resolve.addresses[i];
        assert_true(strncmp(address, "127.", 4) == 0 || strcmp(address, "::1") == 0);
        for (size_t j = 0; j < i; j++)
            assert_string_not_equal(asked.resolve.addresses[j], address);
    }
}

static void test_what_is_no_name_is_not_found(void **state)
{
    (void)state;
    struct asked asked;
    ask(&asked, "");
    assert_int_equal(asked.status, QN_NOT_FOUND);
    assert_int_equal(asked.resolve.n_addresses, 0);
    char longer[2000];
    memset(longer, 'a', sizeof longer);
    longer[sizeof longer - 1] = '\0';
    ask(&asked, longer);
    assert_int_equal(asked.status, QN_NOT_FOUND);
}

/* ".invalid" has no addresses anywhere (RFC 6761 section 6.4). Whether somebody answers depends on the
 * machine; either way it is one of two typed ends. */
static void test_a_name_that_nobody_has(void **state)
{
    (void)state;
    struct asked asked;
    ask(&asked, "quintet-test.invalid");
    assert_true(asked.status == QN_NOT_FOUND || asked.status == QN_UNAVAILABLE);
    assert_int_equal(asked.resolve.n_addresses, 0);
}

static void test_cancelled_ones_are_done_once(void **state)
{
    (void)state;
    struct asked numeric = {.loop = loop_fixture_begin()}, idle = {0};
    enum { NAMES = 16 }; /* more than there are threads: some are cancelled before, some while they run */
    struct asked *names = calloc(NAMES, sizeof *names);
    qn_resolve_cancel(&idle.resolve);
    qn_resolve_start(numeric.loop, &numeric.resolve, "127.0.0.1", on_done);
    for (size_t i = 0; i < NAMES; i++)
        qn_resolve_start(numeric.loop, &names[i].resolve, "localhost", on_done);
    qn_resolve_cancel(&numeric.resolve);
    qn_resolve_cancel(&numeric.resolve);
    for (size_t i = 0; i < NAMES; i++)
        qn_resolve_cancel(&names[i].resolve);
    assert_int_equal(numeric.done, 0); /* never inside cancel */
    qn_loop_run(numeric.loop);
    assert_int_equal(numeric.done, 1);
    assert_int_equal(numeric.status, QN_CANCELLED);
    assert_int_equal(numeric.resolve.n_addresses, 0);
    for (size_t i = 0; i < NAMES; i++) {
        assert_int_equal(names[i].done, 1);
        assert_int_equal(names[i].status, QN_CANCELLED);
    }
    free(names);
    loop_fixture_end();
}

/* In front of the C library's own: for these names no name server ever answers. */
#define SILENT "silent.invalid"
static pthread_mutex_t silence = PTHREAD_MUTEX_INITIALIZER;
static atomic_size_t n_silent, n_heard;

int getaddrinfo(const char *host, const char *service, const struct addrinfo *hints, struct addrinfo **found)
{
    int (*real)(const char *, const char *, const struct addrinfo *, struct addrinfo **);
    *(void **)&real = dlsym(RTLD_NEXT, "getaddrinfo");
    if (strcmp(host, SILENT) != 0)
        return real(host, service, hints, found);
    atomic_fetch_add(&n_silent, 1);
    pthread_mutex_lock(&silence);
    pthread_mutex_unlock(&silence);
    atomic_fetch_add(&n_heard, 1);
    return EAI_AGAIN;
}

/* Nobody waits for a getaddrinfo that does not return: not who has cancelled it, not the loop's end, not
 * another look-up. (A service that was told to end waited for it until it was overdue, and exited with 1.) */
static void test_one_that_hangs_is_left_behind(void **state)
{
    (void)state;
    enum { HANG = 3 };
    struct asked hangs[HANG], other = {0};
    struct qn_loop *loop = loop_fixture_begin();
    pthread_mutex_lock(&silence);
    for (size_t i = 0; i < HANG; i++) {
        hangs[i] = (struct asked){.loop = loop};
        qn_resolve_start(loop, &hangs[i].resolve, SILENT, on_done);
    }
    while (atomic_load(&n_silent) < HANG)
        qn_loop_turn(loop);
    qn_resolve_start(loop, &other.resolve, "localhost", on_done);
    loop_fixture_run_until_count(&other.done, 1, 60000);
    assert_int_equal(other.status, QN_OK);
    for (size_t i = 0; i < HANG; i++) {
        assert_int_equal(hangs[i].done, 0);
        qn_resolve_cancel(&hangs[i].resolve);
        qn_resolve_cancel(&hangs[i].resolve);
        assert_int_equal(hangs[i].done, 0); /* never inside cancel */
    }
    qn_loop_run(loop);
    for (size_t i = 0; i < HANG; i++) {
        assert_int_equal(hangs[i].done, 1);
        assert_int_equal(hangs[i].status, QN_CANCELLED);
    }
    loop_fixture_end();
    assert_int_equal(atomic_load(&n_heard), 0);
    pthread_mutex_unlock(&silence); /* what comes of it now is heard by nobody */
    while (atomic_load(&n_heard) < HANG)
        sched_yield();
}

static void test_done_may_look_up_the_next(void **state)
{
    (void)state;
    struct asked asked = {.loop = loop_fixture_begin(), .then = "10.0.0.2"};
    qn_resolve_start(asked.loop, &asked.resolve, "10.0.0.1", on_done);
    loop_fixture_run_until_count(&asked.done, 2, 10000);
    assert_int_equal(asked.resolve.n_addresses, 1);
    assert_string_equal(asked.resolve.addresses[0], "10.0.0.2");
    loop_fixture_end();
}

int main(void)
{
    /* resolv.conf(5): a machine without a name server answers soon. */
    setenv("RES_OPTIONS", "timeout:1 attempts:1", 1);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_numeric_host_is_its_own_answer),
        cmocka_unit_test(test_localhost_is_loopback_without_repeats),
        cmocka_unit_test(test_what_is_no_name_is_not_found),
        cmocka_unit_test(test_a_name_that_nobody_has),
        cmocka_unit_test(test_cancelled_ones_are_done_once),
        cmocka_unit_test(test_one_that_hangs_is_left_behind),
        cmocka_unit_test(test_done_may_look_up_the_next),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
