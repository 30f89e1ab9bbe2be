#include "deploy/run/folder.h"

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <grp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/core/encode.h"
#include "common/core/id.h"

static enum qn_status failed(struct qn_error *err, const char *what, const char *path)
{
    enum qn_status status = errno == EACCES || errno == EPERM ? QN_PERMISSION_DENIED : QN_UNAVAILABLE;
    return qn_error_set(err, status, "cannot %s %s: %s", what, path, strerror(errno));
}

enum qn_status run_folder_make(const char *path, unsigned mode, struct qn_error *err)
{
    if (mkdir(path, mode) == 0 || errno == EEXIST)
        return QN_OK;
    return failed(err, "make", path);
}

enum qn_status run_folder_open(const char *path, char ret_path[RUN_PATH_MAX], struct qn_error *err)
{
    char above[RUN_PATH_MAX];
    if (snprintf(above, sizeof above, "%s", path) >= RUN_PATH_MAX)
        return qn_error_set(err, QN_INVALID_ARGUMENT, "the path is too long");
    for (char *slash = strchr(above + 1, '/'); slash; slash = strchr(slash + 1, '/')) {
        *slash = '\0';
        QN_TRY(run_folder_make(above, 0755, err));
        *slash = '/';
    }
    QN_TRY(run_folder_make(path, 0755, err));
    char *absolute = realpath(path, NULL);
    if (!absolute || strlen(absolute) >= RUN_PATH_MAX) {
        free(absolute);
        return failed(err, "find", path);
    }
    memcpy(ret_path, absolute, strlen(absolute) + 1);
    free(absolute);
    struct stat st;
    if (stat(ret_path, &st) != 0 || !S_ISDIR(st.st_mode))
        return qn_error_set(err, QN_INVALID_ARGUMENT, "%s is not a folder", ret_path);
    return QN_OK;
}

enum qn_status run_folder_lock(const char *run_dir, struct qn_error *err)
{
    char path[RUN_PATH_MAX + 8], owner[32];
    snprintf(path, sizeof path, "%s/lock", run_dir);
    int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0644); /* stays open as long as we live */
    if (fd < 0)
        return failed(err, "open", path);
    if (flock(fd, LOCK_EX | LOCK_NB) != 0) {
        close(fd);
        long len = run_folder_read(path, owner, sizeof owner);
        return qn_error_set(
            err, QN_ALREADY_EXISTS,
            "another copy runs in %s (pid %.*s); QUINTET_RUN_DIR sets another folder for this one", run_dir,
            len > 0 ? (int)strcspn(owner, "\n") : 1, len > 0 ? owner : "?");
    }
    if (ftruncate(fd, 0) != 0 || dprintf(fd, "%d\n", getpid()) < 0)
        return failed(err, "write", path);
    return QN_OK;
}

pid_t run_folder_holder(const char *run_dir)
{
    char path[RUN_PATH_MAX + 8], owner[32];
    uint64_t pid = 0;
    snprintf(path, sizeof path, "%s/lock", run_dir);
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    if (fd < 0)
        return 0;
    bool held = flock(fd, LOCK_SH | LOCK_NB) != 0;
    close(fd);
    long len = run_folder_read(path, owner, sizeof owner);
    bool told = len > 0 && qn_str_to_u64(qn_str_n(owner, strcspn(owner, "\n")), &pid);
    return held && told && pid <= INT32_MAX ? (pid_t)pid : 0;
}

enum qn_status run_folder_write(const char *path, struct qn_str content, struct qn_error *err)
{
    char half[RUN_PATH_MAX + 64];
    snprintf(half, sizeof half, "%s.new", path);
    int fd = open(half, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd < 0)
        return failed(err, "write", half);
    bool written = fchmod(fd, 0600) == 0 && write(fd, content.ptr, content.len) == (ssize_t)content.len;
    if (close(fd) != 0 || !written || rename(half, path) != 0)
        return failed(err, "write", path);
    return QN_OK;
}

long run_folder_read(const char *path, char *to, size_t room)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return -1;
    ssize_t len = read(fd, to, room);
    close(fd);
    if (len < 0 || (size_t)len == room)
        return -1;
    to[len] = '\0';
    return len;
}

static int remove_one(const char *path, const struct stat *st, int kind, struct FTW *at)
{
    (void)st;
    (void)kind;
    (void)at;
    return remove(path);
}

enum qn_status run_folder_remove(const char *path, struct qn_error *err)
{
    enum { FOLDERS_OPEN = 16 };
    if (nftw(path, remove_one, FOLDERS_OPEN, FTW_DEPTH | FTW_PHYS | FTW_MOUNT) != 0 && errno != ENOENT)
        return failed(err, "remove", path);
    return QN_OK;
}

/* Asked of the kernel, as that user: modes, groups, ACLs and mounts all have a say. */
bool run_folder_enterable(const char *path, const struct passwd *user)
{
    if (!user)
        return access(path, X_OK) == 0;
    pid_t pid = fork();
    if (pid == 0) {
        bool may = setgroups(0, NULL) == 0 && setgid(user->pw_gid) == 0 && setuid(user->pw_uid) == 0 &&
                   access(path, X_OK) == 0;
        _exit(may ? 0 : 1);
    }
    int status = 1;
    while (pid > 0 && waitpid(pid, &status, 0) < 0 && errno == EINTR)
        ;
    return pid > 0 && status == 0;
}

enum qn_status run_folder_secret(const char *run_dir, char ret_secret[RUN_SECRET_MAX], bool *ret_made,
                                 struct qn_error *err)
{
    char path[RUN_PATH_MAX + 8];
    snprintf(path, sizeof path, "%s/secret", run_dir);
    *ret_made = false;
    if (run_folder_read(path, ret_secret, RUN_SECRET_MAX) > 0) {
        ret_secret[strcspn(ret_secret, "\n")] = '\0';
        if (ret_secret[0])
            return QN_OK;
    }
    if (access(path, F_OK) == 0)
        return qn_error_set(err, QN_FAILED_PRECONDITION, "%s cannot be read or is empty", path);
    uint8_t bytes[32]; /* as many as `openssl rand -base64 32`, which Better Auth's manual asks for */
    qn_random_bytes(bytes, sizeof bytes);
    size_t len = qn_base64_encode(ret_secret, bytes, sizeof bytes);
    ret_secret[len] = '\n';
    enum qn_status status = run_folder_write(path, qn_str_n(ret_secret, len + 1), err);
    ret_secret[len] = '\0';
    *ret_made = status == QN_OK;
    return status;
}
