#ifndef AUTH_CACHE_H
#define AUTH_CACHE_H

#include "common/core/arena.h"
#include "common/core/buf.h"
#include "services/auth/cookie.h"
#include "services/auth/jwe.h"
#include "store.pb-c.h"

/* Better Auth's cookie cache: the value of a session_data cookie, which holds a session and its user, and for
 * how long they may be taken for true without a look at their rows. With D =
 * {session,user,updatedAt,version}: compact: base64url of {"session":D,"expiresAt":…,"signature":…}, the
 * signature being over the JSON text of D with expiresAt as its last member; jwt: a JWT of D with iat and
 * exp; jwe: a JWE of D with iat, exp and a random jti, which browsers cannot read. */
enum auth_cache_strategy { AUTH_CACHE_COMPACT, AUTH_CACHE_JWT, AUTH_CACHE_JWE };

/* What values are made with. */
struct auth_cache_kit {
    enum auth_cache_strategy strategy;
    struct auth_cookie_jar *jar;
    struct auth_jwe_ring *ring; /* open with AUTH_CACHE_JWE */
};

enum { AUTH_CACHE_VALUE_MAX = 96 * 1024 }; /* of a name and a picture of 16 KiB each, escaped */

/* Appends the value. QN_RESOURCE_EXHAUSTED: the buffer's ceiling.  QN_INTERNAL: libcrypto. */
QN_MUST_USE enum qn_status auth_cache_write(const struct auth_cache_kit *kit,
                                            const Quintet__Store__V1__Session *session,
                                            const Quintet__Store__V1__User *user, int64_t now_ms,
                                            int64_t expires_at_ms, struct qn_buf *to);

struct auth_cache {
    Quintet__Store__V1__Session session;
    Quintet__Store__V1__User user;
    int64_t expires_at_ms;
};

/* Reads one, in the arena. False: not of ours, or not whole; nothing is said of its age. */
QN_MUST_USE bool auth_cache_read(const struct auth_cache_kit *kit, struct qn_str value,
                                 struct qn_arena *arena, struct auth_cache *ret_cache);

#endif
