#include "tests/harness/replay.h"

#include <stdio.h>
#include <stdlib.h>

#include "common/core/clock.h"
#include "tests/harness/http.h"

/* QN_SOURCE_DIR: from CMakeLists.txt. */

enum { ARENA_CEILING = 256 * 1024 * 1024, FILE_MAX = 4 * 1024 * 1024 };

void replay_fail(const char *what, const char *why)
{
    fprintf(stderr, "harness/replay: exchanges.json: %s: %s\n", what, why);
    exit(1);
}

static const struct qn_json *member(const struct qn_json *object, const char *key)
{
    const struct qn_json *found = qn_json_get(object, key);
    if (!found)
        replay_fail(key, "is not there");
    return found;
}

static const char *text(struct replay *replay, const struct qn_json *object, const char *key)
{
    const struct qn_json *found = member(object, key);
    if (found->kind != QN_JSON_STRING)
        replay_fail(key, "is no text");
    return qn_arena_copy(&replay->arena, found->text.ptr, found->text.len);
}

static struct qn_json *read_file(struct replay *replay)
{
    FILE *file = fopen(QN_SOURCE_DIR "/tests/fixtures/better-auth/exchanges.json", "r");
    struct qn_json *all = NULL;
    struct qn_error err = {0};
    if (!file)
        replay_fail("file", "cannot be opened");
    char *bytes = qn_arena_alloc(&replay->arena, FILE_MAX);
    size_t len = fread(bytes, 1, FILE_MAX, file);
    fclose(file);
    if (qn_json_parse(qn_str_n(bytes, len), false, &replay->arena, &all, &err) != QN_OK)
        replay_fail("JSON", err.message);
    if (all->kind != QN_JSON_ARRAY || all->n_items == 0)
        replay_fail("JSON", "no exchanges");
    return all;
}

void replay_open(struct replay *replay)
{
    *replay = (struct replay){0};
    qn_arena_init(&replay->arena, ARENA_CEILING);
    struct qn_json *all = read_file(replay);
    replay->n_exchanges = all->n_items;
    replay->exchanges = qn_arena_array(&replay->arena, all->n_items, sizeof *replay->exchanges);
    for (size_t i = 0; i < all->n_items; i++) {
        const struct qn_json *recorded = &all->items[i], *request = member(recorded, "request");
        replay->exchanges[i] = (struct replay_exchange){
            .id = text(replay, recorded, "id"),
            .config = text(replay, recorded, "config"),
            .method = text(replay, request, "method"),
            .path = text(replay, request, "path"),
            .status = (int)member(member(recorded, "response"), "status")->number,
            .recorded = recorded,
        };
    }
    /* The first exchange is a sign-up: the recording began when that user was made. */
    const struct qn_json *user = member(member(member(&all->items[0], "response"), "json"), "user");
    int64_t began_ms;
    if (!qn_time_parse(member(user, "createdAt")->text, &began_ms))
        replay_fail("createdAt", "is no time");
    replay->later_ms = qn_clock_wall_ms() - began_ms;
}

void replay_close(struct replay *replay)
{
    qn_arena_fini(&replay->arena);
}

bool replay_is_no_route(const struct replay_exchange *exchange)
{
    const struct qn_json *response = member(exchange->recorded, "response");
    return exchange->status == 404 && member(response, "body")->text.len == 0 &&
           member(response, "headers")->n_items == 0;
}

const struct qn_json *replay_after(const struct replay_exchange *exchange, const char *what)
{
    const struct qn_json *after = qn_json_get(exchange->recorded, "after");
    return after ? qn_json_get(after, what) : NULL;
}

bool replay_bind(struct replay *replay, struct qn_str recorded, struct qn_str ours)
{
    for (size_t i = 0; i < replay->n_pairs; i++) {
        const struct replay_pair *pair = &replay->pairs[i];
        bool same = qn_str_eq(pair->recorded, recorded);
        if (same != qn_str_eq(pair->ours, ours))
            return false;
        if (same)
            return true;
    }
    if (replay->n_pairs == REPLAY_PAIRS_MAX)
        replay_fail("pairs", "too many; raise REPLAY_PAIRS_MAX");
    replay->pairs[replay->n_pairs++] =
        (struct replay_pair){qn_arena_str(&replay->arena, recorded), qn_arena_str(&replay->arena, ours)};
    return true;
}

