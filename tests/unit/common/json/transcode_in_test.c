#include <float.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "common/core/check.h"
#include "common/json/transcode.h"
#include "kinds.pb-c.h"
#include "tests/harness/test.h"

enum { ROOM = 1024 * 1024 };

static struct qn_arena arena;

static int set_up(void **state)
{
    (void)state;
    qn_arena_init(&arena, ROOM);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    qn_arena_fini(&arena);
    return 0;
}

/* The message that JSON says, after a trip through protobuf's own bytes, so that every test also shows that
 * what was built can be packed. */
static Quintet__Test__V1__Kinds *in(const char *json)
{
    void *message;
    struct qn_error err = {0};
    if (qn_json_to_message(qn_str_c(json), &quintet__test__v1__kinds__descriptor, &arena, &message, &err) !=
        QN_OK)
        fail_msg("%s: %s", json, err.message);
    size_t len = protobuf_c_message_get_packed_size(message);
    uint8_t *bytes = malloc(len + 1);
    assert_int_equal(protobuf_c_message_pack(message, bytes), len);
    Quintet__Test__V1__Kinds *back = quintet__test__v1__kinds__unpack(NULL, len, bytes);
    assert_non_null(back);
    free(bytes);
    return back;
}

static void out(Quintet__Test__V1__Kinds *message)
{
    quintet__test__v1__kinds__free_unpacked(message, NULL);
}

static void assert_refused_with(struct qn_str json, enum qn_status status, const char *why)
{
    void *message;
    struct qn_error err = {0};
    enum qn_status is =
        qn_json_to_message(json, &quintet__test__v1__kinds__descriptor, &arena, &message, &err);
    if (is != status || err.status != status || strcmp(err.message, why) != 0)
        fail_msg("%.*s: %s, \"%s\", not \"%s\"", QN_STR_ARG(json), qn_status_name(is), err.message, why);
}

static void assert_refused(const char *json, const char *why)
{
    assert_refused_with(qn_str_c(json), QN_INVALID_ARGUMENT, why);
}

static void an_empty_message_holds_defaults(void **state)
{
    (void)state;
    static const char *const texts[] = {
        "", "{}", " { } ", "\xef\xbb\xbf{}",
        "{\"anInt32\":null,\"aString\":null,\"aLeaf\":null,\"manyInt32\":null,"
        "\"oneString\":null,\"aColour\":null,\"aTime\":null,\"someBytes\":null}"};
    for (size_t i = 0; i < QN_COUNT(texts); i++) {
        void *message;
        assert_int_equal(qn_json_to_message(qn_str_c(texts[i]), &quintet__test__v1__kinds__descriptor, &arena,
                                            &message, NULL),
                         QN_OK);
        const Quintet__Test__V1__Kinds *kinds = message;
        assert_ptr_equal(kinds->base.descriptor, &quintet__test__v1__kinds__descriptor);
        assert_int_equal(protobuf_c_message_get_packed_size(&kinds->base), 0);
        assert_string_equal(kinds->a_string, ""); /* never NULL, as services rely on */
        assert_null(kinds->a_leaf);
        assert_int_equal(kinds->choice_case, QUINTET__TEST__V1__KINDS__CHOICE__NOT_SET);
    }
}

