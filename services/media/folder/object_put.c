#include "services/media/folder/object_put.h"

#include <stdio.h>

#include "common/core/check.h"
#include "common/core/clock.h"
#include "services/media/folder/object_reply.h"
#include "services/media/folder/object_upload.h"
#include "services/media/sigv4_verify.h"

/* 1. with the first piece of the body: is it signed, by us, for this method, host, path, type and length, and
 * in time? Is the length allowed, the key one of ours? If not, no byte touches the disk.
 * 2. pieces go to an upload (object_upload.h)   3. at the end: length exact, on the disk, named; 200.
 * The key is taken: 412. Client gone halfway: nothing is left. Gone after the end: the object is there, and a
 * client that never heard so gets 412 when it tries again; CompleteUpload then finds what it wants. */

/* Of one exchange, in its arena. */
struct put {
    struct media_object_http *http;
    struct qn_exchange *exchange;
    bool refused;
    enum media_object_error error;
    struct media_upload *upload; /* NULL when refused */
};

static struct qn_str header_of(const void *context, const char *name)
{
    return qn_exchange_header(context, name);
}

/* Parameters that would make it another request than a plain PUT ("acl", "partNumber" …) we never sign. */
static bool params_known(const struct media_sigv4_claim *claim)
{
    for (size_t i = 0; i < claim->n_params; i++) {
        struct qn_str name = claim->params[i].plain.name;
        if (name.len < 6 || !qn_str_eq_nocase(qn_str_n(name.ptr, 6), QN_STR("x-amz-")))
            return false;
    }
    return true;
}

static bool of_verdict(enum media_sigv4_verdict verdict, enum media_object_error *ret_error)
{
    switch (verdict) {
    case MEDIA_SIGV4_GOOD:
        return true;
    case MEDIA_SIGV4_UNKNOWN_KEY:
        *ret_error = MEDIA_OBJECT_ERROR_UNKNOWN_KEY;
        break;
    case MEDIA_SIGV4_SKEWED:
        *ret_error = MEDIA_OBJECT_ERROR_SKEWED;
        break;
    case MEDIA_SIGV4_EXPIRED:
        *ret_error = MEDIA_OBJECT_ERROR_EXPIRED;
        break;
    case MEDIA_SIGV4_BAD_PATH:
        *ret_error = MEDIA_OBJECT_ERROR_BAD_KEY;
        break;
    case MEDIA_SIGV4_HEADER_GONE:
    case MEDIA_SIGV4_MISMATCH:
        *ret_error = MEDIA_OBJECT_ERROR_MISMATCH;
        break;
    }
    return false;
}

/* Whether the request may be made at all; otherwise why not. */
static bool admit(struct media_object_http *http, const struct qn_exchange *exchange, struct qn_str *ret_key,
                  enum media_object_error *ret_error)
{
    static const struct qn_str bucket = QN_STR("/" MEDIA_OBJECT_FOLDER_BUCKET "/");
    struct media_sigv4_claim claim;
    struct qn_str type = qn_exchange_header(exchange, "Content-Type");
    const struct media_sigv4_arrival arrival = {.method = exchange->method,
                                                .path = exchange->path,
                                                .header = header_of,
                                                .context = exchange,
                                                .now_ms = qn_clock_wall_ms()};
    *ret_error = MEDIA_OBJECT_ERROR_ACCESS_DENIED;
    if (exchange->query.len == 0 || !qn_str_starts(exchange->path, bucket))
        return false;
    *ret_error = MEDIA_OBJECT_ERROR_BAD_QUERY;
    if (media_sigv4_parse(exchange->query, &claim, NULL) != QN_OK || !params_known(&claim))
        return false;
    *ret_error = MEDIA_OBJECT_ERROR_ACCESS_DENIED;
    if (!media_sigv4_signs(&claim, QN_STR("content-length")) ||
        !media_sigv4_signs(&claim, QN_STR("content-type")))
        return false;
    *ret_error = MEDIA_OBJECT_ERROR_LENGTH_MISSING;
    if (qn_exchange_content_length(exchange) < 0)
        return false;
    if (!of_verdict(media_sigv4_verify(&http->folder->key, &claim, &arrival), ret_error))
        return false;
    *ret_error = MEDIA_OBJECT_ERROR_TOO_LARGE;
    if (exchange->body_too_large || qn_exchange_content_length(exchange) > MEDIA_OBJECT_PUT_MAX_BYTES)
        return false;
    *ret_error = MEDIA_OBJECT_ERROR_BAD_KEY;
    *ret_key = qn_str_n(exchange->path.ptr + bucket.len, exchange->path.len - bucket.len);
    return media_object_key_is_safe(*ret_key) && type.len <= MEDIA_OBJECT_TYPE_MAX;
}

