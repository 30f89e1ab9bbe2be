#include "services/media/s3/sign.h"

#include <openssl/sha.h>

#include "common/core/check.h"
#include "common/core/encode.h"

enum { TARGET_MAX = 8192, AUTHORIZATION_MAX = 1024 };

struct media_sigv4_key media_s3_sign_key(const struct media_bucket *bucket)
{
    return (struct media_sigv4_key){.access_key_id = bucket->access_key_id,
                                    .secret = bucket->secret,
                                    .region = bucket->region,
                                    .service = QN_STR("s3")};
}

static void add_header(struct media_s3_transfer *to, size_t *n, const char *line)
{
    QN_CHECK(*n < MEDIA_S3_HEADERS_MAX);
    to->headers[(*n)++] = line;
}

enum qn_status media_s3_sign(const struct media_bucket *bucket, const struct media_s3_question *question,
                             int64_t now_ms, struct qn_arena *arena, struct media_s3_transfer *to)
{
    uint8_t hash[SHA256_DIGEST_LENGTH];
    char payload[2 * SHA256_DIGEST_LENGTH + 1], date[MEDIA_SIGV4_DATE_ROOM];
    SHA256((const uint8_t *)(question->body.ptr ? question->body.ptr : ""), question->body.len, hash);
    qn_hex_encode(payload, hash, sizeof hash);

    char *path = qn_arena_printf(arena, "/%.*s%s%.*s", QN_STR_ARG(bucket->name), question->key.len ? "/" : "",
                                 QN_STR_ARG(question->key));
    if (!path)
        return QN_RESOURCE_EXHAUSTED;
    const struct media_sigv4_key key = media_s3_sign_key(bucket);
    const struct media_sigv4_request request = {.method = qn_str_c(question->method),
                                                .host = qn_str_c(bucket->host),
                                                .path = qn_str_c(path),
                                                .headers = question->headers,
                                                .n_headers = question->n_headers,
                                                .query = question->query,
                                                .n_query = question->n_query};
    struct qn_buf target, authorization;
    qn_buf_init(&target, TARGET_MAX);
    qn_buf_init(&authorization, AUTHORIZATION_MAX);
    enum qn_status status =
        media_sigv4_authorize(&key, &request, qn_str_c(payload), now_ms, date, &target, &authorization);
    size_t n = 0;
    if (status == QN_OK) {
        to->method = question->method;
        to->body = question->body;
        to->url = qn_arena_printf(arena, "%s%s%s", bucket->scheme, bucket->host, target.data);
        add_header(to, &n, qn_arena_printf(arena, "Authorization: %s", authorization.data));
        add_header(to, &n, qn_arena_printf(arena, "x-amz-date: %s", date));
        add_header(to, &n, qn_arena_printf(arena, "x-amz-content-sha256: %s", payload));
        for (size_t i = 0; i < question->n_headers; i++)
            add_header(to, &n,
                       qn_arena_printf(arena, "%.*s: %.*s", QN_STR_ARG(question->headers[i].name),
                                       QN_STR_ARG(question->headers[i].value)));
        if (n < MEDIA_S3_HEADERS_MAX)
            to->headers[n] = NULL;
        for (size_t i = 0; i < n; i++) {
            if (!to->headers[i])
                status = QN_RESOURCE_EXHAUSTED;
        }
        if (!to->url)
            status = QN_RESOURCE_EXHAUSTED;
    }
    qn_buf_fini(&target);
    qn_buf_fini(&authorization);
    return status;
}
