#ifndef RUN_FOLDER_H
#define RUN_FOLDER_H

#include <pwd.h>
#include <sys/types.h>

#include "common/core/status.h"
#include "common/core/str.h"

/* The run folder and files in it. */

enum { RUN_PATH_MAX = 4096 };

/* Makes 'path' and what is missing above it, and gives its absolute name. */
QN_MUST_USE enum qn_status run_folder_open(const char *path, char ret_path[RUN_PATH_MAX],
                                           struct qn_error *err);

/* Makes a folder with this mode in one that is there; fine if it is there already. */
QN_MUST_USE enum qn_status run_folder_make(const char *path, unsigned mode, struct qn_error *err);

/* Refuses a second copy on the same folder: QN_ALREADY_EXISTS, and 'err' says which process has it. The lock
 * goes with this process. */
QN_MUST_USE enum qn_status run_folder_lock(const char *run_dir, struct qn_error *err);

/* The process that has the lock; 0: nobody, or not to be found out. */
pid_t run_folder_holder(const char *run_dir);

/* Writes the file anew, whole or not at all, readable by its owner alone. */
QN_MUST_USE enum qn_status run_folder_write(const char *path, struct qn_str content, struct qn_error *err);

/* Reads a small file, NUL-terminated; how many bytes, -1 when it cannot be read or is larger. */
long run_folder_read(const char *path, char *to, size_t room);

/* Removes a folder with all that is in it; fine if it is not there. Follows no links. */
QN_MUST_USE enum qn_status run_folder_remove(const char *path, struct qn_error *err);

/* Whether this user (NULL: we ourselves) may enter the folder. */
bool run_folder_enterable(const char *path, const struct passwd *user);

/* The secret kept in the folder, made at the first call. */
enum { RUN_SECRET_MAX = 256 };
QN_MUST_USE enum qn_status run_folder_secret(const char *run_dir, char ret_secret[RUN_SECRET_MAX],
                                             bool *ret_made, struct qn_error *err);

#endif
