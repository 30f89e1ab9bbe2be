#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/core/check.h"
#include "tests/harness/test.h"
#include "tests/system/held_call.h"

/* A statement waits for a lock until its deadline, and nobody waits behind it. Judged by the order in which
 * things end: what was asked later has been answered while what waits still waits. */

enum { ROUNDS = 3 }; /* of everything else */

static void reads(const struct held *held, const struct harness_person *person)
{
    held_call(held, AUTH "GetSession", person, "{}", "\"session\"");
    held_call(held, AUTH "GetSessionWithProfileCheck", person, "{}", "\"authenticated\":true");
    held_call(held, PROFILE "GetMyProfile", person, "{}", "\"profile\"");
    held_call(held, PROFILE "ListProfiles", person, "{}", "{");
}

static void writes(const struct held *held, const struct harness_person *person)
{
    held_call(held, PROFILE "UpdateProfile", person, "{\"city\":\"Napier\",\"updateMask\":[\"city\"]}",
              "\"Napier\"");
    held_sign_in(held, person);
}

static long count_connections_ever(void)
{
    char *log = harness_service_log(fix.stack.profile);
    long n = 0;
    for (const char *at = log; (at = strstr(at, "connection opened")); at++)
        n++;
    free(log);
    return n;
}

static void test_one_write(void **state)
{
    (void)state;
    struct held held;
    char sql[256];
    long opened = count_connections_ever();
    harness_postgres_do(fix.holder, "begin");
    snprintf(sql, sizeof sql, "select 1 from quintet.profile where user_id = '%s' for update",
             fix.people[0].user_id);
    harness_postgres_do(fix.holder, sql);
    held_start(&held, PROFILE "UpdateProfile", &fix.people[0], "{\"bio\":\"late\",\"updateMask\":[\"bio\"]}");
    held_await_waiting(1);
    for (int i = 0; i < ROUNDS; i++) {
        reads(&held, &fix.people[0]); /* the same user's, too: a row lock keeps no reader out */
        reads(&held, &fix.people[1 + i]);
        writes(&held, &fix.people[1 + i]);
    }
    assert_int_equal(held_waiting(), 1);
    held_let_go(&held);
    /* It was cancelled, though the lock is still held, and no connection had to go for it. */
    held_await_waiting(0);
    assert_int_equal(count_connections_ever(), opened);
    harness_postgres_do(fix.holder, "rollback");
    assert_int_equal(
        harness_postgres_number(fix.admin, "select count(*) from quintet.profile where bio = 'late'"), 0);
}

/* More than there are connections: one is never given to a write, so who reads goes on. */
static void test_many_writes(void **state)
{
    (void)state;
    static struct held held[8];
    harness_postgres_do(fix.holder, "begin");
    harness_postgres_do(fix.holder, "select 1 from quintet.profile for update");
    for (size_t i = 0; i < QN_COUNT(held); i++)
        held_start(&held[i], PROFILE "UpdateProfile", &fix.people[i],
                   "{\"bio\":\"late\",\"updateMask\":[\"bio\"]}");
    held_await_waiting(3); /* of the four that writes may have, one is left for writes of another kind */
    for (int i = 0; i < ROUNDS; i++)
        reads(&held[0], &fix.people[i]);
    assert_in_range(held_waiting(), 3, 4);
    for (size_t i = 0; i < QN_COUNT(held); i++)
        held_let_go(&held[i]);
    held_await_waiting(0);
    harness_postgres_do(fix.holder, "rollback");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_one_write),
        cmocka_unit_test(test_many_writes),
    };
    return cmocka_run_group_tests(tests, held_set_up, held_tear_down);
}
