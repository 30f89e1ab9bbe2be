/* The methods whose whole answer is profile's: it has the rows, and what a deletion leaves in the object
 * store stands in its table of trash from the same transaction on (photo.c). */
#include "common/core/check.h"
#include "services/media/photo.h"
#include "services/media/photo_sweep.h"

struct ask {
    struct media_service *service;
    struct qn_call *call;
    struct qn_request request;
    const char *user_id, *photo_id;
    struct media_turn turn; /* of a deletion */
};

static struct ask *ask_new(struct media_service *service, struct qn_call *call, const char *user_id)
{
    struct ask *a = qn_call_new(call, struct ask);
    a->service = service;
    a->call = call;
    a->user_id = user_id;
    return a;
}

/* Rows as their owner sees them; NULL after failing the call. */
static Quintet__Media__V1__Photo **photos_of(struct ask *a, Quintet__Store__V1__Photo *const *rows, size_t n)
{
    Quintet__Media__V1__Photo **photos = qn_arena_array(a->call->arena, n + 1, sizeof(void *));
    for (size_t i = 0; photos && i < n; i++) {
        photos[i] = media_photo_of_row(a->service, a->call->arena, rows[i]);
        if (!photos[i])
            photos = NULL;
    }
    if (!photos)
        qn_call_fail_with(a->call, .status = QN_RESOURCE_EXHAUSTED);
    return photos;
}

static void on_listed(struct qn_request *request)
{
    struct ask *a = container_of(request, struct ask, request);
    if (request->status != QN_OK) {
        qn_call_fail_from(a->call, request, true);
        return;
    }
    const Quintet__Store__V1__ListPhotosResponse *rows = request->out;
    Quintet__Media__V1__ListPhotosResponse out = QUINTET__MEDIA__V1__LIST_PHOTOS_RESPONSE__INIT;
    out.photos = photos_of(a, rows->photos, rows->n_photos);
    out.n_photos = rows->n_photos;
    if (out.photos)
        qn_call_reply(a->call, &out);
}

void media_photo_list(struct media_service *service, struct qn_call *call)
{
    const char *user_id = media_photo_take_user(call);
    if (!user_id)
        return;
    struct ask *a = ask_new(service, call, user_id);
    const struct media_upstream upstream = media_photo_upstream(service, call);
    media_upstream_list(&upstream, &a->request, user_id, on_listed);
}

/* Others' photos. */

static Quintet__Media__V1__ProfilePhoto *profile_photo_of(struct ask *a, const Quintet__Store__V1__Photo *row)
{
    Quintet__Media__V1__ProfilePhoto *photo = qn_arena_new(a->call->arena, Quintet__Media__V1__ProfilePhoto);
    char *url = media_photo_url(a->service, a->call->arena, row->object_key);
    char *small_url = row->small_key[0] ? media_photo_url(a->service, a->call->arena, row->small_key) : url;
    if (!photo || !url || !small_url)
        return NULL;
    quintet__media__v1__profile_photo__init(photo);
    photo->user_id = row->user_id;
    photo->url = url;
    photo->small_url = small_url;
    photo->width = row->width;
    photo->height = row->height;
    photo->blur_data_url = row->blur_data_url;
    return photo;
}

static void on_profiles_listed(struct qn_request *request)
{
    struct ask *a = container_of(request, struct ask, request);
    if (request->status != QN_OK) {
        qn_call_fail_from(a->call, request, true);
        return;
    }
    const Quintet__Store__V1__ListProfilePhotosResponse *rows = request->out;
    Quintet__Media__V1__ListProfilePhotosResponse out =
        QUINTET__MEDIA__V1__LIST_PROFILE_PHOTOS_RESPONSE__INIT;
    out.photos = qn_arena_array(a->call->arena, rows->n_photos + 1, sizeof(void *));
    while (out.photos && out.n_photos < rows->n_photos) {
        out.photos[out.n_photos] = profile_photo_of(a, rows->photos[out.n_photos]);
        if (!out.photos[out.n_photos])
            break;
        out.n_photos++;
    }
    if (!out.photos || out.n_photos < rows->n_photos)
        qn_call_fail_with(a->call, .status = QN_RESOURCE_EXHAUSTED);
    else
        qn_call_reply(a->call, &out);
}

void media_photo_list_profiles(struct media_service *service, struct qn_call *call)
{
    const Quintet__Media__V1__ListProfilePhotosRequest *in = call->in;
    const char *user_id = media_photo_take_user(call);
    if (!user_id)
        return;
    static const struct qn_violation too_many = {"user_ids", "must be at most 50"};
    if (in->n_user_ids > MEDIA_PHOTO_PROFILES_MAX) {
        qn_call_fail_with(call, .status = QN_INVALID_ARGUMENT, .message = "too many at once",
                          .violations = &too_many, .n_violations = 1);
        return;
    }
    if (in->n_user_ids == 0) {
        static const Quintet__Media__V1__ListProfilePhotosResponse none =
            QUINTET__MEDIA__V1__LIST_PROFILE_PHOTOS_RESPONSE__INIT;
        qn_call_reply(call, &none);
        return;
    }
    struct ask *a = ask_new(service, call, user_id);
    const struct media_upstream upstream = media_photo_upstream(service, call);
    media_upstream_list_main(&upstream, &a->request, in->user_ids, in->n_user_ids, on_profiles_listed);
}

/* The main photo, and the order. */

