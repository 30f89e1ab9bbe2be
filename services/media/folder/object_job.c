#include "services/media/folder/object_job.h"

#include <openssl/sha.h>
#include <stdio.h>
#include <unistd.h>

#include "common/core/check.h"
#include "common/core/encode.h"

struct job {
    struct qn_work work;
    struct media_object_folder *folder;
    struct media_object_request *request;
    char *bytes; /* room of MEDIA_OBJECT_READ_MAX, for a read */
    enum qn_status status;
    struct qn_error err;
};

/* On a thread of the lane. */

/* 'want' bytes of the object from 'offset': they are there, for its file never changes. */
static enum qn_status read_bytes(struct job *job, int fd, char *to, size_t want, uint64_t offset)
{
    size_t got = 0;
    while (got < want) {
        ssize_t n = pread(fd, to + got, want - got, (off_t)(MEDIA_OBJECT_FILE_HEAD_BYTES + offset + got));
        if (n <= 0)
            return qn_error_set(&job->err, QN_DATA_LOSS, "%s cannot be read", job->request->key);
        got += (size_t)n;
    }
    return QN_OK;
}

static enum qn_status read_range(struct job *job, int fd)
{
    struct media_object_request *request = job->request;
    uint64_t size = request->info.size_bytes;
    uint64_t left = request->offset < size ? size - request->offset : 0;
    size_t want = left < request->length ? (size_t)left : request->length;
    QN_TRY(read_bytes(job, fd, job->bytes, want, request->offset));
    request->bytes = qn_str_n(job->bytes, want);
    return QN_OK;
}

static enum qn_status read_all(struct job *job, int fd)
{
    struct media_object_request *request = job->request;
    if (request->info.size_bytes > request->length)
        return qn_error_set(&job->err, QN_OUT_OF_RANGE, "%s is larger than was asked for", request->key);
    size_t size = (size_t)request->info.size_bytes;
    char *to = qn_buf_reserve(request->into, size);
    if (!to)
        return qn_error_set(&job->err, QN_RESOURCE_EXHAUSTED, "no memory for %s", request->key);
    QN_TRY(read_bytes(job, fd, to, size, 0));
    qn_buf_commit(request->into, size);
    request->bytes = qn_buf_view(request->into);
    return QN_OK;
}

static enum qn_status look(struct job *job)
{
    struct media_object_request *request = job->request;
    int fd;
    QN_TRY(media_object_file_open(&job->folder->place, request->key, &request->info, &fd, &job->err));
    enum qn_status status = QN_OK;
    if (request->verb == MEDIA_OBJECT_READ)
        status = read_range(job, fd);
    else if (request->verb == MEDIA_OBJECT_READ_ALL)
        status = read_all(job, fd);
    close(fd);
    return status;
}

static enum qn_status write_object(struct job *job)
{
    const struct media_object_place *place = &job->folder->place;
    const struct media_object_body *body = &job->request->body;
    struct media_object_info info = {.size_bytes = body->bytes.len};
    uint8_t digest[SHA256_DIGEST_LENGTH];
    char name[MEDIA_OBJECT_FILE_TEMP_MAX];
    int fd;
    snprintf(info.content_type, sizeof info.content_type, "%.*s", QN_STR_ARG(body->content_type));
    snprintf(info.cache_control, sizeof info.cache_control, "%.*s", QN_STR_ARG(body->cache_control));
    SHA256((const uint8_t *)body->bytes.ptr, body->bytes.len, digest);
    qn_hex_encode(info.etag, digest, sizeof digest);

    QN_TRY(media_object_file_create(place, name, &fd, &job->err));
    enum qn_status status = media_object_file_append(fd, body->bytes, &job->err);
    if (status == QN_OK)
        status = media_object_file_publish(place, name, fd, job->request->key, MEDIA_OBJECT_FILE_KEY_ANY,
                                           &info, &job->err);
    else
        media_object_file_discard(place, name);
    close(fd);
    return status;
}

static enum qn_status list(struct job *job)
{
    struct media_object_request *request = job->request;
    char prefix[MEDIA_OBJECT_KEY_MAX + 2];
    snprintf(prefix, sizeof prefix, "%s/", request->key);
    return media_object_file_list(&job->folder->place, prefix, request->after_key, request->entries,
                                  MEDIA_OBJECT_LIST_MAX, &request->n_entries, &job->err);
}

static void run(struct qn_work *work)
{
    struct job *job = container_of(work, struct job, work);
    const struct media_object_place *place = &job->folder->place;
    struct media_object_request *request = job->request;
    switch (request->verb) {
    case MEDIA_OBJECT_HEAD:
    case MEDIA_OBJECT_READ:
    case MEDIA_OBJECT_READ_ALL:
        job->status = look(job);
        break;
    case MEDIA_OBJECT_WRITE:
        job->status = write_object(job);
        break;
    case MEDIA_OBJECT_DELETE:
        job->status = media_object_file_delete(place, request->key, &job->err);
        break;
    case MEDIA_OBJECT_LIST:
        job->status = list(job);
        break;
    }
}

/* On the loop. */

static void ran(struct qn_work *work, enum qn_status status)
{
    struct job *job = container_of(work, struct job, work);
    if (status == QN_OK)
        status = job->status;
    if (status == QN_CANCELLED) /* the lane is being closed */
        status = QN_UNAVAILABLE;
    if (status != QN_OK && status != QN_NOT_FOUND && status != QN_OUT_OF_RANGE)
        media_object_folder_warn(job->folder, "object store failed", status, job->request->key, &job->err);
    job->request->done(job->request, status);
}

void media_object_job_start(struct media_object_folder *folder, struct media_object_request *request)
{
    struct job *job = qn_arena_new(request->arena, struct job);
    bool room = job != NULL;
    /* Memory is taken here: an arena is the loop's. */
    if (room && request->verb == MEDIA_OBJECT_READ)
        room = (job->bytes = qn_arena_alloc(request->arena, request->length + 1)) != NULL;
    if (room && request->verb == MEDIA_OBJECT_LIST)
        room = (request->entries =
                    qn_arena_array(request->arena, MEDIA_OBJECT_LIST_MAX, sizeof *request->entries)) != NULL;
    if (!room) {
        media_object_refuse(&folder->store, request, QN_RESOURCE_EXHAUSTED);
        return;
    }
    job->folder = folder;
    job->request = request;
    qn_work_start(folder->lane, &job->work, request->deadline_ms, run, ran);
}
