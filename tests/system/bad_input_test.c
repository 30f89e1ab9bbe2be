#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "common/core/buf.h"
#include "tests/harness/http.h"
#include "tests/harness/stack.h"
#include "tests/harness/test.h"

/* What bad input gets: a typed error, nothing written, and the process goes on. */

#define SIGN_UP "/quintet.auth.v1.AuthService/SignUp"
#define CHECK   "/quintet.auth.v1.AuthService/GetSessionWithProfileCheck"
#define COOKIE  "better-auth.session_token"

static struct harness_stack stack;
static PGconn *admin;
static char cookie[512];
static pid_t pids[4];

static const char ROWS[] =
    "select (select count(*) from \"user\") + (select count(*) from session) + (select count(*) from account)"
    " + (select count(*) from quintet.profile) + (select count(*) from quintet.photo)";

static void pids_now(pid_t to[4])
{
    to[0] = harness_service_pid(stack.gateway);
    to[1] = harness_service_pid(stack.auth);
    to[2] = harness_service_pid(stack.profile);
    to[3] = harness_service_pid(stack.media);
}

static int set_up(void **state)
{
    (void)state;
    harness_stack_start(&stack, NULL);
    admin = harness_postgres_admin(stack.postgres, NULL);
    struct harness_http_reply reply = harness_http_post(
        stack.url, SIGN_UP, NULL,
        "{\"name\":\"Eve\",\"email\":\"eve@example.com\",\"password\":\"correct horse 1\"}");
    assert_int_equal(reply.status, 200);
    snprintf(cookie, sizeof cookie, "%s", harness_http_cookie(&reply, COOKIE));
    harness_http_free(&reply);
    pids_now(pids);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    PQfinish(admin);
    return 0;
}

/* One exchange whose status must be 'status' and whose body must hold 'text'; no row may come of it, and a
 * good question right after it must be answered. */
static void refused(const char *what, const struct harness_http_request *request, int status,
                    const char *text)
{
    long rows = harness_postgres_number(admin, ROWS);
    struct harness_http_reply reply = harness_http(request);
    if (reply.status != status || !strstr(reply.body, text))
        fail_msg("%s: %d \"%s\", not %d with \"%s\"", what, reply.status, reply.body, status, text);
    harness_http_free(&reply);
    assert_int_equal(harness_postgres_number(admin, ROWS), rows);
    reply = harness_http_post(stack.url, CHECK, cookie, "{}");
    if (reply.status != 200 || !strstr(reply.body, "\"authenticated\":true"))
        fail_msg("after %s a good question got %d %s", what, reply.status, reply.body);
    harness_http_free(&reply);
}

static const char *at(const char *path)
{
    static char url[2048];
    snprintf(url, sizeof url, "%s%s", stack.url, path);
    return url;
}

static void refused_json(const char *path, struct qn_str body, int status, const char *text)
{
    refused(body.ptr,
            &(const struct harness_http_request){
                .url = at(path), .headers = {"Content-Type: application/json"}, .body = body},
            status, text);
}

static void test_json_that_is_none(void **state)
{
    (void)state;
    refused_json(SIGN_UP, QN_STR("{"), 400, "\"invalid_argument\"");
    refused_json(SIGN_UP, QN_STR("{\"name\":\"x\",}"), 400, "\"invalid_argument\"");
    refused_json(SIGN_UP, QN_STR("[]"), 400, "\"invalid_argument\"");
    refused_json(SIGN_UP, QN_STR("null x"), 400, "\"invalid_argument\"");
    refused_json(SIGN_UP, QN_STR("{\"name\":5}"), 400, "name");
    refused_json(SIGN_UP, QN_STR("{\"name\":\"a\xff\"}"), 400, "\"invalid_argument\"");
    refused_json(
        SIGN_UP,
        QN_STR("{\"name\":\"a\\u0000b\",\"email\":\"n@example.com\",\"password\":\"correct horse 1\"}"), 400,
        "name");
    refused_json(SIGN_UP, QN_STR("{\"forgetMe\":\"yes\"}"), 400, "forget_me");
}

static void test_values_that_are_not_allowed(void **state)
{
    (void)state;
    refused_json(SIGN_UP,
                 QN_STR("{\"name\":\"x\",\"email\":\"no-address\",\"password\":\"correct horse 1\"}"), 400,
                 "INVALID_EMAIL");
    refused_json(SIGN_UP, QN_STR("{\"name\":\"x\",\"email\":\"x@example.com\",\"password\":\"short\"}"), 400,
                 "PASSWORD_TOO_SHORT");
    refused_json(SIGN_UP, QN_STR("{}"), 400, "\"invalid_argument\"");
}

