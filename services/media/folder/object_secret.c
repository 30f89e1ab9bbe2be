#include "services/media/folder/object_secret.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include "common/core/id.h"

enum { FILE_MAX = 512 };

static enum qn_status fail(struct qn_error *err, enum qn_status status, const char *path, const char *what)
{
    return qn_error_set(err, status, "%s: %s", path, what);
}

static bool take(struct qn_str *rest, struct qn_str name, char *to, size_t room)
{
    struct qn_str line;
    if (!qn_str_next(rest, '\n', &line) || !qn_str_starts(line, name) || line.len - name.len >= room ||
        line.len == name.len)
        return false;
    memcpy(to, line.ptr + name.len, line.len - name.len);
    to[line.len - name.len] = '\0';
    return true;
}

static enum qn_status read_file(const char *path, char *ret_id, char *ret_secret, struct qn_error *err)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    if (fd < 0)
        return fail(err, errno == ENOENT ? QN_NOT_FOUND : QN_INTERNAL, path, strerrordesc_np(errno));
    char text[FILE_MAX];
    ssize_t len = read(fd, text, sizeof text);
    close(fd);
    struct qn_str rest = qn_str_n(text, len < 0 ? 0 : (size_t)len);
    if (!take(&rest, QN_STR("access_key_id="), ret_id, MEDIA_OBJECT_FOLDER_ID_MAX) ||
        !take(&rest, QN_STR("secret_access_key="), ret_secret, MEDIA_OBJECT_FOLDER_SECRET_MAX))
        return fail(err, QN_DATA_LOSS, path, "does not hold access_key_id=… and secret_access_key=…");
    return QN_OK;
}

/* 20 characters after "QN" name it, 43 (over 250 bits) are it. */
static enum qn_status write_file(const char *path, struct qn_error *err)
{
    char id[QN_ID_LEN + 1], first[QN_ID_LEN + 1], second[QN_ID_LEN + 1], temporary[4096], text[FILE_MAX];
    qn_id_new(id);
    qn_id_new(first);
    qn_id_new(second);
    int len =
        snprintf(text, sizeof text, "access_key_id=QN%.18s\nsecret_access_key=%s%.11s\n", id, first, second);
    int path_len = snprintf(temporary, sizeof temporary, "%s.%.8s", path, second + 12);
    if (path_len < 0 || (size_t)path_len >= sizeof temporary)
        return fail(err, QN_INTERNAL, path, "the path is too long");

    int fd = open(temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (fd < 0)
        return fail(err, QN_INTERNAL, temporary, strerrordesc_np(errno));
    bool written = write(fd, text, (size_t)len) == len && fsync(fd) == 0;
    int number = errno;
    close(fd);
    /* One that is there already is another process' and counts. */
    if (written && link(temporary, path) != 0 && errno != EEXIST) {
        written = false;
        number = errno;
    }
    unlink(temporary);
    return written ? QN_OK : fail(err, QN_INTERNAL, path, strerrordesc_np(number));
}

enum qn_status media_object_secret_load(const char *folder,
                                        char ret_access_key_id[MEDIA_OBJECT_FOLDER_ID_MAX],
                                        char ret_secret[MEDIA_OBJECT_FOLDER_SECRET_MAX], struct qn_error *err)
{
    char path[4096];
    int len = snprintf(path, sizeof path, "%s/credentials", folder);
    if (len < 0 || (size_t)len >= sizeof path)
        return fail(err, QN_INTERNAL, folder, "the path is too long");
    enum qn_status status = read_file(path, ret_access_key_id, ret_secret, err);
    if (status != QN_NOT_FOUND)
        return status;
    QN_TRY(write_file(path, err));
    return read_file(path, ret_access_key_id, ret_secret, err);
}