struct qn_str replay_text(struct replay *replay, struct qn_str recorded)
{
    struct qn_buf out;
    qn_buf_init(&out, FILE_MAX);
    for (size_t at = 0; at < recorded.len;) {
        struct qn_str rest = qn_str_n(recorded.ptr + at, recorded.len - at);
        const struct replay_pair *longest = NULL;
        for (size_t i = 0; i < replay->n_pairs; i++) {
            const struct replay_pair *pair = &replay->pairs[i];
            if (qn_str_starts(rest, pair->recorded) &&
                (!longest || pair->recorded.len > longest->recorded.len))
                longest = pair;
        }
        if (longest)
            qn_buf_write_str(&out, longest->ours);
        else
            qn_buf_write_byte(&out, rest.ptr[0]);
        at += longest ? longest->recorded.len : 1;
    }
    struct qn_str whole = qn_arena_str(&replay->arena, qn_buf_view(&out));
    qn_buf_fini(&out);
    return whole;
}

const char *replay_token(struct replay *replay, const struct replay_exchange *exchange)
{
    static const char NAME[] = "better-auth.session_token=";
    const struct qn_json *cookie =
        qn_json_get(member(member(exchange->recorded, "request"), "headers"), "cookie");
    if (!cookie)
        return NULL;
    const char *sent = replay_text(replay, cookie->text).ptr, *value = strstr(sent, NAME);
    if (!value)
        return NULL;
    value += sizeof NAME - 1;
    return qn_arena_copy(&replay->arena, value, strcspn(value, ".;"));
}

const char *replay_body_member(struct replay *replay, const struct replay_exchange *exchange, const char *key)
{
    const struct qn_json *body = member(member(exchange->recorded, "request"), "body");
    struct qn_json *parsed;
    if (body->kind != QN_JSON_STRING ||
        qn_json_parse(replay_text(replay, body->text), true, &replay->arena, &parsed, NULL) != QN_OK)
        return NULL;
    const struct qn_json *value = qn_json_get(parsed, key);
    return value && value->kind == QN_JSON_STRING
               ? qn_arena_copy(&replay->arena, value->text.ptr, value->text.len)
               : NULL;
}

/* The recorded headers, but for the length, which curl counts itself. */
static void set_headers(struct replay *replay, const struct qn_json *headers, bool verbatim,
                        struct harness_http_request *to)
{
    size_t n = 0;
    bool typed = false;
    for (size_t i = 0; i < headers->n_items; i++) {
        struct qn_str name = headers->keys[i], value = headers->items[i].text;
        if (qn_str_eq(name, QN_STR("content-length")))
            continue;
        typed = typed || qn_str_eq(name, QN_STR("content-type"));
        if (n == HARNESS_HTTP_HEADERS_MAX - 2)
            replay_fail("headers", "too many");
        value = verbatim ? value : replay_text(replay, value);
        to->headers[n++] = qn_arena_printf(&replay->arena, "%.*s: %.*s", QN_STR_ARG(name), QN_STR_ARG(value));
    }
    if (!typed)
        to->headers[n++] = "Content-Type:"; /* or curl says that it is a form */
}

bool replay_ask(struct replay *replay, const struct replay_exchange *exchange,
                const struct replay_target *target, bool verbatim, struct qn_buf *differences)
{
    const struct qn_json *request = member(exchange->recorded, "request"), *body = member(request, "body");
    const char *path = verbatim ? exchange->path : replay_text(replay, qn_str_c(exchange->path)).ptr;
    struct harness_http_request out = {
        .method = exchange->method,
        .url = qn_arena_printf(&replay->arena, "%s%s", target->url, path),
    };
    set_headers(replay, member(request, "headers"), verbatim, &out);
    if (body->kind == QN_JSON_STRING)
        out.body = verbatim ? body->text : replay_text(replay, body->text);
    struct harness_http_reply reply = harness_http(&out);
    size_t before = differences->len;
    replay_compare(replay, exchange, target, &reply, differences);
    harness_http_free(&reply);
    return differences->len == before;
}
