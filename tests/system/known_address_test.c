#include <stdlib.h>
#include <time.h>

#include "common/core/check.h"
#include "tests/harness/http.h"
#include "tests/harness/rounds.h"
#include "tests/harness/smtp.h"
#include "tests/harness/stack.h"
#include "tests/harness/test.h"

/* Whether an address is some user's shows neither in what is answered nor in what is done for it. Counted are
 * calls of the hash, questions to the store and the processor's time, never the clock's. */

enum { BODY_MAX = 1024, LIBRARY_TRIALS = 8 /* hashes that auth times before it has chosen a library */ };

#define SIGN_IN "/api/auth/sign-in/email"
#define HASHES  "quintet_work_seconds_count{lane=\"hash\"}"

static struct harness_stack stack;
static struct harness_smtp *smtp;
static PGconn *admin;

/* Addresses as they can be: what must look the same. */
static const char *const KINDS[] = {
    "known@example.com",       /* has a password, which is not shown */
    "unknown@example.com",     /* nobody's */
    "no-password@example.com", /* came by another provider */
};
enum { N_KINDS = QN_COUNT(KINDS) };

static struct harness_http_reply post(const char *route, const char *email, const char *more)
{
    char body[BODY_MAX];
    snprintf(body, sizeof body, "{\"email\":\"%s\"%s}", email, more);
    return harness_http_post(stack.url, route, NULL, body);
}

static void sign_up(const char *email)
{
    struct harness_http_reply reply =
        post("/api/auth/sign-up/email", email, ",\"name\":\"\",\"password\":\"correct horse 1\"");
    assert_int_equal(reply.status, 200);
    harness_http_free(&reply);
}

static int set_up(void **state)
{
    (void)state;
    smtp = harness_smtp_start(HARNESS_SMTP_PLAIN, NULL, NULL);
    harness_stack_start(
        &stack, (const char *const[]){
                    "SMTP_FROM=no-reply@example.com", "QUINTET_TIMEOUT=20s", "QUINTET_MAIL_TIMEOUT=60s",
                    harness_text("SMTP_URL=smtp://127.0.0.1:%u", harness_smtp_port(smtp)), NULL});
    admin = harness_postgres_admin(stack.postgres, NULL);
    sign_up(KINDS[0]);
    sign_up(KINDS[2]);
    harness_postgres_do(admin,
                        "delete from account where \"userId\" = (select id from \"user\" where email = "
                        "'no-password@example.com')");
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    PQfinish(admin);
    harness_smtp_stop(smtp); /* auth gives up what it could not send */
    harness_stack_stop(&stack);
    return 0;
}

/* Of the auth process, all its threads. */
static double cpu_ms(void)
{
    clockid_t clock;
    struct timespec used;
    assert_int_equal(clock_getcpuclockid(harness_service_pid(stack.auth), &clock), 0);
    assert_int_equal(clock_gettime(clock, &used), 0);
    return (double)used.tv_sec * 1e3 + (double)used.tv_nsec / 1e6;
}

static void refused(const char *email)
{
    struct harness_http_reply reply = post(SIGN_IN, email, ",\"password\":\"wrong horse 1\"");
    if (reply.status != 401 ||
        strcmp(reply.body,
               "{\"message\":\"Invalid email or password\",\"code\":\"INVALID_EMAIL_OR_PASSWORD\"}") != 0)
        fail_msg("%s: %d %s", email, reply.status, reply.body);
    harness_http_free(&reply);
}

/* One hash each, and in the end the same time. The tries take turns, so that what else the machine does falls
 * on all of them. */
