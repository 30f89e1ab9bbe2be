/* CompleteUpload: 1. take the photo's turn   2. read its row   3. read the front of what was uploaded
 *                 4. read all of it   5. make its pictures, in another process   6. write both, at once
 *                 7. make the row ready   8. answer, and have the upload's object removed.
 *
 *   No row of this user, or too late: NOT_FOUND. Ready already: 8 at once.
 *   Nothing there at 3 or 4: the row is read again; if somebody else has completed it meanwhile, 8, else
 *     FAILED_PRECONDITION, NOT_UPLOADED: it may still come.
 *   Another size, or no picture of the declared type at 3, 4 or 5: row deleted, FAILED_PRECONDITION.
 *   Too much in hand, or the makers of pictures have too much: RESOURCE_EXHAUSTED, and when to come again.
 *   At 7 too many photos, or deleted meanwhile: RESOURCE_EXHAUSTED or NOT_FOUND.
 *   Store or profile away at any step: their status; the call may be made again.
 *
 * Nothing is removed here: whatever makes an object garbage puts it into profile's trash with the row's own
 * change, and the sweep empties that. What a kill leaves: photo.c. */
#include "common/core/check.h"
#include "common/core/clock.h"
#include "common/core/metric.h"
#include "services/media/photo.h"
#include "services/media/photo_key.h"
#include "services/media/photo_sweep.h"

#define CACHE_CONTROL                                                                                        \
    "public, max-age=86400, immutable" /* a deleted photo must leave the caches in a day                     \
                                        */
#define TYPE "image/webp"

enum { BUSY_RETRY_MS = 1000 };

/* From step 4 on; too large for the call's reserve. */
struct complete;
struct work {
    struct complete *owner;
    struct qn_buf original;
    struct media_picture_job job;
    struct media_object_request small;
    char large_key[MEDIA_OBJECT_KEY_MAX + 1], small_key[MEDIA_OBJECT_KEY_MAX + 1];
    unsigned writing; /* of the two */
    enum qn_status written;
};

struct complete {
    struct media_service *service;
    struct qn_call *call;
    const char *user_id, *photo_id;
    struct media_turn turn;
    struct qn_context ctx; /* the call's, with the deadline of all steps */
    struct qn_request request;
    const Quintet__Store__V1__Photo *row;
    struct media_object_request object;
    struct work *work; /* NULL before step 4 */
    size_t in_hand_bytes;
    const char *outcome; /* of a refusal */
    struct qn_fault fault;
    char key[MEDIA_OBJECT_KEY_MAX + 1];
};

static struct qn_metric metric_in_hand = {.name = "quintet_media_in_hand_bytes",
                                          .help = "Uploads between being read and being done with.",
                                          .kind = QN_GAUGE};

static void take_in_hand(struct media_service *service, int64_t bytes)
{
    service->in_hand_bytes += (size_t)bytes;
    qn_metric_set(qn_metric_series(&metric_in_hand, NULL, NULL, NULL), (double)service->in_hand_bytes);
}

/* Every way out: what is held goes, the call is answered, and 'c' is gone. */

static void let_go(struct complete *c, const char *outcome)
{
    if (outcome)
        media_photo_count(outcome);
    if (c->work) {
        qn_buf_fini(&c->work->original);
        media_picture_fini(&c->work->job.picture);
    }
    take_in_hand(c->service, -(int64_t)c->in_hand_bytes);
    media_turn_give(&c->service->turns, &c->turn);
}

static void end_fault(struct complete *c, const char *outcome, const struct qn_fault *fault)
{
    let_go(c, outcome);
    qn_call_fail(c->call, fault);
}

static void end_store(struct complete *c, enum qn_status status)
{
    let_go(c, "store_failed");
    media_photo_fail_store(c->call, status);
}

static void end_upstream(struct complete *c)
{
    let_go(c, "profile_failed");
    qn_call_fail_from(c->call, &c->request, true);
}

static void end_not_found(struct complete *c)
{
    end_fault(c, "not_found",
              &(const struct qn_fault){.status = QN_NOT_FOUND,
                                       .message = "there is no such upload",
                                       .reason = "UPLOAD_NOT_FOUND"});
}

