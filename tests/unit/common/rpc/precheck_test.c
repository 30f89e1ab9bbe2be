#include <stdlib.h>

#include "common/core/buf.h"
#include "common/core/check.h"
#include "common/rpc/precheck.h"
#include "kinds.pb-c.h"
#include "tests/harness/test.h"

/* Bytes written by hand: what protobuf-c alone would take, cut or stumble over. */

#define BYTES(literal) ((struct qn_str){literal, sizeof(literal) - 1})
static const ProtobufCMessageDescriptor *const kinds = &quintet__test__v1__kinds__descriptor;
static const ProtobufCMessageDescriptor *const leaf = &quintet__test__v1__leaf__descriptor;

static void expect_good(const ProtobufCMessageDescriptor *descriptor, struct qn_str bytes)
{
    struct qn_error err = {0};
    if (qn_precheck(descriptor, bytes, &err) != QN_OK)
        fail_msg("refused: %s", err.message);
}

static void expect_bad(const ProtobufCMessageDescriptor *descriptor, struct qn_str bytes, const char *says)
{
    struct qn_error err = {0};
    assert_int_equal(qn_precheck(descriptor, bytes, &err), QN_INVALID_ARGUMENT);
    assert_int_equal(err.status, QN_INVALID_ARGUMENT);
    if (strstr(err.message, says) == NULL)
        fail_msg("'%s' does not say '%s'", err.message, says);
    assert_int_equal(qn_precheck(descriptor, bytes, NULL), QN_INVALID_ARGUMENT); /* words are optional */
}

static void test_empty(void **state)
{
    (void)state;
    expect_good(kinds, BYTES(""));
    expect_good(kinds, (struct qn_str){NULL, 0});
}

static void test_numbers(void **state)
{
    (void)state;
    expect_good(kinds, BYTES("\x08\x01"));                                                /* an_int32 = 1 */
    expect_good(kinds, BYTES("\x10\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01"));            /* an_int64 = -1 */
    expect_bad(kinds, BYTES("\x10\xff\xff\xff\xff\xff\xff\xff\xff\xff\x02"), "an_int64"); /* 65 bits */
    expect_bad(kinds, BYTES("\x10\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01"), "an_int64"); /* eleven */
    expect_bad(kinds, BYTES("\x08"), "an_int32");
    expect_bad(kinds, BYTES("\x08\x80"), "an_int32");
    expect_good(kinds, BYTES("\x3d\x01\x02\x03\x04")); /* a_fixed32 */
    expect_bad(kinds, BYTES("\x3d\x01\x02\x03"), "a_fixed32");
    expect_good(kinds, BYTES("\x41\x01\x02\x03\x04\x05\x06\x07\x08")); /* a_fixed64 */
    expect_bad(kinds, BYTES("\x41\x01\x02\x03\x04\x05\x06\x07"), "a_fixed64");
}

static void test_text(void **state)
{
    (void)state;
    expect_good(kinds, BYTES("\x72\x02\xc3\xa4"));
    expect_good(kinds, BYTES("\x72\x00"));
    expect_bad(kinds, BYTES("\x72\x01\xff"), "UTF-8");
    expect_bad(kinds, BYTES("\x72\x03\xed\xa0\x80"), "UTF-8"); /* a lone surrogate */
    expect_bad(kinds, BYTES("\x72\x02\xc0\x80"), "UTF-8");     /* NUL, overlong */
    /* protobuf-c would hand on "a": two readers, two texts. */
    expect_bad(kinds,
               BYTES("\x72\x03"
                     "a\0b"),
               "NUL");
    expect_bad(kinds, BYTES("\x92\x02\x01\xff"), "many_string");
    expect_good(kinds, BYTES("\x7a\x03"
                             "a\0\xff")); /* bytes may be anything */
}

static void test_lengths(void **state)
{
    (void)state;
    expect_bad(kinds,
               BYTES("\x72\x02"
                     "a"),
               "length past the end");
    expect_bad(kinds, BYTES("\x72\xff\xff\xff\xff\x0f"), "length past the end");
    expect_bad(kinds, BYTES("\x72\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01"), "length past the end");
    expect_bad(kinds, BYTES("\x72\x80\x80\x80\x80\x80\x00"), "length past the end"); /* six bytes for 0 */
    expect_bad(kinds, BYTES("\x72"), "length past the end");
}

