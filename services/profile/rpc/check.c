#include "services/profile/rpc/check.h"

#include "common/core/check.h"

void profile_check_text(const char *text, size_t min, size_t max, const char *field,
                        struct profile_complaints *complaints)
{
    size_t len = text ? strlen(text) : 0;
    if (len < min)
        profile_complain(complaints, field, "must be given");
    else if (len > max)
        profile_complain(complaints, field, "is too long");
}

void profile_check_number(int64_t value, int64_t min, int64_t max, const char *field, const char *allowed,
                          struct profile_complaints *complaints)
{
    if (value < min || value > max)
        profile_complain(complaints, field, allowed);
}

void profile_check_time(int64_t wall_ms, const char *field, struct profile_complaints *complaints)
{
    profile_check_number(wall_ms, PROFILE_TIME_MIN_MS, PROFILE_TIME_MAX_MS, field,
                         "must be a time of the years 1 to 9999", complaints);
}

void profile_check_user(const Quintet__Store__V1__User *user, struct profile_complaints *complaints)
{
    if (user == NULL) {
        profile_complain(complaints, "user", "must be given");
        return;
    }
    profile_check_text(user->id, 1, PROFILE_CHECK_ID_MAX, "user.id", complaints);
    profile_check_text(user->name, 0, PROFILE_CHECK_TEXT_MAX, "user.name", complaints);
    profile_check_text(user->email, 1, PROFILE_CHECK_EMAIL_MAX, "user.email", complaints);
    profile_check_text(user->image, 0, PROFILE_CHECK_TEXT_MAX, "user.image", complaints);
    profile_check_time(user->created_at_ms, "user.created_at_ms", complaints);
    profile_check_time(user->updated_at_ms, "user.updated_at_ms", complaints);
}

void profile_check_session(const Quintet__Store__V1__Session *session, struct profile_complaints *complaints)
{
    if (session == NULL) {
        profile_complain(complaints, "session", "must be given");
        return;
    }
    profile_check_text(session->id, 1, PROFILE_CHECK_ID_MAX, "session.id", complaints);
    profile_check_text(session->user_id, 1, PROFILE_CHECK_ID_MAX, "session.user_id", complaints);
    profile_check_text(session->token, 1, PROFILE_CHECK_ID_MAX, "session.token", complaints);
    profile_check_time(session->expires_at_ms, "session.expires_at_ms", complaints);
    profile_check_time(session->created_at_ms, "session.created_at_ms", complaints);
    profile_check_time(session->updated_at_ms, "session.updated_at_ms", complaints);
    profile_check_text(session->ip_address, 0, PROFILE_CHECK_TEXT_MAX, "session.ip_address", complaints);
    profile_check_text(session->user_agent, 0, PROFILE_CHECK_TEXT_MAX, "session.user_agent", complaints);
}

void profile_check_verification(const Quintet__Store__V1__Verification *verification,
                                struct profile_complaints *complaints)
{
    if (verification == NULL) {
        profile_complain(complaints, "verification", "must be given");
        return;
    }
    profile_check_text(verification->id, 1, PROFILE_CHECK_ID_MAX, "verification.id", complaints);
    profile_check_text(verification->identifier, 1, PROFILE_CHECK_KEY_MAX, "verification.identifier",
                       complaints);
    profile_check_text(verification->value, 0, PROFILE_CHECK_TEXT_MAX, "verification.value", complaints);
    profile_check_time(verification->expires_at_ms, "verification.expires_at_ms", complaints);
    profile_check_time(verification->created_at_ms, "verification.created_at_ms", complaints);
    profile_check_time(verification->updated_at_ms, "verification.updated_at_ms", complaints);
}

/* As the table's photo_content_type_check. */
static void check_content_type(const char *type, const char *field, struct profile_complaints *complaints)
{
    static const char *const types[] = {"image/jpeg", "image/png", "image/webp", "image/avif", "image/heic"};
    for (size_t i = 0; i < QN_COUNT(types); i++)
        if (type && strcmp(type, types[i]) == 0)
            return;
    profile_complain(complaints, field,
                     "must be image/jpeg, image/png, image/webp, image/avif or image/heic");
}

static void check_size(int64_t bytes, const char *field, struct profile_complaints *complaints)
{
    profile_check_number(bytes, 1, PROFILE_CHECK_PHOTO_BYTES_MAX, field, "must be 1 to 10,485,760",
                         complaints);
}

void profile_check_photo(const Quintet__Store__V1__Photo *photo, struct profile_complaints *complaints)
{
    if (photo == NULL) {
        profile_complain(complaints, "photo", "must be given");
        return;
    }
    profile_check_text(photo->id, 1, PROFILE_CHECK_ID_MAX, "photo.id", complaints);
    profile_check_text(photo->user_id, 1, PROFILE_CHECK_ID_MAX, "photo.user_id", complaints);
    profile_check_text(photo->object_key, 1, PROFILE_CHECK_KEY_MAX, "photo.object_key", complaints);
    check_content_type(photo->content_type, "photo.content_type", complaints);
    check_size(photo->size_bytes, "photo.size_bytes", complaints);
    profile_check_time(photo->created_at_ms, "photo.created_at_ms", complaints);
}

void profile_check_made(const Quintet__Store__V1__CompletePhotoRequest *in,
                        struct profile_complaints *complaints)
{
    profile_check_text(in->object_key, 1, PROFILE_CHECK_KEY_MAX, "object_key", complaints);
    profile_check_text(in->small_key, 1, PROFILE_CHECK_KEY_MAX, "small_key", complaints);
    check_content_type(in->content_type, "content_type", complaints);
    check_size(in->size_bytes, "size_bytes", complaints);
    profile_check_number(in->width, 1, PROFILE_CHECK_PIXELS_MAX, "width", "must be 1 to 16,383", complaints);
    profile_check_number(in->height, 1, PROFILE_CHECK_PIXELS_MAX, "height", "must be 1 to 16,383",
                         complaints);
    profile_check_text(in->blur_data_url, 1, PROFILE_CHECK_BLUR_MAX, "blur_data_url", complaints);
}
