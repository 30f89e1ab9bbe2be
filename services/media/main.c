#include "common/core/check.h"
#include "services/media/folder/object_folder.h"
#include "services/media/folder/object_http.h"
#include "services/media/photo_sweep.h"
#include "services/media/rpc.h"
#include "services/media/settings.h"

static struct media_settings set;
static struct qn_part_rpc_client profile = QN_PART_RPC_CLIENT("profile", &set.profile, &set.tls);
static struct media_object_folder folder = MEDIA_OBJECT_FOLDER(&set);
static struct media_object_http http = MEDIA_OBJECT_HTTP(&set, &folder);
static struct media_picture_pool pictures = MEDIA_PICTURE_POOL(&set.picture);
static struct media_service service = {
    .settings = &set, .profile = &profile, .store = &folder.store, .pictures = &pictures};
static struct media_sweep sweep = MEDIA_SWEEP(&service);

int main(int argc, char **argv)
{
    static const struct qn_handlers *const handlers[] = {&media_rpc_handlers};
    static struct qn_part_rpc_server rpc =
        QN_PART_RPC_SERVER(&set.rpc, &set.tls, handlers, QN_COUNT(handlers));
    /* In this order, so that the server drains first and calls in hand still have rows and objects. */
    static struct qn_part *const parts[] = {&profile.part,  &folder.part, &http.part,
                                            &pictures.part, &sweep.part,  &rpc.part};
    media_rpc_bind(&service);
    const struct qn_app app = {
        .name = "media",
        .summary = "Photos: presigned uploads, checked before anyone sees them.",
        .settings_table = media_settings_table,
        .n_settings = media_settings_count,
        .settings = &set,
        .check = media_settings_check,
        .parts = parts,
        .n_parts = QN_COUNT(parts),
    };
    return qn_app_run(&app, argc, argv);
}
