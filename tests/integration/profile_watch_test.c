#include <dirent.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/core/check.h"
#include "common/core/clock.h"
#include "common/json/reader.h"
#include "tests/harness/http.h"
#include "tests/harness/postgres.h"
#include "tests/harness/service.h"
#include "tests/harness/test.h"

/* What an operator sees of quintet-profile, the built program: /connections in both forms, and /readyz when
 * PostgreSQL is there and does not answer. */

enum { LIMIT_MS = 60000, TREE_BYTES = 1024 * 1024 };

static struct harness_postgres *postgres;
static struct harness_service *profile;
static PGconn *admin;
static struct qn_arena arena;

static struct harness_http_reply ask(const char *method, const char *path, const char *accept)
{
    return harness_http(&(const struct harness_http_request){
        .method = method,
        .url = harness_text("http://127.0.0.1:%d%s", harness_service_admin_port(profile), path),
        .headers = {accept},
    });
}

/* The document as it is now; it lives until the next. */
static const struct qn_json *connections(void)
{
    struct harness_http_reply reply = ask(NULL, "/connections", NULL);
    struct qn_json *tree;
    struct qn_error err = {0};
    assert_int_equal(reply.status, 200);
    assert_string_equal(harness_http_header(&reply, "Content-Type", 0), "application/json");
    qn_arena_fini(&arena);
    qn_arena_init(&arena, TREE_BYTES);
    char *text = qn_arena_strdup(&arena, reply.body);
    harness_http_free(&reply);
    if (qn_json_parse(qn_str_c(text), false, &arena, &tree, &err) != QN_OK)
        fail_msg("%s: %s", err.message, text);
    return tree;
}

static const struct qn_json *member(const struct qn_json *object, const char *key, enum qn_json_kind kind)
{
    const struct qn_json *value = qn_json_get(object, key);
    if (!value || value->kind != kind)
        fail_msg("%s: not there, or of another kind", key);
    return value;
}

static long number(const struct qn_json *object, const char *key)
{
    return (long)member(object, key, QN_JSON_NUMBER)->number;
}

static bool is(const struct qn_json *object, const char *key, const char *text)
{
    return qn_str_eq(member(object, key, QN_JSON_STRING)->text, qn_str_c(text));
}

static const struct qn_json *connection(const struct qn_json *all, size_t i)
{
    const struct qn_json *list = member(all, "connections", QN_JSON_ARRAY);
    assert_true(i < list->n_items);
    return &list->items[i];
}

/* Asks until it holds. */
static const struct qn_json *until(bool (*holds)(const struct qn_json *all), const char *what)
{
    uint64_t deadline_ms = qn_clock_now_ms() + LIMIT_MS;
    const struct qn_json *all;
    while (all = connections(), !holds(all))
        if (qn_clock_left_ms(deadline_ms) == 0)
            fail_msg("not within a minute: %s\n%s", what, harness_service_log(profile));
    return all;
}

static bool five_are_up(const struct qn_json *all)
{
    return number(all, "up") == 5;
}

static bool is_time(const struct qn_json *object, const char *key)
{
    int64_t wall_ms;
    return qn_time_parse(member(object, key, QN_JSON_STRING)->text, &wall_ms);
}

/* Every member that README.md names, of its kind; the pids are those that the server knows. */
static void test_document(void **state)
{
    (void)state;
    const struct qn_json *all = until(five_are_up, "five are up");
    assert_true(is_time(all, "at"));
    assert_int_equal(number(all, "budget"), 5);
    assert_int_equal(number(all, "allowed"), 5);
    assert_int_equal(number(all, "ending"), 0);
    const struct qn_json *sharing = member(all, "sharing", QN_JSON_OBJECT);
    assert_int_equal(number(sharing, "processes"), 1);
    assert_int_equal(number(sharing, "given"), 0);
    assert_int_equal(number(sharing, "taken"), 0);
    assert_false(member(all, "draining", QN_JSON_BOOL)->boolean);
    const struct qn_json *waiting = member(all, "waiting", QN_JSON_OBJECT);
    assert_int_equal(number(waiting, "reads"), 0);
    assert_int_equal(number(waiting, "writes"), 0);
    assert_int_equal(number(waiting, "longest_ms"), 0);
    assert_int_equal(number(all, "silent_ms"), 0);
    member(all, "refusal", QN_JSON_NULL);
    assert_int_equal(number(all, "failures"), 0);
    assert_int_equal(member(all, "connections", QN_JSON_ARRAY)->n_items, 5);
    for (size_t i = 0; i < 5; i++) {
        const struct qn_json *conn = connection(all, i);
        assert_int_equal(number(conn, "number"), i + 1);
        assert_true(is(conn, "state", "idle"));
        assert_true(is_time(conn, "since"));
        assert_true(number(conn, "for_ms") <= number(conn, "age_ms"));
        assert_true(number(conn, "statements") >= 0);
        member(conn, "doing", QN_JSON_NULL);
        member(conn, "last_end", QN_JSON_NULL);
        member(conn, "attempt_in_ms", QN_JSON_NULL);
        char sql[128];
        snprintf(sql, sizeof sql,
                 "select count(*) from pg_stat_activity where usename = 'quintet' and pid = %ld",
                 number(conn, "pid"));
        assert_int_equal(harness_postgres_number(admin, sql), 1);
    }
}

