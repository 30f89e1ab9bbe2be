#ifndef RUN_SOCKETS_H
#define RUN_SOCKETS_H

#include "common/core/listen.h"

/* A listening socket that this process holds for a service, so that it outlives the service: while one is
 * restarted its clients wait in the queue, and none is refused. */
struct run_socket {
    int fd;
    char address[QN_LISTEN_TEXT_MAX]; /* with the real port */
};

/* Binds. With 'patience_ms' an address in use is tried for so long: processes of a killed run may be about to
 * end. QN_INVALID_ARGUMENT and the rest: 'err' names the setting. */
QN_MUST_USE enum qn_status run_sockets_open(struct run_socket *socket, const char *setting,
                                            const char *listen, uint64_t patience_ms, struct qn_error *err);
void run_sockets_close(struct run_socket *socket);

#endif
