#include "services/media/photo_key.h"

#include <openssl/sha.h>
#include <stdio.h>

#include "common/core/check.h"
#include "common/core/encode.h"
#include "common/core/utf8.h"

enum { USER_TEXT_MAX = (MEDIA_PHOTO_USER_ID_MAX + 2) / 3 * 4 + 1, HASH_BYTES = SHA256_DIGEST_LENGTH / 2 };

bool media_photo_id_valid(struct qn_str photo_id)
{
    for (size_t i = 0; i < photo_id.len; i++) {
        char c = photo_id.ptr[i];
        if (!((c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9')))
            return false;
    }
    return photo_id.len == QN_ID_LEN;
}

void media_photo_key_pending(struct qn_str user_id, struct qn_str photo_id,
                             char ret_key[MEDIA_OBJECT_KEY_MAX + 1])
{
    char user[USER_TEXT_MAX];
    QN_CHECK(user_id.len > 0 && user_id.len <= MEDIA_PHOTO_USER_ID_MAX && media_photo_id_valid(photo_id));
    qn_base64url_encode(user, user_id.ptr, user_id.len);
    snprintf(ret_key, MEDIA_OBJECT_KEY_MAX + 1, MEDIA_PHOTO_PENDING_PREFIX "%s/%.*s", user,
             QN_STR_ARG(photo_id));
}

bool media_photo_key_read_pending(struct qn_str key, char ret_user_id[MEDIA_PHOTO_USER_ID_MAX + 1],
                                  char ret_photo_id[QN_ID_LEN + 1])
{
    struct qn_str prefix, user, photo, rest = key;
    char again[MEDIA_OBJECT_KEY_MAX + 1];
    uint8_t user_id[USER_TEXT_MAX + 3];
    size_t len;
    if (!qn_str_next(&rest, '/', &prefix) || !qn_str_next(&rest, '/', &user) ||
        !qn_str_next(&rest, '/', &photo) || rest.len != 0 || user.len >= USER_TEXT_MAX ||
        !media_photo_id_valid(photo) || !qn_base64_decode_lax(user, user_id, &len) || len == 0 ||
        len > MEDIA_PHOTO_USER_ID_MAX || memchr(user_id, '\0', len) ||
        !qn_utf8_valid(qn_str_n((const char *)user_id, len)))
        return false;
    media_photo_key_pending(qn_str_n((const char *)user_id, len), photo, again);
    if (!qn_str_eq(key, qn_str_c(again)))
        return false;
    memcpy(ret_user_id, user_id, len);
    ret_user_id[len] = '\0';
    memcpy(ret_photo_id, photo.ptr, photo.len);
    ret_photo_id[photo.len] = '\0';
    return true;
}

void media_photo_key_prefix(struct qn_str photo_id, char ret_prefix[MEDIA_OBJECT_KEY_MAX + 1])
{
    QN_CHECK(media_photo_id_valid(photo_id));
    snprintf(ret_prefix, MEDIA_OBJECT_KEY_MAX + 1, MEDIA_OBJECT_PUBLIC_PREFIX "%.*s/", QN_STR_ARG(photo_id));
}

void media_photo_key_public(struct qn_str photo_id, struct qn_str picture,
                            char ret_key[MEDIA_OBJECT_KEY_MAX + 1])
{
    uint8_t hash[SHA256_DIGEST_LENGTH];
    char hex[2 * HASH_BYTES + 1];
    QN_CHECK(media_photo_id_valid(photo_id));
    SHA256((const uint8_t *)picture.ptr, picture.len, hash);
    qn_hex_encode(hex, hash, HASH_BYTES);
    snprintf(ret_key, MEDIA_OBJECT_KEY_MAX + 1, MEDIA_OBJECT_PUBLIC_PREFIX "%.*s/%s.webp",
             QN_STR_ARG(photo_id), hex);
}