static void on_main_set(struct qn_request *request)
{
    struct ask *a = container_of(request, struct ask, request);
    if (request->status == QN_NOT_FOUND) {
        media_photo_fail_not_found(a->call, "PHOTO_NOT_FOUND");
        return;
    }
    if (request->status != QN_OK) {
        qn_call_fail_from(a->call, request, true);
        return;
    }
    const Quintet__Store__V1__SetMainPhotoResponse *answer = request->out;
    Quintet__Media__V1__SetMainPhotoResponse out = QUINTET__MEDIA__V1__SET_MAIN_PHOTO_RESPONSE__INIT;
    if (answer->photo)
        out.photo = media_photo_of_row(a->service, a->call->arena, answer->photo);
    if (out.photo)
        qn_call_reply(a->call, &out);
    else
        qn_call_fail_with(a->call, .status = QN_INTERNAL);
}

void media_photo_set_main(struct media_service *service, struct qn_call *call)
{
    const Quintet__Media__V1__SetMainPhotoRequest *in = call->in;
    const char *user_id = media_photo_take_user(call);
    if (!user_id)
        return;
    if (!media_photo_id_valid(qn_str_c(in->photo_id))) {
        media_photo_fail_not_found(call, "PHOTO_NOT_FOUND");
        return;
    }
    struct ask *a = ask_new(service, call, user_id);
    const struct media_upstream upstream = media_photo_upstream(service, call);
    media_upstream_set_main(&upstream, &a->request, user_id, in->photo_id, on_main_set);
}

static void on_reordered(struct qn_request *request)
{
    struct ask *a = container_of(request, struct ask, request);
    if (request->status != QN_OK) {
        qn_call_fail_from(a->call, request, true);
        return;
    }
    const Quintet__Store__V1__ReorderPhotosResponse *rows = request->out;
    Quintet__Media__V1__ReorderPhotosResponse out = QUINTET__MEDIA__V1__REORDER_PHOTOS_RESPONSE__INIT;
    out.photos = photos_of(a, rows->photos, rows->n_photos);
    out.n_photos = rows->n_photos;
    if (out.photos)
        qn_call_reply(a->call, &out);
}

static bool are_ids(char *const *ids, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        if (!media_photo_id_valid(qn_str_c(ids[i])))
            return false;
        for (size_t k = 0; k < i; k++) {
            if (strcmp(ids[i], ids[k]) == 0)
                return false;
        }
    }
    return true;
}

void media_photo_reorder(struct media_service *service, struct qn_call *call)
{
    const Quintet__Media__V1__ReorderPhotosRequest *in = call->in;
    const char *user_id = media_photo_take_user(call);
    if (!user_id)
        return;
    static const struct qn_violation unsound = {"photo_ids", "must be up to six ids of photos, each once"};
    if (in->n_photo_ids > MEDIA_PHOTO_MAX || !are_ids(in->photo_ids, in->n_photo_ids)) {
        qn_call_fail_with(call, .status = QN_INVALID_ARGUMENT, .message = "this is no order of photos",
                          .violations = &unsound, .n_violations = 1);
        return;
    }
    struct ask *a = ask_new(service, call, user_id);
    const struct media_upstream upstream = media_photo_upstream(service, call);
    media_upstream_reorder(&upstream, &a->request, user_id, in->photo_ids, in->n_photo_ids, on_reordered);
}

/* A deletion takes its turn: a completion of the same photo that is under way ends first, instead of putting
 * pictures where nobody looks for them until the sweep's last pass over that place. */

static void on_deleted(struct qn_request *request)
{
    struct ask *a = container_of(request, struct ask, request);
    media_turn_give(&a->service->turns, &a->turn);
    if (request->status == QN_NOT_FOUND) {
        media_photo_fail_not_found(a->call, "PHOTO_NOT_FOUND");
        return;
    }
    if (request->status != QN_OK) {
        qn_call_fail_from(a->call, request, true);
        return;
    }
    Quintet__Media__V1__DeletePhotoResponse out = QUINTET__MEDIA__V1__DELETE_PHOTO_RESPONSE__INIT;
    qn_log(&a->call->ctx.log, QN_INFO, "photo deleted", QN_F_C("user", a->user_id),
           QN_F_C("photo", a->photo_id));
    media_sweep_soon(a->service);
    qn_call_reply(a->call, &out);
}

static void on_turn(struct media_turn *turn)
{
    struct ask *a = container_of(turn, struct ask, turn);
    const struct media_upstream upstream = media_photo_upstream(a->service, a->call);
    media_upstream_delete(&upstream, &a->request, a->user_id, a->photo_id, on_deleted);
}

void media_photo_delete(struct media_service *service, struct qn_call *call)
{
    const Quintet__Media__V1__DeletePhotoRequest *in = call->in;
    const char *user_id = media_photo_take_user(call);
    if (!user_id)
        return;
    if (!media_photo_id_valid(qn_str_c(in->photo_id))) {
        media_photo_fail_not_found(call, "PHOTO_NOT_FOUND");
        return;
    }
    struct ask *a = ask_new(service, call, user_id);
    a->photo_id = in->photo_id;
    media_turn_take(&service->turns, &a->turn, qn_str_c(a->photo_id), on_turn);
}

/* From where photos are read. */

void media_photo_patterns(struct media_service *service, struct qn_call *call)
{
    struct media_object_source source;
    enum qn_status status = media_object_source(service->store, &source);
    if (status != QN_OK) {
        media_photo_fail_store(call, status);
        return;
    }
    Quintet__Media__V1__ImagePattern pattern = QUINTET__MEDIA__V1__IMAGE_PATTERN__INIT,
                                     *patterns[] = {&pattern};
    Quintet__Media__V1__GetImagePatternsResponse out = QUINTET__MEDIA__V1__GET_IMAGE_PATTERNS_RESPONSE__INIT;
    pattern.protocol = source.scheme;
    pattern.hostname = source.hostname;
    pattern.port = source.port;
    pattern.pathname = source.pathname;
    out.patterns = patterns;
    out.n_patterns = QN_COUNT(patterns);
    qn_call_reply(call, &out);
}
