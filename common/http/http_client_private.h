#ifndef QN_HTTP_HTTP_CLIENT_PRIVATE_H
#define QN_HTTP_HTTP_CLIENT_PRIVATE_H

#include <http_parser.h>

#include "common/core/buf.h"
#include "common/core/listen.h"
#include "common/http/http_client.h"
#include "common/loop/poll.h"
#include "common/loop/resolve.h"

/* Shared by the files of the client only (and its tests):
 *
 *   http_client.c   the client: what waits, the connections there are, whether to open more, the close
 *   http_request.c  one request: packed, started, ended
 *   http_link.c     one connection: connect, write, read, keep
 *   http_answer.c   one answer: bytes in, code, headers and body in the arena out
 *   http_url.c      the url of the options
 */

/* What one read takes, in one buffer that all connections of a client share: it is parsed before the next
 * read, and stays in the processor's cache. */
enum { QN_HTTP_READ_BYTES = 64 * 1024 };

/* http_url.c */

enum { QN_HTTP_HOST_MAX = 255 }; /* RFC 1035 section 2.3.4 */

struct qn_http_url {
    char host[QN_HTTP_HOST_MAX + 1];       /* a name or a numeric address, IPv6 without brackets */
    char authority[QN_HTTP_HOST_MAX + 10]; /* for "Host": as it stood, "[::1]:8080" */
    unsigned port;
};

QN_MUST_USE enum qn_status qn_http_url_parse(const char *text, struct qn_http_url *ret_url,
                                             struct qn_error *err);

/* http_answer.c */

enum qn_http_step {
    QN_HTTP_HEAD,
    QN_HTTP_BODY,
    QN_HTTP_WHOLE,
    QN_HTTP_BROKEN, /* 'status' and 'message' say how */
};

struct qn_http_span {
    uint32_t name_at, name_len, value_at, value_len; /* counted from the head's first byte */
};

/* Reads one answer after the other. Whatever the bytes, and however they are cut into pieces, the outcome is
 * the same. */
struct qn_http_answer {
    enum qn_http_step step;
    bool begun; /* a byte has come */
    bool keep;  /* whole: the connection may carry another */
    enum qn_status status;
    const char *message; /* static */

    unsigned code;
    struct qn_header *headers;
    size_t n_headers;
    struct qn_str body;

    /* Private from here. */
    struct http_parser parser;
    struct qn_arena *arena;
    size_t head_max_bytes, body_max_bytes;
    bool head_only;
    bool interim_over; /* an interim answer has just ended */
    unsigned n_interim;

    const char *head;   /* its first byte, in the piece at hand or in 'held' */
    struct qn_buf held; /* the head so far, when it comes in several pieces */
    size_t head_end;    /* of what was seen of it, from its first byte */
    bool in_value;      /* of the last header */
    bool in_trailer;
    size_t trailer_bytes;
    size_t n_spans;
    struct qn_http_span spans[QN_HTTP_HEADERS_MAX];

    const char *unchecked; /* where the bytes begin that are no body and whose line ends were not looked at */
    bool after_cr;
    bool after_chunk;

    char *room; /* for a body of known length, in the arena; NULL: it is gathered */
    size_t room_bytes;
    struct qn_buf gathered;
};

void qn_http_answer_init(struct qn_http_answer *answer, size_t head_max_bytes, size_t body_max_bytes);
void qn_http_answer_fini(struct qn_http_answer *answer);

/* A new one is expected, and goes into 'arena'. 'head_only': the request was HEAD. */
void qn_http_answer_begin(struct qn_http_answer *answer, struct qn_arena *arena, bool head_only);

/* Takes bytes until the answer is whole or broken; returns how many of them were its own. The bytes may be
 * forgotten afterwards. Requires: bytes.len > 0, and the answer is neither whole nor broken. */
size_t qn_http_answer_feed(struct qn_http_answer *answer, struct qn_str bytes);

/* Nothing more will come: true when that makes it whole (a body without length). */
bool qn_http_answer_end(struct qn_http_answer *answer);

/* Where at least 'min' bytes of body are still to come of which the length is known: their place, to be read
 * into directly and fed from there. Otherwise NULL. */
char *qn_http_answer_room(const struct qn_http_answer *answer, size_t min, size_t *ret_bytes);

/* http_link.c */

enum qn_http_link_state { QN_HTTP_CONNECTING, QN_HTTP_IDLE, QN_HTTP_BUSY };

struct qn_http_link {
    struct qn_node node; /* in the client's list of this state */
    struct qn_http_client *client;
    enum qn_http_link_state state;
    int fd;
    struct qn_poll *poll;
    size_t attempts;       /* addresses tried */
    struct qn_timer timer; /* until when to connect */

    struct qn_http_request *request; /* while busy */
    size_t sent;                     /* bytes of it */
    bool cannot_send;                /* a write failed: what the other end has said may still be read */
    uint64_t n_answers;
    struct qn_http_answer answer;
};

/* Begins to connect; ends in qn_http_client_connected() or _connect_failed(), perhaps from within this call.
 */
void qn_http_link_open(struct qn_http_client *client);
/* Gives it a request. Nothing is ended from within this call. Requires: the link is idle. */
void qn_http_link_send(struct qn_http_link *link, struct qn_http_request *request);
/* Closes and frees it. Requires: its request was taken away. */
void qn_http_link_close(struct qn_http_link *link);
/* Leaves its request to the caller. */
struct qn_http_request *qn_http_link_take(struct qn_http_link *link);

/* http_client.c */

enum { QN_HTTP_STATES = QN_HTTP_BUSY + 1, QN_HTTP_TROUBLE_MAX = 512 };

struct qn_http_client {
    struct qn_loop *loop;
    struct qn_http_client_options options; /* defaults filled in */
    struct qn_http_url url;

    struct qn_list links[QN_HTTP_STATES];
    struct qn_list waiting; /* requests, for any connection */
    struct qn_list again;   /* requests, for one that nobody has used */
    struct qn_list ended;   /* requests that are to be told */
    struct qn_later tell;

    struct qn_listen_address addresses[QN_RESOLVE_MAX];
    size_t n_addresses;
    size_t good_address; /* that answered last */
    bool is_name;
    uint64_t resolved_ms;
    bool resolving;
    struct qn_resolve resolve;

    bool down;             /* the last attempt to connect failed: one at a time */
    struct qn_timer pause; /* until the next attempt, while other connections serve */

    bool closing;
    void (*closed)(void *context);
    void *closed_context;

    char trouble[QN_HTTP_TROUBLE_MAX]; /* the last failure to connect, in words */
    char buffer[QN_HTTP_READ_BYTES];
};

/* Gives waiting requests to idle connections and opens new ones. Nothing is ended from within this call. To
 * be called after whatever makes a request wait or a connection idle or gone. */
void qn_http_client_pump(struct qn_http_client *client);
void qn_http_client_connected(struct qn_http_link *link);
/* The link is gone; client->trouble says why. */
void qn_http_client_connect_failed(struct qn_http_client *client);
/* 'request' (its end filled in) is told later in this turn. */
void qn_http_client_tell(struct qn_http_client *client, struct qn_http_request *request);

/* http_request.c */

/* Each: the request is in no list and on no link. The first enters 'done': the last thing that a callback
 * does. */
void qn_http_request_end(struct qn_http_request *request, enum qn_status status, const char *message);
void qn_http_request_end_later(struct qn_http_request *request, enum qn_status status, const char *message);

#endif
