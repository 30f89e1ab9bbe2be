#ifndef MEDIA_OBJECT_HTTP_H
#define MEDIA_OBJECT_HTTP_H

#include "common/http/httpd.h"
#include "services/media/folder/object_folder.h"

/* The embedded store as browsers see it. A part of the service; open it after the folder.
 *
 *   GET, HEAD /photos/…            a public object: ETag, Cache-Control, Range, conditions
 *   PUT, GET, HEAD, DELETE /quintet/<key>   any object, with a signature in the query or in Authorization;
 *                                  as S3 answers, its errors as XML
 *   GET /quintet?list-type=2       S3's ListObjectsV2, signed
 *   OPTIONS                        the browser's question before an upload from another origin
 *
 * All else is refused, and what asks for more of S3 (copies, parts, ACLs, versions) with 501. */
struct media_object_http {
    struct qn_part part;
    const struct media_settings *settings;
    struct media_object_folder *folder;
    struct qn_httpd *httpd;             /* NULL unless open */
    void (*done)(struct qn_part *part); /* private: of the drain or close that runs */
};

#define MEDIA_OBJECT_HTTP(settings_, folder_)                                                                \
    {                                                                                                        \
        .part = {.name = "http",                                                                             \
                 .open = media_object_http_open,                                                             \
                 .ready = media_object_http_ready,                                                           \
                 .drain = media_object_http_drain,                                                           \
                 .close = media_object_http_close},                                                          \
        .settings = (settings_), .folder = (folder_)                                                         \
    }

enum qn_status media_object_http_open(struct qn_part *part, struct qn_loop *loop, struct qn_error *err);
bool media_object_http_ready(struct qn_part *part, struct qn_buf *detail);
void media_object_http_drain(struct qn_part *part, uint64_t limit_ms, void (*done)(struct qn_part *part));
void media_object_http_close(struct qn_part *part, void (*done)(struct qn_part *part));

#endif
