#include "services/auth/cache.h"

#include <stdio.h>

#include "common/core/clock.h"
#include "common/core/encode.h"
#include "common/core/id.h"
#include "common/core/utf8.h"
#include "common/json/reader.h"
#include "common/json/writer.h"
#include "services/auth/jwt.h"

enum { TEXT_MAX = 64 * 1024 }; /* a name and a picture of 16 KiB each, escaped, and the rest */

/* A site's own version of what it caches; nobody has changed the product's default here. */
#define VERSION "1"

static void write_text(struct qn_json_writer *w, const char *key, const char *text)
{
    qn_json_key(w, key);
    qn_json_c(w, text);
}

static void write_time(struct qn_json_writer *w, const char *key, int64_t ms)
{
    char text[QN_TIME_TEXT_LEN + 1];
    qn_time_format(ms, text);
    write_text(w, key, text);
}

/* The members of the inner object, without braces, in the product's order. */
static void write_members(struct qn_json_writer *w, const Quintet__Store__V1__Session *session,
                          const Quintet__Store__V1__User *user, int64_t now_ms)
{
    qn_json_key(w, "session");
    qn_json_object_begin(w);
    write_time(w, "expiresAt", session->expires_at_ms);
    write_text(w, "token", session->token);
    write_time(w, "createdAt", session->created_at_ms);
    write_time(w, "updatedAt", session->updated_at_ms);
    write_text(w, "ipAddress", session->ip_address);
    write_text(w, "userAgent", session->user_agent);
    write_text(w, "userId", session->user_id);
    write_text(w, "id", session->id);
    qn_json_object_end(w);
    qn_json_key(w, "user");
    qn_json_object_begin(w);
    write_text(w, "name", user->name);
    write_text(w, "email", user->email);
    qn_json_key(w, "emailVerified");
    qn_json_bool(w, user->email_verified);
    write_text(w, "image", user->has_image ? user->image : NULL);
    write_time(w, "createdAt", user->created_at_ms);
    write_time(w, "updatedAt", user->updated_at_ms);
    write_text(w, "id", user->id);
    qn_json_object_end(w);
    qn_json_key(w, "updatedAt");
    qn_json_int(w, now_ms);
    write_text(w, "version", VERSION);
}

static enum qn_status write_compact(struct auth_cookie_jar *jar, const Quintet__Store__V1__Session *session,
                                    const Quintet__Store__V1__User *user, int64_t now_ms,
                                    int64_t expires_at_ms, struct qn_buf *text, struct qn_buf *payload)
{
    char signature[AUTH_COOKIE_SIGNATURE_URL_LEN + 1];
    struct qn_json_writer w = {.to = text};
    qn_json_object_begin(&w);
    write_members(&w, session, user, now_ms);
    qn_json_key(&w, "expiresAt");
    qn_json_int(&w, expires_at_ms);
    qn_json_object_end(&w);
    if (qn_buf_failed(text))
        return QN_RESOURCE_EXHAUSTED;
    QN_TRY(auth_cookie_sign_url(jar, qn_buf_view(text), signature));

    w = (struct qn_json_writer){.to = payload};
    qn_json_object_begin(&w);
    qn_json_key(&w, "session");
    qn_json_object_begin(&w);
    write_members(&w, session, user, now_ms);
    qn_json_object_end(&w);
    qn_json_key(&w, "expiresAt");
    qn_json_int(&w, expires_at_ms);
    write_text(&w, "signature", signature);
    qn_json_object_end(&w);
    return qn_buf_failed(payload) ? QN_RESOURCE_EXHAUSTED : QN_OK;
}

/* A random UUID (RFC 9562, 5.4): the product gives each value a name of its own. */
static void write_jti(struct qn_json_writer *w)
{
    uint8_t bytes[16];
    char hex[2 * sizeof(bytes) + 1], text[36 + 1];
    qn_random_bytes(bytes, sizeof(bytes));
    bytes[6] = (bytes[6] & 0x0F) | 0x40; /* its version, and its variant */
    bytes[8] = (bytes[8] & 0x3F) | 0x80;
    qn_hex_encode(hex, bytes, sizeof(bytes));
    snprintf(text, sizeof(text), "%.8s-%.4s-%.4s-%.4s-%.12s", hex, hex + 8, hex + 12, hex + 16, hex + 20);
    write_text(w, "jti", text);
}

