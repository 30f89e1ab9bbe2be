/* Where a photo is, what a kill between any two steps leaves, and why in the end nothing is left over.
 *
 *   the row, in PostgreSQL    pending/<user>/<photo>    photos/<photo>/<hash>.webp, two, public
 *   the trash, beside it: what lies in the object store and must go
 *
 * CreateUpload      1. presign a URL for the pending key   2. row, pending   3. answer
 * the browser       4. PUT: the pending object, whole or not at all
 * CompleteUpload    5. row read   6. pending object read and looked at   7. pictures made of it   8. both
 *                   written   9. row made ready, and with it the pending key into the trash   10. answer
 *                   refused at 6 or 7: row deleted, and with it both places into the trash
 * DeletePhoto       11. row deleted, and with it its objects into the trash   12. answer
 * a user or profile deleted, by whatever program: as 11, by a trigger
 * the sweep         13. rows deleted that were not completed in an hour, as 11
 *                   14. trash claimed   15. objects deleted   16. trash finished
 *
 * Three rules carry all of it:
 *
 * - Before an object can come into being there is a row that names where: 2 comes before 3, and an upload's
 *   objects lie only under its pending key and under photos/<photo>/.
 * - A row's end and the entry of its objects in the trash are one transaction. So an object belongs to a row
 *   or to an entry at any moment, whoever is killed: a pending row by itself ends at 13.
 * - Objects are deleted by 15 alone, which may be done twice; the entry goes after them.
 *
 * What was under way meanwhile can bring an object back after 15: a PUT with the URL that still works, or a
 * completion beside which the row went or became ready. Each has an end (photo.h), so each entry is seen to
 * twice: at once, and half an hour after the URL's end, when all is settled. With the second time the sweep
 * also looks under photos/<photo>/ of a ready photo, for what another completion of it has left.
 *
 * Killed
 * - between 2 and 4: a pending row, which counts against the user's limit until its URL has ended; 13
 * - between 4 and 8: row and pending object; CompleteUpload may come again, or 13 ends both
 * - between 8 and 9: the same, and pictures public under names that nobody was told
 * - after 9, after 11: row and trash agree; the next sweep, of any process, goes on
 * - between 14 and 16: the lease of the entry ends, and it is claimed again
 * - a completion while its row goes, or gets ready: its pictures, or others beside the row's; the second time
 *
 * A store or a profile service that fails instead of dying leaves the same states, and the caller a typed
 * status. Two calls for one photo take turns in one process (turn.h), so that no picture is made twice; in
 * two processes they may cross, and of two completions the first to reach 9 counts. */
#include "services/media/photo.h"

#include <stdio.h>

#include "common/core/check.h"
#include "common/core/clock.h"
#include "common/core/id.h"
#include "common/core/metric.h"
#include "services/media/photo_key.h"
#include "services/media/picture/image.h"

enum { URL_MAX = 8 * 1024, SHA256_BYTES = 32 };

static struct qn_metric metric_uploads = {.name = "quintet_media_uploads_total",
                                          .help = "Uploads by what became of them.",
                                          .kind = QN_COUNTER,
                                          .labels = {"outcome"}};

void media_photo_count(const char *outcome)
{
    qn_metric_add(qn_metric_series(&metric_uploads, outcome, NULL, NULL), 1);
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

char *media_photo_url(struct media_service *service, struct qn_arena *arena, const char *key)
{
    struct qn_buf url;
    qn_buf_init(&url, URL_MAX);
    enum qn_status status = media_object_read_url(service->store, qn_str_c(key), qn_clock_wall_ms(), &url);
    char *copy = status != QN_OK ? NULL : qn_arena_copy(arena, url.data, url.len);
    qn_buf_fini(&url);
    return copy;
}

Quintet__Media__V1__Photo *media_photo_of_row(struct media_service *service, struct qn_arena *arena,
                                              const Quintet__Store__V1__Photo *row)
{
    Quintet__Media__V1__Photo *photo = qn_arena_new(arena, Quintet__Media__V1__Photo);
    Google__Protobuf__Timestamp *created = qn_arena_new(arena, Google__Protobuf__Timestamp);
    char *url = media_photo_url(service, arena, row->object_key);
    /* A photo from before there were two has one size for both. */
    char *small_url = row->small_key[0] ? media_photo_url(service, arena, row->small_key) : url;
    if (!photo || !created || !url || !small_url)
        return NULL;
    quintet__media__v1__photo__init(photo);
    google__protobuf__timestamp__init(created);
    created->seconds = row->created_at_ms / 1000;
    created->nanos = (int32_t)(row->created_at_ms % 1000) * 1000000;
    photo->id = row->id;
    photo->url = url;
    photo->small_url = small_url;
    photo->content_type = row->content_type;
    photo->size_bytes = row->size_bytes;
    photo->main = row->main;
    photo->created_at = created;
    photo->width = row->width;
    photo->height = row->height;
    photo->blur_data_url = row->blur_data_url;
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
};

/* False after failing the call. */
static bool check_create(struct qn_call *call, const Quintet__Media__V1__CreateUploadRequest *in)
{
    struct qn_violation violations[3];
    size_t n = 0;
    if (media_image_kind_of_type(qn_str_c(in->content_type)) == MEDIA_IMAGE_NONE)
        violations[n++] = (struct qn_violation){
            "content_type", "must be image/jpeg, image/png, image/webp, image/avif or image/heic"};
    if (in->size_bytes < 1 || in->size_bytes > MEDIA_PHOTO_MAX_BYTES)
        violations[n++] = (struct qn_violation){"size_bytes", "must be 1 to 10485760"};
    if (in->sha256.len != 0 && in->sha256.len != SHA256_BYTES)
        violations[n++] = (struct qn_violation){"sha256", "must be 32 bytes, or left out"};
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
                                         .sha256 = qn_str_n((const char *)in->sha256.data, in->sha256.len),
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
    if (!presign(c, in))
        return;

    Quintet__Store__V1__Photo row = QUINTET__STORE__V1__PHOTO__INIT;
    row.id = c->photo_id;
    row.user_id = (char *)user_id;
    row.object_key = c->key;
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
