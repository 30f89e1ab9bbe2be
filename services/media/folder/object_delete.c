#include "services/media/folder/object_delete.h"

#include "common/core/check.h"
#include "common/core/clock.h"
#include "services/media/folder/object_gate.h"

struct removal {
    struct media_object_request request;
    struct media_object_http *http;
    struct qn_exchange *exchange;
};

static void removed(struct media_object_request *request, enum qn_status status)
{
    struct removal *removal = container_of(request, struct removal, request);
    const struct media_settings *settings = removal->http->settings;
    if (status == QN_OK) {
        struct media_object_headers headers = {.n = 0};
        media_object_reply_add_cors(&headers, settings, removal->exchange);
        qn_exchange_reply(removal->exchange, 204, headers.list, headers.n, QN_STR(""));
        return;
    }
    bool later =
        status == QN_UNAVAILABLE || status == QN_RESOURCE_EXHAUSTED || status == QN_DEADLINE_EXCEEDED;
    media_object_reply_error(removal->exchange, settings,
                             later ? MEDIA_OBJECT_ERROR_SLOW_DOWN : MEDIA_OBJECT_ERROR_INTERNAL);
}

void media_object_delete_http(struct media_object_http *http, struct qn_exchange *exchange)
{
    enum media_object_error error;
    struct media_object_pass *pass = media_object_gate(http, exchange, QN_STR(""), &error);
    if (pass && !media_object_key_is_safe(pass->key)) {
        pass = NULL;
        error = MEDIA_OBJECT_ERROR_BAD_KEY;
    }
    struct removal *removal = pass ? qn_arena_new(exchange->arena, struct removal) : NULL;
    if (!removal) {
        media_object_reply_error(exchange, http->settings, pass ? MEDIA_OBJECT_ERROR_SLOW_DOWN : error);
        return;
    }
    removal->http = http;
    removal->exchange = exchange;
    removal->request.arena = exchange->arena;
    removal->request.deadline_ms = qn_clock_now_ms() + MEDIA_OBJECT_FOLDER_PATIENCE_MS;
    media_object_delete(&http->folder->store, &removal->request, pass->key, removed);
}
