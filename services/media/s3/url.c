#include "services/media/s3/url.h"

#include <stdio.h>

#include "common/core/check.h"
#include "common/core/encode.h"
#include "services/media/s3/sign.h"

enum { SHA256_BYTES = 32 };

/* "/bucket/key", as it is signed. */
static struct qn_str path_of(const struct media_bucket *bucket, struct qn_str key,
                             char to[MEDIA_OBJECT_KEY_MAX + 80])
{
    int len =
        snprintf(to, MEDIA_OBJECT_KEY_MAX + 80, "/%.*s/%.*s", QN_STR_ARG(bucket->name), QN_STR_ARG(key));
    QN_CHECK(len > 0 && len < MEDIA_OBJECT_KEY_MAX + 80); /* a bucket's name has up to 63 characters */
    return qn_str_n(to, (size_t)len);
}

static void add_header(struct media_object_put_headers *to, const char *name, struct qn_str value)
{
    QN_CHECK(to->n_headers < QN_COUNT(to->headers));
    struct media_object_put_header *header = &to->headers[to->n_headers++];
    header->name = name;
    snprintf(header->value, sizeof header->value, "%.*s", QN_STR_ARG(value));
}

enum qn_status media_s3_url_put(const struct media_bucket *bucket, const struct media_object_put *put,
                                int64_t now_ms, struct qn_buf *to,
                                struct media_object_put_headers *ret_headers)
{
    char path[MEDIA_OBJECT_KEY_MAX + 80], size[24], hash[(SHA256_BYTES + 2) / 3 * 4 + 1];
    ret_headers->n_headers = 0;
    if (put->content_type.len > MEDIA_OBJECT_TYPE_MAX ||
        (put->sha256.len != 0 && put->sha256.len != SHA256_BYTES))
        return QN_INVALID_ARGUMENT;
    snprintf(size, sizeof size, "%llu", (unsigned long long)put->size_bytes);

    /* What the browser sends of itself, then what it is told to send. */
    struct media_sigv4_pair headers[1 + QN_COUNT(ret_headers->headers)] = {
        {QN_STR("content-length"), qn_str_c(size)}};
    size_t n = 1;
    add_header(ret_headers, "content-type", put->content_type);
    if (bucket->write_once)
        add_header(ret_headers, "if-none-match", QN_STR("*"));
    if (put->sha256.len > 0)
        add_header(ret_headers, "x-amz-checksum-sha256",
                   qn_str_n(hash, qn_base64_encode(hash, put->sha256.ptr, put->sha256.len)));
    for (size_t i = 0; i < ret_headers->n_headers; i++, n++)
        headers[n] = (struct media_sigv4_pair){qn_str_c(ret_headers->headers[i].name),
                                               qn_str_c(ret_headers->headers[i].value)};

    const struct media_sigv4_key key = media_s3_sign_key(bucket);
    const struct media_sigv4_request request = {.method = QN_STR("PUT"),
                                                .host = qn_str_c(bucket->host),
                                                .path = path_of(bucket, put->key, path),
                                                .headers = headers,
                                                .n_headers = n};
    qn_buf_write_c(to, bucket->scheme);
    qn_buf_write_c(to, bucket->host);
    return media_sigv4_presign(&key, &request, now_ms, put->expires_s, to);
}

/* When the window began that 'now_ms' is in; the same in every process. */
static int64_t window_start_ms(struct qn_str key, int64_t now_ms)
{
    static const uint64_t no_secret[2] = {0, 0};
    int64_t phase_ms = (int64_t)(qn_str_siphash13(no_secret, key) % MEDIA_OBJECT_READ_WINDOW_MS);
    int64_t into_ms = (now_ms - phase_ms) % MEDIA_OBJECT_READ_WINDOW_MS;
    return now_ms - (into_ms < 0 ? into_ms + MEDIA_OBJECT_READ_WINDOW_MS : into_ms);
}

static enum qn_status sign_read(const struct media_bucket *bucket, struct qn_str key, int64_t now_ms,
                                struct qn_buf *to)
{
    char path[MEDIA_OBJECT_KEY_MAX + 80];
    const struct media_sigv4_key signing = media_s3_sign_key(bucket);
    const struct media_sigv4_request request = {
        .method = QN_STR("GET"), .host = qn_str_c(bucket->host), .path = path_of(bucket, key, path)};
    qn_buf_write_c(to, bucket->scheme);
    qn_buf_write_c(to, bucket->host);
    return media_sigv4_presign(&signing, &request, window_start_ms(key, now_ms),
                               2 * (MEDIA_OBJECT_READ_WINDOW_MS / 1000), to);
}

enum qn_status media_s3_url_read(const struct media_bucket *bucket, struct qn_str key, int64_t now_ms,
                                 struct qn_buf *to)
{
    if (bucket->public_origin[0] == '\0')
        return sign_read(bucket, key, now_ms, to);
    qn_buf_write_c(to, bucket->public_origin);
    qn_buf_write_byte(to, '/');
    qn_percent_encode(to, key, QN_PERCENT_PATH);
    return qn_buf_failed(to) ? QN_RESOURCE_EXHAUSTED : QN_OK;
}

void media_s3_url_source(const struct media_bucket *bucket, struct media_object_source *ret_source)
{
    bool public = bucket->public_origin[0] != '\0';
    struct qn_str scheme = qn_str_c(bucket->scheme), host = qn_str_c(bucket->host), name, port;
    if (public) {
        bool sound = media_settings_origin(qn_str_c(bucket->public_origin), &scheme, &host);
        QN_CHECK(sound);
    }
    media_settings_split_host(host, &name, &port);
    snprintf(ret_source->scheme, sizeof ret_source->scheme, "%.*s", (int)(scheme.len - strlen("://")),
             scheme.ptr);
    snprintf(ret_source->hostname, sizeof ret_source->hostname, "%.*s", QN_STR_ARG(name));
    snprintf(ret_source->port, sizeof ret_source->port, "%.*s", QN_STR_ARG(port));
    snprintf(ret_source->pathname, sizeof ret_source->pathname, "%s%.*s/" MEDIA_OBJECT_PUBLIC_PREFIX "**",
             public ? "" : "/", public ? 0 : (int)bucket->name.len, bucket->name.ptr);
}
