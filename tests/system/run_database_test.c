#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "tests/harness/postgres.h"
#include "tests/harness/service.h"
#include "tests/harness/test.h"
#include "tests/system/run_fixture.h"

/* `make run` on a PostgreSQL of one's own: with an admin who provisions, without one, and with everything
 * that may be wrong with it. */

static struct harness_postgres *postgres;
static PGconn *admin;

static int set_up(void **state)
{
    (void)state;
    postgres = harness_postgres_start(NULL);
    run_spare(harness_postgres_pid(postgres));
    admin = harness_postgres_admin(postgres, "postgres");
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    PQfinish(admin);
    harness_postgres_stop(postgres);
    return 0;
}

static const char *dir(void)
{
    return harness_text("%s/it", run_folder());
}

/* "DATABASE_URL=…" of a role and a database, which need not be there. */
static const char *url(const char *role, const char *database)
{
    return harness_text(
        "DATABASE_URL=postgresql://%s:secret@127.0.0.1:%d/%s?schema=public&connection_limit=5", role,
        harness_postgres_port(postgres), database);
}

static const char *admin_url(void)
{
    return harness_text("QUINTET_ADMIN_DATABASE_URL=%s", harness_postgres_admin_url(postgres));
}

static long connections_of(const char *role)
{
    return harness_postgres_number(
        admin, harness_text("select count(*) from pg_stat_activity where usename = '%s'", role));
}

/* Starts with these settings and must be told what is wrong: never a line on stdout. */
static void assert_refused(const char *database_url, const char *admin_database_url, const char *said)
{
    static struct run_copy copy;
    const char *environment[] = {database_url, admin_database_url, NULL};
    int code = run_to_end(&copy, &(const struct run_options){.dir = dir(), .environment = environment});
    if (code != 1 || !run_logged(&copy, said))
        fail_msg("exit code %d; not said: %s; the log:\n%s", code, said, run_log(&copy));
    run_assert_order(&copy, (const char *const[]){"quintet-profile --",
                                                  "run: did not start why=\"quintet-profile --", "run: ended",
                                                  NULL});
    assert_false(run_logged(&copy, "run: started"));
    assert_false(run_logged(&copy, "secret@"));
    assert_string_equal(run_out(&copy), "");
    run_await_nobody();
}

static void test_with_an_admin_the_role_is_made(void **state)
{
    (void)state;
    static struct run_copy copy;
    const char *environment[] = {url("site", "site"), admin_url(), NULL};
    run_start_ready(&copy, &(const struct run_options){.dir = dir(), .environment = environment});
    assert_false(run_exists(run_path(&copy, "pg")));
    assert_false(run_has_endpoint(&copy, "PID_POSTGRES"));
    assert_string_equal(harness_text("DATABASE_URL=%s", run_endpoint(&copy, "DATABASE_URL")), environment[0]);
    assert_int_equal(
        harness_postgres_number(admin, "select rolconnlimit from pg_roles where rolname = 'site'"), 5);
    run_assert_works(&copy, run_sign_up(&copy, "ada@example.com"));
    run_await(&copy, "all five are there", connections_of("site") == 5);
    run_stop(&copy);
    assert_int_equal(run_count(&copy, "pg: connection closed"), 5);
    /* The server learns of a hang-up a moment after it. */
    run_await(&copy, "none is left", connections_of("site") == 0);
    run_await_nobody();
}

/* In production nobody leaves the admin's password lying about: once is enough. */
static void test_afterwards_without_one(void **state)
{
    (void)state;
    static struct run_copy copy;
    const char *environment[] = {url("site", "site"), NULL};
    run_start_ready(&copy, &(const struct run_options){.dir = dir(), .environment = environment});
    assert_int_equal(run_sign_in(&copy, "ada@example.com"), 200);
    assert_false(run_has_endpoint(&copy, "ADMIN_DATABASE_URL"));
    run_stop(&copy);
    run_await_nobody();
}

