#include <float.h>
#include <math.h>

#include "common/core/check.h"
#include "common/json/transcode.h"
#include "kinds.pb-c.h"
#include "tests/harness/test.h"

/* protobuf-c's structs hold text that they may free, so not const. */
#define TEXT(literal) ((char *)"" literal)

enum { ROOM = 1024 * 1024 };

static void assert_says(const void *message, const char *json)
{
    struct qn_buf to;
    qn_buf_init(&to, ROOM);
    assert_int_equal(qn_json_from_message(message, &to), QN_OK);
    assert_str(qn_buf_view(&to), json);
    qn_buf_fini(&to);
}

static void assert_cannot_say(const void *message)
{
    struct qn_buf to;
    qn_buf_init(&to, ROOM);
    assert_int_equal(qn_json_from_message(message, &to), QN_INTERNAL);
    qn_buf_fini(&to);
}

static void defaults_are_left_out(void **state)
{
    (void)state;
    Quintet__Test__V1__Kinds k = QUINTET__TEST__V1__KINDS__INIT;
    assert_says(&k, "{}");
    k.a_string = NULL; /* protobuf-c takes it for "" */
    k.a_double = -0.0; /* and leaves this out */
    assert_says(&k, "{}");
}

static void every_scalar_is_said(void **state)
{
    (void)state;
    Quintet__Test__V1__Leaf leaf = QUINTET__TEST__V1__LEAF__INIT;
    leaf.name = TEXT("lea\"f");
    Google__Protobuf__Timestamp time = GOOGLE__PROTOBUF__TIMESTAMP__INIT;
    time.seconds = 1795407356;
    time.nanos = 500000000;
    Quintet__Test__V1__Kinds k = QUINTET__TEST__V1__KINDS__INIT;
    k.an_int32 = INT32_MIN;
    k.an_int64 = INT64_MIN;
    k.a_uint32 = UINT32_MAX;
    k.a_uint64 = UINT64_MAX;
    k.a_sint32 = -5;
    k.a_sint64 = -6;
    k.a_fixed32 = 7;
    k.a_fixed64 = 8;
    k.a_sfixed32 = -9;
    k.a_sfixed64 = -10;
    k.a_float = 0.1f;
    k.a_double = 0.1;
    k.a_bool = 1;
    k.a_string = TEXT("é\n/");
    k.some_bytes = (ProtobufCBinaryData){.len = 4, .data = (uint8_t *)"\x00\xff\xfe\x01"};
    k.a_colour = QUINTET__TEST__V1__COLOUR__COLOUR_NONE;
    k.a_leaf = &leaf;
    k.a_time = &time;
    assert_says(&k,
                "{\"anInt32\":-2147483648,\"anInt64\":\"-9223372036854775808\",\"aUint32\":4294967295,"
                "\"aUint64\":\"18446744073709551615\",\"aSint32\":-5,\"aSint64\":\"-6\",\"aFixed32\":7,"
                "\"aFixed64\":\"8\",\"aSfixed32\":-9,\"aSfixed64\":\"-10\",\"aFloat\":0.1,\"aDouble\":0.1,"
                "\"aBool\":true,\"aString\":\"é\\n/\",\"someBytes\":\"AP/+AQ==\",\"aColour\":\"COLOUR_NONE\","
                "\"aLeaf\":{\"name\":\"lea\\\"f\"},\"aTime\":\"2026-11-23T04:15:56.500Z\"}");
}

