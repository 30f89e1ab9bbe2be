#include "services/auth/jwe.h"

#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/kdf.h>
#include <openssl/params.h>
#include <stdio.h>

#include "common/core/check.h"
#include "common/core/encode.h"
#include "common/core/id.h"

#define SALT "better-auth-session"
#define INFO "BetterAuth.js Generated Encryption Key"

/* RFC 7518, 5.2.5: a key of 64 bytes, half for HMAC-SHA-512, whose first half is the tag, and half for
 * AES-256. */
enum { KEY_BYTES = 64, HALF_BYTES = 32, MAC_BYTES = 64, TAG_BYTES = 32, BLOCK_BYTES = 16 };
enum { TAG_LEN = 43, VECTOR_LEN = 22, THUMBPRINT_LEN = 43 }; /* in base64url */

static bool derive(struct qn_str secret, uint8_t key[KEY_BYTES])
{
    EVP_KDF *hkdf = EVP_KDF_fetch(NULL, "HKDF", NULL);
    EVP_KDF_CTX *kdf = hkdf ? EVP_KDF_CTX_new(hkdf) : NULL;
    EVP_KDF_free(hkdf); /* the context keeps a reference of its own */
    const OSSL_PARAM params[] = {
        OSSL_PARAM_construct_utf8_string(OSSL_KDF_PARAM_DIGEST, (char[]){"SHA256"}, 0),
        OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_KEY, (char *)secret.ptr, secret.len),
        OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_SALT, (char[]){SALT}, sizeof(SALT) - 1),
        OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_INFO, (char[]){INFO}, sizeof(INFO) - 1),
        OSSL_PARAM_construct_end(),
    };
    bool derived = kdf && EVP_KDF_derive(kdf, key, KEY_BYTES, params) == 1;
    EVP_KDF_CTX_free(kdf);
    return derived;
}

/* The header that names this key: by the thumbprint of {"k":…,"kty":"oct"}, a key as JSON (RFC 7638, 3). */
static bool write_header(const uint8_t key[KEY_BYTES], char to[AUTH_JWE_HEADER_LEN + 1])
{
    char k[(KEY_BYTES + 2) / 3 * 4 + 1], thumbprint[(TAG_BYTES + 2) / 3 * 4 + 1], text[256];
    uint8_t digest[EVP_MAX_MD_SIZE];
    unsigned digest_len = 0;
    qn_base64url_encode(k, key, KEY_BYTES);
    int len = snprintf(text, sizeof(text), "{\"k\":\"%s\",\"kty\":\"oct\"}", k);
    bool digested = EVP_Digest(text, (size_t)len, digest, &digest_len, EVP_sha256(), NULL) == 1;
    OPENSSL_cleanse(k, sizeof(k));
    OPENSSL_cleanse(text, sizeof(text));
    if (!digested)
        return false;
    QN_CHECK(qn_base64url_encode(thumbprint, digest, digest_len) == THUMBPRINT_LEN);
    len = snprintf(text, sizeof(text), "{\"alg\":\"dir\",\"enc\":\"A256CBC-HS512\",\"kid\":\"%s\"}",
                   thumbprint);
    QN_CHECK(qn_base64url_encode(to, text, (size_t)len) == AUTH_JWE_HEADER_LEN);
    return true;
}

static EVP_MAC_CTX *mac_new(const uint8_t key[HALF_BYTES])
{
    EVP_MAC *hmac = EVP_MAC_fetch(NULL, "HMAC", NULL);
    EVP_MAC_CTX *mac = hmac ? EVP_MAC_CTX_new(hmac) : NULL;
    EVP_MAC_free(hmac);
    const OSSL_PARAM params[] = {
        OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, (char[]){"SHA512"}, 0),
        OSSL_PARAM_construct_end(),
    };
    if (mac && EVP_MAC_init(mac, key, HALF_BYTES, params) == 1)
        return mac;
    EVP_MAC_CTX_free(mac);
    return NULL;
}

