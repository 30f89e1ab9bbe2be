#include <float.h>
#include <stdlib.h>

#include "auth.pb-c.h"
#include "common/core/buf.h"
#include "common/core/check.h"
#include "common/rpc/pack.h"
#include "common/rpc/precheck.h"
#include "kinds.pb-c.h"
#include "tests/harness/test.h"

/* protobuf-c is the measure: the same bytes. */

static void expect_same(const void *message)
{
    const ProtobufCMessage *base = message;
    size_t wanted_len = protobuf_c_message_get_packed_size(base), len = 0;
    char *wanted = malloc(wanted_len + 1), *bytes = malloc(wanted_len + 1);
    assert_true(wanted && bytes);
    assert_int_equal(protobuf_c_message_pack(base, (uint8_t *)wanted), wanted_len);
    assert_int_equal(qn_pack_measure(base, &len, NULL), QN_OK);
    assert_int_equal(len, wanted_len);
    assert_ptr_equal(qn_pack_write(base, bytes + len), bytes);
    assert_memory_equal(bytes, wanted, len);
    free(wanted);
    free(bytes);
}

static void test_pack(void **state)
{
    (void)state;
    struct qn_arena arena;
    qn_arena_init(&arena, 1000);
    Quintet__Auth__V1__SignInRequest in = QUINTET__AUTH__V1__SIGN_IN_REQUEST__INIT;
    in.email = (char *)"a@b.example";
    struct qn_str bytes;
    assert_int_equal(qn_pack(&in, &arena, &bytes), QN_OK);
    void *out;
    assert_int_equal(qn_unpack(&quintet__auth__v1__sign_in_request__descriptor, bytes, &arena, &out, NULL),
                     QN_OK);
    assert_string_equal(((Quintet__Auth__V1__SignInRequest *)out)->email, "a@b.example");
    in.email = (char *)"a\xff"; /* what no peer would take is not sent */
    assert_int_equal(qn_pack(&in, &arena, &bytes), QN_INVALID_ARGUMENT);
    qn_arena_fini(&arena);
    qn_arena_init(&arena, 8);
    in.email = (char *)"a@b.example";
    assert_int_equal(qn_pack(&in, &arena, &bytes), QN_RESOURCE_EXHAUSTED);
    qn_arena_fini(&arena);
}

static void test_every_kind(void **state)
{
    (void)state;
    static const int64_t numbers[] = {0,   1,     -1,    63,        64,        -64,       -65,      127,
                                      128, 16383, 16384, INT32_MAX, INT32_MIN, INT64_MAX, INT64_MIN};
    for (size_t i = 0; i < QN_COUNT(numbers); i++) {
        Quintet__Test__V1__Kinds m = QUINTET__TEST__V1__KINDS__INIT;
        int64_t wide[] = {numbers[i], 0, 5};
        int32_t narrow[] = {(int32_t)numbers[i], 0, 5};
        protobuf_c_boolean flags[] = {numbers[i] != 0, 0, 1};
        m.an_int32 = m.a_sint32 = m.a_sfixed32 = narrow[0];
        m.a_uint32 = m.a_fixed32 = (uint32_t)narrow[0];
        m.an_int64 = m.a_sint64 = m.a_sfixed64 = wide[0];
        m.a_uint64 = m.a_fixed64 = (uint64_t)wide[0];
        m.a_bool = flags[0];
        m.a_colour = (Quintet__Test__V1__Colour)narrow[0];
        m.n_many_int32 = m.n_many_uint32 = m.n_many_sint32 = m.n_many_fixed32 = m.n_many_sfixed32 =
            m.n_many_colour = 3;
        m.many_int32 = m.many_sint32 = m.many_sfixed32 = narrow;
        m.many_uint32 = m.many_fixed32 = (uint32_t *)narrow;
        m.many_colour = (Quintet__Test__V1__Colour *)narrow;
        m.n_many_int64 = m.n_many_uint64 = m.n_many_sint64 = m.n_many_fixed64 = m.n_many_sfixed64 = 3;
        m.many_int64 = m.many_sint64 = m.many_sfixed64 = wide;
        m.many_uint64 = m.many_fixed64 = (uint64_t *)wide;
        m.n_many_bool = 3;
        m.many_bool = flags;
        expect_same(&m);
    }
}

static void test_fractions(void **state)
{
    (void)state;
    static const double numbers[] = {0.0, -0.0, 1.5, -DBL_MIN, DBL_MAX, 1e-40};
    for (size_t i = 0; i < QN_COUNT(numbers); i++) {
        Quintet__Test__V1__Kinds m = QUINTET__TEST__V1__KINDS__INIT;
        double doubles[] = {numbers[i], -0.0};
        float floats[] = {(float)(numbers[i] / 1e280), -0.0f};
        m.a_double = doubles[0];
        m.a_float = floats[0];
        m.n_many_double = m.n_many_float = 2;
        m.many_double = doubles;
        m.many_float = floats;
        expect_same(&m);
    }
}

