#ifndef PROFILE_RPC_CHECK_H
#define PROFILE_RPC_CHECK_H

#include "services/profile/page.h"
#include "services/profile/profile.h"
#include "store.pb-c.h"

/* Checks of what auth and media send, before PostgreSQL sees it. Better Auth's columns are text without
 * limit; these limits keep a row within what an index entry (2,704 bytes, a third of a page) and a message
 * can carry. Bytes. */
enum {
    PROFILE_CHECK_ID_MAX = PROFILE_USER_ID_MAX,
    PROFILE_CHECK_EMAIL_MAX = 1024,
    PROFILE_CHECK_TEXT_MAX = 16384, /* name, image, user agent, address, hash */
    PROFILE_CHECK_KEY_MAX = 1024,   /* S3: "object key names", at most 1,024 bytes of UTF-8 */
    PROFILE_CHECK_PHOTO_BYTES_MAX = 10485760,
    PROFILE_CHECK_PHOTOS_MAX = 100,
    PROFILE_CHECK_PIXELS_MAX = 16383, /* WebP: 14 bits */
    PROFILE_CHECK_BLUR_MAX = 400,
};

/* Complains of a text with less than 'min' or more than 'max' bytes. NULL counts as empty. */
void profile_check_text(const char *text, size_t min, size_t max, const char *field,
                        struct profile_complaints *complaints);

/* Complains of a number out of bounds; 'allowed' says them in words. */
void profile_check_number(int64_t value, int64_t min, int64_t max, const char *field, const char *allowed,
                          struct profile_complaints *complaints);
void profile_check_time(int64_t wall_ms, const char *field, struct profile_complaints *complaints);

/* Whole rows; NULL is a complaint. */
void profile_check_user(const Quintet__Store__V1__User *user, struct profile_complaints *complaints);
void profile_check_session(const Quintet__Store__V1__Session *session, struct profile_complaints *complaints);
void profile_check_verification(const Quintet__Store__V1__Verification *verification,
                                struct profile_complaints *complaints);
void profile_check_photo(const Quintet__Store__V1__Photo *photo, struct profile_complaints *complaints);
/* What was made of an upload. */
void profile_check_made(const Quintet__Store__V1__CompletePhotoRequest *in,
                        struct profile_complaints *complaints);

#endif
