#include <stdio.h>

#include "common/core/check.h"
#include "common/core/utf8.h"
#include "services/auth/password.h"
#include "tests/harness/rows.h"
#include "tests/harness/test.h"

static const char *name_of(const struct qn_json *user)
{
    static char label[256];
    struct qn_str text = harness_rows_text(user, "label");
    snprintf(label, sizeof(label), "%.*s", QN_STR_ARG(text));
    return label;
}

static void expect(const struct qn_json *user, struct qn_str password, struct qn_str hash,
                   enum qn_status want)
{
    enum qn_status is = auth_password_verify(password, hash);
    if (is != want)
        fail_msg("%s: \"%.*s\": %s, not %s", name_of(user), QN_STR_ARG(password), qn_status_name(is),
                 qn_status_name(want));
}

/* Users of a real Better Auth database sign in here: each one's password passes, in every spelling that
 * normalises to it, and what must not pass does not (among them the cut at a NUL, another case, and a trimmed
 * one). */
static void test_every_recorded_hash(void **state)
{
    (void)state;
    const struct qn_json *users = harness_rows_member(harness_rows(), "users");
    size_t hashes = 0;
    for (size_t i = 0; i < users->n_items; i++) {
        const struct qn_json *user = &users->items[i];
        struct qn_str hash = harness_rows_hash(harness_rows_text(user, "userId"));
        if (hash.ptr == NULL)
            continue;
        hashes++;
        assert_int_equal(hash.len, AUTH_PASSWORD_HASH_LEN);
        expect(user, harness_rows_password(user), hash, QN_OK);
        const struct qn_json *accepted = harness_rows_member(user, "alsoAccepts");
        for (size_t k = 0; k < accepted->n_items; k++)
            expect(user, accepted->items[k].text, hash, QN_OK);
        const struct qn_json *rejected = harness_rows_member(user, "alsoRejects");
        for (size_t k = 0; k < rejected->n_items; k++)
            expect(user, rejected->items[k].text, hash, QN_UNAUTHENTICATED);
        if (qn_json_get(user, "changedPassword"))
            expect(user, harness_rows_text(harness_rows_member(user, "request"), "password"), hash,
                   QN_UNAUTHENTICATED);
    }
    assert_int_equal(hashes, 15);
}

/* The limits count as JavaScript does, before normalisation: U+FDFA 64 times is 64 long, though NFKC makes
 * 1,152 of it. */
static void test_length_is_in_code_units(void **state)
{
    (void)state;
    const struct qn_json *users = harness_rows_member(harness_rows(), "users");
    for (size_t i = 0; i < users->n_items; i++) {
        const struct qn_json *units = qn_json_get(&users->items[i], "passwordCodeUnits");
        if (units == NULL)
            continue;
        struct qn_str password =
            harness_rows_text(harness_rows_member(&users->items[i], "request"), "password");
        assert_int_equal(qn_utf8_utf16_len(password), (size_t)units->number);
        assert_in_range(units->number, 8, 128);
    }
}

static void test_new_hash(void **state)
{
    (void)state;
    static const char password[] = "p\0ssw\xc3\xb6rd \xef\xac\x81"; /* a NUL, an umlaut, a ligature */
    struct qn_str whole = qn_str_n(password, sizeof(password) - 1);
    char hash[AUTH_PASSWORD_HASH_LEN + 1], other[AUTH_PASSWORD_HASH_LEN + 1];
    assert_int_equal(auth_password_hash(whole, hash), QN_OK);
    assert_int_equal(strlen(hash), AUTH_PASSWORD_HASH_LEN);
    assert_int_equal(strspn(hash, "0123456789abcdef"), AUTH_PASSWORD_SALT_LEN);
    assert_int_equal(hash[AUTH_PASSWORD_SALT_LEN], ':');
    assert_int_equal(strspn(hash + AUTH_PASSWORD_SALT_LEN + 1, "0123456789abcdef"),
                     2 * AUTH_PASSWORD_KEY_BYTES);

    assert_int_equal(auth_password_verify(whole, qn_str_c(hash)), QN_OK);
    static const char decomposed[] = "p\0sswo\xcc\x88rd fi";
    assert_int_equal(auth_password_verify(qn_str_n(decomposed, sizeof(decomposed) - 1), qn_str_c(hash)),
                     QN_OK);
    assert_int_equal(auth_password_verify(QN_STR("p"), qn_str_c(hash)), QN_UNAUTHENTICATED);

    assert_int_equal(auth_password_hash(whole, other), QN_OK);
    assert_int_not_equal(memcmp(hash, other, AUTH_PASSWORD_SALT_LEN), 0);
}

/* utf8proc 2.8 swallows U+11A7 behind a Hangul syllable; Better Auth (that is, JavaScript) does not. The hash
 * is node's. */
