#include "services/profile/rpc/message.h"

/* What protobuf-c packs it does not change, but its members are not const. */
static char *text(struct qn_str view)
{
    return (char *)(view.len > 0 ? view.ptr : "");
}

void profile_message_user(const struct store_user *user, Quintet__Store__V1__User *ret_message)
{
    quintet__store__v1__user__init(ret_message);
    ret_message->id = text(user->id);
    ret_message->name = text(user->name);
    ret_message->email = text(user->email);
    ret_message->email_verified = user->email_verified;
    ret_message->image = text(user->image);
    ret_message->has_image = user->has_image;
    ret_message->created_at_ms = user->created_at_ms;
    ret_message->updated_at_ms = user->updated_at_ms;
}

void profile_message_session(const struct store_session *session, Quintet__Store__V1__Session *ret_message)
{
    quintet__store__v1__session__init(ret_message);
    ret_message->id = text(session->id);
    ret_message->user_id = text(session->user_id);
    ret_message->token = text(session->token);
    ret_message->expires_at_ms = session->expires_at_ms;
    ret_message->created_at_ms = session->created_at_ms;
    ret_message->updated_at_ms = session->updated_at_ms;
    ret_message->ip_address = text(session->ip_address);
    ret_message->user_agent = text(session->user_agent);
}

void profile_message_account(const struct store_account *account, Quintet__Store__V1__Account *ret_message)
{
    quintet__store__v1__account__init(ret_message);
    ret_message->id = text(account->id);
    ret_message->account_id = text(account->account_id);
    ret_message->provider_id = text(account->provider_id);
    ret_message->user_id = text(account->user_id);
    ret_message->scope = text(account->scope);
    ret_message->created_at_ms = account->created_at_ms;
    ret_message->updated_at_ms = account->updated_at_ms;
}

void profile_message_verification(const struct store_verification *verification,
                                  Quintet__Store__V1__Verification *ret_message)
{
    quintet__store__v1__verification__init(ret_message);
    ret_message->id = text(verification->id);
    ret_message->identifier = text(verification->identifier);
    ret_message->value = text(verification->value);
    ret_message->expires_at_ms = verification->expires_at_ms;
    ret_message->created_at_ms = verification->created_at_ms;
    ret_message->updated_at_ms = verification->updated_at_ms;
}

void profile_message_photo(const struct store_photo *photo, Quintet__Store__V1__Photo *ret_message)
{
    quintet__store__v1__photo__init(ret_message);
    ret_message->id = text(photo->id);
    ret_message->user_id = text(photo->user_id);
    ret_message->object_key = text(photo->object_key);
    ret_message->content_type = text(photo->content_type);
    ret_message->size_bytes = photo->size_bytes;
    ret_message->ready = photo->ready;
    ret_message->main = photo->main;
    ret_message->created_at_ms = photo->created_at_ms;
    ret_message->small_key = text(photo->small_key);
    ret_message->width = (int32_t)photo->width;
    ret_message->height = (int32_t)photo->height;
    ret_message->blur_data_url = text(photo->blur_data_url);
    ret_message->upload_expires_at_ms = photo->upload_expires_at_ms;
}

struct store_user profile_message_to_user(const Quintet__Store__V1__User *message)
{
    return (struct store_user){
        .id = qn_str_c(message->id),
        .name = qn_str_c(message->name),
        .email = qn_str_c(message->email),
        .email_verified = message->email_verified,
        .image = qn_str_c(message->image),
        .has_image = message->has_image,
        .created_at_ms = message->created_at_ms,
        .updated_at_ms = message->updated_at_ms,
    };
}

struct store_session profile_message_to_session(const Quintet__Store__V1__Session *message)
{
    return (struct store_session){
        .id = qn_str_c(message->id),
        .user_id = qn_str_c(message->user_id),
        .token = qn_str_c(message->token),
        .expires_at_ms = message->expires_at_ms,
        .created_at_ms = message->created_at_ms,
        .updated_at_ms = message->updated_at_ms,
        .ip_address = qn_str_c(message->ip_address),
        .user_agent = qn_str_c(message->user_agent),
    };
}

struct store_verification profile_message_to_verification(const Quintet__Store__V1__Verification *message)
{
    return (struct store_verification){
        .id = qn_str_c(message->id),
        .identifier = qn_str_c(message->identifier),
        .value = qn_str_c(message->value),
        .expires_at_ms = message->expires_at_ms,
        .created_at_ms = message->created_at_ms,
        .updated_at_ms = message->updated_at_ms,
    };
}

