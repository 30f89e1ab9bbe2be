#include "common/core/buf.h"
#include "services/media/folder/object_chunked.h"
#include "tests/harness/test.h"

static struct qn_buf object;
static struct media_chunked chunked;

static int setup(void **state)
{
    (void)state;
    qn_buf_init(&object, 1 << 20);
    chunked = (struct media_chunked){.state = MEDIA_CHUNKED_SIZE};
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    qn_buf_fini(&object);
    return 0;
}

/* The body in pieces of this size, as a socket may give them. */
static void feed(struct qn_str body, size_t piece_max)
{
    while (body.len > 0) {
        size_t len = body.len < piece_max ? body.len : piece_max;
        struct qn_str piece = qn_str_n(body.ptr, len), bytes;
        while (media_chunked_next(&chunked, &piece, &bytes)) {
            assert_true(bytes.len > 0);
            qn_buf_write_str(&object, bytes);
        }
        body = qn_str_n(body.ptr + len, body.len - len);
    }
}

static void test_pieces_of_every_size(void **state)
{
    static const struct qn_str body =
        QN_STR("3\r\nhel\r\n2\r\nlo\r\n00A\r\n 0123\r\n789\r\n0\r\nx-amz-checksum-crc32: NhCmhg== \r\n\r\n");
    for (size_t piece = 1; piece <= body.len; piece++) {
        setup(state);
        feed(body, piece);
        assert_int_equal(chunked.state, MEDIA_CHUNKED_ENDED);
        assert_str(qn_buf_view(&object), "hello 0123\r\n789");
        assert_str(media_chunked_trailer(&chunked, QN_STR("x-amz-checksum-crc32")), "NhCmhg==");
        assert_null(media_chunked_trailer(&chunked, QN_STR("x-amz-checksum-crc3")).ptr);
        teardown(state);
    }
}

static void test_no_trailer(void **state)
{
    (void)state;
    feed(QN_STR("0\r\n\r\n"), 100);
    assert_int_equal(chunked.state, MEDIA_CHUNKED_ENDED);
    assert_string_equal(chunked.trailer, "");
    assert_int_equal(object.len, 0);
    assert_null(media_chunked_trailer(&chunked, QN_STR("")).ptr);
}

/* Cut off anywhere it has not ended; and of its trailer nothing is told before it has. */
static void test_cut_off(void **state)
{
    static const struct qn_str body = QN_STR("3\r\nhel\r\n0\r\nname:value\r\n\r\n");
    for (size_t len = 0; len < body.len; len++) {
        setup(state);
        feed(qn_str_n(body.ptr, len), 100);
        assert_int_not_equal(chunked.state, MEDIA_CHUNKED_ENDED);
        assert_int_not_equal(chunked.state, MEDIA_CHUNKED_BROKEN);
        assert_null(media_chunked_trailer(&chunked, QN_STR("name")).ptr);
        teardown(state);
    }
}

static void test_broken(void **state)
{
    char long_line[2 * MEDIA_CHUNKED_LINE_MAX];
    memset(long_line, '0', sizeof long_line);
    const struct qn_str bodies[] = {
        QN_STR("\r\n"),
        QN_STR("\n"),
        QN_STR("3\nhel\n0\n\n"),
        QN_STR("g\r\n"),
        QN_STR("-1\r\n"),
        QN_STR(" 3\r\n"),
        QN_STR("0x3\r\n"),
        QN_STR("3;chunk-signature=00\r\nhel\r\n"),
        QN_STR("000000003\r\n"), /* longer than any size has to be */
        QN_STR("4000001\r\n"),   /* one over the bound */
        QN_STR("3\r\nhelo\r\n"),
        QN_STR("3\r\nhel0\r\n\r\n"),
        QN_STR("0\r\nnovalue\r\n\r\n"),
        QN_STR("0\r\n:value\r\n\r\n"),
        QN_STR("0\r\na:1\r\nb:2\r\n\r\n"),
        QN_STR("0\r\na:\0\r\n\r\n"),
        QN_STR("0\r\n\r\n0"),
        qn_str_n(long_line, sizeof long_line),
    };
    for (size_t i = 0; i < sizeof bodies / sizeof bodies[0]; i++) {
        for (size_t piece = 1; piece < 100; piece += 98) {
            setup(state);
            feed(bodies[i], piece);
            if (chunked.state != MEDIA_CHUNKED_BROKEN)
                fail_msg("not broken: case %zu", i);
            /* And stays so. */
            feed(QN_STR("0\r\n\r\n"), 100);
            assert_int_equal(chunked.state, MEDIA_CHUNKED_BROKEN);
            teardown(state);
        }
    }
}

int main(void)
{
#define ONE(test) cmocka_unit_test_setup_teardown(test, setup, teardown)
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_pieces_of_every_size),
        ONE(test_no_trailer),
        cmocka_unit_test(test_cut_off),
        cmocka_unit_test(test_broken),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
