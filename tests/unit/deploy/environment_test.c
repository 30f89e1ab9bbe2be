#include <stdio.h>
#include <stdlib.h>

#include "deploy/run/environment.h"
#include "tests/harness/test.h"

static struct qn_arena arena;

static struct run_environment from(char *const *entries)
{
    struct run_environment environment;
    qn_arena_fini(&arena);
    qn_arena_init(&arena, 1024 * 1024);
    run_environment_init(&environment, &arena, entries);
    return environment;
}

/* A service that is broken into shall not find what another needs. */
static void test_secrets_are_withheld(void **state)
{
    (void)state;
    char *const entries[] = {(char[]){"PATH=/bin"},
                             (char[]){"DATABASE_URL=postgresql://a:b@c/d"},
                             (char[]){"BETTER_AUTH_SECRET=s"},
                             (char[]){"BETTER_AUTH_SECRETS=1:s"},
                             (char[]){"AUTH_SECRET=s"},
                             (char[]){"SMTP_URL=smtp://u:p@h"},
                             (char[]){"R2_SECRET_ACCESS_KEY=s"},
                             (char[]){"S3_SECRET_ACCESS_KEY=s"},
                             (char[]){"QUINTET_MEDIA_SECRET_ACCESS_KEY=s"},
                             (char[]){"QUINTET_ADMIN_DATABASE_URL=x"},
                             (char[]){"LISTEN_FDS=1"},
                             (char[]){"DATABASE_URL_OF_ANOTHER=y"},
                             NULL};
    struct run_environment environment = from(entries);
    assert_int_equal(environment.n, 2);
    assert_string_equal(environment.entries[0], "PATH=/bin");
    assert_string_equal(environment.entries[1], "DATABASE_URL_OF_ANOTHER=y");
    assert_null(environment.entries[2]);
}

static void test_setting_replaces_or_adds(void **state)
{
    (void)state;
    char *const entries[] = {(char[]){"A=1"}, (char[]){"AB=2"}, (char[]){"odd"}, NULL};
    struct run_environment environment = from(entries);
    run_environment_set(&environment, "A", "new");
    run_environment_set(&environment, "C", "=x=");
    assert_string_equal(environment.entries[0], "A=new");
    assert_string_equal(environment.entries[1], "AB=2");
    assert_string_equal(environment.entries[3], "C==x=");
    assert_string_equal(run_environment_get(&environment, "C"), "=x=");
    assert_null(run_environment_get(&environment, "B"));
    assert_null(environment.entries[4]);
}

static void test_passing_on_what_we_have(void **state)
{
    (void)state;
    char *const none[] = {NULL};
    struct run_environment environment = from(none);
    setenv("BETTER_AUTH_SECRET", "of the operator", 1);
    unsetenv("AUTH_SECRET");
    run_environment_pass(&environment, "BETTER_AUTH_SECRET");
    run_environment_pass(&environment, "AUTH_SECRET");
    assert_int_equal(environment.n, 1);
    assert_string_equal(environment.entries[0], "BETTER_AUTH_SECRET=of the operator");
}

static void test_hundreds_of_entries(void **state)
{
    (void)state;
    char *const none[] = {NULL};
    struct run_environment environment = from(none);
    for (int i = 0; i < 500; i++) {
        char name[16];
        snprintf(name, sizeof name, "N%d", i);
        run_environment_set(&environment, name, name);
    }
    assert_int_equal(environment.n, 500);
    assert_string_equal(run_environment_get(&environment, "N0"), "N0");
    assert_string_equal(run_environment_get(&environment, "N499"), "N499");
    assert_null(environment.entries[500]);
    qn_arena_fini(&arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_secrets_are_withheld),
        cmocka_unit_test(test_setting_replaces_or_adds),
        cmocka_unit_test(test_passing_on_what_we_have),
        cmocka_unit_test(test_hundreds_of_entries),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
