#include <poll.h>
#include <signal.h>
#include <stdlib.h>

#include "auth.qn.h"
#include "common/core/clock.h"
#include "tests/harness/http.h"
#include "tests/harness/stack.h"
#include "tests/harness/test.h"

/* The rate limit with two replicas of auth behind two gateways: what one client may do is counted once, and a
 * replica that dies locks nobody out, and nobody in for more than one more count. */

enum { MAX = 6, CLIENTS = 20, WAIT_MS = 30000, GLANCE_MS = 5 };

/* /ok needs nothing but the count. The window is longer than any test, so that only the counts decide. */
#define RULES "BETTER_AUTH_RATE_LIMIT_CUSTOM_RULES=/ok=6/3600,/get-session=1/1"
#define ON    "BETTER_AUTH_RATE_LIMIT_ENABLED=true"

static struct harness_stack stack;
static struct harness_service *auths[2], *gateways[2];
static const char *urls[2];

static struct harness_service *start(const char *program, const char *own, const char *enabled,
                                     const char *rules, bool http)
{
    const char *environment[] = {
        "QUINTET_LOG_LEVEL=info",
        own,
        enabled,
        rules,
        harness_text("QUINTET_PROFILE_ADDRESS=ipc://%s/profile", harness_folder()),
        harness_text("QUINTET_MEDIA_ADDRESS=ipc://%s/media", harness_folder()),
        "BETTER_AUTH_URL=http://localhost:8080",
        "BETTER_AUTH_SECRET=" HARNESS_STACK_SECRET,
        NULL,
    };
    return harness_service_start(&(const struct harness_service_options){
        .program = program, .environment = environment, .http = http});
}

static struct harness_service *start_auth(void)
{
    return start("quintet-auth", harness_text("QUINTET_RPC_LISTEN=ipc://%s/auth", harness_folder()), ON,
                 RULES, false);
}

static struct harness_service *start_gateway(const char *enabled, const char *rules)
{
    return start("quintet-gateway", harness_text("QUINTET_AUTH_ADDRESS=ipc://%s/auth", harness_folder()),
                 enabled, rules, true);
}

static const char *url_of(const struct harness_service *gateway)
{
    return harness_text("http://127.0.0.1:%u", harness_service_http_port(gateway));
}

/* Waits until a gateway sees so many replicas. */
static void await_replicas(struct harness_service *gateway, double n)
{
    uint64_t end_ms = qn_clock_now_ms() + WAIT_MS;
    while (harness_service_metric(gateway, "quintet_rpc_client_peers{service=\"auth\"}") != n) {
        if (qn_clock_now_ms() > end_ms)
            fail_msg("the gateway does not see %g replicas", n);
        poll(NULL, 0, GLANCE_MS);
    }
}

static void await_all_replicas(double n)
{
    for (size_t i = 0; i < 2; i++)
        await_replicas(gateways[i], n);
}

static int set_up(void **state)
{
    (void)state;
    harness_stack_start(&stack, (const char *const[]){ON, RULES, NULL});
    auths[0] = stack.auth;
    gateways[0] = stack.gateway;
    auths[1] = start_auth();
    gateways[1] = start_gateway(ON, RULES);
    harness_service_await(auths[1], true);
    for (size_t i = 0; i < 2; i++) {
        harness_service_await(gateways[i], true);
        urls[i] = url_of(gateways[i]);
    }
    await_all_replicas(2);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    assert_int_equal(harness_service_stop(gateways[1]), 0);
    assert_int_equal(harness_service_stop(auths[1]), 0);
    stack.auth = auths[0];
    harness_stack_stop(&stack);
    return 0;
}

static struct harness_http_reply get(const char *url, const char *path, const char *client)
{
    return harness_http(&(const struct harness_http_request){
        .url = harness_text("%s%s", url, path),
        .headers = {client ? harness_text("X-Forwarded-For: %s", client) : "Accept: */*"}});
}

static int status_of(const char *url, const char *path, const char *client)
{
    struct harness_http_reply reply = get(url, path, client);
    int status = reply.status;
    harness_http_free(&reply);
    return status;
}

static const char *client_of(const char *net, size_t number)
{
    return harness_text("%s.%zu", net, number + 1);
}

