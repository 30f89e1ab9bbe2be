#include <unistd.h>

#include "common/core/clock.h"
#include "common/core/metric.h"
#include "tests/harness/loop_fixture.h"
#include "tests/harness/test.h"
#include "tests/harness/wire.h"
#include "tests/unit/common/http/site.h"

/* Connections that are idle for a while are parked, and nobody can tell. */

#define PARKED      "quintet_http_parked_connections{server=\"site\"}"
#define CONNECTIONS "quintet_http_connections{server=\"site\"}"
#define GET(path)   "GET " path " HTTP/1.1\r\nHost: h\r\n\r\n"

enum { MANY = 200, WAIT_MS = 20000 };

struct world {
    struct qn_loop *loop;
    struct site site;
    struct wire wire;
};

static struct world world;

static void open_site(struct qn_httpd_options options)
{
    options.park_after_ms = 1; /* in the next sweep, which comes every second */
    if (options.connections_max ==
        0) /* of a shell's usual 1,024 descriptors the default would leave none to park */
        options.connections_max = MANY + 1;
    site_open(&world.site, world.loop, options);
    wire_open(&world.wire, world.loop, qn_httpd_address(world.site.httpd));
}

static int setup(void **state)
{
    (void)state;
    world = (struct world){.loop = loop_fixture_begin()};
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    wire_close(&world.wire);
    if (!world.site.closed)
        site_close(&world.site);
    loop_fixture_end();
    qn_metric_reset();
    return 0;
}

static void await(const char *series, double value)
{
    uint64_t until_ms = qn_clock_now_ms() + WAIT_MS;
    while (site_metric(series) != value && qn_clock_now_ms() < until_ms)
        qn_loop_wait(world.loop);
    assert_int_equal(site_metric(series), value);
}

static void ask(struct wire *wire)
{
    wire_forget(wire);
    wire_send_c(wire, GET("/x"));
    wire_expect(wire, "GET /x? 0: from 127.0.0.1");
    assert_false(wire->ended);
}

static void test_it_is_parked_and_answers_again(void **state)
{
    (void)state;
    open_site((struct qn_httpd_options){0});
    for (int i = 0; i < 3; i++) {
        ask(&world.wire);
        ask(&world.wire);
        await(PARKED, 1);
        assert_int_equal(site_metric(CONNECTIONS), 1);
    }
    wire_forget(&world.wire);
    wire_send_c(&world.wire, "POST /y HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\n\r\nhel");
    await(PARKED, 0);
    wire_send_c(&world.wire, "lo");
    wire_expect(&world.wire, "POST /y? 5:hello");
    await(PARKED, 1); /* a body is counted */
    assert_int_equal(world.site.handled, 7);
}

/* What libmicrohttpd has read of a request would be lost with its buffer. */
static void test_one_that_has_begun_to_ask_is_not_parked(void **state)
{
    (void)state;
    struct wire begun;
    open_site((struct qn_httpd_options){0});
    wire_open(&begun, world.loop, qn_httpd_address(world.site.httpd));
    ask(&begun);
    ask(&world.wire);
    wire_forget(&begun);
    wire_send_c(&begun, "GET /beg");
    for (int round = 0; round < 3; round++) { /* each sweep looks at both */
        await(PARKED, 1);
        ask(&world.wire);
    }
    wire_send_c(&begun, "un HTTP/1.1\r\nHost: h\r\n\r\n");
    wire_expect(&begun, "GET /begun?");
    await(PARKED, 2);
    wire_close(&begun);
}

/* Bytes that are none of a request's that we count: then we cannot tell, and it stays where it is. */
static void test_one_whose_bytes_are_not_all_known_is_not_parked(void **state)
{
    (void)state;
    static const char *const ODD[] = {
        "POST /odd HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n",
        "\r\n\r\nGET /odd HTTP/1.1\r\nHost: h\r\n\r\n"};
    struct wire odd[2];
    open_site((struct qn_httpd_options){0});
    for (size_t i = 0; i < 2; i++) {
        wire_open(&odd[i], world.loop, qn_httpd_address(world.site.httpd));
        wire_send_c(&odd[i], ODD[i]);
        wire_expect(&odd[i], "/odd?");
    }
    ask(&world.wire);
    await(PARKED, 1); /* the sweep has looked at all three */
    assert_int_equal(site_metric(CONNECTIONS), 3);
    for (size_t i = 0; i < 2; i++) {
        ask(&odd[i]);
        wire_close(&odd[i]);
    }
}

/* One request after the other goes out while the sweep parks them. */
static void test_none_of_many_is_lost_while_they_are_parked(void **state)
{
    (void)state;
    static struct wire many[MANY];
    open_site((struct qn_httpd_options){0});
    for (size_t i = 0; i < MANY; i++) {
        wire_open(&many[i], world.loop, qn_httpd_address(world.site.httpd));
        ask(&many[i]);
    }
    uint64_t until_ms = qn_clock_now_ms() + WAIT_MS;
    size_t seen = 0;
    for (size_t i = 0; seen < 500 && qn_clock_now_ms() < until_ms; i = (i + 1) % MANY) {
        seen += site_metric(PARKED) > 0;
        ask(&many[i]);
    }
    assert_true(seen > 0);
    await(PARKED, MANY);
    for (size_t i = 0; i < MANY; i++)
        wire_forget(&many[i]);
    for (size_t i = 0; i < MANY; i++)
        wire_send_c(&many[i], GET("/all"));
    for (size_t i = 0; i < MANY; i++) {
        wire_expect(&many[i], "GET /all?");
        wire_close(&many[i]);
    }
    wire_close(&world.wire);
    await(CONNECTIONS, 0);
}