static void every_repeated_field_is_said_with_its_defaults(void **state)
{
    (void)state;
    Quintet__Test__V1__Kinds k = QUINTET__TEST__V1__KINDS__INIT;
    int32_t i32[] = {0, -1};
    int64_t i64[] = {0, -1};
    uint32_t u32[] = {0, 1};
    uint64_t u64[] = {0, 1};
    float f[] = {0, -0.0f, NAN, INFINITY, -INFINITY, FLT_MAX};
    double d[] = {0, -0.0, (double)NAN, (double)INFINITY, (double)-INFINITY, 1e21};
    protobuf_c_boolean b[] = {0, 1, 5};
    char *s[] = {TEXT(""), TEXT("x")};
    ProtobufCBinaryData by[] = {{0, NULL}, {1, (uint8_t *)"a"}};
    Quintet__Test__V1__Colour c[] = {QUINTET__TEST__V1__COLOUR__COLOUR_UNSPECIFIED,
                                     QUINTET__TEST__V1__COLOUR__COLOUR_AZURE, (Quintet__Test__V1__Colour)77};
    Quintet__Test__V1__Leaf empty = QUINTET__TEST__V1__LEAF__INIT, full = QUINTET__TEST__V1__LEAF__INIT;
    Quintet__Test__V1__Leaf *leaves[] = {&empty, &full};
    full.name = TEXT("n");
    Google__Protobuf__Timestamp time = GOOGLE__PROTOBUF__TIMESTAMP__INIT;
    Google__Protobuf__Timestamp *times[] = {&time};
#define SET(field, array) k.field = array, k.n_##field = QN_COUNT(array)
    SET(many_int32, i32);
    SET(many_int64, i64);
    SET(many_uint32, u32);
    SET(many_uint64, u64);
    SET(many_sint32, i32);
    SET(many_sint64, i64);
    SET(many_fixed32, u32);
    SET(many_fixed64, u64);
    SET(many_sfixed32, i32);
    SET(many_sfixed64, i64);
    SET(many_float, f);
    SET(many_double, d);
    SET(many_bool, b);
    SET(many_string, s);
    SET(many_bytes, by);
    SET(many_colour, c);
    SET(many_leaf, leaves);
    SET(many_time, times);
#undef SET
    assert_says(
        &k, "{\"manyInt32\":[0,-1],\"manyInt64\":[\"0\",\"-1\"],\"manyUint32\":[0,1],\"manyUint64\":[\"0\","
            "\"1\"],"
            "\"manySint32\":[0,-1],\"manySint64\":[\"0\",\"-1\"],\"manyFixed32\":[0,1],"
            "\"manyFixed64\":[\"0\",\"1\"],\"manySfixed32\":[0,-1],\"manySfixed64\":[\"0\",\"-1\"],"
            "\"manyFloat\":[0,-0,\"NaN\",\"Infinity\",\"-Infinity\",3.4028235e+38],"
            "\"manyDouble\":[0,-0,\"NaN\",\"Infinity\",\"-Infinity\",1e+21],\"manyBool\":[false,true,true],"
            "\"manyString\":[\"\",\"x\"],\"manyBytes\":[\"\",\"YQ==\"],"
            "\"manyColour\":[\"COLOUR_UNSPECIFIED\",\"COLOUR_BLUE\",77],\"manyLeaf\":[{},{\"name\":\"n\"}],"
            "\"manyTime\":[\"1970-01-01T00:00:00Z\"]}");
}

static void a_oneofs_default_is_said(void **state)
{
    (void)state;
    Quintet__Test__V1__Leaf leaf = QUINTET__TEST__V1__LEAF__INIT;
    Google__Protobuf__Timestamp time = GOOGLE__PROTOBUF__TIMESTAMP__INIT;
    Quintet__Test__V1__Kinds k = QUINTET__TEST__V1__KINDS__INIT;
    k.choice_case = QUINTET__TEST__V1__KINDS__CHOICE_ONE_INT64;
    assert_says(&k, "{\"oneInt64\":\"0\"}");
    k.choice_case = QUINTET__TEST__V1__KINDS__CHOICE_ONE_DOUBLE;
    assert_says(&k, "{\"oneDouble\":0}");
    k.choice_case = QUINTET__TEST__V1__KINDS__CHOICE_ONE_BOOL;
    assert_says(&k, "{\"oneBool\":false}");
    k.choice_case = QUINTET__TEST__V1__KINDS__CHOICE_ONE_BYTES;
    assert_says(&k, "{\"oneBytes\":\"\"}");
    k.choice_case = QUINTET__TEST__V1__KINDS__CHOICE_ONE_COLOUR;
    assert_says(&k, "{\"oneColour\":\"COLOUR_UNSPECIFIED\"}");
    k.choice_case = QUINTET__TEST__V1__KINDS__CHOICE_ONE_STRING;
    k.one_string = TEXT("");
    assert_says(&k, "{\"oneString\":\"\"}");
    k.choice_case = QUINTET__TEST__V1__KINDS__CHOICE_ONE_LEAF;
    k.one_leaf = &leaf;
    assert_says(&k, "{\"oneLeaf\":{}}");
    k.choice_case = QUINTET__TEST__V1__KINDS__CHOICE_ONE_TIME;
    k.one_time = &time;
    assert_says(&k, "{\"oneTime\":\"1970-01-01T00:00:00Z\"}");
    k.one_time = NULL; /* protobuf-c packs nothing then */
    assert_says(&k, "{}");
}

static void bytes_of_any_length_are_base64(void **state)
{
    (void)state;
    uint8_t bytes[300];
    for (size_t i = 0; i < sizeof bytes; i++)
        bytes[i] = (uint8_t)(i * 7);
    for (size_t len = 1; len <= sizeof bytes; len++) {
        Quintet__Test__V1__Kinds k = QUINTET__TEST__V1__KINDS__INIT;
        k.some_bytes = (ProtobufCBinaryData){.len = len, .data = bytes};
        struct qn_buf to;
        struct qn_arena arena;
        void *back;
        qn_buf_init(&to, ROOM);
        qn_arena_init(&arena, ROOM);
        assert_int_equal(qn_json_from_message(&k, &to), QN_OK);
        assert_int_equal(
            qn_json_to_message(qn_buf_view(&to), &quintet__test__v1__kinds__descriptor, &arena, &back, NULL),
            QN_OK);
        const ProtobufCBinaryData *read = &((Quintet__Test__V1__Kinds *)back)->some_bytes;
        assert_int_equal(read->len, len);
        assert_memory_equal(read->data, bytes, len);
        qn_arena_fini(&arena);
        qn_buf_fini(&to);
    }
}