static double taken(void)
{
    double sum = 0;
    for (size_t i = 0; i < 2; i++)
        sum += harness_service_metric(auths[i], "quintet_auth_limit_total{outcome=\"allowed\"}") +
               harness_service_metric(auths[i], "quintet_auth_limit_total{outcome=\"refused\"}");
    return sum;
}

/* Asks until refused, at the gateways in turn; how often it was allowed. */
static int allowed_until_refused(const char *client)
{
    for (int i = 0; i < 10 * MAX; i++) {
        int status = status_of(urls[i % 2], "/api/auth/ok", client);
        if (status == 429)
            return i;
        assert_int_equal(status, 200);
    }
    fail_msg("%s is never refused", client);
    return 0;
}

static void test_gateways_count_together(void **state)
{
    (void)state;
    for (size_t i = 0; i < CLIENTS; i++)
        assert_int_equal(allowed_until_refused(client_of("203.0.113", i)), MAX);
    for (size_t i = 0; i < 2; i++) {
        assert_true(harness_service_metric(auths[i], "quintet_auth_limit_counters") > 0);
        assert_true(harness_service_metric(gateways[i], "quintet_gateway_limit_total{outcome=\"allowed\"}") >=
                    CLIENTS * MAX / 2);
    }
}

static void test_what_a_refusal_says(void **state)
{
    (void)state;
    assert_int_equal(allowed_until_refused("203.0.113.100"), MAX);
    struct harness_http_reply reply = get(urls[0], "/api/auth/ok", "203.0.113.100");
    assert_int_equal(reply.status, 429);
    assert_string_equal(reply.body, "{\"message\":\"Too many requests. Please try again later.\"}");
    int seconds = atoi(harness_http_header(&reply, "X-Retry-After", 0));
    assert_in_range(seconds, 3000, 3600);
    harness_http_free(&reply);
}

/* /64 of IPv6 is one client: a network at home has that many addresses. */
static void test_an_ipv6_network_is_one_client(void **state)
{
    (void)state;
    for (size_t i = 0; i < MAX; i++)
        assert_int_equal(status_of(urls[0], "/api/auth/ok", harness_text("2001:db8:1:2::%zx", i + 1)), 200);
    assert_int_equal(status_of(urls[1], "/api/auth/ok", "2001:db8:1:2:ffff::1"), 429);
    assert_int_equal(status_of(urls[1], "/api/auth/ok", "2001:db8:1:3::1"), 200);
}

/* A list that nobody vouches for names no client, whatever is written in front of it. */
static void test_forged_lists_do_not_help(void **state)
{
    (void)state;
    int refused = 0;
    for (size_t i = 0; i < MAX + 1; i++)
        refused = status_of(urls[i % 2], "/api/auth/ok", harness_text("198.18.0.%zu, 203.0.113.200", i + 1));
    assert_int_equal(refused, 429);
    assert_int_equal(status_of(urls[0], "/api/auth/ok", NULL), 429); /* the same, nameless one */
}

static void test_a_clients_own_paths_are_one(void **state)
{
    (void)state;
    for (size_t i = 0; i < 100; i++)
        assert_int_equal(status_of(urls[0], harness_text("/api/auth/nothing-%zu", i), "203.0.113.101"), 404);
    assert_int_equal(status_of(urls[1], "/api/auth/nothing-else", "203.0.113.101"), 429);
    assert_int_equal(status_of(urls[1], "/api/auth/ok", "203.0.113.101"), 200);
}

static void test_the_window_ends(void **state)
{
    (void)state;
    assert_int_equal(status_of(urls[0], "/api/auth/get-session", "203.0.113.102"), 200);
    uint64_t end_ms = qn_clock_now_ms() + WAIT_MS;
    while (status_of(urls[1], "/api/auth/get-session", "203.0.113.102") != 200) {
        assert_true(qn_clock_now_ms() < end_ms);
        poll(NULL, 0, GLANCE_MS);
    }
}

static struct harness_http_reply sign_in(const char *url, const char *path, const char *client)
{
    return harness_http(&(const struct harness_http_request){
        .url = harness_text("%s%s", url, path),
        .headers = {"Content-Type: application/json",
                    client ? harness_text("X-Forwarded-For: %s", client) : "Accept: */*"},
        .body = QN_STR("{\"email\":\"nobody@example.com\",\"password\":\"wrong password\"}")});
}

