/* Where a photo is, and what a kill between any two steps leaves.
 *
 *   the row, in PostgreSQL    object pending/<user>/<photo>    object photos/<photo>, public
 *
 * CreateUpload     1. presign a URL for the pending key   2. row, pending   3. answer
 * the browser      4. PUT: the pending object, whole or not at all, once
 * CompleteUpload   5. row read   6. pending object looked at: size, type, magic bytes
 *                  7. copied to the public key   8. row made ready   9. answer
 *                  refused at 6: row deleted, then the pending object
 * DeletePhoto      10. row read   11. public object copied to the pending key, as a mark
 *                  12. row deleted   13. public object deleted   14. mark deleted
 * the sweep        15. each pending object that nobody has touched for three lifetimes of a URL: row read
 *                  row ready: the pending object is deleted
 *                  row pending or gone: row deleted, then the public object, then the pending one
 *
 * One rule holds at every point: a public object without a ready row has the pending object of its photo
 * beside it. The pending object is the note that something is unfinished; it is made before and removed
 * after, and the sweep goes by nothing else. So a kill
 *
 *   between 2 and 4    leaves a pending row, which counts against the user's limit until its URL has ended
 *   between 4 and 7    row and pending object: CompleteUpload may come again, or the sweep removes both
 *   between 7 and 8    the same, and the picture public under a name that nobody was told
 *   after 8            a photo, and a pending object that keeps its URL from working twice; swept
 *   in a refusal       no row, so it can become no photo; the object is swept
 *   between 11 and 12  a photo with a mark, which is swept
 *   between 12 and 14  objects without a row, which are swept.
 *
 * A store or a profile service that fails instead of dying leaves the same states, and the caller a typed
 * status. Two calls for one photo take turns (turn.h); a sweep and a call are apart in time (photo.h). */
#include "services/media/photo.h"

#include <stdio.h>

#include "common/core/check.h"
#include "common/core/clock.h"
#include "common/core/id.h"
#include "common/core/metric.h"
#include "services/media/photo_key.h"
#include "services/media/picture/image.h"

enum { URL_MAX = 8 * 1024 };

static struct qn_metric metric_uploads = {.name = "quintet_media_uploads_total",
                                          .help = "Uploads by what became of them.",
                                          .kind = QN_COUNTER,
                                          .labels = {"outcome"}};

void media_photo_count(const char *outcome)
{
    qn_metric_add(qn_metric_series(&metric_uploads, outcome, NULL, NULL), 1);
}

int64_t media_photo_span_ms(const struct media_service *service, int halves)
{
    return service->settings->upload_valid_ms * halves / 2;
}

const char *media_photo_take_user(struct qn_call *call)
{
    struct qn_str user_id = call->ctx.caller.user_id;
    if (!call->ctx.caller.known || user_id.len == 0) {
        qn_call_fail_with(call, .status = QN_UNAUTHENTICATED, .message = "nobody is signed in");
        return NULL;
    }
    if (user_id.len > MEDIA_PHOTO_USER_ID_MAX) {
        qn_call_fail_with(call, .status = QN_INVALID_ARGUMENT, .message = "the user's id is too long");
        return NULL;
    }
    const char *copy = qn_arena_copy(call->arena, user_id.ptr, user_id.len);
    if (!copy)
        qn_call_fail_with(call, .status = QN_RESOURCE_EXHAUSTED);
    return copy;
}

void media_photo_fail_store(struct qn_call *call, enum qn_status status)
{
    if (status == QN_DEADLINE_EXCEEDED)
        qn_call_fail_with(call, .status = status, .message = "the object store took too long");
    else if (status == QN_RESOURCE_EXHAUSTED)
        qn_call_fail_with(call, .status = status, .message = "the object store is full or busy",
                          .retry_after_ms = 1000);
    else if (status == QN_UNAVAILABLE)
        qn_call_fail_with(call, .status = status, .message = "the object store does not answer");
    else
        qn_call_fail_with(call, .status = QN_INTERNAL, .message = "the object store failed");
}

void media_photo_fail_not_found(struct qn_call *call, const char *reason)
{
    qn_call_fail_with(call, .status = QN_NOT_FOUND, .message = "there is no such photo", .reason = reason);
}