static void test_field_numbers(void **state)
{
    (void)state;
    expect_bad(kinds, BYTES("\x00\x01"), "field number");                     /* 0 */
    expect_bad(kinds, BYTES("\x80\x00\x01"), "field number");                 /* 0, overlong */
    expect_bad(kinds, BYTES("\x80\x80\x80\x80\x10\x01"), "field number");     /* 2^29 */
    expect_bad(kinds, BYTES("\x88\x80\x80\x80\x80\x00\x01"), "field number"); /* 1, in six bytes */
    expect_bad(kinds, BYTES("\x80"), "field number");
    expect_good(kinds, BYTES("\xf8\xff\xff\xff\x0f\x01")); /* the largest there is, unknown */
}

/* Ours to skip, in every sound form; the walk does not lose its way. */
static void test_unknown_fields(void **state)
{
    (void)state;
    expect_good(leaf, BYTES("\x78\x05"));
    expect_good(leaf, BYTES("\x79\x01\x02\x03\x04\x05\x06\x07\x08"));
    expect_good(leaf, BYTES("\x7a\x02\xff\x00"));
    expect_good(leaf, BYTES("\x7d\x01\x02\x03\x04"));
    expect_bad(leaf, BYTES("\x7a\x02\xff"), "length");
    expect_bad(leaf, BYTES("\x7a\x01\x00\x0a\x01\xff"), "Leaf.name");
}

static void test_groups_and_unknown_wire_types(void **state)
{
    (void)state;
    expect_bad(leaf, BYTES("\x7b\x7c"), "group");
    expect_bad(leaf, BYTES("\x7c"), "group");
    expect_bad(leaf, BYTES("\x0b\x0c"), "group");
    expect_bad(leaf, BYTES("\x7e\x00"), "wire type");
    expect_bad(leaf, BYTES("\x7f\x00"), "wire type");
}

static void test_wrong_wire_types(void **state)
{
    (void)state;
    expect_bad(kinds, BYTES("\x0a\x01\x01"), "an_int32"); /* not an array: not packed */
    expect_bad(kinds, BYTES("\x09\x01\x02\x03\x04\x05\x06\x07\x08"), "an_int32");
    expect_bad(kinds, BYTES("\x70\x01"), "a_string");
    expect_bad(kinds, BYTES("\x88\x01\x01"), "a_leaf");
    expect_bad(kinds, BYTES("\x38\x01"), "a_fixed32");
    expect_bad(kinds, BYTES("\x90\x02\x01"), "many_string");
}

static void test_arrays(void **state)
{
    (void)state;
    expect_good(kinds, BYTES("\xa8\x01\x05\xa8\x01\x06"));          /* many_int32, one by one */
    expect_good(kinds, BYTES("\xaa\x01\x03\x05\x86\x01"));          /* packed */
    expect_good(kinds, BYTES("\xaa\x01\x00"));                      /* none */
    expect_bad(kinds, BYTES("\xaa\x01\x02\x05\x86"), "many_int32"); /* the last is cut */
    expect_good(kinds, BYTES("\xda\x01\x04\x01\x02\x03\x04"));      /* many_fixed32 */
    expect_bad(kinds, BYTES("\xda\x01\x05\x01\x02\x03\x04\x05"), "many_fixed32");
    expect_bad(kinds, BYTES("\xe2\x01\x04\x01\x02\x03\x04"), "many_fixed64");
}

/* protobuf-c would merge the two, wrongly in proto3. Scalars given twice are what encoders may do: the last
 * counts. */
static void test_message_given_twice(void **state)
{
    (void)state;
    expect_good(kinds, BYTES("\x8a\x01\x00"));
    expect_bad(kinds, BYTES("\x8a\x01\x00\x8a\x01\x00"), "a_leaf: given twice");
    expect_bad(kinds, BYTES("\xca\x03\x00\xca\x03\x00"), "one_leaf: given twice");
    expect_good(kinds, BYTES("\xaa\x02\x00\xaa\x02\x00")); /* many_leaf */
    expect_good(kinds, BYTES("\x08\x01\x08\x02"));
}

