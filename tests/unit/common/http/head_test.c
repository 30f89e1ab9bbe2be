#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/core/check.h"
#include "common/core/id.h"
#include "common/core/metric.h"
#include "tests/harness/loop_fixture.h"
#include "tests/harness/test.h"
#include "tests/harness/wire.h"
#include "tests/unit/common/http/site.h"

/* Heads that are not as they should be: each gets its status and a closed connection, none reaches the
 * handler, and the server goes on. */

struct refusal {
    const char *story;
    const char *sent;
    size_t sent_bytes;  /* 0: strlen */
    const char *status; /* NULL: closed without an answer */
};

#define SENT(literal) (literal), sizeof(literal) - 1

static const struct refusal refusals[] = {
    {"no version", SENT("GET /\r\n\r\n"), "400"},
    {"HTTP/0.9", SENT("GET / HTTP/0.9\r\n\r\n"), "505"},
    {"HTTP/2 by prior knowledge", SENT("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"), "505"},
    {"TLS on the plain port", SENT("\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03 a b\n\r\n"), "400"},
    {"no blank in the line", SENT("GARBAGE\r\n\r\n"), NULL},
    {"no target", SENT("GET  HTTP/1.1\r\nHost: h\r\n\r\n"), "400"},
    {"a blank in the target", SENT("GET /a b HTTP/1.1\r\nHost: h\r\n\r\n"), NULL},
    {"no Host in HTTP/1.1", SENT("GET / HTTP/1.1\r\n\r\n"), "400"},
    {"two Hosts", SENT("GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n"), "400"},
    {"authority form", SENT("CONNECT h:80 HTTP/1.1\r\nHost: h\r\n\r\n"), "400"},
    {"asterisk form", SENT("OPTIONS * HTTP/1.1\r\nHost: h\r\n\r\n"), "400"},
    {"a NUL in the path", SENT("GET /a\0b HTTP/1.1\r\nHost: h\r\n\r\n"), "400"},
    {"a NUL in the query", SENT("GET /a?b\0c HTTP/1.1\r\nHost: h\r\n\r\n"), "400"},
    {"a method of strange letters", SENT("GE\x01T / HTTP/1.1\r\nHost: h\r\n\r\n"), "400"},
    {"a header without a colon", SENT("GET / HTTP/1.1\r\nHost: h\r\nbroken\r\n\r\n"), "400"},
    /* RFC 9112 section 5.1: one server may read "Content-Length ", another not */
    {"a blank before the colon", SENT("POST / HTTP/1.1\r\nHost: h\r\nContent-Length : 5\r\n\r\nGET /"),
     "400"},
    {"a header that begins with a blank", SENT("GET / HTTP/1.1\r\n X: y\r\nHost: h\r\n\r\n"), "400"},
    {"an empty header name", SENT("GET / HTTP/1.1\r\nHost: h\r\n: y\r\n\r\n"), "400"},
    {"a carriage return in a value", SENT("GET / HTTP/1.1\r\nHost: h\r\nX: a\rb\r\n\r\n"), "400"},
    /* RFC 9112 section 11.2: where does the body end? */
    {"two lengths", SENT("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nhello"),
     "400"},
    {"a length and chunks",
     SENT("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"),
     "400"},
    {"an encoding that is unknown",
     SENT("POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: gzip, chunked\r\n\r\n"), "501"},
    {"chunks twice",
     SENT("POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n"),
     "501"},
    {"a length that is no number", SENT("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: abc\r\n\r\n"), "400"},
    {"a negative length", SENT("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: -1\r\n\r\n"), "400"},
    {"a length beyond 64 bits",
     SENT("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 99999999999999999999\r\n\r\n"), "413"},
    {"a chunk size that is no number",
     SENT("POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\n"), "400"},
    {"a chunk size beyond 64 bits",
     SENT("POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\nfffffffffffffffff\r\n"), "413"},
    {"a line that begins with a colon", /* 0.9.75 takes it for the end of the head */
     SENT("GET /a HTTP/1.1\r\nHost: h\r\n: y\r\nGET /b HTTP/1.1\r\nHost: h\r\n\r\n"), "400"},
    {"a value continued on the next line", SENT("GET / HTTP/1.1\r\nHost: h\r\nX: a\r\n b\r\n\r\n"), "400"},
    {"a NUL in a value", SENT("GET / HTTP/1.1\r\nHost: h\r\nX: a\0b\r\nY: c\r\n\r\n"), "400"},
    {"a NUL in a name", SENT("GET / HTTP/1.1\r\nHost: h\r\nX\0: a\r\n\r\n"), "400"},
    {"a NUL in the last value", SENT("GET / HTTP/1.1\r\nHost: h\r\nX: a\0b\r\n\r\n"), "400"},
    {"bare line feeds", SENT("GET / HTTP/1.1\nHost: h\n\n"), "400"},
    {"a chunk that does not end",
     SENT("POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nabcd\r\n"), "400"},
};

