#ifndef MEDIA_SERVICE_H
#define MEDIA_SERVICE_H

#include "common/app/parts.h"
#include "services/media/object.h"
#include "services/media/settings.h"
#include "services/media/turn.h"

/* What the handlers and the sweep work with: one a process, made in main.c. 'store' is the seam: nothing that
 * holds this struct knows what stands behind it. */
struct media_service {
    const struct media_settings *settings;
    const struct qn_part_rpc_client *profile; /* whose PhotoStore holds the rows */
    struct media_object_store *store;
    struct media_turns turns;
};

#endif
