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
    OUTAGE_MS = 1500, /* beyond pool_timeout: it is not only waited out */
    /* The pause between two attempts is up to 10 s by design; up to 2 s after an outage of one and a half. */
    RECOVER_IN_MS = 20000,
    GOOD_IN_A_ROW = 50,
};

static struct harness_stack stack;
static PGconn *admin;

static int set_up(void **state)
{
    (void)state;
    struct harness_postgres *postgres = harness_postgres_start_ready(NULL);
    harness_stack_start_with(&stack,
                             &(const struct harness_stack_options){
                                 .postgres = postgres,
                                 .database_url = harness_stack_database_url(
                                     postgres, (uint16_t)harness_postgres_port(postgres), "&pool_timeout=1"),
                             });
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

static size_t count_logged(const char *text)
{
    char *log = harness_service_log(stack.profile);
    size_t n = 0;
    for (const char *at = log; (at = strstr(at, text)); at += strlen(text))
        n++;
    free(log);
    return n;
}

/* The failures of one reason, before a trial and after. */
struct reason {
    const char *upper, *lower; /* in the status detail; in log and metric */
    size_t logged;
    double counted;
};

static double count_failures(const char *reason)
{
    double n = harness_service_metric(stack.profile,
                                      harness_text("quintet_pg_failures_total{reason=\"%s\"}", reason));
    return n > 0 ? n : 0;
}

static struct reason reason_before(const char *upper, const char *lower)
{
    struct reason reason = {.upper = upper, .lower = lower, .counted = count_failures(lower)};
    reason.logged = count_logged(harness_text("reason=\"%s\"", lower));
    return reason;
}

/* It was told to people with 'code', counted, and logged at most once a second (LOG_EVERY_MS in query.c). */
static void reason_after(const struct reason *reason, const struct trial_verdict *verdict, const char *code)
{
    size_t lines = count_logged(harness_text("reason=\"%s\"", reason->lower)) - reason->logged;
    if (trial_tallied(verdict, code, reason->upper) == 0)
        fail_msg("nobody was told %s %s", code, reason->upper);
    if (count_failures(reason->lower) <= reason->counted)
        fail_msg("\"%s\" was not counted", reason->lower);
    if (lines < 1 || (double)lines > verdict->seconds + 1)
        fail_msg("%zu log lines of \"%s\" in %.1f s", lines, reason->lower, verdict->seconds);
}

/* As after a failover whose name still leads here: what is connected finds out by 25006, and who connects
 * anew is told by the server's own parameter. Reads would work; they are not taken from a server that was
 * demoted, because another one has the truth by now. */
static void test_demoted(void **state)
{
    (void)state;
    struct trial_verdict verdict;
    struct reason reason = reason_before("READ_ONLY", "read only");
    struct trial *trial = start("postgres_demoted", "PostgreSQL read-only for a second and a half");
    trial_outage(trial, "read-only");
    harness_postgres_do(admin, "alter system set default_transaction_read_only = on");
    harness_postgres_do(admin, "select pg_reload_conf()");
    trial_pass(trial, OUTAGE_MS);
    harness_postgres_do(admin, "alter system reset default_transaction_read_only");
    harness_postgres_do(admin, "select pg_reload_conf()");
    trial_mark(trial, "writable");
    end(trial, &verdict);
    reason_after(&reason, &verdict, "unavailable");
    assert_true(harness_service_logged(stack.profile, "cause=\"read only\""));
}

/* Rotated in the database first, as every rotation has it for a moment, and back (the service's own setting
 * cannot change without a restart). What is connected stays so; when it is ended, nothing new comes up. */
static void test_password_rotated(void **state)
{
    (void)state;
    struct trial_verdict verdict;
    struct reason reason = reason_before("CANNOT_CONNECT", "cannot connect");
    size_t lines = count_logged("cannot connect outcome=");
    struct trial *trial =
        start("postgres_password",
              "the role's password changed and its connections ended, for a second and a half");
    trial_outage(trial, "password changed");
    harness_postgres_do(admin, "alter role quintet password 'another'");
    harness_postgres_do(admin, TERMINATE);
    trial_pass(trial, OUTAGE_MS);
    harness_postgres_do(admin, "alter role quintet password 'p@ss/w:rd%'");
    trial_mark(trial, "changed back");
    end(trial, &verdict);
    reason_after(&reason, &verdict, "unavailable");
    assert_true(harness_service_logged(stack.profile, "cannot connect outcome=denied"));
    /* One line in ten seconds, however many attempts. */
    assert_in_range(count_logged("cannot connect outcome=") - lines, 1, 1 + (size_t)verdict.seconds / 10);
}

/* Somebody else has them all, and it is no failure of the database: the pauses stay short. */
static void test_no_slot(void **state)
{
    (void)state;
    struct trial_verdict verdict;
    struct reason reason = reason_before("NO_SLOT", "no slot");
    size_t lines = count_logged("no slot outcome=");
    struct trial *trial =
        start("postgres_no_slot", "no connection left for the role (53300) for a second and a half");
    trial_outage(trial, "limit 0");
    harness_postgres_do(admin, "alter role quintet connection limit 0");
    harness_postgres_do(admin, TERMINATE);
    trial_pass(trial, OUTAGE_MS);
    harness_postgres_do(admin, "alter role quintet connection limit 5");
    trial_mark(trial, "limit 5");
    end(trial, &verdict);
    reason_after(&reason, &verdict, "unavailable");
    assert_in_range(count_logged("no slot outcome=") - lines, 1, 1 + (size_t)verdict.seconds / 10);
    assert_true(harness_service_metric(stack.profile, "quintet_pg_slots_refused_total{reason=\"role\"}") > 0);
}

/* Writes wait for rows that somebody else has locked: four have a connection and are too slow, the others
 * have none. Nobody else notices. */
static void test_rows_locked(void **state)
{
    (void)state;
    struct trial_verdict verdict;
    struct reason full = reason_before("POOL_FULL", "pool full"),
                  slow = reason_before("QUERY_SLOW", "query slow");
    PGconn *holder = harness_postgres_admin(stack.postgres, NULL);
    struct trial *trial =
        start("postgres_rows_locked", "every profile's row locked by somebody else for three seconds");
    trial_outage(trial, "locked");
    harness_postgres_do(holder, "begin");
    harness_postgres_do(holder, "select 1 from quintet.profile for update");
    trial_pass(trial, 2 * OUTAGE_MS); /* beyond the deadline */
    harness_postgres_do(holder, "rollback");
    trial_mark(trial, "unlocked");
    PQfinish(holder);
    end(trial, &verdict);
    reason_after(&full, &verdict, "resource_exhausted");
    reason_after(&slow, &verdict, "deadline_exceeded");
    assert_int_equal(verdict.failed, verdict.failed_by_kind[TRIAL_WRITE]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_demoted),
        cmocka_unit_test(test_password_rotated),
        cmocka_unit_test(test_no_slot),
        cmocka_unit_test(test_rows_locked),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
