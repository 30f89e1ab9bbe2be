#ifndef MEDIA_S3_OPERATION_H
#define MEDIA_S3_OPERATION_H

#include "services/media/object.h"
#include "services/media/s3/call.h"

/* One operation of the seam as calls to the bucket. For store.c. The request is done with as
 * media_object_head() and the others say; not before this returns. */
void media_s3_operation_start(struct media_s3_client *client, struct media_object_store *store,
                              struct media_object_request *request);

/* Asks for up to 'max' keys that begin with 'prefix' and come after 'after': sets the call's question. */
void media_s3_operation_ask_list(struct media_s3_question *question, struct qn_str prefix,
                                 struct qn_str after, const char *max);

#endif