static void every_scalar_finds_its_field(void **state)
{
    (void)state;
    Quintet__Test__V1__Kinds *k =
        in("{\"anInt32\":-1,\"anInt64\":\"-2\",\"aUint32\":3,\"aUint64\":\"4\",\"aSint32\":-5,\"aSint64\":\"-"
           "6\","
           "\"aFixed32\":7,\"aFixed64\":\"8\",\"aSfixed32\":-9,\"aSfixed64\":\"-10\",\"aFloat\":11.5,"
           "\"aDouble\":-12.25,\"aBool\":true,\"aString\":\"\\u00e9\\ud800\",\"someBytes\":\"AAEC\","
           "\"aColour\":\"COLOUR_RED\",\"aLeaf\":{\"name\":\"leaf\"},\"aTime\":\"2026-11-23T05:15:56.5+01:"
           "00\"}");
    assert_int_equal(k->an_int32, -1);
    assert_int_equal(k->an_int64, -2);
    assert_int_equal(k->a_uint32, 3);
    assert_int_equal(k->a_uint64, 4);
    assert_int_equal(k->a_sint32, -5);
    assert_int_equal(k->a_sint64, -6);
    assert_int_equal(k->a_fixed32, 7);
    assert_int_equal(k->a_fixed64, 8);
    assert_int_equal(k->a_sfixed32, -9);
    assert_int_equal(k->a_sfixed64, -10);
    assert_true(k->a_float == 11.5f);
    assert_true(k->a_double == -12.25);
    assert_true(k->a_bool);
    assert_string_equal(k->a_string, "é\ufffd");
    assert_int_equal(k->some_bytes.len, 3);
    assert_memory_equal(k->some_bytes.data, "\x00\x01\x02", 3);
    assert_int_equal(k->a_colour, QUINTET__TEST__V1__COLOUR__COLOUR_RED);
    assert_string_equal(k->a_leaf->name, "leaf");
    assert_int_equal(k->a_time->seconds, 1795407356);
    assert_int_equal(k->a_time->nanos, 500000000);
    out(k);
}

static void repeated_fields_keep_their_order(void **state)
{
    (void)state;
    Quintet__Test__V1__Kinds *k =
        in("{\"manyInt32\":[3,-1,2],\"manyInt64\":[\"1\",2],\"manyUint32\":[4294967295],"
           "\"manyUint64\":[\"18446744073709551615\"],\"manySint32\":[-1],\"manySint64\":[-1],"
           "\"manyFixed32\":[1],\"manyFixed64\":[1],\"manySfixed32\":[-1],\"manySfixed64\":[-1],"
           "\"manyFloat\":[0.5,\"NaN\"],\"manyDouble\":[-0,1e300],\"manyBool\":[true,false,true],"
           "\"manyString\":[\"\",\"b\",\"\"],\"manyBytes\":[\"\",\"_-8\"],\"manyColour\":[\"COLOUR_BLUE\",0,"
           "\"COLOUR_"
           "AZURE\",7],\"manyLeaf\":[{},{\"name\":\"x\",\"leaves\":[{\"name\":\"y\"}]}],"
           "\"manyTime\":[\"1970-01-01T00:00:00Z\",\"1970-01-01T00:00:01Z\"]}");
    assert_int_equal(k->n_many_int32, 3);
    assert_int_equal(k->many_int32[0], 3);
    assert_int_equal(k->many_int32[1], -1);
    assert_int_equal(k->many_int32[2], 2);
    assert_int_equal(k->n_many_int64, 2);
    assert_int_equal(k->many_int64[1], 2);
    assert_int_equal(k->many_uint32[0], UINT32_MAX);
    assert_true(k->many_uint64[0] == UINT64_MAX);
    assert_int_equal(k->many_sint32[0], -1);
    assert_int_equal(k->many_sint64[0], -1);
    assert_int_equal(k->many_fixed32[0], 1);
    assert_int_equal(k->many_fixed64[0], 1);
    assert_int_equal(k->many_sfixed32[0], -1);
    assert_int_equal(k->many_sfixed64[0], -1);
    assert_true(k->many_float[0] == 0.5f && isnan(k->many_float[1]));
    assert_true(k->many_double[0] == 0 && signbit(k->many_double[0]) && k->many_double[1] == 1e300);
    assert_int_equal(k->n_many_bool, 3);
    assert_true(k->many_bool[0] && !k->many_bool[1] && k->many_bool[2]);
    assert_int_equal(k->n_many_string, 3);
    assert_string_equal(k->many_string[0], "");
    assert_string_equal(k->many_string[1], "b");
    assert_int_equal(k->n_many_bytes, 2);
    assert_int_equal(k->many_bytes[0].len, 0);
    assert_memory_equal(k->many_bytes[1].data, "\xff\xef", 2);
    assert_int_equal(k->n_many_colour, 4);
    assert_int_equal(k->many_colour[0], 2);
    assert_int_equal(k->many_colour[1], 0);
    assert_int_equal(k->many_colour[2], 2); /* an alias */
    assert_int_equal(k->many_colour[3], 7);
    assert_int_equal(k->n_many_leaf, 2);
    assert_string_equal(k->many_leaf[1]->leaves[0]->name, "y");
    assert_int_equal(k->n_many_time, 2);
    assert_int_equal(k->many_time[1]->seconds, 1);
    out(k);

    k = in("{\"manyInt32\":[],\"manyString\":[],\"manyLeaf\":[]}");
    assert_int_equal(k->n_many_int32 + k->n_many_string + k->n_many_leaf, 0);
    out(k);
}

