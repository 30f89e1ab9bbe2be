#ifndef AUTH_JWE_H
#define AUTH_JWE_H

#include "common/core/arena.h"
#include "common/core/buf.h"

/* Texts that only holders of the secret can read: JWE (RFC 7516) in its compact form, as Better Auth encrypts
 * its cookie cache. "alg" is dir, "enc" A256CBC-HS512 (RFC 7518, 5.2.5); the key is HKDF-SHA256(secret, salt
 * "better-auth-session", info "BetterAuth.js Generated Encryption Key"), 64 bytes; "kid" is its thumbprint
 * (RFC 7638).
 *
 * Unlike signed cookies these outlive a change of the secret: the header names the key, and a ring holds
 * those of older secrets too. One thread: the keys hold states of libcrypto. */

enum {
    AUTH_JWE_KEYS_MAX = 16,
    AUTH_JWE_TEXT_MAX = 96 * 1024, /* encrypted at once; a session and its user have at most 64 KiB */
    AUTH_JWE_HEADER_LEN = 116,     /* {"alg":"dir","enc":"A256CBC-HS512","kid":"…"} in base64url */
};

struct auth_jwe_key {
    void *mac;          /* EVP_MAC_CTX: HMAC-SHA-512 under the first half of the key */
    uint8_t cipher[32]; /* the second half, for AES-256-CBC */
    char header[AUTH_JWE_HEADER_LEN + 1];
};

struct auth_jwe_ring {
    struct auth_jwe_key keys[AUTH_JWE_KEYS_MAX];
    size_t n_keys;
    void *aes, *state; /* EVP_CIPHER, EVP_CIPHER_CTX */
};

/* The keys of these secrets; the first encrypts. Requires: 1 <= n_secrets <= AUTH_JWE_KEYS_MAX.
 * QN_INTERNAL: libcrypto would not. */
QN_MUST_USE enum qn_status auth_jwe_open(struct auth_jwe_ring *ring, const struct qn_str *secrets,
                                         size_t n_secrets);
void auth_jwe_close(struct auth_jwe_ring *ring); /* clears the keys; safe on a zeroed one */

/* Appends the text, encrypted: 116 characters of header, a new random vector, the text and its tag.
 * QN_RESOURCE_EXHAUSTED: the buffer's ceiling, or over AUTH_JWE_TEXT_MAX.  QN_INTERNAL: libcrypto. */
QN_MUST_USE enum qn_status auth_jwe_write(struct auth_jwe_ring *ring, struct qn_str text, struct qn_buf *to);

/* The text of one, in the arena. False: not under a key of the ring, or not as it was written (or no memory).
 * The header is compared as text: nobody who has the key ever writes another. The tag is checked, in constant
 * time, before anything is decrypted. */
QN_MUST_USE bool auth_jwe_read(struct auth_jwe_ring *ring, struct qn_str token, struct qn_arena *arena,
                               struct qn_str *ret_text);

#endif
