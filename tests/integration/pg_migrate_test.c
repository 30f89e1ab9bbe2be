#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/core/check.h"
#include "common/core/log.h"
#include "services/profile/pg/migrate.h"
#include "services/profile/pg/migrations.h"
#include "services/profile/pg/provision.h"
#include "tests/harness/postgres.h"
#include "tests/harness/test.h"

/* --provision and --migrate against databases as they are met: empty, Better Auth's own, Prisma's, half
 * there, wrong. Each test has a database and a role of its own on one server.
 *
 * Why this file is long: one set of helpers (a place, its tables as others made them) serves all. */

static struct harness_postgres *server;
static struct pg_url admin;
static char logged[1 << 16];

struct place {
    char name[32]; /* of the database and of the role */
    char text[256];
    struct pg_url url;
};

static struct pg_url parse(const char *text)
{
    struct pg_url url;
    struct qn_error err;
    if (pg_url_parse(qn_str_c(text), &url, &err) != QN_OK)
        fail_msg("%s", err.message);
    return url;
}

static struct place place(const char *name, const char *params)
{
    struct place at = {0};
    snprintf(at.name, sizeof at.name, "%s", name);
    snprintf(at.text, sizeof at.text, "postgresql://%s:p%%40ss%%27%%22%%5C@127.0.0.1:%d/%s?%s", name,
             harness_postgres_port(server), name, params);
    at.url = parse(at.text);
    return at;
}

static void leave(struct place *at)
{
    pg_url_free(&at->url);
}

static PGconn *enter(const struct place *at)
{
    return harness_postgres_admin(server, at->name);
}

static void make_database(const char *name)
{
    char sql[96];
    PGconn *pg = harness_postgres_admin(server, "postgres");
    snprintf(sql, sizeof sql, "create database %s", name);
    harness_postgres_do(pg, sql);
    PQfinish(pg);
}

static void load(const struct place *at, const char *fixture)
{
    char path[512];
    static char text[1 << 16];
    snprintf(path, sizeof path, QN_SOURCE_DIR "/tests/fixtures/better-auth/%s", fixture);
    FILE *file = fopen(path, "r");
    assert_non_null(file);
    size_t len = fread(text, 1, sizeof text - 1, file);
    fclose(file);
    text[len] = '\0';
    PGconn *pg = enter(at);
    harness_postgres_do(pg, text);
    PQfinish(pg);
}

/* First value as text, in static memory. */
static const char *value(PGconn *pg, const char *sql)
{
    static char text[1 << 15];
    PGresult *result = PQexec(pg, sql);
    if (PQresultStatus(result) != PGRES_TUPLES_OK)
        fail_msg("%s: %s", sql, PQerrorMessage(pg));
    snprintf(text, sizeof text, "%s", PQntuples(result) ? PQgetvalue(result, 0, 0) : "");
    PQclear(result);
    return text;
}

static void ok(enum qn_status status, const struct qn_error *err)
{
    if (status != QN_OK)
        fail_msg("%s: %s", qn_status_name(status), err->message);
}

static void provision(const struct place *at)
{
    struct qn_error err = {0};
    ok(pg_provision(&at->url, &admin, &err), &err);
}

static void migrate(const struct place *at)
{
    struct qn_error err = {0};
    ok(pg_migrate(&at->url, &admin, &err), &err);
}

static void refused(enum qn_status status, const struct qn_error *err, enum qn_status wanted,
                    const char *says)
{
    if (status != wanted || !strstr(err->message, says))
        fail_msg("%s: %s (wanted %s: %s)", qn_status_name(status), err->message, qn_status_name(wanted),
                 says);
    assert_null(strstr(err->message, "p@ss"));
}

/* Columns, defaults, indexes and constraints of the four tables. */
static const char sql_shape[] =
    "select string_agg(line, E'\\n' order by line) from ("
    " select table_name || ' ' || column_name || ' ' || data_type || ' ' || "
    "coalesce(datetime_precision::text, '')"
    "   || ' ' || is_nullable || ' ' || coalesce(column_default, '') as line from information_schema.columns"
    "   where table_schema = 'public'"
    " union all select indexdef from pg_indexes where schemaname = 'public'"
    " union all select conname || ' ' || pg_get_constraintdef(oid) from pg_constraint"
    "   where connamespace = 'public'::regnamespace and contype <> 'f' or contype = 'f' and"
    "   connamespace = 'public'::regnamespace) as lines";

