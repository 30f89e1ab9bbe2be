#include "tests/harness/replay_jwe.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/kdf.h>

#include "common/core/encode.h"

/* RFC 7518, 5.2.5. */
enum { KEY_BYTES = 64, HALF_BYTES = 32, TAG_BYTES = 32, BLOCK_BYTES = 16 };

static bool derive(const char *secret, uint8_t key[KEY_BYTES])
{
    static const char SALT[] = "better-auth-session", INFO[] = "BetterAuth.js Generated Encryption Key";
    size_t len = KEY_BYTES;
    EVP_PKEY_CTX *hkdf = EVP_PKEY_CTX_new_id(EVP_PKEY_HKDF, NULL);
    bool derived =
        hkdf && EVP_PKEY_derive_init(hkdf) == 1 && EVP_PKEY_CTX_set_hkdf_md(hkdf, EVP_sha256()) == 1 &&
        EVP_PKEY_CTX_set1_hkdf_key(hkdf, (const unsigned char *)secret, (int)strlen(secret)) == 1 &&
        EVP_PKEY_CTX_set1_hkdf_salt(hkdf, (const unsigned char *)SALT, sizeof SALT - 1) == 1 &&
        EVP_PKEY_CTX_add1_hkdf_info(hkdf, (const unsigned char *)INFO, sizeof INFO - 1) == 1 &&
        EVP_PKEY_derive(hkdf, key, &len) == 1 && len == KEY_BYTES;
    EVP_PKEY_CTX_free(hkdf);
    return derived;
}

/* The next part of the token, decoded; ptr NULL when it cannot be. */
static struct qn_str next_part(struct qn_str *rest, struct qn_arena *arena)
{
    struct qn_str part;
    size_t len;
    if (!qn_str_next(rest, '.', &part))
        return (struct qn_str){0};
    uint8_t *bytes = qn_arena_alloc(arena, part.len / 4 * 3 + 3);
    return bytes && qn_base64_decode_lax(part, bytes, &len) ? qn_str_n((char *)bytes, len)
                                                            : (struct qn_str){0};
}

static bool is_tag(const uint8_t key[KEY_BYTES], struct qn_str header, struct qn_str vector,
                   struct qn_str encrypted, struct qn_str tag)
{
    uint8_t mac[EVP_MAX_MD_SIZE], bits[8] = {0};
    struct qn_buf whole;
    for (int i = 0; i < 8; i++)
        bits[7 - i] = (uint8_t)((uint64_t)header.len * 8 >> 8 * i);
    qn_buf_init(&whole, 1024 * 1024);
    qn_buf_write_str(&whole, header);
    qn_buf_write_str(&whole, vector);
    qn_buf_write_str(&whole, encrypted);
    qn_buf_write(&whole, bits, sizeof bits);
    HMAC(EVP_sha512(), key, HALF_BYTES, (const unsigned char *)whole.data, whole.len, mac, NULL);
    qn_buf_fini(&whole);
    return tag.len == TAG_BYTES && memcmp(mac, tag.ptr, TAG_BYTES) == 0;
}

bool replay_jwe_read(const char *secret, struct qn_str token, struct qn_arena *arena, struct qn_str *ret_text)
{
    uint8_t key[KEY_BYTES];
    struct qn_str rest = token, header, none;
    if (!derive(secret, key) || !qn_str_next(&rest, '.', &header) || !qn_str_next(&rest, '.', &none) ||
        none.len)
        return false;
    struct qn_str vector = next_part(&rest, arena), encrypted = next_part(&rest, arena),
                  tag = next_part(&rest, arena);
    if (vector.len != BLOCK_BYTES || !encrypted.ptr || !is_tag(key, header, vector, encrypted, tag))
        return false;
    int len = 0, last = 0;
    char *text = qn_arena_alloc(arena, encrypted.len + BLOCK_BYTES);
    EVP_CIPHER_CTX *aes = EVP_CIPHER_CTX_new();
    bool read = text && aes &&
                EVP_DecryptInit_ex(aes, EVP_aes_256_cbc(), NULL, key + HALF_BYTES,
                                   (const unsigned char *)vector.ptr) == 1 &&
                EVP_DecryptUpdate(aes, (unsigned char *)text, &len, (const unsigned char *)encrypted.ptr,
                                  (int)encrypted.len) == 1 &&
                EVP_DecryptFinal_ex(aes, (unsigned char *)text + len, &last) == 1;
    EVP_CIPHER_CTX_free(aes);
    *ret_text = qn_str_n(text, (size_t)len + (size_t)last);
    return read;
}