/* What a token of either kind says; its times are in seconds. */
static enum qn_status write_token(const struct auth_cache_kit *kit,
                                  const Quintet__Store__V1__Session *session,
                                  const Quintet__Store__V1__User *user, int64_t now_ms, int64_t expires_at_ms,
                                  struct qn_buf *payload, struct qn_buf *to)
{
    struct qn_json_writer w = {.to = payload};
    qn_json_object_begin(&w);
    write_members(&w, session, user, now_ms);
    qn_json_key(&w, "iat");
    qn_json_int(&w, now_ms / 1000);
    qn_json_key(&w, "exp");
    qn_json_int(&w, expires_at_ms / 1000);
    if (kit->strategy == AUTH_CACHE_JWE)
        write_jti(&w);
    qn_json_object_end(&w);
    if (qn_buf_failed(payload))
        return QN_RESOURCE_EXHAUSTED;
    return kit->strategy == AUTH_CACHE_JWE ? auth_jwe_write(kit->ring, qn_buf_view(payload), to)
                                           : auth_jwt_write(kit->jar, qn_buf_view(payload), to);
}

enum qn_status auth_cache_write(const struct auth_cache_kit *kit, const Quintet__Store__V1__Session *session,
                                const Quintet__Store__V1__User *user, int64_t now_ms, int64_t expires_at_ms,
                                struct qn_buf *to)
{
    struct qn_buf text, payload;
    enum qn_status status;
    qn_buf_init(&text, TEXT_MAX);
    qn_buf_init(&payload, TEXT_MAX);
    if (kit->strategy != AUTH_CACHE_COMPACT) {
        status = write_token(kit, session, user, now_ms, expires_at_ms, &payload, to);
    } else {
        status = write_compact(kit->jar, session, user, now_ms, expires_at_ms, &text, &payload);
        char *end = status == QN_OK ? qn_buf_reserve(to, (payload.len + 2) / 3 * 4 + 1) : NULL;
        if (end)
            qn_buf_commit(to, qn_base64url_encode(end, payload.data, payload.len));
        else if (status == QN_OK)
            status = QN_RESOURCE_EXHAUSTED;
    }
    qn_buf_fini(&text);
    qn_buf_fini(&payload);
    return status;
}

/* As JSON.stringify writes what JSON.parse has read: the signature is over that, not over what was sent. */
static bool is_signed(struct auth_cookie_jar *jar, const struct qn_json *inner, double expires_at_ms,
                      struct qn_str signature)
{
    struct qn_buf text;
    qn_buf_init(&text, TEXT_MAX);
    struct qn_json_writer w = {.to = &text};
    qn_json_object_begin(&w);
    for (size_t i = 0; i < inner->n_items; i++) {
        qn_json_key_str(&w, inner->keys[i]);
        qn_json_value(&w, &inner->items[i]);
    }
    qn_json_key(&w, "expiresAt");
    qn_json_double(&w, expires_at_ms);
    qn_json_object_end(&w);
    bool ours = !qn_buf_failed(&text) && auth_cookie_is_signed_url(jar, qn_buf_view(&text), signature);
    qn_buf_fini(&text);
    return ours;
}

/* Members, each false unless it is of its kind. */
static bool take_text(const struct qn_json *object, const char *key, bool may_be_null, struct qn_arena *arena,
                      char **ret_text)
{
    const struct qn_json *value = qn_json_get(object, key);
    if (value && value->kind == QN_JSON_NULL && may_be_null)
        return true; /* stays "" */
    if (!value || value->kind != QN_JSON_STRING || qn_str_find(value->text, '\0') >= 0)
        return false;
    *ret_text = qn_arena_copy(arena, value->text.ptr ? value->text.ptr : "", value->text.len);
    return *ret_text != NULL;
}

static bool take_time(const struct qn_json *object, const char *key, int64_t *ret_ms)
{
    const struct qn_json *value = qn_json_get(object, key);
    return value && value->kind == QN_JSON_STRING && qn_time_parse(value->text, ret_ms);
}

static bool take_session(const struct qn_json *object, struct qn_arena *arena,
                         Quintet__Store__V1__Session *session)
{
    quintet__store__v1__session__init(session);
    return object && take_text(object, "id", false, arena, &session->id) &&
           take_text(object, "token", false, arena, &session->token) &&
           take_text(object, "userId", false, arena, &session->user_id) &&
           take_text(object, "ipAddress", true, arena, &session->ip_address) &&
           take_text(object, "userAgent", true, arena, &session->user_agent) &&
           take_time(object, "expiresAt", &session->expires_at_ms) &&
           take_time(object, "createdAt", &session->created_at_ms) &&
           take_time(object, "updatedAt", &session->updated_at_ms);
}

