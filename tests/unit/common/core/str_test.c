#include "common/core/check.h"
#include "common/core/str.h"
#include "tests/harness/test.h"

static const struct qn_str nothing; /* ptr is NULL */

static void test_comparisons(void **state)
{
    (void)state;
    assert_true(qn_str_eq(QN_STR("abc"), qn_str_c("abc")));
    assert_false(qn_str_eq(QN_STR("abc"), QN_STR("abd")));
    assert_false(qn_str_eq(QN_STR("abc"), QN_STR("ab")));
    assert_true(qn_str_eq(nothing, QN_STR("")));
    assert_true(qn_str_eq(qn_str_c(NULL), nothing));
    assert_false(qn_str_eq(QN_STR("a\0b"), QN_STR("a\0c"))); /* not as strcmp sees it */

    assert_true(qn_str_eq_nocase(QN_STR("Content-TYPE"), QN_STR("content-type")));
    assert_false(qn_str_eq_nocase(QN_STR("a["), QN_STR("a{"))); /* neighbours of the letters, 32 apart */
    assert_false(qn_str_eq_nocase(QN_STR("\xc3\x84"), QN_STR("\xc3\xa4"))); /* Ä ä: ASCII only */
    assert_false(qn_str_eq_nocase(QN_STR("a"), QN_STR("ab")));

    assert_true(qn_str_starts(QN_STR("abc"), QN_STR("ab")));
    assert_true(qn_str_starts(QN_STR("abc"), nothing));
    assert_true(qn_str_starts(nothing, nothing));
    assert_false(qn_str_starts(QN_STR("ab"), QN_STR("abc")));
    assert_true(qn_str_ends(QN_STR("abc"), QN_STR("bc")));
    assert_true(qn_str_ends(nothing, nothing));
    assert_false(qn_str_ends(QN_STR("abc"), QN_STR("ab")));
    assert_false(qn_str_ends(QN_STR("c"), QN_STR("bc")));
}

static void test_finding_a_byte(void **state)
{
    (void)state;
    assert_int_equal(qn_str_find(QN_STR("a.b.c"), '.'), 1);
    assert_int_equal(qn_str_rfind(QN_STR("a.b.c"), '.'), 3);
    assert_int_equal(qn_str_find(QN_STR("abc"), '.'), -1);
    assert_int_equal(qn_str_rfind(QN_STR("abc"), '.'), -1);
    assert_int_equal(qn_str_find(nothing, '.'), -1);
    assert_int_equal(qn_str_rfind(nothing, '.'), -1);
    assert_int_equal(qn_str_find(QN_STR("a\0b"), 'b'), 2);
}

static void test_trimming(void **state)
{
    (void)state;
    assert_str(qn_str_trim(QN_STR(" \t a b \t")), "a b");
    assert_str(qn_str_trim(QN_STR("  \t ")), "");
    assert_str(qn_str_trim(QN_STR("\na\n")), "\na\n"); /* blanks and tabs, no more */
    assert_str(qn_str_trim(nothing), "");
}

/* The pieces of 'text', each followed by '|'. */
static void assert_pieces(struct qn_str text, const char *should_be)
{
    char joined[64];
    size_t len = 0;
    struct qn_str piece;
    while (qn_str_next(&text, ',', &piece)) {
        assert_true(len + piece.len + 1 < sizeof joined);
        if (piece.len)
            memcpy(joined + len, piece.ptr, piece.len);
        len += piece.len;
        joined[len++] = '|';
    }
    assert_str(qn_str_n(joined, len), should_be);
    assert_false(qn_str_next(&text, ',', &piece)); /* the end stays the end */
}

static void test_pieces(void **state)
{
    (void)state;
    assert_pieces(QN_STR(""), "");
    assert_pieces(nothing, "");
    assert_pieces(QN_STR("a"), "a|");
    assert_pieces(QN_STR("a,"), "a||");
    assert_pieces(QN_STR(","), "||");
    assert_pieces(QN_STR(",a"), "|a|");
    assert_pieces(QN_STR("a,,b"), "a||b|");
    assert_pieces(QN_STR("one,two,three"), "one|two|three|");
}

static void assert_i64(struct qn_str text, int64_t should_be)
{
    int64_t value;
    assert_true(qn_str_to_i64(text, &value));
    assert_true(value == should_be);
}

static void test_numbers(void **state)
{
    (void)state;
    assert_i64(QN_STR("0"), 0);
    assert_i64(QN_STR("-0"), 0);
    assert_i64(QN_STR("007"), 7);
    assert_i64(QN_STR("9223372036854775807"), INT64_MAX);
    assert_i64(QN_STR("-9223372036854775808"), INT64_MIN);

    static const char *const bad[] = {"",
                                      "-",
                                      "+1",
                                      " 1",
                                      "1 ",
                                      "1.0",
                                      "0x10",
                                      "--1",
                                      "1-",
                                      "1e3",
                                      "9223372036854775808",
                                      "-9223372036854775809",
                                      "99999999999999999999",
                                      "\xd9\xa1" /* ARABIC-INDIC DIGIT ONE */};
    for (size_t i = 0; i < QN_COUNT(bad); i++) {
        int64_t value;
        assert_false(qn_str_to_i64(qn_str_c(bad[i]), &value));
    }

    uint64_t value;
    assert_true(qn_str_to_u64(QN_STR("18446744073709551615"), &value));
    assert_true(value == UINT64_MAX);
    assert_false(qn_str_to_u64(QN_STR("18446744073709551616"), &value));
    assert_false(qn_str_to_u64(QN_STR("184467440737095516150"), &value));
    assert_false(qn_str_to_u64(QN_STR("-1"), &value));
    assert_false(qn_str_to_u64(nothing, &value));
}

/* Known answers from another implementation: CPython 3.11 with PYTHONHASHSEED=0 (a key of zeros) is
 * SipHash-1-3: hash(b"The quick brown fox …"[:n]). */
static void test_the_hash_is_siphash_1_3(void **state)
{
    (void)state;
    static const struct {
        size_t len;
        uint64_t hash;
    } known[] = {
        {1, 0x971d5caa766a69d7},  {7, 0xfae2ae7a7f51c7d6},  {8, 0xcf659f68c7020d94},  {9, 0x2eb4fcdf94bd2122},
        {15, 0x93d50be9c01cea41}, {16, 0x4c5f1fbfd34b73ee}, {43, 0x8df676d3d00c451e},
    };
    static const char text[] = "The quick brown fox jumps over the lazy dog";
    const uint64_t zero_key[2] = {0, 0};
    for (size_t i = 0; i < QN_COUNT(known); i++)
        assert_true(qn_str_siphash13(zero_key, qn_str_n(text, known[i].len)) == known[i].hash);
}

static void test_the_process_key_is_not_the_zero_key(void **state)
{
    (void)state;
    const uint64_t zero_key[2] = {0, 0};
    assert_true(qn_str_hash(QN_STR("a")) == qn_str_hash(QN_STR("a")));
    assert_true(qn_str_hash(QN_STR("a")) != qn_str_hash(QN_STR("b")));
    assert_true(qn_str_hash(QN_STR("a")) != qn_str_siphash13(zero_key, QN_STR("a")));
    assert_true(qn_str_hash(nothing) == qn_str_hash(QN_STR("")));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_comparisons),
        cmocka_unit_test(test_finding_a_byte),
        cmocka_unit_test(test_trimming),
        cmocka_unit_test(test_pieces),
        cmocka_unit_test(test_numbers),
        cmocka_unit_test(test_the_hash_is_siphash_1_3),
        cmocka_unit_test(test_the_process_key_is_not_the_zero_key),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