static bool key_open(struct auth_jwe_key *key, struct qn_str secret)
{
    uint8_t bytes[KEY_BYTES];
    bool opened =
        derive(secret, bytes) && write_header(bytes, key->header) && (key->mac = mac_new(bytes)) != NULL;
    memcpy(key->cipher, bytes + HALF_BYTES, HALF_BYTES);
    OPENSSL_cleanse(bytes, sizeof(bytes));
    return opened;
}

enum qn_status auth_jwe_open(struct auth_jwe_ring *ring, const struct qn_str *secrets, size_t n_secrets)
{
    QN_CHECK(n_secrets >= 1 && n_secrets <= AUTH_JWE_KEYS_MAX);
    *ring = (struct auth_jwe_ring){.n_keys = n_secrets};
    ring->aes = EVP_CIPHER_fetch(NULL, "AES-256-CBC", NULL);
    ring->state = EVP_CIPHER_CTX_new();
    bool opened = ring->aes && ring->state;
    for (size_t i = 0; opened && i < n_secrets; i++)
        opened = key_open(&ring->keys[i], secrets[i]);
    if (!opened)
        auth_jwe_close(ring);
    return opened ? QN_OK : QN_INTERNAL;
}

void auth_jwe_close(struct auth_jwe_ring *ring)
{
    for (size_t i = 0; i < ring->n_keys; i++)
        EVP_MAC_CTX_free(ring->keys[i].mac); /* clears its key, as the next one does */
    EVP_CIPHER_CTX_free(ring->state);
    EVP_CIPHER_free(ring->aes);
    OPENSSL_cleanse(ring, sizeof(*ring));
}

/* Over the header as it is sent, the vector, what is encrypted, and the header's length in bits. */
static bool write_tag(const struct auth_jwe_key *key, const uint8_t vector[BLOCK_BYTES], const void *data,
                      size_t len, uint8_t tag[TAG_BYTES])
{
    static const uint8_t header_bits[8] = {
        [6] = AUTH_JWE_HEADER_LEN * 8 >> 8, [7] = AUTH_JWE_HEADER_LEN * 8 & 0xFF};
    uint8_t mac[MAC_BYTES];
    size_t mac_len = 0;
    /* Without a key, init goes back to the state after the key. */
    if (EVP_MAC_init(key->mac, NULL, 0, NULL) != 1 ||
        EVP_MAC_update(key->mac, (const unsigned char *)key->header, AUTH_JWE_HEADER_LEN) != 1 ||
        EVP_MAC_update(key->mac, vector, BLOCK_BYTES) != 1 || EVP_MAC_update(key->mac, data, len) != 1 ||
        EVP_MAC_update(key->mac, header_bits, sizeof(header_bits)) != 1 ||
        EVP_MAC_final(key->mac, mac, &mac_len, sizeof(mac)) != 1 || mac_len != sizeof(mac))
        return false;
    memcpy(tag, mac, TAG_BYTES);
    return true;
}

/* One of both ways, by 'encrypt'. Room in 'to': one block more than the text. */
static bool run_cipher(struct auth_jwe_ring *ring, const struct auth_jwe_key *key,
                       const uint8_t vector[BLOCK_BYTES], struct qn_str text, bool encrypt, void *to,
                       size_t *ret_len)
{
    unsigned char *out = to;
    int len = 0, rest = 0;
    bool done =
        EVP_CipherInit_ex2(ring->state, ring->aes, key->cipher, vector, encrypt, NULL) == 1 &&
        EVP_CipherUpdate(ring->state, out, &len, (const unsigned char *)text.ptr, (int)text.len) == 1 &&
        EVP_CipherFinal_ex(ring->state, out + len, &rest) == 1;
    EVP_CIPHER_CTX_reset(ring->state); /* a key is kept in one place */
    *ret_len = (size_t)len + (size_t)rest;
    return done;
}

static void write_part(struct qn_buf *to, const void *data, size_t len)
{
    char *end = qn_buf_reserve(to, (len + 2) / 3 * 4 + 1);
    if (end)
        qn_buf_commit(to, qn_base64url_encode(end, data, len));
}

