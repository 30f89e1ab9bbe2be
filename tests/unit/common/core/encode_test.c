#include <string.h>

#include "common/core/check.h"
#include "common/core/encode.h"
#include "tests/harness/test.h"

static void test_hex(void **state)
{
    (void)state;
    char text[16];
    uint8_t bytes[8];
    qn_hex_encode(text, "\x00\x7f\xff", 3);
    assert_string_equal(text, "007fff");
    qn_hex_encode(text, NULL, 0);
    assert_string_equal(text, "");

    assert_true(qn_hex_decode(QN_STR("00fFAb"), bytes));
    assert_memory_equal(bytes, "\x00\xff\xab", 3);
    assert_true(qn_hex_decode(qn_str_n(NULL, 0), bytes));
    assert_false(qn_hex_decode(QN_STR("0"), bytes));
    assert_false(qn_hex_decode(QN_STR("0g"), bytes));
    assert_false(qn_hex_decode(QN_STR("/0"), bytes));
    assert_false(qn_hex_decode(QN_STR(":0"), bytes));
    assert_false(qn_hex_decode(QN_STR("0x"), bytes));
}

/* RFC 4648 section 10. */
static const struct {
    const char *plain, *base64, *url;
} vectors[] = {
    {"", "", ""},
    {"f", "Zg==", "Zg"},
    {"fo", "Zm8=", "Zm8"},
    {"foo", "Zm9v", "Zm9v"},
    {"foob", "Zm9vYg==", "Zm9vYg"},
    {"fooba", "Zm9vYmE=", "Zm9vYmE"},
    {"foobar", "Zm9vYmFy", "Zm9vYmFy"},
    {"\xfb\xff\xbf", "+/+/", "-_-_"},
};

static void test_base64_vectors(void **state)
{
    (void)state;
    for (size_t i = 0; i < QN_COUNT(vectors); i++) {
        char text[16];
        uint8_t bytes[16];
        size_t len, plain_len = strlen(vectors[i].plain);
        assert_int_equal(qn_base64_encode(text, vectors[i].plain, plain_len), strlen(vectors[i].base64));
        assert_string_equal(text, vectors[i].base64);
        assert_int_equal(qn_base64url_encode(text, vectors[i].plain, plain_len), strlen(vectors[i].url));
        assert_string_equal(text, vectors[i].url);

        assert_true(qn_base64_decode(qn_str_c(vectors[i].base64), bytes, &len));
        assert_int_equal(len, plain_len);
        assert_memory_equal(bytes, vectors[i].plain, len);
        assert_true(qn_base64_decode_lax(qn_str_c(vectors[i].base64), bytes, &len));
        assert_int_equal(len, plain_len);
        assert_true(qn_base64_decode_lax(qn_str_c(vectors[i].url), bytes, &len));
        assert_int_equal(len, plain_len);
        assert_memory_equal(bytes, vectors[i].plain, len);
    }
}

/* A signature has one text: were "Zh==" the same as "Zg==", a changed cookie would still be good. */
static void test_strict_base64_has_one_text_for_each_value(void **state)
{
    (void)state;
    static const char *const bad[] = {"Zg",   "Zg=",   "Zh==",     "Zm9=",        "Zm9",   "Z",
                                      "Z===", "====",  "=",        "Zg==\n",      " Zg==", "Zg=v",
                                      "-_-_", "Zm9v=", "Zm9v====", "Zm9vYg==Zg=="};
    for (size_t i = 0; i < QN_COUNT(bad); i++) {
        uint8_t bytes[16];
        size_t len;
        assert_false(qn_base64_decode(qn_str_c(bad[i]), bytes, &len));
    }
    uint8_t bytes[3];
    size_t len;
    assert_false(qn_base64_decode(qn_str_n("Zm\0v", 4), bytes, &len));
}

static void test_lax_base64_is_proto3_jsons(void **state)
{
    (void)state;
    uint8_t bytes[16];
    size_t len;
    /* protobuf's conformance suite, JsonInput.BytesFieldBase64Url: bits left over are dropped. */
    assert_true(qn_base64_decode_lax(QN_STR("-_"), bytes, &len));
    assert_int_equal(len, 1);
    assert_int_equal(bytes[0], 0xfb);
    static const char *const bad[] = {"Z", "Zg=", "Zm9v=", "Zm9v==", "Z===", "Zg==Zg==", "Zg\n", "Zm9v*"};
    for (size_t i = 0; i < QN_COUNT(bad); i++)
        assert_false(qn_base64_decode_lax(qn_str_c(bad[i]), bytes, &len));
}

static void assert_encoded(struct qn_str text, enum qn_percent keep, const char *should_be)
{
    struct qn_buf buf;
    qn_buf_init(&buf, 1000);
    assert_int_equal(qn_percent_encode(&buf, text, keep), QN_OK);
    assert_str(qn_buf_view(&buf), should_be);
    qn_buf_fini(&buf);
}

static void test_percent_encoding(void **state)
{
    (void)state;
    /* node: encodeURIComponent("a b/c+d=e&f-_.!~*'()é:@,$") */
    assert_encoded(QN_STR("a b/c+d=e&f-_.!~*'()\xc3\xa9:@,$"), QN_PERCENT_COMPONENT,
                   "a%20b%2Fc%2Bd%3De%26f-_.!~*'()%C3%A9%3A%40%2C%24");
    assert_encoded(QN_STR("a b/c!*'()~"), QN_PERCENT_UNRESERVED, "a%20b%2Fc%21%2A%27%28%29~");
    assert_encoded(QN_STR("a b/c!~"), QN_PERCENT_PATH, "a%20b/c%21~");
    assert_encoded(qn_str_n("\0", 1), QN_PERCENT_COMPONENT, "%00");
    assert_encoded(QN_STR(""), QN_PERCENT_COMPONENT, "");

    struct qn_buf small;
    qn_buf_init(&small, 4);
    assert_int_equal(qn_percent_encode(&small, QN_STR("//"), QN_PERCENT_COMPONENT), QN_RESOURCE_EXHAUSTED);
    qn_buf_fini(&small);
}

static void test_percent_decoding(void **state)
{
    (void)state;
    char to[32];
    size_t len;
    assert_true(qn_percent_decode(QN_STR("a%20b+c%C3%a9%00"), to, &len, false));
    assert_int_equal(len, 8);
    assert_memory_equal(to, "a b+c\xc3\xa9\0", 8);
    assert_true(qn_percent_decode(QN_STR("a+b%2B"), to, &len, true));
    assert_str(qn_str_n(to, len), "a b+");
    assert_true(qn_percent_decode(qn_str_n(NULL, 0), to, &len, true));
    assert_int_equal(len, 0);

    static const char *const bad[] = {"%", "%2", "%2g", "%g2", "a%", "%%20", "%u0041"};
    for (size_t i = 0; i < QN_COUNT(bad); i++)
        assert_false(qn_percent_decode(qn_str_c(bad[i]), to, &len, false));
    assert_false(qn_percent_decode(qn_str_n("%20", 2), to, &len, false)); /* the digit lies behind the view */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_hex),
        cmocka_unit_test(test_base64_vectors),
        cmocka_unit_test(test_strict_base64_has_one_text_for_each_value),
        cmocka_unit_test(test_lax_base64_is_proto3_jsons),
        cmocka_unit_test(test_percent_encoding),
        cmocka_unit_test(test_percent_decoding),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
