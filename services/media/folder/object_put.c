#include "services/media/folder/object_put.h"

#include <stdio.h>

#include "common/core/check.h"
#include "common/core/encode.h"
#include "services/media/folder/object_chunked.h"
#include "services/media/folder/object_gate.h"
#include "services/media/folder/object_upload.h"

/* 1. with the first piece of the body: may it (object_gate.h)? Is the length allowed, the key one of ours,
 * what it says of its bytes something that can be checked? If not, no byte touches the disk.
 * 2. pieces go to an upload (object_upload.h)
 * 3. at the end: length and hashes exact, on the disk, named; 200.
 * If-None-Match: * and the key is taken: 412. Client gone halfway: nothing is left. Gone after the end: the
 * object is there, and a client that never heard so gets 412 when it tries again; CompleteUpload then finds
 * what it wants. */

/* Of one exchange, in its arena. */
struct put {
    struct media_object_http *http;
    struct qn_exchange *exchange;
    bool refused;
    enum media_object_error error;
    struct media_upload *upload; /* NULL when refused */
    bool cut_off;                /* the upload wants no more: its end says why */
    bool is_chunked;             /* aws-chunked */
    struct media_chunked chunked;
    enum media_digest_kind trailer; /* MEDIA_DIGEST_KINDS: none */
};

/* How long the object will be; false when that is not said, or not in a way that counts. */
static bool read_length(struct put *put, const struct media_object_pass *pass, uint64_t *ret_size)
{
    int64_t length = qn_exchange_content_length(put->exchange);
    *ret_size = length < 0 ? 0 : (uint64_t)length;
    if (!put->is_chunked)
        return length >= 0;
    return media_sigv4_signs(&pass->claim, QN_STR("x-amz-decoded-content-length")) &&
           qn_str_to_u64(qn_exchange_header(put->exchange, "x-amz-decoded-content-length"), ret_size);
}

/* What stands for the body in the signature. */
static bool read_payload(struct put *put, const struct media_object_pass *pass,
                         struct media_digest_claim *digests)
{
    struct qn_str payload = pass->claim.payload;
    struct qn_str said = media_object_pass_value(pass, "x-amz-content-sha256");
    put->error = MEDIA_OBJECT_ERROR_NOT_IMPLEMENTED; /* a URL that says more of the body than it signs */
    if (said.ptr && !qn_str_eq(said, payload))
        return false;
    if (qn_str_eq(payload, QN_STR(MEDIA_SIGV4_UNSIGNED)))
        return true;
    put->is_chunked = qn_str_eq(payload, QN_STR("STREAMING-UNSIGNED-PAYLOAD-TRAILER"));
    if (put->is_chunked)
        return true;
    digests->has_payload =
        payload.len == (size_t)2 * MEDIA_DIGEST_BYTES_MAX && qn_hex_decode(payload, digests->payload);
    put->error = MEDIA_OBJECT_ERROR_NOT_IMPLEMENTED; /* chunks that are signed, each of them */
    return digests->has_payload;
}

static bool read_digests(struct put *put, const struct media_object_pass *pass,
                         struct media_digest_claim *digests)
{
    for (enum media_digest_kind kind = 0; kind < MEDIA_DIGEST_KINDS; kind++) {
        struct qn_str value = media_object_pass_value(pass, media_digest_header(kind));
        put->error = MEDIA_OBJECT_ERROR_BAD_ARGUMENT;
        if (value.ptr && !media_digest_expect(digests, kind, value))
            return false;
    }
    struct qn_str trailer = qn_exchange_header(put->exchange, "x-amz-trailer");
    put->trailer = MEDIA_DIGEST_KINDS;
    if (!trailer.ptr)
        return true;
    put->trailer = media_digest_of_header(qn_str_trim(trailer));
    put->error = MEDIA_OBJECT_ERROR_NOT_IMPLEMENTED;
    if (!put->is_chunked || put->trailer == MEDIA_DIGEST_KINDS || digests->given[put->trailer])
        return false;
    digests->promised[put->trailer] = true;
    return true;
}

/* What else makes it another request than a plain PUT. */
static bool is_plain(const struct put *put)
{
    struct qn_str encoding = qn_exchange_header(put->exchange, "Content-Encoding");
    struct qn_str none_match = qn_exchange_header(put->exchange, "If-None-Match");
    return (!encoding.ptr || (put->is_chunked && qn_str_eq(encoding, QN_STR("aws-chunked")))) &&
           (!none_match.ptr || qn_str_eq(none_match, QN_STR("*"))) &&
           !qn_exchange_header(put->exchange, "If-Match").ptr;
}

