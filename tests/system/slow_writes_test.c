#include "common/core/check.h"
#include "tests/harness/test.h"
#include "tests/system/held_call.h"

/* Writes of one kind wait for locked rows, over and over, and writes of other kinds do not wait behind them:
 * no statement keeps all the connections that writes may have. */

enum {
    HELD = 8, /* more than there are connections */
    SIGN_INS = 3,
};

static void test_writes_of_one_kind(void **state)
{
    (void)state;
    static struct held held[HELD];
    harness_postgres_do(fix.holder, "begin");
    harness_postgres_do(fix.holder, "select 1 from quintet.profile for update");
    for (size_t i = 0; i < HELD; i++)
        held_start(&held[i], PROFILE "UpdateProfile", &fix.people[i],
                   "{\"bio\":\"late\",\"updateMask\":[\"bio\"]}");
    for (size_t i = 0; i < SIGN_INS; i++)
        held_sign_in(&held[0], &fix.people[i]);
    assert_in_range(held_waiting(), 1, 4);
    for (size_t i = 0; i < HELD; i++)
        held_let_go(&held[i]);
    harness_postgres_do(fix.holder, "rollback");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_writes_of_one_kind),
    };
    return cmocka_run_group_tests(tests, held_set_up, held_tear_down);
}