static void names_are_in_lower_camel_case(void **state)
{
    (void)state;
    Quintet__Test__V1__Names n = QUINTET__TEST__V1__NAMES__INIT;
    n._field_name3 = n.field_0_name6 = n.field_name11 = n.field_name17__ = 1;
    assert_says(&n, "{\"FieldName3\":1,\"field0Name6\":1,\"FIELDNAME11\":1,\"fieldName17\":1}");
}

static void what_json_cannot_say_is_an_internal_error(void **state)
{
    (void)state;
    Quintet__Test__V1__Kinds k = QUINTET__TEST__V1__KINDS__INIT;
    Google__Protobuf__Timestamp time = GOOGLE__PROTOBUF__TIMESTAMP__INIT;
    k.a_time = &time;
    time.seconds = 253402300800;
    assert_cannot_say(&k);
    time.seconds = 0;
    time.nanos = -1;
    assert_cannot_say(&k);
    k.a_time = NULL;
    k.a_string = TEXT("\xff");
    assert_cannot_say(&k);
    k.a_string = TEXT("");
    Quintet__Test__V1__Leaf *none[] = {NULL};
    k.many_leaf = none;
    k.n_many_leaf = 1;
    assert_cannot_say(&k);
    assert_cannot_say(NULL);
}

/* n leaves in each other. */
static void make_chain(Quintet__Test__V1__Leaf *chain, int n)
{
    for (int i = 0; i < n; i++) {
        quintet__test__v1__leaf__init(&chain[i]);
        chain[i].child = i + 1 < n ? &chain[i + 1] : NULL;
    }
}

/* No deeper than the reader would take back. */
static void assert_said_if(const Quintet__Test__V1__Leaf *leaf, bool expected)
{
    struct qn_buf to;
    struct qn_arena arena;
    void *back;
    qn_buf_init(&to, ROOM);
    qn_arena_init(&arena, ROOM);
    assert_int_equal(qn_json_from_message(leaf, &to), expected ? QN_OK : QN_INTERNAL);
    if (expected)
        assert_int_equal(qn_json_to_message(qn_buf_view(&to), leaf->base.descriptor, &arena, &back, NULL),
                         QN_OK);
    qn_arena_fini(&arena);
    qn_buf_fini(&to);
}

static void nesting_ends_at_64_levels(void **state)
{
    (void)state;
    Quintet__Test__V1__Leaf chain[66], innermost = QUINTET__TEST__V1__LEAF__INIT, *leaves[] = {&innermost};
    char *names[] = {TEXT("x")};
    for (int n = 60; n <= 66; n++) {
        make_chain(chain, n);
        assert_said_if(&chain[0], n <= 64);
        chain[n - 1].n_other_names = 1; /* an array is a level too */
        chain[n - 1].other_names = names;
        assert_said_if(&chain[0], n + 1 <= 64);
        chain[n - 1].n_other_names = 0;
        chain[n - 1].n_leaves = 1; /* and what stands in it another */
        chain[n - 1].leaves = leaves;
        assert_said_if(&chain[0], n + 2 <= 64);
    }
}

static void a_full_buffer_is_a_status(void **state)
{
    (void)state;
    Quintet__Test__V1__Kinds k = QUINTET__TEST__V1__KINDS__INIT;
    Google__Protobuf__Timestamp time = GOOGLE__PROTOBUF__TIMESTAMP__INIT;
    char *texts[] = {TEXT("a"), TEXT("b")};
    k.an_int32 = 1;
    k.a_string = TEXT("text");
    k.some_bytes = (ProtobufCBinaryData){.len = 4, .data = (uint8_t *)"abcd"};
    k.a_time = &time;
    k.many_string = texts;
    k.n_many_string = 2;
    static const char whole[] = "{\"anInt32\":1,\"aString\":\"text\",\"someBytes\":\"YWJjZA==\","
                                "\"aTime\":\"1970-01-01T00:00:00Z\",\"manyString\":[\"a\",\"b\"]}";
    for (size_t ceiling = 1; ceiling < sizeof whole + 2; ceiling++) {
        struct qn_buf to;
        qn_buf_init(&to, ceiling);
        assert_int_equal(qn_json_from_message(&k, &to),
                         ceiling < sizeof whole - 1 ? QN_RESOURCE_EXHAUSTED : QN_OK);
        if (ceiling >= sizeof whole - 1)
            assert_str(qn_buf_view(&to), whole);
        qn_buf_fini(&to);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(defaults_are_left_out),
        cmocka_unit_test(every_scalar_is_said),
        cmocka_unit_test(every_repeated_field_is_said_with_its_defaults),
        cmocka_unit_test(a_oneofs_default_is_said),
        cmocka_unit_test(bytes_of_any_length_are_base64),
        cmocka_unit_test(names_are_in_lower_camel_case),
        cmocka_unit_test(what_json_cannot_say_is_an_internal_error),
        cmocka_unit_test(nesting_ends_at_64_levels),
        cmocka_unit_test(a_full_buffer_is_a_status),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
