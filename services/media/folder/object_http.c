#include "services/media/folder/object_http.h"

#include <stdio.h>

#include "common/core/check.h"
#include "common/core/log.h"
#include "services/media/folder/object_delete.h"
#include "services/media/folder/object_get.h"
#include "services/media/folder/object_put.h"
#include "services/media/folder/object_reply.h"

static bool body(void *context, struct qn_exchange *exchange, struct qn_str piece)
{
    return qn_str_eq(exchange->method, QN_STR("PUT")) && media_object_put_piece(context, exchange, piece);
}

static void handle(void *context, struct qn_exchange *exchange)
{
    struct media_object_http *self = context;
    if (qn_str_eq(exchange->method, QN_STR("GET")) || qn_str_eq(exchange->method, QN_STR("HEAD")))
        media_object_get(self, exchange);
    else if (qn_str_eq(exchange->method, QN_STR("PUT")))
        media_object_put(self, exchange);
    else if (qn_str_eq(exchange->method, QN_STR("DELETE")))
        media_object_delete_http(self, exchange);
    else if (qn_str_eq(exchange->method, QN_STR("OPTIONS")))
        media_object_reply_preflight(exchange, self->settings);
    else
        media_object_reply_error(exchange, self->settings, MEDIA_OBJECT_ERROR_BAD_METHOD);
}

/* The setting, or where it really listens. */
static void set_origin(struct media_object_http *self)
{
    char origin[320];
    if (self->settings->public_url[0] != '\0')
        snprintf(origin, sizeof origin, "%s", self->settings->public_url);
    else
        snprintf(origin, sizeof origin, "http://%s", qn_httpd_address(self->httpd));
    media_object_folder_set_origin(self->folder, origin);
}

enum qn_status media_object_http_open(struct qn_part *part, struct qn_loop *loop, struct qn_error *err)
{
    struct media_object_http *self = container_of(part, struct media_object_http, part);
    const struct qn_httpd_options options = {
        .name = "media",
        .listen = self->settings->listen,
        .listen_fd = qn_app_listen_fd("http"),
        .body_max_bytes = MEDIA_OBJECT_PUT_MAX_BYTES + MEDIA_OBJECT_PUT_FRAMES_MAX,
        .drain_idle_ms = (uint64_t)self->settings->drain_idle_ms,
        .handle = handle,
        .body = body,
        .context = self,
    };
    QN_TRY(qn_httpd_open(loop, &options, &self->httpd, err));
    set_origin(self);
    qn_log(NULL, QN_INFO, "listening for browsers", QN_F_C("address", qn_httpd_address(self->httpd)),
           QN_F_C("public_url", self->folder->origin));
    return QN_OK;
}

bool media_object_http_ready(struct qn_part *part, struct qn_buf *detail)
{
    struct media_object_http *self = container_of(part, struct media_object_http, part);
    qn_buf_printf(detail, "listening on %s, for %s", qn_httpd_address(self->httpd), self->folder->origin);
    return true;
}

static void finished(struct media_object_http *self)
{
    void (*done)(struct qn_part *) = self->done;
    self->done = NULL;
    done(&self->part);
}

static void on_drained(void *context)
{
    finished(context);
}

static void on_closed(void *context)
{
    struct media_object_http *self = context;
    self->httpd = NULL;
    finished(self);
}

void media_object_http_drain(struct qn_part *part, uint64_t limit_ms, void (*done)(struct qn_part *part))
{
    struct media_object_http *self = container_of(part, struct media_object_http, part);
    self->done = done;
    qn_httpd_drain(self->httpd, limit_ms, on_drained, self);
}

void media_object_http_close(struct qn_part *part, void (*done)(struct qn_part *part))
{
    struct media_object_http *self = container_of(part, struct media_object_http, part);
    self->done = done;
    qn_httpd_close(self->httpd, on_closed, self);
}
