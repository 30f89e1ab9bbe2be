#include "common/core/check.h"
#include "common/core/encode.h"
#include "services/auth/scrypt.h"
#include "tests/harness/test.h"

/* Of "password" under the salt "00…" (hex text, as Better Auth has it), made by node's crypto.scryptSync. */
#define SALT QN_STR("000102030405060708090a0b0c0d0e0f")
static const char expected[] = "3e0919938b5e2b36382eb5a81c23ab15482d02c6a9e295451ff69530660a61b2"
                               "ca15c113ee385e40a1a76b9345e7d3d519fe53b60d2786758802d888ceb009d1";

static void expect_key(const uint8_t *key)
{
    char hex[2 * AUTH_SCRYPT_KEY_BYTES + 1] = "";
    qn_hex_encode(hex, key, AUTH_SCRYPT_KEY_BYTES);
    hex[sizeof(hex) - 1] = '\0';
    assert_string_equal(hex, expected);
}

static void test_both_libraries_give_the_same_key(void **state)
{
    (void)state;
    for (int library = 0; library < AUTH_SCRYPT_LIBRARIES; library++) {
        uint8_t key[AUTH_SCRYPT_KEY_BYTES] = {0};
        assert_int_equal(auth_scrypt_by((enum auth_scrypt_library)library, QN_STR("password"), SALT, key),
                         QN_OK);
        expect_key(key);
    }
}

/* A NUL is a character, and no password is one, too. */
static void test_both_libraries_agree_on_odd_passwords(void **state)
{
    (void)state;
    const struct qn_str odd[] = {QN_STR("abc\0defgh"), QN_STR("abc"), QN_STR(""), {NULL, 0}};
    uint8_t keys[QN_COUNT(odd)][AUTH_SCRYPT_LIBRARIES][AUTH_SCRYPT_KEY_BYTES];
    for (size_t i = 0; i < QN_COUNT(odd); i++) {
        for (int library = 0; library < AUTH_SCRYPT_LIBRARIES; library++)
            assert_int_equal(
                auth_scrypt_by((enum auth_scrypt_library)library, odd[i], SALT, keys[i][library]), QN_OK);
        assert_memory_equal(keys[i][0], keys[i][1], AUTH_SCRYPT_KEY_BYTES);
    }
    assert_memory_not_equal(keys[0][0], keys[1][0], AUTH_SCRYPT_KEY_BYTES);
    assert_memory_equal(keys[2][0], keys[3][0], AUTH_SCRYPT_KEY_BYTES);
}

/* Four of each, in turn; then the one whose best was better, whatever comes later. */
static void test_the_faster_is_chosen(void **state)
{
    (void)state;
    static const uint64_t sodium_us[] = {500, 80, 90, 85}, openssl_us[] = {900, 700, 70, 600};
    for (size_t i = 0; i < QN_COUNT(sodium_us); i++) {
        assert_int_equal(auth_scrypt_choice(), AUTH_SCRYPT_SODIUM);
        auth_scrypt_took(AUTH_SCRYPT_SODIUM, sodium_us[i]);
    }
    for (size_t i = 0; i < QN_COUNT(openssl_us); i++) {
        assert_int_equal(auth_scrypt_choice(), AUTH_SCRYPT_OPENSSL);
        auth_scrypt_took(AUTH_SCRYPT_OPENSSL, openssl_us[i]);
    }
    assert_int_equal(auth_scrypt_choice(), AUTH_SCRYPT_OPENSSL);
    auth_scrypt_took(AUTH_SCRYPT_SODIUM, 1);
    auth_scrypt_took(AUTH_SCRYPT_OPENSSL, 1000);
    assert_int_equal(auth_scrypt_choice(), AUTH_SCRYPT_OPENSSL);
    uint8_t key[AUTH_SCRYPT_KEY_BYTES];
    assert_int_equal(auth_scrypt(QN_STR("password"), SALT, key), QN_OK);
    expect_key(key);
}

int main(void)
{
    auth_scrypt_init();
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_both_libraries_give_the_same_key),
        cmocka_unit_test(test_both_libraries_agree_on_odd_passwords),
        cmocka_unit_test(test_the_faster_is_chosen),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
