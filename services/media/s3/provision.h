#ifndef MEDIA_S3_PROVISION_H
#define MEDIA_S3_PROVISION_H

#include "common/core/buf.h"

/* quintet-media --provision: gives the bucket its CORS rule, without which no browser sends a picture to it,
 * and prints the rule. For struct qn_verb; makes a loop of its own. */
int media_s3_provision(void *settings);

/* The rule, as PutBucketCors wants it and as R2's and AWS's consoles do: the pages of 'origins'
 * (QUINTET_MEDIA_CORS_ORIGINS: "*", or origins with commas between) may PUT with the headers that are signed,
 * and read. Failed over the ceiling of 'to'. */
void media_s3_provision_xml(const char *origins, struct qn_buf *to);
void media_s3_provision_json(const char *origins, struct qn_buf *to);

#endif
