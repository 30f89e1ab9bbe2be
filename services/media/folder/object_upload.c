#include "services/media/folder/object_upload.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "common/core/check.h"
#include "common/core/clock.h"
#include "common/core/encode.h"
#include "common/core/log.h"

/* The way of an upload. At most one job of it is on the lane:
 *
 *   new → write … write → finish → last job: the rest written, head, fsync, link → done
 *           └ job ┘ a job writes what has gathered; while it runs the next pieces gather
 *
 *   A job fails: it discards the file in the making; later pieces are refused; finish tells.
 *   Abandoned, or failed on the loop (too long, too short, no room): the job that runs is let end, and one
 *   more discards the file; the loop does it when the lane refuses that job. */

struct media_upload {
    struct qn_work work;
    struct qn_later later;
    struct media_object_folder *folder;

    struct qn_buf gathering; /* the loop's */
    uint64_t received;
    enum qn_status status; /* QN_OK while all is well */
    bool running, finishing, abandoned;
    struct media_digest_claim claim; /* a job reads it, the last one, after finish */
    void (*done)(void *context, enum qn_status status, const char *etag);
    void *done_context;

    /* The job's while it runs. */
    struct qn_buf writing;
    bool last, discard;
    int fd; /* -1: no file yet */
    struct media_digest digest;
    struct media_object_info info;
    enum media_object_file_key how;
    enum qn_status job_status;
    struct qn_error err;
    char name[MEDIA_OBJECT_FILE_TEMP_MAX];
    char key[MEDIA_OBJECT_KEY_MAX + 1];
};

static struct qn_metric metric_buffered = {.name = "quintet_media_upload_buffered_bytes",
                                           .help = "Bytes of uploads that wait for the disk.",
                                           .kind = QN_GAUGE};

static void count_buffered(struct media_object_folder *folder)
{
    qn_metric_set(qn_metric_series(&metric_buffered, NULL, NULL, NULL), (double)folder->buffered_bytes);
}

struct media_upload *media_upload_new(struct media_object_folder *folder,
                                      const struct media_upload_options *options)
{
    struct media_upload *upload = calloc(1, sizeof *upload);
    if (upload && options->digests)
        upload->claim = *options->digests;
    if (!upload || !media_digest_init(&upload->digest, &upload->claim)) {
        free(upload);
        return NULL;
    }
    struct media_object_info *info = &upload->info;
    upload->folder = folder;
    upload->fd = -1;
    upload->how = options->how;
    info->size_bytes = options->size_bytes;
    snprintf(info->content_type, sizeof info->content_type, "%.*s", QN_STR_ARG(options->content_type));
    snprintf(info->cache_control, sizeof info->cache_control, "%.*s", QN_STR_ARG(options->cache_control));
    snprintf(upload->key, sizeof upload->key, "%.*s", QN_STR_ARG(options->key));
    qn_buf_init(&upload->gathering, MEDIA_OBJECT_UPLOAD_BUFFER_MAX);
    qn_buf_init(&upload->writing, MEDIA_OBJECT_UPLOAD_BUFFER_MAX);
    return upload;
}

static void upload_free(struct media_upload *upload)
{
    if (upload->fd >= 0)
        close(upload->fd);
    media_digest_fini(&upload->digest);
    qn_buf_fini(&upload->gathering);
    qn_buf_fini(&upload->writing);
    free(upload);
}

/* On a thread of the lane. */

static enum qn_status publish(struct media_upload *upload)
{
    uint8_t sha256[MEDIA_DIGEST_BYTES_MAX];
    enum qn_status status = media_digest_final(&upload->digest, &upload->claim, sha256);
    if (status != QN_OK) /* the caller discards the file */
        return qn_error_set(&upload->err, status, "the bytes have another hash than was announced");
    qn_hex_encode(upload->info.etag, sha256, sizeof sha256);
    status = media_object_file_publish(&upload->folder->place, upload->name, upload->fd, upload->key,
                                       upload->how, &upload->info, &upload->err);
    upload->name[0] = '\0'; /* gone, whatever came of it */
    return status;
}

static enum qn_status write_gathered(struct media_upload *upload)
{
    if (upload->fd < 0)
        QN_TRY(media_object_file_create(&upload->folder->place, upload->name, &upload->fd, &upload->err));
    QN_TRY(media_object_file_append(upload->fd, qn_buf_view(&upload->writing), &upload->err));
    if (media_digest_update(&upload->digest, qn_buf_view(&upload->writing)) != QN_OK)
        return qn_error_set(&upload->err, QN_INTERNAL, "a hash failed");
    return upload->last ? publish(upload) : QN_OK;
}

