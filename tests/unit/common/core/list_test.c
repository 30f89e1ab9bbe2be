#include "common/core/check.h"
#include "common/core/list.h"
#include "tests/harness/dies.h"
#include "tests/harness/test.h"

struct item {
    int number;
    struct qn_node node;
};

static int number_of(struct qn_node *node)
{
    return container_of(node, struct item, node)->number;
}

/* Fails unless the list holds just these numbers, in this order, forwards and backwards. */
static void assert_holds(struct qn_list *list, const int *numbers, size_t n)
{
    assert_int_equal(list->len, n);
    assert_int_equal(qn_list_empty(list), n == 0);
    size_t i = 0;
    qn_list_each (node, list)
        assert_int_equal(number_of(node), numbers[i++]);
    assert_int_equal(i, n);
    for (struct qn_node *node = list->head.prev; node != &list->head; node = node->prev)
        assert_int_equal(number_of(node), numbers[--i]);
    assert_int_equal(i, 0);
}

static void test_pushes_keep_their_order(void **state)
{
    (void)state;
    struct item items[3] = {{.number = 0}, {.number = 1}, {.number = 2}};
    struct qn_list list;
    qn_list_init(&list);
    assert_null(qn_list_pop(&list));
    assert_null(qn_list_first(&list));

    qn_list_push(&list, &items[0].node);
    qn_list_push(&list, &items[1].node);
    qn_list_push_front(&list, &items[2].node);
    assert_holds(&list, (int[]){2, 0, 1}, 3);
    assert_int_equal(number_of(qn_list_first(&list)), 2);

    assert_int_equal(number_of(qn_list_pop(&list)), 2);
    assert_int_equal(number_of(qn_list_pop(&list)), 0);
    assert_int_equal(number_of(qn_list_pop(&list)), 1);
    assert_holds(&list, NULL, 0);
}

static void test_a_node_knows_whether_it_is_linked(void **state)
{
    (void)state;
    struct item item = {0};
    struct qn_list list;
    qn_list_init(&list);
    assert_false(qn_node_linked(&item.node));
    qn_list_push(&list, &item.node);
    assert_true(qn_node_linked(&item.node)); /* also as the only one */
    qn_list_remove(&list, &item.node);
    assert_false(qn_node_linked(&item.node));
    qn_list_push(&list, &item.node);
    qn_list_pop(&list);
    assert_false(qn_node_linked(&item.node));
}

static void test_the_node_at_hand_may_be_removed(void **state)
{
    (void)state;
    struct item items[5] = {{.number = 0}, {.number = 1}, {.number = 2}, {.number = 3}, {.number = 4}};
    struct qn_list list;
    qn_list_init(&list);
    for (size_t i = 0; i < QN_COUNT(items); i++)
        qn_list_push(&list, &items[i].node);
    qn_list_each (node, &list) {
        if (number_of(node) % 2 == 0)
            qn_list_remove(&list, node);
    }
    assert_holds(&list, (int[]){1, 3}, 2);
}

static void test_a_whole_list_moves(void **state)
{
    (void)state;
    struct item items[4] = {{.number = 0}, {.number = 1}, {.number = 2}, {.number = 3}};
    struct qn_list to, from;
    qn_list_init(&to);
    qn_list_init(&from);
    qn_list_move(&to, &from); /* nothing to nothing */
    assert_holds(&to, NULL, 0);

    qn_list_push(&from, &items[0].node);
    qn_list_push(&from, &items[1].node);
    qn_list_move(&to, &from);
    assert_holds(&to, (int[]){0, 1}, 2);
    assert_holds(&from, NULL, 0);

    qn_list_push(&from, &items[2].node);
    qn_list_push(&from, &items[3].node);
    qn_list_move(&to, &from);
    assert_holds(&to, (int[]){0, 1, 2, 3}, 4);
    qn_list_move(&to, &from);
    assert_holds(&to, (int[]){0, 1, 2, 3}, 4);
}

static void push_twice(void *context)
{
    struct item item = {0};
    (void)context;
    struct qn_list a, b;
    qn_list_init(&a);
    qn_list_init(&b);
    qn_list_push(&a, &item.node);
    qn_list_push(&b, &item.node);
}

static void remove_unlinked(void *context)
{
    struct item item = {0};
    (void)context;
    struct qn_list list;
    qn_list_init(&list);
    qn_list_remove(&list, &item.node);
}

/* A node in two lists corrupts both, far from the cause; so it is told on the spot. */
static void test_misuse_is_told_on_the_spot(void **state)
{
    (void)state;
    assert_dies(push_twice, NULL, "!qn_node_linked(node)");
    assert_dies(remove_unlinked, NULL, "qn_node_linked(node)");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_pushes_keep_their_order),
        cmocka_unit_test(test_a_node_knows_whether_it_is_linked),
        cmocka_unit_test(test_the_node_at_hand_may_be_removed),
        cmocka_unit_test(test_a_whole_list_moves),
        cmocka_unit_test(test_misuse_is_told_on_the_spot),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
