#include "services/media/folder/object_get.h"

#include <stdio.h>
#include <unistd.h>

#include "common/core/check.h"
#include "common/core/clock.h"
#include "services/media/folder/object_gate.h"
#include "services/media/folder/object_list.h"
#include "services/media/folder/object_range.h"
#include "services/media/folder/object_when.h"

/* 1. the key: under photos/, or behind the bucket's name with a signature, or 403
 * 2. the file, opened on the lane: 404 when there is none
 * 3. conditions: 304, 412   4. Range: 206, 416, or all of it.
 * The client may be gone by then: the exchange waits for its answer all the same, and throws it away. */

/* Of public objects that were put without one of their own. The bytes behind a key never change, but a photo
 * that its owner deletes must leave the caches: a day. */
#define CACHE_CONTROL "public, max-age=86400, immutable"

struct get {
    struct qn_work work;
    struct media_object_http *http;
    struct qn_exchange *exchange;
    struct media_object_info info;
    bool public;
    enum qn_status status;
    int fd;
    char modified[MEDIA_HTTP_DATE_LEN + 1];
    char key[MEDIA_OBJECT_KEY_MAX + 1];
};

static void run(struct qn_work *work)
{
    struct get *get = container_of(work, struct get, work);
    struct qn_error err;
    get->status = media_object_file_open(&get->http->folder->place, get->key, &get->info, &get->fd, &err);
}

static void add_info(struct get *get, struct media_object_headers *headers)
{
    char *etag = qn_arena_printf(get->exchange->arena, "\"%s\"", get->info.etag);
    const char *cache_control = get->info.cache_control;
    if (cache_control[0] == '\0' && get->public)
        cache_control = CACHE_CONTROL;
    if (cache_control[0] != '\0')
        media_object_reply_add(headers, QN_STR("Cache-Control"), qn_str_c(cache_control));
    media_http_date_format(get->info.touched_ms, get->modified);
    media_object_reply_add(headers, QN_STR("Last-Modified"), qn_str_c(get->modified));
    media_object_reply_add(headers, QN_STR("Accept-Ranges"), QN_STR("bytes"));
    /* What somebody uploaded is shown as the picture it was checked to be, and as nothing else. */
    media_object_reply_add(headers, QN_STR("X-Content-Type-Options"), QN_STR("nosniff"));
    media_object_reply_add(headers, QN_STR("Content-Security-Policy"), QN_STR("default-src 'none'; sandbox"));
    media_object_reply_add(headers, QN_STR("Cross-Origin-Resource-Policy"), QN_STR("cross-origin"));
    if (etag)
        media_object_reply_add(headers, QN_STR("ETag"), qn_str_c(etag));
    media_object_reply_add_cors(headers, get->http->settings, get->exchange);
}

static void reply_unmodified(struct get *get)
{
    struct media_object_headers headers = {.n = 0};
    add_info(get, &headers);
    close(get->fd);
    qn_exchange_reply(get->exchange, 304, headers.list, headers.n, QN_STR(""));
}

static void reply_file(struct get *get, uint64_t offset, uint64_t length, bool part)
{
    struct media_object_headers headers = {.n = 0};
    char range[80];
    add_info(get, &headers);
    media_object_reply_add(&headers, QN_STR("Content-Type"), qn_str_c(get->info.content_type));
    if (part) {
        snprintf(range, sizeof range, "bytes %llu-%llu/%llu", (unsigned long long)offset,
                 (unsigned long long)(offset + length - 1), (unsigned long long)get->info.size_bytes);
        media_object_reply_add(&headers, QN_STR("Content-Range"), qn_str_c(range));
    }
    qn_exchange_reply_file(get->exchange, part ? 206 : 200, headers.list, headers.n, get->fd,
                           MEDIA_OBJECT_FILE_HEAD_BYTES + offset, length);
}

