#ifndef QN_HTTP_PRIVATE_H
#define QN_HTTP_PRIVATE_H

#include <microhttpd.h>

#include "common/core/buf.h"
#include "common/core/list.h"
#include "common/core/listen.h"
#include "common/core/metric.h"
#include "common/http/httpd.h"
#include "common/loop/poll.h"
#include "common/loop/timer.h"

/* Shared by the files of this room only:
 *
 *   httpd.c       the daemon: opened, run, drained, closed
 *   connection.c  one TCP connection: whose turn it is, until when, and whether the other end is still there
 *   parking.c     idle connections without memory
 *   head.c        what a request head must be, beyond what libmicrohttpd refuses itself
 *   exchange.c    one request: from its first line to the call of the owner's handler
 *   reply.c       its answer
 *   refuse.c      answers that the owner never sees, and the count of them
 */

/* Answers of ours and libmicrohttpd's own head lines must find room in the connection's pool beside the
 * request head; replies with more bytes of headers are a bug of the service and become a 500. */
enum { QN_REPLY_HEAD_MAX = 8 * 1024 };

/* Bodies and answers must flow at this many bytes a second, on average over an idle timeout: 8 kbit/s, below
 * any network that carries a phone call. */
enum { QN_FLOW_BYTES_PER_S = 1000 };

enum qn_phase {
    QN_PHASE_WAITING,   /* for a request line */
    QN_PHASE_RECEIVING, /* the rest of the request */
    QN_PHASE_HANDLING,  /* the owner's turn: no limit here, the owner has deadlines of its own */
    QN_PHASE_SENDING,   /* the answer */
    QN_PHASE_PARKED,    /* for a request line, too, but not with libmicrohttpd: see parking.c */
};

struct qn_connection {
    struct qn_node node;      /* in qn_httpd.connections */
    struct qn_node hung_node; /* in qn_httpd.hung_up; parked: in qn_httpd.woken */
    struct qn_httpd *httpd;
    struct MHD_Connection *mhd; /* NULL once it has let go of a parked one */
    int fd;
    enum qn_phase phase;
    uint64_t deadline_ms;  /* of the phase; UINT64_MAX: none */
    uint64_t flowed_bytes; /* when the deadline was set */
    uint64_t asked_bytes;  /* of all requests that are over */
    bool uncounted;        /* there were other bytes, too */
    bool used;             /* a request line came */
    bool hung_up;          /* the other end sends no more */
    bool cut;              /* by us: libmicrohttpd sees it and lets go in its next run */
    bool suspect;          /* may be what keeps libmicrohttpd busy: see qn_connection_suspect() */
    struct qn_exchange_state *exchange; /* the one in hand, or NULL */
    size_t peer_len;
    char peer[QN_PEER_TEXT_MAX];
};

enum qn_step {
    QN_STEP_HEAD,     /* the request line is known */
    QN_STEP_BODY,     /* the head is accepted */
    QN_STEP_HANDLING, /* with the owner */
    QN_STEP_REPLIED,  /* the answer is libmicrohttpd's */
    QN_STEP_ENDED,    /* nothing will be answered: the connection is to be dropped */
};

struct qn_exchange_state {
    struct qn_exchange public;
    struct qn_arena arena;            /* which the exchange itself lies in */
    struct qn_connection *connection; /* NULL: outlived by the owner (see qn_exchange_abandon) */
    enum qn_step step;
    bool in_handle;      /* the owner's handler is on the stack */
    bool shown;          /* the owner has seen it */
    bool expects_100;    /* Expect: 100-continue */
    bool chunked;        /* Transfer-Encoding: chunked */
    bool no_room;        /* all bodies together are too many: this one is not kept */
    int64_t announced;   /* Content-Length, -1: none */
    uint64_t received;   /* bytes of body so far */
    size_t target_bytes; /* of the request line */
    size_t head_bytes;   /* 0: not known */
    uint64_t handle_us;
    char *gathered;     /* room for a small announced body, in the arena; or else */
    struct qn_buf body; /* the body */
};

enum { QN_CODE_CLASSES = 4 }; /* 2xx to 5xx */

struct qn_httpd {
    struct qn_loop *loop;
    struct qn_httpd_options options; /* defaults filled in */
    char address[QN_LISTEN_TEXT_MAX];
    int listen_fd;
    bool own_listen_fd;
    size_t bodies_bytes;      /* see bodies_max_bytes */
    uint64_t drain_max_bytes; /* of a body over the limit, read and forgotten so that the client reads the
                                 answer */
    size_t pool_bytes;

    struct MHD_Daemon *daemon;
    struct qn_poll *poll; /* libmicrohttpd's epoll descriptor */
    struct qn_timer next_turn;
    struct qn_later soon;
    bool running;  /* MHD_run is on the stack */
    bool again;    /* something changed that libmicrohttpd does not say of itself */
    uint64_t news; /* what libmicrohttpd has told so far: lines, pieces, ends */

    struct qn_list connections;
    struct qn_timer sweep;
    int hangup_fd; /* an epoll descriptor of our own: a suspended connection is in none of libmicrohttpd's */
    struct qn_poll *hangup_poll;
    struct qn_list hung_up; /* connections whose hang-up is to be looked at */
    struct qn_later hangup_later;

