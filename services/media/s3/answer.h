#ifndef MEDIA_S3_ANSWER_H
#define MEDIA_S3_ANSWER_H

#include "services/media/object.h"

/* What S3 says in XML, read by expat: errors and listings. Bytes of any kind are safe: no document type (so
 * no entity of the document's own is ever expanded), UTF-8 only, at most MEDIA_S3_ANSWER_DEPTH_MAX elements
 * in one another; texts have bounds and longer ones are refused, not cut. Pure functions; any thread. */

enum {
    MEDIA_S3_ANSWER_DEPTH_MAX = 8,           /* a listing has 4: an owner's name */
    MEDIA_S3_ANSWER_LIST_BYTES_MAX = 262144, /* of MEDIA_OBJECT_LIST_MAX keys of 512 bytes with all around */
    MEDIA_S3_FAULT_CODE_MAX = 63,
    MEDIA_S3_FAULT_TEXT_MAX = 191,
};

/* An error as S3 names it. */
struct media_s3_fault {
    char code[MEDIA_S3_FAULT_CODE_MAX + 1]; /* "NoSuchKey": letters, digits and dots; empty: none was given */
    char text[MEDIA_S3_FAULT_TEXT_MAX + 1]; /* its message, cut */
};

/* All of *ret_fault is empty when this is no error document of S3's. */
void media_s3_answer_fault(struct qn_str xml, struct media_s3_fault *ret_fault);

/* A ListObjectsV2 answer. QN_DATA_LOSS: this is no listing, or not one of what was asked: a key that is not
 * safe, without the prefix, not behind 'after', out of order, or more than 'max'; 'err' says what. */
QN_MUST_USE enum qn_status media_s3_answer_list(struct qn_str xml, struct qn_str prefix, struct qn_str after,
                                                struct media_object_entry *entries, size_t max, size_t *ret_n,
                                                struct qn_error *err);

#endif
