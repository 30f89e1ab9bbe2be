#ifndef QN_RPC_SERVER_H
#define QN_RPC_SERVER_H

#include "common/core/status.h"
#include "common/loop/loop.h"
#include "common/rpc/call.h"

/* Serves methods on nng addresses. What a peer sends is checked before any handler sees it: size, envelope,
 * method name, raw bytes of each payload (common/rpc/precheck.h), deadline not yet passed. What fails is
 * answered with a typed status; a message that is no envelope is answered with an empty Response. */
struct qn_server;

struct qn_server_options {
    /* "tcp://0.0.0.0:7001", "inproc://name", or "ipc:///run/quintet/auth": a folder (made at need, mode 0700)
     * in which this process listens on <pid>.sock; a stale one of a dead process is removed. "tls+tcp://…"
     * with the TLS members. A port of 0 picks a free one. */
    const char *listen;
    const char *tls_certificate_file, *tls_key_file,
        *tls_ca_file;                          /* PEM; all or none; clients must show a certificate */
    const struct qn_handlers *const *handlers; /* kept by pointer */
    size_t n_handlers;
    size_t contexts;          /* messages served at once, 1 to 256; 0: 256. The back pressure. */
    size_t message_max_bytes; /* 0: 4 MiB. Larger ones are dropped with their pipe. */
    size_t call_arena_bytes;  /* ceiling of a call's memory; 0: 8 MiB */
};

/* Listens when it returns QN_OK. QN_INVALID_ARGUMENT, QN_ALREADY_EXISTS (address in use), QN_UNAVAILABLE:
 * 'err' says. */
QN_MUST_USE enum qn_status qn_server_open(struct qn_loop *loop, const struct qn_server_options *options,
                                          struct qn_server **ret_server, struct qn_error *err);

/* Where it listens, with the real port or socket file: what a client can be given. Valid until close. */
const char *qn_server_address(const struct qn_server *server);

/* Stops taking calls: new ones are answered QN_UNAVAILABLE "not executed" with the envelope's draining mark,
 * so clients go elsewhere and hang up. 'drained' runs once every call in hand has been answered and every
 * peer has hung up, or when 'limit_ms' have passed. */
void qn_server_drain(struct qn_server *server, uint64_t limit_ms, void (*drained)(void *context),
                     void *context);

/* Calls still in a handler's hands keep their memory until they are answered (into nothing); 'closed' runs
 * after the last. Removes the socket file. */
void qn_server_close(struct qn_server *server, void (*closed)(void *context), void *context);

#endif