/* What the role may do, and what later objects will allow it. */
static const char sql_rights[] =
    "select string_agg(line, E'\\n' order by line) from ("
    " select nspname || ' ' || coalesce(nspacl::text, '') as line from pg_namespace where nspname in "
    "('public', "
    "'quintet')"
    " union all select relnamespace::regnamespace || '.' || relname || ' ' || coalesce(relacl::text, '') "
    "from pg_class"
    "   where relnamespace in ('public'::regnamespace, 'quintet'::regnamespace) and relkind in ('r', 'S')"
    " union all select defaclobjtype::text || ' ' || defaclacl::text from pg_default_acl) as lines";

/* As the application's role: the store's kind of work in both schemas, and nothing beyond. */
static void role_can_work(const struct place *at)
{
    char url[512];
    snprintf(url, sizeof url, "%s", at->text);
    *strchr(url, '?') = '\0';
    PGconn *pg = PQconnectdb(url);
    if (PQstatus(pg) != CONNECTION_OK)
        fail_msg("%s", PQerrorMessage(pg));
    harness_postgres_do(
        pg, "insert into \"user\" (id, name, email, \"emailVerified\", \"createdAt\", \"updatedAt\")"
            " values ('u', 'n', 'e', false, '2026-11-23T04:15:56.937Z', '2026-11-23T04:15:56.937Z')");
    harness_postgres_do(
        pg, "insert into session (id, \"userId\", token, \"expiresAt\", \"createdAt\", \"updatedAt\")"
            " values ('s', 'u', 't', now(), now(), now())");
    harness_postgres_do(pg,
                        "insert into account (id, \"userId\", \"accountId\", \"providerId\", \"createdAt\","
                        " \"updatedAt\") values ('a', 'u', 'u', 'credential', now(), now())");
    harness_postgres_do(
        pg, "insert into quintet.profile (user_id, created_at, updated_at) values ('u', now(), now())");
    harness_postgres_do(pg, "update session set \"expiresAt\" = now()");
    harness_postgres_do(
        pg, "insert into quintet.photo (id, user_id, object_key, content_type, size_bytes, ready, is_main,"
            " created_at, expires_at) values ('p', 'u', 'pending/u/p', 'image/heic', 1, false, false, now(),"
            " now())");
    assert_int_equal(harness_postgres_number(pg, "select max(version) from quintet.schema_version"),
                     pg_migrations_version());
    harness_postgres_do(pg, "delete from \"user\"");
    assert_int_equal(harness_postgres_number(pg, "select count(*) from quintet.profile"), 0);
    assert_int_equal(harness_postgres_number(pg,
                                             "with gone as (delete from quintet.photo_trash returning prefix)"
                                             " select count(*) from gone"
                                             " where prefix in ('pending/u/p', 'photos/p/')"),
                     2);
    static const char *const beyond[] = {
        "create table quintet.mine ()",
        "create table public.mine ()",
        "drop table session",
        "delete from quintet.schema_version",
        "create role mine",
        "create schema mine",
        "alter role current_user connection limit 100",
    };
    for (size_t i = 0; i < QN_COUNT(beyond); i++) {
        PGresult *result = PQexec(pg, beyond[i]);
        const char *sqlstate = PQresultErrorField(result, PG_DIAG_SQLSTATE);
        if (!sqlstate || strcmp(sqlstate, "42501") != 0)
            fail_msg("%s: %s", beyond[i], sqlstate ? sqlstate : "allowed");
        PQclear(result);
    }
    PQfinish(pg);
}

/* Whichever comes first, both end in the same. */
static void test_both_orders(void **state)
{
    (void)state;
    struct place first = place("order_a", ""), second = place("order_b", "");
    provision(&first);
    migrate(&first);
    make_database("order_b");
    migrate(&second); /* the role is not there yet */
    provision(&second);
    role_can_work(&first);
    role_can_work(&second);
    PGconn *a = enter(&first), *b = enter(&second);
    char *rights = strdup(value(a, sql_rights));
    for (char *at = rights; (at = strstr(at, "order_a")) != NULL;)
        memcpy(at, "order_b", 7);
    assert_string_equal(rights, value(b, sql_rights));
    free(rights);
    char *shape = strdup(value(a, sql_shape));
    assert_string_equal(shape, value(b, sql_shape));
    free(shape);
    PQfinish(a);
    PQfinish(b);
    leave(&first);
    leave(&second);
}

