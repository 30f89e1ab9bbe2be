#ifndef MEDIA_SIGV4_H
#define MEDIA_SIGV4_H

#include "common/core/buf.h"
#include "common/core/status.h"
#include "common/core/str.h"

/* AWS Signature Version 4 in a URL's query, as S3 takes it ("Authenticating Requests: Using Query
 * Parameters", AWS S3 API reference): made here, and checked in sigv4_verify.h for the store that we serve
 * ourselves. Pure functions; any thread.
 *
 * What is signed: method, path, every parameter, the host and the headers named; not the body (its hash is
 * "UNSIGNED-PAYLOAD"), which is why an upload's URL signs content-length and content-type. */

enum {
    MEDIA_SIGV4_HEADERS_MAX = 16, /* signed, the host included */
    MEDIA_SIGV4_PARAMS_MAX = 32,  /* of a query */
    MEDIA_SIGV4_QUERY_MAX = 4096, /* bytes of a query */
    MEDIA_SIGV4_PATH_MAX =
        3200, /* bytes of an encoded path: S3's 1,024-byte key, each byte escaped, and a bucket */
    MEDIA_SIGV4_EXPIRES_MAX = 604800,         /* seconds: seven days, S3's bound */
    MEDIA_SIGV4_SKEW_MAX_MS = 15 * 60 * 1000, /* of two clocks: S3's bound */
};

struct media_sigv4_key {
    struct qn_str access_key_id;
    struct qn_str secret;
    struct qn_str region;  /* "auto" */
    struct qn_str service; /* "s3" */
};

/* A header, or a parameter not yet encoded. */
struct media_sigv4_pair {
    struct qn_str name, value;
};

struct media_sigv4_request {
    struct qn_str method; /* "PUT" */
    struct qn_str host;   /* as the Host header will say it: with the port unless it is the scheme's own */
    struct qn_str path; /* not encoded, begins with '/'; taken as it is: "//" and ".." stand for themselves */
    const struct media_sigv4_pair *headers; /* signed beside the host; names in lower case */
    size_t n_headers;
    const struct media_sigv4_pair *query; /* parameters beside X-Amz-…; may be NULL */
    size_t n_query;
};

/* Appends the encoded path, '?' and the signed query: what follows "https://" and the host in the URL.
 * QN_INVALID_ARGUMENT: more headers or parameters than said above, a time past the year 9999, an expiry of 0
 * or over the bound. QN_RESOURCE_EXHAUSTED: over the ceiling of 'to' (which is then failed) or over the
 * bounds above. */
QN_MUST_USE enum qn_status media_sigv4_presign(const struct media_sigv4_key *key,
                                               const struct media_sigv4_request *request, int64_t now_ms,
                                               uint32_t expires_s, struct qn_buf *to);

/* The key that signs on 'date' ("20261123"), derived from the secret; here so that it can be held against
 * AWS's own example. */
void media_sigv4_signing_key(const struct media_sigv4_key *key, struct qn_str date, uint8_t ret_key[32]);

#endif