static int sign_in_status(const char *url, const char *path, const char *client)
{
    struct harness_http_reply reply = sign_in(url, path, client);
    int status = reply.status;
    harness_http_free(&reply);
    return status;
}

#define CONNECT "/quintet.auth.v1.AuthService/"

/* Guessing passwords through one face is counted with the other. */
static void test_both_faces_count_together(void **state)
{
    (void)state;
    const char *client = "203.0.113.103";
    assert_int_equal(sign_in_status(urls[0], "/api/auth/sign-in/email", client), 401);
    assert_int_equal(sign_in_status(urls[1], CONNECT "SignIn", client), 401);
    assert_int_equal(sign_in_status(urls[0], CONNECT "SignIn", client), 401);
    assert_int_equal(sign_in_status(urls[1], "/api/auth/sign-in/email", client), 429);
    struct harness_http_reply reply = sign_in(urls[0], CONNECT "SignIn", client);
    assert_int_equal(reply.status, 429);
    assert_non_null(strstr(reply.body, "\"code\":\"resource_exhausted\""));
    assert_in_range(atoi(harness_http_header(&reply, "Retry-After", 0)), 1, 10);
    harness_http_free(&reply);
}

/* Each of auth's methods with the path that does the same, once by one face and then by the other; but for
 * what each page asks. */
static void test_every_method_counts_with_its_path(void **state)
{
    (void)state;
    static const struct {
        const char *method, *path; /* NULL: not counted */
    } METHODS[] = {
        {"SignUp", "/sign-up/email"},
        {"SignIn", "/sign-in/email"},
        {"SignOut", "/sign-out"},
        {"GetSession", NULL},
        {"GetSessionWithProfileCheck", NULL},
        {"RefreshSession", NULL},
        {"ListSessions", "/list-sessions"},
        {"RevokeSession", "/revoke-session"},
        {"RevokeSessions", "/revoke-sessions"},
        {"RevokeOtherSessions", "/revoke-other-sessions"},
        {"UpdateUser", "/update-user"},
        {"ChangePassword", "/change-password"},
        {"VerifyPassword", "/verify-password"},
        {"ListAccounts", "/list-accounts"},
        {"UnlinkAccount", "/unlink-account"},
        {"DeleteUser", "/delete-user"},
        {"RequestPasswordReset", "/request-password-reset"},
        {"CheckPasswordReset", "/reset-password/a-token"},
        {"ResetPassword", "/reset-password"},
        {"SendVerificationEmail", "/send-verification-email"},
        {"VerifyEmail", "/verify-email"},
        {"ChangeEmail", "/change-email"},
    };
    struct harness_service *gateway = start_gateway(ON, "BETTER_AUTH_RATE_LIMIT_CUSTOM_RULES=/**=1/3600");
    harness_service_await(gateway, true);
    await_replicas(gateway, 2);
    const char *url = url_of(gateway);
    assert_int_equal(quintet_auth_v1_auth_service.n_methods, sizeof METHODS / sizeof *METHODS);
    for (size_t i = 0; i < sizeof METHODS / sizeof *METHODS; i++) {
        const char *client = client_of("203.0.114", i);
        for (int k = 0; k < 2; k++) {
            struct harness_http_reply reply = harness_http(&(const struct harness_http_request){
                .url = harness_text("%s" CONNECT "%s", url, METHODS[i].method),
                .headers = {"Content-Type: application/json", harness_text("X-Forwarded-For: %s", client)},
                .body = QN_STR("{}")});
            if ((reply.status == 429) != (METHODS[i].path && k == 1) || reply.status == 404)
                fail_msg("%s, %d: %d %s", METHODS[i].method, k, reply.status, reply.body);
            harness_http_free(&reply);
        }
        if (METHODS[i].path && status_of(url, harness_text("/api/auth%s", METHODS[i].path), client) != 429)
            fail_msg("%s does not count with %s", METHODS[i].method, METHODS[i].path);
    }
    assert_int_equal(harness_service_stop(gateway), 0);
}

/* A server action of the site's own asks for all of the site's users. */
static void test_the_sites_own_server_is_not_limited(void **state)
{
    (void)state;
    for (size_t i = 0; i < 5; i++)
        assert_int_equal(sign_in_status(urls[0], CONNECT "SignIn", NULL), 401);
}