/* Leaf.child in Leaf.child …: 'depth' messages in all. */
static struct qn_str nested(size_t depth, char *room, size_t room_len)
{
    char *at = room + room_len;
    for (size_t i = 1; i < depth; i++) {
        size_t len = (size_t)(room + room_len - at);
        assert_true(len < 128);
        *--at = (char)len;
        *--at = 0x1a;
    }
    return qn_str_n(at, (size_t)(room + room_len - at));
}

static void test_nesting(void **state)
{
    (void)state;
    char room[64];
    expect_good(leaf, nested(16, room, sizeof(room)));
    expect_bad(leaf, nested(17, room, sizeof(room)), "nested too deeply");
}

/* 65,536 fields in all: known, unknown, packed, nested. */
static void test_number_of_fields(void **state)
{
    (void)state;
    enum { MAX = 65536 };
    char *bytes = malloc(2 * (MAX + 1));
    for (size_t i = 0; i <= MAX; i++)
        memcpy(bytes + 2 * i, "\x08\x01", 2);
    expect_good(kinds, qn_str_n(bytes, 2 * MAX));
    expect_bad(kinds, qn_str_n(bytes, 2 * (MAX + 1)), "too many fields");
    /* One packed array; its own field counts too. */
    memset(bytes, 1, MAX + 10);
    memcpy(bytes, "\xaa\x01\xff\xff\x03", 5); /* 65,535 elements */
    expect_good(kinds, qn_str_n(bytes, 5 + MAX - 1));
    memcpy(bytes, "\xaa\x01\x80\x80\x04", 5);
    expect_bad(kinds, qn_str_n(bytes, 5 + MAX), "too many fields");
    free(bytes);
}

static void test_unpack(void **state)
{
    (void)state;
    struct qn_arena arena;
    qn_arena_init(&arena, 10000);
    void *out;
    struct qn_str bytes = BYTES("\x08\x05\x72\x02hi\xaa\x01\x02\x07\x08\x8a\x01\x03\x0a\x01x\x7a\x01\x00");
    assert_int_equal(qn_unpack(kinds, bytes, &arena, &out, NULL), QN_OK);
    const Quintet__Test__V1__Kinds *message = out;
    assert_int_equal(message->an_int32, 5);
    assert_string_equal(message->a_string, "hi");
    assert_int_equal(message->n_many_int32, 2);
    assert_int_equal(message->many_int32[1], 8);
    assert_string_equal(message->a_leaf->name, "x");
    assert_int_equal(message->some_bytes.len, 1);
    qn_arena_fini(&arena);
    assert_int_equal(qn_unpack(kinds, BYTES("\x72\x01\xff"), &arena, &out, NULL), QN_INVALID_ARGUMENT);
    qn_arena_fini(&arena);
}

/* An array grows while its elements come, packed and one by one in turn. */
static void test_unpack_arrays(void **state)
{
    (void)state;
    enum { ROUNDS = 300 };
    struct qn_arena arena;
    struct qn_buf bytes;
    void *out;
    qn_arena_init(&arena, 1 << 20);
    qn_buf_init(&bytes, 1 << 20);
    for (int i = 0; i < ROUNDS; i++) {
        const char round[] = {'\xaa', 1, 3, (char)(i & 0x7f),    7, 8, '\xa8', 1, 9,
                              '\x92', 2, 1, (char)('a' + i % 26)};
        qn_buf_write(&bytes, round, sizeof(round));
    }
    assert_int_equal(qn_unpack(kinds, qn_buf_view(&bytes), &arena, &out, NULL), QN_OK);
    const Quintet__Test__V1__Kinds *message = out;
    assert_int_equal(message->n_many_int32, 4 * ROUNDS);
    assert_int_equal(message->n_many_string, ROUNDS);
    for (int i = 0; i < ROUNDS; i++) {
        assert_int_equal(message->many_int32[4 * i], i & 0x7f);
        assert_int_equal(message->many_int32[4 * i + 1], 7);
        assert_int_equal(message->many_int32[4 * i + 2], 8);
        assert_int_equal(message->many_int32[4 * i + 3], 9);
        assert_str(qn_str_c(message->many_string[i]), ((char[]){(char)('a' + i % 26), '\0'}));
    }
    qn_buf_fini(&bytes);
    qn_arena_fini(&arena);
}

