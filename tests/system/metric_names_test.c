#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/harness/http.h"
#include "tests/harness/stack.h"
#include "tests/harness/test.h"

/* Every metric that the dashboard and the alerts name is there on a running service. Names in JSON and YAML
 * are checked by nobody else: a metric that was renamed leaves an empty panel, and an alert that never fires.
 */

enum { FILE_MAX = 256 * 1024, NAME_MAX_LEN = 128 };

static struct harness_stack stack;
static char *pages[4];

/* What only appears with something that this stack has not, or not yet: looked for in its source instead. */
static const struct {
    const char *name, *source;
} elsewhere[] = {
    {"quintet_auth_hash_refused_total", "services/auth/hasher.c"},
    {"quintet_auth_mail_total", "services/auth/mail/job.c"},
    {"quintet_pg_failures_total", "services/profile/pg/metrics.c"},
    {"quintet_pg_slots_refused_total", "services/profile/pg/metrics.c"},
    {"quintet_profile_trash_due", "services/profile/trash_watch.c"},
    {"quintet_profile_trash_oldest_seconds", "services/profile/trash_watch.c"},
    {"quintet_rpc_connections_broken_total", "common/rpc/sp_pipe.c"},
    {"quintet_rpc_tls_certificate_expires_seconds", "common/rpc/tls.c"},
    {"quintet_work_refused_total", "common/loop/work.c"},
};

static char *read_file(const char *path)
{
    const char *full = harness_text("%s/%s", QN_SOURCE_DIR, path);
    FILE *file = fopen(full, "re");
    if (!file)
        fail_msg("cannot read %s", full);
    char *text = calloc(1, FILE_MAX);
    assert_non_null(text);
    size_t len = fread(text, 1, FILE_MAX - 1, file);
    assert_true(len > 0 && len < FILE_MAX - 1);
    fclose(file);
    return text;
}

static int set_up(void **state)
{
    (void)state;
    static const char *const environment[] = {"BETTER_AUTH_RATE_LIMIT_ENABLED=true", NULL};
    harness_stack_start(&stack, environment);
    /* A life that touches what counts: a password hashed, a session looked up, an upload begun. */
    struct harness_http_reply reply = harness_http_post(
        stack.url, "/quintet.auth.v1.AuthService/SignUp", NULL,
        "{\"name\":\"Ada\",\"email\":\"ada@example.com\",\"password\":\"correct horse 1\"}");
    assert_int_equal(reply.status, 200);
    const char *cookie = harness_text("%s", harness_http_cookie(&reply, "better-auth.session_token"));
    harness_http_free(&reply);
    reply =
        harness_http_post(stack.url, "/quintet.auth.v1.AuthService/GetSessionWithProfileCheck", cookie, "{}");
    assert_int_equal(reply.status, 200);
    harness_http_free(&reply);
    reply = harness_http_post(stack.url, "/quintet.media.v1.MediaService/CreateUpload", cookie,
                              "{\"contentType\":\"image/jpeg\",\"sizeBytes\":1000}");
    assert_int_equal(reply.status, 200);
    harness_http_free(&reply);
    reply = harness_http_post(stack.url, "/api/auth/sign-out", cookie, "{}"); /* limited */
    harness_http_free(&reply);
    struct harness_service *const all[] = {stack.profile, stack.auth, stack.media, stack.gateway};
    for (size_t i = 0; i < sizeof all / sizeof *all; i++)
        assert_int_equal(harness_service_get(all[i], "/metrics", &pages[i]), 200);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof pages / sizeof *pages; i++)
        free(pages[i]);
    harness_stack_stop(&stack);
    return 0;
}

static bool has_type(const char *name, size_t len, const char *type)
{
    const char *line = harness_text("# TYPE %.*s %s", (int)len, name, type);
    for (size_t i = 0; i < sizeof pages / sizeof *pages; i++)
        if (strstr(pages[i], line))
            return true;
    return false;
}

static bool is_known(const char *name)
{
    static const char *const parts[] = {"_bucket", "_sum", "_count"}; /* of a histogram */
    size_t len = strlen(name);
    if (has_type(name, len, ""))
        return true;
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++) {
        size_t part = strlen(parts[i]);
        if (len > part && strcmp(name + len - part, parts[i]) == 0 && has_type(name, len - part, "histogram"))
            return true;
    }
    for (size_t i = 0; i < sizeof elsewhere / sizeof *elsewhere; i++)
        if (strcmp(name, elsewhere[i].name) == 0) {
            char *source = read_file(elsewhere[i].source);
            bool there = strstr(source, harness_text("\"%s\"", name)) != NULL;
            free(source);
            return there;
        }
    return false;
}

/* Every word of the text that begins like a metric of ours. */
static void check_names(const char *path)
{
    static const char *const prefixes[] = {"quintet_", "process_"};
    char *text = read_file(path);
    size_t n = 0, bad = 0;
    for (const char *at = text; *at; at++) {
        bool begins = at == text || !(isalnum((unsigned char)at[-1]) || at[-1] == '_');
        bool ours = begins && (strncmp(at, prefixes[0], strlen(prefixes[0])) == 0 ||
                               strncmp(at, prefixes[1], strlen(prefixes[1])) == 0);
        char name[NAME_MAX_LEN];
        size_t len = 0;
        if (!ours)
            continue;
        while ((isalnum((unsigned char)at[len]) || at[len] == '_') && len < sizeof name - 1)
            len++;
        memcpy(name, at, len);
        name[len] = '\0';
        if (!is_known(name))
            print_error("%s names %s, which no service has\n", path, name);
        bad += !is_known(name);
        n++;
    }
    assert_true(n > 10); /* the file was understood */
    assert_int_equal(bad, 0);
    free(text);
}

static void test_those_of_the_alerts(void **state)
{
    (void)state;
    check_names("deploy/prometheus/rules.yaml");
}

static void test_those_of_the_dashboard(void **state)
{
    (void)state;
    check_names("deploy/grafana/quintet.json");
}

/* The pages themselves, as Prometheus' own tool reads them: format, types, names by its conventions. */
static void test_what_promtool_says(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof pages / sizeof *pages; i++) {
        const char *path = harness_text("%s/metrics-%zu", harness_folder(), i);
        FILE *file = fopen(path, "we");
        assert_non_null(file);
        assert_true(fputs(pages[i], file) >= 0);
        assert_int_equal(fclose(file), 0);
        FILE *tool = popen(harness_text("promtool check metrics <%s 2>&1", path), "re");
        assert_non_null(tool);
        char said[4096];
        size_t len = fread(said, 1, sizeof said - 1, tool);
        said[len] = '\0';
        if (pclose(tool) != 0 || len > 0)
            fail_msg("%s", said);
    }
}

/* The test itself: a name that is none is seen. */
static void test_a_name_that_is_none(void **state)
{
    (void)state;
    assert_false(is_known("quintet_pg_connection"));
    assert_false(is_known("quintet_pg_connections_bucket"));
    assert_true(is_known("quintet_pg_wait_seconds_bucket"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_those_of_the_alerts),
        cmocka_unit_test(test_those_of_the_dashboard),
        cmocka_unit_test(test_what_promtool_says),
        cmocka_unit_test(test_a_name_that_is_none),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