static void test_methods_that_there_are_not(void **state)
{
    (void)state;
    static const char *const PATHS[] = {
        "/quintet.auth.v1.AuthService/",
        "/quintet.auth.v1.AuthService/Nothing",
        "/quintet.auth.v1.AuthService/SignUp/",
        "/quintet.auth.v1.authservice/SignUp",
        "/..//quintet.auth.v1.AuthService/SignUp",
        "/quintet.auth.v1.AuthService/Sign%55p",
        /* Between services only: nobody reads rows over HTTP. */
        "/quintet.store.v1.SessionStore/GetSession",
        "/quintet.store.v1.AccountStore/GetCredential",
    };
    for (size_t i = 0; i < sizeof PATHS / sizeof *PATHS; i++)
        refused_json(PATHS[i], QN_STR("{}"), 404, "\"unimplemented\"");
}

/* What is no method's path is answered as Better Auth answers it, unless the client says that it speaks
 * Connect: one whose base URL is wrong is told. */
static void test_paths_that_are_nobodys(void **state)
{
    (void)state;
    static const char *const PATHS[] = {
        "/",
        "//",
        "/api/other",
        "/api/authentic",
        "/favicon.ico",
        "/quintet.auth.v1.AuthService",
        "/quintet.rpc.v1.Request",
        "/api/quintet.auth.v1.AuthService/SignUp",
    };
    static const char JSON[] = "Content-Type: application/json";
    for (size_t i = 0; i < sizeof PATHS / sizeof *PATHS; i++) {
        const char *url = harness_text("%s%s", stack.url, PATHS[i]);
        const struct harness_http_request asked[] = {
            {.url = url},
            {.url = url, .headers = {JSON}, .body = QN_STR("{}")},
            {.url = url, .headers = {JSON, "Connect-Protocol-Version: 1"}, .body = QN_STR("{}")},
        };
        for (size_t k = 0; k < 3; k++) {
            struct harness_http_reply reply = harness_http(&asked[k]);
            bool told = reply.body_len > 0 && strstr(reply.body, "\"unimplemented\"") != NULL;
            if (reply.status != 404 || told != (k == 2) ||
                (k < 2 && (reply.body_len > 0 || harness_http_header(&reply, "Content-Type", 0) != NULL)))
                fail_msg("%s, %zu: %d \"%s\"", PATHS[i], k, reply.status, reply.body);
            harness_http_free(&reply);
        }
    }
}

static void test_verbs(void **state)
{
    (void)state;
    refused("GET of a writing method", &(const struct harness_http_request){.url = at(SIGN_UP)}, 405,
            "\"unimplemented\"");
    refused("PUT",
            &(const struct harness_http_request){.method = "PUT", .url = at(CHECK), .body = QN_STR("{}")},
            405, "\"unimplemented\"");
    struct harness_http_reply reply = harness_http(&(const struct harness_http_request){.url = at(SIGN_UP)});
    assert_string_equal(harness_http_header(&reply, "Allow", 0), "POST");
    harness_http_free(&reply);
}

static void test_content_types(void **state)
{
    (void)state;
    static const char *const TYPES[] = {"Content-Type: text/plain", "Content-Type: application/grpc",
                                        "Content-Type: application/connect+json",
                                        "Content-Type: application/jsonp", "Content-Type:"};
    for (size_t i = 0; i < sizeof TYPES / sizeof *TYPES; i++)
        refused(TYPES[i],
                &(const struct harness_http_request){
                    .url = at(CHECK), .headers = {TYPES[i]}, .body = QN_STR("{}")},
                415, "application/proto");
}

static void test_headers_of_the_protocol(void **state)
{
    (void)state;
    static const struct {
        const char *header;
        int status;
        const char *text;
    } CASES[] = {
        {"Connect-Protocol-Version: 2", 400, "\"invalid_argument\""},
        {"Connect-Timeout-Ms: soon", 400, "\"invalid_argument\""},
        {"Connect-Timeout-Ms: -1", 400, "\"invalid_argument\""},
        {"Connect-Timeout-Ms: 12345678901", 400, "\"invalid_argument\""},
        {"Connect-Timeout-Ms: 0", 504, "\"deadline_exceeded\""},
        {"Content-Encoding: gzip", 501, "\"unimplemented\""},
    };
    for (size_t i = 0; i < sizeof CASES / sizeof *CASES; i++)
        refused(CASES[i].header,
                &(const struct harness_http_request){
                    .url = at(CHECK),
                    .headers = {"Content-Type: application/json", CASES[i].header},
                    .body = QN_STR("{}")},
                CASES[i].status, CASES[i].text);
}