/* A role that owns its database, as from a hoster: no admin anywhere. */
static void test_a_role_that_owns_its_database(void **state)
{
    (void)state;
    static struct run_copy copy;
    harness_postgres_do(admin, "create role owner login password 'secret'");
    harness_postgres_do(admin, "create database owned owner owner");
    const char *environment[] = {url("owner", "owned"), NULL};
    run_start_ready(&copy, &(const struct run_options){.dir = dir(), .environment = environment});
    run_assert_works(&copy, run_sign_up(&copy, "ada@example.com"));
    run_stop(&copy);
    run_await_nobody();
}

static void test_what_the_server_refuses_is_told_at_once(void **state)
{
    (void)state;
    harness_postgres_do(admin, "create role guest login password 'secret'");
    assert_refused(url("site", "nowhere"), NULL, "database \"nowhere\" does not exist");
    assert_refused(url("stranger", "site"), NULL, "password authentication failed for user \"stranger\"");
    assert_refused(url("guest", "postgres"), NULL, "permission denied"); /* to make the tables */
    assert_refused(url("other", "other"),
                   harness_text("QUINTET_ADMIN_DATABASE_URL=postgresql://guest:secret@127.0.0.1:%d/postgres",
                                harness_postgres_port(postgres)),
                   "permission denied to create role");
}

/* Both come up after a power cut, in any order. */
static void test_a_server_that_is_not_there_yet_is_waited_for(void **state)
{
    (void)state;
    static struct run_copy copy;
    const char *environment[] = {url("site", "site"), NULL};
    PQfinish(admin);
    harness_postgres_halt(postgres, SIGINT);
    run_start(&copy, &(const struct run_options){.dir = dir(), .environment = environment});
    run_await_log(&copy, "run: waiting for the database; its line stands above in_ms=200");
    assert_true(run_logged(&copy, "Connection refused"));
    assert_string_equal(run_out(&copy), "");
    harness_postgres_resume(postgres);
    run_spare(harness_postgres_pid(postgres));
    admin = harness_postgres_admin(postgres, "postgres");
    run_await_ready(&copy);
    assert_int_equal(run_sign_in(&copy, "ada@example.com"), 200);
    run_stop(&copy);

    /* Whoever has had enough of waiting may end it. */
    PQfinish(admin);
    harness_postgres_halt(postgres, SIGINT);
    run_start(&copy, &(const struct run_options){.dir = dir(), .environment = environment});
    run_await_log(&copy, "run: waiting for the database");
    run_stop(&copy);
    run_await_nobody();
    harness_postgres_resume(postgres);
    run_spare(harness_postgres_pid(postgres));
    admin = harness_postgres_admin(postgres, "postgres");
}

/* Nobody restarts somebody else's server: the services wait for it. */
static void test_a_server_that_goes_away_for_a_while(void **state)
{
    (void)state;
    static struct run_copy copy;
    const char *environment[] = {url("site", "site"), NULL};
    run_start_ready(&copy, &(const struct run_options){.dir = dir(), .environment = environment});
    const char *profile = run_endpoint(&copy, "ADMIN_PROFILE");
    PQfinish(admin);
    harness_postgres_halt(postgres, SIGQUIT);
    run_await_get(profile, "/readyz", 503);
    harness_postgres_resume(postgres);
    run_spare(harness_postgres_pid(postgres));
    admin = harness_postgres_admin(postgres, "postgres");
    run_await_get(profile, "/readyz", 200);
    assert_int_equal(run_sign_in(&copy, "ada@example.com"), 200);
    assert_in_range(connections_of("site"), 1, 5);
    run_stop(&copy);
    assert_false(run_logged(&copy, "run: a service died"));
    run_await_nobody();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_with_an_admin_the_role_is_made),
        cmocka_unit_test(test_afterwards_without_one),
        cmocka_unit_test(test_a_role_that_owns_its_database),
        cmocka_unit_test(test_what_the_server_refuses_is_told_at_once),
        cmocka_unit_test(test_a_server_that_is_not_there_yet_is_waited_for),
        cmocka_unit_test(test_a_server_that_goes_away_for_a_while),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
