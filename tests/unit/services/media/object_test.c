#include <string.h>

#include "services/media/object.h"
#include "tests/harness/test.h"

static void test_keys_of_ours_are_safe(void **state)
{
    (void)state;
    static const char *const keys[] = {"photos/0123456789abcdefABCDEF0123456789",
                                       "pending/dTE/x",
                                       "a",
                                       "a.b/c_d-e",
                                       "a..",
                                       "1/2/3/4/5/6/7/8"};
    for (size_t i = 0; i < sizeof keys / sizeof keys[0]; i++)
        if (!media_object_key_is_safe(qn_str_c(keys[i])))
            fail_msg("%s is refused", keys[i]);
}

/* Whatever a file system could read as another place, as the same place twice, or as a file of its own. */
static void test_no_key_leaves_its_folder(void **state)
{
    (void)state;
    static const struct qn_str keys[] = {
        QN_STR(""),
        QN_STR("/"),
        QN_STR("/photos/x"),
        QN_STR("photos/"),
        QN_STR("photos//x"),
        QN_STR(".."),
        QN_STR("../x"),
        QN_STR("photos/.."),
        QN_STR("photos/."),
        QN_STR("photos/../x"),
        QN_STR("photos/..x"),
        QN_STR("photos/.hidden"),
        QN_STR("photos\\x"),
        QN_STR("photos/x\0y"),
        QN_STR("photos/x y"),
        QN_STR("photos/%2e%2e/x"),
        QN_STR("photos/\xC3\xBC"),
        QN_STR("photos/x\n"),
        QN_STR("photos/x:y"),
        QN_STR("~/x"),
        QN_STR("1/2/3/4/5/6/7/8/9"),
    };
    for (size_t i = 0; i < sizeof keys / sizeof keys[0]; i++)
        if (media_object_key_is_safe(keys[i]))
            fail_msg("\"%.*s\" (%zu) is taken", QN_STR_ARG(keys[i]), i);
}

static void test_lengths(void **state)
{
    (void)state;
    char key[MEDIA_OBJECT_KEY_MAX + 2];
    memset(key, 'a', sizeof key);
    assert_true(media_object_key_is_safe(qn_str_n(key, 200)));
    assert_false(media_object_key_is_safe(qn_str_n(key, 201)));
    key[170] = key[340] = '/';
    assert_true(media_object_key_is_safe(qn_str_n(key, MEDIA_OBJECT_KEY_MAX)));
    assert_false(media_object_key_is_safe(qn_str_n(key, MEDIA_OBJECT_KEY_MAX + 1)));
}

/* Every byte that is not one of those said stands for trouble somewhere. */
static void test_every_byte(void **state)
{
    (void)state;
    static const char allowed[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_./";
    for (int byte = 0; byte < 256; byte++) {
        char key[] = {'a', (char)byte, 'b'};
        bool should_be = byte != 0 && strchr(allowed, byte) != NULL;
        if (media_object_key_is_safe(qn_str_n(key, 3)) != should_be)
            fail_msg("byte %d", byte);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_keys_of_ours_are_safe),
        cmocka_unit_test(test_no_key_leaves_its_folder),
        cmocka_unit_test(test_lengths),
        cmocka_unit_test(test_every_byte),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
