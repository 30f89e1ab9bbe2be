#ifndef QN_TESTS_UNIT_COMMON_HTTP_SITE_H
#define QN_TESTS_UNIT_COMMON_HTTP_SITE_H

#include "common/http/httpd.h"

/* A server for the tests of this room, on a free port of the loop fixture's loop:
 *
 *   /later   is answered by site_answer(), and counts in 'gone' when the client hangs up before
 *   /deaf    the same, without listening for the client's end
 *   /file    FILE_BYTES bytes of a file
 *   /large   LARGE_BYTES bytes
 *   else     "METHOD path?query body-bytes:body flags", 200
 */
enum { SITE_FILE_BYTES = 3 * 1024 * 1024, SITE_LARGE_BYTES = 6 * 1024 * 1024, SITE_WAITING_MAX = 64 };

struct site {
    struct qn_loop *loop;
    struct qn_httpd *httpd;
    struct qn_httpd_options options; /* as opened */
    size_t handled;
    size_t gone;
    struct qn_exchange *waiting[SITE_WAITING_MAX];
    size_t n_waiting;
    size_t pieces, piece_bytes; /* of the body callback */
    size_t refuse_after;        /* pieces; 0: takes all */
    bool drained, closed;
    int file;
    char *large;
};

/* Zeroed options but for what is set; handle, context, name and listen are filled in. */
void site_open(struct site *site, struct qn_loop *loop, struct qn_httpd_options options);
void site_answer(struct site *site, size_t i, unsigned status, const char *body);
void site_drain(struct site *site, uint64_t limit_ms);
/* Closes and waits. */
void site_close(struct site *site);
/* Takes the body callback. */
bool site_take_piece(void *context, struct qn_exchange *exchange, struct qn_str piece);
/* Of a metric's series in the rendered text, 0 when it is not there: "quintet_http_refused_total{…}". */
double site_metric(const char *series);

#endif
