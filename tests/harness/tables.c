#include "tests/harness/tables.h"

#include <stdio.h>
#include <stdlib.h>

#include "common/core/clock.h"
#include "tests/harness/rows.h"
#include "tests/harness/service.h"

/* QN_SOURCE_DIR: from CMakeLists.txt. */

static _Noreturn void give_up(const char *what, const char *why)
{
    fprintf(stderr, "harness/tables: %s: %s\n", what, why);
    exit(1);
}

static void run_verb(struct harness_postgres *postgres, const char *verb)
{
    const char *const arguments[] = {verb, NULL};
    const char *const environment[] = {
        harness_text("DATABASE_URL=%s", harness_postgres_app_url(postgres)),
        harness_text("QUINTET_ADMIN_DATABASE_URL=%s", harness_postgres_admin_url(postgres)),
        NULL,
    };
    struct harness_service *run = harness_service_start(&(const struct harness_service_options){
        .program = "quintet-profile", .arguments = arguments, .environment = environment});
    if (harness_service_wait(run) != 0)
        give_up(verb, harness_service_log(run));
}

static void run_file(PGconn *admin, const char *name)
{
    char sql[16 * 1024] = "";
    FILE *file = fopen(harness_text(QN_SOURCE_DIR "/tests/fixtures/better-auth/%s", name), "r");
    if (!file)
        give_up(name, "cannot be opened");
    size_t len = fread(sql, 1, sizeof sql - 1, file);
    fclose(file);
    if (len == 0 || len == sizeof sql - 1)
        give_up(name, "is empty or too long");
    harness_postgres_do(admin, sql);
}

static void load(PGconn *admin, const char *table)
{
    char *json = harness_rows_table_json(table);
    const char *sql = harness_text(
        "insert into public.\"%s\" select * from json_populate_recordset(null::public.\"%s\", $1)", table,
        table);
    const char *const values[] = {json};
    PGresult *result = PQexecParams(admin, sql, 1, NULL, values, NULL, NULL, 0);
    if (PQresultStatus(result) != PGRES_COMMAND_OK)
        give_up(table, PQresultErrorMessage(result));
    PQclear(result);
    free(json);
}

static struct harness_postgres *start(enum harness_tables made_by, bool with_people)
{
    struct harness_postgres *postgres = harness_postgres_start(NULL);
    run_verb(postgres, "--provision");
    PGconn *admin = harness_postgres_admin(postgres, NULL);
    /* A database is migrated while its site runs: the tables are there, with people in them. */
    if (made_by == HARNESS_TABLES_OURS)
        run_verb(postgres, "--migrate");
    else
        run_file(admin, made_by == HARNESS_TABLES_KYSELY ? "schema-kysely.sql" : "schema-prisma.sql");
    if (with_people) {
        load(admin, "user");
        load(admin, "account");
        load(admin, "session");
    }
    if (made_by != HARNESS_TABLES_OURS)
        run_verb(postgres, "--migrate");
    harness_postgres_do(
        admin,
        harness_text("update public.session set \"expiresAt\" = \"expiresAt\" + interval '%lld milliseconds'",
                     (long long)(qn_clock_wall_ms() - harness_rows_recorded_ms())));
    PQfinish(admin);
    return postgres;
}

struct harness_postgres *harness_tables_start(enum harness_tables made_by)
{
    return start(made_by, true);
}

struct harness_postgres *harness_tables_start_empty(enum harness_tables made_by)
{
    return start(made_by, false);
}

static enum harness_tables layout;

enum harness_tables harness_tables_layout(void)
{
    return layout;
}

int harness_tables_run_on_each(const struct CMUnitTest *tests, size_t n, CMFixtureFunction setup,
                               CMFixtureFunction teardown)
{
    static const struct {
        enum harness_tables made_by;
        const char *name;
    } LAYOUTS[] = {
        {HARNESS_TABLES_KYSELY, "tables of Better Auth's own"},
        {HARNESS_TABLES_PRISMA, "tables of Prisma"},
    };
    int failed = 0;
    for (size_t i = 0; i < sizeof LAYOUTS / sizeof *LAYOUTS; i++) {
        layout = LAYOUTS[i].made_by;
        failed += _cmocka_run_group_tests(LAYOUTS[i].name, tests, n, setup, teardown);
    }
    return failed;
}
