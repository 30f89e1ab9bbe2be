#ifndef MEDIA_OBJECT_PUT_H
#define MEDIA_OBJECT_PUT_H

#include "services/media/folder/object_http.h"

/* 10 MiB: proto/media.proto. */
enum { MEDIA_OBJECT_PUT_MAX_BYTES = 10485760 };

/* What aws-chunked may put around it (object_chunked.h). */
enum { MEDIA_OBJECT_PUT_FRAMES_MAX = 1 << 20 };

/* Takes a signed PUT: media_object_put_piece() for each piece of its body (qn_httpd_options.body), then
 * media_object_put() once, which answers. */
bool media_object_put_piece(struct media_object_http *http, struct qn_exchange *exchange,
                            struct qn_str piece);
void media_object_put(struct media_object_http *http, struct qn_exchange *exchange);

#endif
