#include "services/media/folder/object_folder.h"

#include <stdio.h>
#include <unistd.h>

#include "common/core/check.h"
#include "common/core/encode.h"
#include "common/core/log.h"
#include "services/media/folder/object_job.h"
#include "services/media/folder/object_secret.h"

/* The lane is for waiting, not for computing, hence more threads than cores; a disk with one head gains
 * nothing from more than a few. The queue is a burst of uploads and reads; what comes beyond is refused. */
enum { THREADS = 4, QUEUE_MAX = 1024 };

enum { WARN_EVERY_MS = 1000 };

/* An upload that is alive writes at least every few minutes: httpd cuts those that stall. */
enum { SWEEP_EVERY_MS = 3600 * 1000, SWEEP_OLDER_THAN_MS = 3600 * 1000 };

static struct media_object_folder *folder_of(struct media_object_store *store)
{
    return container_of(store, struct media_object_folder, store);
}

void media_object_folder_warn(struct media_object_folder *folder, const char *text, enum qn_status status,
                              const char *key, const struct qn_error *err)
{
    uint64_t held_back;
    if (qn_log_due(&folder->log_limit, WARN_EVERY_MS, &held_back))
        qn_log(NULL, QN_WARN, text, QN_F_STATUS("status", status), QN_F_C("key", key),
               QN_F_C("error", err->message), QN_F_INT("held_back", held_back));
}

static void start(struct media_object_store *store, struct media_object_request *request)
{
    media_object_job_start(folder_of(store), request);
}

static struct qn_loop *loop_of(struct media_object_store *store)
{
    return folder_of(store)->loop;
}

/* URLs. */

static enum qn_status presign_put(struct media_object_store *store, const struct media_object_put *put,
                                  int64_t now_ms, struct qn_buf *to,
                                  struct media_object_put_headers *ret_headers)
{
    struct media_object_folder *folder = folder_of(store);
    struct qn_str scheme, host;
    if (!media_settings_origin(qn_str_c(folder->origin), &scheme, &host))
        return QN_UNAVAILABLE;
    char path[sizeof MEDIA_OBJECT_FOLDER_BUCKET + MEDIA_OBJECT_KEY_MAX + 2], size[24];
    int path_len = snprintf(path, sizeof path, "/" MEDIA_OBJECT_FOLDER_BUCKET "/%.*s", QN_STR_ARG(put->key));
    snprintf(size, sizeof size, "%llu", (unsigned long long)put->size_bytes);
    struct media_sigv4_pair headers[4] = {
        {QN_STR("content-length"), qn_str_c(size)},
        {QN_STR("content-type"), put->content_type},
        {QN_STR("if-none-match"), QN_STR("*")}, /* once */
    };
    size_t n_headers = 3;
    char sha256[(32 + 2) / 3 * 4 + 1];
    if (put->sha256.len > 0) {
        QN_CHECK(put->sha256.len == 32);
        qn_base64_encode(sha256, put->sha256.ptr, put->sha256.len);
        headers[n_headers++] = (struct media_sigv4_pair){QN_STR("x-amz-checksum-sha256"), qn_str_c(sha256)};
    }
    const struct media_sigv4_request request = {
        .method = QN_STR("PUT"),
        .host = host,
        .path = qn_str_n(path, (size_t)path_len),
        .headers = headers,
        .n_headers = n_headers,
    };
    qn_buf_write_str(to, scheme);
    qn_buf_write_str(to, host);
    for (size_t i = 1; i < n_headers; i++) {
        struct media_object_put_header *header = &ret_headers->headers[ret_headers->n_headers++];
        header->name = headers[i].name.ptr; /* static, above */
        snprintf(header->value, sizeof header->value, "%.*s", QN_STR_ARG(headers[i].value));
    }
    return media_sigv4_presign(&folder->key, &request, now_ms, put->expires_s, to);
}

static enum qn_status read_url(struct media_object_store *store, struct qn_str key, int64_t now_ms,
                               struct qn_buf *to)
{
    (void)now_ms; /* what is public here needs no signature */
    if (folder_of(store)->origin[0] == '\0')
        return QN_UNAVAILABLE;
    qn_buf_write_c(to, folder_of(store)->origin);
    qn_buf_write_byte(to, '/');
    qn_percent_encode(to, key, QN_PERCENT_PATH);
    return qn_buf_failed(to) ? QN_RESOURCE_EXHAUSTED : QN_OK;
}

