/* quintet.store.v1.PhotoStore. */
#include "services/profile/store/photo.h"

#include "services/profile/rpc/ask.h"
#include "services/profile/rpc/check.h"
#include "services/profile/rpc/message.h"
#include "store.qn.h"

QUINTET_STORE_V1_PHOTO_STORE_HANDLERS(profile_rpc_photo, profile_rpc_)

static void fail_not_found(struct qn_call *call)
{
    qn_call_fail_with(call, .status = QN_NOT_FOUND, .message = "there is no such photo",
                      .reason = "PHOTO_NOT_FOUND");
}

static void fail_too_many(struct qn_call *call)
{
    qn_call_fail_with(call, .status = QN_RESOURCE_EXHAUSTED, .message = "there are too many photos",
                      .reason = "TOO_MANY_PHOTOS");
}

/* Reads the photo of a step with one row; else the call has been answered. */
static bool take_photo(struct profile_ask *ask, size_t step, struct store_photo *ret_photo)
{
    const PGresult *result = profile_ask_result(ask, step);
    if (pg_result_rows(result) == 0) {
        fail_not_found(ask->call);
        return false;
    }
    if (!store_photo_read(result, 0, ret_photo)) {
        profile_ask_fail_row(ask->call, ask->steps.at[step].statement->name);
        return false;
    }
    return true;
}

static bool check_pair(struct qn_call *call, const char *user_id, const char *photo_id,
                       struct profile_complaints *complaints)
{
    profile_check_text(user_id, 1, PROFILE_CHECK_ID_MAX, "user_id", complaints);
    profile_check_text(photo_id, 1, PROFILE_CHECK_ID_MAX, "photo_id", complaints);
    return profile_ask_fine(call, complaints);
}

static void check_max(int32_t max_photos, struct profile_complaints *complaints)
{
    profile_check_number(max_photos, 1, PROFILE_CHECK_PHOTOS_MAX, "max_photos", "must be 1 to 100",
                         complaints);
}

static void on_created(struct profile_ask *ask)
{
    if (pg_result_rows(profile_ask_result(ask, 0)) == 0) {
        qn_call_fail_with(ask->call, .status = QN_NOT_FOUND, .message = "there is no such user",
                          .reason = "USER_NOT_FOUND");
        return;
    }
    if (pg_result_rows(profile_ask_result(ask, 1)) == 0) {
        fail_too_many(ask->call);
        return;
    }
    Quintet__Store__V1__CreatePhotoResponse out = QUINTET__STORE__V1__CREATE_PHOTO_RESPONSE__INIT;
    qn_call_reply(ask->call, &out);
}

void profile_rpc_create_photo(struct qn_call *call)
{
    const Quintet__Store__V1__CreatePhotoRequest *in = call->in;
    struct profile_complaints complaints = {0};
    profile_check_photo(in->photo, &complaints);
    check_max(in->max_photos, &complaints);
    profile_check_time(in->upload_expires_at_ms, "upload_expires_at_ms", &complaints);
    if (!profile_ask_fine(call, &complaints))
        return;
    struct profile_ask *ask = profile_ask_new(call);
    struct store_photo photo = profile_message_to_photo(in->photo);
    store_photo_insert(&ask->steps, &photo, in->max_photos, in->upload_expires_at_ms, qn_clock_wall_ms());
    ask->answer = on_created;
    profile_ask_start(ask);
}

static void on_got(struct profile_ask *ask)
{
    struct store_photo photo;
    if (!take_photo(ask, 0, &photo))
        return;
    Quintet__Store__V1__GetPhotoResponse out = QUINTET__STORE__V1__GET_PHOTO_RESPONSE__INIT;
    Quintet__Store__V1__Photo message;
    profile_message_photo(&photo, &message);
    out.photo = &message;
    qn_call_reply(ask->call, &out);
}

void profile_rpc_get_photo(struct qn_call *call)
{
    const Quintet__Store__V1__GetPhotoRequest *in = call->in;
    if (!check_pair(call, in->user_id, in->photo_id, &(struct profile_complaints){0}))
        return;
    struct profile_ask *ask = profile_ask_new(call);
    store_photo_get(&ask->steps, in->user_id, in->photo_id);
    ask->answer = on_got;
    profile_ask_start(ask);
}

