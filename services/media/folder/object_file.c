#include "services/media/folder/object_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/core/clock.h"
#include "common/core/id.h"

/* Crash points. A file in the making has no key until link(2) gives it one, and that comes after fsync(2): a
 * kill or a power cut before it leaves a file in tmp/ that the sweep removes, one after it a whole object. A
 * copy is a link made in tmp/ and renamed over its key: the same. */

/* A folder that a delete leaves empty goes; an upload that has just made it then makes it again. */
enum { MKDIR_TRIES = 8 };

static enum qn_status from_errno(struct qn_error *err, const char *doing, const char *key)
{
    int number = errno;
    enum qn_status status = QN_INTERNAL;
    if (number == ENOENT || number == ENOTDIR)
        status = QN_NOT_FOUND;
    else if (number == EEXIST)
        status = QN_ALREADY_EXISTS;
    else if (number == ENOSPC || number == EDQUOT || number == EMFILE || number == ENFILE)
        status = QN_RESOURCE_EXHAUSTED;
    char text[96];
    return qn_error_set(err, status, "%s %s: %s", doing, key, strerror_r(number, text, sizeof text));
}

static enum qn_status make_path(char *path)
{
    for (char *slash = strchr(path + 1, '/'); slash; slash = strchr(slash + 1, '/')) {
        *slash = '\0';
        int made = mkdir(path, 0700);
        *slash = '/';
        if (made != 0 && errno != EEXIST)
            return QN_INTERNAL;
    }
    return mkdir(path, 0700) == 0 || errno == EEXIST ? QN_OK : QN_INTERNAL;
}

enum qn_status media_object_file_place(const char *folder, struct media_object_place *ret_place,
                                       struct qn_error *err)
{
    static const char *const names[] = {"data", "tmp"};
    int fds[2] = {-1, -1};
    for (size_t i = 0; i < 2; i++) {
        char path[4096];
        int len = snprintf(path, sizeof path, "%s/%s", folder, names[i]);
        if (len < 0 || (size_t)len >= sizeof path) {
            errno = ENAMETOOLONG;
        } else if (make_path(path) == QN_OK) {
            fds[i] = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        }
        if (fds[i] < 0) {
            enum qn_status status = from_errno(err, "cannot make the folder", folder);
            if (i > 0)
                close(fds[0]);
            return status == QN_ALREADY_EXISTS || status == QN_NOT_FOUND ? QN_INTERNAL : status;
        }
    }
    *ret_place = (struct media_object_place){fds[0], fds[1]};
    return QN_OK;
}

void media_object_file_leave(struct media_object_place *place)
{
    close(place->data_fd);
    close(place->tmp_fd);
}

/* The head. */

/* The last line came later: files without it are as good, and readers that do not know it stop before. */
static const char head_format[] = "quintet object 1\ncontent-type: %s\nsize: %llu\netag: %s\n";
static const char head_cache_format[] = "cache-control: %s\n";

static bool take_line(struct qn_str *rest, struct qn_str name, struct qn_str *ret_value)
{
    struct qn_str line;
    if (!qn_str_next(rest, '\n', &line) || !qn_str_starts(line, name))
        return false;
    *ret_value = qn_str_n(line.ptr + name.len, line.len - name.len);
    return true;
}

static bool read_head(const char head[MEDIA_OBJECT_FILE_HEAD_BYTES], struct media_object_info *ret_info)
{
    struct qn_str rest = qn_str_n(head, strnlen(head, MEDIA_OBJECT_FILE_HEAD_BYTES)), magic, type, size, etag,
                  cache;
    if (!take_line(&rest, QN_STR("quintet object 1"), &magic) || magic.len != 0 ||
        !take_line(&rest, QN_STR("content-type: "), &type) || !take_line(&rest, QN_STR("size: "), &size) ||
        !take_line(&rest, QN_STR("etag: "), &etag) || type.len > MEDIA_OBJECT_TYPE_MAX ||
        etag.len > MEDIA_OBJECT_ETAG_MAX || !qn_str_to_u64(size, &ret_info->size_bytes))
        return false;
    snprintf(ret_info->content_type, sizeof ret_info->content_type, "%.*s", QN_STR_ARG(type));
    snprintf(ret_info->etag, sizeof ret_info->etag, "%.*s", QN_STR_ARG(etag));
    if (!take_line(&rest, QN_STR("cache-control: "), &cache))
        cache = QN_STR("");
    snprintf(ret_info->cache_control, sizeof ret_info->cache_control, "%.*s", QN_STR_ARG(cache));
    return cache.len <= MEDIA_OBJECT_CACHE_MAX;
}

