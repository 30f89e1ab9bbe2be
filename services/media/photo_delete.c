/* DeletePhoto: 1. take the photo's turn   2. read its row   3. copy the public object to the pending key, as
 *              a mark   4. delete the row   5. delete the public object   6. delete the mark   7. answer.
 *
 *   No row of this user: NOT_FOUND. A pending one has no public object: no 3, and 5 finds nothing.
 *   Store or profile away up to 4: their status; the photo stays, or the sweep ends it.
 *   Store away after 4: the photo is gone for everybody: OK, and the sweep ends it.
 *
 * What a kill leaves: photo.c. */
#include <stdio.h>

#include "common/core/check.h"
#include "services/media/photo.h"
#include "services/media/photo_key.h"

struct removal {
    struct media_service *service;
    struct qn_call *call;
    const char *user_id, *photo_id;
    struct media_turn turn;
    struct media_upstream upstream;
    struct qn_request request;
    struct media_object_request object;
    char public_key[MEDIA_OBJECT_KEY_MAX + 1];
    char mark[MEDIA_OBJECT_KEY_MAX + 1];
};

static void end_not_found(struct removal *r)
{
    media_turn_give(&r->service->turns, &r->turn);
    media_photo_fail_not_found(r->call, "PHOTO_NOT_FOUND");
}

static void end_upstream(struct removal *r)
{
    media_turn_give(&r->service->turns, &r->turn);
    qn_call_fail_from(r->call, &r->request, true);
}

static void end_deleted(struct removal *r)
{
    Quintet__Media__V1__DeletePhotoResponse out = QUINTET__MEDIA__V1__DELETE_PHOTO_RESPONSE__INIT;
    media_turn_give(&r->service->turns, &r->turn);
    qn_call_reply(r->call, &out);
}

static void log_left(struct removal *r, enum qn_status status)
{
    qn_log(&r->call->ctx.log, QN_WARN, "object left for the sweep", QN_F_STATUS("status", status),
           QN_F_C("key", r->object.key));
}

static void on_mark_gone(struct media_object_request *object, enum qn_status status)
{
    struct removal *r = container_of(object, struct removal, object);
    if (status != QN_OK)
        log_left(r, status);
    end_deleted(r);
}

static void on_public_gone(struct media_object_request *object, enum qn_status status)
{
    struct removal *r = container_of(object, struct removal, object);
    if (status != QN_OK) { /* then the mark must stay */
        log_left(r, status);
        end_deleted(r);
        return;
    }
    media_object_delete(r->service->store, &r->object, qn_str_c(r->mark), on_mark_gone);
}

static void on_row_gone(struct qn_request *request)
{
    struct removal *r = container_of(request, struct removal, request);
    if (request->status == QN_NOT_FOUND) { /* somebody else was faster; they clean up */
        end_not_found(r);
        return;
    }
    if (request->status != QN_OK) {
        end_upstream(r);
        return;
    }
    qn_log(&r->call->ctx.log, QN_INFO, "photo deleted", QN_F_C("user", r->user_id),
           QN_F_C("photo", r->photo_id));
    media_object_delete(r->service->store, &r->object, qn_str_c(r->public_key), on_public_gone);
}

static void delete_row(struct removal *r)
{
    media_upstream_delete(&r->upstream, &r->request, r->user_id, r->photo_id, on_row_gone);
}

static void on_marked(struct media_object_request *object, enum qn_status status)
{
    struct removal *r = container_of(object, struct removal, object);
    if (status == QN_OK || status == QN_NOT_FOUND) { /* without an object there is nothing to remember */
        delete_row(r);
        return;
    }
    media_turn_give(&r->service->turns, &r->turn);
    media_photo_fail_store(r->call, status);
}

static void on_row(struct qn_request *request)
{
    struct removal *r = container_of(request, struct removal, request);
    const Quintet__Store__V1__GetPhotoResponse *answer = request->out;
    if (request->status == QN_NOT_FOUND || (request->status == QN_OK && !answer->photo)) {
        end_not_found(r);
        return;
    }
    if (request->status != QN_OK) {
        end_upstream(r);
        return;
    }
    snprintf(r->public_key, sizeof r->public_key, "%s", answer->photo->object_key);
    r->object.arena = r->call->arena;
    r->object.deadline_ms = r->call->ctx.deadline_ms;
    if (answer->photo->ready)
        media_object_copy(r->service->store, &r->object, qn_str_c(r->public_key), qn_str_c(r->mark),
                          on_marked);
    else
        delete_row(r);
}

static void on_turn(struct media_turn *turn)
{
    struct removal *r = container_of(turn, struct removal, turn);
    media_upstream_get(&r->upstream, &r->request, r->user_id, r->photo_id, on_row);
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
    struct removal *r = qn_call_new(call, struct removal);
    r->service = service;
    r->call = call;
    r->user_id = user_id;
    r->photo_id = in->photo_id;
    r->upstream = media_photo_upstream(service, call);
    media_photo_key_pending(qn_str_c(user_id), qn_str_c(r->photo_id), r->mark);
    media_turn_take(&service->turns, &r->turn, qn_str_c(r->photo_id), on_turn);
}
