#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <stdlib.h>

#include "common/core/clock.h"
#include "common/core/encode.h"
#include "tests/harness/http.h"
#include "tests/harness/replay.h"
#include "tests/harness/replay_jwe.h"
#include "tests/harness/stack.h"

enum {
    ID_LEN = 32,        /* of rows and of session tokens: A–Z a–z 0–9 */
    TIME_LEN = 24,      /* "2026-11-23T04:30:55.768Z" */
    MAC_BYTES = 32,     /* SHA-256 */
    SIGNATURE_LEN = 44, /* in base64 */
    /* The recording took eighty seconds; under a sanitizer the replay takes longer. What times tell apart
     * here is an hour and more. */
    SLACK_MS = 10 * 60 * 1000,
};

struct comparison {
    struct replay *replay;
    const struct replay_target *target;
    struct qn_buf *differences;
    bool any_order; /* of members: the product's own order changes with the cookie cache */
};

static void differ(struct comparison *c, const char *where, struct qn_str was, struct qn_str is)
{
    qn_buf_printf(c->differences, "    %s: recorded \"%.*s\", here \"%.*s\"\n", where, QN_STR_ARG(was),
                  QN_STR_ARG(is));
}

static bool is_id(struct qn_str text)
{
    bool sound = text.len == ID_LEN;
    for (size_t i = 0; sound && i < text.len; i++) {
        char c = text.ptr[i];
        sound = (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z');
    }
    return sound;
}

/* Exactly YYYY-MM-DDTHH:MM:SS.mmmZ: the official client misreads any other number of digits. */
static bool is_time(struct qn_str text, int64_t *ret_ms)
{
    return text.len == TIME_LEN && text.ptr[10] == 'T' && text.ptr[19] == '.' && text.ptr[23] == 'Z' &&
           qn_time_parse(text, ret_ms);
}

static void compare_text(struct comparison *c, const char *where, struct qn_str key, struct qn_str was,
                         struct qn_str is)
{
    bool names_row = qn_str_eq(key, QN_STR("id")) || qn_str_eq(key, QN_STR("accountId")) ||
                     qn_str_eq(key, QN_STR("userId")) || qn_str_eq(key, QN_STR("token"));
    int64_t was_ms, is_ms;
    bool same;
    if (names_row && is_id(was))
        same = is_id(is) && replay_bind(c->replay, was, is);
    else if (is_time(was, &was_ms))
        same = is_time(is, &is_ms) && llabs(is_ms - was_ms - c->replay->later_ms) < SLACK_MS;
    else
        same = qn_str_eq(was, is);
    if (!same)
        differ(c, where, was, is);
}

static struct qn_str kind_name(const struct qn_json *value)
{
    static const char *const NAMES[] = {
        [QN_JSON_NULL] = "null",     [QN_JSON_BOOL] = "boolean", [QN_JSON_NUMBER] = "number",
        [QN_JSON_STRING] = "string", [QN_JSON_ARRAY] = "array",  [QN_JSON_OBJECT] = "object",
    };
    return qn_str_c(NAMES[value->kind]);
}

static void compare_value(struct comparison *c, const char *where, struct qn_str key,
                          const struct qn_json *was, const struct qn_json *is);

static void compare_members(struct comparison *c, const char *where, const struct qn_json *was,
                            const struct qn_json *is)
{
    struct qn_arena *arena = &c->replay->arena;
    if (was->n_items != is->n_items)
        qn_buf_printf(c->differences, "    %s: recorded %zu members, here %zu\n", where, was->n_items,
                      is->n_items);
    for (size_t i = 0; i < was->n_items && i < is->n_items; i++) {
        struct qn_str key = was->kind == QN_JSON_OBJECT ? was->keys[i] : QN_STR("");
        if (c->any_order && was->kind == QN_JSON_OBJECT) {
            const struct qn_json *other = qn_json_get(is, qn_arena_copy(arena, key.ptr, key.len));
            if (other)
                compare_value(c, qn_arena_printf(arena, "%s.%.*s", where, QN_STR_ARG(key)), key,
                              &was->items[i], other);
            else
                differ(c, where, key, QN_STR("(none)"));
            continue;
        }
        if (was->kind == QN_JSON_OBJECT && !qn_str_eq(key, is->keys[i]))
            differ(c, where, key, is->keys[i]);
        else
            compare_value(c, qn_arena_printf(arena, "%s.%.*s", where, QN_STR_ARG(key)), key, &was->items[i],
                          &is->items[i]);
    }
}

static void compare_value(struct comparison *c, const char *where, struct qn_str key,
                          const struct qn_json *was, const struct qn_json *is)
{
    if (was->kind != is->kind)
        differ(c, where, kind_name(was), kind_name(is));
    else if (was->kind == QN_JSON_BOOL && was->boolean != is->boolean)
        differ(c, where, was->boolean ? QN_STR("true") : QN_STR("false"),
               is->boolean ? QN_STR("true") : QN_STR("false"));
    else if (was->kind == QN_JSON_NUMBER && qn_str_ends(key, QN_STR("At"))) {
        if (llabs((int64_t)is->number - (int64_t)was->number - c->replay->later_ms) >= SLACK_MS)
            differ(c, where, was->text, is->text);
    } else if (was->kind == QN_JSON_NUMBER && was->number != is->number)
        differ(c, where, was->text, is->text);
    else if (was->kind == QN_JSON_STRING)
        compare_text(c, where, key, was->text, is->text);
    else if (was->kind == QN_JSON_ARRAY || was->kind == QN_JSON_OBJECT)
        compare_members(c, where, was, is);
}

static void compare_body(struct comparison *c, const struct qn_json *response, struct qn_str body)
{
    const struct qn_json *was = qn_json_get(response, "json"), *plain = qn_json_get(response, "body");
    struct qn_json *is = NULL;
    if (!was) {
        struct qn_str text = plain && plain->kind == QN_JSON_STRING ? plain->text : QN_STR("");
        bool page = qn_str_starts(text, QN_STR("(HTML error page")); /* the recorder's word for it */
        bool same =
            page ? qn_str_starts(body, QN_STR("<!DOCTYPE html>")) && qn_str_ends(body, QN_STR("</html>\n"))
                 : qn_str_eq(text, body);
        if (!same)
            differ(c, "body", text, body);
    } else if (qn_json_parse(qn_arena_str(&c->replay->arena, body), false, &c->replay->arena, &is, NULL) !=
               QN_OK) {
        differ(c, "body is no JSON", plain->text, body);
    } else {
        compare_value(c, "body", QN_STR(""), was, is);
    }
}

/* Base64 of HMAC-SHA256, by OpenSSL's own one-shot function and not by the service's. */
static struct qn_str signature_of(struct comparison *c, const char *secret, struct qn_str value)
{
    unsigned char mac[MAC_BYTES];
    char *text = qn_arena_alloc(&c->replay->arena, SIGNATURE_LEN + 1);
    HMAC(EVP_sha256(), secret, (int)strlen(secret), (const unsigned char *)value.ptr, value.len, mac, NULL);
    EVP_EncodeBlock((unsigned char *)text, mac, sizeof mac);
    return qn_str_n(text, SIGNATURE_LEN);
}

static struct qn_str percent_encoded(struct comparison *c, struct qn_str text)
{
    struct qn_buf out;
    qn_buf_init(&out, 4096);
    (void)qn_percent_encode(&out, text, QN_PERCENT_COMPONENT);
    struct qn_str copy = qn_arena_str(&c->replay->arena, qn_buf_view(&out));
    qn_buf_fini(&out);
    return copy;
}

/* Later requests show signatures as they came and decoded. */
static void bind_signature(struct comparison *c, struct qn_str was, struct qn_str is)
{
    replay_bind(c->replay, was, is);
    replay_bind(c->replay, percent_encoded(c, was), percent_encoded(c, is));
}

/* "value.signature", percent-encoded, as the value of a cookie. */
static void compare_signed(struct comparison *c, const char *where, struct qn_str was, struct qn_str is)
{
    ptrdiff_t was_dot = qn_str_find(was, '.'), is_dot = qn_str_find(is, '.');
    if (was_dot < 0 || is_dot < 0) {
        differ(c, where, was, is);
        return;
    }
    struct qn_str was_value = qn_str_n(was.ptr, (size_t)was_dot), is_value = qn_str_n(is.ptr, (size_t)is_dot);
    if (is_id(was_value) ? !is_id(is_value) || !replay_bind(c->replay, was_value, is_value)
                         : !qn_str_eq(was_value, is_value))
        differ(c, where, was_value, is_value);

    struct qn_str signature = signature_of(c, c->target->secret, is_value);
    struct qn_str encoded = percent_encoded(c, signature);
    if (!qn_str_eq(qn_str_n(is.ptr + is_dot + 1, is.len - (size_t)is_dot - 1), encoded))
        differ(c, "signature", encoded, is);

    char *was_signature = qn_arena_alloc(&c->replay->arena, was.len);
    size_t was_len;
    if (!qn_percent_decode(qn_str_n(was.ptr + was_dot + 1, was.len - (size_t)was_dot - 1), was_signature,
                           &was_len, false))
        replay_fail("signature", "is not encoded");
    bind_signature(c, qn_str_n(was_signature, was_len), signature);
    /* The recorder also signed by hand, with the fixtures' secret, where another one is in force. */
    struct qn_str by_hand = signature_of(c, HARNESS_STACK_SECRET, was_value);
    if (!qn_str_eq(by_hand, qn_str_n(was_signature, was_len)))
        bind_signature(c, by_hand, signature_of(c, HARNESS_STACK_SECRET, is_value));
}

static const struct qn_json *cache_payload(struct comparison *c, struct qn_str value, struct qn_str *ret_text)
{
    uint8_t *text = qn_arena_alloc(&c->replay->arena, value.len + 4);
    struct qn_json *payload;
    size_t len;
    if (!qn_base64_decode_lax(value, text, &len) ||
        qn_json_parse(qn_str_n((char *)text, len), false, &c->replay->arena, &payload, NULL) != QN_OK)
        return NULL;
    *ret_text = qn_str_n((char *)text, len);
    return payload;
}

static struct qn_str url_signature_of(struct comparison *c, struct qn_str text)
{
    struct qn_str signature = signature_of(c, c->target->secret, text);
    char *url = qn_arena_copy(&c->replay->arena, signature.ptr, signature.len - 1);
    for (char *p = url; *p; p++)
        *p = *p == '+' ? '-' : *p == '/' ? '_' : *p;
    return qn_str_c(url);
}

/* What two tokens say; their times are in seconds. */
static void compare_claims(struct comparison *c, const struct qn_json *was, const struct qn_json *is)
{
    static const char *const SAME[] = {"session", "user", "version"};
    bool any_order = c->any_order;
    c->any_order = true;
    for (size_t i = 0; i < sizeof SAME / sizeof *SAME; i++)
        compare_value(c, "session_data", QN_STR(""), qn_json_get(was, SAME[i]), qn_json_get(is, SAME[i]));
    c->any_order = any_order;
    double was_age = qn_json_get(was, "exp")->number - qn_json_get(was, "iat")->number,
           is_age = qn_json_get(is, "exp")->number - qn_json_get(is, "iat")->number;
    if (was->n_items != is->n_items || was_age - is_age > 1 || is_age - was_age > 1)
        qn_buf_printf(c->differences,
                      "    session_data: recorded %zu members for %.0f s, here %zu for %.0f\n", was->n_items,
                      was_age, is->n_items, is_age);
}

/* The same as a JWT. */
static void compare_jwt(struct comparison *c, struct qn_str was, struct qn_str is)
{
    struct qn_str was_rest = was, is_rest = is, was_part, is_part, text;
    ptrdiff_t last = qn_str_rfind(is, '.');
    if (!qn_str_next(&was_rest, '.', &was_part) || !qn_str_next(&is_rest, '.', &is_part) ||
        !qn_str_eq(was_part, is_part) || !qn_str_next(&was_rest, '.', &was_part) ||
        !qn_str_next(&is_rest, '.', &is_part) ||
        !qn_str_eq(is_rest, url_signature_of(c, qn_str_n(is.ptr, (size_t)last)))) {
        differ(c, "session_data", was, is);
        return;
    }
    const struct qn_json *was_payload = cache_payload(c, was_part, &text),
                         *is_payload = cache_payload(c, is_part, &text);
    if (was_payload && is_payload)
        compare_claims(c, was_payload, is_payload);
    else
        differ(c, "session_data", was, is);
}

/* The same encrypted: under the same header, and what it says. */
static void compare_jwe(struct comparison *c, struct qn_str was, struct qn_str is)
{
    struct qn_arena *arena = &c->replay->arena;
    struct qn_str was_text, is_text;
    struct qn_json *was_payload, *is_payload;
    size_t header = (size_t)qn_str_find(was, '.');
    if (!qn_str_starts(is, qn_str_n(was.ptr, header + 2)) ||
        !replay_jwe_read(HARNESS_STACK_SECRET, was, arena, &was_text) ||
        !replay_jwe_read(c->target->secret, is, arena, &is_text) ||
        qn_json_parse(was_text, false, arena, &was_payload, NULL) != QN_OK ||
        qn_json_parse(is_text, false, arena, &is_payload, NULL) != QN_OK)
        differ(c, "session_data", was, is);
    else
        compare_claims(c, was_payload, is_payload);
}

/* The cookie cache, strategy compact: what it says, and that it is signed. What is signed is the text of the
 * inner object with expiresAt as its last member; here it is cut out of the text, not written anew. */
static void compare_cache(struct comparison *c, struct qn_str was, struct qn_str is)
{
    static const char BEGIN[] = "{\"session\":", MIDDLE[] = "},\"expiresAt\":";
    struct qn_str was_text, is_text;
    if (qn_str_find(was, '.') >= 0) {
        if (memmem(was.ptr, was.len, "..", 2))
            compare_jwe(c, was, is);
        else
            compare_jwt(c, was, is);
        replay_bind(c->replay, was, is);
        return;
    }
    const struct qn_json *was_payload = cache_payload(c, was, &was_text),
                         *is_payload = cache_payload(c, is, &is_text);
    if (!was_payload || !is_payload) {
        differ(c, "session_data", was, is);
        return;
    }
    bool any_order = c->any_order;
    c->any_order = true;
    compare_value(c, "session_data", QN_STR(""), qn_json_get(was_payload, "session"),
                  qn_json_get(is_payload, "session"));
    compare_value(c, "session_data", QN_STR("expiresAt"), qn_json_get(was_payload, "expiresAt"),
                  qn_json_get(is_payload, "expiresAt"));
    c->any_order = any_order;

    const char *middle = memmem(is_text.ptr, is_text.len, MIDDLE, sizeof MIDDLE - 1);
    if (!middle) {
        differ(c, "session_data", was_text, is_text);
        return;
    }
    const char *inner = is_text.ptr + sizeof BEGIN - 1;
    struct qn_str signature = url_signature_of(
        c, qn_str_c(qn_arena_printf(&c->replay->arena, "%.*s,\"expiresAt\":%.0f}", (int)(middle - inner),
                                    inner, qn_json_get(is_payload, "expiresAt")->number)));
    const struct qn_json *shown = qn_json_get(is_payload, "signature");
    if (!shown || !qn_str_eq(shown->text, signature))
        differ(c, "session_data's signature", signature, shown ? shown->text : QN_STR(""));
    replay_bind(c->replay, was, is);
}

static void compare_cookie(struct comparison *c, struct qn_str was, struct qn_str is)
{
    struct qn_str was_pair, is_pair, was_name, is_name;
    if (!qn_str_next(&was, ';', &was_pair) || !qn_str_next(&is, ';', &is_pair) ||
        !qn_str_next(&was_pair, '=', &was_name) || !qn_str_next(&is_pair, '=', &is_name)) {
        differ(c, "set-cookie", was, is);
        return;
    }
    if (!qn_str_eq(was_name, is_name))
        differ(c, "set-cookie", was_name, is_name);
    if (!qn_str_eq(was, is))
        differ(c, "attributes of a cookie", was, is);
    if (was_pair.len == 0 || is_pair.len == 0) {
        if (was_pair.len != is_pair.len)
            differ(c, "value of a cookie", was_pair, is_pair);
        return;
    }
    if (qn_str_ends(was_name, QN_STR("session_data")))
        compare_cache(c, was_pair, is_pair);
    else
        compare_signed(c, "value of a cookie", was_pair, is_pair);
}

/* The n-th recorded header of this name; ptr NULL when there is none. */
static struct qn_str recorded_header(const struct qn_json *response, const char *name, size_t nth)
{
    const struct qn_json *headers = qn_json_get(response, "headers");
    for (size_t i = 0; headers && i < headers->n_items; i++) {
        const struct qn_json *header = &headers->items[i];
        if (qn_str_eq(header->items[0].text, qn_str_c(name)) && nth-- == 0)
            return header->items[1].text;
    }
    return (struct qn_str){0};
}

/* Seconds left of a window: what passed between two requests of the recording may have been less than here.
 */
static void compare_retry_after(struct comparison *c, struct qn_str was, struct qn_str is)
{
    uint64_t was_s, is_s;
    bool same = was.len == 0
                    ? is.len == 0
                    : qn_str_to_u64(was, &was_s) && qn_str_to_u64(is, &is_s) && is_s >= 1 && is_s <= was_s;
    if (!same)
        differ(c, "x-retry-after", was, is);
}

static void compare_cookies(struct comparison *c, const struct qn_json *response,
                            const struct harness_http_reply *reply)
{
    for (size_t i = 0;; i++) {
        struct qn_str was = recorded_header(response, "set-cookie", i);
        struct qn_str is =
            qn_arena_str(&c->replay->arena, qn_str_c(harness_http_header(reply, "set-cookie", i)));
        if (!was.ptr && is.len == 0)
            return;
        if (!was.ptr || is.len == 0) {
            differ(c, "set-cookie", was, is);
            return;
        }
        compare_cookie(c, was, is);
    }
}

static void compare_headers(struct comparison *c, const struct qn_json *response,
                            const struct harness_http_reply *reply)
{
    static const char *const SINGLE[] = {"content-type", "cache-control",  "pragma",
                                         "location",     "set-auth-token", "access-control-expose-headers"};
    compare_cookies(c, response, reply); /* first: another header may show a token that they set */
    for (size_t i = 0; i < sizeof SINGLE / sizeof *SINGLE; i++) {
        struct qn_str was = replay_text(c->replay, recorded_header(response, SINGLE[i], 0));
        struct qn_str is = qn_str_c(harness_http_header(reply, SINGLE[i], 0));
        if (!qn_str_eq(was, is))
            differ(c, SINGLE[i], was, is);
    }
    compare_retry_after(c, recorded_header(response, "x-retry-after", 0),
                        qn_str_c(harness_http_header(reply, "x-retry-after", 0)));
}

void replay_compare(struct replay *replay, const struct replay_exchange *exchange,
                    const struct replay_target *target, const struct harness_http_reply *reply,
                    struct qn_buf *differences)
{
    bool cache = strncmp(exchange->config, "cache", 5) == 0;
    struct comparison c = {replay, target, differences, cache};
    const struct qn_json *response = qn_json_get(exchange->recorded, "response");
    if (reply->status != exchange->status)
        qn_buf_printf(differences, "    status: recorded %d, here %d\n", exchange->status, reply->status);
    compare_headers(&c, response, reply);
    compare_body(&c, response, qn_str_n(reply->body, reply->body_len));
}
