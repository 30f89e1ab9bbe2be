/* What auth does when something is missing, full, late or ends: typed answers within the deadline, and it
 * goes on. */
#include <signal.h>
#include <stdlib.h>

#include "common/core/check.h"
#include "common/core/clock.h"
#include "tests/harness/loop_fixture.h"
#include "tests/harness/test.h"
#include "tests/integration/auth_fixture.h"

#define COOKIE                                                                                               \
    "better-auth.session_token=64mcRMplVxpY4AtfnBvIxfcczaLgIwqe.NGgaQWVcJ%"                                  \
    "2FEpUxi3Wyr2MnDZ83pS23O2dS6FAv9sXfc%3D"
#define FORGED_COOKIE "better-auth.session_token=64mcRMplVxpY4AtfnBvIxfcczaLgIwqe.junk"

static const struct qn_str alices_password = QN_STR("correct horse battery staple");

static struct auth_fixture fixture;

static void start_sign_in(struct auth_call *call)
{
    Quintet__Auth__V1__SignInRequest in = QUINTET__AUTH__V1__SIGN_IN_REQUEST__INIT;
    in.email = (char *)"alice@example.com";
    in.password = (char *)alices_password.ptr;
    auth_fixture_start_call(&fixture, call, &quintet_auth_v1_auth_service_sign_in, &in);
}

/* One hashes, one waits; the rest are told when to come again, at once and without a row. */
static void test_hashing_queue_full(void **state)
{
    (void)state;
    enum { CALLS = 12 };
    static const char *const narrow[] = {"QUINTET_AUTH_HASH_THREADS=1", "QUINTET_AUTH_HASH_QUEUE=1", NULL};
    auth_fixture_start(&fixture, HARNESS_TABLES_OURS, narrow);
    auth_fixture_connect(&fixture);
    long sessions = auth_fixture_number(&fixture, "select count(*) from public.session");
    struct auth_call calls[CALLS] = {0};
    size_t n_done = 0, taken = 0, refused = 0;
    for (size_t i = 0; i < CALLS; i++) {
        calls[i].n_done = &n_done;
        start_sign_in(&calls[i]);
    }
    loop_fixture_run_until_count(&n_done, CALLS, 60000);
    for (size_t i = 0; i < CALLS; i++) {
        if (calls[i].request.status == QN_OK) {
            taken++;
        } else {
            auth_fixture_expect(&calls[i], QN_RESOURCE_EXHAUSTED, "OVERLOAD");
            assert_true(calls[i].request.retry_after_ms >= 1000);
            refused++;
        }
        auth_fixture_forget(&calls[i]);
    }
    assert_true(taken >= 2);
    assert_true(refused >= 1);
    assert_int_equal(auth_fixture_number(&fixture, "select count(*) from public.session"),
                     sessions + (long)taken);
    assert_float_equal(harness_service_metric(fixture.auth, "quintet_work_refused_total{lane=\"hash\"}"),
                       (double)refused, 0);
    /* Session checks do not stand in that queue, and sign-ins go on. */
    struct auth_call check = {.cookie = COOKIE}, again = {0};
    assert_non_null(auth_fixture_get_session(&fixture, &check)->session);
    auth_fixture_sign_in(&fixture, &again, "alice@example.com", alices_password, false);
    auth_fixture_expect(&again, QN_OK, NULL);
    auth_fixture_forget(&check);
    auth_fixture_forget(&again);
    auth_fixture_disconnect(&fixture);
    auth_fixture_stop(&fixture);
}

/* Without profile: not ready; what needs no row is answered, what does is UNAVAILABLE before its deadline;
 * and when profile comes, all works without a restart. */
