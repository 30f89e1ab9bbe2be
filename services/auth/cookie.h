#ifndef AUTH_COOKIE_H
#define AUTH_COOKIE_H

#include "common/core/arena.h"
#include "common/core/buf.h"
#include "common/core/status.h"
#include "common/core/str.h"

/* Better Auth's cookies, byte for byte: value "." base64(HMAC-SHA256(secret, value)), the whole
 * percent-encoded as encodeURIComponent does. OpenSSL's libcrypto does the HMAC.
 *
 * One thread: a jar holds one HMAC state, keyed once. */
struct auth_cookie_jar {
    void *mac;   /* EVP_MAC_CTX */
    bool secure; /* names begin with "__Secure-", cookies have Secure */
};

enum auth_cookie {
    AUTH_COOKIE_SESSION_TOKEN, /* value: the session's token */
    AUTH_COOKIE_SESSION_DATA,  /* Better Auth's cookie cache (cache.h): set if a site has it on, expired with
                                  the others */
    AUTH_COOKIE_DONT_REMEMBER, /* value: "true" */
};

enum {
    AUTH_COOKIE_SIGNATURE_LEN = 44, /* base64 of 32 bytes, with its '=' */
    AUTH_COOKIE_MAX_BYTES = 4096,   /* of one Set-Cookie; browsers drop longer ones (RFC 6265, 6.1) */
    AUTH_COOKIE_OF_BROWSER = -1,    /* no Max-Age: ends with the browser */
};

/* 'secret' is copied into the HMAC's state. QN_INTERNAL: libcrypto would not. */
QN_MUST_USE enum qn_status auth_cookie_open(struct auth_cookie_jar *jar, struct qn_str secret, bool secure);
void auth_cookie_close(struct auth_cookie_jar *jar); /* safe on a zeroed one */

/* "better-auth.session_token" or "__Secure-better-auth.session_token". Only this exact name is read. Static.
 */
const char *auth_cookie_name(const struct auth_cookie_jar *jar, enum auth_cookie which);

/* The value, as sent, of the first cookie of that name in a Cookie header, without surrounding blanks and
 * double quotes; ptr NULL when there is none. A view into 'header'. */
struct qn_str auth_cookie_find(struct qn_str header, const char *name);

/* Writes the signature of 'value' and a NUL. */
QN_MUST_USE enum qn_status auth_cookie_sign(struct auth_cookie_jar *jar, struct qn_str value,
                                            char to[AUTH_COOKIE_SIGNATURE_LEN + 1]);

/* The same signature as the cookie cache has it: base64url without padding. */
enum { AUTH_COOKIE_SIGNATURE_URL_LEN = AUTH_COOKIE_SIGNATURE_LEN - 1 };
QN_MUST_USE enum qn_status auth_cookie_sign_url(struct auth_cookie_jar *jar, struct qn_str text,
                                                char to[AUTH_COOKIE_SIGNATURE_URL_LEN + 1]);
/* Whether 'shown' is that of the text; compared in constant time. */
QN_MUST_USE bool auth_cookie_is_signed_url(struct auth_cookie_jar *jar, struct qn_str text,
                                           struct qn_str shown);

/* The value of a signed cookie (as auth_cookie_find() gives it, percent-encoded or not), in the arena;
 * NUL-terminated. QN_UNAUTHENTICATED: not signed by us, or not signed at all; compared in constant time.
 * QN_RESOURCE_EXHAUSTED: the arena's ceiling.  QN_INTERNAL: libcrypto. */
QN_MUST_USE enum qn_status auth_cookie_unsign(struct auth_cookie_jar *jar, struct qn_str raw,
                                              struct qn_arena *arena, struct qn_str *ret_value);

/* Write a whole Set-Cookie value: a signed one, one whose value (of the base64url alphabet) carries its own
 * signature, or one that makes the browser forget.
 * QN_RESOURCE_EXHAUSTED: the buffer's ceiling.  QN_INTERNAL: libcrypto. */
QN_MUST_USE enum qn_status auth_cookie_write(struct auth_cookie_jar *jar, enum auth_cookie which,
                                             struct qn_str value, int max_age_s, struct qn_buf *to);
QN_MUST_USE enum qn_status auth_cookie_write_plain(const struct auth_cookie_jar *jar, enum auth_cookie which,
                                                   struct qn_str value, int max_age_s, struct qn_buf *to);
QN_MUST_USE enum qn_status auth_cookie_write_expired(const struct auth_cookie_jar *jar,
                                                     enum auth_cookie which, struct qn_buf *to);

#endif