static void test_clients_of_parked_connections_may_leave(void **state)
{
    (void)state;
    struct wire abort, half;
    open_site((struct qn_httpd_options){0});
    wire_open(&abort, world.loop, qn_httpd_address(world.site.httpd));
    wire_open(&half, world.loop, qn_httpd_address(world.site.httpd));
    ask(&world.wire);
    ask(&abort);
    ask(&half);
    await(PARKED, 3);
    wire_close(&world.wire);
    wire_abort(&abort);
    await(CONNECTIONS, 1);
    assert_int_equal(site_metric(PARKED), 1);
    wire_forget(&half);
    wire_send_c(&half, GET("/last"));
    wire_half_close(&half);
    wire_expect_end(&half);
    assert_true(wire_has(&half, "GET /last?"));
    await(CONNECTIONS, 0);
    assert_int_equal(site_metric(PARKED), 0);
    wire_close(&half);
    wire_close(&abort);
}

static void test_a_parked_connection_has_the_same_idle_timeout(void **state)
{
    (void)state;
    open_site((struct qn_httpd_options){.idle_timeout_s = 3});
    ask(&world.wire);
    await(PARKED, 1);
    wire_expect_end(&world.wire);
    await(CONNECTIONS, 0);
    assert_int_equal(site_metric(PARKED), 0);
}

/* Parked ones are beside those that are served; one that wakes must not be refused, nor be one too many. */
static void test_one_that_wakes_waits_for_a_place(void **state)
{
    (void)state;
    struct wire busy[2];
    open_site((struct qn_httpd_options){.connections_max = 2});
    ask(&world.wire);
    await(PARKED, 1);
    for (size_t i = 0; i < 2; i++) {
        wire_open(&busy[i], world.loop, qn_httpd_address(world.site.httpd));
        wire_send_c(&busy[i], GET("/later"));
        loop_fixture_run_until_count(&world.site.n_waiting, i + 1, WAIT_MS);
    }
    wire_forget(&world.wire);
    wire_send_c(&world.wire, GET("/later"));
    for (int i = 0; i < 20; i++)
        qn_loop_turn(world.loop);
    assert_int_equal(world.site.n_waiting, 2);
    assert_int_equal(site_metric(PARKED), 1);
    site_answer(&world.site, 0, 200, "first");
    wire_expect(&busy[0], "first");
    wire_close(&busy[0]);
    loop_fixture_run_until_count(&world.site.n_waiting, 3, WAIT_MS);
    site_answer(&world.site, 2, 200, "at last");
    wire_expect(&world.wire, "at last");
    site_answer(&world.site, 1, 200, "second");
    wire_expect(&busy[1], "second");
    wire_close(&busy[1]);
}

static void test_draining_waits_for_parked_ones(void **state)
{
    (void)state;
    open_site((struct qn_httpd_options){.drain_idle_ms = 60000});
    ask(&world.wire);
    await(PARKED, 1);
    site_drain(&world.site, 120000);
    for (int i = 0; i < 10; i++)
        qn_loop_turn(world.loop);
    assert_false(world.site.drained || world.wire.ended);
    wire_send_c(&world.wire, GET("/after"));
    wire_expect_end(&world.wire);
    assert_true(wire_has(&world.wire, "GET /after?"));
    assert_true(wire_has(&world.wire, "Connection: close"));
    loop_fixture_run_until(&world.site.drained, WAIT_MS);
}

static void test_draining_closes_parked_ones(void **state)
{
    (void)state;
    open_site((struct qn_httpd_options){0});
    ask(&world.wire);
    await(PARKED, 1);
    site_drain(&world.site, 10000);
    wire_expect_end(&world.wire);
    loop_fixture_run_until(&world.site.drained, WAIT_MS);
}

static void test_closing_closes_parked_ones(void **state)
{
    (void)state;
    open_site((struct qn_httpd_options){0});
    ask(&world.wire);
    await(PARKED, 1);
    site_close(&world.site);
    wire_expect_end(&world.wire);
    assert_int_equal(site_metric(PARKED), 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_it_is_parked_and_answers_again),
        TEST(test_one_that_has_begun_to_ask_is_not_parked),
        TEST(test_one_whose_bytes_are_not_all_known_is_not_parked),
        TEST(test_none_of_many_is_lost_while_they_are_parked),
        TEST(test_clients_of_parked_connections_may_leave),
        TEST(test_a_parked_connection_has_the_same_idle_timeout),
        TEST(test_one_that_wakes_waits_for_a_place),
        TEST(test_draining_waits_for_parked_ones),
        TEST(test_draining_closes_parked_ones),
        TEST(test_closing_closes_parked_ones),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