struct world {
    struct qn_loop *loop;
    struct site site;
};

static int setup(void **state)
{
    static struct world world;
    world = (struct world){.loop = loop_fixture_begin()};
    site_open(&world.site, world.loop, (struct qn_httpd_options){.head_max_bytes = 4096});
    *state = &world;
    return 0;
}

static int teardown(void **state)
{
    struct world *world = *state;
    site_close(&world->site);
    loop_fixture_end();
    qn_metric_reset();
    return 0;
}

static void still_serves(struct world *world)
{
    struct wire wire;
    wire_open(&wire, world->loop, qn_httpd_address(world->site.httpd));
    wire_send_c(&wire, "GET /alive HTTP/1.1\r\nHost: h\r\n\r\n");
    wire_expect(&wire, "GET /alive?");
    wire_close(&wire);
}

static void test_malformed_heads_are_refused(void **state)
{
    struct world *world = *state;
    for (size_t i = 0; i < QN_COUNT(refusals); i++) {
        const struct refusal *refusal = &refusals[i];
        struct wire wire;
        wire_open(&wire, world->loop, qn_httpd_address(world->site.httpd));
        wire_send(&wire, qn_str_n(refusal->sent, refusal->sent_bytes));
        wire_expect_end(&wire);
        if (world->site.handled > 0)
            fail_msg("%s: reached the handler", refusal->story);
        char line[32];
        snprintf(line, sizeof line, "HTTP/1.1 %s ", refusal->status ? refusal->status : "");
        if (refusal->status && !qn_str_starts(wire_seen(&wire), qn_str_c(line)))
            fail_msg("%s: answered %.40s", refusal->story, wire_seen(&wire).ptr);
        if (!refusal->status && wire_seen(&wire).len > 0)
            fail_msg("%s: answered %.40s", refusal->story, wire_seen(&wire).ptr);
        wire_close(&wire);
    }
    still_serves(world);
    assert_true(site_metric("quintet_http_refused_total{server=\"site\",reason=\"malformed\"}") >= 15);
    assert_true(site_metric("quintet_http_refused_total{server=\"site\",reason=\"unsupported\"}") >= 4);
}

static void send_padded(struct wire *wire, size_t pad)
{
    char *text;
    assert_true(asprintf(&text, "GET /x HTTP/1.1\r\nHost: h\r\nX-Pad: %0*d\r\n\r\n", (int)pad, 0) > 0);
    wire_send_c(wire, text);
    free(text);
}

/* The limit holds to the byte, although libmicrohttpd's own would let more pass. */
static void test_a_head_over_the_limit_is_a_431(void **state)
{
    struct world *world = *state;
    const size_t without_pad = strlen("GET /x HTTP/1.1\r\nHost: h\r\nX-Pad: \r\n\r\n");
    struct wire wire;
    wire_open(&wire, world->loop, qn_httpd_address(world->site.httpd));
    send_padded(&wire, 4096 - without_pad);
    wire_expect(&wire, "GET /x?");
    wire_forget(&wire);
    send_padded(&wire, 4096 - without_pad + 1);
    wire_expect_end(&wire);
    assert_true(qn_str_starts(wire_seen(&wire), QN_STR("HTTP/1.1 431 ")));
    assert_true(wire_has(&wire, "request head too large"));
    wire_close(&wire);
    assert_int_equal(site_metric("quintet_http_refused_total{server=\"site\",reason=\"head_too_large\"}"), 1);
}

