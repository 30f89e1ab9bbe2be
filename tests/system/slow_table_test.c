#include "common/core/check.h"
#include "tests/harness/test.h"
#include "tests/system/held_call.h"

/* Questions of one kind wait for a locked table, over and over, and the others do not wait behind them: no
 * statement may have all the connections. */

enum { HELD = 8 }; /* more than there are connections */

/* Somebody else locks a table that the profile check reads; session checks without it, and sign-ins, go on.
 */
static void test_a_table_is_locked(void **state)
{
    (void)state;
    static struct held held[HELD];
    harness_postgres_do(fix.holder, "begin");
    harness_postgres_do(fix.holder, "lock table quintet.photo in access exclusive mode");
    for (size_t i = 0; i < HELD; i++) {
        held_start(&held[i], AUTH "GetSessionWithProfileCheck", &fix.people[i], "{}");
        /* Comes in between, so that the look-ups do not travel in one statement. */
        held_call(NULL, AUTH "GetSession", &fix.people[i], "{}", "\"session\"");
        held_sign_in(NULL, &fix.people[i]);
    }
    for (size_t i = 0; i < HELD; i++)
        held_give_up(&held[i]);
    harness_postgres_do(fix.holder, "rollback");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_table_is_locked),
    };
    return cmocka_run_group_tests(tests, held_set_up, held_tear_down);
}
