#include "services/auth/cookie.h"

#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/params.h>

#include "common/core/check.h"
#include "common/core/encode.h"
#include "common/core/utf8.h"

enum { MAC_BYTES = 32 };

enum qn_status auth_cookie_open(struct auth_cookie_jar *jar, struct qn_str secret, bool secure)
{
    *jar = (struct auth_cookie_jar){.secure = secure};
    EVP_MAC *hmac = EVP_MAC_fetch(NULL, "HMAC", NULL);
    EVP_MAC_CTX *mac = hmac ? EVP_MAC_CTX_new(hmac) : NULL;
    EVP_MAC_free(hmac); /* the context keeps a reference of its own */
    const OSSL_PARAM params[] = {
        OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, (char[]){"SHA256"}, 0),
        OSSL_PARAM_construct_end(),
    };
    if (mac && EVP_MAC_init(mac, (const unsigned char *)secret.ptr, secret.len, params) == 1) {
        jar->mac = mac;
        return QN_OK;
    }
    EVP_MAC_CTX_free(mac);
    return QN_INTERNAL;
}

void auth_cookie_close(struct auth_cookie_jar *jar)
{
    EVP_MAC_CTX_free(jar->mac); /* clears the key */
    jar->mac = NULL;
}

const char *auth_cookie_name(const struct auth_cookie_jar *jar, enum auth_cookie which)
{
    static const char *const names[][2] = {
        [AUTH_COOKIE_SESSION_TOKEN] = {"better-auth.session_token", "__Secure-better-auth.session_token"},
        [AUTH_COOKIE_SESSION_DATA] = {"better-auth.session_data", "__Secure-better-auth.session_data"},
        [AUTH_COOKIE_DONT_REMEMBER] = {"better-auth.dont_remember", "__Secure-better-auth.dont_remember"},
    };
    return names[which][jar->secure];
}

struct qn_str auth_cookie_find(struct qn_str header, const char *name)
{
    struct qn_str wanted = qn_str_c(name), pair;
    while (qn_str_next(&header, ';', &pair)) {
        ptrdiff_t equals = qn_str_find(pair, '=');
        if (equals < 0 || !qn_str_eq(qn_str_trim(qn_str_n(pair.ptr, (size_t)equals)), wanted))
            continue;
        struct qn_str value = qn_str_trim(qn_str_n(pair.ptr + equals + 1, pair.len - (size_t)equals - 1));
        if (value.len >= 2 && value.ptr[0] == '"' && value.ptr[value.len - 1] == '"')
            value = qn_str_n(value.ptr + 1, value.len - 2);
        return value;
    }
    return (struct qn_str){0};
}

enum qn_status auth_cookie_sign(struct auth_cookie_jar *jar, struct qn_str value,
                                char to[AUTH_COOKIE_SIGNATURE_LEN + 1])
{
    unsigned char mac[MAC_BYTES];
    size_t len = 0;
    /* Without a key, init goes back to the state after the key. */
    if (EVP_MAC_init(jar->mac, NULL, 0, NULL) != 1 ||
        EVP_MAC_update(jar->mac, (const unsigned char *)value.ptr, value.len) != 1 ||
        EVP_MAC_final(jar->mac, mac, &len, sizeof(mac)) != 1 || len != sizeof(mac))
        return QN_INTERNAL;
    QN_CHECK(qn_base64_encode(to, mac, sizeof(mac)) == AUTH_COOKIE_SIGNATURE_LEN);
    return QN_OK;
}

enum qn_status auth_cookie_sign_url(struct auth_cookie_jar *jar, struct qn_str text,
                                    char to[AUTH_COOKIE_SIGNATURE_URL_LEN + 1])
{
    char signature[AUTH_COOKIE_SIGNATURE_LEN + 1];
    QN_TRY(auth_cookie_sign(jar, text, signature));
    for (size_t i = 0; i < AUTH_COOKIE_SIGNATURE_URL_LEN; i++)
        to[i] = signature[i] == '+' ? '-' : signature[i] == '/' ? '_' : signature[i];
    to[AUTH_COOKIE_SIGNATURE_URL_LEN] = '\0'; /* in the place of the '=' */
    return QN_OK;
}