Quintet__Media__V1__Photo *media_photo_of_row(struct media_service *service, struct qn_arena *arena,
                                              const Quintet__Store__V1__Photo *row)
{
    Quintet__Media__V1__Photo *photo = qn_arena_new(arena, Quintet__Media__V1__Photo);
    Google__Protobuf__Timestamp *created = qn_arena_new(arena, Google__Protobuf__Timestamp);
    struct qn_buf url;
    if (!photo || !created)
        return NULL;
    qn_buf_init(&url, URL_MAX);
    enum qn_status status =
        media_object_read_url(service->store, qn_str_c(row->object_key), qn_clock_wall_ms(), &url);
    char *url_copy = status != QN_OK ? NULL : qn_arena_copy(arena, url.data, url.len);
    qn_buf_fini(&url);
    if (!url_copy)
        return NULL;
    quintet__media__v1__photo__init(photo);
    google__protobuf__timestamp__init(created);
    created->seconds = row->created_at_ms / 1000;
    created->nanos = (int32_t)(row->created_at_ms % 1000) * 1000000;
    photo->id = row->id;
    photo->url = url_copy;
    photo->content_type = row->content_type;
    photo->size_bytes = row->size_bytes;
    photo->main = row->main;
    photo->created_at = created;
    return photo;
}

/* CreateUpload. */

struct create {
    struct media_service *service;
    struct qn_call *call;
    struct qn_request request;
    const char *url;
    struct media_object_put_headers headers;
    int64_t now_ms;
    char photo_id[QN_ID_LEN + 1];
    char key[MEDIA_OBJECT_KEY_MAX + 1];
    char public_key[MEDIA_OBJECT_KEY_MAX + 1];
};

/* False after failing the call. */
static bool check_create(struct qn_call *call, const Quintet__Media__V1__CreateUploadRequest *in)
{
    struct qn_violation violations[2];
    size_t n = 0;
    if (media_image_kind_of_type(qn_str_c(in->content_type)) == MEDIA_IMAGE_NONE)
        violations[n++] =
            (struct qn_violation){"content_type", "must be image/jpeg, image/png, image/webp or image/avif"};
    if (in->size_bytes < 1 || in->size_bytes > MEDIA_PHOTO_MAX_BYTES)
        violations[n++] = (struct qn_violation){"size_bytes", "must be 1 to 10485760"};
    if (n == 0)
        return true;
    qn_call_fail_with(call, .status = QN_INVALID_ARGUMENT, .message = "this cannot be uploaded",
                      .violations = violations, .n_violations = n);
    return false;
}

static bool presign(struct create *c, const Quintet__Media__V1__CreateUploadRequest *in)
{
    struct qn_buf url;
    const struct media_object_put put = {.key = qn_str_c(c->key),
                                         .content_type = qn_str_c(in->content_type),
                                         .size_bytes = (uint64_t)in->size_bytes,
                                         .expires_s =
                                             (uint32_t)(c->service->settings->upload_valid_ms / 1000)};
    qn_buf_init(&url, URL_MAX);
    enum qn_status status = media_object_presign_put(c->service->store, &put, c->now_ms, &url, &c->headers);
    if (status == QN_OK)
        c->url = qn_arena_copy(c->call->arena, url.data, url.len);
    qn_buf_fini(&url);
    if (status != QN_OK)
        media_photo_fail_store(c->call, status);
    else if (!c->url)
        qn_call_fail_with(c->call, .status = QN_RESOURCE_EXHAUSTED);
    return status == QN_OK && c->url;
}