/* Browsers get a page, and it needs nothing from elsewhere; who asks for either by name gets that. */
static void test_forms(void **state)
{
    (void)state;
    static const char browser[] = "Accept: text/html,application/xhtml+xml;q=0.9,*/*;q=0.8";
    static const struct {
        const char *path, *accept, *type;
    } cases[] = {
        {"/connections", browser, "text/html; charset=utf-8"},
        {"/connections", "Accept: TEXT/HTML ; q=0.5", "text/html; charset=utf-8"},
        {"/connections?format=html", NULL, "text/html; charset=utf-8"},
        {"/connections?format=json", browser, "application/json"},
        {"/connections", "Accept: */*", "application/json"},
        {"/connections", "Accept: application/json", "application/json"},
        {"/connections", "Accept: text/html-not", "application/json"},
    };
    for (size_t i = 0; i < QN_COUNT(cases); i++) {
        struct harness_http_reply reply = ask(NULL, cases[i].path, cases[i].accept);
        assert_int_equal(reply.status, 200);
        assert_string_equal(harness_http_header(&reply, "Content-Type", 0), cases[i].type);
        assert_string_equal(harness_http_header(&reply, "Cache-Control", 0), "no-store");
        if (strstr(cases[i].type, "html")) {
            assert_non_null(strstr(reply.body, "<span class=\"state idle\">idle</span>"));
            assert_null(strstr(reply.body, "://"));
            assert_null(strstr(reply.body, "src="));
            assert_non_null(
                strstr(harness_http_header(&reply, "Content-Security-Policy", 0), "default-src 'none'"));
        }
        harness_http_free(&reply);
    }
    struct harness_http_reply head = ask("HEAD", "/connections", NULL),
                              post = ask("POST", "/connections", NULL), index = ask(NULL, "/", NULL);
    assert_int_equal(head.status, 200);
    assert_int_equal(head.body_len, 0);
    assert_int_equal(post.status, 405);
    assert_non_null(strstr(index.body, "/connections\n"));
    harness_http_free(&head);
    harness_http_free(&post);
    harness_http_free(&index);
}

static bool one_was_terminated(const struct qn_json *all)
{
    for (size_t i = 0; i < 5; i++) {
        const struct qn_json *end = qn_json_get(connection(all, i), "last_end");
        if (end->kind == QN_JSON_OBJECT && is(end, "cause", "terminated") && is_time(end, "at"))
            return five_are_up(all);
    }
    return false;
}

static void test_one_is_terminated(void **state)
{
    (void)state;
    harness_postgres_do(admin, "select pg_terminate_backend(pid) from pg_stat_activity"
                               " where usename = 'quintet' limit 1");
    until(one_was_terminated, "it is told, and it is back");
}

/* All processes of the server. They are the postmaster's children, and it makes no new one while it is
 * stopped. */
static size_t signal_server(int signal, pid_t *pids, size_t max)
{
    pid_t postmaster = harness_postgres_pid(postgres);
    char path[300], line[512];
    size_t n = 0;
    pids[n++] = postmaster;
    assert_int_equal(kill(postmaster, signal), 0);
    DIR *proc = opendir("/proc");
    assert_non_null(proc);
    for (struct dirent *entry; (entry = readdir(proc)) != NULL;) {
        pid_t pid = (pid_t)strtol(entry->d_name, NULL, 10), parent = 0;
        snprintf(path, sizeof path, "/proc/%s/stat", entry->d_name);
        FILE *file = pid > 0 ? fopen(path, "r") : NULL;
        if (!file)
            continue;
        if (fgets(line, sizeof line, file) && strrchr(line, ')'))
            (void)sscanf(strrchr(line, ')'), ") %*c %d", &parent);
        fclose(file);
        if (parent == postmaster && n < max && kill(pid, signal) == 0)
            pids[n++] = pid;
    }
    closedir(proc);
    return n;
}

