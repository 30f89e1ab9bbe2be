#ifndef MEDIA_OBJECT_DELETE_H
#define MEDIA_OBJECT_DELETE_H

#include "services/media/folder/object_http.h"

/* Answers a signed DELETE of a key: 204, also when there was no such object. */
void media_object_delete_http(struct media_object_http *http, struct qn_exchange *exchange);

#endif