static void test_profile_absent(void **state)
{
    (void)state;
    auth_fixture_start_database(&fixture, HARNESS_TABLES_OURS);
    auth_fixture_start_auth(&fixture, NULL);
    auth_fixture_connect(&fixture);
    struct auth_call none = {0}, forged = {.cookie = FORGED_COOKIE};
    assert_int_equal(auth_fixture_get_session(&fixture, &none)->state,
                     QUINTET__AUTH__V1__SESSION_STATE__SESSION_STATE_NONE);
    assert_int_equal(auth_fixture_get_session(&fixture, &forged)->state,
                     QUINTET__AUTH__V1__SESSION_STATE__SESSION_STATE_BAD_SIGNATURE);
    auth_fixture_forget(&none);
    auth_fixture_forget(&forged);
    assert_false(harness_service_ready(fixture.auth));

    enum { DEADLINE_MS = 10000 };
    Quintet__Auth__V1__GetSessionRequest in = QUINTET__AUTH__V1__GET_SESSION_REQUEST__INIT;
    struct auth_call check = {.cookie = COOKIE, .timeout_ms = DEADLINE_MS},
                     sign_in = {.timeout_ms = DEADLINE_MS};
    struct auth_call sign_out = {.cookie = COOKIE, .timeout_ms = DEADLINE_MS};
    uint64_t begin_ms = qn_clock_now_ms();
    auth_fixture_ask(&fixture, &check, &quintet_auth_v1_auth_service_get_session, &in);
    auth_fixture_expect(&check, QN_UNAVAILABLE, NULL);
    auth_fixture_sign_in(&fixture, &sign_in, "alice@example.com", alices_password, false);
    auth_fixture_expect(&sign_in, QN_UNAVAILABLE, NULL);
    /* The row stays, and the answer says so, but the browser forgets. */
    auth_fixture_sign_out(&fixture, &sign_out);
    auth_fixture_expect(&sign_out, QN_UNAVAILABLE, NULL);
    assert_int_equal(sign_out.request.n_set_cookies, 3);
    assert_true(qn_clock_now_ms() - begin_ms < 3 * DEADLINE_MS);
    auth_fixture_forget(&check);
    auth_fixture_forget(&sign_in);
    auth_fixture_forget(&sign_out);

    auth_fixture_start_profile(&fixture);
    harness_service_await(fixture.auth, true);
    struct auth_call now = {.cookie = COOKIE};
    assert_non_null(auth_fixture_get_session(&fixture, &now)->session);
    auth_fixture_forget(&now);
    harness_service_await(fixture.profile, true);

    /* And gone again, the hard way: not ready, typed answers, and back. */
    harness_service_signal(fixture.profile, SIGKILL);
    assert_int_equal(harness_service_wait(fixture.profile), -SIGKILL);
    harness_service_await(fixture.auth, false);
    struct auth_call gone = {.cookie = COOKIE, .timeout_ms = DEADLINE_MS};
    auth_fixture_ask(&fixture, &gone, &quintet_auth_v1_auth_service_get_session, &in);
    auth_fixture_expect(&gone, QN_UNAVAILABLE, NULL);
    auth_fixture_forget(&gone);
    auth_fixture_start_profile(&fixture);
    harness_service_await(fixture.profile, true);
    harness_service_await(fixture.auth, true);
    struct auth_call back = {.cookie = COOKIE};
    assert_non_null(auth_fixture_get_session(&fixture, &back)->session);
    auth_fixture_forget(&back);
    auth_fixture_disconnect(&fixture);
    auth_fixture_stop(&fixture);
}

/* A sign-in that cannot be done in time is not done at all: no hash, no row. */
static void test_deadline(void **state)
{
    (void)state;
    static const char *const narrow[] = {"QUINTET_AUTH_HASH_THREADS=1", NULL};
    auth_fixture_start(&fixture, HARNESS_TABLES_OURS, narrow);
    auth_fixture_connect(&fixture);
    long sessions = auth_fixture_number(&fixture, "select count(*) from public.session");
    /* Eight in line for one thread; the last comes with a deadline shorter than even the first one's hash. */
    enum { AHEAD = 8 };
    struct auth_call ahead[AHEAD] = {0}, late = {.timeout_ms = 20};
    size_t n_done = 0;
    for (size_t i = 0; i < AHEAD; i++) {
        ahead[i].n_done = &n_done;
        start_sign_in(&ahead[i]);
    }
    start_sign_in(&late);
    auth_fixture_await(&fixture, &late);
    if (late.request.status ==
        QN_RESOURCE_EXHAUSTED) /* told at once; or the machine was too slow even for that */
        assert_true(late.request.retry_after_ms >= 1000);
    else
        auth_fixture_expect(&late, QN_DEADLINE_EXCEEDED, NULL);
    auth_fixture_forget(&late);
    loop_fixture_run_until_count(&n_done, AHEAD, 60000);
    for (size_t i = 0; i < AHEAD; i++) {
        auth_fixture_expect(&ahead[i], QN_OK, NULL);
        auth_fixture_forget(&ahead[i]);
    }
    assert_int_equal(auth_fixture_number(&fixture, "select count(*) from public.session"), sessions + AHEAD);
    assert_float_equal(harness_service_metric(fixture.auth, "quintet_work_seconds_count{lane=\"hash\"}"),
                       AHEAD, 0);
    auth_fixture_disconnect(&fixture);
    auth_fixture_stop(&fixture);
}