static bool pulse_waits(const struct qn_json *all)
{
    for (size_t i = 0; i < 5; i++) {
        const struct qn_json *doing = qn_json_get(connection(all, i), "doing");
        if (doing->kind == QN_JSON_OBJECT && is(doing, "statement", "pulse") &&
            number(doing, "for_ms") > 1000)
            return number(all, "silent_ms") > 1000 && number(all, "up") == 5;
    }
    return false;
}

static bool not_silent(const struct qn_json *all)
{
    return number(all, "silent_ms") == 0;
}

/* PostgreSQL is stopped as a whole, as a frozen machine is: its connections stay, and the kernel takes new
 * ones, but nothing is answered. Nobody asks anything of profile meanwhile; it notices by itself. */
static void test_frozen(void **state)
{
    (void)state;
    enum { PROCESSES_MAX = 64 };
    pid_t pids[PROCESSES_MAX];
    until(five_are_up, "five are up");
    harness_service_await(profile, true);
    size_t n = signal_server(SIGSTOP, pids, PROCESSES_MAX);
    assert_true(n > 5);
    until(pulse_waits, "its pulse waits");
    harness_service_await(profile, false);
    struct harness_http_reply reply = ask(NULL, "/readyz", NULL), health = ask(NULL, "/healthz", NULL);
    assert_int_equal(reply.status, 503);
    assert_non_null(
        strstr(reply.body, "pg: not ready, 5 of 5 connections; PostgreSQL has answered nothing for 1"));
    assert_int_equal(health.status, 200); /* a restart would not help */
    harness_http_free(&reply);
    harness_http_free(&health);
    uint64_t deadline_ms = qn_clock_now_ms() + LIMIT_MS;
    while (!harness_service_logged(profile, "PostgreSQL answers nothing"))
        assert_true(qn_clock_left_ms(deadline_ms) > 0);
    assert_true(harness_service_metric(profile, "quintet_pg_silent_seconds") >= 10);
    for (size_t i = n; i-- > 0;)
        kill(pids[i], SIGCONT);
    until(not_silent, "it is heard");
    harness_service_await(profile, true);
    deadline_ms = qn_clock_now_ms() + LIMIT_MS;
    while (!harness_service_logged(profile, "PostgreSQL answers again") ||
           harness_service_metric(profile, "quintet_pg_silent_seconds") > 0)
        assert_true(qn_clock_left_ms(deadline_ms) > 0);
}

static bool it_is_away(const struct qn_json *all)
{
    const struct qn_json *refusal = qn_json_get(all, "refusal");
    return number(all, "up") == 0 && refusal->kind == QN_JSON_STRING && is(all, "refusal", "unreachable");
}

static bool next_is_told(const struct qn_json *all)
{
    const struct qn_json *next = qn_json_get(connection(all, 0), "attempt_in_ms");
    return it_is_away(all) && next->kind == QN_JSON_NUMBER && next->number <= 10000;
}

static void test_away(void **state)
{
    (void)state;
    PQfinish(admin);
    harness_postgres_halt(postgres, SIGINT);
    const struct qn_json *all = until(next_is_told, "when it tries next");
    member(connection(all, 0), "pid", QN_JSON_NULL);
    assert_true(number(all, "failures") > 0);
    struct harness_http_reply page = ask(NULL, "/connections?format=html", NULL);
    assert_non_null(strstr(page.body, "<b>unreachable</b>"));
    harness_http_free(&page);
    harness_postgres_resume(postgres);
    admin = harness_postgres_admin(postgres, NULL);
    until(five_are_up, "five are up again");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_document),
        cmocka_unit_test(test_forms),
        cmocka_unit_test(test_one_is_terminated),
        cmocka_unit_test(test_frozen),
        cmocka_unit_test(test_away),
    };
    postgres = harness_postgres_start_ready(NULL);
    admin = harness_postgres_admin(postgres, NULL);
    const char *const environment[] = {
        harness_text("DATABASE_URL=%s", harness_postgres_app_url(postgres)),
        harness_text("QUINTET_RPC_LISTEN=ipc://%s/profile", harness_folder()),
        NULL,
    };
    profile = harness_service_start(
        &(const struct harness_service_options){.program = "quintet-profile", .environment = environment});
    harness_service_await(profile, true);
    qn_arena_init(&arena, TREE_BYTES);
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    qn_arena_fini(&arena);
    PQfinish(admin);
    if (harness_service_stop(profile) != 0)
        failed++;
    harness_postgres_stop(postgres);
    return failed;
}
