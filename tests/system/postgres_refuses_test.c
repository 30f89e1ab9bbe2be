#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "tests/harness/stack.h"
#include "tests/harness/test.h"
#include "tests/harness/trial.h"

/* PostgreSQL is there and does not do what is asked: it was demoted, the password has changed, somebody else
 * has the role's slots. What people are told is typed and in time, it says which of these it is, and all is
 * well again without a restart of any service. */

#define TERMINATE "select count(pg_terminate_backend(pid)) from pg_stat_activity where usename = 'quintet'"

enum {
    OUTAGE_MS = 3000, /* beyond the requests' deadline: they do not only wait it out */
    /* The pause between two attempts is up to 10 s by design; up to 4 s after an outage of three. */
    RECOVER_IN_MS = 20000,
    GOOD_IN_A_ROW = 50,
};

static struct harness_stack stack;
static PGconn *admin;

static int set_up(void **state)
{
    (void)state;
    harness_stack_start(&stack, NULL);
    admin = harness_postgres_admin(stack.postgres, NULL);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    PQfinish(admin);
    harness_stack_stop(&stack);
    return 0;
}

static struct trial *start(const char *name, const char *what)
{
    struct trial *trial =
        trial_start(&(const struct trial_options){.name = name, .what = what, .stack = &stack});
    trial_await_good(trial, GOOD_IN_A_ROW, RECOVER_IN_MS);
    return trial;
}

static void end(struct trial *trial, struct trial_verdict *verdict)
{
    trial_await_good(trial, GOOD_IN_A_ROW, RECOVER_IN_MS);
    trial_stop(trial, verdict);
    trial_judge(verdict,
                &(const struct trial_bounds){.failed_max = SIZE_MAX, .recover_in_ms = RECOVER_IN_MS});
}

/* As after a failover whose name still leads here: what is connected finds out by 25006, and who connects
 * anew is told by the server's own parameter. Reads would work; they are not taken from a server that was
 * demoted, because another one has the truth by now. */
static void test_demoted(void **state)
{
    (void)state;
    struct trial_verdict verdict;
    struct trial *trial = start("postgres_demoted", "PostgreSQL read-only for three seconds");
    trial_outage(trial, "read-only");
    harness_postgres_do(admin, "alter system set default_transaction_read_only = on");
    harness_postgres_do(admin, "select pg_reload_conf()");
    trial_pass(trial, OUTAGE_MS);
    harness_postgres_do(admin, "alter system reset default_transaction_read_only");
    harness_postgres_do(admin, "select pg_reload_conf()");
    trial_mark(trial, "writable");
    end(trial, &verdict);
    assert_true(trial_tallied(&verdict, "unavailable", "READ_ONLY") > 0);
    assert_true(harness_service_logged(stack.profile, "cause=\"read only\""));
}

/* Rotated in the database first, as every rotation has it for a moment, and back (the service's own setting
 * cannot change without a restart). What is connected stays so; when it is ended, nothing new comes up. */
static void test_password_rotated(void **state)
{
    (void)state;
    struct trial_verdict verdict;
    struct trial *trial = start("postgres_password",
                                "the role's password changed and its connections ended, for three seconds");
    trial_outage(trial, "password changed");
    harness_postgres_do(admin, "alter role quintet password 'another'");
    harness_postgres_do(admin, TERMINATE);
    trial_pass(trial, OUTAGE_MS);
    harness_postgres_do(admin, "alter role quintet password 'p@ss/w:rd%'");
    trial_mark(trial, "changed back");
    end(trial, &verdict);
    assert_true(trial_tallied(&verdict, "unavailable", "CANNOT_CONNECT") > 0);
    assert_true(harness_service_logged(stack.profile, "cannot connect outcome=denied"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_demoted),
        cmocka_unit_test(test_password_rotated),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
