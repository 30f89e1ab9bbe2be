#include "common/core/check.h"
#include "services/profile/pg/conn.h"
#include "tests/harness/dies.h"
#include "tests/harness/test.h"

/* The drawing in conn.h, as a matrix: what is not drawn must not happen. */
static void test_moves(void **state)
{
    (void)state;
    static const char drawn[PG_CONN_STATE_COUNT][PG_CONN_STATE_COUNT + 1] = {
        /*                        DOWN ENDING RESOLVING CONNECTING IDLE SHARED ALONE CANCELLING */
        [PG_CONN_DOWN] = "..XX....",      [PG_CONN_ENDING] = "X.......",
        [PG_CONN_RESOLVING] = "X..X....", [PG_CONN_CONNECTING] = "X...X...",
        [PG_CONN_IDLE] = "XX...XX.",      [PG_CONN_SHARED] = "X...X..X",
        [PG_CONN_ALONE] = "X...X..X",     [PG_CONN_CANCELLING] = "X...X...",
    };
    for (int from = 0; from < PG_CONN_STATE_COUNT; from++) {
        for (int to = 0; to < PG_CONN_STATE_COUNT; to++) {
            bool may = pg_conn_may_move((enum pg_conn_state)from, (enum pg_conn_state)to);
            if (may != (drawn[from][to] == 'X'))
                fail_msg("%s → %s is %s", pg_conn_state_name((enum pg_conn_state)from),
                         pg_conn_state_name((enum pg_conn_state)to), may ? "allowed" : "not allowed");
        }
    }
}

/* Nothing can join a query that is alone, and nothing is sent before a cancel is over: no way leads from
 * ALONE or CANCELLING to SHARED but through IDLE. And what is lost can be opened again. */
static void test_what_moves_must_hold(void **state)
{
    (void)state;
    assert_false(pg_conn_may_move(PG_CONN_ALONE, PG_CONN_SHARED));
    assert_false(pg_conn_may_move(PG_CONN_SHARED, PG_CONN_ALONE));
    assert_false(pg_conn_may_move(PG_CONN_CANCELLING, PG_CONN_SHARED));
    assert_false(pg_conn_may_move(PG_CONN_CANCELLING, PG_CONN_ALONE));
    for (int from = PG_CONN_ENDING; from < PG_CONN_STATE_COUNT; from++)
        assert_true(pg_conn_may_move((enum pg_conn_state)from, PG_CONN_DOWN));
}

static void test_which_hold_a_slot(void **state)
{
    (void)state;
    for (int at = 0; at < PG_CONN_STATE_COUNT; at++) {
        struct pg_conn conn = {.state = (enum pg_conn_state)at};
        bool holds =
            at == PG_CONN_IDLE || at == PG_CONN_SHARED || at == PG_CONN_ALONE || at == PG_CONN_CANCELLING;
        assert_int_equal(pg_conn_is_up(&conn), holds);
    }
}

static void wrong_move(void *context)
{
    struct pg_conn *conn = context;
    pg_conn_move(conn, PG_CONN_SHARED);
}

static void test_a_move_that_is_not_drawn_is_a_bug(void **state)
{
    (void)state;
    static struct pg_conn conn = {.state = PG_CONN_ALONE};
    assert_dies(wrong_move, &conn, "pg_conn_may_move");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_moves),
        cmocka_unit_test(test_what_moves_must_hold),
        cmocka_unit_test(test_which_hold_a_slot),
        cmocka_unit_test(test_a_move_that_is_not_drawn_is_a_bug),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