struct store_photo profile_message_to_photo(const Quintet__Store__V1__Photo *message)
{
    return (struct store_photo){
        .id = qn_str_c(message->id),
        .user_id = qn_str_c(message->user_id),
        .object_key = qn_str_c(message->object_key),
        .content_type = qn_str_c(message->content_type),
        .size_bytes = message->size_bytes,
        .ready = message->ready,
        .main = message->main,
        .created_at_ms = message->created_at_ms,
    };
}

struct store_photo profile_message_made(const Quintet__Store__V1__CompletePhotoRequest *message)
{
    return (struct store_photo){
        .object_key = qn_str_c(message->object_key),
        .content_type = qn_str_c(message->content_type),
        .size_bytes = message->size_bytes,
        .small_key = qn_str_c(message->small_key),
        .width = message->width,
        .height = message->height,
        .blur_data_url = qn_str_c(message->blur_data_url),
    };
}

static bool add_photos(Quintet__Profile__V1__Profile *message, const struct profile *profile,
                       struct qn_arena *arena)
{
    size_t n = profile->n_photos;
    if (n == 0)
        return true;
    Quintet__Profile__V1__Photo *photos = qn_arena_array(arena, n, sizeof(*photos));
    message->photos = qn_arena_array(arena, n, sizeof(Quintet__Profile__V1__Photo *));
    if (photos == NULL || message->photos == NULL)
        return false;
    for (size_t i = 0; i < n; i++) {
        quintet__profile__v1__photo__init(&photos[i]);
        photos[i].id = text(profile->photos[i].id);
        photos[i].object_key = text(profile->photos[i].object_key);
        photos[i].main = i == 0; /* the store puts it first */
        message->photos[i] = &photos[i];
    }
    message->n_photos = n;
    return true;
}

static bool add_missing(Quintet__Profile__V1__Profile *message, const struct profile *profile,
                        struct qn_arena *arena)
{
    const char **names = qn_arena_array(arena, PROFILE_FIELD_COUNT, sizeof(*names));
    if (names == NULL)
        return false;
    message->n_missing_fields = profile_missing(profile_given(profile), names);
    message->missing_fields = (char **)names;
    message->complete = message->n_missing_fields == 0;
    return true;
}

static Google__Protobuf__Timestamp *timestamp(int64_t wall_ms, struct qn_arena *arena)
{
    Google__Protobuf__Timestamp *at = qn_arena_new(arena, Google__Protobuf__Timestamp);
    if (at == NULL)
        return NULL;
    google__protobuf__timestamp__init(at);
    int64_t ms = wall_ms % 1000;
    if (ms < 0)
        ms += 1000; /* nanos count forward, before 1970 too (timestamp.proto) */
    at->seconds = (wall_ms - ms) / 1000;
    at->nanos = (int32_t)ms * 1000000;
    return at;
}

Quintet__Profile__V1__Profile *profile_message_profile(const struct profile *profile, bool own,
                                                       struct qn_date today, struct qn_arena *arena)
{
    Quintet__Profile__V1__Profile *message = qn_arena_new(arena, Quintet__Profile__V1__Profile);
    if (message == NULL)
        return NULL;
    quintet__profile__v1__profile__init(message);
    const struct profile_fields *fields = &profile->fields;
    message->user_id = text(profile->user_id);
    message->display_name = text(fields->display_name);
    message->gender = (Quintet__Profile__V1__Gender)fields->gender;
    message->city = text(fields->city);
    message->bio = text(fields->bio);
    message->age = profile_age(fields->birth_date, today);
    message->created_at = timestamp(profile->created_at_ms, arena);
    message->updated_at = timestamp(profile->updated_at_ms, arena);
    if (own && fields->birth_date.year != 0) {
        message->birth_date = qn_arena_printf(arena, "%04d-%02d-%02d", fields->birth_date.year,
                                              fields->birth_date.month, fields->birth_date.day);
        if (message->birth_date == NULL)
            return NULL;
    }
    if (message->created_at == NULL || message->updated_at == NULL || !add_photos(message, profile, arena) ||
        !add_missing(message, profile, arena))
        return NULL;
    return message;
}

/* The domain's numbers are the wire's. */
_Static_assert((int)PROFILE_GENDER_FEMALE == QUINTET__PROFILE__V1__GENDER__GENDER_FEMALE, "gender");
_Static_assert((int)PROFILE_GENDER_MALE == QUINTET__PROFILE__V1__GENDER__GENDER_MALE, "gender");
_Static_assert((int)PROFILE_GENDER_NON_BINARY == QUINTET__PROFILE__V1__GENDER__GENDER_NON_BINARY, "gender");