static void test_binary_bodies(void **state)
{
    (void)state;
    static const struct {
        const char *what;
        struct qn_str body;
    } CASES[] = {
        {"a length past the end",
         {"\x0a\x7f"
          "abc",
          5}},
        {"a varint without end", {"\x30\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff", 12}},
        {"text that is not UTF-8", {"\x0a\x02\xff\xfe", 4}},
        {"text with a NUL",
         {"\x0a\x03"
          "a\0b",
          5}},
        {"a wrong wire type", {"\x08\x01", 2}},
        {"field number 0", {"\x02\x00", 2}},
        {"a group", {"\x0b\x0c", 2}},
    };
    for (size_t i = 0; i < sizeof CASES / sizeof *CASES; i++)
        refused(CASES[i].what,
                &(const struct harness_http_request){.url = at(SIGN_UP),
                                                     .headers = {"Content-Type: application/proto"},
                                                     .body = CASES[i].body},
                400, "\"invalid_argument\"");
}

static void test_binary_and_get_when_they_are_right(void **state)
{
    (void)state;
    char header[600];
    snprintf(header, sizeof header, "Cookie: %s", cookie);
    struct harness_http_reply reply = harness_http(&(const struct harness_http_request){
        .url = at(CHECK), .headers = {"Content-Type: application/proto", header}, .body = QN_STR("")});
    assert_int_equal(reply.status, 200);
    assert_string_equal(harness_http_header(&reply, "Content-Type", 0), "application/proto");
    assert_true(reply.body_len > 2 && reply.body[0] == 0x08 && reply.body[1] == 1); /* authenticated: true */
    harness_http_free(&reply);

    reply = harness_http(&(const struct harness_http_request){
        .url = at(CHECK "?connect=v1&encoding=json&message=%7B%7D"), .headers = {header}});
    assert_int_equal(reply.status, 200);
    assert_non_null(strstr(reply.body, "\"authenticated\":true"));
    assert_string_equal(harness_http_header(&reply, "Cache-Control", 0), "no-store");
    harness_http_free(&reply);

    refused("GET without a message", &(const struct harness_http_request){.url = at(CHECK "?encoding=json")},
            400, "message");
    refused("GET in no codec", &(const struct harness_http_request){.url = at(CHECK "?message=%7B%7D")}, 400,
            "encoding");
    refused("GET in a foreign codec",
            &(const struct harness_http_request){.url = at(CHECK "?encoding=xml&message=")}, 415, "encoding");
    refused("GET with bad base64",
            &(const struct harness_http_request){.url = at(CHECK "?encoding=proto&base64=1&message=*")}, 400,
            "base64");
}

static void test_bodies_and_heads_that_are_too_large(void **state)
{
    (void)state;
    enum { OVER = 1024 * 1024 + 1, HEAD = 200 * 1024 };
    char *body = malloc(OVER);
    memset(body, ' ', OVER);
    refused("a body over 1 MiB",
            &(const struct harness_http_request){.url = at(CHECK),
                                                 .headers = {"Content-Type: application/json"},
                                                 .body = qn_str_n(body, OVER)},
            413, "\"resource_exhausted\"");
    refused("a chunked body over 1 MiB",
            &(const struct harness_http_request){
                .url = at(CHECK),
                .headers = {"Content-Type: application/json", "Transfer-Encoding: chunked"},
                .body = qn_str_n(body, OVER)},
            413, "\"resource_exhausted\"");
    memset(body, 'x', HEAD);
    memcpy(body, "X-Long: ", 8);
    body[HEAD] = '\0';
    refused("a head over its limit",
            &(const struct harness_http_request){
                .url = at(CHECK), .headers = {"Content-Type: application/json", body}, .body = QN_STR("{}")},
            431, "");
    free(body);
}

