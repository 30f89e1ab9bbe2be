#ifndef MEDIA_S3_URL_H
#define MEDIA_S3_URL_H

#include "services/media/object.h"
#include "services/media/settings.h"

/* The URLs that browsers and next/image are given for a bucket. Pure functions of it and the time. Statuses
 * as media_object_presign_put() and media_object_read_url() say. */

/* Signed for the bucket's own endpoint, path style, whatever domain pictures are read from: R2 takes no
 * signature on a custom domain. Content-Length and Content-Type are signed; the SHA-256 too if it was given;
 * and If-None-Match: * where the store heeds it, so that the URL works once. */
QN_MUST_USE enum qn_status media_s3_url_put(const struct media_bucket *bucket,
                                            const struct media_object_put *put, int64_t now_ms,
                                            struct qn_buf *to, struct media_object_put_headers *ret_headers);

/* With a public domain: https://DOMAIN/key, for ever. Without one a signed URL whose time is rounded down to
 * a window of MEDIA_OBJECT_READ_WINDOW_MS and that holds for two of them: a new signature at each render
 * would defeat every cache. Where a window begins differs from key to key, so that a page's pictures do not
 * all change their URLs, and leave the caches, in the same second. */
QN_MUST_USE enum qn_status media_s3_url_read(const struct media_bucket *bucket, struct qn_str key,
                                             int64_t now_ms, struct qn_buf *to);

void media_s3_url_source(const struct media_bucket *bucket, struct media_object_source *ret_source);

#endif
