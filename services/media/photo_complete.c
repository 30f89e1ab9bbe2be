/* CompleteUpload: 1. take the photo's turn   2. read its row   3. read the front of the pending object
 *                 4. copy it to the public key   5. make the row ready   6. answer.
 *
 *   No row of this user, or too late: NOT_FOUND. Ready already: 6 at once.
 *   No object at 3: FAILED_PRECONDITION, NOT_UPLOADED; it may still come.
 *   Another size, or no picture of the declared type: row deleted, object deleted, FAILED_PRECONDITION.
 *   At 5 too many photos, or deleted meanwhile: public object deleted, RESOURCE_EXHAUSTED or NOT_FOUND.
 *   Store or profile away at any step: their status; the call may be made again.
 *
 * What a kill leaves: photo.c. */
#include "common/core/check.h"
#include "common/core/clock.h"
#include "services/media/photo.h"
#include "services/media/photo_key.h"
#include "services/media/picture/image.h"

struct complete {
    struct media_service *service;
    struct qn_call *call;
    const char *user_id, *photo_id;
    struct media_turn turn;
    struct qn_context ctx; /* the call's, with the deadline of step 5 */
    struct qn_request request;
    const Quintet__Store__V1__Photo *row;
    struct media_object_request object;
    struct qn_fault fault; /* what is answered once the cleaning up is over */
    const char *outcome;
    char key[MEDIA_OBJECT_KEY_MAX + 1];
};

/* Every way out: the turn goes on, the call is answered, and 'c' is gone. */

static void end_fault(struct complete *c, const char *outcome, const struct qn_fault *fault)
{
    media_photo_count(outcome);
    media_turn_give(&c->service->turns, &c->turn);
    qn_call_fail(c->call, fault);
}

static void end_store(struct complete *c, enum qn_status status)
{
    media_photo_count("store_failed");
    media_turn_give(&c->service->turns, &c->turn);
    media_photo_fail_store(c->call, status);
}

static void end_upstream(struct complete *c)
{
    media_photo_count("profile_failed");
    media_turn_give(&c->service->turns, &c->turn);
    qn_call_fail_from(c->call, &c->request, true);
}

static void end_not_found(struct complete *c)
{
    end_fault(c, "not_found",
              &(const struct qn_fault){.status = QN_NOT_FOUND,
                                       .message = "there is no such upload",
                                       .reason = "UPLOAD_NOT_FOUND"});
}

static void end_ready(struct complete *c, const Quintet__Store__V1__Photo *row)
{
    Quintet__Media__V1__CompleteUploadResponse out = QUINTET__MEDIA__V1__COMPLETE_UPLOAD_RESPONSE__INIT;
    out.photo = media_photo_of_row(c->service, c->call->arena, row);
    media_turn_give(&c->service->turns, &c->turn);
    if (out.photo)
        qn_call_reply(c->call, &out);
    else
        qn_call_fail_with(c->call, .status = QN_RESOURCE_EXHAUSTED);
}

static void log_left(struct complete *c, enum qn_status status)
{
    if (status != QN_OK)
        qn_log(&c->call->ctx.log, QN_WARN, "object left for the sweep", QN_F_STATUS("status", status),
               QN_F_C("key", c->object.key));
}

/* The refusal of what was uploaded. */

static void on_refused_object_gone(struct media_object_request *object, enum qn_status status)
{
    struct complete *c = container_of(object, struct complete, object);
    log_left(c, status);
    end_fault(c, c->outcome, &c->fault);
}

static void on_refused_row_gone(struct qn_request *request)
{
    struct complete *c = container_of(request, struct complete, request);
    if (request->status != QN_OK && request->status != QN_NOT_FOUND) {
        end_upstream(c); /* the object is still there, so that a next call comes to the same end */
        return;
    }
    media_object_delete(c->service->store, &c->object, qn_str_c(c->key), on_refused_object_gone);
}

static void refuse(struct complete *c, const char *outcome, const char *reason, const char *message)
{
    c->outcome = outcome;
    c->fault = (struct qn_fault){.status = QN_FAILED_PRECONDITION, .message = message, .reason = reason};
    const struct media_upstream upstream = {c->service, &c->ctx, c->call->arena};
    media_upstream_delete(&upstream, &c->request, c->user_id, c->photo_id, on_refused_row_gone);
}

/* The row could not be made ready for a reason that stays. */

static void on_public_gone(struct media_object_request *object, enum qn_status status)
{
    struct complete *c = container_of(object, struct complete, object);
    log_left(c, status);
    if (c->request.status == QN_NOT_FOUND)
        end_not_found(c);
    else
        end_upstream(c);
}

static void on_ready(struct qn_request *request)
{
    struct complete *c = container_of(request, struct complete, request);
    if (request->status == QN_NOT_FOUND || request->status == QN_RESOURCE_EXHAUSTED) {
        media_object_delete(c->service->store, &c->object, qn_str_c(c->row->object_key), on_public_gone);
        return;
    }
    const Quintet__Store__V1__CompletePhotoResponse *answer = request->out;
    if (request->status != QN_OK || !answer->photo) {
        end_upstream(c);
        return;
    }
    qn_log(&c->call->ctx.log, QN_INFO, "photo added", QN_F_C("user", c->user_id),
           QN_F_C("photo", c->photo_id));
    media_photo_count("completed");
    end_ready(c, answer->photo);
}

/* The happy path. */

static void on_copied(struct media_object_request *object, enum qn_status status)
{
    struct complete *c = container_of(object, struct complete, object);
    if (status != QN_OK) {
        end_store(c, status);
        return;
    }
    const struct media_upstream upstream = {c->service, &c->ctx, c->call->arena};
    media_upstream_complete(&upstream, &c->request, c->user_id, c->photo_id, on_ready);
}

static void on_front(struct media_object_request *object, enum qn_status status)
{
    struct complete *c = container_of(object, struct complete, object);
    if (status == QN_NOT_FOUND) {
        end_fault(c, "not_uploaded",
                  &(const struct qn_fault){.status = QN_FAILED_PRECONDITION,
                                           .message = "nothing was uploaded yet",
                                           .reason = "NOT_UPLOADED"});
        return;
    }
    if (status != QN_OK) {
        end_store(c, status);
        return;
    }
    enum media_image_kind declared = media_image_kind_of_type(qn_str_c(c->row->content_type));
    if (object->info.size_bytes != (uint64_t)c->row->size_bytes) {
        refuse(c, "size_mismatch", "SIZE_MISMATCH", "what was uploaded has another size than announced");
    } else if (declared == MEDIA_IMAGE_NONE || media_image_sniff(object->bytes) != declared ||
               !qn_str_eq(qn_str_c(object->info.content_type), qn_str_c(c->row->content_type))) {
        refuse(c, "not_a_picture", "NOT_A_PICTURE", "what was uploaded is no picture of the announced type");
    } else {
        media_object_copy(c->service->store, &c->object, qn_str_c(c->key), qn_str_c(c->row->object_key),
                          on_copied);
    }
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
        end_ready(c, c->row);
        return;
    }
    int64_t age_ms = qn_clock_wall_ms() - c->row->created_at_ms;
    if (age_ms >= media_photo_span_ms(c->service, MEDIA_PHOTO_COMPLETE_BEGINS_HALVES)) {
        end_not_found(c);
        return;
    }
    uint64_t ends_ms =
        qn_clock_now_ms() + (uint64_t)(media_photo_span_ms(c->service, MEDIA_PHOTO_COMPLETE_ENDS_HALVES) -
                                       (age_ms > 0 ? age_ms : 0));
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
