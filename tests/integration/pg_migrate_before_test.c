#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/core/buf.h"
#include "common/core/check.h"
#include "services/profile/pg/migrate.h"
#include "services/profile/pg/migrations.h"
#include "services/profile/pg/provision.h"
#include "tests/harness/postgres.h"
#include "tests/harness/test.h"

/* --migrate on the database of a release before, with its rows; and that release's statements on what becomes
 * of it, for its processes go on while the database is ahead of them. */

static struct harness_postgres *server;
static struct pg_url app, admin;
static PGconn *pg;

/* First value as text, in static memory. */
static const char *value(const char *sql)
{
    static char text[4096];
    PGresult *result = PQexec(pg, sql);
    if (PQresultStatus(result) != PGRES_TUPLES_OK)
        fail_msg("%s: %s", sql, PQerrorMessage(pg));
    snprintf(text, sizeof text, "%s", PQntuples(result) ? PQgetvalue(result, 0, 0) : "");
    PQclear(result);
    return text;
}

/* Puts 'replacement' for each 'mark'; malloc'd. */
static char *with(const char *text, const char *mark, const char *replacement)
{
    struct qn_buf out;
    qn_buf_init(&out, 1024 * 1024);
    for (const char *found; (found = strstr(text, mark)) != NULL; text = found + strlen(mark)) {
        qn_buf_write(&out, text, (size_t)(found - text));
        qn_buf_write_c(&out, replacement);
    }
    qn_buf_write_c(&out, text);
    assert_false(qn_buf_failed(&out));
    return out.data; /* the buffer's memory, handed on */
}

/* The schema as a release had it whose last migration was 'version'. */
static void migrate_until(int version)
{
    harness_postgres_do(pg, "drop schema if exists quintet cascade; create schema quintet;"
                            " drop table if exists session, account, verification, \"user\"");
    harness_postgres_do(
        pg, "create table quintet.schema_version (version integer primary key, name text not null,"
            " applied_at timestamp with time zone not null default now())");
    for (int i = 0; i < version; i++) {
        char *half = with(pg_migrations[i].sql, ":\"auth_schema\"", "public");
        char *whole = with(half, ":'auth_schema'", "'public'"), note[128];
        harness_postgres_do(pg, whole);
        snprintf(note, sizeof note, "insert into quintet.schema_version (version, name) values (%d, '%s')",
                 i + 1, pg_migrations[i].name);
        harness_postgres_do(pg, note);
        free(half);
        free(whole);
    }
}

static void migrate(void)
{
    struct qn_error err = {0};
    if (pg_migrate(&app, &admin, &err) != QN_OK)
        fail_msg("%s", err.message);
    assert_int_equal(harness_postgres_number(pg, "select max(version) from quintet.schema_version"),
                     pg_migrations_version());
}

static void add_users(void)
{
    harness_postgres_do(
        pg, "insert into \"user\" (id, name, email, \"emailVerified\", \"createdAt\", \"updatedAt\")"
            " select 'u' || i, 'n', 'e' || i, false, now(), now() from generate_series(1, 1000) i");
}

/* What the session check asks by user id has its hash indexes. */
static void test_indexes_on_rows_that_were_there(void **state)
{
    (void)state;
    migrate_until(2);
    add_users();
    harness_postgres_do(pg, "insert into quintet.profile (user_id, bio, created_at, updated_at)"
                            " select id, 'b', now(), now() from \"user\"");
    harness_postgres_do(pg,
                        "insert into quintet.photo select 'p' || k || id, id, 'k' || k || id, 'image/png',"
                        " 1, k < 3, k = 1, now(), now() from \"user\", generate_series(1, 3) k");
    migrate();
    harness_postgres_do(pg, "set enable_seqscan = off; set enable_bitmapscan = off");
    static const char *const asked[][2] = {
        {"profile_user_hash", "select count(*) from quintet.profile where user_id = 'u7'"},
        {"photo_main_hash", "select count(*) from quintet.photo where user_id = 'u7' and is_main and ready"},
    };
    for (size_t i = 0; i < QN_COUNT(asked); i++) {
        char plan[256];
        snprintf(plan, sizeof plan, "explain (format json) %s", asked[i][1]);
        if (!strstr(value(plan), asked[i][0]))
            fail_msg("%s is not asked: %s", asked[i][0], value(plan));
        assert_int_equal(harness_postgres_number(pg, asked[i][1]), 1);
    }
    harness_postgres_do(pg, "reset enable_seqscan; reset enable_bitmapscan");
}

