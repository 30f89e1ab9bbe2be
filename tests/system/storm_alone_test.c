#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>

#include "common/core/clock.h"
#include "tests/harness/crowd.h"
#include "tests/harness/http.h"
#include "tests/harness/rounds.h"
#include "tests/harness/stack.h"
#include "tests/harness/test.h"

/* The storm that the site died of: a thousand clients at once, over and over, while somebody counts the
 * connections. The database never sees a sixth, nobody gets an error, and when the services are told to stop
 * nothing is left. */

#define CHECK "/quintet.auth.v1.AuthService/GetSessionWithProfileCheck"

static const char COUNT[] = "select count(*) from pg_stat_activity where usename = 'quintet'";

enum {
    CLIENTS = 1000,
    USERS = 20,
    DEADLINE_MS = 10000,
    SLACK = 10, /* a loaded machine: bounds on behaviour are held with tenfold slack */
};

static struct harness_stack stack;
static size_t requests; /* of one storm */
static char *cookies[USERS];
static char url[256];

static int set_up(void **state)
{
    (void)state;
    struct rlimit files;
    getrlimit(RLIMIT_NOFILE, &files);
    files.rlim_cur = files.rlim_max;
    setrlimit(RLIMIT_NOFILE, &files);
    requests = harness_rounds(30000, 2000000);
    harness_stack_start(&stack, NULL);
    snprintf(url, sizeof url, "%s%s", stack.url, CHECK);
    for (int i = 0; i < USERS; i++) {
        char json[256];
        snprintf(json, sizeof json,
                 "{\"name\":\"S\",\"email\":\"storm%d@example.com\",\"password\":\"correct horse 1\"}", i);
        struct harness_http_reply reply =
            harness_http_post(stack.url, "/quintet.auth.v1.AuthService/SignUp", NULL, json);
        assert_int_equal(reply.status, 200);
        cookies[i] = strdup(harness_http_cookie(&reply, "better-auth.session_token"));
        harness_http_free(&reply);
    }
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    for (int i = 0; i < USERS; i++)
        free(cookies[i]);
    return 0;
}

struct storm {
    size_t good, typed, bad;
    double slowest_s;
    char first_bad[512];
    size_t kill_at;   /* profile is killed at this answer; 0: never */
    bool until_typed; /* and started again when the first error has been seen, instead of at once */
    bool away;
};

/* Clients that got no session, or anything but an answer. */
static bool is_good(const struct crowd_answer *answer)
{
    return answer->status == 200 && strstr(answer->body, "\"authenticated\":true");
}

static bool is_typed(const struct crowd_answer *answer)
{
    static const char *const CODES[] = {"\"unavailable\"", "\"unknown\"", "\"deadline_exceeded\"",
                                        "\"resource_exhausted\""};
    for (size_t i = 0; i < sizeof CODES / sizeof *CODES; i++) {
        if (answer->status >= 429 && strstr(answer->body, CODES[i]))
            return true;
    }
    return false;
}

static bool on_answer(void *context, const struct crowd_answer *answer, size_t so_far)
{
    struct storm *storm = context;
    if (answer->seconds > storm->slowest_s)
        storm->slowest_s = answer->seconds;
    if (is_good(answer)) {
        storm->good++;
    } else if (is_typed(answer)) {
        storm->typed++;
    } else if (storm->bad++ == 0) {
        snprintf(storm->first_bad, sizeof storm->first_bad, "%d %s %s", answer->status,
                 answer->failure ? answer->failure : "", answer->body);
    }
    if (storm->kill_at && so_far == storm->kill_at) {
        harness_service_signal(stack.profile, SIGKILL);
        harness_service_wait(stack.profile);
        storm->away = true;
    }
    if (storm->away && (!storm->until_typed || storm->typed > 0)) {
        harness_stack_start_profile(&stack);
        storm->away = false;
    }
    return true;
}

static struct crowd_watched blow(struct storm *storm)
{
    char deadline[64];
    snprintf(deadline, sizeof deadline, "Connect-Timeout-Ms: %d", DEADLINE_MS);
    struct crowd_watch *watch = crowd_watch_start(harness_postgres_admin_url(stack.postgres), COUNT);
    crowd_run(&(const struct crowd_options){.url = url,
                                            .clients = CLIENTS,
                                            .requests = requests,
                                            .cookies = (const char *const *)cookies,
                                            .n_cookies = USERS,
                                            .json = "{}",
                                            .extra = deadline,
                                            .answered = on_answer,
                                            .context = storm});
    struct crowd_watched seen = crowd_watch_stop(watch);
    printf("storm: %zu good, %zu typed, %zu bad; slowest %.2f s; peak of connections %ld in %zu samples\n",
           storm->good, storm->typed, storm->bad, storm->slowest_s, seen.peak, seen.samples);
    return seen;
}

static void test_a_thousand_clients(void **state)
{
    (void)state;
    struct storm storm = {0};
    struct crowd_watched seen = blow(&storm);
    if (storm.bad)
        fail_msg("an error answer: %s", storm.first_bad);
    assert_int_equal(storm.typed, 0);
    assert_int_equal(storm.good, requests);
    assert_in_range(seen.peak, 1, 5);
    assert_true(seen.samples > 10);
}

static void survives(struct storm storm)
{
    struct crowd_watched seen = blow(&storm);
    if (storm.bad)
        fail_msg("an answer that is not typed: %s", storm.first_bad);
    assert_true(storm.slowest_s * 1000 < DEADLINE_MS * 1.0 + 1000 * SLACK);
    assert_true(storm.good > requests / 2); /* it came back */
    assert_true(!storm.until_typed || storm.typed > 0);
    assert_in_range(seen.peak, 1, 5);
}

/* The old process' connections are still there when the new one begins: the database refuses a sixth, and the
 * new one waits. */
static void test_profile_killed_and_started_at_once(void **state)
{
    (void)state;
    survives((struct storm){.kill_at = requests / 3});
}

static void test_profile_away_until_somebody_noticed(void **state)
{
    (void)state;
    survives((struct storm){.kill_at = requests / 3, .until_typed = true});
}

/* What a rolling deploy counts on: told to stop, the role's connections are gone within two seconds of the
 * last process' end. */
static void test_nothing_is_left(void **state)
{
    (void)state;
    struct harness_service *all[] = {stack.gateway, stack.media, stack.auth, stack.profile};
    for (size_t i = 0; i < sizeof all / sizeof *all; i++)
        assert_int_equal(harness_service_stop(all[i]), 0);
    uint64_t until = qn_clock_now_ms() + 2000 * SLACK;
    while (harness_postgres_held(stack.postgres) > 0 && qn_clock_now_ms() < until)
        ;
    assert_int_equal(harness_postgres_held(stack.postgres), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_thousand_clients),
        cmocka_unit_test(test_profile_killed_and_started_at_once),
        cmocka_unit_test(test_profile_away_until_somebody_noticed),
        cmocka_unit_test(test_nothing_is_left),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
