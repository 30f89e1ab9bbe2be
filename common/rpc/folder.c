#include "common/rpc/folder.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "common/core/check.h"
#include "common/core/str.h"

/* "/.4194304-15.new": Linux' largest pid has seven digits. */
enum { NAME_MAX_BYTES = 17, NAMES_MAX = 16 };

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

static void name_in(const struct qn_folder *folder, const char *dot, unsigned number, const char *suffix,
                    struct qn_folder_socket *ret_socket)
{
    char count[16] = "";
    if (number > 0)
        snprintf(count, sizeof(count), "-%u", number);
    int len = snprintf(ret_socket->path, sizeof(ret_socket->path), "%s/%s%ld%s%s", folder->path, dot,
                       (long)getpid(), count, suffix);
    QN_CHECK(len > 0 && (size_t)len < sizeof(ret_socket->path)); /* qn_folder_at() left the room */
}

void qn_folder_hidden(const struct qn_folder *folder, struct qn_folder_socket *ret_socket)
{
    static unsigned number; /* one for each server of this process; the loop's thread */
    name_in(folder, ".", number++ % NAMES_MAX, ".new", ret_socket);
}

enum qn_status qn_folder_publish(const struct qn_folder *folder, const struct qn_folder_socket *hidden,
                                 struct qn_folder_socket *ret_socket, struct qn_error *err)
{
    struct qn_folder_socket found[QN_FOLDER_PEERS_MAX];
    size_t n_found = qn_folder_list(folder, found);
    for (size_t i = 0; i < n_found; i++)
        qn_folder_remove_stale(found[i].path);
    for (unsigned number = 0; number < NAMES_MAX; number++) {
        name_in(folder, "", number, ".sock", ret_socket);
        /* Unlike rename(2), link(2) never takes the place of a live one: processes in containers of their
         * own may bear the same pid. */
        if (link(hidden->path, ret_socket->path) == 0) {
            unlink(hidden->path);
            return QN_OK;
        }
        if (errno != EEXIST)
            return cannot(err, ret_socket->path, errno);
    }
    return qn_error_set(err, QN_ALREADY_EXISTS, "%s: has %d sockets of this process id already", folder->path,
                        NAMES_MAX);
}

void qn_folder_withdraw(const struct qn_folder_socket *socket)
{
    unlink(socket->path);
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

bool qn_folder_is_stale(const char *socket_path)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    size_t len = strlen(socket_path);
    if (len >= sizeof(address.sun_path))
        return false;
    memcpy(address.sun_path, socket_path, len + 1);
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0)
        return false;
    bool stale =
        connect(fd, (const struct sockaddr *)&address, sizeof(address)) != 0 && errno == ECONNREFUSED;
    close(fd);
    return stale;
}

bool qn_folder_remove_stale(const char *socket_path)
{
    return qn_folder_is_stale(socket_path) && unlink(socket_path) == 0;
}