static void end_busy(struct complete *c, uint32_t retry_after_ms)
{
    end_fault(c, "busy",
              &(const struct qn_fault){.status = QN_RESOURCE_EXHAUSTED,
                                       .message = "too many pictures at once",
                                       .reason = "OVERLOAD",
                                       .retry_after_ms = retry_after_ms});
}

static void end_ready(struct complete *c, const char *outcome, const Quintet__Store__V1__Photo *row)
{
    Quintet__Media__V1__CompleteUploadResponse out = QUINTET__MEDIA__V1__COMPLETE_UPLOAD_RESPONSE__INIT;
    out.photo = media_photo_of_row(c->service, c->call->arena, row);
    let_go(c, outcome);
    if (out.photo)
        qn_call_reply(c->call, &out);
    else
        qn_call_fail_with(c->call, .status = QN_RESOURCE_EXHAUSTED);
}

/* The refusal of what was uploaded. */

static void on_refused_row_gone(struct qn_request *request)
{
    struct complete *c = container_of(request, struct complete, request);
    if (request->status != QN_OK && request->status != QN_NOT_FOUND) {
        end_upstream(c); /* the object is still there, so that a next call comes to the same end */
        return;
    }
    media_sweep_soon(c->service);
    end_fault(c, c->outcome, &c->fault);
}

static void refuse(struct complete *c, const char *outcome, const char *reason, const char *message)
{
    c->outcome = outcome;
    c->fault = (struct qn_fault){.status = QN_FAILED_PRECONDITION, .message = message, .reason = reason};
    const struct media_upstream upstream = {c->service, &c->ctx, c->call->arena};
    media_upstream_delete(&upstream, &c->request, c->user_id, c->photo_id, on_refused_row_gone);
}

static void refuse_picture(struct complete *c, const char *reason)
{
    if (strcmp(reason, MEDIA_PICTURE_TOO_MANY_PIXELS) == 0)
        refuse(c, "too_many_pixels", reason, "the picture has more than 50 megapixels");
    else if (strcmp(reason, MEDIA_PICTURE_ANIMATED) == 0)
        refuse(c, "animated", reason, "the picture has more than one frame");
    else
        refuse(c, "not_a_picture", MEDIA_PICTURE_NOT_A_PICTURE,
               "what was uploaded is no picture of the announced type");
}

/* Nothing is there. Or not any more: of two completions at once the first has the upload's object removed. */

static void on_row_again(struct qn_request *request)
{
    struct complete *c = container_of(request, struct complete, request);
    const Quintet__Store__V1__GetPhotoResponse *answer = request->out;
    if (request->status == QN_OK && answer->photo && answer->photo->ready)
        end_ready(c, NULL, answer->photo);
    else if (request->status == QN_OK && answer->photo)
        end_fault(c, "not_uploaded",
                  &(const struct qn_fault){.status = QN_FAILED_PRECONDITION,
                                           .message = "nothing was uploaded yet",
                                           .reason = "NOT_UPLOADED"});
    else if (request->status == QN_OK || request->status == QN_NOT_FOUND)
        end_not_found(c);
    else
        end_upstream(c);
}

static void end_missing(struct complete *c)
{
    const struct media_upstream upstream = {c->service, &c->ctx, c->call->arena};
    media_upstream_get(&upstream, &c->request, c->user_id, c->photo_id, on_row_again);
}

/* The happy path, from its end. */

static void on_ready(struct qn_request *request)
{
    struct complete *c = container_of(request, struct complete, request);
    const Quintet__Store__V1__CompletePhotoResponse *answer = request->out;
    if (request->status == QN_NOT_FOUND || (request->status == QN_OK && !answer->photo)) {
        end_not_found(c);
        return;
    }
    if (request->status != QN_OK) {
        end_upstream(c);
        return;
    }
    qn_log(&c->call->ctx.log, QN_INFO, "photo added", QN_F_C("user", c->user_id),
           QN_F_C("photo", c->photo_id));
    media_sweep_soon(c->service);
    end_ready(c, "completed", answer->photo);
}

