#ifndef QN_HTTP_HTTP_CLIENT_H
#define QN_HTTP_HTTP_CLIENT_H

#include "common/core/arena.h"
#include "common/core/list.h"
#include "common/core/status.h"
#include "common/core/str.h"
#include "common/http/httpd.h" /* struct qn_header */
#include "common/loop/loop.h"
#include "common/loop/timer.h"

/* An HTTP/1.1 client on the loop: keep-alive connections to one origin, one request at a time on each (no
 * pipelining). Parsed by http-parser, which only this room includes.
 *
 * A request takes the connection that has been idle longest, so that all of them stay in use; where none is
 * idle one is opened, up to 'connections_max'; beyond that requests wait in order. Connections that are idle
 * stay open until the server closes them. */
struct qn_http_client;

struct qn_http_client_options {
    const char *url; /* "http://127.0.0.1:8080": scheme, host and port (80 when left out); a numeric address,
                        IPv6 in brackets, or a name; a path is refused, and so is https */
    unsigned connections_max; /* 0: 8 */
    size_t queue_max;         /* requests that wait for a connection; 0: 8,192; more: QN_RESOURCE_EXHAUSTED */
    size_t head_max_bytes;    /* of an answer; 0, and at most: 64 KiB (http-parser itself ends at 80) */
    size_t body_max_bytes;    /* of an answer; 0: 4 MiB */
    uint64_t connect_timeout_ms; /* for each of a name's addresses; 0: 2,000 */
};

/* Headers of an answer; more are QN_RESOURCE_EXHAUSTED. Servers' own limits lie at about 100. */
enum { QN_HTTP_HEADERS_MAX = 128 };

/* Copies the options. Connects at need, not here. QN_INVALID_ARGUMENT: 'err' says what is wrong with the url;
 * QN_RESOURCE_EXHAUSTED. */
QN_MUST_USE enum qn_status qn_http_client_open(struct qn_loop *loop,
                                               const struct qn_http_client_options *options,
                                               struct qn_http_client **ret_client, struct qn_error *err);
/* Outstanding requests end with QN_CANCELLED first, and what is started from now on does too. 'closed' (NULL:
 * nothing) runs later, never from within this call. */
void qn_http_client_close(struct qn_http_client *client, void (*closed)(void *context), void *context);

/* One request: embed it, zero it first. It belongs to the client from start until 'done' has been entered; in
 * 'done' it may be freed or started again. */
struct qn_http_request {
    /* The answer, valid from 'done' on; all of it lives in the arena given at the start. */
    enum qn_status status;     /* QN_OK: an HTTP answer came, whatever its code */
    const char *message;       /* of a failure, for people; static or in the arena */
    unsigned http_status;      /* 200 to 999: interim answers (1xx) are skipped */
    struct qn_header *headers; /* as sent, blanks around values removed; trailers are left out */
    size_t n_headers;
    struct qn_str body; /* chunks put together; not decompressed */
    /* Private from here: the room's own (http_client_private.h says what). */
    struct qn_node node;
    struct qn_timer timer; /* the deadline; runs until the end is known */
    struct qn_http_client *client;
    struct qn_http_link *link; /* the connection it travels on, NULL while it waits */
    struct qn_arena *arena;
    struct qn_str bytes; /* the packed request, in the arena */
    void (*done)(struct qn_http_request *request);
    bool idempotent;
    bool head_only; /* HEAD: its answer has no body */
    bool fresh;     /* it waits for a connection that nobody has used */
    unsigned tries; /* connections it was given to */
};

struct qn_http_ask {
    const char *method; /* "POST"; CONNECT is refused */
    struct qn_str path; /* with the query, begins with '/' */
    /* Host (unless it is among these) and Content-Length are added. Content-Length, Transfer-Encoding,
     * Connection and Upgrade are the client's own and refused here. */
    const struct qn_header *headers;
    size_t n_headers;
    struct qn_str body;
    /* It may be sent once more when a kept connection turned out to be closed (RFC 9110 section 9.2.2). */
    bool idempotent;
};

/* 'ask' is copied before this returns. 'done' runs once, on the loop, never from within this call. Statuses:
 *
 *   QN_DEADLINE_EXCEEDED   no whole answer in time; the connection it was on is closed
 *   QN_UNAVAILABLE         certainly not sent: no connection. Nothing is tried again: when connecting fails
 *                          and no other connection is open, all that wait end so at once
 *   QN_UNKNOWN             sent, and the connection ended before the whole answer was there
 *   QN_INTERNAL            the answer was no HTTP, or its framing can be read in two ways (two lengths, a
 *                          length and chunks, bare CR or LF, folded lines, …)
 *   QN_RESOURCE_EXHAUSTED  queue full, answer over a limit, the arena's ceiling
 *   QN_INVALID_ARGUMENT    a method or header that is none, or refused; a header with CR, LF or NUL; a path
 *                          that does not begin with '/' or has blanks
 *   QN_CANCELLED           by qn_http_request_cancel() or qn_http_client_close()
 *
 * An answer that comes before the request has been sent whole is taken, and the connection closed. Requires:
 * the request is not under way; the arena outlives 'done'. */
void qn_http_request_start(struct qn_http_request *request, struct qn_http_client *to,
                           const struct qn_http_ask *ask, uint64_t timeout_ms, struct qn_arena *arena,
                           void (*done)(struct qn_http_request *request));

/* 'done' still comes, with QN_CANCELLED, later in this turn; the connection it was on is closed. Does nothing
 * when it has ended, or its end is about to be told. */
void qn_http_request_cancel(struct qn_http_request *request);

/* The value of the first header of this name (any case); ptr NULL when there is none. */
struct qn_str qn_http_request_header(const struct qn_http_request *request, const char *name);

#endif
