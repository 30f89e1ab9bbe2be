#ifndef MEDIA_OBJECT_LIST_H
#define MEDIA_OBJECT_LIST_H

#include "services/media/folder/object_gate.h"

/* S3's ListObjectsV2, for requests that have passed the gate: prefix, start-after, continuation-token,
 * max-keys; without delimiters, owners and ETags (which would open every file). */

/* What the query may say. */
#define MEDIA_OBJECT_LIST_PARAMS                                                                             \
    "list-type,prefix,start-after,continuation-token,max-keys,delimiter,encoding-type,fetch-owner"

void media_object_list_http(struct media_object_http *http, struct qn_exchange *exchange,
                            const struct media_object_pass *pass);

#endif
