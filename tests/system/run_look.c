#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "tests/harness/http.h"
#include "tests/harness/service.h"
#include "tests/harness/test.h"
#include "tests/system/run_fixture.h"

/* run_fixture.h's second half: what a copy has written, and what it answers. */

enum {
    GLANCE_MS = 5,
    LOOKS_MAX = 60000 / GLANCE_MS, /* for what hangs; never a measure */
    LOG_TAIL = 4000,
};

void run_show_log(const struct run_copy *copy)
{
    const char *log = run_log(copy);
    size_t len = strlen(log);
    fprintf(stderr, "--- %s, its last lines:\n%s", copy->log, len > LOG_TAIL ? log + len - LOG_TAIL : log);
}

void run_look_again(struct run_copy *copy, const char *what, unsigned looks)
{
    if (looks >= LOOKS_MAX) {
        if (copy)
            run_show_log(copy);
        fail_msg("not so after %d s: %s", LOOKS_MAX * GLANCE_MS / 1000, what);
    }
    poll(NULL, 0, GLANCE_MS);
}

static const char *content(const char *path)
{
    static char text[1024 * 1024];
    FILE *file = fopen(path, "r");
    size_t len = file ? fread(text, 1, sizeof text - 1, file) : 0;
    if (file)
        fclose(file);
    text[len] = '\0';
    return text;
}

const char *run_out(const struct run_copy *copy)
{
    return content(copy->out);
}

const char *run_log(const struct run_copy *copy)
{
    return content(copy->log);
}

bool run_logged(const struct run_copy *copy, const char *text)
{
    return strstr(run_log(copy), text) != NULL;
}

size_t run_count(const struct run_copy *copy, const char *text)
{
    size_t n = 0;
    for (const char *at = run_log(copy); (at = strstr(at, text)); at++)
        n++;
    return n;
}

void run_await_log(struct run_copy *copy, const char *text)
{
    run_await(copy, text, run_logged(copy, text));
}

void run_assert_order(const struct run_copy *copy, const char *const *texts)
{
    for (const char *at = run_log(copy); *texts; texts++) {
        const char *found = strstr(at, *texts);
        if (!found) {
            run_show_log(copy);
            fail_msg("\"%s\" is not where it belongs in the log", *texts);
        }
        at = found + 1;
    }
}

static const char *find_endpoint(const struct run_copy *copy, const char *key)
{
    const char *line = content(run_path(copy, "endpoints"));
    size_t len = strlen(key);
    while (line && (strncmp(line, key, len) != 0 || line[len] != '=')) {
        line = strchr(line, '\n');
        line = line ? line + 1 : NULL;
    }
    return line ? harness_text("%.*s", (int)strcspn(line + len + 1, "\n"), line + len + 1) : NULL;
}

bool run_has_endpoint(const struct run_copy *copy, const char *key)
{
    return find_endpoint(copy, key) != NULL;
}

const char *run_endpoint(const struct run_copy *copy, const char *key)
{
    const char *value = find_endpoint(copy, key);
    if (!value || !value[0])
        fail_msg("%s is not in the endpoints file", key);
    return value;
}

pid_t run_pid(const struct run_copy *copy, const char *name)
{
    return (pid_t)strtol(run_endpoint(copy, harness_text("PID_%s", name)), NULL, 10);
}

const char *run_path(const struct run_copy *copy, const char *name)
{
    return harness_text("%s/%s", copy->dir, name);
}

bool run_exists(const char *path)
{
    struct stat st;
    return lstat(path, &st) == 0;
}

/* Asking. */

int run_get(const char *url, const char *path)
{
    struct harness_http_reply reply =
        harness_http(&(const struct harness_http_request){.url = harness_text("%s%s", url, path)});
    int status = reply.status;
    harness_http_free(&reply);
    return status;
}

void run_await_get(const char *url, const char *path, int status)
{
    run_await(NULL, harness_text("%s%s answers %d", url, path, status), run_get(url, path) == status);
}

int run_post(const struct run_copy *copy, const char *path, const char *cookie, const char *json)
{
    struct harness_http_reply reply = harness_http_post(run_endpoint(copy, "HTTP"), path, cookie, json);
    if (reply.status != 200)
        fprintf(stderr, "(%s: %d %s)\n", path, reply.status, reply.body);
    int status = reply.status;
    harness_http_free(&reply);
    return status;
}

const char *run_sign_up(const struct run_copy *copy, const char *email)
{
    struct harness_http_reply reply = harness_http_post(
        run_endpoint(copy, "HTTP"), "/quintet.auth.v1.AuthService/SignUp", NULL,
        harness_text("{\"name\":\"Ada\",\"email\":\"%s\",\"password\":\"correct horse 1\"}", email));
    const char *cookie = harness_http_cookie(&reply, "better-auth.session_token");
    if (reply.status != 200 || !cookie)
        fail_msg("signing up: %d %s", reply.status, reply.body);
    cookie = harness_text("%s", cookie);
    harness_http_free(&reply);
    return cookie;
}

int run_sign_in(const struct run_copy *copy, const char *email)
{
    return run_post(copy, "/quintet.auth.v1.AuthService/SignIn", NULL,
                    harness_text("{\"email\":\"%s\",\"password\":\"correct horse 1\"}", email));
}

void run_assert_works(const struct run_copy *copy, const char *cookie)
{
    struct harness_http_reply reply = harness_http_post(
        run_endpoint(copy, "HTTP"), "/quintet.auth.v1.AuthService/GetSessionWithProfileCheck", cookie, "{}");
    if (reply.status != 200 || !strstr(reply.body, "\"authenticated\":true"))
        fail_msg("the session check: %d %s", reply.status, reply.body);
    harness_http_free(&reply);
    assert_int_equal(run_post(copy, "/quintet.media.v1.MediaService/ListPhotos", cookie, "{}"), 200);
    assert_int_equal(run_post(copy, "/quintet.profile.v1.ProfileService/ListProfiles", cookie, "{}"), 200);
}
