#ifndef MEDIA_S3_TRANSFER_H
#define MEDIA_S3_TRANSFER_H

#include "common/core/buf.h"
#include "common/loop/loop.h"

/* HTTP requests by libcurl's multi interface on the service's loop: libcurl says which sockets and which
 * timer it wants, common/loop watches them. One server a carrier, connections kept alive, HTTP/1.1, no
 * proxy, no .netrc, no redirects, certificates verified. Nothing here knows of S3.
 *
 * libcurl never looks up a name: its resolver's thread cannot be interrupted, and whoever ends a transfer in
 * that moment waits for it, the whole loop with it. The addresses are given along (address.h).
 *
 * All on the loop's thread. */
struct media_s3_carrier;

struct media_s3_carrier_options {
    const char *ca_file;    /* PEM; empty: the system's authorities */
    size_t connections_max; /* kept alive between transfers */
    uint64_t connect_ms;    /* the longest wait for a connection, TLS included */
    uint64_t stall_ms;      /* the longest that nothing may move in between; whole seconds */
};

/* QN_INVALID_ARGUMENT: the CA file cannot be read. Options are copied, except for the file's name. */
QN_MUST_USE enum qn_status media_s3_carrier_open(struct qn_loop *loop,
                                                 const struct media_s3_carrier_options *options,
                                                 struct media_s3_carrier **ret_carrier, struct qn_error *err);
/* Ends the connections; nothing of it is left on the loop. Requires: no transfer is under way, and this is
 * not called from a 'done'. */
void media_s3_carrier_close(struct media_s3_carrier *carrier);

enum media_s3_result {
    MEDIA_S3_ANSWERED,    /* a whole answer came: 'code' */
    MEDIA_S3_UNREACHABLE, /* no connection: nothing was sent */
    MEDIA_S3_UNTRUSTED,   /* its certificate is not what it should be: nothing was sent */
    MEDIA_S3_BROKEN,    /* it ended or stood still midway, or what came was no HTTP, or had an endless head */
    MEDIA_S3_TOO_LARGE, /* a 2xx with more than 'into' may hold */
    MEDIA_S3_LATE,      /* the deadline */
    MEDIA_S3_CROWDED,   /* too many wait in front of it (line.h): nothing was sent */
    MEDIA_S3_NO_MEMORY,
};

enum {
    MEDIA_S3_HEADERS_MAX = 12,          /* of a request */
    MEDIA_S3_HEAD_BYTES_MAX = 16384,    /* of an answer; S3's take a few hundred */
    MEDIA_S3_REFUSAL_BYTES_MAX = 16384, /* of an answer that is no success; what follows is cut off */
    MEDIA_S3_VALUE_MAX = 127,           /* of a header that is kept; a longer one counts as absent */
};

/* One exchange. Embed it; zero it first. It belongs to the carrier from start until 'done' or cancel; what it
 * points to must stay as long. */
struct media_s3_transfer {
    /* The request. */
    const char *method; /* "GET" */
    const char *url;
    const char *address; /* "host:port:192.0.2.1,[2001:db8::1]"; NULL when the host is numeric itself */
    const char *headers[MEDIA_S3_HEADERS_MAX]; /* "name: value"; NULL ends */
    struct qn_str body;                        /* ptr NULL: none */
    uint64_t deadline_ms;                      /* of qn_clock_now_ms() */
    struct qn_buf *into; /* for the body of a 2xx: its ceiling is the bound. NULL: a short one is dropped */

    /* The answer, in 'done'. */
    enum media_s3_result result;
    long code;
    char etag[MEDIA_S3_VALUE_MAX + 1]; /* as it stands in the header */
    char content_type[MEDIA_S3_VALUE_MAX + 1];
    char content_range[MEDIA_S3_VALUE_MAX + 1];
    int64_t content_length; /* -1: not said */
    int64_t touched_s;      /* Last-Modified, since 1970; -1: not said */
    uint32_t retry_after_s; /* 0: not said, or a date */
    struct qn_buf refusal;  /* the body of anything but a 2xx; media_s3_transfer_fini() frees it */
    const char *why;        /* libcurl's words, static; NULL when it was answered */

    /* Private from here. */
    struct media_s3_carrier *carrier; /* NULL unless under way */
    void *easy;
    void *header_list, *resolve_list;
    size_t head_bytes;
    int cut;
    bool head_ended, framed;
    struct qn_later later;
    void (*done)(struct media_s3_transfer *transfer);
};

/* 'done' comes exactly once, unless it is cancelled. */
void media_s3_transfer_start(struct media_s3_carrier *carrier, struct media_s3_transfer *transfer,
                             void (*done)(struct media_s3_transfer *transfer));
/* Ends it at once; no 'done' follows. Does nothing if it is not under way. */
void media_s3_transfer_cancel(struct media_s3_transfer *transfer);

/* Whether it has a connection, so that the server may know of it. False if it is not under way. */
bool media_s3_transfer_connected(const struct media_s3_transfer *transfer);

/* Frees what an answer left. Not while it is under way. */
void media_s3_transfer_fini(struct media_s3_transfer *transfer);

#endif
