#include "common/rpc/folder.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/core/check.h"
#include "common/core/str.h"

/* "/4194304-15.sock": Linux' largest pid has seven digits. */
enum { NAME_MAX_BYTES = 17, NAMES_MAX = 16 };

enum { TRIES_MAX = 10 }; /* to lock a file that others remove meanwhile */

/* The same on both sides and in every process, so not the keyed hash of one process. */
static const uint64_t hash_key[2] = {UINT64_C(0x7175696e7465742f), UINT64_C(0x2f666f6c6465722f)};

void qn_folder_at(const char *path, struct qn_folder *ret_folder)
{
    size_t len = strlen(path);
    if (len + NAME_MAX_BYTES <= QN_FOLDER_SOCKET_MAX) {
        memcpy(ret_folder->path, path, len + 1);
        return;
    }
    snprintf(ret_folder->path, sizeof(ret_folder->path), "/tmp/quintet-%u/%016llx", (unsigned)geteuid(),
             (unsigned long long)qn_str_siphash13(hash_key, qn_str_n(path, len)));
}

static enum qn_status cannot(struct qn_error *err, const char *path, int code)
{
    enum qn_status status =
        code == EACCES || code == EPERM || code == EROFS ? QN_PERMISSION_DENIED : QN_UNAVAILABLE;
    return qn_error_set(err, status, "%s: %s", path, strerror(code));
}

static enum qn_status make_parents(const char *path, struct qn_error *err)
{
    char part[QN_FOLDER_SOCKET_MAX + 1];
    for (const char *slash = strchr(path + 1, '/'); slash != NULL; slash = strchr(slash + 1, '/')) {
        memcpy(part, path, (size_t)(slash - path));
        part[slash - path] = '\0';
        if (mkdir(part, 0700) != 0 && errno != EEXIST)
            return cannot(err, part, errno);
    }
    return QN_OK;
}

enum qn_status qn_folder_make(const struct qn_folder *folder, struct qn_error *err)
{
    QN_TRY(make_parents(folder->path, err));
    if (mkdir(folder->path, 0700) != 0 && errno != EEXIST)
        return cannot(err, folder->path, errno);
    /* In /tmp, and elsewhere too, somebody may have made it before us to listen in our place. */
    struct stat found;
    if (lstat(folder->path, &found) != 0)
        return cannot(err, folder->path, errno);
    if (!S_ISDIR(found.st_mode))
        return qn_error_set(err, QN_PERMISSION_DENIED, "%s: is not a folder", folder->path);
    if (found.st_uid != geteuid() || (found.st_mode & (S_IWGRP | S_IWOTH)) != 0)
        return qn_error_set(err, QN_PERMISSION_DENIED, "%s: must be ours, and writable by nobody else",
                            folder->path);
    return QN_OK;
}

/* A path of up to QN_FOLDER_SOCKET_MAX bytes; qn_folder_at() left the room. */
__attribute__((format(printf, 2, 3))) static void write_path(struct qn_folder_socket *to, const char *format,
                                                             ...)
{
    va_list args;
    va_start(args, format);
    int len = vsnprintf(to->path, sizeof(to->path), format, args);
    va_end(args);
    QN_CHECK(len > 0 && (size_t)len < sizeof(to->path));
}

enum lock_outcome { LOCKED, TAKEN, FAILED };

/* Locks the file at 'path', made at need with 'create'. The file may be removed by another between our
 * opening and our locking it: then we hold nothing, and try again. */
static enum lock_outcome lock_file(const char *path, bool create, int *ret_fd)
{
    for (int i = 0; i < TRIES_MAX; i++) {
        int fd = open(path, O_RDWR | O_CLOEXEC | O_NOFOLLOW | (create ? O_CREAT : 0), 0600);
        if (fd < 0)
            return FAILED;
        if (flock(fd, LOCK_EX | LOCK_NB) != 0) {
            close(fd);
            return TAKEN;
        }
        struct stat held, there;
        if (fstat(fd, &held) == 0 && stat(path, &there) == 0 && held.st_ino == there.st_ino &&
            held.st_dev == there.st_dev) {
            *ret_fd = fd;
            return LOCKED;
        }
        close(fd);
    }
    return TAKEN;
}

