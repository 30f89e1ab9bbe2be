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
    enum { NAMES = 16 }; /* more than libuv has threads: some are cancelled before, some while they run */
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
        cmocka_unit_test(test_done_may_look_up_the_next),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