/* In a oneof a default is a value: protobuf-c would leave a string out that is protobuf_c_empty_string. */
static void a_oneofs_default_is_said(void **state)
{
    (void)state;
    static const struct {
        const char *json;
        Quintet__Test__V1__Kinds__ChoiceCase set;
    } cases[] = {
        {"{\"oneInt32\":0}", QUINTET__TEST__V1__KINDS__CHOICE_ONE_INT32},
        {"{\"oneInt64\":\"0\"}", QUINTET__TEST__V1__KINDS__CHOICE_ONE_INT64},
        {"{\"oneUint32\":0}", QUINTET__TEST__V1__KINDS__CHOICE_ONE_UINT32},
        {"{\"oneUint64\":0}", QUINTET__TEST__V1__KINDS__CHOICE_ONE_UINT64},
        {"{\"oneFloat\":0}", QUINTET__TEST__V1__KINDS__CHOICE_ONE_FLOAT},
        {"{\"oneDouble\":0}", QUINTET__TEST__V1__KINDS__CHOICE_ONE_DOUBLE},
        {"{\"oneBool\":false}", QUINTET__TEST__V1__KINDS__CHOICE_ONE_BOOL},
        {"{\"oneString\":\"\"}", QUINTET__TEST__V1__KINDS__CHOICE_ONE_STRING},
        {"{\"oneBytes\":\"\"}", QUINTET__TEST__V1__KINDS__CHOICE_ONE_BYTES},
        {"{\"oneColour\":0}", QUINTET__TEST__V1__KINDS__CHOICE_ONE_COLOUR},
        {"{\"oneLeaf\":{}}", QUINTET__TEST__V1__KINDS__CHOICE_ONE_LEAF},
        {"{\"oneTime\":\"1970-01-01T00:00:00Z\"}", QUINTET__TEST__V1__KINDS__CHOICE_ONE_TIME},
        {"{\"oneInt32\":null,\"oneString\":\"x\",\"oneBool\":null}",
         QUINTET__TEST__V1__KINDS__CHOICE_ONE_STRING},
        {"{\"oneString\":\"x\",\"one_string\":\"y\"}", QUINTET__TEST__V1__KINDS__CHOICE_ONE_STRING},
    };
    for (size_t i = 0; i < QN_COUNT(cases); i++) {
        Quintet__Test__V1__Kinds *k = in(cases[i].json);
        if (k->choice_case != cases[i].set)
            fail_msg("%s: case %d", cases[i].json, (int)k->choice_case);
        out(k);
    }
    assert_refused("{\"oneInt32\":0,\"oneString\":\"\"}",
                   "one_string: excludes another field that is set too");
}