static struct harness_http_reply better_auth(const char *path, const char *header, const char *second_header,
                                             struct qn_str body)
{
    return harness_http(&(const struct harness_http_request){
        .url = at(path), .headers = {"Content-Type: application/json", header, second_header}, .body = body});
}

/* A name of control characters is six times as long in JSON: the answer was cut off in the midst of it. */
static void test_better_auth_names_that_grow_in_json(void **state)
{
    (void)state;
    enum { CHARACTERS = 16 * 1024, ESCAPE = sizeof "\\u0001" - 1 };
    struct qn_buf body;
    qn_buf_init(&body, 8 * CHARACTERS);
    qn_buf_write_c(&body, "{\"email\":\"grow@example.com\",\"password\":\"correct horse 1\",\"name\":\"");
    for (int i = 0; i < CHARACTERS; i++)
        qn_buf_write_c(&body, "\\u0001");
    qn_buf_write_c(&body, "\"}");
    struct harness_http_reply reply =
        better_auth("/api/auth/sign-up/email", "Accept: */*", NULL, qn_buf_view(&body));
    assert_int_equal(reply.status, 200);
    assert_true(reply.body_len > (size_t)CHARACTERS * ESCAPE);
    assert_true(qn_str_ends(qn_str_n(reply.body, reply.body_len), QN_STR("\"}}")));
    harness_http_free(&reply);
    qn_buf_fini(&body);
}

/* It would not fit among the headers of the answer, and the session would be there for nobody. */
static void test_better_auth_callbacks_without_end(void **state)
{
    (void)state;
    struct qn_buf body;
    qn_buf_init(&body, 64 * 1024);
    qn_buf_write_c(&body,
                   "{\"email\":\"eve@example.com\",\"password\":\"correct horse 1\",\"callbackURL\":\"/");
    for (int i = 0; i < 9000; i++)
        qn_buf_write_c(&body, "a");
    qn_buf_write_c(&body, "\"}");
    refused("a callbackURL of 9,000 characters",
            &(const struct harness_http_request){.url = at("/api/auth/sign-in/email"),
                                                 .headers = {"Content-Type: application/json"},
                                                 .body = qn_buf_view(&body)},
            403, "INVALID_CALLBACK_URL");
    qn_buf_fini(&body);
}

/* HAProxy adds its line below the client's own, which says what the client likes. */
static void test_forwarded_for_in_two_lines(void **state)
{
    (void)state;
    struct harness_http_reply reply = better_auth(
        "/api/auth/sign-in/email", "X-Forwarded-For: 198.51.100.66", "X-Forwarded-For: 203.0.113.7",
        QN_STR("{\"email\":\"eve@example.com\",\"password\":\"correct horse 1\"}"));
    assert_int_equal(reply.status, 200);
    harness_http_free(&reply);
    assert_int_equal(
        harness_postgres_number(admin, "select count(*) from session where \"ipAddress\" = '198.51.100.66'"),
        0);
}

/* A cookie that is not exactly ours opens nothing, and is no error either: one is simply not signed in. */
static void test_cookies(void **state)
{
    (void)state;
    char *dot = strrchr(cookie, '.');
    size_t stem = (size_t)(dot - cookie);
    char forged[12][700];
    int n = 0;
    snprintf(forged[n++], 700, "%.*s", (int)stem, cookie);               /* no signature */
    snprintf(forged[n++], 700, "%.*s", (int)strlen(cookie) - 5, cookie); /* cut */
    snprintf(forged[n++], 700, "%.*s.", (int)stem, cookie);              /* an empty one */
    snprintf(forged[n++], 700, "%s%s", cookie, "A");                     /* longer */
    snprintf(forged[n++], 700, "__Secure-%s", cookie);                   /* another name */
    snprintf(forged[n++], 700, COOKIE "=x%s", dot);                      /* another token */
    snprintf(forged[n++], 700, COOKIE "=junk; %s", cookie);              /* the first wins */
    snprintf(forged[n++], 700, COOKIE "=%%ff%%fe%s", dot);               /* not UTF-8 when decoded */
    snprintf(forged[n++], 700, COOKIE "=%%00%s", dot);                   /* a NUL when decoded */
    snprintf(forged[n++], 700, COOKIE "=' or 1=1 --%s", dot);
    snprintf(forged[n++], 700, "%s", cookie);
    forged[n - 1][stem - 1] ^= 1; /* one bit of the token */
    for (int i = 0; i < n; i++) {
        struct harness_http_reply reply = harness_http_post(stack.url, CHECK, forged[i], "{}");
        if (reply.status != 200 || strstr(reply.body, "\"authenticated\":true"))
            fail_msg("%s: %d %s", forged[i], reply.status, reply.body);
        harness_http_free(&reply);
    }
}

