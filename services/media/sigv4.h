#ifndef MEDIA_SIGV4_H
#define MEDIA_SIGV4_H

#include "common/core/buf.h"
#include "common/core/status.h"
#include "common/core/str.h"

/* AWS Signature Version 4 as S3 takes it, in a URL's query or in a header ("Authenticating Requests: Using
 * Query Parameters" and "… Using the Authorization Header", AWS S3 API reference): made here, and checked in
 * sigv4_verify.h for the store that we serve ourselves. Pure functions; any thread.
 *
 * What is signed: method, path, every parameter, the host and the headers named. Of the body nothing in a
 * URL, which is why an upload's signs content-length and content-type; in a header its hash, if wanted. */

enum {
    MEDIA_SIGV4_HEADERS_MAX = 16, /* signed, the host included */
    MEDIA_SIGV4_PARAMS_MAX = 32,  /* of a query */
    MEDIA_SIGV4_QUERY_MAX = 4096, /* bytes of a query */
    MEDIA_SIGV4_PATH_MAX =
        3200, /* bytes of an encoded path: S3's 1,024-byte key, each byte escaped, and a bucket */
    MEDIA_SIGV4_EXPIRES_MAX = 604800,         /* seconds: seven days, S3's bound */
    MEDIA_SIGV4_SKEW_MAX_MS = 15 * 60 * 1000, /* of two clocks: S3's bound */
    MEDIA_SIGV4_DATE_ROOM = 17,               /* "20261123T041556Z" and a NUL */
};

/* Stands for the body whose hash is not signed. */
#define MEDIA_SIGV4_UNSIGNED "UNSIGNED-PAYLOAD"

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

/* For a request with an Authorization header: appends to 'target' the encoded path and, if there are
 * parameters, '?' and the query, as the request line must spell them; and to 'authorization' the header's
 * value. 'payload': the body's SHA-256 as 64 lower-case hex digits, or MEDIA_SIGV4_UNSIGNED. The request must
 * be sent, within MEDIA_SIGV4_SKEW_MAX_MS, with the headers given, the same host, and two that are signed
 * beside them: x-amz-content-sha256 ('payload') and x-amz-date ('ret_date'). Statuses as above. */
QN_MUST_USE enum qn_status media_sigv4_authorize(const struct media_sigv4_key *key,
                                                 const struct media_sigv4_request *request,
                                                 struct qn_str payload, int64_t now_ms,
                                                 char ret_date[MEDIA_SIGV4_DATE_ROOM], struct qn_buf *target,
                                                 struct qn_buf *authorization);

/* The key that signs on 'date' ("20261123"), derived from the secret; here so that it can be held against
 * AWS's own example. */
void media_sigv4_signing_key(const struct media_sigv4_key *key, struct qn_str date, uint8_t ret_key[32]);

#endif