    size_t served; /* connections that libmicrohttpd counts */
    size_t parked; /* the others */
    size_t parked_max;
    size_t served_peak;           /* since malloc's heap was trimmed */
    int dead_fd;                  /* a socket whose other end has gone */
    struct qn_list woken;         /* parked ones that wait for a place to be served */
    struct qn_connection *waking; /* the one that libmicrohttpd is being given */

    bool draining;
    uint64_t drain_idle_ms; /* drain_idle_ms of the options, within the drain's limit */
    struct qn_timer drain_limit;
    struct qn_later drain_later;
    void (*drained)(void *context);
    void *drained_context;

    bool closing;
    struct qn_later close_later;
    void (*closed)(void *context);
    void *closed_context;

    struct qn_series *requests[QN_CODE_CLASSES];
    struct qn_series *connections_gauge;
    struct qn_series *parked_gauge;
    struct qn_series *seconds;
};

/* httpd.c */

/* Has libmicrohttpd run before the loop waits again: after a reply, a resume, a cut. */
void qn_httpd_run_soon(struct qn_httpd *httpd);
/* A connection is gone. */
void qn_httpd_connection_left(struct qn_httpd *httpd);

/* connection.c */

enum qn_status qn_connection_watch_open(struct qn_httpd *httpd);
void qn_connection_watch_close(struct qn_httpd *httpd);
/* libmicrohttpd's MHD_NotifyConnectionCallback. */
void qn_connection_notify(void *context, struct MHD_Connection *mhd, void **socket_context,
                          enum MHD_ConnectionNotificationCode code);
/* NULL when there was no memory for it: then drop the connection. */
struct qn_connection *qn_connection_of(struct MHD_Connection *mhd);
void qn_connection_enter(struct qn_connection *connection, enum qn_phase phase);
/* The server drains from now on: idle connections have not long to live. */
void qn_connection_drain(struct qn_httpd *httpd);
/* libmicrohttpd was busy with nothing for a while: whether some connection may be what it is busy with. */
bool qn_connection_suspect(struct qn_httpd *httpd);
/* It has said something. */
void qn_connection_clear(struct qn_connection *connection);
/* The owner now has the exchange: should its client have hung up before, see to that. */
void qn_connection_check_hangup(struct qn_connection *connection);

/* Takes it out of the lists and frees it; its descriptor is somebody else's by now. */
void qn_connection_free(struct qn_connection *connection);

/* parking.c */

/* 'room': so many at most. */
enum qn_status qn_parking_open(struct qn_httpd *httpd, size_t room);
/* libmicrohttpd has stopped: closes what is left. */
void qn_parking_fini(struct qn_httpd *httpd);
/* Parks one that waits, if that is possible: libmicrohttpd lets go of it in its next run. Requires: it is not
 * running. */
bool qn_parking_try(struct qn_connection *connection);
/* It has let go. */
void qn_parking_let_go(struct qn_connection *connection);
/* Something happened on a parked connection. Requires: libmicrohttpd is not running. */
void qn_parking_event(struct qn_connection *connection);
/* There may be room for those that woke. Requires: the same. */
void qn_parking_room(struct qn_httpd *httpd);
void qn_parking_close(struct qn_connection *connection);
/* Gives memory back to the system when many connections have been parked, or have gone. */
void qn_parking_trim(struct qn_httpd *httpd);

/* head.c */

/* RFC 9110 section 5.6.2: a method or a header's name. */
bool qn_head_token(struct qn_str text);

/* The status to refuse this head with, or 0; fills in what the head says of the body. */
unsigned qn_head_check(struct qn_exchange_state *x, const char *url, const char *method, const char *version);

/* exchange.c */

void *qn_exchange_on_line(void *context, const char *target, struct MHD_Connection *mhd);
enum MHD_Result qn_exchange_on_request(void *context, struct MHD_Connection *mhd, const char *url,
                                       const char *method, const char *version, const char *piece,
                                       size_t *piece_bytes, void **request_context);
void qn_exchange_on_completed(void *context, struct MHD_Connection *mhd, void **request_context,
                              enum MHD_RequestTerminationCode code);
/* Tells the owner that there is nobody to answer, and has the connection dropped. Nothing happens when the
 * owner does not listen: its answer is thrown away later. Requires: QN_STEP_HANDLING. */
void qn_exchange_end(struct qn_exchange_state *x);
/* As above, for a connection that is dropped at once: an exchange whose owner does not listen then stays in
 * memory, alone, until it is answered. */
void qn_exchange_abandon(struct qn_exchange_state *x);
/* Answered and sent, or lost: frees it. Requires: it has its connection. */
void qn_exchange_over(struct qn_exchange_state *x);
void qn_exchange_free(struct qn_exchange_state *x);

/* refuse.c */

/* Answers with a line of text and closes the connection. Requires: QN_STEP_HEAD, or QN_STEP_BODY with all of
 * it read, in libmicrohttpd's callback. */
enum MHD_Result qn_refuse(struct qn_exchange_state *x, unsigned status);
void qn_refuse_count(const struct qn_httpd *httpd, const char *reason);
void qn_refuse_log(void *context, const char *format, va_list args); /* libmicrohttpd's logger */

#endif
