#include "tests/harness/second_pass.h"

#include <errno.h> /* program_invocation_short_name */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/harness/bouncer.h"

/* QN_SOURCE_DIR: from CMakeLists.txt. */

enum { LINE_MAX_BYTES = 512 };

static const char table[] = QN_SOURCE_DIR "/tests/pgbouncer.txt";

static _Noreturn void refuse(const char *why, const char *line)
{
    fprintf(stderr, "%s: %s: %s\n", table, why, line);
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
static size_t take_out(struct CMUnitTest *tests, size_t n)
{
    FILE *file = fopen(table, "r");
    if (!file)
        refuse("cannot be opened", "");
    char line[LINE_MAX_BYTES], program[128], test[128];
    int reason;
    while (fgets(line, sizeof line, file)) {
        line[strcspn(line, "\n")] = '\0';
        if (line[0] == '#' || line[0] == '\0')
            continue;
        reason = 0;
        if (sscanf(line, "%127s %127s %n", program, test, &reason) != 2 || reason == 0 ||
            line[reason] == '\0')
            refuse("not \"program test reason\"", line);
        if (!is_this_program(program) || strcmp(test, "*") == 0)
            continue;
        size_t at = find(tests, n, test);
        if (at == n)
            refuse("no such test", line);
        print_message("not through PgBouncer: %s: %s\n", test, line + reason);
        memmove(&tests[at], &tests[at + 1], (n - at - 1) * sizeof *tests);
        n--;
    }
    fclose(file);
    return n;
}

int harness_second_pass_run_some(const char *group, const struct CMUnitTest *tests, size_t n,
                                 CMFixtureFunction setup, CMFixtureFunction teardown)
{
    if (!harness_bouncer_wanted())
        return _cmocka_run_group_tests(group, tests, n, setup, teardown);
    struct CMUnitTest *some = calloc(n, sizeof *some);
    if (!some)
        refuse("no memory", "");
    memcpy(some, tests, n * sizeof *some);
    int failed = _cmocka_run_group_tests(group, some, take_out(some, n), setup, teardown);
    free(some);
    return failed;
}