static void test_session_checks_are_not_counted(void **state)
{
    (void)state;
    double before = taken();
    for (size_t i = 0; i < 10; i++) {
        struct harness_http_reply reply = harness_http(&(const struct harness_http_request){
            .url = harness_text("%s" CONNECT "GetSessionWithProfileCheck", urls[0]),
            .headers = {"Content-Type: application/json", "X-Forwarded-For: 203.0.113.104"},
            .body = QN_STR("{}")});
        assert_int_equal(reply.status, 200);
        harness_http_free(&reply);
    }
    assert_float_equal(taken(), before, 0);
}

static void test_off_it_asks_nothing(void **state)
{
    (void)state;
    struct harness_service *gateway = start_gateway("BETTER_AUTH_RATE_LIMIT_ENABLED=auto", RULES);
    harness_service_await(gateway, true);
    double before = taken();
    for (size_t i = 0; i < 3 * MAX; i++)
        assert_int_equal(status_of(url_of(gateway), "/api/auth/ok", "203.0.113.105"), 200);
    assert_float_equal(taken(), before, 0);
    assert_int_equal(harness_service_stop(gateway), 0);
}

static void test_counters_are_out_of_reach(void **state)
{
    (void)state;
    struct harness_http_reply reply = harness_http_post(urls[0], "/quintet.auth.v1.LimitService/Take", NULL,
                                                        "{\"key\":\"a\",\"windowMs\":1,\"max\":1}");
    assert_int_equal(reply.status, 404);
    harness_http_free(&reply);
}

/* Who was counted by the one that died begins anew at the other, once; all others stay refused. */
static void test_a_replica_dies(void **state)
{
    (void)state;
    for (size_t i = 0; i < CLIENTS; i++)
        assert_int_equal(allowed_until_refused(client_of("192.0.2", i)), MAX);
    harness_service_signal(auths[1], SIGKILL);
    (void)harness_service_wait(auths[1]);
    await_all_replicas(1);
    size_t moved = 0;
    for (size_t i = 0; i < CLIENTS; i++) {
        int more = allowed_until_refused(client_of("192.0.2", i));
        assert_true(more == 0 || more == MAX);
        moved += more == MAX;
    }
    assert_in_range(moved, 1, CLIENTS - 1);
    auths[1] = start_auth();
    harness_service_await(auths[1], true);
    await_all_replicas(2);
    /* The new one has another name, so some keys go there, and none is worse off than with a fresh count. */
    for (size_t i = 0; i < CLIENTS; i++) {
        int more = allowed_until_refused(client_of("192.0.2", i));
        assert_true(more == 0 || more == MAX);
    }
}

/* No counter, no refusal: what needs auth fails by itself. */
static void test_without_auth_requests_pass(void **state)
{
    (void)state;
    for (size_t i = 0; i < 2; i++)
        assert_int_equal(harness_service_stop(auths[i]), 0);
    await_all_replicas(0);
    assert_int_equal(status_of(urls[0], "/api/auth/ok", "203.0.113.106"), 200);
    assert_float_equal(
        harness_service_metric(gateways[0], "quintet_gateway_limit_total{outcome=\"unknown\"}"), 1, 0);
    for (size_t i = 0; i < 2; i++)
        auths[i] = start_auth();
    for (size_t i = 0; i < 2; i++)
        harness_service_await(auths[i], true);
    await_all_replicas(2);
    assert_int_equal(allowed_until_refused("203.0.113.106"), MAX);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_gateways_count_together),
        cmocka_unit_test(test_what_a_refusal_says),
        cmocka_unit_test(test_an_ipv6_network_is_one_client),
        cmocka_unit_test(test_forged_lists_do_not_help),
        cmocka_unit_test(test_a_clients_own_paths_are_one),
        cmocka_unit_test(test_the_window_ends),
        cmocka_unit_test(test_both_faces_count_together),
        cmocka_unit_test(test_every_method_counts_with_its_path),
        cmocka_unit_test(test_the_sites_own_server_is_not_limited),
        cmocka_unit_test(test_session_checks_are_not_counted),
        cmocka_unit_test(test_off_it_asks_nothing),
        cmocka_unit_test(test_counters_are_out_of_reach),
        cmocka_unit_test(test_a_replica_dies),
        cmocka_unit_test(test_without_auth_requests_pass),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
