#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "tests/harness/http.h"
#include "tests/harness/postgres.h"
#include "tests/harness/service.h"
#include "tests/harness/test.h"
#include "tests/system/run_fixture.h"

/* `make seed` on a running stack: users whose cookies are worth something. */

static struct run_copy copy;

static const char *dir(void)
{
    return harness_text("%s/it", run_folder());
}

/* Runs quintet-seed with these arguments, in front of which the shell may set variables; the exit code, and
 * all that it said. */
static int seed(const char *variables, const char *arguments, char *to, size_t room)
{
    FILE *said =
        popen(harness_text("env -u BETTER_AUTH_SECRET %s QUINTET_RUN_DIR=%s %s/bin/quintet-seed %s 2>&1",
                           variables, dir(), QN_BUILD_DIR, arguments),
              "r");
    assert_non_null(said);
    to[fread(to, 1, room - 1, said)] = '\0';
    int status = pclose(said);
    assert_true(WIFEXITED(status));
    return WEXITSTATUS(status);
}

static void seeded(const char *variables, const char *arguments)
{
    char said[4096];
    if (seed(variables, arguments, said, sizeof said) != 0)
        fail_msg("quintet-seed %s: %s", arguments, said);
}

static void assert_refused(const char *arguments, int code, const char *why)
{
    char said[4096];
    int is = seed("", arguments, said, sizeof said);
    if (is != code || !strstr(said, why))
        fail_msg("quintet-seed %s: %d: %s", arguments, is, said);
}

/* How many lines cookies.txt has; the n-th goes to 'cookie'. */
static size_t read_cookies(size_t n, char cookie[512])
{
    char line[512];
    size_t lines = 0;
    FILE *file = fopen(run_path(&copy, "cookies.txt"), "r");
    assert_non_null(file);
    while (fgets(line, sizeof line, file)) {
        line[strcspn(line, "\n")] = '\0';
        if (lines++ == n)
            memcpy(cookie, line, sizeof line);
    }
    fclose(file);
    return lines;
}

/* What the session check says of one: "", "/create" or "/signin". */
static const char *next_path(const char *cookie)
{
    struct harness_http_reply reply = harness_http_post(
        run_endpoint(&copy, "HTTP"), "/quintet.auth.v1.AuthService/GetSessionWithProfileCheck", cookie, "{}");
    assert_int_equal(reply.status, 200);
    const char *path = strstr(reply.body, "\"nextPath\":\"/signin\"")   ? "/signin"
                       : strstr(reply.body, "\"nextPath\":\"/create\"") ? "/create"
                                                                        : "";
    harness_http_free(&reply);
    return path;
}

static void test_without_a_stack(void **state)
{
    (void)state;
    assert_refused("", 1, "no stack is running there");
    assert_refused("--users 0", 2, "--users: \"0\" is not allowed");
    assert_refused("--users many", 2, "--users: \"many\" is not allowed");
    assert_refused("stray", 2, "stray: no such option");
}

static void test_four_in_five_are_complete(void **state)
{
    (void)state;
    enum { USERS = 50 };
    char cookie[512];
    size_t complete = 0;
    struct stat st;
    run_start_ready(&copy, &(const struct run_options){.dir = dir()});
    seeded("", "--users 50");
    for (size_t i = 0; i < USERS; i++) {
        assert_int_equal(read_cookies(i, cookie), USERS);
        const char *path = next_path(cookie);
        assert_string_not_equal(path, "/signin");
        complete += path[0] == '\0';
    }
    assert_int_equal(complete, USERS * 4 / 5);
    assert_int_equal(stat(run_path(&copy, "cookies.txt"), &st), 0);
    assert_int_equal(st.st_mode & 07777, 0600);
    /* They can also sign in. */
    assert_int_equal(run_post(&copy, "/quintet.auth.v1.AuthService/SignIn", NULL,
                              "{\"email\":\"seed-7@seed.invalid\",\"password\":\"seeded password\"}"),
                     200);
}

/* Nobody else is touched. */
static void test_a_second_run_replaces_the_first(void **state)
{
    (void)state;
    char old[512], cookie[512];
    const char *mine = run_sign_up(&copy, "ada@example.com");
    read_cookies(49, old);
    seeded("", "--users 20");
    assert_int_equal(read_cookies(19, cookie), 20);
    assert_string_equal(next_path(old), "/signin");
    assert_string_not_equal(next_path(cookie), "/signin");
    run_assert_works(&copy, mine);
    run_stop(&copy);
    run_await_nobody();
}

/* The admin's URL is as Prisma writes it, and names another database than the application's. */
static void test_on_a_database_and_with_a_secret_of_ones_own(void **state)
{
    (void)state;
    char cookie[512];
    struct harness_postgres *postgres = harness_postgres_start(NULL);
    run_spare(harness_postgres_pid(postgres));
    const char *app = harness_text("DATABASE_URL=postgresql://site:secret@127.0.0.1:%d/site?schema=public",
                                   harness_postgres_port(postgres));
    static const char SECRET[] = "BETTER_AUTH_SECRET=rX7vQ2kLm9Tz4Wc8Bn1Hy6Pd3Sf5Ga0Je";
    const char *with_admin[] = {
        app, harness_text("QUINTET_ADMIN_DATABASE_URL=%s", harness_postgres_admin_url(postgres)), SECRET,
        NULL};
    run_start_ready(&copy, &(const struct run_options){.dir = dir(), .environment = with_admin});
    assert_refused("--users 5", 1, "BETTER_AUTH_SECRET");
    seeded(SECRET, "--users 5");
    assert_int_equal(read_cookies(4, cookie), 5);
    assert_string_not_equal(next_path(cookie), "/signin");
    run_stop(&copy);

    const char *without[] = {app, SECRET, NULL};
    run_start_ready(&copy, &(const struct run_options){.dir = dir(), .environment = without});
    assert_refused("--users 5", 1, "without an admin; give --database");
    run_stop(&copy);
    run_await_nobody();
    harness_postgres_stop(postgres);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_without_a_stack),
        cmocka_unit_test(test_four_in_five_are_complete),
        cmocka_unit_test(test_a_second_run_replaces_the_first),
        cmocka_unit_test(test_on_a_database_and_with_a_secret_of_ones_own),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
