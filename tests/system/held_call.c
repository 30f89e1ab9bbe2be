#include "tests/system/held_call.h"

#include <stdio.h>
#include <string.h>

#include "common/core/clock.h"
#include "tests/harness/stack.h"
#include "tests/harness/test.h"

enum {
    DEADLINE_MS =
        9000, /* of what waits: long enough that all else is asked meanwhile; pool_timeout is 10 s */
    LIMIT_MS = 30000,
};

struct held_fixture fix;

int held_set_up(void **state)
{
    (void)state;
    harness_stack_start(&fix.stack, NULL);
    fix.people = harness_people(&fix.stack);
    fix.admin = harness_postgres_admin(fix.stack.postgres, NULL);
    fix.holder = harness_postgres_admin(fix.stack.postgres, NULL);
    return 0;
}

int held_tear_down(void **state)
{
    (void)state;
    PQfinish(fix.admin);
    PQfinish(fix.holder);
    harness_stack_stop(&fix.stack);
    return 0;
}

static void *ask(void *context)
{
    struct held *held = context;
    char url[256], cookie[300], deadline[64];
    snprintf(url, sizeof url, "%s%s", fix.stack.url, held->method);
    snprintf(cookie, sizeof cookie, "Cookie: %s", held->cookie);
    snprintf(deadline, sizeof deadline, "Connect-Timeout-Ms: %d", DEADLINE_MS);
    held->reply = harness_http(
        &(const struct harness_http_request){.url = url,
                                             .headers = {"Content-Type: application/json", cookie, deadline},
                                             .body = qn_str_c(held->json)});
    atomic_store(&held->ended, true);
    return NULL;
}

void held_start(struct held *held, const char *method, const struct harness_person *person, const char *json)
{
    *held = (struct held){.method = method, .cookie = person->cookie};
    snprintf(held->json, sizeof held->json, "%s", json);
    assert_int_equal(pthread_create(&held->thread, NULL, ask, held), 0);
}

void held_let_go(struct held *held)
{
    pthread_join(held->thread, NULL);
    if (held->reply.status != 504 || !strstr(held->reply.body, "\"deadline_exceeded\""))
        fail_msg("%s: %d %s", held->method, held->reply.status, held->reply.body);
    harness_http_free(&held->reply);
}

void held_give_up(struct held *held)
{
    pthread_join(held->thread, NULL);
    if (held->reply.status < 400 || !strstr(held->reply.body, "\"code\""))
        fail_msg("%s: %d %s", held->method, held->reply.status, held->reply.body);
    harness_http_free(&held->reply);
}

long held_waiting(void)
{
    return harness_postgres_number(
        fix.admin,
        "select count(*) from pg_stat_activity where usename = 'quintet' and wait_event_type = 'Lock'");
}

void held_await_waiting(long n)
{
    uint64_t end = qn_clock_now_ms() + LIMIT_MS;
    long now;
    while ((now = held_waiting()) != n)
        if (qn_clock_now_ms() > end)
            fail_msg("%ld statements wait for a lock, not %ld", now, n);
}

void held_call(const struct held *held, const char *method, const struct harness_person *person,
               const char *json, const char *expect)
{
    struct harness_http_reply reply = harness_http_post(fix.stack.url, method, person->cookie, json);
    if (reply.status != 200 || !strstr(reply.body, expect))
        fail_msg("%s: %d %s", method, reply.status, reply.body);
    harness_http_free(&reply);
    if (held && atomic_load(&held->ended))
        fail_msg("%s ended only after %s", method, held->method);
}

void held_sign_in(const struct held *held, const struct harness_person *person)
{
    char json[256];
    snprintf(json, sizeof json, "{\"email\":\"%s\",\"password\":\"" HARNESS_PASSWORD "\"}", person->email);
    held_call(held, AUTH "SignIn", person, json, "\"session\"");
}
