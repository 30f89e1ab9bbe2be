#include <sys/socket.h>
#include <unistd.h>

#include "common/core/clock.h"
#include "common/core/listen.h"
#include "common/core/metric.h"
#include "tests/harness/loop_fixture.h"
#include "tests/harness/test.h"
#include "tests/harness/wire.h"
#include "tests/unit/common/http/site.h"

/* How connections, exchanges and servers end. */

struct world {
    struct qn_loop *loop;
    struct site site;
    struct wire wire;
    int inherited;
};

static int setup(void **state)
{
    static struct world world;
    world = (struct world){.loop = loop_fixture_begin()};
    site_open(&world.site, world.loop, (struct qn_httpd_options){0});
    wire_open(&world.wire, world.loop, qn_httpd_address(world.site.httpd));
    *state = &world;
    return 0;
}

static int teardown(void **state)
{
    struct world *world = *state;
    wire_close(&world->wire);
    if (!world->site.closed)
        site_close(&world->site);
    loop_fixture_end();
    qn_metric_reset();
    return 0;
}

/* Clients that hang up. */

static void ask_later(struct world *world, struct wire *wire, const char *path)
{
    size_t before = world->site.n_waiting;
    wire_send_c(wire, "GET ");
    wire_send_c(wire, path);
    wire_send_c(wire, " HTTP/1.1\r\nHost: h\r\n\r\n");
    loop_fixture_run_until_count(&world->site.n_waiting, before + 1, 5000);
}

static void await_no_connection(struct world *world)
{
    uint64_t until_ms = qn_clock_now_ms() + 5000;
    while (site_metric("quintet_http_connections{server=\"site\"}") > 0 && qn_clock_now_ms() < until_ms)
        qn_loop_wait(world->loop);
    assert_int_equal(site_metric("quintet_http_connections{server=\"site\"}"), 0);
}

static void test_the_owner_hears_of_a_close(void **state)
{
    struct world *world = *state;
    ask_later(world, &world->wire, "/later");
    wire_close(&world->wire);
    loop_fixture_run_until_count(&world->site.gone, 1, 5000);
    await_no_connection(world);
}

static void test_the_owner_hears_of_a_reset(void **state)
{
    struct world *world = *state;
    ask_later(world, &world->wire, "/later");
    wire_abort(&world->wire);
    loop_fixture_run_until_count(&world->site.gone, 1, 5000);
    await_no_connection(world);
}

/* The end comes with the request, before the owner has it. */
static void test_the_owner_hears_of_a_close_that_came_with_the_request(void **state)
{
    struct world *world = *state;
    wire_send_c(&world->wire, "GET /later HTTP/1.1\r\nHost: h\r\n\r\n");
    wire_close(&world->wire);
    loop_fixture_run_until_count(&world->site.gone, 1, 5000);
    assert_int_equal(world->site.handled, 1);
    await_no_connection(world);
}

static void test_who_does_not_listen_answers_into_the_void(void **state)
{
    struct world *world = *state;
    ask_later(world, &world->wire, "/deaf");
    wire_close(&world->wire);
    for (int i = 0; i < 10; i++)
        qn_loop_turn(world->loop);
    assert_int_equal(world->site.gone, 0);
    site_answer(&world->site, 0, 200, "anybody?");
    await_no_connection(world);
}

/* Asked and closed its half in one go, as "printf | nc" does: an answer that is known at once still arrives.
 */
static void test_a_half_closed_client_gets_what_is_known_at_once(void **state)
{
    struct world *world = *state;
    wire_send_c(&world->wire, "GET /x HTTP/1.1\r\nHost: h\r\n\r\n");
    wire_half_close(&world->wire);
    wire_expect_end(&world->wire);
    assert_true(wire_has(&world->wire, "GET /x?"));
    await_no_connection(world);
}

