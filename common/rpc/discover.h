#ifndef QN_RPC_DISCOVER_H
#define QN_RPC_DISCOVER_H

#include "common/core/log.h"
#include "common/loop/loop.h"
#include "common/rpc/address.h"

/* Finds the peers behind an address, again and again: the sockets of a folder, the addresses of a name.
 * Inside the room. */
struct qn_discover;

enum { QN_DISCOVER_MAX = 64 };

struct qn_discover_url {
    char text[QN_ADDRESS_URL_MAX];
};

/* 'found' gets all there is now, whenever it may have changed; never from within a call of this header. When
 * nothing can be learnt (a name service that does not answer) it is not called: what was known stays. */
QN_MUST_USE enum qn_status
qn_discover_open(struct qn_loop *loop, const struct qn_address *address, const struct qn_log *log,
                 void (*found)(void *context, const struct qn_discover_url *urls, size_t n_urls),
                 void *context, struct qn_discover **ret_discover);

/* The peer at 'url' was lost, or does not answer: look soon, and remove the socket of a dead process. */
void qn_discover_suspect(struct qn_discover *discover, const char *url);

/* 'closed' runs later, once; 'found' no more. */
void qn_discover_close(struct qn_discover *discover, void (*closed)(void *context), void *context);

#endif
