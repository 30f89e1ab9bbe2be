#include "services/media/photo_key.h"

#include <openssl/sha.h>
#include <stdio.h>

#include "common/core/check.h"
#include "common/core/encode.h"

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
