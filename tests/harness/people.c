#include "tests/harness/people.h"

#include <stdio.h>
#include <string.h>

#include "tests/harness/http.h"
#include "tests/harness/test.h"

#define COOKIE "better-auth.session_token"

/* The text after "key":" up to the next quote. */
static void copy_text(char *to, size_t size, const char *json, const char *key)
{
    char pattern[64];
    snprintf(pattern, sizeof pattern, "\"%s\":\"", key);
    const char *from = strstr(json, pattern);
    if (!from)
        fail_msg("people: no %s in %s", key, json);
    from += strlen(pattern);
    size_t len = strcspn(from, "\"");
    assert_true(len < size);
    memcpy(to, from, len);
    to[len] = '\0';
}

static void make(const struct harness_stack *stack, struct harness_person *person, int number)
{
    char json[256];
    snprintf(person->email, sizeof person->email, "person%d@example.com", number);
    snprintf(json, sizeof json, "{\"name\":\"P\",\"email\":\"%s\",\"password\":\"" HARNESS_PASSWORD "\"}",
             person->email);
    struct harness_http_reply reply =
        harness_http_post(stack->url, "/quintet.auth.v1.AuthService/SignUp", NULL, json);
    if (reply.status != 200)
        fail_msg("people: sign-up: %d %s", reply.status, reply.body);
    const char *cookie = harness_http_cookie(&reply, COOKIE);
    assert_non_null(cookie);
    assert_true(strlen(cookie) < sizeof person->cookie);
    snprintf(person->cookie, sizeof person->cookie, "%s", cookie);
    copy_text(person->user_id, sizeof person->user_id, reply.body, "userId");
    harness_http_free(&reply);
    reply = harness_http_post(stack->url, "/quintet.profile.v1.ProfileService/CreateProfile", person->cookie,
                              "{\"displayName\":\"P\",\"birthDate\":\"1990-01-01\",\"gender\":1,"
                              "\"city\":\"Wellington\"}");
    if (reply.status != 200)
        fail_msg("people: profile: %d %s", reply.status, reply.body);
    harness_http_free(&reply);
}

const struct harness_person *harness_people(const struct harness_stack *stack)
{
    static struct harness_person people[HARNESS_PEOPLE];
    static const struct harness_postgres *of;
    if (of != stack->postgres) {
        of = stack->postgres;
        for (int i = 0; i < HARNESS_PEOPLE; i++)
            make(stack, &people[i], i);
    }
    return people;
}
