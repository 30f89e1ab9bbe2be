#ifndef QN_RPC_ADDRESS_H
#define QN_RPC_ADDRESS_H

#include <stddef.h>
#include <stdint.h>

#include "common/core/status.h"

/* The addresses that servers listen on and clients are given. Inside the room. */

enum qn_address_kind {
    QN_ADDRESS_TCP,    /* tcp://host:port, tcp://[::1]:port */
    QN_ADDRESS_TLS,    /* tls+tcp://host:port */
    QN_ADDRESS_FOLDER, /* ipc:///folder: every socket in it */
    QN_ADDRESS_SOCKET, /* ipc:///folder/12.sock: this one */
    QN_ADDRESS_INPROC, /* inproc://name */
};

/* RFC 1035 gives a name 253 characters; the path may be long, for it can be shortened (folder.h). */
enum { QN_ADDRESS_HOST_MAX = 254, QN_ADDRESS_PATH_MAX = 1024, QN_ADDRESS_URL_MAX = 320 };

struct qn_address {
    enum qn_address_kind kind;
    char host[QN_ADDRESS_HOST_MAX]; /* without brackets */
    uint16_t port;
    char path[QN_ADDRESS_PATH_MAX]; /* of ipc: absolute; of inproc: the name */
};

/* QN_INVALID_ARGUMENT says what is wrong. A relative ipc path is taken from the working directory. */
QN_MUST_USE enum qn_status qn_address_parse(const char *text, struct qn_address *ret_address,
                                            struct qn_error *err);

/* The url of one TCP or TLS peer, for transport.h. 'host' is numeric or a name, without brackets. */
void qn_address_url(enum qn_address_kind kind, const char *host, uint16_t port, char to[QN_ADDRESS_URL_MAX]);

#endif
