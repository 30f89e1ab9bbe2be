#include <stdio.h>
#include <sys/resource.h>

#include "common/core/check.h"
#include "common/core/clock.h"
#include "common/core/metric.h"
#include "common/loop/timer.h"
#include "tests/harness/loop_fixture.h"
#include "tests/harness/test.h"
#include "tests/harness/wire.h"
#include "tests/unit/common/http/site.h"

/* Bodies, connections and time: what is too much of each. */

struct world {
    struct qn_loop *loop;
    struct site site;
    struct wire wire;
};

static struct world world;

static void begin(struct qn_httpd_options options)
{
    world = (struct world){.loop = loop_fixture_begin()};
    site_open(&world.site, world.loop, options);
    wire_open(&world.wire, world.loop, qn_httpd_address(world.site.httpd));
}

static void end(void)
{
    wire_close(&world.wire);
    site_close(&world.site);
    loop_fixture_end();
    qn_metric_reset();
}

static double refused(const char *reason)
{
    char name[128];
    snprintf(name, sizeof name, "quintet_http_refused_total{server=\"site\",reason=\"%s\"}", reason);
    return site_metric(name);
}

/* Bodies. */

/* A client that writes all before it reads must get to read its 413. */
static void test_a_body_over_the_limit_is_read_and_forgotten(void **state)
{
    (void)state;
    begin((struct qn_httpd_options){.body_max_bytes = 100000});
    wire_send_c(&world.wire, "POST /p HTTP/1.1\r\nHost: h\r\nContent-Length: 1500000\r\n\r\n");
    wire_send(&world.wire, qn_str_n(world.site.large, 1500000));
    wire_expect(&world.wire, "POST /p? 0: too large");
    assert_true(qn_str_starts(wire_seen(&world.wire), QN_STR("HTTP/1.1 413 ")));
    /* and the connection goes on */
    wire_send_c(&world.wire, "GET /next HTTP/1.1\r\nHost: h\r\n\r\n");
    wire_expect(&world.wire, "GET /next?");
    assert_int_equal(world.site.handled, 2);
    assert_int_equal(refused("body_too_large"), 1);
    end();
}

static void test_a_chunked_body_over_the_limit(void **state)
{
    (void)state;
    begin((struct qn_httpd_options){.body_max_bytes = 1000});
    wire_send_c(&world.wire, "POST /p HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n");
    for (int i = 0; i < 3; i++) {
        wire_send_c(&world.wire, "190\r\n"); /* 400 */
        wire_send(&world.wire, qn_str_n(world.site.large, 400));
        wire_send_c(&world.wire, "\r\n");
    }
    wire_send_c(&world.wire, "0\r\n\r\n");
    wire_expect(&world.wire, "POST /p? 0: too large");
    end();
}

/* The limit itself is allowed, a byte more is not. */
static void test_the_limit_holds_to_the_byte(void **state)
{
    (void)state;
    begin((struct qn_httpd_options){.body_max_bytes = 100});
    wire_send_c(&world.wire, "POST /p HTTP/1.1\r\nHost: h\r\nContent-Length: 100\r\n\r\n");
    wire_send(&world.wire, qn_str_n(world.site.large, 100));
    wire_expect(&world.wire, "POST /p? 100:abc");
    wire_send_c(&world.wire, "POST /p HTTP/1.1\r\nHost: h\r\nContent-Length: 101\r\n\r\n");
    wire_send(&world.wire, qn_str_n(world.site.large, 101));
    wire_expect(&world.wire, "POST /p? 0: too large");
    end();
}

static void test_who_asks_first_is_told_before_it_sends(void **state)
{
    (void)state;
    begin((struct qn_httpd_options){.body_max_bytes = 100});
    wire_send_c(&world.wire,
                "POST /p HTTP/1.1\r\nHost: h\r\nContent-Length: 101\r\nExpect: 100-continue\r\n\r\n");
    wire_expect_end(&world.wire);
    assert_true(qn_str_starts(wire_seen(&world.wire), QN_STR("HTTP/1.1 413 ")));
    assert_true(wire_has(&world.wire, "Connection: close"));
    end();
}

