#ifndef MEDIA_OBJECT_CHUNKED_H
#define MEDIA_OBJECT_CHUNKED_H

#include "common/core/str.h"

/* Reads a body as the official clients send a stream whose hash they do not know yet: "aws-chunked", with
 * unsigned chunks and one checksum behind them ("Signature calculations for trailing headers", AWS S3 API
 * reference, for STREAMING-UNSIGNED-PAYLOAD-TRAILER):
 *
 *   size in hex CRLF bytes CRLF … 0 CRLF name:value CRLF CRLF
 *
 * It lies inside HTTP's own chunks, which httpd has taken off. A chunk with anything behind its size (the
 * signature of a signed one) is refused, as is anything behind the end. Pure functions; one thread. */

enum { MEDIA_CHUNKED_LINE_MAX = 128, MEDIA_CHUNKED_SIZE_MAX = 64 << 20 };

struct media_chunked {
    enum {
        MEDIA_CHUNKED_SIZE, /* of a chunk comes next */
        MEDIA_CHUNKED_DATA,
        MEDIA_CHUNKED_DATA_END, /* the line behind it */
        MEDIA_CHUNKED_TRAILER,
        MEDIA_CHUNKED_ENDED,
        MEDIA_CHUNKED_BROKEN
    } state;
    size_t left;                       /* of the chunk */
    char line[MEDIA_CHUNKED_LINE_MAX]; /* what has come of it */
    size_t line_len;
    char trailer[MEDIA_CHUNKED_LINE_MAX]; /* "name:value", once it has come; empty before */
};

/* Cuts the next bytes of the object off the front of '*rest'. False when '*rest' is used up, or the body is
 * broken (nothing of '*rest' counts then). Zero 'chunked' first. */
bool media_chunked_next(struct media_chunked *chunked, struct qn_str *rest, struct qn_str *ret_bytes);

/* The trailer's value, when the body has ended in order and that is its name; ptr NULL otherwise. */
struct qn_str media_chunked_trailer(const struct media_chunked *chunked, struct qn_str name);

#endif