/* Twice and thrice is as once, in any order. */
static void test_idempotent(void **state)
{
    (void)state;
    struct place at = place("again", "");
    provision(&at);
    migrate(&at);
    PGconn *pg = enter(&at);
    char *rights = strdup(value(pg, sql_rights)), *shape = strdup(value(pg, sql_shape));
    char *when = strdup(value(pg, "select string_agg(applied_at::text, ' ') from quintet.schema_version"));
    migrate(&at);
    provision(&at);
    provision(&at);
    migrate(&at);
    assert_string_equal(rights, value(pg, sql_rights));
    assert_string_equal(shape, value(pg, sql_shape));
    assert_string_equal(when,
                        value(pg, "select string_agg(applied_at::text, ' ') from quintet.schema_version"));
    free(rights);
    free(shape);
    free(when);
    PQfinish(pg);
    role_can_work(&at);
    leave(&at);
}

/* Tables that Better Auth or Prisma made stay as they are, to the last index and default. */
static void layout(const char *name, const char *fixture)
{
    struct place at = place(name, "");
    make_database(name);
    load(&at, fixture);
    PGconn *pg = enter(&at);
    harness_postgres_do(pg, "insert into \"user\" (id, name, email, \"emailVerified\", \"updatedAt\") values"
                            " ('old', 'n', 'old@example.com', true, '2026-01-02 03:04:05.678')");
    char *shape = strdup(value(pg, sql_shape));
    for (int i = 0; i < 2; i++) {
        migrate(&at);
        provision(&at);
    }
    assert_string_equal(shape, value(pg, sql_shape));
    assert_int_equal(harness_postgres_number(pg, "select count(*) from \"user\" where id = 'old'"), 1);
    free(shape);
    PQfinish(pg);
    role_can_work(&at);
    leave(&at);
}

static void test_better_auths_own_layout(void **state)
{
    (void)state;
    layout("kysely", "schema-kysely.sql");
}

static void test_prismas_layout(void **state)
{
    (void)state;
    layout("prisma", "schema-prisma.sql");
}

/* What we make where nothing is, is what Better Auth's own migration makes. */
static void test_our_tables_are_better_auths(void **state)
{
    (void)state;
    struct place ours = place("ours", ""), theirs = place("theirs", "");
    make_database("ours");
    make_database("theirs");
    load(&theirs, "schema-kysely.sql");
    migrate(&ours);
    PGconn *a = enter(&ours), *b = enter(&theirs);
    char *shape = strdup(value(a, sql_shape));
    assert_string_equal(shape, value(b, sql_shape));
    free(shape);
    PQfinish(a);
    PQfinish(b);
    leave(&ours);
    leave(&theirs);
}

/* With its sessions kept elsewhere, Better Auth makes only some of its tables: the missing ones are made. */
static void test_some_tables_are_missing(void **state)
{
    (void)state;
    struct place at = place("partial", "");
    make_database("partial");
    load(&at, "schema-prisma.sql");
    PGconn *pg = enter(&at);
    harness_postgres_do(pg, "drop table session; drop table verification");
    migrate(&at);
    provision(&at);
    assert_int_equal(
        harness_postgres_number(pg, "select count(*) from pg_tables where schemaname = 'public'"), 4);
    assert_string_equal(
        value(pg, "select data_type from information_schema.columns where table_name = 'user' and "
                  "column_name = 'createdAt'"),
        "timestamp without time zone");
    PQfinish(pg);
    role_can_work(&at);
    leave(&at);
}

static void wrong(const char *name, const char *change, const char *says)
{
    struct qn_error err = {0};
    struct place at = place(name, "");
    make_database(name);
    load(&at, "schema-kysely.sql");
    PGconn *pg = enter(&at);
    harness_postgres_do(pg, change);
    refused(pg_migrate(&at.url, &admin, &err), &err, QN_FAILED_PRECONDITION, says);
    /* Nothing was applied, and nothing of ours is there but the empty list of versions. */
    assert_int_equal(harness_postgres_number(pg, "select count(*) from quintet.schema_version"), 0);
    assert_int_equal(
        harness_postgres_number(pg, "select count(*) from pg_tables where schemaname = 'quintet'"), 1);
    PQfinish(pg);
    leave(&at);
}

