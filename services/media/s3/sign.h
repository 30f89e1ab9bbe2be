#ifndef MEDIA_S3_SIGN_H
#define MEDIA_S3_SIGN_H

#include "common/core/arena.h"
#include "services/media/s3/transfer.h"
#include "services/media/settings.h"
#include "services/media/sigv4.h"

/* One request of ours to the bucket, path style, signed in an Authorization header: of a signed URL R2
 * promises GET, HEAD, PUT and DELETE of objects alone, no listing and no CORS; and a URL that is good for
 * anybody would stand in every proxy's log. The body's SHA-256 is signed too, so the store takes no other
 * bytes. */

enum { MEDIA_S3_QUESTION_HEADERS_MAX = 6, MEDIA_S3_QUERY_MAX = 8 };

struct media_s3_question {
    const char *method;
    struct qn_str key; /* empty: the bucket itself */
    struct media_sigv4_pair query[MEDIA_S3_QUERY_MAX];
    size_t n_query;
    struct media_sigv4_pair headers[MEDIA_S3_QUESTION_HEADERS_MAX]; /* names in lower case */
    size_t n_headers;
    struct qn_str body; /* ptr NULL: none */
};

/* The key that signs, as sigv4.h wants it; views are the bucket's. */
struct media_sigv4_key media_s3_sign_key(const struct media_bucket *bucket);

/* Sets method, url, headers and body of 'to'; what is made lies in 'arena'. QN_RESOURCE_EXHAUSTED: the arena
 * is full. QN_INVALID_ARGUMENT: as media_sigv4_authorize(). */
QN_MUST_USE enum qn_status media_s3_sign(const struct media_bucket *bucket,
                                         const struct media_s3_question *question, int64_t now_ms,
                                         struct qn_arena *arena, struct media_s3_transfer *to);

#endif
