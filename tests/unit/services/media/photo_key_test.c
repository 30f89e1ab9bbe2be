#include <stdio.h>
#include <string.h>

#include "services/media/photo_key.h"
#include "tests/harness/dies.h"
#include "tests/harness/test.h"

#define PHOTO "0123456789abcdefABCDEF0123456789"

static void test_there_and_back(void **state)
{
    (void)state;
    /* Better Auth's own, a UUID, a number, and what a site of one's own might make. */
    static const char *const users[] = {"oxQm2t4mK1vZ8aB3cD5eF7gH9iJ0kL2m",
                                        "3f2504e0-4f89-11d3-9a0c-0305e82c3301",
                                        "42",
                                        "a/../b",
                                        "ünïcode 🎉",
                                        "."};
    for (size_t i = 0; i < sizeof users / sizeof users[0]; i++) {
        char key[MEDIA_OBJECT_KEY_MAX + 1], user[MEDIA_PHOTO_USER_ID_MAX + 1], photo[QN_ID_LEN + 1];
        media_photo_key_pending(qn_str_c(users[i]), QN_STR(PHOTO), key);
        assert_true(media_object_key_is_safe(qn_str_c(key)));
        assert_true(qn_str_starts(qn_str_c(key), QN_STR(MEDIA_PHOTO_PENDING_PREFIX)));
        assert_false(qn_str_starts(qn_str_c(key), QN_STR(MEDIA_OBJECT_PUBLIC_PREFIX)));
        assert_true(media_photo_key_read_pending(qn_str_c(key), user, photo));
        assert_string_equal(user, users[i]);
        assert_string_equal(photo, PHOTO);
    }
}

static void test_longest_user(void **state)
{
    (void)state;
    char longest[MEDIA_PHOTO_USER_ID_MAX + 1], key[MEDIA_OBJECT_KEY_MAX + 1], photo[QN_ID_LEN + 1];
    char user[MEDIA_PHOTO_USER_ID_MAX + 1];
    memset(longest, 'x', sizeof longest - 1);
    longest[sizeof longest - 1] = '\0';
    media_photo_key_pending(qn_str_c(longest), QN_STR(PHOTO), key);
    assert_true(media_object_key_is_safe(qn_str_c(key)));
    assert_true(media_photo_key_read_pending(qn_str_c(key), user, photo));
    assert_string_equal(user, longest);
}

static void test_public_key(void **state)
{
    (void)state;
    char key[MEDIA_OBJECT_KEY_MAX + 1], prefix[MEDIA_OBJECT_KEY_MAX + 1], other[MEDIA_OBJECT_KEY_MAX + 1];
    /* FIPS 180-2, B.1: SHA-256 of "abc" begins so. */
    media_photo_key_public(QN_STR(PHOTO), QN_STR("abc"), key);
    assert_string_equal(key, "photos/" PHOTO "/ba7816bf8f01cfea414140de5dae2223.webp");
    assert_true(media_object_key_is_safe(qn_str_c(key)));
    media_photo_key_prefix(QN_STR(PHOTO), prefix);
    assert_string_equal(prefix, "photos/" PHOTO "/");
    media_photo_key_public(QN_STR(PHOTO), QN_STR("abd"), other);
    assert_string_not_equal(key, other);
    assert_true(qn_str_starts(qn_str_c(other), qn_str_c(prefix)));
}

/* Of these the sweep asks for no row. */
static void test_keys_that_are_not_ours(void **state)
{
    (void)state;
    static const char *const keys[] = {
        "",
        "pending",
        "pending/dTE",
        "pending/dTE/short",
        "pending/dTE/" PHOTO "x",
        "pending/dTE/" PHOTO "/x",
        "pending/dTE/0123456789abcdefABCDEF012345678-",
        "photos/dTE/" PHOTO,
        "pending//" PHOTO,
        "pending/d/" PHOTO,    /* six bits are no byte */
        "pending/dTF/" PHOTO,  /* the same byte as dTE with bits to spare: not how we write it */
        "pending/dTE=/" PHOTO, /* nor with padding */
        "pending/AA/" PHOTO,   /* a NUL */
        "pending/_w/" PHOTO,   /* not UTF-8 */
    };
    for (size_t i = 0; i < sizeof keys / sizeof keys[0]; i++) {
        char user[MEDIA_PHOTO_USER_ID_MAX + 1], photo[QN_ID_LEN + 1];
        if (media_photo_key_read_pending(qn_str_c(keys[i]), user, photo))
            fail_msg("%s is taken", keys[i]);
    }
}

static void test_ids(void **state)
{
    (void)state;
    assert_true(media_photo_id_valid(QN_STR(PHOTO)));
    assert_false(media_photo_id_valid(QN_STR("")));
    assert_false(media_photo_id_valid(QN_STR("0123456789abcdefABCDEF012345678")));
    assert_false(media_photo_id_valid(QN_STR(PHOTO "0")));
    assert_false(media_photo_id_valid(QN_STR("../3456789abcdefABCDEF0123456789")));
    assert_false(media_photo_id_valid(QN_STR("0123456789abcdefABCDEF012345678\0")));
}

static void make_with_bad_id(void *context)
{
    char key[MEDIA_OBJECT_KEY_MAX + 1];
    media_photo_key_public(qn_str_c(context), QN_STR("abc"), key);
}

static void test_a_bad_id_is_a_bug_of_the_caller(void **state)
{
    (void)state;
    char bad[] = "../x";
    assert_dies(make_with_bad_id, bad, "media_photo_id_valid");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_there_and_back),
        cmocka_unit_test(test_longest_user),
        cmocka_unit_test(test_public_key),
        cmocka_unit_test(test_keys_that_are_not_ours),
        cmocka_unit_test(test_ids),
        cmocka_unit_test(test_a_bad_id_is_a_bug_of_the_caller),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
