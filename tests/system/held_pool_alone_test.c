#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#include "common/core/check.h"
#include "common/core/clock.h"
#include "tests/harness/crowd.h"
#include "tests/harness/people.h"
#include "tests/harness/rounds.h"
#include "tests/harness/stack.h"
#include "tests/harness/test.h"
#include "tests/harness/trial.h"

/* Somebody locks a table that every one of two thousand clients wants to read, and connections wait for it.
 * Every one of them is answered by its deadline and told what it is, the services stay small, and their
 * operator still sees them. When the lock goes, all is as before. */

#define CHECK "/quintet.auth.v1.AuthService/GetSessionWithProfileCheck"

static const char COUNT[] = "select count(*) from pg_stat_activity where usename = 'quintet'";
static const char WAITING[] = "select count(*) from pg_stat_activity where usename = 'quintet'"
                              " and wait_event_type = 'Lock'";

enum {
    CLIENTS = 2000,
    DEADLINE_MS = 2000,
    BEYOND_MS = 100, /* the deadline: what an answer may need to get back */
    SLACK = 10,
    LIMIT_MS = 60000,
    LOOK_EVERY_MS = 10,
    /* What a service may grow by. A call that waits holds ten to thirty kilobytes in each service that it
     * went through, and two thousand of them do. */
    GROWTH_MAX_KIB = 96 * 1024,
#ifdef __SANITIZE_ADDRESS__
    GROWTH_FACTOR = 8, /* freed memory is kept back, and every block has a margin */
#else
    GROWTH_FACTOR = 1,
#endif
};

static struct harness_stack stack;
static PGconn *admin;
static char url[256];
static const char *cookies[HARNESS_PEOPLE];

static int set_up(void **state)
{
    (void)state;
    struct rlimit files;
    getrlimit(RLIMIT_NOFILE, &files);
    files.rlim_cur = files.rlim_max;
    setrlimit(RLIMIT_NOFILE, &files);
    harness_stack_start(&stack, NULL);
    for (int i = 0; i < HARNESS_PEOPLE; i++)
        cookies[i] = harness_people(&stack)[i].cookie;
    snprintf(url, sizeof url, "%s%s", stack.url, CHECK);
    admin = harness_postgres_admin(stack.postgres, NULL);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    PQfinish(admin);
    harness_stack_stop(&stack);
    return 0;
}

static const char *const CODES[] = {"\"resource_exhausted\"", "\"unavailable\"", "\"deadline_exceeded\"",
                                    "\"aborted\""};

struct told {
    size_t requests;
    size_t good, by_code[QN_COUNT(CODES)], bad, without_reason;
    double slowest_s;
    char first_bad[512];
    atomic_bool over;
};

static bool on_answer(void *context, const struct crowd_answer *answer, size_t so_far)
{
    struct told *told = context;
    (void)so_far;
    if (answer->seconds > told->slowest_s)
        told->slowest_s = answer->seconds;
    if (answer->status == 200 && strstr(answer->body, "\"authenticated\":true")) {
        told->good++;
        return true;
    }
    size_t i = 0;
    while (i < QN_COUNT(CODES) && !(answer->status >= 409 && strstr(answer->body, CODES[i])))
        i++;
    if (i < QN_COUNT(CODES)) {
        told->by_code[i]++;
        told->without_reason += !strstr(answer->body, "\"reason\"");
    } else if (told->bad++ == 0) {
        snprintf(told->first_bad, sizeof told->first_bad, "%d %s %s", answer->status,
                 answer->failure ? answer->failure : "", answer->body);
    }
    return true;
}

static void *crowd(void *context)
{
    struct told *told = context;
    char deadline[64];
    snprintf(deadline, sizeof deadline, "Connect-Timeout-Ms: %d", DEADLINE_MS);
    crowd_run(&(const struct crowd_options){.url = url,
                                            .clients = CLIENTS,
                                            .requests = told->requests,
                                            .cookies = cookies,
                                            .n_cookies = HARNESS_PEOPLE,
                                            .json = "{}",
                                            .extra = deadline,
                                            .answered = on_answer,
                                            .context = told});
    atomic_store(&told->over, true);
    return NULL;
}

/* "VmRSS" or "VmHWM" (the most that it ever was), in KiB. */
static long memory_kib(struct harness_service *service, const char *what)
{
    char path[64], line[256];
    long kib = 0;
    snprintf(path, sizeof path, "/proc/%d/status", (int)harness_service_pid(service));
    FILE *file = fopen(path, "r");
    assert_non_null(file);
    while (fgets(line, sizeof line, file))
        if (strncmp(line, what, strlen(what)) == 0)
            kib = strtol(line + strlen(what) + 1, NULL, 10);
    fclose(file);
    assert_true(kib > 0);
    return kib;
}