static bool is_one_line(const char *text)
{
    for (; *text; text++) {
        if ((unsigned char)*text < ' ' || *text == 0x7f)
            return false;
    }
    return true;
}

/* False when it fits no head, or would not be read back as it was. */
static bool write_head(const struct media_object_info *info, char ret_head[MEDIA_OBJECT_FILE_HEAD_BYTES])
{
    memset(ret_head, 0, MEDIA_OBJECT_FILE_HEAD_BYTES);
    if (!is_one_line(info->content_type) || !is_one_line(info->cache_control))
        return false;
    int len = snprintf(ret_head, MEDIA_OBJECT_FILE_HEAD_BYTES, head_format, info->content_type,
                       (unsigned long long)info->size_bytes, info->etag);
    if (len >= 0 && len < MEDIA_OBJECT_FILE_HEAD_BYTES && info->cache_control[0] != '\0')
        len += snprintf(ret_head + len, MEDIA_OBJECT_FILE_HEAD_BYTES - (size_t)len, head_cache_format,
                        info->cache_control);
    return len >= 0 && len < MEDIA_OBJECT_FILE_HEAD_BYTES;
}

static enum qn_status write_all(int fd, const char *data, size_t len, off_t at, struct qn_error *err)
{
    while (len > 0) {
        ssize_t n = at < 0 ? write(fd, data, len) : pwrite(fd, data, len, at);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return from_errno(err, "cannot write", "an object");
        data += n;
        len -= (size_t)n;
        at = at < 0 ? at : at + n;
    }
    return QN_OK;
}

static int64_t to_ms(struct timespec time)
{
    return (int64_t)time.tv_sec * 1000 + time.tv_nsec / 1000000;
}