static bool take_user(const struct qn_json *object, struct qn_arena *arena, Quintet__Store__V1__User *user)
{
    const struct qn_json *verified = object ? qn_json_get(object, "emailVerified") : NULL;
    quintet__store__v1__user__init(user);
    if (!verified || verified->kind != QN_JSON_BOOL)
        return false;
    user->email_verified = verified->boolean;
    if (!take_text(object, "image", true, arena, &user->image))
        return false;
    user->has_image = qn_json_get(object, "image")->kind == QN_JSON_STRING;
    return take_text(object, "id", false, arena, &user->id) &&
           take_text(object, "name", false, arena, &user->name) &&
           take_text(object, "email", false, arena, &user->email) &&
           take_time(object, "createdAt", &user->created_at_ms) &&
           take_time(object, "updatedAt", &user->updated_at_ms);
}

/* D of a compact value, and when it ends; NULL: not ours. */
static const struct qn_json *read_compact(struct auth_cookie_jar *jar, struct qn_str value,
                                          struct qn_arena *arena, double *ret_expires_at_ms)
{
    struct qn_json *payload;
    size_t len;
    uint8_t *text = qn_arena_alloc(arena, value.len / 4 * 3 + 3);
    if (!text || !qn_base64_decode_lax(value, text, &len) || !qn_utf8_valid(qn_str_n((char *)text, len)) ||
        qn_json_parse(qn_str_n((char *)text, len), false, arena, &payload, NULL) != QN_OK)
        return NULL;
    const struct qn_json *inner = qn_json_get(payload, "session"), *ends = qn_json_get(payload, "expiresAt"),
                         *signature = qn_json_get(payload, "signature");
    if (!inner || inner->kind != QN_JSON_OBJECT || !ends || ends->kind != QN_JSON_NUMBER || !signature ||
        signature->kind != QN_JSON_STRING || !is_signed(jar, inner, ends->number, signature->text))
        return NULL;
    *ret_expires_at_ms = ends->number;
    return inner;
}

/* What a JWE holds; NULL: not ours, or no object. */
static const struct qn_json *read_jwe(struct auth_jwe_ring *ring, struct qn_str value, struct qn_arena *arena)
{
    struct qn_json *payload;
    struct qn_str text;
    return auth_jwe_read(ring, value, arena, &text) && qn_utf8_valid(text) &&
                   qn_json_parse(text, false, arena, &payload, NULL) == QN_OK &&
                   payload->kind == QN_JSON_OBJECT
               ? payload
               : NULL;
}

/* The same of a token. */
static const struct qn_json *read_token(const struct auth_cache_kit *kit, struct qn_str value,
                                        struct qn_arena *arena, double *ret_expires_at_ms)
{
    const struct qn_json *payload = NULL;
    if (kit->strategy == AUTH_CACHE_JWE)
        payload = read_jwe(kit->ring, value, arena);
    else if (!auth_jwt_read(kit->jar, value, arena, &payload))
        return NULL;
    const struct qn_json *ends = payload ? qn_json_get(payload, "exp") : NULL;
    if (!ends || ends->kind != QN_JSON_NUMBER)
        return NULL;
    *ret_expires_at_ms = ends->number * 1000;
    return payload;
}

bool auth_cache_read(const struct auth_cache_kit *kit, struct qn_str value, struct qn_arena *arena,
                     struct auth_cache *ret_cache)
{
    double expires_at_ms = 0;
    const struct qn_json *inner = kit->strategy == AUTH_CACHE_COMPACT
                                      ? read_compact(kit->jar, value, arena, &expires_at_ms)
                                      : read_token(kit, value, arena, &expires_at_ms);
    const struct qn_json *version = inner ? qn_json_get(inner, "version") : NULL;
    if (!version || version->kind != QN_JSON_STRING || !qn_str_eq(version->text, QN_STR(VERSION)))
        return false;
    /* Beyond what a double counts exactly no moment of ours lies. */
    if (!(expires_at_ms >= 0 && expires_at_ms < 9007199254740992.0))
        return false;
    ret_cache->expires_at_ms = (int64_t)expires_at_ms;
    return take_session(qn_json_get(inner, "session"), arena, &ret_cache->session) &&
           take_user(qn_json_get(inner, "user"), arena, &ret_cache->user);
}
