#ifndef MEDIA_PHOTO_SWEEP_H
#define MEDIA_PHOTO_SWEEP_H

#include "services/media/photo.h"
#include "services/media/photo_key.h"

/* The one place from which objects are removed: at the start, then every QUINTET_MEDIA_SWEEP_EVERY, and soon
 * after something has become garbage, it has profile delete the rows of uploads that nobody completed, and
 * empties profile's trash (proto/store.proto, PhotoStore). Several processes share that: an entry is leased
 * to one of them. photo.c says why nothing is left over. A part of the service; on the loop's thread. */

enum {
    MEDIA_SWEEP_ROWS_MAX = 1000, /* of one pass; the next goes on */
    MEDIA_SWEEP_CLAIM_MAX = 64,  /* entries leased together */
    MEDIA_SWEEP_AT_ONCE = 8,     /* of them seen to at the same time */
};

struct media_sweep;

/* An entry in hand: private. */
struct media_sweep_item {
    struct media_sweep *sweep;
    Quintet__Store__V1__TrashEntry *entry; /* NULL: idle */
    struct qn_arena arena, list_arena;
    struct media_object_request object, list;
    size_t next;                           /* of the listing */
    char prefix[MEDIA_OBJECT_KEY_MAX + 1]; /* what is listed */
    char cursor[MEDIA_OBJECT_KEY_MAX + 1]; /* the last key of the listing before */
    struct qn_context ctx;
    bool asking;                           /* 'request' is under way */
    struct qn_request request;             /* for the photo's row */
    const Quintet__Store__V1__Photo *kept; /* the row whose objects stay; NULL: none do */
    char user_id[MEDIA_PHOTO_USER_ID_MAX + 1], photo_id[QN_ID_LEN + 1];
};

struct media_sweep {
    struct qn_part part;
    struct media_service *service;
    struct qn_loop *loop; /* private from here */
    struct qn_timer timer;
    bool busy, closing;
    bool again; /* asked for while busy */
    bool soon;  /* the timer has been moved up */
    uint64_t rows_due_ms;
    void (*closed)(struct qn_part *part);
    struct qn_later close_later;

    /* The question in hand, and the entries of the last claim. */
    struct qn_arena arena, claim_arena;
    struct qn_context ctx;
    char request_id[QN_REQUEST_ID_LEN + 1];
    bool asking;
    struct qn_request request;
    uint64_t claim_ends_ms;
    Quintet__Store__V1__TrashEntry *const *entries, *done[MEDIA_SWEEP_CLAIM_MAX], *bad[MEDIA_SWEEP_CLAIM_MAX];
    size_t n_entries, next, n_done, n_bad, in_hand;
    enum qn_status bad_status; /* of the first that failed */
    struct media_sweep_item items[MEDIA_SWEEP_AT_ONCE];
};

#define MEDIA_SWEEP(service_)                                                                                \
    {                                                                                                        \
        .part = {.name = "sweep", .open = media_sweep_open, .close = media_sweep_close},                     \
        .service = (service_)                                                                                \
    }

/* Also makes the service's turns, which whoever opens after it may take. */
enum qn_status media_sweep_open(struct qn_part *part, struct qn_loop *loop, struct qn_error *err);
void media_sweep_close(struct qn_part *part, void (*done)(struct qn_part *part));

/* Something has become garbage: a pass is made within moments. Costs nothing to say often. */
void media_sweep_soon(struct media_service *service);

#endif
