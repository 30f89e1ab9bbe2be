#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/core/check.h"
#include "common/http/http_client_private.h"
#include "tests/harness/test.h"

/* The parser alone: each text whole, in pieces, and byte by byte, with the same outcome. */

enum { HEAD_MAX = 1000, BODY_MAX = 64, ARENA_MAX = 64 * 1024 };

struct text {
    const char *bytes;
    const char *what; /* "200 n=headers body", or a part of the message */
    enum qn_status status;
    bool head_only;
    bool ends;  /* the connection, behind the bytes */
    bool close; /* it is not to be kept */
    size_t surplus;
};

static void feed(struct qn_http_answer *answer, struct qn_arena *arena, const struct text *text, size_t piece)
{
    size_t len = strlen(text->bytes), at = 0;
    qn_http_answer_begin(answer, arena, text->head_only);
    assert_false(answer->begun);
    while (at < len && answer->step < QN_HTTP_WHOLE) {
        /* In memory of its own that goes at once: nothing is to point there. */
        size_t n = len - at < piece ? len - at : piece;
        char *copy = malloc(n);
        assert_non_null(copy);
        memcpy(copy, text->bytes + at, n);
        size_t used = qn_http_answer_feed(answer, qn_str_n(copy, n));
        assert_true(used <= n);
        at += used;
        memset(copy, '?', n);
        free(copy);
        if (answer->step < QN_HTTP_WHOLE)
            assert_int_equal(used, n);
    }
    if (text->ends && answer->step < QN_HTTP_WHOLE)
        qn_http_answer_end(answer);
    if (answer->step == QN_HTTP_WHOLE)
        assert_int_equal(len - at, text->surplus);
}

static void check(const struct text *text, size_t piece)
{
    struct qn_http_answer answer;
    struct qn_arena arena;
    qn_arena_init(&arena, ARENA_MAX);
    qn_http_answer_init(&answer, HEAD_MAX, BODY_MAX);
    /* The second time on what the first has left behind. */
    for (int round = 0; round < 2; round++) {
        feed(&answer, &arena, text, piece);
        if (text->status != QN_OK) {
            if (answer.step != QN_HTTP_BROKEN || answer.status != text->status ||
                !strstr(answer.message, text->what))
                fail_msg("step %d, %s \"%s\" is not \"%s\", of \"%s\" by %zu", answer.step,
                         qn_status_name(answer.status), answer.message ? answer.message : "", text->what,
                         text->bytes, piece);
            assert_false(answer.keep);
            continue;
        }
        char is[200];
        snprintf(is, sizeof is, "%u n=%zu %.*s", answer.code, answer.n_headers, QN_STR_ARG(answer.body));
        if (answer.step != QN_HTTP_WHOLE || strcmp(is, text->what) != 0)
            fail_msg("step %d \"%s\", %s is not \"%s\", of \"%s\" by %zu", answer.step, is,
                     answer.message ? answer.message : "", text->what, text->bytes, piece);
        assert_int_equal(answer.keep, !text->close);
    }
    qn_http_answer_fini(&answer);
    qn_arena_fini(&arena);
}

static void check_all(const struct text *texts, size_t n)
{
    for (size_t i = 0; i < n; i++)
        for (size_t piece = 1; piece <= 5; piece += 2) {
            check(&texts[i], piece);
            check(&texts[i], 11 * piece);
            check(&texts[i], 4096);
        }
}

#define OK  "HTTP/1.1 200 OK\r\n"
#define OK0 "HTTP/1.0 200 OK\r\n"

