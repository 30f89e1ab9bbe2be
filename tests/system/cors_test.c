#include <stdlib.h>

#include "tests/harness/http.h"
#include "tests/harness/stack.h"
#include "tests/harness/test.h"

/* What a browser asks and looks at before a page of another origin may call the gateway, on both faces. */

#define APP     "https://app.example.com"
#define CONNECT "/quintet.auth.v1.AuthService/"

static struct harness_stack stack;

static int set_up(void **state)
{
    (void)state;
    harness_stack_start(&stack, (const char *const[]){
                                    "QUINTET_CORS_ORIGINS=" APP ",https://*.preview.example.com",
                                    "BETTER_AUTH_TRUSTED_ORIGINS=" APP,
                                    "BETTER_AUTH_RATE_LIMIT_ENABLED=true",
                                    "BETTER_AUTH_RATE_LIMIT_CUSTOM_RULES=/ok=1/3600,/sign-in/email=1000/10",
                                    NULL,
                                });
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    harness_stack_stop(&stack);
    return 0;
}

static struct harness_http_reply ask(const char *method, const char *path, const char *origin,
                                     const char *further)
{
    struct harness_http_request request = {.method = method, .url = harness_text("%s%s", stack.url, path)};
    size_t n = 0;
    if (origin)
        request.headers[n++] = harness_text("Origin: %s", origin);
    if (further)
        request.headers[n++] = further;
    if (strcmp(method, "POST") == 0) {
        request.headers[n++] = "Content-Type: application/json";
        request.body = QN_STR("{}");
    }
    return harness_http(&request);
}

static struct harness_http_reply preflight(const char *path, const char *origin)
{
    return ask("OPTIONS", path, origin, "Access-Control-Request-Method: POST");
}

/* NULL: the header is not there. */
static void expect(const struct harness_http_reply *reply, const char *name, const char *value)
{
    const char *got = harness_http_header(reply, name, 0);
    if (value == NULL ? got != NULL : got == NULL || strcmp(got, value) != 0)
        fail_msg("%s is %s, not %s", name, got ? got : "absent", value ? value : "absent");
}

static void expect_nothing_allowed(const struct harness_http_reply *reply)
{
    static const char *const NAMES[] = {"Access-Control-Allow-Origin",  "Access-Control-Allow-Credentials",
                                        "Access-Control-Allow-Methods", "Access-Control-Allow-Headers",
                                        "Access-Control-Max-Age",       "Access-Control-Expose-Headers"};
    for (size_t i = 0; i < sizeof NAMES / sizeof *NAMES; i++)
        expect(reply, NAMES[i], NULL);
}

static const char *const PATHS[] = {"/api/auth/sign-in/email", CONNECT "GetSession", "/api/auth/ok"};

static void test_preflights_of_an_allowed_origin(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof PATHS / sizeof *PATHS; i++) {
        struct harness_http_reply reply = preflight(PATHS[i], APP);
        assert_int_equal(reply.status, 204);
        assert_int_equal(reply.body_len, 0);
        expect(&reply, "Access-Control-Allow-Origin", APP);
        expect(&reply, "Access-Control-Allow-Credentials", "true");
        expect(&reply, "Access-Control-Allow-Methods", "GET, POST");
        expect(&reply, "Access-Control-Max-Age", "7200");
        expect(&reply, "Vary", "Origin");
        const char *headers = harness_http_header(&reply, "Access-Control-Allow-Headers", 0);
        assert_non_null(headers);
        assert_non_null(strstr(headers, "Content-Type"));
        assert_non_null(strstr(headers, "Connect-Protocol-Version"));
        assert_non_null(strstr(headers, "Connect-Timeout-Ms"));
        assert_non_null(strstr(headers, "Authorization"));
        harness_http_free(&reply);
    }
}

/* Nothing is granted, and OPTIONS is what each face says of it. */
static void test_preflights_of_others(void **state)
{
    (void)state;
    static const char *const OTHERS[] = {"null",
                                         "https://evil.example",
                                         APP ".evil.example",
                                         APP ":8443",
                                         "http://app.example.com",
                                         "https://preview.example.com",
                                         "https://evilpreview.example.com"};
    for (size_t i = 0; i < sizeof OTHERS / sizeof *OTHERS; i++) {
        struct harness_http_reply auth = preflight(PATHS[0], OTHERS[i]), rpc = preflight(PATHS[1], OTHERS[i]);
        assert_int_equal(auth.status, 404);
        assert_int_equal(rpc.status, 405);
        expect_nothing_allowed(&auth);
        expect_nothing_allowed(&rpc);
        expect(&auth, "Vary", "Origin");
        expect(&rpc, "Vary", "Origin");
        harness_http_free(&auth);
        harness_http_free(&rpc);
    }
}

/* OPTIONS without Access-Control-Request-Method asks for something else. */
static void test_an_options_that_is_no_preflight(void **state)
{
    (void)state;
    struct harness_http_reply reply = ask("OPTIONS", PATHS[0], APP, NULL);
    assert_int_equal(reply.status, 404);
    harness_http_free(&reply);
}

