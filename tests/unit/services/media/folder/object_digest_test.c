#include "common/core/encode.h"
#include "services/media/folder/object_digest.h"
#include "tests/harness/test.h"

/* Of "hello"; by openssl dgst, and crc32 of zlib. */
static const struct {
    enum media_digest_kind kind;
    const char *header, *value;
} hello[] = {
    {MEDIA_DIGEST_SHA256, "x-amz-checksum-sha256", "LPJNul+wow4m6DsqxbninhsWHlwfp0JecwQzYpOLmCQ="},
    {MEDIA_DIGEST_SHA1, "x-amz-checksum-sha1", "qvTGHdzF6KLavt4PO0gs2a6pQ00="},
    {MEDIA_DIGEST_CRC32, "x-amz-checksum-crc32", "NhCmhg=="},
    {MEDIA_DIGEST_MD5, "content-md5", "XUFAKrxLKna5cZ2REBfFkg=="},
};

static enum qn_status hash_hello(const struct media_digest_claim *claim)
{
    struct media_digest digest;
    uint8_t sha256[MEDIA_DIGEST_BYTES_MAX];
    char hex[2 * MEDIA_DIGEST_BYTES_MAX + 1];
    assert_true(media_digest_init(&digest, claim));
    assert_int_equal(media_digest_update(&digest, QN_STR("he")), QN_OK);
    assert_int_equal(media_digest_update(&digest, QN_STR("")), QN_OK);
    assert_int_equal(media_digest_update(&digest, QN_STR("llo")), QN_OK);
    enum qn_status status = media_digest_final(&digest, claim, sha256);
    media_digest_fini(&digest);
    qn_hex_encode(hex, sha256, sizeof sha256);
    assert_string_equal(hex, "2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824");
    return status;
}

static void test_each_kind(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof hello / sizeof hello[0]; i++) {
        struct media_digest_claim claim = {.has_payload = false};
        assert_int_equal(hash_hello(&claim), QN_OK);
        assert_int_equal(media_digest_of_header(qn_str_c(hello[i].header)), hello[i].kind);
        assert_string_equal(media_digest_header(hello[i].kind), hello[i].header);
        assert_true(media_digest_expect(&claim, hello[i].kind, qn_str_c(hello[i].value)));
        assert_int_equal(hash_hello(&claim), QN_OK);
        claim.values[hello[i].kind][3] ^= 1;
        assert_int_equal(hash_hello(&claim), QN_DATA_LOSS);
    }
    assert_int_equal(media_digest_of_header(QN_STR("x-amz-checksum-crc32c")), MEDIA_DIGEST_KINDS);
}

static void test_all_at_once(void **state)
{
    (void)state;
    struct media_digest_claim claim = {.has_payload = false};
    for (size_t i = 0; i < sizeof hello / sizeof hello[0]; i++)
        assert_true(media_digest_expect(&claim, hello[i].kind, qn_str_c(hello[i].value)));
    assert_int_equal(hash_hello(&claim), QN_OK);
}

/* What was promised and never came is no checksum that held. */
static void test_promised(void **state)
{
    (void)state;
    struct media_digest_claim claim = {.promised = {[MEDIA_DIGEST_CRC32] = true}};
    assert_int_equal(hash_hello(&claim), QN_DATA_LOSS);
}

static void test_payload(void **state)
{
    (void)state;
    struct media_digest_claim claim = {.has_payload = true};
    assert_int_equal(hash_hello(&claim), QN_FAILED_PRECONDITION);
    assert_true(qn_hex_decode(QN_STR("2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824"),
                              claim.payload));
    assert_int_equal(hash_hello(&claim), QN_OK);
}

static void test_values_that_are_none(void **state)
{
    (void)state;
    struct media_digest_claim claim = {.has_payload = false};
    static const char *const values[] = {"",          "=",        "NhCmhg=",  "NhCmhg",
                                         "NhCmhg===", "NhCmhgAA", "NhCm-g==", "NhCmhg==AAAA"};
    for (size_t i = 0; i < sizeof values / sizeof values[0]; i++)
        assert_false(media_digest_expect(&claim, MEDIA_DIGEST_CRC32, qn_str_c(values[i])));
    assert_false(media_digest_expect(&claim, MEDIA_DIGEST_SHA256, QN_STR("NhCmhg==")));
    assert_false(claim.promised[MEDIA_DIGEST_CRC32] || claim.promised[MEDIA_DIGEST_SHA256]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_each_kind),
        cmocka_unit_test(test_all_at_once),
        cmocka_unit_test(test_promised),
        cmocka_unit_test(test_payload),
        cmocka_unit_test(test_values_that_are_none),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
