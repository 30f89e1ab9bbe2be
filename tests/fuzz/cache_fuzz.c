#include <stdint.h>

#include "common/core/check.h"
#include "common/core/encode.h"
#include "services/auth/cache.h"
#include "services/auth/jwt.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* A session_data cookie as anybody may show it, and the inner object as if we had signed it: what is taken
 * for a session then, written again, reads the same. */

enum { VALUE_MAX = 16 * 1024, ROOM = 64 * 1024 };

static void check_sound(const struct auth_cache_kit *kit, struct qn_arena *arena,
                        const struct auth_cache *cache)
{
    struct qn_buf again;
    struct auth_cache other;
    qn_buf_init(&again, AUTH_CACHE_VALUE_MAX);
    QN_CHECK(auth_cache_write(kit, &cache->session, &cache->user, 1, cache->expires_at_ms, &again) == QN_OK);
    QN_CHECK(auth_cache_read(kit, qn_buf_view(&again), arena, &other));
    /* Tokens end at whole seconds. */
    int64_t unit_ms = kit->strategy == AUTH_CACHE_COMPACT ? 1 : 1000;
    QN_CHECK(other.expires_at_ms == cache->expires_at_ms / unit_ms * unit_ms);
    QN_CHECK(strcmp(other.session.token, cache->session.token) == 0);
    QN_CHECK(strcmp(other.user.name, cache->user.name) == 0);
    QN_CHECK(other.session.expires_at_ms == cache->session.expires_at_ms);
    qn_buf_fini(&again);
}

/* {"session":<inner>,"expiresAt":5,"signature":…} with our signature over the inner text. */
static struct qn_str sign(struct auth_cookie_jar *jar, struct qn_arena *arena, struct qn_str inner)
{
    char signature[AUTH_COOKIE_SIGNATURE_URL_LEN + 1];
    char *text = qn_arena_printf(arena, "%.*s,\"expiresAt\":5}", (int)inner.len - 1, inner.ptr);
    QN_CHECK(text && auth_cookie_sign_url(jar, qn_str_c(text), signature) == QN_OK);
    char *payload = qn_arena_printf(arena, "{\"session\":%.*s,\"expiresAt\":5,\"signature\":\"%s\"}",
                                    QN_STR_ARG(inner), signature);
    char *value = qn_arena_alloc(arena, 2 * ROOM);
    QN_CHECK(payload && value);
    return qn_str_n(value, qn_base64url_encode(value, payload, strlen(payload)));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const struct qn_str secret = {"rX7vQ2kLm9Tz4Wc8Bn1Hy6Pd3Sf5Ga0Je", 33};
    static struct auth_cookie_jar jar;
    static struct auth_jwe_ring ring;
    static const struct auth_cache_kit compact = {AUTH_CACHE_COMPACT, &jar, NULL},
                                       jwt = {AUTH_CACHE_JWT, &jar, NULL},
                                       jwe = {AUTH_CACHE_JWE, &jar, &ring};
    if (jar.mac == NULL)
        QN_CHECK(auth_cookie_open(&jar, secret, false) == QN_OK && auth_jwe_open(&ring, &secret, 1) == QN_OK);
    if (size > VALUE_MAX)
        return 0;
    struct qn_str text = qn_str_n((const char *)data, size);
    struct qn_arena arena;
    struct auth_cache cache;
    qn_arena_init(&arena, 16 * 1024 * 1024);
    static const struct auth_cache_kit *const kits[] = {&compact, &jwt, &jwe};
    for (size_t i = 0; i < QN_COUNT(kits); i++) {
        if (auth_cache_read(kits[i], text, &arena, &cache))
            check_sound(kits[i], &arena, &cache);
    }
    struct qn_buf token;
    qn_buf_init(&token, ROOM);
    QN_CHECK(auth_jwt_write(&jar, text, &token) == QN_OK);
    if (auth_cache_read(&jwt, qn_buf_view(&token), &arena, &cache))
        check_sound(&jwt, &arena, &cache);
    qn_buf_clear(&token);
    QN_CHECK(auth_jwe_write(&ring, text, &token) == QN_OK);
    if (auth_cache_read(&jwe, qn_buf_view(&token), &arena, &cache))
        check_sound(&jwe, &arena, &cache);
    qn_buf_fini(&token);
    if (text.len >= 2 && text.ptr[0] == '{' && text.ptr[text.len - 1] == '}' &&
        auth_cache_read(&compact, sign(&jar, &arena, text), &arena, &cache))
        check_sound(&compact, &arena, &cache);
    qn_arena_fini(&arena);
    return 0;
}
