#ifndef MEDIA_S3_LINE_H
#define MEDIA_S3_LINE_H

#include "common/core/backlog.h"
#include "common/core/list.h"
#include "common/loop/resolve.h"
#include "services/media/s3/transfer.h"

/* The one way to the server: so many transfers at once, the others wait in line, and who could not be served
 * in time is refused at once (common/core/backlog). Also knows where the server is: its name is looked up off
 * the loop, again after half a minute of use, and an address that was good stays in use while the name
 * service is not.
 *
 * All on the loop's thread. */

struct media_s3_ask {
    struct media_s3_transfer transfer; /* fill in the request, but for 'address' */
    struct qn_node node;               /* private from here */
    struct media_s3_line *line;        /* NULL unless it waits or is under way */
    uint64_t sent_us;
    struct qn_later later;
    void (*done)(struct media_s3_ask *ask);
};

enum {
    MEDIA_S3_LINE_MAX =
        1024, /* that wait; beyond the backlog's rule, for the case that it knows no speed yet */
    MEDIA_S3_HOST_MAX = 255,
};

struct media_s3_line {
    struct qn_loop *loop;
    struct media_s3_carrier *carrier;
    size_t at_once;
    struct qn_list waiting;
    size_t n_sent; /* under way */
    struct qn_backlog backlog;
    struct qn_later dispatch;

    /* Where the server is. */
    char host[MEDIA_S3_HOST_MAX + 1], port[6];
    bool numeric;
    char address[2 * MEDIA_S3_HOST_MAX + QN_RESOLVE_MAX * (QN_ADDRESS_TEXT_MAX + 3)]; /* empty: not known */
    uint64_t looked_up_ms;
    struct qn_resolve resolve;
    bool looking;

    void (*closed)(struct media_s3_line *line); /* of the close that runs */
};

/* 'scheme' is "https://" or "http://", 'host' as the Host header says it. */
QN_MUST_USE enum qn_status media_s3_line_open(struct media_s3_line *line, struct qn_loop *loop,
                                              const char *scheme, const char *host, size_t at_once,
                                              const struct media_s3_carrier_options *options,
                                              struct qn_error *err);
/* Requires: every ask was done or cancelled. 'closed' comes later; nothing is on the loop then. */
void media_s3_line_close(struct media_s3_line *line, void (*closed)(struct media_s3_line *line));

/* 'done' comes exactly once, unless it is cancelled. The deadline holds while it is under way; while it waits
 * its owner looks after it. */
void media_s3_line_start(struct media_s3_line *line, struct media_s3_ask *ask,
                         void (*done)(struct media_s3_ask *ask));
/* No 'done' follows. Does nothing if it neither waits nor is under way. */
void media_s3_line_cancel(struct media_s3_ask *ask);

#endif