static void reply(struct get *get)
{
    struct qn_exchange *exchange = get->exchange;
    struct qn_str etag = qn_str_c(get->info.etag);
    const struct media_conditions conditions = {
        .if_match = qn_exchange_header(exchange, "If-Match"),
        .if_none_match = qn_exchange_header(exchange, "If-None-Match"),
        .if_modified_since = qn_exchange_header(exchange, "If-Modified-Since"),
        .if_unmodified_since = qn_exchange_header(exchange, "If-Unmodified-Since"),
    };
    switch (media_conditions_judge(&conditions, etag, get->info.touched_ms)) {
    case MEDIA_CONDITION_HOLDS:
        break;
    case MEDIA_CONDITION_UNMODIFIED:
        reply_unmodified(get);
        return;
    case MEDIA_CONDITION_FAILED:
        close(get->fd);
        media_object_reply_error(exchange, get->http->settings, MEDIA_OBJECT_ERROR_PRECONDITION);
        return;
    }
    struct qn_str if_range = qn_exchange_header(exchange, "If-Range");
    struct qn_str wanted = qn_exchange_header(exchange, "Range");
    /* RFC 9110, 13.1.5: strong comparison; a date never matches here, so all of it is sent. */
    if (if_range.ptr && (qn_str_starts(if_range, QN_STR("W/")) || !media_object_etag_matches(if_range, etag)))
        wanted = (struct qn_str){0};
    uint64_t offset = 0, length = get->info.size_bytes;
    switch (media_object_range_read(wanted, get->info.size_bytes, &offset, &length)) {
    case MEDIA_OBJECT_RANGE_ALL:
        reply_file(get, 0, get->info.size_bytes, false);
        break;
    case MEDIA_OBJECT_RANGE_PART:
        reply_file(get, offset, length, true);
        break;
    case MEDIA_OBJECT_RANGE_BAD:
        close(get->fd);
        media_object_reply_error(exchange, get->http->settings, MEDIA_OBJECT_ERROR_BAD_RANGE);
        break;
    }
}

static void ran(struct qn_work *work, enum qn_status status)
{
    struct get *get = container_of(work, struct get, work);
    const struct media_settings *settings = get->http->settings;
    if (status != QN_OK)
        media_object_reply_error(get->exchange, settings, MEDIA_OBJECT_ERROR_SLOW_DOWN);
    else if (get->status == QN_NOT_FOUND)
        media_object_reply_error(get->exchange, settings, MEDIA_OBJECT_ERROR_NO_SUCH_KEY);
    else if (get->status != QN_OK)
        media_object_reply_error(get->exchange, settings, MEDIA_OBJECT_ERROR_INTERNAL);
    else
        reply(get);
}

static void start(struct media_object_http *http, struct qn_exchange *exchange, struct qn_str key,
                  bool public)
{
    if (!media_object_key_is_safe(key)) { /* so there is none */
        media_object_reply_error(exchange, http->settings, MEDIA_OBJECT_ERROR_NO_SUCH_KEY);
        return;
    }
    struct get *get = qn_arena_new(exchange->arena, struct get);
    if (!get) {
        media_object_reply_error(exchange, http->settings, MEDIA_OBJECT_ERROR_SLOW_DOWN);
        return;
    }
    get->http = http;
    get->exchange = exchange;
    get->public = public;
    snprintf(get->key, sizeof get->key, "%.*s", QN_STR_ARG(key));
    qn_work_start(http->folder->lane, &get->work, qn_clock_now_ms() + MEDIA_OBJECT_FOLDER_PATIENCE_MS, run,
                  ran);
}

/* HEAD of the bucket: it is there. */
static void reply_bucket(struct media_object_http *http, struct qn_exchange *exchange)
{
    struct media_object_headers headers = {.n = 0};
    media_object_reply_add_cors(&headers, http->settings, exchange);
    qn_exchange_reply(exchange, 200, headers.list, headers.n, QN_STR(""));
}

static void get_signed(struct media_object_http *http, struct qn_exchange *exchange)
{
    enum media_object_error error;
    bool is_head = qn_str_eq(exchange->method, QN_STR("HEAD"));
    bool is_bucket = qn_str_eq(exchange->path, QN_STR("/" MEDIA_OBJECT_FOLDER_BUCKET)) ||
                     qn_str_eq(exchange->path, QN_STR("/" MEDIA_OBJECT_FOLDER_BUCKET "/"));
    struct media_object_pass *pass = media_object_gate(
        http, exchange, is_bucket && !is_head ? QN_STR(MEDIA_OBJECT_LIST_PARAMS) : QN_STR(""), &error);
    if (!pass)
        media_object_reply_error(exchange, http->settings, error);
    else if (!is_bucket)
        start(http, exchange, pass->key, false);
    else if (is_head)
        reply_bucket(http, exchange);
    else
        media_object_list_http(http, exchange, pass);
}

void media_object_get(struct media_object_http *http, struct qn_exchange *exchange)
{
    struct qn_str path = exchange->path;
    struct qn_str key = path.len > 0 ? qn_str_n(path.ptr + 1, path.len - 1) : path;
    if (qn_str_starts(key, QN_STR(MEDIA_OBJECT_PUBLIC_PREFIX)))
        start(http, exchange, key, true);
    else
        get_signed(http, exchange);
}
