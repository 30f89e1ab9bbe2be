#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "auth.qn.h"
#include "common/core/check.h"
#include "profile.qn.h"
#include "store.qn.h"
#include "tests/harness/test.h"

/* proto/gen: the tables it wrote for our own files, and what it says of bad ones, by running it. */

extern char **environ;

static char folder[] = "/tmp/qn-gen-XXXXXX";

static char *path_of(const char *name)
{
    static char paths[4][256];
    static unsigned turn;
    char *path = paths[turn++ % 4];
    snprintf(path, sizeof(paths[0]), "%s/%s", folder, name);
    return path;
}

/* Runs a program; its stdout and stderr go to 'output' (of 8 KiB). Returns the exit code. */
static int run(const char *const *argv, char *output)
{
    const char *log = path_of("log");
    posix_spawn_file_actions_t actions;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_addopen(&actions, 1, log, O_WRONLY | O_CREAT | O_TRUNC, 0600);
    posix_spawn_file_actions_adddup2(&actions, 1, 2);
    pid_t pid;
    int status;
    assert_int_equal(posix_spawnp(&pid, argv[0], &actions, NULL, (char **)argv, environ), 0);
    posix_spawn_file_actions_destroy(&actions);
    assert_int_equal(waitpid(pid, &status, 0), pid);
    FILE *file = fopen(log, "re");
    assert_non_null(file);
    output[fread(output, 1, 8191, file)] = '\0';
    fclose(file);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

/* The descriptor set of a sample. */
static const char *compile(const char *sample)
{
    char input[256], out[256], output[8192];
    char *set = path_of("set");
    snprintf(input, sizeof(input), QN_SAMPLES "/%s", sample);
    snprintf(out, sizeof(out), "--descriptor_set_out=%s", set);
    const char *argv[] = {QN_PROTOC_C,
                          "-I" QN_SAMPLES,
                          "-I" QN_SOURCE_DIR "/proto",
                          "-I" QN_PROTOBUF,
                          "--include_imports",
                          out,
                          input,
                          NULL};
    if (run(argv, output) != 0)
        fail_msg("%s: %s", sample, output);
    return set;
}

static int lint(const char *sample, char *output)
{
    const char *argv[] = {QN_GENERATOR, "--lint", compile(sample), NULL};
    return run(argv, output);
}

static void test_good_file_passes(void **state)
{
    (void)state;
    char output[8192];
    assert_int_equal(lint("good.proto", output), 0);
    assert_string_equal(output, "");
}

/* Each is refused, and the message says where and why. */
static void test_bad_files_are_refused(void **state)
{
    (void)state;
    static const struct {
        const char *sample, *where, *why;
    } cases[] = {
        {"bad_optional.proto", "quintet.sample.v1.Sample.name", "optional"},
        {"bad_map.proto", "quintet.sample.v1.Sample.ages", "map"},
        {"bad_json_name.proto", "quintet.sample.v1.Sample.Inner.first_name", "json_name"},
        {"bad_recursion.proto", "quintet.sample.v1.Leaf.tree", "recursive"},
        {"bad_recursion_self.proto", "quintet.sample.v1.Chain.next", "recursive"},
        {"bad_proto2.proto", "bad_proto2.proto", "proto3"},
        {"bad_group.proto", "quintet.sample.v1.Sample.part", "group"},
        {"bad_stream.proto", "Sample.Watch", "stream"},
        {"bad_batch.proto", "Sample.Write", "batchable"},
        {"bad_package.proto", "bad_package.proto", "quintet.<name>.v<number>"},
        {"bad_many_fields.proto", "quintet.sample.v1.Sample", "64"},
    };
    for (size_t i = 0; i < QN_COUNT(cases); i++) {
        char output[8192];
        if (lint(cases[i].sample, output) != 1)
            fail_msg("%s is not refused", cases[i].sample);
        if (strstr(output, cases[i].where) == NULL || strstr(output, cases[i].why) == NULL)
            fail_msg("%s: '%s' should name %s and %s", cases[i].sample, output, cases[i].where, cases[i].why);
    }
}

static void test_our_own_files_pass(void **state)
{
    (void)state;
    char output[8192];
    const char *argv[] = {QN_GENERATOR, "--lint", QN_OWN_SET, NULL};
    assert_int_equal(run(argv, output), 0);
}

/* A service in a file that CMakeLists.txt does not name would be forgotten without a word. */
static void test_unnamed_service_is_refused(void **state)
{
    (void)state;
    char out[256], output[8192];
    snprintf(out, sizeof(out), "--out=%s", folder);
    const char *forgotten[] = {QN_GENERATOR, out, QN_OWN_SET, "auth", "profile", "store", NULL};
    assert_int_equal(run(forgotten, output), 1);
    assert_non_null(strstr(output, "media.proto"));
    const char *too_many[] = {QN_GENERATOR, out,     QN_OWN_SET, "auth", "profile",
                              "store",      "media", "slots",    "rpc",  NULL};
    assert_int_equal(run(too_many, output), 1);
}

static void test_names(void **state)
{
    (void)state;
    char out[256], output[8192];
    snprintf(out, sizeof(out), "--out=%s", folder);
    const char *argv[] = {QN_GENERATOR, out, compile("good.proto"), "good", NULL};
    assert_int_equal(run(argv, output), 0);
    const char *show[] = {"cat", path_of("good.qn.h"), path_of("good.qn.c"), NULL};
    assert_int_equal(run(show, output), 0);
    assert_non_null(strstr(output, "quintet_sample_v1_good_service_get_url_of;"));
    assert_non_null(strstr(output, "void prefix##get_url_of(struct qn_call **calls, size_t n_calls);"));
    assert_non_null(strstr(output, "void prefix##make(struct qn_call *call);"));
    assert_non_null(strstr(output, ".path = \"quintet.sample.v1.GoodService/GetURLOf\""));
    assert_non_null(strstr(output, ".idempotency = QN_IDEMPOTENT"));
}

static void test_bad_input(void **state)
{
    (void)state;
    char output[8192];
    const char *nothing[] = {QN_GENERATOR, "--lint", "/nonexistent", NULL};
    assert_int_equal(run(nothing, output), 1);
    const char *noise[] = {QN_GENERATOR, "--lint", QN_GENERATOR, NULL};
    assert_int_equal(run(noise, output), 1);
    const char *usage[] = {QN_GENERATOR, NULL};
    assert_int_equal(run(usage, output), 2);
}

/* The tables of our own services, as linked into this test. */
static void test_tables(void **state)
{
    (void)state;
    const struct qn_service *auth = &quintet_auth_v1_auth_service;
    assert_string_equal(auth->name, "quintet.auth.v1.AuthService");
    assert_int_equal(auth->n_methods, 22);
    const struct qn_method *check = qn_method_find(auth, QN_STR("GetSessionWithProfileCheck"));
    assert_ptr_equal(check, &quintet_auth_v1_auth_service_get_session_with_profile_check);
    assert_string_equal(check->path, "quintet.auth.v1.AuthService/GetSessionWithProfileCheck");
    assert_true(check->batchable);
    assert_int_equal(check->access, QN_ACCESS_ANYONE);
    assert_int_equal(check->idempotency, QN_NO_SIDE_EFFECTS);
    assert_ptr_equal(check->request, &quintet__auth__v1__get_session_with_profile_check_request__descriptor);
    assert_ptr_equal(check->response,
                     &quintet__auth__v1__get_session_with_profile_check_response__descriptor);

    const struct qn_method *sign_up = qn_method_find(auth, QN_STR("SignUp"));
    assert_int_equal(sign_up->idempotency, QN_NOT_IDEMPOTENT);
    assert_false(sign_up->batchable);
    assert_int_equal(qn_method_find(auth, QN_STR("SignOut"))->idempotency, QN_IDEMPOTENT);

    assert_int_equal(quintet_profile_v1_profile_service_update_profile.access, QN_ACCESS_SESSION);
    /* Nothing is public unless it says so. */
    assert_int_equal(quintet_store_v1_account_store_create_user.access, QN_ACCESS_INTERNAL);
    for (size_t i = 0; i < quintet_store_v1_session_store.n_methods; i++)
        assert_int_equal(quintet_store_v1_session_store.methods[i]->access, QN_ACCESS_INTERNAL);
}

static void test_find(void **state)
{
    (void)state;
    const struct qn_service *auth = &quintet_auth_v1_auth_service;
    assert_null(qn_method_find(auth, QN_STR("")));
    assert_null(qn_method_find(auth, QN_STR("signup")));
    assert_null(qn_method_find(auth, QN_STR("SignUpp")));
    assert_null(qn_method_find(auth, QN_STR("SignU")));
}

static int compile_c(const char *sample, char *output)
{
    char input[256];
    snprintf(input, sizeof(input), QN_SAMPLES "/%s", sample);
    const char *argv[] = {QN_CC, "-std=gnu11", "-fsyntax-only", "-I" QN_SOURCE_DIR, "-I" QN_GENERATED,
                          input, NULL};
    return run(argv, output);
}

static void test_handler_of_the_wrong_kind_does_not_compile(void **state)
{
    (void)state;
    char output[8192];
    if (compile_c("handlers_good.c", output) != 0)
        fail_msg("%s", output);
    assert_int_not_equal(compile_c("handlers_wrong_kind.c", output), 0);
    assert_non_null(strstr(output, "conflicting types"));
}

static int set_up(void **state)
{
    (void)state;
    return mkdtemp(folder) == NULL;
}

static int remove_one(const char *path, const struct stat *what, int flag, struct FTW *walk)
{
    (void)what, (void)flag, (void)walk;
    return remove(path);
}

static int tear_down(void **state)
{
    (void)state;
    return nftw(folder, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_good_file_passes),
        cmocka_unit_test(test_bad_files_are_refused),
        cmocka_unit_test(test_our_own_files_pass),
        cmocka_unit_test(test_unnamed_service_is_refused),
        cmocka_unit_test(test_names),
        cmocka_unit_test(test_bad_input),
        cmocka_unit_test(test_tables),
        cmocka_unit_test(test_find),
        cmocka_unit_test(test_handler_of_the_wrong_kind_does_not_compile),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