static void on_both_written(struct complete *c)
{
    struct work *w = c->work;
    if (w->written != QN_OK) {
        end_store(c, w->written);
        return;
    }
    Quintet__Store__V1__CompletePhotoRequest in = QUINTET__STORE__V1__COMPLETE_PHOTO_REQUEST__INIT;
    in.user_id = (char *)c->user_id;
    in.photo_id = (char *)c->photo_id;
    in.max_photos = MEDIA_PHOTO_MAX;
    in.object_key = w->large_key;
    in.small_key = w->small_key;
    in.content_type = (char *)TYPE;
    in.size_bytes = (int64_t)w->job.picture.large.len;
    in.width = (int32_t)w->job.picture.width;
    in.height = (int32_t)w->job.picture.height;
    in.blur_data_url = w->job.picture.blur;
    const struct media_upstream upstream = {c->service, &c->ctx, c->call->arena};
    media_upstream_complete(&upstream, &c->request, &in, on_ready);
}

static void one_written(struct complete *c, enum qn_status status)
{
    if (c->work->written == QN_OK)
        c->work->written = status;
    if (--c->work->writing == 0)
        on_both_written(c);
}

static void on_large_written(struct media_object_request *object, enum qn_status status)
{
    one_written(container_of(object, struct complete, object), status);
}

static void on_small_written(struct media_object_request *object, enum qn_status status)
{
    one_written(container_of(object, struct work, small)->owner, status);
}

static void on_picture(struct media_picture_job *job, enum qn_status status)
{
    struct work *w = container_of(job, struct work, job);
    struct complete *c = w->owner;
    qn_buf_fini(&w->original);
    if (status == QN_FAILED_PRECONDITION) {
        refuse_picture(c, job->reason);
        return;
    }
    if (status == QN_RESOURCE_EXHAUSTED) {
        end_busy(c, job->retry_after_ms);
        return;
    }
    if (status != QN_OK) {
        end_fault(c, "not_made",
                  &(const struct qn_fault){.status = status == QN_CANCELLED ? QN_UNAVAILABLE : status,
                                           .message = status == QN_DEADLINE_EXCEEDED
                                                          ? "making the pictures took too long"
                                                          : "the pictures cannot be made now",
                                           .retry_after_ms = job->retry_after_ms});
        return;
    }
    struct qn_str large = qn_buf_view(&job->picture.large), small = qn_buf_view(&job->picture.small);
    struct media_object_body body = {.content_type = QN_STR(TYPE), .cache_control = QN_STR(CACHE_CONTROL)};
    media_photo_key_public(qn_str_c(c->photo_id), large, w->large_key);
    media_photo_key_public(qn_str_c(c->photo_id), small, w->small_key);
    w->small.arena = c->call->arena;
    w->small.deadline_ms = c->ctx.deadline_ms;
    w->writing = 2;
    body.bytes = large;
    media_object_write(c->service->store, &c->object, qn_str_c(w->large_key), &body, on_large_written);
    body.bytes = small;
    media_object_write(c->service->store, &w->small, qn_str_c(w->small_key), &body, on_small_written);
}

/* Whether these bytes are what CreateUpload was told of. False after ending the call. */
static bool check_upload(struct complete *c, uint64_t size_bytes, struct qn_str front)
{
    enum media_image_kind declared = media_image_kind_of_type(qn_str_c(c->row->content_type));
    if (size_bytes != (uint64_t)c->row->size_bytes)
        refuse(c, "size_mismatch", "SIZE_MISMATCH", "what was uploaded has another size than announced");
    else if (declared == MEDIA_IMAGE_NONE || media_image_sniff(front) != declared)
        refuse_picture(c, MEDIA_PICTURE_NOT_A_PICTURE);
    else
        return true;
    return false;
}

static void on_original(struct media_object_request *object, enum qn_status status)
{
    struct complete *c = container_of(object, struct complete, object);
    struct work *w = c->work;
    if (status == QN_NOT_FOUND) {
        end_missing(c);
        return;
    }
    if (status != QN_OK && status != QN_OUT_OF_RANGE) {
        end_store(c, status);
        return;
    }
    /* Looked at again: where the store cannot see to it that a key is written once, other bytes may have come
     * since. */
    struct qn_str bytes = qn_buf_view(&w->original);
    size_t front = bytes.len < MEDIA_IMAGE_SNIFF_BYTES ? bytes.len : MEDIA_IMAGE_SNIFF_BYTES;
    if (!check_upload(c, status == QN_OK ? bytes.len : UINT64_MAX, qn_str_n(bytes.ptr, front)))
        return;
    w->job.bytes = bytes;
    w->job.kind = media_image_kind_of_type(qn_str_c(c->row->content_type));
    w->job.deadline_ms = c->ctx.deadline_ms;
    media_picture_start(c->service->pictures, &w->job, on_picture);
}

