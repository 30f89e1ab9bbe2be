#ifndef QN_RPC_FOLDER_H
#define QN_RPC_FOLDER_H

#include <stdbool.h>
#include <stddef.h>

#include "common/core/status.h"
#include "common/rpc/address.h"

/* A service's address on one machine: a folder in which each of its processes has a socket, <pid>.sock,
 * because two live processes cannot listen on one path. Both sides compute the same. Inside the room, but for
 * qn_folder_at(), which deploy/run asks, too: it tidies up behind services that have ended.
 *
 * A process that lives holds a lock on <pid>.lock (flock(2): it ends with the process, and is seen from other
 * containers that share the folder). So whether a socket is stale is found out without connecting to it,
 * which would be one more stranger to a process that lives. */

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

/* A name of this process in the folder. */
struct qn_folder_place {
    int lock;                       /* held; -1: none */
    struct qn_folder_socket hidden; /* to listen on first */
    struct qn_folder_socket socket; /* what clients look for */
};

/* Takes <pid>, or <pid>-1 and so on when this process has several. Sockets of dead processes are removed on
 * the way. QN_ALREADY_EXISTS: sixteen of them are taken; QN_PERMISSION_DENIED, QN_UNAVAILABLE. */
QN_MUST_USE enum qn_status qn_folder_take(const struct qn_folder *folder, struct qn_folder_place *ret_place,
                                          struct qn_error *err);

/* The hidden socket listens: give it its name. Clients must not find one that refuses. */
QN_MUST_USE enum qn_status qn_folder_publish(const struct qn_folder_place *place, struct qn_error *err);

/* Takes the name back from clients; connections stay. */
void qn_folder_withdraw(const struct qn_folder_place *place);

/* Gives the place back. The socket is closed by now. */
void qn_folder_leave(struct qn_folder_place *place);

/* The sockets in it, in order, at most QN_FOLDER_PEERS_MAX; 0 also when there is no folder. */
size_t qn_folder_list(const struct qn_folder *folder, struct qn_folder_socket *ret_sockets);

/* Removes the socket if its process is dead; true when it did. */
bool qn_folder_remove_stale(const char *socket_path);

#endif