/* SIGTERM while passwords are being hashed: they are finished and answered, then it ends with 0. */
static void test_shutdown_finishes_what_is_in_hand(void **state)
{
    (void)state;
    enum { CALLS = 4 };
    auth_fixture_start(&fixture, HARNESS_TABLES_OURS, NULL);
    auth_fixture_connect(&fixture);
    struct auth_call calls[CALLS] = {0}, first = {.cookie = COOKIE};
    size_t n_done = 0;
    auth_fixture_get_session(&fixture, &first); /* connected */
    auth_fixture_forget(&first);
    for (size_t i = 0; i < CALLS; i++) {
        calls[i].n_done = &n_done;
        start_sign_in(&calls[i]);
    }
    /* They left in one turn: when the first is answered, the others are in its hands. */
    loop_fixture_run_until_count(&n_done, 1, 60000);
    harness_service_signal(fixture.auth, SIGTERM);
    loop_fixture_run_until_count(&n_done, CALLS, 60000);
    for (size_t i = 0; i < CALLS; i++) {
        auth_fixture_expect(&calls[i], QN_OK, NULL);
        auth_fixture_forget(&calls[i]);
    }
    auth_fixture_disconnect(&fixture);
    assert_int_equal(harness_service_wait(fixture.auth), 0);
    fixture.auth = NULL;
    auth_fixture_stop(&fixture);
}

/* Refused settings: exit code 2, each named, no secret shown. */
/* A call with a deadline far beyond the shutdown's, stuck at a profile that does not answer: it is given up
 * when the time is over, and the end is orderly all the same. Once it was waited for, until the process was
 * declared hung: exit code 1. */
static void test_shutdown_does_not_wait_for_a_longer_deadline(void **state)
{
    (void)state;
    auth_fixture_start(&fixture, HARNESS_TABLES_OURS,
                       (const char *const[]){"QUINTET_SHUTDOWN_TIMEOUT=200ms", NULL});
    auth_fixture_connect(&fixture);
    struct auth_call first = {.cookie = COOKIE}, stuck = {.timeout_ms = 120000};
    auth_fixture_get_session(&fixture, &first); /* connected */
    auth_fixture_forget(&first);
    harness_service_signal(fixture.profile, SIGSTOP);
    start_sign_in(&stuck);
    while (harness_service_metric(fixture.auth, "quintet_rpc_server_in_flight") < 1)
        qn_loop_turn(fixture.loop);
    harness_service_signal(fixture.auth, SIGTERM);
    auth_fixture_await(&fixture, &stuck);
    assert_int_not_equal(stuck.request.status, QN_OK);
    auth_fixture_forget(&stuck);
    auth_fixture_disconnect(&fixture);
    assert_int_equal(harness_service_wait(fixture.auth), 0);
    fixture.auth = NULL;
    harness_service_signal(fixture.profile, SIGCONT);
    auth_fixture_stop(&fixture);
}

static void test_refused_settings(void **state)
{
    (void)state;
    const char *const environment[] = {"BETTER_AUTH_SECRETS=hidden-secret", "QUINTET_AUTH_HASH_THREADS=1000",
                                       "BETTER_AUTH_URL=example.com", NULL};
    struct harness_service *service = harness_service_start(
        &(const struct harness_service_options){.program = "quintet-auth", .environment = environment});
    assert_int_equal(harness_service_wait(service), 2);
    assert_true(harness_service_logged(service, "BETTER_AUTH_SECRETS"));
    assert_true(harness_service_logged(service, "QUINTET_AUTH_HASH_THREADS"));
    assert_true(harness_service_logged(service, "BETTER_AUTH_URL"));
    assert_false(harness_service_logged(service, "hidden-secret"));

    const char *const nothing[] = {NULL};
    service = harness_service_start(
        &(const struct harness_service_options){.program = "quintet-auth", .environment = nothing});
    assert_int_equal(harness_service_wait(service), 2);
    assert_true(harness_service_logged(service, "BETTER_AUTH_SECRET"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_hashing_queue_full),
        cmocka_unit_test(test_profile_absent),
        cmocka_unit_test(test_deadline),
        cmocka_unit_test(test_shutdown_finishes_what_is_in_hand),
        cmocka_unit_test(test_shutdown_does_not_wait_for_a_longer_deadline),
        cmocka_unit_test(test_refused_settings),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
