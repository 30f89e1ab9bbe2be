#include <string.h>

#include "common/core/buf.h"
#include "common/core/check.h"
#include "tests/harness/dies.h"
#include "tests/harness/test.h"

static void test_writes_follow_one_another(void **state)
{
    (void)state;
    struct qn_buf buf;
    qn_buf_init(&buf, 1000);
    assert_str(qn_buf_view(&buf), "");
    assert_int_equal(qn_buf_write(&buf, "ab", 2), QN_OK);
    assert_int_equal(qn_buf_write_str(&buf, QN_STR("cd")), QN_OK);
    assert_int_equal(qn_buf_write_str(&buf, qn_str_n(NULL, 0)), QN_OK);
    assert_int_equal(qn_buf_write_c(&buf, "ef"), QN_OK);
    assert_int_equal(qn_buf_write_byte(&buf, 'g'), QN_OK);
    assert_int_equal(qn_buf_printf(&buf, "%d", 42), QN_OK);
    assert_str(qn_buf_view(&buf), "abcdefg42");
    assert_string_equal(buf.data, "abcdefg42");
    qn_buf_fini(&buf);
}

static void test_it_grows(void **state)
{
    (void)state;
    struct qn_buf buf;
    qn_buf_init(&buf, 100000);
    for (int i = 0; i < 10000; i++)
        assert_int_equal(qn_buf_printf(&buf, "%04d,", i), QN_OK);
    assert_int_equal(buf.len, 50000);
    assert_memory_equal(buf.data + 5 * 1234, "1234,", 5);
    assert_memory_equal(buf.data + 5 * 9999, "9999,", 6);
    qn_buf_fini(&buf);
}

/* Exactly the ceiling fits; a byte more writes nothing at all, and then neither does anything else, so that
 * one look at the end is enough. */
static void test_the_ceiling_holds_and_failure_stays(void **state)
{
    (void)state;
    struct qn_buf buf;
    qn_buf_init(&buf, 10);
    assert_int_equal(qn_buf_write(&buf, "0123456", 7), QN_OK);
    assert_int_equal(qn_buf_write(&buf, "789", 3), QN_OK);
    assert_false(qn_buf_failed(&buf));
    assert_int_equal(qn_buf_write_byte(&buf, 'x'), QN_RESOURCE_EXHAUSTED);
    assert_true(qn_buf_failed(&buf));
    assert_int_equal(qn_buf_write(&buf, NULL, 0), QN_RESOURCE_EXHAUSTED);
    assert_null(qn_buf_reserve(&buf, 0));
    assert_string_equal(buf.data, "0123456789");

    qn_buf_clear(&buf);
    assert_false(qn_buf_failed(&buf));
    assert_str(qn_buf_view(&buf), "");
    assert_int_equal(qn_buf_write_c(&buf, "again"), QN_OK);
    qn_buf_fini(&buf);
    assert_int_equal(qn_buf_write_c(&buf, "and again"), QN_OK);
    assert_string_equal(buf.data, "and again");
    qn_buf_fini(&buf);
}

/* printf tries in the room there is and so overwrites what lies behind the end; a failure must not show it.
 */
static void test_a_printf_that_fails_leaves_no_trace(void **state)
{
    (void)state;
    struct qn_buf buf;
    qn_buf_init(&buf, 10);
    assert_int_equal(qn_buf_printf(&buf, "%s", "0123456789"), QN_OK);
    qn_buf_clear(&buf);
    assert_int_equal(qn_buf_write_c(&buf, "abc"), QN_OK);
    assert_int_equal(qn_buf_printf(&buf, "%s", "defghijk"), QN_RESOURCE_EXHAUSTED);
    assert_string_equal(buf.data, "abc");
    assert_int_equal(buf.len, 3);
    qn_buf_fini(&buf);
}

static void test_a_printf_longer_than_the_room(void **state)
{
    (void)state;
    struct qn_buf buf;
    qn_buf_init(&buf, 1000);
    qn_buf_write_c(&buf, "start ");
    assert_int_equal(qn_buf_printf(&buf, "%0500d", 7), QN_OK);
    assert_int_equal(buf.len, 506);
    assert_int_equal(buf.data[505], '7');
    qn_buf_fini(&buf);
}

static void test_reserve_and_commit(void **state)
{
    (void)state;
    struct qn_buf buf;
    qn_buf_init(&buf, 100);
    char *at = qn_buf_reserve(&buf, 100);
    assert_non_null(at);
    memcpy(at, "hello", 5);
    qn_buf_commit(&buf, 5);
    assert_string_equal(buf.data, "hello");
    assert_null(qn_buf_reserve(&buf, 96));
    assert_true(qn_buf_failed(&buf));
    qn_buf_fini(&buf);
}

static void test_lengths_near_the_largest_do_not_overflow(void **state)
{
    (void)state;
    struct qn_buf buf;
    qn_buf_init(&buf, PTRDIFF_MAX - 1);
    qn_buf_write_c(&buf, "x");
    assert_null(qn_buf_reserve(&buf, SIZE_MAX));
    assert_true(qn_buf_failed(&buf));
    qn_buf_fini(&buf);
}

static void commit_too_much(void *context)
{
    struct qn_buf *buf = context;
    qn_buf_commit(buf, 100);
}

static void test_more_than_was_reserved_cannot_be_committed(void **state)
{
    (void)state;
    struct qn_buf buf;
    qn_buf_init(&buf, 1000);
    assert_non_null(qn_buf_reserve(&buf, 10));
    assert_dies(commit_too_much, &buf, "len < buf->capacity - buf->len");
    qn_buf_fini(&buf);
}