static void on_created(struct qn_request *request)
{
    struct create *c = container_of(request, struct create, request);
    const Quintet__Media__V1__CreateUploadRequest *in = c->call->in;
    if (request->status != QN_OK) {
        media_photo_count(request->status == QN_RESOURCE_EXHAUSTED ? "too_many" : "not_created");
        qn_call_fail_from(c->call, request, true);
        return;
    }
    char size[24];
    snprintf(size, sizeof size, "%lld", (long long)in->size_bytes);
    Quintet__Media__V1__Header header[QN_COUNT(c->headers.headers) + 1], *headers[QN_COUNT(header)];
    size_t n = c->headers.n_headers;
    for (size_t i = 0; i <= n; i++) {
        quintet__media__v1__header__init(&header[i]);
        header[i].name = i < n ? (char *)c->headers.headers[i].name : (char *)"content-length";
        header[i].value = i < n ? c->headers.headers[i].value : size;
        headers[i] = &header[i];
    }
    int64_t expires_ms = c->now_ms + c->service->settings->upload_valid_ms;
    Google__Protobuf__Timestamp expires = GOOGLE__PROTOBUF__TIMESTAMP__INIT;
    expires.seconds = expires_ms / 1000; /* the signature's second */
    Quintet__Media__V1__CreateUploadResponse out = QUINTET__MEDIA__V1__CREATE_UPLOAD_RESPONSE__INIT;
    out.upload_id = c->photo_id;
    out.method = (char *)"PUT";
    out.url = (char *)c->url;
    out.headers = headers;
    out.n_headers = n + 1;
    out.expires_at = &expires;
    media_photo_count("created");
    qn_call_reply(c->call, &out);
}

void media_photo_create_upload(struct media_service *service, struct qn_call *call)
{
    const Quintet__Media__V1__CreateUploadRequest *in = call->in;
    const char *user_id = media_photo_take_user(call);
    if (!user_id || !check_create(call, in))
        return;
    struct create *c = qn_call_new(call, struct create);
    c->service = service;
    c->call = call;
    c->now_ms = qn_clock_wall_ms();
    qn_id_new(c->photo_id);
    media_photo_key_pending(qn_str_c(user_id), qn_str_c(c->photo_id), c->key);
    media_photo_key_public(qn_str_c(c->photo_id), c->public_key);
    if (!presign(c, in))
        return;

    Quintet__Store__V1__Photo row = QUINTET__STORE__V1__PHOTO__INIT;
    row.id = c->photo_id;
    row.user_id = (char *)user_id;
    row.object_key = c->public_key;
    row.content_type = in->content_type;
    row.size_bytes = in->size_bytes;
    row.created_at_ms = c->now_ms;
    Quintet__Store__V1__CreatePhotoRequest create = QUINTET__STORE__V1__CREATE_PHOTO_REQUEST__INIT;
    create.photo = &row;
    create.max_photos = MEDIA_PHOTO_MAX;
    create.upload_expires_at_ms = c->now_ms + service->settings->upload_valid_ms;
    struct media_upstream upstream = media_photo_upstream(service, call);
    media_upstream_create(&upstream, &c->request, &create, on_created);
}

/* ListPhotos and SetMainPhoto: the row's store does it all. */

struct ask {
    struct media_service *service;
    struct qn_call *call;
    struct qn_request request;
};

static void on_listed(struct qn_request *request)
{
    struct ask *a = container_of(request, struct ask, request);
    if (request->status != QN_OK) {
        qn_call_fail_from(a->call, request, true);
        return;
    }
    const Quintet__Store__V1__ListPhotosResponse *rows = request->out;
    Quintet__Media__V1__ListPhotosResponse out = QUINTET__MEDIA__V1__LIST_PHOTOS_RESPONSE__INIT;
    out.photos = qn_arena_array(a->call->arena, rows->n_photos + 1, sizeof(void *));
    while (out.photos && out.n_photos < rows->n_photos) {
        out.photos[out.n_photos] = media_photo_of_row(a->service, a->call->arena, rows->photos[out.n_photos]);
        if (!out.photos[out.n_photos])
            break;
        out.n_photos++;
    }
    if (out.n_photos < rows->n_photos || !out.photos)
        qn_call_fail_with(a->call, .status = QN_RESOURCE_EXHAUSTED);
    else
        qn_call_reply(a->call, &out);
}

void media_photo_list(struct media_service *service, struct qn_call *call)
{
    const char *user_id = media_photo_take_user(call);
    if (!user_id)
        return;
    struct ask *a = qn_call_new(call, struct ask);
    a->service = service;
    a->call = call;
    struct media_upstream upstream = media_photo_upstream(service, call);
    media_upstream_list(&upstream, &a->request, user_id, on_listed);
}

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
    struct ask *a = qn_call_new(call, struct ask);
    a->service = service;
    a->call = call;
    struct media_upstream upstream = media_photo_upstream(service, call);
    media_upstream_set_main(&upstream, &a->request, user_id, in->photo_id, on_main_set);
}