static enum qn_status source(struct media_object_store *store, struct media_object_source *ret_source)
{
    struct qn_str scheme, host, name, port;
    if (!media_settings_origin(qn_str_c(folder_of(store)->origin), &scheme, &host))
        return QN_UNAVAILABLE;
    media_settings_split_host(host, &name, &port);
    snprintf(ret_source->scheme, sizeof ret_source->scheme, "%.*s", (int)(scheme.len - 3), scheme.ptr);
    snprintf(ret_source->hostname, sizeof ret_source->hostname, "%.*s", QN_STR_ARG(name));
    snprintf(ret_source->port, sizeof ret_source->port, "%.*s", QN_STR_ARG(port));
    snprintf(ret_source->pathname, sizeof ret_source->pathname, "/" MEDIA_OBJECT_PUBLIC_PREFIX "**");
    return QN_OK;
}

void media_object_folder_set_origin(struct media_object_folder *folder, const char *origin)
{
    struct qn_str scheme, host;
    bool sound = media_settings_origin(qn_str_c(origin), &scheme, &host);
    QN_CHECK(sound);
    snprintf(folder->origin, sizeof folder->origin, "%.*s%.*s", QN_STR_ARG(scheme), QN_STR_ARG(host));
}

/* What was left in the making. */

static void run_sweep(struct qn_work *work)
{
    struct media_object_folder *self = container_of(work, struct media_object_folder, sweep);
    media_object_file_sweep(&self->place, SWEEP_OLDER_THAN_MS, &self->swept);
}

static void on_sweep_timer(struct qn_timer *timer);

static void swept(struct qn_work *work, enum qn_status status)
{
    struct media_object_folder *self = container_of(work, struct media_object_folder, sweep);
    if (status == QN_OK && self->swept > 0)
        qn_log(NULL, QN_INFO, "files of uploads that never ended removed", QN_F_INT("files", self->swept));
    if (!self->closed)
        qn_timer_start(self->loop, &self->sweep_timer, SWEEP_EVERY_MS, on_sweep_timer);
}

static void on_sweep_timer(struct qn_timer *timer)
{
    struct media_object_folder *self = container_of(timer, struct media_object_folder, sweep_timer);
    qn_work_start(self->lane, &self->sweep, 0, run_sweep, swept);
}

/* The part. */

static const struct media_object_ops ops = {
    .presign_put = presign_put, .read_url = read_url, .source = source, .start = start, .loop = loop_of};

static enum qn_status take_key(struct media_object_folder *self, struct qn_error *err)
{
    const struct media_settings *set = self->settings;
    if (set->access_key_id[0] != '\0') {
        snprintf(self->access_key_id, sizeof self->access_key_id, "%s", set->access_key_id);
        snprintf(self->secret, sizeof self->secret, "%s", set->secret);
    } else {
        QN_TRY(media_object_secret_load(set->folder, self->access_key_id, self->secret, err));
    }
    self->key = (struct media_sigv4_key){.access_key_id = qn_str_c(self->access_key_id),
                                         .secret = qn_str_c(self->secret),
                                         .region = QN_STR("auto"),
                                         .service = QN_STR("s3")};
    return QN_OK;
}

enum qn_status media_object_folder_open(struct qn_part *part, struct qn_loop *loop, struct qn_error *err)
{
    struct media_object_folder *self = container_of(part, struct media_object_folder, part);
    QN_TRY(media_object_file_place(self->settings->folder, &self->place, err));
    enum qn_status status = take_key(self, err);
    struct qn_lane_options options = {.name = "objects", .threads = THREADS, .queue_max = QUEUE_MAX};
    if (status == QN_OK) {
        status = qn_lane_open(loop, &options, &self->lane);
        if (status != QN_OK)
            qn_error_set(err, status, "no threads for the object folder: %s", qn_status_name(status));
    }
    if (status != QN_OK) {
        media_object_file_leave(&self->place);
        return status;
    }
    self->loop = loop;
    self->store.ops = &ops;
    qn_timer_start(loop, &self->sweep_timer, 0, on_sweep_timer);
    qn_log(NULL, QN_INFO, "pictures lie in a folder of this machine; for one machine only",
           QN_F_C("folder", self->settings->folder));
    return QN_OK;
}

bool media_object_folder_ready(struct qn_part *part, struct qn_buf *detail)
{
    struct media_object_folder *self = container_of(part, struct media_object_folder, part);
    qn_buf_printf(detail, "folder %s, of this machine only", self->settings->folder);
    return true;
}

static void lane_closed(void *context)
{
    struct media_object_folder *self = context;
    self->lane = NULL;
    media_object_file_leave(&self->place);
    self->closed(&self->part);
}

void media_object_folder_close(struct qn_part *part, void (*done)(struct qn_part *part))
{
    struct media_object_folder *self = container_of(part, struct media_object_folder, part);
    self->closed = done;
    qn_timer_cancel(self->loop, &self->sweep_timer);
    qn_lane_close(self->lane, lane_closed, self);
}