static void test_fixed_numbers_are_little_endian(void **state)
{
    (void)state;
    struct qn_reader reader = qn_reader_of(QN_STR("\x01\x02\x03\x04\x05\x08\x07\x06\x05\x04\x03\x02\x81"));
    uint8_t u8;
    uint32_t u32;
    uint64_t u64;
    assert_int_equal(qn_reader_u8(&reader, &u8), QN_OK);
    assert_int_equal(u8, 1);
    assert_int_equal(qn_reader_u32le(&reader, &u32), QN_OK);
    assert_int_equal(u32, 0x05040302);
    assert_int_equal(qn_reader_u64le(&reader, &u64), QN_OK);
    assert_true(u64 == 0x8102030405060708u);
    assert_int_equal(qn_reader_left(&reader), 0);
    assert_int_equal(qn_reader_u8(&reader, &u8), QN_INVALID_ARGUMENT);
}

static void test_too_few_bytes_move_nothing(void **state)
{
    (void)state;
    struct qn_reader reader = qn_reader_of(QN_STR("abc"));
    uint32_t u32;
    uint64_t u64;
    struct qn_str view;
    assert_int_equal(qn_reader_u32le(&reader, &u32), QN_INVALID_ARGUMENT);
    assert_int_equal(qn_reader_u64le(&reader, &u64), QN_INVALID_ARGUMENT);
    assert_int_equal(qn_reader_view(&reader, 4, &view), QN_INVALID_ARGUMENT);
    assert_int_equal(qn_reader_view(&reader, SIZE_MAX, &view), QN_INVALID_ARGUMENT);
    assert_int_equal(qn_reader_left(&reader), 3);
    assert_int_equal(qn_reader_view(&reader, 3, &view), QN_OK);
    assert_str(view, "abc");
    assert_int_equal(qn_reader_view(&reader, 0, &view), QN_OK);

    reader = qn_reader_of(qn_str_n(NULL, 0));
    assert_int_equal(qn_reader_left(&reader), 0);
    assert_int_equal(qn_reader_view(&reader, 1, &view), QN_INVALID_ARGUMENT);
}

static void test_varints(void **state)
{
    (void)state;
    static const struct {
        struct qn_str bytes;
        uint64_t value;
    } good[] = {
        {{"\x00", 1}, 0},
        {{"\x7f", 1}, 127},
        {{"\x96\x01", 2}, 150}, /* the example of protobuf's own page */
        {{"\x80\x00", 2}, 0},   /* longer than need be, allowed */
        {{"\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01", 10}, UINT64_MAX},
    };
    for (size_t i = 0; i < QN_COUNT(good); i++) {
        struct qn_reader reader = qn_reader_of(good[i].bytes);
        uint64_t value;
        assert_int_equal(qn_reader_varint(&reader, &value), QN_OK);
        assert_true(value == good[i].value);
        assert_int_equal(qn_reader_left(&reader), 0);
    }
    static const struct qn_str bad[] = {
        {"", 0},
        {"\x80", 1},                                          /* cut */
        {"\xff\xff\xff\xff\xff\xff\xff\xff\xff\x02", 10},     /* 65 bits */
        {"\x80\x80\x80\x80\x80\x80\x80\x80\x80\x80\x01", 11}, /* eleven bytes */
    };
    for (size_t i = 0; i < QN_COUNT(bad); i++) {
        struct qn_reader reader = qn_reader_of(bad[i]);
        uint64_t value;
        assert_int_equal(qn_reader_varint(&reader, &value), QN_INVALID_ARGUMENT);
        assert_int_equal(qn_reader_left(&reader), bad[i].len);
    }
}

/* Every length, at the end of the bytes and before others: short ones are read eight bytes at a time. */
static void test_varints_of_every_length(void **state)
{
    (void)state;
    for (int bits = 0; bits <= 64; bits++) {
        for (size_t behind = 0; behind <= 9; behind++) {
            /* As many bits as said, the lowest and some between set. */
            uint64_t value = bits == 0 ? 0
                                       : (UINT64_C(1) << (bits - 1)) |
                                             (0x5a5a3c3c96961u & ((UINT64_C(1) << (bits - 1)) - 1)) | 1;
            uint8_t bytes[20];
            size_t len = 0;
            for (uint64_t rest = value; len == 0 || rest > 0; rest >>= 7)
                bytes[len++] = (uint8_t)((rest & 0x7f) | (rest >= 0x80 ? 0x80 : 0));
            memset(bytes + len, 0xff, behind);
            struct qn_reader reader = qn_reader_of(qn_str_n((char *)bytes, len + behind));
            uint64_t read;
            assert_int_equal(qn_reader_varint(&reader, &read), QN_OK);
            assert_true(read == value);
            assert_int_equal(qn_reader_left(&reader), behind);
            if (len > 1) {
                reader = qn_reader_of(qn_str_n((char *)bytes, len - 1)); /* cut */
                assert_int_equal(qn_reader_varint(&reader, &read), QN_INVALID_ARGUMENT);
                assert_int_equal(qn_reader_left(&reader), len - 1);
            }
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_writes_follow_one_another),
        cmocka_unit_test(test_it_grows),
        cmocka_unit_test(test_the_ceiling_holds_and_failure_stays),
        cmocka_unit_test(test_a_printf_that_fails_leaves_no_trace),
        cmocka_unit_test(test_a_printf_longer_than_the_room),
        cmocka_unit_test(test_reserve_and_commit),
        cmocka_unit_test(test_lengths_near_the_largest_do_not_overflow),
        cmocka_unit_test(test_more_than_was_reserved_cannot_be_committed),
        cmocka_unit_test(test_fixed_numbers_are_little_endian),
        cmocka_unit_test(test_too_few_bytes_move_nothing),
        cmocka_unit_test(test_varints),
        cmocka_unit_test(test_varints_of_every_length),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
