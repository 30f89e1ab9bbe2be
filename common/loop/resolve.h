#ifndef QN_LOOP_RESOLVE_H
#define QN_LOOP_RESOLVE_H

#include "common/loop/loop.h"

enum { QN_RESOLVE_MAX = 32, QN_ADDRESS_TEXT_MAX = 64 };

/* One look-up of a host name, off the loop (getaddrinfo on one of four threads). Embed it; zero it first. */
struct qn_resolve {
    void *handle;         /* private, as are the next four: the look-up, while a thread may have it */
    struct qn_loop *loop; /* NULL: idle */
    struct qn_later later;
    enum qn_status known; /* the outcome of one without a thread */
    bool cancelled;
    void (*done)(struct qn_resolve *resolve, enum qn_status status);
    /* Numeric addresses without port, IPv6 without brackets, valid in 'done' when the status is QN_OK (then
     * at least one), in the resolver's order, without repeats. */
    char addresses[QN_RESOLVE_MAX][QN_ADDRESS_TEXT_MAX];
    size_t n_addresses;
};

/* done: QN_OK; QN_NOT_FOUND (no such name); QN_UNAVAILABLE (no answer now, or the name service failed);
 * QN_CANCELLED. A numeric 'host' is answered without a look-up. 'host' is copied. */
void qn_resolve_start(struct qn_loop *loop, struct qn_resolve *resolve, const char *host,
                      void (*done)(struct qn_resolve *resolve, enum qn_status status));
/* 'done' still comes, with QN_CANCELLED, and soon: a getaddrinfo that runs is left behind on its thread. */
void qn_resolve_cancel(struct qn_resolve *resolve);

#endif