static void names_of_both_kinds_are_taken_and_the_last_wins(void **state)
{
    (void)state;
    Quintet__Test__V1__Kinds *k =
        in("{\"an_int32\":1,\"anInt32\":2,\"aString\":\"a\",\"a_string\":\"b\","
           "\"aUint32\":1,\"aUint32\":2,\"manyInt32\":[1,2,3],\"many_int32\":[4],"
           "\"aLeaf\":{\"name\":\"x\"},\"a_leaf\":{},\"aBool\":true,\"a_bool\":null}");
    assert_int_equal(k->an_int32, 2);
    assert_string_equal(k->a_string, "b");
    assert_int_equal(k->a_uint32, 2);
    assert_int_equal(k->n_many_int32, 1);
    assert_int_equal(k->many_int32[0], 4);
    assert_string_equal(k->a_leaf->name, "");
    assert_true(k->a_bool); /* null is absence, so nothing came after true */
    out(k);
}

static void unknown_fields_are_ignored(void **state)
{
    (void)state;
    Quintet__Test__V1__Kinds *k =
        in("{\"nobody\":{\"a\":[1,{}]},\"\":0,\"AnInt32\":5,\"an_Int32\":5,\"an_int32\\u0000\":5,"
           "\"__proto__\":{\"anInt32\":5},\"aLeaf\":{\"nothing\":null}}");
    assert_int_equal(k->an_int32, 0);
    assert_non_null(k->a_leaf);
    out(k);
}

static void whole_numbers_may_be_written_in_any_way(void **state)
{
    (void)state;
    static const char *const thousands[] = {"1000",     "1e3",      "1000.0",  "1.000e3",
                                            "10000e-1", "\"1000\"", "\"1e3\"", "\"1000.00\""};
    for (size_t i = 0; i < QN_COUNT(thousands); i++) {
        char json[160];
        snprintf(json, sizeof json, "{\"anInt32\":%1$s,\"anInt64\":%1$s,\"aUint32\":%1$s,\"aUint64\":%1$s}",
                 thousands[i]);
        Quintet__Test__V1__Kinds *k = in(json);
        assert_int_equal(k->an_int32, 1000);
        assert_int_equal(k->an_int64, 1000);
        assert_int_equal(k->a_uint32, 1000);
        assert_int_equal(k->a_uint64, 1000);
        out(k);
    }
    Quintet__Test__V1__Kinds *k = in("{\"anInt32\":-2147483648,\"anInt64\":-9223372036854775808,\"aUint32\":-"
                                     "0,\"aUint64\":18446744073709551615,"
                                     "\"aSint32\":2147483647,\"aSint64\":9223372036854775807}");
    assert_int_equal(k->an_int32, INT32_MIN);
    assert_true(k->an_int64 == INT64_MIN);
    assert_int_equal(k->a_uint32, 0);
    assert_true(k->a_uint64 == UINT64_MAX);
    assert_int_equal(k->a_sint32, INT32_MAX);
    assert_true(k->a_sint64 == INT64_MAX);
    out(k);
    k = in("{\"anInt64\":\"9007199254740993\"}"); /* no double holds it */
    assert_int_equal(k->an_int64, 9007199254740993);
    out(k);
}

static void whole_numbers_out_of_range_are_refused(void **state)
{
    (void)state;
    static const struct {
        const char *field, *path;
        const char *beyond[4];
    } cases[] = {
        {"anInt32", "an_int32", {"2147483648", "-2147483649", "1e10", "\"4294967296\""}},
        {"aSint32", "a_sint32", {"2147483648", "-2147483649", "1e10", "\"4294967296\""}},
        {"aSfixed32", "a_sfixed32", {"2147483648", "-2147483649", "1e10", "\"4294967296\""}},
        {"aUint32", "a_uint32", {"4294967296", "-1", "1e10", "\"-1\""}},
        {"aFixed32", "a_fixed32", {"4294967296", "-1", "1e10", "\"-1\""}},
        {"anInt64",
         "an_int64",
         {"9223372036854775808", "-9223372036854775809", "1e19", "\"18446744073709551616\""}},
        {"aUint64", "a_uint64", {"18446744073709551616", "-1", "1e20", "1e999999999999999999999999"}},
        {"aFixed64", "a_fixed64", {"18446744073709551616", "-1", "1e20", "-1e999999999999999999999999"}},
        {"aColour", "a_colour", {"2147483648", "-2147483649", "1e10", "4294967296"}},
    };
    for (size_t i = 0; i < QN_COUNT(cases); i++) {
        for (size_t j = 0; j < QN_COUNT(cases[i].beyond); j++) {
            char json[80], why[80];
            snprintf(json, sizeof json, "{\"%s\":%s}", cases[i].field, cases[i].beyond[j]);
            snprintf(why, sizeof why, "%s: out of range", cases[i].path);
            assert_refused(json, why);
        }
    }
}