/* libmicrohttpd sees one edge for the last bytes and the end, and would wait for another. */
static void test_an_end_that_comes_with_half_a_request_is_seen(void **state)
{
    struct world *world = *state;
    for (int i = 0; i < 50; i++) {
        struct wire wire;
        wire_open(&wire, world->loop, qn_httpd_address(world->site.httpd));
        wire_send_c(&wire,
                    i % 2 ? "GET /x HTT" : "POST /x HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\n\r\nabc");
        wire_half_close(&wire);
        wire_expect_end(&wire);
        wire_close(&wire);
    }
    wire_close(&world->wire);
    await_no_connection(world);
    assert_int_equal(world->site.handled, 0);
}

static void test_a_client_may_leave_in_the_midst_of_an_answer(void **state)
{
    struct world *world = *state;
    const char *paths[] = {"GET /large HTTP/1.1\r\nHost: h\r\n\r\n", "GET /file HTTP/1.1\r\nHost: h\r\n\r\n"};
    for (int i = 0; i < 20; i++) {
        struct wire wire;
        wire_open(&wire, world->loop, qn_httpd_address(world->site.httpd));
        wire_send_c(&wire, paths[i % 2]);
        wire_expect_bytes(&wire, 100000);
        if (i % 4 < 2)
            wire_abort(&wire);
        wire_close(&wire);
    }
    wire_send_c(&world->wire, "GET /alive HTTP/1.1\r\nHost: h\r\n\r\n");
    wire_expect(&world->wire, "GET /alive?");
    wire_close(&world->wire);
    await_no_connection(world);
}

/* Draining. */

static void test_draining_with_nothing_in_hand(void **state)
{
    struct world *world = *state;
    wire_close(&world->wire);
    await_no_connection(world);
    site_drain(&world->site, 10000);
    assert_false(world->site.drained);
    loop_fixture_run_until(&world->site.drained, 5000);
}

static void test_draining_closes_idle_connections(void **state)
{
    struct world *world = *state;
    wire_send_c(&world->wire, "GET /x HTTP/1.1\r\nHost: h\r\n\r\n");
    wire_expect(&world->wire, "GET /x?");
    site_drain(&world->site, 10000);
    wire_expect_end(&world->wire);
    loop_fixture_run_until(&world->site.drained, 5000);
}

static void test_draining_answers_what_is_in_hand(void **state)
{
    struct world *world = *state;
    ask_later(world, &world->wire, "/later");
    site_drain(&world->site, 10000);
    for (int i = 0; i < 10; i++)
        qn_loop_turn(world->loop);
    assert_false(world->site.drained);
    site_answer(&world->site, 0, 200, "after all");
    wire_expect_end(&world->wire);
    assert_true(wire_has(&world->wire, "Connection: close"));
    assert_true(wire_has(&world->wire, "after all"));
    loop_fixture_run_until(&world->site.drained, 5000);
}

/* A client that has just connected could not know, and is served. */
static void test_draining_serves_those_who_have_just_come(void **state)
{
    struct world *world = *state;
    for (int i = 0; i < 5; i++)
        qn_loop_turn(world->loop); /* accepts */
    site_drain(&world->site, 10000);
    wire_send_c(&world->wire, "GET /just HTTP/1.1\r\nHost: h\r\n\r\n");
    wire_expect_end(&world->wire);
    assert_true(wire_has(&world->wire, "GET /just?"));
    assert_true(wire_has(&world->wire, "Connection: close"));
    loop_fixture_run_until(&world->site.drained, 5000);
}