static void run(struct qn_work *work)
{
    struct media_upload *upload = container_of(work, struct media_upload, work);
    upload->job_status = upload->discard ? QN_CANCELLED : write_gathered(upload);
    if (upload->job_status != QN_OK && upload->name[0] != '\0') {
        media_object_file_discard(&upload->folder->place, upload->name);
        upload->name[0] = '\0';
    }
}

/* On the loop. */

static void go_on(struct media_upload *upload);

static void release(struct media_upload *upload, struct qn_buf *buf)
{
    upload->folder->buffered_bytes -= buf->len;
    count_buffered(upload->folder);
    qn_buf_fini(buf);
}

static void fail(struct media_upload *upload, enum qn_status status)
{
    if (upload->status == QN_OK)
        upload->status = status;
    release(upload, &upload->gathering);
}

static void ran(struct qn_work *work, enum qn_status status)
{
    struct media_upload *upload = container_of(work, struct media_upload, work);
    upload->running = false;
    release(upload, &upload->writing);
    if (status != QN_OK) /* the lane is full, late or being closed: 'run' never began */
        fail(upload, QN_UNAVAILABLE);
    if (status != QN_OK && upload->discard) { /* rarely, and a moment: so it is done here */
        media_object_file_discard(&upload->folder->place, upload->name);
        upload->name[0] = '\0';
    }
    if (status == QN_OK && upload->job_status != QN_OK)
        fail(upload, upload->job_status);
    if (status == QN_OK && (upload->job_status == QN_INTERNAL || upload->job_status == QN_RESOURCE_EXHAUSTED))
        media_object_folder_warn(upload->folder, "upload failed", upload->job_status, upload->key,
                                 &upload->err);
    go_on(upload);
}

static void start_job(struct media_upload *upload, bool last, bool discard)
{
    struct qn_buf empty = upload->writing;
    upload->writing = upload->gathering;
    upload->gathering = empty;
    upload->last = last;
    upload->discard = discard;
    upload->running = true;
    qn_work_start(upload->folder->lane, &upload->work, qn_clock_now_ms() + MEDIA_OBJECT_FOLDER_PATIENCE_MS,
                  run, ran);
}

static void deliver(struct media_upload *upload)
{
    upload->done(upload->done_context, upload->status, upload->info.etag);
    upload_free(upload);
}

static void deliver_later(struct qn_later *later)
{
    deliver(container_of(later, struct media_upload, later));
}

/* Whatever is next, while no job runs. */
static void go_on(struct media_upload *upload)
{
    bool over = upload->abandoned || (upload->finishing && upload->status != QN_OK);
    if (over && upload->name[0] != '\0' && !upload->discard)
        start_job(upload, false, true);
    else if (upload->abandoned)
        upload_free(upload);
    else if (over || upload->last)
        deliver(upload);
    else if (upload->finishing)
        start_job(upload, true, false);
    else if (upload->status == QN_OK && upload->gathering.len > 0)
        start_job(upload, false, false);
}

bool media_upload_write(struct media_upload *upload, struct qn_str piece)
{
    struct media_object_folder *folder = upload->folder;
    if (upload->status != QN_OK)
        return false;
    upload->received += piece.len;
    if (upload->received > upload->info.size_bytes) {
        fail(upload, QN_INVALID_ARGUMENT);
        return false;
    }
    if (piece.len > MEDIA_OBJECT_UPLOAD_BUFFER_MAX - folder->buffered_bytes ||
        qn_buf_write_str(&upload->gathering, piece) != QN_OK) {
        fail(upload, QN_UNAVAILABLE);
        return false;
    }
    folder->buffered_bytes += piece.len;
    count_buffered(folder);
    if (!upload->running)
        go_on(upload);
    return true;
}

bool media_upload_expect(struct media_upload *upload, enum media_digest_kind kind, struct qn_str base64)
{
    QN_CHECK(!upload->finishing);
    return media_digest_expect(&upload->claim, kind, base64);
}

void media_upload_finish(struct media_upload *upload,
                         void (*done)(void *context, enum qn_status status, const char *etag), void *context)
{
    QN_CHECK(!upload->finishing && !upload->abandoned);
    upload->finishing = true;
    upload->done = done;
    upload->done_context = context;
    if (upload->status == QN_OK && upload->received != upload->info.size_bytes)
        fail(upload, QN_INVALID_ARGUMENT);
    if (upload->running)
        return;
    if (upload->status == QN_OK || upload->name[0] != '\0')
        go_on(upload);
    else
        qn_later_start(upload->folder->loop, &upload->later, deliver_later);
}

void media_upload_abandon(struct media_upload *upload)
{
    QN_CHECK(!upload->finishing && !upload->abandoned);
    upload->abandoned = true;
    release(upload, &upload->gathering);
    if (!upload->running)
        go_on(upload);
}
