#ifndef MEDIA_OBJECT_FILE_H
#define MEDIA_OBJECT_FILE_H

#include "services/media/object.h"

/* Objects as files, for the embedded store. Everything here waits for the disk: it runs on threads of the
 * store's lane, any number at once.
 *
 * An object is one file, "data/<key>": a head of 512 bytes (its content type, size, ETag and, if it has one,
 * Cache-Control as text, padded with NULs), then its bytes. One file, so that one link(2) or rename(2) makes
 * all of it appear: with a second file or an extended attribute beside it there would be a moment, or a file
 * system, with half an object. Files are never changed once they have their name; several keys may be names
 * of one file.
 *
 * Files in the making lie in "tmp/", on the same file system, and have no key. */

enum { MEDIA_OBJECT_FILE_HEAD_BYTES = 512 };

struct media_object_place {
    int data_fd, tmp_fd; /* folders */
};

/* Makes the two folders under 'folder' (with its parents, mode 0700) where they are not there yet. */
QN_MUST_USE enum qn_status media_object_file_place(const char *folder, struct media_object_place *ret_place,
                                                   struct qn_error *err);
void media_object_file_leave(struct media_object_place *place);

/* Every 'key' below is safe (media_object_key_is_safe). Beside what is said: QN_RESOURCE_EXHAUSTED when disk
 * or quota are full, QN_INTERNAL for what else a disk can do; 'err' says what. */

/* QN_NOT_FOUND; QN_DATA_LOSS when the file has no such head or another length. The bytes begin in the file at
 * MEDIA_OBJECT_FILE_HEAD_BYTES; the caller closes the descriptor. */
QN_MUST_USE enum qn_status media_object_file_open(const struct media_object_place *place, const char *key,
                                                  struct media_object_info *ret_info, int *ret_fd,
                                                  struct qn_error *err);

enum { MEDIA_OBJECT_FILE_TEMP_MAX = 40 };

/* A new file in the making, its cursor behind the head that is yet to come. */
QN_MUST_USE enum qn_status media_object_file_create(const struct media_object_place *place,
                                                    char ret_name[MEDIA_OBJECT_FILE_TEMP_MAX], int *ret_fd,
                                                    struct qn_error *err);
QN_MUST_USE enum qn_status media_object_file_append(int fd, struct qn_str bytes, struct qn_error *err);

enum media_object_file_key {
    MEDIA_OBJECT_FILE_KEY_FREE, /* must be: QN_ALREADY_EXISTS when it is taken, so it is written once */
    MEDIA_OBJECT_FILE_KEY_ANY,  /* what was there before is gone, at the same moment */
};

/* Writes the head, brings all to the disk, and gives the file its key. 'info': type, size, ETag and
 * Cache-Control, without control characters (QN_INVALID_ARGUMENT). The file in the making is gone afterwards,
 * whatever the status; the descriptor stays the caller's. */
QN_MUST_USE enum qn_status media_object_file_publish(const struct media_object_place *place, const char *name,
                                                     int fd, const char *key, enum media_object_file_key how,
                                                     const struct media_object_info *info,
                                                     struct qn_error *err);
void media_object_file_discard(const struct media_object_place *place, const char *name);

/* QN_OK also when there is none. Folders that it leaves empty go too. */
QN_MUST_USE enum qn_status media_object_file_delete(const struct media_object_place *place, const char *key,
                                                    struct qn_error *err);

/* The first 'max' keys that begin with 'prefix' (any text; '' for all) and come after 'after', in order of
 * their bytes. Both at most MEDIA_OBJECT_KEY_MAX bytes. */
QN_MUST_USE enum qn_status media_object_file_list(const struct media_object_place *place, const char *prefix,
                                                  const char *after, struct media_object_entry *entries,
                                                  size_t max, size_t *ret_n, struct qn_error *err);

/* Removes files in the making that nobody has written to for so long: of a process that was killed. */
void media_object_file_sweep(const struct media_object_place *place, int64_t older_than_ms,
                             size_t *ret_removed);

#endif