/* Whoever asks again in the moment of the drain must not lose it. */
static void test_draining_answers_what_comes_on_a_kept_connection(void **state)
{
    struct world *world = *state;
    struct site site;
    struct wire wire;
    site_open(&site, world->loop, (struct qn_httpd_options){.drain_idle_ms = 60000});
    wire_open(&wire, world->loop, qn_httpd_address(site.httpd));
    wire_send_c(&wire, "GET /one HTTP/1.1\r\nHost: h\r\n\r\n");
    wire_expect(&wire, "GET /one?");
    site_drain(&site, 120000);
    for (int i = 0; i < 10; i++)
        qn_loop_turn(world->loop);
    assert_false(wire.ended);
    assert_false(wire_has(&wire, "Connection: close"));
    wire_send_c(&wire, "GET /two HTTP/1.1\r\nHost: h\r\n\r\n");
    wire_expect_end(&wire);
    assert_true(wire_has(&wire, "GET /two?"));
    assert_true(wire_has(&wire, "Connection: close"));
    loop_fixture_run_until(&site.drained, 5000);
    site_close(&site);
    wire_close(&wire);
}

/* An answer that was under way before the drain did not say that it is the last. Its connection would have
 * stayed for all of the idle timeout, and held up the end. */
static void test_draining_closes_what_falls_idle_meanwhile(void **state)
{
    struct world *world = *state;
    wire_pause(&world->wire);
    wire_send_c(&world->wire, "GET /large HTTP/1.1\r\nHost: h\r\n\r\n");
    while (world->site.handled == 0)
        qn_loop_wait(world->loop);
    site_drain(&world->site, 60000);
    wire_go_on(&world->wire);
    wire_expect_end(&world->wire);
    assert_false(wire_has(&world->wire, "Connection: close"));
    assert_true(wire_seen(&world->wire).len > SITE_LARGE_BYTES);
    loop_fixture_run_until(&world->site.drained, 5000);
}

/* The wait for idle connections is no more than half of the limit, so that who comes at its end is answered.
 */
static void test_draining_does_not_wait_for_ever(void **state)
{
    struct world *world = *state;
    struct site site;
    struct wire wire;
    site_open(&site, world->loop, (struct qn_httpd_options){.drain_idle_ms = 60000});
    wire_open(&wire, world->loop, qn_httpd_address(site.httpd));
    wire_send_c(&wire, "GET /x HTTP/1.1\r\nHost: h\r\n\r\n");
    wire_expect(&wire, "GET /x?");
    site_drain(&site, 1000);
    wire_expect_end(&wire); /* by the drain: the server is not closed yet */
    loop_fixture_run_until(&site.drained, 5000);
    site_close(&site);
    wire_close(&wire);
}

static void test_draining_ends_with_its_limit(void **state)
{
    struct world *world = *state;
    ask_later(world, &world->wire, "/later");
    site_drain(&world->site, 20);
    loop_fixture_run_until(&world->site.drained, 5000);
    assert_int_equal(world->site.gone, 0);
    site_close(&world->site);
    assert_int_equal(world->site.gone, 1);
    wire_expect_end(&world->wire);
}

/* Closing. */

static void test_closing_ends_what_was_not_answered(void **state)
{
    struct world *world = *state;
    struct wire other;
    wire_open(&other, world->loop, qn_httpd_address(world->site.httpd));
    ask_later(world, &world->wire, "/later");
    ask_later(world, &other, "/later");
    site_close(&world->site);
    assert_int_equal(world->site.gone, 2);
    wire_expect_end(&world->wire);
    wire_expect_end(&other);
    wire_close(&other);
}

/* The owner did not ask to be told: what it holds stays in memory until it answers. */
static void test_an_exchange_may_outlive_its_server(void **state)
{
    struct world *world = *state;
    ask_later(world, &world->wire, "/deaf");
    struct qn_exchange *exchange = world->site.waiting[0];
    site_close(&world->site);
    assert_str(exchange->path, "/deaf");
    assert_str(exchange->method, "GET");
    assert_null(qn_exchange_header(exchange, "Host").ptr);
    qn_exchange_reply(exchange, 200, NULL, 0, QN_STR("too late"));
}

