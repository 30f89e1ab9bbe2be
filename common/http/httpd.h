#ifndef QN_HTTP_HTTPD_H
#define QN_HTTP_HTTPD_H

#include "common/core/arena.h"
#include "common/core/status.h"
#include "common/core/str.h"
#include "common/loop/loop.h"

/* An HTTP/1.1 server on the loop: libmicrohttpd, which only this room includes, in epoll mode, its descriptor
 * polled. */
struct qn_httpd;
struct qn_exchange;

struct qn_httpd_options {
    const char *name;   /* label of its metrics; static */
    const char *listen; /* "127.0.0.1:8080", "[::1]:0"; port 0 picks a free one */
    int listen_fd; /* an open listening socket to use instead (LISTEN_FDS); 0: none. It is never closed, only
                      let go */
    unsigned connections_max; /* 0: 4,096; what comes beyond waits in the listen queue */
    size_t body_max_bytes;    /* 0: 1 MiB */
    /* Of all bodies together that are gathered or being answered, but for the first 16 KiB of each; 0: 16 of
     * the largest. What comes beyond is read and forgotten, and answered 503 before any handler sees it. */
    size_t bodies_max_bytes;
    /* Request line and headers; 0: 16 KiB, as Node; larger: 431 or 414. A connection's memory follows it and
     * is cleared for every request: with 1,000 connections a request cost 9 µs at 8 KiB, 10 at 16, 15 at 32.
     */
    size_t head_max_bytes;
    /* 0: 75. So long a connection may be idle, and the head of a request may take; bodies and answers may
     * take longer while at least 1,000 bytes a second flow. */
    unsigned idle_timeout_s;
    /* What a draining server still waits for the next request of a connection that is idle, at most half of
     * the drain's limit; 0: it is closed at once. */
    uint64_t drain_idle_ms;
    size_t arena_max_bytes; /* of an exchange; 0: 8 MiB */

    /* The whole request is there: on the loop, once an exchange. Answer with qn_exchange_reply(), now or
     * later. */
    void (*handle)(void *context, struct qn_exchange *exchange);

    /* Optional: takes the body piece by piece instead of gathering it. Called with the head known, for each
     * piece. False: no more of it is wanted; 'handle' still runs at the end, with body_refused set. */
    bool (*body)(void *context, struct qn_exchange *exchange, struct qn_str piece);
    void *context;
};

/* Listens when it returns QN_OK; SIGPIPE is ignored from then on. With RLIMIT_NOFILE too small for
 * 'connections_max' it takes fewer, and logs it. QN_INVALID_ARGUMENT, QN_ALREADY_EXISTS (address in use),
 * QN_PERMISSION_DENIED: 'err' says. */
QN_MUST_USE enum qn_status qn_httpd_open(struct qn_loop *loop, const struct qn_httpd_options *options,
                                         struct qn_httpd **ret_httpd, struct qn_error *err);

/* "127.0.0.1:41873", with the real port. Valid until close. */
const char *qn_httpd_address(const struct qn_httpd *httpd);

/* Takes no new connections (they wait in the socket's queue for whoever holds it next), answers what is in
 * hand and what still comes with "Connection: close", closes idle connections after 'drain_idle_ms'.
 * 'drained' runs when no connection is left or 'limit_ms' have passed. */
void qn_httpd_drain(struct qn_httpd *httpd, uint64_t limit_ms, void (*drained)(void *context), void *context);

/* Cuts what connections are left; exchanges that were not answered yet are ended first ('gone' runs). */
void qn_httpd_close(struct qn_httpd *httpd, void (*closed)(void *context), void *context);

struct qn_header {
    struct qn_str name, value;
};

/* One request and its answer. Lives from the first callback until the answer has been sent or the connection
 * was lost; its memory is not touched by the owner after qn_exchange_reply(), or after 'gone' has run. */
struct qn_exchange {
    struct qn_str method; /* as sent: methods are case-sensitive */
    struct qn_str path;   /* as sent, not decoded, without the query; begins with '/' */
    struct qn_str query;  /* as sent, without '?' */
    struct qn_str body;   /* empty with a 'body' callback */
    bool body_too_large;  /* over body_max_bytes (body is empty) */
    bool body_refused;
    struct qn_str peer; /* numeric address of the other end, without port */
    struct qn_arena *arena;
    void *user; /* the owner's */
    /* Set it to hear that the client hung up before the answer: stop work; nothing is to be answered; the
     * exchange is gone when it returns. It never runs after qn_exchange_reply(). A client that closes only
     * its sending half is taken for gone too. Left NULL, the answer is still owed, and thrown away. */
    void (*gone)(struct qn_exchange *exchange);
};

/* The value of the first header of this name (any case); ptr NULL when there is none. Valid as long as the
 * exchange. */
struct qn_str qn_exchange_header(const struct qn_exchange *exchange, const char *name);

/* The values of all headers of this name, in their order, with ", " between them (RFC 9110 section 5.3), in
 * the exchange's arena when there are several; ptr NULL when there is none, or no memory for them. */
struct qn_str qn_exchange_header_list(const struct qn_exchange *exchange, const char *name);

/* How many bytes of body were announced (Content-Length), -1 when chunked or none was said. */
int64_t qn_exchange_content_length(const struct qn_exchange *exchange);

/* A decoded query parameter, the first of its name, in the exchange's arena; ptr NULL when absent or badly
 * encoded. */
struct qn_str qn_exchange_query(const struct qn_exchange *exchange, const char *name);

/* Answers. Headers and body are copied before this returns; Content-Length, Date and Connection are added. A
 * header value with CR, LF or NUL is dropped with a log line. HEAD gets the head alone. */
void qn_exchange_reply(struct qn_exchange *exchange, unsigned status, const struct qn_header *headers,
                       size_t n_headers, struct qn_str body);

/* The same with a body from an open file, which is closed when it has been sent. */
void qn_exchange_reply_file(struct qn_exchange *exchange, unsigned status, const struct qn_header *headers,
                            size_t n_headers, int fd, uint64_t offset, uint64_t length);

#endif