static void test_a_head_without_end_is_a_431(void **state)
{
    struct world *world = *state;
    struct wire wire;
    wire_open(&wire, world->loop, qn_httpd_address(world->site.httpd));
    wire_send_c(&wire, "GET /x HTTP/1.1\r\nHost: h\r\n");
    for (int i = 0; i < 10000 && !wire.ended; i++)
        wire_send_some(&wire, QN_STR("X-More: and more and more and more\r\n"));
    wire_expect_end(&wire);
    if (!wire.reset) /* what it had not read yet turns the close into a reset, which may overtake the answer
                      */
        assert_true(qn_str_starts(wire_seen(&wire), QN_STR("HTTP/1.1 431 ")));
    wire_close(&wire);
    assert_int_equal(world->site.handled, 0);
    still_serves(world);
}

static void test_a_line_without_end_is_a_414(void **state)
{
    struct world *world = *state;
    struct wire wire;
    wire_open(&wire, world->loop, qn_httpd_address(world->site.httpd));
    wire_send_c(&wire, "GET /");
    for (int i = 0; i < 10000 && !wire.ended; i++)
        wire_send_some(&wire, QN_STR("more-and-more-and-more"));
    wire_expect_end(&wire);
    if (!wire.reset)
        assert_true(qn_str_starts(wire_seen(&wire), QN_STR("HTTP/1.1 414 ")));
    wire_close(&wire);
    assert_int_equal(world->site.handled, 0);
    still_serves(world);
}

enum part { HEADERS, COOKIES, PARAMETERS };

static void send_parts(struct wire *wire, enum part part, int n)
{
    struct qn_buf head;
    qn_buf_init(&head, 65536);
    qn_buf_write_c(&head, "GET /x?");
    for (int i = 0; part == PARAMETERS && i < n; i++)
        qn_buf_write_c(&head, "a&");
    qn_buf_write_c(&head, " HTTP/1.1\r\nHost: h\r\nCookie: x");
    for (int i = 0; part == COOKIES && i < n; i++)
        qn_buf_write_c(&head, ";c");
    for (int i = 0; part == HEADERS && i < n; i++)
        qn_buf_write_c(&head, "\r\na:b");
    qn_buf_write_c(&head, "\r\n\r\n");
    wire_send(wire, qn_buf_view(&head));
    qn_buf_fini(&head);
}

/* libmicrohttpd keeps a record of every header and cookie in the memory that the answer's head needs too;
 * heads of many tiny ones are where that runs out. A few dozen of each are always taken, whatever there is
 * too much of is refused, and never does a connection stay behind. */
static void test_heads_of_many_small_parts(void **state)
{
    struct world *world = *state;
    for (enum part part = HEADERS; part <= PARAMETERS; part++)
        for (int n = 0; n <= 1000; n += 8) {
            struct wire wire;
            wire_open(&wire, world->loop, qn_httpd_address(world->site.httpd));
            send_parts(&wire, part, n);
            wire_half_close(&wire);
            wire_expect_end(&wire);
            bool taken = qn_str_starts(wire_seen(&wire), QN_STR("HTTP/1.1 200 "));
            bool refused =
                qn_str_starts(wire_seen(&wire), QN_STR("HTTP/1.1 431 ")) || wire_seen(&wire).len == 0;
            if (!taken && (n <= 80 || part == PARAMETERS || !refused))
                fail_msg("%d of kind %d: %.30s", n, part, wire_seen(&wire).ptr);
            wire_close(&wire);
        }
    still_serves(world);
}

/* Whatever bytes come, the process goes on and the handler sees only whole requests. */
static void test_random_bytes(void **state)
{
    struct world *world = *state;
    for (int round = 0; round < 200; round++) {
        char bytes[700];
        qn_random_bytes(bytes, sizeof bytes);
        struct wire wire;
        wire_open(&wire, world->loop, qn_httpd_address(world->site.httpd));
        if (round % 2)
            wire_send_c(&wire, "POST /r HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n");
        wire_send(&wire, qn_str_n(bytes, sizeof bytes));
        if (round % 3 == 0)
            wire_send_c(&wire, "\r\n\r\n");
        wire_half_close(&wire);
        wire_expect_end(&wire);
        wire_close(&wire);
    }
    still_serves(world);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_malformed_heads_are_refused), TEST(test_a_head_over_the_limit_is_a_431),
        TEST(test_a_head_without_end_is_a_431), TEST(test_a_line_without_end_is_a_414),
        TEST(test_heads_of_many_small_parts),   TEST(test_random_bytes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
