#include "tests/harness/second_pass.h"

#include <errno.h> /* program_invocation_short_name */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* QN_SOURCE_DIR: from CMakeLists.txt. */

enum { LINE_MAX_BYTES = 512 };

static const struct pass {
    const char *variable; /* set to 1 in it, by tests/run */
    const char *how;
    const char *table;
} passes[] = {
    {"QUINTET_TEST_PGBOUNCER", "through PgBouncer", QN_SOURCE_DIR "/tests/pgbouncer.txt"},
    {"QUINTET_TEST_S3", "with a bucket", QN_SOURCE_DIR "/tests/s3.txt"},
};

static _Noreturn void refuse(const struct pass *pass, const char *why, const char *line)
{
    fprintf(stderr, "%s: %s: %s\n", pass->table, why, line);
    exit(1);
}

/* "integration/pg_pool" against the name of the running program, "pg_pool". */
static bool is_this_program(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash && strcmp(slash + 1, program_invocation_short_name) == 0;
}

static size_t find(const struct CMUnitTest *tests, size_t n, const char *name)
{
    size_t i = 0;
    while (i < n && strcmp(tests[i].name, name) != 0)
        i++;
    return i;
}

/* Takes out what the table names; returns how many are left. */
static size_t take_out(const struct pass *pass, struct CMUnitTest *tests, size_t n)
{
    FILE *file = fopen(pass->table, "r");
    if (!file)
        refuse(pass, "cannot be opened", "");
    char line[LINE_MAX_BYTES], program[128], test[128];
    int reason;
    while (fgets(line, sizeof line, file)) {
        line[strcspn(line, "\n")] = '\0';
        if (line[0] == '#' || line[0] == '\0')
            continue;
        reason = 0;
        if (sscanf(line, "%127s %127s %n", program, test, &reason) != 2 || reason == 0 ||
            line[reason] == '\0')
            refuse(pass, "not \"program test reason\"", line);
        if (!is_this_program(program) || strcmp(test, "*") == 0)
            continue;
        size_t at = find(tests, n, test);
        if (at == n)
            refuse(pass, "no such test", line);
        print_message("not %s: %s: %s\n", pass->how, test, line + reason);
        memmove(&tests[at], &tests[at + 1], (n - at - 1) * sizeof *tests);
        n--;
    }
    fclose(file);
    return n;
}

int harness_second_pass_run_some(const char *group, const struct CMUnitTest *tests, size_t n,
                                 CMFixtureFunction setup, CMFixtureFunction teardown)
{
    struct CMUnitTest *some = malloc(n * sizeof *some);
    if (!some)
        refuse(&passes[0], "no memory", "");
    memcpy(some, tests, n * sizeof *some);
    for (size_t i = 0; i < sizeof passes / sizeof passes[0]; i++) {
        const char *wanted = getenv(passes[i].variable);
        if (wanted && strcmp(wanted, "1") == 0)
            n = take_out(&passes[i], some, n);
    }
    int failed = _cmocka_run_group_tests(group, some, n, setup, teardown);
    free(some);
    return failed;
}
