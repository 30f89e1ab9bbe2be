#ifndef MEDIA_PHOTO_KEY_H
#define MEDIA_PHOTO_KEY_H

#include "common/core/id.h"
#include "services/media/object.h"

/* Where a photo's bytes lie in the store. Pure functions.
 *
 *   pending/<user>/<photo>       what was uploaded; nobody can read it
 *   photos/<photo>/<hash>.webp   the pictures made of it, public; two of them
 *
 * <user> is the user's id in base64url, because Better Auth's ids may be any text. <hash> is the first half
 * of the SHA-256 of the picture in hexadecimal: a name says what is behind it, so what a cache has under it
 * is never wrong. No two photos share an object, whatever they show: deleting one never takes another's. */

#define MEDIA_PHOTO_PENDING_PREFIX "pending/"

/* In bytes. Better Auth makes ids of 32; those of other sites are UUIDs or numbers. */
enum { MEDIA_PHOTO_USER_ID_MAX = 128 };

/* Whether a text has the shape of the ids we give out, 32 letters and digits: any other is no photo's. */
bool media_photo_id_valid(struct qn_str photo_id);

/* Requires: a valid photo id, a user id of 1 to MEDIA_PHOTO_USER_ID_MAX bytes. */
void media_photo_key_pending(struct qn_str user_id, struct qn_str photo_id,
                             char ret_key[MEDIA_OBJECT_KEY_MAX + 1]);

/* Takes a pending key apart; both results NUL-terminated. False when it is none of ours. */
bool media_photo_key_read_pending(struct qn_str key, char ret_user_id[MEDIA_PHOTO_USER_ID_MAX + 1],
                                  char ret_photo_id[QN_ID_LEN + 1]);

/* "photos/<photo>/", with which the keys of its pictures begin. Requires: a valid photo id. */
void media_photo_key_prefix(struct qn_str photo_id, char ret_prefix[MEDIA_OBJECT_KEY_MAX + 1]);

/* Of one of the pictures made of a photo. Requires: a valid photo id. */
void media_photo_key_public(struct qn_str photo_id, struct qn_str picture,
                            char ret_key[MEDIA_OBJECT_KEY_MAX + 1]);

#endif
