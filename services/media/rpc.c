#include "services/media/rpc.h"

#include "services/media/photo.h"

QUINTET_MEDIA_V1_MEDIA_SERVICE_HANDLERS(media_rpc_handlers, media_rpc_)

static struct media_service *service;

void media_rpc_bind(struct media_service *to)
{
    service = to;
}

void media_rpc_create_upload(struct qn_call *call)
{
    media_photo_create_upload(service, call);
}

void media_rpc_complete_upload(struct qn_call *call)
{
    media_photo_complete_upload(service, call);
}

void media_rpc_list_photos(struct qn_call *call)
{
    media_photo_list(service, call);
}

void media_rpc_delete_photo(struct qn_call *call)
{
    media_photo_delete(service, call);
}

void media_rpc_set_main_photo(struct qn_call *call)
{
    media_photo_set_main(service, call);
}

void media_rpc_list_profile_photos(struct qn_call *call)
{
    media_photo_list_profiles(service, call);
}

void media_rpc_reorder_photos(struct qn_call *call)
{
    media_photo_reorder(service, call);
}

void media_rpc_get_image_patterns(struct qn_call *call)
{
    media_photo_patterns(service, call);
}