static void test_hangul_before_trailing_consonants(void **state)
{
    (void)state;
    struct qn_str hash = QN_STR("00112233445566778899aabbccddeeff:"
                                "31df40942d60c8990e5f5eb444c8102713dca4aa960eb1486c4b2027316e957a"
                                "13be415eb294c9db51b7c57b2b9afa55613625828098a1a0d96d2b3fae387c6a");
    assert_int_equal(auth_password_verify(QN_STR("\xea\xb0\x80\xe1\x86\xa7 password"), hash), QN_OK);
    /* The syllable in two parts; and without the swallowed character. */
    assert_int_equal(auth_password_verify(QN_STR("\xe1\x84\x80\xe1\x85\xa1\xe1\x86\xa7 password"), hash),
                     QN_OK);
    assert_int_equal(auth_password_verify(QN_STR("\xea\xb0\x80 password"), hash), QN_UNAUTHENTICATED);
}

static void test_growth(void **state)
{
    (void)state;
    struct qn_buf normal;
    struct qn_str ligature = QN_STR("\xef\xb7\xba"); /* U+FDFA, the character that grows most */
    qn_buf_init(&normal, AUTH_PASSWORD_GROWTH_MAX * ligature.len);
    assert_int_equal(auth_password_normalise(ligature, &normal), QN_OK);
    assert_int_equal(normal.len, AUTH_PASSWORD_GROWTH_MAX * ligature.len);
    qn_buf_fini(&normal);
    qn_buf_init(&normal, AUTH_PASSWORD_GROWTH_MAX * ligature.len - 1);
    assert_int_equal(auth_password_normalise(ligature, &normal), QN_RESOURCE_EXHAUSTED);
    qn_buf_fini(&normal);
}

static void test_empty_password_is_a_password(void **state)
{
    (void)state;
    char hash[AUTH_PASSWORD_HASH_LEN + 1];
    assert_int_equal(auth_password_hash((struct qn_str){0}, hash), QN_OK);
    assert_int_equal(auth_password_verify(QN_STR(""), qn_str_c(hash)), QN_OK);
    assert_int_equal(auth_password_verify(QN_STR(" "), qn_str_c(hash)), QN_UNAUTHENTICATED);
}

/* What stands in the column may have been written by anything. */
static void test_stored_value_that_is_no_hash(void **state)
{
    (void)state;
    static const char *const halves[] = {"", ":", "abc", "abc:", ":abc", "::", ":abc:def"};
    for (size_t i = 0; i < QN_COUNT(halves); i++)
        assert_int_equal(auth_password_verify(QN_STR("password"), qn_str_c(halves[i])), QN_INTERNAL);

    char hash[AUTH_PASSWORD_HASH_LEN + 1];
    assert_int_equal(auth_password_hash(QN_STR("password"), hash), QN_OK);
    struct qn_str cut = qn_str_n(hash, AUTH_PASSWORD_HASH_LEN - 2);
    assert_int_equal(auth_password_verify(QN_STR("password"), cut), QN_UNAUTHENTICATED);
    assert_int_equal(auth_password_verify(QN_STR("password"), QN_STR("salt:key")), QN_UNAUTHENTICATED);
    char salt[AUTH_PASSWORD_SALT_MAX + 2 + 2]; /* one that would make scrypt dearer */
    memset(salt, 's', AUTH_PASSWORD_SALT_MAX + 1);
    memcpy(salt + AUTH_PASSWORD_SALT_MAX + 1, ":k", 3);
    assert_int_equal(auth_password_verify(QN_STR("password"), qn_str_c(salt)), QN_INTERNAL);
    assert_int_equal(auth_password_verify(QN_STR("password"), qn_str_c(salt + 1)), QN_UNAUTHENTICATED);
    hash[AUTH_PASSWORD_HASH_LEN - 1] = 'x';
    assert_int_equal(auth_password_verify(QN_STR("password"), qn_str_c(hash)), QN_UNAUTHENTICATED);
}

static void test_nobody(void **state)
{
    (void)state;
    assert_int_equal(auth_password_nobody.len, AUTH_PASSWORD_HASH_LEN);
    assert_int_equal(auth_password_verify(QN_STR("password"), auth_password_nobody), QN_UNAUTHENTICATED);
}

static void test_not_utf8(void **state)
{
    (void)state;
    char hash[AUTH_PASSWORD_HASH_LEN + 1];
    assert_int_equal(auth_password_hash(QN_STR("abc\xff\xfe"), hash), QN_INVALID_ARGUMENT);
    assert_int_equal(auth_password_verify(QN_STR("\xed\xa0\x80"), auth_password_nobody), QN_INVALID_ARGUMENT);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_recorded_hash),
        cmocka_unit_test(test_length_is_in_code_units),
        cmocka_unit_test(test_new_hash),
        cmocka_unit_test(test_hangul_before_trailing_consonants),
        cmocka_unit_test(test_growth),
        cmocka_unit_test(test_empty_password_is_a_password),
        cmocka_unit_test(test_stored_value_that_is_no_hash),
        cmocka_unit_test(test_nobody),
        cmocka_unit_test(test_not_utf8),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
