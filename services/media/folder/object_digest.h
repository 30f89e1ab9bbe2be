#ifndef MEDIA_OBJECT_DIGEST_H
#define MEDIA_OBJECT_DIGEST_H

#include "common/core/status.h"
#include "common/core/str.h"

/* What the bytes of an upload hash to, and what its request said that they would: S3's checksums ("Checking
 * object integrity", AWS S3 user guide), Content-MD5 and x-amz-content-sha256. SHA-256 is always made: it is
 * the ETag too. One thread at a time. */

enum media_digest_kind {
    MEDIA_DIGEST_SHA256, /* x-amz-checksum-sha256 */
    MEDIA_DIGEST_SHA1,   /* x-amz-checksum-sha1 */
    MEDIA_DIGEST_CRC32,  /* x-amz-checksum-crc32, which the official clients send unless told otherwise */
    MEDIA_DIGEST_MD5,    /* Content-MD5 */
    MEDIA_DIGEST_KINDS
};

enum { MEDIA_DIGEST_BYTES_MAX = 32 };

/* What is expected. All zero: nothing. */
struct media_digest_claim {
    bool promised[MEDIA_DIGEST_KINDS]; /* is to be made; the value may come later, in a trailer */
    bool given[MEDIA_DIGEST_KINDS];
    uint8_t values[MEDIA_DIGEST_KINDS][MEDIA_DIGEST_BYTES_MAX];
    bool has_payload; /* x-amz-content-sha256 is a hash */
    uint8_t payload[MEDIA_DIGEST_BYTES_MAX];
};

/* The kind that a header names, in lower case; MEDIA_DIGEST_KINDS when it is none of these. */
enum media_digest_kind media_digest_of_header(struct qn_str name);

/* Its header's name. */
const char *media_digest_header(enum media_digest_kind kind);

/* Takes a value as its header says it, in base64. False: it is none, or not as long as the kind's hash. */
bool media_digest_expect(struct media_digest_claim *claim, enum media_digest_kind kind, struct qn_str base64);

struct evp_md_ctx_st; /* OpenSSL's EVP_MD_CTX, whose headers stay in one file */

struct media_digest {
    struct evp_md_ctx_st *hashes[MEDIA_DIGEST_KINDS]; /* NULL: not wanted, or no hash of OpenSSL's */
    bool has_crc32;
    uint32_t crc32;
};

/* Makes those that are promised. False without memory; nothing is left then. */
bool media_digest_init(struct media_digest *digest, const struct media_digest_claim *claim);
void media_digest_fini(struct media_digest *digest);
QN_MUST_USE enum qn_status media_digest_update(struct media_digest *digest, struct qn_str bytes);

/* Ends them and compares. QN_FAILED_PRECONDITION: x-amz-content-sha256 is of other bytes; QN_DATA_LOSS:
 * another value is, or was promised and never came. 'ret_sha256' is set in every case but QN_INTERNAL. */
QN_MUST_USE enum qn_status media_digest_final(struct media_digest *digest,
                                              const struct media_digest_claim *claim,
                                              uint8_t ret_sha256[MEDIA_DIGEST_BYTES_MAX]);

#endif