/* Photos stay as they are. The uploads of those of the last day may still lie in the store, where the release
 * before would have swept them. */
static void test_photos_that_were_there(void **state)
{
    (void)state;
    migrate_until(3);
    add_users();
    /* Two ready ones a user, and one that is pending; the first of u1 is a year old. */
    harness_postgres_do(
        pg,
        "insert into quintet.photo select 'p' || k || id, id, 'photos/p' || k || id, 'image/png', 1, k < 3,"
        " k = 1, at, at + interval '10 minutes' from \"user\", generate_series(1, 3) k, lateral (select "
        "now() -"
        " case when k = 1 and id = 'u1' then interval '1 year' else interval '23 hours' end as at) times");
    migrate();
    assert_int_equal(harness_postgres_number(pg, "select count(*) from quintet.photo where small_key is null"
                                                 " and width is null and position = 0"),
                     3000);
    assert_int_equal(harness_postgres_number(pg, "select count(*) from quintet.photo_trash"), 1999);
    assert_string_equal(value("select prefix from quintet.photo_trash where prefix like '%u1'"),
                        "pending/dTE/p2u1"); /* dTE: base64 of u1 */
    /* Nothing more when it is run again. */
    migrate();
    assert_int_equal(harness_postgres_number(pg, "select count(*) from quintet.photo_trash"), 1999);
}

/* As the release of migration 3 asked for it (services/profile/store/photo.c of then), as the application's
 * role. */
static void test_the_release_before_goes_on(void **state)
{
    (void)state;
    migrate_until(3);
    add_users();
    migrate();
    harness_postgres_do(pg, "set role before");
    harness_postgres_do(
        pg, "insert into quintet.photo (id, user_id, object_key, content_type, size_bytes, ready, is_main,"
            " created_at, expires_at) select 'p' || k, 'u1', 'photos/p' || k, 'image/png', 1, false, false, "
            "now(),"
            " now() from generate_series(1, 2) k");
    harness_postgres_do(
        pg, "update quintet.photo set ready = true, is_main = true where id = 'p1' and not ready");
    assert_string_equal(value("select prefix from quintet.photo_trash"), "pending/dTE/p1");
    harness_postgres_do(pg, "update quintet.photo set is_main = false where id = 'p1';"
                            " update quintet.photo set is_main = true where id = 'p1'");
    harness_postgres_do(pg, "delete from quintet.photo where id = 'p2'");
    harness_postgres_do(pg, "delete from \"user\" where id = 'u1'");
    assert_string_equal(value("select string_agg(prefix, ' ' order by prefix) from quintet.photo_trash"),
                        "pending/dTE/p1 pending/dTE/p1 pending/dTE/p2 photos/p1 photos/p2");
    harness_postgres_do(pg, "reset role");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_indexes_on_rows_that_were_there),
        cmocka_unit_test(test_photos_that_were_there),
        cmocka_unit_test(test_the_release_before_goes_on),
    };
    char text[256];
    struct qn_error err = {0};
    server = harness_postgres_start(NULL);
    snprintf(text, sizeof text, "postgresql://before:p@127.0.0.1:%d/before?", harness_postgres_port(server));
    if (pg_url_parse(qn_str_c(text), &app, &err) != QN_OK ||
        pg_url_parse(qn_str_c(harness_postgres_admin_url(server)), &admin, &err) != QN_OK ||
        pg_provision(&app, &admin, &err) != QN_OK) {
        fprintf(stderr, "%s\n", err.message);
        return 1;
    }
    pg = harness_postgres_admin(server, "before");
    harness_postgres_do(pg, "set client_min_messages = warning");
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    PQfinish(pg);
    pg_url_free(&app);
    pg_url_free(&admin);
    return failed;
}