static void test_tables_that_will_not_do(void **state)
{
    (void)state;
    wrong("wrong_a", "alter table session drop column \"ipAddress\"",
          "table public.session has no column \"ipAddress\"");
    wrong("wrong_b", "alter table \"user\" alter \"createdAt\" drop default, alter \"createdAt\" type date",
          "column \"createdAt\" of table public.\"user\" has the type date");
    wrong(
        "wrong_c",
        "alter table account drop constraint \"account_userId_fkey\", alter \"userId\" type integer using 0",
        "column \"userId\" of table public.account has the type int4");
    /* Better Auth 1.7.0 to 1.7.2 made such a column, and no later one fills it. */
    wrong("wrong_d", "alter table account add column issuer text not null",
          "column issuer of table public.account must not be null");
    wrong("wrong_e", "alter table \"user\" drop column name, drop column image", "there is more");
}

/* What others may add to Better Auth's tables is none of our business as long as it does not insist. */
static void test_further_columns(void **state)
{
    (void)state;
    struct place at = place("further", "");
    make_database("further");
    load(&at, "schema-kysely.sql");
    PGconn *pg = enter(&at);
    harness_postgres_do(pg, "alter table \"user\" add role text not null default 'user', add banned boolean,"
                            " add number integer generated always as identity");
    migrate(&at);
    provision(&at);
    PQfinish(pg);
    role_can_work(&at);
    leave(&at);
}

static void test_another_schema(void **state)
{
    (void)state;
    struct place at = place("elsewhere", "schema=My%20%22dating%22%20site");
    provision(&at);
    migrate(&at);
    PGconn *pg = enter(&at);
    assert_int_equal(
        harness_postgres_number(pg, "select count(*) from pg_tables where schemaname = 'My \"dating\" site'"),
        4);
    assert_int_equal(
        harness_postgres_number(pg, "select count(*) from pg_tables where schemaname = 'public'"), 0);
    PQfinish(pg);
    role_can_work(&at); /* its search_path was set */
    leave(&at);
}

/* Without an admin: the role of DATABASE_URL owns all of it. */
static void test_as_the_owner(void **state)
{
    (void)state;
    struct qn_error err = {0};
    struct place at = place("owner", "");
    PGconn *pg = harness_postgres_admin(server, "postgres");
    harness_postgres_do(pg, "create role owner login password 'p@ss''\"\\'");
    harness_postgres_do(pg, "create database owner owner owner");
    PQfinish(pg);
    ok(pg_migrate(&at.url, NULL, &err), &err);
    ok(pg_migrate(&at.url, NULL, &err), &err);
    leave(&at);
}

static void test_not_allowed(void **state)
{
    (void)state;
    struct qn_error err = {0};
    struct place at = place("lowly", "");
    provision(&at);
    refused(pg_migrate(&at.url, NULL, &err), &err, QN_FAILED_PRECONDITION, "permission denied");
    struct place missing = place("lowly", "");
    free(missing.url.database);
    missing.url.database = strdup("nowhere");
    refused(pg_migrate(&missing.url, &admin, &err), &err, QN_FAILED_PRECONDITION,
            "\"nowhere\" does not exist");
    refused(pg_provision(&at.url, &at.url, &err), &err, QN_INVALID_ARGUMENT, "name the same role");
    struct place other = place("other", "");
    refused(pg_provision(&other.url, &at.url, &err), &err, QN_FAILED_PRECONDITION, "permission denied");
    leave(&at);
    leave(&missing);
    leave(&other);
}

/* Only where no server takes connections does it make sense to try again: --migrate's exit code says so. */
static void test_nobody_there(void **state)
{
    (void)state;
    struct qn_error err = {0};
    struct place at = place("absent", "");
    free(at.url.port);
    at.url.port = strdup("1"); /* tcpmux: nobody has it, and only root could */
    refused(pg_migrate(&at.url, NULL, &err), &err, QN_UNAVAILABLE, "cannot connect");
    leave(&at);
}

