#ifndef MEDIA_PHOTO_H
#define MEDIA_PHOTO_H

#include "common/rpc/call.h"
#include "media.pb-c.h"
#include "services/media/service.h"
#include "services/media/upstream.h"

/* Photos: the methods of quintet.media.v1.MediaService. Each takes a call and owes it its answer. */

void media_photo_create_upload(struct media_service *service, struct qn_call *call);
void media_photo_complete_upload(struct media_service *service, struct qn_call *call); /* photo_complete.c */
void media_photo_list(struct media_service *service, struct qn_call *call);
void media_photo_delete(struct media_service *service, struct qn_call *call); /* photo_delete.c */
void media_photo_set_main(struct media_service *service, struct qn_call *call);

/* proto/media.proto. */
enum { MEDIA_PHOTO_MAX = 6, MEDIA_PHOTO_MAX_BYTES = 10485760 };

/* The life of an upload in times of its URL (QUINTET_MEDIA_UPLOAD_VALID, ten minutes), counted from
 * CreateUpload. A completion must have begun by the first and ended by the second; nothing touches what it
 * left before the third has passed since the object was last touched. So a sweep and a completion never meet,
 * whichever processes they run in, with half a lifetime to spare for clocks and statements under way. In
 * halves, to stay whole. */
enum {
    MEDIA_PHOTO_COMPLETE_BEGINS_HALVES = 4,
    MEDIA_PHOTO_COMPLETE_ENDS_HALVES = 5,
    MEDIA_PHOTO_SWEPT_AFTER_HALVES = 6,
};

int64_t media_photo_span_ms(const struct media_service *service, int halves);

/* Shared by photo.c, photo_complete.c and photo_delete.c. */

/* What every method begins with: the caller's id as a C string, in the call's arena. NULL: the call has its
 * answer already. */
const char *media_photo_take_user(struct qn_call *call);

/* Fails a call for what the object store said: a status of object.h. */
void media_photo_fail_store(struct qn_call *call, enum qn_status status);

void media_photo_fail_not_found(struct qn_call *call, const char *reason);

/* A row as clients see it, in the arena; NULL over its ceiling. */
Quintet__Media__V1__Photo *media_photo_of_row(struct media_service *service, struct qn_arena *arena,
                                              const Quintet__Store__V1__Photo *row);

static inline struct media_upstream media_photo_upstream(struct media_service *service, struct qn_call *call)
{
    return (struct media_upstream){service, &call->ctx, call->arena};
}

/* Counts what became of an upload: quintet_media_uploads_total. */
void media_photo_count(const char *outcome);

#endif
