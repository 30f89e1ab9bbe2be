#include "services/media/turn.h"

#include "common/core/check.h"

void media_turns_init(struct media_turns *turns, struct qn_loop *loop)
{
    turns->loop = loop;
    qn_list_init(&turns->turns);
}

static void go(struct qn_later *later)
{
    struct media_turn *turn = container_of(later, struct media_turn, later);
    turn->go(turn);
}

/* The one that has asked first for this photo. */
static struct media_turn *first_of(struct media_turns *turns, const char *photo_id)
{
    qn_list_each (node, &turns->turns) {
        struct media_turn *turn = container_of(node, struct media_turn, node);
        if (strcmp(turn->photo_id, photo_id) == 0)
            return turn;
    }
    return NULL;
}

void media_turn_take(struct media_turns *turns, struct media_turn *turn, struct qn_str photo_id,
                     void (*run)(struct media_turn *turn))
{
    QN_CHECK(!qn_node_linked(&turn->node) && photo_id.len <= QN_ID_LEN);
    memcpy(turn->photo_id, photo_id.ptr, photo_id.len);
    turn->photo_id[photo_id.len] = '\0';
    turn->go = run;
    bool is_free = first_of(turns, turn->photo_id) == NULL;
    qn_list_push(&turns->turns, &turn->node);
    if (is_free)
        qn_later_start(turns->loop, &turn->later, go);
}

void media_turn_give(struct media_turns *turns, struct media_turn *turn)
{
    if (!qn_node_linked(&turn->node))
        return;
    qn_list_remove(&turns->turns, &turn->node);
    struct media_turn *next = first_of(turns, turn->photo_id);
    if (next)
        qn_later_start(turns->loop, &next->later, go);
}
