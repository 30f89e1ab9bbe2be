#ifndef MEDIA_SERVICE_H
#define MEDIA_SERVICE_H

#include "common/app/parts.h"
#include "services/media/object.h"
#include "services/media/picture/pool.h"
#include "services/media/settings.h"
#include "services/media/turn.h"

/* What the handlers and the sweep work with: one a process, made in main.c. 'store' is the seam: nothing that
 * holds this struct knows what stands behind it. */
struct media_service {
    const struct media_settings *settings;
    const struct qn_part_rpc_client *profile; /* whose PhotoStore holds the rows */
    struct media_object_store *store;
    struct media_picture_pool *pictures;

    /* Of the handlers, zeroed at the start. */
    struct media_turns turns;
    struct media_sweep *sweep; /* photo_sweep.h; NULL until it has opened */
    size_t in_hand_bytes;      /* of uploads between being read and being done with */
};

#endif
