#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/sha.h>
#include <stdio.h>

#include "common/core/check.h"
#include "common/core/encode.h"
#include "services/media/sigv4_private.h"

/* One way for both directions ("Create a signed AWS API request", AWS IAM user guide):
 *
 *   canonical request = method, path, query, headers, their names, what stands for the body, a line each
 *   string to sign    = algorithm, time, scope, SHA-256 of the canonical request
 *   signing key       = HMAC(HMAC(HMAC(HMAC("AWS4" secret, date), region), service), "aws4_request")
 *   signature         = HMAC(signing key, string to sign)
 *
 * S3's own rules: the path is escaped once (elsewhere twice), and it is never normalized. */

static void hmac(const void *key, size_t key_len, struct qn_str text, uint8_t ret_mac[MEDIA_SIGV4_HASH_BYTES])
{
    unsigned len = 0;
    const uint8_t *mac =
        HMAC(EVP_sha256(), key, (int)key_len, (const uint8_t *)text.ptr, text.len, ret_mac, &len);
    /* It fails when memory or the crypto library's own set-up does; no request can make it. */
    QN_CHECK(mac != NULL && len == MEDIA_SIGV4_HASH_BYTES);
}

void media_sigv4_signing_key(const struct media_sigv4_key *key, struct qn_str date, uint8_t ret_key[32])
{
    char seed[4 + MEDIA_SIGV4_SECRET_MAX];
    size_t secret_len = key->secret.len < MEDIA_SIGV4_SECRET_MAX ? key->secret.len : MEDIA_SIGV4_SECRET_MAX;
    static const char prefix[] = {'A', 'W', 'S', '4'};
    memcpy(seed, prefix, sizeof prefix);
    memcpy(seed + sizeof prefix, key->secret.ptr, secret_len);
    hmac(seed, sizeof prefix + secret_len, date, ret_key);
    hmac(ret_key, MEDIA_SIGV4_HASH_BYTES, key->region, ret_key);
    hmac(ret_key, MEDIA_SIGV4_HASH_BYTES, key->service, ret_key);
    hmac(ret_key, MEDIA_SIGV4_HASH_BYTES, QN_STR("aws4_request"), ret_key);
    OPENSSL_cleanse(seed, sizeof seed);
}

void media_sigv4_write_line(struct qn_buf *to, struct qn_str text)
{
    qn_buf_write_str(to, text);
    qn_buf_write_byte(to, '\n');
}

static bool is_blank(char c)
{
    return c == ' ' || c == '\t';
}

/* "name:value": the value without blanks at its ends, and with runs of blanks inside as one. AWS's text says
 * spaces; its clients take tabs for the same. */
void media_sigv4_write_header(struct qn_buf *to, struct qn_str name, struct qn_str value)
{
    qn_buf_write_str(to, name);
    qn_buf_write_byte(to, ':');
    value = qn_str_trim(value);
    for (size_t i = 0; i < value.len; i++) {
        bool blank = is_blank(value.ptr[i]); /* never the first: the value was trimmed */
        if (blank && is_blank(value.ptr[i - 1]))
            continue;
        qn_buf_write_byte(to, blank ? ' ' : value.ptr[i]);
    }
    qn_buf_write_byte(to, '\n');
}

void media_sigv4_write_query(struct qn_buf *to, const struct media_sigv4_pair *params, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        if (i > 0)
            qn_buf_write_byte(to, '&');
        qn_buf_write_str(to, params[i].name);
        qn_buf_write_byte(to, '=');
        qn_buf_write_str(to, params[i].value);
    }
}

static int compare_str(struct qn_str a, struct qn_str b)
{
    size_t shorter = a.len < b.len ? a.len : b.len;
    int order = shorter ? memcmp(a.ptr, b.ptr, shorter) : 0;
    return order ? order : (a.len > b.len) - (a.len < b.len);
}

int media_sigv4_compare_pairs(const void *a, const void *b)
{
    const struct media_sigv4_pair *left = a, *right = b;
    int by_name = compare_str(left->name, right->name);
    return by_name ? by_name : compare_str(left->value, right->value);
}

/* The string to sign and from it the signature. 'canonical' is whole. */
void media_sigv4_sign(const struct media_sigv4_key *key, struct qn_str timestamp, struct qn_str canonical,
                      char ret_hex[2 * MEDIA_SIGV4_HASH_BYTES + 1])
{
    uint8_t hash[MEDIA_SIGV4_HASH_BYTES], signing_key[MEDIA_SIGV4_HASH_BYTES];
    char hash_hex[2 * MEDIA_SIGV4_HASH_BYTES + 1];
    struct qn_str date = qn_str_n(timestamp.ptr, MEDIA_SIGV4_DATE_LEN);
    SHA256((const uint8_t *)canonical.ptr, canonical.len, hash);
    qn_hex_encode(hash_hex, hash, sizeof hash);

    char text[sizeof MEDIA_SIGV4_ALGORITHM + MEDIA_SIGV4_TIMESTAMP_LEN + MEDIA_SIGV4_DATE_LEN +
              2 * MEDIA_SIGV4_SCOPE_PART_MAX + 2 * MEDIA_SIGV4_HASH_BYTES + 32];
    int len = snprintf(text, sizeof text, MEDIA_SIGV4_ALGORITHM "\n%.*s\n%.*s/%.*s/%.*s/aws4_request\n%s",
                       QN_STR_ARG(timestamp), QN_STR_ARG(date), QN_STR_ARG(key->region),
                       QN_STR_ARG(key->service), hash_hex);
    QN_CHECK(len > 0 &&
             (size_t)len < sizeof text); /* the parts were measured by media_sigv4_key_is_usable() */

    media_sigv4_signing_key(key, date, signing_key);
    hmac(signing_key, sizeof signing_key, qn_str_n(text, (size_t)len), hash);
    qn_hex_encode(ret_hex, hash, sizeof hash);
    OPENSSL_cleanse(signing_key, sizeof signing_key);
}

/* Ours, from the settings; but a setting may be anything. */
bool media_sigv4_key_is_usable(const struct media_sigv4_key *key)
{
    return key->access_key_id.len > 0 && key->access_key_id.len <= MEDIA_SIGV4_SCOPE_PART_MAX &&
           key->secret.len > 0 && key->secret.len <= MEDIA_SIGV4_SECRET_MAX &&
           key->region.len <= MEDIA_SIGV4_SCOPE_PART_MAX && key->service.len <= MEDIA_SIGV4_SCOPE_PART_MAX;
}
