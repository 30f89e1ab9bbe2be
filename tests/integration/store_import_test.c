#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/core/check.h"
#include "common/core/clock.h"
#include "profile.qn.h"
#include "tests/harness/store.h"
#include "tests/harness/test.h"

/* services/profile/migrations/import/profiles.sql, run with psql as its README says, on tables as Prisma made
 * them for the site before. */

static struct harness_store store;

/* Runs the script; what it said. */
static char *run_import(const char *commit)
{
    const char *url = harness_postgres_admin_url(store.postgres);
    size_t host = (size_t)(strrchr(url, '/') - url);
    char *database = harness_store_text(&store, "%.*s/quintet", (int)host, url);
    char *setting = harness_store_text(&store, "commit=%s", commit);
    char *const argv[] = {(char *)"psql",
                          (char *)"-X",
                          (char *)"-q",
                          (char *)"-t",
                          (char *)"-A",
                          (char *)"-v",
                          setting,
                          (char *)"-f",
                          (char *)QN_SOURCE_DIR "/services/profile/migrations/import/profiles.sql",
                          database,
                          NULL};
    int ends[2];
    assert_int_equal(pipe(ends), 0);
    posix_spawn_file_actions_t actions;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_adddup2(&actions, ends[1], 1);
    posix_spawn_file_actions_adddup2(&actions, ends[1], 2);
    posix_spawn_file_actions_addclose(&actions, ends[0]);
    posix_spawn_file_actions_addclose(&actions, ends[1]);
    pid_t pid;
    assert_int_equal(posix_spawnp(&pid, "psql", &actions, NULL, argv, environ), 0);
    posix_spawn_file_actions_destroy(&actions);
    close(ends[1]);
    char *said = qn_arena_zalloc(&store.arena, 16384);
    size_t len = 0;
    for (ssize_t n; (n = read(ends[0], said + len, 16383 - len)) > 0;)
        len += (size_t)n;
    close(ends[0]);
    int status;
    assert_int_equal(waitpid(pid, &status, 0), pid);
    if (status != 0)
        fail_msg("%s", said);
    return said;
}

static void add_old_profile(const char *user, const char *values)
{
    harness_store_do(
        &store,
        "insert into \"Profile\" (\"userId\", name, \"birthDate\", gender, city, bio, \"createdAt\","
        " \"updatedAt\") values ('%s', %s, '2024-05-06 07:08:09.123', '2025-01-02 03:04:05.678')",
        user, values);
}

static void add_old_photo(const char *user, int position, const char *type)
{
    harness_store_do(&store,
                     "insert into \"Photo\" values ('old-%s-%d', '%s', 'old/%s/%d', '%s', 1000, %d, now())",
                     user, position, user, user, position, type, position);
}

static const Quintet__Profile__V1__Profile *mine(const char *user)
{
    Quintet__Profile__V1__GetMyProfileRequest in = QUINTET__PROFILE__V1__GET_MY_PROFILE_REQUEST__INIT;
    const Quintet__Profile__V1__GetMyProfileResponse *out =
        harness_store_ask(&store, &quintet_profile_v1_profile_service_get_my_profile, &in, user);
    return out->profile;
}

static void assert_says(const char *said, const char *line)
{
    if (strstr(said, line) == NULL)
        fail_msg("\"%s\" is not in: %s", line, said);
}

static void test_an_old_site_moves_in(void **state)
{
    (void)state;
    harness_store_do(
        &store,
        "create type \"Gender\" as enum ('FEMALE', 'MALE', 'NON_BINARY', 'OTHER');"
        "create table \"Profile\" (\"userId\" text primary key, name text, \"birthDate\" timestamp(3),"
        " gender \"Gender\", city text, bio text, \"createdAt\" timestamp(3) not null,"
        " \"updatedAt\" timestamp(3) not null);"
        "create table \"Photo\" (id text primary key, \"userId\" text not null, \"objectKey\" text not null,"
        " \"contentType\" text not null, \"sizeBytes\" integer not null, position integer not null,"
        " \"createdAt\" timestamp(3) not null)");
    char *whole = harness_store_user(&store, NULL), *odd = harness_store_user(&store, NULL);
    char *minor = harness_store_user(&store, NULL), *here = harness_store_user(&store, NULL);
    add_old_profile(whole, "'Zoë', '1990-02-28', 'NON_BINARY', 'Wien', E'Two\\nlines'");
    add_old_profile(odd, "repeat('n', 51), '1890-01-01', 'OTHER', '  ', ''");
    add_old_profile(minor, "'Kid', now() - interval '17 years', 'MALE', 'Wien', 'B'");
    add_old_profile(here, "'Old', '1990-01-01', 'MALE', 'Wien', 'B'");
    add_old_profile("nobody", "'Gone', '1990-01-01', 'MALE', 'Wien', 'B'");
    for (int i = 8; i > 0; i--)
        add_old_photo(whole, i, "image/png");
    add_old_photo(odd, 1, "image/gif");
    Quintet__Profile__V1__CreateProfileRequest in = QUINTET__PROFILE__V1__CREATE_PROFILE_REQUEST__INIT;
    in.display_name = (char *)"New";
    harness_store_ask(&store, &quintet_profile_v1_profile_service_create_profile, &in, here);

    char *said = run_import("off");
    assert_says(said,
                "5|1|1|1|2\n");     /* in the old table, of no user, under 18, there already, to come over */
    assert_says(said, "1|1|1|0\n"); /* name, birth date, city, bio that do not fit */
    assert_says(said, "9|6|2\n");   /* pictures: all, to come over, beyond six */
    assert_says(said, "nothing was changed");
    assert_int_equal(harness_store_number(&store, "select count(*) from quintet.profile"), 1);
    assert_int_equal(harness_store_number(&store, "select count(*) from quintet.photo"), 0);

    for (int again = 0; again < 2; again++) {
        assert_says(run_import("on"), "Done.");
        assert_int_equal(harness_store_number(&store, "select count(*) from quintet.profile"), 3);
        assert_int_equal(harness_store_number(&store, "select count(*) from quintet.photo"), 6);
    }
    const Quintet__Profile__V1__Profile *profile = mine(whole);
    assert_true(profile->complete);
    assert_string_equal(profile->display_name, "Zoë");
    assert_string_equal(profile->birth_date, "1990-02-28");
    assert_int_equal(profile->gender, QUINTET__PROFILE__V1__GENDER__GENDER_NON_BINARY);
    assert_string_equal(profile->bio, "Two\nlines");
    assert_true(profile->created_at->seconds == 1714979289 && profile->created_at->nanos == 123000000);
    assert_true(profile->updated_at->seconds == 1735787045 && profile->updated_at->nanos == 678000000);
    assert_int_equal(profile->n_photos, 6);
    assert_string_equal(profile->photos[0]->object_key, harness_store_text(&store, "old/%s/1", whole));
    assert_true(profile->photos[0]->main);
    profile = mine(odd);
    assert_int_equal(profile->n_missing_fields, 6);
    assert_string_equal(mine(here)->display_name, "New");
    assert_int_equal(harness_store_number(&store, "select count(*) from \"Profile\""), 5);
}

static int open_prisma(void **state)
{
    (void)state;
    harness_store_open(&store, HARNESS_PRISMA);
    return 0;
}

static int close_store(void **state)
{
    (void)state;
    harness_store_close(&store);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_an_old_site_moves_in),
    };
    return cmocka_run_group_tests(tests, open_prisma, close_store);
}
