#ifndef QN_RPC_FOLDER_H
#define QN_RPC_FOLDER_H

#include <stdbool.h>
#include <stddef.h>

#include "common/core/status.h"
#include "common/rpc/address.h"

/* A service's address on one machine: a folder in which each of its processes has a socket, <pid>.sock,
 * because two live processes cannot listen on one path. Both sides compute the same. Inside the room. */

/* sun_path of a Unix socket holds 108 bytes; beyond this many we move to a shorter folder. */
enum { QN_FOLDER_SOCKET_MAX = 100, QN_FOLDER_PEERS_MAX = 64 };

struct qn_folder {
    char path[QN_FOLDER_SOCKET_MAX + 1];
};

/* Where the sockets of the folder at 'path' (absolute) are: there, or, when their paths would be too long, in
 * /tmp/quintet-<uid>/<hash of the path>. Touches nothing. */
void qn_folder_at(const char *path, struct qn_folder *ret_folder);

/* Makes the folder at need, mode 0700, and its parents. QN_PERMISSION_DENIED: it belongs to somebody else, or
 * others may write to it; QN_UNAVAILABLE. */
QN_MUST_USE enum qn_status qn_folder_make(const struct qn_folder *folder, struct qn_error *err);

struct qn_folder_socket {
    char path[QN_FOLDER_SOCKET_MAX + 1];
};

/* A path to listen on first, which clients do not look at: they must not find a socket that refuses. */
void qn_folder_hidden(const struct qn_folder *folder, struct qn_folder_socket *ret_socket);

/* Gives the listening socket at 'hidden' its name, <pid>.sock (or <pid>-1.sock and so on when this process
 * has several), and takes the hidden one away. Sockets of dead processes are removed on the way.
 * QN_ALREADY_EXISTS: sixteen of them are taken; QN_UNAVAILABLE. */
QN_MUST_USE enum qn_status qn_folder_publish(const struct qn_folder *folder,
                                             const struct qn_folder_socket *hidden,
                                             struct qn_folder_socket *ret_socket, struct qn_error *err);

/* Takes a name back; connections stay. */
void qn_folder_withdraw(const struct qn_folder_socket *socket);

/* The names of the sockets in it, in order, at most QN_FOLDER_PEERS_MAX; 0 also when there is no folder. */
size_t qn_folder_list(const struct qn_folder *folder, struct qn_folder_socket *ret_sockets);

/* Whether nobody listens there any more, by trying. A process that lives is disturbed a little (nng waits up
 * to 100 ms before it accepts the next), so ask only about a socket that does not answer. */
bool qn_folder_is_stale(const char *socket_path);

/* Removes the socket if it is stale; true when it did. */
bool qn_folder_remove_stale(const char *socket_path);

#endif
