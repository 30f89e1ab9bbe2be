#include "services/auth/password.h"

#include <sodium.h>
#include <stdlib.h>
#include <utf8proc.h>

#include "common/core/encode.h"
#include "common/core/id.h"
#include "services/auth/scrypt.h"

enum { SALT_BYTES = AUTH_PASSWORD_SALT_LEN / 2 };
_Static_assert((int)AUTH_PASSWORD_KEY_BYTES == (int)AUTH_SCRYPT_KEY_BYTES,
               "what is stored is what scrypt gives");

const struct qn_str auth_password_nobody =
    QN_STR("00000000000000000000000000000000:"
           "0000000000000000000000000000000000000000000000000000000000000000"
           "0000000000000000000000000000000000000000000000000000000000000000");

/* One piece. With an explicit length a NUL is a character like any other: utf8proc's own NFKC helper stops at
 * it. */
static enum qn_status normalise_piece(struct qn_str piece, struct qn_buf *to)
{
    utf8proc_uint8_t *normal = NULL;
    utf8proc_ssize_t len = utf8proc_map((const utf8proc_uint8_t *)piece.ptr, (utf8proc_ssize_t)piece.len,
                                        &normal, UTF8PROC_STABLE | UTF8PROC_COMPOSE | UTF8PROC_COMPAT);
    if (len < 0)
        return len == UTF8PROC_ERROR_NOMEM ? QN_RESOURCE_EXHAUSTED : QN_INVALID_ARGUMENT;
    enum qn_status status = qn_buf_write(to, normal, (size_t)len);
    sodium_memzero(normal, (size_t)len);
    free(normal);
    return status;
}

enum qn_status auth_password_normalise(struct qn_str password, struct qn_buf *to)
{
    /* utf8proc (seen in 2.8) takes U+11A7, the position before the first trailing consonant of Hangul, for
     * one that composes with the syllable in front of it, and it vanishes. By Unicode it composes with
     * nothing on either side, so the pieces between can be normalised on their own. */
    static const char before_trailing[] = "\xe1\x86\xa7";
    const size_t skip = sizeof(before_trailing) - 1;
    const char *hit;
    while (password.len > 0 && (hit = memmem(password.ptr, password.len, before_trailing, skip))) {
        size_t piece_len = (size_t)(hit - password.ptr);
        QN_TRY(normalise_piece(qn_str_n(password.ptr, piece_len), to));
        QN_TRY(qn_buf_write(to, before_trailing, skip));
        password = qn_str_n(hit + skip, password.len - piece_len - skip);
    }
    return normalise_piece(password, to);
}

/* scrypt over the normalised password. */
static enum qn_status derive(struct qn_str password, struct qn_str salt, uint8_t to[AUTH_PASSWORD_KEY_BYTES])
{
    struct qn_buf normal;
    size_t room = AUTH_PASSWORD_GROWTH_MAX * (password.len + 1);
    qn_buf_init(&normal, room);
    /* All at once: a buffer that grows leaves copies of the password behind. */
    enum qn_status status =
        qn_buf_reserve(&normal, room) ? auth_password_normalise(password, &normal) : QN_RESOURCE_EXHAUSTED;
    if (status == QN_OK)
        status = auth_scrypt(qn_buf_view(&normal), salt, to);
    if (normal.data)
        sodium_memzero(normal.data, normal.capacity);
    qn_buf_fini(&normal);
    return status;
}

enum qn_status auth_password_hash(struct qn_str password, char to[AUTH_PASSWORD_HASH_LEN + 1])
{
    uint8_t random[SALT_BYTES], key[AUTH_PASSWORD_KEY_BYTES];
    qn_random_bytes(random, sizeof(random));
    qn_hex_encode(to, random, sizeof(random));
    QN_TRY(derive(password, qn_str_n(to, AUTH_PASSWORD_SALT_LEN), key));
    to[AUTH_PASSWORD_SALT_LEN] = ':';
    qn_hex_encode(to + AUTH_PASSWORD_SALT_LEN + 1, key, sizeof(key));
    return QN_OK;
}

enum qn_status auth_password_read(struct qn_str stored, struct auth_password_parts *ret_parts)
{
    struct qn_str rest = stored, salt = {0}, hex = {0};
    if (!qn_str_next(&rest, ':', &salt) || salt.len == 0 || salt.len > AUTH_PASSWORD_SALT_MAX ||
        !qn_str_next(&rest, ':', &hex) || hex.len == 0)
        return QN_INTERNAL;
    ret_parts->salt = salt;
    ret_parts->whole = hex.len == 2 * sizeof(ret_parts->key) && qn_hex_decode(hex, ret_parts->key);
    return QN_OK;
}

enum qn_status auth_password_verify(struct qn_str password, struct qn_str stored)
{
    struct auth_password_parts parts;
    uint8_t key[AUTH_PASSWORD_KEY_BYTES];
    QN_TRY(auth_password_read(stored, &parts));
    QN_TRY(derive(password, parts.salt, key));
    return parts.whole && sodium_memcmp(parts.key, key, sizeof(key)) == 0 ? QN_OK : QN_UNAUTHENTICATED;
}
