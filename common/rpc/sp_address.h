#ifndef QN_RPC_SP_ADDRESS_H
#define QN_RPC_SP_ADDRESS_H

#include <stdbool.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "common/core/listen.h"

/* The socket address of "tcp://127.0.0.1:7001", "tls+tcp://[::1]:0" or "ipc:///folder/1.sock". Inside the
 * room. */
struct qn_sp_address {
    bool ipc;
    bool tls; /* what is said there is TLS */
    socklen_t len;
    union {
        struct sockaddr any;
        struct sockaddr_un un;
        struct qn_listen_address tcp;
    } at;
};

/* QN_INVALID_ARGUMENT: a host that is no numeric address (names are resolved above), a path that is too long.
 */
QN_MUST_USE enum qn_status qn_sp_address_of(const char *url, struct qn_sp_address *ret_address,
                                            struct qn_error *err);

#endif
