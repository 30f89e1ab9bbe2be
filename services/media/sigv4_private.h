#ifndef MEDIA_SIGV4_PRIVATE_H
#define MEDIA_SIGV4_PRIVATE_H

#include "services/media/sigv4.h"

/* What signing and checking have in common; for sigv4*.c and their tests alone. */

#define MEDIA_SIGV4_ALGORITHM "AWS4-HMAC-SHA256"

enum {
    MEDIA_SIGV4_HASH_BYTES = 32,
    MEDIA_SIGV4_TIMESTAMP_LEN = 16,  /* "20261123T041556Z" */
    MEDIA_SIGV4_DATE_LEN = 8,        /* "20261123" */
    MEDIA_SIGV4_SCOPE_PART_MAX = 64, /* bytes of an access key id, a region, a service */
    MEDIA_SIGV4_SECRET_MAX = 256,
    MEDIA_SIGV4_HEADER_NAME_MAX = 64,
    MEDIA_SIGV4_CANONICAL_MAX = 64 * 1024, /* path, query and signed headers: over httpd's bound for a head */
};

/* Lines of the canonical request. The buffer tells of failure. */
void media_sigv4_write_line(struct qn_buf *to, struct qn_str text);
void media_sigv4_write_query(struct qn_buf *to, const struct media_sigv4_pair *params, size_t n);
void media_sigv4_write_header(struct qn_buf *to, struct qn_str name, struct qn_str value);

/* For qsort: by name, then by value, byte by byte. */
int media_sigv4_compare_pairs(const void *a, const void *b);

/* Whether a key's parts are there and within the bounds above. */
bool media_sigv4_key_is_usable(const struct media_sigv4_key *key);

/* The signature of a whole canonical request. Requires: a usable key, a timestamp of the length above. */
void media_sigv4_sign(const struct media_sigv4_key *key, struct qn_str timestamp, struct qn_str canonical,
                      char ret_hex[2 * MEDIA_SIGV4_HASH_BYTES + 1]);

/* media_sigv4_authorize() without what is S3's: beside the host these headers, 'own' and the request's, are
 * signed and no others; so that the examples of other services can be held against it. */
QN_MUST_USE enum qn_status media_sigv4_authorize_bare(const struct media_sigv4_key *key,
                                                      const struct media_sigv4_request *request,
                                                      const struct media_sigv4_pair *own, size_t n_own,
                                                      struct qn_str payload, const char *timestamp,
                                                      struct qn_buf *target, struct qn_buf *authorization);

#endif