static void what_is_no_whole_number_is_refused(void **state)
{
    (void)state;
    static const char *const values[] = {"0.5",          "1e-1",     "\"0.5\"", "\"\"",   "\" 1\"",
                                         "\"1 \"",       "\"0x10\"", "\"+1\"",  "\"01\"", "\"1.\"",
                                         "\"1\\u0000\"", "\"NaN\"",  "true",    "[1]",    "{}",
                                         "\"Infinity\"", "\"1,0\"",  "\"--1\""};
    for (size_t i = 0; i < QN_COUNT(values); i++) {
        char json[64];
        snprintf(json, sizeof json, "{\"anInt32\":%s}", values[i]);
        assert_refused(json, "an_int32: must be a whole number");
        snprintf(json, sizeof json, "{\"aUint64\":%s}", values[i]);
        assert_refused(json, "a_uint64: must be a whole number");
    }
}

static void floating_numbers_take_text_for_what_json_cannot_say(void **state)
{
    (void)state;
    Quintet__Test__V1__Kinds *k =
        in("{\"aFloat\":\"NaN\",\"aDouble\":\"-Infinity\",\"manyDouble\":[\"Infinity\",\"1.5\",1]}");
    assert_true(isnan(k->a_float));
    assert_true(k->a_double == (double)-INFINITY);
    assert_true(k->many_double[0] == (double)INFINITY && k->many_double[1] == 1.5 && k->many_double[2] == 1);
    out(k);

    k = in("{\"aFloat\":3.4028235e38,\"aDouble\":1.7976931348623157e308,\"manyFloat\":[-3.4028235e38,1e-60,0."
           "1]}");
    assert_true(k->a_float == FLT_MAX);
    assert_true(k->a_double == DBL_MAX);
    assert_true(k->many_float[0] == -FLT_MAX && k->many_float[1] == 0 && k->many_float[2] == 0.1f);
    out(k);

    static const char *const too_large[] = {"{\"aFloat\":3.502823e+38}", "{\"aFloat\":-3.502823e+38}",
                                            "{\"aFloat\":1e39}", "{\"aFloat\":\"1e999\"}"};
    for (size_t i = 0; i < QN_COUNT(too_large); i++)
        assert_refused(too_large[i], "a_float: out of range");
    assert_refused("{\"aDouble\":1.89769e+308}", "a_double: out of range");
    assert_refused("{\"aDouble\":\"-1e309\"}", "a_double: out of range");
    static const char *const wrong[] = {"\"nan\"", "\"inf\"", "\"+Infinity\"", "\"\"",  "true",
                                        "{}",      "[]",      "\"1.5x\"",      "\" 1\""};
    for (size_t i = 0; i < QN_COUNT(wrong); i++) {
        char json[64];
        snprintf(json, sizeof json, "{\"aDouble\":%s}", wrong[i]);
        assert_refused(json, "a_double: must be a number, \"NaN\", \"Infinity\" or \"-Infinity\"");
    }
}

