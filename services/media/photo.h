#ifndef MEDIA_PHOTO_H
#define MEDIA_PHOTO_H

#include "common/rpc/call.h"
#include "media.pb-c.h"
#include "services/media/service.h"
#include "services/media/upstream.h"

/* Photos: the methods of quintet.media.v1.MediaService. Each takes a call and owes it its answer. */

void media_photo_create_upload(struct media_service *service, struct qn_call *call);
void media_photo_complete_upload(struct media_service *service, struct qn_call *call); /* photo_complete.c */

/* photo_rows.c */
void media_photo_list(struct media_service *service, struct qn_call *call);
void media_photo_list_profiles(struct media_service *service, struct qn_call *call);
void media_photo_delete(struct media_service *service, struct qn_call *call);
void media_photo_set_main(struct media_service *service, struct qn_call *call);
void media_photo_reorder(struct media_service *service, struct qn_call *call);
void media_photo_patterns(struct media_service *service, struct qn_call *call);

/* proto/media.proto. */
enum { MEDIA_PHOTO_MAX = 6, MEDIA_PHOTO_MAX_BYTES = MEDIA_OBJECT_BYTES_MAX, MEDIA_PHOTO_PROFILES_MAX = 50 };

/* The life of an upload after its URL's end, which is QUINTET_MEDIA_UPLOAD_VALID after CreateUpload. A
 * completion begins until the first and takes at most the second; then nobody of ours writes an object of
 * this upload any more. What is left until MEDIA_PHOTO_SETTLED_MS is for an upload that began in the URL's
 * last moment, for what an object store does with a request after its asker has given up, and for clocks that
 * differ by up to MEDIA_PHOTO_CLOCKS_MS. From then on nothing of it comes into being, and what was removed
 * stays away: profile's trash hands out for the last time what may have been left (proto/store.proto has
 * the same half hour). MEDIA_PHOTO_KEPT_MS: an upload that nobody completed goes, an hour after it was begun.
 */
enum {
    MEDIA_PHOTO_COMPLETE_BEGINS_MS = 10 * 60 * 1000,
    MEDIA_PHOTO_COMPLETE_TAKES_MS = 2 * 60 * 1000,
    MEDIA_PHOTO_CLOCKS_MS = 10 * 60 * 1000,
    MEDIA_PHOTO_SETTLED_MS = 30 * 60 * 1000,
    MEDIA_PHOTO_KEPT_MS = 50 * 60 * 1000,
};

/* What pictures in hand may take of this process' memory, as uploaded. The decoders' own queue is bounded by
 * time (picture/pool.h); this is for those on their way to and from it. */
enum { MEDIA_PHOTO_IN_HAND_MAX_BYTES = 64 * 1024 * 1024 };

/* Shared by photo.c, photo_complete.c and photo_rows.c. */

/* What every method of the caller's own begins with: the caller's id as a C string, in the call's arena.
 * NULL: the call has its answer already. */
const char *media_photo_take_user(struct qn_call *call);

/* Fails a call for what the object store said: a status of object.h. */
void media_photo_fail_store(struct qn_call *call, enum qn_status status);

void media_photo_fail_not_found(struct qn_call *call, const char *reason);

/* Where an object is read, in the arena; NULL over its ceiling, or when the store cannot say. */
char *media_photo_url(struct media_service *service, struct qn_arena *arena, const char *key);

/* A row as its owner sees it, in the arena; NULL over its ceiling. */
Quintet__Media__V1__Photo *media_photo_of_row(struct media_service *service, struct qn_arena *arena,
                                              const Quintet__Store__V1__Photo *row);

static inline struct media_upstream media_photo_upstream(struct media_service *service, struct qn_call *call)
{
    return (struct media_upstream){service, &call->ctx, call->arena};
}

/* Counts what became of an upload: quintet_media_uploads_total. */
void media_photo_count(const char *outcome);

#endif