static void on_completed(struct profile_ask *ask)
{
    struct store_photo photo;
    if (!take_photo(ask, 2, &photo))
        return;
    if (!photo.ready) {
        fail_too_many(ask->call);
        return;
    }
    Quintet__Store__V1__CompletePhotoResponse out = QUINTET__STORE__V1__COMPLETE_PHOTO_RESPONSE__INIT;
    Quintet__Store__V1__Photo message;
    profile_message_photo(&photo, &message);
    out.photo = &message;
    qn_call_reply(ask->call, &out);
}

void profile_rpc_complete_photo(struct qn_call *call)
{
    const Quintet__Store__V1__CompletePhotoRequest *in = call->in;
    struct profile_complaints complaints = {0};
    check_max(in->max_photos, &complaints);
    bool made = in->object_key[0] != '\0';
    if (made)
        profile_check_made(in, &complaints);
    if (!check_pair(call, in->user_id, in->photo_id, &complaints))
        return;
    struct profile_ask *ask = profile_ask_new(call);
    struct store_photo photo = {0};
    if (made)
        photo = profile_message_made(in);
    store_photo_complete(&ask->steps, in->user_id, in->photo_id, &photo, in->max_photos);
    ask->answer = on_completed;
    profile_ask_start(ask);
}

/* All rows of a step as messages; false: the call has been answered. */
static bool take_photos(struct profile_ask *ask, size_t step, Quintet__Store__V1__Photo ***ret_photos,
                        size_t *ret_n)
{
    const PGresult *result = profile_ask_result(ask, step);
    struct qn_arena *arena = ask->call->arena;
    size_t n = (size_t)pg_result_rows(result);
    Quintet__Store__V1__Photo *messages = qn_arena_array(arena, n + 1, sizeof(*messages));
    Quintet__Store__V1__Photo **photos = qn_arena_array(arena, n + 1, sizeof(*photos));
    if (messages == NULL || photos == NULL) {
        profile_ask_fail_memory(ask->call);
        return false;
    }
    for (size_t i = 0; i < n; i++) {
        struct store_photo photo;
        if (!store_photo_read(result, (int)i, &photo)) {
            profile_ask_fail_row(ask->call, ask->steps.at[step].statement->name);
            return false;
        }
        profile_message_photo(&photo, &messages[i]);
        photos[i] = &messages[i];
    }
    *ret_photos = photos;
    *ret_n = n;
    return true;
}

static void on_listed(struct profile_ask *ask)
{
    Quintet__Store__V1__ListPhotosResponse out = QUINTET__STORE__V1__LIST_PHOTOS_RESPONSE__INIT;
    if (take_photos(ask, 0, &out.photos, &out.n_photos))
        qn_call_reply(ask->call, &out);
}

void profile_rpc_list_photos(struct qn_call *call)
{
    const Quintet__Store__V1__ListPhotosRequest *in = call->in;
    struct profile_complaints complaints = {0};
    profile_check_text(in->user_id, 1, PROFILE_CHECK_ID_MAX, "user_id", &complaints);
    if (!profile_ask_fine(call, &complaints))
        return;
    struct profile_ask *ask = profile_ask_new(call);
    store_photo_list(&ask->steps, in->user_id);
    ask->answer = on_listed;
    profile_ask_start(ask);
}

/* Between one and PROFILE_CHECK_PHOTOS_MAX ids, as views; NULL with a complaint, or at the arena's ceiling.
 */
static struct qn_str *check_ids(char **ids, size_t n_ids, const char *field, struct qn_arena *arena,
                                struct profile_complaints *complaints)
{
    if (n_ids == 0 || n_ids > PROFILE_CHECK_PHOTOS_MAX) {
        profile_complain(complaints, field, "must be 1 to 100 ids");
        return NULL;
    }
    struct qn_str *views = qn_arena_array(arena, n_ids, sizeof(*views));
    for (size_t i = 0; views && i < n_ids; i++) {
        profile_check_text(ids[i], 1, PROFILE_CHECK_ID_MAX, field, complaints);
        views[i] = qn_str_c(ids[i]);
    }
    return views;
}

