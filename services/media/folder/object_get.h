#ifndef MEDIA_OBJECT_GET_H
#define MEDIA_OBJECT_GET_H

#include "services/media/folder/object_http.h"

/* Answers a GET or HEAD: of a public object; signed, of any, or of the bucket, which lists; of anything else
 * with 404 or 403. */
void media_object_get(struct media_object_http *http, struct qn_exchange *exchange);

#endif
