#ifndef QN_CORE_LIST_H
#define QN_CORE_LIST_H

#include <stdbool.h>
#include <stddef.h>

/* An intrusive, doubly linked, circular list: the node lives in the object, nothing is allocated, removal is
 * O(1). A node is in at most one list; a zeroed or removed node is in none. Not thread-safe. */
struct qn_node {
    struct qn_node *prev, *next;
};

struct qn_list {
    struct qn_node head;
    size_t len;
};

void qn_list_init(struct qn_list *list);

static inline bool qn_list_empty(const struct qn_list *list)
{
    return list->len == 0;
}

/* True while the node is in some list. */
static inline bool qn_node_linked(const struct qn_node *node)
{
    return node->next != NULL;
}

/* Requires: the node is in no list. */
void qn_list_push(struct qn_list *list, struct qn_node *node);       /* at the end */
void qn_list_push_front(struct qn_list *list, struct qn_node *node); /* at the front */

/* Takes the first node out; NULL when the list is empty. */
struct qn_node *qn_list_pop(struct qn_list *list);

/* The first node, left in; NULL when the list is empty. */
struct qn_node *qn_list_first(const struct qn_list *list);

/* Requires: the node is in this list. */
void qn_list_remove(struct qn_list *list, struct qn_node *node);

/* Moves all of 'from' to the end of 'to'; 'from' is empty afterwards. */
void qn_list_move(struct qn_list *to, struct qn_list *from);

/* Walks the list; the current node may be removed in the body, no other. */
#define qn_list_each(node, list)                                                                             \
    for (struct qn_node *node = (list)->head.next, *qn_next_##node = node->next; node != &(list)->head;      \
         node = qn_next_##node, qn_next_##node = node->next)

#endif
