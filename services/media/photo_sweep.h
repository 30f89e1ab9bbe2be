#ifndef MEDIA_PHOTO_SWEEP_H
#define MEDIA_PHOTO_SWEEP_H

#include "services/media/photo.h"
#include "services/media/photo_key.h"

/* Ends what uploads and deletions left unfinished (photo.c says what that can be): at the start and then once
 * a lifetime of an upload's URL, all pending objects that nobody has touched for three, one at a time, at
 * most MEDIA_PHOTO_SWEEP_MAX a pass; the next pass goes on where it stopped. A part of the service; on the
 * loop's thread. */
enum { MEDIA_PHOTO_SWEEP_MAX = 1000 };

struct media_sweep {
    struct qn_part part;
    struct media_service *service;
    struct qn_loop *loop; /* private from here */
    struct qn_timer timer;
    bool busy, closing;
    void (*closed)(struct qn_part *part);
    struct qn_later close_later;

    char cursor[MEDIA_OBJECT_KEY_MAX + 1]; /* the last key looked at; empty: from the beginning */
    size_t looked_at, ended;               /* in this pass */
    struct qn_arena list_arena;
    struct media_object_request list;
    size_t next; /* of the listing */

    /* The object in hand. */
    struct qn_arena arena;
    struct qn_context ctx;
    char request_id[QN_REQUEST_ID_LEN + 1];
    struct media_turn turn;
    bool asking; /* 'request' is under way */
    struct qn_request request;
    struct media_object_request object;
    const char *outcome;
    char user_id[MEDIA_PHOTO_USER_ID_MAX + 1], photo_id[QN_ID_LEN + 1];
    char key[MEDIA_OBJECT_KEY_MAX + 1];
};

#define MEDIA_SWEEP(service_)                                                                                \
    {                                                                                                        \
        .part = {.name = "sweep", .open = media_sweep_open, .close = media_sweep_close},                     \
        .service = (service_)                                                                                \
    }

/* Also makes the service's turns, which whoever opens after it may take. */
enum qn_status media_sweep_open(struct qn_part *part, struct qn_loop *loop, struct qn_error *err);
void media_sweep_close(struct qn_part *part, void (*done)(struct qn_part *part));

#endif
