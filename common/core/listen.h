#ifndef QN_CORE_LISTEN_H
#define QN_CORE_LISTEN_H

#include <sys/socket.h>

#include "common/core/status.h"

/* Listening TCP sockets by their text, "127.0.0.1:8080" or "[::1]:0". Down here, so that the supervisor binds
 * what its children serve by the same rules. */

/* "[" + INET6_ADDRSTRLEN (46 with its NUL) + "]:65535". */
enum { QN_LISTEN_TEXT_MAX = 56, QN_PEER_TEXT_MAX = 48 };

struct qn_listen_address {
    struct sockaddr_storage bytes;
    socklen_t len;
};

/* What is allowed, for messages about a setting. */
#define QN_LISTEN_ALLOWED "host:port with a numeric host or localhost, as 127.0.0.1:8080, [::1]:8080"

/* False when 'text' is no numeric address (or "localhost", which is 127.0.0.1) with a port. Looks nothing up.
 */
bool qn_listen_parse(const char *text, struct qn_listen_address *ret_address);

/* A non-blocking, close-on-exec socket that listens. QN_INVALID_ARGUMENT: bad text. QN_ALREADY_EXISTS: in
 * use. QN_PERMISSION_DENIED, QN_UNAVAILABLE: the address is not this machine's, or what 'err' says. */
QN_MUST_USE enum qn_status qn_listen_open(const char *text, int *ret_fd, struct qn_error *err);

/* The address a socket is bound to, with its real port. False when it is no TCP socket. */
bool qn_listen_text(int fd, char to[QN_LISTEN_TEXT_MAX]);

/* The numeric address alone, without port; an IPv4 address that came over an IPv6 socket as IPv4. Empty when
 * it is neither. */
void qn_listen_peer_text(const struct sockaddr *address, char to[QN_PEER_TEXT_MAX]);

#endif