/* An announcement of more than anybody would read to the end is answered at once. */
static void test_an_absurd_length_is_answered_at_once(void **state)
{
    (void)state;
    begin((struct qn_httpd_options){.body_max_bytes = 100});
    wire_send_c(&world.wire,
                "POST /later HTTP/1.1\r\nHost: h\r\nContent-Length: 9000000000000000000\r\n\r\n");
    loop_fixture_run_until_count(&world.site.n_waiting, 1, 5000);
    assert_true(world.site.waiting[0]->body_too_large);
    site_answer(&world.site, 0, 413, "no");
    wire_expect_end(&world.wire);
    assert_true(qn_str_starts(wire_seen(&world.wire), QN_STR("HTTP/1.1 413 ")));
    end();
}

static void test_chunks_without_end_are_cut_off(void **state)
{
    (void)state;
    begin((struct qn_httpd_options){.body_max_bytes = 1000});
    wire_send_c(&world.wire, "POST /p HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n");
    for (int i = 0; i < 100000 && !world.wire.ended; i++)
        wire_send_c(&world.wire, "10\r\n0123456789abcdef\r\n");
    wire_expect_end(&world.wire);
    assert_int_equal(world.site.handled, 0);
    assert_int_equal(refused("body_without_end"), 1);
    end();
}

/* Clients that send slowly would fill the memory with bodies that are each below the limit. Small ones go on.
 */
static void test_all_bodies_together_have_a_limit(void **state)
{
    (void)state;
    begin((struct qn_httpd_options){.body_max_bytes = 100000, .bodies_max_bytes = 150000});
    for (int i = 0; i < 3; i++) { /* the room is given back each time */
        struct wire second, small;
        wire_open(&second, world.loop, qn_httpd_address(world.site.httpd));
        wire_open(&small, world.loop, qn_httpd_address(world.site.httpd));
        wire_send_c(&world.wire, "POST /p HTTP/1.1\r\nHost: h\r\nContent-Length: 100000\r\n\r\n");
        wire_send(&world.wire, qn_str_n(world.site.large, 99999));
        wire_send_c(&second, "POST /q HTTP/1.1\r\nHost: h\r\nContent-Length: 100000\r\n\r\n");
        wire_send(&second, qn_str_n(world.site.large, 100000));
        wire_expect(&second, "too many large requests");
        assert_true(qn_str_starts(wire_seen(&second), QN_STR("HTTP/1.1 503 ")));
        wire_expect_end(&second);
        wire_send_c(&small,
                    "POST /s HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nab\r\n0\r\n\r\n");
        wire_expect(&small, "POST /s? 2:ab");
        wire_send_c(&world.wire, "x");
        wire_expect_times(&world.wire, "POST /p? 100000:", (size_t)i + 1);
        wire_close(&second);
        wire_close(&small);
    }
    assert_int_equal(refused("bodies_full"), 3);
    end();
}

/* libmicrohttpd 0.9.75 never gives up on a line before a chunk that is longer than its buffer: it would have
 * kept a core busy until the client had enough. */

static void send_endless_chunk_line(void)
{
    wire_send_c(&world.wire, "POST /p HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n2;");
    wire_send(&world.wire, qn_str_n(world.site.large, 100000));
}

static void wait_for_suspects(double n)
{
    for (uint64_t end_ms = qn_clock_now_ms() + 20000; refused("stuck") < n; qn_loop_turn(world.loop))
        assert_true(qn_clock_now_ms() < end_ms);
}

static void wait_for_connections(double n)
{
    uint64_t end_ms = qn_clock_now_ms() + 20000;
    for (; site_metric("quintet_http_connections{server=\"site\"}") > n; qn_loop_turn(world.loop))
        assert_true(qn_clock_now_ms() < end_ms);
}

static void test_a_chunk_line_without_end_is_cut(void **state)
{
    (void)state;
    begin((struct qn_httpd_options){.idle_timeout_s = 600});
    send_endless_chunk_line();
    wait_for_suspects(1);
    wait_for_connections(0);
    assert_int_equal(refused("slow_request"), 1);
    assert_int_equal(world.site.handled, 0);
    end();
}

static void test_an_end_in_a_chunk_line_is_seen(void **state)
{
    (void)state;
    begin((struct qn_httpd_options){.idle_timeout_s = 600});
    send_endless_chunk_line();
    wait_for_suspects(1);
    wire_half_close(&world.wire);
    wait_for_connections(0);
    assert_int_equal(refused("slow_request"), 0);
    end();
}