static void values_of_another_kind_are_refused(void **state)
{
    (void)state;
    assert_refused("{\"aBool\":0}", "a_bool: must be true or false");
    assert_refused("{\"aBool\":\"true\"}", "a_bool: must be true or false");
    assert_refused("{\"aString\":1}", "a_string: must be a string");
    assert_refused("{\"aString\":[\"a\"]}", "a_string: must be a string");
    assert_refused("{\"someBytes\":1}", "some_bytes: must be a string of base64");
    assert_refused("{\"someBytes\":\"A\"}", "some_bytes: must be a string of base64");
    assert_refused("{\"someBytes\":\"AA=\"}", "some_bytes: must be a string of base64");
    assert_refused("{\"someBytes\":\"AA A\"}", "some_bytes: must be a string of base64");
    assert_refused("{\"someBytes\":\"AAA\\u0000\"}", "some_bytes: must be a string of base64");
    assert_refused("{\"aColour\":true}", "a_colour: must be a name or a number");
    assert_refused("{\"aColour\":\"RED\"}", "a_colour: no such name");
    assert_refused("{\"aColour\":\"colour_red\"}", "a_colour: no such name");
    assert_refused("{\"aColour\":\"COLOUR_RED\\u0000\"}", "a_colour: no such name");
    assert_refused("{\"aColour\":\"\"}", "a_colour: no such name");
    assert_refused("{\"aColour\":1.5}", "a_colour: must be a whole number");
    assert_refused("{\"aLeaf\":\"x\"}", "a_leaf: must be an object");
    assert_refused("{\"aLeaf\":[]}", "a_leaf: must be an object");
    static const char time[] = "a_time: must be a time as RFC 3339 has it, \"2026-11-23T04:15:56Z\"";
    assert_refused("{\"aTime\":0}", time);
    assert_refused("{\"aTime\":\"today\"}", time);
    assert_refused("{\"aTime\":{\"seconds\":0}}", time);
    assert_refused("{\"aTime\":\"2026-11-23T04:15:56Z\\u0000\"}", time);
    assert_refused("{\"manyInt32\":1}", "many_int32: must be an array");
    assert_refused("{\"manyLeaf\":{}}", "many_leaf: must be an array");
}

/* protobuf-c's strings end at a NUL, so what follows would silently be lost. */
static void a_nul_in_a_string_is_refused(void **state)
{
    (void)state;
    assert_refused("{\"aString\":\"a\\u0000b\"}", "a_string: must not hold U+0000");
    assert_refused("{\"manyString\":[\"\",\"\\u0000\"]}", "many_string[1]: must not hold U+0000");
    Quintet__Test__V1__Kinds *k = in("{\"someBytes\":\"AAAA\"}"); /* bytes may */
    assert_int_equal(k->some_bytes.len, 3);
    out(k);
}

static void errors_say_the_way_to_the_value(void **state)
{
    (void)state;
    assert_refused("{\"manyInt32\":[1,2,\"x\"]}", "many_int32[2]: must be a whole number");
    assert_refused("{\"manyInt32\":[null]}", "many_int32[0]: must be a whole number");
    assert_refused("{\"manyLeaf\":[{},{\"leaves\":[{\"child\":{\"name\":5}}]}]}",
                   "many_leaf[1].leaves[0].child.name: must be a string");
    assert_refused("{\"manyLeaf\":[null]}", "many_leaf[0]: must be an object");
    assert_refused("[]", "JSON: must be an object");
    assert_refused("null", "JSON: must be an object");
    assert_refused("\"x\"", "JSON: must be an object");
    assert_refused("{\"aString\":\"x\"", "JSON, offset 14: the text ends too early");
    assert_refused("{\"aString\":x}", "JSON, offset 11: unexpected character");
    assert_refused(" ", "JSON, offset 1: the text ends too early");
}