static void on_front(struct media_object_request *object, enum qn_status status)
{
    struct complete *c = container_of(object, struct complete, object);
    uint32_t retry_after_ms = BUSY_RETRY_MS;
    if (status == QN_NOT_FOUND) {
        end_missing(c);
        return;
    }
    if (status != QN_OK) {
        end_store(c, status);
        return;
    }
    if (!check_upload(c, object->info.size_bytes, object->bytes))
        return;
    if (!qn_str_eq(qn_str_c(object->info.content_type), qn_str_c(c->row->content_type))) {
        refuse_picture(c, MEDIA_PICTURE_NOT_A_PICTURE);
        return;
    }
    size_t size = (size_t)object->info.size_bytes;
    if (c->service->in_hand_bytes + size > MEDIA_PHOTO_IN_HAND_MAX_BYTES ||
        !media_picture_admits(c->service->pictures, c->ctx.deadline_ms, &retry_after_ms)) {
        end_busy(c, retry_after_ms);
        return;
    }
    c->in_hand_bytes = size;
    take_in_hand(c->service, (int64_t)size);
    c->work = qn_arena_new(c->call->arena, struct work);
    if (!c->work) {
        end_fault(c, "busy", &(const struct qn_fault){.status = QN_RESOURCE_EXHAUSTED});
        return;
    }
    c->work->owner = c;
    qn_buf_init(&c->work->original, size);
    media_object_read_all(c->service->store, &c->object, qn_str_c(c->key), size, &c->work->original,
                          on_original);
}

static void on_row(struct qn_request *request)
{
    struct complete *c = container_of(request, struct complete, request);
    const Quintet__Store__V1__GetPhotoResponse *answer = request->out;
    if (request->status == QN_NOT_FOUND || (request->status == QN_OK && !answer->photo)) {
        end_not_found(c);
        return;
    }
    if (request->status != QN_OK) {
        end_upstream(c);
        return;
    }
    c->row = answer->photo;
    if (c->row->ready) {
        end_ready(c, NULL, c->row);
        return;
    }
    if (qn_clock_wall_ms() - c->row->upload_expires_at_ms >= MEDIA_PHOTO_COMPLETE_BEGINS_MS) {
        end_not_found(c);
        return;
    }
    uint64_t ends_ms = qn_clock_now_ms() + MEDIA_PHOTO_COMPLETE_TAKES_MS;
    if (ends_ms < c->ctx.deadline_ms)
        c->ctx.deadline_ms = ends_ms;
    c->object.arena = c->call->arena;
    c->object.deadline_ms = c->ctx.deadline_ms;
    media_object_read_range(c->service->store, &c->object, qn_str_c(c->key), 0, MEDIA_IMAGE_SNIFF_BYTES,
                            on_front);
}

static void on_turn(struct media_turn *turn)
{
    struct complete *c = container_of(turn, struct complete, turn);
    const struct media_upstream upstream = {c->service, &c->ctx, c->call->arena};
    media_upstream_get(&upstream, &c->request, c->user_id, c->photo_id, on_row);
}

void media_photo_complete_upload(struct media_service *service, struct qn_call *call)
{
    const Quintet__Media__V1__CompleteUploadRequest *in = call->in;
    const char *user_id = media_photo_take_user(call);
    if (!user_id)
        return;
    if (!media_photo_id_valid(qn_str_c(in->upload_id))) {
        qn_call_fail_with(call, .status = QN_NOT_FOUND, .message = "there is no such upload",
                          .reason = "UPLOAD_NOT_FOUND");
        return;
    }
    struct complete *c = qn_call_new(call, struct complete);
    c->service = service;
    c->call = call;
    c->user_id = user_id;
    c->photo_id = in->upload_id;
    c->ctx = call->ctx;
    media_photo_key_pending(qn_str_c(user_id), qn_str_c(c->photo_id), c->key);
    media_turn_take(&service->turns, &c->turn, qn_str_c(c->photo_id), on_turn);
}