static long role_number(PGconn *pg, const char *what, const char *role)
{
    char sql[256];
    snprintf(sql, sizeof sql, "select (%s)::int from pg_roles where rolname = '%s'", what, role);
    return harness_postgres_number(pg, sql);
}

static void test_what_the_role_becomes(void **state)
{
    (void)state;
    struct place at = place("made", "connection_limit=3&socket_timeout=7");
    provision(&at);
    PGconn *pg = enter(&at);
    assert_int_equal(role_number(pg, "rolconnlimit", "made"), 3);
    assert_int_equal(
        role_number(pg, "rolsuper or rolcreaterole or rolcreatedb or rolreplication or rolbypassrls", "made"),
        0);
    assert_int_equal(role_number(pg, "rolcanlogin", "made"), 1);
    assert_string_equal(
        value(pg, "select rolconfig::text from pg_roles where rolname = 'made'"),
        "{statement_timeout=7000ms,idle_in_transaction_session_timeout=10s,"
        "tcp_keepalives_idle=5,tcp_keepalives_interval=2,tcp_keepalives_count=3,tcp_user_timeout=10000ms,"
        "lock_timeout=1s,"
        "TimeZone=UTC,DateStyle=ISO,"
        "plan_cache_mode=force_generic_plan,\"default_transaction_isolation=read committed\","
        "client_connection_check_interval=500ms,search_path=public}");
    assert_string_equal(value(pg, "select left(rolpassword, 14) from pg_authid where rolname = 'made'"),
                        "SCRAM-SHA-256$");

    /* The password holds, and the database refuses one more than the limit by itself. */
    PGconn *in[3];
    char url[256];
    snprintf(url, sizeof url, "%s", at.text);
    *strchr(url, '?') = '\0';
    for (size_t i = 0; i < 3; i++) {
        in[i] = PQconnectdb(url);
        assert_int_equal(PQstatus(in[i]), CONNECTION_OK);
    }
    assert_string_equal(value(in[0], "select current_setting('client_connection_check_interval')"), "500ms");
    assert_string_equal(value(in[0], "select current_setting('tcp_keepalives_idle')"), "5");
    PGconn *fourth = PQconnectdb(url);
    assert_int_equal(PQstatus(fourth), CONNECTION_BAD);
    assert_non_null(strstr(PQerrorMessage(fourth), "too many connections for role"));
    PQfinish(fourth);
    for (size_t i = 0; i < 3; i++)
        PQfinish(in[i]);

    /* And can be altered. */
    struct place altered = place("made", "connection_limit=5");
    free(altered.url.password);
    altered.url.password = strdup("another");
    provision(&altered);
    assert_int_equal(role_number(pg, "rolconnlimit", "made"), 5);
    assert_non_null(strstr(value(pg, "select rolconfig::text from pg_roles where rolname = 'made'"),
                           "statement_timeout=15000ms"));
    PGconn *old = PQconnectdb(url);
    assert_int_equal(PQstatus(old), CONNECTION_BAD);
    PQfinish(old);
    PQfinish(pg);
    leave(&at);
    leave(&altered);
}

static void keep_log(void *context, struct qn_str line)
{
    (void)context;
    size_t len = strlen(logged);
    snprintf(logged + len, sizeof logged - len, "%.*s", QN_STR_ARG(line));
}

static void test_a_superuser_is_warned_of(void **state)
{
    (void)state;
    struct place at = place("mighty", "");
    PGconn *pg = harness_postgres_admin(server, "postgres");
    harness_postgres_do(pg, "create role mighty superuser");
    logged[0] = '\0';
    provision(&at);
    assert_non_null(strstr(logged, "WARN"));
    assert_non_null(strstr(logged, "the role is a superuser"));
    assert_null(strstr(logged, "p@ss"));
    PQfinish(pg);
    leave(&at);
}

static pid_t start_verb(const struct place *at, const char *verb)
{
    char app[320], super[320];
    snprintf(app, sizeof app, "DATABASE_URL=%s", at->text);
    snprintf(super, sizeof super, "QUINTET_ADMIN_DATABASE_URL=%s", harness_postgres_admin_url(server));
    const char *argv[] = {"quintet-profile", verb, NULL}, *env[] = {app, super, NULL};
    fflush(NULL);
    pid_t pid = fork();
    if (pid == 0) {
        execve(QN_BUILD_DIR "/bin/quintet-profile", (char *const *)argv, (char *const *)env);
        _exit(127);
    }
    return pid;
}