static void test_closing_in_the_midst_of_everything(void **state)
{
    struct world *world = *state;
    struct wire wires[4];
    const char *const sent[4] = {"GET /lar", "POST /x HTTP/1.1\r\nHost: h\r\nContent-Length: 9\r\n\r\nabc",
                                 "GET /large HTTP/1.1\r\nHost: h\r\n\r\n",
                                 "GET /file HTTP/1.1\r\nHost: h\r\n\r\n"};
    for (int i = 0; i < 4; i++) {
        wire_open(&wires[i], world->loop, qn_httpd_address(world->site.httpd));
        wire_send_c(&wires[i], sent[i]);
    }
    wire_expect_bytes(&wires[2], 1000);
    wire_expect_bytes(&wires[3], 1000);
    site_close(&world->site);
    for (int i = 0; i < 4; i++) {
        wire_expect_end(&wires[i]);
        wire_close(&wires[i]);
    }
}

/* Sockets handed over. */

/* The one who handed it over goes on listening: a client that connects between two servers is served by the
 * second, and none is refused. */
static void test_a_socket_handed_over_outlives_the_server(void **state)
{
    struct world *world = *state;
    int fd;
    assert_int_equal(qn_listen_open("127.0.0.1:0", &fd, NULL), QN_OK);
    struct site first, second;
    site_open(&first, world->loop, (struct qn_httpd_options){.listen_fd = fd});
    char address[QN_LISTEN_TEXT_MAX];
    assert_true(qn_listen_text(fd, address));
    assert_string_equal(qn_httpd_address(first.httpd), address);

    site_drain(&first, 1000);
    loop_fixture_run_until(&first.drained, 5000);
    struct wire between;
    wire_open(&between, world->loop, address);
    wire_send_c(&between, "GET /between HTTP/1.1\r\nHost: h\r\n\r\n");
    for (int i = 0; i < 10; i++)
        qn_loop_turn(world->loop);
    assert_int_equal(first.handled, 0);
    site_close(&first);

    site_open(&second, world->loop, (struct qn_httpd_options){.listen_fd = fd});
    wire_expect(&between, "GET /between?");
    site_close(&second);
    struct wire after; /* still open: a connection is taken into the queue */
    wire_open(&after, world->loop, address);
    wire_close(&after);
    wire_close(&between);
    close(fd);
}

static void test_a_descriptor_that_is_no_socket_is_refused(void **state)
{
    struct world *world = *state;
    int ends[2];
    assert_int_equal(pipe(ends), 0);
    const struct qn_httpd_options options = {
        .name = "pipe", .listen_fd = ends[0], .handle = world->site.options.handle};
    struct qn_httpd *httpd = NULL;
    struct qn_error err = {0};
    assert_int_equal(qn_httpd_open(world->loop, &options, &httpd, &err), QN_INVALID_ARGUMENT);
    assert_true(err.message[0] != '\0');
    close(ends[0]);
    close(ends[1]);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_the_owner_hears_of_a_close),
        TEST(test_the_owner_hears_of_a_reset),
        TEST(test_the_owner_hears_of_a_close_that_came_with_the_request),
        TEST(test_who_does_not_listen_answers_into_the_void),
        TEST(test_a_half_closed_client_gets_what_is_known_at_once),
        TEST(test_an_end_that_comes_with_half_a_request_is_seen),
        TEST(test_a_client_may_leave_in_the_midst_of_an_answer),
        TEST(test_draining_with_nothing_in_hand),
        TEST(test_draining_closes_idle_connections),
        TEST(test_draining_answers_what_is_in_hand),
        TEST(test_draining_serves_those_who_have_just_come),
        TEST(test_draining_answers_what_comes_on_a_kept_connection),
        TEST(test_draining_closes_what_falls_idle_meanwhile),
        TEST(test_draining_does_not_wait_for_ever),
        TEST(test_draining_ends_with_its_limit),
        TEST(test_closing_ends_what_was_not_answered),
        TEST(test_an_exchange_may_outlive_its_server),
        TEST(test_closing_in_the_midst_of_everything),
        TEST(test_a_socket_handed_over_outlives_the_server),
        TEST(test_a_descriptor_that_is_no_socket_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