/* "…/12.sock" → "…/12.lock"; false for a path that is none of ours. */
static bool lock_path_of(const char *socket_path, char to[QN_FOLDER_SOCKET_MAX + 1])
{
    size_t len = strlen(socket_path);
    if (len > QN_FOLDER_SOCKET_MAX || !qn_str_ends(qn_str_n(socket_path, len), QN_STR(".sock")))
        return false;
    memcpy(to, socket_path, len + 1);
    memcpy(to + len - strlen("sock"), "lock", strlen("lock"));
    return true;
}

bool qn_folder_remove_stale(const char *socket_path)
{
    char lock_path[QN_FOLDER_SOCKET_MAX + 1];
    int lock = -1;
    if (!lock_path_of(socket_path, lock_path))
        return false;
    switch (lock_file(lock_path, false, &lock)) {
    case TAKEN:
        return false;
    case LOCKED:
        break;
    case FAILED:
        if (errno != ENOENT)
            return false;
        break; /* nobody's: a place is given back socket first */
    }
    bool removed = unlink(socket_path) == 0;
    if (lock >= 0) {
        unlink(lock_path);
        close(lock);
    }
    return removed;
}

enum qn_status qn_folder_take(const struct qn_folder *folder, struct qn_folder_place *ret_place,
                              struct qn_error *err)
{
    struct qn_folder_socket found[QN_FOLDER_PEERS_MAX];
    size_t n_found = qn_folder_list(folder, found);
    for (size_t i = 0; i < n_found; i++)
        qn_folder_remove_stale(found[i].path);
    for (unsigned number = 0; number < NAMES_MAX; number++) {
        char name[24], lock_path[QN_FOLDER_SOCKET_MAX + 1];
        snprintf(name, sizeof(name), number > 0 ? "%ld-%u" : "%ld", (long)getpid(), number);
        write_path(&ret_place->hidden, "%s/.%s.new", folder->path, name);
        write_path(&ret_place->socket, "%s/%s.sock", folder->path, name);
        lock_path_of(ret_place->socket.path, lock_path);
        switch (lock_file(lock_path, true, &ret_place->lock)) {
        case LOCKED:
            return QN_OK;
        case TAKEN:
            continue;
        case FAILED:
            return cannot(err, lock_path, errno);
        }
    }
    return qn_error_set(err, QN_ALREADY_EXISTS, "%s: has %d sockets of this process id already", folder->path,
                        NAMES_MAX);
}

enum qn_status qn_folder_publish(const struct qn_folder_place *place, struct qn_error *err)
{
    /* Over one that a dead process left: the name is ours while we hold its lock. */
    return rename(place->hidden.path, place->socket.path) == 0 ? QN_OK
                                                               : cannot(err, place->socket.path, errno);
}

void qn_folder_withdraw(const struct qn_folder_place *place)
{
    if (place->lock >= 0)
        unlink(place->socket.path);
}

void qn_folder_leave(struct qn_folder_place *place)
{
    if (place->lock < 0)
        return;
    char lock_path[QN_FOLDER_SOCKET_MAX + 1];
    unlink(place->hidden.path);
    unlink(place->socket.path);
    if (lock_path_of(place->socket.path, lock_path))
        unlink(lock_path);
    close(place->lock);
    place->lock = -1;
}

static int by_path(const void *a, const void *b)
{
    return strcmp(((const struct qn_folder_socket *)a)->path, ((const struct qn_folder_socket *)b)->path);
}

size_t qn_folder_list(const struct qn_folder *folder, struct qn_folder_socket *ret_sockets)
{
    DIR *dir = opendir(folder->path);
    if (dir == NULL)
        return 0;
    size_t n = 0;
    const struct dirent *entry;
    while (n < QN_FOLDER_PEERS_MAX && (entry = readdir(dir)) != NULL) {
        struct qn_str name = qn_str_c(entry->d_name);
        if (name.ptr[0] == '.' || !qn_str_ends(name, QN_STR(".sock")))
            continue;
        int len = snprintf(ret_sockets[n].path, sizeof(ret_sockets[n].path), "%s/%s", folder->path, name.ptr);
        if (len > 0 && (size_t)len < sizeof(ret_sockets[n].path))
            n++;
    }
    closedir(dir);
    qsort(ret_sockets, n, sizeof(ret_sockets[0]), by_path);
    return n;
}