/* What goes into an object's head, and out again as a header. */
static bool is_value(struct qn_str text, size_t max)
{
    for (size_t i = 0; i < text.len; i++) {
        if ((unsigned char)text.ptr[i] < ' ' || text.ptr[i] == 0x7f)
            return false;
    }
    return text.len <= max;
}

/* Whether the request may be made at all; otherwise put->error says why not. */
static bool admit(struct put *put, struct media_upload_options *ret_options,
                  struct media_digest_claim *digests)
{
    const struct qn_exchange *exchange = put->exchange;
    const struct media_object_pass *pass = media_object_gate(put->http, exchange, QN_STR(""), &put->error);
    if (!pass || !read_payload(put, pass, digests))
        return false;
    put->error = MEDIA_OBJECT_ERROR_LENGTH_MISSING;
    if (!read_length(put, pass, &ret_options->size_bytes))
        return false;
    put->error = MEDIA_OBJECT_ERROR_TOO_LARGE;
    if (exchange->body_too_large || ret_options->size_bytes > MEDIA_OBJECT_PUT_MAX_BYTES)
        return false;
    if (!read_digests(put, pass, digests))
        return false;
    put->error = MEDIA_OBJECT_ERROR_NOT_IMPLEMENTED;
    if (!is_plain(put))
        return false;
    put->error = MEDIA_OBJECT_ERROR_BAD_KEY;
    ret_options->key = pass->key;
    if (!media_object_key_is_safe(pass->key))
        return false;
    put->error = MEDIA_OBJECT_ERROR_BAD_ARGUMENT;
    ret_options->content_type = qn_exchange_header(exchange, "Content-Type");
    if (ret_options->content_type.len == 0)
        ret_options->content_type = QN_STR("binary/octet-stream"); /* S3's own for what was not said */
    ret_options->cache_control = media_object_pass_value(pass, "cache-control");
    ret_options->how = qn_exchange_header(exchange, "If-None-Match").ptr ? MEDIA_OBJECT_FILE_KEY_FREE
                                                                         : MEDIA_OBJECT_FILE_KEY_ANY;
    return is_value(ret_options->content_type, MEDIA_OBJECT_TYPE_MAX) &&
           is_value(ret_options->cache_control, MEDIA_OBJECT_CACHE_MAX);
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
    struct media_digest_claim digests = {.has_payload = false};
    struct media_upload_options options = {.digests = &digests};
    if (!put)
        return NULL;
    exchange->user = put;
    put->http = http;
    put->exchange = exchange;
    put->refused = !admit(put, &options, &digests);
    if (put->refused)
        return put;
    put->upload = media_upload_new(http->folder, &options);
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
    if (!put || put->refused)
        return false;
    struct qn_str bytes = piece;
    if (!put->is_chunked)
        return media_upload_write(put->upload, bytes);
    while (!put->cut_off && media_chunked_next(&put->chunked, &piece, &bytes))
        put->cut_off = !media_upload_write(put->upload, bytes);
    return !put->cut_off && put->chunked.state != MEDIA_CHUNKED_BROKEN;
}

/* The end of an aws-chunked body, and the checksum that was promised behind it. */
static bool end_chunks(struct put *put)
{
    if (!put->is_chunked || put->cut_off)
        return true;
    if (put->chunked.state != MEDIA_CHUNKED_ENDED)
        return false;
    if (put->trailer == MEDIA_DIGEST_KINDS)
        return put->chunked.trailer[0] == '\0';
    struct qn_str value = media_chunked_trailer(&put->chunked, qn_str_c(media_digest_header(put->trailer)));
    return value.ptr && media_upload_expect(put->upload, put->trailer, value);
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
    case QN_FAILED_PRECONDITION:
        error = MEDIA_OBJECT_ERROR_BAD_PAYLOAD;
        break;
    case QN_DATA_LOSS:
        error = MEDIA_OBJECT_ERROR_BAD_DIGEST;
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
    if (!end_chunks(put)) {
        exchange->gone = NULL;
        media_upload_abandon(put->upload);
        media_object_reply_error(exchange, http->settings, MEDIA_OBJECT_ERROR_BAD_CHUNKS);
        return;
    }
    /* From here on the answer is owed whether or not anybody waits for it. */
    exchange->gone = NULL;
    media_upload_finish(put->upload, on_stored, put);
}