/* A path that a peer makes long does not push the reason out of the message. */
static void a_long_way_is_cut(void **state)
{
    (void)state;
    struct qn_buf json;
    qn_buf_init(&json, ROOM);
    qn_buf_write_c(&json, "{\"aLeaf\":");
    for (int i = 0; i < 40; i++)
        qn_buf_write_c(&json, "{\"child\":");
    qn_buf_write_c(&json, "{\"name\":5}");
    for (int i = 0; i < 40; i++)
        qn_buf_write_c(&json, "}");
    qn_buf_write_c(&json, "}");
    void *message;
    struct qn_error err = {0};
    assert_int_equal(
        qn_json_to_message(qn_buf_view(&json), &quintet__test__v1__kinds__descriptor, &arena, &message, &err),
        QN_INVALID_ARGUMENT);
    assert_true(qn_str_starts(qn_str_c(err.message), QN_STR("a_leaf.child.child.")));
    assert_true(qn_str_ends(qn_str_c(err.message), QN_STR("…: must be a string")));
    qn_buf_fini(&json);
}

static void nesting_and_memory_end_somewhere(void **state)
{
    (void)state;
    char json[2000] = "";
    struct qn_buf text;
    qn_buf_init(&text, sizeof json);
    for (int i = 0; i < 65; i++)
        qn_buf_write_c(&text, "{\"aLeaf\":");
    assert_refused_with(qn_buf_view(&text), QN_RESOURCE_EXHAUSTED, "JSON, offset 576: nested too deeply");
    qn_buf_fini(&text);

    static const char whole[] =
        "{\"aString\":\"text\",\"someBytes\":\"AAECAwQFBgc\",\"manyInt32\":[1,2,3],"
        "\"manyLeaf\":[{\"name\":\"a\"},{\"leaves\":[{}]}],\"aTime\":\"2026-11-23T04:15:56Z\"}";
    bool enough = false;
    for (size_t room = 1; room < 8000; room += 17) {
        struct qn_arena small;
        void *message;
        struct qn_error err = {0};
        qn_arena_init(&small, room);
        enum qn_status status = qn_json_to_message(qn_str_c(whole), &quintet__test__v1__kinds__descriptor,
                                                   &small, &message, &err);
        assert_int_equal(status, err.status);
        assert_true(status == QN_OK || (status == QN_RESOURCE_EXHAUSTED && !enough));
        enough = status == QN_OK;
        qn_arena_fini(&small);
    }
    assert_true(enough);
}

static void a_timestamp_may_stand_at_the_top(void **state)
{
    (void)state;
    void *message;
    assert_int_equal(qn_json_to_message(QN_STR("\"1970-01-01T00:00:01Z\""),
                                        &google__protobuf__timestamp__descriptor, &arena, &message, NULL),
                     QN_OK);
    assert_int_equal(((Google__Protobuf__Timestamp *)message)->seconds, 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(an_empty_message_holds_defaults, set_up, tear_down),
        cmocka_unit_test_setup_teardown(every_scalar_finds_its_field, set_up, tear_down),
        cmocka_unit_test_setup_teardown(repeated_fields_keep_their_order, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_oneofs_default_is_said, set_up, tear_down),
        cmocka_unit_test_setup_teardown(names_of_both_kinds_are_taken_and_the_last_wins, set_up, tear_down),
        cmocka_unit_test_setup_teardown(unknown_fields_are_ignored, set_up, tear_down),
        cmocka_unit_test_setup_teardown(whole_numbers_may_be_written_in_any_way, set_up, tear_down),
        cmocka_unit_test_setup_teardown(whole_numbers_out_of_range_are_refused, set_up, tear_down),
        cmocka_unit_test_setup_teardown(what_is_no_whole_number_is_refused, set_up, tear_down),
        cmocka_unit_test_setup_teardown(floating_numbers_take_text_for_what_json_cannot_say, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(values_of_another_kind_are_refused, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_nul_in_a_string_is_refused, set_up, tear_down),
        cmocka_unit_test_setup_teardown(errors_say_the_way_to_the_value, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_long_way_is_cut, set_up, tear_down),
        cmocka_unit_test_setup_teardown(nesting_and_memory_end_somewhere, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_timestamp_may_stand_at_the_top, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
