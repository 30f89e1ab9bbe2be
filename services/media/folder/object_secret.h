#ifndef MEDIA_OBJECT_SECRET_H
#define MEDIA_OBJECT_SECRET_H

#include "common/core/status.h"
#include "services/media/folder/object_folder.h"

/* The key that signs uploads to the embedded folder, for a set-up that was given none: made once, kept in the
 * file "credentials" (mode 0600) beside the objects, where no request can reach. Two processes that start at
 * the same time end with the same key. Waits for the disk: for the start alone.
 *
 * QN_DATA_LOSS: the file is not one of ours; 'err' says. It is never replaced: every URL that was handed out
 * would be refused. */
QN_MUST_USE enum qn_status media_object_secret_load(const char *folder,
                                                    char ret_access_key_id[MEDIA_OBJECT_FOLDER_ID_MAX],
                                                    char ret_secret[MEDIA_OBJECT_FOLDER_SECRET_MAX],
                                                    struct qn_error *err);

#endif