enum qn_status auth_jwe_write(struct auth_jwe_ring *ring, struct qn_str text, struct qn_buf *to)
{
    const struct auth_jwe_key *key = &ring->keys[0];
    uint8_t vector[BLOCK_BYTES], tag[TAG_BYTES];
    struct qn_buf encrypted;
    size_t len = 0;
    if (text.len > AUTH_JWE_TEXT_MAX)
        return QN_RESOURCE_EXHAUSTED;
    qn_buf_init(&encrypted, AUTH_JWE_TEXT_MAX + BLOCK_BYTES);
    void *room = qn_buf_reserve(&encrypted, text.len + BLOCK_BYTES);
    enum qn_status status = room ? QN_OK : QN_RESOURCE_EXHAUSTED;
    qn_random_bytes(vector, sizeof(vector));
    if (room &&
        (!run_cipher(ring, key, vector, text, true, room, &len) || !write_tag(key, vector, room, len, tag)))
        status = QN_INTERNAL;
    if (status == QN_OK) {
        qn_buf_write(to, key->header, AUTH_JWE_HEADER_LEN);
        qn_buf_write_c(to, ".."); /* between them the encrypted key, of which dir has none */
        write_part(to, vector, sizeof(vector));
        qn_buf_write_byte(to, '.');
        write_part(to, room, len);
        qn_buf_write_byte(to, '.');
        write_part(to, tag, sizeof(tag));
        status = qn_buf_failed(to) ? QN_RESOURCE_EXHAUSTED : QN_OK;
    }
    qn_buf_fini(&encrypted);
    return status;
}

/* The key that a token's header names, and what follows the header. */
static const struct auth_jwe_key *key_of(const struct auth_jwe_ring *ring, struct qn_str token,
                                         struct qn_str *ret_rest)
{
    enum { BEFORE = AUTH_JWE_HEADER_LEN + 2 };
    if (token.len < BEFORE || memcmp(token.ptr + AUTH_JWE_HEADER_LEN, "..", 2) != 0)
        return NULL;
    *ret_rest = qn_str_n(token.ptr + BEFORE, token.len - BEFORE);
    for (size_t i = 0; i < ring->n_keys; i++) {
        if (memcmp(token.ptr, ring->keys[i].header, AUTH_JWE_HEADER_LEN) == 0)
            return &ring->keys[i];
    }
    return NULL;
}

bool auth_jwe_read(struct auth_jwe_ring *ring, struct qn_str token, struct qn_arena *arena,
                   struct qn_str *ret_text)
{
    uint8_t vector[VECTOR_LEN], shown[TAG_LEN],
        expected[TAG_BYTES]; /* the first two as room to decode into */
    struct qn_str rest;
    size_t len, text_len;
    const struct auth_jwe_key *key = key_of(ring, token, &rest);
    ptrdiff_t first = key ? qn_str_find(rest, '.') : -1, last = key ? qn_str_rfind(rest, '.') : -1;
    if (first != VECTOR_LEN || last <= first || rest.len - (size_t)last - 1 != TAG_LEN ||
        rest.len > 2 * AUTH_JWE_TEXT_MAX)
        return false;
    struct qn_str encrypted = qn_str_n(rest.ptr + first + 1, (size_t)(last - first) - 1);
    char *data = qn_arena_alloc(arena, encrypted.len / 4 * 3 + 3);
    if (!data || !qn_base64_decode_lax(qn_str_n(rest.ptr, VECTOR_LEN), vector, &len) || len != BLOCK_BYTES ||
        !qn_base64_decode_lax(qn_str_n(rest.ptr + last + 1, TAG_LEN), shown, &len) || len != TAG_BYTES ||
        !qn_base64_decode_lax(encrypted, (uint8_t *)data, &len) || len == 0 || len % BLOCK_BYTES != 0 ||
        !write_tag(key, vector, data, len, expected) || CRYPTO_memcmp(shown, expected, TAG_BYTES) != 0)
        return false;
    char *text = qn_arena_alloc(arena, len + BLOCK_BYTES);
    if (!text || !run_cipher(ring, key, vector, qn_str_n(data, len), false, text, &text_len))
        return false;
    *ret_text = qn_str_n(text, text_len);
    return true;
}