static void await_waiting(long n)
{
    uint64_t end = qn_clock_now_ms() + LIMIT_MS;
    while (harness_postgres_number(admin, WAITING) < n)
        if (qn_clock_now_ms() > end)
            fail_msg("fewer than %ld connections wait for the lock", n);
}

static void leave_row(const struct told *told)
{
    struct trial_verdict row = {.name = "pool_held",
                                .what = "2,000 clients whose every question waits for a locked table",
                                .requests = told->requests,
                                .failed = told->requests - told->good,
                                .untyped = told->bad,
                                .slowest_ms = told->slowest_s * 1000,
                                .deadline_ms = DEADLINE_MS,
                                .peaks = {{.role = "quintet", .peak = harness_postgres_number(admin, COUNT)}},
                                .n_roles = 1};
    for (size_t i = 0; i < QN_COUNT(CODES); i++) {
        if (told->by_code[i] == 0)
            continue;
        snprintf(row.tally[row.n_tally].text, sizeof row.tally[0].text, "%.*s", (int)strlen(CODES[i]) - 2,
                 CODES[i] + 1);
        row.tally[row.n_tally++].n = told->by_code[i];
    }
    trial_leave(&row, 5, told->bad ? told->first_bad : NULL);
}

static void test_two_thousand_clients(void **state)
{
    (void)state;
    struct told told = {.requests = harness_rounds(2 * CLIENTS, 50 * CLIENTS)};
    struct harness_service *const services[] = {stack.profile, stack.auth, stack.gateway};
    long before_kib[QN_COUNT(services)];
    size_t looks = 0;
    pthread_t thread;
    for (size_t i = 0; i < QN_COUNT(services); i++)
        before_kib[i] = memory_kib(services[i], "VmRSS:");
    /* How long so many clients at once take on this machine, now, when nothing is held: their own thread and
     * two thousand connections included. */
    struct told before = {.requests = 2 * CLIENTS};
    crowd(&before);
    assert_int_equal(before.good, before.requests);
    struct crowd_watch *watch = crowd_watch_start(harness_postgres_admin_url(stack.postgres), COUNT);
    PGconn *holder = harness_postgres_admin(stack.postgres, NULL);
    harness_postgres_do(holder, "begin");
    harness_postgres_do(holder, "lock table session in access exclusive mode");
    assert_int_equal(pthread_create(&thread, NULL, crowd, &told), 0);
    await_waiting(1); /* and soon as many as one statement may have */
    while (!atomic_load(&told.over)) {
        char *metrics;
        assert_int_equal(harness_service_get(stack.profile, "/healthz", NULL), 200);
        assert_int_equal(harness_service_get(stack.profile, "/metrics", &metrics), 200);
        assert_non_null(strstr(metrics, "quintet_pg_waiting "));
        free(metrics);
        looks++;
        poll(NULL, 0, LOOK_EVERY_MS);
    }
    pthread_join(thread, NULL);
    printf("storm: %zu requests of %d clients on a held pool: %zu resource_exhausted, %zu unavailable, %zu "
           "deadline_exceeded, %zu aborted (%zu of all without a reason), %zu else; slowest %.2f s of %d ms "
           "(%.2f s when "
           "nothing is held); %zu looks\n",
           told.requests, CLIENTS, told.by_code[0], told.by_code[1], told.by_code[2], told.by_code[3],
           told.without_reason, told.bad + told.good, told.slowest_s, DEADLINE_MS, before.slowest_s, looks);
    leave_row(&told);
    if (told.bad)
        fail_msg("an answer that is not typed: %s", told.first_bad);
    assert_int_equal(told.good, 0);
    assert_true(told.slowest_s * 1000 <= DEADLINE_MS + BEYOND_MS * SLACK + 2 * before.slowest_s * 1000);
    assert_true(looks > 5);
    for (size_t i = 0; i < QN_COUNT(services); i++) {
        long grown_kib = memory_kib(services[i], "VmHWM:") - before_kib[i];
        printf("    service %zu grew by %ld KiB from %ld\n", i, grown_kib, before_kib[i]);
        assert_true(grown_kib <= GROWTH_MAX_KIB * (long)GROWTH_FACTOR);
    }
    assert_true(harness_service_metric(stack.profile, "quintet_pg_failures_total{reason=\"query slow\"}") >
                0);

    harness_postgres_do(holder, "rollback");
    PQfinish(holder);
    struct told after = {.requests = CLIENTS};
    uint64_t end = qn_clock_now_ms() + LIMIT_MS;
    /* What is still under way ends first; then everybody is answered. */
    while (harness_postgres_number(admin, "select count(*) from pg_stat_activity where usename = 'quintet'"
                                          " and state <> 'idle'") > 0)
        assert_true(qn_clock_now_ms() < end);
    crowd(&after);
    assert_int_equal(after.good, CLIENTS);
    struct crowd_watched seen = crowd_watch_stop(watch);
    assert_in_range(seen.peak, 1, 5);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_two_thousand_clients),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