/* A port scanner on the inner sockets: bytes that are no nng, or are nng and no envelope. */
static void spit(const char *service, const void *bytes, size_t len)
{
    char folder[256];
    snprintf(folder, sizeof folder, "%s/%s", harness_folder(), service);
    DIR *entries = opendir(folder);
    assert_non_null(entries);
    int spat = 0;
    for (struct dirent *entry; (entry = readdir(entries));) {
        struct sockaddr_un to = {.sun_family = AF_UNIX};
        if (!strstr(entry->d_name, ".sock"))
            continue;
        assert_true((size_t)snprintf(to.sun_path, sizeof to.sun_path, "%s/%s", folder, entry->d_name) <
                    sizeof to.sun_path);
        int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
        assert_int_equal(connect(fd, (const struct sockaddr *)&to, sizeof to), 0);
        if (send(fd, bytes, len, MSG_NOSIGNAL) >= 0)
            spat++;
        shutdown(fd, SHUT_WR);
        char sink[512];
        while (recv(fd, sink, sizeof sink, 0) > 0) /* until the service hangs up */
            ;
        close(fd);
    }
    closedir(entries);
    assert_true(spat > 0);
}

static void test_random_bytes_on_the_inner_sockets(void **state)
{
    (void)state;
    static const char *const SERVICES[] = {"auth", "profile", "media"};
    /* Scalability protocols' greeting of a REQ socket (SP TCP mapping, section 3), then a message of 40 bytes
     * over ipc. */
    static const char GREETING[] = "\0SP\0\0\x30\0\0\x01\0\0\0\0\0\0\0\x28"
                                   "\x80\0\0\x01 no envelope, just bytes of a stranger";
    unsigned seed = 7;
    for (size_t s = 0; s < sizeof SERVICES / sizeof *SERVICES; s++) {
        char bytes[4096];
        for (size_t i = 0; i < sizeof bytes; i++) {
            seed = seed * 1103515245 + 12345; /* ISO C's example of rand(): the same bytes every time */
            bytes[i] = (char)(seed >> 16);
        }
        spit(SERVICES[s], bytes, sizeof bytes);
        spit(SERVICES[s], "GET / HTTP/1.1\r\n\r\n", 18);
        spit(SERVICES[s], "\0SP\0\0\x30\0\0\x01\xff\xff\xff\xff\xff\xff\xff\xff",
             17); /* a message of 2^64-1 bytes */
        spit(SERVICES[s], GREETING, sizeof GREETING - 1);
    }
    struct harness_http_reply reply = harness_http_post(stack.url, CHECK, cookie, "{}");
    assert_int_equal(reply.status, 200);
    harness_http_free(&reply);
}

static void test_the_processes_went_on(void **state)
{
    (void)state;
    pid_t now[4];
    pids_now(now);
    assert_memory_equal(now, pids, sizeof pids);
    assert_int_equal(harness_service_stop(stack.gateway), 0);
    assert_int_equal(harness_service_stop(stack.media), 0);
    assert_int_equal(harness_service_stop(stack.auth), 0);
    assert_int_equal(harness_service_stop(stack.profile), 0); /* under AddressSanitizer: no leak */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_json_that_is_none),
        cmocka_unit_test(test_values_that_are_not_allowed),
        cmocka_unit_test(test_methods_that_there_are_not),
        cmocka_unit_test(test_paths_that_are_nobodys),
        cmocka_unit_test(test_verbs),
        cmocka_unit_test(test_content_types),
        cmocka_unit_test(test_headers_of_the_protocol),
        cmocka_unit_test(test_binary_bodies),
        cmocka_unit_test(test_binary_and_get_when_they_are_right),
        cmocka_unit_test(test_bodies_and_heads_that_are_too_large),
        cmocka_unit_test(test_better_auth_names_that_grow_in_json),
        cmocka_unit_test(test_better_auth_callbacks_without_end),
        cmocka_unit_test(test_forwarded_for_in_two_lines),
        cmocka_unit_test(test_cookies),
        cmocka_unit_test(test_random_bytes_on_the_inner_sockets),
        cmocka_unit_test(test_the_processes_went_on),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
