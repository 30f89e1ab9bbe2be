#include "common/core/check.h"
#include "common/core/utf8.h"
#include "tests/harness/test.h"

/* Unicode 15, table 3-7, at the borders of each row. */
static void test_well_formed_text(void **state)
{
    (void)state;
    static const struct qn_str good[] = {
        {"", 0},
        {"\0", 1},
        {"plain text of more than eight bytes", 35},
        {"\x7f", 1},
        {"\xc2\x80", 2},         /* U+0080 */
        {"\xdf\xbf", 2},         /* U+07FF */
        {"\xe0\xa0\x80", 3},     /* U+0800 */
        {"\xed\x9f\xbf", 3},     /* U+D7FF, before the surrogates */
        {"\xee\x80\x80", 3},     /* U+E000, after them */
        {"\xef\xbf\xbf", 3},     /* U+FFFF */
        {"\xf0\x90\x80\x80", 4}, /* U+10000 */
        {"\xf4\x8f\xbf\xbf", 4}, /* U+10FFFF */
        {"1234567\xc3\xa9", 9},  /* across the border of eight */
    };
    for (size_t i = 0; i < QN_COUNT(good); i++)
        assert_true(qn_utf8_valid(good[i]));
}

static void test_ill_formed_text(void **state)
{
    (void)state;
    static const struct qn_str bad[] = {
        {"\x80", 1},     /* a later byte alone */
        {"\xc0\x80", 2}, /* overlong NUL */
        {"\xc1\xbf", 2}, /* overlong U+007F */
        {"\xc2", 1},     /* cut */
        {"\xc2\x41", 2},
        {"\xe0\x9f\xbf", 3}, /* overlong U+07FF */
        {"\xe2\x82", 2},     /* cut */
        {"\xe2\x82\x41", 3},
        {"\xe2\x41\x82", 3},
        {"\xed\xa0\x80", 3},     /* U+D800, a surrogate */
        {"\xed\xbf\xbf", 3},     /* U+DFFF, the last of them */
        {"\xf0\x8f\xbf\xbf", 4}, /* overlong U+FFFF */
        {"\xf0\x9f\x92", 3},     /* cut */
        {"\xf0\x9f\x92\x41", 4},
        {"\xf4\x90\x80\x80", 4}, /* U+110000 */
        {"\xf5\x80\x80\x80", 4},
        {"\xfe", 1},
        {"\xff", 1},
        {"12345678\xff", 9},
        {"1234567\xff", 8},
    };
    for (size_t i = 0; i < QN_COUNT(bad); i++)
        assert_false(qn_utf8_valid(bad[i]));
}

/* One byte among others at every place of every short length: eight bytes are looked at together. */
static void test_one_byte_among_others(void **state)
{
    (void)state;
    static const struct {
        unsigned char byte;
        bool valid, text;
    } rows[] = {{0x00, true, false},
                {0x01, true, true},
                {0x7f, true, true},
                {0x80, false, false},
                {0xff, false, false}};
    for (size_t len = 1; len <= 34; len++) {
        for (size_t place = 0; place < len; place++) {
            for (size_t i = 0; i < QN_COUNT(rows); i++) {
                char bytes[34];
                memset(bytes, 'x', len);
                bytes[place] = (char)rows[i].byte;
                assert_int_equal(qn_utf8_valid(qn_str_n(bytes, len)), rows[i].valid);
                assert_int_equal(qn_utf8_valid_text(qn_str_n(bytes, len)), rows[i].text);
                if (place + 1 < len) { /* U+00E9, and a NUL behind what is no ASCII */
                    memcpy(bytes + place, "\xc3\xa9", 2);
                    assert_true(qn_utf8_valid_text(qn_str_n(bytes, len)));
                    bytes[len - 1] = '\0';
                    assert_false(qn_utf8_valid_text(qn_str_n(bytes, len)));
                }
            }
        }
    }
}

/* Every code point there is: written, read back, counted. */
static void test_every_code_point_goes_there_and_back(void **state)
{
    (void)state;
    for (uint32_t c = 0; c <= 0x10ffff; c++) {
        if (c >= 0xd800 && c <= 0xdfff)
            continue;
        char bytes[4];
        uint32_t again = 0;
        size_t len = qn_utf8_put(bytes, c);
        struct qn_str text = qn_str_n(bytes, len);
        if (qn_utf8_get(text, &again) != len || again != c || !qn_utf8_valid(text) ||
            qn_utf8_count(text) != 1 || qn_utf8_utf16_len(text) != (c > 0xffff ? 2u : 1u))
            fail_msg("U+%04X", (unsigned)c);
    }
}

static void test_what_is_no_code_point_becomes_the_replacement(void **state)
{
    (void)state;
    static const uint32_t bad[] = {0xd800, 0xdbff, 0xdc00, 0xdfff, 0x110000, UINT32_MAX};
    for (size_t i = 0; i < QN_COUNT(bad); i++) {
        char bytes[4];
        assert_int_equal(qn_utf8_put(bytes, bad[i]), 3);
        assert_memory_equal(bytes, "\xef\xbf\xbd", 3);
    }
}

static void test_get_tells_an_end_and_bad_bytes(void **state)
{
    (void)state;
    uint32_t c;
    assert_int_equal(qn_utf8_get(qn_str_n(NULL, 0), &c), 0);
    assert_int_equal(qn_utf8_get(QN_STR("\xff"), &c), 0);
    assert_int_equal(qn_utf8_get(qn_str_n("\xe2\x82\xac", 2), &c), 0); /* more lies behind the view */
    assert_int_equal(qn_utf8_get(QN_STR("\xe2\x82\xac"), &c), 3);
    assert_int_equal(c, 0x20ac);
}

static void test_lengths(void **state)
{
    (void)state;
    struct qn_str text = QN_STR("gr\xc3\xbc\xc3\x9f \xe2\x82\xac \xf0\x9f\x92\x98"); /* "grüß € 💘" */
    assert_int_equal(qn_utf8_count(text), 8);
    assert_int_equal(qn_utf8_utf16_len(text), 9); /* as JavaScript's .length */
    assert_int_equal(qn_utf8_count(qn_str_n(NULL, 0)), 0);
    assert_int_equal(qn_utf8_utf16_len(qn_str_n(NULL, 0)), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_well_formed_text),
        cmocka_unit_test(test_ill_formed_text),
        cmocka_unit_test(test_one_byte_among_others),
        cmocka_unit_test(test_every_code_point_goes_there_and_back),
        cmocka_unit_test(test_what_is_no_code_point_becomes_the_replacement),
        cmocka_unit_test(test_get_tells_an_end_and_bad_bytes),
        cmocka_unit_test(test_lengths),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
