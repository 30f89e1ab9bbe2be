#include "common/core/list.h"

#include "common/core/check.h"

void qn_list_init(struct qn_list *list)
{
    list->head.prev = list->head.next = &list->head;
    list->len = 0;
}

static void link_between(struct qn_list *list, struct qn_node *prev, struct qn_node *node,
                         struct qn_node *next)
{
    QN_CHECK(!qn_node_linked(node));
    node->prev = prev;
    node->next = next;
    prev->next = node;
    next->prev = node;
    list->len++;
}

void qn_list_push(struct qn_list *list, struct qn_node *node)
{
    link_between(list, list->head.prev, node, &list->head);
}

void qn_list_push_front(struct qn_list *list, struct qn_node *node)
{
    link_between(list, &list->head, node, list->head.next);
}

struct qn_node *qn_list_first(const struct qn_list *list)
{
    return list->len ? list->head.next : NULL;
}

struct qn_node *qn_list_pop(struct qn_list *list)
{
    struct qn_node *node = qn_list_first(list);
    if (node)
        qn_list_remove(list, node);
    return node;
}

void qn_list_remove(struct qn_list *list, struct qn_node *node)
{
    QN_CHECK(qn_node_linked(node) && list->len > 0);
    node->prev->next = node->next;
    node->next->prev = node->prev;
    node->prev = node->next = NULL;
    list->len--;
}

void qn_list_move(struct qn_list *to, struct qn_list *from)
{
    if (qn_list_empty(from))
        return;
    struct qn_node *first = from->head.next, *last = from->head.prev;
    first->prev = to->head.prev;
    to->head.prev->next = first;
    last->next = &to->head;
    to->head.prev = last;
    to->len += from->len;
    qn_list_init(from);
}