/* Which connection it is nobody knows: one that only pauses is suspected too, and goes on. */
static void test_a_chunked_body_that_pauses_beside_it_goes_on(void **state)
{
    (void)state;
    begin((struct qn_httpd_options){.idle_timeout_s = 600});
    struct wire other;
    wire_open(&other, world.loop, qn_httpd_address(world.site.httpd));
    wire_send_c(&other, "POST /o HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nab\r\n");
    send_endless_chunk_line();
    wait_for_suspects(2);
    wire_send_c(&other, "1\r\nc\r\n0\r\n\r\n");
    wire_expect(&other, "POST /o? 3:abc");
    wire_close(&other);
    end();
}

/* Taken piece by piece. */

static void test_pieces_are_handed_on_as_they_come(void **state)
{
    (void)state;
    begin((struct qn_httpd_options){.body = site_take_piece, .body_max_bytes = 4 * 1024 * 1024});
    wire_send_c(&world.wire, "PUT /up HTTP/1.1\r\nHost: h\r\nContent-Length: 3000000\r\n\r\n");
    wire_send(&world.wire, qn_str_n(world.site.large, 3000000));
    wire_expect(&world.wire, "PUT /up? 0:");
    assert_int_equal(world.site.piece_bytes, 3000000);
    assert_true(world.site.pieces > 10);
    assert_int_equal(world.site.gone, 0);
    end();
}

static void test_a_refused_piece_is_the_last(void **state)
{
    (void)state;
    begin((struct qn_httpd_options){.body = site_take_piece, .body_max_bytes = 4 * 1024 * 1024});
    world.site.refuse_after = 2;
    wire_send_c(&world.wire, "PUT /up HTTP/1.1\r\nHost: h\r\nContent-Length: 3000000\r\n\r\n");
    wire_send(&world.wire, qn_str_n(world.site.large, 3000000));
    wire_expect(&world.wire, "PUT /up? 0: refused");
    assert_int_equal(world.site.pieces, 2);
    end();
}

/* The owner may hold a file open for it: it must hear of the end. */
static void test_an_upload_that_breaks_off_is_told(void **state)
{
    (void)state;
    begin((struct qn_httpd_options){.body = site_take_piece, .body_max_bytes = 4 * 1024 * 1024});
    wire_send_c(&world.wire, "PUT /up HTTP/1.1\r\nHost: h\r\nContent-Length: 3000000\r\n\r\nabc");
    loop_fixture_run_until_count(&world.site.pieces, 1, 5000);
    wire_abort(&world.wire);
    loop_fixture_run_until_count(&world.site.gone, 1, 5000);
    assert_int_equal(world.site.handled, 0);
    end();
}

/* Connections. */

/* Over the limit they wait in the listening socket's queue, and their turn comes: libmicrohttpd puts its
 * listening socket back into its epoll set only in a run after the one that closed a connection. */
static void test_connections_over_the_limit_wait_their_turn(void **state)
{
    enum { WAITING = 6 };
    (void)state;
    begin((struct qn_httpd_options){.connections_max = 2});
    struct wire others[WAITING];
    wire_send_c(&world.wire, "GET /later HTTP/1.1\r\nHost: h\r\n\r\n");
    loop_fixture_run_until_count(&world.site.n_waiting, 1, 5000);
    for (int i = 0; i < WAITING; i++) {
        wire_open(&others[i], world.loop, qn_httpd_address(world.site.httpd));
        wire_send_c(&others[i], "GET /x HTTP/1.1\r\nHost: h\r\n\r\n");
    }
    /* One place is left: they pass through it one by one. */
    for (int i = 0; i < WAITING; i++) {
        wire_expect(&others[i], "GET /x?");
        assert_true(site_metric("quintet_http_connections{server=\"site\"}") <= 2);
        wire_close(&others[i]);
    }
    site_answer(&world.site, 0, 200, "last");
    wire_expect(&world.wire, "last");
    end();
}

