#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/sha.h>
#include <stdio.h>
#include <stdlib.h>

#include "common/core/check.h"
#include "common/core/clock.h"
#include "common/core/encode.h"
#include "services/media/sigv4_private.h"

/* One way for both directions ("Create a signed AWS API request", AWS IAM user guide):
 *
 *   canonical request = method, path, query, headers, their names, "UNSIGNED-PAYLOAD", a line each
 *   string to sign    = algorithm, time, scope, SHA-256 of the canonical request
 *   signing key       = HMAC(HMAC(HMAC(HMAC("AWS4" secret, date), region), service), "aws4_request")
 *   signature         = HMAC(signing key, string to sign)
 *
 * S3's own rules: the path is escaped once (elsewhere twice), and it is never normalized. */

/* Names and values of a query, so that with '=', '&' and the signature it is within MEDIA_SIGV4_QUERY_MAX. */
enum { ENCODED_MAX = MEDIA_SIGV4_QUERY_MAX - 256 };

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

/* "name:value": the value without blanks at its ends, and with runs of blanks inside as one. */
void media_sigv4_write_header(struct qn_buf *to, struct qn_str name, struct qn_str value)
{
    qn_buf_write_str(to, name);
    qn_buf_write_byte(to, ':');
    value = qn_str_trim(value);
    for (size_t i = 0; i < value.len; i++) {
        if (value.ptr[i] == ' ' && value.ptr[i - 1] == ' ') /* i is not 0: the value was trimmed */
            continue;
        qn_buf_write_byte(to, value.ptr[i]);
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

/* Making one. */

/* Escapes name and value into 'to', whose memory does not move (its room was taken before). */
static void encode_pair(struct qn_buf *to, struct qn_str name, struct qn_str value,
                        struct media_sigv4_pair *ret)
{
    size_t start = to->len;
    qn_percent_encode(to, name, QN_PERCENT_UNRESERVED);
    ret->name = qn_str_n(to->data + start, to->len - start);
    start = to->len;
    qn_percent_encode(to, value, QN_PERCENT_UNRESERVED);
    ret->value = qn_str_n(to->data + start, to->len - start);
}

static enum qn_status encode_params(const struct media_sigv4_key *key,
                                    const struct media_sigv4_request *request, struct qn_str timestamp,
                                    uint32_t expires_s, struct qn_str signed_headers, struct qn_buf *to,
                                    struct media_sigv4_pair *params, size_t *ret_n)
{
    char scope[4 * MEDIA_SIGV4_SCOPE_PART_MAX], expires[12];
    int scope_len =
        snprintf(scope, sizeof scope, "%.*s/%.*s/%.*s/%.*s/aws4_request", QN_STR_ARG(key->access_key_id),
                 MEDIA_SIGV4_DATE_LEN, timestamp.ptr, QN_STR_ARG(key->region), QN_STR_ARG(key->service));
    QN_CHECK(scope_len > 0 && (size_t)scope_len < sizeof scope);
    snprintf(expires, sizeof expires, "%u", (unsigned)expires_s);

    const struct media_sigv4_pair own[] = {
        {QN_STR("X-Amz-Algorithm"), QN_STR(MEDIA_SIGV4_ALGORITHM)},
        {QN_STR("X-Amz-Credential"), qn_str_n(scope, (size_t)scope_len)},
        {QN_STR("X-Amz-Date"), timestamp},
        {QN_STR("X-Amz-Expires"), qn_str_c(expires)},
        {QN_STR("X-Amz-SignedHeaders"), signed_headers},
    };
    if (request->n_query > MEDIA_SIGV4_PARAMS_MAX - QN_COUNT(own) - 1) /* one for the signature */
        return QN_INVALID_ARGUMENT;
    /* The pairs point into the buffer, so all its memory is taken before the first. */
    if (!qn_buf_reserve(to, ENCODED_MAX))
        return QN_RESOURCE_EXHAUSTED;
    size_t n = 0;
    for (size_t i = 0; i < QN_COUNT(own); i++, n++)
        encode_pair(to, own[i].name, own[i].value, &params[n]);
    for (size_t i = 0; i < request->n_query; i++, n++)
        encode_pair(to, request->query[i].name, request->query[i].value, &params[n]);
    if (qn_buf_failed(to))
        return QN_RESOURCE_EXHAUSTED;
    qsort(params, n, sizeof *params, media_sigv4_compare_pairs);
    *ret_n = n;
    return QN_OK;
}

/* "20261123T041556Z" */
static bool write_timestamp(int64_t now_ms, char ret_text[MEDIA_SIGV4_TIMESTAMP_LEN + 1])
{
    static const int64_t last_ms = 253402300799999; /* the end of the year 9999 */
    if (now_ms < 0 || now_ms > last_ms)
        return false;
    char text[QN_TIME_TEXT_LEN + 1];
    qn_time_format(now_ms, text);
    snprintf(ret_text, MEDIA_SIGV4_TIMESTAMP_LEN + 1, "%.4s%.2s%.2sT%.2s%.2s%.2sZ", text, text + 5, text + 8,
             text + 11, text + 14, text + 17);
    return true;
}

/* Host and headers by name; false when one is named twice. */
static bool sort_headers(const struct media_sigv4_request *request, struct media_sigv4_pair *headers,
                         size_t *ret_n)
{
    size_t n = request->n_headers + 1;
    headers[0] = (struct media_sigv4_pair){QN_STR("host"), request->host};
    for (size_t i = 0; i < request->n_headers; i++)
        headers[i + 1] = request->headers[i];
    qsort(headers, n, sizeof *headers, media_sigv4_compare_pairs);
    for (size_t i = 1; i < n; i++) {
        if (qn_str_eq(headers[i - 1].name, headers[i].name))
            return false;
    }
    *ret_n = n;
    return true;
}

enum qn_status media_sigv4_presign(const struct media_sigv4_key *key,
                                   const struct media_sigv4_request *request, int64_t now_ms,
                                   uint32_t expires_s, struct qn_buf *to)
{
    struct media_sigv4_pair headers[MEDIA_SIGV4_HEADERS_MAX], params[MEDIA_SIGV4_PARAMS_MAX];
    size_t n_headers, n_params;
    char timestamp[MEDIA_SIGV4_TIMESTAMP_LEN + 1],
        names[MEDIA_SIGV4_HEADERS_MAX * (MEDIA_SIGV4_HEADER_NAME_MAX + 1)];
    if (!media_sigv4_key_is_usable(key) || !write_timestamp(now_ms, timestamp) || expires_s == 0 ||
        expires_s > MEDIA_SIGV4_EXPIRES_MAX || request->n_headers > MEDIA_SIGV4_HEADERS_MAX - 1 ||
        !sort_headers(request, headers, &n_headers))
        return QN_INVALID_ARGUMENT;
    size_t names_len = 0;
    for (size_t i = 0; i < n_headers; i++) {
        if (headers[i].name.len == 0 || headers[i].name.len > MEDIA_SIGV4_HEADER_NAME_MAX)
            return QN_INVALID_ARGUMENT;
        if (i > 0)
            names[names_len++] = ';';
        memcpy(names + names_len, headers[i].name.ptr, headers[i].name.len);
        names_len += headers[i].name.len;
    }
    struct qn_str signed_headers = qn_str_n(names, names_len);

    struct qn_buf encoded, path, canonical;
    qn_buf_init(&encoded, ENCODED_MAX);
    qn_buf_init(&path, MEDIA_SIGV4_PATH_MAX);
    qn_buf_init(&canonical, MEDIA_SIGV4_CANONICAL_MAX);
    qn_percent_encode(&path, request->path, QN_PERCENT_PATH);
    enum qn_status status = encode_params(key, request, qn_str_c(timestamp), expires_s, signed_headers,
                                          &encoded, params, &n_params);
    if (status == QN_OK) {
        qn_buf_printf(&canonical, "%.*s\n%.*s\n", QN_STR_ARG(request->method),
                      QN_STR_ARG(qn_buf_view(&path)));
        media_sigv4_write_query(&canonical, params, n_params);
        qn_buf_write_byte(&canonical, '\n');
        for (size_t i = 0; i < n_headers; i++)
            media_sigv4_write_header(&canonical, headers[i].name, headers[i].value);
        media_sigv4_write_line(&canonical, QN_STR(""));
        media_sigv4_write_line(&canonical, signed_headers);
        qn_buf_write_str(&canonical, QN_STR(MEDIA_SIGV4_PAYLOAD));
        status = qn_buf_failed(&canonical) || qn_buf_failed(&path) ? QN_RESOURCE_EXHAUSTED : QN_OK;
    }
    if (status == QN_OK) {
        char signature[2 * MEDIA_SIGV4_HASH_BYTES + 1];
        media_sigv4_sign(key, qn_str_c(timestamp), qn_buf_view(&canonical), signature);
        qn_buf_write_str(to, qn_buf_view(&path));
        qn_buf_write_byte(to, '?');
        media_sigv4_write_query(to, params, n_params);
        qn_buf_printf(to, "&X-Amz-Signature=%s", signature);
        status = qn_buf_failed(to) ? QN_RESOURCE_EXHAUSTED : QN_OK;
    }
    qn_buf_fini(&encoded);
    qn_buf_fini(&path);
    qn_buf_fini(&canonical);
    return status;
}