/* Empty, of one byte of length and of two; inner messages empty and full. */
static void test_text_bytes_and_messages(void **state)
{
    (void)state;
    static char text[301];
    memset(text, 'x', 300);
    static const size_t lens[] = {0, 1, 127, 128, 300};
    for (size_t i = 0; i < QN_COUNT(lens); i++) {
        text[lens[i]] = '\0';
        Quintet__Test__V1__Kinds m = QUINTET__TEST__V1__KINDS__INIT;
        Quintet__Test__V1__Leaf leaf = QUINTET__TEST__V1__LEAF__INIT, empty = QUINTET__TEST__V1__LEAF__INIT;
        Google__Protobuf__Timestamp time = GOOGLE__PROTOBUF__TIMESTAMP__INIT;
        char *texts[] = {text, (char *)"", text};
        ProtobufCBinaryData bytes[] = {{lens[i], (uint8_t *)text}, {0, NULL}};
        Quintet__Test__V1__Leaf *leaves[] = {&leaf, &empty, &leaf};
        leaf.name = text;
        time.seconds = -1;
        m.a_string = text;
        m.some_bytes = bytes[0];
        m.a_leaf = lens[i] ? &leaf : &empty;
        m.a_time = &time;
        m.n_many_string = m.n_many_leaf = 3;
        m.many_string = texts;
        m.many_leaf = leaves;
        m.n_many_bytes = 2;
        m.many_bytes = bytes;
        expect_same(&m);
        m.choice_case = QUINTET__TEST__V1__KINDS__CHOICE_ONE_STRING;
        m.one_string = text;
        expect_same(&m);
        m.one_string = (char *)protobuf_c_empty_string;
        expect_same(&m);
        m.one_string = NULL;
        expect_same(&m);
        m.choice_case = QUINTET__TEST__V1__KINDS__CHOICE_ONE_BOOL;
        m.one_string = NULL;
        m.one_bool = lens[i] > 1;
        expect_same(&m);
        text[lens[i]] = 'x';
    }
}

static void expect_refused(const void *message, const char *says)
{
    struct qn_error err = {0};
    size_t len;
    assert_int_equal(qn_pack_measure(message, &len, &err), QN_INVALID_ARGUMENT);
    if (strstr(err.message, says) == NULL)
        fail_msg("'%s' does not say '%s'", err.message, says);
}

/* What qn_precheck() refuses at the other end. */
static void test_what_no_peer_would_take(void **state)
{
    (void)state;
    Quintet__Test__V1__Kinds m = QUINTET__TEST__V1__KINDS__INIT;
    char *texts[] = {(char *)"good", (char *)"\xc3"};
    m.n_many_string = 2;
    m.many_string = texts;
    expect_refused(&m, "many_string: text that is not UTF-8");

    enum { MAX = QN_PRECHECK_FIELDS_MAX };
    static protobuf_c_boolean flags[MAX];
    static char wire[MAX + 8];
    Quintet__Test__V1__Kinds many = QUINTET__TEST__V1__KINDS__INIT;
    many.many_bool = flags;
    for (size_t n = MAX - 3; n <= MAX; n++) {
        many.n_many_bool = n;
        size_t len = protobuf_c_message_get_packed_size(&many.base), measured;
        assert_true(len <= sizeof wire);
        protobuf_c_message_pack(&many.base, (uint8_t *)wire);
        assert_int_equal(qn_pack_measure(&many.base, &measured, NULL),
                         qn_precheck(many.base.descriptor, qn_str_n(wire, len), NULL));
    }
    many.n_many_bool = MAX;
    expect_refused(&many, "too many fields");

    enum { DEEPEST = QN_PRECHECK_NESTING_MAX };
    Quintet__Test__V1__Leaf leaves[DEEPEST + 1], *inner[DEEPEST];
    for (int i = 0; i <= DEEPEST; i++)
        quintet__test__v1__leaf__init(&leaves[i]);
    for (int i = 0; i < DEEPEST; i++) {
        inner[i] = &leaves[i + 1];
        leaves[i].leaves = &inner[i];
        leaves[i].n_leaves = 1;
    }
    expect_same(&leaves[1]);
    expect_refused(&leaves[0], "nested too deeply");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_pack),
        cmocka_unit_test(test_every_kind),
        cmocka_unit_test(test_fractions),
        cmocka_unit_test(test_text_bytes_and_messages),
        cmocka_unit_test(test_what_no_peer_would_take),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
