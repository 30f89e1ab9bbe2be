#ifndef AUTH_JWT_H
#define AUTH_JWT_H

#include "common/core/buf.h"
#include "common/json/reader.h"
#include "services/auth/cookie.h"

/* Tokens as Better Auth makes them of what it hands out and wants back unchanged: JWT (RFC 7519) under HS256
 * with the secret that signs the cookies. */

/* Appends header.payload.signature of a payload, which is JSON text. QN_RESOURCE_EXHAUSTED, QN_INTERNAL. */
QN_MUST_USE enum qn_status auth_jwt_write(struct auth_cookie_jar *jar, struct qn_str payload,
                                          struct qn_buf *to);

/* The payload, an object, in the arena. False: not of that form, another algorithm, or not signed by us;
 * nothing is said of its age ("exp" is the caller's to judge). */
QN_MUST_USE bool auth_jwt_read(struct auth_cookie_jar *jar, struct qn_str token, struct qn_arena *arena,
                               const struct qn_json **ret_payload);

#endif