static void test_unpack_takes_the_last(void **state)
{
    (void)state;
    struct qn_arena arena;
    void *out;
    qn_arena_init(&arena, 10000);
    /* a_string twice; one_int32 = 5, one_string = "v"; an unknown field, which is not kept */
    struct qn_str bytes = BYTES("\x72\x01"
                                "a\x72\x01"
                                "b\xc8\x02\x05\xb2\x03\x01v\xc0\x3e\x01");
    assert_int_equal(qn_unpack(kinds, bytes, &arena, &out, NULL), QN_OK);
    const Quintet__Test__V1__Kinds *message = out;
    assert_string_equal(message->a_string, "b");
    assert_int_equal(message->choice_case, QUINTET__TEST__V1__KINDS__CHOICE_ONE_STRING);
    assert_string_equal(message->one_string, "v");
    assert_int_equal(message->base.n_unknown_fields, 0);
    assert_null(message->a_leaf);
    qn_arena_fini(&arena);
}

/* Malformed is malformed, however little memory there is. */
static void test_unpack_tells_what_is_malformed_behind_a_full_arena(void **state)
{
    (void)state;
    struct qn_str bytes = BYTES("\x72\x02hi\x8a\x01\x03\x0a\x01x\xaa\x01\x02\x07\x08\x92\x02\x01\xff");
    for (size_t ceiling = 1; ceiling < 2000; ceiling += 16) {
        struct qn_arena arena;
        struct qn_error err = {0};
        void *out;
        qn_arena_init(&arena, ceiling);
        assert_int_equal(qn_unpack(kinds, bytes, &arena, &out, &err), QN_INVALID_ARGUMENT);
        assert_non_null(strstr(err.message, "many_string"));
        qn_arena_fini(&arena);
    }
}

/* Whatever the arena's ceiling: the message, or RESOURCE_EXHAUSTED, and no harm (ASan looks on). */
static void test_every_ceiling(void **state)
{
    (void)state;
    struct qn_str bytes =
        BYTES("\x08\x05\x72\x02hi\xaa\x01\x02\x07\x08\xaa\x02\x03\x0a\x01x\xaa\x02\x05\x0a\x01y\x1a\x00"
              "\x92\x02\x01z\x92\x02\x01w\x9a\x02\x02\x00\x01\xca\x03\x03\x0a\x01v\xc0\x3e\x01");
    bool fitted = false;
    for (size_t ceiling = 1; ceiling < 4000; ceiling += 8) {
        struct qn_arena arena;
        qn_arena_init(&arena, ceiling);
        void *out = NULL;
        enum qn_status status = qn_unpack(kinds, bytes, &arena, &out, NULL);
        assert_true(status == QN_OK || (status == QN_RESOURCE_EXHAUSTED && !fitted));
        fitted = status == QN_OK;
        qn_arena_fini(&arena);
    }
    assert_true(fitted);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_empty),
        cmocka_unit_test(test_numbers),
        cmocka_unit_test(test_text),
        cmocka_unit_test(test_lengths),
        cmocka_unit_test(test_field_numbers),
        cmocka_unit_test(test_unknown_fields),
        cmocka_unit_test(test_groups_and_unknown_wire_types),
        cmocka_unit_test(test_wrong_wire_types),
        cmocka_unit_test(test_arrays),
        cmocka_unit_test(test_message_given_twice),
        cmocka_unit_test(test_nesting),
        cmocka_unit_test(test_number_of_fields),
        cmocka_unit_test(test_unpack),
        cmocka_unit_test(test_unpack_arrays),
        cmocka_unit_test(test_unpack_takes_the_last),
        cmocka_unit_test(test_unpack_tells_what_is_malformed_behind_a_full_arena),
        cmocka_unit_test(test_every_ceiling),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
