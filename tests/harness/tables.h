#ifndef QN_TESTS_TABLES_H
#define QN_TESTS_TABLES_H

#include "tests/harness/postgres.h"
#include "tests/harness/test.h"

/* A database as a site has it that moves over: provisioned, with Better Auth's tables, the rows of
 * tests/fixtures/better-auth/rows.json in them (their dates moved as if recorded now), and then migrated.
 * Whatever goes wrong in here ends the test process. */

enum harness_tables {
    HARNESS_TABLES_OURS,   /* made by --migrate in an empty database */
    HARNESS_TABLES_KYSELY, /* made by Better Auth's own migration: timestamptz */
    HARNESS_TABLES_PRISMA, /* made by Prisma: timestamp(3) without time zone */
};

struct harness_postgres *harness_tables_start(enum harness_tables made_by);

/* The same tables with nobody in them. */
struct harness_postgres *harness_tables_start_empty(enum harness_tables made_by);

/* Runs a group of tests on each layout that a site may have, its own migration's and Prisma's; 'setup' starts
 * on harness_tables_layout(). Returns how many failed, to be returned from main(). */
int harness_tables_run_on_each(const struct CMUnitTest *tests, size_t n, CMFixtureFunction setup,
                               CMFixtureFunction teardown);
enum harness_tables harness_tables_layout(void);

#endif
