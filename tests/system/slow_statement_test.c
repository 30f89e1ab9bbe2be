#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/core/check.h"
#include "common/core/clock.h"
#include "tests/harness/http.h"
#include "tests/harness/people.h"
#include "tests/harness/stack.h"
#include "tests/harness/test.h"

/* A statement waits for a lock until its deadline, and nobody waits behind it. Judged by the order in which
 * things end: what was asked later has been answered while what waits still waits. */

#define AUTH    "/quintet.auth.v1.AuthService/"
#define PROFILE "/quintet.profile.v1.ProfileService/"
#define WAITING "select count(*) from pg_stat_activity where usename = 'quintet' and wait_event_type = 'Lock'"

enum {
    DEADLINE_MS = 6000, /* of what waits: long enough that all else is asked meanwhile, on any machine */
    LIMIT_MS = 30000,
    ROUNDS = 5, /* of everything else */
};

static struct harness_stack stack;
static const struct harness_person *people;
static PGconn *admin, *holder;

static int set_up(void **state)
{
    (void)state;
    harness_stack_start(&stack, NULL);
    people = harness_people(&stack);
    admin = harness_postgres_admin(stack.postgres, NULL);
    holder = harness_postgres_admin(stack.postgres, NULL);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    PQfinish(admin);
    PQfinish(holder);
    harness_stack_stop(&stack);
    return 0;
}

/* A request that waits, on a thread of its own. */
struct held {
    pthread_t thread;
    const char *method, *cookie;
    char json[128];
    atomic_bool ended;
    struct harness_http_reply reply;
};

static void *ask(void *context)
{
    struct held *held = context;
    char url[256], cookie[300], deadline[64];
    snprintf(url, sizeof url, "%s%s", stack.url, held->method);
    snprintf(cookie, sizeof cookie, "Cookie: %s", held->cookie);
    snprintf(deadline, sizeof deadline, "Connect-Timeout-Ms: %d", DEADLINE_MS);
    held->reply = harness_http(
        &(const struct harness_http_request){.url = url,
                                             .headers = {"Content-Type: application/json", cookie, deadline},
                                             .body = qn_str_c(held->json)});
    atomic_store(&held->ended, true);
    return NULL;
}

static void hold(struct held *held, const char *method, const struct harness_person *person, const char *json)
{
    *held = (struct held){.method = method, .cookie = person->cookie};
    snprintf(held->json, sizeof held->json, "%s", json);
    assert_int_equal(pthread_create(&held->thread, NULL, ask, held), 0);
}

/* It waited until its deadline, and was told so. */
static void let_go(struct held *held)
{
    pthread_join(held->thread, NULL);
    if (held->reply.status != 504 || !strstr(held->reply.body, "\"deadline_exceeded\""))
        fail_msg("%s: %d %s", held->method, held->reply.status, held->reply.body);
    harness_http_free(&held->reply);
}

static void await_waiting(long n)
{
    uint64_t end = qn_clock_now_ms() + LIMIT_MS;
    long now;
    while ((now = harness_postgres_number(admin, WAITING)) != n)
        if (qn_clock_now_ms() > end)
            fail_msg("%ld statements wait for a lock, not %ld", now, n);
}

/* Called while the first of 'held' waits: fails if it has ended. */
static void call(const struct held *held, const char *method, const struct harness_person *person,
                 const char *json, const char *expect)
{
    struct harness_http_reply reply = harness_http_post(stack.url, method, person->cookie, json);
    if (reply.status != 200 || !strstr(reply.body, expect))
        fail_msg("%s behind %s: %d %s", method, held->method, reply.status, reply.body);
    harness_http_free(&reply);
    if (atomic_load(&held->ended))
        fail_msg("%s ended only after %s", method, held->method);
}

static void sign_in(const struct held *held, const struct harness_person *person)
{
    char json[256];
    snprintf(json, sizeof json, "{\"email\":\"%s\",\"password\":\"" HARNESS_PASSWORD "\"}", person->email);
    call(held, AUTH "SignIn", person, json, "\"session\"");
}

static void reads(const struct held *held, const struct harness_person *person)
{
    call(held, AUTH "GetSession", person, "{}", "\"session\"");
    call(held, AUTH "GetSessionWithProfileCheck", person, "{}", "\"authenticated\":true");
    call(held, PROFILE "GetMyProfile", person, "{}", "\"profile\"");
    call(held, PROFILE "ListProfiles", person, "{}", "{");
}

static void writes(const struct held *held, const struct harness_person *person)
{
    call(held, PROFILE "UpdateProfile", person, "{\"city\":\"Napier\",\"updateMask\":[\"city\"]}",
         "\"Napier\"");
    sign_in(held, person);
}

static long count_connections_ever(void)
{
    char *log = harness_service_log(stack.profile);
    long n = 0;
    for (const char *at = log; (at = strstr(at, "connection opened")); at++)
        n++;
    free(log);
    return n;
}

static void test_one_write(void **state)
{
    (void)state;
    struct held held;
    char sql[256];
    long opened = count_connections_ever();
    harness_postgres_do(holder, "begin");
    snprintf(sql, sizeof sql, "select 1 from quintet.profile where user_id = '%s' for update",
             people[0].user_id);
    harness_postgres_do(holder, sql);
    hold(&held, PROFILE "UpdateProfile", &people[0], "{\"bio\":\"late\",\"updateMask\":[\"bio\"]}");
    await_waiting(1);
    for (int i = 0; i < ROUNDS; i++) {
        reads(&held, &people[0]); /* the same user's, too: a row lock keeps no reader out */
        reads(&held, &people[1 + i]);
        writes(&held, &people[1 + i]);
    }
    assert_int_equal(harness_postgres_number(admin, WAITING), 1);
    let_go(&held);
    /* It was cancelled, though the lock is still held, and no connection had to go for it. */
    await_waiting(0);
    assert_int_equal(count_connections_ever(), opened);
    harness_postgres_do(holder, "rollback");
    assert_int_equal(
        harness_postgres_number(admin, "select count(*) from quintet.profile where bio = 'late'"), 0);
}

/* More than there are connections: one is never given to a write, so who reads goes on. */
static void test_many_writes(void **state)
{
    (void)state;
    static struct held held[8];
    harness_postgres_do(holder, "begin");
    harness_postgres_do(holder, "select 1 from quintet.profile for update");
    for (size_t i = 0; i < QN_COUNT(held); i++)
        hold(&held[i], PROFILE "UpdateProfile", &people[i], "{\"bio\":\"late\",\"updateMask\":[\"bio\"]}");
    await_waiting(4);
    for (int i = 0; i < ROUNDS; i++)
        reads(&held[0], &people[i]);
    assert_int_equal(harness_postgres_number(admin, WAITING), 4);
    for (size_t i = 0; i < QN_COUNT(held); i++)
        let_go(&held[i]);
    await_waiting(0);
    harness_postgres_do(holder, "rollback");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_one_write),
        cmocka_unit_test(test_many_writes),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