static void test_answers_can_be_read_by_an_allowed_origin(void **state)
{
    (void)state;
    static const struct {
        const char *method, *path;
        int status;
    } ASKED[] = {
        {"GET", "/api/auth/get-session", 200},
        {"POST", "/api/auth/sign-in/email", 400},
        {"GET", "/api/auth/nothing", 404},
        {"POST", CONNECT "GetSession", 200},
        {"POST", CONNECT "SignIn", 400},
        {"POST", "/quintet.profile.v1.ProfileService/GetMyProfile", 401},
        {"POST", "/nothing", 404},
    };
    for (size_t i = 0; i < sizeof ASKED / sizeof *ASKED; i++) {
        struct harness_http_reply reply =
            ask(ASKED[i].method, ASKED[i].path, "https://pr-7.preview.example.com", NULL);
        /* Of a form that this origin may not send, the answer is another, and can be read as well. */
        if (reply.status != ASKED[i].status && reply.status != 403)
            fail_msg("%s: %d %s", ASKED[i].path, reply.status, reply.body);
        expect(&reply, "Access-Control-Allow-Origin", "https://pr-7.preview.example.com");
        expect(&reply, "Access-Control-Allow-Credentials", "true");
        expect(&reply, "Vary", "Origin");
        const char *exposed = harness_http_header(&reply, "Access-Control-Expose-Headers", 0);
        assert_non_null(exposed);
        assert_non_null(strstr(exposed, "X-Retry-After"));
        harness_http_free(&reply);
    }
}

static void test_answers_to_others_and_to_none(void **state)
{
    (void)state;
    static const char *const ORIGINS[] = {NULL, "null", "https://evil.example"};
    for (size_t i = 0; i < sizeof ORIGINS / sizeof *ORIGINS; i++) {
        struct harness_http_reply reply = ask("GET", "/api/auth/get-session", ORIGINS[i], NULL);
        assert_int_equal(reply.status, 200);
        expect_nothing_allowed(&reply);
        expect(&reply, "Vary", "Origin");
        harness_http_free(&reply);
    }
}

/* A page must be able to tell "too many requests" from a network that is down; preflights are not counted. */
static void test_refusals_by_the_rate_limit_can_be_read(void **state)
{
    (void)state;
    for (size_t i = 0; i < 5; i++) {
        struct harness_http_reply reply =
            ask("OPTIONS", "/api/auth/ok", APP, "Access-Control-Request-Method: GET");
        assert_int_equal(reply.status, 204);
        harness_http_free(&reply);
    }
    struct harness_http_reply first = ask("GET", "/api/auth/ok", APP, NULL),
                              second = ask("GET", "/api/auth/ok", APP, NULL);
    assert_int_equal(first.status, 200);
    assert_int_equal(second.status, 429);
    expect(&second, "Access-Control-Allow-Origin", APP);
    harness_http_free(&first);
    harness_http_free(&second);
}

static void test_off_nothing_is_said(void **state)
{
    (void)state;
    const char *environment[] = {
        harness_text("QUINTET_AUTH_ADDRESS=ipc://%s/auth", harness_folder()),
        harness_text("QUINTET_PROFILE_ADDRESS=ipc://%s/profile", harness_folder()),
        harness_text("QUINTET_MEDIA_ADDRESS=ipc://%s/media", harness_folder()),
        "BETTER_AUTH_TRUSTED_ORIGINS=" APP,
        NULL,
    };
    struct harness_service *gateway = harness_service_start(&(const struct harness_service_options){
        .program = "quintet-gateway", .environment = environment, .http = true});
    harness_service_await(gateway, true);
    const char *url = stack.url;
    stack.url = harness_text("http://127.0.0.1:%u", harness_service_http_port(gateway));
    struct harness_http_reply auth = preflight(PATHS[0], APP), rpc = preflight(PATHS[1], APP),
                              plain = ask("GET", "/api/auth/get-session", APP, NULL);
    stack.url = url;
    assert_int_equal(auth.status, 404);
    assert_int_equal(rpc.status, 405);
    assert_int_equal(plain.status, 200);
    expect_nothing_allowed(&auth);
    expect_nothing_allowed(&rpc);
    expect_nothing_allowed(&plain);
    expect(&plain, "Vary", NULL);
    harness_http_free(&auth);
    harness_http_free(&rpc);
    harness_http_free(&plain);
    assert_int_equal(harness_service_stop(gateway), 0);
}

static void test_a_wildcard_alone_ends_the_start(void **state)
{
    (void)state;
    const char *environment[] = {"QUINTET_CORS_ORIGINS=*", NULL};
    struct harness_service *gateway = harness_service_start(&(const struct harness_service_options){
        .program = "quintet-gateway", .environment = environment, .http = true});
    assert_int_equal(harness_service_wait(gateway), 2);
    assert_true(harness_service_logged(gateway, "QUINTET_CORS_ORIGINS"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_preflights_of_an_allowed_origin),
        cmocka_unit_test(test_preflights_of_others),
        cmocka_unit_test(test_an_options_that_is_no_preflight),
        cmocka_unit_test(test_answers_can_be_read_by_an_allowed_origin),
        cmocka_unit_test(test_answers_to_others_and_to_none),
        cmocka_unit_test(test_refusals_by_the_rate_limit_can_be_read),
        cmocka_unit_test(test_off_nothing_is_said),
        cmocka_unit_test(test_a_wildcard_alone_ends_the_start),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
