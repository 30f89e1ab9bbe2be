#include <string.h>

#include "common/core/check.h"
#include "services/media/turn.h"
#include "tests/harness/loop_fixture.h"
#include "tests/harness/test.h"

static struct media_turns turns;
static char order[16];

struct one {
    struct media_turn turn;
    char letter;
};

static void note(struct media_turn *turn)
{
    char letter[] = {container_of(turn, struct one, turn)->letter, '\0'};
    strncat(order, letter, sizeof order - strlen(order) - 1);
}

static void take(struct one *one, char letter, struct qn_str photo)
{
    one->letter = letter;
    media_turn_take(&turns, &one->turn, photo, note);
}

static void turn_the_loop(struct qn_loop *loop)
{
    while (qn_loop_turn(loop)) {
    }
}

static int setup(void **state)
{
    order[0] = '\0';
    int failed = loop_fixture_setup(state);
    media_turns_init(&turns, *state);
    return failed;
}

static void test_one_at_a_time_in_order(void **state)
{
    struct one a = {0}, b = {0}, c = {0};
    take(&a, 'a', QN_STR("photo"));
    take(&b, 'b', QN_STR("photo"));
    take(&c, 'c', QN_STR("photo"));
    assert_string_equal(order, ""); /* never from within the start */
    turn_the_loop(*state);
    assert_string_equal(order, "a");
    media_turn_give(&turns, &a.turn);
    turn_the_loop(*state);
    assert_string_equal(order, "ab");
    media_turn_give(&turns, &b.turn);
    turn_the_loop(*state);
    assert_string_equal(order, "abc");
    media_turn_give(&turns, &c.turn);
    turn_the_loop(*state);
    assert_true(qn_list_empty(&turns.turns));
}

static void test_photos_do_not_wait_for_each_other(void **state)
{
    struct one a = {0}, b = {0}, c = {0};
    take(&a, 'a', QN_STR("one"));
    take(&b, 'b', QN_STR("two"));
    take(&c, 'c', QN_STR("one"));
    turn_the_loop(*state);
    assert_string_equal(order, "ab");
    media_turn_give(&turns, &b.turn);
    turn_the_loop(*state);
    assert_string_equal(order, "ab");
    media_turn_give(&turns, &a.turn);
    turn_the_loop(*state);
    assert_string_equal(order, "abc");
    media_turn_give(&turns, &c.turn);
}

static void test_given_twice_is_given_once(void **state)
{
    struct one a = {0}, b = {0};
    take(&a, 'a', QN_STR("photo"));
    turn_the_loop(*state);
    media_turn_give(&turns, &a.turn);
    media_turn_give(&turns, &a.turn);
    take(&b, 'b', QN_STR("photo"));
    turn_the_loop(*state);
    assert_string_equal(order, "ab");
    media_turn_give(&turns, &b.turn);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_one_at_a_time_in_order, setup, loop_fixture_teardown),
        cmocka_unit_test_setup_teardown(test_photos_do_not_wait_for_each_other, setup, loop_fixture_teardown),
        cmocka_unit_test_setup_teardown(test_given_twice_is_given_once, setup, loop_fixture_teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
