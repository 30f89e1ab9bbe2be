#include "common/core/check.h"
#include "common/core/encode.h"
#include "services/profile/page.h"
#include "tests/harness/test.h"

static const struct profile_filter everyone;

static size_t encode(int64_t created_at_ms, const char *user_id, const struct profile_filter *filter,
                     char to[PROFILE_PAGE_TOKEN_MAX + 1])
{
    struct profile_page_key key = {created_at_ms, qn_str_c(user_id)};
    return profile_page_encode(&key, filter, to);
}

static bool decodes(struct qn_str token, const struct profile_filter *filter)
{
    uint8_t room[PROFILE_PAGE_TOKEN_MAX];
    struct profile_page_key key;
    return profile_page_decode(token, filter, room, &key);
}

static void test_there_and_back(void **state)
{
    (void)state;
    static char longest[PROFILE_USER_ID_MAX + 1];
    memset(longest, 'x', PROFILE_USER_ID_MAX);
    const char *ids[] = {"1", "oxQm2t4mzhoZrVRpl3yOk2FXard8ipIa", "b3c1e0a4-9f2d-4c55-8a51-0d7b6c1f2e90", "é",
                         longest};
    int64_t times[] = {0, 1795407356937, PROFILE_TIME_MIN_MS, PROFILE_TIME_MAX_MS};
    struct profile_filter filter = {.gender = 2, .city = QN_STR("Wien"), .min_age = 20, .max_age = 30};
    for (size_t i = 0; i < QN_COUNT(ids); i++) {
        for (size_t k = 0; k < QN_COUNT(times); k++) {
            char token[PROFILE_PAGE_TOKEN_MAX + 1];
            uint8_t room[PROFILE_PAGE_TOKEN_MAX];
            struct profile_page_key key;
            size_t len = encode(times[k], ids[i], &filter, token);
            assert_int_equal(len, strlen(token));
            assert_true(profile_page_decode(qn_str_c(token), &filter, room, &key));
            assert_true(key.created_at_ms == times[k]);
            assert_str(key.user_id, ids[i]);
        }
    }
}

/* Tokens are handed from one release and one replica to the next: their form is fixed. The one here was made
 * by another implementation, in Python. */
static void test_the_form_stays(void **state)
{
    (void)state;
    struct profile_filter filter = {.gender = 1, .city = QN_STR("Berlin"), .min_age = 25, .max_age = 0};
    char token[PROFILE_PAGE_TOKEN_MAX + 1];
    encode(1795407356937, "oxQm2t4mzhoZrVRpl3yOk2FXard8ipIa", &filter, token);
    assert_string_equal(token, "AfG353_jM4jdCSSeBqIBAABveFFtMnQ0bXpob1pyVlJwbDN5T2syRlhhcmQ4aXBJYQ");
}

static void test_of_another_list(void **state)
{
    (void)state;
    struct profile_filter filter = {.gender = 2, .city = QN_STR("Wien"), .min_age = 20, .max_age = 30};
    char token[PROFILE_PAGE_TOKEN_MAX + 1];
    encode(1795407356937, "someone", &filter, token);
    const struct profile_filter others[] = {
        {0},
        {.gender = 1, .city = QN_STR("Wien"), .min_age = 20, .max_age = 30},
        {.gender = 2, .city = QN_STR("Graz"), .min_age = 20, .max_age = 30},
        {.gender = 2, .city = QN_STR("wien"), .min_age = 20, .max_age = 30},
        {.gender = 2, .city = QN_STR("Wien"), .min_age = 21, .max_age = 30},
        {.gender = 2, .city = QN_STR("Wien"), .min_age = 20, .max_age = 31},
        {.gender = 2, .city = QN_STR("Wien"), .min_age = 30, .max_age = 20},
    };
    assert_true(decodes(qn_str_c(token), &filter));
    for (size_t i = 0; i < QN_COUNT(others); i++)
        assert_false(decodes(qn_str_c(token), &others[i]));
}

/* Each bit counts, and so does each character that is left out or added. */
static void test_damage_is_found(void **state)
{
    (void)state;
    char token[PROFILE_PAGE_TOKEN_MAX + 8];
    size_t len = encode(1795407356937, "oxQm2t4mzhoZrVRpl3yOk2FXard8ipIa", &everyone, token);
    uint8_t raw[PROFILE_PAGE_TOKEN_MAX];
    size_t raw_len;
    assert_true(qn_base64_decode_lax(qn_str_c(token), raw, &raw_len));
    for (size_t bit = 0; bit < raw_len * 8; bit++) {
        char damaged[PROFILE_PAGE_TOKEN_MAX + 1];
        raw[bit / 8] ^= (uint8_t)(1u << (bit % 8));
        size_t n = qn_base64url_encode(damaged, raw, raw_len);
        assert_false(decodes(qn_str_n(damaged, n), &everyone));
        raw[bit / 8] ^= (uint8_t)(1u << (bit % 8));
    }
    for (size_t n = 0; n < len; n++)
        assert_false(decodes(qn_str_n(token, n), &everyone));
    token[len] = 'A';
    assert_false(decodes(qn_str_n(token, len + 1), &everyone));
    token[len] = '=';
    assert_false(decodes(qn_str_n(token, len + 1), &everyone));
}

static void test_other_texts_are_no_tokens(void **state)
{
    (void)state;
    static char huge[100000];
    memset(huge, 'A', sizeof(huge));
    const char *texts[] = {"", "x", "AAAA", "next", "%%%%", "….", "AQ==", "////"};
    for (size_t i = 0; i < QN_COUNT(texts); i++)
        assert_false(decodes(qn_str_c(texts[i]), &everyone));
    for (size_t len = PROFILE_PAGE_TOKEN_MAX - 4; len < PROFILE_PAGE_TOKEN_MAX + 4; len++)
        assert_false(decodes(qn_str_n(huge, len), &everyone));
    assert_false(decodes(qn_str_n(huge, sizeof(huge)), &everyone));
}

/* The check is no secret, so a token may be forged over anything: a time that nothing can write would end the
 * process, a NUL or bytes that are no UTF-8 would reach PostgreSQL. */
static void test_forged_with_a_right_check(void **state)
{
    (void)state;
    char token[PROFILE_PAGE_TOKEN_MAX + 1];
    const int64_t times[] = {INT64_MIN, INT64_MAX, PROFILE_TIME_MIN_MS - 1, PROFILE_TIME_MAX_MS + 1};
    for (size_t i = 0; i < QN_COUNT(times); i++) {
        size_t len = encode(times[i], "someone", &everyone, token);
        assert_false(decodes(qn_str_n(token, len), &everyone));
    }
    const struct qn_str ids[] = {QN_STR("a\0b"), QN_STR("\xff"), QN_STR("\xc3"), QN_STR("\xed\xa0\x80")};
    for (size_t i = 0; i < QN_COUNT(ids); i++) {
        struct profile_page_key key = {1795407356937, ids[i]};
        size_t len = profile_page_encode(&key, &everyone, token);
        assert_false(decodes(qn_str_n(token, len), &everyone));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_there_and_back),
        cmocka_unit_test(test_the_form_stays),
        cmocka_unit_test(test_of_another_list),
        cmocka_unit_test(test_damage_is_found),
        cmocka_unit_test(test_other_texts_are_no_tokens),
        cmocka_unit_test(test_forged_with_a_right_check),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