bool auth_cookie_is_signed_url(struct auth_cookie_jar *jar, struct qn_str text, struct qn_str shown)
{
    char expected[AUTH_COOKIE_SIGNATURE_URL_LEN + 1];
    return shown.len == AUTH_COOKIE_SIGNATURE_URL_LEN && auth_cookie_sign_url(jar, text, expected) == QN_OK &&
           CRYPTO_memcmp(shown.ptr, expected, AUTH_COOKIE_SIGNATURE_URL_LEN) == 0;
}

/* As decodeURIComponent, whose failure the product answers by keeping the text as it is. */
static enum qn_status decode(struct qn_str raw, struct qn_arena *arena, struct qn_str *ret_text)
{
    *ret_text = raw;
    if (qn_str_find(raw, '%') < 0)
        return QN_OK;
    char *to = qn_arena_alloc(arena, raw.len);
    if (to == NULL)
        return QN_RESOURCE_EXHAUSTED;
    size_t len;
    if (qn_percent_decode(raw, to, &len, false) && qn_utf8_valid(qn_str_n(to, len)))
        *ret_text = qn_str_n(to, len);
    return QN_OK;
}

enum qn_status auth_cookie_unsign(struct auth_cookie_jar *jar, struct qn_str raw, struct qn_arena *arena,
                                  struct qn_str *ret_value)
{
    struct qn_str text;
    QN_TRY(decode(raw, arena, &text));
    ptrdiff_t dot = qn_str_rfind(text, '.');
    if (dot <= 0)
        return QN_UNAUTHENTICATED;
    struct qn_str value = qn_str_n(text.ptr, (size_t)dot);
    struct qn_str shown = qn_str_n(text.ptr + dot + 1, text.len - (size_t)dot - 1);
    if (shown.len != AUTH_COOKIE_SIGNATURE_LEN)
        return QN_UNAUTHENTICATED;
    /* Compared as text, so that of a signature's spellings (base64 leaves two bits over) only ours passes. */
    char expected[AUTH_COOKIE_SIGNATURE_LEN + 1];
    QN_TRY(auth_cookie_sign(jar, value, expected));
    if (CRYPTO_memcmp(shown.ptr, expected, AUTH_COOKIE_SIGNATURE_LEN) != 0)
        return QN_UNAUTHENTICATED;
    /* A token travels on as a C string, and a text that holds NUL is none that we ever gave out. */
    if (qn_str_find(value, '\0') >= 0)
        return QN_UNAUTHENTICATED;
    *ret_value = qn_arena_str(arena, value);
    return ret_value->ptr ? QN_OK : QN_RESOURCE_EXHAUSTED;
}

static enum qn_status finish(const struct auth_cookie_jar *jar, int max_age_s, struct qn_buf *to)
{
    if (max_age_s != AUTH_COOKIE_OF_BROWSER)
        qn_buf_printf(to, "; Max-Age=%d", max_age_s);
    qn_buf_printf(to, "; Path=/; HttpOnly%s; SameSite=Lax", jar->secure ? "; Secure" : "");
    return qn_buf_failed(to) ? QN_RESOURCE_EXHAUSTED : QN_OK;
}

enum qn_status auth_cookie_write(struct auth_cookie_jar *jar, enum auth_cookie which, struct qn_str value,
                                 int max_age_s, struct qn_buf *to)
{
    char signature[AUTH_COOKIE_SIGNATURE_LEN + 1];
    QN_TRY(auth_cookie_sign(jar, value, signature));
    qn_buf_printf(to, "%s=", auth_cookie_name(jar, which));
    qn_percent_encode(to, value, QN_PERCENT_COMPONENT);
    qn_buf_write_byte(to, '.');
    qn_percent_encode(to, qn_str_c(signature), QN_PERCENT_COMPONENT);
    return finish(jar, max_age_s, to);
}

enum qn_status auth_cookie_write_plain(const struct auth_cookie_jar *jar, enum auth_cookie which,
                                       struct qn_str value, int max_age_s, struct qn_buf *to)
{
    qn_buf_printf(to, "%s=", auth_cookie_name(jar, which));
    qn_buf_write_str(to, value);
    return finish(jar, max_age_s, to);
}

enum qn_status auth_cookie_write_expired(const struct auth_cookie_jar *jar, enum auth_cookie which,
                                         struct qn_buf *to)
{
    qn_buf_printf(to, "%s=", auth_cookie_name(jar, which));
    return finish(jar, 0, to);
}