static void test_answers_that_are_whole(void **state)
{
    (void)state;
    static const struct text texts[] = {
        {OK "Content-Length: 5\r\n\r\nhello", "200 n=1 hello"},
        {OK "content-length:5  \r\nA:\r\nB: \r\nC:\tx y\t\r\n\r\nhello", "200 n=4 hello"},
        {OK "Content-Length: 0\r\n\r\n", "200 n=1 "},
        {"HTTP/1.1 404\r\nContent-Length: 0\r\n\r\n", "404 n=1 "},
        {OK "Content-Length: 2\r\n\r\nabcd", "200 n=1 ab", .surplus = 2},
        {OK "Content-Length: 2\r\n\r\n\r\n\r\n", "200 n=1 \r\n", .surplus = 2},
        {OK "Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n", "200 n=1 hello"},
        {OK "Transfer-Encoding: Chunked\r\n\r\n0\r\n\r\n", "200 n=1 "},
        {OK "Transfer-Encoding: chunked\r\n\r\n01\r\na\r\n2\r\n\r\n\r\n0\r\n\r\nX", "200 n=1 a\r\n",
         .surplus = 1},
        {OK "Transfer-Encoding: chunked\r\n\r\n1;a=b;c\r\na\r\n0;d\r\nT: 1\r\nU: \r\n\r\n", "200 n=1 a"},
        /* Kept or not. */
        {OK "Connection: close\r\nContent-Length: 1\r\n\r\na", "200 n=2 a", .close = true},
        {OK "Connection: x, Close\r\nContent-Length: 1\r\n\r\na", "200 n=2 a", .close = true},
        {OK0 "Content-Length: 1\r\n\r\na", "200 n=1 a", .close = true},
        {OK0 "Connection: Keep-Alive\r\nContent-Length: 1\r\n\r\na", "200 n=2 a"},
        /* Until the end. */
        {OK "\r\n", "200 n=0 ", .ends = true, .close = true},
        {OK "A: b\r\n\r\nall\r\nthis", "200 n=1 all\r\nthis", .ends = true, .close = true},
        {OK0 "\r\nx\ry\nz", "200 n=0 x\ry\nz", .ends = true, .close = true},
        /* Without a body. */
        {"HTTP/1.1 204 No\r\n\r\n", "204 n=0 "},
        {"HTTP/1.1 304 No\r\nContent-Length: 9\r\n\r\n", "304 n=1 "},
        {"HTTP/1.1 304 No\r\nTransfer-Encoding: chunked\r\n\r\n", "304 n=1 "},
        {OK "Content-Length: 999999\r\n\r\n", "200 n=1 ", .head_only = true},
        {OK "\r\n", "200 n=0 ", .head_only = true},
        {OK "Content-Length: 3\r\n\r\nabc", "200 n=1 ", .head_only = true, .surplus = 3},
        /* Interim ones before it. */
        {"HTTP/1.1 100 Go on\r\n\r\n" OK "Content-Length: 1\r\n\r\na", "200 n=1 a"},
        {"HTTP/1.1 100 Go\r\nA: b\r\nC: d\r\n\r\nHTTP/1.1 103 E\r\nLink: x\r\n\r\n" OK "\r\n", "200 n=0 ",
         .head_only = true},
        /* Offers of other protocols concern nobody. */
        {OK "Upgrade: h2c\r\nConnection: Upgrade\r\nContent-Length: 1\r\n\r\na", "200 n=3 a"},
    };
    check_all(texts, QN_COUNT(texts));
}

static void test_answers_that_are_none(void **state)
{
    (void)state;
    static const struct text texts[] = {
        {"SSH-2.0-OpenSSH_9.2p1\r\n", "not HTTP/1", QN_INTERNAL},
        {"ICY 200 OK\r\n\r\n", "not HTTP/1", QN_INTERNAL},
        {"GET / HTTP/1.1\r\n\r\n", "not HTTP/1", QN_INTERNAL},
        {"HTTP/2.0 200 OK\r\nContent-Length: 0\r\n\r\n", "not HTTP/1", QN_INTERNAL},
        {"HTTP/0.9 200 OK\r\n\r\n", "not HTTP/1", QN_INTERNAL},
        {"Hxyz/1.1 200 OK\r\n\r\n", "not HTTP/1", QN_INTERNAL}, /* fine to http-parser */
        {"\r\n" OK "Content-Length: 0\r\n\r\n", "not HTTP/1", QN_INTERNAL},
        {"HTTP/1.1 2000 OK\r\n\r\n", "", QN_INTERNAL},
        {"HTTP/1.1 99 OK\r\n\r\n", "status", QN_INTERNAL},
        {"HTTP/1.1 xyz\r\n\r\n", "", QN_INTERNAL},
        {"HTTP/1.1 101 Switching\r\nUpgrade: x\r\nConnection: Upgrade\r\n\r\n", "unasked", QN_INTERNAL},
    };
    check_all(texts, QN_COUNT(texts));
}

