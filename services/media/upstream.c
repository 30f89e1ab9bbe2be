#include "services/media/upstream.h"

#include "services/media/photo.h"
#include "store.qn.h"

static void ask(const struct media_upstream *from, struct qn_request *request, const struct qn_method *method,
                const void *in, media_upstream_cb *done)
{
    *request = (struct qn_request){0};
    qn_request_start(request, from->service->profile->client, method, in, from->ctx, from->arena, done);
}

void media_upstream_create(const struct media_upstream *from, struct qn_request *request,
                           const Quintet__Store__V1__CreatePhotoRequest *in, media_upstream_cb *done)
{
    ask(from, request, &quintet_store_v1_photo_store_create_photo, in, done);
}

void media_upstream_get(const struct media_upstream *from, struct qn_request *request, const char *user_id,
                        const char *photo_id, media_upstream_cb *done)
{
    Quintet__Store__V1__GetPhotoRequest in = QUINTET__STORE__V1__GET_PHOTO_REQUEST__INIT;
    in.user_id = (char *)user_id;
    in.photo_id = (char *)photo_id;
    ask(from, request, &quintet_store_v1_photo_store_get_photo, &in, done);
}

void media_upstream_complete(const struct media_upstream *from, struct qn_request *request,
                             const Quintet__Store__V1__CompletePhotoRequest *in, media_upstream_cb *done)
{
    ask(from, request, &quintet_store_v1_photo_store_complete_photo, in, done);
}

void media_upstream_list(const struct media_upstream *from, struct qn_request *request, const char *user_id,
                         media_upstream_cb *done)
{
    Quintet__Store__V1__ListPhotosRequest in = QUINTET__STORE__V1__LIST_PHOTOS_REQUEST__INIT;
    in.user_id = (char *)user_id;
    ask(from, request, &quintet_store_v1_photo_store_list_photos, &in, done);
}

void media_upstream_list_main(const struct media_upstream *from, struct qn_request *request,
                              char *const *user_ids, size_t n, media_upstream_cb *done)
{
    Quintet__Store__V1__ListProfilePhotosRequest in = QUINTET__STORE__V1__LIST_PROFILE_PHOTOS_REQUEST__INIT;
    in.user_ids = (char **)user_ids;
    in.n_user_ids = n;
    in.main_only = true;
    ask(from, request, &quintet_store_v1_photo_store_list_profile_photos, &in, done);
}

void media_upstream_delete(const struct media_upstream *from, struct qn_request *request, const char *user_id,
                           const char *photo_id, media_upstream_cb *done)
{
    Quintet__Store__V1__DeletePhotoRequest in = QUINTET__STORE__V1__DELETE_PHOTO_REQUEST__INIT;
    in.user_id = (char *)user_id;
    in.photo_id = (char *)photo_id;
    ask(from, request, &quintet_store_v1_photo_store_delete_photo, &in, done);
}

void media_upstream_set_main(const struct media_upstream *from, struct qn_request *request,
                             const char *user_id, const char *photo_id, media_upstream_cb *done)
{
    Quintet__Store__V1__SetMainPhotoRequest in = QUINTET__STORE__V1__SET_MAIN_PHOTO_REQUEST__INIT;
    in.user_id = (char *)user_id;
    in.photo_id = (char *)photo_id;
    ask(from, request, &quintet_store_v1_photo_store_set_main_photo, &in, done);
}

void media_upstream_reorder(const struct media_upstream *from, struct qn_request *request,
                            const char *user_id, char *const *photo_ids, size_t n, media_upstream_cb *done)
{
    Quintet__Store__V1__ReorderPhotosRequest in = QUINTET__STORE__V1__REORDER_PHOTOS_REQUEST__INIT;
    in.user_id = (char *)user_id;
    in.photo_ids = (char **)photo_ids;
    in.n_photo_ids = n;
    ask(from, request, &quintet_store_v1_photo_store_reorder_photos, &in, done);
}

void media_upstream_sweep(const struct media_upstream *from, struct qn_request *request, int64_t before_ms,
                          int32_t max, media_upstream_cb *done)
{
    Quintet__Store__V1__SweepPhotosRequest in = QUINTET__STORE__V1__SWEEP_PHOTOS_REQUEST__INIT;
    in.before_ms = before_ms;
    in.max = max;
    ask(from, request, &quintet_store_v1_photo_store_sweep_photos, &in, done);
}

void media_upstream_claim(const struct media_upstream *from, struct qn_request *request, int32_t max,
                          int64_t lease_ms, media_upstream_cb *done)
{
    Quintet__Store__V1__ClaimTrashRequest in = QUINTET__STORE__V1__CLAIM_TRASH_REQUEST__INIT;
    in.max = max;
    in.lease_ms = lease_ms;
    ask(from, request, &quintet_store_v1_photo_store_claim_trash, &in, done);
}

void media_upstream_finish(const struct media_upstream *from, struct qn_request *request,
                           Quintet__Store__V1__TrashEntry *const *entries, size_t n, media_upstream_cb *done)
{
    Quintet__Store__V1__FinishTrashRequest in = QUINTET__STORE__V1__FINISH_TRASH_REQUEST__INIT;
    in.entries = (Quintet__Store__V1__TrashEntry **)entries;
    in.n_entries = n;
    ask(from, request, &quintet_store_v1_photo_store_finish_trash, &in, done);
}

void media_upstream_fail(const struct media_upstream *from, struct qn_request *request,
                         Quintet__Store__V1__TrashEntry *const *entries, size_t n, const char *error,
                         media_upstream_cb *done)
{
    Quintet__Store__V1__FailTrashRequest in = QUINTET__STORE__V1__FAIL_TRASH_REQUEST__INIT;
    in.entries = (Quintet__Store__V1__TrashEntry **)entries;
    in.n_entries = n;
    in.error = (char *)error;
    ask(from, request, &quintet_store_v1_photo_store_fail_trash, &in, done);
}