enum qn_status media_object_file_open(const struct media_object_place *place, const char *key,
                                      struct media_object_info *ret_info, int *ret_fd, struct qn_error *err)
{
    char head[MEDIA_OBJECT_FILE_HEAD_BYTES];
    struct stat what;
    int fd = openat(place->data_fd, key, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
    if (fd < 0)
        return from_errno(err, "cannot open", key);
    enum qn_status status = QN_OK;
    if (fstat(fd, &what) != 0) {
        status = from_errno(err, "cannot look at", key);
    } else if (S_ISDIR(what.st_mode)) {
        status = qn_error_set(err, QN_NOT_FOUND, "%s is a folder", key);
    } else if (!S_ISREG(what.st_mode) || pread(fd, head, sizeof head, 0) != (ssize_t)sizeof head ||
               !read_head(head, ret_info) ||
               (uint64_t)what.st_size != ret_info->size_bytes + MEDIA_OBJECT_FILE_HEAD_BYTES) {
        status = qn_error_set(err, QN_DATA_LOSS, "%s is no whole object", key);
    }
    if (status != QN_OK) {
        close(fd);
        return status;
    }
    ret_info->touched_ms = to_ms(what.st_ctim);
    *ret_fd = fd;
    return QN_OK;
}

/* Making one. */

static void new_name(char ret_name[MEDIA_OBJECT_FILE_TEMP_MAX])
{
    qn_id_new(ret_name);
}

enum qn_status media_object_file_create(const struct media_object_place *place,
                                        char ret_name[MEDIA_OBJECT_FILE_TEMP_MAX], int *ret_fd,
                                        struct qn_error *err)
{
    new_name(ret_name);
    int fd = openat(place->tmp_fd, ret_name, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (fd < 0)
        return from_errno(err, "cannot make", "a file in tmp");
    if (lseek(fd, MEDIA_OBJECT_FILE_HEAD_BYTES, SEEK_SET) < 0) {
        enum qn_status status = from_errno(err, "cannot make", "a file in tmp");
        close(fd);
        media_object_file_discard(place, ret_name);
        return status;
    }
    *ret_fd = fd;
    return QN_OK;
}

enum qn_status media_object_file_append(int fd, struct qn_str bytes, struct qn_error *err)
{
    return write_all(fd, bytes.ptr, bytes.len, -1, err);
}

void media_object_file_discard(const struct media_object_place *place, const char *name)
{
    unlinkat(place->tmp_fd, name, 0); /* what cannot be removed now the sweep removes */
}

/* False, and errno, when one cannot be made. */
static bool make_parents(const struct media_object_place *place, const char *key)
{
    char path[MEDIA_OBJECT_KEY_MAX + 1];
    snprintf(path, sizeof path, "%s", key);
    for (char *slash = strchr(path, '/'); slash; slash = strchr(slash + 1, '/')) {
        *slash = '\0';
        /* ENOENT: the one above was emptied and removed by somebody since; it is made again. */
        if (mkdirat(place->data_fd, path, 0700) != 0 && errno != EEXIST && errno != ENOENT)
            return false;
        *slash = '/';
    }
    return true;
}

/* Folders that 'key' leaves empty go, up to the first piece, which stays. */
static void prune_parents(const struct media_object_place *place, const char *key)
{
    char path[MEDIA_OBJECT_KEY_MAX + 1];
    snprintf(path, sizeof path, "%s", key);
    for (char *slash = strrchr(path, '/'); slash && strchr(path, '/') != slash; slash = strrchr(path, '/')) {
        *slash = '\0';
        if (unlinkat(place->data_fd, path, AT_REMOVEDIR) != 0)
            return;
    }
}

/* Brings the names of a key to the disk: its folder's and those of the folders above, which may be new. */
static enum qn_status sync_parents(const struct media_object_place *place, const char *key,
                                   struct qn_error *err)
{
    char path[MEDIA_OBJECT_KEY_MAX + 1];
    snprintf(path, sizeof path, "%s", key);
    for (char *slash = strrchr(path, '/'); slash; slash = strrchr(path, '/')) {
        *slash = '\0';
        int fd = openat(place->data_fd, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
        if (fd < 0) {
            if (errno == ENOENT) /* emptied and removed by somebody since */
                continue;
            return from_errno(err, "cannot open the folder of", key);
        }
        int synced = fsync(fd);
        close(fd);
        if (synced != 0)
            return from_errno(err, "cannot sync the folder of", key);
    }
    return fsync(place->data_fd) == 0 ? QN_OK : from_errno(err, "cannot sync the folder of", key);
}

/* Gives tmp/name the key with 'attach', which sets errno. */
static enum qn_status attach(const struct media_object_place *place, const char *name, const char *key,
                             int (*attach_at)(const struct media_object_place *, const char *, const char *),
                             struct qn_error *err)
{
    for (int tries = 0; tries < MKDIR_TRIES; tries++) {
        if (attach_at(place, name, key) == 0)
            return sync_parents(place, key, err);
        if (errno != ENOENT || !make_parents(place, key))
            break;
    }
    enum qn_status status = from_errno(err, "cannot name", key);
    prune_parents(place, key); /* of a full disk that took the folders, and nothing in them */
    return status == QN_NOT_FOUND ? QN_INTERNAL : status;
}

static int attach_new(const struct media_object_place *place, const char *name, const char *key)
{
    return linkat(place->tmp_fd, name, place->data_fd, key, 0);
}

static int attach_over(const struct media_object_place *place, const char *name, const char *key)
{
    return renameat(place->tmp_fd, name, place->data_fd, key);
}

enum qn_status media_object_file_publish(const struct media_object_place *place, const char *name, int fd,
                                         const char *key, enum media_object_file_key how,
                                         const struct media_object_info *info, struct qn_error *err)
{
    char head[MEDIA_OBJECT_FILE_HEAD_BYTES];
    enum qn_status status;
    if (!write_head(info, head))
        status = qn_error_set(err, QN_INVALID_ARGUMENT, "a content type or Cache-Control that fits no head");
    else
        status = write_all(fd, head, sizeof head, 0, err);
    if (status == QN_OK && fsync(fd) != 0)
        status = from_errno(err, "cannot sync", key);
    if (status == QN_OK)
        status = attach(place, name, key, how == MEDIA_OBJECT_FILE_KEY_FREE ? attach_new : attach_over, err);
    media_object_file_discard(place, name);
    return status;
}

enum qn_status media_object_file_delete(const struct media_object_place *place, const char *key,
                                        struct qn_error *err)
{
    if (unlinkat(place->data_fd, key, 0) != 0 && errno != ENOENT && errno != ENOTDIR)
        return from_errno(err, "cannot remove", key);
    prune_parents(place, key);
    return QN_OK;
}
