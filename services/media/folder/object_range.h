#ifndef MEDIA_OBJECT_RANGE_H
#define MEDIA_OBJECT_RANGE_H

#include "common/core/str.h"

/* Conditional and partial reads (RFC 9110, sections 13 and 14). Pure functions; any thread. */

enum media_object_range {
    MEDIA_OBJECT_RANGE_ALL, /* none, several, or a malformed one, which RFC 9110 lets us ignore */
    MEDIA_OBJECT_RANGE_PART,
    MEDIA_OBJECT_RANGE_BAD, /* begins after the end: 416 */
};

/* 'header': the Range header, or empty. The two results are set with PART, lie within the size, and are at
 * least one byte. */
enum media_object_range media_object_range_read(struct qn_str header, uint64_t size_bytes,
                                                uint64_t *ret_offset, uint64_t *ret_length);

/* Whether an If-None-Match header ("*", or quoted ETags with commas between, weak or not) names this ETag,
 * which is given without quotes. */
bool media_object_etag_matches(struct qn_str header, struct qn_str etag);

#endif
