#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/core/clock.h"
#include "services/media/folder/object_file.h"

/* The two that walk folders: listing keys, and finding what was left in the making. */

struct listing {
    struct media_object_entry *entries;
    size_t n, max;
    const char *prefix, *after;
};

static int64_t to_ms(struct timespec time)
{
    return (int64_t)time.tv_sec * 1000 + time.tv_nsec / 1000000;
}

/* Keeps the 'max' smallest, sorted: a folder has no order of its own. */
static void offer(struct listing *list, const char *key, const struct stat *what)
{
    if (strcmp(key, list->after) <= 0 || !qn_str_starts(qn_str_c(key), qn_str_c(list->prefix)))
        return;
    size_t at = list->n;
    while (at > 0 && strcmp(key, list->entries[at - 1].key) < 0)
        at--;
    if (at == list->max)
        return;
    if (list->n < list->max)
        list->n++;
    memmove(list->entries + at + 1, list->entries + at, (list->n - at - 1) * sizeof *list->entries);
    snprintf(list->entries[at].key, sizeof list->entries[at].key, "%s", key);
    list->entries[at].touched_ms = to_ms(what->st_ctim);
    list->entries[at].size_bytes = what->st_size < MEDIA_OBJECT_FILE_HEAD_BYTES
                                       ? 0 /* no whole object; whoever opens it is told */
                                       : (uint64_t)what->st_size - MEDIA_OBJECT_FILE_HEAD_BYTES;
}

/* Whether keys in this folder may begin with the prefix. */
static bool is_wanted(const struct listing *list, const char *folder)
{
    size_t len = strlen(folder), prefix_len = strlen(list->prefix);
    return strncmp(folder, list->prefix, len < prefix_len ? len : prefix_len) == 0;
}

/* 'path' holds the folder's key, empty for the first, and is put back. Each level has a descriptor open:
 * eight at most, as a key has pieces. */
static enum qn_status walk(int parent_fd, const char *name, char path[MEDIA_OBJECT_KEY_MAX + 1],
                           struct listing *list, struct qn_error *err)
{
    int fd = openat(parent_fd, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
    DIR *folder = fd < 0 ? NULL : fdopendir(fd);
    if (!folder) {
        int number = errno;
        if (fd >= 0)
            close(fd);
        if (number == ENOENT) /* removed since it was seen, or never made */
            return QN_OK;
        return qn_error_set(err, QN_INTERNAL, "cannot read the folder %s: error %d", path, number);
    }
    enum qn_status status = QN_OK;
    size_t len = strlen(path);
    for (struct dirent *entry = readdir(folder); entry && status == QN_OK; entry = readdir(folder)) {
        struct stat what;
        int added =
            snprintf(path + len, MEDIA_OBJECT_KEY_MAX + 1 - len, "%s%s", len > 0 ? "/" : "", entry->d_name);
        if (added > 0 && len + (size_t)added <= MEDIA_OBJECT_KEY_MAX &&
            media_object_key_is_safe(qn_str_c(path)) &&
            fstatat(dirfd(folder), entry->d_name, &what, AT_SYMLINK_NOFOLLOW) == 0) {
            if (S_ISDIR(what.st_mode) && is_wanted(list, path))
                status = walk(dirfd(folder), entry->d_name, path, list, err);
            else if (S_ISREG(what.st_mode))
                offer(list, path, &what);
        }
        path[len] = '\0';
    }
    closedir(folder);
    return status;
}

enum qn_status media_object_file_list(const struct media_object_place *place, const char *prefix,
                                      const char *after, struct media_object_entry *entries, size_t max,
                                      size_t *ret_n, struct qn_error *err)
{
    struct listing list = {.entries = entries, .max = max, .prefix = prefix, .after = after};
    char path[MEDIA_OBJECT_KEY_MAX + 1];
    /* Only the folder that all of them lie in is walked; what no key can begin with has none. */
    const char *slash = strrchr(prefix, '/');
    snprintf(path, sizeof path, "%.*s", slash ? (int)(slash - prefix) : 0, prefix);
    *ret_n = 0;
    if (slash && !media_object_key_is_safe(qn_str_c(path)))
        return QN_OK;
    enum qn_status status = walk(place->data_fd, slash ? path : ".", path, &list, err);
    *ret_n = list.n;
    return status;
}

void media_object_file_sweep(const struct media_object_place *place, int64_t older_than_ms,
                             size_t *ret_removed)
{
    *ret_removed = 0;
    int fd = openat(place->tmp_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *folder = fd < 0 ? NULL : fdopendir(fd);
    if (!folder) {
        if (fd >= 0)
            close(fd);
        return;
    }
    int64_t before_ms = qn_clock_wall_ms() - older_than_ms;
    for (struct dirent *entry = readdir(folder); entry; entry = readdir(folder)) {
        struct stat what;
        if (entry->d_name[0] != '.' &&
            fstatat(place->tmp_fd, entry->d_name, &what, AT_SYMLINK_NOFOLLOW) == 0 && S_ISREG(what.st_mode) &&
            to_ms(what.st_mtim) < before_ms && unlinkat(place->tmp_fd, entry->d_name, 0) == 0)
            ++*ret_removed;
    }
    closedir(folder);
}