static void test_a_refused_sign_in_costs_the_same(void **state)
{
    (void)state;
    const size_t tries = harness_rounds(12, 200);
    /* Few tries on a busy machine may differ by chance: the bound then says no more than that the hash is not
     * left out. */
    const double most_percent = tries < 200 ? 50 : 5;
    double used_ms[N_KINDS] = {0}, hashes[N_KINDS] = {0};
    for (int i = 0; i < LIBRARY_TRIALS; i++)
        refused(KINDS[i % N_KINDS]);
    for (size_t i = 0; i < tries * N_KINDS; i++) {
        size_t kind = i % N_KINDS;
        double before_ms = cpu_ms(), before = harness_service_metric(stack.auth, HASHES);
        refused(KINDS[kind]);
        hashes[kind] += harness_service_metric(stack.auth, HASHES) - before;
        used_ms[kind] += cpu_ms() - before_ms;
    }
    for (size_t kind = 0; kind < N_KINDS; kind++) {
        double percent = (used_ms[kind] / used_ms[0] - 1) * 100;
        print_message("soak: %s: %.2f ms of CPU a try (%+.2f%%)\n", KINDS[kind],
                      used_ms[kind] / (double)tries, percent);
        assert_int_equal((size_t)hashes[kind], tries);
        if (percent > most_percent || percent < -most_percent)
            fail_msg("%s: %+.1f%% of CPU in %zu tries", KINDS[kind], percent, tries);
    }
}

/* What auth has asked the store, all methods together, but for the sweeping that comes once a minute. */
static double store_calls(void)
{
    static const char SERIES[] = "\nquintet_rpc_server_calls_total{method=\"";
    char *text;
    double sum = 0;
    assert_int_equal(harness_service_get(stack.profile, "/metrics", &text), 200);
    for (const char *at = text; (at = strstr(at, SERIES)); at++) {
        const char *method = at + strlen(SERIES), *value = strstr(method, "} ");
        assert_non_null(value);
        const char *sweep = strstr(method, "/SweepVerifications");
        if (!sweep || sweep > value)
            sum += strtod(value + 2, NULL);
    }
    free(text);
    return sum;
}

/* The head without what says only which answer it is. */
static const char *head_of(const struct harness_http_reply *reply)
{
    const char *head = "";
    for (const char *line = reply->head; *line;) {
        size_t len = strcspn(line, "\n") + (strchr(line, '\n') != NULL);
        if (strncasecmp(line, "Date:", 5) != 0 && strncasecmp(line, "X-Request-Id:", 13) != 0)
            head = harness_text("%s%.*s", head, (int)len, line);
        line += len;
    }
    return head;
}

/* The same answer, after the same questions and writes, without a hash; and then a mail, or none. The mail
 * server says nothing, so an answer that waited for the mail would not come. */
static void test_mail_is_asked_for_the_same(void **state)
{
    const char *route = *state, *head = NULL, *body = NULL;
    double calls[N_KINDS];
    harness_smtp_answer(smtp, HARNESS_SMTP_GREETING, NULL, N_KINDS);
    for (size_t kind = 0; kind < N_KINDS; kind++) {
        double before = store_calls(), hashes = harness_service_metric(stack.auth, HASHES);
        struct harness_http_reply reply = post(route, KINDS[kind], "");
        assert_int_equal(reply.status, 200);
        if (kind == 0) {
            head = head_of(&reply);
            body = harness_text("%s", reply.body);
        }
        assert_string_equal(head_of(&reply), head);
        assert_string_equal(reply.body, body);
        harness_http_free(&reply);
        assert_true(harness_service_metric(stack.auth, HASHES) == hashes);
        calls[kind] = store_calls() - before;
        if (calls[kind] < 1 || calls[kind] != calls[0])
            fail_msg("%s: %g questions to the store, not %g", KINDS[kind], calls[kind], calls[0]);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_refused_sign_in_costs_the_same),
        {.name = "test_mail_is_asked_for_the_same: a new password",
         .test_func = test_mail_is_asked_for_the_same,
         .initial_state = (void *)"/api/auth/request-password-reset"},
        {.name = "test_mail_is_asked_for_the_same: verification",
         .test_func = test_mail_is_asked_for_the_same,
         .initial_state = (void *)"/api/auth/send-verification-email"},
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