/* What two readers could take for two different answers. */
static void test_answers_with_two_meanings(void **state)
{
    (void)state;
    static const struct text texts[] = {
        {OK "Content-Length: 1\r\nContent-Length: 2\r\n\r\nab", "", QN_INTERNAL},
        {OK "Content-Length: 1\r\nContent-Length: 1\r\n\r\na", "", QN_INTERNAL},
        {OK "Content-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", "", QN_INTERNAL},
        {OK "Transfer-Encoding: chunked\r\nContent-Length: 1\r\n\r\n0\r\n\r\n", "", QN_INTERNAL},
        {OK "Content-Length: 1\r\nTransfer-Encoding: gzip\r\n\r\na", "", QN_INTERNAL},
        {OK "Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n", "just chunked", QN_INTERNAL},
        {OK "Transfer-Encoding: chunked, chunked\r\n\r\n0\r\n\r\n", "just chunked", QN_INTERNAL},
        {OK "Transfer-Encoding: identity\r\n\r\na", "just chunked", QN_INTERNAL},
        {OK "Transfer-Encoding:\r\n\r\na", "just chunked", QN_INTERNAL},
        {OK "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", "twice",
         QN_INTERNAL},
        {OK0 "Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n", "HTTP/1.0", QN_INTERNAL},
        {OK "Content-Length: +1\r\n\r\na", "", QN_INTERNAL},
        {OK "Content-Length: 1, 1\r\n\r\na", "", QN_INTERNAL},
        {OK "Content-Length: 1 1\r\n\r\na", "", QN_INTERNAL},
        {OK "Content-Length: 0x1\r\n\r\na", "", QN_INTERNAL},
        {OK "Content-Length: -1\r\n\r\na", "", QN_INTERNAL},
        {OK "Content-Length:\r\n\r\na", "", QN_INTERNAL},
        {OK "Content-Length: 99999999999999999999999\r\n\r\na", "", QN_INTERNAL},
        {OK "Content-Length : 1\r\n\r\na", "proper name", QN_INTERNAL},
        {OK "A B: c\r\nContent-Length: 1\r\n\r\na", "proper name", QN_INTERNAL},
        {OK ": c\r\nContent-Length: 1\r\n\r\na", "", QN_INTERNAL},
        {OK "nothing\r\nContent-Length: 1\r\n\r\na", "", QN_INTERNAL},
        {OK "A: b\r\n c\r\nContent-Length: 1\r\n\r\na", "folded", QN_INTERNAL},
        {OK "A: \r\n c\r\nContent-Length: 1\r\n\r\na", "folded", QN_INTERNAL},
        {OK "A:\r\n \r\nContent-Length: 1\r\n\r\na", "folded", QN_INTERNAL},
        {OK "Content-Length: 1\r\n 2\r\n\r\nabcdefghijkl", "", QN_INTERNAL},
        {OK "A: b\rc\r\nContent-Length: 1\r\n\r\na", "", QN_INTERNAL},
        {OK "A: b\nContent-Length: 1\r\n\r\na", "CR LF", QN_INTERNAL},
        {"HTTP/1.1 200 OK\nContent-Length: 1\n\na", "CR LF", QN_INTERNAL},
        {"HTTP/1.1 200 OK\rXContent-Length: 1\r\n\r\na", "CR LF", QN_INTERNAL},
        {OK "Content-Length: 1\r\n\rXa", "CR LF", QN_INTERNAL},
        {OK "Transfer-Encoding: chunked\r\n\r\n5\r\nhelloXX0\r\n\r\n", "CR LF", QN_INTERNAL},
        {OK "Transfer-Encoding: chunked\r\n\r\n5\r\nhello\rX0\r\n\r\n", "CR LF", QN_INTERNAL},
        {OK "Transfer-Encoding: chunked\r\n\r\n5\rXhello\r\n0\r\n\r\n", "CR LF", QN_INTERNAL},
        {OK "Transfer-Encoding: chunked\r\n\r\n5;a\nb\r\nhello\r\n0\r\n\r\n", "CR LF", QN_INTERNAL},
        {OK "Transfer-Encoding: chunked\r\n\r\n0\rX\rX", "CR LF", QN_INTERNAL},
        {OK "Transfer-Encoding: chunked\r\n\r\n0x5\r\nhello\r\n0\r\n\r\n", "", QN_INTERNAL},
        {OK "Transfer-Encoding: chunked\r\n\r\n-5\r\nhello\r\n0\r\n\r\n", "", QN_INTERNAL},
        {OK "Transfer-Encoding: chunked\r\n\r\n\r\nhello\r\n0\r\n\r\n", "", QN_INTERNAL},
        {OK "Transfer-Encoding: chunked\r\n\r\nfffffffffffffffff\r\na", "", QN_INTERNAL},
        {OK "A: b\x01\x7f\r\n\r\n", "", QN_INTERNAL},
        /* Found by the fuzz target: the first byte of a value is the one that http-parser does not look at.
         */
        {OK "A: \x01\r\nContent-Length: 0\r\n\r\n", "control", QN_INTERNAL},
    };
    check_all(texts, QN_COUNT(texts));
}