static void await_verb(pid_t pid)
{
    int status;
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_int_equal(status, 0);
}

/* Every replica of a deployment may run both verbs at the same moment. */
static void test_several_at_once(void **state)
{
    (void)state;
    enum { AT_ONCE = 6 };
    static const char *const verbs[] = {"--provision", "--migrate"};
    struct place at = place("crowd", "");
    pid_t pids[AT_ONCE];
    for (size_t round = 0; round < QN_COUNT(verbs); round++) {
        for (size_t i = 0; i < AT_ONCE; i++)
            pids[i] = start_verb(&at, verbs[round]);
        for (size_t i = 0; i < AT_ONCE; i++)
            await_verb(pids[i]);
    }
    PGconn *pg = enter(&at);
    assert_int_equal(harness_postgres_number(pg, "select count(*) from quintet.schema_version"),
                     (long)pg_migrations_n);
    PQfinish(pg);
    role_can_work(&at);
    leave(&at);
}

/* Another creates a database, which may take seconds on a busy server: that is waited for, and longer than a
 * request's question may wait for a lock. */
static void test_create_database_waits(void **state)
{
    (void)state;
    struct place at = place("patient", "");
    PGconn *holder = harness_postgres_admin(server, "postgres"),
           *pg = harness_postgres_admin(server, "postgres");
    harness_postgres_do(holder, "begin; lock table pg_catalog.pg_database in share mode");
    pid_t pid = start_verb(&at, "--provision");
    while (harness_postgres_number(pg,
                                   "select count(*) from pg_stat_activity where query like 'create database%'"
                                   " and wait_event_type = 'Lock'"
                                   " and query_start < clock_timestamp() - interval '2 s'") == 0)
        assert_int_equal(waitpid(pid, NULL, WNOHANG), 0); /* it has not given up */
    harness_postgres_do(holder, "commit");
    await_verb(pid);
    PQfinish(holder);
    PQfinish(pg);
    leave(&at);
}

/* An older program beside a newer schema: left as it is. */
static void test_newer_than_this_program(void **state)
{
    (void)state;
    struct place at = place("newer", "");
    provision(&at);
    migrate(&at);
    PGconn *pg = enter(&at);
    harness_postgres_do(pg,
                        "insert into quintet.schema_version (version, name) values (1000, 'of tomorrow')");
    migrate(&at);
    assert_int_equal(harness_postgres_number(pg, "select max(version) from quintet.schema_version"), 1000);
    PQfinish(pg);
    leave(&at);
}

static void test_migrations_are_in_order(void **state)
{
    (void)state;
    for (size_t i = 0; i < pg_migrations_n; i++) {
        assert_int_equal(pg_migrations[i].version, i + 1);
        assert_true(strlen(pg_migrations[i].sql) > 0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_migrations_are_in_order),
        cmocka_unit_test(test_both_orders),
        cmocka_unit_test(test_idempotent),
        cmocka_unit_test(test_better_auths_own_layout),
        cmocka_unit_test(test_prismas_layout),
        cmocka_unit_test(test_our_tables_are_better_auths),
        cmocka_unit_test(test_some_tables_are_missing),
        cmocka_unit_test(test_tables_that_will_not_do),
        cmocka_unit_test(test_further_columns),
        cmocka_unit_test(test_another_schema),
        cmocka_unit_test(test_as_the_owner),
        cmocka_unit_test(test_not_allowed),
        cmocka_unit_test(test_nobody_there),
        cmocka_unit_test(test_what_the_role_becomes),
        cmocka_unit_test(test_a_superuser_is_warned_of),
        cmocka_unit_test(test_several_at_once),
        cmocka_unit_test(test_create_database_waits),
        cmocka_unit_test(test_newer_than_this_program),
    };
    server = harness_postgres_start(NULL);
    admin = parse(harness_postgres_admin_url(server));
    qn_log_redirect(keep_log, NULL);
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    pg_url_free(&admin);
    return failed;
}