static void on_profiles_listed(struct profile_ask *ask)
{
    Quintet__Store__V1__ListProfilePhotosResponse out =
        QUINTET__STORE__V1__LIST_PROFILE_PHOTOS_RESPONSE__INIT;
    if (take_photos(ask, 0, &out.photos, &out.n_photos))
        qn_call_reply(ask->call, &out);
}

void profile_rpc_list_profile_photos(struct qn_call *call)
{
    const Quintet__Store__V1__ListProfilePhotosRequest *in = call->in;
    struct profile_complaints complaints = {0};
    struct qn_str *user_ids = check_ids(in->user_ids, in->n_user_ids, "user_ids", call->arena, &complaints);
    if (!profile_ask_fine(call, &complaints))
        return;
    if (user_ids == NULL) {
        profile_ask_fail_memory(call);
        return;
    }
    struct profile_ask *ask = profile_ask_new(call);
    store_photo_list_of_profiles(&ask->steps, user_ids, in->n_user_ids, in->main_only);
    ask->answer = on_profiles_listed;
    profile_ask_start(ask);
}

static void on_deleted(struct profile_ask *ask)
{
    struct store_photo photo;
    if (!take_photo(ask, 1, &photo))
        return;
    Quintet__Store__V1__DeletePhotoResponse out = QUINTET__STORE__V1__DELETE_PHOTO_RESPONSE__INIT;
    Quintet__Store__V1__Photo message;
    profile_message_photo(&photo, &message);
    out.photo = &message;
    qn_call_reply(ask->call, &out);
}

void profile_rpc_delete_photo(struct qn_call *call)
{
    const Quintet__Store__V1__DeletePhotoRequest *in = call->in;
    if (!check_pair(call, in->user_id, in->photo_id, &(struct profile_complaints){0}))
        return;
    struct profile_ask *ask = profile_ask_new(call);
    store_photo_delete(&ask->steps, in->user_id, in->photo_id);
    ask->answer = on_deleted;
    profile_ask_start(ask);
}

static void on_main_set(struct profile_ask *ask)
{
    struct store_photo photo;
    if (!take_photo(ask, 2, &photo))
        return;
    Quintet__Store__V1__SetMainPhotoResponse out = QUINTET__STORE__V1__SET_MAIN_PHOTO_RESPONSE__INIT;
    Quintet__Store__V1__Photo message;
    profile_message_photo(&photo, &message);
    out.photo = &message;
    qn_call_reply(ask->call, &out);
}

void profile_rpc_set_main_photo(struct qn_call *call)
{
    const Quintet__Store__V1__SetMainPhotoRequest *in = call->in;
    if (!check_pair(call, in->user_id, in->photo_id, &(struct profile_complaints){0}))
        return;
    struct profile_ask *ask = profile_ask_new(call);
    store_photo_set_main(&ask->steps, in->user_id, in->photo_id);
    ask->answer = on_main_set;
    profile_ask_start(ask);
}

static void on_reordered(struct profile_ask *ask)
{
    if (pg_result_rows(profile_ask_result(ask, 2)) == 0) {
        qn_call_fail_with(ask->call, .status = QN_FAILED_PRECONDITION,
                          .message = "these are not all of the photos, each once",
                          .reason = "PHOTOS_CHANGED");
        return;
    }
    Quintet__Store__V1__ReorderPhotosResponse out = QUINTET__STORE__V1__REORDER_PHOTOS_RESPONSE__INIT;
    if (take_photos(ask, 3, &out.photos, &out.n_photos))
        qn_call_reply(ask->call, &out);
}

void profile_rpc_reorder_photos(struct qn_call *call)
{
    const Quintet__Store__V1__ReorderPhotosRequest *in = call->in;
    struct profile_complaints complaints = {0};
    profile_check_text(in->user_id, 1, PROFILE_CHECK_ID_MAX, "user_id", &complaints);
    struct qn_str *photo_ids =
        check_ids(in->photo_ids, in->n_photo_ids, "photo_ids", call->arena, &complaints);
    if (!profile_ask_fine(call, &complaints))
        return;
    if (photo_ids == NULL) {
        profile_ask_fail_memory(call);
        return;
    }
    struct profile_ask *ask = profile_ask_new(call);
    store_photo_reorder(&ask->steps, in->user_id, photo_ids, in->n_photo_ids);
    ask->answer = on_reordered;
    profile_ask_start(ask);
}