/* The outcome must not depend on how much of it came at once. */
static void test_limits(void **state)
{
    (void)state;
    static char long_value[2 * HEAD_MAX], many_headers[4096], interim[4096], trailers[2 * HEAD_MAX + 200];
    snprintf(long_value, sizeof long_value, OK "A: %0*d\r\nContent-Length: 0\r\n\r\n", HEAD_MAX, 0);
    int n = snprintf(many_headers, sizeof many_headers, OK);
    for (int i = 0; i <= QN_HTTP_HEADERS_MAX; i++)
        n += snprintf(many_headers + n, sizeof many_headers - (size_t)n, "A:\r\n");
    snprintf(many_headers + n, sizeof many_headers - (size_t)n, "\r\n");
    n = 0;
    for (int i = 0; i < 20; i++)
        n += snprintf(interim + n, sizeof interim - (size_t)n, "HTTP/1.1 100 Continue\r\n\r\n");
    snprintf(trailers, sizeof trailers, OK "Transfer-Encoding: chunked\r\n\r\n0\r\nA: %0*d\r\n\r\n", HEAD_MAX,
             0);
    const struct text texts[] = {
        {long_value, "head", QN_RESOURCE_EXHAUSTED},
        {many_headers, "headers", QN_RESOURCE_EXHAUSTED},
        {interim, "interim", QN_INTERNAL},
        {trailers, "trailers", QN_RESOURCE_EXHAUSTED},
        {OK "Content-Length: 65\r\n\r\n", "body", QN_RESOURCE_EXHAUSTED},
        {OK "Transfer-Encoding: chunked\r\n\r\n"
            "41\r\n01234567890123456789012345678901234567890123456789012345678901234\r\n0\r\n\r\n",
         "body", QN_RESOURCE_EXHAUSTED},
        {OK "\r\n01234567890123456789012345678901234567890123456789012345678901234", "body",
         QN_RESOURCE_EXHAUSTED},
    };
    check_all(texts, QN_COUNT(texts));
}

