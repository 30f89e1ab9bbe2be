#include <stdio.h>

#include "common/core/check.h"
#include "common/json/quote.h"
#include "tests/harness/test.h"

static void writing_escapes_what_javascript_does(void **state)
{
    (void)state;
    static const struct {
        struct qn_str text;
        const char *quoted;
    } cases[] = {
        {QN_STR(""), "\"\""},
        {QN_STR("plain"), "\"plain\""},
        {QN_STR("\"\\/"), "\"\\\"\\\\/\""},
        {QN_STR("\b\f\n\r\t"), "\"\\b\\f\\n\\r\\t\""},
        {QN_STR("a\0b\x01\x1f\x7f"), "\"a\\u0000b\\u0001\\u001f\x7f\""},
        {QN_STR("é\xe2\x80\xa8😀"), "\"é\xe2\x80\xa8😀\""}, /* U+2028 stays */
        {QN_STR("\n\n"), "\"\\n\\n\""},
    };
    for (size_t i = 0; i < QN_COUNT(cases); i++) {
        struct qn_buf to;
        qn_buf_init(&to, 64);
        qn_quote_write(&to, cases[i].text);
        assert_str(qn_buf_view(&to), cases[i].quoted);
        qn_buf_fini(&to);
    }
}

/* One byte among others at every place of every short length: eight bytes are looked at together. */
static void writing_finds_what_must_be_escaped_anywhere(void **state)
{
    (void)state;
    static const struct {
        char byte;
        const char *written;
    } cases[] = {{'\x1f', "\\u001f"}, {' ', " "},     {'!', "!"}, {'"', "\\\""}, {'#', "#"},
                 {'[', "["},          {'\\', "\\\\"}, {']', "]"}, {'\n', "\\n"}, {'\x7f', "\x7f"}};
    for (size_t len = 1; len <= 26; len++) {
        for (size_t place = 0; place < len; place++) {
            for (size_t i = 0; i < QN_COUNT(cases); i++) {
                char text[26], wanted[64];
                memset(text, 'x', len);
                text[place] = cases[i].byte;
                snprintf(wanted, sizeof wanted, "\"%.*s%s%.*s\"", (int)place, "xxxxxxxxxxxxxxxxxxxxxxxxxx",
                         cases[i].written, (int)(len - place - 1), "xxxxxxxxxxxxxxxxxxxxxxxxxx");
                struct qn_buf to;
                qn_buf_init(&to, 64);
                qn_quote_write(&to, qn_str_n(text, len));
                assert_str(qn_buf_view(&to), wanted);
                qn_buf_fini(&to);
            }
        }
    }
}

/* With room for exactly what is written, and for one byte less. */
static void writing_keeps_to_the_ceiling(void **state)
{
    (void)state;
    struct qn_buf to;
    qn_buf_init(&to, 7);
    qn_quote_write(&to, QN_STR("plain"));
    assert_str(qn_buf_view(&to), "\"plain\"");
    qn_buf_fini(&to);
    qn_buf_init(&to, 6);
    qn_quote_write(&to, QN_STR("plain"));
    assert_true(qn_buf_failed(&to));
    qn_buf_fini(&to);
}

static void scan_stops_at_the_quote_or_at_what_is_wrong(void **state)
{
    (void)state;
    static const struct {
        struct qn_str text;
        size_t len;
        bool escaped;
        const char *wrong;
    } cases[] = {
        {QN_STR("\""), 0, false, NULL},
        {QN_STR("abc\",1"), 3, false, NULL},
        {QN_STR("a\\\"b\""), 4, true, NULL},
        {QN_STR("\\\\\""), 2, true, NULL},
        {QN_STR("\\u12aF\""), 6, true, NULL},
        {QN_STR("é😀\""), 6, false, NULL},
        {QN_STR(""), 0, false, "the text ends too early"},
        {QN_STR("abc"), 3, false, "the text ends too early"},
        {QN_STR("ab\\"), 3, true, "the text ends too early"},
        {QN_STR("\\u12"), 4, true, "the text ends too early"},
        {QN_STR("\\u12G4\""), 4, true, "four hex digits must follow \\u"},
        {QN_STR("\\u\""), 2, true, "four hex digits must follow \\u"},
        {QN_STR("\\x41\""), 1, true, "no such escape"},
        {QN_STR("\\\0\""), 1, true, "no such escape"},
        {QN_STR("\\'\""), 1, true, "no such escape"},
        {QN_STR("a\n\""), 1, false, "control character in a string"},
        {QN_STR("a\0\""), 1, false, "control character in a string"},
        {QN_STR("ab\xff\""), 2, false, "not UTF-8"},
        {QN_STR("\xc3\""), 0, false, "not UTF-8"},
        {QN_STR("\xed\xa0\x80\""), 0, false, "not UTF-8"}, /* a surrogate in bytes */
        {QN_STR("\xf0\x9f\x98"), 0, false, "not UTF-8"},
    };
    for (size_t i = 0; i < QN_COUNT(cases); i++) {
        size_t len;
        bool escaped;
        const char *wrong = qn_quote_scan(cases[i].text, &len, &escaped);
        if (!wrong != !cases[i].wrong || (wrong && strcmp(wrong, cases[i].wrong) != 0))
            fail_msg("case %zu: %s", i, wrong ? wrong : "accepted");
        assert_int_equal(len, cases[i].len);
        assert_int_equal(escaped, cases[i].escaped);
    }
}

static void escapes_are_decoded_in_place(void **state)
{
    (void)state;
    static const struct {
        struct qn_str text, decoded;
    } cases[] = {
        {QN_STR(""), QN_STR("")},
        {QN_STR("\\\"\\\\\\/\\b\\f\\n\\r\\t"), QN_STR("\"\\/\b\f\n\r\t")},
        {QN_STR("a\\u0041\\u00e9\\u20ac"), QN_STR("aAé€")},
        {QN_STR("\\u0000x"), QN_STR("\0x")},
        {QN_STR("\\uD83D\\uDE00!"), QN_STR("😀!")},
        {QN_STR("\\ud83d\\ude00"), QN_STR("😀")},
        {QN_STR("\\udbff\\udfff"), QN_STR("\U0010ffff")},
        /* Lone surrogates, each its own U+FFFD: high, low, the wrong way round, two highs and a low. */
        {QN_STR("\\ud83d"), QN_STR("\ufffd")},
        {QN_STR("\\ude00"), QN_STR("\ufffd")},
        {QN_STR("\\ude00\\ud83d"), QN_STR("\ufffd\ufffd")},
        {QN_STR("\\ud83d\\ud83d\\ude00"), QN_STR("\ufffd😀")},
        {QN_STR("\\ud83dx"), QN_STR("\ufffdx")},
        {QN_STR("\\ud83d\\n"), QN_STR("\ufffd\n")},
        {QN_STR("\\ud83d\\u0041"), QN_STR("\ufffd"
                                          "A")},
    };
    for (size_t i = 0; i < QN_COUNT(cases); i++) {
        char text[64];
        memcpy(text, cases[i].text.ptr, cases[i].text.len + 1);
        size_t len = qn_quote_unescape(text, cases[i].text.len);
        assert_int_equal(len, cases[i].decoded.len);
        assert_memory_equal(text, cases[i].decoded.ptr, len + 1);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(writing_escapes_what_javascript_does),
        cmocka_unit_test(writing_finds_what_must_be_escaped_anywhere),
        cmocka_unit_test(writing_keeps_to_the_ceiling),
        cmocka_unit_test(scan_stops_at_the_quote_or_at_what_is_wrong),
        cmocka_unit_test(escapes_are_decoded_in_place),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
