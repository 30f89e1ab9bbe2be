#include "services/media/folder/object_digest.h"

#include <openssl/evp.h>

#include "common/core/encode.h"

static const struct kind {
    const char *header;
    size_t bytes;
    const EVP_MD *(*hash)(void); /* NULL: CRC-32 */
} kinds[MEDIA_DIGEST_KINDS] = {
    [MEDIA_DIGEST_SHA256] = {"x-amz-checksum-sha256", 32, EVP_sha256},
    [MEDIA_DIGEST_SHA1] = {"x-amz-checksum-sha1", 20, EVP_sha1},
    [MEDIA_DIGEST_CRC32] = {"x-amz-checksum-crc32", 4, NULL},
    [MEDIA_DIGEST_MD5] = {"content-md5", 16, EVP_md5},
};

/* CRC-32 as of IEEE 802.3 and zlib: the reflected polynomial, eight bits at a time. */
static uint32_t crc_of(uint32_t crc, struct qn_str bytes)
{
    static const uint32_t nibbles[16] = {
        0x00000000, 0x1db71064, 0x3b6e20c8, 0x26d930ac, 0x76dc4190, 0x6b6b51f4, 0x4db26158, 0x5005713c,
        0xedb88320, 0xf00f9344, 0xd6d6a3e8, 0xcb61b38c, 0x9b64c2b0, 0x86d3d2d4, 0xa00ae278, 0xbdbdf21c,
    };
    crc = ~crc;
    for (size_t i = 0; i < bytes.len; i++) {
        crc ^= (uint8_t)bytes.ptr[i];
        crc = crc >> 4 ^ nibbles[crc & 15];
        crc = crc >> 4 ^ nibbles[crc & 15];
    }
    return ~crc;
}

enum media_digest_kind media_digest_of_header(struct qn_str name)
{
    enum media_digest_kind kind = 0;
    while (kind < MEDIA_DIGEST_KINDS && !qn_str_eq(name, qn_str_c(kinds[kind].header)))
        kind++;
    return kind;
}

const char *media_digest_header(enum media_digest_kind kind)
{
    return kinds[kind].header;
}

bool media_digest_expect(struct media_digest_claim *claim, enum media_digest_kind kind, struct qn_str base64)
{
    uint8_t value[MEDIA_DIGEST_BYTES_MAX + 3];
    size_t len;
    base64 = qn_str_trim(base64);
    if (base64.len != (kinds[kind].bytes + 2) / 3 * 4 || !qn_base64_decode(base64, value, &len) ||
        len != kinds[kind].bytes)
        return false;
    claim->promised[kind] = claim->given[kind] = true;
    memcpy(claim->values[kind], value, len);
    return true;
}

bool media_digest_init(struct media_digest *digest, const struct media_digest_claim *claim)
{
    *digest = (struct media_digest){.has_crc32 = claim->promised[MEDIA_DIGEST_CRC32]};
    for (size_t i = 0; i < MEDIA_DIGEST_KINDS; i++) {
        if (!kinds[i].hash || !(claim->promised[i] || i == MEDIA_DIGEST_SHA256))
            continue;
        digest->hashes[i] = EVP_MD_CTX_new();
        if (!digest->hashes[i] || EVP_DigestInit_ex(digest->hashes[i], kinds[i].hash(), NULL) != 1) {
            media_digest_fini(digest);
            return false;
        }
    }
    return true;
}

void media_digest_fini(struct media_digest *digest)
{
    for (size_t i = 0; i < MEDIA_DIGEST_KINDS; i++) {
        EVP_MD_CTX_free(digest->hashes[i]);
        digest->hashes[i] = NULL;
    }
}

enum qn_status media_digest_update(struct media_digest *digest, struct qn_str bytes)
{
    for (size_t i = 0; i < MEDIA_DIGEST_KINDS; i++) {
        if (digest->hashes[i] && EVP_DigestUpdate(digest->hashes[i], bytes.ptr, bytes.len) != 1)
            return QN_INTERNAL;
    }
    if (digest->has_crc32)
        digest->crc32 = crc_of(digest->crc32, bytes);
    return QN_OK;
}

enum qn_status media_digest_final(struct media_digest *digest, const struct media_digest_claim *claim,
                                  uint8_t ret_sha256[MEDIA_DIGEST_BYTES_MAX])
{
    enum qn_status status = QN_OK;
    for (size_t i = 0; i < MEDIA_DIGEST_KINDS; i++) {
        uint8_t value[EVP_MAX_MD_SIZE] = {(uint8_t)(digest->crc32 >> 24), (uint8_t)(digest->crc32 >> 16),
                                          (uint8_t)(digest->crc32 >> 8), (uint8_t)digest->crc32};
        if (digest->hashes[i] && EVP_DigestFinal_ex(digest->hashes[i], value, NULL) != 1)
            return QN_INTERNAL;
        if (i == MEDIA_DIGEST_SHA256)
            memcpy(ret_sha256, value, MEDIA_DIGEST_BYTES_MAX);
        if (claim->promised[i] && (!claim->given[i] || memcmp(value, claim->values[i], kinds[i].bytes) != 0))
            status = QN_DATA_LOSS;
    }
    if (claim->has_payload && memcmp(ret_sha256, claim->payload, MEDIA_DIGEST_BYTES_MAX) != 0)
        return QN_FAILED_PRECONDITION;
    return status;
}
