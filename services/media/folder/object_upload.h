#ifndef MEDIA_OBJECT_UPLOAD_H
#define MEDIA_OBJECT_UPLOAD_H

#include "services/media/folder/object_digest.h"
#include "services/media/folder/object_folder.h"

/* One object on its way from a socket to the disk: pieces are gathered on the loop while the lane writes
 * those before them into a file in the making. What waits for the disk is bounded, of one upload by its size
 * and of all together by MEDIA_OBJECT_UPLOAD_BUFFER_MAX. All on the loop's thread. */
struct media_upload;

enum { MEDIA_OBJECT_UPLOAD_BUFFER_MAX = 64 * 1024 * 1024 };

struct media_upload_options {
    struct qn_str key;           /* safe */
    struct qn_str content_type;  /* without control characters, at most MEDIA_OBJECT_TYPE_MAX bytes */
    struct qn_str cache_control; /* likewise, MEDIA_OBJECT_CACHE_MAX */
    uint64_t size_bytes;
    enum media_object_file_key how;
    const struct media_digest_claim *digests; /* NULL: none */
};

/* Begins; nothing touches the disk yet. NULL without memory. It ends with media_upload_finish() or
 * media_upload_abandon(). */
struct media_upload *media_upload_new(struct media_object_folder *folder,
                                      const struct media_upload_options *options);

/* A value that was promised, now that it has come. Any time before media_upload_finish(). False: see
 * media_digest_expect(). */
bool media_upload_expect(struct media_upload *upload, enum media_digest_kind kind, struct qn_str base64);

/* Takes a copy of the next piece. False: more than announced, or it has failed (media_upload_finish() then
 * says why); nothing more is wanted. */
bool media_upload_write(struct media_upload *upload, struct qn_str piece);

/* All of it came. 'done' runs once, on the loop, not before this returns; then the upload is gone.
 * QN_OK: the object is on the disk, 'etag' is its own. In all other cases nothing is left behind.
 * QN_ALREADY_EXISTS: the key was taken. QN_INVALID_ARGUMENT: fewer or more bytes than announced.
 * QN_FAILED_PRECONDITION, QN_DATA_LOSS: other bytes than announced (media_digest_final()).
 * QN_RESOURCE_EXHAUSTED: the disk is full. QN_UNAVAILABLE: too much waits for the disk already.
 * QN_INTERNAL. */
void media_upload_finish(struct media_upload *upload,
                         void (*done)(void *context, enum qn_status status, const char *etag), void *context);

/* Nobody wants it any more: leaves nothing behind, as soon as the disk lets go. */
void media_upload_abandon(struct media_upload *upload);

#endif