/* Cut anywhere, an answer with a length is not whole; one without a length is, as soon as its head is. */
static void test_ends_too_early(void **state)
{
    (void)state;
    static const char *const texts[] = {
        OK "A: b\r\nContent-Length: 5\r\n\r\nhello",
        OK "Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\nT: x\r\n\r\n",
        "HTTP/1.1 100 Continue\r\n\r\n" OK "A:\r\nContent-Length: 1\r\n\r\na",
    };
    struct qn_http_answer answer;
    struct qn_arena arena;
    qn_arena_init(&arena, ARENA_MAX);
    qn_http_answer_init(&answer, HEAD_MAX, BODY_MAX);
    for (size_t i = 0; i < QN_COUNT(texts); i++)
        for (size_t len = 0; len < strlen(texts[i]); len++) {
            qn_http_answer_begin(&answer, &arena, false);
            if (len > 0)
                assert_int_equal(qn_http_answer_feed(&answer, qn_str_n(texts[i], len)), len);
            assert_true(answer.step < QN_HTTP_WHOLE);
            assert_false(qn_http_answer_end(&answer));
            assert_int_equal(answer.begun, len > 0);
        }
    qn_http_answer_fini(&answer);
    qn_arena_fini(&arena);
}

static void test_the_arena_ends(void **state)
{
    (void)state;
    static const char *const texts[] = {
        OK "A: b\r\nContent-Length: 60\r\n\r\n",
        OK "Transfer-Encoding: chunked\r\n\r\n20\r\n01234567890123456789012345678901\r\n0\r\n\r\n",
    };
    for (size_t i = 0; i < QN_COUNT(texts); i++)
        for (size_t ceiling = 1; ceiling < 128; ceiling += 16) {
            struct qn_http_answer answer;
            struct qn_arena arena;
            qn_arena_init(&arena, ceiling);
            qn_http_answer_init(&answer, HEAD_MAX, BODY_MAX);
            qn_http_answer_begin(&answer, &arena, false);
            qn_http_answer_feed(&answer, qn_str_c(texts[i]));
            assert_int_equal(answer.step, QN_HTTP_BROKEN);
            assert_int_equal(answer.status, QN_RESOURCE_EXHAUSTED);
            assert_non_null(strstr(answer.message, "arena"));
            qn_http_answer_fini(&answer);
            qn_arena_fini(&arena);
        }
}

static void test_headers_as_they_were_sent(void **state)
{
    (void)state;
    static const char text[] =
        OK "Set-Cookie:  a=1 ; x\r\nX-Empty:\r\nset-cookie: b=2\t\r\nContent-Length: 2\r\n\r\nhi";
    for (size_t piece = 1; piece < sizeof text; piece++) {
        struct qn_http_answer answer;
        struct qn_arena arena;
        qn_arena_init(&arena, ARENA_MAX);
        qn_http_answer_init(&answer, HEAD_MAX, BODY_MAX);
        feed(&answer, &arena, &(const struct text){.bytes = text}, piece);
        assert_int_equal(answer.n_headers, 4);
        assert_str(answer.headers[0].name, "Set-Cookie");
        assert_str(answer.headers[0].value, "a=1 ; x");
        assert_str(answer.headers[1].name, "X-Empty");
        assert_str(answer.headers[1].value, "");
        assert_str(answer.headers[2].name, "set-cookie");
        assert_str(answer.headers[2].value, "b=2");
        assert_str(answer.headers[3].value, "2");
        assert_str(answer.body, "hi");
        qn_http_answer_fini(&answer);
        qn_arena_fini(&arena);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_answers_that_are_whole),
        cmocka_unit_test(test_answers_that_are_none),
        cmocka_unit_test(test_answers_with_two_meanings),
        cmocka_unit_test(test_limits),
        cmocka_unit_test(test_ends_too_early),
        cmocka_unit_test(test_the_arena_ends),
        cmocka_unit_test(test_headers_as_they_were_sent),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