static void test_few_descriptors_mean_few_connections(void **state)
{
    (void)state;
    struct rlimit before, low;
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &before), 0);
    low = before;
    low.rlim_cur = 200;
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &low), 0);
    begin((struct qn_httpd_options){.connections_max = 5000});
    wire_send_c(&world.wire, "GET /x HTTP/1.1\r\nHost: h\r\n\r\n");
    wire_expect(&world.wire, "GET /x?");
    /* 200 less the 128 kept for others is 72, one of which is taken. */
    static struct wire others[80];
    for (int i = 0; i < 80; i++)
        wire_open(&others[i], world.loop, qn_httpd_address(world.site.httpd));
    for (int i = 0; i < 20; i++)
        qn_loop_turn(world.loop);
    assert_int_equal(site_metric("quintet_http_connections{server=\"site\"}"), 72);
    for (int i = 0; i < 80; i++)
        wire_close(&others[i]);
    end();
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &before), 0);
}

/* Time. The shortest limit there is, a second, and a sweep each second: these take two or three. */

static const struct qn_httpd_options impatient = {.idle_timeout_s = 1, .body_max_bytes = 16 * 1024 * 1024};

static void test_a_silent_connection_is_closed(void **state)
{
    (void)state;
    begin(impatient);
    uint64_t began_ms = qn_clock_now_ms();
    wire_expect_end(&world.wire);
    assert_true(qn_clock_now_ms() - began_ms >= 1000);
    assert_int_equal(refused("slow_request"), 0); /* nothing was asked */
    end();
}

static void test_an_idle_connection_is_closed(void **state)
{
    (void)state;
    begin(impatient);
    wire_send_c(&world.wire, "GET /x HTTP/1.1\r\nHost: h\r\n\r\n");
    wire_expect(&world.wire, "GET /x?");
    wire_expect_end(&world.wire);
    end();
}

/* A byte each 50 ms, until the other end has had enough of it. */
struct trickle {
    struct qn_timer timer;
    struct wire *wire;
};

static void on_trickle(struct qn_timer *timer)
{
    struct trickle *trickle = container_of(timer, struct trickle, timer);
    if (trickle->wire->ended)
        return;
    wire_send_some(trickle->wire, QN_STR("y"));
    qn_timer_start(world.loop, timer, 50, on_trickle);
}

static void trickle_until_end(struct wire *wire)
{
    struct trickle trickle = {.wire = wire};
    on_trickle(&trickle.timer);
    wire_expect_end(wire);
    qn_timer_cancel(world.loop, &trickle.timer);
}

/* Slow loris: a byte now and then keeps no connection open. */
static void test_a_head_that_trickles_is_cut(void **state)
{
    (void)state;
    begin(impatient);
    wire_send_c(&world.wire, "GET /x HTTP/1.1\r\nX: ");
    trickle_until_end(&world.wire);
    assert_int_equal(world.site.handled, 0);
    assert_int_equal(refused("slow_request"), 1);
    end();
}

static void test_a_request_line_that_trickles_is_cut(void **state)
{
    (void)state;
    begin(impatient);
    wire_send_c(&world.wire, "GET /x");
    trickle_until_end(&world.wire);
    assert_int_equal(world.site.handled, 0);
    end();
}

static void test_a_body_that_trickles_is_cut(void **state)
{
    (void)state;
    begin(impatient);
    wire_send_c(&world.wire, "POST /p HTTP/1.1\r\nHost: h\r\nContent-Length: 1000000\r\n\r\n");
    wire_send(&world.wire, qn_str_n(world.site.large, 500000)); /* a good begin is no excuse for long */
    trickle_until_end(&world.wire);
    assert_int_equal(world.site.handled, 0);
    assert_int_equal(refused("slow_request"), 1);
    end();
}

/* 50 KB a second, for longer than the limit: slow, and all right. */
static void test_a_body_that_flows_is_waited_for(void **state)
{
    (void)state;
    begin(impatient);
    struct wire silent; /* its end says that the limit has passed */
    wire_open(&silent, world.loop, qn_httpd_address(world.site.httpd));
    wire_send_c(&world.wire, "POST /p HTTP/1.1\r\nHost: h\r\nContent-Length: 40000\r\n\r\n");
    size_t sent = 0;
    while (sent < 39999) {
        size_t n = sent < 35000 || silent.ended ? 1000 : 0;
        if (n > 39999 - sent)
            n = 39999 - sent;
        wire_send(&world.wire, qn_str_n(world.site.large + sent, n));
        sent += n;
        qn_loop_wait(world.loop);
    }
    assert_false(world.wire.ended);
    wire_send(&world.wire, qn_str_n(world.site.large + sent, 1));
    wire_expect(&world.wire, "POST /p? 40000:abc");
    wire_close(&silent);
    end();
}

