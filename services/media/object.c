#include "services/media/object.h"

#include <stdio.h>

#include "common/core/check.h"

enum { PIECES_MAX = 8, PIECE_MAX = 200 };

static bool is_piece(struct qn_str piece)
{
    if (piece.len == 0 || piece.len > PIECE_MAX || piece.ptr[0] == '.')
        return false;
    for (size_t i = 0; i < piece.len; i++) {
        char c = piece.ptr[i];
        if (!((c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' ||
              c == '_' || c == '.'))
            return false;
    }
    return true;
}

bool media_object_key_is_safe(struct qn_str key)
{
    struct qn_str rest = key, piece;
    size_t n = 0;
    if (key.len > MEDIA_OBJECT_KEY_MAX)
        return false;
    while (qn_str_next(&rest, '/', &piece)) {
        if (++n > PIECES_MAX || !is_piece(piece))
            return false;
    }
    return n > 0;
}

enum qn_status media_object_presign_put(struct media_object_store *store, const struct media_object_put *put,
                                        int64_t now_ms, struct qn_buf *to,
                                        struct media_object_put_headers *ret_headers)
{
    ret_headers->n_headers = 0;
    if (!media_object_key_is_safe(put->key))
        return QN_INVALID_ARGUMENT;
    return store->ops->presign_put(store, put, now_ms, to, ret_headers);
}

enum qn_status media_object_read_url(struct media_object_store *store, struct qn_str key, int64_t now_ms,
                                     struct qn_buf *to)
{
    if (!media_object_key_is_safe(key))
        return QN_INVALID_ARGUMENT;
    return store->ops->read_url(store, key, now_ms, to);
}

enum qn_status media_object_source(struct media_object_store *store, struct media_object_source *ret_source)
{
    return store->ops->source(store, ret_source);
}

static void deliver_early(struct qn_later *later)
{
    struct media_object_request *request = container_of(later, struct media_object_request, later);
    request->done(request, request->early);
}

void media_object_refuse(struct media_object_store *store, struct media_object_request *request,
                         enum qn_status status)
{
    request->early = status;
    qn_later_start(store->ops->loop(store), &request->later, deliver_early);
}

static void set_text(char to[MEDIA_OBJECT_KEY_MAX + 1], struct qn_str text)
{
    snprintf(to, MEDIA_OBJECT_KEY_MAX + 1, "%.*s", QN_STR_ARG(text));
}

/* The one way in: bad keys go no further. */
static void start(struct media_object_store *store, struct media_object_request *request, bool sound,
                  media_object_cb *done)
{
    request->done = done;
    request->bytes = (struct qn_str){0};
    request->entries = NULL;
    request->n_entries = 0;
    if (sound)
        store->ops->start(store, request);
    else
        media_object_refuse(store, request, QN_INVALID_ARGUMENT);
}

void media_object_head(struct media_object_store *store, struct media_object_request *request,
                       struct qn_str key, media_object_cb *done)
{
    request->verb = MEDIA_OBJECT_HEAD;
    set_text(request->key, key);
    start(store, request, media_object_key_is_safe(key), done);
}

void media_object_read_range(struct media_object_store *store, struct media_object_request *request,
                             struct qn_str key, uint64_t offset, size_t length, media_object_cb *done)
{
    QN_CHECK(length <= MEDIA_OBJECT_READ_MAX);
    request->verb = MEDIA_OBJECT_READ;
    set_text(request->key, key);
    request->offset = offset;
    request->length = length;
    start(store, request, media_object_key_is_safe(key), done);
}

void media_object_read_all(struct media_object_store *store, struct media_object_request *request,
                           struct qn_str key, size_t max_bytes, struct qn_buf *into, media_object_cb *done)
{
    QN_CHECK(max_bytes <= MEDIA_OBJECT_BYTES_MAX);
    request->verb = MEDIA_OBJECT_READ_ALL;
    set_text(request->key, key);
    request->length = max_bytes;
    request->into = into;
    start(store, request, media_object_key_is_safe(key), done);
}

void media_object_write(struct media_object_store *store, struct media_object_request *request,
                        struct qn_str key, const struct media_object_body *body, media_object_cb *done)
{
    QN_CHECK(body->bytes.len > 0 && body->bytes.len <= MEDIA_OBJECT_BYTES_MAX);
    QN_CHECK(body->content_type.len <= MEDIA_OBJECT_TYPE_MAX &&
             body->cache_control.len <= MEDIA_OBJECT_CACHE_MAX);
    request->verb = MEDIA_OBJECT_WRITE;
    set_text(request->key, key);
    request->body = *body;
    start(store, request, media_object_key_is_safe(key), done);
}

void media_object_delete(struct media_object_store *store, struct media_object_request *request,
                         struct qn_str key, media_object_cb *done)
{
    request->verb = MEDIA_OBJECT_DELETE;
    set_text(request->key, key);
    start(store, request, media_object_key_is_safe(key), done);
}

void media_object_list(struct media_object_store *store, struct media_object_request *request,
                       struct qn_str prefix, struct qn_str after, media_object_cb *done)
{
    struct qn_str folder = qn_str_n(prefix.ptr, prefix.len ? prefix.len - 1 : 0);
    request->verb = MEDIA_OBJECT_LIST;
    set_text(request->key, folder);
    set_text(request->after_key, after);
    start(store, request, qn_str_ends(prefix, QN_STR("/")) && media_object_key_is_safe(folder), done);
}
