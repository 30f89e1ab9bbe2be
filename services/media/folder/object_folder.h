#ifndef MEDIA_OBJECT_FOLDER_H
#define MEDIA_OBJECT_FOLDER_H

#include "common/core/log.h"
#include "common/core/metric.h"
#include "common/loop/work.h"
#include "services/media/folder/object_file.h"
#include "services/media/settings.h"
#include "services/media/sigv4.h"

/* The embedded store: objects in a folder of this machine (object_file.h), every touch of the disk on a lane
 * of its own, served to browsers by object_http.h. What a killed process left in the making is removed at the
 * start and every hour. A part of the service. */

/* S3's "path style": signed requests are for /<bucket>/<key>. */
#define MEDIA_OBJECT_FOLDER_BUCKET "quintet"

enum { MEDIA_OBJECT_FOLDER_SECRET_MAX = 257, MEDIA_OBJECT_FOLDER_ID_MAX = 65 };

struct media_object_folder {
    struct qn_part part;
    const struct media_settings *settings;

    struct media_object_store store; /* the seam; from open to close */

    /* For object_http.c and object_upload.c, from open on. */
    struct media_object_place place;
    struct qn_lane *lane;
    struct qn_loop *loop;
    struct media_sigv4_key key;
    size_t buffered_bytes; /* of uploads, not yet written */

    char origin[320]; /* "http://127.0.0.1:8081", set by media_object_folder_set_origin() */

    /* Private from here. */
    char access_key_id[MEDIA_OBJECT_FOLDER_ID_MAX];
    char secret[MEDIA_OBJECT_FOLDER_SECRET_MAX];
    struct qn_log_limit log_limit;
    struct qn_timer sweep_timer;
    struct qn_work sweep;
    size_t swept;
    void (*closed)(struct qn_part *part);
};

#define MEDIA_OBJECT_FOLDER(settings_)                                                                       \
    {                                                                                                        \
        .part = {.name = "objects",                                                                          \
                 .open = media_object_folder_open,                                                           \
                 .ready = media_object_folder_ready,                                                         \
                 .close = media_object_folder_close},                                                        \
        .settings = (settings_)                                                                              \
    }

enum qn_status media_object_folder_open(struct qn_part *part, struct qn_loop *loop, struct qn_error *err);
bool media_object_folder_ready(struct qn_part *part, struct qn_buf *detail);
void media_object_folder_close(struct qn_part *part, void (*done)(struct qn_part *part));

/* Where browsers reach it; until it is set no URL can be made (an empty one would be). Called by
 * object_http.c, which knows the real port. Requires: media_settings_origin() takes it. */
void media_object_folder_set_origin(struct media_object_folder *folder, const char *origin);

/* Logs what the disk or the lane did to an object: at most a line a second, for browsers can repeat it. */
void media_object_folder_warn(struct media_object_folder *folder, const char *text, enum qn_status status,
                              const char *key, const struct qn_error *err);

/* The longest that an operation of a browser may wait for the disk. */
enum { MEDIA_OBJECT_FOLDER_PATIENCE_MS = 30000 };

#endif