/* One that asks for much and takes nothing holds the answers in memory. */
static void test_a_client_that_does_not_read_is_cut(void **state)
{
    (void)state;
    begin(impatient);
    wire_pause(&world.wire);
    for (int i = 0; i < 8; i++) /* 48 MiB: more than the sockets take */
        wire_send_c(&world.wire, "GET /large HTTP/1.1\r\nHost: h\r\n\r\n");
    uint64_t until_ms = qn_clock_now_ms() + 15000;
    while (refused("slow_reader") < 1 && qn_clock_now_ms() < until_ms)
        qn_loop_wait(world.loop);
    assert_int_equal(refused("slow_reader"), 1);
    assert_true(world.site.handled < 8);
    end();
}

/* The time that the owner takes is its own affair. */
static void test_a_slow_owner_is_waited_for(void **state)
{
    (void)state;
    begin(impatient);
    struct wire silent;
    wire_open(&silent, world.loop, qn_httpd_address(world.site.httpd));
    wire_send_c(&world.wire, "GET /later HTTP/1.1\r\nHost: h\r\n\r\n");
    loop_fixture_run_until_count(&world.site.n_waiting, 1, 5000);
    wire_expect_end(&silent); /* its limit has passed, and with it that of the other */
    site_answer(&world.site, 0, 200, "at last");
    wire_expect(&world.wire, "at last");
    wire_close(&silent);
    end();
}

/* A NUL hides the query from us, and its many parameters use up libmicrohttpd's pool in the midst of the
 * request line, where 0.9.75 goes on with a request it has refused and forgets the connection. */
static void test_a_connection_that_libmicrohttpd_forgets(void **state)
{
    (void)state;
    begin((struct qn_httpd_options){.idle_timeout_s = 1, .head_max_bytes = 4096});
    struct qn_buf head;
    qn_buf_init(&head, 65536);
    qn_buf_write(&head, "GET /\0?", 7);
    for (int i = 0; i < 1500; i++)
        qn_buf_write_c(&head, "a&");
    qn_buf_write_c(&head, " HTTP/1.1\r\nHost: h\r\n\r\n");
    wire_send(&world.wire, qn_buf_view(&head));
    size_t turns = 0;
    for (; !world.wire.ended && turns < 100000; turns++)
        qn_loop_wait(world.loop);
    if (turns > 200) /* it must not keep the loop from resting */
        fail_msg("%zu turns of the loop", turns);
    assert_int_equal(world.site.handled, 0);
    qn_buf_fini(&head);
    end();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_body_over_the_limit_is_read_and_forgotten),
        cmocka_unit_test(test_a_chunked_body_over_the_limit),
        cmocka_unit_test(test_the_limit_holds_to_the_byte),
        cmocka_unit_test(test_who_asks_first_is_told_before_it_sends),
        cmocka_unit_test(test_an_absurd_length_is_answered_at_once),
        cmocka_unit_test(test_chunks_without_end_are_cut_off),
        cmocka_unit_test(test_all_bodies_together_have_a_limit),
        cmocka_unit_test(test_a_chunk_line_without_end_is_cut),
        cmocka_unit_test(test_an_end_in_a_chunk_line_is_seen),
        cmocka_unit_test(test_a_chunked_body_that_pauses_beside_it_goes_on),
        cmocka_unit_test(test_pieces_are_handed_on_as_they_come),
        cmocka_unit_test(test_a_refused_piece_is_the_last),
        cmocka_unit_test(test_an_upload_that_breaks_off_is_told),
        cmocka_unit_test(test_connections_over_the_limit_wait_their_turn),
        cmocka_unit_test(test_few_descriptors_mean_few_connections),
        cmocka_unit_test(test_a_silent_connection_is_closed),
        cmocka_unit_test(test_an_idle_connection_is_closed),
        cmocka_unit_test(test_a_head_that_trickles_is_cut),
        cmocka_unit_test(test_a_request_line_that_trickles_is_cut),
        cmocka_unit_test(test_a_body_that_trickles_is_cut),
        cmocka_unit_test(test_a_body_that_flows_is_waited_for),
        cmocka_unit_test(test_a_client_that_does_not_read_is_cut),
        cmocka_unit_test(test_a_slow_owner_is_waited_for),
        cmocka_unit_test(test_a_connection_that_libmicrohttpd_forgets),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
