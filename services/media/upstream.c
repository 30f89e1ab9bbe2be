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
                             const char *user_id, const char *photo_id, media_upstream_cb *done)
{
    Quintet__Store__V1__CompletePhotoRequest in = QUINTET__STORE__V1__COMPLETE_PHOTO_REQUEST__INIT;
    in.user_id = (char *)user_id;
    in.photo_id = (char *)photo_id;
    in.max_photos = MEDIA_PHOTO_MAX;
    ask(from, request, &quintet_store_v1_photo_store_complete_photo, &in, done);
}

void media_upstream_list(const struct media_upstream *from, struct qn_request *request, const char *user_id,
                         media_upstream_cb *done)
{
    Quintet__Store__V1__ListPhotosRequest in = QUINTET__STORE__V1__LIST_PHOTOS_REQUEST__INIT;
    in.user_id = (char *)user_id;
    ask(from, request, &quintet_store_v1_photo_store_list_photos, &in, done);
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
