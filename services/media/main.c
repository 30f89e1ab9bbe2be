#include "common/core/check.h"
#include "services/media/folder/object_folder.h"
#include "services/media/folder/object_http.h"
#include "services/media/photo_sweep.h"
#include "services/media/rpc.h"
#include "services/media/s3/provision.h"
#include "services/media/s3/store.h"
#include "services/media/settings.h"

static struct media_settings set;
static struct qn_part_rpc_client profile = QN_PART_RPC_CLIENT("profile", &set.profile, &set.tls);
static struct media_object_folder folder = MEDIA_OBJECT_FOLDER(&set);
static struct media_object_http http = MEDIA_OBJECT_HTTP(&set, &folder);
static struct media_s3_store bucket = MEDIA_S3_STORE(&set);
static struct media_picture_pool pictures = MEDIA_PICTURE_POOL(&set.picture);
static struct media_service service = {
    .settings = &set, .profile = &profile, .store = &folder.store, .pictures = &pictures};
static struct media_sweep sweep = MEDIA_SWEEP(&service);

static const struct qn_handlers *const handlers[] = {&media_rpc_handlers};
static struct qn_part_rpc_server rpc = QN_PART_RPC_SERVER(&set.rpc, &set.tls, handlers, QN_COUNT(handlers));

/* In this order, so that the server drains first and calls in hand still have rows and objects. */
static struct qn_part *const on_folder[] = {&profile.part,  &folder.part, &http.part,
                                            &pictures.part, &sweep.part,  &rpc.part};
static struct qn_part *const on_bucket[] = {&profile.part, &bucket.part, &pictures.part, &sweep.part,
                                            &rpc.part};

static void check(void *settings, struct qn_config_report *report);

static const struct qn_verb verbs[] = {
    {"--provision", "gives the bucket of R2 or S3 the CORS rule that browsers need to upload, and prints it",
     media_s3_provision},
};
static struct qn_app app = {
    .name = "media",
    .summary = "Photos: presigned uploads, checked before anyone sees them.",
    .settings_table = media_settings_table,
    .settings = &set,
    .check = check,
    .parts = on_folder,
    .n_parts = QN_COUNT(on_folder),
    .verbs = verbs,
    .n_verbs = QN_COUNT(verbs),
};

/* The settings are read: they say where pictures lie. */
static void check(void *settings, struct qn_config_report *report)
{
    media_settings_check(settings, report);
    if (!media_settings_wants_bucket(&set))
        return;
    service.store = &bucket.store;
    app.parts = on_bucket;
    app.n_parts = QN_COUNT(on_bucket);
}

int main(int argc, char **argv)
{
    app.n_settings = media_settings_count;
    media_rpc_bind(&service);
    return qn_app_run(&app, argc, argv);
}
