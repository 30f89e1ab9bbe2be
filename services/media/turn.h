#ifndef MEDIA_TURN_H
#define MEDIA_TURN_H

#include "common/core/id.h"
#include "common/core/str.h"
#include "common/loop/loop.h"

/* One at a time for each photo: completing and deleting one take its turn first, so that no picture is made
 * twice, or for a photo that goes meanwhile, in this process. Nothing depends on it: two processes may cross
 * (photo.c). All on the loop's thread.
 *
 * A turn is held or waited for by a call: there are never more than calls in hand. */
struct media_turns {
    struct qn_loop *loop;
    struct qn_list turns; /* held or waiting, in the order they were asked for */
};

struct media_turn {
    struct qn_node node;
    struct qn_later later;
    char photo_id[QN_ID_LEN + 1];
    void (*go)(struct media_turn *turn);
};

void media_turns_init(struct media_turns *turns, struct qn_loop *loop);

/* 'go' runs once, on the loop, not before this returns: the turn is held until media_turn_give(). Requires:
 * the turn is neither held nor waiting; photo_id has at most QN_ID_LEN bytes. */
void media_turn_take(struct media_turns *turns, struct media_turn *turn, struct qn_str photo_id,
                     void (*go)(struct media_turn *turn));

/* Gives it on to whoever has waited longest. Does nothing when it is not held. */
void media_turn_give(struct media_turns *turns, struct media_turn *turn);

#endif