/* The client went away while it sent. */
static void gone(struct qn_exchange *exchange)
{
    struct put *put = exchange->user;
    if (put->upload)
        media_upload_abandon(put->upload);
}

/* NULL without memory. */
static struct put *begin(struct media_object_http *http, struct qn_exchange *exchange)
{
    struct put *put = qn_arena_new(exchange->arena, struct put);
    struct qn_str key;
    if (!put)
        return NULL;
    exchange->user = put;
    put->http = http;
    put->exchange = exchange;
    put->refused = !admit(http, exchange, &key, &put->error);
    if (put->refused)
        return put;
    put->upload = media_upload_new(http->folder, key, qn_exchange_header(exchange, "Content-Type"),
                                   (uint64_t)qn_exchange_content_length(exchange));
    if (!put->upload) {
        put->refused = true;
        put->error = MEDIA_OBJECT_ERROR_SLOW_DOWN;
        return put;
    }
    exchange->gone = gone;
    return put;
}

bool media_object_put_piece(struct media_object_http *http, struct qn_exchange *exchange, struct qn_str piece)
{
    struct put *put = exchange->user ? exchange->user : begin(http, exchange);
    return put && !put->refused && media_upload_write(put->upload, piece);
}

static void on_stored(void *context, enum qn_status status, const char *etag)
{
    struct put *put = context;
    const struct media_settings *settings = put->http->settings;
    enum media_object_error error = MEDIA_OBJECT_ERROR_INTERNAL;
    switch (status) {
    case QN_OK: {
        struct media_object_headers headers = {.n = 0};
        char *quoted = qn_arena_printf(put->exchange->arena, "\"%s\"", etag);
        if (quoted)
            media_object_reply_add(&headers, QN_STR("ETag"), qn_str_c(quoted));
        media_object_reply_add_cors(&headers, settings, put->exchange);
        qn_exchange_reply(put->exchange, 200, headers.list, headers.n, QN_STR(""));
        return;
    }
    case QN_ALREADY_EXISTS:
        error = MEDIA_OBJECT_ERROR_TAKEN;
        break;
    case QN_INVALID_ARGUMENT:
        error = MEDIA_OBJECT_ERROR_BAD_LENGTH;
        break;
    case QN_RESOURCE_EXHAUSTED:
        error = MEDIA_OBJECT_ERROR_DISK_FULL;
        break;
    case QN_UNAVAILABLE:
        error = MEDIA_OBJECT_ERROR_SLOW_DOWN;
        break;
    default:
        break;
    }
    media_object_reply_error(put->exchange, settings, error);
}

void media_object_put(struct media_object_http *http, struct qn_exchange *exchange)
{
    struct put *put = exchange->user ? exchange->user : begin(http, exchange);
    if (!put) {
        media_object_reply_error(exchange, http->settings, MEDIA_OBJECT_ERROR_SLOW_DOWN);
        return;
    }
    if (put->refused) {
        media_object_reply_error(exchange, http->settings, put->error);
        return;
    }
    /* From here on the answer is owed whether or not anybody waits for it. */
    exchange->gone = NULL;
    media_upload_finish(put->upload, on_stored, put);
}
